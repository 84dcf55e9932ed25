"""Accuracy of classifiers of points that were made before: prototypes, a linear probe."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, same_length
from hyperhier.metrics._sums import Sums, mean_over_cells
from hyperhier.metrics.classes._base import SumsMetric
from hyperhier.metrics.probe import LinearProbe
from hyperhier.metrics.prototypes import nearest_prototype
from hyperhier.taxonomy import Taxonomy

__all__ = ["NearestPrototypeAccuracy", "ProbeAccuracy"]


class _Top1(SumsMetric):
    higher_is_better = True

    def __init__(self, taxonomy: Taxonomy, balanced: bool, **kwargs: Any) -> None:
        cells = len(taxonomy) if balanced else 1
        super().__init__(mean_over_cells, parts=2, cells=cells, **kwargs)
        self.taxonomy, self.balanced = taxonomy, balanced

    @abstractmethod
    def _predict(self, embeddings: Tensor) -> Tensor:
        """Node ids ``(n,)`` of points ``(n, ambient)``."""

    def _sums(self, embeddings: Tensor, labels: Tensor) -> Sums:
        pred = self._predict(embeddings)
        target = as_ids(labels, "labels", self.taxonomy).to(pred.device)
        same_length(embeddings=pred, labels=target)
        parts = (pred == target, torch.ones_like(target))
        if not self.balanced:
            return Sums.of(parts, mean_over_cells)
        return Sums.in_cells(parts, target, len(self.taxonomy), mean_over_cells)

    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Add points ``(n, ambient)`` with their node ids ``(n,)``."""
        self._add(self._sums, embeddings, labels)


class NearestPrototypeAccuracy(_Top1):
    """Accuracy of :func:`hyperhier.metrics.nearest_prototype` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry.
        prototype_ids, prototypes: ``(P,)`` int64 and ``(P, ambient)``, those to choose among:
            of :func:`hyperhier.metrics.node_centroids` of the training set the leaves, say.
            They move with ``.to()``, and are no part of ``state_dict()``.
        balanced: every true class counts the same.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "cat"), ("all", "ox")])
    >>> ids, centres = tree.encode(["cat", "ox"]), torch.tensor([[0.0], [10.0]])
    >>> metric = NearestPrototypeAccuracy(tree, Euclidean(), ids, centres)
    >>> metric.update(torch.tensor([[1.0], [2.0]]), tree.encode(["cat", "ox"]))
    >>> float(metric.compute())
    0.5
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        prototype_ids: Tensor,
        prototypes: Tensor,
        *,
        balanced: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(taxonomy, balanced, **kwargs)
        self.manifold = manifold
        self._keep_prototypes(prototype_ids, prototypes, taxonomy)

    def _predict(self, embeddings: Tensor) -> Tensor:
        return nearest_prototype(embeddings, self.prototype_ids, self.prototypes, self.manifold)


class ProbeAccuracy(_Top1):
    """Accuracy of a :class:`hyperhier.metrics.LinearProbe` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        probe: fitted to the training set by :func:`hyperhier.metrics.linear_probe`; points are
            judged on its device.
        balanced: every true class counts the same.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.metrics import linear_probe
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "cat"), ("all", "ox")])
    >>> labels = tree.encode(["cat", "ox"])
    >>> probe = linear_probe(torch.tensor([[0.0], [9.0]]), labels, Euclidean())
    >>> metric = ProbeAccuracy(tree, probe)
    >>> metric.update(torch.tensor([[1.0], [2.0]]), labels)
    >>> float(metric.compute())
    0.5
    """

    def __init__(
        self, taxonomy: Taxonomy, probe: LinearProbe, *, balanced: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(taxonomy, balanced, **kwargs)
        self.probe = probe

    def _predict(self, embeddings: Tensor) -> Tensor:
        return self.probe.predict(embeddings.to(self.probe.weight.device))
