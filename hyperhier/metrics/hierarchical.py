"""Measures of predicted node ids that know the taxonomy: HF1, H-Acc, mistake severity."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hyperhier.metrics._ancestors import intersection_sizes
from hyperhier.metrics._check import as_ids, same_length
from hyperhier.metrics._sums import Combine, Sums, ratio
from hyperhier.taxonomy import Taxonomy

__all__ = [
    "Average",
    "Weights",
    "distance_at_k_sums",
    "f1_sums",
    "h_acc",
    "h_acc_sums",
    "hf1",
    "hf1_combine",
    "hf1_sums",
    "hierarchical_distance_at_k",
    "lca_height",
    "mistake_severity",
    "severity_sums",
]

Average = Literal["micro", "macro", "samples"]
Weights = Literal["linear", "exp", "edge"]


def hf1(pred: Tensor, target: Tensor, taxonomy: Taxonomy, average: Average = "micro") -> float:
    """Hierarchical F1: agreement of the predicted and the true ancestor sets.

    With alpha the predicted node and its ancestors, beta the true node and its ancestors,
    both without the root::

        hP = sum |alpha & beta| / sum |alpha|
        hR = sum |alpha & beta| / sum |beta|
        HF1 = 2 hP hR / (hP + hR)

    (Kiritchenko et al. 2006; Silla and Freitas 2011.) In a DAG the sets hold the ancestors
    along every parent. On a tree whose leaves all lie on level L it equals linear
    :func:`h_acc` and the mean of ``depth(lca) / L``.

    Args:
        pred: predicted node ids, ``(n,)`` int64; inner nodes are allowed.
        target: true node ids, ``(n,)`` int64.
        taxonomy: the tree or DAG that the ids belong to.
        average: ``"micro"`` sums over all samples; ``"macro"`` takes HF1 of the samples of
            each true class and averages over the classes that occur, so that each counts the
            same; ``"samples"`` averages the HF1 of single samples.

    Returns:
        A float in [0, 1]. Two empty sets (the root predicted for the root) agree: 1.

    Raises:
        ValueError: on empty input, unequal lengths, unknown ids or an unknown average.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> hf1(tree.encode(["dog", "ox"]), tree.encode(["cat", "ox"]), tree)
    0.6666666666666666
    """
    return hf1_sums(pred, target, taxonomy, average).value()


def hf1_sums(pred: Tensor, target: Tensor, taxonomy: Taxonomy, average: Average = "micro") -> Sums:
    """:func:`hf1` as sums over samples, or over those of each true class."""
    combine = hf1_combine(average)
    pred, target = as_ids(pred, "pred", taxonomy), as_ids(target, "target", taxonomy)
    same_length(pred=pred, target=target)
    sizes = intersection_sizes(taxonomy, pred, target)
    if average != "macro":
        return f1_sums(*sizes, average)
    return Sums.in_cells((*sizes, torch.ones_like(target)), target, len(taxonomy), combine)


def f1_sums(
    shared: Tensor, predicted: Tensor, true: Tensor, average: Literal["micro", "samples"]
) -> Sums:
    """HF1 of the sizes of ancestor sets, ``(n,)`` each, as sums over samples."""
    one = torch.ones_like(shared)
    if average == "micro":
        return Sums.of((shared, predicted, true, one), _f1_of_cells)
    sizes = torch.stack((shared, predicted, true), dim=-1).double()
    return Sums.of((_f1(sizes), one), ratio)


def hf1_combine(average: Average) -> Combine:
    """How HF1 follows from the sums of :func:`hf1_sums`."""
    if average not in ("micro", "macro", "samples"):
        raise ValueError(f"average must be 'micro', 'macro' or 'samples', got {average!r}")
    return ratio if average == "samples" else _f1_of_cells


def _f1(sums: Tensor) -> Tensor:
    """Sizes ``(*, 3 or more)`` to ``(*)``: the harmonic mean of hP and hR is a ratio of sums."""
    total = sums[..., 1] + sums[..., 2]
    return torch.where(total > 0, 2.0 * sums[..., 0] / total.clamp(min=1.0), 1.0)


def _f1_of_cells(sums: Tensor) -> Tensor:
    seen = sums[..., 3] > 0
    return (_f1(sums) * seen).sum(dim=-1) / seen.sum(dim=-1).clamp(min=1)


def h_acc(pred: Tensor, target: Tensor, taxonomy: Taxonomy, weights: Weights = "linear") -> float:
    """Hierarchical accuracy: full credit for the right node, part for a near one.

    The mean over samples of a credit that falls with the tree distance d between the
    predicted and the true node (a reconstruction: the name is published, the formula is
    not):

    * ``"linear"``: ``1 - d / (2 L)``, d in edges and L the height of the taxonomy;
    * ``"exp"``: ``exp(-d / 2)``, a factor 1/e for each level climbed in a tree of even depth;
    * ``"edge"``: ``1 - d_w / (2 L_w)``, d_w the sum of the edge weights between them and L_w
      the largest such sum from the root down to a node.

    Args:
        pred: predicted node ids, ``(n,)`` int64; inner nodes are allowed.
        target: true node ids, ``(n,)`` int64.
        taxonomy: the tree or DAG that the ids belong to.
        weights: how the credit falls, see above.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: on empty input, unequal lengths, unknown ids or unknown weights.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> h_acc(tree.encode(["dog", "ox"]), tree.encode(["cat", "ox"]), tree)
    0.75
    """
    return h_acc_sums(pred, target, taxonomy, weights).value()


def h_acc_sums(
    pred: Tensor, target: Tensor, taxonomy: Taxonomy, weights: Weights = "linear"
) -> Sums:
    """:func:`h_acc` as sums over samples."""
    pred, target = as_ids(pred, "pred", taxonomy), as_ids(target, "target", taxonomy)
    same_length(pred=pred, target=target)
    if weights == "edge":
        distance = taxonomy.distance(pred, target, weighted=True)
        longest = 2.0 * float(taxonomy.root_distance.max())
    elif weights in ("linear", "exp"):
        distance = taxonomy.distance(pred, target).double()
        longest = 2.0 * taxonomy.height
    else:
        raise ValueError(f"weights must be 'linear', 'exp' or 'edge', got {weights!r}")
    if weights == "exp":
        credit = torch.exp(-distance / 2.0)
    elif longest == 0.0:
        credit = torch.ones_like(distance)
    else:
        credit = (1.0 - distance / longest).clamp(min=0.0)
    return Sums.of((credit, torch.ones_like(credit)), ratio)


def lca_height(i: Tensor, j: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Height of the lowest common ancestor: the longest path from it down to a leaf.

    Args:
        i, j: node ids, broadcast against each other, int64.
        taxonomy: the tree or DAG that the ids belong to.

    Returns:
        int64, in the broadcast shape; 0 where both are the same leaf.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> lca_height(tree.encode(["dog", "ox"]), tree.encode(["cat", "cat"]), tree)
    tensor([1, 2])
    """
    return taxonomy.node_height.to(i.device)[taxonomy.lca(i, j)]


