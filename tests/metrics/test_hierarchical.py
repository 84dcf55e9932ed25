"""HF1, H-Acc, severity and distance at k, against definitions written with sets."""

from __future__ import annotations

import math
import random
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.metrics import (
    h_acc,
    hf1,
    hierarchical_distance_at_k,
    lca_height,
    mistake_severity,
)
from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.taxonomy import Taxonomy


def above(tax: Taxonomy, name: str) -> set[str]:
    """The node and its ancestors without the root, by walking up."""
    found = {name}
    for parent in tax.parents(name):
        found |= above(tax, parent)
    return found - {tax.root}


def drawn(tax: Taxonomy, seed: int, n: int = 15) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    return rng.choices(tax.nodes, k=n), rng.choices(tax.nodes, k=n)


def ratio(pairs: list[tuple[set[str], set[str]]]) -> float:
    shared = sum(len(a & b) for a, b in pairs)
    size_a, size_b = sum(len(a) for a, _ in pairs), sum(len(b) for _, b in pairs)
    if size_a + size_b == 0:
        return 1.0
    if shared == 0:
        return 0.0
    precision, recall = shared / size_a, shared / size_b
    return 2 * precision * recall / (precision + recall)


@given(seed=st.integers(0, 10**6), extra=st.sampled_from([0, 0, 4, 9]))
@settings(deadline=None, max_examples=40)
def test_hf1_is_its_definition_with_sets(make_taxonomy, seed, extra) -> None:
    tax = make_taxonomy(seed, 12, extra)
    pred, target = drawn(tax, seed)
    pairs = [(above(tax, p), above(tax, t)) for p, t in zip(pred, target, strict=True)]
    ids = tax.encode(pred), tax.encode(target)
    assert hf1(*ids, tax) == pytest.approx(ratio(pairs), abs=1e-12)
    single = [ratio([pair]) for pair in pairs]
    assert hf1(*ids, tax, "samples") == pytest.approx(sum(single) / len(single), abs=1e-12)
    by_class = [
        ratio([pair for pair, t in zip(pairs, target, strict=True) if t == c]) for c in set(target)
    ]
    assert hf1(*ids, tax, "macro") == pytest.approx(sum(by_class) / len(by_class), abs=1e-12)


@given(
    seed=st.integers(0, 10**6),
    branching=st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple),
)
@settings(deadline=None, max_examples=40)
def test_on_even_trees_hf1_is_linear_h_acc_is_mean_lca_depth(uniform_tree, seed, branching) -> None:
    tax = uniform_tree(branching)
    g = torch.Generator().manual_seed(seed)
    pred, target = tax.leaf_ids[torch.randint(len(tax.leaf_ids), (2, 9), generator=g)]
    expected = float((tax.lca_depth(pred, target).double() / tax.height).mean())
    assert hf1(pred, target, tax) == pytest.approx(expected, abs=1e-12)
    assert h_acc(pred, target, tax) == pytest.approx(expected, abs=1e-12)
    assert h_acc(pred, target, tax, "edge") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("extra", [0, 6])
def test_a_perfect_prediction_scores_one(make_taxonomy, extra) -> None:
    tax = make_taxonomy(3, 14, extra)
    ids = tax.leaf_ids
    for average in ("micro", "macro", "samples"):
        assert hf1(ids, ids, tax, average) == 1.0
    for weights in ("linear", "exp", "edge"):
        assert h_acc(ids, ids, tax, weights) == 1.0
    assert mistake_severity(ids, ids, tax) == 0.0
    assert hierarchical_distance_at_k(ids.unsqueeze(-1), ids, tax, 1) == 0.0


@pytest.mark.parametrize("extra", [0, 8])
@pytest.mark.parametrize("seed", range(4))
def test_h_acc_by_hand(make_taxonomy, seed, extra) -> None:
    tax = make_taxonomy(seed, 12, extra)
    pred, target = (tax.encode(names) for names in drawn(tax, seed))
    hops = [int(tax.distance(p, t)) for p, t in zip(pred, target, strict=True)]
    linear = [max(0.0, 1 - d / (2 * tax.height)) for d in hops]
    assert h_acc(pred, target, tax) == pytest.approx(sum(linear) / len(linear))
    decayed = [math.exp(-d / 2) for d in hops]
    assert h_acc(pred, target, tax, "exp") == pytest.approx(sum(decayed) / len(decayed))


