"""Samples of a class from different groups."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.data import GroupSampler


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(0, 5),
)
def test_a_class_is_spread_over_its_groups(
    rows: list[tuple[int, int]], per_class: int, seed: int
) -> None:
    labels, groups = [label for label, _ in rows], [group for _, group in rows]
    sampler = GroupSampler(labels, groups, per_class=per_class, batches=5, seed=seed)
    for batch in sampler:
        assert len(batch) == per_class * len(set(labels))
        for label in set(labels):
            drawn = Counter(groups[i] for i in batch if labels[i] == label)
            there = {group for other, group in rows if other == label}
            assert len(drawn) == min(per_class, len(there))
            assert max(drawn.values()) - min(drawn.values()) <= 1


def test_a_sample_comes_twice_only_if_its_group_is_used_up() -> None:
    groups = ["p", "p", "p", "q"]
    batch = next(iter(GroupSampler([0] * 4, groups, per_class=4)))
    drawn = Counter(batch)
    assert drawn[3] == 2 and sorted(drawn.values()) == [1, 1, 2]


def test_groups_of_a_class_come_equally_often() -> None:
    groups = ["p"] * 50 + ["q"] * 3 + ["r"]
    drawn = Counter(
        groups[i]
        for batch in GroupSampler([0] * 54, groups, per_class=2, batches=30)
        for i in batch
    )
    assert max(drawn.values()) - min(drawn.values()) <= 2


def test_more_classes_than_there_are() -> None:
    with pytest.raises(ValueError, match="classes=3, but the labels hold 2"):
        GroupSampler([4, 9], [0, 0], classes=3)
    with pytest.raises(ValueError, match=r"balance must be in \[0, 1\], got -1"):
        GroupSampler([4, 9], [0, 0], balance=-1)
    with pytest.raises(TypeError, match=r"per_class must be a whole number, got 1.5"):
        GroupSampler([4, 9], [0, 0], per_class=1.5)  # type: ignore[arg-type]
