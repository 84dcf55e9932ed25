"""The batch of all processes of a distributed run."""

from __future__ import annotations

import torch
from torch import Tensor, distributed

__all__ = ["gather_batch"]


def gather_batch(points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Points ``(n, a)`` and labels ``(n,)`` of every rank, in rank order, without gradient.

    Batches may differ in length. Outside a distributed run this is the batch itself.
    """
    points, labels = points.detach(), labels.detach()
    if not (distributed.is_available() and distributed.is_initialized()):
        return points, labels
    ranks = distributed.get_world_size()
    if ranks == 1:
        return points, labels
    sizes = [torch.zeros(1, dtype=torch.long, device=points.device) for _ in range(ranks)]
    distributed.all_gather(sizes, torch.tensor([len(points)], device=points.device))
    lengths = [int(s) for s in sizes]
    return _gather(points, lengths), _gather(labels, lengths)


def _gather(x: Tensor, lengths: list[int]) -> Tensor:
    padded = x.new_zeros(max(lengths), *x.shape[1:])
    padded[: len(x)] = x
    parts = [torch.empty_like(padded) for _ in lengths]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:n] for part, n in zip(parts, lengths, strict=True)])
