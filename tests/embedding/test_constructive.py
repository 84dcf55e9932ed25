"""The constructions: perfect closures, small distortion, whatever the geometry or curvature."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import ConstructiveEmbedder, TaxonomyEmbedding
from hyperhier.embedding._constructive.embedder import usable_radius
from hyperhier.embedding._constructive.siblings import Skeleton, child_directions
from hyperhier.embedding._constructive.spanning import spanning_tree
from hyperhier.embedding._constructive.unary import contracted
from hyperhier.embedding._quality import reconstruction
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, read_csv

HYPERBOLIC = ("lorentz", "poincare", "polar")


def embed(tax: Taxonomy, **options) -> TaxonomyEmbedding:
    return ConstructiveEmbedder(**options).fit(tax).embedding_


def quality(embedding) -> tuple[float, float]:
    return reconstruction(embedding.points, embedding.taxonomy, embedding.manifold)


def from_parents(parent) -> Taxonomy:
    """A tree of nodes 0 to n; ``parent[k]`` is that of node k + 1."""
    size = len(parent) + 1
    return Taxonomy.from_arrays([f"n{k}" for k in range(size)], parent, np.arange(1, size))


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize(("dim", "layout"), [(2, "auto"), (6, "auto"), (3, "caps"), (6, "caps")])
@pytest.mark.parametrize("which", ["demo", "cifar100", "3^4", "2^6", "chain", "star", "broom"])
def test_every_ancestor_is_nearer_than_any_other_node(
    regular_tree, shapes, name, dim, layout, which
) -> None:
    if "^" in which:
        tax = regular_tree(*map(int, which.split("^")))
    else:
        tax = shapes[which] if which in shapes else builtin_taxonomy(which)
    emb = embed(tax, manifold=name, dim=dim, layout=layout)
    assert quality(emb) == (1.0, 1.0)
    assert emb.info["layout"] == ("arcs" if layout == "auto" else "caps")


@given(seed=st.integers(0, 10**6), dim=st.integers(2, 5))
@settings(deadline=None, max_examples=8)
def test_so_it_is_for_random_trees(random_tree, seed, dim) -> None:
    assert quality(embed(random_tree(seed, 30), dim=dim))[0] == 1.0


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize("which", ["demo", "3^4", "2^6", "star"])
@pytest.mark.parametrize("dim", [2, 5])
def test_float32_holds_small_trees(regular_tree, shapes, name, which, dim) -> None:
    if "^" in which:
        tax = regular_tree(*map(int, which.split("^")))
    else:
        tax = shapes[which] if which in shapes else builtin_taxonomy(which)
    emb = embed(tax, manifold=name, dim=dim, dtype="float32")
    assert emb.points.dtype == torch.float32
    assert quality(emb) == (1.0, 1.0)


@pytest.mark.parametrize(("name", "low", "high"), [("poincare", 30, 36), ("lorentz", 340, 350)])
def test_the_usable_radius_is_measured(name, low, high) -> None:
    manifold = get_manifold(name)
    double, single = usable_radius(manifold), usable_radius(manifold, torch.float32)
    assert low < double < high
    assert 0.2 * double < single < 0.5 * double
    assert usable_radius(get_manifold(name, c=4.0)) == pytest.approx(double, abs=1.0)


def test_polar_points_have_any_radius() -> None:
    for dtype in (torch.float32, torch.float64):
        assert usable_radius(get_manifold("polar"), dtype) == math.inf


@pytest.mark.parametrize("name", HYPERBOLIC)
@pytest.mark.parametrize("c", [1e-2, 1.0, 30.0])
@pytest.mark.parametrize("target", ["closure", "tree_distance"])
def test_curvature_only_rescales(regular_tree, name, c, target) -> None:
    tax = regular_tree(3, 2)
    unit, other = get_manifold(name), get_manifold(name, c=c)
    a, b = (embed(tax, manifold=m, dim=3, target=target, radius=14.0).points for m in (unit, other))
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


def test_weights_are_lengths_and_at_zero_a_child_lies_on_its_parent() -> None:
    tax = Taxonomy.from_edges([("r", "a", 2.0), ("r", "b", 1.0), ("b", "c", 0.0), ("a", "d", 0.5)])
    for dim in (2, 4):
        emb = embed(tax, dim=dim, target="tree_distance", tau=4.0)
        assert emb.distance("r", "a") == pytest.approx(8.0)
        assert emb.distance("b", "c") == pytest.approx(0.0, abs=1e-12)
        assert emb.distance("a", "d") == pytest.approx(2.0)
        figures = emb.evaluate()
        assert figures["average_distortion"] < 0.1
        assert figures["worst_distortion"] < 1.5


def test_a_tree_without_any_length_is_one_point() -> None:
    tax = Taxonomy.from_edges([("r", "a", 0.0), ("a", "b", 0.0), ("r", "c", 0.0)])
    points = embed(tax, target="tree_distance").points
    assert torch.equal(points, points[:1].expand_as(points))
    # the closure has no lengths
    assert quality(embed(tax)) == (1.0, 1.0)


@pytest.mark.parametrize(("dim", "average", "worst"), [(2, 0.05, 1.2), (10, 0.02, 1.06)])
def test_distortion_is_small(regular_tree, dim, average, worst) -> None:
    figures = embed(regular_tree(2, 5), dim=dim, target="tree_distance").evaluate()
    assert figures["average_distortion"] < average
    assert figures["worst_distortion"] < worst


@pytest.mark.parametrize("dim", [2, 3, 8])
def test_less_room_distorts_more_without_a_cliff(regular_tree, dim) -> None:
    """Below a radius of about 6 every edge is shorter than a curvature radius."""
    tax = regular_tree(2, 6)
    averages = []
    for radius in (3.0, 4.0, 5.0, 5.5, 6.0, 6.5, 7.0, 8.0):
        emb = embed(tax, dim=dim, target="tree_distance", radius=radius)
        assert 0.998 * radius < emb.info["radius"] <= radius
        averages.append(emb.evaluate()["average_distortion"])
    assert averages == sorted(averages, reverse=True)
    assert averages[0] < 0.12
    assert averages[2] < 0.06


def test_longer_edges_distort_less(regular_tree) -> None:
    tax = regular_tree(3, 3)
    figures = [
        embed(tax, target="tree_distance", tau=tau).evaluate()["average_distortion"]
        for tau in (1.0, 3.0, 9.0)
    ]
    assert figures == sorted(figures, reverse=True)


def test_a_single_node_is_the_origin() -> None:
    tax = Taxonomy.from_paths([("only",)])
    for target, dim in itertools.product(("closure", "tree_distance"), (2, 4)):
        emb = embed(tax, target=target, dim=dim)
        assert emb.norm("only") == 0.0
        assert quality(emb) == (1.0, 1.0)


# ------------------------------------------------------------------------------------- depth


@pytest.mark.parametrize("name", ["lorentz", "polar"])
def test_a_chain_of_190_nodes_keeps_its_order(name) -> None:
    emb = embed(from_parents(np.arange(189)), manifold=name)
    assert emb.info["radius"] == emb.info["radius_needed"] > 300.0
    assert quality(emb) == (1.0, 1.0)


def test_what_is_too_deep_stays_within_the_radius() -> None:
    tax = from_parents(np.arange(80))
    for name, dim in itertools.product(("poincare", "lorentz"), (2, 3)):
        emb = embed(tax, manifold=name, dim=dim, dtype="float32")
        assert emb.info["radius_needed"] > emb.info["radius"]
        assert bool(emb.points.isfinite().all())
        assert float(emb.manifold.dist0(emb.points).max()) < 1.01 * emb.info["radius"]


SHAPES = {
    "chain": lambda n: np.arange(n - 1),
    "star": lambda n: np.zeros(n - 1, dtype=int),
    "random": lambda n: (np.random.default_rng(0).random(n - 1) * np.arange(1, n)).astype(int),
}


@pytest.mark.parametrize(
    ("shape", "target", "dim"),
    [
        ("chain", "closure", 2),
        pytest.param("chain", "closure", 5, marks=pytest.mark.deep),
        ("chain", "tree_distance", 2),
        ("random", "closure", 2),
        ("star", "closure", 2),
        pytest.param("random", "closure", 5, marks=pytest.mark.deep),
        pytest.param("star", "closure", 5, marks=pytest.mark.deep),
        pytest.param("random", "tree_distance", 2, marks=pytest.mark.deep),
        pytest.param("star", "tree_distance", 10, marks=pytest.mark.deep),
    ],
)
def test_hundred_thousand_nodes_take_seconds(shape, target, dim) -> None:
    tax = from_parents(SHAPES[shape](100_000))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine a second one counts seconds while it waits
    try:
        start = time.process_time()
        emb = embed(tax, dim=dim, target=target)
        assert time.process_time() - start < 10.0
    finally:
        torch.set_num_threads(threads)
    assert bool(emb.points.isfinite().all())
    nodes = torch.arange(0, 100_000, 25_001)
    if target == "closure" and shape != "chain":
        assert reconstruction(emb.points, tax, emb.manifold, nodes)[0] == 1.0
    if target == "tree_distance" and shape == "chain":
        length = emb.manifold.dist(emb.points[nodes[:-1]], emb.points[nodes[1:]])
        torch.testing.assert_close(length / length[0], torch.ones_like(length), rtol=1e-9, atol=0)


def test_chains_are_filled_in_at_the_right_lengths(random_tree) -> None:
    edges = [("r", "a", 1.0), ("a", "b", 2.0), ("b", "c", 0.5), ("r", "d"), ("d", "e"), ("d", "f")]
    skeleton = Skeleton.of(Taxonomy.from_edges([*edges, ("f", "g", 3.0)]))
    chains = contracted(skeleton)
    assert chains is not None
    assert len(chains.short.node) == 5
    assert chains.short.weight.sum() == skeleton.weight.sum()
    polar = torch.zeros(5, 2, dtype=torch.float64)
    place = {int(v): k for k, v in enumerate(chains.short.node)}
    names = Taxonomy.from_edges([*edges, ("f", "g", 3.0)]).nodes
    polar[place[names.index("c")]] = torch.tensor([7.0, 0.0], dtype=torch.float64)
    filled = chains.filled(polar)
    assert filled[names.index("a")].tolist() == pytest.approx([2.0, 0.0])
    assert filled[names.index("b")].tolist() == pytest.approx([6.0, 0.0])
    assert filled[names.index("f")].tolist() == [0.0, 0.0]
    assert contracted(Skeleton.of(Taxonomy.from_edges([("r", "a"), ("r", "b")]))) is None


# -------------------------------------------------------------------------------------- DAGs


def diamond() -> Taxonomy:
    """Two branches of three; "x" hangs below a leaf of each."""
    edges = [("r", b) for b in "ab"] + [(b, f"{b}{i}") for b in "ab" for i in range(3)]
    return Taxonomy.from_edges([*edges, ("a0", "x"), ("b1", "x")])


def test_a_tree_is_its_own_spanning_tree(random_tree) -> None:
    tax = random_tree(3, 40)
    tree = spanning_tree(tax)
    assert torch.equal(tree.skeleton.parent, tax.parent_id)
    assert not tree.lost.any()


@pytest.mark.parametrize("seed", range(4))
def test_lost_pairs_are_those_of_the_closure_outside_the_tree(random_tree, seed) -> None:
    tax = random_tree(seed, 40, extra=12)
    tree = spanning_tree(tax)
    node, parent = tree.skeleton.node, tree.skeleton.parent
    held = set()
    for v in range(len(tax)):
        above = int(parent[v])
        while above >= 0:
            held.add((int(node[v]), int(node[above])))
            above = int(parent[above])
    pairs = set(zip(*tax.closure().tolist(), strict=True))
    assert held <= pairs
    lost = torch.zeros(len(tax), dtype=torch.float64)
    for _, ancestor in pairs - held:
        lost[ancestor] += 1
    assert torch.equal(tree.lost, lost[node])


def test_siblings_that_share_nodes_are_drawn_together() -> None:
    edges = [("r", f"s{i}") for i in range(9)] + [("s1", "x"), ("s7", "x")]
    tree = spanning_tree(Taxonomy.from_edges(edges))
    order = [int(v) for v in tree.skeleton.node[1:10]]
    names = Taxonomy.from_edges(edges).nodes
    at = {names[v]: k for k, v in enumerate(order)}
    assert abs(at["s1"] - at["s7"]) <= 2


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("name", HYPERBOLIC)
def test_an_ancestor_on_another_branch_is_near_too(name, dim) -> None:
    emb = embed(diamond(), manifold=name, dim=dim)
    assert emb.info["lost_pairs"] == 2
    assert quality(emb) == (1.0, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_dags_are_better_off_than_by_their_primary_tree(random_tree, seed) -> None:
    tax = random_tree(seed, 300, extra=20)
    primary = Taxonomy.from_edges(
        [(tax.nodes[p], tax.nodes[v]) for v, p in enumerate(tax.parent_id.tolist()) if v]
    )
    plain = embed(primary)
    order = torch.tensor([primary.id_of(name) for name in tax.nodes])
    before = reconstruction(plain.points[order], tax, plain.manifold)
    after = quality(embed(tax))
    assert after[0] > before[0]
    assert after[1] < before[1]


# ----------------------------------------------------------------------- parameters, real data


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("options", [{}, {"layout": "caps"}, {"target": "tree_distance"}])
def test_the_result_is_the_same_every_time(random_tree, dim, options) -> None:
    tax = random_tree(1, 40, extra=4)
    first, second = (embed(tax, dim=dim, seed=3, **options).points for _ in range(2))
    assert torch.equal(first, second)


def test_few_codes_serve_many_numbers_of_children() -> None:
    star_of_stars = [k for k in range(60) for _ in range(33 + k)]
    skeleton = Skeleton.of(from_parents(np.array([0] * 59 + star_of_stars)))
    asked: list[int] = []

    def code(count: int) -> torch.Tensor:
        asked.append(count)
        return torch.arange(float(count), dtype=torch.float64).unsqueeze(-1).expand(-1, 3)

    rows = child_directions(skeleton, code)
    assert torch.equal(rows[1:, 0], skeleton.place[1:].double())
    assert len(set(asked)) < 10
    asked.clear()
    child_directions(skeleton, code, ladder=False)
    assert len(set(asked)) >= 59


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
    with pytest.raises(ValueError, match=r"layout must be one of .*'balls'"):
        ConstructiveEmbedder(layout="balls").fit(tax)


@pytest.mark.data
@pytest.mark.parametrize("dim", [2, 5])
def test_wordnet_mammals_are_perfect(data_dir, dim) -> None:
    lines = (data_dir("wordnet30") / "mammal_closure.tsv").read_text().splitlines()
    pairs = [line.split("\t") for line in lines if "pack_animal.n.01" not in line.split("\t")]
    tax = Taxonomy.from_edges([(parent, child) for child, parent in pairs])
    assert len(tax) == 1180
    assert tax.closure().shape[1] == 6540
    emb = embed(tax, dim=dim)
    nodes = torch.arange(0, 1180, 4)
    assert reconstruction(emb.points, tax, emb.manifold, nodes) == (1.0, 1.0)


@pytest.mark.data
def test_wordnet_nouns_in_a_plane(data_dir) -> None:
    tax = read_csv(data_dir("wordnet30") / "nouns_direct.csv.gz")
    emb = embed(tax)
    nodes = torch.arange(0, len(tax), 821)
    precision, rank = reconstruction(emb.points, tax, emb.manifold, nodes)
    assert precision > 0.98
    assert rank < 6.0
