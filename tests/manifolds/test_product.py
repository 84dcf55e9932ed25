"""Products: the conformance tests, exact distances, geoopt's product, names."""

from __future__ import annotations

import copy
import math

import geoopt
import mpmath
import pytest
import torch
from hypothesis import given
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.errors import ManifoldError
from hyperhier.manifolds import (
    Euclidean,
    Lorentz,
    Manifold,
    PoincareBall,
    Polar,
    Product,
    Sphere,
    as_manifold,
    get_manifold,
)
from hyperhier.nn import ManifoldParameter, ToManifold
from hyperhier.optim import RiemannianAdam, RiemannianSGD
from hyperhier.testing import ManifoldConformance
from hyperhier.testing._cases import cases, generated
from hyperhier.testing.conformance import Case


class Conformance(ManifoldConformance):
    """A product has larger graphs than its factors: what differentiates or compiles is deep."""

    @pytest.mark.deep
    def test_compiles_in_one_graph(self) -> None:
        super().test_compiles_in_one_graph()

    @pytest.mark.deep
    @generated(0.1)
    @given(case=cases(2.0))
    def test_gradcheck(self, case: Case) -> None:
        ManifoldConformance.test_gradcheck.hypothesis.inner_test(self, case)


class TestMixedFactors(Conformance):
    """Without numbers of features, so that any can be drawn."""

    hyperbolic = False

    def make(self, c: float) -> Manifold:
        return Product(Euclidean(), Lorentz(), weights=(0.5, 2.0))

    def slack(self, case: Case) -> float:
        return super().slack(case) * math.exp(2 * case.radius)


@pytest.mark.deep
class TestHyperbolicFactors(Conformance):
    def make(self, c: float) -> Manifold:
        return Product(Lorentz(c), PoincareBall(c))


@pytest.mark.deep
class TestRoundFactors(Conformance):
    hyperbolic = False

    def make(self, c: float) -> Manifold:
        return Product(Sphere(), Lorentz(), weights=(0.5, 1.0))

    def slack(self, case: Case) -> float:
        return 100 * super().slack(case) * math.exp(2 * case.radius)

    def draw(self, case: Case, n: int = 4, salt: int = 0) -> tuple[Manifold, Tensor]:
        """With two features more: a sphere in one dimension is two points."""
        return super().draw(case._replace(features=case.features + 2), n, salt)

    def test_features(self) -> None:
        m, x = self.draw(Case(1.0, 5, 2.0, 0))
        z = m.to_features(x)
        assert z.shape[-1] == 7 and x.shape[-1] == m.ambient_dim(7)
        assert (m.dist(m.from_features(z), x) <= 1e-12).all()


def mixed(n: int = 6, dtype: torch.dtype = torch.float64) -> tuple[Product, Tensor, Tensor]:
    """A product of all kinds of factors with weights, and points on it."""
    m = Product(
        (Lorentz(0.5), 3), (PoincareBall(2.0), 2), (Polar(), 2), (Sphere(), 3), (Euclidean(), 2),
        weights=(1.0, 0.3, 2.0, 7.0, 0.01),
    )  # fmt: skip
    z = torch.randn(2, n, 12, dtype=torch.float64)
    x, y = m.from_features(z).to(dtype)
    return m, m.projx(x), m.projx(y)


# ------------------------------------------------------------------------------ the metric


def exact_distance(m: Product, x: Tensor, y: Tensor) -> mpmath.mpf:
    """Each factor's formula on the stored numbers, with 60 digits."""
    with mpmath.workdps(60):
        total = mpmath.mpf(0)
        for factor, weight, a, b in zip(m.factors, m.weights, m.split(x), m.split(y)):
            a, b = [mpmath.mpf(v) for v in a.tolist()], [mpmath.mpf(v) for v in b.tolist()]
            total += mpmath.mpf(weight) * FORMULAS[type(factor)](factor, a, b) ** 2
        return mpmath.sqrt(total)


def dot(a: list, b: list) -> mpmath.mpf:
    return mpmath.fsum(p * q for p, q in zip(a, b, strict=True))


