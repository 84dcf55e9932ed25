"""Checks of node ids and names given to a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.errors import TaxonomyError

__all__ = ["Ids", "as_ids", "common_device", "suggestion"]

#: what queries accept as node ids: integers of any shape
Ids = Tensor | int | Sequence[Any] | NDArray[np.integer[Any]]

_MOST_COMPARED = 5000  # difflib takes about 20 microseconds a candidate


def common_device(*values: Any) -> torch.device:
    """The device of the tensors among ``values``; a tensor without dimensions follows the rest."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    devices = {value.device for value in tensors if value.dim()}
    devices = devices or {value.device for value in tensors}
    if len(devices) > 1:
        raise ValueError(f"ids on several devices: {', '.join(sorted(map(str, devices)))}")
    return devices.pop() if devices else torch.device("cpu")


def as_ids(
    value: Any, size: int, device: torch.device, *, what: str = "node id", first: int = 0
) -> Tensor:
    """``value`` as an int64 tensor on ``device``, every entry in ``first ... first + size - 1``.

    Raises:
        TypeError: not integers.
        TaxonomyError: out of range, naming the entry.
    """
    if isinstance(value, str):
        raise TypeError(f"{what} {value!r} is a str; expected integers (encode() gives ids)")
    if isinstance(value, list | tuple) and not value:
        value = torch.empty(0, dtype=torch.int64)
    try:
        ids = torch.as_tensor(value, device=device)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise TypeError(f"{what}s {value!r}: expected integers ({problem})") from None
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"{what}s of dtype {ids.dtype}; expected integers")
    ids = ids.to(torch.int64)
    if ids.numel() and not torch.compiler.is_compiling():
        low, high = (int(bound) for bound in ids.aminmax())
        if low < first or high >= first + size:
            bad = low if low < first else high
            raise TaxonomyError(f"{what} {bad}; expected {first} to {first + size - 1}")
    return ids


def suggestion(name: str, names: Sequence[str]) -> str:
    """``"; did you mean ...?"`` for an unknown name, or an empty string."""
    folded = name.casefold()
    pool: Iterable[str] = names
    if len(names) > _MOST_COMPARED:
        alike = (n for n in names if n[:2].casefold() == folded[:2])
        pool = [n for n, _ in zip(alike, range(_MOST_COMPARED), strict=False)]
    by_fold = {n.casefold(): n for n in pool}
    close = get_close_matches(folded, list(by_fold), n=3)
    if not close:
        return ""
    return f"; did you mean {' or '.join(repr(by_fold[c]) for c in close)}?"
