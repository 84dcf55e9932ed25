"""Geometries by name, for configuration files and the command line."""

from __future__ import annotations

from hyperhier._numerics import Precision
from hyperhier.errors import ManifoldError
from hyperhier.manifolds.base import Manifold
from hyperhier.manifolds.euclidean import Euclidean
from hyperhier.manifolds.lorentz import Lorentz
from hyperhier.manifolds.poincare import PoincareBall
from hyperhier.manifolds.polar import Polar
from hyperhier.manifolds.sphere import Sphere

__all__ = ["available_manifolds", "get_manifold"]

_FLAT_OR_ROUND: dict[str, type[Euclidean] | type[Sphere]] = {
    Euclidean.name: Euclidean,
    Sphere.name: Sphere,
}
_HYPERBOLIC: dict[str, type[PoincareBall] | type[Lorentz] | type[Polar]] = {
    PoincareBall.name: PoincareBall,
    Lorentz.name: Lorentz,
    Polar.name: Polar,
}


def available_manifolds() -> tuple[str, ...]:
    """The names that :func:`get_manifold` knows."""
    return (*_FLAT_OR_ROUND, *_HYPERBOLIC)


def get_manifold(
    name: str | Manifold,
    c: float = 1.0,
    learnable: bool = False,
    *,
    precision: Precision = "accurate",
) -> Manifold:
    """A manifold by name; a :class:`Manifold` is returned as it is.

    ``c`` and ``learnable`` concern the hyperbolic models only.

    >>> get_manifold("poincare", c=0.5).sectional_curvature
    -0.5
    """
    if isinstance(name, Manifold):
        return name
    if name in _FLAT_OR_ROUND:
        return _FLAT_OR_ROUND[name](precision=precision)
    if name in _HYPERBOLIC:
        return _HYPERBOLIC[name](c, learnable, precision=precision)
    raise ManifoldError(f"unknown geometry {name!r}; known: {', '.join(available_manifolds())}")
