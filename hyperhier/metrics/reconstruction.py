"""How well an embedded taxonomy gives its ancestors back: MAP and mean rank."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._embedded import as_nodes, as_places
from hyperhier.taxonomy import Taxonomy

__all__ = ["reconstruction_map", "reconstruction_mean_rank"]


def reconstruction_map(
    points: Tensor, taxonomy: Taxonomy, manifold: Manifold, nodes: Tensor | None = None
) -> float:
    """Mean average precision of the ancestors of each node among all nodes by distance.

    Nickel and Kiela's definition (2017, arXiv 1705.08039), filtered: the precision at an
    ancestor is the share of ancestors among the nodes as near or nearer; its mean over the
    ancestors of a node is the node's average precision. Ties count against the embedding.

    Args:
        points: ``(N, ambient)``, one for each node in the order of ``taxonomy.nodes``.
        taxonomy: the tree or DAG.
        manifold: the geometry of the points.
        nodes: ids of the nodes to average over, int64, all different; default all. In time and
            distances N for each.

    Returns:
        A float in (0, 1]; 1 where none of the nodes has an ancestor.

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids or one given twice, or
            another number of points than of nodes.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog")])
    >>> points = torch.tensor([[0.0], [1.0], [1.5], [3.0]])  # all, pet, cat, dog
    >>> reconstruction_map(points, tree, Euclidean())
    0.6389
    """
    return _figures(points, taxonomy, manifold, nodes)[0]


def reconstruction_mean_rank(
    points: Tensor, taxonomy: Taxonomy, manifold: Manifold, nodes: Tensor | None = None
) -> float:
    """Mean rank of the ancestors of each node among the nodes that are none of its ancestors.

    The rank of an ancestor is 1 plus the number of those as near or nearer (Nickel and Kiela
    2017, arXiv 1705.08039; ties count against the embedding); the mean runs over all pairs of
    a node and an ancestor.

    Args:
        points, taxonomy, manifold, nodes: as in :func:`reconstruction_map`.

    Returns:
        A float of at least 1; 1 where none of the nodes has an ancestor.

    Raises:
        ValueError: as :func:`reconstruction_map`.

    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog")])
    >>> points = torch.tensor([[0.0], [1.0], [1.5], [3.0]])  # all, pet, cat, dog
    >>> reconstruction_mean_rank(points, tree, Euclidean())
    1.8
    """
    return _figures(points, taxonomy, manifold, nodes)[1]


def _figures(
    points: Tensor, taxonomy: Taxonomy, manifold: Manifold, nodes: Tensor | None
) -> tuple[float, float]:
    from hyperhier.embedding._quality import reconstruction  # all the embedders come with it

    places, manifold = as_places(points, manifold)
    if len(places) != len(taxonomy):
        raise ValueError(f"points has {len(places)} rows, the taxonomy {len(taxonomy)} nodes")
    chosen = None if nodes is None else as_nodes(nodes, "nodes", taxonomy)
    with torch.no_grad():
        return reconstruction(places, taxonomy, manifold, chosen)