def lorentz(m: Lorentz, a: list, b: list) -> mpmath.mpf:
    c, a, b = mpmath.mpf(m.c.item()), a[1:], b[1:]  # the time follows from the space part
    times = mpmath.sqrt((1 / c + dot(a, a)) * (1 / c + dot(b, b)))
    return mpmath.acosh(c * (times - dot(a, b))) / mpmath.sqrt(c)


def ball(m: PoincareBall, a: list, b: list) -> mpmath.mpf:
    c, gap = mpmath.mpf(m.c.item()), [p - q for p, q in zip(a, b)]
    ratio = dot(gap, gap) / ((1 - c * dot(a, a)) * (1 - c * dot(b, b)))
    return mpmath.acosh(1 + 2 * c * ratio) / mpmath.sqrt(c)


def sphere(m: Sphere, a: list, b: list) -> mpmath.mpf:
    return mpmath.acos(dot(a, b) / mpmath.sqrt(dot(a, a) * dot(b, b)))


def euclidean(m: Euclidean, a: list, b: list) -> mpmath.mpf:
    gap = [p - q for p, q in zip(a, b)]
    return mpmath.sqrt(dot(gap, gap))


FORMULAS = {Lorentz: lorentz, PoincareBall: ball, Sphere: sphere, Euclidean: euclidean}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("separation", [3.0, 1.0, 1e-3])
def test_distances_are_exact_to_some_units_in_the_last_place(
    dtype: torch.dtype, separation: float
) -> None:
    m = Product(
        (Lorentz(0.5), 3), (PoincareBall(2.0), 2), (Euclidean(), 2), (Sphere(), 3),
        weights=(1.0, 0.3, 0.01, 7.0),
    )  # fmt: skip
    z = torch.randn(8, 10, dtype=torch.float64)
    x = m.projx(m.from_features(z).to(dtype))
    y = m.projx(m.from_features(z + separation * torch.randn_like(z)).to(dtype))
    check_distances(m, x, y, m.dist(x, y))
    without = Product(*zip(m.factors, m.features[:3]), weights=m.weights[:3])
    x, y = x[:, : without.ambient_dim(7)], y[:, : without.ambient_dim(7)]
    check_distances(without, x, y, without.dist_matrix(x, y).diagonal())


def check_distances(m: Product, x: Tensor, y: Tensor, found: Tensor) -> None:
    for p, q, d in zip(x, y, found.tolist(), strict=True):
        wanted = exact_distance(m, p, q)
        assert abs(d - wanted) <= 4 * eps_of(x.dtype) * wanted


def test_one_factor_is_that_factor() -> None:
    alone, m = Product((Lorentz(0.7), 3)), Lorentz(0.7)
    x, y = m.from_features(torch.randn(2, 5, 3))
    assert torch.equal(alone.dist(x, y), m.dist(x, y))
    assert torch.equal(alone.dist_matrix(x, y), m.dist_matrix(x, y))
    assert torch.equal(alone.centroid(x), m.centroid(x))
    assert alone.sectional_curvature == pytest.approx(-0.7)


