"""Embedding in closed form: a hyperbolic space has room for every tree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.embedding._constructive.caps import LAYOUTS, place_in_caps
from hyperhier.embedding._constructive.siblings import Skeleton
from hyperhier.embedding._constructive.spanning import spanning_tree
from hyperhier.embedding._constructive.tree_distance import place_by_edge_length
from hyperhier.embedding._constructive.unary import contracted
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, positive
from hyperhier.embedding._run import Run
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["ConstructiveEmbedder", "usable_radius"]

# Radii beyond this are not asked of a model; one that holds it holds any.
_ANY_RADIUS = 1024.0
# How far dist0 may be from the radius asked for, in units of the curvature radius.
_RADIUS_ERROR = 0.05
# A tree distance is read off between near points too, where the rounding of a direction times
# e^radius must stay small beside an edge. Measured: more radius pays in float64 up to here; in
# float32 edges are short, and it costs the worst pairs.
_DIRECTION_ERROR = {torch.float64: 0.1, torch.float32: 2.5e-3}
# Levels from which the time of going through them one by one is worth saving.
_MANY_LEVELS = 256


def usable_radius(manifold: Manifold, dtype: torch.dtype = torch.float64) -> float:
    """The largest radius that points of the manifold in this dtype can hold, in curvature radii.

    Found by asking for points at a radius and measuring theirs; infinite where coordinates
    never end, as in :class:`~hyperhier.manifolds.Polar`. Directions are rounded too: what that
    allows is a matter of the layout.

    >>> from hyperhier.manifolds import Lorentz, PoincareBall, Polar
    >>> [round(usable_radius(m()), -1) for m in (PoincareBall, Lorentz, Polar)]
    [30.0, 350.0, inf]
    """
    unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
    angle = torch.linspace(0.1, 6.1, 61, dtype=torch.float64)
    direction = torch.stack((angle.cos(), angle.sin()), dim=-1)

    def holds(radius: float) -> bool:
        with torch.no_grad():
            points = manifold.from_features(radius * unit * direction).to(dtype)
            error = (manifold.dist0(points).double() / unit - radius).abs()
        return bool((error < _RADIUS_ERROR).all())

    if holds(_ANY_RADIUS):
        return math.inf
    low, high = 1.0, _ANY_RADIUS
    while high - low > 0.25:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


@dataclass(kw_only=True, eq=False)
class ConstructiveEmbedder(Embedder):
    """Place the nodes of a taxonomy in a hyperbolic manifold without any training.

    The root lies at the origin; everything is computed in float64.

    * ``target="closure"``: nested half-spaces (module ``caps`` beside this one), which make
      all ancestors of a node nearer to it than any other node: MAP and mean rank of
      reconstruction are exactly 1 for every tree that fits the radius. Of a DAG a spanning
      tree is embedded that loses little of the closure, and radii are such that ancestors on
      other branches are near too (:mod:`hyperhier.embedding._constructive.arcs`).
    * ``target="tree_distance"``: Sarkar's construction after Sala et al. 2018
      (arXiv 1804.03329): distances in proportion to those of the tree; of a DAG to those of
      the tree of primary parents.

    Args:
        manifold: hyperbolic, of any curvature.
        dim: its dimension, at least 2.
        target: ``"closure"`` or ``"tree_distance"``.
        seed: of the directions in four or more dimensions.
        radius: largest distance from the root, in units of ``1 / sqrt(c)``; default: what
            points of the manifold in the dtype can hold.
        layout: for ``target="closure"``. ``"arcs"``: on a circle, in a plane through the root.
            ``"caps"``: in all dimensions and at smaller radii, a start for training; of a DAG
            it knows nothing but the spanning tree. ``"auto"``: arcs, unless a tree does not
            fit the radius with them and needs less with caps.
        tau: length of an edge of weight 1 in those units, for ``target="tree_distance"``;
            default: what takes the deepest node to ``radius``, for the least distortion.
        dtype: of the points.

    ``embedding_.info`` holds the ``radius`` reached, ``tau`` or, for the closure, the
    ``layout``, the ``radius_needed`` for the order of all nodes, and the ``lost_pairs`` of a
    DAG that its spanning tree does not hold.

    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> emb = ConstructiveEmbedder(target="tree_distance", tau=5.0).fit(tree).embedding_
    >>> emb.distance("a", "b"), emb.distance("a", "d")
    (5.0, 10.0)
    """

    method: ClassVar[str] = "constructive"

    target: str = "closure"
    radius: float | None = None
    tau: float | None = None
    layout: str = "auto"

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
        if self.layout not in LAYOUTS:
            raise ValueError(
                f"layout must be one of {', '.join(map(repr, LAYOUTS))}, got {self.layout!r}"
            )
        dtype = getattr(torch, self.dtype)
        limit = self.radius or usable_radius(manifold, dtype)
        if self.target == "closure":
            if self.tau is not None:
                raise ValueError(
                    "tau belongs to target='tree_distance'; the closure has no edge length"
                )
            tree = spanning_tree(taxonomy)
            skeleton, lost = tree.skeleton, int(tree.lost.sum())
            polar, chosen = place_in_caps(tree, self.dim, limit, dtype, self.layout, self.seed)
            chosen["lost_pairs"] = lost
        elif self.target == "tree_distance":
            skeleton = Skeleton.of(taxonomy)
            if self.radius is None:
                limit = min(limit, math.log(_DIRECTION_ERROR[dtype] / eps_of(dtype)))
            polar, chosen = _place_by_edge_length(skeleton, self.dim, limit, self.tau, self.seed)
        else:
            raise ValueError(f"target must be 'closure' or 'tree_distance', got {self.target!r}")
        unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
        polar = skeleton.in_taxonomy_order(polar)
        with torch.no_grad():
            return manifold.from_features(polar * unit), {"target": self.target, **chosen}


def _place_by_edge_length(
    skeleton: Skeleton, dim: int, radius: float, tau: float | None, seed: int
) -> tuple[Tensor, dict[str, Any]]:
    """In deep trees chains of nodes with one child are placed as one edge: a straight line."""
    chains = contracted(skeleton) if skeleton.height > _MANY_LEVELS else None
    if chains is None:
        return place_by_edge_length(skeleton, dim, radius, tau, seed)
    polar, chosen = place_by_edge_length(chains.short, dim, radius, tau, seed)
    return chains.filled(polar), chosen
