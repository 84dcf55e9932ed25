"""Where points lie along the ray from the origin through an anchor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from hyperhier._numerics import (
    data_dependent_allowed,
    largest_exponent,
    safe_norm,
    safe_sqrt,
    unit_vector,
)

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold

__all__ = [
    "Projection",
    "check_projection",
    "flat_positions",
    "ray_features",
    "ray_positions",
    "vectors_of",
]

Projection = Literal["geodesic", "busemann", "features"]

#: distance from the origin, in units of the curvature radius
_FLAT_BELOW = 1e-8


def check_projection(projection: str) -> None:
    """Raise ValueError unless it is a known projection."""
    if projection not in get_args(Projection):
        raise ValueError(f"projection must be one of {get_args(Projection)}, got {projection!r}")


def vectors_of(x: Tensor, manifold: Manifold) -> Tensor:
    """Vectors ``(n, d)`` whose directions mean something: the points themselves where their
    cosine does, else their features at the origin.
    """
    return x if manifold.supports_cosine else manifold.to_features(x)


def ray_features(x: Tensor, manifold: Manifold) -> tuple[Tensor, Tensor | None]:
    """Features of the points at the origin, and c > 0 where the curvature is constant and -c.

    Elsewhere rays are those of the feature space: the vector space itself for Euclidean
    space, the ambient one for the sphere. (A product of manifolds says its curvature is 0.)

    Args:
        x: points ``(n, a)``.

    Returns:
        ``(n, d)``, and a 0-dim float64 tensor (with gradient, if the curvature is learnable)
        or None.
    """
    features = vectors_of(x, manifold)
    curvature = manifold.sectional_curvature
    if manifold.supports_cosine or not (-math.inf < curvature < 0.0):
        return features, None
    c = getattr(manifold, "c", None)
    if not isinstance(c, Tensor):
        c = torch.tensor(-curvature, dtype=torch.float64)
    return features, c.to(x.device)


def flat_positions(
    anchors: Tensor, *others: Tensor, table: bool, normalize: bool = False
) -> tuple[list[Tensor], Tensor]:
    """Positions of several sets of points in a flat space, and the lengths of the anchors.

    Args:
        anchors: ``(n, d)``; for the zero vector every point lies at 0.
        others: each ``(m, d)`` for a table of all pairs, else ``(n, d)``, row by row.
        normalize: all vectors have length 1 first, and the zero vector 0.

    Returns:
        positions, each ``(n, m)``, and lengths ``(n, 1)``; row by row all are ``(n,)``.
    """

    def product(x: Tensor, y: Tensor) -> Tensor:
        return x @ y.mT if table else torch.linalg.vecdot(x, y)

    # besides the inputs, the backward pass of this needs products and lengths, no vectors
    length = torch.linalg.vector_norm(anchors, dim=-1, keepdim=table)
    divisor = torch.where(length > 0, length, 1.0)
    shortest = torch.finfo(length.dtype).tiny ** 0.5
    positions, exact = [], (length > shortest).all()
    for x in others:
        position = product(anchors, x) / divisor
        if normalize:
            size = torch.linalg.vector_norm(x, dim=-1)
            position = position / torch.where(size > 0, size, 1.0)
            exact = exact & ((size > shortest) & size.isfinite()).all()
        exact = exact & position.isfinite().all()
        positions.append(position)
    if not data_dependent_allowed(anchors, *others) or not bool(exact):
        # squares may leave the range of the dtype: scale every vector first
        towards, length = unit_vector(anchors), safe_norm(anchors, -1, keepdim=table)
        if normalize:
            positions = [product(towards, unit_vector(x)) for x in others]
        else:
            scales = [_length_or_one(x) for x in others]
            positions = [
                product(towards, x / scale) * (scale.mT if table else scale.squeeze(-1))
                for x, scale in zip(others, scales, strict=True)
            ]
    return positions, (length > 0).to(length.dtype) if normalize else length


def _length_or_one(x: Tensor) -> Tensor:
    """Constants ``(n, 1)`` to divide by; 1 where the length is no use."""
    length = safe_norm(x.detach(), -1, keepdim=True)
    return torch.where((length > 0) & length.isfinite(), length, 1.0)


def ray_positions(
    anchors: Tensor, others: Tensor, c: Tensor | None, projection: Projection
) -> Tensor:
    """Signed position of every point on the ray of every anchor.

    With r = |x|, the distance from the origin, and theta the angle between x and the anchor:
    r cos theta in a flat space. At curvature -c, with s = sqrt(c) r, the foot of the
    perpendicular on the geodesic lies at

        t = asinh( sinh s cos theta / sqrt(1 + sinh^2 s sin^2 theta) ) / sqrt c,

    and minus the Busemann function of the ray's end is

        -log( cosh s - sinh s cos theta ) / sqrt c.

    Args:
        anchors: features ``(..., n, d)``; the direction of the zero vector is undefined, and
            every point then lies at 0.
        others: features ``(..., m, d)``.
        c: minus the curvature; None: flat.

    Returns:
        ``(..., n, m)``; the position of a point on its own ray is its distance from the origin.
        The angle is known to about 1e-8, which matters beyond s = 18.
    """
    if c is None or projection == "features":
        return flat_positions(anchors, others, table=True)[0][0]
    root = c.to(torch.float64).sqrt()
    towards, x = unit_vector(anchors.double()), others.double()
    r = safe_norm(x, -1).unsqueeze(-2)
    flat = towards @ x.mT
    # near the origin the space is flat to the last bit, and no angle is needed
    near = (root * r).detach() < _FLAT_BELOW
    s = torch.where(near, 1.0, root * r)
    cosine = torch.where(near, 0.0, flat) / torch.where(near, 1.0, r)
    # straight ahead both are s, straight behind -s, however far
    straight = cosine.abs() >= 1.0
    if projection == "busemann":
        # cosh s - sinh s cos = e^s ((1 - cos) + e^-2s (1 + cos)) / 2: nothing cancels
        inside = 0.5 * ((1.0 - cosine) + torch.exp(-2.0 * s) * (1.0 + cosine))
        curved = -(s + torch.where(straight, 1.0, inside).log())
    else:
        # divided by sinh s, so that nothing overflows
        sine = safe_sqrt(1.0 - cosine.square())
        height = torch.sinh(s.clamp(max=largest_exponent(torch.float64)))
        away = torch.where(straight, 1.0, torch.hypot(1.0 / height, sine))
        curved = torch.asinh(cosine / away)
    curved = torch.where(straight, s * cosine.detach().sign(), curved) / root
    undefined = (towards == 0).all(-1).unsqueeze(-1)
    position = torch.where(near | undefined, flat, curved)
    return position.to(anchors.dtype)
