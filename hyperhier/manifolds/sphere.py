"""The unit sphere."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from hyperhier._numerics import (
    atan_ratio,
    cos_root,
    eps_of,
    safe_norm,
    sin_ratio,
    unit_vector,
)
from hyperhier.errors import ManifoldError
from hyperhier.manifolds._pairwise import PRODUCT_ERROR
from hyperhier.manifolds._triangle import turned
from hyperhier.manifolds.base import Manifold

__all__ = ["Sphere"]


@final
class Sphere(Manifold):
    """Unit vectors with the great-circle distance; sectional curvature 1.

    The base point is the first basis vector. A tangent vector at x is orthogonal to x.

    >>> d = Sphere().dist(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    >>> round(float(d), 6)
    1.570796
    """

    name = "sphere"
    reversible = True
    supports_cosine = True

    @property
    def sectional_curvature(self) -> float:
        return 1.0

    def ambient_dim(self, features: int) -> int:
        return features

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        shape = self._size(size)
        if shape[-1] == 0:
            raise ManifoldError("a sphere needs at least one ambient coordinate, got 0")
        point = torch.zeros(shape, dtype=dtype, device=device)
        point[..., 0] = 1.0
        return point

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        # the angle by Kahan's half-chord form: accurate for near and antipodal points alike
        return 2.0 * torch.atan2(safe_norm(x - y), safe_norm(x + y))

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        # acos is off by eps / sin(angle): doubtful for near and for antipodal points
        # stored points are off the sphere by their rounding, which acos would magnify
        cosine, noise = unit_vector(x) @ unit_vector(y).mT, PRODUCT_ERROR * eps_of(x.dtype)
        doubtful = 1.0 - cosine.detach().square() <= noise / allowed
        return cosine.clamp(noise - 1.0, 1.0 - noise).acos(), doubtful

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        q = u.square().sum(-1, keepdim=True)
        return unit_vector(cos_root(q) * x + sin_ratio(q) * u)

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        # with q = tan^2(angle/2): angle / sin(angle) = (1 + q) atan(sqrt q) / sqrt q
        difference, total = y - x, x + y
        total2 = total.square().sum(-1, keepdim=True)
        antipodal = total2 == 0  # no unique geodesic: the tangent vector is 0
        total2 = torch.where(antipodal, torch.ones_like(total2), total2)
        q = difference.square().sum(-1, keepdim=True) / total2
        u = difference - x * (x * difference).sum(-1, keepdim=True)
        return torch.where(antipodal, 0.0, (1.0 + q) * atan_ratio(q)) * u

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return (u * v).sum(-1).expand(torch.broadcast_shapes(x.shape, u.shape, v.shape)[:-1])

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        x, y, v = torch.broadcast_tensors(x, y, v)
        return turned(v, x, y)

    def _projx(self, x: Tensor) -> Tensor:
        length = safe_norm(x, keepdim=True)
        return torch.where(length > 0, unit_vector(x), self._origin_like(x))

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        return u - x * (x * u).sum(-1, keepdim=True)

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        return self._proju(x, g, 0.0)

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        return self._projx((weights.unsqueeze(-1) * x).sum(-2))

    def _from_features(self, z: Tensor) -> Tensor:
        return self._projx(z)

    def _to_features(self, x: Tensor) -> Tensor:
        return x

    def _violation(self, x: Tensor) -> Tensor:
        return (safe_norm(x) - 1.0).abs()
