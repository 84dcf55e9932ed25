"""Stress minimisation: moves of single pairs first, then a quasi-Newton method on all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from hyperhier.embedding._distances import best_scale
from hyperhier.embedding._distortion.objective import Errors, Objective
from hyperhier.embedding._distortion.pairs import Pairs, Visit
from hyperhier.embedding._run import Run

__all__ = ["MovingPoints", "Schedule", "fitted", "minimise"]

FloatArray = NDArray[np.float64]
# Rates of the moves, in units of the median target squared: from far above what moves every
# pair in full to what leaves them almost still.
_FIRST_RATE, _MIDDLE_RATE, _LAST_RATE = 3.0, 5e-4, 5e-7
# The error at which squares turn into absolute values, from the first to the last such pass.
_WIDE, _NARROW = 0.03, 0.003
# One bound of the errors is at least this share of the other.
_LOPSIDED = 0.25
# Points whose distances to all others tell the scale and the mean error.
_SOURCES = 512
# Steps of the quasi-Newton method between two checkpoints, and those it remembers.
_BLOCK, _MEMORY = 50, 20


class MovingPoints(Protocol):
    """Points that stress moves; see ``PolarPoints`` for what the methods do."""

    scale: float

    def state(self) -> dict[str, FloatArray]: ...
    def restored(self, state: dict[str, FloatArray]) -> Self: ...
    def move(self, visit: Visit, rate: float, objective: Objective) -> None: ...
    def evaluated(self, pairs: Pairs, objective: Objective) -> tuple[float, FloatArray, Errors]: ...
    def moved(self, tangent: FloatArray, step: float) -> Self: ...
    def distances_from(self, k: int) -> FloatArray: ...


P = TypeVar("P", bound=MovingPoints)


@dataclass(frozen=True)
class Schedule:
    """How long to go on.

    Attributes:
        epochs: passes over the pairs; least squares in the first half of them, and the mean
            error with bounds on the worst in the second.
        polish: steps of L-BFGS after them, where all pairs are at hand.
        worst_weight: of the bounds.
        fixed_scale: whether the scale stays as it is; otherwise it is fitted to the points once
            more after least squares.
    """

    epochs: int
    polish: int
    worst_weight: float
    fixed_scale: bool = False

    @property
    def squares(self) -> int:
        """Epochs of least squares."""
        return (self.epochs + 1) // 2

    def rate(self, epoch: int) -> float:
        """In units of the median target squared."""
        if epoch < self.squares:
            done = epoch / max(1, self.squares - 1)
            return _FIRST_RATE * (_MIDDLE_RATE / _FIRST_RATE) ** done
        done = (epoch - self.squares + 1) / max(1, self.epochs - self.squares)
        return _MIDDLE_RATE * (_LAST_RATE / _MIDDLE_RATE) ** done

    def objective(self, epoch: int, bounds: tuple[float, float]) -> Objective:
        """Of a pass."""
        if epoch < self.squares:
            return Objective()
        done = (epoch - self.squares) / max(1, self.epochs - self.squares - 1)
        return Objective(_WIDE * (_NARROW / _WIDE) ** min(1.0, done), *bounds, self.worst_weight)


def minimise(
    points: P, pairs: Pairs, schedule: Schedule, run: Run | None = None
) -> tuple[P, float]:
    """Points with less stress, and the last mean value.

    The errors are bounded by those of the start, or of least squares if these are closer.

    Randomness comes from the seed and the number of the epoch, so that an interrupted
    training ends where an uninterrupted one does, to the bit.
    """
    unit = points.scale * float(np.median(pairs.sample()))
    whole, bounded = _whole(pairs), schedule.worst_weight > 0.0
    done, bounds = 0, _bounds(points, pairs) if bounded else (1.0, 1.0)
    state = run.resumed() if run is not None else {}
    if state:
        done = int(state["done"])
        bounds = float(state["below"]), float(state["above"])
        points.scale = float(state["scale"])
        points = points.restored({name: value.numpy() for name, value in state.items()})
    blocks = math.ceil(schedule.polish / _BLOCK) if whole else 0
    total, value = schedule.epochs + blocks, math.nan

    for step in range(done, total):
        if step == schedule.squares and not schedule.fixed_scale:
            points.scale, _ = fitted(points, pairs)
        if step == schedule.squares and bounded:
            bounds = min(bounds, _settled(points, pairs), key=_worst)
        if step < schedule.epochs:
            rate = unit * unit * schedule.rate(step)
            objective = schedule.objective(step, bounds)
            for visit in pairs.visits(step):
                points.move(visit, rate, objective)
        else:
            objective = Objective(_NARROW, *bounds, schedule.worst_weight)
            steps = min(_BLOCK, schedule.polish - _BLOCK * (step - schedule.epochs))
            points, value = _quasi_newton(points, pairs, objective, steps)
        if run is not None:
            figures = {} if math.isnan(value) else {"stress": value}
            run.report(step + 1, total, **figures)
            arrays = {name: torch.from_numpy(held) for name, held in points.state().items()}
            numbers = {"below": bounds[0], "above": bounds[1], "scale": points.scale}
            run.keep(now=False, done=step + 1, **numbers, **arrays)
    if whole and math.isnan(value):
        value = points.evaluated(pairs, Objective())[0]
    return points, value


def fitted(points: MovingPoints, pairs: Pairs) -> tuple[float, float]:
    """The scale of the targets at which the mean relative error is least, and that error.

    Over the pairs of some points with all. Points at one place leave the scale as it is.
    """
    ratio, weight = _ratios(points, pairs)
    scale = best_scale(ratio, weight) or points.scale
    return scale, float(np.average(np.abs(ratio / scale - 1.0), weights=weight))


def _ratios(points: MovingPoints, pairs: Pairs) -> tuple[FloatArray, FloatArray]:
    """Distances over targets of the pairs of some points with all, and the weights of these."""
    sources = np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), _SOURCES)).astype(np.int64))
    ratios, weights = [], []
    for k in sources:
        target = pairs.targets(np.full(len(pairs), k), np.arange(len(pairs)))
        kept = target > 0.0
        ratios.append(points.distances_from(k)[kept] / target[kept])
        weights.append(pairs.mass[kept] * pairs.mass[k])
    return np.concatenate(ratios), np.concatenate(weights)


def _bounds(points: MovingPoints, pairs: Pairs) -> tuple[float, float]:
    """The largest error below 0 and the largest above it, neither much less than the other."""
    if _whole(pairs):
        lowest, highest = points.evaluated(pairs, Objective())[2]
    else:
        ratio, _ = _ratios(points, pairs)
        lowest, highest = ratio.min() / points.scale - 1.0, ratio.max() / points.scale - 1.0
    least = max(_LOPSIDED * max(-lowest, highest), 1e-6)
    return max(-lowest, least), max(highest, least)


def _whole(pairs: Pairs) -> bool:
    """Whether all pairs are at hand."""
    return pairs.table is not None and pairs.kind == "full"


def _settled(points: P, pairs: Pairs) -> tuple[float, float]:
    """The bounds after the noise of the last pass has settled."""
    if not _whole(pairs):
        return _bounds(points, pairs)
    settled, _ = _quasi_newton(points, pairs, Objective(), 20)
    return _bounds(settled, pairs)


def _worst(bounds: tuple[float, float]) -> float:
    """The worst distortion within the bounds."""
    below, above = bounds
    return (1.0 + above) / max(1.0 - below, 1e-9)


def _quasi_newton(points: P, pairs: Pairs, objective: Objective, steps: int) -> tuple[P, float]:
    """L-BFGS (Nocedal 1980); vectors are compared at the origin, carried there along radii."""
    value, gradient, _ = points.evaluated(pairs, objective)
    memory: list[tuple[FloatArray, FloatArray, float]] = []
    for _ in range(steps):
        direction = -_newton(gradient, memory, points.scale)
        slope = float((gradient * direction).sum())
        if slope >= 0.0:
            if not memory:
                break
            memory.clear()
            continue
        longest = float(np.sqrt((direction * direction).sum(axis=1)).max())
        found = None
        for step in _steps(min(1.0, 1.0 / longest)):
            tried = points.moved(direction, step)
            new_value, new_gradient, _ = tried.evaluated(pairs, objective)
            if new_value <= value + 1e-4 * step * slope:
                found = tried
                break
        if found is None:
            if not memory:
                break
            memory.clear()
            continue
        change, turn = step * direction, new_gradient - gradient
        curvature = float((change * turn).sum())
        if curvature > 1e-12 * math.sqrt(float((change**2).sum() * (turn**2).sum())):
            memory = [*memory[1 - _MEMORY :], (change, turn, 1.0 / curvature)]
        points, value, gradient = found, new_value, new_gradient
    return points, value


def _steps(first: float) -> Iterator[float]:
    for k in range(16):
        yield first * 0.4**k


def _newton(
    gradient: FloatArray, memory: list[tuple[FloatArray, FloatArray, float]], scale: float
) -> FloatArray:
    """The inverse Hessian times the gradient, by the two loops."""
    out = gradient.copy()
    shares = []
    for change, turn, inverse in reversed(memory):
        share = inverse * float((change * out).sum())
        shares.append(share)
        out -= share * turn
    if memory:
        change, turn, inverse = memory[-1]
        out /= inverse * float((turn * turn).sum())
    else:
        out *= 0.1 / max(float(np.abs(out).max()), 1e-300)
    for (change, turn, inverse), share in zip(memory, reversed(shares), strict=True):
        out += (share - inverse * float((turn * out).sum())) * change
    return out
