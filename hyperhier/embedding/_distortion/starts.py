"""Where stress starts from in hyperbolic space: the construction, and at which scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from hyperhier.embedding._constructive.metric_tree import MetricTree
from hyperhier.embedding._constructive.tree_distance import place_in_proportion
from hyperhier.embedding._distortion.pairs import Pairs
from hyperhier.embedding._distortion.polar import PolarPoints
from hyperhier.embedding._distortion.stress import MovingPoints, Schedule, fitted, minimise

__all__ = ["Construction", "most_promising"]

# Up to this size several constructions are tried as starts: without what is given back for turns,
# and with it, each with directions of its own; how a few passes end tells how all of them will.
_TRY_SEVERAL = 1_500
_TRIES = ((0.0, 0), (1.0, 0), (1.0, 1), (1.0, 2), (1.0, 3))
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
        #: share of what is lost at turns that is given back, and number of the directions
        self.tries: tuple[tuple[float, int], ...] = _TRIES[1:2]
        if len(pairs) <= _TRY_SEVERAL:
            self.tries = _TRIES if pairs.taxonomy.is_tree else _TRIES[:2]

    def all(self, radius: float) -> Iterator[PolarPoints]:
        """Every try, with the farthest node at a radius."""
        for which in self.tries:
            yield self._at(radius, *which)

    def best(self, radius: float) -> PolarPoints:
        """The try, and the scale, from where a few passes lead to the least mean error.

        Where branches are crowded, nodes are pushed apart, and a lower scale than the fitted
        one suits what comes of that: it goes down by steps as long as the passes end with less.
        The points then end further inside, and are built again with as much more room.
        """
        built = list(zip(self.tries, self.all(radius), strict=True))
        # at a small scale a construction may end elsewhere than asked
        built = [one for one in built if _reach(one[1]) <= radius + _SLACK] or built
        trials = [_trial(start, self.pairs) for _, start in built]
        k = int(np.argmin([value for value, _ in trials]))
        (value, ended), (which, start), factor = trials[k], built[k], 1.0
        while True:
            lower = replace(start, scale=factor * _LOWER * start.scale)
            lower_value, lower_ended = _trial(lower, self.pairs)
            if not lower_value < value:
                break
            value, ended, factor = lower_value, lower_ended, factor * _LOWER
        reached = _reach(ended)
        if reached < radius and factor < 1.0:
            larger = self._at(radius * radius / reached, *which)
            _, ended = _trial(replace(larger, scale=factor * larger.scale), self.pairs)
            if _reach(ended) <= radius + _SLACK:
                start = larger
        return replace(start, scale=factor * start.scale)

    def _at(self, radius: float, share: float, number: int) -> PolarPoints:
        seed = self.seed + number * _STEP_OF_SEEDS
        polar, _ = place_in_proportion(self.tree, self.dim, radius, seed, (share,))
        of_node = torch.empty_like(polar)
        of_node[self.tree.node] = polar
        points = PolarPoints.of(of_node.numpy()[self.pairs.node], 1.0, self.fast)
        return replace(points, scale=fitted(points, self.pairs)[0])


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
