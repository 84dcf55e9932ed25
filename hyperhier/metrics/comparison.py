"""Whether one method beats another, run by run on the same seeds."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from hyperhier.metrics.intervals import check_level, finite, student_quantile

__all__ = ["PairedTest", "holm", "paired_t_test"]


@dataclass(frozen=True)
class PairedTest:
    """The difference of two methods over paired runs.

    Attributes:
        difference: mean of first minus second.
        low, high: Student's confidence interval of it.
        t: the test statistic, infinite where all differences are equal and not 0.
        p_value: two-sided, of the hypothesis that the mean difference is 0.
        pairs: how many runs were compared.
        level: the confidence of the interval.
    """

    difference: float
    low: float
    high: float
    t: float
    p_value: float
    pairs: int
    level: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.low <= 0.0 <= self.high


def paired_t_test(
    first: Sequence[float] | Mapping[Hashable, float],
    second: Sequence[float] | Mapping[Hashable, float],
    level: float = 0.95,
) -> PairedTest:
    """Student's paired t test of ``first - second``, with its confidence interval.

    The runs of a pair share what makes runs differ (seed, split, order of the batches); the
    test then sees the spread of the differences only. With five pairs it needs a mean
    difference of 1.24 standard deviations. Several comparisons at once: :func:`holm`.

    Args:
        first, second: figures in the same order, or mappings from seed to figure, which are
            paired by their keys.
        level: confidence of the interval, between 0 and 1.

    Returns:
        A :class:`PairedTest`. Where all differences are equal the interval is that one point,
        and p is 0, or 1 if they are 0.

    Raises:
        ValueError: fewer than 2 pairs, unequal lengths, different keys, a value that is not
            finite, or a level outside 0 to 1.

    >>> test = paired_t_test({0: 0.80, 1: 0.83, 2: 0.82}, {0: 0.78, 1: 0.80, 2: 0.81})
    >>> round(test.difference, 4), round(test.p_value, 4), test.is_clear
    (0.02, 0.0742, False)
    """
    check_level(level)
    a, b = _paired(first, second)
    pairs = len(a)
    differences = [x - y for x, y in zip(a, b, strict=True)]
    mean = math.fsum(differences) / pairs
    spread = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (pairs - 1))
    error = spread / math.sqrt(pairs)
    if error == 0.0:
        t = math.copysign(math.inf, mean) if mean else 0.0
        return PairedTest(mean, mean, mean, t, 0.0 if mean else 1.0, pairs, level)
    half = student_quantile((1.0 + level) / 2.0, pairs - 1) * error
    t = mean / error
    return PairedTest(mean, mean - half, mean + half, t, _two_sided(t, pairs - 1), pairs, level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values: all claims below 0.05 hold together at 5 % (Holm 1979).

    Args:
        p_values: of the single tests, each from 0 to 1.

    Returns:
        The adjusted values in the same order; none is smaller than it was.

    Raises:
        ValueError: a value outside 0 to 1.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p_values must lie between 0 and 1, got {p}")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _paired(
    first: Sequence[float] | Mapping[Hashable, float],
    second: Sequence[float] | Mapping[Hashable, float],
) -> tuple[list[float], list[float]]:
    if isinstance(first, Mapping) != isinstance(second, Mapping):
        raise ValueError("first and second must both be sequences or both mappings")
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        alone = sorted(map(str, first.keys() ^ second.keys()))
        if alone:
            raise ValueError(f"runs without a partner: {', '.join(alone)}")
        keys = list(first)
        first, second = [first[key] for key in keys], [second[key] for key in keys]
    assert not isinstance(first, Mapping) and not isinstance(second, Mapping)
    a, b = finite(first, "first"), finite(second, "second")
    if len(a) != len(b):
        raise ValueError(f"first has {len(a)} runs, second has {len(b)}")
    if len(a) < 2:
        raise ValueError("a paired test needs at least 2 pairs, got 1")
    return a, b


def _two_sided(t: float, freedom: int) -> float:
    """``P(|T| >= |t|)`` for Student's t; scipy comes with geoopt."""
    from scipy.special import stdtr

    return 2.0 * float(stdtr(freedom, -abs(t)))
