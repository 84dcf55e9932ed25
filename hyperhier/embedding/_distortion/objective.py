"""What stress minimisation makes small."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Errors", "Objective"]

FloatArray = NDArray[np.float64]
#: the least and the largest relative error of any pair; at most 0 and at least 0
Errors = tuple[float, float]
_LEAST = 1e-6


class Objective(NamedTuple):
    """Mean over the pairs of a function of the relative error ``e = d / target - 1``::

        sqrt(e^2 + delta^2) - delta + worst_weight (e / bound)^8

    For a large ``delta`` the first term is least squares, for a small one the mean error. The
    second is next to nothing for errors inside the bounds and steep beyond them.

    Attributes:
        delta: about which error turns squares into absolute values; infinite for squares, e^2/2.
        below: bound of the errors below 0, positive.
        above: bound of the errors above 0.
        worst_weight: of the bounds, 0 for none.
    """

    delta: float = math.inf
    below: float = 1.0
    above: float = 1.0
    worst_weight: float = 0.0

    def value(self, error: FloatArray) -> FloatArray:
        """The function."""
        power = (error / self._bound(error)) ** 8
        if math.isinf(self.delta):
            return 0.5 * error * error + self.worst_weight * power
        size = np.sqrt(error * error + self.delta**2)
        return size - self.delta + self.worst_weight * power

    def stiffness(self, error: FloatArray) -> FloatArray:
        """Its derivative divided by e."""
        bound = self._bound(error)
        out = 8.0 * self.worst_weight * (error / bound) ** 6 / bound**2
        if math.isinf(self.delta):
            return out + 1.0
        return out + 1.0 / np.sqrt(error * error + max(self.delta, _LEAST) ** 2)

    def _bound(self, error: FloatArray) -> FloatArray:
        return np.where(error < 0.0, self.below, self.above)
