"""The one-call report is the single functions put together."""

from __future__ import annotations

import json

import pytest
import torch

from hyperhier import metrics
from hyperhier.manifolds import get_manifold
from hyperhier.metrics import evaluate_embeddings

KEYS = {
    "top1", "balanced_accuracy", "hf1", "h_acc", "pc_order", "pdv", "mistake_severity",
    "knn_top1", "knn_balanced_accuracy", "n",
}  # fmt: skip


@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz"])
def test_figures_of_separated_and_of_shuffled_classes(uniform_tree, name) -> None:
    tax = uniform_tree((2, 2))
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(0)
    labels = tax.leaf_ids.repeat(20)
    corner = torch.tensor([[2.0, 0.4], [2.0, -0.4], [-2.0, 0.4], [-2.0, -0.4]]).repeat(20, 1)
    points = manifold.from_features(corner + 0.01 * torch.randn(80, 2, generator=g))
    good = evaluate_embeddings(points[:40], labels[:40], points[40:], labels[40:], tax, manifold)
    assert set(good) == KEYS
    assert json.loads(json.dumps(good, allow_nan=False)) == good
    assert good["n"] == 40
    for key in KEYS - {"n", "pdv", "mistake_severity"}:
        assert good[key] == 1.0, key
    assert good["pdv"] == 0.0
    assert good["mistake_severity"] == 0.0

    shuffled = labels[torch.randperm(80, generator=g)]
    args = (points[:40], labels[:40], points[40:], shuffled[40:], tax, manifold)
    bad = evaluate_embeddings(*args, k=3)
    assert bad["top1"] < 0.6
    assert bad["mistake_severity"] >= 1.0
    ids, centres = metrics.node_centroids(*args[:2], tax, manifold)
    leaf = torch.isin(ids, tax.leaf_ids)
    pred = metrics.nearest_prototype(args[2], ids[leaf], centres[leaf], manifold)
    assert bad["hf1"] == metrics.hf1(pred, args[3], tax)
    assert bad["pdv"] == metrics.pdv(args[2], args[3], ids, centres, tax, manifold)
    votes = metrics.knn_predict(args[2], args[0], args[1], manifold, 3)
    assert bad["knn_top1"] == metrics.accuracy(votes, args[3])


def test_only_root_labels_are_refused(uniform_tree) -> None:
    tax = uniform_tree((2,))
    points, labels = torch.zeros(2, 2), torch.full((2,), tax.root_id)
    with pytest.raises(ValueError, match="only the root"):
        evaluate_embeddings(points, labels, points, labels, tax, get_manifold("euclidean"))


@pytest.mark.parametrize("details", [False, True])
def test_labels_that_are_inner_nodes_are_judged_where_they_lie(uniform_tree, details) -> None:
    tax, manifold = uniform_tree((2, 2, 2)), get_manifold("euclidean")
    g = torch.Generator().manual_seed(0)
    points = torch.randn(60, 3, generator=g)
    tops, leaves = (
        ids[torch.randint(len(ids), (60,), generator=g)] for ids in (tax.nodes_at(1), tax.leaf_ids)
    )
    for known in (tops, leaves):
        args = (points[:40], known[:40], points[40:], tops[40:])
        found = evaluate_embeddings(*args, tax, manifold, details=details)
        fixed = metrics.node_centroids(*args[:2], tax, manifold)
        assert found["pc_order"] == metrics.pc_order(*args[2:], *fixed, tax, manifold, level=1)
        assert found["pdv"] == metrics.pdv(*args[2:], *fixed, tax, manifold, level=1)
    with pytest.raises(ValueError, match="none of the 2 prototypes lies on level 2"):
        evaluate_embeddings(points, tops, points, leaves, tax, manifold, details=details)
    root = torch.full_like(leaves, tax.root_id)
    with pytest.raises(ValueError, match="no label lies on level 2 or below it"):
        evaluate_embeddings(points, leaves, points, root, tax, manifold)


def test_details_are_the_single_functions_too(uniform_tree) -> None:
    tax, manifold = uniform_tree((2, 3)), get_manifold("lorentz")
    points = manifold.from_features(torch.randn(60, 3, dtype=torch.float64))
    labels = tax.leaf_ids.repeat(10)
    args = (points[:30], labels[:30], points[30:], labels[30:], tax, manifold)
    plain = evaluate_embeddings(*args)
    full = evaluate_embeddings(*args, details=True)
    assert full.items() > plain.items()
    assert json.loads(json.dumps(full, allow_nan=False)) == full
    _, _, test, target, _, _ = args
    ids, centres = metrics.node_centroids(*args[:2], tax, manifold)
    leaf = torch.isin(ids, tax.leaf_ids)
    ranked = metrics.rank_prototypes(test, ids[leaf], centres[leaf], manifold, 5)
    distance = metrics.hierarchical_distance_at_k(ranked, target, tax, 5)
    pred, order = ranked[:, 0], (test, target, ids, centres, tax, manifold)
    probe = metrics.linear_probe(*args[:2], manifold)
    expected = {
        "macro_hf1": metrics.hf1(pred, target, tax, "macro"),
        "distance_at_5": distance,
        "accuracy_level_1": metrics.accuracy_at_level(pred, target, tax, 1),
        "accuracy_level_2": plain["top1"],
        "pdv_level_1": plain["pdv"],
        "pdv_level_2": metrics.pdv(*order, level=2),
        "pdv_children": metrics.pdv_children(ids, centres, tax, manifold),
        "pdv_triplets": metrics.pdv_triplets(test, target, tax, manifold),
        "recall_at_1": metrics.recall_at_k(test, target, manifold),
        "probe_top1": metrics.accuracy(probe.predict(test), target),
        "probe_balanced_accuracy": metrics.balanced_accuracy(probe.predict(test), target),
        "cophenetic_correlation": metrics.cophenetic_correlation(
            centres[leaf], ids[leaf], tax, manifold
        ),
        "depth_norm_correlation": metrics.depth_norm_correlation(centres, ids, tax, manifold),
        "delta_hyperbolicity": metrics.delta_hyperbolicity(test, manifold).relative,
    }
    assert {key: full[key] for key in full.keys() - plain.keys()} == pytest.approx(expected)


def test_details_of_one_sample_of_a_flat_tree_are_defined(uniform_tree) -> None:
    tax, manifold = uniform_tree((2,)), get_manifold("euclidean")
    points, labels = torch.tensor([[0.0], [1.0]]), tax.leaf_ids
    full = evaluate_embeddings(
        points, labels, points[:1], labels[:1], tax, manifold, k=1, details=True
    )
    assert full["n"] == 1 and full["top1"] == full["probe_top1"] == full["pc_order"] == 1.0
    assert full["cophenetic_correlation"] == 0.0
    assert "recall_at_1" not in full
