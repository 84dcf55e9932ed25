"""State: checkpoints continue bit by bit, precision and conversions."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from hyperhier.manifolds import Lorentz, PoincareBall
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

OPTIONS = [
    (RiemannianSGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (RiemannianAdam, {"lr": 0.05, "amsgrad": True, "weight_decay": 0.01}),
]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        manifold = Lorentz(0.8, learnable=True)
        generator = torch.Generator().manual_seed(0)
        self.linear = nn.Linear(3, 2)
        with torch.no_grad():
            self.linear.weight.copy_(torch.randn(2, 3, generator=generator))
            self.linear.bias.zero_()
        z = torch.randn(5, 2, generator=generator)
        self.points = ManifoldParameter(manifold.from_features(z), manifold)

    def loss(self, t: int) -> torch.Tensor:
        m, p = self.points.manifold, self.points()
        inputs = torch.linspace(-1, 1, 15).view(5, 3).to(p.dtype) + 0.1 * t
        return m.dist(m.from_features(self.linear(inputs)), p).square().mean()


def run(model: Model, optimizer: Any, first: int, last: int) -> None:
    for t in range(first, last):
        optimizer.zero_grad()
        model.loss(t).backward()
        optimizer.step()


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_checkpoint_continues_bit_by_bit(
    mine: Any, options: dict[str, Any], dtype: torch.dtype
) -> None:
    model = Model().to(dtype)
    optimizer = mine(model, **options)
    run(model, optimizer, 0, 6)
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)

    fresh = Model().to(dtype)
    fresh.load_state_dict(saved["model"])
    resumed = mine(fresh, lr=9.0)
    resumed.load_state_dict(saved["optimizer"])
    run(model, optimizer, 6, 12)
    run(fresh, resumed, 6, 12)
    assert same(model, fresh)
    kept = copy.deepcopy(fresh)
    run(fresh, resumed, 12, 13)
    assert not same(kept, fresh)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_copies_continue_bit_by_bit(mine: Any, options: dict[str, Any], copied: Any) -> None:
    model = Model()
    optimizer = mine(model, **options)
    run(model, optimizer, 0, 4)
    twin, resumed = copied((model, optimizer))
    assert resumed.describe() == optimizer.describe()
    run(model, optimizer, 4, 8)
    run(twin, resumed, 4, 8)
    assert same(model, twin)


def test_loaded_state_shares_no_memory() -> None:
    model = Model()
    optimizer = RiemannianSGD(model, lr=0.1, momentum=0.9)
    run(model, optimizer, 0, 2)
    state = optimizer.state_dict()
    twin = Model()
    resumed = RiemannianSGD(twin, lr=0.1, momentum=0.9)
    resumed.load_state_dict(state)
    for entry in state["state"].values():
        entry["momentum_buffer"].fill_(float("nan"))
    run(twin, resumed, 2, 3)
    assert twin.points().isfinite().all()


def test_a_checkpoint_of_another_shape_is_refused() -> None:
    optimizer = RiemannianAdam(Model())
    other = RiemannianAdam(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="group"):
        other.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_the_state_follows_a_conversion(mine: Any, options: dict[str, Any]) -> None:
    model = Model()
    optimizer = mine(model, **options)
    run(model, optimizer, 0, 3)
    model.double()
    run(model, optimizer, 3, 6)
    assert model.points().dtype == torch.float64
    assert model.points.manifold.check_point_on_manifold(model.points())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("cls", [PoincareBall, Lorentz])
@pytest.mark.parametrize(("mine", "options"), OPTIONS)
def test_half_precision(mine: Any, options: dict[str, Any], cls: Any, dtype: torch.dtype) -> None:
    """Points stay on the manifold; the moments are kept in more than half precision."""
    m = cls()
    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    points = ManifoldParameter(m.from_features(z.to(dtype)), m)
    plain = nn.Parameter(torch.ones(3, dtype=dtype))
    optimizer = mine([points, plain], **options)
    for _ in range(40):
        optimizer.zero_grad()
        ((m.dist0(points()) - 2.0).square().sum() + plain.square().sum()).backward()
        optimizer.step()
        assert m.check_point_on_manifold(points())
    assert points().dtype == dtype
    torch.testing.assert_close(m.dist0(points()).float(), torch.full((6,), 2.0), atol=0.3, rtol=0)
    for p, expected in ((points.weight, torch.float64), (plain, torch.float32)):
        moments = [v for k, v in optimizer.state[p].items() if k != "step"]
        assert moments
        assert all(v.dtype == expected for v in moments)


def test_small_steps_add_up_in_half_precision_moments() -> None:
    """A float16 moment would lose gradients below 6e-8; a float32 one keeps them."""
    p = nn.Parameter(torch.ones(1, dtype=torch.float16))
    optimizer = RiemannianAdam([p], lr=0.01, eps=0.0)
    p.grad = torch.full((1,), 2e-5, dtype=torch.float16)
    for _ in range(5):
        optimizer.step()
    assert p.item() == pytest.approx(0.95, abs=2e-3)
