"""Properties that hold because steps, momentum and decay are intrinsic."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from hyperhier.manifolds import Lorentz, Manifold, PoincareBall, Sphere
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

OPTIONS = [
    (RiemannianSGD, {"lr": 0.3}),
    (RiemannianSGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
    (RiemannianSGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (RiemannianSGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (RiemannianAdam, {"lr": 0.05}),
    (RiemannianAdam, {"lr": 0.05, "amsgrad": True, "weight_decay": 0.05}),
    (RiemannianAdam, {"lr": 0.05, "weight_decay": 0.5, "decoupled_weight_decay": True}),
]


def fit(
    manifold: Manifold, start: torch.Tensor, mine: Any, options: dict[str, Any], steps: int
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    wanted = 1.0 + 3.0 * torch.rand(6, 6, generator=generator, dtype=torch.float64)
    points = ManifoldParameter(start, manifold)
    optimizer = mine(points, **options)
    i, j = torch.triu_indices(6, 6, 1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (manifold.dist(points()[i], points()[j]) - wanted[i, j]).square().mean()
        (-loss if options.get("maximize") else loss).backward()
        optimizer.step()
    return points().detach()


@pytest.mark.parametrize("c", [0.3, 2.0])
@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_both_models_of_hyperbolic_space_agree(
    mine: Any, options: dict[str, Any], c: float
) -> None:
    ball, lorentz = PoincareBall(c), Lorentz(c)
    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    a = fit(ball, ball.from_features(z), mine, options, 40)
    b = fit(lorentz, lorentz.from_features(z), mine, options, 40)
    torch.testing.assert_close(ball.to_features(a), lorentz.to_features(b), rtol=1e-9, atol=1e-10)
    assert (ball.to_features(a) - z).norm(dim=-1).min() > 0.1


@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_maximize_is_descent_on_the_negative(mine: Any, options: dict[str, Any]) -> None:
    m = Lorentz()
    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    start = m.from_features(z)
    up = fit(m, start, mine, {**options, "maximize": True}, 10)
    torch.testing.assert_close(up, fit(m, start, mine, options, 10), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "manifold", [PoincareBall(0.6), Lorentz(0.6), Sphere()], ids=lambda m: m.name
)
def test_sgd_step_has_the_length_of_the_gradient(manifold: Manifold) -> None:
    """d(x, y) has a gradient of length 1, so a step of lr moves by lr, straight to y."""
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    start, target = manifold.from_features(z)
    point = ManifoldParameter(start, manifold)
    manifold.dist(point(), target).backward()
    RiemannianSGD(point, lr=0.2).step()
    expected = manifold.dist(start, target) - 0.2
    assert float(manifold.dist(start, point().detach())) == pytest.approx(0.2, rel=1e-10)
    assert float(manifold.dist(point().detach(), target)) == pytest.approx(
        float(expected), rel=1e-10
    )


@pytest.mark.parametrize(
    "manifold", [PoincareBall(0.6), Lorentz(0.6), Sphere()], ids=lambda m: m.name
)
def test_first_adam_step_has_length_lr(manifold: Manifold) -> None:
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    start, target = manifold.from_features(z)
    point = ManifoldParameter(start, manifold)
    (7.0 * manifold.dist(point(), target)).backward()
    RiemannianAdam(point, lr=0.01, eps=0.0).step()
    assert float(manifold.dist(start, point().detach())) == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize("manifold", [PoincareBall(2.0), Lorentz(2.0)], ids=lambda m: m.name)
def test_momentum_is_parallel(manifold: Manifold) -> None:
    """Without new gradients momentum follows the geodesic: the steps add up along it."""
    z = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64)
    point = ManifoldParameter(manifold.from_features(z), manifold)
    optimizer = RiemannianSGD(point, lr=0.5, momentum=0.5)
    start, target = point().detach().clone(), manifold.from_features(-z)
    manifold.dist(point(), target).backward()
    for _ in range(6):
        optimizer.step()
        point.weight.grad.zero_()
    moved = 0.5 * (2 - 0.5**5)
    assert float(manifold.dist(start, point().detach())) == pytest.approx(moved, rel=1e-9)
    onto = manifold.dist(point().detach(), target) - manifold.dist(start, target)
    assert float(onto) == pytest.approx(-moved, rel=1e-9)


@pytest.mark.parametrize("radius", [0.0, 0.5, 3.0, 12.0])
@pytest.mark.parametrize("manifold", [PoincareBall(), Lorentz(), PoincareBall(0.25)], ids=repr)
@pytest.mark.parametrize("decoupled", [False, True])
def test_geodesic_decay_shrinks_the_radius(
    manifold: Manifold, radius: float, decoupled: bool
) -> None:
    """As in flat space: one step of pure decay leaves 1 - lr * weight_decay of the radius."""
    z = torch.tensor([[0.6, 0.8]], dtype=torch.float64) * radius
    point = ManifoldParameter(manifold.from_features(z), manifold)
    point.weight.grad = torch.zeros_like(point.weight)
    if decoupled:
        optimizer: Any = RiemannianAdam(
            point, lr=0.5, weight_decay=0.2, decoupled_weight_decay=True
        )
    else:
        optimizer = RiemannianSGD(point, lr=0.5, weight_decay=0.2)
    optimizer.step()
    torch.testing.assert_close(manifold.to_features(point()), 0.9 * z, rtol=1e-6, atol=1e-12)


def test_ambient_decay_is_the_gradient_of_half_the_squared_norm() -> None:
    for manifold in (PoincareBall(0.6), Lorentz(0.6)):
        z = torch.tensor([[0.3, -0.4]], dtype=torch.float64)
        decayed = ManifoldParameter(manifold.from_features(z), manifold)
        decayed.weight.grad = torch.zeros_like(decayed.weight)
        RiemannianSGD(decayed, lr=0.1, weight_decay=0.7, decay="ambient").step()
        plain = ManifoldParameter(manifold.from_features(z), manifold)
        (0.35 * plain().square().sum()).backward()
        RiemannianSGD(plain, lr=0.1).step()
        torch.testing.assert_close(decayed(), plain(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("decay", ["geodesic", "ambient"])
def test_decay_does_nothing_on_the_sphere(decay: str) -> None:
    start = torch.nn.functional.normalize(torch.ones(1, 3, dtype=torch.float64), dim=-1)
    point = ManifoldParameter(start, Sphere())
    point.weight.grad = torch.zeros_like(point.weight)
    RiemannianSGD(point, lr=1.0, weight_decay=0.5, decay=decay).step()
    torch.testing.assert_close(point().detach(), start, rtol=0, atol=1e-15)


@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
@pytest.mark.parametrize("cls", [PoincareBall, Lorentz])
def test_learnable_curvature(cls: Any, mine: Any) -> None:
    """The curvature moves, and the points follow it, those without a gradient too."""
    manifold = cls(1.0, learnable=True)
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    moved = ManifoldParameter(manifold.from_features(z), manifold)
    idle = ManifoldParameter(manifold.from_features(2 * z), manifold)
    optimizer = mine([moved, idle], lr=0.05)
    before = manifold.sectional_curvature
    for _ in range(30):
        optimizer.zero_grad()
        loss = (manifold.dist0(moved()) - 0.3).square().sum() + manifold.c.log() * -1.0
        loss.backward()
        optimizer.step()
        for part in (moved, idle):
            assert manifold.check_point_on_manifold(part())
            assert part().isfinite().all()
    assert abs(manifold.sectional_curvature - before) > 0.2


def test_points_of_a_fixed_curvature_without_gradient_are_not_touched() -> None:
    m = Lorentz()
    idle = ManifoldParameter(m.from_features(torch.randn(3, 2)), m)
    before, version = idle().detach().clone(), idle.weight._version
    RiemannianSGD(idle, lr=0.1).step()
    assert torch.equal(idle(), before)
    assert idle.weight._version == version


@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
@pytest.mark.parametrize("manifold", [PoincareBall(), Lorentz(), Sphere()], ids=lambda m: m.name)
def test_no_points_at_all(manifold: Manifold, mine: Any) -> None:
    point = ManifoldParameter(manifold.origin(0, 3), manifold)
    point.weight.grad = torch.zeros(0, 3)
    mine(point, lr=0.1, weight_decay=0.1).step()
    assert point().shape == (0, 3)


def test_points_in_more_dimensions_and_a_single_one() -> None:
    m = PoincareBall()
    for shape in ((2,), (3, 4, 2)):
        point = ManifoldParameter(torch.full(shape, 0.1), m)
        m.dist0(point()).sum().backward()
        RiemannianAdam(point, lr=0.01).step()
        expected = 2 * math.atanh(0.1 * math.sqrt(2)) - 0.01
        torch.testing.assert_close(m.dist0(point()), torch.full(shape[:-1], expected))
