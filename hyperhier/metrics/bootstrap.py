"""Confidence intervals by resampling groups of samples, patients for instance."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from hyperhier.metrics._sums import Sums
from hyperhier.metrics.classification import (
    accuracy,
    accuracy_sums,
    balanced_accuracy,
    balanced_accuracy_sums,
)
from hyperhier.metrics.hierarchical import (
    distance_at_k_sums,
    h_acc,
    h_acc_sums,
    hf1,
    hf1_sums,
    hierarchical_distance_at_k,
    mistake_severity,
    severity_sums,
)
from hyperhier.metrics.intervals import Interval, check_level
from hyperhier.metrics.label_sets import hf1_of_sets, hf1_of_sets_sums
from hyperhier.metrics.levels import accuracy_at_level, level_accuracy_sums
from hyperhier.metrics.order import pc_order, pc_order_sums, pdv, pdv_sums

__all__ = ["bootstrap_difference", "bootstrap_interval"]

#: metrics whose resamples need only other weights on the same summands
_SUMS: dict[Callable[..., float], Callable[..., Sums]] = {
    accuracy: accuracy_sums,
    accuracy_at_level: level_accuracy_sums,
    balanced_accuracy: balanced_accuracy_sums,
    h_acc: h_acc_sums,
    hf1: hf1_sums,
    hf1_of_sets: hf1_of_sets_sums,
    hierarchical_distance_at_k: distance_at_k_sums,
    mistake_severity: severity_sums,
    pc_order: pc_order_sums,
    pdv: pdv_sums,
}
# Scalars of one block of weights: 32 MiB of float64.
_BLOCK_SCALARS = 2**22

Metric = Callable[[Tensor, Tensor], float]
Groups = Tensor | Sequence[Hashable]


def bootstrap_interval(
    metric: Metric,
    pred: Tensor,
    target: Tensor,
    *,
    groups: Groups | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a metric by the bootstrap over groups (Efron; Field and Welsh 2007).

    Images of one patient are not independent: whole groups are drawn with replacement, as
    many as there are, and the metric is taken of the samples of the groups drawn.

    Args:
        metric: a function of (pred, target). Options go in by ``functools.partial``. The
            metrics of this package that are ratios or means of sums (``accuracy``,
            ``balanced_accuracy``, ``accuracy_at_level``, ``hf1``, ``hf1_of_sets``, ``h_acc``,
            ``mistake_severity``, ``hierarchical_distance_at_k``, ``pc_order``, ``pdv``) are
            resampled by reweighing sums, everything else by calling it ``n`` times.
        pred: ``(N, ...)``, one row for each sample: ids, ranked ids or points.
        target: ``(N,)`` int64.
        groups: the group of each sample, integers ``(N,)`` or any names; without them every
            sample is drawn by itself.
        n: resamples.
        seed: of the draws; equal seeds draw equal groups, whatever the metric.
        level: the confidence, between 0 and 1.

    Returns:
        An :class:`Interval` around the metric of all samples. With a single group there is
        nothing to draw and the interval is that one point.

    Raises:
        ValueError: on empty input, unequal lengths, fewer than 1 resamples, a level outside 0
            to 1, or what the metric refuses.

    >>> import torch
    >>> from functools import partial
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> target = tree.encode(["cat", "dog", "ox", "ox"] * 5)
    >>> pred = tree.encode(["cat", "cat", "ox", "dog"] * 5)
    >>> patients = [name for name in "abcdefghij" for _ in range(2)]
    >>> interval = bootstrap_interval(partial(hf1, taxonomy=tree), pred, target, groups=patients)
    >>> interval.low < interval.value < interval.high
    True
    """
    check_level(level)
    group = _group_numbers(groups, pred, target)
    values = _resampled(metric, pred, target, group, n, seed)
    value = float(metric(pred, target))
    return _percentiles(value, values, level)


