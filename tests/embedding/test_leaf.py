"""New leaves: they lie by their parents, keep their order, and move nothing."""

from __future__ import annotations

import pytest
import torch

from hyperhier.embedding import TaxonomyEmbedding, embed
from hyperhier.embedding._quality import reconstruction
from hyperhier.embedding._queries import leaf as leaf_module
from hyperhier.embedding._queries.moves import distances, drawn, moved, slope, stored
from hyperhier.embedding._queries.screen import screen_of
from hyperhier.errors import TaxonomyError
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, read_taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz", "polar")


def precision(emb: TaxonomyEmbedding, name: str) -> float:
    """Average precision of the ancestors of one node."""
    node = torch.tensor([emb.taxonomy.id_of(name)])
    return reconstruction(emb.points.cpu(), emb.taxonomy, emb.manifold, node)[0]


def unmoved(before: TaxonomyEmbedding, after: TaxonomyEmbedding) -> bool:
    return all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("geometry", ["lorentz", "poincare", "polar"])
@pytest.mark.parametrize("dim", [2, 5])
def test_a_new_leaf_lies_nearest_to_its_parent(geometry, dim) -> None:
    emb = embed("demo", manifold=geometry, dim=dim, method="constructive")
    tax = emb.taxonomy
    for parent in (tax.root, tax.parents(tax.leaves[0])[0], tax.leaves[0]):
        more = emb.add("new", parent)
        assert more.taxonomy.parents("new") == (parent,)
        assert more.rank("new", parent) == 1
        assert precision(more, "new") == 1.0
        assert unmoved(emb, more)
        assert "new" not in emb
        assert more.info["added_nodes"] == 1
        # in the plane the children of the root leave hardly any room beside them
        assert more.evaluate()["map"] > (0.95 if parent == tax.root else 0.99)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("target", "dtype"),
    [("closure", "float32"), ("closure", "float64"), ("tree_distance", "float32")],
)
def test_on_every_geometry(name, target, dtype) -> None:
    manifold = get_manifold(name, c=0.5)
    tax = Taxonomy.from_paths([("r", a, a + b) for a in "abc" for b in "xyz"])
    torch.manual_seed(1)
    features = 0.3 * torch.randn(len(tax), 4, dtype=torch.float64) + (name == "sphere")
    points = manifold.from_features(features.to(getattr(torch, dtype)))
    emb = TaxonomyEmbedding(tax, manifold, points)
    more = emb.add([("new", "a"), ("newer", "new")], target=target)
    assert unmoved(emb, more)
    assert more.points.dtype == points.dtype
    assert manifold.check_point_on_manifold(more.points)
    assert more.taxonomy.ancestors("newer") == ("new", "a", "r")
    if target == "closure":
        assert emb.add("new", "a").rank("new", "a") == 1


def test_tree_distances_of_a_new_leaf() -> None:
    whole = Taxonomy.from_edges(
        [("r", "a", 2.0), ("r", "b"), ("a", "x"), ("a", "y"), ("b", "z"), ("a", "new", 1.5)]
    )
    emb = embed(whole.prune("new"), dim=3, target="tree_distance", tau=4.0, method="constructive")
    more = emb.add("new", "a", weight=1.5)
    assert more.taxonomy == whole
    assert more.distance("new", "a") == pytest.approx(4.0 * 1.5, rel=0.1)
    assert more.distance("new", "z") == pytest.approx(4.0 * 5.5, rel=0.05)
    assert more.evaluate()["average_distortion"] < 0.05
    at_parent = emb.add("same", "a", weight=0.0)
    assert at_parent.distance("same", "a") < 0.5


def test_order_and_names_of_all_others_stay(random_tree) -> None:
    tax = random_tree(3, 40, 8)
    emb = embed(tax, dim=3, method="constructive")
    pairs = [("p", "n3"), ("q", "p"), ("s", "n0"), ("q", "n5")]
    more = emb.add(pairs)
    assert [v for v in more.taxonomy.nodes if v in tax] == list(tax.nodes)
    assert set(more.taxonomy.parents("q")) == {"p", "n5"}
    assert more.info["added_nodes"] == 3
    assert unmoved(emb, more)
    again = emb.add(pairs)
    assert torch.equal(again.points, more.points)


