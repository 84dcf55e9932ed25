"""The torchmetrics classes of points: batches, copies, and what has not been seen."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from hyperhier import metrics
from hyperhier.embedding import embed
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
    leaf = torch.isin(ids, TREE.leaf_ids[2:])  # two classes without a prototype
    probe = metrics.linear_probe(*cloud(90), space, l2=0.1)

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
        "pdv_children": (
            lambda: metrics.PDVChildren(TREE, space, 1, "any"),
            lambda z, y: metrics.pdv_children(
                *metrics.node_centroids(z, y, TREE, space), TREE, space, 1, "any"
            ),
        ),
        "prototypes": (
            lambda: metrics.NearestPrototypeAccuracy(TREE, space, ids, centres),
            lambda z, y: metrics.accuracy(metrics.nearest_prototype(z, ids, centres, space), y),
        ),
        "prototypes_balanced": (
            lambda: metrics.NearestPrototypeAccuracy(
                TREE, space, ids[leaf], centres[leaf], balanced=True
            ),
            lambda z, y: metrics.balanced_accuracy(
                metrics.nearest_prototype(z, ids[leaf], centres[leaf], space), y
            ),
        ),
        "probe": (
            lambda: metrics.ProbeAccuracy(TREE, probe),
            lambda z, y: metrics.accuracy(probe.predict(z), y),
        ),
        "probe_balanced": (
            lambda: metrics.ProbeAccuracy(TREE, probe, balanced=True),
            lambda z, y: metrics.balanced_accuracy(probe.predict(z), y),
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


def test_queries_and_gallery_come_in_any_order() -> None:
    space = Lorentz()
    points, labels = cloud()
    found, known = points[:25], labels[:25]
    query, own = points[25:], labels[25:]
    gallery = {"gallery": found, "gallery_labels": known}
    expected = {
        "recall": metrics.recall_at_k(query, own, space, 6, **gallery),
        "knn": metrics.accuracy(metrics.knn_predict(query, found, known, space, 6), own),
        "balanced": metrics.balanced_accuracy(
            metrics.knn_predict(query, found, known, space, 6), own
        ),
    }
    per_level = metrics.recall_at_k_per_level(query, own, TREE, space, 6, **gallery)
    expected |= {f"recall_at_6_level_{level}": share for level, share in per_level.items()}
    assert len(set(expected.values())) == len(expected) - 1  # the last level is recall itself

    together = pytest.importorskip("torchmetrics").MetricCollection(
        {
            "recall": metrics.RecallAtK(space, 6),
            "levels": metrics.RecallAtKPerLevel(TREE, space, 6),
            "knn": metrics.KNNAccuracy(space, 6),
            "balanced": metrics.KNNAccuracy(space, 6, balanced=True),
        }
    )
    together.update(query[:9], own[:9])
    together.update(found, known, gallery=True)
    together.update(query[9:], own[9:])
    got = {name: float(value) for name, value in together.compute().items()}
    assert got == pytest.approx(expected, abs=1e-12)


def test_per_level_within_one_set() -> None:
    space = Lorentz()
    points, labels = cloud()
    metric = metrics.RecallAtKPerLevel(TREE, space)
    metric.update(points, labels)
    expected = metrics.recall_at_k_per_level(points, labels, TREE, space)
    assert metric.compute() == {f"recall_at_1_level_{n}": share for n, share in expected.items()}


def test_a_gallery_without_queries_and_votes_without_a_gallery_are_named() -> None:
    points, labels = cloud()
    metric = metrics.KNNAccuracy(Lorentz())
    metric.update(points, labels)
    with pytest.raises(ValueError, match=r"not seen a gallery yet: update\(..., gallery=True\)"):
        metric.compute()
    metric.reset()
    metric.update(points, labels, gallery=True)
    with pytest.raises(ValueError, match="KNNAccuracy has seen a gallery, and no queries yet"):
        metric.compute()


def test_an_embedded_taxonomy_comes_in_parts() -> None:
    embedding = embed(TREE, dim=2)
    expected = embedding.evaluate()
    order = torch.randperm(len(TREE), generator=torch.Generator().manual_seed(0))
    for cls, name in (
        (metrics.ReconstructionMAP, "map"),
        (metrics.ReconstructionMeanRank, "mean_rank"),
        (metrics.AverageDistortion, "average_distortion"),
        (metrics.WorstDistortion, "worst_distortion"),
    ):
        metric = cls(TREE, embedding.manifold)
        for some in (order[:9], order[5:], order[:2]):  # some nodes twice
            metric.update(embedding.points[some], some)
        assert float(metric.compute()) == pytest.approx(expected[name], rel=1e-12)
        metric.update(embedding.points[1:2], torch.tensor([2]))
        with pytest.raises(ValueError, match="node id 2 has been given with two different points"):
            metric.compute()
        for unknown in (-1, len(TREE)):
            with pytest.raises(ValueError, match=f"labels holds the unknown node id {unknown}: "):
                metric.update(embedding.points[:2], torch.tensor([0, unknown]))


def test_a_node_without_a_point_is_named_and_distortion_takes_those_seen() -> None:
    embedding = embed(TREE, dim=2)
    some = torch.arange(2, len(TREE))
    whole = metrics.ReconstructionMAP(TREE, embedding.manifold)
    whole.update(embedding.points[some], some)
    with pytest.raises(ValueError, match=f"seen 19 of 21 nodes: '{TREE.nodes[0]}' has no point"):
        whole.compute()
    part = metrics.AverageDistortion(TREE, embedding.manifold)
    part.update(embedding.points[some], some)
    expected = metrics.average_distortion(embedding.points[some], some, TREE, embedding.manifold)
    assert float(part.compute()) == expected > 0.0


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


def test_what_has_no_value_alone_is_no_call() -> None:
    points, labels = cloud()
    space = Lorentz()
    nodes = torch.arange(4)
    for metric, batch, options, message in (
        (metrics.RecallAtK(space), (points[:0], labels[:0]), {}, "not seen any points yet"),
        (metrics.RecallAtK(space), (points, labels), {"gallery": True}, "no queries yet"),
        (metrics.KNNAccuracy(space), (points, labels), {}, "not seen a gallery yet"),
        (metrics.ReconstructionMAP(TREE, space), (points[nodes], nodes), {}, "seen 4 of 21 nodes"),
    ):
        with pytest.raises(ValueError, match=message):
            metric(*batch, **options)
        metric.reset()
        metric.update(*batch, **options)
    metric = metrics.PCOrder(TREE, space, labels, points)
    assert float(metric(points[:0], labels[:0])) == 0.0


@pytest.mark.parametrize(
    "name", ["pdv_children", "pdv_triplets", "recall", "cophenetic", "depth_norm", "delta"]
)
def test_points_may_be_kept_on_another_device_than_the_metric(name, elsewhere, monkeypatch) -> None:
    make, function = cases()[name]
    points, labels = cloud()
    metric = make()
    metric.update(points, labels)
    # as after compute_on_cpu=True on a GPU
    monkeypatch.setattr(type(metric), "device", property(lambda self: torch.device("meta")))
    metric.manifold = elsewhere
    assert float(metric.compute()) == pytest.approx(function(points, labels), abs=1e-12)


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
    with pytest.raises(ValueError, match="'most'"):
        metrics.PDVChildren(TREE, space, variant="most")
    with pytest.raises(ValueError, match="prototype_ids has 2, prototypes has 60"):
        metrics.NearestPrototypeAccuracy(TREE, space, labels[:2], points)
    with pytest.raises(ValueError, match="embeddings has 60, labels has 59"):
        metrics.NearestPrototypeAccuracy(TREE, space, labels, points).update(points, labels[1:])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        metrics.KNNAccuracy(space, 0)
    with pytest.raises(ValueError, match="'leaves'"):
        metrics.CopheneticCorrelation(TREE, space, "leaves")
    with pytest.raises(ValueError, match="'kendall'"):
        metrics.CopheneticCorrelation(TREE, space, method="kendall")
