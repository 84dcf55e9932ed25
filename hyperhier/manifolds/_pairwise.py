"""All hyperboloid distances of two sets of points from one matrix product.

cosh(sqrt(c) d) = c (t_x t_y - x.y) for all pairs at once, that is

    w = cosh(sqrt(c) d) - 1 = c (t_x t_y - x.y) - 1,
    d = log(1 + w + sqrt(2) H) / sqrt(c),  H = sinh(sqrt(c) d) / sqrt(2) = sqrt(w + w^2 / 2),
    grad_x d = sqrt(c / 2) (x t_y / t_x - y) / H.

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

__all__ = ["hyperboloid_matrix", "product_matrix", "tiles"]

#: rounding errors of a matrix product, in units of eps times the largest term
PRODUCT_ERROR = 8.0
#: entries of a tile: a few arrays of this size stay in the second-level cache of a core
TILE = 1 << 17


def product_matrix(x: Tensor, y: Tensor, c: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
    """Distances ``(*batch, n, m)`` by plain differentiable operations, and which are doubtful.

    w is not let below the rounding error of the product: near pairs come out too far apart,
    by up to sqrt(32 eps) cosh(radius) / sqrt(c), and get no gradient.
    """
    t_x, t_y = time_of(x, c), time_of(y, c)
    times = t_x * t_y.mT
    noise = PRODUCT_ERROR * eps_of(x.dtype) * c * times.detach()
    w = torch.maximum(c * (times - x @ y.mT) - 1.0, noise)
    distance = torch.log1p(w + w.sqrt() * (2.0 + w).sqrt()) / c.sqrt()
    return distance, w * allowed <= noise


class _HyperboloidMatrix(torch.autograd.Function):
    """The same for row tiles that fit in the cache, with the gradient formula at the top."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, c: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        t_x, t_y = time_of(x, c), time_of(y, c)
        # w as a single product: of (c t_x, -c x, -1) and (t_y, y, 1)
        left = torch.cat((c * t_x, -c * x, -torch.ones_like(t_x)), dim=-1)
        right = torch.cat((t_y, y, torch.ones_like(t_y)), dim=-1).mT
        noise = PRODUCT_ERROR * eps_of(x.dtype) / allowed * c * t_x
        most, largest, root = _largest(t_y), 0.25 * max_of(x.dtype) ** 0.5, c.sqrt()

        shape = (*torch.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-2])
        distance = torch.empty(shape, dtype=dtype, device=x.device)
        sinh = None
        if any(ctx.needs_input_grad):  # one rounding of it does no harm, an overflow would
            half = dtype != torch.float64 and 2.0 * c * _largest(t_x) * most < max_of(torch.float32)
            sinh = distance.new_empty(shape, dtype=torch.float32 if half else x.dtype)
        doubtful = []
        for rows in tiles(shape, x.device):
            w = left[..., rows, :] @ right
            low, high = w.aminmax()
            mask = None
            if not low > _largest(noise[..., rows, :]) * most:
                least = noise[..., rows, :] * t_y.mT
                mask = w <= least
                found = mask.nonzero()
                found[:, -2] += rows.start
                doubtful.append(found)
                w = torch.maximum(w, least)
            h = torch.addcmul(w, w, w, value=0.5).sqrt_()
            if not high < largest:  # the square overflows
                h = torch.where(w < largest, h, 0.5**0.5 * w)
            if sinh is not None:
                sinh[..., rows, :] = h if mask is None else h.masked_fill(mask, torch.inf)
            torch.div(w.add_(h, alpha=2.0**0.5).log1p_(), root, out=distance[..., rows, :])

        where = torch.cat(doubtful) if doubtful else x.new_empty(0, len(shape), dtype=torch.long)
        ctx.save_for_backward(x, y, c, sinh, distance)
        ctx.mark_non_differentiable(where)
        return distance, where

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c, sinh, distance = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # a second derivative is wanted: keep the graph of it
            grad = grad.masked_fill(sinh == torch.inf, 0.0)
            of = [t for t, due in zip((x, y, c), wanted, strict=True) if due]
            d, _ = product_matrix(x, y, c, 1.0)
            found = iter(torch.autograd.grad(d, of, grad.to(d.dtype), create_graph=True))
            return *(next(found) if due else None for due in wanted), None, None

        t_x, t_y = time_of(x, c), time_of(y, c)
        with_x, with_y = torch.cat((x, t_x), dim=-1), torch.cat((y, t_y), dim=-1)
        batch = distance.shape[:-2]
        sum_y = with_y.new_zeros(*batch, *with_x.shape[-2:])
        sum_x = with_y.new_zeros(*batch, *with_y.shape[-2:])
        for rows in tiles(distance.shape, x.device):
            weight = grad[..., rows, :] / sinh[..., rows, :].to(x.dtype)
            torch.matmul(weight, with_y, out=sum_y[..., rows, :])
            sum_x += weight.mT @ with_x[..., rows, :]
        factor = (0.5 * c).sqrt()
        to_x, to_y = sum_y[..., -1:] / t_x, sum_x[..., -1:] / t_y
        for_x = for_y = for_c = None
        if wanted[0]:
            for_x = (factor * (x * to_x - sum_y[..., :-1])).sum_to_size(x.shape)
        if wanted[1]:
            for_y = (factor * (y * to_y - sum_x[..., :-1])).sum_to_size(y.shape)
        if wanted[2]:
            direct = 0.5 * (x.square() * to_x).sum() + 0.5 * (y.square() * to_y).sum()
            direct = factor * (direct - (x * sum_y[..., :-1]).sum()) / c
            counted = (grad * distance).masked_fill(sinh == torch.inf, 0.0)
            for_c = (direct - counted.sum(dtype=c.dtype) / (2.0 * c)).to(c.dtype).reshape(c.shape)
        return for_x, for_y, for_c, None, None


def _largest(t: Tensor) -> Tensor:
    return t.max() if t.numel() else t.new_zeros(())


def tiles(shape: tuple[int, ...], device: torch.device) -> Iterator[slice]:
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
        allowed: largest relative error of cosh(sqrt(c) d) - 1, about twice the distance's.
        dtype: of the result.

    Returns:
        distances, and the indices ``(k, batch + 2)`` of the doubtful ones: there they are not
        less than the rounding error of the product, and have no gradient.
    """
    distance, doubtful = _HyperboloidMatrix.apply(x, y, c, allowed, dtype)
    return distance, doubtful
