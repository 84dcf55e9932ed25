"""Pearson and Spearman correlation, the former over pairs that arrive block by block."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyperhier._numerics import eps_of

__all__ = ["Moments", "average_ranks", "pearson", "spearman"]


class Moments:
    """Means, sums of squares and of products of pairs of numbers, added block by block.

    The blocks are merged by Chan's update (Chan, Golub, LeVeque 1983), so that a large mean
    does not drown a small spread.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros(2, dtype=torch.float64)
        self._spread = torch.zeros(2, 2, dtype=torch.float64)
        self._scale = torch.zeros(2, dtype=torch.float64)

    def add(self, x: Tensor, y: Tensor) -> None:
        """Take in the pairs ``(x[i], y[i])``, ``(n,)`` each."""
        if x.numel() == 0:
            return
        both = torch.stack((x.double(), y.double())).cpu()
        mean = both.mean(dim=1)
        apart = both - mean.unsqueeze(1)
        total = self.count + x.numel()
        step = mean - self._mean
        share = self.count * x.numel() / total
        self._spread = self._spread + apart @ apart.T + share * torch.outer(step, step)
        self._mean = self._mean + step * (x.numel() / total)
        self._scale = torch.maximum(self._scale, both.abs().amax(dim=1))
        self.count = total

    def correlation(self) -> float:
        """Pearson's r of all pairs; 0 where one side does not vary beyond rounding."""
        noise = self.count * (16.0 * eps_of(torch.float64) * self._scale).square()
        variance = self._spread.diagonal()
        if self.count < 2 or bool((variance <= noise).any()):
            return 0.0
        r = float(self._spread[0, 1]) / math.sqrt(float(variance[0])) / math.sqrt(variance[1])
        return min(1.0, max(-1.0, r))


def pearson(x: Tensor, y: Tensor) -> float:
    """Pearson's correlation of two tensors ``(n,)``; 0 where one of them does not vary.

    >>> import torch
    >>> pearson(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([2.0, 4.0, 8.0]))
    1.0
    """
    moments = Moments()
    moments.add(x, y)
    return moments.correlation()


def average_ranks(x: Tensor) -> Tensor:
    """Ranks from 1 in ascending order, equal values sharing the mean of theirs, float64.

    >>> import torch
    >>> average_ranks(torch.tensor([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, which, count = torch.unique(x, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count.double() - 1.0) / 2.0)[which]


def spearman(x: Tensor, y: Tensor) -> float:
    """Spearman's rank correlation of two tensors ``(n,)``, with average ranks for ties.

    >>> import torch
    >>> spearman(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([0.1, 0.2, 0.3]))
    1.0
    """
    return pearson(average_ranks(x), average_ranks(y))
