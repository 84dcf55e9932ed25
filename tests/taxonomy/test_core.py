"""Queries of a taxonomy against their definitions."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import Reference, dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, _ancestors, builtin_taxonomy
from hyperhier.taxonomy._ancestors import dag_lca, tree_lca

few = settings(deadline=None)
Edges = list[tuple[str, str]]


def all_pairs(tax: Taxonomy) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.arange(len(tax))
    return ids[:, None], ids[None, :]


# ------------------------------------------------------------------------------- numbering


@few
@given(st.one_of(trees(), dags()))
def test_ids_are_breadth_first(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    assert tax.root_id == 0
    assert tax.root == next(v for v in reference.graph if not reference.above[v])
    assert tax.depth.tolist() == [reference.depth[v] for v in tax.nodes]
    assert torch.equal(tax.depth, tax.depth.sort().values)
    assert tax.height == max(reference.depth.values())
    assert [len(level) for level in tax.levels] == tax.depth.bincount().tolist()
    assert tuple(v for level in tax.levels for v in level) == tax.nodes
    primary = tax.parent_id[1:]
    assert torch.equal(primary, primary.sort().values)
    assert tax.parent_id[0] == -1
    assert tax.is_tree == (len(edges) == len(tax) - 1)


@few
@given(st.one_of(trees(), dags()))
def test_names(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    for v in tax:
        assert tax.parents(v) == tuple(p for p, c in edges if c == v)
        assert sorted(tax.children(v)) == sorted(c for p, c in edges if p == v)
        above = tax.ancestors(v)
        assert set(above) == reference.above[v]
        assert len(set(above)) == len(above)
        depths = [reference.depth[a] for a in above]
        assert depths == sorted(depths, reverse=True)
    assert set(tax.leaves) == {v for v in reference.graph if not reference.graph.out_degree(v)}
    assert tax.decode(tax.leaf_ids) == list(tax.leaves)
    assert tax.decode(tax.encode(reversed(tax.nodes))) == list(reversed(tax.nodes))
    listed = {(tax.nodes[p], tax.nodes[c]) for c, p in tax.edges.T.tolist()}
    assert listed == set(edges)


def test_siblings_in_the_order_of_the_edges() -> None:
    edges = [("b", "z"), ("a", "c"), ("a", "b"), ("b", "y"), ("c", "x")]
    tax = Taxonomy.from_edges(edges)
    assert tax.nodes == ("a", "c", "b", "x", "z", "y")
    assert tax.children("b") == ("z", "y")


def test_primary_parent_is_the_deepest_then_the_first_listed() -> None:
    edges = [("r", "a"), ("r", "b"), ("r", "x"), ("b", "x"), ("a", "x")]
    tax = Taxonomy.from_edges(edges)
    assert tax.parents("x") == ("r", "b", "a")
    assert tax.decode(tax.parent_id[tax.encode("x")]) == ["b"]
    assert tax.decode(tax.ancestor_at(1, tax.encode("x"))) == ["b"]


# --------------------------------------------------------------------------------- queries


@few
@given(trees())
def test_tree_queries(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    i, j = all_pairs(tax)
    hops = dict(nx.all_pairs_shortest_path_length(reference.graph.to_undirected()))
    lca = tax.lca(i, j)
    for a, u in enumerate(tax.nodes):
        for b, v in enumerate(tax.nodes):
            expected = max(reference.common(u, v), key=reference.depth.__getitem__)
            assert tax.nodes[int(lca[a, b])] == expected
    assert tax.distance(i, j).tolist() == [[hops[u][v] for v in tax.nodes] for u in tax.nodes]
    assert torch.equal(tax.lca_depth(i, j), tax.depth[lca])


@few
@given(dags(max_nodes=12))
def test_dag_queries(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    i, j = all_pairs(tax)
    lca, distance = tax.lca(i, j), tax.distance(i, j)
    for a, u in enumerate(tax.nodes):
        for b, v in enumerate(tax.nodes):
            common = [tax.id_of(w) for w in reference.common(u, v)]
            expected = min(common, key=lambda w: (-int(tax.depth[w]), w))
            assert lca[a, b] == expected
            assert distance[a, b] == reference.climb(u, v)


@few
@given(dags(max_nodes=9))
def test_dag_queries_of_distinct_pairs_and_in_chunks(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    i, j = (x.reshape(-1) for x in torch.broadcast_tensors(*all_pairs(tax)))
    whole = tax.lca(i, j)
    pairs = [int(tax.lca(a, b)) for a, b in zip(i, j)]
    assert whole.tolist() == pairs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ancestors, "CHUNK", 3)
        assert torch.equal(tax.lca(i, j), whole)


@few
@given(trees())
def test_the_two_kinds_of_query_agree_on_trees(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    i, j = (x.reshape(-1) for x in torch.broadcast_tensors(*all_pairs(tax)))
    assert torch.equal(dag_lca(tax._table, i, j), tree_lca(tax._table, i, j))


@few
@given(st.one_of(trees(), dags()))
def test_closure_and_is_ancestor(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    pairs = [(tax.nodes[c], tax.nodes[a]) for c, a in tax.closure().T.tolist()]
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == {(v, a) for v in reference.graph for a in reference.above[v]}
    ids = [tuple(pair) for pair in tax.closure().T.tolist()]
    assert ids == sorted(ids)
    a, b = all_pairs(tax)
    expected = [[u in reference.above[v] for v in tax.nodes] for u in tax.nodes]
    assert tax.is_ancestor(a, b).tolist() == expected
    assert torch.equal(tax.is_ancestor(a, b, proper=False), tax.is_ancestor(a, b) | (a == b))


@few
@given(st.one_of(trees(), dags()))
def test_ancestor_at_follows_primary_parents(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    parent, depth = tax.parent_id.tolist(), tax.depth.tolist()
    ids = torch.arange(len(tax))
    paths = tax.paths(ids)
    assert paths.shape == (len(tax), tax.height + 1)
    for level in range(tax.height + 1):
        expected = []
        for v in range(len(tax)):
            while depth[v] > level:
                v = parent[v]
            expected.append(v)
        assert tax.ancestor_at(level, ids).tolist() == expected
        assert paths[:, level].tolist() == expected
        nodes = tax.nodes_at(level)
        assert nodes.tolist() == sorted({expected[v] for v in tax.leaf_ids.tolist()})


def test_ancestor_at_takes_a_level_for_each_id() -> None:
    tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
    x, b = tax.encode(["x", "b"])
    assert tax.decode(tax.ancestor_at([0, 1, 2], x)) == ["r", "a", "x"]
    assert tax.decode(tax.ancestor_at([2, 0], torch.stack([b, x]))) == ["b", "r"]


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_out_of_range(level: int) -> None:
    tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
    with pytest.raises(TaxonomyError, match=rf"level {level}; expected 0 to 2"):
        tax.ancestor_at(level, tax.leaf_ids)


def test_unequal_depth() -> None:
    tax = Taxonomy.from_paths([("r", "a", "c", "x"), ("r", "a", "y"), ("r", "b")])
    b, y, x = tax.encode(["b", "y", "x"])
    assert tax.decode(tax.leaf_ids) == ["b", "y", "x"]
    assert tax.decode(tax.paths(b)) == ["r", "b", "b", "b"]
    assert tax.decode(tax.nodes_at(2)) == ["b", "c", "y"]
    assert tax.decode(tax.nodes_at(3)) == ["b", "y", "x"]
    assert tax.kappa(tax.leaf_ids, tax.leaf_ids).tolist() == [1.0, 1.0, 1.0]
    torch.testing.assert_close(tax.kappa(x, y), torch.tensor(1 / 3, dtype=torch.float64))
    assert tax.kappa(b, x) == 0


def test_kappa_of_an_inner_node_with_itself_is_its_depth() -> None:
    tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y")])
    a = tax.encode("a")
    assert tax.kappa(a, a) == 0.5
    assert tax.kappa(a, tax.encode("x")) == 0.5
    assert tax.kappa(tax.root_id, tax.root_id) == 0


# ------------------------------------------------------------------------- extreme shapes


def test_single_node() -> None:
    tax = Taxonomy.from_paths([("only",)])
    assert (tax.root, tax.leaves, tax.height, len(tax)) == ("only", ("only",), 0, 1)
    assert tax.is_tree
    assert tax.edges.shape == (2, 0)
    assert tax.closure().shape == (2, 0)
    assert tax.levels == (("only",),)
    assert tax.kappa(0, 0) == 1
    assert tax.lca(0, 0) == 0
    assert tax.distance(0, 0) == 0
    assert not tax.is_ancestor(0, 0)
    assert tax.paths(tax.leaf_ids).tolist() == [[0]]
    assert tax == Taxonomy.from_edges([], nodes=["only"])
    assert tax.parents("only") == tax.children("only") == tax.ancestors("only") == ()


def test_chain_of_100_000() -> None:
    n = 100_000
    names = [f"n{k}" for k in range(n)]
    tax = Taxonomy.from_arrays(names, np.arange(n - 1), np.arange(1, n))
    assert tax.height == n - 1
    assert tax.nodes == tuple(names)
    generator = torch.Generator().manual_seed(0)
    i, j = torch.randint(n, (2, 1000), generator=generator)
    assert torch.equal(tax.lca(i, j), torch.minimum(i, j))
    assert torch.equal(tax.distance(i, j), (i - j).abs())
    assert torch.equal(tax.ancestor_at(777, i), i.clamp(max=777))
    assert torch.equal(tax.is_ancestor(i, j), i < j)
    with pytest.raises(TaxonomyError, match=r"4999950000 .* pairs"):
        tax.closure()


def test_deep_dag() -> None:
    """A chain of diamonds: every second node has two parents."""
    edges = []
    for k in range(3000):
        edges += [(f"s{k}", f"l{k}"), (f"s{k}", f"r{k}")]
        edges += [(f"l{k}", f"s{k + 1}"), (f"r{k}", f"s{k + 1}")]
    tax = Taxonomy.from_edges(edges)
    assert tax.height == 6000
    assert tax.leaves == ("s3000",)
    assert len(tax.to_tree()) == 6001
    below = Taxonomy.from_edges(edges[:400])
    left, right = below.encode(["l50", "r50"])
    assert below.decode(below.lca(left, right)) == ["s50"]
    assert below.distance(left, right) == 2


def test_star_and_wide_levels() -> None:
    """Wide enough for the passes that handle a whole level at once."""
    n = 3000
    star = Taxonomy.from_edges([("hub", f"n{k}") for k in range(n)])
    assert star.height == 1
    assert star.leaves == tuple(f"n{k}" for k in range(n))
    assert star.distance(1, n) == 2
    edges = [("hub", f"n{k}") for k in range(n)]
    edges += [(f"n{k}", f"m{k // 2}") for k in range(n)]
    tax = Taxonomy.from_edges(edges)
    assert not tax.is_tree
    assert (tax.height, len(tax.leaves)) == (2, n // 2)
    assert tax.closure().shape == (2, n + 3 * (n // 2))
    assert tax.parents("m7") == ("n14", "n15")
    with pytest.raises(TaxonomyError, match="cycle"):
        Taxonomy.from_edges([*edges, ("m0", "x"), ("x", "n1")])


# -------------------------------------------------------------------- what queries accept


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8])
def test_integer_dtypes(dtype: torch.dtype) -> None:
    tax = builtin_taxonomy("demo")
    ids = tax.leaf_ids
    out = tax.lca(ids.to(dtype), ids.flip(0).to(dtype))
    assert out.dtype == torch.int64
    assert torch.equal(out, tax.lca(ids, ids.flip(0)))
    assert tax.kappa(ids.to(dtype), 0).dtype == torch.float64
    assert tax.paths(ids.to(dtype)).dtype == torch.int64


def test_lists_arrays_and_numbers() -> None:
    tax = builtin_taxonomy("odir5k")
    expected = tax.lca(torch.tensor([3, 5]), torch.tensor([4, 4]))
    assert torch.equal(tax.lca([3, 5], 4), expected)
    assert torch.equal(tax.lca(np.array([3, 5]), np.int64(4)), expected)
    assert tax.lca(3, 4).shape == ()
    assert tax.lca([], []).shape == (0,)
    assert tax.lca(torch.empty(0, 3, dtype=torch.int64), 1).shape == (0, 3)
    assert tax.decode([]) == []
    assert tax.encode([]).dtype == torch.int64
    assert tax.paths(torch.zeros(2, 3, dtype=torch.int64)).shape == (2, 3, tax.height + 1)


@pytest.mark.parametrize(
    "bad", [torch.tensor([1.0]), 1.5, [0.0], np.array([1.0]), torch.tensor([True]), "cat", ["cat"]]
)
def test_ids_that_are_no_integers(bad: Any) -> None:
    tax = builtin_taxonomy("demo")
    for query in (tax.lca, tax.distance, tax.kappa, tax.is_ancestor):
        with pytest.raises(TypeError, match="expected integers"):
            query(bad, 0)
    for unary in (tax.paths, tax.decode):
        with pytest.raises(TypeError, match="expected integers"):
            unary(bad)


@pytest.mark.parametrize("name", ["demo", "odir5k"])
@pytest.mark.parametrize("bad", [-1, 99])
def test_ids_out_of_range(name: str, bad: int) -> None:
    tax = builtin_taxonomy(name)
    expected = rf"node id {bad}; expected 0 to {len(tax) - 1}"
    for call in (
        lambda: tax.lca([0, bad], 0),
        lambda: tax.lca(0, bad),
        lambda: tax.ancestor_at(1, bad),
        lambda: tax.paths([1, bad]),
        lambda: tax.decode([bad]),
        lambda: tax.is_ancestor(bad, 0),
    ):
        with pytest.raises(TaxonomyError, match=expected):
            call()


def test_devices() -> None:
    tax = builtin_taxonomy("demo")
    ids = tax.leaf_ids
    assert tax.lca(ids, ids).device == ids.device
    with pytest.raises(ValueError, match="several devices: cpu, meta"):
        tax.lca(ids, ids.to("meta"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ["demo", "odir5k"])
def test_results_lie_on_the_device_of_the_ids(name: str) -> None:
    tax = builtin_taxonomy(name)
    i, j = all_pairs(tax)
    for query in (tax.lca, tax.lca_depth, tax.distance, tax.kappa, tax.is_ancestor):
        found = query(i.cuda(), j.cuda())
        assert found.device.type == "cuda"
        assert torch.equal(found.cpu(), query(i, j))
    assert torch.equal(tax.paths(i.cuda()).cpu(), tax.paths(i))
    assert tax.lca(i.cuda(), 0).device.type == "cuda"


def test_compiles_without_a_break() -> None:
    tax = pickle.loads(pickle.dumps(builtin_taxonomy("demo")))

    def queries(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = x[:, None]
        return tax.kappa(y, x), tax.distance(y, x), tax.is_ancestor(y, x), tax.paths(x)

    expected = queries(tax.leaf_ids)  # builds the tables
    torch._dynamo.reset()
    compiled = torch.compile(queries, fullgraph=True, backend="eager")
    for found, wanted in zip(compiled(tax.leaf_ids), expected):
        assert torch.equal(found, wanted)
    assert not tax._structure.depth.flags.writeable


def test_decode_wants_one_dimension() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        builtin_taxonomy("demo").decode([[0, 1]])


# ----------------------------------------------------------------------------- as an object


def test_unknown_names_suggest_close_ones() -> None:
    tax = Taxonomy.from_edges([("animal", "cat"), ("animal", "Dog")])
    with pytest.raises(TaxonomyError, match="unknown node 'dgo'; did you mean 'Dog'"):
        tax.encode(["cat", "dgo"])
    with pytest.raises(TaxonomyError, match=r"unknown node 'zebra'$"):
        tax.parents("zebra")
    with pytest.raises(TaxonomyError, match="unknown node 3; expected a str"):
        tax.encode([3])  # type: ignore[list-item]
    wide = Taxonomy.from_edges([("r", f"node{k}") for k in range(6000)])
    with pytest.raises(TaxonomyError, match="did you mean 'node123'"):
        wide.id_of("node123x")


def test_container() -> None:
    tax = Taxonomy.from_edges([("a", "b"), ("a", "c")])
    assert (len(tax), list(tax)) == (3, ["a", "b", "c"])
    assert "b" in tax
    assert "x" not in tax
    assert 1 not in tax
    assert ["b"] not in tax


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([("a", "b"), ("a", "c")], "Taxonomy(tree, 3 nodes, 2 leaves, height 1, root 'a')"),
        (
            [("a", "b"), ("a", "c"), ("b", "c")],
            "Taxonomy(DAG, 3 nodes, 1 leaf, height 2, root 'a')",
        ),
    ],
)
def test_repr(edges: Edges, expected: str) -> None:
    assert repr(Taxonomy.from_edges(edges)) == expected


@few
@given(st.one_of(trees(), dags()), st.randoms())
def test_equality_hash_and_pickle(edges: Edges, random: Any) -> None:
    tax = Taxonomy.from_edges(edges)
    tax.lca(0, 0)
    again = pickle.loads(pickle.dumps(tax))
    assert again == tax
    assert hash(again) == hash(tax)
    assert torch.equal(again.parent_id, tax.parent_id)
    assert torch.equal(again.depth, tax.depth)
    weighted = Taxonomy.from_edges([(*edges[0], 2.0), *edges[1:]])
    assert weighted != tax
    assert weighted.nodes == tax.nodes
    assert tax != "taxonomy"
    assert copy.deepcopy(tax) is tax
    assert copy.copy(tax) is tax


def test_immutable() -> None:
    tax = builtin_taxonomy("demo")
    before = hash(tax), tax.closure(), tax.paths(tax.leaf_ids)
    with pytest.raises(AttributeError, match="immutable"):
        tax.nodes = ()  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        tax.extra = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="immutable"):
        del tax._structure
    for table in (tax.depth, tax.parent_id, tax.leaf_ids, tax.edges, tax.edge_weight):
        table.zero_()
    tax.closure().zero_()
    with pytest.raises(ValueError, match="read-only"):
        tax._structure.depth[0] = 1
    fresh = pickle.loads(pickle.dumps(tax))
    assert fresh == builtin_taxonomy("demo")
    assert torch.equal(fresh.depth, tax.depth)
    assert tax.depth.sum() > 0
    assert torch.equal(tax.closure(), before[1])
    assert torch.equal(tax.paths(tax.leaf_ids), before[2])


def test_is_not_called() -> None:
    with pytest.raises(TypeError, match="from_edges"):
        Taxonomy([("a", "b")])


# ---------------------------------------------------------------------------- derived ones


@few
@given(dags())
def test_to_tree_keeps_the_leaves(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    tree = tax.to_tree()
    assert tree.is_tree
    assert set(tree.leaves) == set(tax.leaves)
    parents = {v: tax.decode(tax.parent_id[tax.id_of(v)])[0] for v in tree if v != tree.root}
    assert {v: tree.parents(v)[0] for v in parents} == parents
    assert {v: int(tree.depth[tree.id_of(v)]) for v in tree} == {
        v: int(tax.depth[tax.id_of(v)]) for v in tree
    }
    assert tree.to_tree() is tree


@few
@given(st.one_of(trees(), dags()), st.integers(0, 5))
def test_shuffled_leaves(edges: Edges, seed: int) -> None:
    tax = Taxonomy.from_edges(edges)
    other = tax.shuffled_leaves(seed)
    assert torch.equal(other.edges, tax.edges)
    assert sorted(other.leaves) == sorted(tax.leaves)
    inner = [v for v in range(len(tax)) if v not in set(tax.leaf_ids.tolist())]
    assert [other.nodes[v] for v in inner] == [tax.nodes[v] for v in inner]
    assert other == tax.shuffled_leaves(seed)


def test_shuffled_leaves_do_shuffle() -> None:
    tax = builtin_taxonomy("cifar100")
    assert tax.shuffled_leaves(0) != tax
    assert tax.shuffled_leaves(0) != tax.shuffled_leaves(1)
