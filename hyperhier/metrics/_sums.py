"""Metrics that are functions of sums over the samples.

Written this way a metric adds up over batches and processes, and its bootstrap needs no
second pass over the samples: a resample only weighs the summands differently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Combine", "Sums", "mean_over_cells", "ratio"]

#: sums ``(*, cells, parts)`` to values ``(*)``; a cell that no sample fell in has no say
Combine = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sums:
    """What each sample adds to a metric, and how the metric follows from the sums.

    Attributes:
        parts: ``(n, parts)``, the summands of each sample.
        cell: ``(n,)`` int64, which group of samples (a class, say) they are added up in.
        cells: how many such groups there are.
        combine: the metric of the sums ``(*, cells, parts)``.
    """

    parts: Tensor
    cell: Tensor
    cells: int
    combine: Combine

    @classmethod
    def of(cls, parts: tuple[Tensor, ...], combine: Combine) -> Sums:
        """Everything in one cell; ``parts`` are tensors ``(n,)``."""
        table = torch.stack([part.double() for part in parts], dim=-1)
        return cls(table, torch.zeros_like(table[:, 0], dtype=torch.int64), 1, combine)

    @classmethod
    def in_cells(
        cls, parts: tuple[Tensor, ...], cell: Tensor, cells: int, combine: Combine
    ) -> Sums:
        """Sample i in cell ``cell[i]``; ``parts`` are tensors ``(n,)``."""
        table = torch.stack([part.double() for part in parts], dim=-1)
        return cls(table, cell.to(torch.int64), cells, combine)

    def total(self) -> Tensor:
        """The sums, ``(cells, parts)`` float64."""
        zero = self.parts.new_zeros(self.cells, self.parts.shape[-1])
        return zero.index_add_(0, self.cell, self.parts)

    def value(self) -> float:
        """The metric of all samples."""
        return float(self.combine(self.total()))


def ratio(sums: Tensor) -> Tensor:
    """First part over second, in the only cell; 0 where the second is 0."""
    return sums[..., 0, 0] / sums[..., 0, 1].clamp(min=1.0)


def mean_over_cells(sums: Tensor) -> Tensor:
    """First part over second in each cell, averaged over the cells with samples."""
    seen = sums[..., 1] > 0
    share = sums[..., 0] / sums[..., 1].clamp(min=1.0)
    return (share * seen).sum(dim=-1) / seen.sum(dim=-1).clamp(min=1)
