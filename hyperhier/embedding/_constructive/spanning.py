"""A spanning tree of a DAG for the closure, and what it leaves out.

A tree keeps the pairs of a node and its ancestors along one parent each. The other pairs are
**lost**: the ancestor lies on another branch. Which tree loses least, how often a node is an
ancestor that is lost, and which order of siblings puts branches that share nodes side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.embedding._constructive.siblings import Skeleton
from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy

__all__ = ["SpanningTree", "spanning_tree"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# Pairs of the closure beyond which only the primary tree is looked at: 2 GiB of work space.
_MOST_PAIRS = 2**25
_ROUNDS = 3


@dataclass(frozen=True)
class SpanningTree:
    """
    Attributes:
        skeleton: the tree.
        lost: ``(N,)`` float64 by position in the skeleton: of how many nodes it is an ancestor
            in the taxonomy but not in the tree.
    """

    skeleton: Skeleton
    lost: Tensor


def spanning_tree(taxonomy: Taxonomy) -> SpanningTree:
    """The tree to embed instead of a DAG; a tree is its own.

    The parent that counts for a node is the one whose line of ancestors is worth most, an
    ancestor a with n descendants among N nodes being worth ``1 + log(N / (1 + n))``: an
    ancestor of many nodes is near to everything and can be lost at little cost. Siblings are
    ordered by the mean place of the nodes that their subtrees are tied to by lost pairs, as in
    the drawing of layered graphs (Sugiyama, Tagawa, Toda 1981), in a few rounds.
    """
    nothing = torch.zeros(len(taxonomy), dtype=torch.float64)
    if taxonomy.is_tree or int(taxonomy.depth.sum()) > _MOST_PAIRS:
        return SpanningTree(Skeleton.of(taxonomy), nothing)
    try:
        child, ancestor = taxonomy.closure().cpu().numpy()
    except TaxonomyError:  # too many pairs to list
        return SpanningTree(Skeleton.of(taxonomy), nothing)
    if len(child) > _MOST_PAIRS:
        return SpanningTree(Skeleton.of(taxonomy), nothing)
    size = len(taxonomy)
    below = np.bincount(ancestor, minlength=size)
    parent = _worthiest_line(taxonomy, 1.0 + np.log(size / (1.0 + below)))
    key = np.arange(size, dtype=np.float64)
    pre, subtree = _depth_first(parent, key)
    lost = (pre[child] < pre[ancestor]) | (pre[child] >= (pre + subtree)[ancestor])
    u, q = child[lost], ancestor[lost]
    meet = _lowest_common(parent, u, q)
    for _ in range(_ROUNDS):
        place: FloatArray = pre + 0.5 * subtree
        key = _mean_place_of_ties(parent, place, u, q, meet)
        pre, subtree = _depth_first(parent, key)
    skeleton = Skeleton.of(taxonomy, torch.from_numpy(parent), torch.from_numpy(key))
    times = torch.from_numpy(np.bincount(q, minlength=size).astype(np.float64))
    return SpanningTree(skeleton, times[skeleton.node])


def _worthiest_line(taxonomy: Taxonomy, worth: FloatArray) -> IntArray:
    """For each node the parent with the largest sum of ``worth`` over it and its own line."""
    size = len(taxonomy)
    value = worth.tolist()
    line = [value[0]] + [-np.inf] * (size - 1)
    parent = [-1] * size
    # parents come before children, and the edges are sorted by child
    for child, above in taxonomy.edges.t().tolist():
        there = line[above] + value[child]
        if there > line[child]:
            line[child], parent[child] = there, above
    return np.asarray(parent, dtype=np.int64)


def _subtree_sums(parent: IntArray, value: FloatArray) -> FloatArray:
    sums = value.tolist()
    above = parent.tolist()
    for v in range(len(sums) - 1, 0, -1):
        sums[above[v]] += sums[v]
    return np.asarray(sums)


def _depth_first(parent: IntArray, key: FloatArray) -> tuple[IntArray, IntArray]:
    """Depth-first positions, siblings in ascending order of ``key``, and sizes of subtrees."""
    subtree = np.rint(_subtree_sums(parent, np.ones(len(parent)))).astype(np.int64)
    order = np.lexsort((key[1:], parent[1:])) + 1
    run = np.cumsum(subtree[order]) - subtree[order]
    first = np.flatnonzero(np.diff(parent[order], prepend=-1))
    start = np.repeat(run[first], np.diff(first, append=len(order)))
    after = np.zeros(len(parent), dtype=np.int64)
    after[order] = 1 + run - start
    pre = after.tolist()
    above = parent.tolist()
    for v in range(1, len(pre)):
        pre[v] += pre[above[v]]
    return np.asarray(pre, dtype=np.int64), subtree


def _lowest_common(parent: IntArray, u: IntArray, v: IntArray) -> IntArray:
    """The last node that the lines of u and v share; ids of parents are below their children's."""
    u, v = u.copy(), v.copy()
    while (apart := np.flatnonzero(u != v)).size:
        lower = u[apart] > v[apart]
        u[apart[lower]] = parent[u[apart[lower]]]
        v[apart[~lower]] = parent[v[apart[~lower]]]
    return u


def _mean_place_of_ties(
    parent: IntArray, place: FloatArray, u: IntArray, q: IntArray, meet: IntArray
) -> FloatArray:
    """For each node the middle between its place and the mean place of what lies outside its
    subtree and is tied to it by a lost pair ``(u, q)``; its place where there is nothing."""
    size = len(parent)

    def outward(of_u: FloatArray, of_q: FloatArray) -> FloatArray:
        # a pair counts at both ends, and no longer from the node on that has both below it
        both = np.bincount(u, of_u, size) + np.bincount(q, of_q, size)
        value = both - np.bincount(meet, of_u + of_q, size)
        return _subtree_sums(parent, value.astype(np.float64))

    count = outward(np.ones(len(u)), np.ones(len(u)))
    total = outward(place[q], place[u])
    return np.where(count > 0.5, 0.5 * (place + total / np.maximum(count, 1.0)), place)
