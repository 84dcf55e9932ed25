"""Gromov's delta against a loop over quadruples, and where it is known."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch

from hyperhier.manifolds import Lorentz, as_manifold, get_manifold
from hyperhier.metrics import delta_hyperbolicity, delta_of_distances

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def naive(d: torch.Tensor) -> tuple[float, float]:
    deltas = []
    for i, j, k, m in combinations(range(len(d)), 4):
        sums = sorted(
            (float(d[i, j] + d[k, m]), float(d[i, k] + d[j, m]), float(d[i, m] + d[j, k]))
        )
        deltas.append((sums[2] - sums[1]) / 2)
    return max(deltas), sum(deltas) / len(deltas)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_four_point_condition_over_all_quadruples(name) -> None:
    manifold = get_manifold(name)
    points = manifold.from_features(torch.randn(13, 3, dtype=torch.float64))
    distance = manifold.dist_matrix(points, points)
    largest, mean = naive(distance)
    got = delta_hyperbolicity(points, manifold)
    assert got.exact and got.points == 13
    assert got.delta == pytest.approx(largest, abs=1e-12)
    assert got.mean == pytest.approx(mean, abs=1e-12)
    assert got.diameter == pytest.approx(float(distance.max()))
    assert got.relative == pytest.approx(2 * largest / float(distance.max()))
    assert delta_of_distances(distance).delta == pytest.approx(largest, abs=1e-12)


def test_trees_have_delta_zero_and_a_cycle_has_not(make_taxonomy) -> None:
    tree = make_taxonomy(3, 30)
    assert delta_of_distances(tree.distance_matrix()).delta == 0.0
    hops = torch.arange(8)
    around = (hops[:, None] - hops).abs()
    cycle = delta_of_distances(torch.minimum(around, 8 - around))
    assert (cycle.delta, cycle.diameter, cycle.relative) == (2.0, 4.0, 1.0)


def test_the_hyperbolic_plane_is_bounded_by_log_two() -> None:
    """Its delta by the four-point condition is log 2 (Nica and Spakula 2016)."""
    manifold = Lorentz()
    angle = torch.arange(4, dtype=torch.float64) * math.pi / 2
    far = 30.0 * torch.stack((angle.cos(), angle.sin()), dim=-1)
    got = delta_hyperbolicity(manifold.from_features(far), manifold)
    assert got.delta == pytest.approx(math.log(2.0), abs=1e-9)
    spread = manifold.from_features(10.0 * torch.randn(40, 2, dtype=torch.float64))
    assert delta_hyperbolicity(spread, manifold).delta <= math.log(2.0) + 1e-9


def test_larger_sets_are_drawn_with_a_seed() -> None:
    manifold = get_manifold("euclidean")
    points = torch.randn(40, 3)
    whole = delta_hyperbolicity(points, manifold)
    part = delta_hyperbolicity(points, manifold, limit=12, draws=30, seed=5)
    assert not part.exact and part.points == 12
    assert part == delta_hyperbolicity(points, manifold, limit=12, draws=30, seed=5)
    assert part != delta_hyperbolicity(points, manifold, limit=12, draws=30, seed=6)
    assert part.delta <= whole.delta and part.diameter <= whole.diameter
    assert part.mean == pytest.approx(whole.mean, rel=0.1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_than_four_points_are_a_tree(n) -> None:
    got = delta_hyperbolicity(torch.randn(n, 2), get_manifold("euclidean"))
    assert (got.delta, got.mean, got.relative, got.exact) == (0.0, 0.0, 0.0, True)


def test_manifolds_of_geoopt_are_taken() -> None:
    geoopt = pytest.importorskip("geoopt")
    ours, theirs = Lorentz(), as_manifold(geoopt.Lorentz())
    points = ours.from_features(torch.randn(10, 3, dtype=torch.float64))
    expected = delta_hyperbolicity(points, ours).delta
    assert delta_hyperbolicity(points, theirs).delta == pytest.approx(expected, abs=1e-5)


def test_what_is_no_distance_matrix_is_named() -> None:
    good = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert delta_of_distances(good).delta == 0.0
    for bad, message in [
        (good[0], "shape"),
        (good[:1], "shape"),
        (good[:0, :0], "shape"),
        (good - 2.0, "negative value -2.0"),
        (good + 1.0, "diagonal of distance must be 0, got 1.0"),
        (good * torch.tensor([1.0, 3.0]), "not symmetric"),
        (good * torch.nan, "not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            delta_of_distances(bad)
    with pytest.raises(ValueError, match="limit must be at least 4, got 3"):
        delta_hyperbolicity(good, get_manifold("euclidean"), limit=3)
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        delta_hyperbolicity(good, get_manifold("euclidean"), draws=0)
