"""Embedding in closed form: a hyperbolic space has room for every tree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyperhier.embedding._caps import place_in_caps
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, positive
from hyperhier.embedding._run import Run
from hyperhier.embedding._siblings import Skeleton
from hyperhier.embedding._tree_distance import place_by_edge_length
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["ConstructiveEmbedder", "usable_radius"]

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


@dataclass(kw_only=True, eq=False)
class ConstructiveEmbedder(Embedder):
    """Place the nodes of a taxonomy in a hyperbolic manifold without any training.

    The root lies at the origin; everything is computed in float64 and level by level.

    * ``target="closure"``: nested half-spaces (:mod:`hyperhier.embedding._caps`), which make
      all ancestors of a node nearer to it than any other node: MAP and mean rank of
      reconstruction are exactly 1 for every tree that fits the radius.
    * ``target="tree_distance"``: Sarkar's construction after Sala et al. 2018
      (arXiv 1804.03329): distances in proportion to those of the tree.

    In a DAG the tree of primary parents is embedded: other parents count for nothing.

    Args:
        manifold: hyperbolic, of any curvature.
        dim: its dimension, at least 2.
        target: ``"closure"`` or ``"tree_distance"``.
        seed: of the directions in four or more dimensions.
        radius: largest distance from the root, in units of ``1 / sqrt(c)``; default: what
            points of the manifold in the dtype can hold.
        tau: length of an edge of weight 1 in those units, for ``target="tree_distance"``;
            default: what takes the deepest node to ``radius``, for the least distortion.
        dtype: of the points.

    ``embedding_.info`` holds the ``radius`` reached, the ``radius_needed`` for a perfect
    closure, and ``tau``.

    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> emb = ConstructiveEmbedder(target="tree_distance", tau=5.0).fit(tree).embedding_
    >>> emb.distance("a", "b"), emb.distance("a", "d")
    (5.0, 10.0)
    """

    method: ClassVar[str] = "constructive"

    target: str = "closure"
    radius: float | None = None
    tau: float | None = None

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        if not is_hyperbolic(manifold):
            raise ValueError(
                f"the constructive method needs a hyperbolic manifold, got {manifold!r}; "
                "use method='ranking' or 'distortion'"
            )
        if self.dim < 2:
            raise ValueError(f"the constructive method needs dim of at least 2, got {self.dim}")
        positive(radius=self.radius, tau=self.tau)
        skeleton = Skeleton.of(taxonomy)
        if self.target == "closure":
            if self.tau is not None:
                raise ValueError(
                    "tau belongs to target='tree_distance'; the closure has no edge length"
                )
            limit = self.radius or usable_radius(manifold, _CLOSURE_RADII)
            polar, chosen = place_in_caps(skeleton, self.dim, limit, self.seed)
        elif self.target == "tree_distance":
            limit = self.radius or usable_radius(manifold, _DISTANCE_RADII)
            polar, chosen = place_by_edge_length(skeleton, self.dim, limit, self.tau, self.seed)
        else:
            raise ValueError(f"target must be 'closure' or 'tree_distance', got {self.target!r}")
        unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
        with torch.no_grad():
            return manifold.from_features(polar * unit), {"target": self.target, **chosen}
