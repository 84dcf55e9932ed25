"""How far a geometry is from exact arithmetic: pairs of stored points, and errors on them.

A geometry is anything with ``dist``, ``egrad2rgrad``, ``expmap``, ``logmap`` and ``transp``: a
manifold of this library, or one of another. The reference is computed from the numbers as they
are stored, with 100 digits and more: what is measured is the formula, and the rounding of its
result. Radii are in curvature units 1/sqrt(c), and tangent vectors are one unit long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from mpmath import mpf
from torch import Tensor

from hyperhier.manifolds import Manifold
from hyperhier.testing.reference import ExactHyperbolic, Vector

__all__ = [
    "COINCIDENT",
    "DISTINCT",
    "SEPARATIONS",
    "Geometry",
    "Sample",
    "distance_errors",
    "expmap_errors",
    "gradient_errors",
    "logmap_errors",
    "round_trip_errors",
    "sample",
    "transport_errors",
]

DIGITS = 100
#: smaller errors are the rounding of the reference itself
NEGLIGIBLE = 1e-50

SEPARATIONS = {"1e-6 apart": 1e-6, "1e-4 apart": 1e-4, "0.01 apart": 0.01, "0.1 apart": 0.1}
DISTINCT = ("far", "inner-outer", "radial", "parent-child", *SEPARATIONS, "to the origin")
COINCIDENT = "coincident"


class Geometry(Protocol):
    """What is measured: these methods have the same names here and in geoopt."""

    def dist(self, x: Tensor, y: Tensor, /) -> Tensor: ...
    def egrad2rgrad(self, x: Tensor, u: Tensor, /) -> Tensor: ...
    def expmap(self, x: Tensor, u: Tensor, /) -> Tensor: ...
    def logmap(self, x: Tensor, y: Tensor, /) -> Tensor: ...
    def transp(self, x: Tensor, y: Tensor, v: Tensor, /) -> Tensor: ...


# ------------------------------------------------------------------------------- samples


@dataclass(frozen=True)
class Sample:
    """Stored pairs of points x and y, tangent vectors u at x, and what the numbers stand for."""

    exact: ExactHyperbolic
    x: Tensor
    y: Tensor
    u: Tensor

    @cached_property
    def starts(self) -> list[Vector]:
        """The points x."""
        return [self.exact.point(x) for x in self.x]

    @cached_property
    def ends(self) -> list[Vector]:
        """The points y."""
        return [self.exact.point(y) for y in self.y]

    @cached_property
    def steps(self) -> list[Vector]:
        """The tangent vectors u."""
        return [self.exact.vector(x, u) for x, u in zip(self.x, self.u)]

    @cached_property
    def distances(self) -> list[mpf]:
        """From x to y."""
        return [self.exact.dist(p, q) for p, q in zip(self.starts, self.ends)]

    @cached_property
    def logarithms(self) -> list[Vector]:
        """The tangent vectors at x that lead to y."""
        return [self.exact.logmap(p, q) for p, q in zip(self.starts, self.ends)]

    @cached_property
    def arrivals(self) -> list[Vector]:
        """The points that the steps lead to."""
        return [self.exact.expmap(p, s) for p, s in zip(self.starts, self.steps)]

    def distinct(self) -> Sample:
        """Without the pairs that became one point when they were stored."""
        rows = [i for i, d in enumerate(self.distances) if d != 0]
        return Sample(self.exact, self.x[rows], self.y[rows], self.u[rows])


def sample(m: Manifold, kind: str, radius: float, dims: int, n: int, dtype: torch.dtype) -> Sample:
    """``n`` pairs of a kind about ``radius`` from the origin, less those that storage merged."""
    unit = 1.0 / math.sqrt(-m.sectional_curvature)
    x, y = (_stored(m, unit * z, dtype) for z in _swap_every_second(*_pairs(kind, radius, dims, n)))
    digits = DIGITS + 2 * math.ceil(radius)  # e^(2 radius) cancels
    found = Sample(ExactHyperbolic(m, digits), x, y, _steps(m, x))
    return found if kind == COINCIDENT else found.distinct()


def _pairs(kind: str, radius: float, dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Features of ``n`` pairs, in curvature units."""
    if kind in SEPARATIONS:
        return _separated(SEPARATIONS[kind], radius, dims, n)
    a, b = _directions(dims, n)
    z = radius * a
    if kind == "far":
        return z, radius * b
    if kind == "inner-outer":
        return z, radius / 4 * b
    if kind == "radial":
        return z, 0.9 * z
    if kind == "parent-child":
        return max(radius - 1.0, 0.0) * a, radius * _normalised(a + math.exp(-radius / 2) * b)
    if kind == "to the origin":
        return z, 0.0 * z
    return z, z


