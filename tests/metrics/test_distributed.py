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
SPLIT = (slice(0, 25), slice(25, 40))  # unequal shares
POINT_METRICS = ("pc_order", "pdv", "triplets", "recall", "cophenetic", "depth_norm")


def scene():
    g = torch.Generator().manual_seed(0)
    points = Lorentz().from_features(torch.randn(40, 3, generator=g, dtype=torch.float64))
    pred, target = TREE.leaf_ids[torch.randint(6, (2, 40), generator=g)]
    return points, pred, target


def make():
    space = Lorentz()
    points, pred, _ = scene()
    ids, centres = metrics.node_centroids(points, pred, TREE, space)
    return {
        "hf1": metrics.HierarchicalF1(TREE, "macro"),
        "severity": metrics.MistakeSeverity(TREE),
        "level": metrics.LevelAccuracy(TREE, balanced=True),
        "pc_order": metrics.PCOrder(TREE, space, ids, centres),
        "pdv": metrics.PDV(TREE, space, ids, centres),
        "triplets": metrics.PDVTriplets(TREE, space),
        "recall": metrics.RecallAtK(space),
        "cophenetic": metrics.CopheneticCorrelation(TREE, space),
        "depth_norm": metrics.DepthNormCorrelation(TREE, space),
    }


def feed(collection, rows: slice) -> None:
    points, pred, target = scene()
    for name, metric in collection.items():
        first = points if name in POINT_METRICS else pred
        metric.update(first[rows], target[rows])


def worker(rank: int) -> list[dict[str, float]]:
    warnings.simplefilter("ignore")  # torchmetrics warns of the process without a batch
    both = make()
    feed(both, SPLIT[rank])
    shared = {name: float(metric.compute()) for name, metric in both.items()}
    again = {name: float(metric.compute()) for name, metric in both.items()}
    lonely = make()
    if rank == 1:  # the other one never sees a batch
        feed(lonely, slice(0, 40))
    alone = {name: float(metric.compute()) for name, metric in lonely.items()}
    return [shared, again, alone]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="gloo rendezvous differs")
def test_two_processes_say_what_one_would() -> None:
    if not distributed.is_gloo_available():
        pytest.skip("this build of torch has no gloo")
    got = on_ranks(worker)

    single = make()
    feed(single, slice(0, 40))
    expected = {name: float(metric.compute()) for name, metric in single.items()}
    assert len(set(expected.values())) > 6
    for runs in got:
        for values in runs:
            assert values == pytest.approx(expected, abs=1e-12)
