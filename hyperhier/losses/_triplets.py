"""Hinges of all triplets of an anchor, without forming the triplets."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["all_hinges", "largest_hinge"]


def all_hinges(
    near: Tensor, far: Tensor, positive: Tensor, negative: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of ``relu(near_p - far_n)`` over the positives p and negatives n of each anchor.

    With the values of the negatives sorted, the hinges of one positive are those of the first
    k of them, so that their sum is ``k near_p`` less a partial sum: time ``n m log m`` and
    memory ``n m`` instead of ``n m^2``.

    Args:
        near, far: ``(n, m)``, for every candidate in either place.
        positive, negative: ``(n, m)`` masks.

    Returns:
        the sum ``(n,)`` float64; the number ``(n,)`` of hinges that are not 0; the number
        ``(n,)`` of triplets.

    >>> near, far = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0, 4.0]])
    >>> masks = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
    >>> all_hinges(near, far, *masks)  # relu(3 - 1) + relu(3 - 4)
    (tensor([2.], dtype=torch.float64), tensor([1]), tensor([2]))
    """
    x = near.double()
    y = far.double().masked_fill(~negative, torch.inf).sort(dim=1).values
    partial = torch.where(y.isfinite(), y, 0.0).cumsum(dim=1)
    partial = torch.cat((torch.zeros_like(partial[:, :1]), partial), dim=1)
    below = torch.searchsorted(y.detach(), x.detach().contiguous())
    sums = below * x - partial.gather(1, below)
    total = torch.where(positive, sums, 0.0).sum(dim=1)
    count = positive.sum(dim=1) * negative.sum(dim=1)
    return total, torch.where(positive, below, 0).sum(dim=1), count


def largest_hinge(near: Tensor, far: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """The largest ``relu(near_p - far_n)`` of each anchor, ``(n,)``; 0 without a triplet.

    >>> near, far = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0, 4.0]])
    >>> masks = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
    >>> largest_hinge(near, far, *masks)
    tensor([2.])
    """
    if not near.shape[1]:
        return near.sum(dim=1)
    worst = near.masked_fill(~positive, -torch.inf).amax(dim=1)
    nearest = far.masked_fill(~negative, torch.inf).amin(dim=1)
    exists = positive.any(dim=1) & negative.any(dim=1)
    gap = torch.where(exists, worst, 0.0) - torch.where(exists, nearest, 0.0)
    return gap.relu()
