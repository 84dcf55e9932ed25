"""Scalar functions that stay accurate, with their gradients, where the naive form does not.

The ``*_ratio`` and ``*_root`` functions take the *square* of their argument, ``q = s**2``:
they are then smooth at 0, so vectors of length 0 need no special case and gradients of any
order exist. Near 0 they are summed as a power series, because automatic differentiation of
``f(sqrt(q)) / sqrt(q)`` cancels there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import factorial

import torch
from torch import Tensor

from hyperhier._numerics.dtypes import largest_exponent

__all__ = [
    "asinh_ratio",
    "atan_ratio",
    "cos_root",
    "cosh_root",
    "safe_norm",
    "safe_sqrt",
    "sin_ratio",
    "sinh_ratio",
    "sinh_share",
    "stable_asinh",
    "tanh_ratio",
    "unit_vector",
]

#: below this square the power series is used; its terms then fall by 32 or more each
SERIES_BELOW = 1.0 / 32.0
#: number of terms: the first one left out is under 2**-60 of the sum
TERMS = 12
#: beyond this argument asinh(s) = log(2 s) to the last bit of float64 and of float32
ASINH_IS_LOG = 2.0**27


def _tanh_coefficients(n: int) -> list[float]:
    """Taylor coefficients of tanh(s)/s in s**2, from t' = 1 - t**2."""
    a = [1.0]
    for k in range(1, n):
        a.append(-sum(a[i] * a[k - 1 - i] for i in range(k)) / (2 * k + 1))
    return a


_SINH = [1.0 / factorial(2 * k + 1) for k in range(TERMS)]
_COSH = [1.0 / factorial(2 * k) for k in range(TERMS)]
_SIN = [(-1.0) ** k / factorial(2 * k + 1) for k in range(TERMS)]
_COS = [(-1.0) ** k / factorial(2 * k) for k in range(TERMS)]
_ASINH = [
    (-1.0) ** k * factorial(2 * k) / (4.0**k * factorial(k) ** 2 * (2 * k + 1))
    for k in range(TERMS)
]
_ATAN = [(-1.0) ** k / (2 * k + 1) for k in range(TERMS)]
_TANH = _tanh_coefficients(TERMS + 6)  # radius of convergence is only (pi/2)**2


def _in_square(
    q: Tensor, series: Sequence[float], closed_form: Callable[[Tensor], Tensor]
) -> Tensor:
    """Power series where q is small, the closed form of sqrt(q) elsewhere."""
    small = q < SERIES_BELOW
    near = torch.where(small, q, torch.zeros_like(q))
    total = torch.full_like(near, series[-1])
    for coefficient in reversed(series[:-1]):
        total = total * near + coefficient
    far = torch.where(small, torch.ones_like(q), q).sqrt()
    return torch.where(small, total, closed_form(far))


def _bounded(s: Tensor) -> Tensor:
    return s.clamp(max=largest_exponent(s.dtype))


def sinh_ratio(q: Tensor) -> Tensor:
    """sinh(s)/s for s = sqrt(q); the exponent stops growing where the dtype ends."""
    return _in_square(q, _SINH, lambda s: torch.sinh(_bounded(s)) / s)


def sinh_share(t: Tensor, q: Tensor) -> Tensor:
    """sinh(t s)/sinh(s) for s = sqrt(q) of any size: what weighs the ends of a geodesic."""
    small = q < 1.0
    near = torch.where(small, q, torch.zeros_like(q))
    s = torch.where(small, torch.ones_like(q), q).sqrt()
    far = torch.exp((t - 1.0) * s) * torch.expm1(-2.0 * t * s) / torch.expm1(-2.0 * s)
    return torch.where(small, t * sinh_ratio(near * t.square()) / sinh_ratio(near), far)


def cosh_root(q: Tensor) -> Tensor:
    """cosh(sqrt(q)); the exponent stops growing where the dtype ends."""
    return _in_square(q, _COSH, lambda s: torch.cosh(_bounded(s)))


def tanh_ratio(q: Tensor) -> Tensor:
    """tanh(s)/s for s = sqrt(q)."""
    return _in_square(q, _TANH, lambda s: torch.tanh(s) / s)


def asinh_ratio(q: Tensor) -> Tensor:
    """asinh(s)/s for s = sqrt(q)."""
    return _in_square(q, _ASINH, lambda s: stable_asinh(s) / s)


def atan_ratio(q: Tensor) -> Tensor:
    """atan(s)/s for s = sqrt(q)."""
    return _in_square(q, _ATAN, lambda s: torch.atan(s) / s)


def sin_ratio(q: Tensor) -> Tensor:
    """sin(s)/s for s = sqrt(q)."""
    return _in_square(q, _SIN, lambda s: torch.sin(s) / s)


def cos_root(q: Tensor) -> Tensor:
    """cos(sqrt(q))."""
    return _in_square(q, _COS, torch.cos)


def stable_asinh(s: Tensor) -> Tensor:
    """asinh for s >= 0 whose derivative does not vanish when s**2 overflows.

    >>> s = torch.tensor(1e200, dtype=torch.float64, requires_grad=True)
    >>> stable_asinh(s).backward()
    >>> bool(s.grad > 0)
    True
    """
    large = s > ASINH_IS_LOG
    one = torch.ones_like(s)
    return torch.where(
        large,
        torch.where(large, s, one).log() + math.log(2.0),
        torch.asinh(torch.where(large, one, s)),
    )


def safe_sqrt(x: Tensor) -> Tensor:
    """Square root of x >= 0 with gradient 0 (not infinite) at 0; 0 below 0."""
    positive = x > 0
    root = torch.where(positive, x, torch.ones_like(x)).sqrt()
    return torch.where(positive, root, torch.zeros_like(x))


def safe_norm(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    """Euclidean norm, scaled against overflow, with gradient 0 at the zero vector.

    >>> x = torch.zeros(3, requires_grad=True)
    >>> safe_norm(x).backward()
    >>> x.grad
    tensor([0., 0., 0.])
    """
    if x.shape[dim] == 0:
        return x.sum(dim, keepdim)
    scale = _size(x, dim)
    root = safe_sqrt((x / scale).square().sum(dim, keepdim=True)) * scale
    return root if keepdim else root.squeeze(dim)


def unit_vector(x: Tensor, dim: int = -1) -> Tensor:
    """x / |x|, and 0 (with gradient 0) for the zero vector."""
    if x.shape[dim] == 0:
        return x
    x = x / _size(x, dim)
    length = safe_sqrt(x.square().sum(dim, keepdim=True))
    return x / torch.where(length > 0, length, torch.ones_like(length))


def _size(x: Tensor, dim: int) -> Tensor:
    """The largest coordinate, a constant to divide by before squaring; 1 if it is no use."""
    largest = x.detach().abs().amax(dim, keepdim=True)
    return torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
