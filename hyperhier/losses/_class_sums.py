"""The softmax over candidates by sums over classes, where only classes tell pairs apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hyperhier.losses._reduce import join_levels

__all__ = ["ClassTerms", "Classes", "softmax_by_class"]


class Classes(NamedTuple):
    """The distinct labels of a block of pairs.

    Attributes:
        rows: of the anchors, ``(R,)``, sorted.
        row: which of them each anchor has, ``(n,)``.
        columns: of the candidates, ``(C,)``, sorted.
        column: which of them each candidate has, ``(m,)``.
    """

    rows: Tensor
    row: Tensor
    columns: Tensor
    column: Tensor


class ClassTerms(NamedTuple):
    """The pairs of a block on every level, where weight and positive depend on the classes alone.

    Attributes:
        logits: of the pairs before their weights, ``(n, m)``.
        classes: of the pairs.
        positive: for each level ``(R, C)``, whether pairs of these classes attract.
        weight: for each level ``(R, C)``, by which exp(logit) is multiplied, positive; or None.
    """

    logits: Tensor
    classes: Classes
    positive: Sequence[Tensor]
    weight: Sequence[Tensor | None]


def softmax_by_class(terms: ClassTerms, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`~hyperhier.losses._reduce.softmax_loss`, on all levels from one exponential.

    With E_ic the sum of exp(l_ij) over the candidates j of class c, S_ic that of l_ij and N_ic
    their number, the loss of anchor i on a level of weights w and positive classes P is

        log sum_c w_c E_ic  -  sum_{c in P} (S_ic + N_ic log w_c) / sum_{c in P} N_ic,

    so a further level costs tables of classes, not of candidates.

    Args:
        terms: of n anchors, m candidates and L levels.
        allowed: ``(n, m)`` mask of the candidates.

    Returns:
        the losses ``(n, L)``, 0 without a positive, and the mask ``(n, L)`` of those that have one.
    """
    logits, row, column = terms.logits, terms.classes.row, terms.classes.column
    shape = len(row), len(terms.classes.columns)

    def by_class(table: Tensor) -> Tensor:
        return table.new_zeros(shape).index_add(1, column, table)

    barred = ~allowed
    kept = logits.masked_fill(barred, -torch.inf)
    top = kept.detach().amax(dim=1, keepdim=True) if len(column) else kept.new_zeros(len(row), 1)
    top = torch.where(top > -torch.inf, top, 0.0)  # without a candidate
    mass = by_class((kept - top).exp())
    total = by_class(logits.masked_fill(barred, 0.0))
    count = by_class(allowed.to(logits.dtype))
    levels = []
    for positive, weight in zip(terms.positive, terms.weight, strict=True):
        attracts = positive[row]
        number = torch.where(attracts, count, 0.0).sum(dim=1)
        has = number > 0
        if weight is None:
            near, score = mass, total
        else:
            w = weight[row]
            near, score = w * mass, total + count * w.log()
        near = torch.where(has, near.sum(dim=1), 1.0)
        score = torch.where(attracts, score, 0.0).sum(dim=1) / torch.where(has, number, 1.0)
        levels.append((torch.where(has, top[:, 0] + near.log() - score, 0.0), has))
    return join_levels(levels, logits, allowed)
