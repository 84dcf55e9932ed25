"""Student's interval, the paired t test and Holm's correction."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from hyperhier.metrics import holm, mean_interval, paired_t_test


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_they_are_those_of_scipy(n, level) -> None:
    a, b = torch.randn(2, n, generator=torch.Generator().manual_seed(n)).double().tolist()
    theirs = stats.ttest_rel(a, b)
    test = paired_t_test(a, b, level)
    assert test.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert test.t == pytest.approx(theirs.statistic, rel=1e-9)
    interval = theirs.confidence_interval(level)
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert test.is_clear == (test.p_value < 1 - level)
    assert (test.pairs, test.level) == (n, level)

    low, high = stats.t.interval(level, n - 1, loc=sum(a) / n, scale=stats.sem(a))
    mean = mean_interval(a, level)
    assert (mean.low, mean.high) == pytest.approx((low, high), rel=1e-9)
    assert mean.value == pytest.approx(sum(a) / n)


def test_mappings_are_paired_by_seed() -> None:
    a, b = {0: 0.5, 1: 0.9, 2: 0.7}, {2: 0.6, 0: 0.4, 1: 0.7}
    assert paired_t_test(a, b) == paired_t_test([0.5, 0.9, 0.7], [0.4, 0.7, 0.6])
    with pytest.raises(ValueError, match="runs without a partner: 2, 3"):
        paired_t_test(a, {0: 0.1, 1: 0.2, 3: 0.3})
    with pytest.raises(ValueError, match="both be sequences or both mappings"):
        paired_t_test(a, [0.1, 0.2, 0.3])


def test_equal_differences_leave_no_doubt() -> None:
    test = paired_t_test([1.0, 2.0, 3.0], [0.5, 1.5, 2.5])
    assert (test.difference, test.low, test.high, test.p_value) == (0.5, 0.5, 0.5, 0.0)
    assert test.t == math.inf and test.is_clear
    same = paired_t_test([1.0, 2.0], [1.0, 2.0])
    assert (same.t, same.p_value, same.is_clear) == (0.0, 1.0, False)


def test_one_run_says_nothing_about_the_spread() -> None:
    interval = mean_interval([0.7])
    assert (interval.value, interval.low, interval.high) == (0.7, -math.inf, math.inf)
    assert not interval.excludes(0.0)
    with pytest.raises(ValueError, match="at least 2 pairs, got 1"):
        paired_t_test([0.7], [0.6])


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        holm([0.1, 1.5])


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="values is empty"):
        mean_interval([])
    with pytest.raises(ValueError, match="values holds nan at position 1"):
        mean_interval([0.1, math.nan])
    with pytest.raises(ValueError, match="first has 3 runs, second has 2"):
        paired_t_test([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 0"):
        mean_interval([0.1], 0)
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 1"):
        paired_t_test([0.1, 0.2], [0.2, 0.3], 1)
