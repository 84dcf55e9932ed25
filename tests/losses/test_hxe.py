"""Hierarchical cross-entropy: its formula, the released code's weights, its class points."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from hyperhier.errors import TaxonomyError
from hyperhier.losses.hxe import HXELoss, hxe_loss
from hyperhier.manifolds import Euclidean, Lorentz
from hyperhier.nn import ManifoldParameter
from hyperhier.taxonomy import Taxonomy

NAMES = ["a1x", "d", "b1y", "a1x", "a2x", "a", "b1"]  # two inner nodes among them


def logits_of(tree, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n, len(tree.leaves), generator=generator, dtype=torch.float64)


def leaves_below(tree, name):
    return [leaf for leaf in tree.leaves if name in (leaf, *tree.ancestors(leaf))]


def height_of(tree, name):
    return max(len(tree.ancestors(leaf)) for leaf in leaves_below(tree, name)) - len(
        tree.ancestors(name)
    )


def plain_hxe(logits, names, tree, alpha, weighting):
    """One edge of the tree after the other, from probabilities."""
    total = 0.0
    for row, name in zip(logits.tolist(), names, strict=True):
        mass = {leaf: math.exp(x) for leaf, x in zip(tree.leaves, row, strict=True)}

        def p(node, mass=mass):
            return sum(mass[leaf] for leaf in leaves_below(tree, node))

        node = name
        while node != tree.root:
            (parent,) = tree.parents(node)
            h = len(tree.ancestors(node)) if weighting == "depth" else height_of(tree, node)
            total -= math.exp(-alpha * h) * math.log(p(node) / p(parent))
            node = parent
    return total / len(names)


@pytest.mark.parametrize("weighting", ["depth", "height"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
def test_equals_the_formula(tree, alpha, weighting):
    logits = logits_of(tree, len(NAMES))
    expected = plain_hxe(logits, NAMES, tree, alpha, weighting)
    got = hxe_loss(logits, tree.encode(NAMES), tree, alpha=alpha, weighting=weighting)
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_without_decay_it_is_the_cross_entropy_of_the_leaf(tree):
    logits, which = logits_of(tree, 9), torch.arange(9) % 6
    got = hxe_loss(logits, tree.leaf_ids[which], tree, alpha=0.0)
    torch.testing.assert_close(got, F.cross_entropy(logits, which))


def test_a_large_decay_leaves_the_coarsest_or_the_finest_step(tree):
    logits, labels = logits_of(tree, 1), tree.encode(["a1x"])
    p = logits.softmax(dim=1)[0]
    below = {v: torch.isin(tree.leaf_ids, tree.encode(leaves_below(tree, v))) for v in tree.nodes}
    coarse = hxe_loss(logits, labels, tree, alpha=30.0) * math.exp(30.0)
    torch.testing.assert_close(coarse, -p[below["a"]].sum().log())
    fine = hxe_loss(logits, labels, tree, alpha=30.0, weighting="height")
    torch.testing.assert_close(fine, -(p[below["a1x"]].sum() / p[below["a1"]].sum()).log())


def test_class_form_has_minus_distance_over_temperature_as_logits(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    loss = HXELoss(tree, manifold=manifold, dim=3, temperature=0.7, alpha=0.4).double()
    own = loss.classes.points()
    logits = torch.tensor(
        [[-float(manifold.dist(x, c).detach()) / 0.7 for c in own] for x in z], dtype=torch.float64
    )
    torch.testing.assert_close(loss(z, labels), hxe_loss(logits, labels, tree, alpha=0.4))


def test_class_points_lie_on_the_manifold_and_learn(manifold, tree, points):
    loss = HXELoss(tree, manifold=manifold, dim=3)
    own = loss.classes.points
    assert isinstance(own, ManifoldParameter)
    assert own().shape == (6, manifold.ambient_dim(3))
    assert manifold.check_point_on_manifold(own().detach())
    z = points(manifold, len(NAMES), dtype=torch.float32).requires_grad_()
    loss(z, tree.encode(NAMES)).backward()
    assert own.weight.grad.isfinite().all() and (own.weight.grad != 0).any()
    assert z.grad.isfinite().all() and (z.grad != 0).any()


def test_given_class_points_are_taken_and_predicted(tree, points):
    start = points(Lorentz(), 6, dtype=torch.float32)
    loss = HXELoss(tree, manifold="lorentz", dim=3, initial=start)
    torch.testing.assert_close(loss.classes.points(), start)
    assert torch.equal(loss.predict(start), tree.leaf_ids)
    assert torch.equal(loss.predict(start.reshape(2, 3, -1)), tree.leaf_ids.reshape(2, 3))
    with pytest.raises(ValueError, match="initial"):
        HXELoss(tree, manifold="lorentz", dim=3, initial=start[:5])


def test_learnt_temperature(tree, points):
    loss = HXELoss(tree, manifold="lorentz", dim=3, temperature=0.5, learn_temperature=True)
    loss(points(Lorentz(), 7), tree.encode(NAMES)).backward()
    assert float(loss.classes.log_temperature.grad) != 0
    assert "temperature=0.5" in repr(loss)


def test_views_reductions_and_selections(manifold, tree, points):
    z, labels = points(manifold, 4, 2), tree.encode(NAMES[:4])
    loss = HXELoss(tree, manifold=manifold, dim=3, reduction="none")
    each = loss(z, labels)
    assert each.shape == (4, 2)
    loss.reduction = "sum"
    torch.testing.assert_close(loss(z, labels), each.sum())
    loss.reduction = "mean"
    torch.testing.assert_close(loss(z, labels), each.mean())
    chosen = torch.tensor([1, 6])
    picked = loss(z, labels, indices_tuple=(chosen, chosen, chosen))
    torch.testing.assert_close(picked, each.flatten()[chosen].mean())
    torch.testing.assert_close(loss(z, labels, z.detach(), labels), each.mean())


def test_several_labels_are_averaged(tree):
    logits = logits_of(tree, 2)
    several = torch.zeros(2, len(tree), dtype=torch.bool)
    several[0, tree.encode(["a1x", "d"])] = True
    several[1, tree.id_of("b1")] = True
    parts = hxe_loss(logits[[0, 0, 1]], tree.encode(["a1x", "d", "b1"]), tree, reduction="none")
    expected = torch.stack((parts[:2].mean(), parts[2]))
    torch.testing.assert_close(hxe_loss(logits, several, tree, reduction="none"), expected)


def test_the_root_as_label_is_left_out(tree):
    logits = logits_of(tree, 3).requires_grad_()
    labels = tree.encode(["a1x", "r", "d"])
    expected = hxe_loss(logits[[0, 2]], labels[[0, 2]], tree)
    torch.testing.assert_close(hxe_loss(logits, labels, tree), expected)
    nothing = hxe_loss(logits, tree.encode(["r", "r", "r"]), tree)
    assert float(nothing.detach()) == 0.0
    nothing.backward()
    assert (logits.grad == 0).all()


def test_extreme_logits_keep_value_and_gradient_finite(tree):
    logits = torch.zeros(1, 6, requires_grad=True)
    loss = hxe_loss(logits + torch.tensor([[-1e4, 1e4, 0, 0, 0, 0]]), tree.encode(["d"]), tree)
    assert float(loss.detach()) > 1e3
    loss.backward()
    assert logits.grad.isfinite().all()


def test_gradient(tree):
    logits = logits_of(tree, 3).requires_grad_()
    labels = tree.encode(["a1y", "b1", "d"])
    assert torch.autograd.gradcheck(lambda x: hxe_loss(x, labels, tree, alpha=0.5), logits)


def test_empty_batch_and_one_node(tree, points):
    z = points(Euclidean(), 0).requires_grad_()
    loss = HXELoss(tree, manifold="euclidean", dim=3)(z, torch.zeros(0, dtype=torch.long))
    assert float(loss.detach()) == 0.0
    loss.backward()
    one = Taxonomy.from_paths([("only",)])
    single = HXELoss(one, manifold="euclidean", dim=3)
    z = points(Euclidean(), 2, dtype=torch.float32).requires_grad_()
    value = single(z, torch.zeros(2, dtype=torch.long))
    assert float(value.detach()) == 0.0
    value.backward()
    assert (z.grad == 0).all()


def test_several_parents_follow_the_primary_one():
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("r", "y")])
    assert dag.ancestors("x")  # below a by its primary parent; nothing is below b
    logits = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    each = hxe_loss(logits, dag.encode(["x", "b", "y"]), dag, alpha=0.0, reduction="none")
    leaf = {name: k for k, name in enumerate(dag.leaves)}
    log_p = logits.log_softmax(dim=1)
    torch.testing.assert_close(each[0], -log_p[0, leaf["x"]])
    assert float(each[1].detach()) == 0.0
    each.sum().backward()
    assert logits.grad.isfinite().all()


def test_half_precision_and_strides(tree, points):
    z = points(Euclidean(), len(NAMES), dtype=torch.float16)
    loss, labels = HXELoss(tree, manifold="euclidean", dim=3), tree.encode(NAMES)
    value = loss(z, labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(loss(z.float().T.contiguous().T, labels), value)


def test_state_travels(tree, points):
    loss = HXELoss(tree, manifold="lorentz", dim=3)
    other = HXELoss(tree, manifold="lorentz", dim=3)
    z, labels = points(Lorentz(), len(NAMES)), tree.encode(NAMES)
    assert not torch.equal(loss(z, labels), other(z, labels))
    other.load_state_dict(loss.state_dict())
    assert torch.equal(loss(z, labels), other(z, labels))
    assert torch.equal(copy.deepcopy(loss)(z, labels), loss(z, labels))


def test_bad_input(tree, points):
    for options in (
        {"alpha": -0.1},
        {"alpha": math.inf},
        {"weighting": "width"},
        {"dim": 0},
        {"dim": 2.0},
        {"temperature": 0.0},
        {"reduction": "median"},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            HXELoss(tree, manifold="euclidean", **{"dim": 3, **options})
    loss, labels = HXELoss(tree, manifold="euclidean", dim=2), tree.encode(NAMES)
    with pytest.raises(ValueError, match="dim must be the number of features"):
        loss(points(Euclidean(), len(NAMES)), labels)
    with pytest.raises(ValueError, match="one column per leaf"):
        hxe_loss(torch.zeros(7, 5), labels, tree)
    with pytest.raises(ValueError, match="not finite"):
        hxe_loss(torch.full((7, 6), math.nan), labels, tree)
    with pytest.raises(TaxonomyError, match="-1"):
        hxe_loss(torch.zeros(1, 6), torch.tensor([-1]), tree)
    with pytest.raises(ValueError, match="labels"):
        hxe_loss(torch.zeros(1, 6), None, tree)
