"""Splits: whole groups, stratified, deterministic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.data import carve, group_split
from hyperhier.errors import DataError


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3)), min_size=1), st.integers(0, 99))
def test_no_group_is_torn(rows: list[tuple[int, int]], seed: int) -> None:
    groups = [f"g{g}" for g, _ in rows]
    sides = group_split(groups, [label for _, label in rows], (0.6, 0.2, 0.2), seed)
    of: dict[str, set[str]] = {}
    for group, side in zip(groups, sides.tolist(), strict=True):
        of.setdefault(group, set()).add(side)
    assert all(len(s) == 1 for s in of.values())


@pytest.mark.parametrize("grouped", [False, True])
def test_shares_are_kept_class_by_class(grouped: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=2000, p=[0.67, 0.2, 0.1, 0.03])
    groups = None
    if grouped:
        groups = [f"{label}-{g}" for label, g in zip(labels, rng.integers(0, 300, 2000))]
    sides = group_split(groups, labels, (0.7, 0.1, 0.2), 3)
    for label in range(4):
        for side, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
            got = float(np.mean(sides[labels == label] == side))
            assert abs(got - share) < 0.04, (label, side, got)


def test_same_seed_same_split_another_seed_another() -> None:
    labels = [0, 1] * 50
    one, two = (group_split(None, labels, (0.5, 0.0, 0.5), seed) for seed in (1, 2))
    assert one.tolist() == group_split(None, labels, (0.5, 0.0, 0.5), 1).tolist()
    assert one.tolist() != two.tolist()


def test_the_order_of_the_rows_does_not_matter_to_groups() -> None:
    groups = np.array([f"g{i % 20}" for i in range(100)])
    labels = np.array([i % 20 % 3 for i in range(100)])
    sides = group_split(groups, labels, (0.6, 0.2, 0.2), 0)
    order = np.random.default_rng(0).permutation(100)
    again = group_split(groups[order], labels[order], (0.6, 0.2, 0.2), 0)
    assert sides[order].tolist() == again.tolist()


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    ("n", "expected"), [(1, {"train"}), (2, {"train", "test"}), (3, {"train", "test", "val"})]
)
def test_small_classes_train_first_then_test(n: int, expected: set[str], grouped: bool) -> None:
    groups = [str(i) for i in range(n)] if grouped else None
    assert set(group_split(groups, [0] * n, (0.7, 0.1, 0.2), 0).tolist()) == expected


def test_carve_takes_from_train_alone_and_keeps_groups() -> None:
    split = ["train"] * 80 + ["test"] * 20
    groups = [f"g{i // 4}" for i in range(100)]
    sides = carve(split, groups, [0] * 100, "val", 0.25, 0)
    assert sides[80:].tolist() == ["test"] * 20
    assert (sides == "val").sum() == 20
    assert all(len(set(sides[i : i + 4])) == 1 for i in range(0, 100, 4))


def test_carve_leaves_a_side_that_is_there() -> None:
    assert carve(["train", "val"], None, [0, 0], "val", 0.5).tolist() == ["train", "val"]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.5, 0.5, 0.5), "sum 1"),
        ((1.5, -0.5, 0.0), "shares"),
        ((0.5, 0.5), "three shares"),
        ((0.0, 0.5, 0.5), "nothing to train on"),
    ],
)
def test_fractions_that_are_no_shares(fractions: tuple[float, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        group_split(None, [0, 1], fractions)


def test_groups_and_labels_of_unequal_length() -> None:
    with pytest.raises(DataError, match="3 groups for 2 labels"):
        group_split(["a", "b", "c"], [0, 1])
