"""Soft labels: the formula, its ends, labels that are not leaves."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from hyperhier.errors import TaxonomyError
from hyperhier.losses.soft_labels import SoftLabelsLoss, soft_labels_loss
from hyperhier.manifolds import Euclidean
from hyperhier.taxonomy import Taxonomy

NAMES = ["a1x", "d", "b1y", "a1x", "a2x"]


def logits_of(tree, n):
    generator = torch.Generator().manual_seed(1)
    return 3 * torch.randn(n, len(tree.leaves), generator=generator, dtype=torch.float64)


def plain_share(tree, name, beta):
    """Leaf -> share of the label, from names alone."""

    def lineage(v):
        return [v, *tree.ancestors(v)]

    def height(v):
        below = [x for x in tree.leaves if v in lineage(x)]
        return max(len(lineage(x)) for x in below) - len(lineage(v))

    raw = {}
    for leaf in tree.leaves:
        common = next(v for v in lineage(leaf) if v in lineage(name))
        raw[leaf] = math.exp(-beta * height(common) / height(tree.root))
    return {leaf: value / sum(raw.values()) for leaf, value in raw.items()}


def plain_soft_labels(logits, names, tree, beta):
    total = 0.0
    for row, name in zip(logits.tolist(), names, strict=True):
        log_mass = math.log(sum(math.exp(x) for x in row))
        share = plain_share(tree, name, beta)
        total -= sum(share[leaf] * (x - log_mass) for leaf, x in zip(tree.leaves, row, strict=True))
    return total / len(names)


@pytest.mark.parametrize("beta", [0.0, 4.0, 30.0])
def test_equals_the_formula(tree, beta):
    names = [*NAMES, "a", "b1"]
    logits = logits_of(tree, len(names))
    got = soft_labels_loss(logits, tree.encode(names), tree, beta=beta)
    assert float(got) == pytest.approx(plain_soft_labels(logits, names, tree, beta), rel=1e-12)


def test_labels_are_those_of_the_taxonomy(tree):
    logits, which = logits_of(tree, 6), torch.arange(6)
    expected = F.cross_entropy(logits, tree.label_smoothing(4.0)[which])
    got = soft_labels_loss(logits, tree.leaf_ids, tree, beta=4.0)
    torch.testing.assert_close(got, expected)


def test_a_large_beta_is_the_cross_entropy_of_the_leaf(tree):
    logits, which = logits_of(tree, 9), torch.arange(9) % 6
    got = soft_labels_loss(logits, tree.leaf_ids[which], tree, beta=1e4)
    torch.testing.assert_close(got, F.cross_entropy(logits, which))


def test_an_inner_label_shares_alike_among_its_leaves(tree):
    logits = logits_of(tree, 1)
    got = soft_labels_loss(logits, tree.encode(["b1"]), tree, beta=1e4)
    below = torch.isin(tree.leaf_ids, tree.encode(["b1x", "b1y"]))
    torch.testing.assert_close(got, -logits.log_softmax(dim=1)[0, below].mean())


def test_class_form(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    loss = SoftLabelsLoss(tree, manifold=manifold, dim=3, temperature=0.3, beta=6.0).double()
    logits = -manifold.dist_matrix(z, loss.classes.points()) / 0.3
    torch.testing.assert_close(loss(z, labels), soft_labels_loss(logits, labels, tree, beta=6.0))
    assert "beta=6.0" in repr(loss)


def test_views_and_selections(tree, points):
    z, labels = points(Euclidean(), len(NAMES), 2), tree.encode(NAMES)
    loss = SoftLabelsLoss(tree, manifold="euclidean", dim=3, reduction="none")
    each = loss(z, labels)
    assert each.shape == (5, 2)
    loss.reduction = "mean"
    rows = torch.tensor([0, 7])
    torch.testing.assert_close(
        loss(z, labels, indices_tuple=(rows, rows, rows)), each.flatten()[rows].mean()
    )


def test_a_step_downhill_lowers_the_loss(manifold, tree, points):
    loss, labels = SoftLabelsLoss(tree, manifold=manifold, dim=3), tree.encode(NAMES)
    z = points(manifold, len(NAMES), dtype=torch.float32)
    before = loss(z, labels)
    before.backward()
    weight = loss.classes.points.weight
    with torch.no_grad():
        slope = manifold.egrad2rgrad(weight, weight.grad)
        weight.copy_(manifold.expmap(weight, -0.01 * slope))
    assert float(loss(z, labels).detach()) < float(before.detach())


def test_root_empty_batch_and_one_node(tree):
    logits = logits_of(tree, 2).requires_grad_()
    only_root = soft_labels_loss(logits, tree.encode(["r", "r"]), tree)
    assert float(only_root.detach()) == 0.0
    only_root.backward()
    assert (logits.grad == 0).all()
    empty = soft_labels_loss(logits[:0], torch.zeros(0, dtype=torch.long), tree)
    assert float(empty.detach()) == 0.0 and empty.requires_grad
    one = Taxonomy.from_paths([("only",)])
    assert float(soft_labels_loss(torch.ones(3, 1), torch.zeros(3, dtype=torch.long), one)) == 0.0


def test_several_parents_use_the_deepest_common_ancestor():
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("b", "y")])
    logits = torch.randn(2, 2, dtype=torch.float64)
    expected = F.cross_entropy(logits, dag.label_smoothing(3.0))
    torch.testing.assert_close(soft_labels_loss(logits, dag.leaf_ids, dag, beta=3.0), expected)


def test_half_precision_and_large_logits(tree):
    logits = torch.full((1, 6), -6e4, dtype=torch.float16)
    logits[0, 2] = 6e4
    loss = soft_labels_loss(logits, tree.encode(["d"]), tree)
    assert loss.dtype == torch.float32 and loss.isfinite()


def test_bad_input(tree):
    for beta in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="beta"):
            SoftLabelsLoss(tree, manifold="euclidean", dim=3, beta=beta)
    with pytest.raises(ValueError, match="one column per leaf"):
        soft_labels_loss(torch.zeros(1, 7), tree.encode(["d"]), tree)
    with pytest.raises(TaxonomyError, match="12"):
        soft_labels_loss(torch.zeros(1, 6), torch.tensor([12]), tree)
