"""Every way of naming parameters finds their manifold; none is taken as Euclidean in silence."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from hyperhier.errors import ManifoldError
from hyperhier.manifolds import Lorentz, PoincareBall, Sphere
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        lorentz = Lorentz(0.8)
        z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
        self.encoder = nn.Linear(3, 3)
        self.prototypes = ManifoldParameter(lorentz.from_features(z), lorentz)


def journeys() -> list[Callable[[Model], Model]]:
    def loaded(model: Model) -> Model:
        fresh = Model()
        fresh.load_state_dict(model.state_dict())
        return fresh

    def assigned(model: Model) -> Model:
        fresh = Model()
        fresh.load_state_dict(model.state_dict(), assign=True)
        return fresh

    return [
        lambda m: m,
        copy.deepcopy,
        lambda m: pickle.loads(pickle.dumps(m)),
        loaded,
        assigned,
        lambda m: m.to(torch.float64),
        lambda m: m.half(),
        lambda m: copy.deepcopy(copy.deepcopy(m).double()),
    ]


GIVEN: dict[str, Callable[[Model], Any]] = {
    "module": lambda m: m,
    "parameters": lambda m: m.parameters(),
    "named": lambda m: m.named_parameters(),
    "modules": lambda m: [m.encoder, m.prototypes],
    "mixed": lambda m: [m.encoder.weight, m.encoder.bias, m.prototypes],
    "groups": lambda m: [{"params": m.encoder, "lr": 0.1}, {"params": m.prototypes}],
    "group of parameters": lambda m: [{"params": m.parameters()}],
    "group of one tensor": lambda m: [{"params": m.prototypes.weight}],
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
@pytest.mark.parametrize("journey", range(len(journeys())))
@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
def test_points_stay_on_their_manifold(
    mine: Any, journey: int, given: Callable[[Model], Any]
) -> None:
    model = journeys()[journey](Model())
    optimizer = mine(given(model), lr=0.3)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    before = model.prototypes().detach().clone()
    optimizer.step()
    assert not torch.equal(before, model.prototypes())
    assert model.prototypes.manifold.check_point_on_manifold(model.prototypes())
    assert "lorentz(curvature=-0.8)" in optimizer.describe()


def test_a_raw_step_would_leave_the_manifold() -> None:
    """The premise of the test above: an Euclidean step is caught by it."""
    model = Model()
    with torch.no_grad():
        model.prototypes.weight -= 0.3
    assert not model.prototypes.manifold.check_point_on_manifold(model.prototypes())


def test_the_module_need_not_live() -> None:
    ball = PoincareBall()
    optimizer = RiemannianSGD([ManifoldParameter(torch.zeros(2, 2), ball).weight])
    assert optimizer.param_groups[0]["params"][0] in optimizer._placements
    assert "poincare" in optimizer.describe()


def test_manifold_of_a_group_applies_to_raw_tensors() -> None:
    ball = PoincareBall()
    raw = nn.Parameter(torch.zeros(2, 2))
    optimizer = RiemannianSGD([{"params": [raw], "manifold": ball}], lr=100.0)
    raw.grad = torch.ones(2, 2)
    optimizer.step()
    assert ball.check_point_on_manifold(raw)
    assert "manifold" not in optimizer.param_groups[0]  # nothing unpicklable in a checkpoint


def test_the_users_group_is_not_changed() -> None:
    group = {"params": [nn.Parameter(torch.zeros(2, 2))], "manifold": PoincareBall()}
    RiemannianSGD([group])
    assert set(group) == {"params", "manifold"}


def test_conflicting_manifold() -> None:
    point = ManifoldParameter(torch.zeros(2, 2), PoincareBall())
    with pytest.raises(ValueError, match="lives on"):
        RiemannianSGD([{"params": point, "manifold": Sphere()}])


def test_points_off_the_manifold_are_refused() -> None:
    with pytest.raises(ManifoldError, match=r"params\[0\]"):
        RiemannianSGD([{"params": [nn.Parameter(torch.ones(2, 2))], "manifold": PoincareBall()}])
    point = ManifoldParameter(torch.zeros(2, 2), PoincareBall())
    with torch.no_grad():
        point.weight += 2
    with pytest.raises(ManifoldError, match="weight"):
        RiemannianAdam(point)


def test_geoopt_parameters() -> None:
    geoopt = pytest.importorskip("geoopt")
    manifold = geoopt.PoincareBall()
    point = geoopt.ManifoldParameter(torch.zeros(2, 2), manifold=manifold)
    optimizer = RiemannianAdam([copy.deepcopy(point), point], lr=0.5)
    point.grad = torch.full((2, 2), 7.0)
    for _ in range(20):
        optimizer.step()
    assert point.detach().norm(dim=-1).max().item() < 1
    assert optimizer.describe().lower().count("poincare") == 2


def test_geoopt_runs_on_our_manifolds() -> None:
    geoopt = pytest.importorskip("geoopt")
    m = Lorentz()
    point = geoopt.ManifoldParameter(m.origin(2, 3), manifold=m)
    optimizer = geoopt.optim.RiemannianAdam([point], lr=0.5)
    for _ in range(5):
        optimizer.zero_grad()
        (m.dist0(point) - 2).square().sum().backward()
        optimizer.step()
    assert m.check_point_on_manifold(point.detach())


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ([], ValueError),
        (nn.ReLU(), ValueError),
        ([nn.ReLU()], ValueError),
        ([{"params": nn.ReLU()}], ValueError),
        ([{"lr": 0.1}], ValueError),
        (nn.Parameter(torch.ones(2)), TypeError),
        ({nn.Parameter(torch.ones(2))}, TypeError),
        ([{"params": {nn.Parameter(torch.ones(2))}}], TypeError),
        ([nn.Parameter(torch.ones(2)), {"params": []}], TypeError),
        ([{"params": []}, nn.Parameter(torch.ones(2))], TypeError),
        (["weight"], TypeError),
    ],
)
def test_wrong_parameters(given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        RiemannianSGD(given)


def test_parameter_in_two_groups() -> None:
    p = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="more than one parameter group"):
        RiemannianSGD([{"params": [p]}, {"params": [("again", p)]}])


def test_shared_curvature_is_taken_once() -> None:
    ball = PoincareBall(learnable=True)
    heads = [ManifoldParameter(torch.zeros(1, 2), ball) for _ in range(2)]
    optimizer = RiemannianSGD(heads)
    assert len(optimizer.param_groups[0]["params"]) == 3


def test_names_given_by_the_user_reach_the_checkpoint() -> None:
    optimizer = RiemannianSGD(nn.Linear(2, 2).named_parameters())
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_describe() -> None:
    model = Model()
    optimizer = RiemannianAdam(
        [{"params": model.encoder, "lr": 0.25}, {"params": model.prototypes}]
    )
    header, *rows = optimizer.describe().splitlines()
    assert header.split() == ["parameter", "shape", "dtype", "manifold", "group", "lr"]
    assert [row.split()[0] for row in rows] == ["weight", "bias", "weight"]
    assert "(5, 4)" in rows[2]
    assert "float32" in rows[2]
    assert rows[0].split()[-3:] == ["-", "0", "0.25"]
    assert rows[2].split()[-2:] == ["1", "0.001"]


def test_add_param_group_later() -> None:
    model = Model()
    optimizer = RiemannianSGD(model.encoder)
    optimizer.add_param_group({"params": model.prototypes, "lr": 0.5})
    assert "lorentz(curvature=-0.8)" in optimizer.describe()
