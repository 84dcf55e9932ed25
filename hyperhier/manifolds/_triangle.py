"""Hyperbolic triangles with a corner at the origin, at any radius.

Two sides a, b leave the origin at an angle theta; what is the third side d, and at what angles
does it meet them? With m = min(a, b), D = |a - b|, E = e^-D, K_r = 1 - e^-2r and the lever arm
P = e^m sin(theta/2), nothing below overflows or cancels:

    sinh(d/2) = h / (2 sqrt(E)),         h^2 = (1 - E)^2 + P^2 K_a K_b,
    sinh(d)   = h g / (2 E),             g^2 = 4 E + h^2,
    dd/da = (+-(1 - E^2) + P^2 (2 - K_a) K_b) / (h g),
    sinh(b) / sinh(d) = e^m (1 or E) K_b / (h g).

(Our rearrangement of cosh d = cosh a cosh b - sinh a sinh b cos theta.) Sides are in units of
the curvature radius.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from hyperhier._numerics import (
    largest_exponent,
    max_of,
    part_across,
    safe_norm,
    safe_sqrt,
    stable_asinh,
    unit_vector,
)

__all__ = ["Angle", "Triangle", "angle_between", "half_angle", "triangle", "turned"]


class Angle(NamedTuple):
    """An angle by its functions, each to its last bits; shapes ``(*batch, 1)``."""

    sin: Tensor
    cos: Tensor
    sin_half: Tensor
    cos_half: Tensor


class Triangle(NamedTuple):
    """Third side d, and its directions at the ends of a and b; shapes ``(*batch, 1)``.

    ``along_a`` is dd/da: the cosine of the angle between a prolonged and d prolonged.
    ``lever_a`` is sinh(b)/sinh(d); times sin(theta) it is the sine of that angle.
    """

    side: Tensor
    along_a: Tensor
    lever_a: Tensor
    along_b: Tensor
    lever_b: Tensor


def half_angle(cos: Tensor, sin: Tensor) -> Angle:
    """The angle in [0, pi] of known cosine and sine."""
    acute = cos >= 0
    # the larger of sin_half and cos_half by a root, the smaller from sin = 2 sin_half cos_half
    larger = ((1.0 + cos.abs()) / 2.0).sqrt()
    smaller = sin / (2.0 * larger)
    return Angle(sin, cos, torch.where(acute, smaller, larger), torch.where(acute, larger, smaller))


def angle_between(x: Tensor, y: Tensor) -> tuple[Angle, Tensor, Tensor]:
    """Angle of two direction vectors ``(*batch, d)``, not necessarily of length 1.

    Returns:
        the angle; y/|y| without its part along x; x/|x| without its part along y.
    """
    x_length, y_length = _length(x), _length(y)
    y_across, x_across = part_across(x, x, y) / y_length, part_across(y, y, x) / x_length
    cos = ((x / x_length) * (y / y_length)).sum(-1, keepdim=True).clamp(-1.0, 1.0)
    return half_angle(cos, safe_norm(y_across, keepdim=True)), y_across, x_across


def turned(v: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """v, orthogonal to the unit vector x, carried along by the rotation that takes x to y.

    The rotation is the one in the plane of the two. For opposite x and y there are many, and v
    stays what it is.
    """
    theta, y_across, x_across = angle_between(x, y)
    by_sum = v - (v * y_across).sum(-1, keepdim=True) / (1.0 + theta.cos.abs()) * (x + y)
    ahead, forward = unit_vector(y_across), unit_vector(-x_across)
    by_planes = v + (v * ahead).sum(-1, keepdim=True) * (forward - ahead)
    return torch.where(theta.cos >= 0, by_sum, by_planes)


def _length(x: Tensor) -> Tensor:
    length = safe_norm(x, keepdim=True)
    return torch.where(length > 0, length, torch.ones_like(length))


def triangle(a: Tensor, b: Tensor, difference: Tensor, theta: Angle, low: Tensor) -> Triangle:
    """The formulas at the top.

    Args:
        a, b: the sides, ``(*batch, 1)``, >= 0.
        difference: a - b, known better than by subtraction.
        theta: the angle between them.
        low: what the smaller side is more than min(a, b) by rounding; matters at large radii.
    """
    largest = largest_exponent(a.dtype)
    m, gap = torch.minimum(a, b), difference.abs()
    e = torch.exp(-gap)
    k_a, k_b = -torch.expm1(-2.0 * a), -torch.expm1(-2.0 * b)

    # e^m in two factors, so that it meets a small sine before it overflows
    first, second = m.clamp(max=2.0 * largest), (m - 2.0 * largest).clamp(0.0, 2.0 * largest)
    grow, grow_more = torch.exp(first) * (1.0 + low), torch.exp(second)
    reach = torch.exp(m.clamp(max=largest))
    p = (theta.sin_half * grow) * grow_more
    huge = p > math.exp(largest)
    p = torch.where(huge, reach, p)
    s = torch.where(huge, theta.sin_half, torch.ones_like(p))

    radial, tangential = -torch.expm1(-gap), p * safe_sqrt(k_a) * safe_sqrt(k_b)
    apart = (radial > 0) | (tangential > 0)
    h = torch.hypot(torch.where(apart, radial, torch.ones_like(radial)), tangential)
    hg = h * torch.hypot(2.0 * e.sqrt(), h)

    v = 0.5 * h * torch.exp(0.5 * gap.clamp(max=1.7 * largest))
    far = (v > 2.0**27) | (gap > largest)
    log_h = torch.where(huge, m + s.log(), torch.where(far, h, torch.ones_like(h)).log())
    side = torch.where(far, gap + 2.0 * log_h, 2.0 * stable_asinh(torch.where(far, 1.0, v)))

    outward = torch.sign(difference) * -torch.expm1(-2.0 * gap)
    p2, one = p.square(), torch.ones_like(p)
    lever = torch.where(huge, (1.0 / s) * (torch.exp(-m) / s), (grow / hg) * grow_more)
    lever = lever.clamp(max=0.25 * max_of(lever.dtype))
    a_longer = difference > 0
    along_a = (outward + p2 * (2.0 - k_a) * k_b) / hg
    along_b = (p2 * (2.0 - k_b) * k_a - outward) / hg
    lever_a = lever * k_b * torch.where(a_longer, e, one)
    lever_b = lever * k_a * torch.where(a_longer, one, e)
    # no third side: the directions that leave a vector at the common end what it is
    return Triangle(
        torch.where(apart, side, torch.zeros_like(side)),
        torch.where(apart, along_a, -theta.cos),
        torch.where(apart, lever_a, one),
        torch.where(apart, along_b, one),
        torch.where(apart, lever_b, torch.zeros_like(one)),
    )
