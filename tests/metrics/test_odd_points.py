"""Points that hardly are any: outside of the manifold, of other widths, in half precision."""

from __future__ import annotations

import pytest
import torch

from hyperhier import metrics
from hyperhier.manifolds import Euclidean, PoincareBall, get_manifold
from hyperhier.taxonomy import Taxonomy

TREE = Taxonomy.from_paths([("r", a, a + b) for a in "xy" for b in "pq"])
LABELS = TREE.leaf_ids
CHAIN = Taxonomy.from_paths([tuple("abcd")])
IDS = torch.arange(1, 5)

CALLS = {
    "knn_predict": lambda x, y, m: metrics.knn_predict(x, y, LABELS, m),
    "recall_at_k": lambda x, y, m: metrics.recall_at_k(
        x, LABELS, m, gallery=y, gallery_labels=LABELS
    ),
    "nearest_prototype": lambda x, y, m: metrics.nearest_prototype(x, IDS, y, m),
    "rank_prototypes": lambda x, y, m: metrics.rank_prototypes(x, IDS, y, m),
    "pc_order": lambda x, y, m: metrics.pc_order(x, LABELS, IDS, y, TREE, m),
    "pdv": lambda x, y, m: metrics.pdv(x, LABELS, IDS, y, TREE, m),
    "pdv_triplets": lambda x, y, m: metrics.pdv_triplets(x, LABELS, TREE, m),
    "cophenetic": lambda x, y, m: metrics.cophenetic_correlation(x, LABELS, TREE, m),
    "delta": lambda x, y, m: metrics.delta_hyperbolicity(x, m),
    "depth_norm": lambda x, y, m: metrics.depth_norm_correlation(x, LABELS, TREE, m),
    "distortion": lambda x, y, m: metrics.average_distortion(x, LABELS, TREE, m),
    "reconstruction": lambda x, y, m: metrics.reconstruction_map(x, CHAIN, m),
    "probe": lambda x, y, m: metrics.linear_probe(x, LABELS, m),
    "predict": lambda x, y, m: metrics.linear_probe(y, LABELS, m).predict(x),
}
OF_TWO_SETS = (
    "knn_predict", "recall_at_k", "nearest_prototype", "rank_prototypes", "pc_order", "pdv",
    "predict",
)  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_points_outside_of_the_ball_are_no_nearest_ones(name) -> None:
    inside = torch.tensor([[0.1, 0.0], [0.0, 0.2], [0.3, 0.1], [0.0, -0.1]])
    CALLS[name](inside, inside, PoincareBall())
    rim = inside.clone()
    rim[1] = torch.tensor([0.0, 1.0])
    with pytest.raises(ValueError, match=r"are all points on it|not finite, in row 1"):
        CALLS[name](rim, inside, PoincareBall())


@pytest.mark.parametrize("name", OF_TWO_SETS)
def test_points_of_different_widths_are_named(name) -> None:
    wide, narrow = torch.eye(4), torch.eye(4)[:, :3]
    named = r"(query|embeddings) has 3, (gallery|prototypes) has 4|embeddings has 3 features, .* 4"
    with pytest.raises(ValueError, match=named):
        CALLS[name](narrow, wide, Euclidean())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz"])
def test_half_precision_is_judged_as_the_points_it_holds(name, dtype) -> None:
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(0)
    points = manifold.from_features(0.3 * torch.randn(400, 2, generator=g)).to(dtype)
    labels = LABELS[torch.randint(4, (400,), generator=g)]
    fixed = metrics.node_centroids(points, labels, TREE, manifold)
    single = points.float()
    for k in (1, 3):
        expected = metrics.knn_predict(single, single, labels, manifold, k)
        assert metrics.knn_predict(points, points, labels, manifold, k).equal(expected)
    expected = metrics.pc_order(single, labels, fixed[0], fixed[1].float(), TREE, manifold)
    assert metrics.pc_order(points, labels, *fixed, TREE, manifold) == expected
    expected = metrics.depth_norm_correlation(single, labels, TREE, manifold)
    assert metrics.depth_norm_correlation(points, labels, TREE, manifold) == expected


def test_far_points_in_half_precision_are_not_their_own_neighbours() -> None:
    points = torch.tensor([[-60000.0], [60000.0], [59000.0]], dtype=torch.float16)
    recall = metrics.recall_at_k(points, torch.tensor([1, 2, 2]), Euclidean())
    assert recall == pytest.approx(2 / 3)
