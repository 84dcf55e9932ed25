"""Least entry of a range in constant time, from tables of seven numbers an entry.

The entries stand in blocks of 16. A range inside one block is covered by two overlapping runs
of 1, 2, 4 or 8 entries; any other one is the end of a block, the beginning of a block and, by
a sparse table over the blocks' minima, what lies between (Bender and Farach-Colton, "The LCA
problem revisited", 2000). All tables lie in one array, so that a query is four look-ups.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["range_minimum", "range_table"]

_SHIFT = 4  # a block holds 2^4 entries
_SIZE = 1 << _SHIFT
_MOST = 1 << 28  # addresses stay below 2^31, numbers of blocks exact in float32
_NONE = np.int32(np.iinfo(np.int32).max)

# the flat table, for m blocks of 16 = p entries:
#   rows 0-3   minimum of the 1, 2, 4, 8 entries from here on
#   row 4      minimum from the beginning of the block to here
#   row 5      minimum from here to the end of the block
#   one entry  larger than all: the minimum of no blocks
#   then rows of m: minimum of the 1, 2, 4, ... blocks from here on
_TO_HERE = _SHIFT
_FROM_HERE = _SHIFT + 1
_ROWS = _SHIFT + 2


def range_table(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """The flat table for :func:`range_minimum`, of fewer than 2^28 values.

    Raises:
        ValueError: more.
    """
    if len(values) >= _MOST:
        raise ValueError(f"{len(values)} values; expected fewer than {_MOST}")
    blocks = -(-len(values) // _SIZE)
    padded = np.full(blocks * _SIZE, _NONE, dtype=np.int32)
    padded[: len(values)] = values
    square = padded.reshape(blocks, _SIZE)
    rows = [padded]
    for k in range(1, _SHIFT):
        rows.append(_doubled(rows[-1], 1 << (k - 1)))
    rows.append(np.minimum.accumulate(square, axis=1).reshape(-1))
    rows.append(np.minimum.accumulate(square[:, ::-1], axis=1)[:, ::-1].reshape(-1))
    rows.append(np.array([_NONE]))
    row = square.min(axis=1)
    rows.append(row)
    for k in range(1, blocks.bit_length()):
        row = _doubled(row, 1 << (k - 1))
        rows.append(row)
    return np.concatenate(rows)


def _doubled(row: NDArray[np.int32], step: int) -> NDArray[np.int32]:
    """Minima of runs twice as long; runs that would leave the array stay as they are."""
    out = row.copy()
    np.minimum(row[:-step], row[step:], out=out[:-step])
    return out


def range_minimum(table: Tensor, size: int, low: Tensor, high: Tensor) -> Tensor:
    """Least value at positions ``low ... high`` (inclusive), elementwise.

    Args:
        table: of :func:`range_table`, for ``size`` values.
        low, high: int32, one dimension, ``0 <= low <= high < size``.

    >>> table = torch.from_numpy(range_table(np.arange(99, -1, -1, dtype=np.int32)))
    >>> low, high = torch.tensor([[3, 10, 50], [5, 31, 99]], dtype=torch.int32)
    >>> range_minimum(table, 100, low, high).tolist()
    [94, 68, 0]
    """
    blocks = -(-size // _SIZE)
    entries = blocks * _SIZE
    nothing = _ROWS * entries
    low_block, high_block = low >> _SHIFT, high >> _SHIFT
    # masks as factors: several times as fast as torch.where
    inside = (low_block == high_block).to(torch.int32)
    k = _floor_log2((high - low + 1).clamp_(max=_SIZE // 2))
    first = (_FROM_HERE - inside * (_FROM_HERE - k)) * entries + low
    second = (_TO_HERE - inside * (_TO_HERE - k)) * entries + high + inside * (1 - (1 << k))
    between = high_block - low_block - 1
    some = (between > 0).to(torch.int32)
    k = _floor_log2(between.clamp_(min=1))
    row = k * blocks + 1
    third = nothing + some * (row + low_block + 1)
    fourth = nothing + some * (row + high_block - (1 << k))
    return torch.minimum(
        torch.minimum(table.index_select(0, first), table.index_select(0, second)),
        torch.minimum(table.index_select(0, third), table.index_select(0, fourth)),
    )


def _floor_log2(x: Tensor) -> Tensor:
    """Of int32 from 1 to 2^24, from the exponent of the float32."""
    return (x.float().view(torch.int32) >> 23) - 127
