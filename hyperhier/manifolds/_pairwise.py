"""All hyperboloid distances of two sets of points from one matrix product.

cosh(sqrt(c) d) = c (t_x t_y - x.y) for all pairs at once, that is

    S = sinh^2(sqrt(c) d / 2) = (c (t_x t_y - x.y) - 1) / 2,
    d = log(1 + 2 (S + H)) / sqrt(c),  H = sinh(sqrt(c) d) / 2 = sqrt(S (1 + S)),
    grad_x d = sqrt(c) (x t_y / t_x - y) / (2 H).

The product cancels for near pairs. Its rounding error is about eps c t_x t_y, so it is known
which entries are doubtful; they get no gradient here, and are formed again elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from hyperhier._numerics import eps_of, max_of
from hyperhier.manifolds._hyperbolic import time_of

__all__ = ["hyperboloid_matrix", "product_matrix"]

#: rounding errors of a matrix product, in units of eps times the largest term
PRODUCT_ERROR = 8.0
#: entries of a tile: a few arrays of this size stay in the second-level cache of a core
TILE = 1 << 16


def product_matrix(x: Tensor, y: Tensor, c: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
    """Distances ``(*batch, n, m)`` by plain differentiable operations, and which are doubtful.

    S is not let below the rounding error of the product: near pairs come out too far apart,
    by up to sqrt(32 eps) cosh(radius) / sqrt(c), and get no gradient.
    """
    t_x, t_y = time_of(x, c), time_of(y, c)
    times = t_x * t_y.mT
    noise = PRODUCT_ERROR * eps_of(x.dtype) * c * times.detach()
    sinh2 = torch.maximum(0.5 * (c * (times - x @ y.mT) - 1.0), noise)
    root = sinh2.sqrt()
    distance = torch.log1p(2.0 * root * (root + (1.0 + sinh2).sqrt())) / c.sqrt()
    return distance, sinh2 * allowed <= noise


class _HyperboloidMatrix(torch.autograd.Function):
    """The same for row tiles that fit in the cache, with the gradient formula at the top."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, c: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        t_x, t_y = time_of(x, c), time_of(y, c)
        # S as a single product: of (c t_x, -c x, -1)/2 and (t_y, y, 1)
        left = 0.5 * torch.cat((c * t_x, -c * x, -torch.ones_like(t_x)), dim=-1)
        right = torch.cat((t_y, y, torch.ones_like(t_y)), dim=-1).mT
        noise = PRODUCT_ERROR * eps_of(x.dtype) / allowed * c * t_x
        most, largest = _largest(t_y), 0.25 * max_of(x.dtype) ** 0.5

        shape = (*torch.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-2])
        distance = torch.empty(shape, dtype=dtype, device=x.device)
        half_sinh = torch.empty_like(distance) if any(ctx.needs_input_grad) else None
        doubtful = []
        for rows in _tiles(shape, x.device):
            s = left[..., rows, :] @ right
            low, high = s.aminmax()
            mask = None
            if not (low > _largest(noise[..., rows, :]) * most and high < largest):
                mask = (s <= noise[..., rows, :] * t_y.mT) | (s >= largest)
                found = mask.nonzero()
                found[:, -2] += rows.start
                doubtful.append(found)
                s.masked_fill_(mask, 1.0)
            h = torch.addcmul(s, s, s).sqrt_()
            if half_sinh is not None:
                half_sinh[..., rows, :] = h if mask is None else h.masked_fill(mask, torch.inf)
            distance[..., rows, :] = s.add_(h).mul_(2.0).log1p_().div_(c.sqrt())

        where = torch.cat(doubtful) if doubtful else x.new_empty(0, len(shape), dtype=torch.long)
        ctx.save_for_backward(x, y, c, half_sinh, distance)
        ctx.mark_non_differentiable(where)
        return distance, where

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c, half_sinh, distance = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # a second derivative is wanted: keep the graph of it
            grad = grad.masked_fill(half_sinh == torch.inf, 0.0)
            of = [t for t, due in zip((x, y, c), wanted, strict=True) if due]
            d, _ = product_matrix(x, y, c, 1.0)
            found = iter(torch.autograd.grad(d, of, grad.to(d.dtype), create_graph=True))
            return *(next(found) if due else None for due in wanted), None, None

        t_x, t_y = time_of(x, c), time_of(y, c)
        with_x, with_y = torch.cat((x, t_x), dim=-1), torch.cat((y, t_y), dim=-1)
        batch = distance.shape[:-2]
        sum_y = with_y.new_empty(*batch, *with_x.shape[-2:])
        sum_x = with_y.new_zeros(*batch, *with_y.shape[-2:])
        for rows in _tiles(distance.shape, x.device):
            weight = grad[..., rows, :] / half_sinh[..., rows, :].to(x.dtype)
            torch.matmul(weight, with_y, out=sum_y[..., rows, :])
            sum_x += weight.mT @ with_x[..., rows, :]
        half_root = 0.5 * c.sqrt()
        to_x, to_y = sum_y[..., -1:] / t_x, sum_x[..., -1:] / t_y
        for_x = for_y = for_c = None
        if wanted[0]:
            for_x = (half_root * (x * to_x - sum_y[..., :-1])).sum_to_size(x.shape)
        if wanted[1]:
            for_y = (half_root * (y * to_y - sum_x[..., :-1])).sum_to_size(y.shape)
        if wanted[2]:
            direct = 0.5 * (x.square() * to_x).sum() + 0.5 * (y.square() * to_y).sum()
            direct = half_root * (direct - (x * sum_y[..., :-1]).sum()) / c
            counted = (grad * distance).masked_fill(half_sinh == torch.inf, 0.0)
            for_c = (direct - counted.sum(dtype=c.dtype) / (2.0 * c)).to(c.dtype).reshape(c.shape)
        return for_x, for_y, for_c, None, None


def _largest(t: Tensor) -> Tensor:
    return t.max() if t.numel() else t.new_zeros(())


def _tiles(shape: tuple[int, ...], device: torch.device) -> Iterator[slice]:
    """Row ranges whose part of a matrix of this shape stays in the cache."""
    *batch, n, m = shape
    if 0 in shape:
        return
    step = n if device.type != "cpu" else max(1, TILE // (m * torch.Size(batch).numel()))
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))


def hyperboloid_matrix(
    x: Tensor, y: Tensor, c: Tensor, allowed: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Distances ``(*batch, n, m)`` of space parts ``(*batch, n, d)`` and ``(*batch, m, d)``.

    Args:
        allowed: largest relative error of sinh^2(sqrt(c) d / 2), about twice the distance's.
        dtype: of the result.

    Returns:
        distances, and the indices ``(k, batch + 2)`` of the doubtful ones: placeholders
        without gradient.
    """
    distance, doubtful = _HyperboloidMatrix.apply(x, y, c, allowed, dtype)
    return distance, doubtful
