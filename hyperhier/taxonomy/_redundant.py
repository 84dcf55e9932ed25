"""Edges of a DAG that the others imply."""

from __future__ import annotations

import numpy as np

from hyperhier.taxonomy._build import Structure
from hyperhier.taxonomy._runs import IntArray, runs

__all__ = ["redundant_edges"]

_ROUND = 200  # what one round of numpy costs, in nodes


def redundant_edges(s: Structure, work: float = float("inf")) -> tuple[IntArray, bool]:
    """Edges whose parent is an ancestor of another parent of the same child.

    Args:
        s: any taxonomy.
        work: nodes met before the search is given up; only large and deep DAGs with long
            detours need many.

    Returns:
        their positions, and whether the search was complete.
    """
    several = np.bincount(s.child, minlength=len(s.nodes))[s.child] > 1
    edges = np.flatnonzero(several)
    # another parent below this one along primary parents: then the next in depth-first order is
    edges = edges[np.lexsort((s.pre[s.parent[edges]], s.child[edges]))]
    above = s.parent[edges]
    below = (s.child[edges[1:]] == s.child[edges[:-1]]) & (
        s.pre[above[1:]] < s.pre[above[:-1]] + s.size[above[:-1]]
    )
    implied = np.zeros(len(s.child), dtype=bool)
    implied[edges[:-1][below]] = True

    # the others: walk up from all parents of a child while there is one as shallow to be met
    open_ = several & ~implied & (s.depth[s.parent] < s.depth[s.child] - 1)
    shallowest = np.full(len(s.nodes), len(s.nodes))
    np.minimum.at(shallowest, s.child[open_], s.depth[s.parent[open_]])
    start = np.searchsorted(s.child, np.arange(len(s.nodes) + 1))
    n = len(s.nodes)
    edge_key = s.child * n + s.parent
    by_key = np.argsort(edge_key)
    edge_key = edge_key[by_key]
    walk = several & (s.depth[s.parent] > shallowest[s.child])
    key = np.unique(s.child[walk] * n + s.parent[walk])
    while key.size and work > 0:
        owner, node = np.divmod(key, n)
        many = start[node + 1] - start[node]
        node = s.parent[runs(start[node], many)]
        owner = np.repeat(owner, many)
        keep = s.depth[node] >= shallowest[owner]
        key = np.unique(owner[keep] * n + node[keep])
        at = np.searchsorted(edge_key, key).clip(max=len(edge_key) - 1)
        implied[by_key[at[edge_key[at] == key]]] = True
        work -= len(key) + _ROUND
    return np.flatnonzero(implied), not key.size
