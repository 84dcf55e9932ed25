"""Where stress starts from in hyperbolic space: the construction, and at which scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from hyperhier.embedding._constructive.metric_tree import MetricTree
from hyperhier.embedding._constructive.tree_distance import Placement, placements, reaching
from hyperhier.embedding._distortion.pairs import Pairs
from hyperhier.embedding._distortion.polar import PolarPoints
from hyperhier.embedding._distortion.stress import MovingPoints, Schedule, fitted, minimise

__all__ = ["Construction", "most_promising"]

# Up to this size several constructions are tried as starts: without what is given back for turns,
# and with it, each with directions of its own; how a few passes end tells how all of them will.
_TRY_SEVERAL = 1_500
_SHARES, _DIRECTIONS = (1.0, 0.0), (1, 2, 3)
_STEP_OF_SEEDS = 1_000_003
_TRIAL_EPOCHS = 16
# From a scale to the next lower one.
_LOWER = 0.97

# So much further out than asked for the points may end, in curvature radii.
_SLACK = 1.0

P = TypeVar("P", bound=MovingPoints)


class Construction:
    """The points of a tree placed in closed form, at the scale that fits them best.

    Args:
        tree: about the point that is to lie at the origin.
        pairs: of its points.
        dim, seed, fast: as of the embedder.
    """

    def __init__(self, tree: MetricTree, pairs: Pairs, dim: int, seed: int, fast: bool) -> None:
        self.tree, self.pairs = tree, pairs
        self.dim, self.seed, self.fast = dim, seed, fast
        several = len(pairs) <= _TRY_SEVERAL
        #: of what is lost at turns, that is given back
        self.shares = _SHARES if several else _SHARES[:1]
        #: numbers of further directions
        self.directions = _DIRECTIONS if several and pairs.taxonomy.is_tree else ()

    def all(self, radius: float) -> Iterator[PolarPoints]:
        """Every try with the first directions, the farthest node at a radius."""
        for share in self.shares:
            for placement in placements(self.tree, self.dim, radius, self.seed, share):
                yield self._points(placement)

    def best(self, radius: float) -> PolarPoints:
        """The try, and the scale, from where a few passes lead to the least mean error.

        Where branches are crowded, nodes are pushed apart, and a lower scale than the fitted
        one suits what comes of that: it goes down by steps as long as the passes end with less.
        The points then end further inside, and are built again with as much more room.
        """
        tried = [
            _Try.of(self._points(placement), self.pairs, share, 0, placement.limit)
            for share in self.shares
            for placement in placements(self.tree, self.dim, radius, self.seed, share)
        ]
        limit = min((one for one in tried if one.share), key=lambda one: one.error).limit
        for number in self.directions:
            start = self._at(radius, 1.0, number, limit)
            tried.append(_Try.of(start, self.pairs, 1.0, number, limit))
        best = min(tried, key=lambda one: one.error)
        start, error, ended, factor = best.start, best.error, best.ended, 1.0
        while True:
            lower = replace(start, scale=factor * _LOWER * start.scale)
            lower_error, lower_ended = _trial(lower, self.pairs)
            if not lower_error < error:
                break
            error, ended, factor = lower_error, lower_ended, factor * _LOWER
        reached = _reach(ended)
        if reached < radius and factor < 1.0:
            larger = self._at(radius * radius / reached, best.share, best.number, best.limit)
            _, ended = _trial(replace(larger, scale=factor * larger.scale), self.pairs)
            if _reach(ended) <= radius + _SLACK:
                start = larger
        return replace(start, scale=factor * start.scale)

    def _at(self, radius: float, share: float, number: int, limit: float) -> PolarPoints:
        seed = self.seed + number * _STEP_OF_SEEDS
        return self._points(reaching(self.tree, self.dim, radius, seed, share, limit))

    def _points(self, placement: Placement) -> PolarPoints:
        of_node = torch.empty_like(placement.polar)
        of_node[self.tree.node] = placement.polar
        points = PolarPoints.of(of_node.numpy()[self.pairs.node], 1.0, self.fast)
        return replace(points, scale=fitted(points, self.pairs)[0])


@dataclass(frozen=True)
class _Try:
    """A construction, and the points and their mean error after a few passes from there."""

    start: PolarPoints
    ended: PolarPoints
    error: float
    share: float
    number: int
    limit: float

    @classmethod
    def of(cls, start: PolarPoints, pairs: Pairs, share: float, number: int, limit: float) -> _Try:
        error, ended = _trial(start, pairs)
        return cls(start, ended, error, share, number, limit)


def _reach(points: PolarPoints) -> float:
    """Radius of the farthest point."""
    return 2.0 * math.log(points.half.max())


def most_promising(starts: list[P], pairs: Pairs, fixed_scale: bool) -> P:
    """The start with the least mean error after a few passes, or the only one."""
    if len(starts) == 1:
        return starts[0]
    return starts[int(np.argmin([_trial(start, pairs, fixed_scale)[0] for start in starts]))]


def _trial(start: P, pairs: Pairs, fixed_scale: bool = False) -> tuple[float, P]:
    """Mean error after a few passes, at the scale that then fits, and the points."""
    copy = start.restored(start.state())
    points, _ = minimise(copy, pairs, Schedule(_TRIAL_EPOCHS, 0, 0.0, fixed_scale))
    return fitted(points, pairs)[1], points
