"""What all batch samplers share: the seed, the epoch, and the ranks of a distributed run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch.utils.data import Sampler

__all__ = ["SeededBatchSampler"]


class SeededBatchSampler(Sampler[list[int]], ABC):
    """A batch sampler whose batches follow from ``(seed, epoch)`` alone.

    Every rank of a distributed run draws the same sequence of batches and keeps each
    ``world_size``-th of it: no communication, the same number of batches on all ranks, and
    no batch on two of them. As with :class:`torch.utils.data.DistributedSampler`, an epoch is
    repeated until :meth:`set_epoch` names another.

    Args:
        batches: batches per epoch over all ranks together; None: ``usual``, but at least one
            for each rank.
        usual: what an epoch of all samples comes to.
        seed: of everything random.
        rank, world_size: place in a distributed run; by default that of
            ``torch.distributed`` if it is initialised, else 0 of 1.

    Raises:
        ValueError: fewer batches than ranks, or a rank that is not in the world.
    """

    def __init__(
        self,
        batches: int | None,
        *,
        usual: int,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        self.rank, self.world_size = _place(rank, world_size)
        if batches is None:
            batches = max(usual, self.world_size)
        if batches < self.world_size:
            raise ValueError(
                f"an epoch has {batches} batches, expected at least one for each of "
                f"{self.world_size} ranks"
            )
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        self.seed = seed
        self.epoch = 0
        self._per_rank = batches // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, that the next iteration draws."""
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}")
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches per epoch on this rank."""
        return self._per_rank

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        last = self._per_rank * self.world_size
        yield from islice(self._draw(rng), self.rank, last, self.world_size)

    @abstractmethod
    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """The batches of one epoch for all ranks, in order; at least as many as announced."""


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if (rank is None) != (world_size is None):
        raise ValueError(f"rank={rank} and world_size={world_size} go together")
    if rank is None or world_size is None:
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return 0, 1
        rank, world_size = distributed.get_rank(), distributed.get_world_size()
    if world_size < 1 or not 0 <= rank < world_size:
        raise ValueError(f"rank must be in [0, world_size), got {rank} of {world_size}")
    return rank, world_size
