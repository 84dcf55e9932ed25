"""Siblings in every batch."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.data import HierarchicalSampler
from hyperhier.data.samplers._families import families
from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, read_taxonomy

TREE = Taxonomy.from_paths(
    [("r", p, f"{p}{i}") for p, n in (("a", 5), ("b", 3), ("c", 2)) for i in range(n)]
)


def siblings_in(batch: set[int], taxonomy: Taxonomy, present: set[int], wanted: int) -> bool:
    """Whether every class comes with ``wanted`` classes of its parent, or with all there are."""
    parent = taxonomy.parent_id.tolist()
    for node in batch:
        family = {c for c in present if parent[c] == parent[node]}
        if len(batch & family) < min(wanted, len(family)):
            return False
    return True


@pytest.mark.parametrize("siblings", [1, 2, 3])
@pytest.mark.parametrize("classes", [3, 4, 7, 10])
def test_every_class_comes_with_siblings_and_the_batch_is_as_full_as_can_be(
    classes: int, siblings: int
) -> None:
    labels = TREE.leaf_ids.repeat(20)
    present = set(TREE.leaf_ids.tolist())
    parent = TREE.parent_id.tolist()
    sizes = {TREE.id_of(name): len(TREE.children(name)) for name in "abc"}
    possible = {p: {0, *range(min(siblings, n), n + 1)} for p, n in sizes.items()}
    sampler = HierarchicalSampler(
        labels, TREE, classes=classes, per_class=2, siblings=siblings, batches=60
    )
    full = 0
    for batch in sampler:
        counts = Counter(labels[batch].tolist())
        assert set(counts.values()) == {2} and len(set(batch)) == len(batch)
        assert siblings_in(set(counts), TREE, present, siblings)
        first = parent[int(labels[batch[0]])]
        choices = itertools.product(*(n - {0} if p == first else n for p, n in possible.items()))
        assert len(counts) == max(sum(c) for c in choices if sum(c) <= classes)
        full += len(counts) == classes
    assert full >= 20


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.integers(1, 3),
    st.integers(1, 8),
    st.integers(0, 9),
)
def test_siblings_on_any_tree_of_two_levels(
    sizes: list[int], siblings: int, classes: int, seed: int
) -> None:
    tree = Taxonomy.from_paths(
        [("r", f"p{p}", f"c{p}.{i}") for p, n in enumerate(sizes) for i in range(n)]
    )
    present = set(tree.leaf_ids.tolist())
    if not siblings < classes <= len(present):
        return
    sampler = HierarchicalSampler(
        tree.leaf_ids.repeat(3), tree, classes=classes, siblings=siblings, batches=12, seed=seed
    )
    labels, seen = tree.leaf_ids.repeat(3), set()
    for batch in sampler:
        classes_in = set(labels[batch].tolist())
        seen |= classes_in
        assert len(classes_in) <= classes
        assert siblings_in(classes_in, tree, present, siblings)
    assert seen == present  # every class has its turn


def test_a_class_without_siblings_comes_with_its_nearest_relatives() -> None:
    tree = builtin_taxonomy("ham10000-lineage")
    labels = tree.leaf_ids.repeat(4)
    seen = Counter[str]()
    for batch in HierarchicalSampler(labels, tree, classes=3, batches=30):
        names = set(tree.decode(labels[batch]))
        seen.update(names)
        if "bkl" in names:
            assert names == {"bkl", "bcc", "akiec"}
        assert ("nv" in names) == ("mel" in names)
        assert ("df" in names) == ("vasc" in names)
    assert len(seen) == 7


def test_families() -> None:
    tree = builtin_taxonomy("ham10000-malignancy")
    found = [
        (sorted(tree.decode(f.core)), tree.decode(f.guests))
        for f in families(tree, tree.leaf_ids.tolist())
    ]
    assert sorted(found) == [
        (["akiec", "bcc"], ["mel"]),
        (["bkl", "df", "nv", "vasc"], []),
    ]


@pytest.mark.parametrize("name", ["odir5k", "breakhis", "linnaean", "geography"])
def test_families_are_a_partition(name: str) -> None:
    tree = builtin_taxonomy(name)
    for classes in (tree.leaf_ids.tolist(), list(range(len(tree))), [tree.root_id]):
        found = families(tree, classes)
        assert sorted(c for f in found for c in f.members) == classes
        assert all(len(f.core) > 1 for f in found) or len(classes) == 1


def test_classes_come_equally_often_whatever_their_size() -> None:
    labels = TREE.leaf_ids.repeat_interleave(torch.arange(1, 11) ** 2)
    sampler = HierarchicalSampler(labels, TREE, classes=4, per_class=2, batches=200)
    drawn = Counter(i for batch in sampler for i in labels[batch].tolist())
    assert max(drawn.values()) < 1.35 * min(drawn.values())


def test_without_balance_large_classes_come_more_often() -> None:
    labels = torch.cat([torch.full((n,), i) for i, n in zip(TREE.leaf_ids, [200] + [20] * 9)])
    sampler = HierarchicalSampler(
        labels, TREE, classes=2, per_class=1, siblings=1, balance=0.0, batches=800
    )
    drawn = Counter(i for batch in sampler for i in labels[batch].tolist())
    large = drawn.pop(int(TREE.leaf_ids[0]))
    assert 6 < large / np.mean(list(drawn.values())) < 14


def test_all_samples_of_a_class_come_before_one_comes_again() -> None:
    labels = TREE.leaf_ids.repeat(7)
    drawn = Counter[int]()
    for batch in HierarchicalSampler(labels, TREE, classes=10, per_class=3, batches=7):
        drawn.update(batch)
    assert set(drawn.values()) == {3} and len(drawn) == 70


def test_a_small_class_repeats_its_samples() -> None:
    labels = TREE.leaf_ids.repeat(2)
    batch = next(iter(HierarchicalSampler(labels, TREE, classes=2, per_class=5)))
    assert sorted(Counter(batch).values()) == [2, 2, 3, 3]


def test_groups_spread_the_samples_of_a_class() -> None:
    labels = TREE.leaf_ids.repeat(9)
    groups = torch.arange(90) // 10 // 3  # three samples of each class in each of three groups
    for batch in HierarchicalSampler(labels, TREE, classes=4, per_class=3, groups=groups):
        for node in labels[batch].unique():
            where = [i for i in batch if labels[i] == node]
            assert sorted(groups[where].tolist()) == [0, 1, 2]


def test_labels_at_inner_nodes_and_in_a_dag() -> None:
    dag = builtin_taxonomy("odir5k")
    labels = torch.arange(len(dag)).repeat(3)
    for batch in HierarchicalSampler(labels, dag, classes=6, per_class=2):
        assert len(batch) == 12


def test_one_class_and_a_tree_of_one_node() -> None:
    only = Taxonomy.from_edges([], nodes=["all"])
    labels = torch.zeros(6, dtype=torch.long)
    one, other = HierarchicalSampler(labels, only, per_class=3)
    assert sorted(one + other) == list(range(6))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 11}, "classes=11, but the labels hold 10"),
        ({"classes": 0}, "classes must be at least 1, got 0"),
        ({"per_class": 0}, "per_class must be at least 1, got 0"),
        ({"siblings": 5, "classes": 4}, "siblings=5 do not fit in classes=4"),
        ({"balance": 1.5}, r"balance must be in \[0, 1\], got 1.5"),
    ],
)
def test_bad_numbers(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HierarchicalSampler(TREE.leaf_ids.repeat(3), TREE, **options)  # type: ignore[arg-type]


def test_too_few_classes_for_one_without_siblings() -> None:
    tree = builtin_taxonomy("ham10000-lineage")
    with pytest.raises(ValueError, match=r"'bkl' has no sibling.*expected classes > 2, got 2"):
        HierarchicalSampler(tree.leaf_ids, tree, classes=2)


def test_a_label_that_is_no_node() -> None:
    with pytest.raises(TaxonomyError, match="99"):
        HierarchicalSampler([1, 99], TREE)


@pytest.mark.data
def test_lesions_of_ham10000(data_dir: Callable[[str], Path]) -> None:
    folder = data_dir("ham10000_64")
    tree = read_taxonomy(folder / "tree_lineage.csv")
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    labels = tree.encode([row["dx"] for row in rows])
    lesions = np.array([row["lesion_id"] for row in rows])
    sampler = HierarchicalSampler(labels, tree, classes=6, per_class=8, groups=lesions, batches=20)
    for batch in sampler:
        assert len(set(lesions[batch].tolist())) == len(batch)
