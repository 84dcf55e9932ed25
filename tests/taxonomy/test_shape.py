"""The numbers of a taxonomy's shape, against slow and obvious readings of the definitions."""

from __future__ import annotations

import json
import math
import time
from itertools import combinations, pairwise
from statistics import fmean, median

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from taxonomy_strategies import Reference, dags, trees

from hyperhier.embedding import embed
from hyperhier.embedding._quality import distortion
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy
from hyperhier.taxonomy._gromov import _Core, gromov
from hyperhier.taxonomy._redundant import redundant_edges
from hyperhier.taxonomy._room import _least_radius, _log_volume, separation
from hyperhier.taxonomy.shape import Shape, describe

Edges = list[tuple[str, str]]


def caterpillar(leaves: int) -> Taxonomy:
    """Binary, with one leaf on every level but the last."""
    spine = [f"s{k}" for k in range(leaves - 1)]
    edges = list(pairwise(spine)) + [(v, f"l{k}") for k, v in enumerate(spine)]
    return Taxonomy.from_edges([*edges, (spine[-1], "last")])


def full(children: int, height: int) -> Taxonomy:
    edges: Edges = []
    level = ["r"]
    for _ in range(height):
        below = [(v, f"{v}.{k}") for v in level for k in range(children)]
        edges += below
        level = [child for _, child in below]
    return Taxonomy.from_edges(edges)


def chain(n: int) -> Taxonomy:
    return Taxonomy.from_arrays([f"n{i}" for i in range(n)], np.arange(n - 1), np.arange(1, n))


def large(n: int, extra: float, seed: int = 0) -> Taxonomy:
    """A random tree of logarithmic height, with second parents for a share of the nodes."""
    rng = np.random.default_rng(seed)
    child = np.arange(1, n)
    parent = (rng.random(n - 1) ** 0.5 * child * 0.9).astype(np.int64)
    more = np.sort(rng.choice(np.arange(10, n), int(extra * n), replace=False))
    second = (rng.random(len(more)) * more * 0.9).astype(np.int64)
    fresh = second != parent[more - 1]
    return Taxonomy.from_arrays(
        [f"n{i}" for i in range(n)],
        np.concatenate([parent, second[fresh]]),
        np.concatenate([child, more[fresh]]),
    )


# ------------------------------------------------------------------------------------- counts


@given(dags())
def test_counts(edges: Edges) -> None:
    tree = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    graph, depth = reference.graph, reference.depth
    shape = describe(tree)
    leaves = [v for v in graph if not graph.out_degree(v)]
    inner = [v for v in graph if graph.out_degree(v)]
    children = [graph.out_degree(v) for v in inner]
    assert (shape.nodes, shape.edges, shape.leaves) == (len(graph), len(edges), len(leaves))
    assert shape.height == max(depth.values()) == len(shape.nodes_per_level) - 1
    assert shape.is_tree == nx.is_arborescence(graph)
    assert list(shape.nodes_per_level) == np.bincount(list(depth.values())).tolist()
    several = sum(graph.in_degree(v) > 1 for v in graph)
    assert shape.nodes_with_several_parents == several
    assert shape.share_with_several_parents == several / len(graph)
    assert shape.unary == children.count(1)
    at = [depth[v] for v in leaves]
    assert (shape.leaf_depth.min, shape.leaf_depth.max) == (min(at), max(at))
    assert shape.leaf_depth.mean == pytest.approx(fmean(at))
    assert shape.branching.mean == pytest.approx(fmean(children))
    assert shape.branching.median == median(children)
    assert shape.branching.max == graph.out_degree(shape.branching.widest) == max(children)


def test_weights() -> None:
    edges = [("a", "b", 0.0), ("a", "c", 2.5), ("c", "d", 0.0)]
    weights = describe(Taxonomy.from_edges(edges)).weights
    assert weights is not None
    assert (weights.min, weights.max, weights.zero, weights.unweighted) == (0.0, 2.5, 2, False)
    plain = describe(builtin_taxonomy("cifar100")).weights
    assert plain is not None
    assert plain.unweighted


def test_a_single_node() -> None:
    shape = describe(Taxonomy.from_edges([], nodes=["only"]))
    assert (shape.nodes, shape.edges, shape.leaves, shape.height) == (1, 0, 1, 0)
    assert shape.weights is None
    assert (shape.branching.max, shape.branching.widest) == (0, "only")
    assert math.isnan(shape.sackin) and math.isnan(shape.evenness)
    assert (shape.gromov.delta, shape.gromov.diameter) == (0.0, 0)
    assert [room.radius for room in shape.rooms] == [0.0] * 4
    assert shape.problems == ()