def _separated(distance: float, radius: float, dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Pairs at one radius, ``distance`` apart across the rays.

    The displacement has its own half of the coordinates, which are 0 at the other end, and so
    survives in a dtype that could not tell the points apart in the other half.
    """
    a, b = _directions(dims, n)
    a[:, dims // 2 :], b[:, : dims // 2] = 0.0, 0.0
    angle = 2.0 * math.asin(min(1.0, math.sinh(distance / 2) / math.sinh(radius)))
    a, b = _normalised(a), _normalised(b)
    return radius * a, radius * (math.cos(angle) * a + math.sin(angle) * b)


def _directions(dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Two sets of ``n`` random unit vectors, the same in every call."""
    g = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, dims, dtype=torch.float64, generator=g) for _ in range(2))
    return _normalised(a), _normalised(b)


def _normalised(v: Tensor) -> Tensor:
    return v / v.norm(dim=-1, keepdim=True)


def _swap_every_second(z: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    odd = (torch.arange(len(z)) % 2 == 1).unsqueeze(-1)
    return torch.where(odd, w, z), torch.where(odd, z, w)


def _stored(m: Manifold, z: Tensor, dtype: torch.dtype) -> Tensor:
    """The points of float64 features, rounded to ``dtype`` only at the end."""
    return m.projx(m.from_features(z).to(dtype))


def _steps(m: Manifold, x: Tensor) -> Tensor:
    """A tangent vector at each x, one curvature unit long, in no preferred direction.

    They lead to random points near x: an offset of the features across the ray is shortened
    by r / sinh(r), the factor by which the space around the origin lengthens it.
    """
    root_c = math.sqrt(-m.sectional_curvature)
    x64 = x.double()
    z = root_c * m.to_features(x64)
    r = z.norm(dim=-1, keepdim=True)
    at_origin = r == 0
    ray = z / torch.where(at_origin, 1.0, r)
    offset = _normalised(
        torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1))
    )
    along = (offset * ray).sum(-1, keepdim=True) * ray
    shrink = torch.where(at_origin, 1.0, r / torch.where(at_origin, 1.0, r.sinh()))
    u = m.logmap(x64, m.from_features((z + along + shrink * (offset - along)) / root_c))
    return m.proju(x, (u / (root_c * m.norm(x64, u, keepdim=True))).to(x.dtype))


# -------------------------------------------------------------------------------- errors
# Each function gives one error per pair, infinite where the result is not finite. Inputs
# are cloned because a peer writes into its arguments.


def distance_errors(g: Geometry, s: Sample) -> list[float]:
    """Relative; absolute where the distance is 0."""
    found = g.dist(s.x.clone(), s.y.clone()).tolist()
    return [_abs_or_inf((d - e) / (e or 1)) for d, e in zip(found, s.distances)]


def gradient_errors(g: Geometry, s: Sample) -> list[float]:
    """By how much the Riemannian length of the gradient of the distance is not 1."""
    x = s.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(g.dist(x, s.y.clone()).sum(), x)
    gradient = g.egrad2rgrad(s.x.clone(), slope.clone())
    return [_abs_or_inf(length - 1) for length in _lengths(s.exact, s.x, gradient)]


def logmap_errors(g: Geometry, s: Sample) -> list[float]:
    """Riemannian length of the error, relative to the distance."""
    found = g.logmap(s.x.clone(), s.y.clone())
    return [
        _abs_or_inf(s.exact.norm(s.exact.difference(s.exact.vector(x, u), v)) / d)
        if u.isfinite().all()
        else math.inf
        for x, u, v, d in zip(s.x, found, s.logarithms, s.distances)
    ]


def expmap_errors(g: Geometry, s: Sample) -> list[float]:
    """Distance from the exact point, in curvature units."""
    found, root_c = g.expmap(s.x.clone(), s.u.clone()), math.sqrt(s.exact.c)
    return [
        _abs_or_inf(root_c * s.exact.dist(s.exact.point(y), q)) if y.isfinite().all() else math.inf
        for y, q in zip(found, s.arrivals)
    ]


def transport_errors(g: Geometry, s: Sample) -> list[float]:
    """Relative change of the length of a transported vector."""
    moved = g.transp(s.x.clone(), s.y.clone(), s.u.clone())
    before = [s.exact.norm(v) for v in s.steps]
    after = _lengths(s.exact, s.y, moved)
    return [_abs_or_inf((v - u) / u) for u, v in zip(before, after)]


def round_trip_errors(g: Geometry, s: Sample) -> list[float]:
    """Distance of exp_x(log_x y) from y, in curvature units."""
    x = s.x.clone()
    found, root_c = g.expmap(x, g.logmap(x.clone(), s.y.clone())), math.sqrt(s.exact.c)
    return [
        _abs_or_inf(root_c * s.exact.dist(s.exact.point(y), q)) if y.isfinite().all() else math.inf
        for y, q in zip(found, s.ends)
    ]


def _lengths(exact: ExactHyperbolic, x: Tensor, u: Tensor) -> list[mpf]:
    """Riemannian lengths, infinite for vectors that are not finite."""
    return [
        exact.norm(exact.vector(p, v)) if v.isfinite().all() else mpf("inf") for p, v in zip(x, u)
    ]


def _abs_or_inf(error: mpf) -> float:
    """The size of an error: infinite if it is not a number, 0 if the reference cannot tell."""
    size = abs(float(error))
    if not math.isfinite(size):
        return math.inf
    return size if size > NEGLIGIBLE else 0.0
