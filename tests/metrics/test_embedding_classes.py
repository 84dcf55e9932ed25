"""The torchmetrics classes of points: batches, copies, and what has not been seen."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from hyperhier import metrics
from hyperhier.manifolds import Lorentz
from hyperhier.taxonomy import Taxonomy

pytest.importorskip("torchmetrics")

TREE = Taxonomy.from_paths([("r", a, a + b, a + b + c) for a in "xy" for b in "pqr" for c in "12"])


def cloud(n: int = 60, dtype: torch.dtype = torch.float64):
    g = torch.Generator().manual_seed(0)
    points = Lorentz().from_features(torch.randn(n, 3, generator=g, dtype=torch.float64))
    labels = TREE.leaf_ids[torch.randint(len(TREE.leaf_ids), (n,), generator=g)]
    return points.to(dtype), labels


def cases():
    """Name, a new metric, and the value of points and labels by the plain functions."""
    space = Lorentz()
    ids, centres = metrics.node_centroids(*cloud(90), TREE, space)

    def of_centroids(function, labels_only):
        def value(points, labels):
            own, mean = metrics.node_centroids(points, labels, TREE, space)
            kept = torch.isin(own, labels) | (not labels_only)
            return function(mean[kept], own[kept], TREE, space)

        return value

    fixed = (ids, centres, TREE, space)
    return {
        "pc_order": (
            lambda: metrics.PCOrder(TREE, space, ids, centres),
            lambda z, y: metrics.pc_order(z, y, *fixed),
        ),
        "pc_order_1": (
            lambda: metrics.PCOrder(TREE, space, ids, centres, level=1),
            lambda z, y: metrics.pc_order(z, y, *fixed, level=1),
        ),
        "pdv": (
            lambda: metrics.PDV(TREE, space, ids, centres),
            lambda z, y: metrics.pdv(z, y, *fixed),
        ),
        "pdv_any": (
            lambda: metrics.PDV(TREE, space, ids, centres, variant="any"),
            lambda z, y: metrics.pdv(z, y, *fixed, variant="any"),
        ),
        "pdv_triplets": (
            lambda: metrics.PDVTriplets(TREE, space, 1, siblings_only=True),
            lambda z, y: metrics.pdv_triplets(z, y, TREE, space, 1, siblings_only=True),
        ),
        "recall": (
            lambda: metrics.RecallAtK(space, 2),
            lambda z, y: metrics.recall_at_k(z, y, space, 2),
        ),
        "cophenetic": (
            lambda: metrics.CopheneticCorrelation(TREE, space),
            of_centroids(metrics.cophenetic_correlation, True),
        ),
        "cophenetic_all": (
            lambda: metrics.CopheneticCorrelation(TREE, space, "all"),
            of_centroids(metrics.cophenetic_correlation, False),
        ),
        "depth_norm": (
            lambda: metrics.DepthNormCorrelation(TREE, space),
            of_centroids(metrics.depth_norm_correlation, False),
        ),
        "delta": (
            lambda: metrics.DeltaHyperbolicityMetric(space),
            lambda z, y: metrics.delta_hyperbolicity(z, space).relative,
        ),
    }


@pytest.mark.parametrize("name", cases())
def test_batches_are_put_together(name) -> None:
    make, function = cases()[name]
    points, labels = cloud()
    metric = make()
    for z, y in zip(points.split(17), labels.split(17), strict=True):
        metric.update(z, y)
    expected = function(points, labels)
    value = metric.compute()
    assert value.dtype == torch.float64 and value.dim() == 0
    assert float(value) == pytest.approx(expected, abs=1e-12)
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert float(twin.compute()) == pytest.approx(expected, abs=1e-12)
        twin.update(points[:7].flip(1).flip(1), labels[:7])
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)
    metric.reset()
    assert float(metric(points[:30], labels[:30])) == pytest.approx(
        function(points[:30], labels[:30]), abs=1e-12
    )


def test_distance_at_k_adds_up() -> None:
    _, labels = cloud()
    ranked = TREE.leaf_ids[torch.rand(60, 12).argsort(dim=1)]
    metric = metrics.HierarchicalDistanceAtK(TREE, k=4)
    for r, y in zip(ranked.split(25), labels.split(25), strict=True):
        metric.update(r, y)
    expected = metrics.hierarchical_distance_at_k(ranked, labels, TREE, 4)
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)


def test_half_precision_is_taken_and_prototypes_are_no_part_of_the_state() -> None:
    points, labels = cloud(dtype=torch.float16)
    metric = metrics.RecallAtK(Lorentz())
    metric.update(points, labels)
    assert float(metric.compute()) == metrics.recall_at_k(points.double(), labels, Lorentz())
    make, _ = cases()["pdv"]
    assert not any("prototypes" in key or "sums" in key for key in make().state_dict())


def test_a_batch_without_points_is_none_and_no_points_at_all_are_named() -> None:
    points, labels = cloud()
    metric = metrics.RecallAtK(Lorentz())
    metric.update(points[:0], labels[:0])
    with pytest.raises(ValueError, match="RecallAtK has not seen any points yet"):
        metric.compute()
    metric.update(points, labels)
    assert float(metric.compute()) == metrics.recall_at_k(points, labels, Lorentz())
    with pytest.raises(ValueError, match="3 coordinates, those before had 4"):
        metric.update(points[:, :3], labels)


def test_a_collection_does_not_take_two_metrics_for_one() -> None:
    collections = pytest.importorskip("torchmetrics").MetricCollection
    space = Lorentz()
    ids, centres = metrics.node_centroids(*cloud(90), TREE, space)
    parts = {
        "mean": metrics.PDV(TREE, space, ids, centres),
        "any": metrics.PDV(TREE, space, ids, centres, variant="any"),
        "recall": metrics.RecallAtK(space),
        "recall_5": metrics.RecallAtK(space, 5),
    }
    together = collections(parts)
    at_level = torch.isin(ids, TREE.leaf_ids)
    together.update(centres[~at_level], ids[~at_level])  # no violation: all sums are equal
    points, labels = cloud()
    together.update(points, labels)
    points = torch.cat((centres[~at_level], points))
    labels = torch.cat((ids[~at_level], labels))
    args = (points, labels, ids, centres, TREE, space)
    expected = {
        "mean": metrics.pdv(*args),
        "any": metrics.pdv(*args, variant="any"),
        "recall": metrics.recall_at_k(points, labels, space),
        "recall_5": metrics.recall_at_k(points, labels, space, 5),
    }
    assert len(set(expected.values())) == 4
    got = {name: float(value) for name, value in together.compute().items()}
    assert got == pytest.approx(expected, abs=1e-12)


def test_bad_options_are_named() -> None:
    space = Lorentz()
    points, labels = cloud()
    with pytest.raises(ValueError, match="'most'"):
        metrics.PDV(TREE, space, labels, points, variant="most")
    with pytest.raises(ValueError, match="level must be 0 to 3, got 4"):
        metrics.PCOrder(TREE, space, labels, points, level=4)
    with pytest.raises(ValueError, match="prototype_ids has 2, prototypes has 60"):
        metrics.PCOrder(TREE, space, labels[:2], points)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        metrics.RecallAtK(space, 0)
    with pytest.raises(ValueError, match="k must be at least 1, got -1"):
        metrics.HierarchicalDistanceAtK(TREE, -1)
    with pytest.raises(ValueError, match="'leaves'"):
        metrics.CopheneticCorrelation(TREE, space, "leaves")
    with pytest.raises(ValueError, match="'kendall'"):
        metrics.CopheneticCorrelation(TREE, space, method="kendall")