def test_as_dict_is_plain() -> None:
    shape = describe(builtin_taxonomy("odir5k"))
    plain = shape.as_dict()
    assert json.loads(json.dumps(plain))["gromov"]["diameter"] == shape.gromov.diameter
    assert set(plain) == set(Shape.__dataclass_fields__)


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 3},
        {"dims": ()},
        {"dims": (1,)},
        {"dims": (5, 2)},
        {"epsilon": 0.0},
        {"epsilon": math.inf},
        {"epsilon": math.nan},
    ],
)
def test_wrong_arguments(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        describe(builtin_taxonomy("demo"), **wrong)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------ balance


def slow_evenness(tree: Taxonomy) -> float:
    """J1 as in the paper, node by node."""
    tree = tree.to_tree()
    leaves = {v: sum(v == u or v in tree.ancestors(u) for u in tree.leaves) for v in tree}
    inner = [v for v in tree if tree.children(v)]
    total = 0.0
    for v in inner:
        shares = [leaves[c] / leaves[v] for c in tree.children(v)]
        if len(shares) > 1:
            total += leaves[v] * -sum(p * math.log(p, len(shares)) for p in shares)
    return total / sum(leaves[v] for v in inner)


@given(dags())
def test_evenness_is_j1(edges: Edges) -> None:
    tree = Taxonomy.from_edges(edges)
    assert describe(tree).evenness == pytest.approx(slow_evenness(tree), abs=1e-12)


@pytest.mark.parametrize(("children", "height"), [(2, 4), (3, 3), (10, 1)])
def test_full_trees_are_balanced(children: int, height: int) -> None:
    shape = describe(full(children, height))
    assert shape.evenness == pytest.approx(1.0)
    assert shape.effective_branching == pytest.approx(children)
    assert shape.sackin == pytest.approx(1 / math.log2(children))


@pytest.mark.parametrize("leaves", [3, 10, 50])
def test_caterpillars_are_not(leaves: int) -> None:
    shape = describe(caterpillar(leaves))
    depth = (leaves * (leaves + 1) / 2 - 1) / leaves  # 1, 2, ..., n - 1, n - 1
    assert shape.sackin == pytest.approx(depth / math.log2(leaves))
    # in binary trees J1 is the least Sackin index over the actual one
    assert shape.evenness == pytest.approx(1 / shape.sackin)
    assert describe(chain(leaves)).evenness == 0.0


# ------------------------------------------------------------------------------ hyperbolicity


def slow_gromov(tree: Taxonomy) -> tuple[float, float, int]:
    """Largest and mean delta over all quadruples, and the diameter."""
    graph = tree.to_networkx().to_undirected()
    d = dict(nx.all_pairs_shortest_path_length(graph))
    deltas = []
    for x, y, u, v in combinations(graph, 4):
        sums = sorted([d[x][y] + d[u][v], d[x][u] + d[y][v], d[x][v] + d[y][u]])
        deltas.append((sums[2] - sums[1]) / 2)
    return max(deltas, default=0.0), fmean(deltas) if deltas else 0.0, nx.diameter(graph)


@given(st.one_of(trees(), dags(max_nodes=12)))
def test_gromov_is_exact_on_small_taxonomies(edges: Edges) -> None:
    tree = Taxonomy.from_edges(edges)
    found = describe(tree).gromov
    delta, mean, diameter = slow_gromov(tree)
    assert (found.delta, found.diameter, found.exact, found.sampled) == (delta, diameter, True, 0)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.relative == pytest.approx(2 * delta / diameter)


@pytest.mark.parametrize("arm", [1, 2, 5])
def test_a_long_cycle(arm: int) -> None:
    """Two ways of equal length: a cycle of n edges, whose delta is known (n/4 for 4 | n)."""
    ways = [["top", *(f"{side}{k}" for k in range(2 * arm - 1)), "end"] for side in "ab"]
    tree = Taxonomy.from_edges([edge for way in ways for edge in pairwise(way)])
    assert describe(tree).gromov.delta == arm


@given(dags())
def test_a_sample_is_a_lower_bound(edges: Edges) -> None:
    tree = Taxonomy.from_edges(edges)
    exact, sampled = gromov(tree._structure, 48, 0), gromov(tree._structure, 4, 0)
    assert sampled.delta <= exact.delta
    assert sampled.diameter <= exact.diameter
    assert sampled == gromov(tree._structure, 4, 0)


def test_the_mean_of_a_sample_is_near() -> None:
    tree = large(70, 0.3)
    exact = gromov(tree._structure, 70, 0)
    means = [gromov(tree._structure, 20, seed).mean for seed in range(16)]
    assert exact.exact and exact.mean > 0.1
    assert fmean(means) == pytest.approx(exact.mean, rel=0.15)


def test_both_searches_agree() -> None:
    core = _Core.of(large(3000, 0.2)._structure)
    sources = np.random.default_rng(0).integers(0, len(core.hanging), 80)
    table = core.by_level(sources)
    assert np.array_equal(table, core.by_search(sources))
    assert np.array_equal(table, table.T)


# --------------------------------------------------------------------------------------- room


@pytest.mark.parametrize(
    ("count", "dim", "angle"),
    [
        (1, 2, math.pi),
        (2, 5, math.pi),
        (12, 2, math.pi / 6),
        (4, 3, math.acos(-1 / 3)),
        (5, 3, math.pi / 2),
        (20, 10, math.pi / 2),
        (100, 3, math.acos(1 - 2 / 100)),  # a cap of the sphere has the share (1 - cos) / 2
    ],
)
def test_separation(count: int, dim: int, angle: float) -> None:
    assert separation(count, dim) == pytest.approx(angle, rel=1e-9)


def test_separation_falls_with_the_count_and_grows_with_the_dimension() -> None:
    table = [[separation(k, d) for d in (3, 4, 7, 20, 60)] for k in (3, 5, 9, 33, 1000, 10**6)]
    assert (np.diff(table, axis=1) >= 0).all()
    assert (np.diff(table, axis=0) <= 0).all()


def test_volume() -> None:
    for r in (1e-3, 0.5, 3.0, 200.0):
        two = r - math.log(2) + math.log1p(math.exp(-2 * r) - 2 * math.exp(-r))
        assert _log_volume(r, 2) == pytest.approx(two, rel=1e-9)
        if 0.5 <= r < 100:
            assert _log_volume(r, 3) == pytest.approx(math.log((math.sinh(2 * r) - 2 * r) / 4))
    for dim in (2, 5, 10):
        slope = _least_radius(10**33, dim) - _least_radius(10**30, dim)
        assert slope == pytest.approx(math.log(1000) / (dim - 1), rel=0.02)


@pytest.mark.parametrize(
    ("name", "dim"),
    [("breakhis", 2), ("cifar100", 10), ("demo", 5), ("ham10000-lineage", 2), ("odir5k-tree", 5)],
)
def test_what_fits_keeps_the_distances(name: str, dim: int) -> None:
    """The library's own construction, with the edge length of the estimate, in each storage."""
    tree = builtin_taxonomy(name)
    (room,) = describe(tree, dims=(dim,)).rooms
    for model, manifold in (
        ("ball", get_manifold("poincare")),
        ("hyperboloid", get_manifold("lorentz")),
        ("polar", get_manifold("polar")),
    ):
        emb = embed(
            tree, manifold=manifold, dim=dim, target="tree_distance", radius=1e4, tau=room.edge
        )
        points = emb.points
        assert emb.info["radius"] <= room.radius * 1.01
        for dtype in (torch.float32, torch.float64):
            if f"{model} {str(dtype).removeprefix('torch.')}" in room.fits:
                _, worst = distortion(points.to(dtype), tree, manifold, torch.arange(len(tree)))
                assert worst < 1.1
    assert room.fits


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 1.0, 3.0])
@pytest.mark.parametrize(("children", "height", "dim"), [(2, 5, 2), (3, 4, 5), (8, 2, 2)])
def test_the_distortion_is_kept_at_any_epsilon(
    epsilon: float, children: int, height: int, dim: int
) -> None:
    tree, manifold = full(children, height), get_manifold("polar")
    (room,) = describe(tree, dims=(dim,), epsilon=epsilon).rooms
    emb = embed(tree, manifold=manifold, dim=dim, target="tree_distance", radius=1e4, tau=room.edge)
    _, worst = distortion(emb.points, tree, manifold, torch.arange(len(tree)))
    assert 1 + epsilon / 5 < worst < 1 + epsilon or room.edge == 1.0


