"""Trees, labels and pictures that are changed on purpose."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyperhier.data import ImageSet, make_hierarchical_images
from hyperhier.errors import RunError
from hyperhier.losses import HWCLoss
from hyperhier.reproduce.labels import coarser_labels, fewer_labels, relabelled
from hyperhier.reproduce.shift import changed_pictures, domain_split
from hyperhier.reproduce.trees import (
    balanced_tree,
    corrupted_leaves,
    flat_tree,
    loss_tree,
    random_multipliers,
    random_tree,
)
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

TREE = builtin_taxonomy("cifar100")


def levels(tree: Taxonomy) -> list[int]:
    return [len(level) for level in tree.levels]


def moved(tree: Taxonomy) -> int:
    """Leaves whose place differs from the true tree's."""
    return sum(tree.ancestors(leaf) != TREE.ancestors(leaf) for leaf in TREE.leaves)


@pytest.mark.parametrize("text", ["shuffled", "random", "flat", "multipliers", "corrupted:0.3"])
def test_every_control_has_the_same_leaves(text: str) -> None:
    tree = loss_tree(text, TREE, 3)
    assert tree is not None
    assert set(tree.leaves) == set(TREE.leaves)
    assert tree == loss_tree(text, TREE, 3)
    assert (tree == loss_tree(text, TREE, 4)) == (text in ("flat", "multipliers"))


def test_the_true_tree_is_none_and_other_texts_are_refused() -> None:
    assert loss_tree("true", TREE, 0) is None
    for bad in ("tree", "corrupted", "corrupted:x", "corrupted:1.5", ""):
        with pytest.raises(RunError, match=r"corrupted|loss_tree"):
            loss_tree(bad, TREE, 0)


def test_corruption_moves_that_share_of_the_leaves_and_keeps_the_shape() -> None:
    counts = [moved(corrupted_leaves(TREE, share, 1)) for share in (0.0, 0.01, 0.2, 0.5, 1.0)]
    assert counts[:2] == [0, 0]
    assert 10 < counts[2] <= 20 < counts[3] <= 50 < counts[4] <= 100
    assert levels(corrupted_leaves(TREE, 0.5)) == levels(TREE)


def test_random_multipliers_change_kappa_of_different_leaves_and_nothing_else() -> None:
    tree = random_multipliers(TREE, 0)
    ids, leaves = torch.arange(len(TREE)), TREE.leaf_ids
    now, true = tree.kappa(ids[:, None], ids), TREE.kappa(ids[:, None], ids)
    assert torch.equal(now, now.T)
    changed = (now != true).nonzero()
    assert len(changed) > 300  # the 400 pairs of siblings lie elsewhere now
    assert torch.isin(changed, leaves).all()
    assert torch.equal(now.diagonal(), true.diagonal())
    assert torch.equal(now[leaves][:, leaves].sum(), true[leaves][:, leaves].sum())
    assert torch.equal(tree.lca(leaves, leaves.flip(0)), TREE.lca(leaves, leaves.flip(0)))
    other = random_multipliers(TREE, 1)
    assert not torch.equal(other.kappa(ids[:, None], ids), now)

    loss = HWCLoss(tree, manifold="lorentz")
    assert loss.taxonomy is tree
    z = loss.manifold.from_features(0.3 * torch.randn(20, 4))
    labels = leaves[:10].repeat(2)
    true_value = HWCLoss(TREE, manifold="lorentz")(z, labels)
    assert not torch.equal(loss(z, labels), true_value)


def test_a_random_tree_keeps_the_size_of_each_level_and_its_inner_nodes() -> None:
    tree = random_tree(TREE, 0)
    assert levels(tree) == levels(TREE)
    assert moved(tree) > 80
    lineage = builtin_taxonomy("ham10000-lineage")  # leaves on several levels
    other = random_tree(lineage, 0)
    assert levels(other) == levels(lineage)
    assert set(other.leaves) == set(lineage.leaves)


def test_flat_and_balanced_trees() -> None:
    assert levels(flat_tree(TREE)) == [1, 100]
    assert levels(balanced_tree([2, 3, 2])) == [1, 2, 6, 12]
    with pytest.raises(RunError, match=r"\[2, 0\]"):
        balanced_tree([2, 0])


# ---------------------------------------------------------------------------------- labels


@pytest.fixture(scope="module")
def pictures() -> tuple[ImageSet, Taxonomy]:
    tree = balanced_tree([2, 2])
    return make_hierarchical_images(tree, n_per_class=20, size=8), tree


def test_fewer_labels_keep_val_test_and_every_class(pictures: tuple[ImageSet, Taxonomy]) -> None:
    data, _ = pictures
    small = fewer_labels(data, 0.01, 5)
    assert set(small.subset("train").class_counts.values()) == {1}
    assert len(small.subset("train").class_counts) == 4
    for side in ("val", "test"):
        assert small.subset(side).fingerprint() == data.subset(side).fingerprint()
    assert fewer_labels(data, 0.5, 0).ids != fewer_labels(data, 0.5, 1).ids


