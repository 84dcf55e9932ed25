"""Stress: distances in proportion to the taxonomy's, on every geometry."""

from __future__ import annotations

import math
import random

import mpmath
import numpy as np
import pytest
import torch

from hyperhier.embedding import DistortionEmbedder, Progress, embed
from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._distances import compiled_row, distance_row, summary
from hyperhier.embedding._distortion import embedder as module
from hyperhier.embedding._distortion.chord import ChordPoints
from hyperhier.embedding._distortion.objective import Objective
from hyperhier.embedding._distortion.pairs import Pairs
from hyperhier.embedding._distortion.polar import PolarPoints
from hyperhier.embedding._distortion.stress import Schedule, fitted, minimise
from hyperhier.embedding._quality import distortion
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz", "polar")
QUICK = {"epochs": 24, "polish": 30}
needs_numba = pytest.mark.skipif(not is_available(), reason="numba is not installed")


def figures(tax: Taxonomy, **options: object) -> dict[str, float]:
    return DistortionEmbedder(**{**QUICK, **options}).fit(tax).embedding_.evaluate()


@pytest.fixture(scope="module")
def tree() -> Taxonomy:
    rng = random.Random(1)
    return Taxonomy.from_edges([(f"n{rng.randrange(v)}", f"n{v}") for v in range(1, 30)])


@pytest.fixture(scope="module")
def phylogeny() -> Taxonomy:
    """Edges of very different lengths, as in trees of species."""
    rng = random.Random(2)
    return Taxonomy.from_edges(
        [(f"n{(v - 1) // 2}", f"n{v}", 10.0 ** rng.uniform(-2.0, 0.5)) for v in range(1, 63)]
    )


# ------------------------------------------------------------------------------ the embedder


@pytest.mark.parametrize("name", NAMES)
def test_training_brings_distances_into_proportion(tree, name) -> None:
    common = {"manifold": name, "dim": 3, "init": "random"}
    before = figures(tree, **common, epochs=1, polish=0)
    after = figures(tree, **common)
    assert after["average_distortion"] < 0.8 * before["average_distortion"]
    assert after["average_distortion"] < 0.2


def test_training_improves_on_the_construction(phylogeny) -> None:
    for dim in (2, 5):
        built = embed(phylogeny, dim=dim, target="tree_distance").evaluate()
        trained = figures(phylogeny, dim=dim)
        assert trained["average_distortion"] < 0.8 * built["average_distortion"]
        assert trained["average_distortion"] < 0.04


def test_training_pays_where_room_is_short() -> None:
    """Three directions in a plane, and branches too crowded for three dimensions."""
    ternary = Taxonomy.from_edges([(f"n{(v - 1) // 3}", f"n{v}") for v in range(1, 121)])
    crowded = Taxonomy.from_edges(
        [("r", f"h{k}", 1.0) for k in range(4)]
        + [(f"h{k}", f"h{k}.{i}", 1e-2) for k in range(4) for i in range(20)]
        + [(f"h{k}.{i}", f"l{k}.{i}", 0.3) for k in range(4) for i in range(20)]
    )
    for tax, dim in ((ternary, 2), (crowded, 3)):
        built = embed(tax, dim=dim, target="tree_distance").evaluate()
        trained = figures(tax, dim=dim)
        assert trained["average_distortion"] < 0.9 * built["average_distortion"]


def test_a_hyperbolic_space_is_more_faithful_than_a_flat_or_a_round_one(tree) -> None:
    found = {name: figures(tree, manifold=name, dim=3) for name in NAMES}
    for flat in ("euclidean", "sphere"):
        for name in ("poincare", "lorentz", "polar"):
            assert found[name]["average_distortion"] < 0.2 * found[flat]["average_distortion"]


def test_the_bound_trades_mean_for_worst(phylogeny) -> None:
    free = figures(phylogeny, dim=3, worst_weight=0.0)
    bound = figures(phylogeny, dim=3, worst_weight=10.0)
    assert bound["worst_distortion"] < free["worst_distortion"]
    assert bound["average_distortion"] > free["average_distortion"]


def test_the_worst_pair_stays_near_what_the_construction_leaves(phylogeny) -> None:
    built = embed(phylogeny, dim=5, target="tree_distance").evaluate()
    trained = figures(phylogeny, dim=5)
    assert trained["worst_distortion"] < 1.05 * built["worst_distortion"]


def test_float32_gets_a_scale_that_it_can_hold(tree) -> None:
    emb = DistortionEmbedder(dim=3, dtype="float32", **QUICK).fit(tree).embedding_
    assert emb.points.dtype == torch.float32
    assert emb.info["radius"] < 17.0
    assert emb.evaluate()["average_distortion"] < 0.05


