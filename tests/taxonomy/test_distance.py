"""Distances along the hierarchy, and what is made of them, against networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import Reference, dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

Edges = list[tuple[str, str]]

weights = st.integers(0, 8).map(lambda k: k / 4)  # sums are exact


@settings(deadline=None)
@given(st.one_of(trees(12), dags(9)), st.data())
def test_weighted_distance(edges: Edges, data: st.DataObject) -> None:
    rows = [(*edge, data.draw(weights)) for edge in edges]
    tax = Taxonomy.from_edges(rows)
    reference = Reference(edges)
    for u, v, w in rows:
        reference.graph.edges[u, v]["w"] = w
    found = tax.distance_matrix(weighted=True)
    expected = [[reference.climb(u, v, "w") for v in tax.nodes] for u in tax.nodes]
    assert found.tolist() == expected
    assert tax.distance_matrix().tolist() == [
        [reference.climb(u, v) for v in tax.nodes] for u in tax.nodes
    ]


@settings(deadline=None)
@given(trees())
def test_in_a_tree_it_is_the_length_of_the_path(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    lengths = dict(nx.all_pairs_shortest_path_length(nx.Graph(edges)))
    assert tax.distance_matrix().tolist() == [[lengths[u][v] for v in tax] for u in tax]


def test_dag_distance_is_the_shortest_climb() -> None:
    # the deepest common ancestor of x and y is d, but over r it is shorter for x
    edges = [("r", "b"), ("b", "c"), ("c", "d"), ("d", "x"), ("d", "y"), ("r", "x"), ("r", "y")]
    tax = Taxonomy.from_edges([(*edge, 5.0 if edge == ("d", "y") else 1.0) for edge in edges])
    x, y, c = tax.encode(["x", "y", "c"])
    assert tax.decode(tax.lca(x, y)) == ["d"]
    assert tax.distance(x, y) == 2
    assert tax.distance(x, y, weighted=True) == 2.0
    assert tax.distance(x, c) == 2
    assert tax.distance(y, c, weighted=True) == 3.0


def test_zero_lengths_stay_zero_far_from_the_root() -> None:
    rows = [("r", "a", 0.1), ("a", "b", 0.2), ("b", "c", 0.7), ("c", "d", 0.0), ("c", "e", 1e-9)]
    tax = Taxonomy.from_edges(rows)
    c, d, e = tax.encode(["c", "d", "e"])
    assert tax.distance(c, d, weighted=True) == 0
    assert tax.distance(d, e, weighted=True) == pytest.approx(1e-9, rel=1e-6)


def test_distance_matrix_of_some() -> None:
    tax = builtin_taxonomy("cifar100")
    leaves = tax.leaf_ids[::10]
    some = tax.distance_matrix(leaves)
    assert some.shape == (10, 10)
    assert torch.equal(some, tax.distance_matrix()[leaves][:, leaves])
    assert tax.distance_matrix([]).shape == (0, 0)
    with pytest.raises(TaxonomyError, match=r"shape \(1, 10\); expected one dimension"):
        tax.distance_matrix(leaves[None])


@settings(deadline=None)
@given(st.one_of(trees(), dags()), st.floats(0, 50))
def test_label_smoothing(edges: Edges, beta: float) -> None:
    tax = Taxonomy.from_edges(edges)
    reference = Reference(edges)
    height = dict.fromkeys(tax, 0)
    for v in reversed(list(nx.topological_sort(reference.graph))):
        for child in reference.graph.successors(v):
            height[v] = max(height[v], height[child] + 1)
    assert tax.node_height.tolist() == [height[v] for v in tax]
    soft = tax.label_smoothing(beta)
    lca = tax.lca(tax.leaf_ids[:, None], tax.leaf_ids[None, :]).tolist()
    for row, ancestors in zip(soft.tolist(), lca, strict=True):
        raw = np.array([np.exp(-beta * height[tax.nodes[a]] / tax.height) for a in ancestors])
        np.testing.assert_allclose(row, raw / raw.sum(), rtol=1e-12, atol=1e-15)


def test_label_smoothing_at_its_ends() -> None:
    tax = builtin_taxonomy("fashion-mnist")
    n = len(tax.leaves)
    assert torch.allclose(tax.label_smoothing(0), torch.full((n, n), 1 / n).double())
    assert torch.allclose(tax.label_smoothing(1e4), torch.eye(n).double())
    assert Taxonomy.from_paths([("only",)]).label_smoothing(3).tolist() == [[1.0]]
    for beta in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="beta="):
            tax.label_smoothing(beta)
