"""Whether deeper nodes lie further from the origin."""

from __future__ import annotations

from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import radii
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics._correlation import spearman
from hyperhier.taxonomy import Taxonomy

__all__ = ["depth_norm_correlation"]


def depth_norm_correlation(
    points: Tensor, ids: Tensor, taxonomy: Taxonomy, manifold: Manifold
) -> float:
    """Spearman's rank correlation of a node's depth and its distance from the origin.

    Nodes of equal depth share the mean of their ranks, so 1 is reached only where distances
    tie as depths do. On a sphere the origin is a point like any other: the figure then says
    nothing about the hierarchy.

    Args:
        points: ``(n, ambient)``: samples, or the centroids of :func:`node_centroids`.
        ids: the node of each, ``(n,)`` int64.
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry of the points.

    Returns:
        A float in [-1, 1]. **0 where it is not defined**: all depths equal (as for leaves of
        an even tree), all distances equal, or a single point.

    Raises:
        ValueError: on empty, non-finite or misshapen input, or unknown ids.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat")])
    >>> points, ids = torch.tensor([[0.1], [1.0], [5.0]]), tree.encode(["all", "pet", "cat"])
    >>> depth_norm_correlation(points, ids, tree, Euclidean())
    1.0
    """
    places = as_points(points, "points")
    nodes = as_ids(ids, "ids", taxonomy).to(places.device)
    same_length(points=places, ids=nodes)
    return spearman(taxonomy.depth.to(nodes.device)[nodes], radii(places, manifold))
