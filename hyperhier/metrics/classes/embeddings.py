"""Metrics of embeddings: against fixed prototypes, or of all points together."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._level import checked_level
from hyperhier.metrics._sums import ratio
from hyperhier.metrics.classes._base import PointsMetric, SumsMetric
from hyperhier.metrics.cophenetic import cophenetic_correlation
from hyperhier.metrics.depth_norm import depth_norm_correlation
from hyperhier.metrics.gromov import delta_hyperbolicity
from hyperhier.metrics.order import Variant, checked_variant, pc_order_sums, pdv_sums
from hyperhier.metrics.prototypes import node_centroids
from hyperhier.metrics.violations import pdv_children, pdv_triplets
from hyperhier.taxonomy import Taxonomy

__all__ = [
    "PDV",
    "CopheneticCorrelation",
    "DeltaHyperbolicityMetric",
    "DepthNormCorrelation",
    "PCOrder",
    "PDVChildren",
    "PDVTriplets",
]


_Scene = tuple[Tensor, Tensor, Tensor, Tensor, Taxonomy, Manifold, int]


class _PrototypesMetric(SumsMetric):
    """A metric against prototypes that were computed before, normally of the training set."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        prototype_ids: Tensor,
        prototypes: Tensor,
        level: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(ratio, parts=2, **kwargs)
        self._keep_prototypes(prototype_ids, prototypes, taxonomy)
        self.taxonomy, self.manifold = taxonomy, manifold
        self.level = checked_level(level, taxonomy)

    def _scene(self, embeddings: Tensor, labels: Tensor) -> _Scene:
        ids, centres = self.prototype_ids, self.prototypes
        return (embeddings, labels, ids, centres, self.taxonomy, self.manifold, self.level)


class PCOrder(_PrototypesMetric):
    """:func:`hyperhier.metrics.pc_order` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry.
        prototype_ids, prototypes: ``(P,)`` int64 and ``(P, ambient)``, as
            :func:`hyperhier.metrics.node_centroids` returns them for the training set. They
            move with ``.to()``, and are no part of ``state_dict()``.
        level: the level of the parents; default: one above the deepest leaves.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> prototypes = torch.tensor([[0.0], [10.0]])
    >>> metric = PCOrder(tree, Euclidean(), tree.encode(["pet", "farm"]), prototypes)
    >>> metric.update(torch.tensor([[1.0], [2.0]]), tree.encode(["cat", "ox"]))
    >>> float(metric.compute())
    0.5
    """

    higher_is_better = True

    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Add points ``(n, ambient)`` with their node ids ``(n,)``."""
        self._add(pc_order_sums, *self._scene(embeddings, labels))


class PDV(_PrototypesMetric):
    """:func:`hyperhier.metrics.pdv` over all batches seen.

    Args:
        taxonomy, manifold, prototype_ids, prototypes, level: as in :class:`PCOrder`.
        variant: ``"mean"`` over the wrong parents, or ``"any"`` of them.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> prototypes = torch.tensor([[0.0], [10.0]])
    >>> metric = PDV(tree, Euclidean(), tree.encode(["pet", "farm"]), prototypes)
    >>> metric.update(torch.tensor([[1.0], [2.0]]), tree.encode(["cat", "ox"]))
    >>> float(metric.compute())
    0.5
    """

    higher_is_better = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        prototype_ids: Tensor,
        prototypes: Tensor,
        level: int | None = None,
        variant: Variant = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__(taxonomy, manifold, prototype_ids, prototypes, level, **kwargs)
        self.variant: Variant = checked_variant(variant)

    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Add points ``(n, ambient)`` with their node ids ``(n,)``."""
        self._add(pdv_sums, *self._scene(embeddings, labels), variant=self.variant)


class PDVChildren(PointsMetric):
    """:func:`hyperhier.metrics.pdv_children` of the centroids of all points seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry, which also averages.
        level: the level of the parents; default: one above the deepest leaves.
        variant: ``"mean"`` over the wrong parents, or ``"any"`` of them.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", a) for a in ("cat", "dog")] + [("all", "ox")])
    >>> metric = PDVChildren(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0]]), tree.encode(["cat", "cat"]))
    >>> metric.update(torch.tensor([[8.0], [9.0]]), tree.encode(["dog", "ox"]))
    >>> float(metric.compute())
    0.5
    """

    higher_is_better = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        level: int | None = None,
        variant: Variant = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taxonomy, self.manifold = taxonomy, manifold
        self.level = checked_level(level, taxonomy)
        self.variant: Variant = checked_variant(variant)

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        manifold = self._geometry()
        centroids = node_centroids(*self._seen(), self.taxonomy, manifold)
        rate = pdv_children(*centroids, self.taxonomy, manifold, self.level, self.variant)
        return torch.tensor(rate, dtype=torch.float64)


