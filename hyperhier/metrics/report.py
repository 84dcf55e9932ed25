"""All figures of one trained embedding in one call."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics.classification import accuracy, balanced_accuracy
from hyperhier.metrics.hierarchical import h_acc, hf1, mistake_severity
from hyperhier.metrics.neighbours import knn_predict
from hyperhier.metrics.order import pc_order, pdv
from hyperhier.metrics.prototypes import nearest_prototype, node_centroids
from hyperhier.taxonomy import Taxonomy

__all__ = ["evaluate_embeddings"]


def evaluate_embeddings(
    train_emb: Tensor,
    train_labels: Tensor,
    test_emb: Tensor,
    test_labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    k: int = 5,
    chunk: int | None = None,
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

    Returns:
        A dict that can be written as JSON: ``top1``, ``balanced_accuracy``, ``hf1``,
        ``h_acc``, ``mistake_severity`` of the nearest prototype; ``pc_order`` and ``pdv`` of
        the parents' level; ``knn_top1`` and ``knn_balanced_accuracy``; ``n`` test samples.

    Raises:
        ValueError: on empty, non-finite or misshapen input, or unknown ids.

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
    return {
        "top1": accuracy(pred, target),
        "balanced_accuracy": balanced_accuracy(pred, target),
        "hf1": hf1(pred, target, taxonomy),
        "h_acc": h_acc(pred, target, taxonomy),
        "pc_order": pc_order(*order, chunk=chunk),
        "pdv": pdv(*order, chunk=chunk),
        "mistake_severity": mistake_severity(pred, target, taxonomy),
        "knn_top1": accuracy(votes, target),
        "knn_balanced_accuracy": balanced_accuracy(votes, target),
        "n": int(target.numel()),
    }
