"""Where points lie along the ray from the origin through an anchor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from hyperhier._numerics import largest_exponent, safe_norm, safe_sqrt, unit_vector

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold

__all__ = ["Projection", "check_projection", "ray_features", "ray_positions", "vectors_of"]

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
        # the table of products and the lengths are all that the backward pass needs
        length = torch.linalg.vector_norm(anchors, dim=-1, keepdim=True)
        return (anchors @ others.mT) / torch.where(length > 0, length, 1.0)
    root = c.to(torch.float64).sqrt()
    towards, x = unit_vector(anchors.double()), others.double()
    r = safe_norm(x, -1).unsqueeze(-2)
    flat = towards @ x.mT
    # near the origin the space is flat to the last bit, and no angle is needed
    near = (root * r).detach() < _FLAT_BELOW
    s = torch.where(near, 1.0, root * r).clamp(max=largest_exponent(torch.float64))
    cosine = torch.where(near, 0.0, flat) / torch.where(near, 1.0, r)
    if projection == "busemann":
        # cosh s - sinh s cos = e^s ((1 - cos) + e^-2s (1 + cos)) / 2: nothing cancels
        shrunk = torch.exp(-2.0 * s)
        inside = 0.5 * ((1.0 - cosine).clamp_min(0.0) + shrunk * (1.0 + cosine))
        curved = -(s + torch.maximum(inside, 0.5 * shrunk * shrunk).log()) / root
    else:
        # divided by sinh s, so that nothing overflows
        sine = safe_sqrt(1.0 - cosine.square())
        curved = torch.asinh(cosine / torch.hypot(1.0 / torch.sinh(s), sine)) / root
    undefined = (towards == 0).all(-1).unsqueeze(-1)
    position = torch.where(near | undefined, flat, curved)
    return position.to(anchors.dtype)
