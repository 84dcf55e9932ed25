"""``torchmetrics.Metric`` classes over the functions of this package.

They need torchmetrics (``pip install 'hyperhier[metrics]'``). Those that follow from sums keep
only these; those of all points together keep the points. Batches may have any size, and
processes are put together by torchmetrics itself.
"""

from hyperhier.metrics.classes.embeddings import PDV as PDV
from hyperhier.metrics.classes.embeddings import CopheneticCorrelation as CopheneticCorrelation
from hyperhier.metrics.classes.embeddings import (
    DeltaHyperbolicityMetric as DeltaHyperbolicityMetric,
)
from hyperhier.metrics.classes.embeddings import DepthNormCorrelation as DepthNormCorrelation
from hyperhier.metrics.classes.embeddings import PCOrder as PCOrder
from hyperhier.metrics.classes.embeddings import PDVTriplets as PDVTriplets
from hyperhier.metrics.classes.embeddings import RecallAtK as RecallAtK
from hyperhier.metrics.classes.predictions import HierarchicalAccuracy as HierarchicalAccuracy
from hyperhier.metrics.classes.predictions import (
    HierarchicalDistanceAtK as HierarchicalDistanceAtK,
)
from hyperhier.metrics.classes.predictions import HierarchicalF1 as HierarchicalF1
from hyperhier.metrics.classes.predictions import LevelAccuracy as LevelAccuracy
from hyperhier.metrics.classes.predictions import MistakeSeverity as MistakeSeverity

__all__ = [
    "PDV",
    "CopheneticCorrelation",
    "DeltaHyperbolicityMetric",
    "DepthNormCorrelation",
    "HierarchicalAccuracy",
    "HierarchicalDistanceAtK",
    "HierarchicalF1",
    "LevelAccuracy",
    "MistakeSeverity",
    "PCOrder",
    "PDVTriplets",
    "RecallAtK",
]
