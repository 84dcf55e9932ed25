"""How much room a hyperbolic embedding of a taxonomy needs: radius, angles, digits.

Two radii are told for each dimension d, in curvature units 1/sqrt(c).

**At least** (volume). N points pairwise at distance 1 or more are the centres of N disjoint
balls of radius 1/2, all inside the ball of radius r + 1/2::

    N V(1/2) <= V(r + 1/2),        V(r) = const * integral of sinh^(d-1) from 0 to r

For large r that is r = ln(N) / (d - 1) + const: a dimension more is worth more than a radius.

**Enough** (construction; Sarkar 2011, "Low distortion Delaunay embeddings of trees in
hyperbolic plane"; Sala et al. 2018, arXiv 1804.03329). Every edge gets the length tau, and the
edges at a node leave it under angles of theta or more. By the law of cosines two siblings are
apart by

    d = 2 tau - 2 L + o(1),        L = -ln sin(theta / 2)

instead of 2 tau, and a longer way loses 2 L at each of its turns. Most is lost by a way that
turns by theta to the same side at every node: no other way with such edges and angles brings its
ends as near (Cauchy's arm lemma, Schur 1921). It runs beside a geodesic, on which it gets on by
l at every edge. The middle of an edge, one end of it and their feet on the geodesic make a
quadrilateral with three right angles, so that::

    cosh(l / 2) = cosh(tau / 2) sin(theta / 2)

and all distances are right within a factor of 1 + epsilon if tau / l <= 1 + epsilon. For small
epsilon that is tau = 2 L (1 + epsilon) / epsilon; siblings alone need half of it. (tau is at
least 1, so that nodes are as far apart as in the first estimate.) The radius is tau times the
height; with edge lengths, tau is the length of the shortest positive edge.

**Angles.** k is the largest number of edges at a node. In the plane theta = 2 pi / k. In more
dimensions the best angle is known for k <= d + 1 (a simplex, cos theta = -1/(k - 1)) and for
k <= 2 d (a right angle; both Rankin 1955). Beyond, theta is the angle whose cap is the k-th
part of the sphere: as long as caps of that size do not cover it there is room for one more
direction, so that k directions exist (Chabauty 1953, Shannon 1959, Wyner 1965). The bound from
the other side, by packing caps of half the angle, would be at most twice as wide; what
:func:`hyperhier.embedding.embed` finds lies between.

**Digits.** From the root, the edges that leave a node at radius R look e^-R times as far apart
as from the node. A stored direction is known to eps, in every model, so that theta e^-R must
stay clear of eps for the outermost inner nodes; that takes log2(e^R / theta) + 5 bits of
precision (four bits to spare). This grows like (height / epsilon) log k, as in Sala et al.,
and for deep trees it is the real limit, not the radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hyperhier._numerics import eps_of, max_of
from hyperhier.taxonomy._build import Structure
from hyperhier.taxonomy._primary import path_sums, primary_children, primary_weight

__all__ = ["STORAGES", "Room", "Storage", "advice", "held_by", "rooms"]

_SPARE_BITS = 4
_FARTHEST = 1e100  # shortest edges; more is the same to everyone
_STEPS = 100  # halvings of an interval
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True)
class Storage:
    """A model of hyperbolic space in a dtype: the radius it holds, its bits of precision."""

    name: str
    radius: float
    bits: int


def _bits(dtype: torch.dtype) -> int:
    return 1 - round(math.log2(eps_of(dtype)))


_F32, _F64 = _bits(torch.float32), _bits(torch.float64)

# radii of docs/numerics.md: those that are tested; of polar coordinates what they hold at all
_HYPERBOLOID_32 = Storage("hyperboloid float32", 80.0, _F32)
_HYPERBOLOID_64 = Storage("hyperboloid float64", 300.0, _F64)
STORAGES = (
    _HYPERBOLOID_32,
    Storage("ball float32", 17.0, _F32),
    Storage("polar float32", max_of(torch.float32) / 4, _F32),
    _HYPERBOLOID_64,
    Storage("ball float64", 37.0, _F64),
    Storage("polar float64", max_of(torch.float64) / 4, _F64),
)


@dataclass(frozen=True)
class Room:
    """What an embedding in one dimension needs; radii in curvature units.

    Attributes:
        dim: the dimension of the hyperbolic space.
        least_radius: any embedding with all nodes 1 apart needs it.
        angle: between the edges at the widest node, in radians.
        edge: length of the (shortest) edge for distances within the factor 1 + epsilon.
        radius: what the construction with such edges reaches.
        bits: precision of the directions that it needs (float32 has 24 bits, float64 53).
        fits: which models and dtypes hold it.
        float32_within, float64_within: the factor within which the dtype can hold the
            distances at best, on the hyperboloid; infinite if edges that are short enough for
            its digits keep no bound at all.
    """

    dim: int
    least_radius: float
    angle: float
    edge: float
    radius: float
    bits: int
    fits: tuple[str, ...]
    float32_within: float
    float64_within: float


def rooms(s: Structure, dims: Sequence[int], epsilon: float) -> tuple[Room, ...]:
    """The room that the tree (of a DAG: the tree of primary parents) needs."""
    children = primary_children(s)
    edges = int((children + (s.primary >= 0)).max())
    weight = primary_weight(s)
    positive = weight[weight > 0]
    unit = float(positive.min()) if positive.size else 1.0
    far = np.minimum(path_sums(s, weight), _FARTHEST * unit) / unit
    longest, inner = float(far.max()), float(far[children > 0].max(initial=0.0))
    return tuple(_room(dim, len(s.nodes), edges, longest, inner, epsilon) for dim in dims)


def _room(dim: int, nodes: int, edges: int, longest: float, inner: float, epsilon: float) -> Room:
    angle = separation(edges, dim)
    loss = -math.log(math.sin(0.5 * angle))
    edge = max(1.0, _edge_for(loss, epsilon))
    radius = edge * longest
    bits = 0  # on a line, or in a point, there is nothing to tell apart
    if edges > 2 and longest:
        bits = math.ceil(1 + _SPARE_BITS + (edge * inner - math.log(angle)) / math.log(2.0))

    def best(storage: Storage) -> float:
        if edges <= 2 or not longest:
            return 1.0
        room = (storage.bits - 1 - _SPARE_BITS) * math.log(2.0) + math.log(angle)
        tau = min(room / inner if inner else math.inf, storage.radius / longest)
        return _stretch(tau, loss)

    return Room(
        dim=dim,
        least_radius=_least_radius(nodes, dim),
        angle=angle,
        edge=edge,
        radius=radius,
        bits=bits,
        fits=tuple(t.name for t in STORAGES if radius <= t.radius and bits <= t.bits),
        float32_within=best(_HYPERBOLOID_32),
        float64_within=best(_HYPERBOLOID_64),
    )


def _log_cosh(x: float) -> float:
    return x + math.log1p(math.exp(-2.0 * x)) - math.log(2.0)


def _edge_for(loss: float, epsilon: float) -> float:
    """The tau for which ``_stretch`` is 1 + epsilon."""
    return _where(
        lambda tau: _log_cosh(0.5 * tau) - _log_cosh(0.5 * tau / (1.0 + epsilon)),
        loss,
        0.0,
        2.0 * (loss + math.log(2.0)) * (1.0 + epsilon) / epsilon,
    )


def _stretch(tau: float, loss: float) -> float:
    """tau / l; infinite where the way closes to a polygon."""
    y = _log_cosh(0.5 * tau) - loss
    if y <= 0.0:
        return math.inf
    return 0.5 * tau / (y + math.log1p(math.sqrt(-math.expm1(-2.0 * y))))


def advice(rooms: Sequence[Room], epsilon: float) -> str:
    """One line: the least dimension that does in each dtype, or what is possible instead."""
    within = f"distances within {epsilon:.0%}"
    found = []
    for dtype in ("float32", "float64"):
        for room in rooms:
            if models := held_by(room, dtype):
                found.append(
                    f"{dtype} from dimension {room.dim} (radius {room.radius:.3g}; "
                    f"{', '.join(models)})"
                )
                break
    if found:
        return f"{within}: {', '.join(found)}"
    last = rooms[-1]
    best = last.float64_within
    rest = (
        f"float64 holds them within a factor of {best:.2g} there"
        if math.isfinite(best)
        else "edges short enough for float64 keep no such bound there"
    )
    return (
        f"{within}: not up to dimension {last.dim} (radius {last.radius:.3g}, directions of "
        f"{last.bits} bits); {rest}. The order of the tree (target='closure') needs less"
    )


def held_by(room: Room, dtype: str) -> tuple[str, ...]:
    """The models that hold it in a dtype."""
    return tuple(name.split()[0] for name in room.fits if name.endswith(dtype))


def separation(count: int, dim: int) -> float:
    """An angle that ``count`` directions of R^dim can keep from each other; see the module.

    >>> [round(math.degrees(separation(k, 3))) for k in (2, 4, 6, 100)]
    [180, 109, 90, 11]
    """
    if count <= 2:
        return math.pi
    if dim == 2:
        return 2.0 * math.pi / count
    if count <= dim + 1:
        return math.acos(-1.0 / (count - 1))
    if count <= 2 * dim:
        return 0.5 * math.pi
    sphere = math.sqrt(math.pi) * math.exp(math.lgamma(0.5 * (dim - 1)) - math.lgamma(0.5 * dim))

    def share(angle: float) -> float:
        t = 0.5 * angle * (_NODES + 1.0)
        return 0.5 * angle * float(_WEIGHTS @ np.sin(t) ** (dim - 2)) / sphere

    return _where(share, 1.0 / count, 0.0, 0.5 * math.pi)


def _least_radius(nodes: int, dim: int) -> float:
    if nodes < 2:
        return 0.0
    wanted = math.log(nodes) + _log_volume(0.5, dim)
    return _where(lambda r: _log_volume(r + 0.5, dim), wanted, 0.0, math.log(nodes) + 1.0)


def _log_volume(radius: float, dim: int) -> float:
    """ln of the integral of sinh^(d-1), by its values relative to that at the end."""
    # all but e^-40 of it lies within 40 / (d - 1) of the end
    width = min(radius, 40.0 / (dim - 1))
    t = radius - 0.5 * width * (_NODES + 1.0)
    log_sinh = t + np.log(-np.expm1(-2.0 * t)) - math.log(2.0)
    peak = float(log_sinh.max())
    return (dim - 1) * peak + math.log(
        0.5 * width * float(_WEIGHTS @ np.exp((dim - 1) * (log_sinh - peak)))
    )


def _where(rising: Callable[[float], float], value: float, low: float, high: float) -> float:
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return 0.5 * (low + high)