@pytest.mark.parametrize("name", ["cifar100", "demo", "ham10000-lineage"])
def test_what_a_dtype_holds_at_best(name: str) -> None:
    tree = builtin_taxonomy(name)
    for dim in (2, 5):
        (room,) = describe(tree, dims=(dim,)).rooms
        for dtype, best in (("float32", room.float32_within), ("float64", room.float64_within)):
            for factor, holds in ((1.01, True), (0.99, False)):
                (other,) = describe(tree, dims=(dim,), epsilon=factor * (best - 1)).rooms
                assert (f"hyperboloid {dtype}" in other.fits) == holds


def test_the_longest_turning_way() -> None:
    """On a way that always turns to one side the stretch is the promised one, to the last bit."""
    (room,) = describe(full(3, 2), dims=(2,), epsilon=0.5).rooms
    ball, tau, theta = get_manifold("poincare"), room.edge, room.angle
    here = torch.zeros(2, dtype=torch.float64)
    way, direction = [here], torch.tensor([1.0, 0.0], dtype=torch.float64) / 2
    turn = math.pi - theta
    rotation = torch.tensor(
        [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64
    )
    for _ in range(12):
        there = ball.expmap(here, tau * direction / ball.norm(here, direction))
        direction = rotation @ -ball.logmap(there, here)
        here = there
        way.append(here)
    stretch = [m * tau / float(ball.dist(way[0], way[m])) for m in (4, 8, 12)]
    assert stretch == sorted(stretch)
    assert stretch[-1] < 1.5
    # from one node to the next but many it is the limit: l at each further edge
    further = float(ball.dist(way[0], way[12]) - ball.dist(way[0], way[8])) / 4
    assert tau / further == pytest.approx(1.5, rel=1e-3)


def test_depth_needs_digits_not_only_radius() -> None:
    """The radius of a deep tree fits the hyperboloid long after its angles fit no dtype."""
    (room,) = describe(full(2, 12), dims=(5,)).rooms
    assert room.radius < 80
    assert room.bits > 53
    assert not room.fits


def test_a_line_needs_no_angles() -> None:
    shape = describe(chain(70))
    assert {room.bits for room in shape.rooms} == {0}
    assert {room.radius for room in shape.rooms} == {69.0}
    assert "hyperboloid float32" in shape.rooms[0].fits
    assert "ball float64" not in shape.rooms[0].fits


def test_lengths_count_in_units_of_the_shortest() -> None:
    plain = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "c"), ("a", "d")])
    edges = [("r", "a", 0.5), ("r", "b", 0.25), ("a", "c", 0.25), ("a", "d", 0.0)]
    one, other = describe(plain).rooms[0], describe(Taxonomy.from_edges(edges)).rooms[0]
    assert other.edge == one.edge
    assert other.radius == pytest.approx(one.radius * 3 / 2)


