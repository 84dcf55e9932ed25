"""The torchmetrics classes in a distributed run: two processes say what one would."""

from __future__ import annotations

import sys
import warnings

import pytest
import torch
from torch import distributed

from hyperhier import metrics
from hyperhier.manifolds import Lorentz
from hyperhier.taxonomy import Taxonomy
from hyperhier.testing.processes import on_ranks

pytest.importorskip("torchmetrics")

TREE = Taxonomy.from_paths([("r", a, a + b) for a in "xy" for b in "pqr"])
SPACE = Lorentz()
SIZE = 40
SPLIT = (slice(0, 25), slice(25, SIZE))  # unequal shares


def scene():
    g = torch.Generator().manual_seed(0)
    points = SPACE.from_features(torch.randn(SIZE, 3, generator=g, dtype=torch.float64))
    pred, target = TREE.leaf_ids[torch.randint(6, (2, SIZE), generator=g)]
    return points, pred, target


def make():
    points, pred, _ = scene()
    fixed = metrics.node_centroids(points, pred, TREE, SPACE)
    probe = metrics.linear_probe(points, pred, SPACE, l2=0.1)
    return {
        "PDV": metrics.PDV(TREE, SPACE, *fixed),
        "AverageDistortion": metrics.AverageDistortion(TREE, SPACE),
        "CopheneticCorrelation": metrics.CopheneticCorrelation(TREE, SPACE),
        "DeltaHyperbolicityMetric": metrics.DeltaHyperbolicityMetric(SPACE),
        "DepthNormCorrelation": metrics.DepthNormCorrelation(TREE, SPACE),
        "HierarchicalAccuracy": metrics.HierarchicalAccuracy(TREE, "exp"),
        "HierarchicalDistanceAtK": metrics.HierarchicalDistanceAtK(TREE, k=3),
        "HierarchicalF1": metrics.HierarchicalF1(TREE, "macro"),
        "HierarchicalF1OfSets": metrics.HierarchicalF1OfSets(TREE, "samples"),
        "KNNAccuracy": metrics.KNNAccuracy(SPACE, k=3, balanced=True),
        "LevelAccuracy": metrics.LevelAccuracy(TREE, balanced=True),
        "MistakeSeverity": metrics.MistakeSeverity(TREE),
        "NearestPrototypeAccuracy": metrics.NearestPrototypeAccuracy(
            TREE, SPACE, *fixed, balanced=True
        ),
        "PCOrder": metrics.PCOrder(TREE, SPACE, *fixed),
        "PDVChildren": metrics.PDVChildren(TREE, SPACE),
        "PDVTriplets": metrics.PDVTriplets(TREE, SPACE),
        "ProbeAccuracy": metrics.ProbeAccuracy(TREE, probe),
        "RecallAtK": metrics.RecallAtK(SPACE),
        "RecallAtKPerLevel": metrics.RecallAtKPerLevel(TREE, SPACE, k=2),
        "ReconstructionMAP": metrics.ReconstructionMAP(TREE, SPACE),
        "ReconstructionMeanRank": metrics.ReconstructionMeanRank(TREE, SPACE),
        "WorstDistortion": metrics.WorstDistortion(TREE, SPACE),
    }


def feed(collection, rows: slice) -> None:
    points, pred, target = (part[rows] for part in scene())
    number = torch.arange(SIZE)[rows]
    found = number % 3 == 0
    for name, metric in collection.items():
        if name in ("HierarchicalAccuracy", "HierarchicalF1", "LevelAccuracy", "MistakeSeverity"):
            metric.update(pred, target)
        elif name == "HierarchicalDistanceAtK":
            metric.update(torch.stack((pred, pred.flip(0), target.flip(0)), dim=1), target)
        elif name == "HierarchicalF1OfSets":
            columns = torch.eye(len(TREE), dtype=torch.bool)
            metric.update(columns[pred] | columns[pred.flip(0)], columns[target])
        elif name in ("KNNAccuracy", "RecallAtK"):
            metric.update(points[~found], target[~found])
            metric.update(points[found], target[found], gallery=True)
        elif name.endswith("Distortion") or name.startswith("Reconstruction"):
            node = number * len(TREE) // SIZE  # both processes meet the one at the border
            metric.update(scene()[0][node], node)
        else:
            metric.update(points, target)


def values(collection):
    found = {name: metric.compute() for name, metric in collection.items()}
    return {
        name: {key: float(part) for key, part in value.items()}
        if isinstance(value, dict)
        else float(value)
        for name, value in found.items()
    }


def worker(rank: int):
    warnings.simplefilter("ignore")  # torchmetrics warns of the process without a batch
    both = make()
    feed(both, SPLIT[rank])
    shared, again = values(both), values(both)
    lonely = make()
    if rank == 1:  # the other one never sees a batch
        feed(lonely, SPLIT[0])
        feed(lonely, SPLIT[1])
    return [shared, again, values(lonely)]


@pytest.fixture(scope="module")
def of_two_processes():
    if sys.platform == "win32":
        pytest.skip("gloo rendezvous differs")
    if not distributed.is_gloo_available():
        pytest.skip("this build of torch has no gloo")
    return [found for runs in on_ranks(worker) for found in runs]


@pytest.fixture(scope="module")
def of_one_process():
    single = make()
    for rows in SPLIT:
        feed(single, rows)
    return values(single)


@pytest.mark.slow
@pytest.mark.parametrize("name", metrics._CLASSES)
def test_two_processes_say_what_one_would(name, of_two_processes, of_one_process) -> None:
    assert of_two_processes
    for found in of_two_processes:
        assert found[name] == pytest.approx(of_one_process[name], abs=1e-12)


def test_the_first_part_does_not_say_what_all_of_it_does(of_one_process) -> None:
    part = make()
    feed(part, SPLIT[0])
    for name in ("ReconstructionMAP", "ReconstructionMeanRank"):
        with pytest.raises(ValueError, match=f"{name} has seen . of 9 nodes: '.*' has no point"):
            part.pop(name).compute()
    assert not [name for name, value in values(part).items() if value == of_one_process[name]]
