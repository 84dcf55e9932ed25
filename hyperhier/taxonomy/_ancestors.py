"""Common ancestors: in trees by a range minimum, in DAGs along the lists of ancestors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hyperhier.taxonomy._range_minimum import range_minimum

__all__ = ["dag_distance", "dag_lca", "tree_lca"]

Table = Callable[[str], Tensor]

#: candidate ancestors looked at in one go in a DAG (bounds the memory)
CHUNK = 1 << 20


def tree_lca(table: Table, i: Tensor, j: Tensor) -> Tensor:
    """Lowest common ancestor in a tree, constant time a pair.

    For u before v in depth-first order it is the least parent among the nodes after u up to
    v: all of them lie below it, one of them is its child, and ids grow with the depth.
    """
    pre, parents = table("pre32"), table("range")
    p, q = pre.index_select(0, i), pre.index_select(0, j)
    high = torch.maximum(p, q)
    low = torch.minimum(torch.minimum(p, q) + 1, high)
    least = range_minimum(parents, pre.shape[0], low, high)
    return torch.where(p == q, i, least.long())


def dag_lca(table: Table, i: Tensor, j: Tensor) -> Tensor:
    """Deepest common ancestor in a DAG (ties: the smallest id)."""
    ancestor, depth = table("lineage"), table("depth")
    n = depth.numel()

    def rank(here: Tensor, there: Tensor) -> Tensor:
        return -(depth[ancestor[here]] * n + (n - 1 - ancestor[here]))

    return n - 1 - (-_least(table, i, j, rank)) % n


def dag_distance(table: Table, i: Tensor, j: Tensor, climb: str) -> Tensor:
    """Shortest way up to a common ancestor and down again; ``climb`` names the table of the
    ways up."""
    up = table(climb)
    return _least(table, i, j, lambda here, there: up[here] + up[there])


def _least(table: Table, i: Tensor, j: Tensor, worth: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Least ``worth`` of a common ancestor, pair by pair.

    ``worth`` gets the places of the ancestor in the lineages of the two nodes. The shorter
    lineage of a pair is walked and each entry looked up in the other one.
    """
    offset, ancestor, key = table("lineage_offset"), table("lineage"), table("lineage_key")
    n = offset.numel() - 1
    first = offset.index_select(0, i)
    other_first = offset.index_select(0, j)
    count = offset.index_select(0, i + 1) - first
    swap = count > offset.index_select(0, j + 1) - other_first
    start = torch.where(swap, other_first, first)
    length = torch.where(swap, offset.index_select(0, j + 1) - other_first, count)
    other = torch.where(swap, i, j) * n
    ends = torch.cumsum(length, 0)
    out: Tensor | None = None
    done, total = 0, i.numel()
    while out is None or done < total:
        before = int(ends[done - 1]) if done else 0
        stop = int(torch.searchsorted(ends, before + CHUNK, right=True))
        stop = min(max(stop, done + 1), total)
        part = length[done:stop]
        pair = torch.repeat_interleave(torch.arange(stop - done, device=i.device), part)
        shift = start[done:stop] - (ends[done:stop] - part - before)
        here = shift[pair] + torch.arange(pair.numel(), device=i.device)
        wanted = other[done:stop][pair] + ancestor[here]
        there = torch.searchsorted(key, wanted).clamp_(max=key.numel() - 1)
        common = (key[there] == wanted).nonzero().squeeze(1)
        value = worth(here[common], there[common])
        if out is None:
            out = torch.empty(total, dtype=value.dtype, device=i.device)
            most = torch.inf if value.is_floating_point() else torch.iinfo(value.dtype).max
        best = torch.full((stop - done,), most, dtype=value.dtype, device=i.device)
        out[done:stop] = best.scatter_reduce_(0, pair[common], value, "amin")
        done = stop
    return out
