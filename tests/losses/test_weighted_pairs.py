"""The contrastive baselines that weigh pairs by a taxonomy, against plain transcriptions."""

from __future__ import annotations

import functools
import math

import pytest
import torch

from hyperhier.losses import HMLCLoss, LASCLLoss, PairwiseLoss, SpARCLLoss, SupConLoss
from hyperhier.losses.functional import hmlc_loss, la_scl_loss, pairwise_loss, sparcl_loss
from hyperhier.manifolds import Euclidean, Sphere

TAU = 0.3
TREE_LOSSES = (HMLCLoss, LASCLLoss, SpARCLLoss)


def plain(s, labels, logit, weight, denominator):
    """The mean over anchors of the weighted mean over positives, pair by pair."""
    values = []
    for i in range(len(labels)):
        others = [j for j in range(len(labels)) if j != i]
        total, mass = 0.0, 0.0
        for p in others:
            w = weight(i, p)
            if not w:
                continue
            rest = sum(math.exp(logit(s, i, a)) for a in denominator(i, p, others))
            total += w * (math.log(rest) - logit(s, i, p))
            mass += w
        if mass:
            values.append(total / mass)
    return sum(values) / len(values) if values else 0.0


@pytest.fixture
def batch(manifold, tree, points, draw):
    x, labels = points(manifold, 14), draw(tree, 14)
    if manifold.supports_cosine:
        unit = torch.nn.functional.normalize(x, dim=-1)
        s = unit @ unit.mT
    else:
        s = -manifold.dist_matrix(x, x)
    return manifold, x, labels, s.tolist()


def test_la_scl_scales_negatives_inside_the_softmax(batch, tree):
    manifold, x, labels, s = batch
    kappa = tree.kappa(labels[:, None], labels[None]).tolist()
    same = (labels[:, None] == labels[None]).tolist()

    def logit(s, i, j):
        return s[i][j] / TAU * (1.0 if same[i][j] else 1 + 0.7 * (1 - kappa[i][j]))

    expected = plain(s, labels, logit, lambda i, p: float(same[i][p]), lambda i, p, others: others)
    value = la_scl_loss(x, labels, tree, manifold=manifold, beta=0.7, temperature=TAU)
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_sparcl_weighs_every_pair_outside_the_softmax(batch, tree):
    manifold, x, labels, s = batch
    steps = tree.distance(labels[:, None], labels[None]).tolist()
    expected = plain(
        s,
        labels,
        lambda s, i, j: s[i][j] / TAU,
        lambda i, p: math.exp(-0.8 * steps[i][p] / 2),
        lambda i, p, others: others,
    )
    value = sparcl_loss(x, labels, tree, manifold=manifold, gamma=0.8, temperature=TAU)
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_pairwise_sets_each_positive_against_the_negatives(batch):
    manifold, x, labels, s = batch
    expected = plain(
        s,
        labels,
        lambda s, i, j: s[i][j] / TAU,
        lambda i, p: float(labels[i] == labels[p]),
        lambda i, p, others: [p, *(a for a in others if labels[a] != labels[i])],
    )
    value = pairwise_loss(x, labels, manifold=manifold, temperature=TAU)
    assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("thin_out", [False, True])
@pytest.mark.parametrize("constraint", [False, True])
def test_hmlc_sums_the_levels(batch, tree, constraint, thin_out):
    manifold, x, labels, s = batch
    kept = list(range(len(labels)))
    total, greatest = 0.0, -math.inf
    for k, level in enumerate(range(tree.height, 0, -1), start=1):
        node = tree.ancestor_at(level, labels).tolist()
        sub = [[s[i][j] for j in kept] for i in kept]
        own = [node[i] for i in kept]
        mean = plain(
            sub,
            own,
            lambda s, i, j: s[i][j] / TAU,
            lambda i, p, own=own: float(own[i] == own[p]),
            lambda i, p, others: others,
        )
        greatest = max(greatest, mean)
        total += 2 ** (1 / k) * (greatest if constraint else mean) / tree.height
        if thin_out:
            kept = [i for i in kept if node[i] not in [node[j] for j in kept if j < i]]
    value = hmlc_loss(
        x, labels, tree, manifold=manifold, temperature=TAU, constraint=constraint,
        thin_out=thin_out,
    )  # fmt: skip
    assert value.item() == pytest.approx(total, rel=1e-9)


def test_without_their_weights_they_are_supcon(batch, tree):
    manifold, x, labels, _ = batch
    supcon = SupConLoss(manifold=manifold, temperature=TAU)(x, labels)
    flat = LASCLLoss(tree, manifold=manifold, beta=0.0, temperature=TAU)(x, labels)
    steep = SpARCLLoss(tree, manifold=manifold, gamma=200.0, temperature=TAU)(x, labels)
    assert torch.allclose(flat, supcon, rtol=1e-12)
    assert torch.allclose(steep, supcon, rtol=1e-9)


def test_with_one_positive_each_pairwise_is_supcon():
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    manifold = Euclidean()
    assert torch.allclose(
        PairwiseLoss(manifold=manifold)(x, labels), SupConLoss(manifold=manifold)(x, labels)
    )


@pytest.mark.parametrize(
    ("loss", "options"),
    [*((loss, {}) for loss in (*TREE_LOSSES, PairwiseLoss)), (HMLCLoss, {"thin_out": True})],
)
def test_blocks_give_the_loss_and_gradient_of_the_whole_table(loss, options, tree, points, draw):
    manifold, labels = Sphere(), draw(tree, 17)
    made = loss if loss is PairwiseLoss else functools.partial(loss, tree)
    grads, values = [], []
    for size in (None, 4):
        x = points(manifold, 17).requires_grad_()
        value = made(manifold=manifold, block_size=size, **options)(x, labels)
        value.backward()
        grads.append(x.grad)
        values.append(value.detach())
    assert torch.allclose(values[0], values[1], rtol=1e-12)
    assert torch.allclose(grads[0], grads[1], atol=1e-12)


@pytest.mark.parametrize("loss", [*TREE_LOSSES, PairwiseLoss])
def test_odd_batches_give_finite_values_and_gradients(loss, tree):
    manifold = Sphere()
    made = loss(manifold=manifold) if loss is PairwiseLoss else loss(tree, manifold=manifold)
    leaf = int(tree.leaf_ids[0])
    for labels in ([], [leaf], [leaf] * 4, tree.leaf_ids.tolist()):
        x = torch.eye(3)[torch.arange(len(labels)) % 3].reshape(-1, 3).requires_grad_()
        value = made(x, torch.tensor(labels, dtype=torch.long))
        value.backward()
        assert bool(value.isfinite()) and bool(x.grad.isfinite().all())
        if len(labels) < 2:
            assert value == 0


@pytest.mark.parametrize(("loss", "option"), [(LASCLLoss, "beta"), (SpARCLLoss, "gamma")])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_bad_strengths_are_named(loss, option, value, tree):
    with pytest.raises(ValueError, match=f"{option} must be finite and at least 0"):
        loss(tree, manifold="sphere", **{option: value})


def test_hmlc_on_a_tree_of_one_node_is_zero():
    from hyperhier.taxonomy import Taxonomy

    tree = Taxonomy.from_paths([("r",)])
    x = torch.eye(3).requires_grad_()
    value = HMLCLoss(tree, manifold="sphere")(x, torch.zeros(3, dtype=torch.long))
    value.backward()
    assert value == 0 and bool((x.grad == 0).all())
