"""On plain and Euclidean parameters the optimizers are torch's, option by option."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from hyperhier.manifolds import Euclidean
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

SGD_CASES = [
    {"momentum": m, "dampening": d, "weight_decay": w, "nesterov": n, "maximize": x}
    for m, d, w, n, x in product((0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True))
    if not (n and (m == 0 or d != 0))
]
ADAM_CASES = [
    {
        "betas": b,
        "eps": e,
        "weight_decay": w,
        "amsgrad": a,
        "maximize": x,
        "decoupled_weight_decay": k,
    }
    for (b, e), w, a, x, k in product(
        (((0.9, 0.999), 1e-8), ((0.0, 0.5), 1e-2)),
        (0, 0.1),
        (False, True),
        (False, True),
        (False, True),
    )
    if not (k and w == 0)
]
CASES = [(RiemannianSGD, torch.optim.SGD, case) for case in SGD_CASES]
CASES += [(RiemannianAdam, torch.optim.Adam, case) for case in ADAM_CASES]


def start(dtype: torch.dtype) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(4, 3), (5,), (), (0, 3), (2, 3, 4)]
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def loss_of(values: list[torch.Tensor], t: int) -> torch.Tensor:
    """Changes sign and curvature, so that AMSGrad's maximum and every moment matter."""
    return sum(((v - 0.3 * t).sin() * (1.0 + v.square())).sum() for v in values)  # type: ignore[return-value]


def run(optimizer: Any, values: list[Any], steps: int, scheduler: Any = None) -> None:
    for t in range(steps):
        optimizer.zero_grad(set_to_none=t % 3 != 0)
        used = values if t % 4 else values[1:]  # the first has no gradient in some steps
        loss_of(used, t).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def pairs(form: str, dtype: torch.dtype) -> tuple[list[Any], list[Any], list[Any]]:
    """What ours is given, its tensors, and torch's tensors."""
    theirs = [nn.Parameter(v.clone()) for v in start(dtype)]
    if form == "plain":
        ours = [nn.Parameter(v.clone()) for v in start(dtype)]
        return ours, ours, theirs
    vectors = [v for v in start(dtype) if v.dim()]
    modules = [ManifoldParameter(v, Euclidean()) for v in vectors]
    return modules, [m.weight for m in modules], [t for t in theirs if t.dim()]


@pytest.mark.parametrize("form", ["plain", "euclidean"])
@pytest.mark.parametrize(("mine", "torchs", "options"), CASES)
def test_equals_torch(mine: Any, torchs: Any, options: dict[str, Any], form: str) -> None:
    given, ours, theirs = pairs(form, torch.float64)
    run(mine(given, lr=0.05, **options), ours, 20)
    run(torchs(theirs, lr=0.05, foreach=False, **options), theirs, 20)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("mine", "torchs"), [(RiemannianSGD, torch.optim.SGD), (RiemannianAdam, torch.optim.Adam)]
)
def test_equals_torch_to_the_rounding_of_the_dtype(
    mine: Any, torchs: Any, dtype: torch.dtype
) -> None:
    given, ours, theirs = pairs("plain", dtype)
    run(mine(given, lr=0.02), ours, 5)
    run(torchs(theirs, lr=0.02, foreach=False), theirs, 5)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == dtype
        bound = 40 * torch.finfo(dtype).eps
        torch.testing.assert_close(a, b, rtol=bound, atol=bound)


@pytest.mark.parametrize("tensor_lr", [False, True])
@pytest.mark.parametrize(
    ("mine", "torchs", "special"),
    [
        (RiemannianSGD, torch.optim.SGD, {"momentum": 0.5}),
        (RiemannianAdam, torch.optim.Adam, {"betas": (0.5, 0.9)}),
    ],
)
def test_groups_and_scheduler(
    mine: Any, torchs: Any, special: dict[str, Any], tensor_lr: bool
) -> None:
    ours, _, theirs = pairs("plain", torch.float64)

    def groups(values: list[Any]) -> list[dict[str, Any]]:
        return [{"params": values[:2], "lr": 0.1}, {"params": values[2:], **special}]

    def lr() -> Any:  # a scheduler fills a tensor in place
        return torch.tensor(0.03, dtype=torch.float64) if tensor_lr else 0.03

    a, b = mine(groups(ours), lr=lr()), torchs(groups(theirs), lr=lr(), foreach=False)
    for optimizer, values in ((a, ours), (b, theirs)):
        run(optimizer, values, 20, torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.5))
    for x, y in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mine", [RiemannianSGD, RiemannianAdam])
def test_gradients_are_left_as_they_are(mine: Any) -> None:
    euclidean = ManifoldParameter(torch.ones(3, 2), Euclidean())
    values = [nn.Parameter(torch.ones(3, 2)), euclidean.weight]
    optimizer = mine([values[0], euclidean], lr=0.1, weight_decay=0.3, maximize=True)
    grads = [torch.randn(2, 3).t() for _ in values]  # not contiguous
    for p, g in zip(values, grads, strict=True):
        p.grad = g
    before = [g.clone() for g in grads]
    for _ in range(3):
        optimizer.step()
    for p, g, kept in zip(values, grads, before, strict=True):
        assert p.grad is g
        assert torch.equal(g, kept)


def test_momentum_survives_zeroed_gradients() -> None:
    p = nn.Parameter(torch.zeros(2))
    optimizer = RiemannianSGD([p], lr=1.0, momentum=0.5)
    p.grad = torch.ones(2)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    assert torch.equal(p, torch.full((2,), -1.5))


@pytest.mark.parametrize(
    ("mine", "torchs"), [(RiemannianSGD, torch.optim.SGD), (RiemannianAdam, torch.optim.Adam)]
)
def test_continues_a_torch_checkpoint(mine: Any, torchs: Any) -> None:
    options = {"momentum": 0.9} if mine is RiemannianSGD else {"amsgrad": True}
    _, ours, theirs = pairs("plain", torch.float64)
    reference = torchs(theirs, lr=0.05, foreach=False, **options)
    run(reference, theirs, 7)
    optimizer = mine(ours, lr=1.0, **options)
    optimizer.load_state_dict(reference.state_dict())
    with torch.no_grad():
        for a, b in zip(ours, theirs, strict=True):
            a.copy_(b)
            b.grad = None
    run(optimizer, ours, 7)
    run(reference, theirs, 7)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)
