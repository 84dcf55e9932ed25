"""LAM's weights of levels that adapt, and prototypes from an embedded taxonomy."""

from __future__ import annotations

import pytest
import torch

from hyperhier.embedding import embed
from hyperhier.losses import LAMLoss
from hyperhier.losses.functional import lam_loss
from hyperhier.manifolds import Euclidean, Lorentz, get_manifold


def test_unsolved_levels_come_to_count_more(small_tree):
    loss = LAMLoss(small_tree, manifold=Euclidean(), level_weights="adaptive", margin=1.0)
    assert loss.level_weights().tolist() == [1.0, 1.0]
    # the branches are far apart, the siblings a1 and a2 on top of each other
    x = torch.tensor([[0.0], [0.1], [9.0]])
    for _ in range(5):
        loss(x, small_tree.encode(["a1", "a2", "b1"]))
    coarse, fine = loss.level_weights().tolist()
    assert coarse < 0.2 < 1.8 < fine
    assert coarse + fine == pytest.approx(2.0)


def test_the_weights_are_those_of_the_loss(small_tree):
    x, labels = torch.tensor([[0.0], [0.3], [1.0]]), small_tree.encode(["a1", "a2", "b1"])
    loss = LAMLoss(small_tree, manifold=Euclidean(), level_weights="adaptive", margin=1.0)
    value = loss(x, labels)
    ids, prototypes = loss.prototypes()
    weights = loss.level_weights().tolist()
    fixed = lam_loss(
        x, labels, prototypes, ids, small_tree, "euclidean", margin=1.0, level_weights=weights
    )
    assert torch.allclose(value, fixed)
    with pytest.raises(ValueError, match="needs a state"):
        lam_loss(x, labels, prototypes, ids, small_tree, "euclidean", level_weights="adaptive")


def test_the_averages_are_saved(small_tree):
    loss = LAMLoss(small_tree, manifold=Euclidean(), level_weights="adaptive")
    loss(torch.tensor([[0.0], [0.3], [1.0]]), small_tree.encode(["a1", "a2", "b1"]))
    other = LAMLoss(small_tree, manifold=Euclidean(), level_weights="adaptive")
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.level_weights(), loss.level_weights())
    assert "level_average" not in LAMLoss(small_tree, manifold=Euclidean()).state_dict()


def test_a_word_that_is_no_choice_is_named(small_tree):
    with pytest.raises(ValueError, match="'adaptive', got 'clever'"):
        LAMLoss(small_tree, manifold="sphere", level_weights="clever")


@pytest.mark.parametrize("geometry", ["lorentz", "poincare", "polar", "euclidean"])
def test_prototypes_can_start_from_an_embedded_taxonomy(tree, geometry):
    embedding = embed(tree, dim=3, seed=0)
    loss = LAMLoss(tree, manifold=geometry)
    loss.start_from(embedding, radius=2.0)
    ids, points = loss.prototypes()
    assert ids.tolist() == list(range(len(tree)))
    radii = loss.manifold.dist0(points)
    assert radii.max() == pytest.approx(2.0, rel=1e-5)
    there = embedding.manifold.dist0(embedding.points)
    assert torch.allclose(radii.double() / 2, there.double() / there.max(), atol=1e-5)


def test_one_batch_moves_them_as_a_second_batch_would(small_tree):
    embedding = embed(small_tree, dim=2, seed=0)
    loss = LAMLoss(small_tree, manifold=Lorentz(), momentum=0.9)
    loss.start_from(embedding, radius=1.0)
    assert set(loss.bank.counts.tolist()) == {1}
    loss(Lorentz().from_features(torch.zeros(1, 2)), small_tree.encode(["a1"]))
    assert loss.bank.counts[small_tree.encode(["a1"])].item() == 2


def test_radii_are_kept_on_products_without_a_sphere(tree):
    embedding = embed(tree, dim=4, seed=0)
    loss = LAMLoss(tree, manifold=get_manifold("lorentz(2, c=0.5) x euclidean(2)"))
    loss.start_from(embedding, radius=1.5)
    radii = loss.manifold.dist0(loss.prototypes()[1]).double()
    there = embedding.manifold.dist0(embedding.points)
    assert torch.allclose(radii / 1.5, there.double() / there.max(), atol=1e-5)


@pytest.mark.parametrize(
    "name", ["sphere", "sphere(2) x lorentz(2)", "lorentz(2, weight=2) x polar"]
)
def test_a_manifold_that_keeps_no_radii_is_refused(tree, name):
    loss = LAMLoss(tree, manifold=get_manifold(name))
    with pytest.raises(ValueError, match=r"cannot hold '.*' at distance .* from its origin"):
        loss.start_from(embed(tree, dim=4, seed=0), radius=2.0)
    assert len(loss.prototypes()[0]) == 0


def test_an_embedding_on_the_very_manifold_stays_as_it_is(small_tree):
    embedding = embed(small_tree, dim=2, manifold="sphere", target="tree_distance", seed=0)
    loss = LAMLoss(small_tree, manifold="sphere")
    loss.start_from(embedding)
    torch.testing.assert_close(loss.prototypes()[1].double(), embedding.points.double())
    with pytest.raises(ValueError, match="cannot hold"):
        loss.start_from(embedding, radius=0.5)


def test_the_start_is_as_exact_as_the_loss(tree):
    embedding = embed(tree, dim=3, seed=0)
    assert embedding.points.dtype == torch.float64
    loss = LAMLoss(tree, manifold="lorentz").double()
    loss.start_from(embedding, radius=2.0)
    points = loss.prototypes()[1]
    assert points.dtype == torch.float64
    there = embedding.manifold.dist0(embedding.points)
    radii = loss.manifold.dist0(points)
    torch.testing.assert_close(radii / 2, there / there.max(), rtol=1e-12, atol=1e-12)


def test_the_start_lies_where_the_loss_does(small_tree, monkeypatch):
    """From the features on, whose way into the manifold needs its curvature."""
    embedding = embed(small_tree, dim=2, seed=0)
    features, devices = embedding.manifold.to_features(embedding.points).float(), []
    loss = LAMLoss(small_tree, manifold="euclidean").to("meta")

    def from_features(z):
        devices.append(z.device.type)
        return features  # with values, which meta tensors lack

    monkeypatch.setattr(loss.manifold, "from_features", from_features)
    loss.start_from(embedding)
    devices += [loss.bank.points.device.type, loss.bank.counts.device.type]
    assert devices == ["meta"] * 3
    assert loss.bank.points.shape == (len(small_tree), 2)


def test_what_is_remembered_moves_to_the_batch(small_tree):
    """To another device, here that of tensors without values."""
    loss = LAMLoss(small_tree, manifold="lorentz", level_weights="adaptive")
    loss.start_from(embed(small_tree, dim=2, seed=0))
    batch = torch.ones(4, 3, device="meta")
    loss.bank._allocate(batch)
    loss._follow(batch[:, :2], batch[:, :2] > 0)
    moved = (loss.bank.points, loss.bank.counts, loss.level_average)
    assert [x.device.type for x in moved] == ["meta"] * 3


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan")])
def test_a_bad_radius_is_named(small_tree, radius):
    with pytest.raises(ValueError, match="radius must be positive"):
        LAMLoss(small_tree, manifold="lorentz").start_from(embed(small_tree, dim=2), radius)
