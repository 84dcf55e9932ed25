"""Sums over classes give what the table of pairs gives, in value and gradient."""

from __future__ import annotations

import pytest
import torch

from hyperhier.losses import HMLCLoss, HWCLoss, Relation, Terms
from hyperhier.losses._class_sums import Classes, ClassTerms, softmax_by_class
from hyperhier.losses._reduce import softmax_loss
from hyperhier.manifolds import Lorentz

LOSSES = {
    "hwc": lambda tree, **options: HWCLoss(tree, alpha=0.7, beta=1.3, **options),
    "hwc, levels": lambda tree, **options: HWCLoss(tree, level_decay=0.5, **options),
    "hwc, near": lambda tree, **options: HWCLoss(
        tree, negatives="near", level_decay=1.0, beta=10.0, **options
    ),
    "hmlc": HMLCLoss,
    "hmlc, free": lambda tree, **options: HMLCLoss(tree, constraint=False, **options),
}


@pytest.fixture(params=sorted(LOSSES))
def build(request: pytest.FixtureRequest):
    return LOSSES[request.param]


def both_ways(loss, z, call, monkeypatch):
    """Value and gradients, by sums over classes and by pairs."""
    found = []
    between_classes = Relation.between_classes
    for by_pairs in (False, True):
        if by_pairs:
            monkeypatch.setattr(Relation, "between_classes", lambda self: None)
        x = z.clone().requires_grad_()
        value = call(loss, x)
        grads = torch.autograd.grad(value.sum(), (x, *loss.parameters()))
        found.append((value, *grads))
        monkeypatch.setattr(Relation, "between_classes", between_classes)
    return found


def same(one, other):
    torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("block_size", [None, 3])
def test_as_by_pairs(build, manifold, tree, points, draw, block_size, reduction, monkeypatch):
    loss = build(
        tree, manifold=manifold, learn_temperature=True, block_size=block_size, reduction=reduction
    ).double()
    z, labels = points(manifold, 9, 2), draw(tree, 9)
    same(*both_ways(loss, z, lambda loss, x: loss(x, labels), monkeypatch))


def test_as_by_pairs_with_a_reference_set(build, manifold, tree, points, draw, monkeypatch):
    loss = build(tree, manifold=manifold)
    z, ref = points(manifold, 9), points(manifold, 7, seed=1)
    labels, ref_labels = draw(tree, 9), draw(tree, 7, seed=1)
    same(*both_ways(loss, z, lambda loss, x: loss(x, labels, ref, ref_labels), monkeypatch))


def test_as_by_pairs_with_a_memory(build, tree, points, draw, monkeypatch):
    loss = build(tree, manifold=Lorentz(), memory=6)
    earlier, labels = points(Lorentz(), 6, seed=1), draw(tree, 9)

    def call(loss, x):
        loss.memory.reset()
        loss(earlier, labels[:6])
        return loss(x, labels)

    same(*both_ways(loss, points(Lorentz(), 9), call, monkeypatch))


def test_an_inner_label_is_neither_positive_nor_negative(tree, points, monkeypatch):
    z, labels = points(Lorentz(), 6), tree.encode(["a", "a1", "a1x", "a1y", "b1x", "b1x"])
    for partial in ("leave_out", "negative"):
        loss = HWCLoss(tree, manifold=Lorentz(), partial=partial, level_decay=0.5)
        same(*both_ways(loss, z, lambda loss, x: loss(x, labels), monkeypatch))


def test_the_pairs_are_not_formed_on_every_level(tree, points, draw):
    """What one loss returns: sums over classes where the classes tell all, else pairs."""
    kinds = []

    class Spy(HWCLoss):
        def pairs(self, s, relation):
            kinds.append(type(super().pairs(s, relation)))
            return super().pairs(s, relation)

    z, labels = points(Lorentz(), 6, 2), draw(tree, 6)
    pair = tuple(torch.tensor([k]) for k in (0, 1, 2))
    Spy(tree, manifold=Lorentz())(z, labels)
    Spy(tree, manifold=Lorentz(), positives="views")(z, labels)
    Spy(tree, manifold=Lorentz())(z, labels, indices_tuple=pair)
    Spy(tree, manifold=Lorentz())(z, torch.eye(len(tree), dtype=torch.bool)[labels])
    assert kinds == [ClassTerms, list, list, list]


@pytest.mark.parametrize("far", [1e2, 1e4])
def test_far_candidates_do_not_underflow(far):
    """The nearest candidate sets the scale: float32 has the gradient of float64."""
    logits = torch.tensor([[0.0, -far, -far - 1, -2 * far]], requires_grad=True)
    exact = logits.detach().double().requires_grad_()
    row, column = torch.tensor([0]), torch.tensor([0, 0, 0, 1])
    allowed = torch.tensor([[False, True, True, True]])
    classes = Classes(row, row, torch.tensor([0, 1]), column)
    positive = torch.tensor([[True, False]])
    by_class, has = softmax_by_class(ClassTerms(logits, classes, [positive], [None]), allowed)
    by_pairs, _ = softmax_loss(Terms(exact, positive[row][:, column]), allowed)
    assert bool(has.all())
    (one,) = torch.autograd.grad(by_class.sum(), logits)
    (other,) = torch.autograd.grad(by_pairs.sum(), exact)
    torch.testing.assert_close(one.double(), other, rtol=1e-6, atol=1e-8)
    assert by_class.item() == pytest.approx(by_pairs.item(), abs=1e-7 * far)


def test_nothing_to_compare():
    """No candidate at all, no other candidate, no positive: zero, and a gradient of zero."""
    empty = torch.zeros(0, dtype=torch.long)
    none = torch.zeros(1, 0)
    classes = Classes(torch.tensor([0]), torch.tensor([0]), empty, empty)
    terms = ClassTerms(none, classes, [none.bool()], [None])
    losses, has = softmax_by_class(terms, none.bool())
    assert losses.tolist() == [[0.0]] and not has.any()
    logits = torch.zeros(2, 2, requires_grad=True)
    pair = torch.arange(2)
    terms = ClassTerms(logits, Classes(pair, pair, pair, pair), [torch.eye(2).bool()], [None])
    for allowed in (torch.zeros(2, 2).bool(), ~torch.eye(2).bool()):
        losses, has = softmax_by_class(terms, allowed)
        assert losses.tolist() == [[0.0], [0.0]] and not has.any()
        (gradient,) = torch.autograd.grad(losses.sum(), logits)
        assert gradient.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    losses, has = softmax_by_class(ClassTerms(logits, terms.classes, [], []), allowed)
    assert losses.shape == has.shape == (2, 0)
