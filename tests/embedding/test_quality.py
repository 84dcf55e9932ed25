"""MAP, mean rank and distortion against loops over nodes."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import TaxonomyEmbedding, embed
from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._distances import _row, compiled_row, distance_row
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy


def by_loops(emb: TaxonomyEmbedding) -> tuple[float, float]:
    """The definition: sort the other nodes by distance; where do the ancestors come?"""
    tax, precisions, ranks = emb.taxonomy, [], []
    for u in tax.nodes:
        own = set(tax.ancestors(u))
        if not own:
            continue
        distance = {v: emb.distance(u, v) for v in tax.nodes if v != u}
        shares = []
        for a in own:
            near = [v for v in distance if distance[v] <= distance[a]]
            shares.append(sum(v in own for v in near) / len(near))
            ranks.append(1 + sum(v not in own for v in near))
        precisions.append(sum(shares) / len(shares))
    return sum(precisions) / len(precisions), sum(ranks) / len(ranks)


@given(
    seed=st.integers(0, 10**6),
    extra=st.sampled_from([0, 6]),
    name=st.sampled_from(["euclidean", "sphere", "poincare", "lorentz"]),
)
@settings(deadline=None, max_examples=12)
def test_map_and_mean_rank_are_their_definition(random_tree, seed, extra, name) -> None:
    tax = random_tree(seed, 12, extra)
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(seed)
    points = manifold.from_features(torch.randn(12, 3, generator=g, dtype=torch.float64))
    points[3] = points[4]  # a tie
    emb = TaxonomyEmbedding(tax, manifold, points)
    figures = emb.evaluate()
    assert (figures["map"], figures["mean_rank"]) == pytest.approx(by_loops(emb), abs=1e-12)


def test_map_is_scikit_learns_average_precision(random_tree) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    tax = random_tree(3, 14, 4)
    manifold = get_manifold("euclidean")
    g = torch.Generator().manual_seed(0)
    emb = TaxonomyEmbedding(tax, manifold, torch.randn(14, 2, generator=g, dtype=torch.float64))
    scores = []
    for u in tax.nodes:
        others = [v for v in tax.nodes if v != u]
        truth = [v in tax.ancestors(u) for v in others]
        if any(truth):
            near = [-emb.distance(u, v) for v in others]
            scores.append(sklearn.average_precision_score(truth, near))
    assert emb.evaluate()["map"] == pytest.approx(sum(scores) / len(scores))


@pytest.mark.parametrize("seed", range(3))
def test_distortion_is_its_definition(random_tree, seed) -> None:
    tax = random_tree(seed, 14)
    manifold = get_manifold("lorentz")
    g = torch.Generator().manual_seed(seed)
    points = manifold.from_features(torch.randn(14, 3, generator=g, dtype=torch.float64))
    emb = TaxonomyEmbedding(tax, manifold, points)
    ratios = torch.tensor(
        [
            emb.distance(tax.nodes[i], tax.nodes[j]) / int(tax.distance(i, j))
            for i in range(14)
            for j in range(i)
        ]
    )
    figures = emb.evaluate()
    assert figures["worst_distortion"] == pytest.approx(float(ratios.max() / ratios.min()))
    # no scale does better, and one as good exists
    scales = torch.cat((ratios, torch.linspace(float(ratios.min()), float(ratios.max()), 400)))
    best = min(float((ratios / s - 1).abs().mean()) for s in scales)
    assert figures["average_distortion"] == pytest.approx(best, rel=1e-6)


def test_an_isometric_embedding_has_no_distortion() -> None:
    tax = Taxonomy.from_edges([("a", "b", 2.0), ("b", "c", 3.0), ("c", "d", 0.0)])
    points = torch.tensor([[0.0], [4.0], [10.0], [10.0]], dtype=torch.float64)
    figures = TaxonomyEmbedding(tax, get_manifold("euclidean"), points).evaluate()
    assert figures["average_distortion"] == pytest.approx(0.0, abs=1e-12)
    assert figures["worst_distortion"] == pytest.approx(1.0)


def test_collapse_is_finite_and_bad(random_tree) -> None:
    tax = random_tree(0, 9)
    points = torch.zeros(9, 2, dtype=torch.float64)
    figures = TaxonomyEmbedding(tax, get_manifold("euclidean"), points).evaluate()
    assert figures["average_distortion"] == 1.0
    assert figures["worst_distortion"] == sys.float_info.max
    assert figures["map"] < 0.6


def test_a_sample_is_near_the_whole_and_says_so(random_tree) -> None:
    emb = embed(random_tree(2, 200, 15), dim=2)
    whole, part = emb.evaluate(), emb.evaluate(max_nodes=80, seed=1)
    assert "sampled_nodes" not in whole
    assert part["sampled_nodes"] == 80
    assert part["map"] == pytest.approx(whole["map"], abs=0.1)
    assert part == emb.evaluate(max_nodes=80, seed=1)
    assert part != emb.evaluate(max_nodes=80, seed=2)


def test_distances_hold_as_far_out_as_radii_do() -> None:
    columns = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    radius = np.array([335.0, 335.0, 1.0])
    half, sinh = np.exp(0.5 * radius), np.sinh(radius)
    rows = [distance_row, _row] + ([compiled_row()] if is_available() else [])
    for row in rows:
        out = np.empty(3)
        row(columns, half, sinh, 0, 0, out)
        assert out == pytest.approx([0.0, 670.0, 336.0 - math.log(2.0)], rel=1e-3, abs=1e-12)


def test_a_sample_of_a_closure_that_cannot_be_listed() -> None:
    size = 60_000
    chain = Taxonomy.from_arrays(
        [f"n{k}" for k in range(size)], np.arange(size - 1), np.arange(1, size)
    )
    points = torch.arange(size, dtype=torch.float64).unsqueeze(1)
    figures = TaxonomyEmbedding(chain, get_manifold("euclidean"), points).evaluate(max_nodes=20)
    assert figures["average_distortion"] == pytest.approx(0.0, abs=1e-12)
    # what is below a node is as near as what is above, until the chain ends
    precisions = []
    for u in torch.randperm(size, generator=torch.Generator().manual_seed(0))[:20].tolist():
        k = np.arange(1, u + 1)
        precisions.append(np.mean(k / (k + np.minimum(k, size - 1 - u))))
    assert figures["map"] == pytest.approx(np.mean(precisions), rel=1e-12)
