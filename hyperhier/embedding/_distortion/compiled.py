"""The inner loops of stress minimisation for numba; the same arithmetic as in ``_stress_polar``."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_STRIDE = 0.45
_LOG_2 = 0.6931471805599453
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD  # of the float64 nearest to sqrt(1/2)
_FAST = {"contract", "arcp", "nsz", "reassoc"}


@cache
def compiled(name: str) -> Callable[..., None]:
    """``"move"``, ``"evaluate"`` or ``"move_chord"`` as machine code."""
    import numba

    source = {"move": _move, "evaluate": _evaluate, "move_chord": _move_chord}[name]
    function: Callable[..., None] = numba.njit(nogil=True, cache=True, fastmath=_FAST)(source)
    return function


def _move(
    direction: FloatArray, half: FloatArray, sinh: FloatArray, first: IntArray, second: IntArray,
    wanted: FloatArray, weight: FloatArray, scale: float, rate: float, delta: float, below: float,
    above: float, worst_weight: float,
) -> Any:  # fmt: skip
    dim = direction.shape[1]
    new = np.empty(dim)
    squares = math.isinf(delta)
    steep_below, steep_above = 8.0 * worst_weight / below**8, 8.0 * worst_weight / above**8
    for k in range(len(first)):
        target = scale * wanted[k]
        if target <= 0.0:
            continue
        i, j = first[k], second[k]
        chord = 0.0
        for c in range(dim):
            step = direction[j, c] - direction[i, c]
            chord += step * step
        a, b, sinh_a, sinh_b = half[i], half[j], sinh[i], sinh[j]
        up, down = b / a, a / b
        z = 0.25 * (up - down) * (up - down) + 0.25 * sinh_a * sinh_b * chord
        sinh_d = 2.0 * math.sqrt(z * (z + 1.0))
        if sinh_d == 0.0:
            continue
        distance = math.log1p(2.0 * z + sinh_d)
        error = distance / target - 1.0
        stiffness = 1.0
        if not squares:
            stiffness = 1.0 / math.sqrt(error * error + delta * delta)
        cube = error * error * error
        stiffness += (steep_below if error < 0.0 else steep_above) * cube * cube
        share = min(1.0, rate * weight[k] * stiffness / (target * target))
        move = min(_STRIDE, max(-_STRIDE, 0.25 * share * (distance - target)))
        cosh_t = (1.0 + move * move) / (1.0 - move * move)
        sinh_t = 2.0 * move / (1.0 - move * move)
        between = 0.5 * (up * up - down * down)
        cosh_a = 0.5 * (a * a + 1.0 / (a * a))
        cosh_b = 0.5 * (b * b + 1.0 / (b * b))
        along_a = (between - 0.5 * cosh_a * sinh_b * chord) / sinh_d
        along_b = (-between - 0.5 * cosh_b * sinh_a * chord) / sinh_d
        radial_a = sinh_a * cosh_t + cosh_a * sinh_t * along_a
        radial_b = sinh_b * cosh_t + cosh_b * sinh_t * along_b
        across_a = sinh_t * sinh_b / sinh_d
        across_b = sinh_t * sinh_a / sinh_d
        size_a = 0.0
        size_b = 0.0
        for c in range(dim):
            n, m = direction[i, c], direction[j, c]
            x = radial_a * n + across_a * (m - n + 0.5 * chord * n)
            y = radial_b * m + across_b * (n - m + 0.5 * chord * m)
            new[c] = x
            direction[j, c] = y
            size_a += x * x
            size_b += y * y
        size_a, size_b = math.sqrt(size_a), math.sqrt(size_b)
        if size_a > 0.0:
            for c in range(dim):
                direction[i, c] = new[c] / size_a
            sinh[i] = size_a
            half[i] = math.sqrt(size_a + math.sqrt(1.0 + size_a * size_a))
        if size_b > 0.0:
            for c in range(dim):
                direction[j, c] /= size_b
            sinh[j] = size_b
            half[j] = math.sqrt(size_b + math.sqrt(1.0 + size_b * size_b))
        else:
            for c in range(dim):
                direction[j, c] = 0.0
            direction[j, 0] = 1.0
            sinh[j] = 0.0
            half[j] = 1.0


def _evaluate(
    columns: FloatArray, half: FloatArray, sinh: FloatArray, table: FloatArray, mass: FloatArray,
    scale: float, delta: float, below: float, above: float, worst_weight: float,
    gradient: FloatArray, sums: FloatArray,
) -> Any:  # fmt: skip
    """Fills ``gradient`` ``(dim, n)`` and total, least and largest error and sum of weights.

    The loops over all points are short of branches and of calls, so that they run on vectors.
    The logarithm is taken apart: exponent bits, and the series of artanh for the rest.
    """
    dim, size = columns.shape
    squares = math.isinf(delta)
    chord, sinh_d, error = np.empty(size), np.empty(size), np.empty(size)
    grown, rest, force = np.empty(size), np.empty(size), np.empty(size)
    bits = grown.view(np.int64)
    total = 0.0
    lowest = 0.0
    highest = 0.0
    weights = 0.0
    steep_below, steep_above = 8.0 * worst_weight / below**8, 8.0 * worst_weight / above**8
    for k in range(size):
        chord[:] = 0.0
        for c in range(dim):
            row, here = columns[c], columns[c, k]
            for v in range(size):
                step = row[v] - here
                chord[v] += step * step
        inverse = 1.0 / half[k]
        cosh = 0.5 * (half[k] * half[k] + inverse * inverse)
        factor = 0.25 * sinh[k]
        for v in range(size):
            up = half[v] * inverse
            climb = 0.5 * (up - 1.0 / up)
            z = climb * climb + factor * sinh[v] * chord[v]
            sine = 2.0 * math.sqrt(z * (z + 1.0))
            more = 2.0 * z + sine
            whole = 1.0 + more
            grown[v] = whole
            rest[v] = (more - (whole - 1.0)) / whole
            sinh_d[v] = sine
        for v in range(size):
            shift = (bits[v] - _SQRT_HALF_BITS) >> 52
            error[v] = shift * _LOG_2 + rest[v]
            bits[v] -= shift << 52
        for v in range(size):
            s = (grown[v] - 1.0) / (grown[v] + 1.0)
            y = s * s
            series = y * (1 / 21) + 1 / 19
            series = series * y + 1 / 17
            series = series * y + 1 / 15
            series = series * y + 1 / 13
            series = series * y + 1 / 11
            series = series * y + 1 / 9
            series = series * y + 1 / 7
            series = series * y + 1 / 5
            series = series * y + 1 / 3
            error[v] += 2.0 * s * (series * y + 1.0)
        row = table[k]
        for v in range(size):
            kept = row[v] > 0.0
            shorter = 1.0 / (scale * row[v]) if kept else 0.0
            e = error[v] * shorter - 1.0 if kept else 0.0
            weight = mass[k] * mass[v] if kept else 0.0
            if squares:
                value, slope = 0.5 * e * e, e
            else:
                length = math.sqrt(e * e + delta * delta)
                value, slope = length - delta, e / length
            e2 = e * e
            power = (steep_below if e < 0.0 else steep_above) * e2 * e2 * e2
            value += 0.125 * power * e2
            slope += power * e
            total += weight * value
            weights += weight
            lowest = min(lowest, e)
            highest = max(highest, e)
            force[v] = weight * slope * shorter
        along = 0.0
        drawn = 0.0
        for v in range(size):
            f = force[v] / sinh_d[v] if sinh_d[v] > 0.0 else 0.0
            up = half[v] * inverse
            up *= up
            along += f * (0.5 * (up - 1.0 / up) - 0.5 * cosh * sinh[v] * chord[v])
            pull = f * sinh[v]
            force[v] = pull
            drawn += 0.5 * pull * chord[v]
        for c in range(dim):
            row, here = columns[c], columns[c, k]
            pulled = 0.0
            for v in range(size):
                pulled += force[v] * (row[v] - here)
            gradient[c, k] = -(pulled + (drawn + along) * here)
    sums[0] = total
    sums[1] = lowest
    sums[2] = highest
    sums[3] = weights


def _move_chord(
    points: FloatArray, is_round: bool, first: IntArray, second: IntArray, wanted: FloatArray,
    weight: FloatArray, scale: float, rate: float, delta: float, below: float, above: float,
    worst_weight: float,
) -> Any:  # fmt: skip
    """The moves of ``_stress_chord``."""
    dim = points.shape[1]
    squares = math.isinf(delta)
    steep_below, steep_above = 8.0 * worst_weight / below**8, 8.0 * worst_weight / above**8
    for k in range(len(first)):
        target = scale * wanted[k]
        if target <= 0.0:
            continue
        i, j = first[k], second[k]
        chord = 0.0
        for c in range(dim):
            step = points[j, c] - points[i, c]
            chord += step * step
        chord = math.sqrt(chord)
        distance = 2.0 * math.asin(min(0.5 * chord, 1.0)) if is_round else chord
        sine = math.sin(distance) if is_round else chord
        if sine <= 0.0:
            continue
        error = distance / target - 1.0
        stiffness = 1.0
        if not squares:
            stiffness = 1.0 / math.sqrt(error * error + delta * delta)
        cube = error * error * error
        stiffness += (steep_below if error < 0.0 else steep_above) * cube * cube
        share = min(1.0, rate * weight[k] * stiffness / (target * target))
        move = 0.5 * share * (distance - target)
        if is_round:
            own, other = math.sin(distance - move) / sine, math.sin(move) / sine
        else:
            own, other = 1.0 - move / chord, move / chord
        size_i = 0.0
        size_j = 0.0
        for c in range(dim):
            x, y = points[i, c], points[j, c]
            points[i, c] = own * x + other * y
            points[j, c] = own * y + other * x
            size_i += points[i, c] ** 2
            size_j += points[j, c] ** 2
        if is_round:
            size_i, size_j = math.sqrt(size_i), math.sqrt(size_j)
            for c in range(dim):
                points[i, c] /= size_i
                points[j, c] /= size_j
