"""``embed`` chooses the method, says why, and refuses what does not fit."""

from __future__ import annotations

import pytest

from hyperhier.embedding import embed
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
