"""How well features and attributes name classes: zero-shot and by nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier._numerics import unit_vector
from hyperhier.hlss.head import HLSS
from hyperhier.taxonomy import Taxonomy

__all__ = ["evaluate_hlss", "zero_shot_predict"]


def zero_shot_predict(head: HLSS, features: Tensor, level: int) -> Tensor:
    """Node ids ``(n,)`` of the texts nearest to the features ``(n, d)``.

    Raises:
        ValueError: the texts of that level belong to no taxonomy.
    """
    nodes = head.levels[level].nodes
    if nodes is None:
        raise ValueError(f"the texts of level {head.levels[level].name!r} are of no taxonomy")
    return nodes.to(features.device)[head.nearest(features, level)]


@torch.no_grad()
def evaluate_hlss(
    head: HLSS,
    features: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    *,
    train_features: Tensor | None = None,
    train_labels: Tensor | None = None,
    k: int = 5,
) -> dict[str, float]:
    """Accuracy and balanced accuracy on every level of a taxonomy, in [0, 1].

    ``zero_shot_1``, ``zero_shot_2``, ...: the class is the node whose text is nearest to the
    feature vector. No label is used here, but a head trained with labels of the same classes
    has seen them: this is zero-shot only for classes left out of training.
    ``knn_1``, ...: k nearest training features by the cosine, with labels of the level.
    ``knn_attributes_1``, ...: the same with the attribute scores zhat of the level.
    Each also as ``..._balanced``: the mean over classes. k-NN needs the training features.

    Args:
        features: ``(n, d)``.
        labels: node ids ``(n,)``; a level counts the samples that have a node on it.
        taxonomy: whose nodes the texts of level 1, 2, ... belong to.
    """
    from hyperhier.manifolds import Sphere
    from hyperhier.metrics import knn_predict

    if not len(labels) or len(labels) != len(features):
        raise ValueError(f"got {len(features)} features and {len(labels)} labels")
    if (train_features is None) != (train_labels is None):
        raise ValueError("train_features and train_labels are given together or not at all")
    result: dict[str, float] = {}
    for level in range(min(len(head.levels), taxonomy.height)):
        target, query = _on_level(taxonomy, level + 1, labels, features)
        if not len(target):
            continue
        guesses: dict[str, Tensor] = {}
        if head.levels[level].nodes is not None:
            guesses["zero_shot"] = zero_shot_predict(head, query, level)
        if train_features is not None and train_labels is not None:
            own, gallery = _on_level(taxonomy, level + 1, train_labels, train_features)
            pairs = {
                "knn": (unit_vector(query), unit_vector(gallery)),
                "knn_attributes": (head.project(query, level), head.project(gallery, level)),
            }
            for name, (x, y) in pairs.items():
                guesses[name] = knn_predict(x, y, own, Sphere(), k=k)
        for name, guess in guesses.items():
            right = (guess == target).double()
            result[f"{name}_{level + 1}"] = float(right.mean())
            result[f"{name}_{level + 1}_balanced"] = _mean_over_classes(right, target)
    return result


def _on_level(
    taxonomy: Taxonomy, level: int, labels: Tensor, features: Tensor
) -> tuple[Tensor, Tensor]:
    """Nodes and features of the samples that have a node on a level."""
    nodes = taxonomy.ancestor_at(level, labels)
    known = torch.isin(nodes, taxonomy.nodes_at(level).to(nodes.device))
    return nodes[known], features[known]


def _mean_over_classes(right: Tensor, target: Tensor) -> float:
    classes, which = torch.unique(target, return_inverse=True)
    hits = torch.zeros(len(classes), dtype=right.dtype, device=right.device)
    hits.index_add_(0, which, right)
    return float((hits / torch.bincount(which, minlength=len(classes))).mean())
