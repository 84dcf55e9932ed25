"""geoopt manifolds behind the contract of this library."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.errors import ManifoldError
from hyperhier.manifolds.base import Manifold

__all__ = ["as_manifold"]

#: fixed-point steps of the Karcher mean
KARCHER_STEPS = 64


def as_manifold(manifold: Any) -> Manifold:
    """A :class:`Manifold` from one of ours (returned as it is) or from one of geoopt's.

    A geoopt manifold keeps its own arithmetic, run in float64; what geoopt lacks (centroid,
    features at the origin) is derived from its exponential and logarithm. A product of
    geoopt's becomes a :class:`~hyperhier.manifolds.Product` of such.

    >>> import geoopt
    >>> m = as_manifold(geoopt.PoincareBall(c=1.0))
    >>> round(float(m.dist0(torch.tensor([0.5, 0.0]))), 4)
    1.0986
    """
    if isinstance(manifold, Manifold):
        return manifold
    if hasattr(manifold, "manifolds") and hasattr(manifold, "shapes"):
        from hyperhier.manifolds.product import Product

        return Product.from_geoopt(manifold)
    needed = ("dist", "expmap", "logmap", "inner", "projx", "proju", "egrad2rgrad", "transp")
    missing = [name for name in needed if not callable(getattr(manifold, name, None))]
    if missing:
        raise ManifoldError(f"{manifold!r} is no manifold: it has no {', '.join(missing)}")
    if getattr(manifold, "ndim", None) != 1:
        raise ManifoldError(f"{manifold!r}: only manifolds of vectors (ndim = 1) are supported")
    return _GeooptManifold(manifold)


class _GeooptManifold(Manifold):
    def __init__(self, wrapped: Any) -> None:
        super().__init__()
        self.wrapped = wrapped
        self.name = f"geoopt.{wrapped.name}"
        self._is_lorentz = wrapped.name == "Lorentz"
        self.supports_cosine = self.sectional_curvature >= 0

    @property
    def sectional_curvature(self) -> float:
        c = getattr(self.wrapped, "c", None)
        if c is not None:
            return -float(c)
        k = getattr(self.wrapped, "k", None)
        if k is not None:
            return -1.0 / float(k)
        return 1.0 if "phere" in self.wrapped.name else 0.0

    def ambient_dim(self, features: int) -> int:
        return features + 1 if self._is_lorentz else features

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        point: Tensor = self.wrapped.origin(
            *self._size(size), dtype=dtype or torch.get_default_dtype(), device=device, seed=seed
        )
        return point.as_subclass(Tensor)

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        d: Tensor = self.wrapped.dist(x, y)
        return d

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        y: Tensor = self.wrapped.expmap(x, u)
        return y

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        u: Tensor = self.wrapped.logmap(x, y)
        return u

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        # with keepdim=False geoopt's ball returns a product of all points with all vectors
        product: Tensor = self.wrapped.inner(x, u, v, keepdim=True)
        return product.squeeze(-1)

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        w: Tensor = self.wrapped.transp(x, y, v)
        return w

    def _projx(self, x: Tensor) -> Tensor:
        y: Tensor = self.wrapped.projx(x)
        return y

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        v: Tensor = self.wrapped.proju(x, u)
        return v

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        # geoopt's Lorentz works in place on the gradient that it is given
        u: Tensor = self.wrapped.egrad2rgrad(x, g.clone())
        return u

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        total = weights.sum(-1, keepdim=True)
        share = (weights / torch.where(total > 0, total, torch.ones_like(total))).unsqueeze(-1)
        mean = self._projx((share * x).sum(-2))
        for _ in range(KARCHER_STEPS):
            step = (share * self._logmap(mean.unsqueeze(-2), x)).sum(-2)
            mean = self._projx(self._expmap(mean, step))
        return torch.where(total > 0, mean, self._origin_like(mean))

    def _from_features(self, z: Tensor) -> Tensor:
        if self._is_lorentz:
            z = torch.cat((torch.zeros_like(z[..., :1]), z), dim=-1)
        base = self._origin_like(z)
        length = self._inner(base, z, z).clamp_min(0).sqrt().unsqueeze(-1)
        flat = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
        scale = torch.where(length > 0, flat / torch.where(length > 0, length, 1.0), 1.0)
        return self._expmap(base, self._proju(base, z * scale, 0.0))

    def _to_features(self, x: Tensor) -> Tensor:
        base = self._origin_like(x)
        u = self._logmap(base, x)
        length = self._inner(base, u, u).clamp_min(0).sqrt().unsqueeze(-1)
        flat = torch.linalg.vector_norm(u, dim=-1, keepdim=True)
        u = u * torch.where(flat > 0, length / torch.where(flat > 0, flat, 1.0), 1.0)
        return u[..., 1:] if self._is_lorentz else u

    def _violation(self, x: Tensor) -> Tensor:
        return (self._projx(x) - x).abs().amax(-1)