def test_flat_factors_are_flat_space() -> None:
    m, flat = Product((Euclidean(), 2), (Euclidean(), 3)), Euclidean()
    x, y = torch.randn(2, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(m.dist(x, y), flat.dist(x, y))
    torch.testing.assert_close(m.logmap(x, y), flat.logmap(x, y))
    torch.testing.assert_close(m.inner(x, x, y), flat.inner(x, x, y))
    assert m.sectional_curvature == 0.0


def test_weights_scale_the_metric() -> None:
    m, x, y = mixed()
    squares = [
        w * f.dist(a, b) ** 2
        for w, f, a, b in zip(m.weights, m.factors, m.split(x), m.split(y), strict=True)
    ]
    torch.testing.assert_close(m.dist(x, y) ** 2, torch.stack(squares).sum(0))
    torch.testing.assert_close(m.norm(x, m.logmap(x, y)), m.dist(x, y))
    leaf = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(m.dist(leaf, y).sum(), leaf)
    length = m.norm(x, m.egrad2rgrad(x, g))
    torch.testing.assert_close(length, torch.ones_like(length))


def test_equal_coordinates_in_some_factors() -> None:
    m, x, y = mixed()
    parts = list(m.split(y))
    parts[0], parts[3] = m.split(x)[0], m.split(x)[3]
    y = m.join(*parts)
    leaf = x.clone().requires_grad_()
    distance = torch.stack((m.dist(leaf, y), m.dist_matrix(leaf, y).diagonal()))
    torch.testing.assert_close(distance[0], distance[1])
    (g,) = torch.autograd.grad(distance[0].sum(), leaf)
    assert g.isfinite().all()
    assert (m.split(g)[0] == 0).all() and (m.split(g)[3] == 0).all()
    assert (m.norm(x, m.egrad2rgrad(x, g)) - 1).abs().max() < 1e-10


# ---------------------------------------------------------------------- factors and features


def test_features_are_shared_evenly() -> None:
    m = Product(Lorentz(), (Sphere(), 3), Euclidean())
    x = m.from_features(torch.randn(4, 8))
    assert m.ambient_dim(8) == x.shape[-1] == 9
    assert [p.shape[-1] for p in m.split(x)] == [4, 3, 2]
    z = torch.randn(2, 9, dtype=torch.float64)
    lorentz_part, sphere_part, flat_part = m.split(m.from_features(z))
    torch.testing.assert_close(lorentz_part, Lorentz().from_features(z[:, :3]))
    torch.testing.assert_close(sphere_part, Sphere().from_features(z[:, 3:6]))
    assert torch.equal(flat_part, z[:, 6:])


def test_products_of_products_are_flattened() -> None:
    inner = Product((Lorentz(), 2), (Sphere(), 3), weights=(1.0, 2.0))
    m = Product(inner, (Euclidean(), 4), weights=(3.0, 1.0))
    assert m.features == (2, 3, 4) and m.weights == (3.0, 6.0, 1.0)
    assert m.factors[0] is inner.factors[0]
    assert Product((Product(Lorentz(), Sphere()), 5)).features == (3, 2)
    assert Product(Product(Lorentz(), Sphere())).features == (None, None)


def test_split_and_join_are_inverse() -> None:
    m, x, _ = mixed()
    assert torch.equal(m.join(*m.split(x)), x)
    assert torch.equal(m.join(*m.split(x.mT, dim=0), dim=0), x.mT)
    with pytest.raises(ManifoldError, match=r"parts of \[4, 2, 3, 3, 2\] coordinates, got \[2"):
        m.join(*reversed(m.split(x)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Product(), "at least one factor"),
        (lambda: Product(Lorentz(), weights=(1.0, 2.0)), "expected 1 weights, got"),
        (lambda: Product(Lorentz(), weights=(0.0,)), "positive and finite, got"),
        (lambda: Product(Lorentz(), weights=(math.nan,)), "positive and finite, got"),
        (lambda: Product((Lorentz(), 0)), "positive integer, got"),
        (lambda: Product((Lorentz(), 2.5)), "positive integer, got"),
        (lambda: Product((Lorentz(), 2, 3)), r"pair \(manifold, features\)"),
        (lambda: Product("lorentz"), "is no manifold"),
        (lambda: Product((Lorentz(), 2)).from_features(torch.ones(3)), "from 2 features, got 3"),
        (lambda: Product(Lorentz(), Sphere()).ambient_dim(1), "from at least 2 features, got 1"),
        (lambda: Product((Lorentz(), 2)).dist0(torch.ones(5)), "have 3 coordinates, got 5"),
        (lambda: Product(Lorentz(), Sphere()).dist0(torch.ones(2)), "at least 3 coord.*got 2"),
    ],
)
def test_what_does_not_fit_is_named(call, message: str) -> None:
    with pytest.raises(ManifoldError, match=message):
        call()


def test_precision_is_fast_where_every_factor_is() -> None:
    fast = Lorentz(precision="fast")
    assert Product(fast, fast).precision == "fast"
    assert Product(fast, Sphere()).precision == "accurate"
    assert Product(Lorentz(), precision="fast").precision == "fast"


def test_shapes_of_nothing() -> None:
    m, x, y = mixed()
    assert m.dist_matrix(x[:0], y).shape == (0, 6)
    assert m.centroid(x[:0]).shape == x.shape[1:]
    assert m.dist0(m.centroid(x[:0])) == 0
    assert m.from_features(torch.zeros(0, 12)).shape == (0, 14)


