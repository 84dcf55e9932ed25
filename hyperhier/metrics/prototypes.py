"""Prototypes of taxonomy nodes: centroids of labelled samples, and the nearest of them."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.metrics._blocks import distance_blocks
from hyperhier.metrics._check import as_ids, as_points, same_length, same_width
from hyperhier.taxonomy import Taxonomy

__all__ = ["nearest_prototype", "node_centroids", "rank_prototypes"]


def node_centroids(
    embeddings: Tensor, labels: Tensor, taxonomy: Taxonomy, manifold: Manifold
) -> tuple[Tensor, Tensor]:
    """The centre, in the manifold's own sense, of the samples below each node.

    Nodes of every level but the root, the labels' own nodes included, as long as a sample
    lies below them; in a DAG a sample lies below all of its ancestors.

    Args:
        embeddings: points ``(n, ambient)`` of the manifold.
        labels: node ids ``(n,)`` int64.
        taxonomy: the tree or DAG that the labels belong to.
        manifold: the geometry whose ``centroid`` averages.

    Returns:
        The node ids ``(P,)`` int64, ascending, and their points ``(P, ambient)`` in the dtype
        of the embeddings.

    Raises:
        ValueError: on empty, non-finite or misshapen input, or unknown ids.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> points = torch.tensor([[0.0], [4.0]])
    >>> ids, centres = node_centroids(points, tree.encode(["cat", "dog"]), tree, Euclidean())
    >>> dict(zip(tree.decode(ids), centres.squeeze(-1).tolist()))["pet"]
    2.0
    """
    points = as_points(embeddings, "embeddings")
    ids = as_ids(labels, "labels", taxonomy).to(points.device)
    same_length(embeddings=points, labels=ids)
    present, which = torch.unique(ids, return_inverse=True)
    rows, nodes = ancestor_pairs(taxonomy, present)
    order = which.argsort(stable=True)
    members = order.split(torch.bincount(which, minlength=present.numel()).tolist())
    found, owner = torch.unique(nodes, return_inverse=True)
    classes = rows[owner.argsort(stable=True)].split(
        torch.bincount(owner, minlength=found.numel()).tolist()
    )
    centres = points.new_empty(found.numel(), points.shape[-1])
    with torch.no_grad():
        for position, below in enumerate(classes):
            chosen = torch.cat([members[c] for c in below.tolist()])
            centres[position] = manifold.centroid(points[chosen])
    return found, centres


def nearest_prototype(
    embeddings: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    manifold: Manifold,
    chunk: int | None = None,
) -> Tensor:
    """The id of the prototype nearest to each point.

    Args:
        embeddings: points ``(n, ambient)``.
        prototype_ids: ``(P,)`` int64.
        prototypes: their points ``(P, ambient)``; pass those of one level, or of the leaves,
            to choose among these.
        manifold: the geometry of both.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        ``(n,)`` int64.

    Raises:
        ValueError: on empty, non-finite or misshapen input.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> ids, centres = torch.tensor([4, 6]), torch.tensor([[0.0], [10.0]])
    >>> nearest_prototype(torch.tensor([[1.0], [9.0]]), ids, centres, Euclidean())
    tensor([4, 6])
    """
    points, centres = as_points(embeddings, "embeddings"), as_points(prototypes, "prototypes")
    ids = as_ids(prototype_ids, "prototype_ids").to(points.device)
    same_length(prototype_ids=ids, prototypes=centres)
    same_width(embeddings=points, prototypes=centres)
    blocks = distance_blocks(points, centres, manifold, chunk)
    best = [table.argmin(dim=-1) for _, table in blocks]
    return ids[torch.cat(best)]


def rank_prototypes(
    embeddings: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    manifold: Manifold,
    k: int | None = None,
    chunk: int | None = None,
) -> Tensor:
    """The ids of the k nearest prototypes of each point, the nearest first.

    Args:
        embeddings, prototype_ids, prototypes, manifold, chunk: as in
            :func:`nearest_prototype`.
        k: how many; default all.

    Returns:
        ``(n, k)`` int64, what :func:`hierarchical_distance_at_k` takes.

    Raises:
        ValueError: on empty, non-finite or misshapen input, or a k outside 1 to P.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> ids, centres = torch.tensor([4, 6, 7]), torch.tensor([[0.0], [10.0], [3.0]])
    >>> rank_prototypes(torch.tensor([[1.0], [9.0]]), ids, centres, Euclidean(), k=2)
    tensor([[4, 7],
            [6, 7]])
    """
    points, centres = as_points(embeddings, "embeddings"), as_points(prototypes, "prototypes")
    ids = as_ids(prototype_ids, "prototype_ids").to(points.device)
    same_length(prototype_ids=ids, prototypes=centres)
    same_width(embeddings=points, prototypes=centres)
    k = ids.numel() if k is None else k
    if not 1 <= k <= ids.numel():
        raise ValueError(f"k must be 1 to {ids.numel()} (prototypes), got {k}")
    best = [
        table.topk(k, dim=-1, largest=False, sorted=True).indices
        for _, table in distance_blocks(points, centres, manifold, chunk)
    ]
    return ids[torch.cat(best)]
