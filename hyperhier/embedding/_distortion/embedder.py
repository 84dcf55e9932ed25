"""Embedding by stress: distances of pairs towards those of the taxonomy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._constructive.embedder import usable_radius
from hyperhier.embedding._constructive.metric_tree import MetricTree, rooted_tree
from hyperhier.embedding._constructive.siblings import Skeleton
from hyperhier.embedding._distortion.chord import ChordPoints
from hyperhier.embedding._distortion.pairs import Pairs
from hyperhier.embedding._distortion.polar import PolarPoints
from hyperhier.embedding._distortion.scaling import classical_scaling
from hyperhier.embedding._distortion.starts import Construction, most_promising
from hyperhier.embedding._distortion.stress import Schedule, minimise
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, not_negative, positive, whole
from hyperhier.embedding._run import Run
from hyperhier.manifolds import Polar
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.policies import check_choice

__all__ = ["DistortionEmbedder"]

# The rounding of a direction times sinh(radius), in curvature radii, may be a tenth of the shortest
# distance, but no more than moves short distances about freely, and no less than gives the longest
# ones room: they pay more than rounding costs.
_ROUNDING, _ROUNDING_SHARE = (0.05, 0.3), 0.1
# Training lets points go a little further out than they start.
_MARGIN = 1.0
# Standard deviation of random starting features beside the median target.
_START = 0.1
# Scales tried for a DAG, which is less like a tree, and from a random start, from where points
# cannot pass one another at a large scale; as shares of the largest.
_SCALES = (1.0, 0.4, 0.15, 0.05, 0.02)
# Longest distance on a sphere as a share of half a great circle.
_ARCS = (0.25, 0.5, 0.75, 0.95)
# Visits below this many are not worth compiling for.
_WORTH_COMPILING = 20_000


@dataclass(kw_only=True, eq=False)
class DistortionEmbedder(Embedder):
    """Distances in proportion to the weighted ones of the taxonomy, trained on all pairs.

    Of the relative errors ``e = d_M / (s d_T) - 1`` of pairs at a positive distance this
    makes small first the squares, then ``mean |e|`` with a steep bound on the worst::

        mean of sqrt(e^2 + delta^2) - delta + worst_weight (e / bound)^8

    with delta falling to 0.003. Errors below 0 have a bound of their own, those above it another:
    the largest of the start, or of least squares where these are closer.

    1. Start. In hyperbolic space the construction in closed form; up to 1,500 points the best
       of five after a few passes, four with directions of their own and one without what is
       given back for turns. Lower scales are tried too, as long as a few passes end with less
       error. In Euclidean space classical scaling (Torgerson 1952), on a sphere the same,
       bent. For a DAG in hyperbolic space all of these at several scales.
    2. Passes over the pairs in rounds where no point stands twice: each pair moves along its
       geodesic by a share of its error, the whole of it at first (Zheng, Pawar and Goodman
       2018, arXiv 1710.04626, there for drawings in the plane).
    3. L-BFGS on all pairs, if they are few enough, with vectors compared at the origin.

    All is computed in float64; in hyperbolic space in polar form, exact near and far, by
    machine code if numba is installed.

    The scale s and the curvature are one thing: a curvature of -c and the scale s serve as
    well as -1 and s sqrt(c). The larger the scale, the more the space is like a tree; what ends
    it is the rounding of directions, which moves a point at the radius r by about eps sinh r.
    In hyperbolic space the farthest node of the start is therefore at the radius that the
    dtype bears (34 curvature radii in float64, 14 in float32, up to 2 more where no edge is
    short), with the middle of the tree at the origin, and the scale is the one that fits the
    distances then: once more after least squares. For a DAG, from a random start and on a
    sphere the best of a few scales is taken; in Euclidean space all are alike.

    Nodes of a tree at distance 0 share a point. In a DAG distances are those of
    :meth:`Taxonomy.distance`.

    Args:
        manifold: any manifold.
        dim: its dimension.
        seed: of the start and the order of the pairs.
        epochs: passes over the pairs.
        polish: steps of L-BFGS.
        worst_weight: of the bounds on the worst pairs; 0 for the mean alone.
        tau: distance of two nodes at distance 1 in the taxonomy, in curvature radii; default:
            see above.
        pairs: ``"full"``: a pass visits all pairs; ``"sampled"``: each node meets 400 others
            in every pass; ``"landmark"``: 400 nodes, the same in every pass; ``"auto"``: full
            up to 3,000 nodes, then sampled.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: as described.
        dtype: of the points.

    ``embedding_.info`` holds what was chosen, the ``radius`` reached, and the last mean
    ``stress`` where all pairs are at hand.

    >>> chain = Taxonomy.from_edges([("a", "b"), ("b", "c")])
    >>> emb = DistortionEmbedder(manifold="euclidean").fit(chain).embedding_
    >>> round(emb.distance("a", "c"), 3)
    2.0
    """

    method: ClassVar[str] = "distortion"
    only_target: ClassVar[str | None] = "tree_distance"

    epochs: int = 160
    polish: int = 400
    worst_weight: float = 0.3
    tau: float | None = None
    pairs: str = "auto"
    init: str = "auto"

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        whole(1, epochs=self.epochs)
        whole(0, polish=self.polish)
        positive(tau=self.tau)
        not_negative(worst_weight=self.worst_weight)
        check_choice("init", self.init, ("auto", "constructive", "random"))
        if self.init == "constructive" and not (is_hyperbolic(manifold) and self.dim >= 2):
            raise ValueError(
                "init='constructive' needs a hyperbolic manifold of two or more dimensions, got "
                f"{manifold!r} and dim={self.dim}"
            )
        tree = _metric_tree(taxonomy).from_middle()
        label = _points_of(taxonomy, tree)
        pairs = Pairs.of(taxonomy, label, self.pairs, self.seed)
        if pairs.sample().size == 0:
            features = torch.zeros(len(taxonomy), self.dim, dtype=torch.float64)
            return manifold.from_features(features), {"epochs": 0}
        fixed = self.tau is not None or manifold.sectional_curvature == 0.0
        schedule = Schedule(self.epochs, self.polish, self.worst_weight, fixed)
        place = self._in_hyperbolic_space if is_hyperbolic(manifold) else self._elsewhere
        points, chosen = place(manifold, tree, pairs, schedule, run)
        chosen |= {"pairs": pairs.kind, "epochs": schedule.epochs, "polish": schedule.polish}
        return points[torch.from_numpy(label)], chosen

    def _in_hyperbolic_space(
        self, manifold: Manifold, tree: MetricTree, pairs: Pairs, schedule: Schedule, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        dtype = getattr(torch, self.dtype)
        radius = min(_radius(tree, eps_of(dtype)), usable_radius(manifold, dtype) - _MARGIN)
        fast = is_available() and len(pairs) ** 2 * schedule.epochs >= _WORTH_COMPILING
        construction = None
        if self.init != "random" and self.dim >= 2:
            construction = Construction(tree, pairs, self.dim, self.seed, fast)
        if construction is not None and pairs.taxonomy.is_tree and self.tau is None:
            points = construction.best(radius)
        else:
            starts = self._starts_at_scales(tree, pairs, radius, construction, fast)
            points = most_promising(list(starts), pairs, schedule.fixed_scale)
        points, stress = minimise(points, pairs, schedule, run)
        polar = torch.from_numpy(points.polar())
        chosen = {"tau": points.scale, "radius": float(polar.norm(dim=1).max())}
        unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
        with torch.no_grad():
            return _placed_in(manifold, points, unit), chosen | _figure(stress)

    def _starts_at_scales(
        self,
        tree: MetricTree,
        pairs: Pairs,
        radius: float,
        construction: Construction | None,
        fast: bool,
    ) -> Iterator[PolarPoints]:
        deepest = float(tree.far().max())
        largest = radius / deepest
        scales = [share * largest for share in _SCALES] if self.tau is None else [self.tau]
        if construction is None:
            features = np.random.default_rng([self.seed, 0]).normal(size=(len(pairs), self.dim))
            for scale in scales:
                yield PolarPoints.of(_START * scale * deepest * features, scale, fast)
            return
        flat = None
        if not pairs.taxonomy.is_tree and pairs.table is not None and self.init == "auto":
            flat = classical_scaling(pairs, self.dim, self.seed)
        for scale in scales:
            for start in construction.all(scale * deepest):
                yield start if self.tau is None else replace(start, scale=self.tau)
            if flat is not None:
                yield PolarPoints.of(scale * flat, scale, fast)

    def _elsewhere(
        self, manifold: Manifold, tree: MetricTree, pairs: Pairs, schedule: Schedule, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        is_round = manifold.sectional_curvature > 0.0
        dim = self.dim - 1 if is_round else self.dim  # a sphere in R^dim has one less
        init = "random" if self.init == "random" or pairs.table is None else "classical"
        if init == "classical":
            flat = classical_scaling(pairs, dim, self.seed)
        else:
            rng = np.random.default_rng([self.seed, 0])
            flat = _START * np.median(pairs.sample()) * rng.normal(size=(len(pairs), dim))
        scales = [self.tau or 1.0]
        if is_round and self.tau is None:
            longest = float(pairs.sample().max())
            scales = [arc * math.pi / longest for arc in _ARCS]
        fast = is_available() and len(pairs) ** 2 * schedule.epochs >= _WORTH_COMPILING
        starts = [ChordPoints.of(scale * flat, is_round, scale, fast) for scale in scales]
        points = most_promising(starts, pairs, schedule.fixed_scale)
        points, stress = minimise(points, pairs, schedule, run)
        chosen = {"tau": points.scale, **_figure(stress)}
        with torch.no_grad():
            return manifold.from_features(torch.from_numpy(points.points)), chosen


def _figure(stress: float) -> dict[str, float]:
    return {} if math.isnan(stress) else {"stress": stress}


def _metric_tree(taxonomy: Taxonomy) -> MetricTree:
    skeleton = Skeleton.of(taxonomy)
    return rooted_tree(skeleton.node, skeleton.parent, skeleton.depth, skeleton.weight)


def _radius(tree: MetricTree, eps: float) -> float:
    """To which the rounding of directions lets the farthest node go."""
    least, most = (math.log(2.0 * rounding / eps) for rounding in _ROUNDING)
    shortest = float(tree.weight[tree.weight > 0.0].min()) * least / float(tree.far().max())
    wanted = math.log(max(2.0 * _ROUNDING_SHARE * shortest / eps, 1.0))
    return min(max(wanted, least), most)


def _points_of(taxonomy: Taxonomy, tree: MetricTree) -> NDArray[np.int64]:
    """``(N,)``: the point that stands for each node, the same for nodes of a tree at distance 0."""
    own = torch.arange(tree.parent.numel())
    if taxonomy.is_tree:
        for nodes, parents in tree.levels():
            own[nodes] = torch.where(tree.weight[nodes] == 0.0, own[parents], own[nodes])
    label = torch.empty_like(own)
    label[tree.node] = own
    found: NDArray[np.int64] = np.unique(label.numpy(), return_inverse=True)[1]
    return found


def _placed_in(manifold: Manifold, points: PolarPoints, unit: float) -> Tensor:
    radius = 2.0 * unit * np.log(points.half)
    polar = torch.from_numpy(np.concatenate((radius[:, None], points.direction), axis=1))
    return Polar(c=-manifold.sectional_curvature).to(manifold)(polar)
