"""Two ways to read "u is a v" off the places of u and v: cones and half-spaces.

Both are energies: low where the relation holds.

**Cones** (Ganea, Bécigneul and Hofmann 2018, arXiv 1804.01882). Every point v is the apex of a
cone that opens away from the origin, with half-aperture psi(v). With the radius b of v in units
of the curvature radius, ``sin psi = K (1 - |v|^2) / |v| = 2 K / sinh b`` in hyperbolic space, and
``sin psi = K / |v|`` in flat space. Xi(v, u) is the angle at v between the ray from the origin
and the geodesic to u. In the triangle of the origin, v and u, whose sides are b, a and d,

    cos Xi = -dd/db,    sin Xi = sinh(a) sin(theta) / sinh(d).

A point of a cone has its own cone within it: the relation is transitive.

**Half-spaces**: H(v) holds the points nearer to v than to the origin. The constructive closure
nests them, one within the other along primary parents.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyperhier._numerics import eps_of, largest_exponent, safe_norm, tiny_of
from hyperhier.manifolds._polar_distance import sides
from hyperhier.manifolds._triangle import angle_between
from hyperhier.manifolds.base import Manifold

__all__ = ["cone_aperture", "cone_energy", "half_space_energy"]


def cone_energy(manifold: Manifold, ancestor: Tensor, descendant: Tensor, K: float = 0.1) -> Tensor:
    """``max(0, Xi - psi)``: by how much the descendant misses the cone of the ancestor.

    The angles come from the triangle with the origin, in polar coordinates, without
    cancellation near or far and at any curvature; Euclidean space has the flat cones.

    Nearer to the origin than where ``sin psi`` would pass 1, the aperture grows on, from
    pi / 2 to pi at the origin: the cone of the origin is the whole space. (The paper keeps all
    points out of there.)

    Args:
        manifold: hyperbolic or Euclidean.
        ancestor, descendant: points ``(*batch, ambient)``, broadcast.
        K: width of the cones; in Euclidean space a length.

    Returns:
        ``(*batch)``, radians, 0 inside the cone. Differentiable in the points.

    Raises:
        ValueError: on a sphere, whose cones are not nested, or for K out of range.

    >>> from hyperhier.manifolds import PoincareBall
    >>> dog, poodle, cat = torch.tensor([[0.5, 0.0], [0.8, 0.02], [0.0, 0.6]]).double()
    >>> cone_energy(PoincareBall(), dog, torch.stack((poodle, cat)))
    tensor([0.0000, 2.4064], dtype=torch.float64)
    """
    curvature = _allowed(manifold, K)
    dtype = torch.promote_types(ancestor.dtype, descendant.dtype)
    root = math.sqrt(-curvature) if curvature < 0.0 else 1.0
    v = root * manifold.to_features(ancestor.double())
    u = root * manifold.to_features(descendant.double())
    v, u = torch.broadcast_tensors(v, u)
    b = safe_norm(v, keepdim=True)
    if curvature < 0.0:
        theta, _, _ = angle_between(v, u)
        one = torch.ones((), dtype=v.dtype, device=v.device)
        corner = sides(b, safe_norm(u, keepdim=True), theta, one)
        cos, sin = -corner.along_a, corner.lever_a * theta.sin
    else:
        step = u - v
        xi, _, _ = angle_between(v, step)
        same = safe_norm(step, keepdim=True) == 0.0
        cos, sin = torch.where(same, 1.0, xi.cos), xi.sin
    excess = torch.atan2(sin, cos) - _aperture(b, K, curved=curvature < 0.0)
    return excess.clamp_min(0.0).squeeze(-1).to(dtype)


def cone_aperture(manifold: Manifold, points: Tensor, K: float = 0.1) -> Tensor:
    """Half-aperture psi of the cones of points ``(*batch, ambient)``, radians, ``(*batch)``.

    >>> from hyperhier.manifolds import PoincareBall
    >>> cone_aperture(PoincareBall(), torch.tensor([0.5, 0.0])).sin()  # K (1 - .25) / .5
    tensor(0.1500)
    """
    curvature = _allowed(manifold, K)
    root = math.sqrt(-curvature) if curvature < 0.0 else 1.0
    b = root * safe_norm(manifold.to_features(points.double()), keepdim=True)
    return _aperture(b, K, curved=curvature < 0.0).squeeze(-1).to(points.dtype)


def half_space_energy(manifold: Manifold, ancestor: Tensor, descendant: Tensor) -> Tensor:
    """``d(u, v) - d(u, origin)``: negative where u lies in the half-space H(v).

    Args:
        manifold: any.
        ancestor, descendant: points v and u ``(*batch, ambient)``, broadcast.

    Returns:
        ``(*batch)``, a difference of distances. Differentiable in the points.

    >>> from hyperhier.embedding import embed
    >>> emb = embed("demo")
    >>> leaf = emb.taxonomy.leaves[0]
    >>> parent = emb.taxonomy.parents(leaf)[0]
    >>> bool(half_space_energy(emb.manifold, emb[parent], emb[leaf]) < 0)
    True
    >>> bool(half_space_energy(emb.manifold, emb[leaf], emb[parent]) < 0)
    False
    """
    dtype = torch.promote_types(ancestor.dtype, descendant.dtype)
    v, u = ancestor.double(), descendant.double()
    return (manifold.dist(u, v) - manifold.dist0(u)).to(dtype)


def _allowed(manifold: Manifold, K: float) -> float:
    """The curvature; ValueError where there are no cones."""
    if not (K > 0.0 and math.isfinite(K)):
        raise ValueError(f"K must be positive and finite, got {K}")
    curvature = manifold.sectional_curvature
    if curvature > 0.0:
        raise ValueError(
            f"entailment cones need a hyperbolic or Euclidean manifold, got {manifold!r}"
        )
    return curvature


def _aperture(b: Tensor, K: float, *, curved: bool) -> Tensor:
    """psi at the radius b, in units of the curvature radius."""
    if curved:
        width, limit = torch.sinh(b.clamp(max=largest_exponent(b.dtype))), 2.0 * K
    else:
        width, limit = b, K
    outside = width > limit
    most = 1.0 - eps_of(b.dtype)  # the slope of asin is infinite at 1
    sine = (limit / torch.where(outside, width, 1.0)).clamp(max=most)
    mirrored = (width.clamp(max=limit).clamp_min(tiny_of(b.dtype)) / limit).clamp(max=most)
    return torch.where(outside, torch.asin(sine), math.pi - torch.asin(mirrored))
