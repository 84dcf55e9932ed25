"""Taxonomies made of others: parts, contraction, reduction."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import Reference, dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

Edges = list[tuple[str, str]]
either = st.one_of(trees(), dags())
few = settings(deadline=None)

TREE = Taxonomy.from_edges(
    [("r", "a", 2), ("r", "b", 3), ("a", "x", 4), ("a", "y", 5), ("b", "z", 6), ("z", "w", 7)]
)


def graph_of(tax: Taxonomy) -> set[tuple[str, str]]:
    return set(tax.to_networkx().edges)


@few
@given(either, st.data())
def test_subtree(edges: Edges, data: st.DataObject) -> None:
    tax = Taxonomy.from_edges(edges)
    node = data.draw(st.sampled_from(tax.nodes))
    inside = nx.descendants(nx.DiGraph(edges), node) | {node}
    part = tax.subtree(node)
    assert part.root == node
    assert set(part) == inside
    assert graph_of(part) == {(u, v) for u, v in edges if u in inside and v in inside}
    assert tax.subtree(tax.id_of(node)) == part


@few
@given(either, st.data())
def test_restrict_to(edges: Edges, data: st.DataObject) -> None:
    tax = Taxonomy.from_edges(edges)
    some = data.draw(st.sets(st.sampled_from(tax.nodes), min_size=1))
    above = Reference(edges).above
    inside = some.union(*(above[v] for v in some))
    part = tax.restrict_to(sorted(some))
    assert set(part) == inside
    assert graph_of(part) == {(u, v) for u, v in edges if u in inside and v in inside}
    assert tax.restrict_to(tax.encode(sorted(some))) == part


@few
@given(either, st.data())
def test_prune(edges: Edges, data: st.DataObject) -> None:
    tax = Taxonomy.from_edges(edges)
    gone = data.draw(st.sets(st.sampled_from(tax.nodes[1:])))
    graph = nx.DiGraph(edges)
    graph.remove_nodes_from(gone)
    inside = nx.descendants(graph, tax.root) | {tax.root}
    part = tax.prune(gone)
    assert set(part) == inside
    assert graph_of(part) == {(u, v) for u, v in edges if u in inside and v in inside}


def test_parts_keep_order_and_weights() -> None:
    assert TREE.subtree("a").edge_weight.tolist() == [4.0, 5.0]
    assert TREE.prune("x").nodes == ("r", "a", "b", "y", "z", "w")
    assert TREE.prune(["a", "w"]).leaves == ("z",)
    assert TREE.prune(max_depth=1).nodes == ("r", "a", "b")
    assert TREE.prune("b", max_depth=1).nodes == ("r", "a")
    assert TREE.prune(max_depth=0).nodes == ("r",)
    assert TREE.prune() == TREE.prune([]) == TREE.restrict_to(TREE.leaves) == TREE
    assert TREE.restrict_to("w").nodes == ("r", "b", "z", "w")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TREE.subtree("q"), "unknown node 'q'"),
        (lambda: TREE.subtree([1, 2]), "2 nodes; expected one"),
        (lambda: TREE.prune("r"), "the root 'r' cannot be pruned"),
        (lambda: TREE.prune(["a", "q"]), "unknown node 'q'"),
        (lambda: TREE.prune(max_depth=-1), "max_depth=-1"),
        (lambda: TREE.restrict_to([]), "no nodes"),
        (lambda: TREE.restrict_to([7]), "node id 7; expected 0 to 6"),
    ],
)
def test_refused(call: Any, message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        call()


# --------------------------------------------------------------------------- single children


def contracted_slowly(edges: list[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """One inner node after the other, until none below the root has a single child."""
    graph: Any = nx.DiGraph()
    graph.add_weighted_edges_from(edges)
    while True:
        found = [v for v in graph if graph.in_degree(v) and graph.out_degree(v) == 1]
        if not found:
            return dict(nx.get_edge_attributes(graph, "weight"))
        v = found[0]
        (child,) = graph.successors(v)
        for above in list(graph.predecessors(v)):
            length = graph.edges[above, v]["weight"] + graph.edges[v, child]["weight"]
            if graph.has_edge(above, child):
                length = min(length, graph.edges[above, child]["weight"])
            graph.add_edge(above, child, weight=length)
        graph.remove_node(v)


@few
@given(either, st.data())
def test_contraction(edges: Edges, data: st.DataObject) -> None:
    rows = [(*edge, data.draw(st.integers(0, 5)) / 2) for edge in edges]
    tax = Taxonomy.from_edges(rows)
    part = tax.contract_unary()
    expected = contracted_slowly(rows)
    assert dict(nx.get_edge_attributes(part.to_networkx(), "weight")) == expected
    assert set(part.leaves) == set(tax.leaves)
    assert part.root == tax.root
    assert Taxonomy.from_edges(rows, unary="contract") == part
    assert part.contract_unary() == part


def test_contraction_of_chains() -> None:
    chain = Taxonomy.from_paths([tuple(f"n{k}" for k in range(50_000))], unary="contract")
    assert chain.nodes == ("n0", "n49999")
    assert chain.edge_weight.tolist() == [49_999.0]
    assert Taxonomy.from_paths([("only",)]).contract_unary().nodes == ("only",)
    assert Taxonomy.from_edges([("a", "b"), ("c", "d"), ("d", "e")], roots="join",
                               unary="contract").nodes == ("root", "b", "e")  # fmt: skip


# ------------------------------------------------------------------------------- reduction


@few
@given(dags())
def test_transitive_reduction(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    part = tax.transitive_reduction()
    assert part.nodes and set(part) == set(tax)
    assert graph_of(part) == set(nx.transitive_reduction(nx.DiGraph(edges)).edges)
    closure = Taxonomy.from_edges(
        [(tax.nodes[a], tax.nodes[c]) for c, a in tax.closure().T.tolist()]
    )
    assert graph_of(closure.transitive_reduction()) == graph_of(part)


def test_a_tree_is_reduced_already() -> None:
    assert TREE.transitive_reduction() is TREE


def test_unweighted() -> None:
    plain = TREE.unweighted()
    assert plain.nodes == TREE.nodes
    assert plain.edge_weight.tolist() == [1.0] * 6
    assert torch.equal(plain.edges, TREE.edges)
    assert builtin_taxonomy("demo").unweighted() == builtin_taxonomy("demo")
