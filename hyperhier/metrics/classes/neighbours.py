"""Metrics of nearest neighbours: within the points seen, or of queries in a gallery."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics.classes._base import PointsMetric
from hyperhier.metrics.classification import accuracy, balanced_accuracy
from hyperhier.metrics.neighbours import knn_predict, recall_at_k, recall_at_k_per_level
from hyperhier.taxonomy import Taxonomy

__all__ = ["KNNAccuracy", "RecallAtK", "RecallAtKPerLevel"]


class _Search(NamedTuple):
    query: Tensor
    labels: Tensor
    gallery: Tensor | None
    gallery_labels: Tensor | None


class _NeighboursMetric(PointsMetric):
    """Queries, and a gallery where some points were given as such; the batches in any order."""

    higher_is_better = True
    in_gallery: list[Tensor]
    _kept: ClassVar[dict[str, torch.dtype]] = {**PointsMetric._kept, "in_gallery": torch.bool}

    def __init__(self, manifold: Manifold, k: int, **kwargs: Any) -> None:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        super().__init__(**kwargs)
        self.manifold, self.k = manifold, k

    def update(self, embeddings: Tensor, labels: Tensor, *, gallery: bool = False) -> None:
        """Add points ``(n, ambient)`` with their node ids ``(n,)``, as queries or as gallery.

        A batch of gallery alone has no value: use this and ``compute``, not ``metric(...)``.
        """
        before = len(self.labels)
        super().update(embeddings, labels)
        self.in_gallery += [
            torch.full_like(ids, gallery, dtype=torch.bool) for ids in self.labels[before:]
        ]

    def _search(self) -> _Search:
        points, labels = self._seen()
        in_gallery = self._whole("in_gallery")
        if not bool(in_gallery.any()):
            return _Search(points, labels, None, None)
        if bool(in_gallery.all()):
            raise ValueError(f"{type(self).__name__} has seen a gallery, and no queries yet")
        queries = ~in_gallery
        return _Search(points[queries], labels[queries], points[in_gallery], labels[in_gallery])


class RecallAtK(_NeighboursMetric):
    """:func:`hyperhier.metrics.recall_at_k` of all points seen.

    They are searched among themselves, or in a gallery where one is given by
    ``update(points, labels, gallery=True)``.

    Args:
        manifold: the geometry.
        k: neighbours looked at.

    >>> from hyperhier.manifolds import Euclidean
    >>> metric = RecallAtK(Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0]]), torch.tensor([1, 1]))
    >>> metric.update(torch.tensor([[1.5], [9.0]]), torch.tensor([2, 2]))
    >>> float(metric.compute())
    0.5
    >>> metric.update(torch.tensor([[0.5], [5.0]]), torch.tensor([1, 2]), gallery=True)
    >>> float(metric.compute())
    0.75
    """

    def __init__(self, manifold: Manifold, k: int = 1, **kwargs: Any) -> None:
        super().__init__(manifold, k, **kwargs)

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        query, labels, gallery, known = self._search()
        share = recall_at_k(
            query, labels, self._geometry(), self.k, gallery=gallery, gallery_labels=known
        )
        return torch.tensor(share, dtype=torch.float64)


class RecallAtKPerLevel(_NeighboursMetric):
    """:func:`hyperhier.metrics.recall_at_k_per_level` of all points seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold, k: as in :class:`RecallAtK`, and so is a gallery given.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = RecallAtKPerLevel(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0]]), tree.encode(["cat", "dog"]))
    >>> metric.update(torch.tensor([[3.0], [3.5]]), tree.encode(["ox", "ox"]))
    >>> {name: float(share) for name, share in metric.compute().items()}
    {'recall_at_1_level_1': 1.0, 'recall_at_1_level_2': 0.5}
    """

    def __init__(self, taxonomy: Taxonomy, manifold: Manifold, k: int = 1, **kwargs: Any) -> None:
        super().__init__(manifold, k, **kwargs)
        self.taxonomy = taxonomy

    def compute(self) -> dict[str, Tensor]:
        """The metric so far, a 0-dim float64 for every level."""
        query, labels, gallery, known = self._search()
        shares = recall_at_k_per_level(
            query, labels, self.taxonomy, self._geometry(), self.k,
            gallery=gallery, gallery_labels=known,
        )  # fmt: skip
        return {
            f"recall_at_{self.k}_level_{level}": torch.tensor(share, dtype=torch.float64)
            for level, share in shares.items()
        }


class KNNAccuracy(_NeighboursMetric):
    """Accuracy of :func:`hyperhier.metrics.knn_predict` for all queries seen.

    The neighbours are those of a gallery, normally the training set, which is given by
    ``update(points, labels, gallery=True)``. Neither queries nor gallery alone have a value: use
    ``update`` and ``compute``, not ``metric(...)``.

    Args:
        manifold: the geometry.
        k: neighbours that vote.
        balanced: every true class counts the same.

    >>> from hyperhier.manifolds import Euclidean
    >>> metric = KNNAccuracy(Euclidean(), k=1)
    >>> metric.update(torch.tensor([[0.0], [1.0]]), torch.tensor([1, 2]), gallery=True)
    >>> metric.update(torch.tensor([[0.2], [9.0]]), torch.tensor([1, 1]))
    >>> float(metric.compute())
    0.5
    """

    def __init__(
        self, manifold: Manifold, k: int = 5, *, balanced: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(manifold, k, **kwargs)
        self.balanced = balanced

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        query, labels, gallery, known = self._search()
        if gallery is None or known is None:
            raise ValueError("KNNAccuracy has not seen a gallery yet: update(..., gallery=True)")
        votes = knn_predict(query, gallery, known, self._geometry(), self.k)
        share = (balanced_accuracy if self.balanced else accuracy)(votes, labels)
        return torch.tensor(share, dtype=torch.float64)
