"""A partner on every level for every anchor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.data import HMLCSampler
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy


def agreeing(one: np.ndarray, other: np.ndarray) -> int:
    """On how many levels, from the first, two paths agree."""
    same = one == other
    return int(same.cumprod().sum())


def test_a_tuple_has_one_partner_for_every_level() -> None:
    # 4 x 3 x 2 leaves with 30 samples each: partners never run out in the first batches
    paths = np.array([(a, b, c) for a in range(4) for b in range(3) for c in range(2)] * 30)
    sampler = HMLCSampler(torch.from_numpy(paths), batch_size=20, batches=20)
    for batch in sampler:
        assert len(batch) == 20
        for start in range(0, 20, 5):
            anchor, *partners = (paths[i] for i in batch[start : start + 5])
            assert [agreeing(anchor, p) for p in partners] == [3, 2, 1, 0]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=80),
    st.integers(4, 12),
    st.integers(0, 5),
)
def test_no_sample_comes_twice_in_an_epoch(
    rows: list[tuple[int, int]], batch_size: int, seed: int
) -> None:
    whole = batch_size // 4 * 4
    if len(rows) < whole:
        with pytest.raises(ValueError, match=f"do not fill a batch of {whole}"):
            HMLCSampler(rows, batch_size=batch_size)
        return
    sampler = HMLCSampler(rows, batch_size=batch_size, seed=seed)
    drawn = [i for batch in sampler for i in batch]
    assert len(drawn) == len(set(drawn)) == len(rows) // whole * whole


def test_a_partner_is_found_as_long_as_there_is_one() -> None:
    # 400 samples of one leaf, two of another: ten random draws would mostly miss those
    paths = [[0, 0]] * 400 + [[0, 1]] * 2 + [[1, 2]] * 2
    rows = np.array(paths)
    for seed in range(10):
        first = next(iter(HMLCSampler(paths, batch_size=4, seed=seed)))
        anchor, *partners = rows[first]
        if anchor.tolist() == [0, 0]:
            assert [agreeing(anchor, p) for p in partners] == [2, 1, 0]


def test_taxonomy_and_paths_are_the_same() -> None:
    tree = builtin_taxonomy("ham10000-malignancy")
    labels = tree.leaf_ids.repeat(9)
    paths = tree.paths(labels)[:, 1:]
    assert list(HMLCSampler(labels, tree, batch_size=10)) == list(HMLCSampler(paths, batch_size=10))


def test_shallow_leaves_stand_in_for_themselves() -> None:
    tree = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
    labels = tree.encode(["x", "y", "b"]).repeat(20)
    drawn = [i for batch in HMLCSampler(labels, tree, batch_size=8) for i in batch]
    assert len(drawn) == len(set(drawn)) == 56


def test_one_class_only() -> None:
    drawn = [i for batch in HMLCSampler([[0]] * 12, batch_size=6) for i in batch]
    assert sorted(drawn) == list(range(12))


def test_a_tree_of_one_node() -> None:
    tree = Taxonomy.from_edges([], nodes=["all"])
    drawn = [
        i for b in HMLCSampler(torch.zeros(7, dtype=torch.long), tree, batch_size=3) for i in b
    ]
    assert len(set(drawn)) == len(drawn) == 6


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match=r"batch_size=3 holds no tuple.*levels \+ 2 = 4"):
        HMLCSampler([[0, 0]] * 8, batch_size=3)
    with pytest.raises(ValueError, match="batches=3 of 4 samples, but 8 samples are enough for 2"):
        HMLCSampler([[0, 0]] * 8, batch_size=4, batches=3)
    with pytest.raises(ValueError, match=r"labels must be \(N, L\), got \(8,\)"):
        HMLCSampler([0] * 8)
