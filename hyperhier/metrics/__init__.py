"""Measures of hierarchical predictions and embeddings: pure functions of tensors.

Node ids are int64 positions in ``taxonomy.nodes``, points are rows ``(n, ambient)`` of a
manifold. ``HierarchicalF1``, ``HierarchicalAccuracy`` and ``MistakeSeverity`` are
``torchmetrics.Metric`` classes over the same functions, imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperhier.metrics.classification import accuracy as accuracy
from hyperhier.metrics.classification import balanced_accuracy as balanced_accuracy
from hyperhier.metrics.classification import confusion_matrix as confusion_matrix
from hyperhier.metrics.hierarchical import h_acc as h_acc
from hyperhier.metrics.hierarchical import hf1 as hf1
from hyperhier.metrics.hierarchical import hierarchical_distance_at_k as hierarchical_distance_at_k
from hyperhier.metrics.hierarchical import lca_height as lca_height
from hyperhier.metrics.hierarchical import mistake_severity as mistake_severity
from hyperhier.metrics.neighbours import knn_predict as knn_predict
from hyperhier.metrics.neighbours import recall_at_k as recall_at_k
from hyperhier.metrics.order import pc_order as pc_order
from hyperhier.metrics.order import pc_order_per_level as pc_order_per_level
from hyperhier.metrics.order import pdv as pdv
from hyperhier.metrics.prototypes import nearest_prototype as nearest_prototype
from hyperhier.metrics.prototypes import node_centroids as node_centroids
from hyperhier.metrics.report import evaluate_embeddings as evaluate_embeddings

if TYPE_CHECKING:
    from hyperhier.metrics.classes import HierarchicalAccuracy as HierarchicalAccuracy
    from hyperhier.metrics.classes import HierarchicalF1 as HierarchicalF1
    from hyperhier.metrics.classes import MistakeSeverity as MistakeSeverity

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "evaluate_embeddings",
    "h_acc",
    "hf1",
    "hierarchical_distance_at_k",
    "knn_predict",
    "lca_height",
    "mistake_severity",
    "nearest_prototype",
    "node_centroids",
    "pc_order",
    "pc_order_per_level",
    "pdv",
    "recall_at_k",
]

_CLASSES = ("HierarchicalAccuracy", "HierarchicalF1", "MistakeSeverity")


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        from hyperhier.metrics import classes

        return getattr(classes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_CLASSES))