def test_coarser_labels_are_the_parents_of_the_true_ones(
    pictures: tuple[ImageSet, Taxonomy],
) -> None:
    data, tree = pictures
    coarse, changed = coarser_labels(data, tree, 0.5, seed=2)
    assert bool((np.asarray(data.split)[changed.numpy()] == "train").all())
    for before, after in zip(data.labels[changed].tolist(), coarse.labels[changed].tolist()):
        assert tree.parents(tree.nodes[before]) == (tree.nodes[after],)
    assert bool((coarse.labels == data.labels)[~changed].all())
    assert int(changed.sum()) == len(data.subset("train")) // 2


def test_labels_never_become_the_root(pictures: tuple[ImageSet, Taxonomy]) -> None:
    data, tree = pictures
    far, changed = coarser_labels(data, tree, 0.9, up=5)
    assert tree.id_of(tree.root) not in far.labels.tolist()
    assert bool(changed.any())
    flat = flat_tree(tree)
    labels = flat.encode(tree.decode(data.labels))
    same = ImageSet(data.images, labels, data.split)
    assert not bool(coarser_labels(same, flat, 0.9)[1].any())


def test_prototypes_come_from_full_labels_only(pictures: tuple[ImageSet, Taxonomy]) -> None:
    data, tree = pictures
    learned, judged = relabelled(data, tree, {"fraction": 0.5, "inner": 0.5}, 0)
    leaves = set(tree.leaf_ids.tolist())
    assert set(judged.labels.tolist()) == leaves
    assert not set(learned.labels.tolist()) <= leaves
    assert len(judged.subset("train")) < len(learned.subset("train")) < len(data.subset("train"))
    assert len(judged.subset("test")) == len(data.subset("test"))
    assert relabelled(data, tree, {}, 0) == (data, data)


@pytest.mark.parametrize(
    "options", [{"fraction": 0}, {"fraction": 2}, {"inner": 1}, {"inner": -1}, {"up": 0}, {"x": 1}]
)
def test_bad_label_options_are_named(
    pictures: tuple[ImageSet, Taxonomy], options: dict[str, float]
) -> None:
    with pytest.raises(RunError, match=next(iter(options))):
        relabelled(*pictures, options, 0)


# -------------------------------------------------------------------------------- pictures


def grey(values: list[int], split: list[str]) -> ImageSet:
    images = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].repeat(1, 1, 6, 6)
    return ImageSet(images, torch.ones(len(values), dtype=torch.int64), split)


@pytest.mark.parametrize("change", ["noise:0.2", "blur:1", "contrast:0.5", "brightness:-0.1"])
def test_only_test_pictures_change(change: str) -> None:
    tree = balanced_tree([2])
    data = make_hierarchical_images(tree, n_per_class=10, size=12)
    changed = changed_pictures(data, change)
    for side in ("train", "val"):
        assert torch.equal(changed.subset(side).images, data.subset(side).images)
    assert not torch.equal(changed.subset("test").images, data.subset("test").images)
    assert torch.equal(changed.labels, data.labels)


def test_the_changes_are_what_they_say() -> None:
    data = grey([100, 250], ["test", "test"])
    assert changed_pictures(data, "brightness:0.1").images.amax(dim=(1, 2, 3)).tolist() == [
        126,
        255,
    ]
    for still in ("blur:2", "contrast:0.3", "noise:0"):
        assert torch.equal(changed_pictures(data, still).images, data.images)
    edge = data.images.clone()
    edge[:, :, :, 3:] = 0
    sharp = ImageSet(edge, data.labels, data.split)
    assert changed_pictures(sharp, "blur:1").images[0, 0, 2].tolist() == [100, 100, 67, 33, 0, 0]
    assert changed_pictures(sharp, "contrast:0.5").images[0, 0, 0, [0, 5]].tolist() == [75, 25]
    noisy = changed_pictures(grey([128] * 200, ["test"] * 200), "noise:0.1").images.double()
    assert float(noisy.std()) == pytest.approx(25.5, rel=0.03)
    for bad in ("noise", "noise:-1", "blur:0.5", "fog:1", "contrast:x"):
        with pytest.raises(RunError, match=bad.partition(":")[0]):
            changed_pictures(data, bad)


def test_a_domain_split_leaves_out_the_other_part_on_each_side() -> None:
    data = grey([1, 2, 3, 4, 5, 6], ["train", "train", "val", "val", "test", "test"])
    where = dict(zip(data.ids, ["arm", "face", "arm", "face", "arm", "face"]))
    kept = domain_split(data, where, {"test": ["face"]})
    assert kept.ids == ["0", "2", "5"]
    with pytest.raises(RunError, match="moon"):
        domain_split(data, where, {"test": ["moon"]})
