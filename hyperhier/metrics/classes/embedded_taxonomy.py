"""Metrics of an embedded taxonomy: each node is a point, given in one batch or in several."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids
from hyperhier.metrics.classes._base import PointsMetric
from hyperhier.metrics.distortion import average_distortion, worst_distortion
from hyperhier.metrics.reconstruction import reconstruction_map, reconstruction_mean_rank
from hyperhier.taxonomy import Taxonomy

__all__ = ["AverageDistortion", "ReconstructionMAP", "ReconstructionMeanRank", "WorstDistortion"]


class _NodesMetric(PointsMetric):
    """Every node once; it may come again, from another process say, with the same point."""

    def __init__(self, taxonomy: Taxonomy, manifold: Manifold, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taxonomy, self.manifold = taxonomy, manifold

    def _ids(self, labels: Tensor) -> Tensor:
        return as_ids(labels, "labels", self.taxonomy)

    def _nodes(self) -> tuple[Tensor, Tensor]:
        """The points of the nodes seen, and their ids, ascending."""
        points, labels = self._seen()
        ids, which = labels.unique(return_inverse=True)
        place = torch.empty_like(ids)
        place[which] = torch.arange(len(which), device=which.device)
        own = points[place]
        apart = (own[which] != points).any(dim=1)
        if bool(apart.any()):
            node = int(labels[apart][0])
            raise ValueError(f"node id {node} has been given with two different points")
        return own, ids

    def _all_nodes(self) -> Tensor:
        """The points of all nodes, in the order of ``taxonomy.nodes``."""
        points, ids = self._nodes()
        missing = torch.ones(len(self.taxonomy), dtype=torch.bool, device=ids.device)
        missing[ids] = False
        if bool(missing.any()):
            raise ValueError(
                f"{type(self).__name__} has seen {len(ids)} of {len(self.taxonomy)} nodes: "
                f"{self.taxonomy.nodes[int(missing.nonzero()[0])]!r} has no point"
            )
        return points


class ReconstructionMAP(_NodesMetric):
    """:func:`hyperhier.metrics.reconstruction_map` of all nodes, each seen with its point.

    Some of the nodes have no value: use ``update`` and ``compute``, not ``metric(...)``, unless
    all are in one batch.

    Args:
        taxonomy: the tree or DAG that is embedded.
        manifold: the geometry of the points.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog")])
    >>> metric = ReconstructionMAP(tree, Euclidean())
    >>> metric.update(torch.tensor([[1.5], [3.0]]), tree.encode(["cat", "dog"]))
    >>> metric.update(torch.tensor([[0.0], [1.0]]), tree.encode(["all", "pet"]))
    >>> float(metric.compute())
    0.6389
    """

    higher_is_better = True

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64; raises where a node has not been seen."""
        figure = reconstruction_map(self._all_nodes(), self.taxonomy, self.manifold)
        return torch.tensor(figure, dtype=torch.float64)


class ReconstructionMeanRank(_NodesMetric):
    """:func:`hyperhier.metrics.reconstruction_mean_rank` of all nodes, as its MAP.

    Args:
        taxonomy, manifold: as in :class:`ReconstructionMAP`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog")])
    >>> metric = ReconstructionMeanRank(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [1.0], [1.5], [3.0]]), torch.arange(4))
    >>> float(metric.compute())
    1.8
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64; raises where a node has not been seen."""
        figure = reconstruction_mean_rank(self._all_nodes(), self.taxonomy, self.manifold)
        return torch.tensor(figure, dtype=torch.float64)


class AverageDistortion(_NodesMetric):
    """:func:`hyperhier.metrics.average_distortion` of the nodes seen, each with its point.

    Args:
        taxonomy: the tree or DAG that is embedded.
        manifold: the geometry of the points.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat")])
    >>> metric = AverageDistortion(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [2.0]]), tree.encode(["all", "pet"]))
    >>> metric.update(torch.tensor([[3.0]]), tree.encode(["cat"]))
    >>> float(metric.compute())
    0.2222
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        figure = average_distortion(*self._nodes(), self.taxonomy, self.manifold)
        return torch.tensor(figure, dtype=torch.float64)


class WorstDistortion(_NodesMetric):
    """:func:`hyperhier.metrics.worst_distortion` of the nodes seen, each with its point.

    Args:
        taxonomy, manifold: as in :class:`AverageDistortion`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat")])
    >>> metric = WorstDistortion(tree, Euclidean())
    >>> metric.update(torch.tensor([[0.0], [2.0], [3.0]]), tree.encode(["all", "pet", "cat"]))
    >>> float(metric.compute())
    2.0
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        figure = worst_distortion(*self._nodes(), self.taxonomy, self.manifold)
        return torch.tensor(figure, dtype=torch.float64)
