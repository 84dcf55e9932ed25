"""Single samples of a batch: which ones count, and with which labels."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.losses._inputs import Inputs, Side

__all__ = ["mean_over_labels", "selected", "with_each_label"]


def selected(inputs: Inputs) -> Tensor:
    """``(n,)`` bool: every sample, or those that are an anchor of ``indices_tuple``."""
    n, device = len(inputs.anchors), inputs.anchors.points.device
    if inputs.selection is None:
        return torch.ones(n, dtype=torch.bool, device=device)
    chosen = torch.zeros(n, dtype=torch.bool, device=device)
    chosen[inputs.selection.positive_anchors] = True
    chosen[inputs.selection.negative_anchors] = True
    return chosen


def with_each_label(inputs: Inputs, side: Side) -> tuple[Tensor, Tensor]:
    """Samples ``(k,)`` and node ids ``(k,)``: every sample with each label that it has.

    Raises:
        ValueError: there are no labels.
    """
    if side.labels is None:
        raise ValueError("this loss needs labels")
    if inputs.sets is None:
        return torch.arange(len(side), device=side.labels.device), side.labels
    sample, node = inputs.sets[side.labels].nonzero().unbind(1)
    return sample, node


def mean_over_labels(
    losses: Tensor, valid: Tensor, samples: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """The mean ``(count,)`` of the valid losses ``(k,)`` of each sample, and which have one."""
    total = losses.new_zeros(count).index_add(0, samples, torch.where(valid, losses, 0.0))
    number = torch.zeros(count, dtype=torch.long, device=losses.device)
    number = number.index_add(0, samples, valid.long())
    return total / number.clamp(min=1), number > 0
