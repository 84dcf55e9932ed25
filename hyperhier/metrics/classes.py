"""``torchmetrics.Metric`` classes over the functions of this package.

They need torchmetrics (``pip install 'hyperhier[metrics]'``) and keep only sums, so batches
may have any size and processes are added up by torchmetrics itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.metrics._check import as_ids, same_length
from hyperhier.metrics.hierarchical import (
    Average,
    Weights,
    f1_counts,
    f1_from_counts,
    lca_height,
    sample_credit,
)
from hyperhier.taxonomy import Taxonomy

try:
    from torchmetrics import Metric
except Exception as error:  # a broken installation counts as a missing one
    raise ImportError(
        "HierarchicalF1, HierarchicalAccuracy and MistakeSeverity need torchmetrics: "
        "pip install 'hyperhier[metrics]'"
    ) from error

__all__ = ["HierarchicalAccuracy", "HierarchicalF1", "MistakeSeverity"]


class HierarchicalF1(Metric):
    """:func:`hyperhier.metrics.hf1` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        average: ``"micro"``, ``"macro"`` or ``"samples"``.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = HierarchicalF1(tree)
    >>> metric.update(tree.encode(["dog"]), tree.encode(["cat"]))
    >>> metric.update(tree.encode(["ox"]), tree.encode(["ox"]))
    >>> round(float(metric.compute()), 4)
    0.6667
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    sums: Tensor

    def __init__(self, taxonomy: Taxonomy, average: Average = "micro", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if average not in ("micro", "macro", "samples"):
            raise ValueError(f"average must be 'micro', 'macro' or 'samples', got {average!r}")
        self.taxonomy, self.average = taxonomy, average
        if average == "samples":
            zero = torch.zeros(2, dtype=torch.float64)
        else:
            # three counts and the number of samples, for each true class or for all
            groups = 1 if average == "micro" else len(taxonomy)
            zero = torch.zeros(4, groups, dtype=torch.int64)
        self.add_state("sums", default=zero, dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        parts = f1_counts(pred, target, self.taxonomy)
        if self.average == "samples":
            each = f1_from_counts(*parts)
            self.sums += torch.stack((each.sum(), each.new_tensor(float(each.numel()))))
            return
        counts = torch.stack((*parts, torch.ones_like(parts[0])))
        if self.average == "micro":
            self.sums += counts.sum(dim=1, keepdim=True)
        else:
            self.sums.index_add_(1, target.to(torch.int64), counts)

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        if self.average == "samples":
            return self.sums[0] / self.sums[1]
        shared, predicted, true, samples = self.sums
        return f1_from_counts(shared, predicted, true)[samples > 0].mean()


class HierarchicalAccuracy(Metric):
    """:func:`hyperhier.metrics.h_acc` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.
        weights: ``"linear"``, ``"exp"`` or ``"edge"``.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = HierarchicalAccuracy(tree)
    >>> metric.update(tree.encode(["dog", "ox"]), tree.encode(["cat", "ox"]))
    >>> float(metric.compute())
    0.75
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    credit: Tensor
    count: Tensor

    def __init__(self, taxonomy: Taxonomy, weights: Weights = "linear", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if weights not in ("linear", "exp", "edge"):
            raise ValueError(f"weights must be 'linear', 'exp' or 'edge', got {weights!r}")
        self.taxonomy, self.weights = taxonomy, weights
        self.add_state("credit", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        credit = sample_credit(pred, target, self.taxonomy, self.weights)
        self.credit += credit.sum()
        self.count += credit.numel()

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        return self.credit / self.count


class MistakeSeverity(Metric):
    """:func:`hyperhier.metrics.mistake_severity` over all batches seen.

    Args:
        taxonomy: the tree or DAG that the ids belong to.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> metric = MistakeSeverity(tree)
    >>> metric.update(tree.encode(["dog", "ox", "ox"]), tree.encode(["cat", "cat", "ox"]))
    >>> float(metric.compute())
    1.5
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    height: Tensor
    mistakes: Tensor

    def __init__(self, taxonomy: Taxonomy, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taxonomy = taxonomy
        self.add_state("height", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("mistakes", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of predicted and true ids, ``(n,)`` int64 each."""
        pred = as_ids(pred, "pred", self.taxonomy)
        target = as_ids(target, "target", self.taxonomy)
        same_length(pred=pred, target=target)
        wrong = pred != target
        self.height += lca_height(pred[wrong], target[wrong], self.taxonomy).sum()
        self.mistakes += wrong.sum()

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64; 0 where there was no mistake."""
        return self.height.double() / self.mistakes.clamp(min=1)
