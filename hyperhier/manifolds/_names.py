"""Geometries by name, for configuration files and the command line."""

from __future__ import annotations

import re

from hyperhier._numerics import Precision
from hyperhier.errors import ManifoldError
from hyperhier.manifolds._curvature import C_MAX, C_MIN
from hyperhier.manifolds.base import Manifold
from hyperhier.manifolds.euclidean import Euclidean
from hyperhier.manifolds.lorentz import Lorentz
from hyperhier.manifolds.poincare import PoincareBall
from hyperhier.manifolds.polar import Polar
from hyperhier.manifolds.product import Product
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

#: between factors: an x with space around it, or after a bracket or an exponent
_TIMES = re.compile(r"\s+x\s+|(?<=[)\d])x(?=[a-z])")
#: name(features, option=value, ...)^power; the brackets and the power may be missing
_FACTOR = re.compile(
    r"(?P<name>\w+)\s*(\((?P<features>\s*\d+\s*)(?P<options>(,[^,()]*)*)\))?\s*(\^\s*(?P<power>\d+))?"
)


def available_manifolds() -> tuple[str, ...]:
    """The names that :func:`get_manifold` knows."""
    return (*_FLAT_OR_ROUND, *_HYPERBOLIC)


def get_manifold(
    name: str | Manifold,
    c: float = 1.0,
    learnable: bool = False,
    *,
    bounds: tuple[float, float] = (C_MIN, C_MAX),
    precision: Precision = "accurate",
) -> Manifold:
    """A manifold by name; a :class:`Manifold` is returned as it is.

    A product is written with an x between its factors, the number of features of each in
    brackets: ``"lorentz(8) x sphere(4)"``. Behind the number a factor may have a curvature of
    its own and a weight, ``"lorentz(8, c=0.5, weight=2)"``, and ``"poincare(2)^5"`` are five
    factors. Without the numbers the factors share the features evenly.

    ``c``, ``learnable`` and ``bounds`` concern the hyperbolic models only.

    >>> get_manifold("poincare", c=0.5).sectional_curvature
    -0.5
    >>> get_manifold("lorentz(8, c=0.1) x sphere(4)")
    Product((Lorentz(c=0.1), 8), (Sphere(), 4))
    """
    if isinstance(name, Manifold):
        return name
    if name in available_manifolds():
        return _simple(name, c, learnable, bounds, precision)
    texts = _TIMES.split(name.strip())
    if len(texts) == 1 and "(" not in name and "^" not in name:
        raise ManifoldError(
            f"unknown geometry {name!r}; known: {', '.join(available_manifolds())}, and "
            "products such as 'lorentz(8) x sphere(4)'"
        )
    factors: list[Manifold | tuple[Manifold, int]] = []
    weights: list[float] = []
    for text in texts:
        found = _FACTOR.fullmatch(text.strip())
        if found is None or found["name"] not in available_manifolds():
            raise ManifoldError(
                f"{text!r} in {name!r} is no factor such as 'lorentz(8)'; "
                f"known: {', '.join(available_manifolds())}"
            )
        curvature, weight = _options(found["options"] or "", found["name"], name)
        own = c if curvature is None else curvature
        for _ in range(int(found["power"] or 1)):
            m = _simple(found["name"], own, learnable, bounds, precision)
            factors.append(m if found["features"] is None else (m, int(found["features"])))
            weights.append(weight)
    return Product(*factors, weights=weights, precision=precision)


def _simple(
    name: str, c: float, learnable: bool, bounds: tuple[float, float], precision: Precision
) -> Manifold:
    if name in _FLAT_OR_ROUND:
        return _FLAT_OR_ROUND[name](precision=precision)
    return _HYPERBOLIC[name](c, learnable, bounds=bounds, precision=precision)


def _options(text: str, factor: str, whole: str) -> tuple[float | None, float]:
    """Curvature and weight of ``", c=0.5, weight=2"``."""
    values: dict[str, float] = {}
    for option in text.split(",")[1:]:
        key, _, number = (part.strip() for part in option.partition("="))
        if key not in ("c", "weight") or key in values:
            raise ManifoldError(f"{option.strip()!r} in {whole!r}: expected c=... or weight=...")
        try:
            values[key] = float(number)
        except ValueError:
            raise ManifoldError(f"{option.strip()!r} in {whole!r}: no number") from None
    if "c" in values and factor not in _HYPERBOLIC:
        raise ManifoldError(f"{factor!r} in {whole!r} has no c: its curvature is fixed")
    return values.get("c"), values.get("weight", 1.0)