def test_a_point_off_one_factor_is_named() -> None:
    m, x, _ = mixed()
    x[3, 10] += 0.1  # on the sphere
    with pytest.raises(ManifoldError, match=r"point \(3,\)"):
        m.assert_check_point_on_manifold(x)


def test_maps_to_another_manifold_keep_the_features() -> None:
    m = Product((Lorentz(), 3), (Euclidean(), 2))
    z = torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(m.to(Polar())(m.from_features(z)), Polar().from_features(z))


def test_samples_have_the_spread_of_each_factor() -> None:
    m = Product((Lorentz(), 2), (PoincareBall(), 3), (Euclidean(), 1), weights=(1.0, 4.0, 0.25))
    g = torch.Generator().manual_seed(0)
    x = m.random_normal(6000, 7, std=0.05, generator=g, dtype=torch.float64)
    for factor, weight, dims, part in zip(m.factors, m.weights, (2, 3, 1), m.split(x)):
        rms = float(factor.dist0(part).square().mean().sqrt()) * math.sqrt(weight / dims)
        assert rms == pytest.approx(0.05, rel=0.05)
    mean = m.from_features(torch.ones(6, dtype=torch.float64))
    y = m.random_normal(4000, 7, mean=mean, std=0.05, generator=g, dtype=torch.float64)
    assert m.dist(m.centroid(y), mean) < 0.01


# ---------------------------------------------------------------------------------- training


@pytest.mark.parametrize("optimizer", [RiemannianAdam, RiemannianSGD])
def test_points_of_a_product_can_be_trained(optimizer: type) -> None:
    m = Product((Lorentz(learnable=True), 2), (Sphere(), 3), (PoincareBall(), 2))
    encoder = torch.nn.Sequential(torch.nn.Linear(4, 7), ToManifold(m))
    points = ManifoldParameter(m.from_features(torch.randn(5, 7)), m)
    target = encoder(torch.randn(5, 4)).detach()
    opt = optimizer([points], lr=0.05, weight_decay=1e-3)
    before = m.dist(points(), target).sum().detach()
    for _ in range(40):
        opt.zero_grad()
        m.dist(points(), target).square().sum().backward()
        opt.step()
    assert m.dist(points(), target).sum() < 0.5 * before
    m.assert_check_point_on_manifold(points().detach())
    assert m.factors[0].curvature.log_c.grad.isfinite()
    assert "lorentz(2) x sphere(3) x poincare(2)" in opt.describe()


def test_each_factor_has_its_own_second_moment() -> None:
    m, x, y = mixed()
    u = m.logmap(x, y)
    products = m.split(m.component_inner(x, u))
    assert (products[0] == products[0][:, :1]).all()
    whole = products[0][:, 0] + products[1][:, 0] + products[2][:, 0] + products[3][:, 0]
    torch.testing.assert_close(whole + products[4].sum(-1), m.norm(x, u) ** 2)


def test_a_copy_learns_apart() -> None:
    m = Product((Lorentz(learnable=True), 2), (Sphere(), 3))
    twin = copy.deepcopy(m)
    with torch.no_grad():
        m.factors[0].curvature.log_c.fill_(1.0)
    assert twin.factors[0].sectional_curvature == -1.0
    twin.load_state_dict(m.state_dict())
    assert twin.factors[0].sectional_curvature == pytest.approx(-math.e)


# ------------------------------------------------------------------------------------ geoopt


@pytest.fixture
def twins() -> tuple[Product, object]:
    ours = Product((PoincareBall(0.7), 3), (Sphere(), 3), (Euclidean(), 2))
    theirs = geoopt.ProductManifold(
        (geoopt.PoincareBallExact(c=0.7), 3), (geoopt.SphereExact(), 3), (geoopt.Euclidean(1), 2)
    )
    return ours, theirs


def test_agrees_with_the_product_of_geoopt(twins) -> None:
    ours, theirs = twins
    x, y = ours.from_features(0.7 * torch.randn(2, 6, 8, dtype=torch.float64))
    u = 0.5 * ours.proju(x, torch.randn_like(x))
    close = {"rtol": 1e-4, "atol": 1e-4}
    for method, arguments in (
        ("dist", (x, y)),
        ("expmap", (x, u)),
        ("logmap", (x, y)),
        ("inner", (x, u, ours.logmap(x, y))),
        ("egrad2rgrad", (x, u)),
        ("proju", (x, y)),
    ):
        found = getattr(ours, method)(*arguments)
        torch.testing.assert_close(found, getattr(theirs, method)(*arguments), **close)


