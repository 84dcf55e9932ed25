"""Scalar functions against mpmath: value and derivative, near 0 and far from it."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hyperhier import _numerics as nx
from hyperhier._numerics.compensated import two_product, two_sum

EPS = nx.eps_of(torch.float64)

RATIOS = {
    "sinh_ratio": lambda s: mpmath.sinh(s) / s,
    "tanh_ratio": lambda s: mpmath.tanh(s) / s,
    "asinh_ratio": lambda s: mpmath.asinh(s) / s,
    "atan_ratio": lambda s: mpmath.atan(s) / s,
    "sin_ratio": lambda s: mpmath.sin(s) / s,
    "cosh_root": mpmath.cosh,
    "cos_root": mpmath.cos,
}


@pytest.mark.parametrize("name", RATIOS)
@pytest.mark.parametrize("q", [1e-40, 1e-16, 1e-6, 0.01, 0.031249, 0.03126, 0.3, 1.0, 7.3, 900.0])
def test_value_and_derivative(name: str, q: float) -> None:
    if name in {"sin_ratio", "cos_root"} and q > 8:
        pytest.skip("the absolute error of sin and cos is what counts there")
    with mpmath.workdps(150):
        exact = RATIOS[name](mpmath.sqrt(mpmath.mpf(q)))
        slope = mpmath.diff(
            lambda p: RATIOS[name](mpmath.sqrt(p)), mpmath.mpf(q), h=mpmath.mpf(q) / 10**12
        )
    t = torch.tensor(q, dtype=torch.float64, requires_grad=True)
    value = getattr(nx, name)(t)
    (derivative,) = torch.autograd.grad(value, t, create_graph=True)
    size = 1 + math.sqrt(q)
    assert abs(value.item() - float(exact)) <= 4 * size * EPS * abs(float(exact))
    # the closed form loses a few bits just above the switch to the series
    assert abs(derivative.item() - float(slope)) <= 400 * size * EPS * abs(float(slope)) + 1e-300
    (second,) = torch.autograd.grad(derivative, t)
    assert second.isfinite()


@pytest.mark.parametrize("name", RATIOS)
def test_smooth_at_zero(name: str) -> None:
    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda q: getattr(nx, name)(q.abs()), (t + 0.01,))
    value = getattr(nx, name)(t)
    assert value.item() == 1.0


@given(st.floats(0, 1), st.floats(0, 700))
def test_sinh_share(t: float, s: float) -> None:
    share = torch.tensor(t, dtype=torch.float64)
    q = torch.tensor(s, dtype=torch.float64).square().requires_grad_()
    value = nx.sinh_share(share, q)
    (g,) = torch.autograd.grad(value, q)
    with mpmath.workdps(40):
        root = mpmath.sqrt(mpmath.mpf(q.item()))
        exact = float(mpmath.sinh(t * root) / mpmath.sinh(root)) if root else t
    assert abs(value.item() - exact) <= (16 + s) * EPS * exact  # exp rounds its argument first
    assert g.isfinite()


@given(st.floats(0, 1e300))
def test_stable_asinh(s: float) -> None:
    t = torch.tensor(s, dtype=torch.float64, requires_grad=True)
    value = nx.stable_asinh(t)
    (g,) = torch.autograd.grad(value, t)
    with mpmath.workdps(40):
        exact = float(mpmath.asinh(mpmath.mpf(s)))
        slope = float(1 / mpmath.sqrt(1 + mpmath.mpf(s) ** 2))
    assert abs(value.item() - exact) <= 2 * EPS * exact
    assert abs(g.item() - slope) <= 4 * EPS * slope


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.floats(1e-3, 1e3))
def test_one_minus_scaled_square_is_exact(coordinates: list[float], c: float) -> None:
    x = torch.tensor(coordinates, dtype=torch.float64)
    scale = torch.tensor(c, dtype=torch.float64)
    # move the vector to the boundary, where 1 - c|x|^2 cancels
    x = x / max(float(x.norm()), 1e-9) / math.sqrt(c) * (1 - 1e-15)
    with mpmath.workdps(60):
        exact = 1 - mpmath.mpf(c) * sum(mpmath.mpf(v) ** 2 for v in x.tolist())
    value = nx.one_minus_scaled_square(x, scale).item()
    assert abs(value - float(exact)) <= 4 * EPS * abs(float(exact)) + 1e-30


def test_one_minus_scaled_square_gradient() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    c = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(nx.one_minus_scaled_square, (x, c))
    assert torch.autograd.gradgradcheck(nx.one_minus_scaled_square, (x, c))
    assert nx.one_minus_scaled_square(x[:, :0], c).tolist() == [1.0, 1.0, 1.0]


@given(st.floats(-1e100, 1e100), st.floats(-1e100, 1e100))
def test_error_free_transformations(a: float, b: float) -> None:
    ta, tb = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
    with mpmath.workdps(700):
        s, e = two_sum(ta, tb)
        assert mpmath.mpf(s.item()) + mpmath.mpf(e.item()) == mpmath.mpf(a) + mpmath.mpf(b)
        if abs(a) > 1e-100 and abs(b) > 1e-100:
            p, e = two_product(ta, tb)
            assert mpmath.mpf(p.item()) + mpmath.mpf(e.item()) == mpmath.mpf(a) * mpmath.mpf(b)


def test_safe_norm_neither_overflows_nor_divides_by_zero() -> None:
    x = torch.tensor([[3e200, 4e200], [0.0, 0.0], [3e-200, 4e-200]], dtype=torch.float64)
    x.requires_grad_()
    n = nx.safe_norm(x)
    torch.testing.assert_close(
        n, torch.tensor([5e200, 0.0, 5e-200], dtype=torch.float64), rtol=4 * EPS, atol=0
    )
    (g,) = torch.autograd.grad(n.sum(), x)
    expected = torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    torch.testing.assert_close(g, expected)
    assert nx.safe_norm(torch.ones(2, 0)).tolist() == [0.0, 0.0]
    assert nx.unit_vector(torch.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_working_precision() -> None:
    (x, y), dtype = nx.in_working_precision(torch.ones(1).half(), torch.ones(1).bfloat16())
    assert x.dtype == y.dtype == torch.float64
    assert dtype == torch.float32  # the promotion of the two half types
    with pytest.raises(TypeError, match="int64"):
        nx.in_working_precision(torch.ones(1, dtype=torch.int64))
