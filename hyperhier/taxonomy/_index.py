"""Tables behind the vectorised queries, each built at its first use.

Trees (and the primary tree of a DAG) are answered from the depth-first order: the lowest
common ancestor is a range minimum, the ancestor on a level is one binary search. A DAG is
answered from its lineages: each node's ancestors and itself, ascending.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import IntArray, Structure
from hyperhier.taxonomy._primary import leaf_mask, primary_weight
from hyperhier.taxonomy._range_minimum import range_table
from hyperhier.taxonomy._runs import runs

__all__ = ["BUILDERS", "DERIVED", "MAX_CLOSURE_PAIRS"]

#: a closure of more pairs than this (16 GB as int64) is refused, not attempted
MAX_CLOSURE_PAIRS = 1_000_000_000

Table = Callable[[str], Tensor]


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array))


def _level_key(s: Structure) -> Tensor:
    """Ascending, because ids are breadth-first: position in it = node id."""
    return _tensor(s.depth * len(s.nodes) + s.pre)


def _range(s: Structure) -> Tensor:
    """Range minima of the parents' ids in depth-first order (see :func:`tree_lca`)."""
    parents = np.zeros(len(s.nodes), dtype=np.int32)
    parents[s.pre[1:]] = s.primary[1:]
    return _tensor(range_table(parents))


def _length(s: Structure) -> Tensor:
    """Sum of the edge weights from the root down the primary tree."""
    length = primary_weight(s).tolist()
    for v, p in enumerate(s.primary.tolist()):
        if v:
            length[v] += length[p]
    return _tensor(np.asarray(length))


def _node_height(s: Structure) -> Tensor:
    """Edges on the longest way down to a leaf."""
    height = [0] * len(s.nodes)
    for child, parent in zip(s.child[::-1].tolist(), s.parent[::-1].tolist(), strict=True):
        if height[parent] <= height[child]:
            height[parent] = height[child] + 1
    return _tensor(np.asarray(height))


def _refuse(pairs: int) -> None:
    if pairs > MAX_CLOSURE_PAIRS:
        raise TaxonomyError(
            f"the closure has {pairs} (node, ancestor) pairs or more; "
            f"expected at most {MAX_CLOSURE_PAIRS}"
        )


def _closure_of_tree(s: Structure) -> IntArray:
    n = len(s.nodes)
    end = np.cumsum(s.depth)
    _refuse(int(end[-1]))
    out = np.empty(int(end[-1]), dtype=np.int64)
    start = s.level_start
    current = np.arange(n)
    first = 0
    for hops in range(1, len(start) - 1):
        current = s.primary[current[start[hops] - first :]]
        first = start[hops]
        out[end[first:] - hops] = current
    return out


def _closure_of_dag(s: Structure) -> tuple[IntArray, IntArray]:
    """Ancestors of every node, ascending, and their number: level by level, the union of the
    parents and of their ancestors."""
    n = len(s.nodes)
    count = np.zeros(n, dtype=np.int64)
    offset = np.zeros(n, dtype=np.int64)
    out = np.empty(max(4 * len(s.child), 1), dtype=np.int64)
    used = 0
    start = s.level_start
    for level, (first, last) in enumerate(s.edges_by_level, start=1):
        child, parent = s.child[first:last], s.parent[first:last]
        known = count[parent]
        _refuse(used + int(known.sum()))
        inherited = out[runs(offset[parent], known)]
        key = np.concatenate([child * n + parent, np.repeat(child, known) * n + inherited])
        key = np.unique(key)
        owner = key // n
        low, high = start[level], start[level + 1]
        count[low:high] = np.bincount(owner - low, minlength=high - low)
        offset[low:high] = used + np.cumsum(count[low:high]) - count[low:high]
        if used + len(key) > len(out):
            grown = np.empty(2 * (used + len(key)), dtype=np.int64)
            grown[:used] = out[:used]
            out = grown
        out[used : used + len(key)] = key - owner * n
        used += len(key)
    return out[:used].copy(), count


def _closure(s: Structure) -> Tensor:
    """``(2, E)``: child, ancestor; sorted by child, then by ancestor."""
    if s.is_tree:
        ancestor, count = _closure_of_tree(s), s.depth
    else:
        ancestor, count = _closure_of_dag(s)
    return _tensor(np.stack([np.repeat(np.arange(len(s.nodes)), count), ancestor]))


def _lineage_key(table: Table) -> Tensor:
    """Ascending ``node * n + a`` for every node and every ancestor a, itself included."""
    n = table("depth").numel()
    child, ancestor = table("closure")
    return torch.cat([child * n + ancestor, torch.arange(n) * (n + 1)]).sort().values


def _lineage_offset(table: Table) -> Tensor:
    n = table("depth").numel()
    return torch.searchsorted(table("lineage_key"), torch.arange(n + 1) * n)


def _climb(s: Structure, table: Table, weight: NDArray[np.float64] | IntArray) -> Tensor:
    """Length of the shortest way up to each entry of the lineages, from the top down."""
    n = len(s.nodes)
    key, offset = table("lineage_key").numpy(), table("lineage_offset").numpy()
    ancestor = table("lineage").numpy()
    most = np.inf if weight.dtype.kind == "f" else np.iinfo(np.int64).max
    climb = np.full(len(key), most, dtype=weight.dtype)
    climb[offset[1:] - 1] = 0  # the node itself is the last entry of its lineage
    for first, last in s.edges_by_level:
        child, parent = s.child[first:last], s.parent[first:last]
        known = offset[parent + 1] - offset[parent]
        source = runs(offset[parent], known)
        at = np.searchsorted(key, np.repeat(child, known) * n + ancestor[source])
        np.minimum.at(climb, at, climb[source] + np.repeat(weight[first:last], known))
    return _tensor(climb)


#: tables made from the structure
BUILDERS: dict[str, Callable[[Structure], Tensor]] = {
    "depth": lambda s: _tensor(s.depth),
    "parent": lambda s: _tensor(s.primary),
    "edges": lambda s: _tensor(np.stack([s.child, s.parent])),
    "weight": lambda s: _tensor(s.weight),
    "pre": lambda s: _tensor(s.pre),
    "pre32": lambda s: _tensor(s.pre.astype(np.int32)),
    "end": lambda s: _tensor(s.pre + s.size),
    "level_key": _level_key,
    "range": _range,
    "leaf": lambda s: _tensor(leaf_mask(s)),
    "length": _length,
    "node_height": _node_height,
    "closure": _closure,
}
#: tables made from the structure and other tables
DERIVED: dict[str, Callable[[Structure, Table], Tensor]] = {
    "leaf_ids": lambda s, table: table("leaf").nonzero().reshape(-1),
    "lineage_key": lambda s, table: _lineage_key(table),
    "lineage_offset": lambda s, table: _lineage_offset(table),
    "lineage": lambda s, table: table("lineage_key") % len(s.nodes),
    "climb_hops": lambda s, table: _climb(s, table, np.ones(len(s.child), dtype=np.int64)),
    "climb_length": lambda s, table: _climb(s, table, s.weight),
}
