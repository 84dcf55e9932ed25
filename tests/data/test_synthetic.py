"""Generated pictures: seeded, general, and as hard as asked."""

from __future__ import annotations

import pytest
import torch

from hyperhier.data import ImageSet, make_hierarchical_images
from hyperhier.data.synthetic import leaf_traits
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy


def nearest_neighbour(data: ImageSet) -> float:
    train, test = data.subset("train"), data.subset("test")
    a, b = train.images.flatten(1).float(), test.images.flatten(1).float()
    return float((train.labels[torch.cdist(b, a).argmin(1)] == test.labels).float().mean())


def test_difficulty_is_monotone() -> None:
    tree = builtin_taxonomy("demo")
    scores = [
        nearest_neighbour(make_hierarchical_images(tree, 30, 16, difficulty))
        for difficulty in (0.0, 0.35, 1.0)
    ]
    assert scores[0] > 0.98 and scores[2] < 0.35
    assert scores[0] > scores[1] + 0.15 and scores[1] > scores[2] + 0.1


def test_equal_seeds_equal_pictures() -> None:
    tree = builtin_taxonomy("fashion-mnist")
    one, same, other = (make_hierarchical_images(tree, 3, 16, seed=s) for s in (1, 1, 2))
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    make_hierarchical_images(builtin_taxonomy("fashion-mnist"), 2, 8)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["odir5k", "cifar100", "ham10000-lineage"])
def test_any_taxonomy(name: str) -> None:
    tree = builtin_taxonomy(name)
    data = make_hierarchical_images(tree, 2, (8, 12), channels=1)
    assert data.images.shape == (2 * len(tree.leaves), 1, 8, 12)
    assert sorted(data.class_counts) == tree.leaf_ids.tolist()


def test_siblings_look_more_alike_than_strangers() -> None:
    """Coarse traits follow the outer branches: leaf means are closer within a branch."""
    tree = builtin_taxonomy("demo")
    traits = leaf_traits(tree, 0)[:, :6]  # the coarse ones
    distance = torch.cdist(traits, traits)
    apart = tree.distance(tree.leaf_ids[:, None], tree.leaf_ids[None, :])
    means = [float(distance[apart == d].mean()) for d in (2, 4, 6)]
    assert means[0] < means[1] < means[2]


def test_leaves_differ_whatever_the_tree() -> None:
    wide = Taxonomy.from_edges([("root", f"n{i}") for i in range(40)])
    deep = Taxonomy.from_paths([(*tuple(f"p{i}" for i in range(9)), leaf) for leaf in "ab"])
    for tree in (wide, deep, builtin_taxonomy("cifar100")):
        traits = leaf_traits(tree, 0)
        gap = torch.cdist(traits, traits) + 9 * torch.eye(len(traits))
        assert gap.min() > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 7}, "at least 8"),
        ({"n_per_class": 0}, "n_per_class"),
        ({"difficulty": 1.5}, "difficulty"),
        ({"channels": 2}, "channels"),
        ({"fractions": (0.5, 0.1, 0.1)}, "sum 1"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_hierarchical_images(builtin_taxonomy("demo"), **{"n_per_class": 2, **options})  # type: ignore[arg-type]
