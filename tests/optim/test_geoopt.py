"""Trajectories agree with geoopt's where the two define the same thing.

geoopt's momentum starts from the Euclidean gradient and decays before the first use; so
momentum is compared by giving its buffer the start of ours.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hyperhier.manifolds import Lorentz, Manifold, PoincareBall
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

geoopt = pytest.importorskip("geoopt")

STEPS = 50


def task(manifold: Manifold) -> tuple[torch.Tensor, torch.Tensor]:
    """Starting points and wanted distances, all within radius 3 in units of the curvature."""
    generator = torch.Generator().manual_seed(11)
    unit = (-manifold.sectional_curvature) ** -0.5
    z = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    wanted = torch.rand(8, 8, generator=generator, dtype=torch.float64) * 4.5 + 0.5
    return manifold.from_features(z * 0.7 * unit), (wanted + wanted.T) / 2 * unit


def loss_of(manifold: Manifold, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    i, j = torch.triu_indices(8, 8, 1)
    return (manifold.dist(x[i], x[j]) - wanted[i, j]).square().mean()


def models(kind: str, c: float) -> tuple[Manifold, Any]:
    if kind == "ball":
        theirs = geoopt.PoincareBallExact(c=torch.tensor(c, dtype=torch.float64))
        return PoincareBall(c), theirs
    return Lorentz(c), geoopt.Lorentz(k=torch.tensor(1 / c, dtype=torch.float64))


def trajectories(
    kind: str, c: float, mine: Any, theirs: Any, **options: Any
) -> tuple[torch.Tensor, ...]:
    """All points of both runs. The loss is ours for both: only the optimizers differ."""
    manifold, other = models(kind, c)
    start, wanted = task(manifold)
    ours = ManifoldParameter(start, manifold)
    reference = geoopt.ManifoldParameter(start.clone(), manifold=other)
    mine_options = dict(options, decay="ambient") if options.get("weight_decay") else options
    a, b = mine(ours, **mine_options), theirs([reference], **options)
    paths: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for step in range(STEPS):
        for optimizer, x, path in ((a, ours.weight, paths[0]), (b, reference, paths[1])):
            optimizer.zero_grad()
            loss_of(manifold, x.as_subclass(torch.Tensor), wanted).backward()
            if optimizer is b and step == 0 and options.get("momentum"):
                _start_like_ours(b, reference, manifold, options)
            optimizer.step()
            path.append(x.detach().as_subclass(torch.Tensor).clone())
    x = torch.stack(paths[0])
    radius = manifold.dist0(x).max() * (-manifold.sectional_curvature) ** 0.5
    assert 1.7 < float(radius) < 3.5  # the task really moves at this radius
    return x, torch.stack(paths[1])


def _start_like_ours(optimizer: Any, p: Any, manifold: Manifold, options: dict[str, Any]) -> None:
    """Choose the buffer so that mu * buffer + (1 - tau) * g = g for the first gradient g."""
    g = p.grad.clone() + options.get("weight_decay", 0.0) * p.detach().as_subclass(torch.Tensor)
    g = manifold.egrad2rgrad(p.detach().as_subclass(torch.Tensor), g)
    mu, tau = options["momentum"], options.get("dampening", 0.0)
    optimizer.state[p]["momentum_buffer"] = g * (tau / mu)


SGD = [
    {"lr": 0.8},
    {"lr": 0.8, "weight_decay": 0.01},
    {"lr": 0.3, "momentum": 0.8},
    {"lr": 0.3, "momentum": 0.8, "dampening": 0.4},
    {"lr": 0.2, "momentum": 0.8, "nesterov": True},
]
ADAM = [
    {"lr": 0.05},
    {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-4},
    {"lr": 0.05, "amsgrad": True},
    {"lr": 0.05, "weight_decay": 0.01},
]


def cases(options: list[dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """The first options at every curvature, the others at the two away from 1."""
    first, *others = options
    return [(c, first) for c in (0.5, 1.0, 2.0)] + [
        (0.5 if n % 2 else 2.0, option) for n, option in enumerate(others)
    ]


@pytest.mark.parametrize("kind", ["ball", "lorentz"])
@pytest.mark.parametrize(("c", "options"), cases(SGD))
def test_sgd(kind: str, c: float, options: dict[str, Any]) -> None:
    ours, theirs = trajectories(kind, c, RiemannianSGD, geoopt.optim.RiemannianSGD, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["ball", "lorentz"])
@pytest.mark.parametrize(("c", "options"), cases(ADAM))
def test_adam(kind: str, c: float, options: dict[str, Any]) -> None:
    ours, theirs = trajectories(kind, c, RiemannianAdam, geoopt.optim.RiemannianAdam, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-9)
