"""PDV on child prototypes and on triplets, against loops."""

from __future__ import annotations

import pytest
import torch

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import node_centroids, pdv, pdv_children, pdv_per_level, pdv_triplets
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def cloud(tax: Taxonomy, name: str, n: int = 24, seed: int = 0):
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(seed)
    points = manifold.from_features(torch.randn(n, 3, generator=g, dtype=torch.float64))
    labels = tax.leaf_ids[torch.randint(len(tax.leaf_ids), (n,), generator=g)]
    return points, labels, manifold


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [None, 1])
def test_children_are_judged_by_their_prototypes(uniform_tree, name, level) -> None:
    tax = uniform_tree((3, 2, 2))
    points, labels, manifold = cloud(tax, name, 60)
    ids, centres = node_centroids(points, labels, tax, manifold)
    at = 2 if level is None else level
    place = {int(v): centres[i] for i, v in enumerate(ids)}
    rates = []
    for child, mu in place.items():
        if int(tax.depth[child]) != at + 1:
            continue
        own = int(tax.parent_id[child])
        wrong = [v for v in place if int(tax.depth[v]) == at and v != own]
        distance = manifold.dist(mu, place[own])
        rates.append(sum(float(distance >= manifold.dist(mu, place[v])) for v in wrong))
        rates[-1] /= len(wrong)
    assert pdv_children(ids, centres, tax, manifold, level) == pytest.approx(
        sum(rates) / len(rates)
    )


def naive_triplets(points, labels, manifold, same, siblings_only: bool) -> float:
    distance = manifold.dist_matrix(points, points)
    shares = []
    for i in range(len(points)):
        positive = [
            j
            for j in range(len(points))
            if j != i and same(i, j) and not (siblings_only and labels[i] == labels[j])
        ]
        negative = [j for j in range(len(points)) if not same(i, j)]
        if positive and negative:
            hits = sum(bool(distance[i, p] >= distance[i, n]) for p in positive for n in negative)
            shares.append(hits / (len(positive) * len(negative)))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("siblings_only", [False, True])
def test_triplets_are_all_counted(uniform_tree, name, siblings_only) -> None:
    tax = uniform_tree((3, 2))
    points, labels, manifold = cloud(tax, name)
    points = torch.cat((points, points[:3]))  # coincident points tie
    labels = torch.cat((labels, labels[3:6]))
    parent = tax.parent_id[labels]
    expected = naive_triplets(
        points, labels, manifold, lambda i, j: parent[i] == parent[j], siblings_only
    )
    args = (points, labels, tax, manifold)
    assert pdv_triplets(*args, siblings_only=siblings_only) == pytest.approx(expected)
    assert pdv_triplets(*args, siblings_only=siblings_only, chunk=4) == pytest.approx(expected)


def test_in_a_dag_any_common_parent_will_do(make_taxonomy) -> None:
    tax = make_taxonomy(3, 18, 10)
    points, labels, manifold = cloud(tax, "lorentz", 30)
    level = 2

    def same(i: int, j: int) -> bool:
        sets = []
        for k in (i, j):
            name = tax.decode(labels[k : k + 1])[0]
            above = {name, *tax.ancestors(name)}
            sets.append(
                {
                    v
                    for v in above
                    if int(tax.depth[tax.id_of(v)]) == level
                    or (v in tax.leaves and int(tax.depth[tax.id_of(v)]) < level)
                }
            )
        return bool(sets[0] & sets[1])

    expected = naive_triplets(points, labels, manifold, same, False)
    assert 0.0 < expected < 1.0
    assert pdv_triplets(points, labels, tax, manifold, level) == pytest.approx(expected)


def test_drawn_anchors_are_seeded_and_close(uniform_tree) -> None:
    tax = uniform_tree((3, 2))
    points, labels, manifold = cloud(tax, "poincare", 300)
    args = (points, labels, tax, manifold)
    whole = pdv_triplets(*args)
    part = pdv_triplets(*args, anchors=150, seed=1)
    assert part == pdv_triplets(*args, anchors=150, seed=1)
    assert part != pdv_triplets(*args, anchors=150, seed=2)
    assert part == pytest.approx(whole, abs=0.05)
    assert pdv_triplets(*args, anchors=300) == whole


def test_separated_parents_have_no_violation_and_collapse_only_violations(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    labels = tax.leaf_ids.repeat(5)
    corner = torch.tensor([[3.0, 0.3], [3.0, -0.3], [-3.0, 0.3], [-3.0, -0.3]]).repeat(5, 1)
    manifold = get_manifold("lorentz")
    points = manifold.from_features(corner)
    assert pdv_triplets(points, labels, tax, manifold) == 0.0
    assert pdv_triplets(points[:1].expand_as(points), labels, tax, manifold) == 1.0
    one_parent = labels[torch.isin(labels, tax.leaf_ids[:2])]
    assert pdv_triplets(points[: len(one_parent)], one_parent, tax, manifold) == 0.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_and_strided_points_are_taken(uniform_tree, dtype) -> None:
    tax = uniform_tree((2, 2))
    points, labels, manifold = cloud(tax, "euclidean")
    low = points.to(dtype).T.contiguous().T
    expected = pdv_triplets(low.double(), labels, tax, manifold)
    assert pdv_triplets(low, labels, tax, manifold) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("variant", ["mean", "any"])
def test_per_level_is_each_level(uniform_tree, variant) -> None:
    tax = uniform_tree((3, 2, 2))
    points, labels, manifold = cloud(tax, "sphere", 40)
    ids, centres = node_centroids(points, labels, tax, manifold)
    args = (points.flip(0), labels, ids, centres, tax, manifold)
    got = pdv_per_level(*args, variant=variant)
    assert got == {level: pdv(*args, level, variant) for level in (1, 2, 3)}
    deep = ids[tax.depth[ids] == 3]
    only = (points, labels, deep, centres[tax.depth[ids] == 3], tax, manifold)
    assert set(pdv_per_level(*only)) == {3}


def test_bad_input_is_named(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    points, labels, manifold = cloud(tax, "euclidean")
    ids, centres = node_centroids(points, labels, tax, manifold)
    with pytest.raises(ValueError, match="prototypes lies on level 3"):
        pdv_children(ids, centres, tax, manifold, 2)
    with pytest.raises(ValueError, match="level must be 0 to 2, got 5"):
        pdv_triplets(points, labels, tax, manifold, 5)
    with pytest.raises(ValueError, match="anchors must be at least 1, got 0"):
        pdv_triplets(points, labels, tax, manifold, anchors=0)
    broken = points.clone()
    broken[1] = torch.nan
    with pytest.raises(ValueError, match="not finite, in row 1"):
        pdv_triplets(broken, labels, tax, manifold)
    with pytest.raises(ValueError, match="embeddings is empty"):
        pdv_triplets(points[:0], labels[:0], tax, manifold)
