"""How far distances in the embedding are from being proportional to those in the taxonomy."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import same_length
from hyperhier.metrics._embedded import as_nodes, as_places
from hyperhier.taxonomy import Taxonomy

__all__ = ["average_distortion", "worst_distortion"]


def average_distortion(
    points: Tensor, ids: Tensor, taxonomy: Taxonomy, manifold: Manifold
) -> float:
    """Mean of ``|d_M / (s d_T) - 1|`` over all pairs, at the scale s that makes it smallest.

    d_M is the distance of two points, d_T the weighted one of their nodes; pairs at distance 0
    in the taxonomy are left out.

    Args:
        points: ``(n, ambient)``: of a whole embedded taxonomy, or the centroids of
            :func:`node_centroids`. All pairs are kept: draw from more than some thousands.
        ids: the node of each, ``(n,)`` int64, all different.
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry of the points.

    Returns:
        A float, 0 at best; 0 without any pair.

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids or one given twice.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat")])
    >>> points, ids = torch.tensor([[0.0], [2.0], [3.0]]), tree.encode(["all", "pet", "cat"])
    >>> average_distortion(points, ids, tree, Euclidean())
    0.2222
    """
    return _figures(points, ids, taxonomy, manifold)[0]


def worst_distortion(points: Tensor, ids: Tensor, taxonomy: Taxonomy, manifold: Manifold) -> float:
    """Largest over smallest ``d_M / d_T`` of all pairs (Sala et al. 2018, arXiv 1804.03329).

    Args:
        points, ids, taxonomy, manifold: as in :func:`average_distortion`.

    Returns:
        A finite float, 1 at best; 1 without any pair, and the largest float where two nodes
        share a point.

    Raises:
        ValueError: as :func:`average_distortion`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat")])
    >>> points, ids = torch.tensor([[0.0], [2.0], [3.0]]), tree.encode(["all", "pet", "cat"])
    >>> worst_distortion(points, ids, tree, Euclidean())
    2.0
    """
    return _figures(points, ids, taxonomy, manifold)[1]


def _figures(
    points: Tensor, ids: Tensor, taxonomy: Taxonomy, manifold: Manifold
) -> tuple[float, float]:
    from hyperhier.embedding._quality import distortion  # all the embedders come with it

    places, manifold = as_places(points, manifold)
    nodes = as_nodes(ids, "ids", taxonomy)
    same_length(points=places, ids=nodes)
    with torch.no_grad():
        return distortion(places, taxonomy, manifold, nodes)
