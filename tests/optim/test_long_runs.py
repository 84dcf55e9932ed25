"""2,000 steps in float32 to radius 10: on the manifold, no NaN, and the task is solved."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hyperhier.manifolds import Lorentz, Manifold, PoincareBall
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD


@pytest.mark.parametrize(
    ("mine", "options", "steps"),
    [(RiemannianSGD, {"lr": 0.05, "momentum": 0.5}, 400), (RiemannianAdam, {"lr": 0.02}, 2000)],
)
@pytest.mark.parametrize("manifold", [PoincareBall(), Lorentz()], ids=lambda m: m.name)
def test_distance_fitting(
    manifold: Manifold, mine: Any, options: dict[str, Any], steps: int
) -> None:
    """A star: leaves at distance 10 from the hub and up to 18 from each other."""
    leaves = 6
    z = 0.5 * torch.randn(leaves, 2, generator=torch.Generator().manual_seed(4))
    points = ManifoldParameter(manifold.from_features(z), manifold)
    hub = manifold.from_features(torch.zeros(1, 2))
    optimizer = mine(points, **options)
    i, j = torch.triu_indices(leaves + 1, leaves + 1, 1)
    wanted = torch.where(i == 0, 10.0, 18.0)
    weight = torch.where(i == 0, 1.0, 0.1)
    for step in range(steps):
        optimizer.zero_grad()
        x = torch.cat((hub, points()))
        loss = (weight * (manifold.dist(x[i], x[j]) - wanted).square()).sum()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            assert manifold.check_point_on_manifold(points())
    assert points().isfinite().all()
    assert manifold.check_point_on_manifold(points())
    radii = manifold.dist0(points()).detach()
    assert 9.0 < float(radii.min()) <= float(radii.max()) < 11.0
    assert float(loss.detach()) < 5.0


@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
@pytest.mark.parametrize("manifold", [PoincareBall(), Lorentz()], ids=lambda m: m.name)
def test_overshooting_steps_stay_on_the_manifold(manifold: Manifold, mine: Any) -> None:
    """Steps of length 8 past a target a distance of 2 away: still points, still finite."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 8, 3, generator=generator)
    points = ManifoldParameter(manifold.from_features(z[0]), manifold)
    target = manifold.from_features(z[1])
    optimizer = mine(points, lr=8.0)
    for _ in range(60):
        optimizer.zero_grad()
        manifold.dist(points(), target).sum().backward()
        optimizer.step()
        assert points().isfinite().all()
        assert manifold.check_point_on_manifold(points())
