"""Hierarchical F1 of samples that bear several labels at once."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hyperhier.manifolds import Manifold
from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.metrics._check import same_length
from hyperhier.metrics._sums import Sums
from hyperhier.metrics.hierarchical import f1_sums
from hyperhier.metrics.neighbours import knn_predict
from hyperhier.taxonomy import Taxonomy

__all__ = ["hf1_of_sets", "hf1_of_sets_sums", "knn_hf1_of_sets"]


def hf1_of_sets(
    pred: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    average: Literal["micro", "samples"] = "micro",
) -> float:
    """:func:`hf1` for label sets: alpha and beta hold all labels and all of their ancestors.

    The definition of Kiritchenko et al. 2006 is one of sets; with one label a sample it is
    :func:`hf1`.

    Args:
        pred: ``(n, nodes)`` bool, predicted nodes by column; ancestors may be marked or not.
        target: ``(n, nodes)`` bool, true nodes.
        taxonomy: the tree or DAG whose nodes are the columns.
        average: ``"micro"`` sums over all samples, ``"samples"`` averages single ones.

    Returns:
        A float in [0, 1]. Two empty sets agree: 1.

    Raises:
        ValueError: on empty input, a shape or dtype other than above, unequal lengths, or an
            unknown average.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> pred, target = torch.zeros(2, 1, len(tree), dtype=torch.bool)
    >>> pred[0, tree.encode(["dog"])] = True
    >>> target[0, tree.encode(["cat", "dog"])] = True
    >>> hf1_of_sets(pred, target, tree)
    0.8
    """
    return hf1_of_sets_sums(pred, target, taxonomy, average).value()


def hf1_of_sets_sums(
    pred: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    average: Literal["micro", "samples"] = "micro",
) -> Sums:
    """:func:`hf1_of_sets` as sums over samples."""
    if average not in ("micro", "samples"):
        raise ValueError(f"average must be 'micro' or 'samples', got {average!r}")
    alpha = _with_ancestors(_checked(pred, "pred", taxonomy), taxonomy)
    beta = _with_ancestors(_checked(target, "target", taxonomy), taxonomy)
    same_length(pred=alpha, target=beta)
    return f1_sums((alpha & beta).sum(dim=1), alpha.sum(dim=1), beta.sum(dim=1), average)


def knn_hf1_of_sets(
    query: Tensor,
    query_sets: Tensor,
    gallery: Tensor,
    gallery_sets: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    k: int = 5,
) -> float:
    """:func:`hf1_of_sets` of the label set that most of the k nearest gallery points bear.

    Sets are voted for whole; between equally many votes the nearest neighbour's wins, as in
    :func:`knn_predict`.

    Args:
        query: points ``(n, ambient)``.
        query_sets: ``(n, nodes)`` bool, their true label sets.
        gallery: points ``(m, ambient)``.
        gallery_sets: ``(m, nodes)`` bool.
        taxonomy: the tree or DAG whose nodes are the columns.
        manifold: the geometry of the points.
        k: neighbours that vote; more than m means all m.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: as :func:`knn_predict` and :func:`hf1_of_sets` do.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> sets = torch.zeros(3, len(tree), dtype=torch.bool)
    >>> sets[:2, tree.encode(["cat", "dog"])] = sets[2, tree.encode(["ox"])] = True
    >>> gallery, query = torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([[2.0]])
    >>> knn_hf1_of_sets(query, sets[:1], gallery, sets, tree, Euclidean(), k=3)
    1.0
    """
    sets = _checked(gallery_sets, "gallery_sets", taxonomy)
    distinct, which = sets.unique(dim=0, return_inverse=True)
    pred = distinct[knn_predict(query, gallery, which, manifold, k)]
    return hf1_of_sets(pred, _checked(query_sets, "query_sets", taxonomy), taxonomy)


def _checked(labels: Tensor, name: str, taxonomy: Taxonomy) -> Tensor:
    if not isinstance(labels, Tensor) or labels.dtype != torch.bool:
        got = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(f"{name} must be a bool tensor (n, nodes), got {got}")
    if labels.dim() != 2 or labels.shape[1] != len(taxonomy):
        raise ValueError(f"{name} must have shape (n, {len(taxonomy)}), got {tuple(labels.shape)}")
    if labels.shape[0] == 0:
        raise ValueError(f"{name} is empty: shape {tuple(labels.shape)}")
    return labels


def _with_ancestors(labels: Tensor, taxonomy: Taxonomy) -> Tensor:
    """The same with all ancestors marked and the root not."""
    sample, node = labels.nonzero(as_tuple=True)
    present, which = torch.unique(node, return_inverse=True)
    owner, ancestor = ancestor_pairs(taxonomy, present)
    count = torch.bincount(owner, minlength=present.numel())
    start = count.cumsum(0) - count
    copies = count[which]
    offset = torch.arange(int(copies.sum()), device=labels.device)
    offset = offset - (copies.cumsum(0) - copies).repeat_interleave(copies)
    closed = torch.zeros_like(labels)
    above = ancestor[start[which].repeat_interleave(copies) + offset]
    closed[sample.repeat_interleave(copies), above] = True
    return closed
