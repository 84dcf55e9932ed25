"""All figures of one trained embedding in one call."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics._level import has_ancestor_on
from hyperhier.metrics.classification import accuracy, balanced_accuracy
from hyperhier.metrics.cophenetic import cophenetic_correlation
from hyperhier.metrics.depth_norm import depth_norm_correlation
from hyperhier.metrics.gromov import delta_hyperbolicity
from hyperhier.metrics.hierarchical import (
    h_acc,
    hf1,
    hierarchical_distance_at_k,
    mistake_severity,
)
from hyperhier.metrics.levels import accuracy_per_level
from hyperhier.metrics.neighbours import knn_predict, recall_at_k
from hyperhier.metrics.order import pc_order, pdv, pdv_per_level
from hyperhier.metrics.probe import linear_probe
from hyperhier.metrics.prototypes import nearest_prototype, node_centroids, rank_prototypes
from hyperhier.metrics.violations import pdv_children, pdv_triplets
from hyperhier.taxonomy import Taxonomy

__all__ = ["evaluate_embeddings"]

# Anchors of the triplets: the rest of a large set would change the third digit.
_ANCHORS = 2000


def evaluate_embeddings(
    train_emb: Tensor,
    train_labels: Tensor,
    test_emb: Tensor,
    test_labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    k: int = 5,
    chunk: int | None = None,
    *,
    details: bool = False,
) -> dict[str, float]:
    """Judge test embeddings by prototypes and neighbours taken from the training set.

    Prototypes are recomputed from the training embeddings in the manifold's own sense of a
    centre, so that every method is judged in its own geometry. The prediction of a sample is
    the nearest prototype among the labels that occur in training.

    Args:
        train_emb: points ``(n_train, ambient)``.
        train_labels: node ids ``(n_train,)`` int64, normally leaves.
        test_emb: points ``(n, ambient)``.
        test_labels: node ids ``(n,)`` int64.
        taxonomy: the tree or DAG that the labels belong to.
        manifold: the geometry.
        k: neighbours of the k-NN figures.
        chunk: rows of a distance table formed at once (default: what fits 32 MiB).
        details: add what takes longer to compute or to read, see below.

    Returns:
        A dict that can be written as JSON: ``top1``, ``balanced_accuracy``, ``hf1``,
        ``h_acc``, ``mistake_severity`` of the nearest prototype; ``pc_order`` and ``pdv`` of
        the parents' level (where all test labels are inner nodes above it: of the deepest level
        that they reach); ``knn_top1`` and ``knn_balanced_accuracy``; ``n`` test samples.

        With ``details`` also ``macro_hf1``; ``distance_at_5`` (of the nearest prototypes, of
        all if there are fewer); ``accuracy_level_1``, ... and ``pdv_level_1``, ... down to the
        height; ``pdv_children`` (where the children have prototypes) and ``pdv_triplets`` (of
        at most 2000 anchors); ``recall_at_1`` (from two samples on); ``probe_top1`` and
        ``probe_balanced_accuracy`` of the linear probe; ``cophenetic_correlation`` of the
        class prototypes and ``depth_norm_correlation`` of all; ``delta_hyperbolicity``, the
        relative delta of the test points.

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids, or training labels none
            of which lies on the level of ``pc_order`` and ``pdv`` or below it.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> labels = tree.encode(["cat", "cat", "ox", "ox"])
    >>> points = torch.tensor([[0.0], [1.0], [9.0], [10.0]])
    >>> figures = evaluate_embeddings(points, labels, points, labels, tree, Euclidean(), k=1)
    >>> figures["top1"], figures["pdv"], figures["n"]
    (1.0, 0.0, 4)
    """
    train, test = as_points(train_emb, "train_emb"), as_points(test_emb, "test_emb")
    known = as_ids(train_labels, "train_labels", taxonomy).to(train.device)
    target = as_ids(test_labels, "test_labels", taxonomy).to(test.device)
    same_length(train_emb=train, train_labels=known)
    same_length(test_emb=test, test_labels=target)

    ids, prototypes = node_centroids(train, known, taxonomy, manifold)
    classes = torch.isin(ids, known)
    if not bool(classes.any()):
        raise ValueError("train_labels holds only the root, which is no class")
    pred = nearest_prototype(test, ids[classes], prototypes[classes], manifold, chunk)
    votes = knn_predict(test, train, known, manifold, k, chunk)
    order = (test, target, ids, prototypes, taxonomy, manifold)
    parents = max(0, taxonomy.height - 1)
    reached = (
        level
        for level in range(parents, 0, -1)
        if bool(has_ancestor_on(level, target, taxonomy).any())
    )
    level = next(reached, parents)
    figures: dict[str, float] = {
        "top1": accuracy(pred, target),
        "balanced_accuracy": balanced_accuracy(pred, target),
        "hf1": hf1(pred, target, taxonomy),
        "h_acc": h_acc(pred, target, taxonomy),
        "pc_order": pc_order(*order, level, chunk=chunk),
        "pdv": pdv(*order, level, chunk=chunk),
        "mistake_severity": mistake_severity(pred, target, taxonomy),
        "knn_top1": accuracy(votes, target),
        "knn_balanced_accuracy": balanced_accuracy(votes, target),
        "n": int(target.numel()),
    }
    if not details:
        return figures

    figures["macro_hf1"] = hf1(pred, target, taxonomy, "macro")
    best = min(5, int(classes.sum()))
    ranked = rank_prototypes(test, ids[classes], prototypes[classes], manifold, best, chunk)
    figures["distance_at_5"] = hierarchical_distance_at_k(ranked, target, taxonomy, best)
    for depth, share in accuracy_per_level(pred, target, taxonomy).items():
        figures[f"accuracy_level_{depth}"] = share
    for depth, rate in pdv_per_level(*order, chunk=chunk).items():
        figures[f"pdv_level_{depth}"] = rate
    if bool((taxonomy.depth.to(ids.device)[ids] == parents + 1).any()):
        figures["pdv_children"] = pdv_children(ids, prototypes, taxonomy, manifold, chunk=chunk)
    figures["pdv_triplets"] = pdv_triplets(
        test, target, taxonomy, manifold, anchors=_ANCHORS, chunk=chunk
    )
    if target.numel() > 1:
        figures["recall_at_1"] = recall_at_k(test, target, manifold, 1, chunk=chunk)
    probed = linear_probe(train, known, manifold).predict(test)
    figures["probe_top1"] = accuracy(probed, target)
    figures["probe_balanced_accuracy"] = balanced_accuracy(probed, target)
    figures["cophenetic_correlation"] = cophenetic_correlation(
        prototypes[classes], ids[classes], taxonomy, manifold, chunk=chunk
    )
    figures["depth_norm_correlation"] = depth_norm_correlation(prototypes, ids, taxonomy, manifold)
    figures["delta_hyperbolicity"] = delta_hyperbolicity(test, manifold).relative
    return figures
