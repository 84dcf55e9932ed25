"""Sums and products whose rounding errors are kept.

Error-free transformations: Dekker (Numer. Math. 18, 1971) for products, Knuth (TAOCP 2)
for sums. They are for float64; in float32, which only fast arithmetic uses, sums are plain.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["one_minus_scaled_square", "part_across", "two_product", "two_sum"]

#: splits a 53-bit significand into two halves of 26 bits
SPLITTER = 2.0**27 + 1.0


def two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """a + b as a rounded sum and its exact error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Tensor) -> tuple[Tensor, Tensor]:
    t = SPLITTER * a
    high = t - (t - a)
    return high, a - high


def two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """a * b as a rounded product and its exact error (for magnitudes under 1e150)."""
    p = a * b
    a1, a2 = _split(a)
    b1, b2 = _split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _square_parts(x: Tensor, unit: Tensor) -> list[Tensor]:
    """|x|^2 as five sums, exact or too small for their rounding errors to count.

    x, no longer than ``unit`` (a power of two), is cut into multiples of 2^-26 units, multiples
    of 2^-48 units, and a rest. Products of the former two are whole numbers of one size, and so
    are their sums, as long as these fit in 53 bits: here, for up to 2048 coordinates.
    """
    coarse, fine = 1.5 * 2.0**26 * unit, 1.5 * 2.0**4 * unit
    high = (x + coarse) - coarse
    tail = x - high
    middle = (tail + fine) - fine
    rest, twice = tail - middle, 2.0 * high
    products = (
        high * high,
        twice * middle,
        twice * rest,
        middle * middle,
        (tail + middle) * rest,
    )
    return [p.sum(-1) for p in products]


class _OneMinusScaledSquare(torch.autograd.Function):
    """1 - c |x|**2 to the last bits, however close |x| is to the boundary."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, c: Tensor) -> Tensor:
        unit = torch.exp2((-0.5 * torch.log2(c)).ceil())
        *exact, last = _square_parts(x, unit)
        total, low = torch.ones_like(last), -c * last
        for part in exact:
            scaled, error = two_product(part, c)
            total, rounding = two_sum(total, -scaled)
            low = low + (rounding - error)
        return total + low

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        x, c = ctx.saved_tensors
        for_x = (-2.0 * c * grad).unsqueeze(-1) * x if ctx.needs_input_grad[0] else None
        for_c = None
        if ctx.needs_input_grad[1]:
            for_c = -(grad * x.square().sum(-1)).sum().reshape(c.shape)
        return for_x, for_c


def one_minus_scaled_square(x: Tensor, c: Tensor) -> Tensor:
    """``1 - c |x|^2`` along the last dimension, without cancellation.

    Shapes: x ``(*batch, n)`` float64, c 0-dim float64; result ``(*batch)``. In float32 the
    sum is plain, and kept positive: rounding must not put a point outside the ball.

    >>> x = torch.tensor([1.0 - 2.0**-53], dtype=torch.float64)
    >>> one = torch.ones((), dtype=torch.float64)
    >>> one_minus_scaled_square(x, one).item() == 2.0**-52 - 2.0**-106
    True
    """
    if x.dtype != torch.float64:
        return (1.0 - c * x.square().sum(-1)).clamp_min(torch.finfo(x.dtype).eps)
    result: Tensor = _OneMinusScaledSquare.apply(x, c)
    return result


def part_across(t: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The part of y across t, to the last bits even where x, y and t are almost parallel.

    t must be x plus a multiple of y (or x itself). With k its largest coordinate,

        z = y - (y_k / t_k) t = (x_k y - y_k x) / t_k

    has the same part across t, and z_k = 0: it stands well apart from t, so that projecting it
    cancels nothing, and its numerator is a difference of exact products. Where t is 0 the result
    is 0. Shapes: all ``(*batch, d)``.
    """
    t, x, y = torch.broadcast_tensors(t, x, y)
    if t.shape[-1] == 0:
        return y
    k = t.abs().argmax(-1, keepdim=True)
    x_k, y_k, t_k = x.gather(-1, k), y.gather(-1, k), t.gather(-1, k)
    if y.dtype == torch.float64:
        here, here_low = two_product(x_k.expand_as(y), y)
        there, there_low = two_product(y_k.expand_as(x), x)
        z = (here - there) + (here_low - there_low)
    else:
        z = x_k * y - y_k * x
    one = torch.ones_like(t_k)
    z = torch.where(t_k != 0, z, torch.zeros_like(z)) / torch.where(t_k != 0, t_k, one)
    t2 = t.square().sum(-1, keepdim=True)
    t2 = torch.where(t2 > 0, t2, one)
    for _ in range(2):  # the second time removes what rounding left
        z = z - (z * t).sum(-1, keepdim=True) / t2 * t
    return z
