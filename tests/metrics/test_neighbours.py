"""k-NN and recall at k against loops over all distances, on every manifold."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import knn_predict, recall_at_k, recall_at_k_per_level

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def cloud(name: str, n: int, seed: int):
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(seed)
    return manifold, manifold.from_features(torch.randn(n, 3, generator=g, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 3, 6, 99])
def test_knn_is_a_vote_and_the_nearest_breaks_ties(name, k) -> None:
    manifold, points = cloud(name, 40, 0)
    query, gallery = points[:10], points[10:]
    labels = torch.arange(30) % 4 + 10
    expected = []
    for q in query:
        distance = manifold.dist(q, gallery).tolist()
        near = sorted(range(30), key=distance.__getitem__)[:k]
        votes = Counter(int(labels[i]) for i in near)
        expected.append(
            next(int(labels[i]) for i in near if votes[int(labels[i])] == max(votes.values()))
        )
    assert knn_predict(query, gallery, labels, manifold, k).tolist() == expected
    assert knn_predict(query, gallery, labels, manifold, k, chunk=3).tolist() == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 4])
def test_recall_leaves_the_sample_itself_out(name, k) -> None:
    manifold, points = cloud(name, 40, 1)
    labels = torch.arange(40) % 6
    found = 0
    for i in range(40):
        distance = manifold.dist(points[i], points).tolist()
        others = sorted((j for j in range(40) if j != i), key=distance.__getitem__)
        found += any(labels[j] == labels[i] for j in others[:k])
    assert recall_at_k(points, labels, manifold, k) == pytest.approx(found / 40)
    assert recall_at_k(points, labels, manifold, k, chunk=7) == pytest.approx(found / 40)


def test_recall_in_a_gallery() -> None:
    manifold, points = cloud("lorentz", 30, 2)
    labels = torch.arange(30) % 5
    assert recall_at_k(points, labels, manifold, 1, gallery=points, gallery_labels=labels) == 1.0
    shifted = (labels + 1) % 5
    assert recall_at_k(points, labels, manifold, 1, gallery=points, gallery_labels=shifted) == 0.0
    assert recall_at_k(points, labels, manifold, 99, gallery=points, gallery_labels=shifted) == 1.0


def test_bad_input_is_named() -> None:
    manifold, points = cloud("euclidean", 4, 3)
    labels = torch.arange(4)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        knn_predict(points, points, labels, manifold, k=0)
    with pytest.raises(ValueError, match="chunk must be at least 1"):
        knn_predict(points, points, labels, manifold, chunk=0)
    with pytest.raises(ValueError, match="gallery has 4, gallery_labels has 3"):
        knn_predict(points, points, labels[:3], manifold)
    broken = points.clone()
    broken[2, 1] = torch.nan
    with pytest.raises(ValueError, match="query holds a value that is not finite, in row 2"):
        knn_predict(broken, points, labels, manifold)
    with pytest.raises(ValueError, match="at least 2 samples"):
        recall_at_k(points[:1], labels[:1], manifold)
    with pytest.raises(ValueError, match="together or not at all"):
        recall_at_k(points, labels, manifold, gallery=points)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", [0, 9])
def test_recall_on_a_level_takes_a_common_ancestor_for_a_hit(make_taxonomy, name, extra) -> None:
    tax = make_taxonomy(6, 20, extra)
    manifold, points = cloud(name, 40, 4)
    labels = torch.randint(len(tax), (40,), generator=torch.Generator().manual_seed(0))
    above = [{v, *tax.ancestors(v)} for v in tax.decode(labels)]
    depth = dict(zip(tax.nodes, tax.depth.tolist(), strict=True))
    expected = {}
    for level in range(1, tax.height + 1):
        here = [
            {v for v in names if depth[v] == level or (v in tax.leaves and depth[v] < level)}
            for names in above
        ]
        hits = []
        for i in range(40):
            own = tax.decode(labels[i : i + 1])[0]
            if depth[own] < level and own not in tax.leaves:
                continue
            distance = manifold.dist(points[i], points).tolist()
            near = sorted((j for j in range(40) if j != i), key=distance.__getitem__)[:2]
            hits.append(any(here[i] & here[j] for j in near))
        expected[level] = sum(hits) / len(hits)
    got = recall_at_k_per_level(points, labels, tax, manifold, 2)
    assert got == pytest.approx(expected)
    assert recall_at_k_per_level(points, labels, tax, manifold, 2, chunk=7) == got


def test_recall_of_leaves_on_the_last_level_is_recall(uniform_tree) -> None:
    tax = uniform_tree((2, 3))
    manifold, points = cloud("poincare", 30, 5)
    labels = tax.leaf_ids.repeat(5)
    per_level = recall_at_k_per_level(points, labels, tax, manifold, 3)
    assert per_level[2] == recall_at_k(points, labels, manifold, 3)
    assert per_level[1] >= per_level[2]
    found = {"gallery": points[:12], "gallery_labels": labels[:12]}
    per_level = recall_at_k_per_level(points, labels, tax, manifold, 3, **found)
    assert per_level[2] == recall_at_k(points, labels, manifold, 3, **found)
    with pytest.raises(ValueError, match="gallery_labels holds the unknown node id 77"):
        recall_at_k_per_level(
            points, labels, tax, manifold, gallery=points, gallery_labels=labels + 77 - labels
        )
