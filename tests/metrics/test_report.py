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
