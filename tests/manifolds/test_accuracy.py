"""Hyperbolic distances and gradients against mpmath, at radii where the usual forms fail.

The points are exact in their dtype; the reference is computed from the stored numbers with
100 digits, so storage is not blamed on the formula.
"""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds import Lorentz, Manifold, PoincareBall

CURVATURES = (1e-3, 1.0, 1e3)
KINDS = ("far", "inner-outer", "radial", "near", "parent-child", "origin")


def pairs(
    m: Manifold, kind: str, radius: float, dim: int, dtype: torch.dtype, n: int = 3
) -> tuple[Tensor, Tensor]:
    """Pairs of stored points at about the given radius (in curvature units)."""
    g = torch.Generator().manual_seed(dim)
    unit = 1 / math.sqrt(-m.sectional_curvature)
    a, b = (torch.randn(n, dim, dtype=torch.float64, generator=g) for _ in range(2))
    a, b = (v / v.norm(dim=-1, keepdim=True) for v in (a, b))
    r = radius * unit
    if kind == "far":
        z, w = a * r, b * r
    elif kind == "inner-outer":
        z, w = a * r, b * r / 4
    elif kind == "radial":
        z, w = a * r, a * r * 0.9
    elif kind == "near":
        z, w = a * r, a * r + b * 1e-4 * unit * math.exp(-radius)
    elif kind == "parent-child":
        turn = math.exp(-radius / 2)
        child = a + turn * b
        z, w = a * (r - unit), child / child.norm(dim=-1, keepdim=True) * r
    else:
        z, w = a * r, a * 0.0
    return m.from_features(z.to(dtype)), m.from_features(w.to(dtype))


def exact_distance(m: Manifold, x: Tensor, y: Tensor) -> mpmath.mpf:
    """Geodesic distance of two stored points, from their space parts or ball coordinates."""
    c = mpmath.mpf(-m.sectional_curvature)
    if x.tolist() == y.tolist():
        return mpmath.mpf(0)
    p, q = ([mpmath.mpf(v) for v in t.tolist()] for t in (x, y))
    if isinstance(m, Lorentz):
        p, q = p[1:], q[1:]
        t = [mpmath.sqrt(1 / c + sum(v * v for v in s)) for s in (p, q)]
        cosh = c * (t[0] * t[1] - sum(i * j for i, j in zip(p, q, strict=True)))
        return mpmath.acosh(cosh) / mpmath.sqrt(c)
    a, b = (1 - c * sum(v * v for v in s) for s in (p, q))
    gap = sum((i - j) ** 2 for i, j in zip(p, q, strict=True))
    return 2 / mpmath.sqrt(c) * mpmath.asinh(mpmath.sqrt(c * gap / (a * b)))


def worst_ulp(m: Manifold, x: Tensor, y: Tensor) -> float:
    d = m.dist(x, y)
    worst = 0.0
    with mpmath.workdps(100):
        for i in range(len(x)):
            exact = exact_distance(m, x[i], y[i])
            if exact == 0:
                assert d[i] == 0
                continue
            error = abs(mpmath.mpf(float(d[i])) - exact) / exact
            worst = max(worst, float(error) / eps_of(d.dtype))
    return worst


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("make", [Lorentz, PoincareBall])
def test_float32_distances_are_exact(make: type, c: float, kind: str) -> None:
    m = make(c)
    for radius in (1e-6, 0.1, 1.0, 5.0, 10.0, 14.0):
        for dim in (2, 10, 100):
            x, y = pairs(m, kind, radius, dim, torch.float32)
            assert worst_ulp(m, x, y) <= 1.0, (radius, dim)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("make", [Lorentz, PoincareBall])
def test_float64_distances(make: type, c: float, kind: str) -> None:
    m = make(c)
    for radius in (1e-6, 0.1, 1.0, 5.0, 10.0, 15.0, 25.0, 35.0):
        for dim in (2, 10, 100):
            x, y = pairs(m, kind, radius, dim, torch.float64)
            assert worst_ulp(m, x, y) <= 4.0, (radius, dim)


@pytest.mark.parametrize("make", [Lorentz, PoincareBall])
@pytest.mark.parametrize("radius", [17.0, 40.0, 80.0])
def test_far_float32_points(make: type, radius: float) -> None:
    m = make(1.0)
    for kind in ("far", "inner-outer", "origin"):
        x, y = pairs(m, kind, radius, 10, torch.float32)
        m.assert_check_point_on_manifold(x)
        assert worst_ulp(m, x, y) <= 1.0
        if make is Lorentz:
            x, y = pairs(m, kind, radius, 10, torch.float64)
            assert worst_ulp(m, x, y) <= 16.0
            torch.testing.assert_close(m.dist_matrix(x, y).diagonal(), m.dist(x, y))


@pytest.mark.parametrize("kind", KINDS)
def test_float32_gradient_has_length_one_in_the_ball(kind: str) -> None:
    m = PoincareBall()
    for radius in (0.1, 5.0, 10.0, 14.0):
        x, y = pairs(m, kind, radius, 10, torch.float32)
        x.requires_grad_()
        (g,) = torch.autograd.grad(m.dist(x, y).sum(), x)
        x = x.detach()
        apart = m.dist(x, y) > 0
        length = m.norm(x, m.egrad2rgrad(x, g))[apart]
        torch.testing.assert_close(
            length, torch.ones_like(length), rtol=32 * eps_of(x.dtype), atol=0
        )


@pytest.mark.parametrize("kind", KINDS)
def test_float32_gradient_on_the_hyperboloid(kind: str) -> None:
    m = Lorentz()
    for radius in (0.1, 5.0, 10.0):
        x, y = pairs(m, kind, radius, 10, torch.float32)
        x.requires_grad_()
        (g,) = torch.autograd.grad(m.dist(x, y).sum(), x)
        x = x.detach()
        apart = m.dist(x, y) > 0
        length = m.norm(x, m.egrad2rgrad(x, g))[apart]
        allowed = 8 * eps_of(x.dtype) * math.cosh(radius)
        torch.testing.assert_close(length, torch.ones_like(length), rtol=max(allowed, 1e-6), atol=0)


def test_curvature_gradient() -> None:
    for make in (Lorentz, PoincareBall):
        for learnable_c in (0.5, 2.0):
            m = make(learnable_c, learnable=True)
            fixed = make(learnable_c)
            x, y = pairs(fixed, "far", 1.0, 3, torch.float64)
            (g,) = torch.autograd.grad(
                m.dist(x, y).sum() + m.dist_matrix(x, y).sum(), m.curvature.log_c
            )
            step = 1e-6

            def value(log_c: float, x: Tensor = x, y: Tensor = y, make: type = make) -> float:
                other = make(math.exp(log_c))
                return float(other.dist(x, y).sum() + other.dist_matrix(x, y).sum())

            base = math.log(learnable_c)
            numeric = (value(base + step) - value(base - step)) / (2 * step)
            assert abs(float(g) - numeric) < 1e-6 * (1 + abs(numeric))


def test_float32_matrix_repairs_near_pairs() -> None:
    for make in (Lorentz, PoincareBall):
        m = make(1.0)
        for radius in (1.0, 5.0, 10.0):
            x, y = pairs(m, "near", radius, 16, torch.float32, n=20)
            matrix = m.dist_matrix(torch.cat((x, y)), torch.cat((y, x)))
            exact = m.dist(torch.cat((x, y)).unsqueeze(1), torch.cat((y, x)).unsqueeze(0))
            torch.testing.assert_close(matrix, exact, rtol=2 * eps_of(torch.float32), atol=0)