def test_a_leaf_beside_a_single_node() -> None:
    emb = embed(Taxonomy.from_paths([("only",)]))
    more = emb.add("b", "only").add("c", "b")
    assert more.distance("b", "only") > 0
    assert more.rank("c", "b") == 1
    assert more.info["added_nodes"] == 2


def test_wrong_leaves_are_named() -> None:
    emb = embed("demo")
    root = emb.taxonomy.root
    for new, message in (
        ([(emb.taxonomy.leaves[0], root)], "exists already"),
        ([("new", "unicorn")], "unknown node 'unicorn'"),
        ([("new", "later"), ("later", root)], "unknown node 'later'"),
        ([("new", "new")], "unknown node 'new'"),
        ([("new", root), ("new", root)], "new"),
        ([("", root)], "is empty"),
    ):
        with pytest.raises(TaxonomyError, match=message):
            emb.add(new)
    with pytest.raises(ValueError, match="one name and its parent"):
        emb.add("new")
    with pytest.raises(ValueError, match="'edges'"):
        emb.add("new", root, target="edges")


def test_a_sample_stands_for_many_nodes(random_tree, monkeypatch) -> None:
    monkeypatch.setattr(leaf_module, "_ALL", 60)
    emb = embed(random_tree(5, 400), dim=4, method="constructive")
    more = emb.add("new", "n7")
    assert more.rank("new", "n7") == 1
    assert precision(more, "new") > 0.9


def test_points_beyond_all_floats_stand_on_their_parent() -> None:
    tax = Taxonomy.from_edges([("r", "a"), ("a", "b")])
    manifold = get_manifold("polar")
    points = manifold.from_features(torch.tensor([[0.0, 0], [300, 0], [500, 1]]).double())
    emb = TaxonomyEmbedding(tax, manifold, points)
    assert emb.add("c", "a").distance("c", "a") == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_derivatives_of_distances(name) -> None:
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(2)
    features = 1.5 * torch.randn(8, 3, generator=g, dtype=torch.float64)
    points = screen_of(manifold, manifold.from_features(features))
    at, nodes = points[:1], points[1:]
    weight = torch.randn(7, generator=g, dtype=torch.float64)
    step = torch.full((1,), 1e-5, dtype=torch.float64)
    for tangent in drawn(at, 5, g):
        ahead, behind = (moved(at, sign * tangent.unsqueeze(0), step) for sign in (1.0, -1.0))
        change = (distances(ahead, nodes) - distances(behind, nodes))[0] @ weight / 2e-5
        assert float(slope(at, nodes, weight) @ tangent) == pytest.approx(float(change), abs=1e-7)
        far = moved(at, tangent.unsqueeze(0), 1e5 * step)
        assert float(distances(at, far)) == pytest.approx(1.0)
        back = stored(far, manifold, torch.zeros(1, dtype=torch.float64))
        assert manifold.check_point_on_manifold(back)


@pytest.mark.deep
@pytest.mark.data
def test_leaves_of_the_mammals(data_dir) -> None:
    tax = read_taxonomy(data_dir("wordnet30") / "mammals_direct.csv")
    gone = [leaf for leaf in tax.leaves[5::250] if len(tax.parents(leaf)) == 1]
    emb = embed(tax.prune(gone), dim=5, method="constructive")
    new = [(leaf, tax.parents(leaf)[0]) for leaf in gone]
    for leaf, parent in new[:1]:
        more = emb.add(leaf, parent)
        assert more.rank(leaf, parent) == 1
        assert precision(more, leaf) > 0.95
    together = emb.add(new)
    assert unmoved(emb, together)
    assert all(precision(together, leaf) > 0.9 for leaf in gone)
