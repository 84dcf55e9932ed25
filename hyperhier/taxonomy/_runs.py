"""Lists of different lengths side by side in one array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["IntArray", "adjacency", "runs"]

IntArray = NDArray[np.int64]


def adjacency(n: int, owner: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """``(start, items)``: the ``other`` ends of owner v are ``items[start[v]:start[v+1]]``, in
    the order of the edges."""
    by_owner = np.argsort(owner, kind="stable")
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=n), out=start[1:])
    return start, other[by_owner]


def runs(start: IntArray, length: IntArray) -> IntArray:
    """The positions ``start[k] ... start[k] + length[k] - 1`` of every k, one after the other.

    >>> runs(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist()
    [5, 6, 9, 10, 11]
    """
    end = np.cumsum(length)
    total = int(end[-1]) if len(end) else 0
    positions: IntArray = np.repeat(start - end + length, length) + np.arange(total)
    return positions
