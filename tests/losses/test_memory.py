"""Samples of earlier batches as candidates."""

from __future__ import annotations

import copy

import pytest
import torch

from hyperhier.losses import HWCLoss, SupConLoss
from hyperhier.manifolds import Lorentz, Sphere


def batches(manifold, tree, count, size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        z = torch.randn(size, 3, generator=generator, dtype=torch.float64)
        pick = torch.randint(len(tree.leaf_ids), (size,), generator=generator)
        yield manifold.from_features(z), tree.leaf_ids[pick]


def test_the_memory_adds_candidates_but_no_anchors(tree):
    manifold = Lorentz()
    (a, la), (b, lb) = batches(manifold, tree, 2)
    loss = HWCLoss(tree, manifold=manifold, memory=5)
    loss(a, la)
    value = loss(b, lb)

    s = -manifold.dist_matrix(b, torch.cat((b, a))) / loss.temperature
    labels = torch.cat((lb, la))
    kappa = tree.kappa(lb[:, None], labels[None])
    same = lb[:, None] == labels[None]
    s = s + torch.where(same, 1 + kappa, 2 - kappa).log()
    terms = []
    for i in range(5):
        others = [j for j in range(10) if j != i]
        positives = [j for j in others if same[i, j]]
        if positives:
            terms.append(s[i, others].logsumexp(0) - s[i, positives].mean())
    assert torch.allclose(value, torch.stack(terms).mean(), rtol=1e-9)


def test_the_memory_keeps_the_newest(tree):
    manifold = Sphere()
    loss = SupConLoss(manifold=manifold, memory=7)
    seen = list(batches(manifold, tree, 3))
    for x, labels in seen:
        loss(x, labels)
    points, labels = loss.memory.content()
    assert torch.equal(points, torch.cat((seen[2][0], seen[1][0]))[:7])
    assert torch.equal(labels, torch.cat((seen[2][1], seen[1][1]))[:7])


def test_evaluation_and_reference_sets_leave_it_alone(tree):
    manifold = Sphere()
    loss = SupConLoss(manifold=manifold, memory=4)
    x, labels = next(iter(batches(manifold, tree, 1)))
    loss(x, labels, x, labels)
    loss.eval()
    loss(x, labels)
    assert len(loss.memory.points) == 0


def test_it_is_saved_copied_and_forgotten(tree):
    manifold = Sphere()
    loss = SupConLoss(manifold=manifold, memory=4)
    x, labels = next(iter(batches(manifold, tree, 1)))
    loss(x, labels)
    other = SupConLoss(manifold=manifold, memory=4)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.memory.points, loss.memory.points.to(other.memory.points))
    assert torch.equal(copy.deepcopy(loss).memory.labels, loss.memory.labels)
    loss.memory.reset()
    assert len(loss.memory.points) == 0


def test_without_a_memory_the_state_is_empty():
    assert not SupConLoss(manifold="sphere").state_dict()


@pytest.mark.parametrize("size", [-1, 2.5, True])
def test_bad_sizes_are_named(size):
    with pytest.raises(ValueError, match="memory must be a whole number"):
        SupConLoss(manifold="sphere", memory=size)


def test_several_labels_are_refused_at_once(tree):
    loss = SupConLoss(manifold="sphere", memory=4)
    several = torch.ones(3, len(tree), dtype=torch.bool)
    with pytest.raises(ValueError, match="a memory is not defined for samples with"):
        loss(torch.eye(3), several)
    assert len(loss.memory.points) == 0
    loss.eval()
    assert loss(torch.eye(3), several) > 0


def test_another_width_is_named(tree):
    loss = SupConLoss(manifold="sphere", memory=4)
    loss(torch.eye(3), torch.tensor([0, 0, 1]))
    with pytest.raises(ValueError, match="the memory holds points of 3 coordinates"):
        loss(torch.eye(4), torch.tensor([0, 0, 1, 1]))
