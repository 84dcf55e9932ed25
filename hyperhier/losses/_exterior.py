"""By how much points miss the cones of others, on any manifold."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyperhier._numerics import eps_of, largest_exponent, safe_sqrt, tiny_of
from hyperhier.manifolds.base import Manifold

__all__ = ["cone_excess", "exterior_angle"]

#: what differences of the sides of a triangle may be off by, in eps of their sum
SIDES_EPS = 256.0


def cone_excess(
    manifold: Manifold, apex: Tensor, points: Tensor, K: float, mask: Tensor | None = None
) -> Tensor:
    """``Xi - psi``, radians: the exterior angle less the half-aperture of the cone.

    Positive outside the cone, where it is :func:`hyperhier.embedding.cone_energy`, and
    negative inside. With r the distance of the apex from the origin, ``sin psi`` is ``2 K /
    sinh(sqrt(c) r)`` on manifolds of constant curvature -c and ``K / r`` elsewhere; nearer to
    the origin than where that passes 1, psi grows on from pi / 2 to pi.

    Args:
        apex: ``(P, ambient)``.
        points: ``(n, ambient)``.
        K: width of the cones; positive.
        mask: ``(n, P)``, the pairs wanted; the others may come out as 0.

    Returns:
        ``(n, P)``. Differentiable in the points, and in a learnable c.

    >>> from hyperhier.manifolds import PoincareBall
    >>> dog, poodle, cat = torch.tensor([[[0.5, 0.0]], [[0.8, 0.02]], [[0.0, 0.6]]]).double()
    >>> cone_excess(PoincareBall(), dog, torch.cat((poodle, cat)), K=0.1)
    tensor([[-0.0673],
            [ 2.4064]], dtype=torch.float64)
    """
    if not len(apex):
        return points[:, :0]
    dtype = torch.promote_types(apex.dtype, points.dtype)
    apex, points = apex.double(), points.double()
    radius = manifold.dist0(apex)
    curvature = manifold.sectional_curvature
    if curvature < 0.0:
        c = getattr(manifold, "c", None)
        root = c.sqrt() if isinstance(c, Tensor) else math.sqrt(-curvature)
        b = root * radius
        a, d = root * manifold.dist0(points), root * manifold.dist_matrix(points, apex)
        psi = _half_aperture(b.clamp(max=largest_exponent(b.dtype)).sinh(), 2.0 * K)
        return (_angle_of_sides(a[:, None], b[None, :], d) - psi).to(dtype)
    if mask is None:
        mask = torch.ones(len(points), len(apex), dtype=torch.bool, device=points.device)
    row, column = mask.nonzero().unbind(1)
    angle = exterior_angle(manifold, apex[column], points[row])
    excess = angle - _half_aperture(radius, K)[column]
    table = torch.zeros(mask.shape, dtype=excess.dtype, device=excess.device)
    return table.index_put((row, column), excess).to(dtype)


def exterior_angle(manifold: Manifold, apex: Tensor, points: Tensor) -> Tensor:
    """Angle at the apex between the ray from the origin and the geodesic to a point.

    With unit tangent vectors at the apex, e away from the origin and f towards the point, it
    is ``2 atan2(|e - f|, |e + f|)``, which keeps small and straight angles alike.

    Args:
        apex, points: ``(*batch, ambient)``, broadcast.

    Returns:
        ``(*batch)``, radians in [0, pi]; 0 where the two coincide or the apex is the origin.

    >>> from hyperhier.manifolds import Euclidean
    >>> exterior_angle(Euclidean(), torch.tensor([1.0, 0.0]), torch.tensor([1.0, 2.0]))
    tensor(1.5708)
    """
    apex, points = torch.broadcast_tensors(apex, points)
    origin = manifold.origin(apex.shape[-1], dtype=apex.dtype, device=apex.device)
    outward = _unit(manifold, apex, -manifold.logmap(apex, origin.expand_as(apex)))
    ahead = _unit(manifold, apex, manifold.logmap(apex, points))
    apart = manifold.norm(apex, outward - ahead)
    along = manifold.norm(apex, outward + ahead)
    defined = (manifold.norm(apex, outward) > 0.5) & (manifold.norm(apex, ahead) > 0.5)
    angle = 2.0 * torch.atan2(torch.where(defined, apart, 0.0), torch.where(defined, along, 1.0))
    return torch.where(defined, angle, 0.0)


def _angle_of_sides(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """The exterior angle between b and d of hyperbolic triangles, in curvature radii.

    By the half-angle formula, with s = (a + b + d) / 2,

        tan^2(Xi / 2) = sinh(s) sinh(s - a) / (sinh(s - b) sinh(s - d)).
    """
    s = (a + b + d) / 2.0
    noise = SIDES_EPS * eps_of(s.dtype) * s
    over_a, over_b, over_d = (torch.where(s - x > noise, s - x, 0.0) for x in (a, b, d))

    def grown(x: Tensor) -> Tensor:  # 2 exp(-x) sinh(x)
        return -torch.expm1(-2.0 * x)

    opposite = safe_sqrt(grown(s) * grown(over_a))
    adjacent = torch.exp(-over_a) * safe_sqrt(grown(over_b) * grown(over_d))
    flat = (opposite == 0) & (adjacent == 0)
    return 2.0 * torch.atan2(opposite, torch.where(flat, 1.0, adjacent))


def _half_aperture(width: Tensor, limit: float) -> Tensor:
    """``asin(limit / width)``, and from pi / 2 to pi where the width is below the limit."""
    most = 1.0 - eps_of(width.dtype)  # the slope of asin is infinite at 1
    outside = width > limit
    sine = (limit / torch.where(outside, width, 2.0 * limit)).clamp(max=most)
    inner = (width.clamp(max=limit).clamp_min(tiny_of(width.dtype)) / limit).clamp(max=most)
    return torch.where(outside, torch.asin(sine), math.pi - torch.asin(inner))


def _unit(manifold: Manifold, x: Tensor, u: Tensor) -> Tensor:
    """Tangent vectors of length 1; 0 for the zero vector."""
    length = manifold.norm(x, u, keepdim=True)
    return u / torch.where(length > 0, length, 1.0)
