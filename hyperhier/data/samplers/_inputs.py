"""Checked labels and groups of a sampler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Codes", "as_codes", "as_labels", "positive"]

#: int64 ``(N,)``
Codes = NDArray[np.int64]


def as_labels(labels: Tensor | np.ndarray | Sequence[int], *, columns: bool = False) -> Codes:
    """Labels as int64 ``(N,)``, or ``(N, L)`` where columns are asked for.

    Raises:
        TypeError: labels that are no integers.
        ValueError: another number of dimensions, or no samples.
    """
    array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    expected = "(N, L)" if columns else "(N,)"
    if array.ndim != (2 if columns else 1) or 0 in array.shape[1:]:
        raise ValueError(f"labels must be {expected}, got {array.shape}")
    if not len(array):
        raise ValueError("no samples to draw from")
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {array.dtype}")
    return array.astype(np.int64)


def as_codes(groups: Tensor | np.ndarray | Sequence[object], count: int) -> Codes:
    """Names or numbers of groups as integers from 0.

    Raises:
        ValueError: not one group for each of ``count`` samples.
    """
    array = groups.detach().cpu().numpy() if isinstance(groups, Tensor) else np.asarray(groups)
    if array.shape != (count,):
        raise ValueError(f"groups must name one for each of {count} samples, got {array.shape}")
    return np.unique(array, return_inverse=True)[1].reshape(-1).astype(np.int64)


def positive(**numbers: int) -> None:
    """Raise ValueError for a number below 1, or TypeError for none at all."""
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise TypeError(f"{name} must be a whole number, got {number!r}")
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
