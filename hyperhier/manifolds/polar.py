"""Hyperbolic space in polar coordinates: a radius and a unit direction."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from hyperhier._numerics import (
    asinh_ratio,
    data_dependent_allowed,
    largest_exponent,
    max_of,
    safe_norm,
    unit_vector,
)
from hyperhier.errors import ManifoldError
from hyperhier.manifolds._frame import (
    across,
    direction,
    features_at,
    point_at,
    point_of_features,
    split,
)
from hyperhier.manifolds._hyperbolic import (
    Hyperbolic,
    centroid_of_space_parts,
    space_from_features,
)
from hyperhier.manifolds._polar_distance import (
    corner,
    polar_distance,
    polar_matrix,
    product_matrix,
    sides,
)
from hyperhier.manifolds._triangle import half_angle, turned

__all__ = ["Polar"]

#: a centroid with sinh(radius) under this is found to the last bits from its coordinates
DIRECT_CENTROID = 1e7


@final
class Polar(Hyperbolic):
    """Hyperbolic space stored as (radius, unit direction). **c > 0, curvature -c.**

    Coordinates are ``(r, n)``: the distance r from the origin first, then the direction n in
    R^d. There is no edge where they end: float32 and float64 hold any radius. What is limited
    is the angle, to about eps, so that neighbouring points of one radius r lie about
    eps sinh(r) apart. Use it for deep trees and far points; elsewhere the other models are faster.

    Tangent vectors, and the gradients that autograd returns for points, have their components
    in the orthonormal frame at the point: ``(along r, across it)``, the second part a vector
    of R^d orthogonal to n. Inner products are those of R^(d+1), and a gradient of length 1 at
    radius 300 is a vector of length 1. For the same reason polar points are for the methods of
    this class: arithmetic of your own on them would be differentiated as if the frame were the
    coordinates. Take ``to_features`` or ``to(Lorentz(c))`` before it, and ``projx`` or
    ``from_features`` after it.

    >>> m = Polar()
    >>> far = m.from_features(torch.tensor([[250.0, 0.0], [0.0, 300.0]]))
    >>> m.dist(far[0], far[1])
    tensor(549.3068)
    """

    name = "polar"

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
        if shape[-1] < 2:
            raise ManifoldError(f"polar points need a radius and a direction, got {shape[-1]}")
        point = torch.zeros(shape, dtype=dtype, device=device)
        point[..., 1] = 1.0
        return point

    # ------------------------------------------------------------------------ distances

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        return polar_distance(x, y, self.c)

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        return product_matrix(x, y, self.c, allowed)

    def _coarse_matrix(
        self, x: Tensor, y: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        return polar_matrix(x, y, self.c, allowed, dtype)

    # ----------------------------------------------------------------------------- maps

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        # the triangle of the origin, x and the end of u, seen from x
        x, u = torch.broadcast_tensors(x, u)
        r, stored = split(x, self.c)
        n = direction(stored)
        along, w = u[..., :1], across(n, u[..., 1:])
        width = safe_norm(w, keepdim=True)
        moved = (along != 0) | (width > 0)
        length = torch.hypot(torch.where(moved, along, 1.0), width)
        turn = half_angle(torch.where(moved, -along / length, -1.0), width / length)
        side = sides(r, torch.where(moved, length, 0.0), turn, self.c)
        n = direction(side.along_a * n + side.lever_a * w / length)
        n = torch.where(moved, n, stored)  # normalised again, it would not be the same point
        return point_at(side.side / self.c.sqrt(), n, self.c)

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        x, y = torch.broadcast_tensors(x, y)
        k, _, y_across, _ = corner(*split(x, self.c), *split(y, self.c), self.c)
        gradient = torch.cat((k.along_a, -k.lever_a * y_across), dim=-1)
        return -k.side / self.c.sqrt() * gradient

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        # turn the frame by theta about the origin; then the rest, the defect of the triangle
        # x, y, origin, in the plane of the two
        x, y, v = torch.broadcast_tensors(x, y, v)
        (r_x, n_x), (r_y, n_y) = split(x, self.c), split(y, self.c)
        k, theta, _, x_across = corner(r_x, n_x, r_y, n_y, self.c)
        n_x, n_y = direction(n_x), direction(n_y)
        along, w = v[..., :1], turned(across(n_x, v[..., 1:]), n_x, n_y)

        forward = unit_vector(-x_across)  # the direction of the turn, as it is at y
        cos = (k.lever_a * theta.sin) * (k.lever_b * theta.sin) - k.along_a * k.along_b
        sin_per_sin = -(k.lever_b * k.along_a + k.along_b * k.lever_a)
        in_plane = (w * x_across).sum(-1, keepdim=True)
        defect = (cos - 1.0) * (w * forward).sum(-1, keepdim=True) * forward
        return torch.cat(
            (
                along * cos + sin_per_sin * in_plane,
                w - along * (sin_per_sin * x_across) + defect,  # the bracket is 1 at most
            ),
            dim=-1,
        )

    # ------------------------------------------------------------------ tangent vectors

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return (u * v).sum(-1).expand(torch.broadcast_shapes(x.shape, u.shape, v.shape)[:-1])

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        x, u = torch.broadcast_tensors(x, u)
        _, n = split(x, self.c)
        return torch.cat((u[..., :1], across(direction(n), u[..., 1:])), dim=-1)

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        return self._proju(x, g, 0.0)

    # ----------------------------------------------------------------- points and means

    def _projx(self, x: Tensor) -> Tensor:
        r, n = x[..., :1], direction(x[..., 1:])
        return point_at(r.abs(), torch.where(r < 0, -n, n), self.c)

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        r, n = split(x, self.c)
        n = direction(n)
        if data_dependent_allowed(x, weights):
            reach = self.c.sqrt() * (r.max() if r.numel() else r.sum())
            if reach < largest_exponent(x.dtype) - 10.0:
                space = space_from_features(r * n, self.c)
                mean = centroid_of_space_parts(space, weights, self.c)
                q = self.c * mean.square().sum(-1, keepdim=True)
                if not (q > DIRECT_CENTROID**2).any():
                    return point_of_features(asinh_ratio(q) * mean, self.c)
        return self._centroid_of_pairs(x, r, n, weights)

    def _centroid_of_pairs(self, x: Tensor, r: Tensor, n: Tensor, weights: Tensor) -> Tensor:
        """The same from all distances, at any radius: for S = sum w X,

        -<S, S> is the sum of w_i w_j cosh(d_ij) over all pairs. Everything in logarithms.
        """
        root, w = self.c.sqrt(), weights.unsqueeze(-1)
        d = root * self.dist_matrix(x, x)
        log_w = w.clamp_min(0.0).log()
        terms = log_w + log_w.mT + d + torch.log1p(torch.exp(-2.0 * d))
        log_s = 0.5 * (torch.logsumexp(terms.flatten(-2), -1, keepdim=True) - math.log(2.0))

        most = r.detach().amax(-2, keepdim=True) if r.shape[-2] else r.sum(-2, keepdim=True)
        size = torch.exp(root * (r - most)) * -torch.expm1(-2.0 * root * r) / 2.0
        space = (w * size * n).sum(-2)
        length = safe_norm(space, keepdim=True)
        empty = (length == 0) | (weights.sum(-1, keepdim=True) <= 0)
        log_sinh = torch.where(empty, 1.0, length).log() + root * most.squeeze(-2)
        log_sinh = log_sinh - torch.where(empty, 0.0, log_s)
        far = log_sinh > 20.0
        near = torch.where(far, 0.0, log_sinh).exp().asinh()
        radius = torch.where(far, log_sinh + math.log(2.0), near)
        return point_at(torch.where(empty, 0.0, radius / root), direction(space), self.c)

    def _from_features(self, z: Tensor) -> Tensor:
        return point_of_features(z, self.c)

    def _to_features(self, x: Tensor) -> Tensor:
        return features_at(x, self.c)

    def _violation(self, x: Tensor) -> Tensor:
        r, length = x[..., 0], safe_norm(x[..., 1:])
        return torch.where((r >= 0) & r.isfinite(), (length - 1.0).abs(), torch.inf)

    def _store(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        limit = 0.25 * max_of(dtype)  # distances between points are finite too
        return torch.cat((x[..., :1].clamp(max=limit), x[..., 1:]), dim=-1).to(dtype)
