"""Which parameters are decayed, and the learning rate over time."""

from __future__ import annotations

import torch
from torch import nn

from hyperhier.manifolds import Lorentz
from hyperhier.nn import ManifoldParameter
from hyperhier.training.optimiser import learning_rate, make_optimizer


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.points = ManifoldParameter(Lorentz().origin(4, 3), Lorentz(learnable=True))


def test_only_weight_matrices_decay() -> None:
    net = Net()
    optimizer = make_optimizer([net, net], lr=0.1, weight_decay=0.5)
    decayed = [p for g in optimizer.param_groups if g["weight_decay"] for p in g["params"]]
    assert len(decayed) == 1 and decayed[0] is net.linear.weight
    everything = [p for g in optimizer.param_groups for p in g["params"]]
    assert {id(p) for p in everything} == {id(p) for p in net.parameters()}


def test_points_stay_on_their_manifold() -> None:
    net = Net()
    optimizer = make_optimizer([net], lr=0.5, weight_decay=0.5)
    target = Lorentz().from_features(torch.tensor([[2.0, -1.0]]))
    for _ in range(5):
        optimizer.zero_grad()
        loss = Lorentz().dist(net.points(), target).sum() + net.linear.weight.square().sum()
        loss.backward()
        optimizer.step()
    assert Lorentz().check_point_on_manifold(net.points().detach())


def test_it_equals_adamw_on_plain_parameters() -> None:
    torch.manual_seed(0)
    one = nn.Linear(4, 4)
    two = nn.Linear(4, 4)
    two.load_state_dict(one.state_dict())
    ours = make_optimizer([one], lr=0.01, weight_decay=0.1)
    theirs = torch.optim.AdamW(
        [
            {"params": [two.weight], "weight_decay": 0.1},
            {"params": [two.bias], "weight_decay": 0.0},
        ],
        lr=0.01,
    )
    x = torch.randn(8, 4)
    for _ in range(6):
        for net, optimizer in ((one, ours), (two, theirs)):
            optimizer.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(one.weight, two.weight)
    torch.testing.assert_close(one.bias, two.bias)


def test_the_rate_rises_and_falls() -> None:
    rates = [learning_rate(s, 100, 10, 2.0) for s in range(100)]
    assert rates[0] == 0.2 and max(rates) == rates[9] == 2.0
    assert rates[9:] == sorted(rates[9:], reverse=True) and 0 < rates[-1] < 0.01
    assert learning_rate(0, 10, 0, 1.0) == 1.0
