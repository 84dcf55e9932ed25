"""The tree of primary parents as arrays, one entry a node; of a tree, the tree itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy._build import IntArray, Structure

__all__ = [
    "leaf_mask",
    "leaves_below",
    "path_sums",
    "primary_children",
    "primary_weight",
    "subtree_sums",
]


def leaf_mask(s: Structure) -> NDArray[np.bool_]:
    """Nodes without children (in a DAG: without any)."""
    mask = np.ones(len(s.nodes), dtype=bool)
    mask[s.parent] = False
    return mask


def primary_children(s: Structure) -> IntArray:
    """How many nodes have each one as their primary parent."""
    return np.bincount(s.primary[1:], minlength=len(s.nodes)).astype(np.int64)


def primary_weight(s: Structure) -> NDArray[np.float64]:
    """Length of the edge to the primary parent; 0 at the root."""
    weight = np.zeros(len(s.nodes))
    primary = s.parent == s.primary[s.child]
    weight[s.child[primary]] = s.weight[primary]
    return weight


def path_sums(s: Structure, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of ``value`` over each node and all above it.

    A value counts from its node's place in the depth-first order to the end of the subtree.
    """
    change = np.zeros(len(s.nodes) + 1)
    change[s.pre] += value
    change -= np.bincount(s.pre + s.size, weights=value, minlength=len(change))
    sums: NDArray[np.float64] = np.cumsum(change)[s.pre]
    return sums


def subtree_sums(s: Structure, value: NDArray[Any]) -> IntArray:
    """Sum of whole numbers over each node and all below it."""
    before = np.zeros(len(s.nodes) + 1, dtype=np.int64)
    before[1 + s.pre] = value
    np.cumsum(before, out=before)
    below: IntArray = before[s.pre + s.size] - before[s.pre]
    return below


def leaves_below(s: Structure) -> IntArray:
    """How many leaves of the taxonomy each subtree holds, a leaf itself included."""
    return subtree_sums(s, leaf_mask(s))
