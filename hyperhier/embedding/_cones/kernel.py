"""One step of max-margin training of cones or half-spaces, for all pairs of a batch at once.

A point is a radius a and a unit direction n. Kept of the radius are S = sinh a and Q = e^a in
hyperbolic space, and S = Q = a in flat space; C stands for cosh a, or 1. In the triangle of the
origin, u and v (radii a and b, chord s between directions, angle theta at the origin, third side
d), with ``gap = sinh(a - b)`` or ``a - b`` and D = sinh d or d:

    dd/da = (gap + C_u S_v s^2 / 2) / D,      per length across: -S_v sin(theta) / D,
    cos Xi = -dd/db,    sin Xi = S_u sin(theta) / D,
    dXi/da = -S_v sin(theta) / D^2,           per length across: dd/da / D,
    dXi/db = sin Xi cosh(d) / D,              per length across: cos Xi cosh(d) / D + C_v / S_v.

A point moves against its gradient, summed over the batch, along the geodesic; with the step
2 artanh(h), that needs no function but roots. In flat space lengths count in units of the
point's norm (the metric dx^2 / |x|^2), so that points of very different norms keep pace.

The cone's energy is taken with its sign, Xi - psi also inside the cone: else a false descendant
deep in a cone would never be driven out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CONE",
    "HALF_SPACE",
    "MAX_RADIUS",
    "Points",
    "Rule",
    "compiled_step",
    "move",
    "plain_step",
    "run_loops",
]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

HALF_SPACE, CONE = 0, 1
#: sinh of it may be raised to the fourth power
MAX_RADIUS = 150.0
# The longest move of a point in one step, in units of the curvature radius or of its norm.
_LONGEST = 1.0


@dataclass
class Points:
    """The state of a training.

    Attributes:
        size: ``(N,)``, Q above.
        sinh: ``(N,)``, S above.
        direction: ``(N, d)`` unit vectors.
    """

    size: FloatArray
    sinh: FloatArray
    direction: FloatArray

    @classmethod
    def of(cls, features: FloatArray, *, curved: bool) -> Points:
        """From features, whose length is the radius in units of the curvature radius."""
        radius = np.sqrt((features * features).sum(axis=1))
        apart = radius > 0.0
        direction = features / np.where(apart, radius, 1.0)[:, None]
        direction[~apart] = 0.0
        direction[~apart, 0] = 1.0
        if not curved:
            return cls(radius.copy(), radius.copy(), direction)
        radius = np.minimum(radius, MAX_RADIUS)
        return cls(np.exp(radius), np.sinh(radius), direction)

    def features(self, *, curved: bool) -> FloatArray:
        """What :meth:`of` takes."""
        radius = np.arcsinh(self.sinh) if curved else self.sinh
        return radius[:, None] * self.direction


@dataclass(frozen=True)
class Rule:
    """What is trained.

    Attributes:
        energy: :data:`CONE` or :data:`HALF_SPACE`.
        curved: hyperbolic or flat.
        limit: S at which the sine of the aperture is 1.
        margin: of the energy of a negative pair.
        slack: of the energy of a positive pair.
        saturation: the loss x of a pair counts as ``x / (1 + x / saturation)``.
    """

    energy: int
    curved: bool
    limit: float
    margin: float
    slack: float
    saturation: float = math.inf


def plain_step(
    points: Points,
    child: IntArray,
    ancestor: IntArray,
    others: IntArray,
    start: IntArray,
    known: IntArray,
    rule: Rule,
    lr: float,
) -> float:
    """Move the points by one batch, in numpy; the summed loss before the move.

    Args:
        child, ancestor: ``(P,)`` the positive pairs.
        others: ``(P, 2 m)``; m take the place of the ancestor, then m that of the child.
        start, known: the ancestors of u, ascending, are ``known[start[u]:start[u + 1]]``; such
            pairs are not taken as negatives.
    """
    many, count = others.shape
    u = np.repeat(child[:, None], 1 + count, axis=1)
    v = np.repeat(ancestor[:, None], 1 + count, axis=1)
    v[:, 1 : 1 + count // 2] = others[:, : count // 2]
    u[:, 1 + count // 2 :] = others[:, count // 2 :]
    sign = np.full((many, 1 + count), -1.0)
    sign[:, 0] = 1.0
    u, v, sign = u.ravel(), v.ravel(), sign.ravel()
    apart = u != v
    u, v, sign = u[apart], v[apart], sign[apart]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value, slopes = _energies(points, u, v, rule)
    loss = np.where(sign > 0.0, value + rule.slack, rule.margin - value)
    held = (loss > 0.0) & np.isfinite(slopes).all(axis=0)
    at = np.flatnonzero(held & (sign < 0.0))
    keys = np.repeat(np.arange(len(start) - 1), np.diff(start)) * len(start) + known
    asked = u[at] * len(start) + v[at]
    place = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    held[at[keys[place] == asked]] = False

    u, v, slopes, loss = u[held], v[held], slopes[:, held], loss[held]
    bend = 1.0 / (1.0 + loss / rule.saturation)
    sign = sign[held] * bend * bend
    radial, across = np.zeros_like(points.sinh), np.zeros_like(points.direction)
    ends = np.stack((u, v), axis=1).ravel()
    np.add.at(radial, ends, np.stack((sign * slopes[0], sign * slopes[2]), axis=1).ravel())
    toward = points.direction[v] - points.direction[u]
    pull = np.stack(
        ((sign * slopes[1])[:, None] * toward, -(sign * slopes[3])[:, None] * toward), axis=1
    )
    np.add.at(across, ends, pull.reshape(len(ends), toward.shape[1]))
    move(points, np.unique(ends), radial, across, rule.curved, lr)
    return float((loss * bend).sum())


def _energies(
    points: Points, u: IntArray, v: IntArray, rule: Rule
) -> tuple[FloatArray, FloatArray]:
    """Energies ``(n,)`` and slopes ``(4, n)``: of u along its radius, of u across per difference
    of the directions, and the same of v."""
    n_u, n_v = points.direction[u], points.direction[v]
    s_u, s_v, q_u, q_v = points.sinh[u], points.sinh[v], points.size[u], points.size[v]
    chord = ((n_v - n_u) ** 2).sum(axis=1)
    if rule.curved:
        c_u, c_v = np.sqrt(1.0 + s_u * s_u), np.sqrt(1.0 + s_v * s_v)
        gap = 0.5 * (q_u / q_v - q_v / q_u)
        climb = 0.25 * (q_u - q_v) * (q_u / q_v - 1.0) / q_u
        z = climb + 0.25 * s_u * s_v * chord
        sinh_d, cosh_d = 2.0 * np.sqrt(z) * np.sqrt(z + 1.0), 1.0 + 2.0 * z
    else:
        c_u = c_v = cosh_d = np.ones_like(s_u)
        gap = s_u - s_v
        sinh_d = np.sqrt(gap * gap + s_u * s_v * chord)
    along_u = (gap + 0.5 * c_u * s_v * chord) / sinh_d
    along_v = (0.5 * c_v * s_u * chord - gap) / sinh_d
    if rule.energy == HALF_SPACE:
        if rule.curved:
            value = np.log1p(2.0 * z + sinh_d) - np.log(q_u)
        else:
            value = sinh_d - s_u
        return value, np.stack((along_u - 1.0, -s_v / sinh_d, along_v, -s_u / sinh_d))

    sine = np.sqrt(np.maximum(chord * (1.0 - 0.25 * chord), 0.0))
    sin_xi, cos_xi = s_u * sine / sinh_d, -along_v
    outside = s_v > rule.limit
    ratio = np.where(outside, rule.limit / s_v, s_v / rule.limit)
    psi = np.arcsin(ratio)
    root = np.sqrt(1.0 - ratio * ratio)
    psi_slope = np.where(outside, -ratio * c_v / s_v, -c_v / rule.limit) / root
    psi = np.where(outside, psi, math.pi - psi)
    excess = np.arctan2(sin_xi, cos_xi) - psi
    tilt = 1.0 / np.where(sine > 0.0, sine, np.inf)
    return excess, np.stack(
        (
            -s_v * sine / (sinh_d * sinh_d),
            -along_u / sinh_d * tilt,
            sin_xi * cosh_d / sinh_d - psi_slope,
            -(cos_xi * cosh_d / sinh_d + c_v / s_v) * tilt,
        )
    )


def move(
    points: Points,
    nodes: IntArray,
    radial: FloatArray,
    across: FloatArray,
    curved: bool,
    lr: float,
) -> None:
    """Take the nodes along geodesics, against their gradients.

    Args:
        nodes: ``(M,)``.
        radial, across: ``(N,)`` and ``(N, d)``, gradients in the frames at the points; what of
            the second lies along the radius counts for nothing.
    """
    n, sinh, along = points.direction[nodes], points.sinh[nodes], radial[nodes]
    side = across[nodes]
    side = side - (side * n).sum(axis=1, keepdims=True) * n
    width = np.sqrt((side * side).sum(axis=1))
    length = np.hypot(along, width)
    moved = length > 0.0
    nodes, n, sinh, along = nodes[moved], n[moved], sinh[moved], along[moved]
    side, width, length = side[moved], width[moved], length[moved]
    cos, sin = -along / length, width / length
    side = -side / np.where(width > 0.0, width, 1.0)[:, None]
    if curved:
        half = 0.5 * np.minimum(lr * length, _LONGEST)
        rest = 1.0 / (1.0 - half * half)
        grow, reach = (1.0 + half * half) * rest, 2.0 * half * rest
        out = sinh * grow + np.sqrt(1.0 + sinh * sinh) * reach * cos
    else:
        reach = sinh * np.minimum(lr * length * sinh, _LONGEST)
        out = sinh + reach * cos
    to_side = reach * sin
    new = np.hypot(out, to_side)
    direction = out[:, None] * n + to_side[:, None] * side
    norm = np.sqrt((direction * direction).sum(axis=1))
    kept = norm > 0.0
    points.direction[nodes[kept]] = direction[kept] / norm[kept][:, None]
    if curved:
        new = np.minimum(new, math.sinh(MAX_RADIUS))
        points.size[nodes] = new + np.sqrt(1.0 + new * new)
    else:
        points.size[nodes] = new
    points.sinh[nodes] = new


@cache
def compiled_step() -> Callable[..., float]:
    """:func:`plain_step` as machine code."""
    import numba

    loops: Callable[..., float] = numba.njit(nogil=True, cache=True)(_step)

    def step(
        points: Points,
        child: IntArray,
        ancestor: IntArray,
        others: IntArray,
        start: IntArray,
        known: IntArray,
        rule: Rule,
        lr: float,
    ) -> float:
        return run_loops(loops, points, child, ancestor, others, start, known, rule, lr)

    return step


def run_loops(
    loops: Callable[..., float],
    points: Points,
    child: IntArray,
    ancestor: IntArray,
    others: IntArray,
    start: IntArray,
    known: IntArray,
    rule: Rule,
    lr: float,
) -> float:
    """Call :func:`_step`, compiled or not, as :func:`plain_step` is called."""
    dim = points.direction.shape[1]
    return loops(
        points.size,
        points.sinh,
        points.direction,
        child,
        ancestor,
        others,
        start,
        known,
        rule.energy == CONE,
        rule.curved,
        rule.limit,
        rule.margin,
        rule.slack,
        rule.saturation,
        lr,
        np.full(len(points.sinh), -1, dtype=np.int64),
        np.zeros((2 * others.size + 2 * len(child), 1 + dim)),
    )


def _step(
    size: FloatArray,
    sinh: FloatArray,
    direction: FloatArray,
    child: IntArray,
    ancestor: IntArray,
    others: IntArray,
    start: IntArray,
    known: IntArray,
    cone: bool,
    curved: bool,
    limit: float,
    margin: float,
    slack: float,
    saturation: float,
    lr: float,
    row: IntArray,
    slope: FloatArray,
) -> Any:
    """``row``: of each node in ``slope``, -1 where it has none yet; ``slope``: zeros."""
    dim = direction.shape[1]
    count = others.shape[1]
    touched = np.empty(len(slope), dtype=np.int64)
    found = 0
    total = 0.0
    c_u = c_v = cosh_d = 1.0
    for i in range(len(child)):
        for j in range(1 + count):
            u, v = child[i], ancestor[i]
            if 0 < j <= count // 2:
                v = others[i, j - 1]
            elif j > 0:
                u = others[i, j - 1]
            if u == v:
                continue
            chord = 0.0
            for k in range(dim):
                part = direction[v, k] - direction[u, k]
                chord += part * part
            s_u, s_v, q_u, q_v = sinh[u], sinh[v], size[u], size[v]
            if curved:
                c_u, c_v = math.sqrt(1.0 + s_u * s_u), math.sqrt(1.0 + s_v * s_v)
                gap = 0.5 * (q_u / q_v - q_v / q_u)
                z = 0.25 * (q_u - q_v) * (q_u / q_v - 1.0) / q_u + 0.25 * s_u * s_v * chord
                sinh_d, cosh_d = 2.0 * math.sqrt(z) * math.sqrt(z + 1.0), 1.0 + 2.0 * z
            else:
                z = 0.0
                gap = s_u - s_v
                sinh_d = math.sqrt(gap * gap + s_u * s_v * chord)
            if sinh_d == 0.0:
                continue
            along_u = (gap + 0.5 * c_u * s_v * chord) / sinh_d
            along_v = (0.5 * c_v * s_u * chord - gap) / sinh_d
            if cone:
                if s_v == 0.0:
                    continue
                sine = math.sqrt(max(chord * (1.0 - 0.25 * chord), 0.0))
                sin_xi, cos_xi = s_u * sine / sinh_d, -along_v
                if s_v > limit:
                    ratio = limit / s_v
                    psi = math.asin(ratio)
                    psi_slope = -ratio * c_v / s_v
                else:
                    ratio = s_v / limit
                    psi = math.pi - math.asin(ratio)
                    psi_slope = -c_v / limit
                value = math.atan2(sin_xi, cos_xi) - psi
            elif curved:
                value = math.log1p(2.0 * z + sinh_d) - math.log(q_u)
            else:
                value = sinh_d - s_u
            loss = value + slack if j == 0 else margin - value
            if not loss > 0.0:
                continue
            if j > 0:
                barred = False
                for k in range(start[u], start[u + 1]):
                    if known[k] == v:
                        barred = True
                        break
                if barred:
                    continue
            if cone:
                if ratio == 1.0:
                    continue
                tilt = 0.0 if sine == 0.0 else 1.0 / sine
                u_along, u_across = (
                    -s_v * sine / (sinh_d * sinh_d),
                    -along_u / sinh_d * tilt,
                )
                v_along = sin_xi * cosh_d / sinh_d - psi_slope / math.sqrt(1.0 - ratio * ratio)
                v_across = -(cos_xi * cosh_d / sinh_d + c_v / s_v) * tilt
            else:
                u_along, u_across = along_u - 1.0, -s_v / sinh_d
                v_along, v_across = along_v, -s_u / sinh_d
            bend = 1.0 / (1.0 + loss / saturation)
            total += loss * bend
            sign = bend * bend if j == 0 else -bend * bend
            for node in (u, v):
                if row[node] < 0:
                    row[node] = found
                    touched[found] = node
                    found += 1
            at, to = row[u], row[v]
            slope[at, 0] += sign * u_along
            slope[to, 0] += sign * v_along
            for k in range(dim):
                part = sign * (direction[v, k] - direction[u, k])
                slope[at, 1 + k] += u_across * part
                slope[to, 1 + k] -= v_across * part

    most = math.sinh(MAX_RADIUS)
    for i in range(found):
        node = touched[i]
        dot = 0.0
        for k in range(dim):
            dot += slope[i, 1 + k] * direction[node, k]
        width = 0.0
        for k in range(dim):
            slope[i, 1 + k] -= dot * direction[node, k]
            width += slope[i, 1 + k] * slope[i, 1 + k]
        along, width = slope[i, 0], math.sqrt(width)
        length = math.hypot(along, width)
        if length == 0.0:
            continue
        s = sinh[node]
        if curved:
            half = 0.5 * min(lr * length, _LONGEST)
            rest = 1.0 / (1.0 - half * half)
            reach = 2.0 * half * rest
            out = s * (1.0 + half * half) * rest - math.sqrt(1.0 + s * s) * reach * along / length
        else:
            reach = s * min(lr * length * s, _LONGEST)
            out = s - reach * along / length
        to_side = 0.0 if width == 0.0 else -reach / length
        new = math.hypot(out, reach * width / length)
        norm = 0.0
        for k in range(dim):
            slope[i, 1 + k] = out * direction[node, k] + to_side * slope[i, 1 + k]
            norm += slope[i, 1 + k] * slope[i, 1 + k]
        norm = math.sqrt(norm)
        if norm > 0.0:
            for k in range(dim):
                direction[node, k] = slope[i, 1 + k] / norm
        if curved:
            new = min(new, most)
            size[node] = new + math.sqrt(1.0 + new * new)
        else:
            size[node] = new
        sinh[node] = new
    return total
