"""Patients, their slides, the slides' patches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.data import NestedSampler
from hyperhier.taxonomy import Taxonomy


def even(patients: int, slides: int, patches: int) -> np.ndarray:
    return np.array([(p, p * slides + s) for p in range(patients) for s in range(slides)] * patches)


def test_patients_by_slides_by_patches() -> None:
    paths = even(6, 4, 5)
    for batch in NestedSampler(paths, groups=3, branching=(2, 2), batches=10):
        assert len(batch) == len(set(batch)) == 12
        patients, slides = Counter(paths[batch, 0].tolist()), Counter(paths[batch, 1].tolist())
        assert sorted(patients.values()) == [4, 4, 4]
        assert sorted(slides.values()) == [2] * 6


def test_repeat_lists_views_one_after_the_other() -> None:
    batch = next(iter(NestedSampler(even(3, 2, 2), groups=3, branching=(2, 2), repeat=2)))
    assert len(batch) == 24 and batch[::2] == batch[1::2]
    assert len(set(batch[::2])) == 12


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["repeat", "fewer"]),
    st.integers(0, 9),
)
def test_uneven_groups_of_three_levels(
    rows: list[tuple[int, int, int]], branching: tuple[int, int, int], uneven: str, seed: int
) -> None:
    paths = np.array(rows)
    present = len(set(paths[:, 0].tolist()))
    groups = min(2, present)
    sampler = NestedSampler(
        paths, groups=groups, branching=branching, uneven=uneven, batches=4, seed=seed
    )
    for batch in sampler:
        assert len(set(paths[batch, 0].tolist())) == groups
        if uneven == "fewer":
            assert len(set(batch)) == len(batch)
            assert len(batch) <= groups * np.prod(branching)
        else:
            assert len(batch) == groups * np.prod(branching)
        for patient in set(paths[batch, 0].tolist()):
            there = paths[paths[:, 0] == patient]
            drawn = paths[[i for i in batch if paths[i, 0] == patient]]
            slides = len({tuple(path[:2]) for path in there.tolist()})
            assert len({tuple(path[:2]) for path in drawn.tolist()}) == min(branching[0], slides)


def test_a_slide_that_comes_twice_gives_different_patches() -> None:
    paths = [[0, 0]] * 4 + [[1, 1]] * 3
    batch = next(iter(NestedSampler(paths, groups=2, branching=(2, 2))))
    drawn = Counter(batch)
    assert all(drawn[i] == 1 for i in range(4))
    assert sorted(drawn[i] for i in range(4, 7)) == [1, 1, 2]


def test_all_groups_come_before_one_comes_again() -> None:
    paths = even(7, 2, 2)
    drawn = Counter[int]()
    for batch in NestedSampler(paths, groups=3, batches=7):
        drawn.update(set(paths[batch, 0].tolist()))
    assert set(drawn.values()) == {3}


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_any_number_of_levels(levels: int) -> None:
    paths = torch.stack(torch.meshgrid(*[torch.arange(3)] * (levels + 1), indexing="ij"), -1)
    rows = paths.reshape(-1, levels + 1)[:, :levels]
    batch = next(iter(NestedSampler(rows, groups=2)))
    assert len(set(batch)) == 2 ** (levels + 1)


def test_a_taxonomy_nests_too() -> None:
    tree = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b", "z")])
    labels = tree.leaf_ids.repeat(5)
    batch = next(iter(NestedSampler(labels, tree, groups=2, branching=(2, 1))))
    assert sorted(tree.decode(labels[batch])) == ["x", "y", "z", "z"]


def test_branching_is_whole_numbers_of_any_kind() -> None:
    for branching in (np.int64(2), np.array([2, 2]), [2, 2]):
        assert len(next(iter(NestedSampler(even(3, 2, 2), groups=1, branching=branching)))) == 4
    with pytest.raises(TypeError, match=r"branching must be a whole number, got 2\.0"):
        NestedSampler(even(3, 2, 2), groups=1, branching=2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 4}, "groups=4, but the labels hold 3"),
        ({"groups": 1, "branching": (2,)}, r"one number for each of 2 levels, got \(2,\)"),
        ({"groups": 1, "branching": (2, 0)}, "branching must be at least 1, got 0"),
        ({"groups": 1, "repeat": 0}, "repeat must be at least 1, got 0"),
        ({"groups": 1, "uneven": "no"}, "uneven must be 'repeat' or 'fewer', got 'no'"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NestedSampler(even(3, 2, 2), **options)  # type: ignore[arg-type]
