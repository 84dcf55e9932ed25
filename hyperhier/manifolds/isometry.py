"""Points of one manifold as points of another."""

from __future__ import annotations

from torch import Tensor

from hyperhier._numerics.dtypes import WORKING_DTYPE
from hyperhier.manifolds.base import Manifold

__all__ = ["Isometry"]


class Isometry:
    """Maps points of one manifold to another, keeping their features at the origin."""

    def __init__(self, source: Manifold, target: Manifold) -> None:
        self.source, self.target = source, target

    def __call__(self, x: Tensor, *, dim: int = -1) -> Tensor:
        features = self.source.to_features(x.to(WORKING_DTYPE), dim=dim)
        point = self.target._from_features(features.movedim(dim, -1))
        return self.target._store(point, x.dtype).movedim(-1, dim)

    def __repr__(self) -> str:
        return f"{self.source!r} -> {self.target!r}"
