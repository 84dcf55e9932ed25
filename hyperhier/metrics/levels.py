"""Accuracy on the levels above the classes: of parents, of grandparents, and so on."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.metrics._check import as_ids, same_length
from hyperhier.metrics._level import SharedAncestor, checked_level, has_ancestor_on
from hyperhier.metrics._sums import Sums, mean_over_cells
from hyperhier.taxonomy import Taxonomy

__all__ = ["accuracy_at_level", "accuracy_per_level", "level_accuracy_sums"]


def accuracy_at_level(
    pred: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    level: int | None = None,
    *,
    balanced: bool = False,
) -> float:
    """Share of samples whose prediction lies below the true node of a level.

    Args:
        pred: predicted node ids, ``(n,)`` int64; an inner node above the level is not right.
        target: true node ids, ``(n,)`` int64. Inner nodes above the level are left out of the
            mean; a leaf above it stands in for itself.
        taxonomy: the tree or DAG that the ids belong to. In a DAG any common ancestor on the
            level will do.
        level: 1 for the top classes, the height for the deepest leaves; default: one above
            these, the parents.
        balanced: average over the true nodes of the level (in a DAG along primary parents)
            instead of over the samples.

    Returns:
        A float in [0, 1]; 1 on level 0, the root.

    Raises:
        ValueError: on empty input, unequal lengths, unknown ids, a level outside the taxonomy,
            or one above which no true node lies.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> pred, target = tree.encode(["dog", "ox"]), tree.encode(["cat", "cat"])
    >>> accuracy_at_level(pred, target, tree), accuracy_at_level(pred, target, tree, level=2)
    (0.5, 0.0)
    """
    sums = level_accuracy_sums(pred, target, taxonomy, level, balanced=balanced)
    if not bool((sums.parts[:, 1] > 0).any()):
        raise ValueError(f"no label lies on level {checked_level(level, taxonomy)} or below it")
    return sums.value()


def level_accuracy_sums(
    pred: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    level: int | None = None,
    *,
    balanced: bool = False,
) -> Sums:
    """:func:`accuracy_at_level` as sums over samples, or over those of each true node."""
    pred, target = as_ids(pred, "pred", taxonomy), as_ids(target, "target", taxonomy)
    same_length(pred=pred, target=target)
    level = checked_level(level, taxonomy)
    counted = has_ancestor_on(level, target, taxonomy)
    shared = SharedAncestor(taxonomy, level, torch.cat((pred, target)))
    parts = (shared.between(pred, target) & counted, counted)
    if not balanced:
        return Sums.of(parts, mean_over_cells)
    cell = taxonomy.ancestor_at(level, target)
    return Sums.in_cells(parts, cell, len(taxonomy), mean_over_cells)


def accuracy_per_level(
    pred: Tensor, target: Tensor, taxonomy: Taxonomy, *, balanced: bool = False
) -> dict[int, float]:
    """:func:`accuracy_at_level` on every level from 1 to the height, where a label counts.

    On a tree whose leaves all lie on the last level, their mean is HF1.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> accuracy_per_level(tree.encode(["dog", "ox"]), tree.encode(["cat", "ox"]), tree)
    {1: 1.0, 2: 0.5}
    """
    result: dict[int, float] = {}
    for level in range(1, taxonomy.height + 1):
        sums = level_accuracy_sums(pred, target, taxonomy, level, balanced=balanced)
        if bool((sums.parts[:, 1] > 0).any()):
            result[level] = sums.value()
    return result
