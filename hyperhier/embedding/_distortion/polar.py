"""Hyperbolic points that move by stress, in polar form: numpy, or machine code if there is numba.

A point is its distance r from the origin in curvature radii, held as exp(r / 2) and sinh r, and
a unit direction n. Seen from a point at radius a, one at radius b with the direction m and the
chord s = |m - n| lies at the distance d along the unit tangent of the components

    (sinh(b - a) - cosh a sinh b s^2 / 2) / sinh d   along the radius,
    sinh b (m - n + n s^2 / 2) / sinh d              across it,

which for both ends are sums without cancellation. Moving from (a, n) by t along a unit tangent
with the component c along the radius and the vector w across it leads to the space part
``(sinh a cosh t + cosh a sinh t c) n + sinh t w`` of the hyperboloid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperhier.embedding._distances import distance_row
from hyperhier.embedding._distortion.objective import Errors, Objective
from hyperhier.embedding._distortion.pairs import Pairs, Visit

__all__ = ["PolarPoints"]

FloatArray = NDArray[np.float64]
# Longest move at once, as the tanh of half of it.
_STRIDE = 0.45


@dataclass
class PolarPoints:
    """Points that stress moves.

    Attributes:
        direction: ``(n, dim)`` unit vectors.
        half: ``(n,)`` exp(r / 2).
        sinh: ``(n,)`` sinh r.
        scale: of the targets.
        fast: whether to run machine code.
    """

    direction: FloatArray
    half: FloatArray
    sinh: FloatArray
    scale: float
    fast: bool

    @classmethod
    def of(cls, polar: FloatArray, scale: float, fast: bool) -> PolarPoints:
        """From polar vectors ``(n, dim)``."""
        radius = np.sqrt((polar * polar).sum(axis=1))
        direction = polar / np.where(radius > 0, radius, 1.0)[:, None]
        direction[radius == 0, 0] = 1.0
        return cls(direction, np.exp(0.5 * radius), np.sinh(radius), scale, fast)

    def polar(self) -> FloatArray:
        """Polar vectors ``(n, dim)``."""
        return 2.0 * np.log(self.half)[:, None] * self.direction

    def state(self) -> dict[str, FloatArray]:
        """All that changes."""
        return {"direction": self.direction, "half": self.half, "sinh": self.sinh}

    def restored(self, state: dict[str, FloatArray]) -> PolarPoints:
        """These points where they were."""
        held = {name: np.array(state[name]) for name in ("direction", "half", "sinh")}
        return PolarPoints(**held, scale=self.scale, fast=self.fast)

    def move(self, visit: Visit, rate: float, objective: Objective) -> None:
        """Move the ends of every pair towards their target distance or away, in place.

        Each end moves along the geodesic by half of the share ``min(1, rate weight
        stiffness / target^2)`` of the error.
        """
        if self.fast:
            from hyperhier.embedding._distortion.compiled import compiled

            compiled("move")(
                self.direction, self.half, self.sinh, visit.i, visit.j, visit.target,
                visit.weight, self.scale, rate, *objective,
            )  # fmt: skip
            return
        for i, j, target, weight, _ in visit.rounds():
            self._move(i, j, self.scale * target, rate * weight, objective)

    def _move(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        target: FloatArray,
        rate: FloatArray,
        objective: Objective,
    ) -> None:
        n, m = self.direction[i], self.direction[j]
        a, b = self.half[i], self.half[j]
        sinh_a, sinh_b = self.sinh[i], self.sinh[j]
        step = m - n
        chord = (step * step).sum(axis=1)
        z = 0.25 * (b / a - a / b) ** 2 + 0.25 * sinh_a * sinh_b * chord
        sinh_d = 2.0 * np.sqrt(z * (z + 1.0))
        apart = sinh_d > 0.0
        distance = np.log1p(2.0 * z + sinh_d)
        error = distance / target - 1.0
        share = np.minimum(1.0, rate * objective.stiffness(error) / target**2)
        move = np.clip(0.25 * share * (distance - target), -_STRIDE, _STRIDE)
        move = np.where(apart, move, 0.0)
        inverse = 1.0 / np.where(apart, sinh_d, 1.0)
        cosh_t = (1.0 + move * move) / (1.0 - move * move)
        sinh_t = 2.0 * move / (1.0 - move * move)
        between = 0.5 * ((b / a) ** 2 - (a / b) ** 2)  # sinh(b - a)
        for at, own, mine, other, towards, sign in (
            (i, n, a, sinh_b, step, 1.0),
            (j, m, b, sinh_a, -step, -1.0),
        ):
            sinh, cosh = self.sinh[at], 0.5 * (mine * mine + 1.0 / (mine * mine))
            along = (sign * between - 0.5 * cosh * other * chord) * inverse
            radial = sinh * cosh_t + cosh * sinh_t * along
            across = sinh_t * other * inverse
            space = radial[:, None] * own + across[:, None] * (towards + 0.5 * chord[:, None] * own)
            self._put(at, space, apart)

    def _put(self, at: NDArray[np.int64], space: FloatArray, which: NDArray[np.bool_]) -> None:
        size = np.sqrt((space * space).sum(axis=1))
        which = which & (size > 0.0)
        at, space, size = at[which], space[which], size[which]
        self.direction[at] = space / size[:, None]
        self.sinh[at] = size
        self.half[at] = np.sqrt(size + np.sqrt(1.0 + size * size))

    def evaluated(self, pairs: Pairs, objective: Objective) -> tuple[float, FloatArray, Errors]:
        """Mean over all pairs, its gradient ``(n, dim)``, and the least and the largest error.

        The gradient is a vector of R^dim: the tangent vector carried along the radius to the
        origin.
        """
        assert pairs.table is not None
        gradient = np.empty_like(self.direction)
        if self.fast:
            from hyperhier.embedding._distortion.compiled import compiled

            sums = np.zeros(4)
            columns = np.ascontiguousarray(self.direction.T)
            out = np.empty_like(columns)
            compiled("evaluate")(
                columns, self.half, self.sinh, pairs.table, pairs.mass, self.scale,
                *objective, out, sums,
            )  # fmt: skip
            gradient[:] = out.T
            total, lowest, highest, weight = sums.tolist()
        else:
            total, lowest, highest, weight = self._evaluate(pairs, objective, gradient)
        gradient /= max(0.5 * weight, 1.0)
        return total / max(weight, 1.0), gradient, (lowest, highest)

    def _evaluate(
        self, pairs: Pairs, objective: Objective, gradient: FloatArray
    ) -> tuple[float, float, float, float]:
        total = lowest = highest = weights = 0.0
        assert pairs.table is not None
        for k, (n, a) in enumerate(zip(self.direction, self.half, strict=True)):
            step = self.direction - n
            chord = (step * step).sum(axis=1)
            b = self.half
            z = 0.25 * (b / a - a / b) ** 2 + 0.25 * self.sinh[k] * self.sinh * chord
            sinh_d = 2.0 * np.sqrt(z * (z + 1.0))
            target = self.scale * pairs.table[k]
            kept = target > 0.0
            target = np.where(kept, target, 1.0)
            weight = np.where(kept, pairs.mass[k] * pairs.mass, 0.0)
            error = np.where(kept, np.log1p(2.0 * z + sinh_d) / target - 1.0, 0.0)
            total += float((weight * objective.value(error)).sum())
            weights += float(weight.sum())
            lowest = min(lowest, float(error.min()))
            highest = max(highest, float(error.max()))
            apart = sinh_d > 0.0
            force = weight * objective.stiffness(error) * error / target
            force = np.where(apart, force / np.where(apart, sinh_d, 1.0), 0.0)
            cosh = 0.5 * (a * a + 1.0 / (a * a))
            between = 0.5 * ((b / a) ** 2 - (a / b) ** 2)
            along = float((force * (between - 0.5 * cosh * self.sinh * chord)).sum())
            pull = force * self.sinh
            gradient[k] = -(pull @ step + (0.5 * float(pull @ chord) + along) * n)
        return total, lowest, highest, weights

    def distances_from(self, k: int) -> FloatArray:
        """``(n,)`` distances of point k from all."""
        out = np.empty(len(self.half))
        distance_row(np.ascontiguousarray(self.direction.T), self.half, self.sinh, k, 0, out)
        return out

    def moved(self, tangent: FloatArray, step: float) -> PolarPoints:
        """New points, each a step along a vector carried from the origin, ``(n, dim)``."""
        length = step * np.sqrt((tangent * tangent).sum(axis=1))
        length = np.minimum(length, 30.0)
        unit = tangent / np.where(length > 0, length / step, 1.0)[:, None]
        along = (unit * self.direction).sum(axis=1)
        across = unit - along[:, None] * self.direction
        cosh = 0.5 * (self.half**2 + self.half**-2)
        sinh_t = np.sinh(length)
        radial = self.sinh * np.cosh(length) + cosh * sinh_t * along
        out = PolarPoints(
            self.direction.copy(), self.half.copy(), self.sinh.copy(), self.scale, self.fast
        )
        space = radial[:, None] * self.direction + sinh_t[:, None] * across
        size = np.sqrt((space * space).sum(axis=1))
        out.sinh = np.where(length > 0, size, self.sinh)
        out.half = np.where(length > 0, np.sqrt(size + np.sqrt(1.0 + size * size)), self.half)
        keep = (length == 0) | (size == 0)
        out.direction = np.where(
            keep[:, None], self.direction, space / np.where(size > 0, size, 1.0)[:, None]
        )
        return out
