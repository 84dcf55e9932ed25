"""Hyperbolic geometry of stored points in as many digits as wanted (needs mpmath).

Everything is done on the hyperboloid ``-t^2 + |x|^2 = -1/c`` with the textbook formulas, which
need no care when there are digits enough. Points and vectors of any model are lifted there from
the numbers as they are stored, so that a comparison blames the formula and not the storage.
"""

from __future__ import annotations

from typing import Any

import mpmath
from mpmath import mpf
from torch import Tensor

from hyperhier.manifolds import Lorentz, Manifold, PoincareBall, Polar

__all__ = ["ExactHyperbolic"]

#: a point or a tangent vector: time first
Vector = list[mpf]


class ExactHyperbolic:
    """Exact counterpart of a manifold, for single points.

    Args:
        manifold: a hyperbolic model; its ``sectional_curvature`` gives c.
        digits: decimal digits of the arithmetic. Distances at radius r lose about r.

    >>> import torch
    >>> exact = ExactHyperbolic(PoincareBall())
    >>> o, x = torch.zeros(2), torch.tensor([0.5, 0.0])
    >>> float(exact.dist(exact.point(o), exact.point(x)))
    1.0986122886681098
    """

    def __init__(self, manifold: Manifold, digits: int = 100) -> None:
        self.manifold, self.digits = manifold, digits
        self.c = mpf(-manifold.sectional_curvature)

    # -------------------------------------------------------------------------- lifting

    def point(self, x: Tensor) -> Vector:
        """The hyperboloid point of stored coordinates ``(ambient,)``."""
        with mpmath.workdps(self.digits):
            space = self._space(_numbers(x))
            return [mpmath.sqrt(1 / self.c + _dot(space, space)), *space]

    def vector(self, x: Tensor, u: Tensor) -> Vector:
        """The tangent vector of the hyperboloid that ``u`` at ``x`` stands for."""
        with mpmath.workdps(self.digits):
            p, v = _numbers(x), _numbers(u)
            if isinstance(self.manifold, Polar):
                return self._frame_vector(p, v)
            if isinstance(self.manifold, PoincareBall):
                depth = 1 - self.c * _dot(p, p)
                along = 4 * self.c * _dot(p, v) / depth**2
                space = [2 * i / depth + along * j for i, j in zip(v, p, strict=True)]
            elif isinstance(self.manifold, Lorentz):
                space = v[1:]
            else:
                raise TypeError(f"no exact counterpart of {self.manifold!r}")
            point = self.point(x)
            return [_dot(point[1:], space) / point[0], *space]

    def _space(self, p: Vector) -> Vector:
        if isinstance(self.manifold, PoincareBall):
            depth = 1 - self.c * _dot(p, p)
            return [2 * i / depth for i in p]
        if isinstance(self.manifold, Lorentz):
            return p[1:]
        if isinstance(self.manifold, Polar):
            size = mpmath.sinh(mpmath.sqrt(self.c) * p[0]) / mpmath.sqrt(self.c)
            return [size * i for i in _unit(p[1:])]
        raise TypeError(f"no exact counterpart of {self.manifold!r}")

    def _frame_vector(self, p: Vector, v: Vector) -> Vector:
        """A tangent vector of :class:`Polar`: along the radius, and across it."""
        n, s = _unit(p[1:]), mpmath.sqrt(self.c) * p[0]
        inwards = _dot(n, v[1:])
        space = [(mpmath.cosh(s) * v[0] - inwards) * i + j for i, j in zip(n, v[1:], strict=True)]
        return [mpmath.sinh(s) * v[0], *space]

    # ------------------------------------------------------------------------- geometry

    def inner(self, u: Vector, v: Vector) -> mpf:
        """The Lorentz product, which on tangent vectors is the Riemannian one."""
        with mpmath.workdps(self.digits):
            return _dot(u[1:], v[1:]) - u[0] * v[0]

    def norm(self, u: Vector) -> mpf:
        """Length of a tangent vector."""
        with mpmath.workdps(self.digits):
            return mpmath.sqrt(max(self.inner(u, u), mpf(0)))

    def dist(self, x: Vector, y: Vector) -> mpf:
        """Geodesic distance: the chord is 2 sinh(sqrt(c) d / 2) / sqrt(c) long."""
        with mpmath.workdps(self.digits):
            root = mpmath.sqrt(self.c)
            return 2 / root * mpmath.asinh(root * self.norm(_minus(x, y)) / 2)

    def expmap(self, x: Vector, u: Vector) -> Vector:
        """The point reached from ``x`` along ``u``."""
        with mpmath.workdps(self.digits):
            s = mpmath.sqrt(self.c) * self.norm(u)
            ratio = mpmath.sinh(s) / s if s else mpf(1)
            return [mpmath.cosh(s) * i + ratio * j for i, j in zip(x, u, strict=True)]

    def logmap(self, x: Vector, y: Vector) -> Vector:
        """The tangent vector at ``x`` that leads to ``y``."""
        with mpmath.workdps(self.digits):
            s = mpmath.sqrt(self.c) * self.dist(x, y)
            if not s:
                return [mpf(0)] * len(x)
            ratio, cosh = s / mpmath.sinh(s), mpmath.cosh(s)
            return [ratio * (j - cosh * i) for i, j in zip(x, y, strict=True)]

    def transp(self, x: Vector, y: Vector, v: Vector) -> Vector:
        """Parallel transport of ``v`` from ``x`` to ``y``."""
        with mpmath.workdps(self.digits):
            share = self.c * self.inner(y, v) / (1 - self.c * self.inner(x, y))
            return [k + share * (i + j) for i, j, k in zip(x, y, v, strict=True)]

    def difference(self, u: Vector, v: Vector) -> Vector:
        """u - v."""
        with mpmath.workdps(self.digits):
            return _minus(u, v)


def _numbers(x: Tensor) -> list[Any]:
    return [mpf(v) for v in x.detach().tolist()]


def _dot(a: Vector, b: Vector) -> mpf:
    return sum((i * j for i, j in zip(a, b, strict=True)), mpf(0))


def _unit(a: Vector) -> Vector:
    length = mpmath.sqrt(_dot(a, a))
    return [i / length for i in a]


def _minus(a: Vector, b: Vector) -> Vector:
    return [i - j for i, j in zip(a, b, strict=True)]
