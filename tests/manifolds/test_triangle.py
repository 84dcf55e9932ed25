"""Triangles with a corner at the origin: against mpmath, at sides that no coordinates hold."""

from __future__ import annotations

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds._triangle import angle_between, half_angle, triangle, turned

EPS = eps_of(torch.float64)


def number(v: float) -> Tensor:
    return torch.tensor([v], dtype=torch.float64)


@given(
    a=st.floats(1e-6, 1e4),
    b=st.floats(1e-6, 1e4),
    exponent=st.floats(-300, 0),
    obtuse=st.booleans(),
)
def test_sides_and_directions(a: float, b: float, exponent: float, obtuse: bool) -> None:
    theta = 10.0**exponent
    with mpmath.workdps(int(400 + (a + b) / 2)):
        angle = mpmath.pi - theta if obtuse else mpmath.mpf(theta)
        ea, eb, half = mpmath.mpf(a), mpmath.mpf(b), mpmath.sin(angle / 2)
        side = 2 * mpmath.asinh(
            mpmath.sqrt(
                mpmath.sinh((ea - eb) / 2) ** 2 + mpmath.sinh(ea) * mpmath.sinh(eb) * half**2
            )
        )
        along = mpmath.sinh(ea - eb) + 2 * mpmath.cosh(ea) * mpmath.sinh(eb) * half**2
        across = mpmath.sinh(eb) * mpmath.sin(angle) / mpmath.sinh(side)
        wanted = float(side), float(along / mpmath.sinh(side)), float(across)
        cos, sin = number(float(mpmath.cos(angle))), number(float(mpmath.sin(angle)))
    found = triangle(number(a), number(b), number(a - b), half_angle(cos, sin), number(0.0))
    assert found.side.item() == pytest.approx(wanted[0], rel=8 * EPS)
    assert found.along_a.item() == pytest.approx(wanted[1], rel=0, abs=16 * EPS)
    assert (found.lever_a * sin).item() == pytest.approx(wanted[2], rel=32 * EPS, abs=1e-150)


@given(st.integers(2, 6), st.floats(-300, 0), st.integers(0, 10**6))
def test_angle_of_almost_parallel_vectors(dims: int, exponent: float, seed: int) -> None:
    """The angle comes out to its last bits, however small, and whatever the vectors' lengths."""
    g = torch.Generator().manual_seed(seed)
    x, offset = (torch.randn(dims, dtype=torch.float64, generator=g) for _ in range(2))
    y = x.clone()
    y[seed % dims] += 10.0**exponent * offset[0]
    with mpmath.workdps(700):
        p, q = ([mpmath.mpf(v) for v in t.tolist()] for t in (x, y))
        pp, qq = mpmath.fdot(p, p), mpmath.fdot(q, q)
        pq = mpmath.fdot(p, q)
        wanted = float(mpmath.sqrt((pp * qq - pq**2) / (pp * qq)))
    angle, y_across, _ = angle_between(x, y)
    assert angle.sin.item() == pytest.approx(wanted, rel=16 * EPS, abs=0.0)
    assert abs(float(y_across @ x)) <= 4 * EPS * float(y_across.norm() * x.norm())


def test_turned_is_a_rotation() -> None:
    g = torch.Generator().manual_seed(0)
    x, y, v = (torch.randn(50, 4, dtype=torch.float64, generator=g) for _ in range(3))
    x, y = x / x.norm(dim=-1, keepdim=True), y / y.norm(dim=-1, keepdim=True)
    y[:10] = -x[:10] + 1e-9 * y[:10]
    y[:10] = y[:10] / y[:10].norm(dim=-1, keepdim=True)
    v = v - (v * x).sum(-1, keepdim=True) * x
    w = turned(v, x, y)
    torch.testing.assert_close(w.norm(dim=-1), v.norm(dim=-1), rtol=16 * EPS, atol=0)
    assert ((w * y).sum(-1).abs() <= 16 * EPS * v.norm(dim=-1)).all()
    torch.testing.assert_close(turned(v, x, x), v)
    assert turned(v, x, -x).isfinite().all()
