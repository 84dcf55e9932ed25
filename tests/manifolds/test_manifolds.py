"""What the conformance tests do not cover: curvature, names, conversion, geoopt adapters."""

from __future__ import annotations

import math
import warnings

import geoopt
import pytest
import torch

from hyperhier.errors import ManifoldError
from hyperhier.losses import SupConLoss
from hyperhier.manifolds import (
    Euclidean,
    Lorentz,
    PoincareBall,
    Sphere,
    as_manifold,
    available_manifolds,
    get_manifold,
)


@pytest.mark.parametrize("c", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("make", [PoincareBall, Lorentz])
def test_curvature_must_be_positive(make: type, c: float) -> None:
    with pytest.raises(ManifoldError, match="positive"):
        make(c)


def test_precision_by_name() -> None:
    assert Lorentz().precision == get_manifold("sphere").precision == "accurate"
    assert get_manifold("polar", precision="fast").precision == "fast"
    for make in (Euclidean, PoincareBall):
        with pytest.raises(ManifoldError, match="'quick'"):
            make(precision="quick")


def test_learnable_curvature_stays_in_bounds_and_says_so() -> None:
    m = Lorentz(1.0, learnable=True, bounds=(0.5, 2.0))
    assert [name for name, _ in m.named_parameters()] == ["curvature.log_c"]
    with torch.no_grad():
        m.curvature.log_c.fill_(3.0)
    with pytest.warns(UserWarning, match="bound"):
        assert m.c.item() == pytest.approx(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert m.c.item() == pytest.approx(2.0)  # said once
    assert m.curvature.at_bound
    x = m.from_features(torch.ones(3))
    (g,) = torch.autograd.grad(m.dist0(x), m.curvature.log_c)
    assert g.isfinite()
    with pytest.raises(ManifoldError, match="within"):
        Lorentz(10.0, learnable=True, bounds=(0.5, 2.0))


def test_learnable_curvature_keeps_its_parameter_object_when_moved() -> None:
    m = PoincareBall(0.7, learnable=True)
    parameter = m.curvature.log_c
    m.half().double().to(torch.float32)
    assert m.curvature.log_c is parameter and parameter.dtype == torch.float64
    assert m.c.item() == pytest.approx(0.7, rel=1e-15)


def test_names() -> None:
    assert available_manifolds() == ("euclidean", "sphere", "poincare", "lorentz", "polar")
    for name in available_manifolds():
        m = get_manifold(name, c=0.5)
        assert m.name == name
        assert get_manifold(m) is m
    assert [get_manifold(n, 2.0).sectional_curvature for n in available_manifolds()] == [
        0,
        1,
        -2,
        -2,
        -2,
    ]
    with pytest.raises(ManifoldError, match="'torus'"):
        get_manifold("torus")


def test_ball_and_hyperboloid_are_isometric() -> None:
    for c in (1e-3, 1.0, 1e3):
        ball, hyperboloid = PoincareBall(c), Lorentz(c)
        z = torch.randn(8, 4, dtype=torch.float64) * 2 / math.sqrt(c)
        x = ball.from_features(z)
        y = ball.to(hyperboloid)(x)
        hyperboloid.assert_check_point_on_manifold(y)
        torch.testing.assert_close(hyperboloid.dist_matrix(y, y), ball.dist_matrix(x, x))
        torch.testing.assert_close(hyperboloid.to(ball)(y), x)
        centre = ball.to(hyperboloid)(ball.centroid(x))
        torch.testing.assert_close(centre, hyperboloid.centroid(y))
    assert ball.to("cpu") is ball


def test_sphere_antipodes() -> None:
    m = Sphere()
    x = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    d = m.dist(x, -x.detach())
    assert d.item() == pytest.approx(math.pi)
    (g,) = torch.autograd.grad(d, x)
    assert g.isfinite().all()
    assert m.logmap(x, -x).isfinite().all()
    assert m.transp(x, -x, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)).isfinite().all()
    near = m.projx(torch.tensor([-1.0, 1e-9, 0.0], dtype=torch.float64))
    assert m.dist_matrix(x[None], near[None]).item() == pytest.approx(math.pi - 1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (geoopt.Euclidean(ndim=1), Euclidean()),
        (geoopt.PoincareBall(c=0.5), PoincareBall(0.5)),
        (geoopt.Lorentz(k=2.0), Lorentz(0.5)),
        (geoopt.SphereExact(), Sphere()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_geoopt_manifolds_behind_the_contract(theirs: object, ours: object) -> None:
    adapted = as_manifold(theirs)
    z = torch.randn(5, 3, dtype=torch.float64)
    x = ours.from_features(z)
    u = ours.proju(x, torch.randn_like(x))
    # geoopt's sphere clamps the cosine, and is off by 4e-4 at coincident points
    tolerance = 1e-3 if isinstance(ours, Sphere) else 1e-5
    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(
        adapted.dist_matrix(x, x.flip(0)), ours.dist_matrix(x, x.flip(0)), **close
    )
    torch.testing.assert_close(adapted.expmap(x, u), ours.expmap(x, u), **close)
    torch.testing.assert_close(adapted.inner(x, u), ours.inner(x, u), **close)
    assert adapted.ambient_dim(3) == ours.ambient_dim(3)
    assert adapted.sectional_curvature == pytest.approx(ours.sectional_curvature)
    if not isinstance(ours, Sphere):  # geoopt's sphere has no fixed origin
        torch.testing.assert_close(adapted.from_features(z), x, **close)
        torch.testing.assert_close(adapted.to_features(x), z, **close)
    labels = torch.tensor([0, 0, 1, 1, 1])
    similarity = "cosine" if ours.supports_cosine else "distance"
    value = SupConLoss(manifold=adapted, temperature=0.2, similarity=similarity)(x, labels)
    expected = SupConLoss(manifold=ours, temperature=0.2, similarity=similarity)(x, labels)
    torch.testing.assert_close(value, expected, **close)


def test_as_manifold_refuses_what_is_none() -> None:
    assert isinstance(as_manifold(Euclidean()), Euclidean)
    with pytest.raises(ManifoldError, match="no dist"):
        as_manifold(torch.nn.Linear(2, 2))
    with pytest.raises(ManifoldError, match="ndim"):
        as_manifold(geoopt.Euclidean(ndim=0))


def test_wild_steps_stay_finite() -> None:
    for dtype in (torch.float32, torch.float64):
        for m in (Lorentz(), PoincareBall(), Lorentz(1e3)):
            for radius in (0.0, 10.0, 20.0):  # in each of three features
                features = torch.full((2, 3), radius / float(m.c.sqrt()), dtype=dtype)
                x = m.from_features(features)
                u = m.proju(x, torch.randn(2, x.shape[-1], dtype=dtype) * 1e6)
                assert u.isfinite().all()
                y = m.expmap(x, u)
                m.assert_check_point_on_manifold(y)
                assert m.dist(y, m.origin(*y.shape, dtype=dtype)).isfinite().all()


def test_repr_is_one_line() -> None:
    assert repr(Lorentz(0.5)) == "Lorentz(c=0.5)"
    assert repr(PoincareBall(learnable=True)) == "PoincareBall(c=1, learnable)"


@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz", "polar"])
def test_a_matrix_without_columns_has_no_gradient(name: str) -> None:
    manifold = get_manifold(name)
    x = manifold.from_features(torch.randn(6, 3)).requires_grad_()
    for _ in range(10):  # memory that was used before is what an unset gradient would show
        torch.full((6, x.shape[1]), 7.0)
        x.grad = None
        manifold.dist_matrix(x, x[:0].detach()).sum().backward()
        assert x.grad is not None and bool((x.grad == 0).all())
