"""Thousands of small random taxonomies: everything equals networkx and brute force."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from hyperhier.taxonomy import Taxonomy


def random_edges(rng: np.random.Generator, most_parents: int) -> list[tuple[str, str, float]]:
    """A rooted tree, or a DAG of up to ``most_parents`` parents a node, in any order."""
    n = int(rng.integers(1, 14))
    names = [f"n{k}" for k in rng.permutation(n)]
    edges = []
    for v in range(1, n):
        many = int(rng.integers(1, most_parents + 1))
        for u in rng.choice(v, min(v, many), replace=False):
            edges.append((names[u], names[v], float(rng.integers(0, 9)) / 4))
    return [edges[k] for k in rng.permutation(len(edges))]


@pytest.mark.parametrize("most_parents", [1, 3])
def test_thousands(most_parents: int) -> None:
    rng = np.random.default_rng(most_parents)
    for _ in range(1500):
        edges = random_edges(rng, most_parents)
        tax = Taxonomy.from_edges(edges, nodes=() if edges else ["n0"])
        graph = tax.to_networkx()
        check_closure(tax, graph)
        check_common_ancestors(tax, graph)
        check_distances(tax, graph)


def check_closure(tax: Taxonomy, graph: nx.DiGraph[str]) -> None:
    pairs = {(tax.nodes[a], tax.nodes[c]) for c, a in tax.closure().T.tolist()}
    assert pairs == set(nx.transitive_closure_dag(graph).edges)


def check_common_ancestors(tax: Taxonomy, graph: nx.DiGraph[str]) -> None:
    ids = torch.arange(len(tax))
    lca = tax.lca(ids[:, None], ids[None, :]).tolist()
    if tax.is_tree:
        theirs = dict(nx.tree_all_pairs_lowest_common_ancestor(graph))
        for (u, v), w in theirs.items():
            assert tax.nodes[lca[tax.id_of(u)][tax.id_of(v)]] == w
        return
    depth = dict.fromkeys(graph, 0)
    for v in nx.topological_sort(graph):
        for child in graph.successors(v):
            depth[child] = max(depth[child], depth[v] + 1)
    above = {v: nx.ancestors(graph, v) | {v} for v in graph}
    for i, u in enumerate(tax):
        for j, v in enumerate(tax):
            best = min(above[u] & above[v], key=lambda w: (-depth[w], tax.id_of(w)))
            assert tax.nodes[lca[i][j]] == best


def check_distances(tax: Taxonomy, graph: nx.DiGraph[str]) -> None:
    up = graph.reverse()
    hops = dict(nx.all_pairs_shortest_path_length(up))
    lengths = dict(nx.all_pairs_dijkstra_path_length(up))
    for ways, found in (
        (hops, tax.distance_matrix()),
        (lengths, tax.distance_matrix(weighted=True)),
    ):
        expected = [
            [min(ways[u][w] + ways[v][w] for w in ways[u].keys() & ways[v].keys()) for v in tax]
            for u in tax
        ]
        assert found.tolist() == expected
