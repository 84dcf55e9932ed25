"""Distance tables in blocks of rows, never the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import block_rows

__all__ = ["distance_blocks"]


def distance_blocks(
    query: Tensor, gallery: Tensor, manifold: Manifold, chunk: int | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Which rows, and their distances ``(rows, m)`` from the gallery, without a graph."""
    step = block_rows(gallery.shape[0], query, chunk)
    for first in range(0, query.shape[0], step):
        rows = slice(first, min(first + step, query.shape[0]))
        with torch.no_grad():
            yield rows, manifold.dist_matrix(query[rows], gallery)
