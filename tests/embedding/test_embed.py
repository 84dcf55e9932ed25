"""``embed`` chooses the method, says why, and refuses what does not fit."""

from __future__ import annotations

import pytest

from hyperhier.embedding import (
    ConesEmbedder,
    ConstructiveEmbedder,
    DistortionEmbedder,
    RankingEmbedder,
    embed,
)
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def test_a_single_node_is_left_where_it_is() -> None:
    tax = Taxonomy.from_paths([("only",)])
    for name in NAMES:
        for target in ("closure", "tree_distance"):
            emb = embed(tax, manifold=name, target=target)
            assert emb.evaluate()["map"] == 1.0


def test_auto_explains_itself(regular_tree) -> None:
    tax = regular_tree(2, 2)
    quick = {"epochs": 1}
    assert embed(tax).info["method"] == "constructive"
    assert "hyperbolic" in embed(tax).info["method_reason"]
    flat = embed(tax, manifold="euclidean", **quick)
    assert flat.info["method"] == "ranking"
    assert "no negative curvature" in flat.info["method_reason"]
    assert "one dimension" in embed(tax, dim=1, **quick).info["method_reason"]
    far = embed(tax, manifold="sphere", target="tree_distance", epochs=1, polish=0)
    assert far.info["method"] == "distortion"
    assert embed(tax, method="constructive").info["method_reason"] == "asked for"


def test_auto_says_what_the_construction_does_not_hold() -> None:
    chain = Taxonomy.from_edges([(str(i), str(i + 1)) for i in range(300)])
    short = embed(chain, manifold="poincare", dtype="float32").info
    assert short["radius_needed"] > short["radius"]
    needs = f"a radius of {short['radius_needed']:.1f} where points reach {short['radius']:.1f}"
    assert f"{needs}: manifold='polar'" in short["shortfall"]
    assert embed(chain, radius=5.0).info["shortfall"].endswith("where points reach 5.0")
    assert "shortfall" not in embed(chain, manifold="polar").info
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "c"), ("b", "c"), ("a", "d")])
    lost = embed(dag).info
    assert lost["lost_pairs"] == 1
    assert lost["shortfall"] == "pairs of the closure that its spanning tree lacks: 1"


def test_auto_trains_the_tree_distances_of_a_dag() -> None:
    dag = Taxonomy.from_edges(
        [("r", a) for a in "abc"] + [(a, f"{a}{i}") for a in "abc" for i in range(3)]
        + [("b", "a0"), ("c", "a1"), ("c", "b0")]
    )  # fmt: skip
    chosen = embed(dag, target="tree_distance", dim=5, epochs=40)
    assert chosen.info["method"] == "distortion"
    assert "primary parents" in chosen.info["method_reason"]
    built = embed(dag, target="tree_distance", dim=5, method="constructive")
    flat = embed(dag, manifold="euclidean", target="tree_distance", epochs=2, polish=0)
    assert "no negative curvature" in flat.info["method_reason"]
    errors = [emb.evaluate()["average_distortion"] for emb in (chosen, built)]
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("embedder", [ConstructiveEmbedder(target="tree_distance"),
                                      DistortionEmbedder(epochs=20)])  # fmt: skip
def test_a_fitted_embedder_says_what_its_points_are_for(embedder, regular_tree) -> None:
    emb = embedder.fit(regular_tree(3, 3)).embedding_
    assert emb.info["target"] == "tree_distance"
    leaf = emb.taxonomy.leaves[0]
    (parent,) = emb.taxonomy.parents(leaf)
    edge = emb.distance(leaf, parent)
    assert emb.add("new", parent).distance("new", parent) == pytest.approx(edge, rel=0.05)


def test_ranking_and_cones_are_for_the_closure(regular_tree) -> None:
    for embedder in (RankingEmbedder(epochs=1), ConesEmbedder(epochs=1)):
        assert embedder.fit(regular_tree(2, 2)).embedding_.info["target"] == "closure"


def test_wrong_arguments_are_named(regular_tree) -> None:
    tax = regular_tree(2, 2)
    for wrong, message in (
        ({"method": "magic"}, "'magic'"),
        ({"target": "edges"}, "'edges'"),
        ({"dim": 0}, "dim must be a whole number of at least 1, got 0"),
        (
            {"speed": 3},
            "'constructive' has no option 'speed'; it has manifold, dim, .*, radius, tau",
        ),
        ({"method": "ranking", "target": "tree_distance"}, "has only target='closure'"),
        ({"method": "distortion"}, "has only target='tree_distance'"),
    ):
        with pytest.raises(ValueError, match=message):
            embed(tax, **wrong)


@pytest.mark.parametrize(
    ("method", "option", "wrong"),
    [("ranking", name, value) for name in ("epochs", "burn_in", "threads", "batch_size",
        "negatives", "patience") for value in (2.5, "five", True)]
    + [("ranking", name, "x") for name in ("lr", "max_radius", "validation")]
    + [("distortion", name, value) for name in ("epochs", "polish") for value in (2.5, "five")]
    + [("distortion", "tau", "x"), ("distortion", "worst_weight", "x")]
    + [("cones", name, value) for name in ("epochs", "batch_size") for value in (2.5, "five")]
    + [("cones", name, "x") for name in ("lr", "K", "margin", "saturation")]
    + [("constructive", name, "x") for name in ("radius", "tau")],
)  # fmt: skip
def test_options_of_a_wrong_type_are_named(regular_tree, method, option, wrong) -> None:
    target = "tree_distance" if method == "distortion" else "closure"
    with pytest.raises(ValueError, match=f"{option} must be .*{wrong!r}"):
        embed(regular_tree(2, 2), method=method, target=target, **{option: wrong})
