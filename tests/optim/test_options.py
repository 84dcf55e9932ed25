"""Options are used or refused, never ignored."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hyperhier.errors import ManifoldError
from hyperhier.manifolds import PoincareBall
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

BOTH = [RiemannianSGD, RiemannianAdam]


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))]


@pytest.mark.parametrize("mine", BOTH)
@pytest.mark.parametrize("option", ["foreach", "fused", "differentiable"])
def test_unsupported_options_are_named(mine: Any, option: str) -> None:
    with pytest.raises(ValueError, match=option):
        mine(parameters(), lr=0.1, **{option: True})
    with pytest.raises(ValueError, match=option):
        mine([{"params": parameters(), option: True}], lr=0.1)
    mine(parameters(), lr=0.1, **{option: False})


def test_capturable_is_refused() -> None:
    with pytest.raises(ValueError, match="capturable"):
        RiemannianAdam(parameters(), capturable=True)


@pytest.mark.parametrize("mine", BOTH)
def test_unknown_option(mine: Any) -> None:
    with pytest.raises(TypeError, match="stabilize"):
        mine(parameters(), lr=0.1, stabilize=10)


@pytest.mark.parametrize(
    ("mine", "options", "message"),
    [
        (RiemannianSGD, {"lr": -1.0}, "Invalid learning rate: -1.0"),
        (RiemannianAdam, {"lr": float("nan")}, "Invalid learning rate: nan"),
        (RiemannianSGD, {"lr": torch.ones(2)}, "Tensor lr must be 1-element"),
        (RiemannianSGD, {"lr": torch.ones(1, requires_grad=True)}, "requires a gradient"),
        (RiemannianSGD, {"momentum": -0.1}, "Invalid momentum value: -0.1"),
        (RiemannianSGD, {"weight_decay": -0.1}, "Invalid weight_decay value: -0.1"),
        (RiemannianSGD, {"nesterov": True}, "Nesterov momentum requires"),
        (RiemannianSGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov"),
        (RiemannianAdam, {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        (RiemannianAdam, {"betas": (1.0, 0.9)}, "index 0: 1.0"),
        (RiemannianAdam, {"betas": (0.9, -0.1)}, "index 1: -0.1"),
        (RiemannianAdam, {"betas": 0.9}, "two numbers"),
        (RiemannianAdam, {"weight_decay": -0.1}, "Invalid weight_decay value: -0.1"),
        (RiemannianAdam, {"decay": "none"}, "decay must be 'geodesic' or 'ambient', got 'none'"),
    ],
)
def test_values_out_of_range(mine: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        mine(parameters(), **options)
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        mine([{"params": parameters(), **options}])


def test_options_that_are_no_numbers() -> None:
    with pytest.raises(TypeError, match=r"lr must be a number, got '0\.1'"):
        RiemannianSGD(parameters(), lr="0.1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="momentum"):
        RiemannianSGD(parameters(), momentum=None)  # type: ignore[arg-type]


def test_tensor_betas() -> None:
    betas = (torch.tensor(0.5), torch.tensor(0.75))
    groups = [{"params": parameters(), "betas": betas}]
    assert RiemannianAdam(groups).param_groups[0]["betas"] == (0.5, 0.75)  # type: ignore[arg-type]


@pytest.mark.parametrize("mine", BOTH)
def test_sparse_and_complex(mine: Any) -> None:
    p = nn.Parameter(torch.ones(2, 2))
    p.grad = torch.ones(2, 2).to_sparse()
    with pytest.raises(RuntimeError, match="sparse"):
        mine([p], lr=0.1).step()
    with pytest.raises(TypeError, match="complex"):
        mine([nn.Parameter(torch.ones(2, dtype=torch.complex64))], lr=0.1)


@pytest.mark.parametrize("mine", BOTH)
def test_check_finite(mine: Any) -> None:
    first, second = (
        nn.Parameter(torch.ones(2)),
        ManifoldParameter(torch.zeros(3, 2), PoincareBall()),
    )
    optimizer = mine([first, second], lr=0.1, check_finite=True)
    first.grad, second.weight.grad = torch.ones(2), torch.ones(3, 2)
    second.weight.grad[1, 0] = float("nan")
    with pytest.raises(ManifoldError, match="1 entries of 6"):
        optimizer.step()
    assert torch.equal(first, torch.ones(2))
    assert not optimizer.state


@pytest.mark.parametrize("mine", BOTH)
def test_nan_gradients_spoil_only_their_own_points(mine: Any) -> None:
    points = ManifoldParameter(torch.zeros(3, 2), PoincareBall())
    optimizer = mine(points, lr=0.1)
    points.weight.grad = torch.ones(3, 2)
    points.weight.grad[1] = float("nan")
    optimizer.step()
    assert points().isnan().all(-1).tolist() == [False, True, False]


@pytest.mark.parametrize("mine", BOTH)
def test_closure(mine: Any) -> None:
    p = nn.Parameter(torch.ones(2))
    optimizer = mine([p], lr=0.1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2.0
    assert float(p.detach().square().sum()) < 2.0
    assert optimizer.step() is None
