"""Distance tables in blocks of rows, never the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import block_rows

__all__ = ["distance_blocks", "distance_table", "radii"]


def distance_blocks(
    query: Tensor, gallery: Tensor, manifold: Manifold, chunk: int | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Which rows, and their distances ``(rows, m)`` from the gallery, without a graph."""
    step = block_rows(gallery.shape[0], query, chunk)
    for first in range(0, query.shape[0], step):
        rows = slice(first, min(first + step, query.shape[0]))
        yield rows, distance_table(query[rows], gallery, manifold)


def distance_table(x: Tensor, y: Tensor, manifold: Manifold) -> Tensor:
    """Distances ``(n, m)`` without a graph, at least in float32: halves would be full of ties.

    Raises:
        ValueError: a distance that is not finite, as of points outside of the manifold: it would
            be compared as if it were large or small.
    """
    dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    with torch.no_grad():
        table = manifold.dist_matrix(x.to(dtype), y.to(dtype))
    return _finite(table, manifold)


def radii(x: Tensor, manifold: Manifold) -> Tensor:
    """Distances ``(n,)`` from the origin, as :func:`distance_table`."""
    with torch.no_grad():
        distance = manifold.dist0(x.to(torch.promote_types(x.dtype, torch.float32)))
    return _finite(distance, manifold)


def _finite(distance: Tensor, manifold: Manifold) -> Tensor:
    finite = distance.isfinite()
    if not bool(finite.all()):
        raise ValueError(
            f"a distance on {manifold} is {float(distance[~finite][0])}: are all points on it?"
        )
    return distance
