"""The nearest nodes are those that a stable sort of all distances gives."""

from __future__ import annotations

import math
from itertools import pairwise

import geoopt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hyperhier.embedding import TaxonomyEmbedding
from hyperhier.embedding._queries import neighbours as _neighbours
from hyperhier.embedding._queries.neighbours import NeighbourIndex
from hyperhier.manifolds import Manifold, as_manifold, get_manifold
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz", "polar")


def check(
    found: tuple[Tensor, Tensor],
    points: Tensor,
    manifold: Manifold,
    ids: Tensor,
    query: Tensor,
    own: int | None = None,
) -> None:
    """The found nodes are the first ones of all sorted by distance, to the last bits of those."""
    ids = ids if own is None else ids[ids != own]
    distance = manifold.dist(query.expand(len(ids), -1), points[ids])
    of = dict(zip(ids.tolist(), distance.tolist(), strict=True))
    exact = {"rtol": 4.0 * torch.finfo(points.dtype).eps, "atol": 0.0}
    if manifold.sectional_curvature > 0:
        exact["atol"] = exact["rtol"]
    nearest, k = found[0].tolist(), len(found[0])
    assert len(set(nearest)) == k
    expected = distance.sort().values[:k]
    torch.testing.assert_close(found[1], expected, **exact)
    own_distance = torch.tensor([of[i] for i in nearest], dtype=expected.dtype)
    torch.testing.assert_close(own_distance, expected, **exact)
    for (a, d), (b, e) in pairwise(zip(nearest, found[1].tolist(), strict=True)):
        assert d < e or (d == e and a < b)


def cloud(seed: int, size: int, dim: int, far: float, shape: str) -> Tensor:
    """Features: spread, in tight groups, on few places (ties), or all on one ray."""
    g = torch.Generator().manual_seed(seed)
    features = torch.randn(size, dim, generator=g, dtype=torch.float64)
    features *= far * torch.rand(size, 1, generator=g, dtype=torch.float64)
    if shape == "groups":
        features = features[: size // 8 + 1].repeat(8, 1)[:size]
        features *= 1.0 + 1e-13 * torch.randn(size, dim, generator=g, dtype=torch.float64)
    elif shape == "ties":
        features = features[torch.randint(4, (size,), generator=g)].round()
    elif shape == "ray":
        features = features[:, :1] * torch.ones(dim, dtype=torch.float64)
    return features


@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(NAMES),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    far=st.sampled_from([0.01, 3.0, 12.0, 40.0, 200.0]),
    shape=st.sampled_from(["spread", "groups", "ties", "ray"]),
    c=st.sampled_from([0.2, 1.0, 9.0]),
    k=st.sampled_from([1, 3, 59]),
)
@settings(deadline=None, max_examples=40)
def test_search_is_brute_force(seed, name, dtype, far, shape, c, k) -> None:
    manifold = get_manifold(name, c=c)
    points = manifold.from_features(cloud(seed, 60, 3, far / c**0.5, shape).to(dtype))
    own = torch.tensor([0, 7, 59])
    with pytest.MonkeyPatch.context() as patch:
        for constant, value in (("_QUERIES", 2), ("_NODES", 17), ("_TABLE", 40), ("_SAMPLED", 4)):
            patch.setattr(_neighbours, constant, value)
        found = NeighbourIndex(points, manifold).search(points[own], k, own)
    for row, node in enumerate(own.tolist()):
        one = found.ids[row], found.distances[row]
        check(one, points, manifold, torch.arange(60), points[node], node)


@pytest.mark.parametrize("name", NAMES)
def test_some_nodes_and_free_points(name) -> None:
    manifold = get_manifold(name)
    points = manifold.from_features(cloud(1, 300, 4, 3.0, "spread"))
    queries = manifold.from_features(cloud(2, 5, 4, 3.0, "spread"))
    ids = torch.arange(3, 300, 7)
    found = NeighbourIndex(points, manifold).search(queries, 4, among=ids)
    for row, query in enumerate(queries):
        check((found.ids[row], found.distances[row]), points, manifold, ids, query)


