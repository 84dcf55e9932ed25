"""Node centroids and nearest prototypes, on every manifold, on trees and DAGs."""

from __future__ import annotations

import pytest
import torch

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import nearest_prototype, node_centroids, rank_prototypes
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", [0, 8])
def test_centroids_average_everything_below_a_node(make_taxonomy, name, extra) -> None:
    tax: Taxonomy = make_taxonomy(7, 14, extra)
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(0)
    points = manifold.from_features(torch.randn(30, 4, generator=g, dtype=torch.float64))
    labels = tax.leaf_ids[torch.randint(len(tax.leaf_ids) - 1, (30,), generator=g)]
    ids, centres = node_centroids(points, labels, tax, manifold)
    names = tax.decode(labels)
    expected = set()
    for node in tax.nodes:
        below = [i for i, leaf in enumerate(names) if node == leaf or node in tax.ancestors(leaf)]
        if node != tax.root and below:
            expected.add(node)
            position = tax.decode(ids).index(node)
            centre = manifold.centroid(points[below])
            torch.testing.assert_close(centres[position], centre, rtol=1e-10, atol=1e-12)
    assert set(tax.decode(ids)) == expected
    assert ids.tolist() == sorted(ids.tolist())


def test_dtype_is_kept_and_no_graph_is_held(make_taxonomy) -> None:
    tax = make_taxonomy(1)
    manifold = get_manifold("lorentz")
    points = manifold.from_features(torch.randn(6, 2)).requires_grad_()
    _, centres = node_centroids(points, tax.leaf_ids[:1].expand(6), tax, manifold)
    assert centres.dtype == torch.float32
    assert not centres.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_each_prototype_is_nearest_to_itself(name) -> None:
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(1)
    centres = manifold.from_features(torch.randn(9, 4, generator=g))
    ids = torch.randperm(9, generator=g) + 100
    assert torch.equal(nearest_prototype(centres, ids, centres, manifold), ids)
    assert torch.equal(nearest_prototype(centres, ids, centres, manifold, chunk=2), ids)


def test_bad_input_is_named(make_taxonomy) -> None:
    tax, manifold = make_taxonomy(0), get_manifold("euclidean")
    points = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="embeddings has 3, labels has 1"):
        node_centroids(points, torch.tensor([1]), tax, manifold)
    with pytest.raises(ValueError, match="prototypes must have shape"):
        nearest_prototype(points, torch.tensor([1]), torch.zeros(2), manifold)
    with pytest.raises(ValueError, match="embeddings must be a floating tensor"):
        node_centroids(points.long(), torch.tensor([1, 2, 3]), tax, manifold)
    with pytest.raises(ValueError, match="embeddings is empty"):
        node_centroids(points[:0], torch.tensor([1]), tax, manifold)


@pytest.mark.parametrize("name", NAMES)
def test_ranked_prototypes_come_in_the_order_of_their_distances(name) -> None:
    manifold = get_manifold(name)
    points = manifold.from_features(torch.randn(12, 3, dtype=torch.float64))
    centres = manifold.from_features(torch.randn(7, 3, dtype=torch.float64))
    ids = torch.randperm(7) + 20
    expected = ids[manifold.dist(points[:, None], centres).argsort(dim=1)]
    assert torch.equal(rank_prototypes(points, ids, centres, manifold), expected)
    assert torch.equal(rank_prototypes(points, ids, centres, manifold, 3, 5), expected[:, :3])
    nearest = nearest_prototype(points, ids, centres, manifold)
    assert torch.equal(rank_prototypes(points, ids, centres, manifold, 1).squeeze(1), nearest)
    with pytest.raises(ValueError, match=r"k must be 1 to 7 \(prototypes\), got 8"):
        rank_prototypes(points, ids, centres, manifold, 8)