def test_edge_weights_count_in_h_acc() -> None:
    tax = Taxonomy.from_edges([("r", "a", 3.0), ("r", "b", 1.0), ("a", "x", 1.0), ("a", "y", 1.0)])
    near = h_acc(tax.encode(["x"]), tax.encode(["y"]), tax, "edge")
    far = h_acc(tax.encode(["x"]), tax.encode(["b"]), tax, "edge")
    assert near == pytest.approx(1 - 2 / 8)
    assert far == pytest.approx(1 - 5 / 8)


@given(seed=st.integers(0, 10**6), extra=st.sampled_from([0, 7]))
@settings(deadline=None, max_examples=30)
def test_heights_are_longest_paths_down(make_taxonomy, seed, extra) -> None:
    tax = make_taxonomy(seed, 13, extra)

    @cache
    def height(name: str) -> int:
        return max((1 + height(child) for child in tax.children(name)), default=0)

    assert tax.node_height.tolist() == [height(name) for name in tax.nodes]
    pred, target = (tax.encode(names) for names in drawn(tax, seed))
    lca = [tax.nodes[int(v)] for v in tax.lca(pred, target)]
    assert lca_height(pred, target, tax).tolist() == [height(name) for name in lca]
    wrong = [height(a) for a, p, t in zip(lca, pred, target, strict=True) if p != t]
    expected = sum(wrong) / len(wrong) if wrong else 0.0
    assert mistake_severity(pred, target, tax) == pytest.approx(expected)


@pytest.mark.parametrize("extra", [0, 9])
def test_ancestor_pairs_are_the_sets(make_taxonomy, extra) -> None:
    tax = make_taxonomy(5, 15, extra)
    ids = torch.tensor([9, 0, 14, 9])
    rows, nodes = ancestor_pairs(tax, ids)
    for row, name in enumerate(tax.decode(ids)):
        assert set(tax.decode(nodes[rows == row])) == above(tax, name)
    assert len(rows) == sum(len(above(tax, name)) for name in tax.decode(ids))


def test_hierarchical_distance_grows_with_k(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    leaves = tax.leaf_ids
    ranked = torch.stack([leaves, leaves.view(2, 2).flip(1).flatten()], dim=1)
    assert hierarchical_distance_at_k(ranked, leaves, tax, 1) == 0.0
    assert hierarchical_distance_at_k(ranked, leaves, tax, 2) == 0.5


@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        ([], [], "pred is empty"),
        ([1, 2], [1], "same number of rows"),
        ([99], [1], "unknown node id 99"),
        ([1], [-1], "unknown node id -1"),
        ([[1]], [[1]], "must be 1-dimensional"),
        ([0.5], [1], "integer node ids"),
    ],
)
def test_bad_ids_are_named(make_taxonomy, pred, target, message) -> None:
    tax = make_taxonomy(0)
    pred, target = torch.tensor(pred), torch.tensor(target)
    if not pred.numel():
        pred, target = pred.long(), target.long()
    for metric in (hf1, h_acc, mistake_severity):
        with pytest.raises(ValueError, match=message):
            metric(pred, target, tax)


def test_unknown_options_are_named(make_taxonomy) -> None:
    tax, ids = make_taxonomy(0), torch.tensor([1])
    with pytest.raises(ValueError, match="'median'"):
        hf1(ids, ids, tax, "median")
    with pytest.raises(ValueError, match="'cubic'"):
        h_acc(ids, ids, tax, "cubic")
    with pytest.raises(ValueError, match="k must be 1 to 1"):
        hierarchical_distance_at_k(ids.unsqueeze(0), ids, tax, 2)


def test_a_right_inner_node_costs_nothing_at_k(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    inner = tax.parent_id[tax.leaf_ids[:1]]
    assert hierarchical_distance_at_k(inner.unsqueeze(0), inner, tax, 1) == 0.0
    both = torch.stack((inner, tax.leaf_ids[:1]), dim=1)
    assert hierarchical_distance_at_k(both, inner, tax, 2) == 0.5
