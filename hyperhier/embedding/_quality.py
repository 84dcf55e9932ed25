"""How well an embedding reconstructs its taxonomy: MAP, mean rank, distortion."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from hyperhier.embedding._compiled import MAX_RADIUS, ancestor_ranks, is_available
from hyperhier.manifolds import Polar
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["distortion", "reconstruction"]

# Scalars of one block of the distance table: 32 MiB of float64.
_BLOCK_SCALARS = 2**22
# Pairs of nodes: compiling takes as long as some millions of them.
_WORTH_COMPILING = 5_000_000


def reconstruction(
    points: Tensor, taxonomy: Taxonomy, manifold: Manifold, nodes: Tensor | None = None
) -> tuple[float, float]:
    """Mean average precision and mean rank of the ancestors of each node.

    Nickel and Kiela's definition (2017, arXiv 1705.08039), filtered. For a node u with the
    ancestors A(u), the other nodes are sorted by their distance from u:

    * the rank of an ancestor a is 1 + the number of nodes outside A(u) as near as a or
      nearer; the mean rank runs over all pairs (u, a);
    * the precision at a is the share of A(u) among the nodes as near as a or nearer; its mean
      over A(u) is the average precision of u, and MAP the mean of that over all u that have
      ancestors.

    Ties count against the embedding.

    Args:
        points: ``(N, ambient)`` in the order of ``taxonomy.nodes``.
        nodes: ids of the nodes u to average over; default all.

    Returns:
        MAP and mean rank; 1 and 1 for a single node, which has nothing to get wrong.
    """
    child, ancestor = taxonomy.closure()
    if child.numel() == 0:
        return 1.0, 1.0
    order = child.argsort(stable=True)
    child, ancestor = child[order], ancestor[order]
    every = torch.arange(len(taxonomy))
    start = torch.searchsorted(child, every)
    count = torch.searchsorted(child, every, right=True) - start
    chosen = every if nodes is None else nodes
    chosen = chosen[count[chosen] > 0]
    if chosen.numel() == 0:
        return 1.0, 1.0

    if is_worth_compiling(points, manifold, chosen.numel()):
        polar = manifold.to(Polar(c=-manifold.sectional_curvature))(points.double()).numpy()
        scale = (-manifold.sectional_curvature) ** 0.5
        if scale * polar[:, 0].max() <= MAX_RADIUS:
            bounds = torch.cat([start, start[-1:] + count[-1:]]).numpy()
            averages, sums = ancestor_ranks(
                scale * polar[:, 0], polar[:, 1:], bounds, ancestor.numpy(), chosen.numpy()
            )
            return float(averages.mean()), float(sums.sum()) / int(count[chosen].sum())
    precision, rank_sum, pairs = 0.0, 0.0, 0
    for rows in chosen.split(max(1, _BLOCK_SCALARS // (len(taxonomy) * points.shape[-1]))):
        distance = manifold.dist_matrix(points[rows], points)
        distance.scatter_(1, rows.unsqueeze(-1), torch.inf)
        slots = torch.arange(int(count[rows].max()))
        held = slots < count[rows].unsqueeze(-1)
        at = (start[rows].unsqueeze(-1) + slots).clamp(max=child.numel() - 1)
        to_ancestor = distance.gather(1, ancestor[at]).masked_fill(~held, torch.inf)
        nearer = torch.searchsorted(distance.sort(dim=1).values, to_ancestor, right=True)
        own = torch.searchsorted(to_ancestor.sort(dim=1).values, to_ancestor, right=True)
        ranks = (1 + nearer - own).masked_fill(~held, 0)
        rank_sum += float(ranks.sum())
        pairs += int(held.sum())
        shares = (own.double() / nearer.clamp(min=1)).masked_fill(~held, 0.0)
        precision += float((shares.sum(dim=1) / count[rows]).sum())
    return precision / chosen.numel(), rank_sum / pairs


def is_worth_compiling(points: Tensor, manifold: Manifold, nodes: int) -> bool:
    """Whether the compiled ranks can be had and save more time than they take to compile."""
    hyperbolic = manifold.sectional_curvature < 0 and bool(points.isfinite().all())
    return hyperbolic and nodes * len(points) >= _WORTH_COMPILING and is_available()


def distortion(
    points: Tensor, taxonomy: Taxonomy, manifold: Manifold, nodes: Tensor
) -> tuple[float, float]:
    """Average and worst-case distortion of the pairwise distances of ``nodes``.

    With the ratios ``r = d_M / d_T`` of all pairs at a positive distance in the taxonomy:

    * average: the mean of ``|r / s - 1|`` with the one scale ``s`` that makes it smallest
      (exact: ``1/s`` is the median of the ``1/r`` weighted by ``r``);
    * worst: ``max r / min r``, 1 at best (Sala et al. 2018, arXiv 1804.03329).

    Returns:
        Both as finite floats; 0 and 1 where there is no such pair. Where two nodes share a
        point the worst case is the largest float.
    """
    ratios = []
    for rows in torch.arange(nodes.numel()).split(
        max(1, _BLOCK_SCALARS // (nodes.numel() * points.shape[-1]))
    ):
        hops = taxonomy.distance(nodes[rows].unsqueeze(-1), nodes, weighted=True)
        counted = (hops > 0) & (rows.unsqueeze(-1) < torch.arange(nodes.numel()))
        measured = manifold.dist_matrix(points[nodes[rows]], points[nodes])
        ratios.append((measured[counted] / hops[counted]).double())
    ratio = torch.cat(ratios) if ratios else torch.empty(0, dtype=torch.float64)
    if ratio.numel() == 0:
        return 0.0, 1.0
    low, high = float(ratio.min()), float(ratio.max())
    if high == 0.0:
        return 1.0, sys.float_info.max
    # largest r first is smallest 1/r first
    ordered = ratio.sort(descending=True).values
    half = ordered.cumsum(0)
    scale = ordered[int(torch.searchsorted(half, 0.5 * half[-1]))]
    average = float((ratio / scale - 1.0).abs().mean())
    return average, min(high / low, sys.float_info.max) if low > 0.0 else sys.float_info.max
