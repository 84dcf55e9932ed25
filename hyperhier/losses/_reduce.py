"""From logits to one number: the softmax over candidates, its schedules, the reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hyperhier.losses._inputs import Inputs

__all__ = [
    "Reduction",
    "Terms",
    "by_row_blocks",
    "check_reduction",
    "join_levels",
    "reduce_levels",
    "reduce_losses",
    "softmax_loss",
]

#: ``"none"``, ``"mean"``, ``"sum"``, or a reducer in the form of pytorch-metric-learning
Reduction = str | Callable[..., Any]

_NAMED = ("none", "mean", "sum")


class Terms(NamedTuple):
    """What the softmax of a block of pairs is taken of; all ``(n, m)``.

    Attributes:
        logits: finite.
        positive: mask of the pairs that attract.
        weight: of each positive outside the softmax; None: equal.
        left_out: mask of candidates that are neither positive nor in the denominator.
        alone: no other positive stands in the denominator of a positive.
    """

    logits: Tensor
    positive: Tensor
    weight: Tensor | None = None
    left_out: Tensor | None = None
    alone: bool = False


def softmax_loss(terms: Terms, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean over the positives of minus the log-softmax over the allowed candidates.

    Args:
        terms: of a block of n anchors and m candidates.
        allowed: ``(n, m)`` mask of the candidates; other pairs are no positives either.

    Returns:
        the losses ``(n,)``, 0 without a positive, and the mask ``(n,)`` of anchors that have one.
    """
    logits, positive = terms.logits, terms.positive & allowed
    if terms.left_out is not None:
        allowed = allowed & ~(terms.left_out & ~positive)
    if terms.alone:
        allowed = allowed & ~positive
    # a row without candidates keeps its logits, so that its (unused) logsumexp stays finite
    some = allowed.any(dim=1, keepdim=True)
    total = logits.masked_fill(~allowed & some, -torch.inf).logsumexp(dim=1, keepdim=True)
    surprise = total - logits
    if terms.alone:
        surprise = torch.where(some, F.softplus(surprise), 0.0)
    weight = positive if terms.weight is None else torch.where(positive, terms.weight, 0.0)
    surprise = torch.where(positive, surprise, 0.0)
    if terms.weight is not None:
        surprise = surprise * weight
    mass = weight.sum(dim=1)
    valid = mass > 0
    return surprise.sum(dim=1) / torch.where(valid, mass, 1), valid


def join_levels(
    parts: Sequence[tuple[Tensor, Tensor]], s: Tensor, allowed: Tensor
) -> tuple[Tensor, Tensor]:
    """The losses ``(n,)`` and masks ``(n,)`` of every level as ``(n, L)``; L may be 0."""
    if not parts:
        return s[:, :0], allowed[:, :0]
    losses, valid = zip(*parts, strict=True)
    return torch.stack(losses, dim=1), torch.stack(valid, dim=1)


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


def reduce_losses(
    losses: Tensor,
    valid: Tensor,
    inputs: Inputs,
    reduction: Reduction,
    weight: Tensor | None = None,
) -> Tensor:
    """Reduce per-anchor losses ``(n,)``; anchors that are not ``valid`` take no part.

    A selection without any valid anchor gives 0, connected to the graph. ``weight`` ``(n,)``
    makes of ``"mean"`` the weighted mean; otherwise each loss is multiplied by it.
    """
    losses = torch.where(valid, losses, 0.0)
    if weight is not None:
        losses = losses * weight
    if reduction == "none":
        return losses.view(inputs.shape)
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        if weight is None:
            return losses.sum() / valid.sum().clamp(min=1)
        mass = torch.where(valid, weight, 0.0).sum()
        return losses.sum() / torch.where(mass > 0, mass, 1.0)
    assert callable(reduction)
    indices = valid.nonzero().squeeze(1)
    if not len(indices):
        return losses.sum()
    terms = {"losses": losses[indices], "indices": indices, "reduction_type": "element"}
    reduced: Tensor = reduction({"loss": terms}, inputs.anchors.points, inputs.anchors.labels)
    return reduced


def reduce_levels(
    losses: Tensor,
    valid: Tensor,
    level_weights: Sequence[float] | Tensor,
    inputs: Inputs,
    reduction: Reduction,
    weight: Tensor | None = None,
) -> Tensor:
    """Reduce losses of every anchor on every level ``(n, L)`` by the weighted sum over levels.

    ``"mean"`` is over the anchors that a level has, level by level.
    """
    scale = torch.as_tensor(level_weights, dtype=losses.dtype, device=losses.device)
    if reduction == "mean":
        levels = zip(losses.unbind(1), valid.unbind(1), strict=True)
        means = [reduce_losses(each, has, inputs, "mean", weight) for each, has in levels]
        return (torch.stack(means) * scale).sum() if means else losses.sum()
    total = (torch.where(valid, losses, 0.0) * scale).sum(dim=1)
    return reduce_losses(total, valid.any(dim=1), inputs, reduction, weight)
