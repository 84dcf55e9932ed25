"""From logits to one number: the softmax over candidates, its schedules, the reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hyperhier.losses._inputs import Inputs

__all__ = ["Reduction", "by_row_blocks", "check_reduction", "reduce_losses", "softmax_loss"]

#: ``"none"``, ``"mean"``, ``"sum"``, or a reducer in the form of pytorch-metric-learning
Reduction = str | Callable[..., Any]

_NAMED = ("none", "mean", "sum")


def softmax_loss(logits: Tensor, positive: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the positives of minus the log-softmax over the allowed candidates.

    Args:
        logits: ``(n, m)``, finite.
        positive: ``(n, m)`` mask, a subset of ``allowed``.
        allowed: ``(n, m)`` mask of the candidates.

    Returns:
        the losses ``(n,)``, 0 without a positive, and the mask ``(n,)`` of anchors that have one.
    """
    # a row without candidates keeps its logits, so that its (unused) logsumexp stays finite
    dropped = ~allowed & allowed.any(dim=1, keepdim=True)
    total = logits.masked_fill(dropped, -torch.inf).logsumexp(dim=1, keepdim=True)
    count = positive.sum(dim=1)
    surprise = torch.where(positive, total - logits, 0.0).sum(dim=1)
    return surprise / count.clamp(min=1), count > 0


def by_row_blocks(
    block: Callable[[slice], tuple[Tensor, Tensor]], rows: int, block_size: int | None
) -> tuple[Tensor, Tensor]:
    """Run ``block`` on slices of the anchors and join what it returns.

    With ``block_size=None`` there is one block. Otherwise each block is formed again in the
    backward pass, so that no more than one is held at a time.
    """
    if block_size is None or block_size >= rows:
        return block(slice(0, rows))
    parts = [
        checkpoint(
            block,
            slice(start, min(start + block_size, rows)),
            use_reentrant=False,
            preserve_rng_state=False,
        )
        for start in range(0, rows, block_size)
    ]
    losses, valid = zip(*parts, strict=True)
    return torch.cat(losses), torch.cat(valid)


def check_reduction(reduction: Reduction) -> None:
    """Raise ValueError unless ``reduction`` is a known name or a reducer."""
    if not callable(reduction) and reduction not in _NAMED:
        raise ValueError(f"reduction must be one of {_NAMED} or a reducer, got {reduction!r}")


def reduce_losses(losses: Tensor, valid: Tensor, inputs: Inputs, reduction: Reduction) -> Tensor:
    """Reduce per-anchor losses ``(n,)``; anchors that are not ``valid`` take no part.

    A selection without any valid anchor gives 0, connected to the graph.
    """
    losses = torch.where(valid, losses, 0.0)
    if reduction == "none":
        return losses.view(inputs.shape)
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.sum() / valid.sum().clamp(min=1)
    assert callable(reduction)
    indices = valid.nonzero().squeeze(1)
    if not len(indices):
        return losses.sum()
    terms = {"losses": losses[indices], "indices": indices, "reduction_type": "element"}
    reduced: Tensor = reduction({"loss": terms}, inputs.anchors.points, inputs.anchors.labels)
    return reduced
