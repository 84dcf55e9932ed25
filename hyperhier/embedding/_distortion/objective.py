"""What stress minimisation makes small."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Objective"]

_LEAST = 1e-6


class Objective(NamedTuple):
    """Mean over the pairs of a function of the relative error ``e = d / target - 1``::

        sqrt(e^2 + delta^2) - delta + worst_weight (e / bound)^8

    For a large ``delta`` the first term is least squares, for a small one the mean error. The
    second is next to nothing for errors inside the bound and steep beyond it.

    Attributes:
        delta: about which error turns squares into absolute values; infinite for squares, e^2/2.
        bound: of the errors.
        worst_weight: of the bound, 0 for none.
    """

    delta: float = math.inf
    bound: float = 1.0
    worst_weight: float = 0.0

    def value(self, error: NDArray[np.float64]) -> NDArray[np.float64]:
        """The function."""
        power = (error / self.bound) ** 8
        if math.isinf(self.delta):
            return 0.5 * error * error + self.worst_weight * power
        size = np.sqrt(error * error + self.delta**2)
        return size - self.delta + self.worst_weight * power

    def stiffness(self, error: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its derivative divided by e."""
        out = 8.0 * self.worst_weight * (error / self.bound) ** 6 / self.bound**2
        if math.isinf(self.delta):
            return out + 1.0
        return out + 1.0 / np.sqrt(error * error + max(self.delta, _LEAST) ** 2)