class PDVTriplets(PointsMetric):
    """:func:`hyperhier.metrics.pdv_triplets` of all points seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry.
        level: the level of the parents; default: one above the deepest leaves.
        siblings_only, anchors, seed: as in :func:`hyperhier.metrics.pdv_triplets`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = PDVTriplets(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0]]), tree.encode(["cat", "ox"]))
    >>> metric.update(torch.tensor([[3.0]]), tree.encode(["dog"]))
    >>> float(metric.compute())
    1.0
    """

    higher_is_better = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        level: int | None = None,
        *,
        siblings_only: bool = False,
        anchors: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taxonomy, self.manifold = taxonomy, manifold
        self.level = checked_level(level, taxonomy)
        self.siblings_only, self.anchors, self.seed = siblings_only, anchors, seed

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        share = pdv_triplets(
            *self._seen(),
            self.taxonomy,
            self._geometry(),
            self.level,
            siblings_only=self.siblings_only,
            anchors=self.anchors,
            seed=self.seed,
        )
        return torch.tensor(share, dtype=torch.float64)


class CopheneticCorrelation(PointsMetric):
    """:func:`hyperhier.metrics.cophenetic_correlation` of the centroids of all points seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry, which also averages.
        nodes: ``"labels"`` for the centroids of the labels that occur, ``"all"`` for those of
            their ancestors too.
        method, weighted: as in :func:`hyperhier.metrics.cophenetic_correlation`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = CopheneticCorrelation(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [2.0]]), tree.encode(["cat", "dog"]))
    >>> metric.update(torch.tensor([[4.0], [6.0]]), tree.encode(["ox", "ox"]))
    >>> round(float(metric.compute()), 4)
    0.7559
    """

    higher_is_better = True

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        nodes: Literal["labels", "all"] = "labels",
        *,
        method: Literal["pearson", "spearman"] = "pearson",
        weighted: bool = False,
        **kwargs: Any,
    ) -> None:
        if nodes not in ("labels", "all"):
            raise ValueError(f"nodes must be 'labels' or 'all', got {nodes!r}")
        if method not in ("pearson", "spearman"):
            raise ValueError(f"method must be 'pearson' or 'spearman', got {method!r}")
        super().__init__(**kwargs)
        self.taxonomy, self.manifold, self.nodes = taxonomy, manifold, nodes
        self.method: Literal["pearson", "spearman"] = method
        self.weighted = weighted

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        points, labels = self._seen()
        manifold = self._geometry()
        ids, centres = node_centroids(points, labels, self.taxonomy, manifold)
        if self.nodes == "labels":
            own = torch.isin(ids, labels)
            ids, centres = ids[own], centres[own]
        correlation = cophenetic_correlation(
            centres, ids, self.taxonomy, manifold, method=self.method, weighted=self.weighted
        )
        return torch.tensor(correlation, dtype=torch.float64)


class DepthNormCorrelation(PointsMetric):
    """:func:`hyperhier.metrics.depth_norm_correlation` of the centroids of all points seen.

    The centroids of all nodes but the root above the labels that occur, the labels included.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry, which also averages.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog")])
    >>> metric = DepthNormCorrelation(tree, Euclidean())
    >>> metric.update(torch.tensor([[2.0], [-2.0]]), tree.encode(["cat", "dog"]))
    >>> float(metric.compute())
    1.0
    """

    higher_is_better = True

    def __init__(self, taxonomy: Taxonomy, manifold: Manifold, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taxonomy, self.manifold = taxonomy, manifold

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        manifold = self._geometry()
        ids, centres = node_centroids(*self._seen(), self.taxonomy, manifold)
        correlation = depth_norm_correlation(centres, ids, self.taxonomy, manifold)
        return torch.tensor(correlation, dtype=torch.float64)


class DeltaHyperbolicityMetric(PointsMetric):
    """The relative delta of :func:`hyperhier.metrics.delta_hyperbolicity` of all points seen.

    Args:
        manifold: the geometry.
        limit, draws, seed: as in :func:`hyperhier.metrics.delta_hyperbolicity`.

    >>> from hyperhier.manifolds import Euclidean
    >>> metric = DeltaHyperbolicityMetric(Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0], [4.0], [5.0]]), torch.zeros(4, dtype=torch.int64))
    >>> float(metric.compute())
    0.0
    """

    higher_is_better = False

    def __init__(
        self, manifold: Manifold, limit: int = 64, draws: int = 20, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.manifold, self.limit, self.draws, self.seed = manifold, limit, draws, seed

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        points, _ = self._seen()
        found = delta_hyperbolicity(
            points, self._geometry(), limit=self.limit, draws=self.draws, seed=self.seed
        )
        return torch.tensor(found.relative, dtype=torch.float64)
