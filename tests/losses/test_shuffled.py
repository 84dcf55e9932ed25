"""A loss with the leaves of its taxonomy shuffled."""

from __future__ import annotations

import copy

import pytest
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.losses import HWCLoss, LAMLoss, ShuffledLeavesLoss, SupConLoss, make_loss
from hyperhier.manifolds import Lorentz
from hyperhier.taxonomy import Taxonomy


def renamed(tree: Taxonomy, order: torch.Tensor) -> Taxonomy:
    """The tree with every name moved to the place of another."""
    names = {tree.nodes[to]: tree.nodes[at] for at, to in enumerate(order.tolist())}
    edges = [(names[p], names[v]) for v in tree.nodes for p in tree.parents(v)]
    return Taxonomy.from_edges(edges)


def test_it_is_the_loss_on_a_tree_with_other_names(tree, manifold, points, draw):
    z, labels = points(manifold, 12, 2), draw(tree, 12)
    loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=manifold, level_decay=0.5), seed=3)
    other = renamed(tree, loss.order)
    assert other.nodes != tree.nodes
    same = HWCLoss(other, manifold=manifold, level_decay=0.5)(z, other.encode(tree.decode(labels)))
    torch.testing.assert_close(loss(z, labels), same)


def test_only_leaves_move_and_none_is_lost(tree):
    order = ShuffledLeavesLoss(HWCLoss(tree, manifold="lorentz"), seed=0).order
    inner = torch.ones(len(tree), dtype=torch.bool)
    inner[tree.leaf_ids] = False
    assert order[inner].tolist() == inner.nonzero().squeeze(1).tolist()
    assert sorted(order.tolist()) == list(range(len(tree)))


def test_the_seed_is_the_shuffle(tree):
    def order(seed):
        return ShuffledLeavesLoss(HWCLoss(tree, manifold="lorentz"), seed=seed).order.tolist()

    assert order(0) == order(0)
    assert len({tuple(order(seed)) for seed in range(8)}) > 1
    torch.manual_seed(7)
    first = order(None)
    assert order(None) != first  # drawn anew
    torch.manual_seed(7)
    assert order(None) == first


def test_every_form_of_labels_moves_alike(tree, points, draw):
    z, labels = points(Lorentz(), 12), draw(tree, 12)
    loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=Lorentz()), seed=2)
    value = loss(z, labels)
    table = torch.nn.functional.one_hot(labels, len(tree)).bool()
    torch.testing.assert_close(loss(z, table), value)
    paths = torch.stack((torch.zeros_like(labels), labels), dim=1)
    torch.testing.assert_close(loss(z, paths), value)
    torch.testing.assert_close(loss(z, labels.int()), value)
    moved = loss.order[labels]
    expected = loss.loss(z, moved, z, moved)
    torch.testing.assert_close(loss(z, labels, z, labels), expected)


@pytest.mark.parametrize("bad", [-1, 10_000])
def test_a_label_that_is_no_node_is_named(tree, points, draw, bad):
    loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=Lorentz()))
    labels = draw(tree, 4)
    labels[1] = bad
    with pytest.raises(TaxonomyError, match=str(bad)):
        loss(points(Lorentz(), 4), labels)


def test_a_table_of_another_width_is_an_error(tree, points):
    loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=Lorentz()))
    with pytest.raises(ValueError, match="3"):
        loss(points(Lorentz(), 4), torch.ones(4, 3, dtype=torch.bool))


def test_a_loss_without_taxonomy_cannot_be_shuffled(tree):
    with pytest.raises(TypeError, match="no taxonomy in SupConLoss"):
        ShuffledLeavesLoss(SupConLoss(manifold=Lorentz()))
    with pytest.raises(TypeError, match="no taxonomy in SupConLoss"):
        make_loss("shuffled:supcon", tree, Lorentz())


def test_state_holds_the_shuffle(tree, points, draw):
    z, labels = points(Lorentz(), 8), draw(tree, 8)
    loss = ShuffledLeavesLoss(LAMLoss(tree, manifold=Lorentz()), seed=5)
    loss(z, labels)
    fresh = ShuffledLeavesLoss(LAMLoss(tree, manifold=Lorentz()), seed=6)
    fresh.load_state_dict(loss.state_dict())
    loss.eval()
    for twin in (fresh.eval(), copy.deepcopy(loss)):
        torch.testing.assert_close(twin(z, labels), loss(z, labels), rtol=0, atol=0)


def test_beside_the_loss_on_the_true_leaves(tree, points, draw):
    z, labels = points(Lorentz(), 10), draw(tree, 10)
    z.requires_grad_()
    loss = make_loss(
        "hwc+0.25*shuffled:hwc+2*lam", tree, Lorentz(), level_decay=0.5, shuffle_seed=1
    )
    both = [loss.terms[name] for name in ("hwc", "shuffled:hwc")]
    assert both[0].level_decay == both[1].loss.level_decay == 0.5
    expected = ShuffledLeavesLoss(HWCLoss(tree, manifold=Lorentz(), level_decay=0.5), seed=1)
    value = loss(z, labels)
    torch.testing.assert_close(loss.components["shuffled:hwc"], expected(z, labels).detach())
    assert loss.components["shuffled:hwc"] != loss.components["hwc"]
    value.backward()
    assert z.grad.isfinite().all()


def test_a_seed_without_a_shuffled_loss_is_an_error(tree):
    with pytest.raises(TypeError, match="no loss of 'hwc' is shuffled"):
        make_loss("hwc", tree, Lorentz(), shuffle_seed=1)
    with pytest.raises(ValueError, match="unknown loss 'shuffled:hwd'"):
        make_loss("shuffled:hwd", tree, Lorentz())


def test_one_leaf_stays_where_it_is(points):
    tree = Taxonomy.from_paths([("x", "a")])
    loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=Lorentz()), seed=0)
    z, labels = points(Lorentz(), 3), tree.encode(["a"] * 3)
    torch.testing.assert_close(loss(z, labels), loss.loss(z, labels))
