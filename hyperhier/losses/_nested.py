"""Labels on several nested levels, coarse to fine, and the pairs that share each level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = [
    "LevelsOf",
    "check_level_weights",
    "encode_columns",
    "flat_labels",
    "has_columns",
    "levels_of_taxonomy",
    "match_level_weights",
    "nested_terms",
]

#: labels ``(n,)`` -> columns ``(n, C)``, and where they are known ``(n, C)``. Two samples share
#: level k where their first k + 1 columns agree.
LevelsOf = Callable[[Tensor], tuple[Tensor, Tensor]]


def flat_labels(labels: Tensor) -> tuple[Tensor, Tensor]:
    """One level: the label itself."""
    return labels[:, None], torch.ones_like(labels[:, None], dtype=torch.bool)


def has_columns(labels: Tensor | None, ref_labels: Tensor | None) -> bool:
    """Whether the labels are a table ``(B, C)`` of integers with C > 1."""
    if not isinstance(labels, Tensor) or labels.dim() != 2 or labels.shape[1] < 2:
        return False
    if labels.dtype == torch.bool or labels.is_floating_point():
        return False
    if ref_labels is not None and ref_labels.shape[1:] != labels.shape[1:]:
        raise ValueError(
            f"labels and ref_labels must have the same columns, got {tuple(labels.shape)} "
            f"and {tuple(ref_labels.shape)}"
        )
    return True


def levels_of_taxonomy(taxonomy: Taxonomy) -> LevelsOf:
    """The ancestors on levels 1, 2, ... of node ids.

    A leaf stands in for itself below its own level. So does an inner node, but what it is
    there is not known.
    """

    def levels(ids: Tensor) -> tuple[Tensor, Tensor]:
        paths = taxonomy.paths(ids)
        leaf = torch.isin(ids, taxonomy.leaf_ids.to(ids.device))
        return paths[:, 1:], (paths[:, 1:] != paths[:, :-1]) | leaf[:, None]

    return levels


def encode_columns(
    labels: Tensor, ref_labels: Tensor | None
) -> tuple[Tensor, Tensor | None, LevelsOf]:
    """One code ``(B,)`` per distinct row of labels ``(B, C)``, and what the codes stand for."""
    both = labels if ref_labels is None else torch.cat((labels, ref_labels))
    table, code = torch.unique(both.long(), dim=0, return_inverse=True)

    def levels(codes: Tensor) -> tuple[Tensor, Tensor]:
        columns = table[codes]
        return columns, torch.ones_like(columns, dtype=torch.bool)

    return code[: len(labels)], None if ref_labels is None else code[len(labels) :], levels


def nested_terms(
    logits: Callable[[int], Tensor], relation: Relation, levels_of: LevelsOf, views: bool | None
) -> list[Terms]:
    """The terms of every level of a block of pairs.

    Args:
        logits: level -> ``(n, m)``.
        relation: of the block.
        levels_of: what the labels stand for.
        views: whether "views of the same sample" is a last level; None: where there are two
            or more views.
    """
    inputs, terms = relation.inputs, []
    if inputs.sets is not None:
        raise ValueError("nested levels are not defined for samples with several labels")
    anchors, others = inputs.anchors.labels, inputs.others.labels
    same = ~relation.is_self
    if anchors is not None and others is not None:
        i, known_i = levels_of(anchors[relation.rows])
        j, known_j = levels_of(others)
        if i.shape[1] != j.shape[1]:
            raise ValueError(f"labels have {i.shape[1]} levels, ref_labels {j.shape[1]}")
        for level in range(i.shape[1]):
            same = same & (i[:, level, None] == j[None, :, level])
            known = known_i[:, level, None] & known_j[None, :, level]
            terms.append(Terms(logits(level), same & known, left_out=~known))
    if views is None:
        views = inputs.same_set and len(inputs.shape) == 2 and inputs.shape[1] > 1
    if views:
        inputs.check_views()
        terms.append(Terms(logits(len(terms)), relation.same_sample & ~relation.is_self))
    return terms


def check_level_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """The weights as a tuple; ValueError unless all are finite and at least 0."""
    if weights is None:
        return None
    checked = tuple(float(w) for w in weights)
    if not all(0.0 <= w < math.inf for w in checked):
        raise ValueError(f"level_weights must be finite and at least 0, got {checked!r}")
    return checked


def match_level_weights(weights: tuple[float, ...] | None, count: int) -> tuple[float, ...]:
    """One weight for each level; 1 by default."""
    if weights is None:
        return (1.0,) * count
    if len(weights) != count:
        raise ValueError(
            f"level_weights must have one entry for each of {count} levels, got {weights!r}"
        )
    return weights
