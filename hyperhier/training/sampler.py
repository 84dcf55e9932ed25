"""Which images make up each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["BatchSampler", "epoch_batches"]


class BatchSampler(Protocol):
    """What ``train`` asks of a sampler; those of :mod:`hyperhier.data` have it."""

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next batches are drawn for, from 0."""

    def __iter__(self) -> Iterator[list[int]]: ...

    def __len__(self) -> int: ...


def epoch_batches(
    labels: Tensor, batch_size: int, generator: torch.Generator, balance: float = 0.0
) -> list[Tensor]:
    """Shuffled positions for one epoch, in batches.

    With ``balance = b`` a class with n of N images gets a share proportional to
    ``n ** (1 - b)`` of the epoch's N draws, and the same share of every batch up to
    rounding: small classes are repeated (every image about equally often), large ones
    thinned out. A last batch that is not full is left out, unless it is the only one.

    Args:
        labels: int64 ``(N,)``.
        batch_size: positions per batch.
        generator: source of the shuffling.
        balance: from 0 (a plain permutation) to 1 (all classes equally often).

    >>> labels = torch.tensor([0] * 90 + [1] * 10)
    >>> batches = epoch_batches(labels, 20, torch.Generator().manual_seed(0), balance=1.0)
    >>> [int(labels[b].sum()) for b in batches]
    [10, 10, 10, 10, 10]
    """
    if not 0.0 <= balance <= 1.0:
        raise ValueError(f"balance must be in [0, 1], got {balance}")
    total = len(labels)
    if balance == 0.0:
        order = torch.randperm(total, generator=generator)
    else:
        order = _levelled(labels, generator, balance)
    batches = list(order.split(batch_size))
    if len(batches) > 1 and len(batches[-1]) < batch_size:
        batches.pop()
    return batches


def _levelled(labels: Tensor, generator: torch.Generator, balance: float) -> Tensor:
    """N draws in which every class is spread evenly over the epoch."""
    total = len(labels)
    _, which, counts = labels.unique(return_inverse=True, return_counts=True)
    share = counts.to(torch.float64) ** (1.0 - balance)
    share = share / share.sum()
    exact = share * total
    quota = exact.floor().long()
    rest = total - int(quota.sum())
    quota[(quota - exact).argsort(stable=True)[:rest]] += 1  # the largest remainders
    drawn, places = [], []
    for code in range(len(counts)):
        members = (which == code).nonzero().squeeze(1)
        wanted = max(1, int(quota[code]))
        rounds = -(-wanted // len(members))
        shuffled = [
            members[torch.randperm(len(members), generator=generator)] for _ in range(rounds)
        ]
        drawn.append(torch.cat(shuffled)[:wanted])
        # a place every 1/wanted of the epoch, moved as a whole by a random phase
        phase = torch.rand(1, generator=generator, dtype=torch.float64)
        places.append((torch.arange(wanted, dtype=torch.float64) + phase) / wanted)
    order = torch.cat(places).argsort(stable=True)
    return torch.cat(drawn)[order][:total]
