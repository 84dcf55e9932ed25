"""Ranks of ancestors in hyperbolic space, compiled by numba where it is installed.

Points come as radius and unit direction. With radii a, b and the chord s between directions,
sinh^2(d / 2) = sinh^2((a - b) / 2) + sinh a sinh b s^2 / 4: a sum of squares, exact near and far,
and as good as d for an order, so that no logarithm is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["MAX_RADIUS", "ancestor_ranks", "compiled", "is_available"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: sinh of two such radii may be multiplied
MAX_RADIUS = 340.0
_PIECE = 64  # nodes that a thread takes at once


@cache
def is_available() -> bool:
    """Whether numba can be imported."""
    try:
        import numba  # noqa: F401
    except Exception:  # a broken installation can raise anything
        return False
    return True


@cache
def compiled() -> Callable[..., None]:
    """:func:`_rank` as machine code that runs beside others."""
    import numba

    function: Callable[..., None] = numba.njit(nogil=True, cache=True)(_rank)
    return function


def ancestor_ranks(
    radius: FloatArray,
    direction: FloatArray,
    start: IntArray,
    ancestor: IntArray,
    nodes: IntArray,
    *,
    rank: Callable[..., None] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Average precision and sum of the ranks of the ancestors of each node, filtered.

    Args:
        radius: ``(N,)`` at most :data:`MAX_RADIUS`, in units of curvature.
        direction: ``(N, d)`` of unit length.
        start: ``(M + 1,)``; the ancestors of ``nodes[k]`` are
            ``ancestor[start[k]:start[k + 1]]``.
        ancestor: ``(E,)``.
        nodes: ``(M,)``, each with ancestors.
        rank: what to run, :func:`compiled` by default.

    Returns:
        ``(M,)`` each.
    """
    rank = rank or compiled()
    columns = np.ascontiguousarray(direction.T)
    half, sinh = np.exp(0.5 * radius), np.sinh(radius)
    precision, rank_sum = np.zeros(len(nodes)), np.zeros(len(nodes))

    def run(first: int) -> None:
        piece = slice(first, first + _PIECE)
        own = start[first : first + _PIECE + 1]
        rank(columns, half, sinh, own, ancestor, nodes[piece], precision[piece], rank_sum[piece])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(run, range(0, len(nodes), _PIECE)))
    return precision, rank_sum


def _rank(
    columns: FloatArray,
    half: FloatArray,
    sinh: FloatArray,
    start: IntArray,
    ancestor: IntArray,
    nodes: IntArray,
    precision: FloatArray,
    rank_sum: FloatArray,
) -> Any:
    """``columns``: coordinates of the directions, ``half``: exp(r / 2). Fills the last two."""
    dim, size = columns.shape
    far = np.empty(size)  # sinh^2(d / 2) to every node
    for k in range(len(nodes)):
        u = nodes[k]
        first, own = start[k], start[k + 1] - start[k]
        far[:] = 0.0
        for j in range(dim):
            row, here = columns[j], columns[j, u]
            for v in range(size):
                step = row[v] - here
                far[v] += step * step
        factor, inverse = 0.25 * sinh[u], 1.0 / half[u]
        for v in range(size):
            ratio = half[v] * inverse
            climb = 0.5 * (ratio - 1.0 / ratio)
            far[v] = climb * climb + factor * sinh[v] * far[v]
        to_own = np.empty(own)
        for i in range(own):
            to_own[i] = far[ancestor[first + i]]
        for i in range(own):
            far[ancestor[first + i]] = math.inf
        far[u] = math.inf
        to_own.sort()
        # how many others are nearer than or as near as each ancestor, but no nearer one
        others = np.zeros(own)
        for v in range(size):
            if far[v] <= to_own[own - 1]:
                others[np.searchsorted(to_own, far[v])] += 1.0
        nearer = 0.0
        i = 0
        while i < own:
            tied = i + 1  # ancestors at one distance share the worst place
            while tied < own and to_own[tied] == to_own[i]:
                tied += 1
            for a in range(i, tied):
                nearer += others[a]
            rank_sum[k] += (tied - i) * (1.0 + nearer)
            precision[k] += (tied - i) * tied / (tied + nearer)
            i = tied
        precision[k] /= own
