"""Ranking and stress: training helps, on every geometry, and repeats itself."""

from __future__ import annotations

import pytest
import torch

from hyperhier.embedding import DistortionEmbedder, RankingEmbedder, embed
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


@pytest.mark.parametrize("name", NAMES)
def test_ranking_improves_map_from_a_random_start(regular_tree, name) -> None:
    tax = regular_tree(3, 2)
    common = {"manifold": name, "dim": 3, "method": "ranking", "init": "random", "negatives": 10}
    before = embed(tax, **common, epochs=1, burn_in=0, lr=1e-9).evaluate()
    after = embed(tax, **common, epochs=60).evaluate()
    assert after["map"] > before["map"] + 0.2
    assert after["mean_rank"] < before["mean_rank"]
    assert after["map"] > 0.6


def test_ranking_keeps_a_perfect_start() -> None:
    tax = Taxonomy.from_paths([("r", a, a + b) for a in "abc" for b in "xyz"])
    emb = embed(tax, method="ranking", epochs=5, negatives=5)
    assert emb.info["init"] == "constructive"
    assert emb.evaluate()["map"] > 0.99


@pytest.mark.parametrize("name", NAMES)
def test_stress_lowers_distortion(regular_tree, name) -> None:
    tax = regular_tree(2, 3)
    common = {"manifold": name, "dim": 3, "method": "distortion", "target": "tree_distance"}
    common["init"] = "random"
    before = embed(tax, **common, steps=1, lr=1e-9).evaluate()
    after = embed(tax, **common, steps=300, batch_size=256).evaluate()
    assert after["average_distortion"] < 0.8 * before["average_distortion"]


def test_stress_improves_on_the_construction(random_tree) -> None:
    tax = random_tree(1, 40)
    built = embed(tax, dim=3, target="tree_distance").evaluate()
    common = {"dim": 3, "method": "distortion", "target": "tree_distance", "lr": 0.005}
    after = embed(tax, **common, steps=150, batch_size=512).evaluate()
    assert after["average_distortion"] < 0.9 * built["average_distortion"]


@pytest.mark.parametrize(
    ("method", "few"), [(RankingEmbedder, "epochs"), (DistortionEmbedder, "steps")]
)
def test_the_seed_decides(regular_tree, method, few) -> None:
    tax = regular_tree(2, 2)
    runs = [
        torch.tensor(method(manifold="euclidean", seed=seed, **{few: 3}).fit_transform(tax))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


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
    far = embed(tax, manifold="sphere", target="tree_distance", steps=1)
    assert far.info["method"] == "distortion"
    assert embed(tax, method="constructive").info["method_reason"] == "asked for"


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
        ({"method": "ranking", "epochs": 0}, "epochs must be positive"),
        ({"method": "ranking", "burn_in": -1}, "burn_in must not be negative"),
        ({"method": "ranking", "init": "zero"}, "'zero'"),
        ({"method": "distortion", "target": "tree_distance", "lr": 0}, "lr must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            embed(tax, **wrong)