@pytest.mark.parametrize(
    "manifold",
    [
        as_manifold(geoopt.PoincareBall(c=1.0)),
        get_manifold("lorentz", precision="fast"),
        get_manifold("polar", c=4.0),
    ],
)
def test_where_no_error_is_known_all_distances_are_taken(manifold) -> None:
    far = 250.0 if manifold.name == "polar" else 1.0
    points = manifold.from_features(cloud(3, 50, 3, far, "spread").float())
    index = NeighbourIndex(points, manifold)
    assert index._nodes is None
    found = index.search(points[:3], 5, torch.arange(3))
    for row in range(3):
        one = found.ids[row], found.distances[row]
        check(one, points, manifold, torch.arange(50), points[row], row)


def test_few_nodes_of_many_get_an_exact_distance(monkeypatch) -> None:
    manifold = get_manifold("lorentz")
    points = manifold.from_features(cloud(4, 20_000, 5, 6.0, "spread"))
    taken = []
    dist = manifold.dist
    monkeypatch.setattr(manifold, "dist", lambda x, y: taken.append(len(y)) or dist(x, y))
    NeighbourIndex(points, manifold).search(points[:10], 5, torch.arange(10))
    assert sum(taken) <= 10 * 10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearer_is_a_comparison_of_all_distances(name, dtype) -> None:
    manifold = get_manifold(name)
    points = manifold.from_features(cloud(6, 200, 3, 5.0, "ties").to(dtype))
    points[100:] = manifold.from_features(cloud(7, 100, 3, 5.0, "spread").to(dtype))
    index = NeighbourIndex(points, manifold)
    distance = manifold.dist(points[150].expand(200, -1), points)
    for place in (0, 5, 60, 199):
        limit = float(distance.sort().values[place])
        assert torch.equal(index.nearer(points[150], limit), (distance < limit).nonzero()[:, 0])


@pytest.mark.deep
@pytest.mark.parametrize("name", ["euclidean", "lorentz"])
def test_a_hundred_thousand_nodes(name) -> None:
    manifold = get_manifold(name)
    points = manifold.from_features(cloud(5, 100_000, 10, 4.0, "spread"))
    own = torch.tensor([0, 40_000, 99_999])
    found = NeighbourIndex(points, manifold).search(points[own], 10, own)
    for row, node in enumerate(own.tolist()):
        one = found.ids[row], found.distances[row]
        check(one, points, manifold, torch.arange(100_000), points[node], node)


@pytest.mark.parametrize("name", ["lorentz", "euclidean", "sphere"])
def test_queries_inside_and_outside_of_the_nodes_to_find(name) -> None:
    tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b", "y"), ("r", "c", "z")])
    g = torch.Generator().manual_seed(0)
    space = get_manifold(name)
    points = space.from_features(torch.randn(len(tax), 3, generator=g, dtype=torch.float64))
    emb = TaxonomyEmbedding(tax, space, points)
    found = emb.nearest(["b", "a"], k=9, restrict_to=["b", "c"])
    b, c = tax.encode(["b", "c"]).tolist()
    assert found.ids[0].tolist() == [c, -1]
    assert found.distances[0].tolist() == [pytest.approx(emb.distance("b", "c")), math.inf]
    assert set(found.ids[1].tolist()) == {b, c}
    lists = emb.most_similar(["b", "a"], restrict_to=["b", "c"])
    assert [[other for other, _ in some] for some in lists] == [["c"], tax.decode(found.ids[1])]
    assert emb.nearest(["b", "c"], k=9, restrict_to=["b", "c"]).ids.tolist() == [[c], [b]]
    assert emb.nearest("b", k=9, restrict_to=["b"]).ids.shape == (1, 0)
