"""Distances of polar points, single and in matrices, with their gradients in the frames.

At the end of a geodesic its direction is a unit vector of the frame: (dd/da, -lever n_across),
from the triangle of the two points and the origin.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier._numerics import eps_of, two_product
from hyperhier.manifolds._frame import across, direction, split
from hyperhier.manifolds._pairwise import PRODUCT_ERROR, tiles
from hyperhier.manifolds._triangle import Angle, Triangle, angle_between, triangle

__all__ = ["corner", "polar_distance", "polar_matrix", "product_matrix", "sides"]


def sides(r_x: Tensor, r_y: Tensor, theta: Angle, c: Tensor) -> Triangle:
    """The triangle of the origin and two points at distances ``r_x`` and ``r_y`` from it."""
    root, low = c.sqrt(), 0.0 * r_x
    if r_x.dtype == torch.float64:  # what root * r loses by rounding, times e^r, is seen
        square, square_low = two_product(root, root)
        shorter = torch.minimum(r_x, r_y)
        _, low = two_product(root, shorter)
        low = low + ((c - square) - square_low) / (2.0 * root) * shorter
    low = low.detach().clamp(-0.5, 0.5)  # it is no longer small at radii of 1e15
    return triangle(root * r_x, root * r_y, root * (r_x - r_y), theta, low)


def corner(
    r_x: Tensor, n_x: Tensor, r_y: Tensor, n_y: Tensor, c: Tensor
) -> tuple[Triangle, Angle, Tensor, Tensor]:
    theta, y_across, x_across = angle_between(n_x, n_y)
    return sides(r_x, r_y, theta, c), theta, y_across, x_across


class _PolarDistance(torch.autograd.Function):
    """Distance with its gradient in the frames: unit vectors that point away from each other."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
        k, *_ = corner(x[..., :1].abs(), x[..., 1:], y[..., :1].abs(), y[..., 1:], c)
        return (k.side / c.sqrt()).squeeze(-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c = ctx.saved_tensors
        if torch.is_grad_enabled():
            (r_x, n_x), (r_y, n_y) = split(x, c), split(y, c)  # differentiable twice
        else:
            r_x, n_x, r_y, n_y = x[..., :1].abs(), x[..., 1:], y[..., :1].abs(), y[..., 1:]
        k, _, y_across, x_across = corner(r_x, n_x, r_y, n_y, c)
        grad = torch.where(k.side > 0, grad.unsqueeze(-1), 0.0)
        for_x = grad * torch.cat((k.along_a, -k.lever_a * y_across), dim=-1)
        for_y = grad * torch.cat((k.along_b, -k.lever_b * x_across), dim=-1)
        for_c = None
        if ctx.needs_input_grad[2]:
            stretched = r_x * k.along_a + r_y * k.along_b - k.side / c.sqrt()
            for_c = (grad * stretched).sum().to(c.dtype).reshape(c.shape) / (2.0 * c)
        return for_x, for_y, for_c


def polar_distance(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Distances ``(*batch)`` of polar points ``(*batch, 1 + d)``."""
    x, y = torch.broadcast_tensors(x, y)
    d: Tensor = _PolarDistance.apply(x, y, c)
    return d


def _triangles(
    r_x: Tensor, n_x: Tensor, r_y: Tensor, n_y: Tensor, c: Tensor
) -> tuple[Triangle, Tensor]:
    """The triangles ``(*batch, n, m, 1)`` of all pairs, their angles from a matrix product.

    Also sin^2(theta/2), ``(*batch, n, m)``, not less than the rounding error of the product.
    The radii are exact anyway.
    """
    cos, noise = n_x @ n_y.mT, PRODUCT_ERROR * eps_of(n_x.dtype)
    sin2 = (0.5 - 0.5 * cos).clamp_min(noise)
    sin_half, cos_half = sin2.sqrt(), (0.5 + 0.5 * cos).clamp_min(noise).sqrt()
    angle = Angle(2.0 * sin_half * cos_half, cos, sin_half, cos_half)
    theta = Angle(*(t.unsqueeze(-1) for t in angle))
    return sides(r_x.unsqueeze(-2), r_y.unsqueeze(-3), theta, c), sin2


def product_matrix(x: Tensor, y: Tensor, c: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
    """Distances ``(*batch, n, m)`` by plain differentiable operations, and which are doubtful."""
    (r_x, n_x), (r_y, n_y) = split(x, c), split(y, c)
    k, sin2 = _triangles(r_x, direction(n_x), r_y, direction(n_y), c)
    return k.side.squeeze(-1) / c.sqrt(), sin2 * allowed <= PRODUCT_ERROR * eps_of(x.dtype)


class _PolarMatrix(torch.autograd.Function):
    """Row tiles of all distances; near pairs get no gradient, and are formed again elsewhere."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, c: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        shape = (*torch.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-2])
        distance = torch.empty(shape, dtype=dtype, device=x.device)
        doubtful, limit = [], PRODUCT_ERROR * eps_of(x.dtype) / allowed
        for rows in tiles(shape, x.device):
            k, sin2 = _triangles(*_plain(x[..., rows, :]), *_plain(y), c)
            distance[..., rows, :] = k.side.squeeze(-1) / c.sqrt()
            found = (sin2 <= limit).nonzero()
            found[:, -2] += rows.start
            doubtful.append(found)
        where = torch.cat(doubtful) if doubtful else x.new_empty(0, len(shape), dtype=torch.long)
        ctx.save_for_backward(x, y, c, distance)
        ctx.limit = limit
        ctx.mark_non_differentiable(where)
        return distance, where

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c, distance = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # a second derivative is wanted: keep the graph of it
            of = [t for t, due in zip((x, y, c), wanted, strict=True) if due]
            d, doubtful = product_matrix(x, y, c, PRODUCT_ERROR * eps_of(x.dtype) / ctx.limit)
            grad = grad.masked_fill(doubtful, 0.0).to(d.dtype)
            found = iter(torch.autograd.grad(d, of, grad, create_graph=True))
            return *(next(found) if due else None for due in wanted), None, None

        (r_x, n_x), (r_y, n_y) = _plain(x), _plain(y)
        batch = distance.shape[:-2]
        for_x, for_y = x.new_zeros(*batch, *x.shape[-2:]), x.new_zeros(*batch, *y.shape[-2:])
        stretch = x.new_zeros(())
        for rows in tiles(distance.shape, x.device):
            k, sin2 = _triangles(r_x[..., rows, :], n_x[..., rows, :], r_y, n_y, c)
            weight = grad[..., rows, :].to(x.dtype).masked_fill(sin2 <= ctx.limit, 0.0)
            along_a, along_b = weight * k.along_a.squeeze(-1), weight * k.along_b.squeeze(-1)
            for_x[..., rows, 0] = along_a.sum(-1)
            for_x[..., rows, 1:] = (weight * k.lever_a.squeeze(-1)) @ n_y
            for_y[..., 0] += along_b.sum(-2)
            for_y[..., 1:] += (weight * k.lever_b.squeeze(-1)).mT @ n_x[..., rows, :]
            stretch -= (weight * distance[..., rows, :]).sum()
        stretch = stretch + (for_x[..., :1] * r_x).sum() + (for_y[..., :1] * r_y).sum()
        for_x[..., 1:] = -across(n_x, for_x[..., 1:])
        for_y[..., 1:] = -across(n_y, for_y[..., 1:])
        return (
            for_x.sum_to_size(x.shape),
            for_y.sum_to_size(y.shape),
            (stretch / (2.0 * c)).to(c.dtype).reshape(c.shape),
            None,
            None,
        )


def _plain(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., :1].abs(), direction(x[..., 1:])


def polar_matrix(
    x: Tensor, y: Tensor, c: Tensor, allowed: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The same in tiles, in ``dtype``, and the indices ``(k, batch + 2)`` of the doubtful ones.

    ``allowed`` is the largest relative error of sin^2(theta / 2).
    """
    distance, doubtful = _PolarMatrix.apply(x, y, c, allowed, dtype)
    return distance, doubtful
