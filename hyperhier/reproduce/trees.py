"""Label trees for controls: what a method gains from a tree must vanish with a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.errors import RunError
from hyperhier.taxonomy import Taxonomy

__all__ = [
    "balanced_tree",
    "corrupted_leaves",
    "flat_tree",
    "loss_tree",
    "random_multipliers",
    "random_tree",
]


def loss_tree(text: str, taxonomy: Taxonomy, seed: int) -> Taxonomy | None:
    """The tree that a loss sees, by name; None: the true one.

    ==================  =========================================================
    ``true``            the taxonomy itself
    ``shuffled``        the same shape, all leaves permuted
    ``corrupted:0.2``   that share of the leaves moved to one another's places
    ``random``          as many nodes on each level, parents drawn at random
    ``flat``            all leaves right below the root
    ``multipliers``     the tree itself, with kappa dealt out anew to pairs of leaves
    ==================  =========================================================

    Args:
        text: one of these.
        taxonomy: a tree.
        seed: of the drawing.

    Raises:
        RunError: another text, or a share outside [0, 1].

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> tree = builtin_taxonomy("fashion-mnist")
    >>> loss_tree("flat", tree, 0).height, loss_tree("true", tree, 0) is None
    (1, True)
    """
    kind, colon, share = text.partition(":")
    if kind == "corrupted" and colon:
        try:
            return corrupted_leaves(taxonomy, float(share), seed)
        except ValueError as reason:
            raise RunError(f"loss_tree {text!r}: {reason}") from reason
    if text == "true":
        return None
    if text == "shuffled":
        return taxonomy.shuffled_leaves(seed)
    if text == "random":
        return random_tree(taxonomy, seed)
    if text == "flat":
        return flat_tree(taxonomy)
    if text == "multipliers":
        return random_multipliers(taxonomy, seed)
    raise RunError(
        "loss_tree must be true, shuffled, random, flat, multipliers or corrupted:SHARE, "
        f"got {text!r}"
    )


def corrupted_leaves(taxonomy: Taxonomy, share: float, seed: int = 0) -> Taxonomy:
    """The same tree with some leaves moved to one another's places, each of them to another.

    Args:
        taxonomy: a tree.
        share: of the leaves, in [0, 1]; a single leaf cannot move, so it takes two.
        seed: which leaves, and where to.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> tree = builtin_taxonomy("fashion-mnist")
    >>> other = corrupted_leaves(tree, 0.4)
    >>> sum(tree.parents(leaf) != other.parents(leaf) for leaf in tree.leaves) <= 4
    True
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the share must be in [0, 1], got {share}")
    generator = np.random.default_rng(seed)
    leaves = list(taxonomy.leaves)
    count = round(share * len(leaves))
    if count < 2:
        return taxonomy
    moved = [leaves[i] for i in generator.permutation(len(leaves))[:count]]
    turned = dict(zip(moved, moved[1:] + moved[:1], strict=True))
    edges = [
        (parent, turned.get(child, child))
        for child in taxonomy.nodes
        for parent in taxonomy.parents(child)
    ]
    return Taxonomy.from_edges(edges)


def random_tree(taxonomy: Taxonomy, seed: int = 0) -> Taxonomy:
    """Another tree over the same leaves, with as many nodes on each level.

    Every inner node first gets one child at random, so that none becomes a leaf; every other
    node of a level then draws its parent among the inner nodes of the level above.

    Args:
        taxonomy: a tree.
        seed: of the drawing.
    """
    generator = np.random.default_rng(seed)
    leaves = set(taxonomy.leaves)
    edges: list[tuple[str, str]] = []
    for upper, lower in zip(taxonomy.levels, taxonomy.levels[1:]):
        inner = [name for name in upper if name not in leaves]
        children = [lower[i] for i in generator.permutation(len(lower))]
        parents = list(inner)
        drawn = generator.integers(len(inner), size=len(children) - len(inner))
        parents += [inner[i] for i in drawn.tolist()]
        edges += list(zip(parents, children, strict=True))
    return Taxonomy.from_edges(edges)


def flat_tree(taxonomy: Taxonomy) -> Taxonomy:
    """The leaves right below the root: labels without a hierarchy."""
    return Taxonomy.from_edges([(taxonomy.root, leaf) for leaf in taxonomy.leaves])


class _Multipliers(Taxonomy):
    """A taxonomy with a table in place of its kappa."""

    _kappa: Tensor

    def kappa(self, i: Any, j: Any) -> Tensor:
        i, j = torch.as_tensor(i), torch.as_tensor(j)
        return self._kappa.to(i.device)[i, j]


def random_multipliers(taxonomy: Taxonomy, seed: int = 0) -> Taxonomy:
    """The same taxonomy, but kappa of two different leaves is that of a pair drawn at random.

    Every value of kappa is dealt out as often as before, so a loss gets multipliers of the
    same sizes without their meaning. All other queries give the true tree.

    Args:
        taxonomy: a tree of some thousand nodes at most: kappa becomes a table.
        seed: of the drawing.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> tree = builtin_taxonomy("fashion-mnist")
    >>> other, pairs = random_multipliers(tree), (tree.leaf_ids[:, None], tree.leaf_ids)
    >>> torch.equal(other.kappa(*pairs), tree.kappa(*pairs))
    False
    >>> torch.equal(other.kappa(*pairs).ravel().msort(), tree.kappa(*pairs).ravel().msort())
    True
    """
    ids, leaves = torch.arange(len(taxonomy)), taxonomy.leaf_ids
    table = taxonomy.kappa(ids[:, None], ids)
    row, column = torch.triu_indices(len(leaves), len(leaves), offset=1)
    one, other = leaves[row], leaves[column]
    dealt = torch.from_numpy(np.random.default_rng(seed).permutation(len(one)))
    table[one, other] = table[other, one] = table[one, other][dealt]
    made = _Multipliers._of(taxonomy._structure)
    object.__setattr__(made, "_kappa", table)
    return made


def balanced_tree(arity: list[int]) -> Taxonomy:
    """A tree whose nodes on level l have ``arity[l]`` children each.

    >>> balanced_tree([2, 3])
    Taxonomy(tree, 9 nodes, 6 leaves, height 2, root 'root')
    """
    if not arity or any(n < 1 for n in arity):
        raise RunError(f"a balanced tree needs numbers of children >= 1, got {arity}")
    edges: list[tuple[str, str]] = []
    level = ["root"]
    for count in arity:
        below = []
        for name in level:
            for i in range(count):
                child = str(i) if name == "root" else f"{name}.{i}"
                edges.append((name, child))
                below.append(child)
        level = below
    return Taxonomy.from_edges(edges)
