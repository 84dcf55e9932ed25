"""The functional forms: one for each loss, nothing in them that needs a state."""

from __future__ import annotations

import functools

import pytest
import torch

from hyperhier.losses import NTXentLoss, available_losses, functional
from hyperhier.manifolds import Lorentz

OF_PAIRS = ("supcon", "ntxent", "hwc", "hmlc", "la_scl", "sparcl", "pairwise", "hidisc")
WITH_TREE = ("hwc", "hmlc", "la_scl", "sparcl", "hidisc")


@pytest.fixture(params=OF_PAIRS)
def call(request, tree, points, draw):
    """``call(**options)`` is the function on a batch of two views."""
    function = getattr(functional, f"{request.param}_loss")
    batch = [points(Lorentz(), 6, 2), draw(tree, 6)]
    batch += [tree] if request.param in WITH_TREE else []
    return functools.partial(function, *batch, manifold=Lorentz())


def test_every_loss_has_one():
    assert {f"{name}_loss" for name in available_losses()} <= set(functional.__all__)


def test_a_temperature_gets_its_gradient(call):
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(call(temperature=temperature), call(temperature=0.4))
    for size in (None, 5):
        assert torch.autograd.gradcheck(
            lambda t, size=size: call(temperature=t, block_size=size), temperature
        )


@pytest.mark.parametrize("value", [-0.1, 0.0, torch.nan, torch.inf])
def test_a_bad_temperature_is_named(call, value):
    temperature = torch.tensor(value)
    with pytest.raises(ValueError, match=f"positive and finite, got {temperature.item()}$"):
        call(temperature=temperature)


def test_a_temperature_is_not_read_without_validation(call):
    call(temperature=torch.tensor(-0.1), validate=False)


@pytest.mark.parametrize("option", ["memory", "learn_temperature"])
def test_what_needs_a_state_is_refused(call, option):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'"):
        call(**{option: 1})


@pytest.mark.parametrize("weights", ["balanced", torch.arange(1.0, 7.0)])
def test_ntxent_has_class_weights(points, weights):
    z, labels = points(Lorentz(), 6, 2), torch.tensor([0, 0, 0, 1, 2, 5])
    options = {"manifold": Lorentz(), "class_weights": weights}
    value = functional.ntxent_loss(z, labels, **options)
    torch.testing.assert_close(value, NTXentLoss(**options)(z, labels), rtol=0, atol=0)
    assert value != functional.ntxent_loss(z, labels, manifold=Lorentz())
