"""The constructions: perfect closures, small distortion, whatever the geometry or curvature."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import ConstructiveEmbedder, embed
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

HYPERBOLIC = ("lorentz", "poincare")


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize("dim", [2, 3, 6])
@pytest.mark.parametrize("which", ["demo", "cifar100", "3^4", "2^6", "chain", "star", "broom"])
def test_every_ancestor_is_nearer_than_any_other_node(
    regular_tree, shapes, name, dim, which
) -> None:
    if "^" in which:
        tax = regular_tree(*map(int, which.split("^")))
    else:
        tax = shapes[which] if which in shapes else builtin_taxonomy(which)
    figures = embed(tax, manifold=name, dim=dim).evaluate()
    assert figures["map"] == 1.0
    assert figures["mean_rank"] == 1.0


@given(seed=st.integers(0, 10**6), dim=st.integers(2, 5))
@settings(deadline=None, max_examples=30)
def test_so_it_is_for_random_trees(random_tree, seed, dim) -> None:
    tax = random_tree(seed, 30)
    assert embed(tax, dim=dim).evaluate()["map"] == 1.0


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize("c", [1e-2, 1.0, 30.0])
@pytest.mark.parametrize("target", ["closure", "tree_distance"])
def test_curvature_only_rescales(regular_tree, name, c, target) -> None:
    tax = regular_tree(3, 3)
    unit, other = get_manifold(name), get_manifold(name, c=c)
    a, b = (
        embed(tax, manifold=m, dim=3, method="constructive", target=target, radius=14.0).points
        for m in (unit, other)
    )
    expected = unit.dist_matrix(a, a) / c**0.5
    torch.testing.assert_close(other.dist_matrix(b, b), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize("dim", [2, 4])
def test_edges_have_their_length(random_tree, name, dim) -> None:
    tax = random_tree(4, 25)
    manifold = get_manifold(name)
    emb = embed(tax, manifold=manifold, dim=dim, target="tree_distance", tau=1.5)
    points = emb.points
    child, parent = tax.edges
    length = manifold.dist(points[child], points[parent])
    torch.testing.assert_close(length, torch.full_like(length, 1.5), rtol=1e-6, atol=0)
    assert emb.info["tau"] == 1.5
    assert manifold.dist0(points[tax.root_id]) == 0.0
    assert float(manifold.dist0(points).max()) == pytest.approx(emb.info["radius"])


def test_weights_are_lengths_and_zero_is_allowed() -> None:
    tax = Taxonomy.from_edges([("r", "a", 2.0), ("r", "b", 1.0), ("b", "c", 0.0), ("a", "d", 0.5)])
    emb = embed(tax, target="tree_distance", tau=4.0)
    assert emb.distance("r", "a") == pytest.approx(8.0)
    assert emb.distance("b", "c") == pytest.approx(0.0, abs=1e-12)
    assert emb.distance("a", "d") == pytest.approx(2.0)
    figures = emb.evaluate()
    assert figures["average_distortion"] < 0.1
    assert figures["worst_distortion"] < 1.5


@pytest.mark.parametrize(("dim", "average", "worst"), [(2, 0.05, 1.2), (10, 0.02, 1.06)])
def test_distortion_is_small(regular_tree, dim, average, worst) -> None:
    figures = embed(regular_tree(2, 5), dim=dim, target="tree_distance").evaluate()
    assert figures["average_distortion"] < average
    assert figures["worst_distortion"] < worst


def test_longer_edges_distort_less(regular_tree) -> None:
    tax = regular_tree(3, 3)
    figures = [
        embed(tax, target="tree_distance", tau=tau).evaluate()["average_distortion"]
        for tau in (1.0, 3.0, 9.0)
    ]
    assert figures == sorted(figures, reverse=True)


def test_a_single_node_is_the_origin() -> None:
    tax = Taxonomy.from_paths([("only",)])
    for target in ("closure", "tree_distance"):
        emb = embed(tax, target=target)
        assert emb.norm("only") == 0.0
        assert emb.evaluate() == {
            "map": 1.0, "mean_rank": 1.0, "average_distortion": 0.0, "worst_distortion": 1.0,
        }  # fmt: skip


def test_deep_chains_stay_within_the_radius() -> None:
    tax = Taxonomy.from_edges([(f"c{i}", f"c{i + 1}") for i in range(80)])
    for name in HYPERBOLIC:
        emb = embed(tax, manifold=name)
        assert emb.info["radius_needed"] > emb.info["radius"]
        assert emb.norm("c80") == pytest.approx(emb.info["radius"], abs=0.1)
        assert bool(emb.points.isfinite().all())


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("target", ["closure", "tree_distance"])
def test_the_seed_decides(random_tree, dim, target) -> None:
    tax = random_tree(1, 40)
    first = embed(tax, dim=dim, target=target, seed=3).points
    assert torch.equal(embed(tax, dim=dim, target=target, seed=3).points, first)


def test_what_does_not_fit_is_named(regular_tree) -> None:
    tax = regular_tree(2, 2)
    with pytest.raises(ValueError, match="needs a hyperbolic manifold"):
        ConstructiveEmbedder(manifold="euclidean").fit(tax)
    with pytest.raises(ValueError, match="dim of at least 2, got 1"):
        ConstructiveEmbedder(dim=1).fit(tax)
    with pytest.raises(ValueError, match="'edges'"):
        ConstructiveEmbedder(target="edges").fit(tax)
    with pytest.raises(ValueError, match="radius must be positive"):
        ConstructiveEmbedder(radius=0.0).fit(tax)
    with pytest.raises(ValueError, match="tau belongs to"):
        ConstructiveEmbedder(tau=1.0).fit(tax)


@pytest.mark.parametrize(("dim", "least", "rank"), [(2, 0.995, 2.5), (5, 0.995, 1.2)])
def test_wordnet_mammals(data_dir, dim, least, rank) -> None:
    lines = (data_dir("wordnet30") / "mammal_closure.tsv").read_text().splitlines()
    pairs = [line.split("\t") for line in lines if "pack_animal.n.01" not in line.split("\t")]
    tax = Taxonomy.from_edges([(parent, child) for child, parent in pairs])
    assert len(tax) == 1180
    assert tax.closure().shape[1] == 6540
    figures = embed(tax, dim=dim).evaluate()
    assert figures["map"] > least
    assert figures["mean_rank"] < rank
