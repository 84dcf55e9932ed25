"""Flat space."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from hyperhier._numerics import eps_of, safe_norm, tiny_of
from hyperhier.manifolds._pairwise import PRODUCT_ERROR
from hyperhier.manifolds.base import Manifold

__all__ = ["Euclidean"]


@final
class Euclidean(Manifold):
    """R^n with the standard metric: the flat baseline of every comparison.

    >>> Euclidean().dist(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0]))
    tensor(5.)
    """

    name = "euclidean"
    reversible = True
    supports_cosine = True

    @property
    def sectional_curvature(self) -> float:
        return 0.0

    def ambient_dim(self, features: int) -> int:
        return features

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        return torch.zeros(self._size(size), dtype=dtype, device=device)

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        return safe_norm(x - y)

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        x2, y2 = x.square().sum(-1).unsqueeze(-1), y.square().sum(-1).unsqueeze(-2)
        gap2 = x2 + y2 - 2.0 * (x @ y.mT)
        noise = PRODUCT_ERROR * eps_of(x.dtype) * (x2 + y2).detach()
        positive = torch.maximum(gap2, noise.clamp_min(tiny_of(x.dtype)))
        return positive.sqrt(), gap2 * allowed <= noise

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        return x + u

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        return y - x

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return (u * v).sum(-1)

    def component_inner(
        self, x: Tensor, u: Tensor, v: Tensor | None = None, *, dim: int = -1
    ) -> Tensor:
        """Coordinates are orthonormal here, so each has its own product."""
        return (u * (u if v is None else v)).expand(torch.broadcast_shapes(x.shape, u.shape))

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return v.expand(torch.broadcast_shapes(x.shape, y.shape, v.shape))

    def _projx(self, x: Tensor) -> Tensor:
        return x

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        return u.expand(torch.broadcast_shapes(x.shape, u.shape))

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        return g

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        total = weights.sum(-1, keepdim=True)
        mean = (weights.unsqueeze(-1) * x).sum(-2)
        return mean / torch.where(total > 0, total, torch.ones_like(total))

    def _from_features(self, z: Tensor) -> Tensor:
        return z

    def _to_features(self, x: Tensor) -> Tensor:
        return x

    def _violation(self, x: Tensor) -> Tensor:
        return torch.where(x.isfinite(), 0.0, torch.inf).to(x.dtype).sum(-1)