def test_factors_taken_over_from_geoopt(twins) -> None:
    ours, theirs = twins
    adapted = Product.from_geoopt(theirs)
    z = 0.7 * torch.randn(5, 8, dtype=torch.float64)
    x = ours.from_features(z)
    close = {"rtol": 1e-3, "atol": 1e-3}  # geoopt's sphere is off by 4e-4 at equal points
    assert adapted.features == as_manifold(theirs).features == ours.features
    torch.testing.assert_close(adapted.dist_matrix(x, x), ours.dist_matrix(x, x), **close)
    torch.testing.assert_close(adapted.centroid(x[:2]), ours.centroid(x[:2]), **close)
    stacked = geoopt.ProductManifold((geoopt.Lorentz(), (2, 4)), (geoopt.Euclidean(1), 2))
    assert Product.from_geoopt(stacked).features == (3, 3, 2)
    nested = geoopt.ProductManifold((stacked, 10), (geoopt.Lorentz(), 3))
    assert Product.from_geoopt(nested).features == (3, 3, 2, 2)
    with pytest.raises(ManifoldError, match="vectors"):
        Product.from_geoopt(geoopt.ProductManifold((geoopt.Euclidean(0), ())))
    with pytest.raises(ManifoldError, match=r"no geoopt\.ProductManifold"):
        Product.from_geoopt(geoopt.Lorentz())


def test_factors_of_both_libraries() -> None:
    m = Product((geoopt.Lorentz(k=2.0), 2), (Lorentz(0.5), 2))
    a, b = Lorentz(0.5).from_features(torch.randn(2, 5, 2, dtype=torch.float64))
    expected = 2**0.5 * Lorentz(0.5).dist(a, b)
    torch.testing.assert_close(m.dist(m.join(a, a), m.join(b, b)), expected, rtol=1e-5, atol=0)
    assert as_manifold(m) is m


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("lorentz(8) x sphere(4)", "Product((Lorentz(c=2), 8), (Sphere(), 4))"),
        ("lorentz(8)xsphere(4)", "Product((Lorentz(c=2), 8), (Sphere(), 4))"),
        (" poincare x polar ", "Product(PoincareBall(c=2), Polar(c=2))"),
        ("poincare(2, c=0.5)^2", "Product((PoincareBall(c=0.5), 2), (PoincareBall(c=0.5), 2))"),
        (
            "euclidean(3,weight=2) x polar(2, weight=0.5, c=1)",
            "Product((Euclidean(), 3), (Polar(c=1), 2), weights=(2.0, 0.5))",
        ),
    ],
)
def test_products_by_name(text: str, shown: str) -> None:
    assert repr(get_manifold(text, 2.0)) == shown


def test_names_make_the_manifold_again() -> None:
    m = get_manifold("lorentz(8) x sphere(4)^2", learnable=True, precision="fast")
    assert m.name == "lorentz(8) x sphere(4) x sphere(4)"
    assert get_manifold(m.name, learnable=True).features == m.features
    assert m.factors[0].curvature.learnable and m.precision == "fast"
    assert m.factors[1] is not m.factors[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torus", "unknown geometry 'torus'.*products such as"),
        ("torus(2) x sphere(3)", r"'torus\(2\)' in 'torus\(2\) x sphere\(3\)' is no factor"),
        ("lorentz(8) x ", "is no factor"),
        ("lorentz(-1)", "is no factor"),
        ("lorentz(0)", "positive integer"),
        ("lorentz(8, r=2)", "'r=2' in .*expected c=... or weight=..."),
        ("lorentz(8, c=1, c=2)", "'c=2' in .*expected"),
        ("lorentz(8, c=one)", "'c=one' in .*no number"),
        ("lorentz(8, c=-1)", "positive"),
        ("sphere(3, c=2)", "'sphere' in .* has no c"),
        ("", "unknown geometry ''"),
    ],
)
def test_bad_names_are_named(text: str, message: str) -> None:
    with pytest.raises(ManifoldError, match=message):
        get_manifold(text)