@pytest.mark.parametrize("weight", [0.0, 1e-300, 1e300])
def test_extreme_lengths(weight: float) -> None:
    edges = [("r", "a", weight), ("r", "b", 1.0), ("r", "c", weight), ("a", "d", 1.0)]
    rooms = describe(Taxonomy.from_edges(edges)).rooms
    assert all(math.isfinite(room.radius) for room in rooms)
    zero = describe(Taxonomy.from_edges([(a, b, 0.0) for a, b, _ in edges])).rooms
    assert {room.radius for room in zero} == {0.0}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (builtin_taxonomy("cifar100"), "float32 from dimension 10 (radius 15.3;"),
        (builtin_taxonomy("odir5k"), "within 10%: float64 from dimension 2 (radius 38.2;"),
        (full(2, 12), "not up to dimension 20 (radius "),
        (full(40, 3), "within 10%: float64 from dimension 20"),
        (Taxonomy.from_edges([], nodes=["a"]), "float32 from dimension 2 (radius 0;"),
    ],
    ids=["cifar100", "odir5k", "deep", "wide", "single"],
)
def test_advice(tree: Taxonomy, expected: str) -> None:
    assert expected in describe(tree).advice
    assert "\n" not in describe(tree).advice


# ----------------------------------------------------------------------------------- problems


def star(n: int) -> Edges:
    return [("r", f"leaf {k}") for k in range(n)]


