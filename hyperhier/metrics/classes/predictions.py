"""Metrics of predicted node ids."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from hyperhier.metrics._level import checked_level
from hyperhier.metrics._sums import mean_over_cells, ratio
from hyperhier.metrics.classes._base import SumsMetric
from hyperhier.metrics.hierarchical import (
    Average,
    Weights,
    distance_at_k_sums,
    h_acc_sums,
    hf1_combine,
    hf1_sums,
    severity_sums,
)
from hyperhier.metrics.label_sets import hf1_of_sets_sums
from hyperhier.metrics.levels import level_accuracy_sums
from hyperhier.taxonomy import Taxonomy

__all__ = [
    "HierarchicalAccuracy",
    "HierarchicalDistanceAtK",
    "HierarchicalF1",
    "HierarchicalF1OfSets",
    "LevelAccuracy",
    "MistakeSeverity",
]


class HierarchicalF1(SumsMetric):
    """:func:`hyperhier.metrics.hf1` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        average: ``"micro"``, ``"macro"`` or ``"samples"``.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = HierarchicalF1(tree)
    >>> metric.update(tree.encode(["dog"]), tree.encode(["cat"]))
    >>> metric.update(tree.encode(["ox"]), tree.encode(["ox"]))
    >>> round(float(metric.compute()), 4)
    0.6667
    """

    higher_is_better = True

    def __init__(self, taxonomy: Taxonomy, average: Average = "micro", **kwargs: Any) -> None:
        cells = len(taxonomy) if average == "macro" else 1
        parts = 2 if average == "samples" else 4
        super().__init__(hf1_combine(average), parts=parts, cells=cells, **kwargs)
        self.taxonomy, self.average = taxonomy, average

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        self._add(hf1_sums, pred, target, self.taxonomy, self.average)


class HierarchicalF1OfSets(SumsMetric):
    """:func:`hyperhier.metrics.hf1_of_sets` over all batches seen.

    Args:
        taxonomy: the tree or DAG whose nodes are the columns.
        average: ``"micro"`` or ``"samples"``.

    >>> import torch
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> cat, dog = torch.eye(len(tree), dtype=torch.bool)[tree.encode(["cat", "dog"])]
    >>> metric = HierarchicalF1OfSets(tree)
    >>> metric.update(dog.unsqueeze(0), (cat | dog).unsqueeze(0))
    >>> float(metric.compute())
    0.8
    """

    higher_is_better = True

    def __init__(
        self, taxonomy: Taxonomy, average: Literal["micro", "samples"] = "micro", **kwargs: Any
    ) -> None:
        if average not in ("micro", "samples"):
            raise ValueError(f"average must be 'micro' or 'samples', got {average!r}")
        parts = 2 if average == "samples" else 4
        super().__init__(hf1_combine(average), parts=parts, **kwargs)
        self.taxonomy = taxonomy
        self.average: Literal["micro", "samples"] = average

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true nodes by column, ``(n, nodes)`` bool each."""
        self._add(hf1_of_sets_sums, pred, target, self.taxonomy, self.average)


class HierarchicalAccuracy(SumsMetric):
    """:func:`hyperhier.metrics.h_acc` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        weights: ``"linear"``, ``"exp"`` or ``"edge"``.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = HierarchicalAccuracy(tree)
    >>> metric.update(tree.encode(["dog", "ox"]), tree.encode(["cat", "ox"]))
    >>> float(metric.compute())
    0.75
    """

    higher_is_better = True

    def __init__(self, taxonomy: Taxonomy, weights: Weights = "linear", **kwargs: Any) -> None:
        if weights not in ("linear", "exp", "edge"):
            raise ValueError(f"weights must be 'linear', 'exp' or 'edge', got {weights!r}")
        super().__init__(ratio, parts=2, **kwargs)
        self.taxonomy, self.weights = taxonomy, weights

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        self._add(h_acc_sums, pred, target, self.taxonomy, self.weights)


class MistakeSeverity(SumsMetric):
    """:func:`hyperhier.metrics.mistake_severity` over all batches seen; 0 without a mistake.

    Args:
        taxonomy: the tree or DAG that the ids belong to.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = MistakeSeverity(tree)
    >>> metric.update(tree.encode(["dog", "ox", "ox"]), tree.encode(["cat", "cat", "ox"]))
    >>> float(metric.compute())
    1.5
    """

    higher_is_better = False

    def __init__(self, taxonomy: Taxonomy, **kwargs: Any) -> None:
        super().__init__(ratio, parts=2, **kwargs)
        self.taxonomy = taxonomy

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        self._add(severity_sums, pred, target, self.taxonomy)


class HierarchicalDistanceAtK(SumsMetric):
    """:func:`hyperhier.metrics.hierarchical_distance_at_k` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        k: how many guesses to look at.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = HierarchicalDistanceAtK(tree, k=2)
    >>> metric.update(tree.encode(["cat", "dog"]).unsqueeze(0), tree.encode(["cat"]))
    >>> float(metric.compute())
    0.5
    """

    higher_is_better = False

    def __init__(self, taxonomy: Taxonomy, k: int = 5, **kwargs: Any) -> None:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        super().__init__(ratio, parts=2, **kwargs)
        self.taxonomy, self.k = taxonomy, k

    def update(self, ranked_ids: Tensor, target: Tensor) -> None:
        """Add a batch of guesses, best first, ``(n, m)``, and true ids ``(n,)``, int64."""
        self._add(distance_at_k_sums, ranked_ids, target, self.taxonomy, self.k)


class LevelAccuracy(SumsMetric):
    """:func:`hyperhier.metrics.accuracy_at_level` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        level: 1 for the top classes; default: the parents of the deepest leaves.
        balanced: every true node of the level counts the same.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = LevelAccuracy(tree, level=1)
    >>> metric.update(tree.encode(["dog", "ox"]), tree.encode(["cat", "cat"]))
    >>> float(metric.compute())
    0.5
    """

    higher_is_better = True

    def __init__(
        self,
        taxonomy: Taxonomy,
        level: int | None = None,
        *,
        balanced: bool = False,
        **kwargs: Any,
    ) -> None:
        level = checked_level(level, taxonomy)
        cells = len(taxonomy) if balanced else 1
        super().__init__(mean_over_cells, parts=2, cells=cells, **kwargs)
        self.taxonomy, self.level, self.balanced = taxonomy, level, balanced

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        args = (pred, target, self.taxonomy, self.level)
        self._add(level_accuracy_sums, *args, balanced=self.balanced)