def mistake_severity(pred: Tensor, target: Tensor, taxonomy: Taxonomy) -> float:
    """Mean height of the lowest common ancestor, over the mistakes only.

    As in Bertinetto et al. 2020 (arXiv 1912.09393): the height of a node is the longest path
    down from it to a leaf, so confusing two siblings costs 1 and confusing two nodes that
    only share the root costs the height of the taxonomy.

    Args:
        pred: predicted node ids, ``(n,)`` int64.
        target: true node ids, ``(n,)`` int64.
        taxonomy: the tree or DAG that the ids belong to.

    Returns:
        A float, in edges; **0.0 where there is no mistake** (read it beside the accuracy).

    Raises:
        ValueError: on empty input, unequal lengths or unknown ids.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> pred, target = ["dog", "ox", "ox"], ["cat", "cat", "ox"]
    >>> mistake_severity(tree.encode(pred), tree.encode(target), tree)
    1.5
    """
    return severity_sums(pred, target, taxonomy).value()


def severity_sums(pred: Tensor, target: Tensor, taxonomy: Taxonomy) -> Sums:
    """:func:`mistake_severity` as sums over samples, the right ones adding nothing."""
    pred, target = as_ids(pred, "pred", taxonomy), as_ids(target, "target", taxonomy)
    same_length(pred=pred, target=target)
    wrong = pred != target
    return Sums.of((lca_height(pred, target, taxonomy) * wrong, wrong), ratio)


def hierarchical_distance_at_k(
    ranked_ids: Tensor, target: Tensor, taxonomy: Taxonomy, k: int
) -> float:
    """Mean height of the lowest common ancestor of the truth and each of the k best guesses.

    As in Bertinetto et al. 2020 (arXiv 1912.09393); correct guesses count as 0.

    Args:
        ranked_ids: ``(n, m)`` int64 node ids, the best guess first, ``m >= k``.
        target: true node ids, ``(n,)`` int64.
        taxonomy: the tree or DAG that the ids belong to.
        k: how many guesses to look at.

    Returns:
        A float, in edges.

    Raises:
        ValueError: on empty input, unequal lengths, unknown ids or a k outside 1 to m.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> guesses = tree.encode(["cat", "dog", "ox"]).unsqueeze(0)
    >>> [hierarchical_distance_at_k(guesses, tree.encode(["cat"]), tree, k) for k in (1, 2, 3)]
    [0.0, 0.5, 1.0]
    """
    return distance_at_k_sums(ranked_ids, target, taxonomy, k).value()


def distance_at_k_sums(ranked_ids: Tensor, target: Tensor, taxonomy: Taxonomy, k: int) -> Sums:
    """:func:`hierarchical_distance_at_k` as sums over samples."""
    ranked = as_ids(ranked_ids, "ranked_ids", taxonomy, ndim=2)
    target = as_ids(target, "target", taxonomy)
    same_length(ranked_ids=ranked, target=target)
    if not 1 <= k <= ranked.shape[1]:
        raise ValueError(f"k must be 1 to {ranked.shape[1]} (columns of ranked_ids), got {k}")
    best, truth = ranked[:, :k], target.unsqueeze(-1)
    height = lca_height(best, truth, taxonomy) * (best != truth)
    return Sums.of((height.sum(dim=1), torch.full_like(target, k)), ratio)
