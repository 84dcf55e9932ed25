"""Sums of losses from a text."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from hyperhier.losses import (
    CombinedLoss,
    HWCLoss,
    LAMLoss,
    NTXentLoss,
    SupConLoss,
    available_losses,
    make_loss,
)
from hyperhier.manifolds import Euclidean, Lorentz


def test_every_name_makes_its_loss(tree, manifold):
    kinds = {"hwc": HWCLoss, "lam": LAMLoss, "ntxent": NTXentLoss, "supcon": SupConLoss}
    assert set(kinds) <= set(available_losses())
    for name, kind in kinds.items():
        loss = make_loss(name, tree, manifold)
        assert type(loss.terms[name]) is kind
        assert loss.weights == {name: 1.0}
        assert loss.terms[name].manifold is manifold


@pytest.mark.parametrize("views", [(), (2,)])
def test_value_is_the_weighted_sum(tree, manifold, points, draw, views):
    z, labels = points(manifold, 8, *views), draw(tree, 8)
    loss = make_loss(" HWC + 0.5 * lam", tree, manifold, temperature=0.4, margin=2.0, momentum=0.3)
    value = loss(z, labels)
    hwc = HWCLoss(tree, manifold=manifold, temperature=0.4)(z, labels)
    lam = LAMLoss(tree, manifold=manifold, margin=2.0, momentum=0.3)(z, labels)
    torch.testing.assert_close(value, hwc + 0.5 * lam)
    torch.testing.assert_close(loss.components, {"hwc": hwc, "lam": lam})


def test_components_are_detached(tree, points, draw):
    loss = make_loss("hwc+lam", tree, Lorentz())
    value = loss(points(Lorentz(), 8).requires_grad_(), draw(tree, 8))
    assert value.requires_grad
    assert not any(v.requires_grad for v in loss.components.values())


def test_unreduced_sum(tree, points, draw):
    z, labels = points(Lorentz(), 8, 2), draw(tree, 8)
    loss = make_loss("hwc+2*lam", tree, Lorentz(), reduction="none")
    value = loss(z, labels)
    assert value.shape == (8, 2)
    torch.testing.assert_close(value, loss.components["hwc"] + 2 * loss.components["lam"])


def test_all_arguments_reach_every_term(tree):
    class Echo(nn.Module):
        def forward(self, *arguments):
            self.arguments = arguments
            return torch.zeros(())

    terms = {"one": Echo(), "two": Echo()}
    CombinedLoss(terms, {"two": 3.0})(1, 2, 3, 4, 5)
    assert all(term.arguments == (1, 2, 3, 4, 5) for term in terms.values())


def test_each_option_goes_where_it_is_accepted(tree):
    loss = make_loss("hwc+lam+supcon", tree, Euclidean(), temperature=0.7, momentum=0.2, alpha=3.0)
    assert loss.terms["hwc"].temperature == loss.terms["supcon"].temperature == 0.7
    assert loss.terms["hwc"].alpha == 3.0
    assert loss.terms["lam"].bank.momentum == 0.2


def test_taxonomy_only_where_it_is_needed(tree):
    make_loss("supcon+ntxent", None, "lorentz")
    with pytest.raises(ValueError, match="loss 'lam' needs a taxonomy"):
        make_loss("supcon+lam", None, Lorentz())


@pytest.mark.parametrize(
    ("spec", "options", "error", "message"),
    [
        ("hwd", {}, ValueError, "unknown loss 'hwd' in 'hwd'; known: "),
        ("", {}, ValueError, "unknown loss ''"),
        ("hwc+", {}, ValueError, r"unknown loss '' in 'hwc\+'"),
        ("hwc+hwc", {}, ValueError, "'hwc' appears twice"),
        ("x*lam", {}, ValueError, "'x' is no weight"),
        ("-1*lam", {}, ValueError, "weights must be finite and at least 0, got -1.0"),
        ("inf*lam", {}, ValueError, "weights must be finite"),
        ("supcon", {"alpha": 1.0}, TypeError, "no loss of 'supcon' accepts the option 'alpha'"),
        ("hwc+lam", {"tau": 1.0}, TypeError, "accepts the option 'tau'; known: .*temperature"),
        ("hwc", {"taxonomy": 1}, TypeError, "taxonomy"),
    ],
)
def test_bad_texts_and_options_are_named(tree, spec, options, error, message):
    with pytest.raises(error, match=message):
        make_loss(spec, tree, Lorentz(), **options)


def test_nothing_to_sum():
    with pytest.raises(ValueError, match="at least one loss"):
        CombinedLoss({})
    with pytest.raises(ValueError, match=r"weights for \['b'\]"):
        CombinedLoss({"a": nn.Identity()}, {"b": 1.0})


def test_state_and_copies(tree, points, draw):
    z, labels = points(Lorentz(), 8), draw(tree, 8)
    loss = make_loss("hwc+lam", tree, Lorentz())
    loss(z, labels)
    fresh = make_loss("hwc+lam", tree, Lorentz())
    fresh.load_state_dict(loss.state_dict())
    loss.eval()
    for twin in (fresh.eval(), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(twin(z, labels), loss(z, labels), rtol=0, atol=0)
    assert "1*hwc + 1*lam" in repr(loss)
