"""Checks of arguments shared by every metric: clear errors before any arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["as_ids", "as_points", "block_rows", "same_length", "same_width"]

# Scalars that one block of a distance computation may hold: 32 MiB of float64.
_BLOCK_SCALARS = 2**22


def as_ids(ids: Tensor, name: str, taxonomy: Taxonomy | None = None, *, ndim: int = 1) -> Tensor:
    """``ids`` as a non-empty int64 tensor of ``ndim`` dimensions, all of them known nodes."""
    ids = torch.as_tensor(ids)
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ValueError(f"{name} must hold integer node ids, got dtype {ids.dtype}")
    if ids.dim() != ndim:
        raise ValueError(f"{name} must be {ndim}-dimensional, got shape {tuple(ids.shape)}")
    if ids.numel() == 0:
        raise ValueError(f"{name} is empty: shape {tuple(ids.shape)}")
    ids = ids.to(torch.int64).contiguous()
    if taxonomy is not None:
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= len(taxonomy):
            bad = low if low < 0 else high
            raise ValueError(
                f"{name} holds the unknown node id {bad}: the taxonomy has ids 0 to "
                f"{len(taxonomy) - 1}"
            )
    return ids


def as_points(points: Tensor, name: str) -> Tensor:
    """``points`` as a detached, non-empty, finite floating tensor ``(n, ambient)``."""
    if not isinstance(points, Tensor) or not points.is_floating_point():
        got = points.dtype if isinstance(points, Tensor) else type(points).__name__
        raise ValueError(f"{name} must be a floating tensor of points, got {got}")
    if points.dim() != 2:
        raise ValueError(f"{name} must have shape (n, ambient), got {tuple(points.shape)}")
    if points.numel() == 0:
        raise ValueError(f"{name} is empty: shape {tuple(points.shape)}")
    points = points.detach()
    finite = points.isfinite().all(dim=-1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise ValueError(f"{name} holds a value that is not finite, in row {row}")
    return points


def same_length(**named: Tensor) -> None:
    """Raise unless all tensors have the same number of rows."""
    _agree({name: value.shape[0] for name, value in named.items()}, "rows")


def same_width(**named: Tensor) -> None:
    """Raise unless all points have the same number of coordinates."""
    _agree({name: value.shape[1] for name, value in named.items()}, "coordinates")


def _agree(sizes: dict[str, int], what: str) -> None:
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in sizes.items())
        raise ValueError(f"these must have the same number of {what}: {listed}")


def block_rows(columns: int, points: Tensor, chunk: int | None) -> int:
    """How many rows of a distance table to form at once.

    A manifold may broadcast to ``(rows, columns, ambient)``, so that is what is bounded.
    """
    if chunk is not None:
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1, got {chunk}")
        return chunk
    return max(1, _BLOCK_SCALARS // max(1, columns * points.shape[-1]))
