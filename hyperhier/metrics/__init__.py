"""Measures of hierarchical predictions and embeddings: pure functions of tensors.

Node ids are int64 positions in ``taxonomy.nodes``, points are rows ``(n, ambient)`` of a
manifold. The ``torchmetrics.Metric`` classes over the same functions (``HierarchicalF1``,
``PCOrder``, ``RecallAtK``, ...; see :mod:`hyperhier.metrics.classes`) are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperhier.metrics.bootstrap import bootstrap_difference as bootstrap_difference
from hyperhier.metrics.bootstrap import bootstrap_interval as bootstrap_interval
from hyperhier.metrics.classification import accuracy as accuracy
from hyperhier.metrics.classification import balanced_accuracy as balanced_accuracy
from hyperhier.metrics.classification import confusion_matrix as confusion_matrix
from hyperhier.metrics.comparison import PairedTest as PairedTest
from hyperhier.metrics.comparison import holm as holm
from hyperhier.metrics.comparison import paired_t_test as paired_t_test
from hyperhier.metrics.cophenetic import cophenetic_correlation as cophenetic_correlation
from hyperhier.metrics.depth_norm import depth_norm_correlation as depth_norm_correlation
from hyperhier.metrics.distortion import average_distortion as average_distortion
from hyperhier.metrics.distortion import worst_distortion as worst_distortion
from hyperhier.metrics.gromov import DeltaHyperbolicity as DeltaHyperbolicity
from hyperhier.metrics.gromov import delta_hyperbolicity as delta_hyperbolicity
from hyperhier.metrics.gromov import delta_of_distances as delta_of_distances
from hyperhier.metrics.hierarchical import h_acc as h_acc
from hyperhier.metrics.hierarchical import hf1 as hf1
from hyperhier.metrics.hierarchical import hierarchical_distance_at_k as hierarchical_distance_at_k
from hyperhier.metrics.hierarchical import lca_height as lca_height
from hyperhier.metrics.hierarchical import mistake_severity as mistake_severity
from hyperhier.metrics.intervals import Interval as Interval
from hyperhier.metrics.intervals import mean_interval as mean_interval
from hyperhier.metrics.label_sets import hf1_of_sets as hf1_of_sets
from hyperhier.metrics.label_sets import knn_hf1_of_sets as knn_hf1_of_sets
from hyperhier.metrics.levels import accuracy_at_level as accuracy_at_level
from hyperhier.metrics.levels import accuracy_per_level as accuracy_per_level
from hyperhier.metrics.neighbours import knn_predict as knn_predict
from hyperhier.metrics.neighbours import recall_at_k as recall_at_k
from hyperhier.metrics.neighbours import recall_at_k_per_level as recall_at_k_per_level
from hyperhier.metrics.order import pc_order as pc_order
from hyperhier.metrics.order import pc_order_per_level as pc_order_per_level
from hyperhier.metrics.order import pdv as pdv
from hyperhier.metrics.order import pdv_per_level as pdv_per_level
from hyperhier.metrics.probe import LinearProbe as LinearProbe
from hyperhier.metrics.probe import linear_probe as linear_probe
from hyperhier.metrics.prototypes import nearest_prototype as nearest_prototype
from hyperhier.metrics.prototypes import node_centroids as node_centroids
from hyperhier.metrics.prototypes import rank_prototypes as rank_prototypes
from hyperhier.metrics.reconstruction import reconstruction_map as reconstruction_map
from hyperhier.metrics.reconstruction import reconstruction_mean_rank as reconstruction_mean_rank
from hyperhier.metrics.report import evaluate_embeddings as evaluate_embeddings
from hyperhier.metrics.violations import pdv_children as pdv_children
from hyperhier.metrics.violations import pdv_triplets as pdv_triplets

if TYPE_CHECKING:
    from hyperhier.metrics.classes import PDV as PDV
    from hyperhier.metrics.classes import AverageDistortion as AverageDistortion
    from hyperhier.metrics.classes import CopheneticCorrelation as CopheneticCorrelation
    from hyperhier.metrics.classes import DeltaHyperbolicityMetric as DeltaHyperbolicityMetric
    from hyperhier.metrics.classes import DepthNormCorrelation as DepthNormCorrelation
    from hyperhier.metrics.classes import HierarchicalAccuracy as HierarchicalAccuracy
    from hyperhier.metrics.classes import HierarchicalDistanceAtK as HierarchicalDistanceAtK
    from hyperhier.metrics.classes import HierarchicalF1 as HierarchicalF1
    from hyperhier.metrics.classes import HierarchicalF1OfSets as HierarchicalF1OfSets
    from hyperhier.metrics.classes import KNNAccuracy as KNNAccuracy
    from hyperhier.metrics.classes import LevelAccuracy as LevelAccuracy
    from hyperhier.metrics.classes import MistakeSeverity as MistakeSeverity
    from hyperhier.metrics.classes import NearestPrototypeAccuracy as NearestPrototypeAccuracy
    from hyperhier.metrics.classes import PCOrder as PCOrder
    from hyperhier.metrics.classes import PDVChildren as PDVChildren
    from hyperhier.metrics.classes import PDVTriplets as PDVTriplets
    from hyperhier.metrics.classes import ProbeAccuracy as ProbeAccuracy
    from hyperhier.metrics.classes import RecallAtK as RecallAtK
    from hyperhier.metrics.classes import RecallAtKPerLevel as RecallAtKPerLevel
    from hyperhier.metrics.classes import ReconstructionMAP as ReconstructionMAP
    from hyperhier.metrics.classes import ReconstructionMeanRank as ReconstructionMeanRank
    from hyperhier.metrics.classes import WorstDistortion as WorstDistortion

__all__ = [
    "DeltaHyperbolicity",
    "Interval",
    "LinearProbe",
    "PairedTest",
    "accuracy",
    "accuracy_at_level",
    "accuracy_per_level",
    "average_distortion",
    "balanced_accuracy",
    "bootstrap_difference",
    "bootstrap_interval",
    "confusion_matrix",
    "cophenetic_correlation",
    "delta_hyperbolicity",
    "delta_of_distances",
    "depth_norm_correlation",
    "evaluate_embeddings",
    "h_acc",
    "hf1",
    "hf1_of_sets",
    "hierarchical_distance_at_k",
    "holm",
    "knn_hf1_of_sets",
    "knn_predict",
    "lca_height",
    "linear_probe",
    "mean_interval",
    "mistake_severity",
    "nearest_prototype",
    "node_centroids",
    "paired_t_test",
    "pc_order",
    "pc_order_per_level",
    "pdv",
    "pdv_children",
    "pdv_per_level",
    "pdv_triplets",
    "rank_prototypes",
    "recall_at_k",
    "recall_at_k_per_level",
    "reconstruction_map",
    "reconstruction_mean_rank",
    "worst_distortion",
]

_CLASSES = (
    "AverageDistortion",
    "CopheneticCorrelation",
    "DeltaHyperbolicityMetric",
    "DepthNormCorrelation",
    "HierarchicalAccuracy",
    "HierarchicalDistanceAtK",
    "HierarchicalF1",
    "HierarchicalF1OfSets",
    "KNNAccuracy",
    "LevelAccuracy",
    "MistakeSeverity",
    "NearestPrototypeAccuracy",
    "PCOrder",
    "PDV",
    "PDVChildren",
    "PDVTriplets",
    "ProbeAccuracy",
    "RecallAtK",
    "RecallAtKPerLevel",
    "ReconstructionMAP",
    "ReconstructionMeanRank",
    "WorstDistortion",
)


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        from hyperhier.metrics import classes

        return getattr(classes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_CLASSES))
