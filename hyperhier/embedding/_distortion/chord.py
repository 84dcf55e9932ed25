"""Points of Euclidean space or of the unit sphere that move by stress."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperhier.embedding._distortion.objective import Errors, Objective
from hyperhier.embedding._distortion.pairs import Pairs, Visit

__all__ = ["ChordPoints"]

FloatArray = NDArray[np.float64]


@dataclass
class ChordPoints:
    """Points that stress moves, as :class:`~hyperhier.embedding._distortion.polar.PolarPoints`.

    Attributes:
        points: ``(n, width)``: coordinates, or unit vectors on a sphere.
        round: whether they lie on the unit sphere.
        scale: of the targets.
        fast: whether to run machine code.
    """

    points: FloatArray
    round: bool
    scale: float
    fast: bool

    @classmethod
    def of(cls, features: FloatArray, round_: bool, scale: float, fast: bool) -> ChordPoints:
        """From vectors ``(n, dim)``, which on a sphere are carried along great circles."""
        if not round_:
            return cls(features.copy(), round_, scale, fast)
        angle = np.sqrt((features * features).sum(axis=1))
        side = features * np.sinc(angle / np.pi)[:, None]
        return cls(np.concatenate((np.cos(angle)[:, None], side), axis=1), round_, scale, fast)

    def state(self) -> dict[str, FloatArray]:
        """All that changes."""
        return {"points": self.points}

    def restored(self, state: dict[str, FloatArray]) -> ChordPoints:
        """These points where they were."""
        return ChordPoints(np.array(state["points"]), self.round, self.scale, self.fast)

    def move(self, visit: Visit, rate: float, objective: Objective) -> None:
        """Move the ends of every pair towards their target distance or away, in place."""
        if self.fast:
            from hyperhier.embedding._distortion.compiled import compiled

            compiled("move_chord")(
                self.points, self.round, visit.i, visit.j, visit.target, visit.weight,
                self.scale, rate, *objective,
            )  # fmt: skip
            return
        for i, j, wanted, share, _ in visit.rounds():
            target = self.scale * wanted
            x, y = self.points[i], self.points[j]
            chord = np.sqrt(((y - x) ** 2).sum(axis=1))
            distance = self._length(chord)
            stiffness = objective.stiffness(distance / target - 1.0)
            weight = rate * share / target**2
            move = 0.5 * np.minimum(1.0, weight * stiffness) * (distance - target)
            if self.round:
                sine = np.sin(distance)
                apart = sine > 0.0
                sine = np.where(apart, sine, 1.0)
                own = np.where(apart, np.sin(distance - move) / sine, 1.0)[:, None]
                other = np.where(apart, np.sin(move) / sine, 0.0)[:, None]
                for at, new in ((i, own * x + other * y), (j, own * y + other * x)):
                    self.points[at] = new / np.sqrt((new * new).sum(axis=1, keepdims=True))
            else:
                share = np.where(chord > 0.0, move / np.where(chord > 0.0, chord, 1.0), 0.0)
                step = share[:, None] * (y - x)
                self.points[i], self.points[j] = x + step, y - step

    def evaluated(self, pairs: Pairs, objective: Objective) -> tuple[float, FloatArray, Errors]:
        """Mean over all pairs, its gradient, tangent to a sphere, and the extreme errors."""
        assert pairs.table is not None
        gradient = np.empty_like(self.points)
        total = lowest = highest = weights = 0.0
        square = (self.points * self.points).sum(axis=1)
        for k, x in enumerate(self.points):
            if self.fast:
                # inner products are good enough where no point is far from the others
                chord = np.maximum(square + square[k] - 2.0 * (self.points @ x), 0.0)
                chord = np.sqrt(chord)
            else:
                chord = np.sqrt(((self.points - x) ** 2).sum(axis=1))
            slope = np.ones_like(chord)
            distance = chord
            if self.round:
                part = np.minimum(0.5 * chord, 1.0)
                distance = 2.0 * np.arcsin(part)
                slope = 1.0 / np.sqrt(np.maximum(1.0 - part * part, 1e-12))
            target = self.scale * pairs.table[k]
            kept = target > 0.0
            target = np.where(kept, target, 1.0)
            weight = np.where(kept, pairs.mass[k] * pairs.mass, 0.0)
            error = np.where(kept, distance / target - 1.0, 0.0)
            total += float((weight * objective.value(error)).sum())
            weights += float(weight.sum())
            lowest = min(lowest, float(error.min()))
            highest = max(highest, float(error.max()))
            force = weight * objective.stiffness(error) * error * slope / target
            force = np.where(chord > 0.0, force / np.where(chord > 0.0, chord, 1.0), 0.0)
            gradient[k] = force.sum() * x - force @ self.points
        if self.round:
            gradient -= (gradient * self.points).sum(axis=1, keepdims=True) * self.points
        gradient /= max(0.5 * weights, 1.0)
        return total / max(weights, 1.0), gradient, (lowest, highest)

    def distances_from(self, k: int) -> FloatArray:
        """``(n,)`` distances of point k from all."""
        return self._length(np.sqrt(((self.points - self.points[k]) ** 2).sum(axis=1)))

    def _length(self, chord: FloatArray) -> FloatArray:
        """Of the geodesic over a chord."""
        return 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)) if self.round else chord

    def moved(self, tangent: FloatArray, step: float) -> ChordPoints:
        """New points, each a step along a vector."""
        moved = self.points + step * tangent
        if self.round:
            along = (tangent * self.points).sum(axis=1, keepdims=True)
            side = step * (tangent - along * self.points)
            angle = np.sqrt((side * side).sum(axis=1, keepdims=True))
            moved = np.cos(angle) * self.points + np.sinc(angle / np.pi) * side
            moved /= np.sqrt((moved * moved).sum(axis=1, keepdims=True))
        return ChordPoints(moved, self.round, self.scale, self.fast)
