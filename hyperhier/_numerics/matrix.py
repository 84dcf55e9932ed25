"""Distance matrices at the price of a matrix product, repaired where the product cancels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["data_dependent_allowed", "repair_entries"]


def data_dependent_allowed(*tensors: Tensor) -> bool:
    """Whether the number of repaired entries may depend on the data here.

    Under ``torch.compile`` and ``torch.func.vmap`` it may not.
    """
    if torch.compiler.is_compiling():
        return False
    return not any(torch._C._functorch.is_batchedtensor(t) for t in tensors)


def repair_entries(
    coarse: Tensor,
    doubtful: Tensor,
    exact: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    y: Tensor,
) -> Tensor:
    """Replace the doubtful entries of a pairwise matrix by ``exact`` of their two points.

    Args:
        coarse: ``(*batch, n, m)``; its gradient must be finite in doubtful entries too.
        doubtful: indices ``(k, batch + 2)`` of its doubtful entries.
        exact: function of paired points ``(k, a), (k, a)`` giving ``(k,)``.
        x: ``(*batch, n, a)``.
        y: ``(*batch, m, a)``.
    """
    if doubtful.shape[0] == 0:
        return coarse
    where = doubtful.unbind(-1)
    batch = coarse.shape[:-2]
    x = x.expand(*batch, *x.shape[-2:])
    y = y.expand(*batch, *y.shape[-2:])
    *leading, rows, columns = where
    values = exact(x[(*leading, rows)], y[(*leading, columns)])
    return coarse.index_put(where, values.to(coarse.dtype))
