"""Gradients of polar coordinates, taken in the orthonormal frame at the point.

Coordinates (r, n) have the length element dr^2 + (sinh(sqrt(c) r) / sqrt(c))^2 |dn|^2. A
derivative with respect to n grows like e^r: beyond radius 88 float32 cannot hold it. So what
autograd passes on for a polar point is the derivative along orthonormal directions: the one
along r as it is, the one across it divided by sinh(sqrt(c) r) / sqrt(c). The three functions
below are the only places where polar points become other tensors or the reverse, and convert.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier._numerics import safe_norm, sinh_ratio, unit_vector

__all__ = ["across", "direction", "features_at", "point_at", "point_of_features", "split"]

#: smaller radii count as this one in the conversion: at 0 it would divide 0 by 0
SMALLEST_RADIUS = 1e-30


def across(n: Tensor, v: Tensor) -> Tensor:
    """v without its part along the unit vector n."""
    return v - (v * n).sum(-1, keepdim=True) * n


def direction(v: Tensor) -> Tensor:
    """v / |v|, and the first basis vector for v = 0."""
    first = (torch.arange(v.shape[-1], device=v.device) == 0).to(v.dtype)
    return torch.where((v == 0).all(-1, keepdim=True), first, unit_vector(v))


def _stretch(r: Tensor, c: Tensor) -> Tensor:
    """sinh(sqrt(c) r) / (sqrt(c) r)."""
    return sinh_ratio(c * r.square())


def _apart(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., :1].abs().clamp_min(SMALLEST_RADIUS), x[..., 1:]


class _Split(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return _apart(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g_r: Tensor, g_n: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        x, c = ctx.saved_tensors
        # a second derivative also passes through here, and wants its conversion
        r, n = split(x, c) if torch.is_grad_enabled() else _apart(x)
        g_n = across(direction(n), g_n) * safe_norm(n, keepdim=True)
        return torch.cat((g_r, g_n / (r * _stretch(r, c))), dim=-1), None


def split(x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Radius ``(*batch, 1)`` and direction ``(*batch, d)`` of polar points.

    The direction is as stored, its length not quite 1: normalising it would turn it by a
    rounding error, of which distances at large radii see the exponential.
    """
    r, n = _Split.apply(x, c)
    return r, n


class _PointAt(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(r: Tensor, n: Tensor, c: Tensor) -> Tensor:
        return torch.cat((r, n), dim=-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        r, n, c = ctx.saved_tensors
        r = r.clamp_min(SMALLEST_RADIUS)
        return g[..., :1], across(n, g[..., 1:]) * (r * _stretch(r, c)), None


def point_at(r: Tensor, n: Tensor, c: Tensor) -> Tensor:
    """The polar point of radius ``r`` in the unit direction ``n``."""
    x: Tensor = _PointAt.apply(r, n, c)
    return x


class _PointOfFeatures(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, c: Tensor) -> Tensor:
        return torch.cat((safe_norm(z, keepdim=True), direction(z)), dim=-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        z, c = ctx.saved_tensors
        n = direction(z)
        stretch = sinh_ratio(c * z.square().sum(-1, keepdim=True))
        return g[..., :1] * n + across(n, g[..., 1:]) * stretch, None


def point_of_features(z: Tensor, c: Tensor) -> Tensor:
    """The polar point at distance |z| from the origin towards z."""
    x: Tensor = _PointOfFeatures.apply(z, c)
    return x


class _FeaturesAt(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, c: Tensor) -> Tensor:
        return x[..., :1].abs() * direction(x[..., 1:])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        x, c = ctx.saved_tensors
        r, n = split(x, c) if torch.is_grad_enabled() else _apart(x)
        n = direction(n)
        along = (g * n).sum(-1, keepdim=True)
        return torch.cat((along, across(n, g) / _stretch(r, c)), dim=-1), None


def features_at(x: Tensor, c: Tensor) -> Tensor:
    """The inverse of :func:`point_of_features`."""
    z: Tensor = _FeaturesAt.apply(x, c)
    return z
