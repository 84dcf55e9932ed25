"""The link-prediction protocol of the entailment cones: which pairs train, which test."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["LinkSplit", "link_prediction_split"]

IntArray = NDArray[np.int64]

# Share of the non-basic pairs that validates, and the same share tests.
_HELD_OUT = 0.05
# Negatives of a pair on either side.
_NEGATIVES = 5


@dataclass(frozen=True, eq=False)
class LinkSplit:
    """Pairs "u is a v" as ids of a taxonomy, u in the first row and v in the second.

    Attributes:
        train: ``(2, P)`` int64, all basic pairs and a share of the others.
        validation, test: ``(2, Q)``, non-basic pairs that are not in ``train``.
        validation_negatives, test_negatives: ``(2, 10 Q)``, pairs that do not hold: the ten of
            the first pair, those of the second, and so on; of each ten, five have another v and
            five another u.
        source: the taxonomy that was split.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    validation_negatives: Tensor
    test_negatives: Tensor
    source: Taxonomy = field(repr=False)

    @property
    def taxonomy(self) -> Taxonomy:
        """The training pairs as a taxonomy with the same ids, the root above all."""
        of = self.source
        tops = of.edges[:, of.edges[1] == of.root_id].cpu()
        child, ancestor = torch.cat((tops, self.train), dim=1)
        # the ids follow from primary parents, which are basic, listed in the order of the ids
        second = of.parent_id.cpu()[child] != ancestor
        order = np.lexsort((ancestor.numpy(), child.numpy(), second.numpy()))
        known = Taxonomy.from_arrays(of.nodes, ancestor[order], child[order])
        assert known.nodes == of.nodes
        return known


def link_prediction_split(taxonomy: Taxonomy, fraction: float, seed: int = 0) -> LinkSplit:
    """Split the closure of a taxonomy as Ganea et al. 2018 (arXiv 1804.01882) do.

    Pairs with the root are trivial and take no part, in the tables as among the negatives. The
    basic pairs, those of the transitive reduction, always train. Of the non-basic ones 5 % test,
    another 5 % validate, and ``fraction`` of them trains too. For one seed the held-out pairs are
    the same for every fraction, and a smaller fraction's training pairs are among a larger's.

    Each held-out pair has ten negatives, different from one another, that are no pairs of the
    closure: five with a random v, and five with a random u. Where v is an ancestor of all but
    four nodes, or u a descendant, all ten have another on the other side.

    Args:
        taxonomy: a tree or DAG.
        fraction: between 0 and 0.9.
        seed: of the choice.

    Raises:
        ValueError: for a fraction out of range, or a taxonomy that is too small: without 20
            non-basic pairs, or without ten negatives for some pair.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> split = link_prediction_split(builtin_taxonomy("linnaean"), 0.25)
    >>> split.train.shape, split.test.shape, split.test_negatives.shape
    (torch.Size([2, 1299]), torch.Size([2, 126]), torch.Size([2, 1260]))
    """
    if not 0.0 <= fraction <= 1.0 - 2.0 * _HELD_OUT:
        raise ValueError(f"fraction must lie between 0 and {1 - 2 * _HELD_OUT}, got {fraction}")
    size, root = len(taxonomy), taxonomy.root_id
    closure = _without(root, taxonomy.closure().cpu().numpy())
    basic = _without(root, taxonomy.transitive_reduction().edges.cpu().numpy())
    closure = closure[:, np.lexsort((closure[1], closure[0]))]
    key = closure[0] * size + closure[1]
    other = closure[:, ~np.isin(key, basic[0] * size + basic[1])]
    held = math.floor(_HELD_OUT * other.shape[1])
    if held == 0:
        raise ValueError(
            f"{other.shape[1]} non-basic pairs are too few to hold out 5 % of them: 20 are needed"
        )
    rng = np.random.default_rng(seed)
    shuffled = other[:, rng.permutation(other.shape[1])]
    test, validation, rest = np.split(shuffled, [held, 2 * held], axis=1)
    more = rest[:, : math.floor(fraction * other.shape[1])]
    train = np.concatenate((basic, more), axis=1)
    train = train[:, np.lexsort((train[1], train[0]))]
    return LinkSplit(
        train=_tensor(train),
        validation=_tensor(validation),
        test=_tensor(test),
        validation_negatives=_tensor(_corrupted(validation, key, size, root, rng)),
        test_negatives=_tensor(_corrupted(test, key, size, root, rng)),
        source=taxonomy,
    )


def _tensor(pairs: IntArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pairs))


def _without(root: int, pairs: IntArray) -> IntArray:
    return pairs[:, pairs[1] != root]


def _corrupted(
    pairs: IntArray, key: IntArray, size: int, root: int, rng: np.random.Generator
) -> IntArray:
    """Ten false pairs for each pair.

    ``key``: descendant * size + ancestor of all pairs that hold, ascending.
    """
    # who can stand there: not the root, not the node itself, none that makes a pair
    for_v = (size - 2 - np.bincount(key // size, minlength=size))[pairs[0]]
    for_u = (size - 2 - np.bincount(key % size, minlength=size))[pairs[1]]
    many = 2 * _NEGATIVES
    short_v, short_u = for_v < _NEGATIVES, for_u < _NEGATIVES
    lacking = np.where(short_v, for_u, np.where(short_u, for_v, many)) < many
    if lacking.any():
        raise ValueError(
            f"no {many} negatives can be made of the pair of nodes "
            f"{tuple(pairs[:, lacking.argmax()].tolist())}: the taxonomy is too small"
        )
    another_v = np.repeat(np.arange(many)[None] < _NEGATIVES, pairs.shape[1], axis=0)
    another_v[short_v], another_v[short_u] = False, True
    drawn = rng.integers(size, size=another_v.shape)
    while True:
        u = np.where(another_v, pairs[0][:, None], drawn)
        v = np.where(another_v, drawn, pairs[1][:, None])
        asked = u * size + v
        at = np.searchsorted(key, asked).clip(max=len(key) - 1)
        bad = (key[at] == asked) | (u == v) | (drawn == root)
        order = asked.argsort(axis=1, kind="stable")
        ordered = np.take_along_axis(asked, order, axis=1)
        again = np.zeros_like(bad)
        np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
        bad |= again
        if not bad.any():
            return np.stack((u.ravel(), v.ravel()))
        drawn[bad] = rng.integers(size, size=int(bad.sum()))
