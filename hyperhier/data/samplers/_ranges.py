"""Samples sorted by their paths, so that every node of the tree is a range of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from hyperhier.data.samplers._inputs import Codes, as_labels
from hyperhier.taxonomy import Taxonomy

__all__ = ["SortedPaths", "as_paths"]


def as_paths(labels: Tensor | np.ndarray | Sequence[object], taxonomy: Taxonomy | None) -> Codes:
    """int64 ``(N, L)``, coarse to fine without the root.

    Args:
        labels: node ids ``(N,)`` of ``taxonomy``, or paths ``(N, L)`` without one. A node
            above the deepest level stands in for itself on the levels below it.
    """
    if taxonomy is None:
        return as_labels(labels, columns=True)  # type: ignore[arg-type]
    ids = as_labels(labels)  # type: ignore[arg-type]
    paths = taxonomy.paths(ids).numpy()
    return paths[:, 1:] if paths.shape[1] > 1 else paths


class SortedPaths:
    """Samples in the order of their paths.

    Attributes:
        order: ``(N,)`` samples, sorted by path.
        place: ``(N,)`` position of each sample in ``order``.
        start, stop: ``(L + 1, N)``: the range in ``order`` of those that agree with the
            sample at a position on the first l levels; level 0 is everybody.
    """

    def __init__(self, paths: Codes) -> None:
        count, levels = paths.shape
        self.order = np.lexsort(paths.T[::-1]).astype(np.int64)
        self.place = np.empty(count, dtype=np.int64)
        self.place[self.order] = np.arange(count)
        ordered = paths[self.order]
        self.start = np.zeros((levels + 1, count), dtype=np.int64)
        self.stop = np.full((levels + 1, count), count, dtype=np.int64)
        begins = np.zeros(count, dtype=bool)
        begins[0] = True
        for level in range(levels):
            begins[1:] |= ordered[1:, level] != ordered[:-1, level]
            first = np.flatnonzero(begins)
            run = np.cumsum(begins) - 1
            self.start[level + 1] = first[run]
            self.stop[level + 1] = np.append(first[1:], count)[run]
