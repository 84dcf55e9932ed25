"""The geometries that the benchmarks compare, under one set of names."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import geoopt
import torch
from torch import Tensor

from hyperhier.manifolds import get_manifold
from hyperhier.testing.accuracy import Geometry

__all__ = ["geometries", "versions"]


class HypllBall:
    """HypLL's functions of the ball under the common names."""

    def __init__(self, functions: ModuleType, c: Tensor) -> None:
        self.functions, self.c = functions, c

    def dist(self, x: Tensor, y: Tensor) -> Tensor:
        return self.functions.dist(x, y, self.c)

    def egrad2rgrad(self, x: Tensor, u: Tensor) -> Tensor:
        return self.functions.euc_to_tangent(x, u, self.c)

    def expmap(self, x: Tensor, u: Tensor) -> Tensor:
        return self.functions.expmap(x, u, self.c)

    def logmap(self, x: Tensor, y: Tensor) -> Tensor:
        return self.functions.logmap(x, y, self.c)

    def transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self.functions.transp(x, y, v, self.c)


def geometries(model: str, c: float, dtype: torch.dtype) -> dict[str, Geometry]:
    """Every library's geometry of ``model`` that computes in ``dtype``; ours comes first.

    Each gets a curvature tensor of its own: geoopt's ball overwrites the one it is given.
    """
    found: dict[str, Geometry] = {"hyperhier": get_manifold(model, c=c)}
    if model == "lorentz":
        found["geoopt"] = geoopt.Lorentz(k=torch.tensor(1.0 / c, dtype=dtype))
    elif model == "poincare":
        found["geoopt"] = geoopt.PoincareBall(c=torch.tensor(c, dtype=dtype))
        if functions := _hypll():
            found["HypLL"] = HypllBall(functions, torch.tensor(c, dtype=dtype))
    return found


def versions() -> str:
    """The libraries that take part, with their versions."""
    names = ["torch", "geoopt", *(["hypll"] if _hypll() else [])]
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _hypll() -> ModuleType | None:
    """HypLL's functions of the ball, or None: it is optional, and may be there but broken."""
    try:
        from hypll.manifolds.poincare_ball.math import diffgeom
    except Exception:
        return None
    return diffgeom


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed, from a checkout)"
