"""How well an embedding reconstructs its taxonomy: MAP, mean rank, distortion."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hyperhier.embedding._compiled import MAX_RADIUS, ancestor_ranks, is_available
from hyperhier.embedding._distances import compiled_row, distance_row, polar_form, summary
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["distortion", "reconstruction"]

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
_Ranks: TypeAlias = Callable[[IntArray, IntArray, IntArray], tuple[FloatArray, FloatArray]]

# Scalars of one block of the distance table: 32 MiB of float64.
_BLOCK_SCALARS = 2**22
# Pairs of nodes: compiling takes as long as some millions of them.
_WORTH_COMPILING = 5_000_000
_WORTH_COMPILING_DISTANCES = 1_000_000


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
    chosen = torch.arange(len(taxonomy)) if nodes is None else nodes
    ranks = _ranks_of(points, manifold, chosen.numel())
    precision, rank_sum, judged, pairs = 0.0, 0.0, 0, 0
    for child, ancestor in taxonomy.closure_blocks(nodes=chosen):
        below, count = child.unique_consecutive(return_counts=True)
        start = nn.functional.pad(count.cumsum(0), (1, 0))
        averages, sums = ranks(below.numpy(), start.numpy(), ancestor.numpy())
        precision, rank_sum = precision + float(averages.sum()), rank_sum + float(sums.sum())
        judged, pairs = judged + below.numel(), pairs + ancestor.numel()
    if judged == 0:
        return 1.0, 1.0
    return precision / judged, rank_sum / pairs


def _ranks_of(points: Tensor, manifold: Manifold, count: int) -> _Ranks:
    """:func:`ancestor_ranks` of these points, or the same in torch where that fits better."""
    if is_worth_compiling(points, manifold, count):
        radius, direction = polar_form(points, manifold)
        if radius.max() <= MAX_RADIUS:
            return lambda nodes, start, ancestor: ancestor_ranks(
                radius, direction, start, ancestor, nodes
            )
    return partial(_plain_ranks, points, manifold)


def _plain_ranks(
    points: Tensor, manifold: Manifold, nodes: IntArray, start: IntArray, ancestor: IntArray
) -> tuple[FloatArray, FloatArray]:
    below, first, above = (torch.from_numpy(ids) for ids in (nodes, start, ancestor))
    count = first.diff()
    precision, rank_sum = [], []
    for rows in torch.arange(len(below)).split(max(1, _BLOCK_SCALARS // points.numel())):
        distance = manifold.dist_matrix(points[below[rows]], points)
        distance.scatter_(1, below[rows].unsqueeze(-1), torch.inf)
        slots = torch.arange(int(count[rows].max()))
        held = slots < count[rows].unsqueeze(-1)
        at = (first[rows].unsqueeze(-1) + slots).clamp(max=above.numel() - 1)
        to_ancestor = distance.gather(1, above[at]).masked_fill(~held, torch.inf)
        nearer = torch.searchsorted(distance.sort(dim=1).values, to_ancestor, right=True)
        own = torch.searchsorted(to_ancestor.sort(dim=1).values, to_ancestor, right=True)
        rank_sum.append((1 + nearer - own).masked_fill(~held, 0).sum(dim=1).double())
        shares = (own.double() / nearer.clamp(min=1)).masked_fill(~held, 0.0)
        precision.append(shares.sum(dim=1) / count[rows])
    return torch.cat(precision).numpy(), torch.cat(rank_sum).numpy()


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

    In hyperbolic space the distances are those of the points in polar form, in float64, and
    compiled where numba is installed.

    Args:
        points: ``(M, ambient)``, one for each of ``nodes``.
        nodes: ``(M,)`` ids.

    Returns:
        Both as finite floats; 0 and 1 where there is no such pair. Where two nodes share a
        point the worst case is the largest float.
    """
    total = nodes.numel()
    rows = _distance_rows(points, manifold)
    ratios = []
    for block in torch.arange(total).split(max(1, _BLOCK_SCALARS // (4 * max(total, 1)))):
        first = int(block[0])
        target = taxonomy.distance(nodes[block].unsqueeze(-1), nodes[first:], weighted=True)
        measured = rows(first, len(block))
        # each pair once
        counted = (target > 0).numpy() & np.triu(np.ones(measured.shape, dtype=bool), 1)
        ratios.append(measured[counted] / target.double().numpy()[counted])
    return summary(np.concatenate(ratios) if ratios else np.empty(0))


def _distance_rows(points: Tensor, manifold: Manifold) -> Callable[[int, int], NDArray[np.float64]]:
    """``rows(first, count)``: distances of that many points from all from ``first`` on."""

    def plainly(first: int, count: int) -> NDArray[np.float64]:
        out: NDArray[np.float64] = torch.cat(
            [
                manifold.dist_matrix(part, points[first:])
                for part in points[first : first + count].split(
                    max(1, 4 * _BLOCK_SCALARS // (points.numel() + 1))
                )
            ]
        ).double().numpy()  # fmt: skip
        return out

    if manifold.sectional_curvature >= 0.0 or not bool(points.isfinite().all()):
        return plainly
    root = math.sqrt(-manifold.sectional_curvature)
    radius, direction = polar_form(points, manifold)
    if radius.size == 0 or radius.max() > MAX_RADIUS:
        return plainly
    columns = np.ascontiguousarray(direction.T)
    half, sinh = np.exp(0.5 * radius), np.sinh(radius)
    worthwhile = len(points) ** 2 >= _WORTH_COMPILING_DISTANCES and is_available()
    row = compiled_row() if worthwhile else distance_row

    def in_polar_form(first: int, count: int) -> NDArray[np.float64]:
        out = np.empty((count, len(radius) - first))
        for k in range(count):
            row(columns, half, sinh, first + k, first, out[k])
        out /= root
        return out

    return in_polar_form
