"""``torchmetrics.Metric`` classes over the functions of this package.

They need torchmetrics (``pip install 'hyperhier[metrics]'``). Those that follow from sums keep
only these; those of all points together keep the points. Batches may have any size, and
processes are put together by torchmetrics itself.
"""

from hyperhier.metrics.classes.embedded_taxonomy import AverageDistortion as AverageDistortion
from hyperhier.metrics.classes.embedded_taxonomy import ReconstructionMAP as ReconstructionMAP
from hyperhier.metrics.classes.embedded_taxonomy import (
    ReconstructionMeanRank as ReconstructionMeanRank,
)
from hyperhier.metrics.classes.embedded_taxonomy import WorstDistortion as WorstDistortion
from hyperhier.metrics.classes.embeddings import PDV as PDV
from hyperhier.metrics.classes.embeddings import CopheneticCorrelation as CopheneticCorrelation
from hyperhier.metrics.classes.embeddings import (
    DeltaHyperbolicityMetric as DeltaHyperbolicityMetric,
)
from hyperhier.metrics.classes.embeddings import DepthNormCorrelation as DepthNormCorrelation
from hyperhier.metrics.classes.embeddings import PCOrder as PCOrder
from hyperhier.metrics.classes.embeddings import PDVChildren as PDVChildren
from hyperhier.metrics.classes.embeddings import PDVTriplets as PDVTriplets
from hyperhier.metrics.classes.neighbours import KNNAccuracy as KNNAccuracy
from hyperhier.metrics.classes.neighbours import RecallAtK as RecallAtK
from hyperhier.metrics.classes.neighbours import RecallAtKPerLevel as RecallAtKPerLevel
from hyperhier.metrics.classes.predictions import HierarchicalAccuracy as HierarchicalAccuracy
from hyperhier.metrics.classes.predictions import (
    HierarchicalDistanceAtK as HierarchicalDistanceAtK,
)
from hyperhier.metrics.classes.predictions import HierarchicalF1 as HierarchicalF1
from hyperhier.metrics.classes.predictions import HierarchicalF1OfSets as HierarchicalF1OfSets
from hyperhier.metrics.classes.predictions import LevelAccuracy as LevelAccuracy
from hyperhier.metrics.classes.predictions import MistakeSeverity as MistakeSeverity
from hyperhier.metrics.classes.top1 import NearestPrototypeAccuracy as NearestPrototypeAccuracy
from hyperhier.metrics.classes.top1 import ProbeAccuracy as ProbeAccuracy

__all__ = [
    "PDV",
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
    "PDVChildren",
    "PDVTriplets",
    "ProbeAccuracy",
    "RecallAtK",
    "RecallAtKPerLevel",
    "ReconstructionMAP",
    "ReconstructionMeanRank",
    "WorstDistortion",
]
