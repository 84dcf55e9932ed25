"""The link-prediction split by brute force, and scores and thresholds of is-a."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import ConstructiveEmbedder, TaxonomyEmbedding, embed
from hyperhier.embedding._cones.is_a import Decision, best_decision, is_a_scores
from hyperhier.embedding._cones.links import link_prediction_split
from hyperhier.errors import TaxonomyError
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, read_taxonomy

PARTS = ("train", "validation", "test", "validation_negatives", "test_negatives")


def as_pairs(ids: torch.Tensor) -> list[tuple[int, int]]:
    return [(u, v) for u, v in ids.T.tolist()]


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("extra", [0, 60])
def test_the_split_is_that_of_the_protocol(random_tree, extra: int, fraction: float) -> None:
    tax = random_tree(11, 100, extra=extra)
    split = link_prediction_split(tax, fraction, seed=3)
    every = torch.arange(100)
    held = tax.is_ancestor(every.unsqueeze(0), every.unsqueeze(1)).tolist()
    above = {u: {v for v in range(1, 100) if held[u][v]} for u in range(1, 100)}
    closure = {(u, v) for u, ancestors in above.items() for v in ancestors}
    basic = {(u, v) for u, v in closure if not any(v in above[w] for w in above[u])}
    other = closure - basic

    train, validation, test = (as_pairs(getattr(split, part)) for part in PARTS[:3])
    assert len(set(train)) == len(train) and basic <= set(train) <= closure
    assert len(train) == len(basic) + math.floor(fraction * len(other))
    for held in (validation, test):
        assert len(set(held)) == len(held) == len(other) // 20 > 0
        assert set(held) <= other
    assert not set(train) & set(test) and not set(train) & set(validation)
    assert not set(validation) & set(test)

    for held, false in ((validation, split.validation_negatives), (test, split.test_negatives)):
        negatives = as_pairs(false)
        assert len(negatives) == 10 * len(held)
        for i, (u, v) in enumerate(held):
            ten = negatives[10 * i : 10 * i + 10]
            assert not set(ten) & closure and len(set(ten)) == 10
            assert all(a != b and a != 0 and b != 0 for a, b in ten)
            sides = [a == u for a, _ in ten]
            free = 98 - sum(v in ancestors for ancestors in above.values())
            assert sides == [True] * 5 + [free < 5] * 5
            assert all(own or b == v for own, (_, b) in zip(sides, ten, strict=True))


def test_fractions_of_one_seed_share_what_is_held_out(random_tree) -> None:
    tax = random_tree(12, 120, extra=20)
    less, more = link_prediction_split(tax, 0.1, 5), link_prediction_split(tax, 0.5, 5)
    assert set(as_pairs(less.train)) < set(as_pairs(more.train))
    for part in PARTS[1:]:
        assert torch.equal(getattr(less, part), getattr(more, part))


def test_the_seed_decides_the_split(random_tree) -> None:
    tax = random_tree(13, 120)
    first, again, other = (link_prediction_split(tax, 0.25, seed) for seed in (0, 0, 1))
    assert all(torch.equal(getattr(first, part), getattr(again, part)) for part in PARTS)
    assert not torch.equal(first.test, other.test)


@given(seed=st.integers(0, 10**6), extra=st.integers(0, 60))
@settings(max_examples=5)
def test_training_pairs_make_a_taxonomy_with_the_same_ids(random_tree, seed, extra) -> None:
    tax = random_tree(seed, 60, extra=extra)
    for fraction in (0.0, 0.4):
        split = link_prediction_split(tax, fraction, seed)
        known = split.taxonomy
        assert known.nodes == tax.nodes
        assert torch.equal(known.parent_id, tax.parent_id)
        edges = set(as_pairs(known.edges[:, known.edges[1] != 0]))
        assert edges == set(as_pairs(split.train))
        # what is held out follows from the basic pairs
        assert set(as_pairs(known.closure())) == set(as_pairs(tax.closure()))


def test_a_split_that_cannot_be_made_is_refused(regular_tree, shapes) -> None:
    for fraction in (-0.1, 0.95, math.nan):
        with pytest.raises(ValueError, match=r"fraction must lie between 0 and 0\.9"):
            link_prediction_split(regular_tree(2, 4), fraction)
    with pytest.raises(ValueError, match="0 non-basic pairs are too few"):
        link_prediction_split(shapes["star"], 0.0)
    chain = Taxonomy.from_edges([(f"c{i:02}", f"c{i + 1:02}") for i in range(12)])
    with pytest.raises(ValueError, match="too small"):
        link_prediction_split(chain, 0.0)


def test_construction_predicts_every_link_of_a_tree(random_tree) -> None:
    tax = random_tree(14, 200)
    split = link_prediction_split(tax, 0.0, 0)
    emb = ConstructiveEmbedder(dim=2).fit(split.taxonomy).embedding_
    held = [is_a_scores(emb, part) for part in (split.validation, split.validation_negatives)]
    found = best_decision(*held)
    test = [is_a_scores(emb, part) for part in (split.test, split.test_negatives)]
    assert found.f1 == Decision.of(found.threshold, *test).f1 == 1.0
    assert Decision.of(0.0, *test).f1 == 1.0


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=12),
    st.lists(st.integers(-4, 4), min_size=1, max_size=12),
)
@settings(max_examples=30)
def test_no_threshold_is_better_than_the_best(positive, negative) -> None:
    true, false = torch.tensor(positive).double(), torch.tensor(negative).double()
    best = best_decision(true, false)
    assert best == Decision.of(best.threshold, true, false)
    every = {t: Decision.of(t, true, false).f1 for t in range(-5, 6)}
    assert best.f1 == pytest.approx(max(every.values()))
    strictest = max(t for t, f1 in every.items() if f1 > best.f1 - 1e-12)
    if best.f1:
        below = [x for x in (*positive, *negative) if x < strictest]
        assert best.threshold == (0.5 * (strictest + max(below)) if below else strictest)


def test_a_threshold_needs_both_kinds_of_pairs() -> None:
    some, none = torch.zeros(3), torch.empty(0)
    for pair in ((some, none), (none, some)):
        with pytest.raises(ValueError, match="true pairs and of false ones"):
            best_decision(*pair)
    with pytest.raises(ValueError, match="NaN"):
        best_decision(torch.tensor([math.nan]), some)
    assert Decision.of(1.0, some, some) == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("manifold", ["lorentz", "poincare", "polar", "euclidean", "sphere"])
def test_scores_are_those_of_their_definitions(random_tree, manifold: str) -> None:
    tax = random_tree(15, 12)
    space = get_manifold(manifold)
    features = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    emb = TaxonomyEmbedding(tax, space, space.from_features(features))
    names = [("n3", "n1"), ("n1", "n3"), ("n5", "n0")]
    ids = torch.stack([tax.encode([pair[k] for pair in names]) for k in (0, 1)])
    for score in ("half_space", "cone", "distance", "ranked_distance"):
        if (manifold, score) == ("sphere", "cone"):
            continue
        found = is_a_scores(emb, names, score, alpha=7.0)
        assert found.shape == (3,) and torch.equal(found, is_a_scores(emb, ids, score, alpha=7.0))
        for (u, v), value in zip(names, found.tolist(), strict=True):
            d = emb.distance(u, v)
            if score == "half_space":
                assert value == pytest.approx(emb.norm(u) - d, abs=1e-12)
            elif score == "distance":
                assert value == pytest.approx(-d)
            elif score == "ranked_distance":
                norms = [emb.norm(v), emb.norm(u)]
                if manifold in ("lorentz", "poincare", "polar"):
                    norms = [math.tanh(norm / 2.0) for norm in norms]
                assert value == pytest.approx(-(1.0 + 7.0 * (norms[0] - norms[1])) * d)
            else:
                assert -math.pi <= value <= 0.0


def test_bad_questions_are_refused(regular_tree) -> None:
    emb = embed(regular_tree(2, 2))
    for pairs, score, message in (
        ([("r", "r.0")], "angle", "score must be one of"),
        (torch.zeros(3, 2, dtype=torch.int64), "cone", r"shape \(2, P\), got \(3, 2\)"),
        (torch.tensor([[0], [7]]), "cone", "ids from 0 to 6"),
    ):
        with pytest.raises(ValueError, match=message):
            is_a_scores(emb, pairs, score)
    with pytest.raises(TaxonomyError, match="nobody"):
        is_a_scores(emb, [("r", "nobody")])
    assert is_a_scores(emb, []).shape == (0,)


@pytest.mark.data
@pytest.mark.deep
def test_counts_of_the_nouns_are_the_published_ones(data_dir) -> None:
    tax = read_taxonomy(data_dir("wordnet30") / "nouns_direct.csv.gz")
    split = link_prediction_split(tax, 0.0)
    assert split.train.shape == (2, 84_363)
    assert split.test.shape == split.validation.shape == (2, 28_838)
    assert split.test_negatives.shape == (2, 288_380)


@pytest.mark.data
@pytest.mark.parametrize("dim", [2, 5])
def test_mammals_are_predicted_from_basic_pairs_alone(data_dir, dim: int) -> None:
    tax = read_taxonomy(
        data_dir("wordnet30") / "mammal_closure.tsv", header=("child", "parent"), roots="largest"
    )
    split = link_prediction_split(tax, 0.0, 1)
    emb = ConstructiveEmbedder(dim=dim).fit(split.taxonomy).embedding_
    test = [is_a_scores(emb, part) for part in (split.test, split.test_negatives)]
    assert Decision.of(0.0, *test).f1 > 0.985


def test_ids_may_repeat_and_come_in_any_number(regular_tree) -> None:
    emb = embed(regular_tree(2, 2))
    ids = torch.tensor(list(itertools.product(range(7), repeat=2))).T
    twice = is_a_scores(emb, torch.cat((ids, ids), dim=1))
    assert torch.equal(twice[:49], twice[49:])
