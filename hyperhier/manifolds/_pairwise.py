"""All hyperboloid distances of two sets of points from one matrix product.

cosh(sqrt(c) d) = c (t_x t_y - x.y) for all pairs at once. The product cancels for near pairs;
those are marked, get no gradient here, and are formed again elsewhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds._hyperbolic import time_of

__all__ = ["hyperboloid_matrix"]

#: rounding errors of a matrix product, in units of eps times the largest term
PRODUCT_ERROR = 8.0


def _half_sinh(sinh2: Tensor) -> Tensor:
    """sinh(D)/2 from sinh^2(D/2)."""
    return (sinh2 * (1.0 + sinh2)).sqrt_()


class _HyperboloidMatrix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, c: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        t_x, t_y = time_of(x, c), time_of(y, c)
        times = t_x * t_y.mT
        sinh2 = (times - x @ y.mT).mul_(0.5 * c).sub_(0.5)
        doubtful = sinh2 * (allowed / (PRODUCT_ERROR * eps_of(x.dtype))) <= c * times
        sinh2.masked_fill_(doubtful, 1.0)
        half_sinh = _half_sinh(sinh2)
        distance = (sinh2 + half_sinh).mul_(2.0).log1p_().div_(c.sqrt())
        ctx.save_for_backward(x, y, c, half_sinh, doubtful, distance)
        ctx.mark_non_differentiable(doubtful)
        return distance, doubtful

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c, half_sinh, doubtful, distance = ctx.saved_tensors
        t_x, t_y = time_of(x, c), time_of(y, c)
        if torch.is_grad_enabled():  # a second derivative is wanted: keep the graph of it
            sinh2 = 0.5 * (c * (t_x * t_y.mT - x @ y.mT) - 1.0)
            half_sinh = _half_sinh(sinh2.masked_fill(doubtful, 1.0))
        grad = grad.masked_fill(doubtful, 0.0)
        # dd/dx = sqrt(c) (x t_y / t_x - y) / sinh(D)
        weight = grad * (0.5 * c.sqrt()) / half_sinh
        to_x, to_y = weight @ t_y / t_x, weight.mT @ t_x / t_y
        weighted_y = weight @ y
        for_x = _reduced(x * to_x - weighted_y, x) if ctx.needs_input_grad[0] else None
        for_y = _reduced(y * to_y - weight.mT @ x, y) if ctx.needs_input_grad[1] else None
        for_c = None
        if ctx.needs_input_grad[2]:
            direct = 0.5 * (x.square() * to_x).sum() + 0.5 * (y.square() * to_y).sum()
            direct = direct - (x * weighted_y).sum()
            for_c = (direct / c - (grad * distance).sum() / (2.0 * c)).reshape(c.shape)
        return for_x, for_y, for_c, None


def _reduced(gradient: Tensor, like: Tensor) -> Tensor:
    """Sum over the batch dimensions that were broadcast."""
    return gradient.sum_to_size(like.shape)


def hyperboloid_matrix(x: Tensor, y: Tensor, c: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
    """Distances ``(*batch, n, m)`` of space parts ``(*batch, n, d)`` and ``(*batch, m, d)``.

    Args:
        allowed: largest relative error of sinh^2(sqrt(c) d / 2), about twice the distance's.

    Returns:
        distances, and where they are doubtful: there they are placeholders without gradient.
    """
    distance, doubtful = _HyperboloidMatrix.apply(x, y, c, allowed)
    return distance, doubtful
