"""Cophenetic and depth-norm correlation against scipy."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from scipy import stats

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import cophenetic_correlation, depth_norm_correlation
from hyperhier.metrics._correlation import Moments, average_ranks, pearson
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def cloud(tax: Taxonomy, name: str, n: int, seed: int = 0):
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(seed)
    points = manifold.from_features(torch.randn(n, 3, generator=g, dtype=torch.float64))
    return points, torch.randint(len(tax), (n,), generator=g), manifold


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", [0, 6])
def test_cophenetic_correlation_is_that_of_all_pairs(make_taxonomy, name, extra) -> None:
    tax = make_taxonomy(1, 15, extra)
    points, ids, manifold = cloud(tax, name, 20)
    pairs = list(combinations(range(20), 2))
    measured = [float(manifold.dist(points[i], points[j])) for i, j in pairs]
    target = [int(tax.distance(ids[i], ids[j])) for i, j in pairs]
    args = (points, ids, tax, manifold)
    expected = stats.pearsonr(measured, target).statistic
    assert cophenetic_correlation(*args) == pytest.approx(expected, abs=1e-9)
    assert cophenetic_correlation(*args, chunk=3) == pytest.approx(expected, abs=1e-9)
    expected = stats.spearmanr(measured, target).statistic
    assert cophenetic_correlation(*args, method="spearman") == pytest.approx(expected, abs=1e-9)


def test_points_at_the_distances_of_the_tree_correlate_fully() -> None:
    tax = Taxonomy.from_edges([("r", "a", 2.0), ("r", "b", 5.0)])
    points, ids = torch.tensor([[0.0], [-2.0], [5.0]]), tax.encode(["r", "a", "b"])
    manifold = get_manifold("euclidean")
    assert cophenetic_correlation(points, ids, tax, manifold, weighted=True) == pytest.approx(1.0)
    assert cophenetic_correlation(points, ids, tax, manifold) < 0.99


@pytest.mark.parametrize("name", NAMES)
def test_depth_norm_correlation_is_spearman_with_ties(make_taxonomy, name) -> None:
    tax = make_taxonomy(4, 15)
    points, ids, manifold = cloud(tax, name, 40)
    expected = stats.spearmanr(tax.depth[ids].numpy(), manifold.dist0(points).numpy()).statistic
    assert depth_norm_correlation(points, ids, tax, manifold) == pytest.approx(expected, abs=1e-9)


def test_what_is_not_defined_is_zero(uniform_tree) -> None:
    tax = uniform_tree((3,))
    manifold = get_manifold("lorentz")
    points, _, _ = cloud(tax, "lorentz", 3)
    flat = tax.leaf_ids
    assert cophenetic_correlation(points, flat, tax, manifold) == 0.0  # all leaves equally far
    assert depth_norm_correlation(points, flat, tax, manifold) == 0.0
    assert cophenetic_correlation(points[:1], flat[:1], tax, manifold) == 0.0
    assert cophenetic_correlation(points[:1], flat[:1], tax, manifold, method="spearman") == 0.0
    collapsed = points[:1].expand_as(points)
    ids = torch.tensor([0, 1, 2])
    assert cophenetic_correlation(collapsed, ids, tax, manifold) == 0.0
    assert depth_norm_correlation(collapsed, ids, tax, manifold) == 0.0


def test_a_large_mean_does_not_drown_a_small_spread() -> None:
    x = torch.randn(1000, dtype=torch.float64)
    y = x + torch.randn(1000, dtype=torch.float64)
    expected = stats.pearsonr(x.numpy(), y.numpy()).statistic
    moments = Moments()
    for part_x, part_y in zip((x + 1e7).split(130), (y - 1e7).split(130), strict=True):
        moments.add(part_x, part_y)
    assert moments.correlation() == pytest.approx(expected, abs=1e-7)
    assert pearson(torch.full((9,), 0.1), torch.arange(9.0)) == 0.0


def test_average_ranks_are_those_of_scipy() -> None:
    x = torch.randint(6, (50,)).float()
    assert average_ranks(x).tolist() == stats.rankdata(x.numpy()).tolist()


def test_bad_input_is_named(uniform_tree) -> None:
    tax, manifold = uniform_tree((2, 2)), get_manifold("euclidean")
    points, ids = torch.zeros(2, 2), torch.tensor([1, 2])
    with pytest.raises(ValueError, match="'kendall'"):
        cophenetic_correlation(points, ids, tax, manifold, method="kendall")
    with pytest.raises(ValueError, match="points has 2, ids has 1"):
        cophenetic_correlation(points, ids[:1], tax, manifold)
    with pytest.raises(ValueError, match="unknown node id 99"):
        depth_norm_correlation(points, torch.tensor([1, 99]), tax, manifold)
    with pytest.raises(ValueError, match="points is empty"):
        depth_norm_correlation(points[:0], ids[:0], tax, manifold)