@pytest.mark.parametrize(
    ("edges", "kind", "text"),
    [
        (
            [("r", "a"), ("a", "b"), ("b", "c"), ("r", "d"), ("d", "e")],
            "unary",
            "3 inner nodes have a single child, in 2 chains (unary='contract' leaves them out): "
            "'a', 'd', 'b'",
        ),
        (
            [("r", "a"), ("a", "b"), ("a", "c")],
            "lone-level",
            "1 level below the root has only one node: 'a'",
        ),
        (
            star(120),
            "crowd",
            "1 node has 100 children or more, which need much room: 'r' (120)",
        ),
        (
            [("r", "x"), ("r", "a"), ("a", "b"), ("a", "c")],
            "leaf-below-root",
            "1 leaf lies directly below the root, beside deeper ones: 'x'",
        ),
        (
            [("r", "x"), ("r", "a"), ("a", "b"), ("a", "y"), ("b", "c"), ("b", "d")],
            "uneven-depth",
            "1 leaf lies at half of the height (3) or above; on the levels below they stand in "
            "for themselves: 'x' (depth 1)",
        ),
        (
            [("r", "x"), ("r", "a")] + [("a", f"n{k}") for k in range(30)],
            "lopsided",
            "1 node has 95% or more of its leaves below one of several children: "
            "'r' (97% below 'a')",
        ),
        (
            [("r", "a"), ("a", "x"), ("r", "x"), ("r", "y")],
            "redundant-edge",
            "1 edge is implied by others: the parent is an ancestor of another parent "
            "(transitive_reduction() drops them): 'r' -> 'x'",
        ),
        (
            [("r", "a", 0.0), ("r", "b")],
            "zero-length",
            "1 edge has length 0: parent and child are one point: 'r' -> 'a'",
        ),
        (
            [("r", name) for name in ("T-Shirt", "t shirt", "tshirt", "T_SHIRT!", "shirt")],
            "alike",
            "1 group of names that differ only in case, white space or punctuation: "
            "'T-Shirt' / 't shirt' / 'tshirt'",
        ),
        (
            [("r", "x" * 81), ("r", "y" * 80)],
            "long-name",
            f"1 name is longer than 80 characters: '{'x' * 39}…'",
        ),
    ],
)
def test_problems(edges: list[tuple[str, str]], kind: str, text: str) -> None:
    shape = describe(Taxonomy.from_edges(edges))
    (found,) = [problem for problem in shape.problems if problem.kind == kind]
    assert str(found) == text
    assert len(found.examples) <= min(found.count, 3)
    assert shape.problems == describe(Taxonomy.from_edges(edges)).problems


@pytest.mark.parametrize("tree", [full(3, 3), builtin_taxonomy("cifar100")], ids=["full", "cifar"])
def test_no_problems(tree: Taxonomy) -> None:
    assert describe(tree).problems == ()


def test_many_are_counted_and_three_are_shown() -> None:
    names = [f"{letter}{mark}" for letter in "abcdefg" for mark in ("", "!")]
    (found,) = describe(Taxonomy.from_edges([("r", name) for name in names])).problems
    assert (found.count, len(found.examples)) == (7, 3)
    assert str(found).endswith("'a' / 'a!', 'b' / 'b!', 'c' / 'c!', ...")


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["1.1.11", "1.11.1"], False),  # codes: punctuation between digits tells them apart
        (["1.1.11", "1-1-11"], True),
        (["+", "-"], False),
        (["straße", "STRASSE"], True),
        (["hot dog", "hotdog"], True),
        (["名", "名！"], True),
        (["a_b", "ab"], True),
        (["2 a", "2a"], True),
        (["é", "e"], False),
    ],
)
def test_which_names_are_alike(names: list[str], alike: bool) -> None:
    problems = describe(Taxonomy.from_edges([("root", name) for name in names])).problems
    assert [p.kind for p in problems] == ["alike"] * alike


@given(dags())
def test_redundant_edges(edges: Edges) -> None:
    tree = Taxonomy.from_edges(edges)
    s = tree._structure
    found, complete = redundant_edges(s)
    reduced = nx.transitive_reduction(tree.to_networkx())
    expected = [
        e
        for e, (child, parent) in enumerate(tree.edges.T.tolist())
        if not reduced.has_edge(tree.nodes[parent], tree.nodes[child])
    ]
    assert complete
    assert found.tolist() == expected


def test_redundant_edges_with_long_detours() -> None:
    """Every second node of a chain also hangs on the node two above: quick by its places."""
    n = 20_000
    step = np.arange(2, n, 2)
    tree = Taxonomy.from_arrays(
        [f"n{i}" for i in range(n)],
        np.concatenate([np.arange(n - 1), step - 2]),
        np.concatenate([np.arange(1, n), step]),
    )
    found, complete = redundant_edges(tree._structure)
    assert complete
    assert len(found) == len(step)


# -------------------------------------------------------------------------------------- speed


@pytest.mark.parametrize(
    "tree",
    [large(100_000, 0.0), large(100_000, 0.03), chain(100_000)],
    ids=["tree", "dag", "chain"],
)
def test_a_hundred_thousand_nodes(tree: Taxonomy) -> None:
    started = time.perf_counter()
    shape = describe(tree)
    # well under a second on an idle machine
    assert time.perf_counter() - started < 5
    assert shape.nodes == 100_000
    assert shape.gromov.exact == tree.is_tree
