"""The accuracy that the library promises, against exact arithmetic on the stored numbers.

Every bound is held by our formulas, and broken by geoopt's: the last tests show that a bound
is no empty one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import geoopt
import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hyperhier._numerics import Precision, eps_of
from hyperhier.manifolds import Lorentz, Manifold, PoincareBall, Polar
from hyperhier.testing.accuracy import (
    COINCIDENT,
    DISTINCT,
    Geometry,
    Sample,
    distance_errors,
    expmap_errors,
    gradient_errors,
    logmap_errors,
    round_trip_errors,
    sample,
    transport_errors,
)
from hyperhier.testing.reference import ExactHyperbolic, Vector

MODELS = (PoincareBall, Lorentz, Polar)
CURVATURES = (1e-3, 1.0, 1e3)
DTYPES = (torch.float32, torch.float64)
#: to about the last radius that each model holds; polar coordinates hold any
RADII = {
    (PoincareBall, torch.float32): (0.01, 1.0, 5.0, 10.0, 17.0),
    (PoincareBall, torch.float64): (1e-6, 1.0, 10.0, 20.0, 35.0, 37.0),
    (Lorentz, torch.float32): (1e-6, 1.0, 5.0, 10.0, 17.0, 44.0, 80.0),
    (Lorentz, torch.float64): (1e-6, 1.0, 10.0, 20.0, 37.0, 300.0),
    (Polar, torch.float32): (0.01, 1.0, 10.0, 44.0, 300.0),
    (Polar, torch.float64): (1e-6, 1.0, 37.0, 300.0),
}


ROUND_TRIP_RADII = {torch.float32: (0.1, 1.0, 3.0, 6.0), torch.float64: (0.1, 1.0, 6.0, 15.0)}


class Bound(NamedTuple):
    """What is measured, and how many eps are allowed."""

    errors: Callable[[Geometry, Sample], list[float]]
    allowed: Callable[[type[Manifold], float], float]


def frame(on_hyperboloid: float, elsewhere: float) -> Callable[[type[Manifold], float], float]:
    """Tangent coordinates on the hyperboloid are cosh(r) long, and so is their rounding."""
    return lambda model, r: on_hyperboloid * math.cosh(r) if model is Lorentz else elsewhere


def conditioned(model: type[Manifold], r: float) -> float:
    """One rounding of a point at radius r, or of a vector that leads there, moves it so far."""
    return 8.0 * math.cosh(min(r, 200.0) + 1.0)


BOUNDS = {
    "distance": Bound(distance_errors, lambda model, r: 4.0),
    "gradient": Bound(gradient_errors, frame(8.0, 32.0)),
    "logmap": Bound(logmap_errors, frame(8.0, 8.0)),
    "transport": Bound(transport_errors, frame(8.0, 64.0)),
    "expmap": Bound(expmap_errors, conditioned),
}


def worst(g: Geometry, errors: Callable[[Geometry, Sample], list[float]], s: Sample) -> float:
    """In eps of the dtype; 0 if no pair is left."""
    return max(errors(g, s), default=0.0) / eps_of(s.x.dtype)


def promised(name: str, model: type[Manifold], dtype: torch.dtype, radius: float) -> bool:
    """Where a rounding of the result is as long as a curvature unit, nothing is."""
    return name == "distance" or BOUNDS[name].allowed(model, radius) * eps_of(dtype) < 1.0


def round_trip_excess(g: Geometry, s: Sample) -> float:
    """Worst error of exp_x(log_x y) in units of 8 eps times its conditioning.

    The point is rounded, which at radius r moves it by eps cosh(r), and so is the vector, by
    eps times the length of its coordinates; the exponential stretches that by sinh(d)/d.
    """
    m, unit = s.exact.manifold, 1.0 / math.sqrt(s.exact.c)
    x, y = s.x.double(), s.y.double()
    d, u = m.dist(x, y) / unit, m.logmap(x, y) / unit
    length = u[:, 1:].norm(dim=-1) if isinstance(m, Lorentz) else d
    condition = length * d.sinh() / d + (m.dist0(y) / unit).cosh()
    allowed = (8.0 * eps_of(s.x.dtype) * condition).tolist()
    return max((e / a for e, a in zip(round_trip_errors(g, s), allowed)), default=0.0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
@pytest.mark.parametrize("name", BOUNDS)
def test_bounds(name: str, model: type[Manifold], c: float, dtype: torch.dtype) -> None:
    m, bound = model(c), BOUNDS[name]
    kinds = ("far", "to the origin") if name == "expmap" else DISTINCT
    for radius in RADII[model, dtype]:
        if promised(name, model, dtype, radius):
            for dims in (2, 10, 100) if name == "distance" else (2, 10):
                for kind in kinds:
                    error = worst(m, bound.errors, sample(m, kind, radius, dims, 2, dtype))
                    assert error <= bound.allowed(model, radius), (radius, dims, kind)


def between(s: Sample, share: float) -> list[Vector]:
    """The exact points at a share of the way from x to y."""
    with mpmath.workdps(s.exact.digits):
        return [
            s.exact.expmap(p, [share * v for v in u])
            for p, u in zip(s.starts, s.logarithms, strict=True)
        ]


def centres(s: Sample) -> list[Vector]:
    """The exact centroids of x and y: their sum, brought back to the hyperboloid."""
    with mpmath.workdps(s.exact.digits):
        sums = [[p + q for p, q in zip(*pair, strict=True)] for pair in zip(s.starts, s.ends)]
        sizes = [mpmath.sqrt(-s.exact.c * s.exact.inner(v, v)) for v in sums]
        return [[p / size for p in v] for v, size in zip(sums, sizes, strict=True)]


def place_error(s: Sample, found: Tensor, wanted: list[Vector]) -> float:
    """Worst distance from the exact points, in eps times (cosh of their radius, plus r)."""
    worst_one, root = 0.0, math.sqrt(s.exact.c)
    r = root * float(s.exact.manifold.dist0(torch.cat((s.x, s.y)).double()).max())
    for y, q in zip(found, wanted, strict=True):
        cosh = root * float(q[0])
        error = root * float(s.exact.dist(s.exact.point(y), q)) / eps_of(s.x.dtype)
        worst_one = max(worst_one, error / (cosh + r))
    return worst_one


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_points_between_and_in_the_middle(model: type[Manifold], dtype: torch.dtype) -> None:
    for c in CURVATURES:
        m = model(c)
        for radius in RADII[model, dtype][:4]:
            for kind in ("far", "inner-outer", "radial", "parent-child", "0.1 apart"):
                s = sample(m, kind, radius, 4, 2, dtype)
                pairs = torch.stack((s.x, s.y), dim=-2)
                for found, wanted in (
                    (m.geodesic(0.4, s.x, s.y), between(s, 0.4)),
                    (m.centroid(pairs), centres(s)),
                    (m.midpoint(s.x, s.y), between(s, 0.5)),
                ):
                    assert place_error(s, found, wanted) <= 8.0, (c, radius, kind)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_maps_between_models(model: type[Manifold], dtype: torch.dtype) -> None:
    """Features, exp and log at the origin, and the isometries, against the exact point."""
    for c in CURVATURES:
        m = model(c)
        for radius in RADII[model, dtype][:4]:
            s = sample(m, "to the origin", radius, 4, 3, dtype)
            z = m.to_features(s.x)
            lengths = torch.tensor([float(d) for d in s.distances], dtype=torch.float64)
            far = lengths > 0
            torch.testing.assert_close(
                z.double().norm(dim=-1)[far],
                m.dist0(s.x).double()[far],
                rtol=4 * eps_of(dtype),
                atol=0,
            )
            assert place_error(s, m.from_features(z), s.starts) <= 8.0
            assert place_error(s, m.expmap0(m.logmap0(s.x)), s.starts) <= 8.0
            for other in MODELS:
                there = m.to(other(c))(s.x)
                exact = ExactHyperbolic(other(c), s.exact.digits)
                for y, q in zip(there, s.starts, strict=True):
                    error = math.sqrt(c) * float(exact.dist(exact.point(y), q))
                    assert error <= 8 * eps_of(dtype) * (math.cosh(radius + 0.5) + radius)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_polar_steps_far_out(dtype: torch.dtype) -> None:
    """There the place is not to be held, but the radius and the direction are."""
    for c in CURVATURES:
        for radius in (44.0, 300.0):
            s = sample(Polar(c), "far", radius, 4, 3, dtype)
            found = Polar(c).expmap(s.x, s.u)
            for y, arrival in zip(found, s.arrivals, strict=True):
                with mpmath.workdps(s.exact.digits):
                    root = mpmath.sqrt(s.exact.c)
                    length = mpmath.sqrt(sum(v * v for v in arrival[1:]))
                    wanted = float(mpmath.asinh(root * length) / root)
                    direction = [float(v / length) for v in arrival[1:]]
                assert y[0].item() == pytest.approx(wanted, rel=2 * eps_of(dtype))
                assert y[1:].tolist() == pytest.approx(direction, rel=0, abs=2 * eps_of(dtype))


@pytest.mark.parametrize("precision", ["accurate", "fast"])
@pytest.mark.parametrize("dtype", [torch.float16, *DTYPES], ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_points_out_of_reach_are_brought_back(
    model: type[Manifold], dtype: torch.dtype, precision: Precision
) -> None:
    m = model(precision=precision)
    z = torch.tensor([[20.0, 0.0], [0.0, -1e4], [30.0, 40.0]], dtype=dtype)
    for x in (m.from_features(z), m.projx(torch.cat((z, z), dim=-1)[:, : m.ambient_dim(2)])):
        assert model().check_point_on_manifold(x)
        assert model().dist0(x).isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_exp_and_log_make_a_round_trip(model: type[Manifold], dtype: torch.dtype) -> None:
    for c in CURVATURES:
        for radius in ROUND_TRIP_RADII[dtype]:
            for kind in DISTINCT:
                s = sample(model(c), kind, radius, 5, 3, dtype)
                assert round_trip_excess(model(c), s) <= 1.0, (c, radius, kind)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize(
    ("model", "theirs"), [(PoincareBall, geoopt.PoincareBall), (Lorentz, geoopt.Lorentz)]
)
def test_geoopt_breaks_the_bounds(name: str, model: type[Manifold], theirs: type) -> None:
    """So the bounds are no empty ones; geoopt is measured exactly as we are."""
    radius, dtype = 10.0, torch.float32
    assert promised(name, model, dtype, radius)
    errors = [
        worst(theirs(), BOUNDS[name].errors, sample(model(), kind, radius, 10, 3, dtype))
        for kind in DISTINCT
    ]
    assert max(errors) > BOUNDS[name].allowed(model, radius)


def test_geoopt_breaks_the_rest() -> None:
    """The round trip, and distance and gradient 0 at coincident points."""
    s = sample(Lorentz(), "radial", 6.0, 5, 3, torch.float32)
    assert round_trip_excess(geoopt.Lorentz(), s) > 1.0
    x = s.x.clone().requires_grad_()
    d = geoopt.Lorentz().dist(x, s.x)
    (g,) = torch.autograd.grad(d.sum(), x)
    assert (d != 0).any() and (g != 0).any()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_coincident_points(model: type[Manifold], dtype: torch.dtype) -> None:
    """Distance 0 and gradient 0, in the matrix too, at every radius."""
    for c in CURVATURES:
        for radius in (0.0, *RADII[model, dtype]):
            s = sample(model(c), COINCIDENT, radius, 4, 3, dtype)
            x, y = s.x.clone().requires_grad_(), s.y.clone().requires_grad_()
            assert torch.equal(x, y)
            d = torch.stack((model(c).dist(x, y), model(c).dist_matrix(x, y).diagonal()))
            gx, gy = torch.autograd.grad(d.sum(), (x, y))
            assert (d == 0).all() and (gx == 0).all() and (gy == 0).all(), (c, radius)


# ------------------------------------------------------------------ any stored numbers at all


def coordinates(dims: int) -> st.SearchStrategy[list[float]]:
    """Numbers of very different sizes, zeros and equal ones among them."""
    number = st.builds(
        lambda sign, size, exponent: sign * size * 10.0**-exponent,
        st.sampled_from((-1.0, 0.0, 1.0)),
        st.floats(1.0, 10.0),
        st.integers(0, 20),
    )
    return st.lists(number, min_size=dims, max_size=dims)


@st.composite
def stored_pairs(draw: st.DrawFn, model: type[Manifold]) -> tuple[Manifold, Tensor, Tensor]:
    """A manifold and two of its points, near, far, on one ray or equal."""
    dtype = draw(st.sampled_from(DTYPES))
    m, dims = model(draw(st.sampled_from(CURVATURES))), draw(st.integers(1, 4))
    largest = RADII[model, dtype][-1]
    a = torch.tensor(draw(coordinates(dims)), dtype=torch.float64)
    b = torch.tensor(draw(coordinates(dims)), dtype=torch.float64)
    a = draw(st.sampled_from((a, b, a + 1e-9 * b, -a)))
    share = st.one_of(st.just(0.0), st.floats(1e-30, 1.0))
    r = draw(share) * largest
    s = draw(st.sampled_from((r, r * (1.0 - 1e-12), r * draw(share))))
    unit = 1.0 / math.sqrt(-m.sectional_curvature)

    def point(v: Tensor, radius: float) -> Tensor:
        length = v.norm()
        return m.projx(
            m.from_features(radius * unit * v / (length if length > 0 else 1.0)).to(dtype)
        )

    return m, point(a, r), point(b, s)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_distance_of_any_stored_pair(model: type[Manifold]) -> None:
    @given(pair=stored_pairs(model))
    def check(pair: tuple[Manifold, Tensor, Tensor]) -> None:
        m, x, y = pair
        exact = ExactHyperbolic(m, digits=120 if model is PoincareBall else 420)
        wanted = exact.dist(exact.point(x), exact.point(y))
        found = float(m.dist(x, y))
        smallest = torch.finfo(x.dtype).tiny * eps_of(x.dtype)  # an ulp of subnormal numbers
        assert abs(found - wanted) <= 4.0 * max(eps_of(x.dtype) * wanted, smallest)
        assert m.dist(y, x) == pytest.approx(found, rel=8.0 * eps_of(x.dtype), abs=0.0)

    check()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_no_finite_input_gives_nan(model: type[Manifold], dtype: torch.dtype) -> None:
    """Vectors of any length, zero among them, become points, and everything stays finite."""
    largest, width = torch.finfo(dtype).max, torch.finfo(dtype).bits

    @given(
        values=st.lists(st.floats(-largest, largest, width=width), min_size=6, max_size=6),
        c=st.sampled_from(CURVATURES),
    )
    def check(values: list[float], c: float) -> None:
        m = model(c)
        z = torch.tensor(values, dtype=dtype).reshape(2, 3)
        x, y = m.from_features(z)
        for made in (x, y, m.projx(torch.cat((z, z), dim=-1)[:, : len(x)])):
            m.assert_check_point_on_manifold(made)
        u = m.logmap(x, y)
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        d = m.dist(a, b)
        found = (
            d,
            m.dist_matrix(x[None], y[None]),
            *torch.autograd.grad(d, (a, b)),
            u,
            m.transp(x, y, u),
            m.expmap(x, u),
            m.geodesic(0.5, x, y),
            m.centroid(torch.stack((x, y))),
            m.to_features(x),
        )
        assert all(t.isfinite().all() for t in found)

    check()


# ---------------------------------------------------------------------------- matrices, c


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_matrix_is_as_exact_as_single_distances(model: type[Manifold], dtype: torch.dtype) -> None:
    m, radii = model(), RADII[model, dtype]
    for radius in radii[1:4]:
        samples = [sample(m, kind, radius, 8, 3, dtype) for kind in DISTINCT]
        x, y = (torch.cat([getattr(s, name) for s in samples]) for name in "xy")
        single = m.dist(x.unsqueeze(1), y.unsqueeze(0))
        tolerance = {"rtol": (4.0 if dtype == torch.float32 else 64.0) * eps_of(dtype), "atol": 0.0}
        torch.testing.assert_close(m.dist_matrix(x, y), single, **tolerance)
        # and without the repair: near pairs are wrong by what the documentation says
        coarse = m.dist_matrix(x, y, repair=False)
        allowed = math.sqrt(32.0 * eps_of(torch.float64)) * math.cosh(radius) + 4.0 * eps_of(dtype)
        assert ((coarse - single).abs() <= allowed * (1.0 + single)).all()


@pytest.mark.parametrize(
    ("dtype", "radius"), [(torch.float16, 9.0), (torch.bfloat16, 30.0), (torch.float32, 70.0)]
)
def test_matrix_gradient_where_sinh_overflows(dtype: torch.dtype, radius: float) -> None:
    m = Lorentz()
    z = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    x, y = m.from_features((z / z.norm(dim=-1, keepdim=True) * radius).to(dtype)).double()
    a, b = x.to(dtype).requires_grad_(), x.clone().requires_grad_()
    (found,) = torch.autograd.grad(m.dist_matrix(a, y.to(dtype)).sum(), a)
    (wanted,) = torch.autograd.grad(m.dist(b.unsqueeze(1), y.unsqueeze(0)).sum(), b)
    floor = torch.finfo(dtype).smallest_normal
    torch.testing.assert_close(found.double(), wanted, rtol=8 * eps_of(dtype), atol=floor)
    assert (found != 0).any()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_curvature_gradient(model: type[Manifold]) -> None:
    for c in (0.5, 2.0):
        m = model(c, learnable=True)
        s = sample(model(c), "far", 1.0, 3, 4, torch.float64)
        value = m.dist(s.x, s.y).sum() + m.dist_matrix(s.x, s.y).sum()
        (g,) = torch.autograd.grad(value, m.curvature.log_c)
        step = 1e-6

        def at(log_c: float, s: Sample = s) -> float:
            other = model(math.exp(log_c))
            return float(other.dist(s.x, s.y).sum() + other.dist_matrix(s.x, s.y).sum())

        numeric = (at(math.log(c) + step) - at(math.log(c) - step)) / (2 * step)
        assert float(g) == pytest.approx(numeric, rel=1e-6, abs=1e-6)
