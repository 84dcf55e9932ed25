"""Random trees and DAGs, and what a slow, obvious reading of the definitions says of them."""

from __future__ import annotations

from typing import Any

import networkx as nx
from hypothesis import strategies as st


@st.composite
def trees(draw: st.DrawFn, max_nodes: int = 24) -> list[tuple[str, str]]:
    """Edges of a rooted tree, in any order, names without order."""
    n = draw(st.integers(2, max_nodes))
    name = draw(st.permutations([f"n{k}" for k in range(n)]))
    edges = [(name[draw(st.integers(0, v - 1))], name[v]) for v in range(1, n)]
    return draw(st.permutations(edges))


@st.composite
def dags(draw: st.DrawFn, max_nodes: int = 16) -> list[tuple[str, str]]:
    """Edges of a DAG with one root, in any order."""
    n = draw(st.integers(2, max_nodes))
    name = draw(st.permutations([f"n{k}" for k in range(n)]))
    edges = []
    for v in range(1, n):
        above = draw(st.sets(st.integers(0, v - 1), min_size=1, max_size=3))
        edges += [(name[u], name[v]) for u in sorted(above)]
    return draw(st.permutations(edges))


class Reference:
    """The definitions spelled out on a networkx graph."""

    def __init__(self, edges: list[tuple[str, str]]) -> None:
        self.graph: Any = nx.DiGraph(edges)
        self.above = {v: nx.ancestors(self.graph, v) for v in self.graph}
        self.depth = dict.fromkeys(self.graph, 0)
        for v in nx.topological_sort(self.graph):
            for child in self.graph.successors(v):
                self.depth[child] = max(self.depth[child], self.depth[v] + 1)

    def climb(self, a: str, b: str, weight: str | None = None) -> float:
        """Shortest way up to a common ancestor and down again."""
        up = self.graph.reverse()
        steps = weight or (lambda u, v, data: 1)
        from_a, from_b = (
            nx.single_source_dijkstra_path_length(up, v, weight=steps) for v in (a, b)
        )
        return min(from_a[v] + from_b[v] for v in from_a.keys() & from_b.keys())

    def common(self, a: str, b: str) -> set[str]:
        """Common ancestors; a node is its own."""
        return (self.above[a] | {a}) & (self.above[b] | {b})
