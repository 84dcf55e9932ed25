"""Tables behind the vectorised queries, each built at its first use.

Trees (and the primary tree of a DAG) are answered from the depth-first order: the lowest
common ancestor is a range minimum (a sparse table over n entries), the ancestor on a level is
one binary search. A DAG is answered from its transitive closure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import IntArray, Structure

__all__ = ["BUILDERS", "DERIVED", "MAX_CLOSURE_PAIRS", "dag_lca", "tree_lca"]

#: a closure of more pairs than this (16 GB as int64) is refused, not attempted
MAX_CLOSURE_PAIRS = 1_000_000_000
#: candidate ancestors looked at in one go by :func:`dag_lca` (bounds its memory)
CHUNK = 1 << 21

Table = Callable[[str], Tensor]


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array))


def _by_pre(s: Structure) -> Tensor:
    node = np.empty(len(s.nodes), dtype=np.int64)
    node[s.pre] = np.arange(len(s.nodes))
    return _tensor(node)


def _level_key(s: Structure) -> Tensor:
    """Ascending, because ids are breadth-first: position in it = node id."""
    return _tensor(s.depth * len(s.nodes) + s.pre)


def _log2(s: Structure) -> Tensor:
    """Floor of log2 for 0 (taken as 0) to n."""
    lengths = np.arange(len(s.nodes) + 1)
    return _tensor((np.frexp(np.maximum(lengths, 1).astype(np.float64))[1] - 1).astype(np.uint8))


def _sparse(s: Structure) -> Tensor:
    """``[k, p]``: least depth-first position of a parent of the nodes at p ... p + 2^k - 1."""
    n = len(s.nodes)
    row = np.zeros(n, dtype=np.int32)
    row[s.pre[1:]] = s.pre[s.primary[1:]]
    rows = [row]
    while (1 << len(rows)) <= n:
        half = 1 << (len(rows) - 1)
        row = row.copy()
        np.minimum(row[:-half], row[half:], out=row[:-half])
        rows.append(row)
    return _tensor(np.stack(rows))


def _leaf(s: Structure) -> Tensor:
    mask = np.ones(len(s.nodes), dtype=bool)
    mask[s.parent] = False
    return _tensor(mask)


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
    edge_start = np.searchsorted(s.child, start)
    for level in range(1, len(start) - 1):
        edges = slice(edge_start[level], edge_start[level + 1])
        child, parent = s.child[edges], s.parent[edges]
        known = count[parent]
        total = int(known.sum())
        _refuse(used + total)
        within = np.arange(total) - np.repeat(np.cumsum(known) - known, known)
        inherited = out[np.repeat(offset[parent], known) + within]
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


#: tables made from the structure
BUILDERS: dict[str, Callable[[Structure], Tensor]] = {
    "depth": lambda s: _tensor(s.depth),
    "parent": lambda s: _tensor(s.primary),
    "edges": lambda s: _tensor(np.stack([s.child, s.parent])),
    "weight": lambda s: _tensor(s.weight),
    "pre": lambda s: _tensor(s.pre),
    "end": lambda s: _tensor(s.pre + s.size),
    "by_pre": _by_pre,
    "level_key": _level_key,
    "log2": _log2,
    "sparse": _sparse,
    "leaf": _leaf,
    "closure": _closure,
}
#: tables made from other tables
DERIVED: dict[str, Callable[[Table], Tensor]] = {
    "leaf_ids": lambda table: table("leaf").nonzero().reshape(-1),
    "lineage_key": _lineage_key,
    "lineage_offset": _lineage_offset,
    "lineage": lambda table: table("lineage_key") % table("depth").numel(),
}


def tree_lca(table: Table, i: Tensor, j: Tensor) -> Tensor:
    """Lowest common ancestor in a tree, constant time a pair.

    For u before v in depth-first order it is the least parent among the nodes after u up to
    v: all of them lie below it, and one of them is its child.
    """
    pre, sparse = table("pre"), table("sparse")
    p, q = pre[i], pre[j]
    high = torch.maximum(p, q)
    low = torch.minimum(torch.minimum(p, q) + 1, high)
    k = table("log2")[high - low + 1].long()
    flat, n = sparse.reshape(-1), sparse.shape[1]
    row = k * n
    least = torch.minimum(flat[row + low], flat[row + high + 1 - (1 << k)])
    return table("by_pre")[torch.where(p == q, p, least.long())]


def dag_lca(table: Table, i: Tensor, j: Tensor) -> Tensor:
    """Deepest common ancestor in a DAG (ties: the smallest id).

    If the queries repeat few distinct nodes, each combination is looked at once.
    """
    shape = torch.broadcast_shapes(i.shape, j.shape)
    distinct_i, where_i = torch.unique(i, return_inverse=True)
    distinct_j, where_j = torch.unique(j, return_inverse=True)
    if distinct_i.numel() * distinct_j.numel() <= shape.numel():
        grid = torch.broadcast_tensors(distinct_i[:, None], distinct_j)
        found = _dag_lca_of_pairs(table, grid[0].reshape(-1), grid[1].reshape(-1))
        return found[where_i * distinct_j.numel() + where_j]
    i, j = torch.broadcast_tensors(i, j)
    return _dag_lca_of_pairs(table, i.reshape(-1), j.reshape(-1)).reshape(shape)


def _dag_lca_of_pairs(table: Table, i: Tensor, j: Tensor) -> Tensor:
    """Walk the shorter ancestor list of each pair and look each entry up in the other's."""
    offset, ancestor, key = table("lineage_offset"), table("lineage"), table("lineage_key")
    depth = table("depth")
    n = depth.numel()
    count = offset[1:] - offset[:-1]
    swap = count[i] > count[j]
    short, other = torch.where(swap, j, i), torch.where(swap, i, j)
    length = count[short]
    ends = torch.cumsum(length, 0)
    out = torch.empty_like(short)
    done, total = 0, short.numel()
    while done < total:
        before = int(ends[done - 1]) if done else 0
        stop = int(torch.searchsorted(ends, before + CHUNK, right=True))
        stop = min(max(stop, done + 1), total)
        part = length[done:stop]
        pair = torch.repeat_interleave(torch.arange(stop - done, device=i.device), part)
        first = offset[short[done:stop]] - (ends[done:stop] - part - before)
        candidate = ancestor[first[pair] + torch.arange(pair.numel(), device=i.device)]
        wanted = other[done:stop][pair] * n + candidate
        at = torch.searchsorted(key, wanted).clamp_(max=key.numel() - 1)
        score = torch.where(key[at] == wanted, depth[candidate] * n + (n - 1 - candidate), -1)
        best = torch.full((stop - done,), -1, dtype=torch.int64, device=i.device)
        best.scatter_reduce_(0, pair, score, "amax")
        out[done:stop] = n - 1 - best % n
        done = stop
    return out
