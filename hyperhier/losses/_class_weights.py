"""How much an anchor counts in the mean, by its label."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.losses._inputs import Inputs

__all__ = ["ClassWeights", "anchor_weights", "check_class_weights"]

#: None, "balanced", or a weight for each label id ``(N,)``
ClassWeights = str | Tensor | None


def check_class_weights(class_weights: ClassWeights) -> ClassWeights:
    """The weights of classes as they came; ValueError unless they make sense."""
    if isinstance(class_weights, Tensor):
        if class_weights.dim() != 1:
            raise ValueError(f"class_weights must be (N,), got {tuple(class_weights.shape)}")
        wrong = ~(class_weights.isfinite() & (class_weights >= 0))
        if bool(wrong.any()):
            first = int(wrong.nonzero()[0])
            raise ValueError(
                f"class_weights must be finite and at least 0, got {class_weights[first].item()} "
                f"for label {first}"
            )
    elif class_weights is not None and class_weights != "balanced":
        raise ValueError(f"class_weights must be None, 'balanced' or (N,), got {class_weights!r}")
    return class_weights


def anchor_weights(
    class_weights: ClassWeights, inputs: Inputs, valid: Tensor, validate: bool
) -> Tensor | None:
    """The weights ``(n,)`` of the anchors; None: all the same.

    Args:
        class_weights: see :class:`~hyperhier.losses.ContrastiveLoss`.
        inputs: with labels.
        valid: the anchors that have a positive, ``(n,)``, or on each level ``(n, L)``.
        validate: read the values of the labels, at one device synchronisation.

    Raises:
        ValueError: there are no labels, or too few weights for them.
    """
    if class_weights is None:
        return None
    labels = inputs.anchors.labels
    if labels is None:
        raise ValueError("class_weights need labels")
    dtype = inputs.anchors.points.dtype
    if isinstance(class_weights, Tensor):
        if validate and not torch.compiler.is_compiling():
            _check_count(class_weights, labels, inputs.sets)
        return _of_labels(class_weights.to(labels.device, dtype), labels, inputs.sets)
    counted = valid.any(dim=1) if valid.dim() == 2 else valid
    distinct, code = torch.unique(labels, return_inverse=True)
    count = torch.zeros(len(distinct), dtype=dtype, device=labels.device)
    count.index_add_(0, code, counted.to(dtype))
    if inputs.sets is not None:  # of each label, not of each set of them
        count, code = count @ inputs.sets[distinct].to(dtype), labels
    weight = _of_labels(1.0 / count.clamp(min=1.0), code, inputs.sets)
    total = torch.where(counted, weight, 0.0).sum().clamp(min=1.0)
    return weight * (counted.sum() / total)  # of mean 1


def _of_labels(weights: Tensor, labels: Tensor, sets: Tensor | None) -> Tensor:
    """The weight of each label ``(n,)``; of label sets the mean weight of the members."""
    if sets is None:
        return weights[labels]
    held = sets.to(weights.dtype)
    return ((held @ weights) / held.sum(dim=1))[labels]


def _check_count(class_weights: Tensor, labels: Tensor, sets: Tensor | None) -> None:
    if sets is not None:
        if len(class_weights) != sets.shape[1]:
            raise ValueError(
                f"class_weights must have one entry for each of the {sets.shape[1]} columns of "
                f"labels, got {len(class_weights)}"
            )
    elif len(labels):
        least, largest = torch.stack(labels.aminmax()).tolist()
        if least < 0 or largest >= len(class_weights):
            raise ValueError(
                f"class_weights have {len(class_weights)} entries, "
                f"labels hold {least if least < 0 else largest}"
            )
