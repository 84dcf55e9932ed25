"""HF1 of label sets against plain sets."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from hyperhier.data import multi_hot
from hyperhier.manifolds import Euclidean
from hyperhier.metrics import bootstrap_interval, hf1, hf1_of_sets, knn_hf1_of_sets
from hyperhier.taxonomy import Taxonomy


@pytest.mark.parametrize("extra", [0, 8])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition_with_sets(make_taxonomy, seed, extra) -> None:
    tax = make_taxonomy(seed, 14, extra)
    g = torch.Generator().manual_seed(seed)
    pred, target = torch.rand(2, 20, len(tax), generator=g) < 0.12

    def closed(row: torch.Tensor) -> set[str]:
        names = tax.decode(row.nonzero().squeeze(1))
        return {v for name in names for v in (name, *tax.ancestors(name))} - {tax.root}

    pairs = [(closed(p), closed(t)) for p, t in zip(pred, target, strict=True)]
    sizes = [(len(a & b), len(a) + len(b)) for a, b in pairs]
    expected = 2 * sum(s for s, _ in sizes) / sum(n for _, n in sizes)
    assert hf1_of_sets(pred, target, tax) == pytest.approx(expected)
    single = [2 * s / n if n else 1.0 for s, n in sizes]
    assert hf1_of_sets(pred, target, tax, "samples") == pytest.approx(sum(single) / len(single))


@pytest.mark.parametrize("average", ["micro", "samples"])
def test_with_one_label_a_sample_it_is_hf1(make_taxonomy, average) -> None:
    tax = make_taxonomy(5, 14, 6)
    pred, target = torch.randint(len(tax), (2, 30))
    tables = torch.eye(len(tax), dtype=torch.bool)
    expected = hf1(pred, target, tax, average)
    assert hf1_of_sets(tables[pred], tables[target], tax, average) == pytest.approx(expected)
    fast = bootstrap_interval(
        partial(hf1_of_sets, taxonomy=tax, average=average), tables[pred], tables[target], n=50
    )
    ids = bootstrap_interval(partial(hf1, taxonomy=tax, average=average), pred, target, n=50)
    assert (fast.low, fast.high) == pytest.approx((ids.low, ids.high))


def test_empty_sets_agree_and_marked_ancestors_change_nothing(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    none = torch.zeros(2, len(tax), dtype=torch.bool)
    assert hf1_of_sets(none, none, tax) == hf1_of_sets(none, none, tax, "samples") == 1.0
    leaf = none.clone()
    leaf[:, tax.leaf_ids[0]] = True
    assert hf1_of_sets(none, leaf, tax) == 0.0
    closed = leaf.clone()
    closed[:, tax.parent_id[tax.leaf_ids[0]]] = True
    closed[:, tax.root_id] = True
    assert hf1_of_sets(closed, leaf, tax) == 1.0
    assert hf1_of_sets(closed.T.contiguous().T, leaf, tax) == 1.0


def test_the_most_frequent_set_of_the_neighbours() -> None:
    tree = Taxonomy.from_paths([("top", p, p + i) for p in "rl" for i in "123"])
    gallery = torch.tensor([[0.0], [0.1], [0.2], [9.0]])
    sets = multi_hot([["r1", "l1"], ["r1", "l1"], ["r2"], ["l2"]], tree)
    query, target = torch.tensor([[0.19], [8.0]]), multi_hot([["r1"], ["l2", "l3"]], tree)
    expected = {
        1: [["r2"], ["l2"]],
        3: [["r1", "l1"], ["l2"]],  # two of three; of three different ones the nearest
    }
    for k, names in expected.items():
        found = knn_hf1_of_sets(query, target, gallery, sets, tree, Euclidean(), k)
        assert found == hf1_of_sets(multi_hot(names, tree), target, tree)
    with pytest.raises(ValueError, match=r"gallery_sets must have shape \(n, 9\), got \(4, 8\)"):
        knn_hf1_of_sets(query, target, gallery, sets[:, 1:], tree, Euclidean())
    with pytest.raises(ValueError, match="query_sets must be a bool tensor"):
        knn_hf1_of_sets(query, target.float(), gallery, sets, tree, Euclidean())


def test_bad_input_is_named(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    good = torch.zeros(2, len(tax), dtype=torch.bool)
    with pytest.raises(ValueError, match=r"pred must be a bool tensor \(n, nodes\), got torch.f"):
        hf1_of_sets(good.float(), good, tax)
    with pytest.raises(ValueError, match=r"target must have shape \(n, 7\), got \(2, 3\)"):
        hf1_of_sets(good, good[:, :3], tax)
    with pytest.raises(ValueError, match="pred is empty"):
        hf1_of_sets(good[:0], good[:0], tax)
    with pytest.raises(ValueError, match="pred has 2, target has 1"):
        hf1_of_sets(good, good[:1], tax)
    with pytest.raises(ValueError, match="'macro'"):
        hf1_of_sets(good, good, tax, "macro")
