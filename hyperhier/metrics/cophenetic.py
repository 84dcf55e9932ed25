"""How far distances in the embedding follow distances in the taxonomy."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import distance_blocks
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics._correlation import Moments, spearman
from hyperhier.taxonomy import Taxonomy

__all__ = ["cophenetic_correlation"]


def cophenetic_correlation(
    points: Tensor,
    ids: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    *,
    method: Literal["pearson", "spearman"] = "pearson",
    weighted: bool = False,
    chunk: int | None = None,
) -> float:
    """Correlation of the distances of points with those of their nodes in the taxonomy.

    Over all pairs i < j: ``corr(d_M(x_i, x_j), d_T(v_i, v_j))`` (Sokal and Rohlf 1962). With
    the class centroids as points, leaves only or all levels, it is the CPCC of Zeng et al.
    2023 and Sinha et al. 2024 (HypStructure); with samples as points, pairs of one label have
    distance 0 in the taxonomy.

    Args:
        points: ``(n, ambient)``, for instance from :func:`node_centroids`.
        ids: the node of each, ``(n,)`` int64; may repeat.
        taxonomy: the tree or DAG that the ids belong to.
        manifold: the geometry of the points.
        method: ``"pearson"``, in blocks; ``"spearman"`` on ranks, which keeps all
            ``n (n - 1) / 2`` pairs.
        weighted: sum the edges' weights in the taxonomy instead of counting edges.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        A float in [-1, 1]. **0 where it is not defined**: fewer than two pairs, or all
        distances equal on one side (as in a flat taxonomy).

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids or an unknown method.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> leaves = tree.encode(["cat", "dog", "ox"])
    >>> cophenetic_correlation(torch.tensor([[0.0], [2.0], [5.0]]), leaves, tree, Euclidean())
    0.7559
    """
    places = as_points(points, "points")
    nodes = as_ids(ids, "ids", taxonomy).to(places.device)
    same_length(points=places, ids=nodes)
    if method not in ("pearson", "spearman"):
        raise ValueError(f"method must be 'pearson' or 'spearman', got {method!r}")
    column = torch.arange(nodes.numel(), device=nodes.device)
    moments = Moments()
    kept: list[tuple[Tensor, Tensor]] = []
    for rows, table in distance_blocks(places, places, manifold, chunk):
        row, other = (column > column[rows].unsqueeze(1)).nonzero(as_tuple=True)
        measured = table[row, other].double()
        target = taxonomy.distance(nodes[rows][row], nodes[other], weighted=weighted).double()
        if method == "pearson":
            moments.add(measured, target)
        else:
            kept.append((measured, target))
    if method == "pearson":
        return moments.correlation()
    return spearman(torch.cat([x for x, _ in kept]), torch.cat([y for _, y in kept]))
