"""The hyperboloid distance in a form in which nothing cancels, with its own gradient.

For space parts x, y with times t_x, t_y let s = t_x + t_y and, all divided by s,
D = x - y, Z = x + y, T = t, E = 1/(c s^2). Split D into its part along Z (length a) and the
rest D'. Then, with h^2 = |D'|^2 + q a^2 and q = 1 - |Z|^2,

    sinh^2(sqrt(c) d / 2) = (c s^2 / 4) h^2,
    grad_x d = (D' + q (D - D')) / (2 h T_x sqrt(1 + sinh^2(sqrt(c) d / 2))).

q = 2E + 2(T_x T_y - x.y) is itself a sum of non-negative terms when x.y <= 0; otherwise
T_x T_y - x.y = (E^2 + E(|x|^2 + |y|^2) + |D'|^2 |Z|^2 / 4) / (T_x T_y + x.y).
(Our derivation, from -<x-y, x-y> = |x-y|^2 - (t_x - t_y)^2 and
t_x - t_y = (x-y).(x+y) / (t_x + t_y).)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hyperhier._numerics import part_across, safe_sqrt, stable_asinh, unit_vector
from hyperhier.manifolds._hyperbolic import time_of

__all__ = ["Chord", "chord", "hyperboloid_distance"]


class Chord(NamedTuple):
    """Two hyperboloid points, seen from the chord between them. Batch shapes ``(*batch, 1)``."""

    w: Tensor  # (*batch, d): D' + q (D - D'), the direction of the gradient
    h2: Tensor  # h^2
    q: Tensor
    along: Tensor  # a |Z| = D.Z
    sum_time: Tensor  # s
    share_x: Tensor  # T_x
    share_y: Tensor  # T_y
    sinh2: Tensor  # sinh^2 of half the distance


def chord(x: Tensor, y: Tensor, c: Tensor) -> Chord:
    """The quantities above for space parts ``x, y (*batch, d)`` in float64."""
    t_x, t_y = time_of(x, c), time_of(y, c)
    s = t_x + t_y
    difference, total = (x - y) / s, (x + y) / s
    share_x, share_y = t_x / s, t_y / s
    e = 1.0 / (c * s * s)

    xs, ys = x / s, y / s
    together = (x + y != 0).any(-1, keepdim=True)  # else every direction is across
    across = torch.where(together, -2.0 * part_across(x + y, x, y), x - y) / s
    across2 = across.square().sum(-1, keepdim=True)
    direction = unit_vector(total)
    a = (difference * direction).sum(-1, keepdim=True)

    product = (xs * ys).sum(-1, keepdim=True)
    times = share_x * share_y
    acute = product > 0
    numerator = (
        e * e
        + e * (xs.square() + ys.square()).sum(-1, keepdim=True)
        + across2 * total.square().sum(-1, keepdim=True) / 4.0
    )
    excess = torch.where(
        acute,
        numerator / torch.where(acute, times + product, torch.ones_like(times)),
        times - product,
    )
    q = 2.0 * (e + excess)

    h2 = across2 + q * a * a
    return Chord(
        w=across + q * a * direction,
        h2=h2,
        q=q,
        along=(difference * total).sum(-1, keepdim=True),
        sum_time=s,
        share_x=share_x,
        share_y=share_y,
        sinh2=c * s * s * h2 / 4.0,
    )


class _HyperboloidDistance(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
        return (2.0 / c.sqrt()) * stable_asinh(chord(x, y, c).sinh2.sqrt()).squeeze(-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, c = ctx.saved_tensors
        k = chord(x, y, c)
        grad = grad.unsqueeze(-1)
        h = safe_sqrt(k.h2)
        apart = h > 0
        one_over = grad / (torch.where(apart, h, torch.ones_like(h)) * (1.0 + k.sinh2).sqrt())
        one_over = torch.where(apart, one_over, torch.zeros_like(h))
        for_x = for_y = for_c = None
        if ctx.needs_input_grad[0]:
            for_x = one_over * k.w / (2.0 * k.share_x)
        if ctx.needs_input_grad[1]:
            for_y = -one_over * k.w / (2.0 * k.share_y)
        if ctx.needs_input_grad[2]:
            w2 = k.w.square().sum(-1, keepdim=True)
            direct = one_over * k.sum_time * w2 / (8.0 * c * k.share_x * k.share_y)
            d = (2.0 / c.sqrt()) * stable_asinh(safe_sqrt(k.sinh2))
            for_c = (direct - grad * d / (2.0 * c)).sum().reshape(c.shape)
        return for_x, for_y, for_c


def hyperboloid_distance(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Distance of hyperboloid points given by their space parts ``(*batch, d)``, float64.

    0 with gradient 0 at coincident points.
    """
    x, y = torch.broadcast_tensors(x, y)
    d: Tensor = _HyperboloidDistance.apply(x, y, c)
    return d
