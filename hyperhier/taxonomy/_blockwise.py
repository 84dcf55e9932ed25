"""Long queries in pieces that fit the cache, on all threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

__all__ = ["blockwise", "each_once"]

_BLOCK = 30_000  # pairs a piece; torch starts threads of its own from 32,768 on
_WORTH_THREADS = 1 << 18


def blockwise(query: Callable[[Tensor, Tensor], Tensor], i: Tensor, j: Tensor) -> Tensor:
    """``query(i, j)``, an elementwise function of two id tensors that broadcast.

    Args:
        query: gets two int64 tensors of one dimension and equal length.
    """
    i, j = torch.broadcast_tensors(i, j)
    shape, total = i.shape, i.numel()
    i, j = i.reshape(-1), j.reshape(-1)
    if i.device.type != "cpu" or total <= _BLOCK or torch.compiler.is_compiling():
        return query(i, j).reshape(shape)
    first = query(i[:_BLOCK], j[:_BLOCK])
    out = torch.empty(total, dtype=first.dtype)
    out[:_BLOCK] = first

    def fill(start: int) -> None:
        piece = slice(start, start + _BLOCK)
        out[piece] = query(i[piece], j[piece])

    starts = range(_BLOCK, total, _BLOCK)
    threads = torch.get_num_threads()
    if threads == 1 or total < _WORTH_THREADS:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, starts))
    return out.reshape(shape)


def each_once(query: Callable[[Tensor, Tensor], Tensor], i: Tensor, j: Tensor) -> Tensor:
    """:func:`blockwise`, but where few distinct ids repeat, each combination is asked once."""
    total = torch.broadcast_shapes(i.shape, j.shape).numel()
    distinct_i, where_i = torch.unique(i, return_inverse=True)
    distinct_j, where_j = torch.unique(j, return_inverse=True)
    if distinct_i.numel() * distinct_j.numel() > total:
        return blockwise(query, i, j)
    found = blockwise(query, distinct_i[:, None], distinct_j[None, :]).reshape(-1)
    return found[where_i * distinct_j.numel() + where_j]
