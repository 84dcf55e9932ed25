"""MAP, mean rank and distortion against loops over nodes and pairs."""

from __future__ import annotations

import itertools
import statistics
import sys

import pytest
import torch

from hyperhier.embedding import TaxonomyEmbedding
from hyperhier.manifolds import Euclidean, get_manifold
from hyperhier.metrics import (
    average_distortion,
    reconstruction_map,
    reconstruction_mean_rank,
    worst_distortion,
)
from hyperhier.taxonomy import Taxonomy


def embedded(make_taxonomy, name: str, extra: int):
    tax, manifold = make_taxonomy(3, 17, extra), get_manifold(name)
    g = torch.Generator().manual_seed(0)
    points = manifold.from_features(torch.randn(len(tax), 2, generator=g, dtype=torch.float64))
    return points, tax, manifold


@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz"])
@pytest.mark.parametrize("extra", [0, 7])
def test_the_definitions_with_loops(make_taxonomy, name, extra) -> None:
    points, tax, manifold = embedded(make_taxonomy, name, extra)
    table = manifold.dist_matrix(points, points).tolist()
    precision, ranks = {}, {}
    for u, label in enumerate(tax.nodes):
        above = {tax.nodes.index(a) for a in tax.ancestors(label)}
        near = {a: {v for v in range(len(tax)) if v != u and table[u][v] <= table[u][a]}
                for a in above}  # fmt: skip
        ranks[u] = [1 + len(found - above) for found in near.values()]
        precision[u] = [len(found & above) / len(found) for found in near.values()]
    some = torch.tensor([2, 5, 11])
    for nodes, own in ((None, range(1, len(tax))), (some, some.tolist())):
        mean = statistics.fmean(statistics.fmean(precision[u]) for u in own)
        assert reconstruction_map(points, tax, manifold, nodes) == pytest.approx(mean)
        mean = statistics.fmean(rank for u in own for rank in ranks[u])
        assert reconstruction_mean_rank(points, tax, manifold, nodes) == pytest.approx(mean)

    ids = torch.tensor([11, 4, 0, 7, 13])
    ratios = [
        table[i][j] / float(tax.distance(torch.tensor(i), torch.tensor(j), weighted=True))
        for i, j in itertools.combinations(ids.tolist(), 2)
    ]
    best = min(statistics.fmean(abs(r / s - 1.0) for r in ratios) for s in ratios)
    args = (points[ids], ids, tax, manifold)
    assert average_distortion(*args) == pytest.approx(best)
    assert worst_distortion(*args) == pytest.approx(max(ratios) / min(ratios))


@pytest.mark.parametrize("name", ["euclidean", "lorentz"])
def test_it_is_what_evaluate_says(make_taxonomy, name) -> None:
    points, tax, manifold = embedded(make_taxonomy, name, 5)
    expected = TaxonomyEmbedding(tax, manifold, points).evaluate()
    everyone = torch.arange(len(tax))
    assert reconstruction_map(points, tax, manifold) == expected["map"]
    assert reconstruction_mean_rank(points, tax, manifold) == expected["mean_rank"]
    assert average_distortion(points, everyone, tax, manifold) == expected["average_distortion"]
    assert worst_distortion(points, everyone, tax, manifold) == expected["worst_distortion"]
    points.requires_grad_()
    assert reconstruction_map(points, tax, manifold) == expected["map"]


def test_nothing_to_get_wrong_and_points_that_coincide(make_taxonomy) -> None:
    points, tax, manifold = embedded(make_taxonomy, "euclidean", 0)
    root, pair = torch.tensor([0]), torch.tensor([3, 4])
    assert reconstruction_map(points, tax, manifold, root) == 1.0
    assert reconstruction_mean_rank(points, tax, manifold, root) == 1.0
    assert average_distortion(points[:1], root, tax, manifold) == 0.0
    assert worst_distortion(points[:1], root, tax, manifold) == 1.0
    assert worst_distortion(points[[3, 3]], pair, tax, manifold) == sys.float_info.max


def test_bad_input_is_named(make_taxonomy) -> None:
    points, tax, manifold = embedded(make_taxonomy, "euclidean", 0)
    with pytest.raises(ValueError, match="points has 16 rows, the taxonomy 17 nodes"):
        reconstruction_map(points[1:], tax, manifold)
    with pytest.raises(ValueError, match="nodes holds the unknown node id 17"):
        reconstruction_mean_rank(points, tax, manifold, torch.tensor([17]))
    for twice in (torch.tensor([5, 5]), torch.tensor([5, 2, 5])):
        for measure in (reconstruction_map, reconstruction_mean_rank):
            with pytest.raises(ValueError, match=f"nodes holds the node '{tax.nodes[5]}' more"):
                measure(points, tax, manifold, twice)
    with pytest.raises(ValueError, match=f"ids holds the node '{tax.nodes[4]}' more than once"):
        average_distortion(points[:3], torch.tensor([4, 2, 4]), tax, manifold)
    with pytest.raises(ValueError, match="points has 2, ids has 1"):
        worst_distortion(points[:2], torch.tensor([1]), tax, manifold)
    points[3, 0] = torch.inf
    with pytest.raises(ValueError, match="not finite, in row 3"):
        reconstruction_map(points, tax, manifold)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz"])
def test_half_precision_is_measured_as_the_points_it_holds(make_taxonomy, name, dtype) -> None:
    points, tax, manifold = embedded(make_taxonomy, name, 5)
    half, everyone = points.to(dtype), torch.arange(len(tax))
    single = half.float()
    assert reconstruction_map(half, tax, manifold) == reconstruction_map(single, tax, manifold)
    for measure in (average_distortion, worst_distortion):
        expected = measure(single, everyone, tax, manifold)
        assert measure(half, everyone, tax, manifold) == expected


def test_distances_beyond_half_precision_are_no_infinity() -> None:
    tree, flat = Taxonomy.from_paths([("r", "a"), ("r", "b"), ("r", "b", "c")]), Euclidean()
    points = torch.tensor([[6e4, 0.0], [-6e4, 0.0], [0.0, 1.0], [1.0, 1.0]]).half()
    everyone = torch.arange(4)
    single = points.float()
    found = average_distortion(points, everyone, tree, flat)
    assert found == average_distortion(single, everyone, tree, flat) > 0.0
    found = worst_distortion(points, everyone, tree, flat)
    assert found == worst_distortion(single, everyone, tree, flat) < 1e6
    assert reconstruction_map(points, tree, flat) == reconstruction_map(single, tree, flat)


def test_the_manifold_may_be_on_another_device(make_taxonomy, elsewhere) -> None:
    points, tax, manifold = embedded(make_taxonomy, "lorentz", 0)
    some = torch.tensor([3, 1, 8])
    assert reconstruction_map(points, tax, elsewhere) == reconstruction_map(points, tax, manifold)
    expected = average_distortion(points[some], some, tax, manifold)
    assert average_distortion(points[some], some, tax, elsewhere) == expected
    assert elsewhere.c.device.type == "meta"  # a copy has been measured with
