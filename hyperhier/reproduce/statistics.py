"""Means and paired differences over seeds, where some seeds may be missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperhier.metrics import mean_interval, paired_t_test

__all__ = ["Difference", "Spread", "difference", "spread"]


@dataclass(frozen=True)
class Spread:
    """A mean, the half width of its interval (nan for one value), and of how many values."""

    mean: float
    half: float
    n: int


@dataclass(frozen=True)
class Difference:
    """A paired difference: its mean, half width of its interval, p-value, pairs."""

    mean: float
    half: float
    p: float
    n: int

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.n > 1 and abs(self.mean) > self.half


def spread(values: Sequence[float], level: float = 0.95) -> Spread:
    """Mean and half width of Student's interval; values that are not finite are left out.

    >>> spread([1.0, 2.0, 3.0, float("nan")])
    Spread(mean=2.0, half=2.484..., n=3)
    """
    told = [float(v) for v in values if math.isfinite(v)]
    if len(told) < 2:
        return Spread(told[0] if told else math.nan, math.nan, len(told))
    found = mean_interval(told, level)
    return Spread(found.value, found.high - found.value, len(told))


def difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], level: float = 0.95
) -> Difference:
    """``ours - theirs`` over the seeds that both have, with the paired t-test.

    >>> difference({0: 1.0, 1: 3.0, 2: 2.0}, {0: 0.5, 1: 2.0, 2: 1.0, 3: 9.0}).n
    3
    """
    shared = [
        s for s in ours if s in theirs and math.isfinite(ours[s]) and math.isfinite(theirs[s])
    ]
    mine, other = [ours[s] for s in shared], [theirs[s] for s in shared]
    if len(shared) < 2:
        mean = mine[0] - other[0] if shared else math.nan
        return Difference(mean, math.nan, math.nan, len(shared))
    found = paired_t_test(mine, other, level)
    return Difference(found.difference, found.high - found.difference, found.p_value, found.pairs)
