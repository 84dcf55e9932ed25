"""The hyperboloid (Lorentz) model."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from hyperhier._numerics import (
    asinh_ratio,
    cosh_root,
    largest_exponent,
    max_of,
    safe_norm,
    sinh_ratio,
    unit_vector,
)
from hyperhier.errors import ManifoldError
from hyperhier.manifolds._chord import chord, hyperboloid_distance
from hyperhier.manifolds._hyperbolic import (
    Hyperbolic,
    centroid_of_space_parts,
    point_between,
    space_from_features,
    time_of,
)
from hyperhier.manifolds._pairwise import PRODUCT_ERROR, hyperboloid_matrix, product_matrix

__all__ = ["Lorentz"]


@final
class Lorentz(Hyperbolic):
    """Hyperbolic space as the upper sheet -t^2 + |x|^2 = -1/c. **c > 0, curvature -c.**

    Coordinates are ``(t, x)``, time first. Geometry reads only the space part x of points
    and of tangent vectors and derives the time, so a rounded time coordinate does no harm;
    gradients with respect to the time coordinate are 0. Coordinates reach radius 88 in
    float32, 346 in float64.

    >>> m = Lorentz()
    >>> x = m.from_features(torch.tensor([3.0, 0.0]))
    >>> m.dist(x, m.origin(3))
    tensor(3.)
    """

    name = "lorentz"

    def ambient_dim(self, features: int) -> int:
        return features + 1

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        shape = self._size(size)
        if shape[-1] == 0:
            raise ManifoldError("the hyperboloid needs at least the time coordinate, got 0")
        space = torch.zeros(*shape[:-1], shape[-1] - 1, dtype=dtype, device=device)
        time = self.c.rsqrt().to(space).expand(*shape[:-1], 1)
        return torch.cat((time, space), dim=-1)

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        return hyperboloid_distance(x[..., 1:], y[..., 1:], self.c)

    def _coarse_matrix(
        self, x: Tensor, y: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        return hyperboloid_matrix(x[..., 1:], y[..., 1:], self.c, allowed, dtype)

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        return product_matrix(x[..., 1:], y[..., 1:], self.c, allowed)

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        q = self.c * self._inner(x, u, u).unsqueeze(-1)
        return self._with_time(cosh_root(q) * x[..., 1:] + sinh_ratio(q) * u[..., 1:])

    def _expmap_transp(self, x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        # v + c <u, v> ((cosh s - 1)/s^2 u + sinh(s)/s x), with s = sqrt(c) |u|
        q = self.c * self._inner(x, u, u).unsqueeze(-1)
        product = self.c * self._inner(x, u, v).unsqueeze(-1)
        x, u, v = x[..., 1:], u[..., 1:], v[..., 1:]
        sinh, half = sinh_ratio(q), sinh_ratio(0.25 * q)
        y = cosh_root(q) * x + sinh * u
        moved = v + product * (0.5 * half.square() * u + sinh * x)
        return self._with_time(y), self._tangent(y, moved)

    def _geodesic(self, t: Tensor, x: Tensor, y: Tensor) -> Tensor:
        d = self._dist(x, y).unsqueeze(-1)
        return self._with_time(point_between(t, d, x[..., 1:], y[..., 1:], self.c))

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        c, a = self.c, x[..., 1:]
        k = chord(a, y[..., 1:], c)
        s = k.sum_time
        # -d times the Riemannian gradient of d; s x.w, where it cancels, from the chord
        along = torch.where(
            k.share_x < k.share_y,
            s * (a * k.w).sum(-1, keepdim=True),
            s * s * (0.5 * k.h2 + 0.5 * k.q * k.along),
        )
        factor = asinh_ratio(k.sinh2) / (2.0 * k.share_x * (1.0 + k.sinh2).sqrt())
        return self._tangent(a, -(factor * s) * k.w - (factor * along) * (c * a))

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        a, u, v = x[..., 1:], u[..., 1:], v[..., 1:]
        radial = unit_vector(a)
        u_r = (u * radial).sum(-1, keepdim=True)
        v_r = (v * radial).sum(-1, keepdim=True)
        across = ((u - u_r * radial) * (v - v_r * radial)).sum(-1)
        return across + (u_r * v_r / (1.0 + self.c * a.square().sum(-1, keepdim=True))).squeeze(-1)

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        # v + c <y, v> / (1 - c <x, y>) (x + y), with <y, v> = -(s / 2 t_x) w.v
        c, a, b, v = self.c, x[..., 1:], y[..., 1:], v[..., 1:]
        k = chord(a, b, c)
        product = k.sum_time * (k.w * v).sum(-1, keepdim=True) / (4.0 * k.share_x)
        return self._tangent(b, v - c * product / (1.0 + k.sinh2) * (a + b))

    def _projx(self, x: Tensor) -> Tensor:
        return self._with_time(x[..., 1:])

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        # A time component that agrees with the space part up to rounding carries no news:
        # following it would blow its rounding error up by cosh^2 of the radius.
        a, v = x[..., 1:], u[..., 1:]
        t = time_of(a, self.c)
        due = (a * v).sum(-1, keepdim=True) / t
        news = due - u[..., :1]
        noise = PRODUCT_ERROR * eps * (a.abs() * v.abs()).sum(-1, keepdim=True) / t
        news = news - torch.where(news.abs() <= noise, news, 0.0).detach()
        return self._tangent(a, v + self.c * t * news * a)

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        a, v = x[..., 1:], g[..., 1:]
        pull = (a * v).sum(-1, keepdim=True) + time_of(a, self.c) * g[..., :1]
        return self._tangent(a, v + self.c * pull * a)

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        return self._with_time(centroid_of_space_parts(x[..., 1:], weights, self.c))

    def _from_features(self, z: Tensor) -> Tensor:
        return self._with_time(space_from_features(z, self.c))

    def _to_features(self, x: Tensor) -> Tensor:
        a = x[..., 1:]
        return asinh_ratio(self.c * a.square().sum(-1, keepdim=True)) * a

    def _violation(self, x: Tensor) -> Tensor:
        t = time_of(x[..., 1:], self.c)
        return ((x[..., :1] - t).abs() / t).squeeze(-1)

    def _store(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Space first; then the time of the space part as stored. Overflow is brought back."""
        a = x[..., 1:]
        limit = 0.5 * min(max_of(dtype), math.exp(largest_exponent(x.dtype) - 4.0))
        length = safe_norm(a, keepdim=True)
        beyond = length > limit
        a = torch.where(
            beyond, a * (limit / torch.where(beyond, length, torch.ones_like(length))), a
        )
        space = a.to(dtype)
        return torch.cat((time_of(space.to(x.dtype), self.c).to(dtype), space), dim=-1)

    def _store_vector(self, v: Tensor, dtype: torch.dtype) -> Tensor:
        """Coordinates are up to cosh(r) times the vector's length: too long ones are shortened."""
        if dtype == v.dtype:
            return v
        longest = v.detach().abs().amax(-1, keepdim=True)
        return (v * (max_of(dtype) / longest.clamp_min(max_of(dtype)))).to(dtype)

    def _with_time(self, space: Tensor) -> Tensor:
        return torch.cat((time_of(space, self.c), space), dim=-1)

    def _tangent(self, a: Tensor, v: Tensor) -> Tensor:
        """The tangent vector at the point of space part ``a`` whose own space part is ``v``."""
        time = (a * v).sum(-1, keepdim=True) / time_of(a, self.c)
        return torch.cat((time.expand(*v.shape[:-1], 1), v), dim=-1)