def test_a_cycle_wants_less_curvature_than_a_tree() -> None:
    dag = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e")])
    emb = DistortionEmbedder(dim=2, **QUICK).fit(dag).embedding_
    flat = figures(dag, manifold="euclidean", dim=2)
    assert emb.info["radius"] < 10.0
    assert emb.evaluate()["average_distortion"] <= 1.02 * flat["average_distortion"]


def test_nodes_at_distance_zero_share_a_point() -> None:
    tax = Taxonomy.from_edges([("r", "a", 0.0), ("a", "b", 1.0), ("a", "c", 2.0), ("c", "d", 0.0)])
    for name in NAMES:
        emb = DistortionEmbedder(manifold=name, dim=3, **QUICK).fit(tax).embedding_
        assert emb.distance("r", "a") == emb.distance("c", "d") == 0.0
        assert emb.evaluate()["average_distortion"] < 0.1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dim", [1, 2])
def test_the_smallest_taxonomies_are_embedded(name, dim) -> None:
    for tax in (
        Taxonomy.from_paths([("only",)]),
        Taxonomy.from_edges([("a", "b")]),
        Taxonomy.from_edges([("a", "b", 0.0)]),
        Taxonomy.from_edges([("a", "b"), ("b", "c")]),
    ):
        emb = DistortionEmbedder(manifold=name, dim=dim, epochs=4, polish=5).fit(tax).embedding_
        assert bool(emb.points.isfinite().all())
        assert len(emb.points) == len(tax)


def test_tau_is_the_scale() -> None:
    chain = Taxonomy.from_edges([("a", "b"), ("b", "c")])
    for name, tau in (("euclidean", 3.0), ("lorentz", 3.0), ("sphere", 0.5)):
        emb = DistortionEmbedder(manifold=name, dim=2, tau=tau, **QUICK).fit(chain).embedding_
        assert emb.info["tau"] == tau
        assert emb.distance("a", "b") == pytest.approx(tau, rel=1e-3)


@pytest.mark.parametrize("name", ["euclidean", "lorentz"])
def test_the_seed_decides(tree, name) -> None:
    def points(seed: int) -> torch.Tensor:
        model = DistortionEmbedder(manifold=name, dim=4, seed=seed, **QUICK)
        return model.fit(tree).embedding_.points

    assert torch.equal(points(3), points(3))
    assert not torch.equal(points(3), points(4))


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("name", ["sphere", "lorentz"])
@pytest.mark.parametrize("after", [2, 8])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(
    tree, name, after, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    monkeypatch.setattr("hyperhier.embedding._distortion.stress._BLOCK", 5)
    model = DistortionEmbedder(manifold=name, dim=3, epochs=6, polish=12)
    whole = model.fit(tree).embedding_
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.done == after:
            raise Interrupted

    file = tmp_path / "state"
    with pytest.raises(Interrupted):
        model.fit(tree, progress=stop, checkpoint=file)
    again = model.fit(tree, progress=seen.append, checkpoint=file).embedding_
    assert torch.equal(again.points, whole.points)
    assert not file.exists()
    # progress is told before the state is kept: one step is done twice
    assert [p.done for p in seen] == [*range(1, after + 1), *range(after, 10)]
    assert seen[-1].total == 9
    assert seen[-1].figures["stress"] == pytest.approx(whole.info["stress"])


@pytest.mark.parametrize("pairs", ["sampled", "landmark"])
def test_so_does_one_on_some_of_the_pairs(random_tree, pairs, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    monkeypatch.setattr("hyperhier.embedding._distortion.pairs._LANDMARKS", 20)
    monkeypatch.setattr("hyperhier.embedding._distortion.pairs._ROUNDS", 20)
    tax = random_tree(1, 100)
    model = DistortionEmbedder(dim=3, epochs=8, polish=6, pairs=pairs)
    whole = model.fit(tax).embedding_

    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise Interrupted

    with pytest.raises(Interrupted):
        model.fit(tax, progress=stop, checkpoint=tmp_path / "state")
    assert (tmp_path / "state").exists()
    again = model.fit(tax, checkpoint=tmp_path / "state").embedding_
    assert torch.equal(again.points, whole.points)


@pytest.mark.parametrize("pairs", ["sampled", "landmark"])
def test_fewer_pairs_do_nearly_as_well(pairs, monkeypatch) -> None:
    monkeypatch.setattr("hyperhier.embedding._distortion.pairs._LANDMARKS", 80)
    monkeypatch.setattr("hyperhier.embedding._distortion.pairs._ROUNDS", 80)
    rng = random.Random(0)
    tax = Taxonomy.from_edges([(f"n{rng.randrange(v)}", f"n{v}") for v in range(1, 300)])
    built = embed(tax, dim=5, target="tree_distance").evaluate()
    emb = DistortionEmbedder(dim=5, pairs=pairs, epochs=8).fit(tax).embedding_
    assert emb.info["pairs"] == pairs
    assert emb.evaluate()["average_distortion"] < 0.9 * built["average_distortion"]


def test_wrong_arguments_are_named(tree) -> None:
    for wrong, message in (
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"polish": -1}, "polish must be a whole number of at least 0, got -1"),
        ({"worst_weight": -0.5}, "worst_weight must be finite and not negative, got -0.5"),
        ({"tau": 0.0}, "tau must be positive"),
        ({"pairs": "some"}, "'some'"),
        ({"init": "zero"}, "'zero'"),
        ({"init": "constructive", "manifold": "sphere"}, "needs a hyperbolic manifold"),
    ):
        with pytest.raises(ValueError, match=message):
            DistortionEmbedder(**wrong).fit(tree)


