"""Embedding in closed form: a hyperbolic space has room for every tree."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hyperhier.embedding._caps import place_in_caps
from hyperhier.embedding._siblings import Skeleton
from hyperhier.embedding._tree_distance import place_by_edge_length
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["constructive", "usable_radius"]

# Largest radii tried, in units of the curvature radius. Beyond 60 the angles between
# neighbours would fall to the rounding of a float64 direction on any model.
_CLOSURE_RADII = (60.0, 46.0, 34.0, 26.0, 17.0, 8.0)
# A tree distance is read off between near points too, where the rounding of a direction
# (1e-16) times e^radius must stay small beside an edge.
_DISTANCE_RADII = (30.0, 26.0, 17.0, 8.0)
# How far dist0 may be from the radius asked for, in units of the curvature radius.
_RADIUS_ERROR = 0.05


def usable_radius(manifold: Manifold, radii: tuple[float, ...]) -> float:
    """The first of ``radii`` that float64 points of the manifold can hold, in curvature radii."""
    unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
    angle = torch.linspace(0.1, 6.1, 7, dtype=torch.float64)
    direction = torch.stack((angle.cos(), angle.sin()), dim=-1)
    for radius in radii:
        with torch.no_grad():
            measured = manifold.dist0(manifold.from_features(radius * unit * direction)) / unit
        if bool(((measured - radius).abs() < _RADIUS_ERROR).all()):
            return radius
    return radii[-1]


def constructive(
    taxonomy: Taxonomy,
    manifold: Manifold,
    dim: int,
    target: str = "closure",
    seed: int = 0,
    *,
    radius: float | None = None,
    tau: float | None = None,
) -> tuple[Tensor, dict[str, Any]]:
    """Place the nodes of a taxonomy in a hyperbolic manifold without any training.

    The root lies at the origin; everything is computed in float64 and level by level.

    * ``target="closure"``: nested half-spaces (:mod:`hyperhier.embedding._caps`), which make
      all ancestors of a node nearer to it than any other node: MAP and mean rank of
      reconstruction are exactly 1 for every tree that fits the radius.
    * ``target="tree_distance"``: Sarkar's construction after Sala et al. 2018
      (arXiv 1804.03329): distances in proportion to those of the tree.

    In a DAG the tree of primary parents is embedded: other parents count for nothing.

    Args:
        taxonomy: what to embed.
        manifold: a hyperbolic manifold of any curvature.
        dim: its dimension, at least 2.
        target: see above.
        seed: of the spread directions in four dimensions and more.
        radius: the largest distance from the root to use, in units of the curvature radius
            ``1 / sqrt(c)``; default: what float64 points of this manifold hold, at most 60 for
            the closure (34 in the ball) and 30 for distances. Points that shall be used in
            float32 should stay within 12.
        tau: for ``"tree_distance"``, the length of an edge of weight 1 in the same units;
            default: what takes the deepest node to ``radius``, for the least distortion.

    Returns:
        Points ``(N, ambient)`` float64, and a dict of what was chosen: ``radius`` reached,
        ``radius_needed`` for a perfect closure, ``tau``.

    Raises:
        ValueError: for a manifold that is not hyperbolic, a dim below 2, an unknown target, a
            radius or a tau that is not positive, or a tau with the closure.

    >>> from hyperhier.manifolds import Lorentz
    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> points, chosen = constructive(tree, Lorentz(), 2, "tree_distance", tau=5.0)
    >>> Lorentz().dist(points[0], points[1:])
    tensor([ 5.0000, 5.0000, 10.0000], dtype=torch.float64)
    """
    if not manifold.sectional_curvature < 0.0:
        raise ValueError(
            f"the constructive method needs a hyperbolic manifold, got {manifold!r}; "
            "use method='ranking' or 'distortion'"
        )
    if dim < 2:
        raise ValueError(f"the constructive method needs dim of at least 2, got {dim}")
    for name, value in (("radius", radius), ("tau", tau)):
        if value is not None and not (value > 0.0 and math.isfinite(value)):
            raise ValueError(f"{name} must be positive and finite, got {value}")
    skeleton = Skeleton.of(taxonomy)
    if target == "closure":
        if tau is not None:
            raise ValueError(
                "tau belongs to target='tree_distance'; the closure has no edge length"
            )
        limit = usable_radius(manifold, _CLOSURE_RADII) if radius is None else radius
        polar, chosen = place_in_caps(skeleton, dim, limit, seed)
    elif target == "tree_distance":
        limit = usable_radius(manifold, _DISTANCE_RADII) if radius is None else radius
        polar, chosen = place_by_edge_length(skeleton, dim, limit, tau, seed)
    else:
        raise ValueError(f"target must be 'closure' or 'tree_distance', got {target!r}")
    unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
    with torch.no_grad():
        return manifold.from_features(polar * unit), chosen
