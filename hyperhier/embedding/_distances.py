"""Distances of hyperbolic points beside those they stand for, and how far they are in proportion.

Points come as radius and unit direction. With radii a, b and the chord s between directions,
sinh^2(d / 2) = sinh^2((a - b) / 2) + sinh a sinh b s^2 / 4: a sum of squares, exact near and far.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.manifolds import Polar
from hyperhier.manifolds.base import Manifold

__all__ = [
    "average_and_worst",
    "best_scale",
    "compiled_row",
    "distance_row",
    "polar_form",
    "radius_and_direction",
    "summary",
]

FloatArray = NDArray[np.float64]
Row = Callable[[FloatArray, FloatArray, FloatArray, int, int, FloatArray], None]


def polar_form(points: Tensor, manifold: Manifold) -> tuple[FloatArray, FloatArray]:
    """Radii ``(N,)`` in units of the curvature radius and directions ``(N, d)`` of points of a
    hyperbolic manifold, in float64.
    """
    c = -manifold.sectional_curvature
    polar = manifold.to(Polar(c=c))(points.double()).numpy()
    return math.sqrt(c) * polar[:, 0], polar[:, 1:]


def radius_and_direction(polar: Tensor) -> tuple[FloatArray, FloatArray]:
    """``(N,)`` and ``(dim, N)`` of polar vectors ``(N, dim)``."""
    radius = polar.norm(dim=1)
    direction = polar / torch.where(radius > 0, radius, 1.0).unsqueeze(-1)
    direction[radius == 0, 0] = 1.0
    return radius.numpy(), np.ascontiguousarray(direction.T.numpy())


def distance_row(
    columns: FloatArray,
    half: FloatArray,
    sinh: FloatArray,
    source: int,
    first: int,
    out: FloatArray,
) -> None:
    """Distances of a point from those from ``first`` on, into ``out`` ``(N - first,)``.

    Args:
        columns: ``(dim, N)`` coordinates of the directions.
        half: ``(N,)`` exp(r / 2).
        sinh: ``(N,)`` sinh r.
    """
    step = columns[:, first:] - columns[:, source : source + 1]
    ratio = half[first:] / half[source]
    climb = 0.5 * (ratio - 1.0 / ratio)
    z = climb * climb + 0.25 * sinh[source] * sinh[first:] * (step * step).sum(axis=0)
    out[:] = 2.0 * np.arcsinh(np.sqrt(z))


def _row(
    columns: FloatArray,
    half: FloatArray,
    sinh: FloatArray,
    source: int,
    first: int,
    out: FloatArray,
) -> None:
    """:func:`distance_row` as loops."""
    dim, size = columns.shape
    out[:] = 0.0
    for k in range(dim):
        row, here = columns[k], columns[k, source]
        for v in range(first, size):
            step = row[v] - here
            out[v - first] += step * step
    inverse, factor = 1.0 / half[source], 0.25 * sinh[source]
    for v in range(first, size):
        ratio = half[v] * inverse
        climb = 0.5 * (ratio - 1.0 / ratio)
        z = climb * climb + factor * sinh[v] * out[v - first]
        out[v - first] = math.log1p(2.0 * (z + math.sqrt(z) * math.sqrt(z + 1.0)))


@cache
def compiled_row() -> Row:
    """:func:`distance_row` as machine code."""
    import numba

    function: Row = numba.njit(nogil=True, cache=True)(_row)
    return function


def average_and_worst(polar: Tensor, sources: Tensor, target: Tensor) -> tuple[float, float]:
    """:func:`summary` of the distances of some points from all.

    Args:
        polar: ``(N, dim)``.
        sources: ``(S,)`` rows of it.
        target: ``(N, S)`` what the distances stand for; pairs at 0 are left out.
    """
    radius, columns = radius_and_direction(polar)
    half, sinh = np.exp(0.5 * radius), np.sinh(radius)
    out = np.empty((len(sources), len(radius)))
    for row, source in zip(out, sources.tolist(), strict=True):
        distance_row(columns, half, sinh, source, 0, row)
    wanted = target.T.numpy()
    kept = wanted > 0.0
    return summary(out[kept] / wanted[kept])


def summary(ratio: FloatArray) -> tuple[float, float]:
    """Average distortion at the best scale, and the worst case, of ratios of distances.

    * average: the mean of ``|r / s - 1|`` at the :func:`best_scale` s;
    * worst: ``max r / min r``.

    0 and 1 without any ratio; the largest float where the smallest ratio is 0.
    """
    if ratio.size == 0:
        return 0.0, 1.0
    low, high = float(ratio.min()), float(ratio.max())
    if high == 0.0:
        return 1.0, sys.float_info.max
    average = float(np.abs(ratio / best_scale(ratio) - 1.0).mean())
    return average, min(high / low, sys.float_info.max) if low > 0.0 else sys.float_info.max


def best_scale(ratio: FloatArray, weight: FloatArray | None = None) -> float:
    """The s that makes the mean of ``|r / s - 1|`` over ratios of distances smallest.

    ``1/s`` is the median of the ``1/r`` weighted by ``r``, here times ``weight`` if it is given.
    """
    if weight is None:
        ordered = np.sort(ratio)[::-1]  # largest r first is smallest 1/r first
        half = ordered.cumsum()
    else:
        order = np.argsort(ratio)[::-1]
        ordered = ratio[order]
        half = (ordered * weight[order]).cumsum()
    return float(ordered[min(int(np.searchsorted(half, 0.5 * half[-1])), ordered.size - 1)])