# --------------------------------------------------------------------------- how it is moved


def test_every_pass_visits_every_pair_once(tree) -> None:
    for size in (29, 30):
        pairs = Pairs.of(tree, np.minimum(np.arange(len(tree)), size - 1), "full", 0)
        met = np.zeros((size, size), dtype=int)
        for visit in pairs.visits(5):
            for first in range(0, len(visit.i), visit.width):
                part = slice(first, first + visit.width)
                kept = visit.target[part] > 0
                ends = np.concatenate((visit.i[part][kept], visit.j[part][kept]))
                assert len(np.unique(ends)) == len(ends)
            kept = visit.target > 0
            np.add.at(met, (visit.i[kept], visit.j[kept]), 1)
        assert ((met + met.T) == (pairs.table > 0)).all()


def some_points(tax: Taxonomy, dim: int, round_: bool | None, fast: bool) -> object:
    start = np.random.default_rng(0).normal(size=(len(tax), dim))
    if round_ is None:
        return PolarPoints.of(2.0 * start, 0.7, fast)
    return ChordPoints.of(0.3 * start, round_, 0.2 if round_ else 1.0, fast)


@pytest.mark.parametrize("kind", [None, False, True])
@pytest.mark.parametrize("delta", [math.inf, 0.1])
def test_the_gradient_is_that_of_the_value(tree, kind, delta) -> None:
    pairs = Pairs.of(tree, np.arange(len(tree)) // 2, "full", 0)
    objective = Objective(delta, 0.6, 0.8, 0.3)
    points = some_points(tree.subtree(tree.root), 3, kind, False)
    points = points.restored({k: v[: len(pairs)] for k, v in points.state().items()})
    _, gradient, _ = points.evaluated(pairs, objective)
    way = np.random.default_rng(1).normal(size=gradient.shape)
    ahead, behind = (points.moved(sign * way, 1e-6) for sign in (1, -1))
    slope = (ahead.evaluated(pairs, objective)[0] - behind.evaluated(pairs, objective)[0]) / 2e-6
    if kind:  # only what is tangent to the sphere moves
        way -= (way * points.points).sum(axis=1, keepdims=True) * points.points
    assert float((gradient * way).sum()) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("kind", [None, False, True])
def test_the_fitted_scale_has_the_least_mean_error(tree, kind) -> None:
    pairs = Pairs.of(tree, np.arange(len(tree)) // 2, "full", 0)
    points = some_points(tree, 3, kind, False)
    points = points.restored({k: v[: len(pairs)] for k, v in points.state().items()})
    best, error = fitted(points, pairs)

    def mean_error(scale: float) -> float:
        points.scale = scale
        return points.evaluated(pairs, Objective(delta=1e-9))[0]

    least = mean_error(best)
    assert error == pytest.approx(least, abs=1e-6)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        assert mean_error(factor * best) > least


def test_points_at_one_place_leave_the_scale_as_it_is(tree) -> None:
    pairs = Pairs.of(tree, np.arange(len(tree)), "full", 0)
    points = ChordPoints.of(np.zeros((len(tree), 3)), True, 0.3, False)
    assert fitted(points, pairs) == (0.3, 1.0)


@needs_numba
@pytest.mark.parametrize("kind", [None, False, True])
def test_machine_code_and_numpy_agree(tree, kind) -> None:
    pairs = Pairs.of(tree, np.arange(len(tree)), "full", 0)
    plain, fast = (some_points(tree, 3, kind, fast) for fast in (False, True))
    objective = Objective(0.1, 0.6, 0.8, 0.3)
    for points in (plain, fast):
        for epoch in range(3):
            for visit in pairs.visits(epoch):
                points.move(visit, 0.3, objective)
    for name, value in plain.state().items():
        np.testing.assert_allclose(fast.state()[name], value, rtol=1e-9, atol=1e-9)
    for one, other in zip(
        plain.evaluated(pairs, objective), fast.evaluated(pairs, objective), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


def test_a_single_pair_reaches_its_distance_at_any_radius() -> None:
    tax = Taxonomy.from_edges([("a", "b")])
    pairs = Pairs.of(tax, np.arange(2), "full", 0)
    for radius in (0.0, 1.0, 30.0, 80.0):
        start = np.array([[radius, 0.0], [radius * math.cos(2.0), radius * math.sin(2.0)]])
        scale = 0.5 if radius == 1.0 else 2.0 * radius + 1.0
        points = PolarPoints.of(start, scale, False)
        if radius == 0.0:
            points.direction[1], points.half[1], points.sinh[1] = (0.0, 1.0), 1.05, 0.1
        found, _ = minimise(points, pairs, Schedule(40, 20, 0.0, fixed_scale=True))
        assert found.evaluated(pairs, Objective())[2] == pytest.approx((0.0, 0.0), abs=1e-6)


# ------------------------------------------------------------------------- how it is measured


def exact_distances(points: torch.Tensor, pairs: list[tuple[int, int]]) -> list[float]:
    """Distances of hyperboloid points with 60 digits, time from the space part."""
    with mpmath.workdps(60):
        space = [[mpmath.mpf(float(x)) for x in row[1:]] for row in points]
        time = [mpmath.sqrt(1 + sum(x * x for x in row)) for row in space]
        return [
            float(
                mpmath.acosh(
                    time[i] * time[j] - sum(x * y for x, y in zip(space[i], space[j], strict=True))
                )
            )
            for i, j in pairs
        ]


def test_what_is_reported_is_what_the_stored_points_hold(phylogeny) -> None:
    emb = DistortionEmbedder(dim=4, **QUICK).fit(phylogeny).embedding_
    nodes = torch.arange(len(phylogeny))
    i, j = torch.triu_indices(len(nodes), len(nodes), 1)
    measured = exact_distances(emb.points, list(zip(i.tolist(), j.tolist(), strict=True)))
    target = phylogeny.distance(i, j, weighted=True).numpy()
    average, worst = summary(np.array(measured) / target)
    found = distortion(emb.points, phylogeny, emb.manifold, nodes)
    assert found == pytest.approx((average, worst), rel=1e-6)


@needs_numba
def test_compiled_distances_are_exact() -> None:
    rng = np.random.default_rng(0)
    radius = rng.uniform(0.0, 40.0, 50)
    columns = rng.normal(size=(3, 50))
    columns[:, 25:] = columns[:, :25] + 1e-9 * rng.normal(size=(3, 25))
    columns /= np.sqrt((columns**2).sum(axis=0))
    half, sinh = np.exp(0.5 * radius), np.sinh(radius)
    for source in (0, 30):
        plain, fast = np.empty(50 - source), np.empty(50 - source)
        distance_row(columns, half, sinh, source, source, plain)
        compiled_row()(columns, half, sinh, source, source, fast)
        np.testing.assert_allclose(fast, plain, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["poincare", "lorentz", "polar"])
def test_the_polar_form_measures_what_the_manifold_does(tree, name) -> None:
    manifold = get_manifold(name, c=2.0)
    emb = embed(tree, manifold=manifold, dim=3, target="tree_distance", radius=10.0)
    nodes = torch.arange(len(tree))
    with torch.no_grad():
        table = manifold.dist_matrix(emb.points, emb.points)
    i, j = torch.triu_indices(len(nodes), len(nodes), 1)
    ratio = (table[i, j] / tree.distance(i, j, weighted=True)).numpy()
    found = distortion(emb.points, tree, manifold, nodes)
    assert found == pytest.approx(summary(ratio), rel=1e-9)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "average", "worst"), [("weevils", 0.007, 1.62), ("cifar100", 0.007, 1.1)]
)
def test_real_trees_are_held_faithfully(data_dir, name, average, worst) -> None:
    from hyperhier.taxonomy import load_taxonomy

    tax = load_taxonomy(data_dir("trees_hsdte") / f"{name}.csv")
    found = DistortionEmbedder(dim=10).fit(tax).embedding_.evaluate()
    assert found["average_distortion"] < average
    assert found["worst_distortion"] < worst


def test_the_plain_path_is_taken_where_there_is_no_numba(tree, monkeypatch) -> None:
    monkeypatch.setattr(module, "is_available", lambda: False)
    assert figures(tree, dim=3)["average_distortion"] < 0.03
