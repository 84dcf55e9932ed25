"""A figure with its confidence interval, and Student's interval of a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Interval", "check_level", "finite", "mean_interval", "student_quantile"]


@dataclass(frozen=True)
class Interval:
    """A figure and the interval that holds the true one with the given confidence.

    Attributes:
        value: the figure itself.
        low, high: the ends of the interval.
        level: the confidence, 0.95 for 95 %.

    >>> interval = Interval(0.8125, 0.75, 0.875, 0.95)
    >>> str(interval), interval.excludes(0.9)
    ('0.8125 [0.7500, 0.8750]', True)
    """

    value: float
    low: float
    high: float
    level: float

    def excludes(self, number: float = 0.0) -> bool:
        """Whether the number lies outside the interval."""
        return not self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of a few independent runs with Student's interval.

    ``mean +- t_{(1 + level) / 2, n - 1} * s / sqrt(n)``, s the standard deviation with n - 1.

    Args:
        values: one figure of each run (seed).
        level: the confidence, between 0 and 1.

    Returns:
        An :class:`Interval`; of a single value from minus to plus infinity, for one run says
        nothing about the spread.

    Raises:
        ValueError: no values, one that is not finite, or a level outside 0 to 1.

    >>> str(mean_interval([0.70, 0.72, 0.74]))
    '0.7200 [0.6703, 0.7697]'
    """
    numbers = finite(values, "values")
    check_level(level)
    n = len(numbers)
    mean = math.fsum(numbers) / n
    if n == 1:
        return Interval(mean, -math.inf, math.inf, level)
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / (n - 1))
    half = student_quantile((1.0 + level) / 2.0, n - 1) * spread / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, level)


def finite(values: Sequence[float], name: str) -> list[float]:
    """``values`` as floats, at least one, all of them finite."""
    numbers = [float(x) for x in values]
    if not numbers:
        raise ValueError(f"{name} is empty")
    for place, x in enumerate(numbers):
        if not math.isfinite(x):
            raise ValueError(f"{name} holds {x} at position {place}")
    return numbers


def check_level(level: float) -> None:
    """Raise unless the confidence lies between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")


def student_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t distribution; scipy comes with geoopt."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, p))
