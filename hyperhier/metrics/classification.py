"""Flat measures of predicted node ids: accuracy, balanced accuracy, confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.metrics._check import as_ids, same_length
from hyperhier.metrics._sums import Sums, mean_over_cells, ratio

__all__ = [
    "accuracy",
    "accuracy_sums",
    "balanced_accuracy",
    "balanced_accuracy_sums",
    "confusion_matrix",
]


def accuracy(pred: Tensor, target: Tensor) -> float:
    """Share of samples whose predicted id is the true one.

    Args:
        pred: predicted node ids, ``(n,)`` int64.
        target: true node ids, ``(n,)`` int64.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: on empty input, unequal lengths or ids that are no integers.

    >>> import torch
    >>> accuracy(torch.tensor([1, 2, 2, 3]), torch.tensor([1, 2, 3, 3]))
    0.75
    """
    return accuracy_sums(pred, target).value()


def accuracy_sums(pred: Tensor, target: Tensor) -> Sums:
    """:func:`accuracy` as sums over samples."""
    pred, target = as_ids(pred, "pred"), as_ids(target, "target")
    same_length(pred=pred, target=target)
    right = pred == target
    return Sums.of((right, torch.ones_like(right)), ratio)


def balanced_accuracy(pred: Tensor, target: Tensor) -> float:
    """Mean over the true classes of the share of their samples predicted right.

    Every class that occurs in ``target`` counts the same, however few samples it has.

    Args:
        pred: predicted node ids, ``(n,)`` int64.
        target: true node ids, ``(n,)`` int64.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: on empty input, unequal lengths or ids that are no integers.

    >>> import torch
    >>> balanced_accuracy(torch.tensor([1, 1, 1, 1]), torch.tensor([1, 1, 1, 2]))
    0.5
    """
    return balanced_accuracy_sums(pred, target).value()


def balanced_accuracy_sums(pred: Tensor, target: Tensor) -> Sums:
    """:func:`balanced_accuracy` as sums over the samples of each class."""
    pred, target = as_ids(pred, "pred"), as_ids(target, "target")
    same_length(pred=pred, target=target)
    classes, index = torch.unique(target, return_inverse=True)
    right = pred == target
    parts = (right, torch.ones_like(right))
    return Sums.in_cells(parts, index, classes.numel(), mean_over_cells)


def confusion_matrix(pred: Tensor, target: Tensor, leaf_ids: Tensor) -> Tensor:
    """How often each class was taken for each other: rows true, columns predicted.

    Args:
        pred: predicted ids, ``(n,)`` int64, all of them in ``leaf_ids``.
        target: true ids, ``(n,)`` int64, all of them in ``leaf_ids``.
        leaf_ids: ``(m,)`` int64, the classes in the order of rows and columns, all different.

    Returns:
        ``(m, m)`` int64 counts on the CPU.

    Raises:
        ValueError: on empty input, unequal lengths, or an id that is not in ``leaf_ids``.

    >>> import torch
    >>> confusion_matrix(torch.tensor([3, 5, 5]), torch.tensor([3, 3, 5]), torch.tensor([3, 5]))
    tensor([[1, 1],
            [0, 1]])
    """
    pred, target = as_ids(pred, "pred").cpu(), as_ids(target, "target").cpu()
    leaves = as_ids(leaf_ids, "leaf_ids").cpu()
    same_length(pred=pred, target=target)
    ordered, order = leaves.sort()
    if bool((ordered[1:] == ordered[:-1]).any()):
        twice = int(ordered[1:][ordered[1:] == ordered[:-1]][0])
        raise ValueError(f"leaf_ids holds {twice} more than once")

    def place(ids: Tensor, name: str) -> Tensor:
        at = torch.searchsorted(ordered, ids).clamp(max=ordered.numel() - 1)
        unknown = ordered[at] != ids
        if bool(unknown.any()):
            raise ValueError(f"{name} holds {int(ids[unknown][0])}, which is not in leaf_ids")
        return order[at]

    m = leaves.numel()
    cells = place(target, "target") * m + place(pred, "pred")
    return torch.bincount(cells, minlength=m * m).view(m, m)
