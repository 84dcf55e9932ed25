"""The script that draws the signs of HWC: what it draws are the ratios of the formulas."""

from __future__ import annotations

import math

import pytest


@pytest.mark.parametrize(
    ("similarity", "tau", "values"),
    [("distance", 0.2, (-0.02, -0.5, -2.0)), ("cosine", 0.1, (0.9, 0.0, -0.9))],
)
def test_the_ratios_are_those_of_the_formulas(load, similarity, tau, values) -> None:
    ratio = load("hwc_signs").ratio
    for s in values:
        shared = math.exp(-0.5 * s / tau) / 1.5
        split = math.exp(0.5 * s / tau) * 2 / 1.5
        for scaling, expected in (("shared", shared), ("split", split), ("mass", 2 / 1.5)):
            assert ratio(scaling, similarity, s) == pytest.approx(expected, rel=1e-9)
