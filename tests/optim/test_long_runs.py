"""Steps in float32 to radius 10: on the manifold to 2 ulp, no NaN, and the task is solved."""

from __future__ import annotations

from typing import Any

import geoopt
import pytest
import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds import Lorentz, Manifold, PoincareBall, Polar
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

MANIFOLDS = (PoincareBall(), Lorentz(), Polar())
ADAM, SGD = {"lr": 0.02}, {"lr": 0.05, "momentum": 0.5}


class Star:
    """Leaves at distance 10 from the hub and up to 18 from each other: no tree fits exactly."""

    def __init__(self, manifold: Manifold, leaves: int = 6) -> None:
        z = 0.5 * torch.randn(leaves, 2, generator=torch.Generator().manual_seed(4))
        self.start = manifold.from_features(z)
        self.hub = manifold.from_features(torch.zeros(1, 2))
        self.i, self.j = torch.triu_indices(leaves + 1, leaves + 1, 1)
        self.wanted = torch.where(self.i == 0, 10.0, 18.0)
        self.weight = torch.where(self.i == 0, 1.0, 0.1)

    def loss(self, dist: Any, points: Tensor) -> Tensor:
        x = torch.cat((self.hub, points))
        return (self.weight * (dist(x[self.i], x[self.j]) - self.wanted).square()).sum()


@pytest.mark.parametrize(
    ("mine", "options", "steps"),
    [
        (RiemannianSGD, SGD, 400),
        (RiemannianAdam, ADAM, 2000),
        pytest.param(RiemannianSGD, SGD, 10_000, marks=pytest.mark.deep),
        pytest.param(RiemannianAdam, ADAM, 10_000, marks=pytest.mark.deep),
    ],
)
@pytest.mark.parametrize("manifold", MANIFOLDS, ids=lambda m: m.name)
def test_distance_fitting(
    manifold: Manifold, mine: Any, options: dict[str, Any], steps: int
) -> None:
    star = Star(manifold)
    points = ManifoldParameter(star.start, manifold)
    optimizer = mine(points, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = star.loss(manifold.dist, points())
        loss.backward()
        optimizer.step()
        off = manifold.constraint_violation(points().detach())
        assert (off <= 2 * eps_of(torch.float32)).all()  # a NaN fails too
    assert points().isfinite().all()
    radii = manifold.dist0(points()).detach()
    assert 9.0 < float(radii.min()) <= float(radii.max()) < 11.0
    assert float(loss.detach()) < 5.0


def test_geoopt_does_not_get_there() -> None:
    """The same task and rate: its hyperboloid ends in NaN, so the test above is no empty one."""
    star = Star(Lorentz())
    theirs = geoopt.Lorentz()
    points = geoopt.ManifoldParameter(star.start, manifold=theirs)
    optimizer = geoopt.optim.RiemannianAdam([points], **ADAM)
    for _ in range(2000):
        optimizer.zero_grad()
        star.loss(theirs.dist, points).backward()
        optimizer.step()
        if not points.detach().isfinite().all():
            return
    pytest.fail("geoopt stayed finite")


@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
@pytest.mark.parametrize("manifold", MANIFOLDS, ids=lambda m: m.name)
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