def bootstrap_difference(
    metric: Metric,
    first: Tensor,
    second: Tensor,
    target: Tensor,
    *,
    groups: Groups | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Interval of ``metric(first) - metric(second)`` by drawing the same groups for both.

    Args:
        first, second: predictions of two methods for the same samples, ``(N, ...)`` each.
        metric, target, groups, n, seed, level: as in :func:`bootstrap_interval`.

    Returns:
        An :class:`Interval` of the difference; ``excludes(0)`` says whether it is clear.

    Raises:
        ValueError: as :func:`bootstrap_interval`.

    >>> import torch
    >>> target = torch.arange(40) % 4
    >>> better, worse = target.clone(), target.clone()
    >>> worse[:10] = 9
    >>> bootstrap_difference(accuracy, better, worse, target).excludes(0.0)
    True
    """
    check_level(level)
    group = _group_numbers(groups, first, target)
    _group_numbers(groups, second, target)
    a = _resampled(metric, first, target, group, n, seed)
    b = _resampled(metric, second, target, group, n, seed)
    value = float(metric(first, target)) - float(metric(second, target))
    return _percentiles(value, a - b, level)


def _percentiles(value: float, values: Tensor, level: float) -> Interval:
    tail = (1.0 - level) / 2.0
    ends = torch.quantile(values, values.new_tensor([tail, 1.0 - tail]))
    return Interval(value, float(ends[0]), float(ends[1]), level)


def _group_numbers(groups: Groups | None, pred: Tensor, target: Tensor) -> Tensor:
    """``(N,)`` int64 on the CPU, from 0 without gaps."""
    size = len(target)
    if size == 0:
        raise ValueError("target is empty")
    if len(pred) != size:
        raise ValueError(f"pred has {len(pred)} rows, target has {size}")
    if groups is None:
        return torch.arange(size)
    if len(groups) != size:
        raise ValueError(f"groups has {len(groups)} entries, target has {size}")
    if isinstance(groups, Tensor):
        if groups.dim() != 1:
            raise ValueError(f"groups must have shape (N,), got {tuple(groups.shape)}")
        return torch.unique(groups.cpu(), return_inverse=True)[1]
    number: dict[Hashable, int] = {}
    names = (name.item() if hasattr(name, "item") else name for name in groups)
    return torch.tensor([number.setdefault(name, len(number)) for name in names])


def _resampled(
    metric: Metric, pred: Tensor, target: Tensor, group: Tensor, n: int, seed: int
) -> Tensor:
    """The metric of each resample, ``(n,)`` float64."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    sums = _as_sums(metric)
    if sums is not None:
        return _by_weights(sums(pred, target), group, n, seed)
    count = torch.bincount(group)
    members = group.argsort(stable=True)
    start = count.cumsum(0) - count
    values = []
    for drawn in _draws(len(count), n, seed):
        copies = count[drawn]
        offset = torch.arange(int(copies.sum()))
        offset = offset - (copies.cumsum(0) - copies).repeat_interleave(copies)
        rows = members[start[drawn].repeat_interleave(copies) + offset].to(target.device)
        values.append(float(metric(pred[rows], target[rows])))
    return torch.tensor(values, dtype=torch.float64)


def _as_sums(metric: Metric) -> Callable[[Tensor, Tensor], Sums] | None:
    if isinstance(metric, functools.partial):
        plain: Any = _SUMS.get(metric.func)
        return None if plain is None else functools.partial(plain, *metric.args, **metric.keywords)
    return _SUMS.get(metric) if isinstance(metric, Hashable) else None


def _draws(groups: int, n: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n):
        yield torch.randint(groups, (groups,), generator=generator)


def _by_weights(sums: Sums, group: Tensor, n: int, seed: int) -> Tensor:
    """A resample weighs the summands of each group with how often the group was drawn."""
    # samples of one group and one cell always go together
    cell = torch.unique(sums.cell.cpu(), return_inverse=True)[1]
    cells = int(cell.max()) + 1
    pair, row = torch.unique(group * cells + cell, return_inverse=True)
    parts = torch.zeros(len(pair), sums.parts.shape[1], dtype=torch.float64)
    parts.index_add_(0, row, sums.parts.cpu())
    owner, cell = pair // cells, pair % cells
    groups = int(group.max()) + 1

    draws = _draws(groups, n, seed)
    step = max(1, _BLOCK_SCALARS // (len(pair) * parts.shape[1] + groups))
    values = []
    for first in range(0, n, step):
        block = [next(draws) for _ in range(min(step, n - first))]
        times = torch.stack([torch.bincount(drawn, minlength=groups) for drawn in block]).double()
        if cells == 1:
            total = (times[:, owner] @ parts).unsqueeze(1)
        else:
            weighed = times[:, owner].unsqueeze(-1) * parts
            total = torch.zeros(len(block), cells, parts.shape[1], dtype=torch.float64)
            total.index_add_(1, cell, weighed)
        values.append(sums.combine(total))
    return torch.cat(values)
