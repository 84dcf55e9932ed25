"""CPCC: its formula, its edges, its gradient."""

from __future__ import annotations

import math
from itertools import combinations, product

import pytest
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.losses.cpcc import CPCCLoss, cpcc_loss
from hyperhier.manifolds import Euclidean, Lorentz
from hyperhier.taxonomy import Taxonomy

NAMES = ["a1x", "a1y", "a2x", "b1x", "b1y", "d", "a1x", "b1x"]


def lineage(tree, name):
    return [name, *tree.ancestors(name)]


def hops(tree, v, w):
    shared = [u for u in lineage(tree, v) if u in lineage(tree, w)]
    return len(lineage(tree, v)) + len(lineage(tree, w)) - 2 * len(shared)


def pearson(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    top = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    bottom = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return top / math.sqrt(bottom)


def node_means(z, names, tree, manifold, nodes):
    """Name -> mean of the samples below, one node after the other."""
    wanted = [v for v in tree.nodes if any(v in lineage(tree, n) for n in names)]
    if nodes == "leaves":
        wanted = [v for v in wanted if v in tree.leaves]
    below = {v: [k for k, n in enumerate(names) if v in lineage(tree, n)] for v in wanted}
    return {v: manifold.centroid(z[rows]) for v, rows in below.items()}


def plain_cpcc(z, names, tree, manifold, nodes="all", centring=0.01):
    means = node_means(z, names, tree, manifold, nodes)
    pairs = list(combinations(means, 2))
    d = [float(manifold.dist(means[v], means[w])) for v, w in pairs]
    centre = manifold.centroid(z)
    off = float(manifold.dist(manifold.origin(len(centre), dtype=z.dtype), centre))
    return 1 - pearson(d, [hops(tree, v, w) for v, w in pairs]) + centring * off**2


@pytest.mark.parametrize("nodes", ["all", "leaves"])
def test_equals_the_formula(manifold, tree, points, nodes):
    z = points(manifold, len(NAMES))
    expected = plain_cpcc(z, NAMES, tree, manifold, nodes)
    loss = CPCCLoss(tree, manifold=manifold, nodes=nodes)
    assert float(loss(z, tree.encode(NAMES))) == pytest.approx(expected, rel=1e-9)


def test_centring_is_the_squared_distance_of_the_mean_of_all(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    without = cpcc_loss(z, labels, tree, manifold, centring=0.0)
    strong = cpcc_loss(z, labels, tree, manifold, centring=2.5)
    off = manifold.dist0(manifold.centroid(z))
    torch.testing.assert_close(strong - without, 2.5 * off**2)


def test_is_zero_where_distances_are_a_multiple_of_those_in_the_tree():
    tree = Taxonomy.from_paths([("r", "a"), ("r", "b"), ("r", "c")])
    corners = torch.eye(3, dtype=torch.float64) * 3
    got = cpcc_loss(corners, tree.encode(["a", "b", "c"]), tree, Euclidean(), centring=0.0)
    # leaves are sqrt(18) apart and sqrt(6) from their mean, where the root is: 2 steps and 1
    assert float(got) == pytest.approx(0.0, abs=1e-12)


def test_views_are_samples(manifold, tree, points):
    z, labels = points(manifold, 5, 2), tree.encode(NAMES[:5])
    flat = cpcc_loss(z.flatten(0, 1), labels.repeat_interleave(2), tree, manifold)
    torch.testing.assert_close(cpcc_loss(z, labels, tree, manifold), flat)


def test_paths_are_their_last_column(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    torch.testing.assert_close(
        cpcc_loss(z, tree.paths(labels), tree, Euclidean()),
        cpcc_loss(z, labels, tree, Euclidean()),
    )


def test_functional_twin(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    for options in ({}, {"nodes": "leaves"}, {"centring": 1.0}, {"weighted": True}):
        module = CPCCLoss(tree, manifold=manifold, **options)(z, labels)
        twin = cpcc_loss(z, labels, tree, manifold, **options)
        torch.testing.assert_close(module, twin, rtol=0, atol=0)


def test_weights_of_edges_count_on_demand(points):
    edges = [("r", "a", 1.0), ("r", "b", 3.0), ("a", "a1", 0.5), ("a", "a2", 2.0), ("b", "b1", 1.0)]
    tree, names = Taxonomy.from_edges(edges), ["a1", "a2", "b1"]
    z = points(Euclidean(), 3)
    d = [float((z[i] - z[j]).norm()) for i, j in combinations(range(3), 2)]
    got = cpcc_loss(
        z, tree.encode(names), tree, Euclidean(), nodes="leaves", centring=0.0, weighted=True
    )
    assert float(got) == pytest.approx(1 - pearson(d, [2.5, 5.5, 7.0]), rel=1e-12)


def test_a_reference_gives_the_other_means(manifold, tree, points):
    z, ref = points(manifold, len(NAMES)), points(manifold, 5, seed=1)
    ref_names = ["a1x", "d", "b1y", "a2x", "a1x"]
    own = node_means(z, NAMES, tree, manifold, "all")
    other = node_means(ref, ref_names, tree, manifold, "all")
    pairs = list(product(own, other))
    d = [float(manifold.dist(own[v], other[w])) for v, w in pairs]
    expected = 1 - pearson(d, [hops(tree, v, w) for v, w in pairs])
    loss = CPCCLoss(tree, manifold=manifold, centring=0.0)
    got = loss(z, tree.encode(NAMES), ref, tree.encode(ref_names))
    assert float(got) == pytest.approx(expected, rel=1e-9)


def test_only_anchors_of_a_selection_count(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    keep = torch.tensor([0, 2, 3, 5])
    indices = (keep, keep.roll(1), keep.roll(2))
    got = CPCCLoss(tree, manifold=manifold)(z, labels, indices_tuple=indices)
    torch.testing.assert_close(got, cpcc_loss(z[keep], labels[keep], tree, manifold))


def test_a_sample_with_several_labels_lies_below_each(tree, points):
    z, n = points(Euclidean(), 3), len(tree)
    several = torch.zeros(3, n, dtype=torch.bool)
    several[0, tree.encode(["a1x", "b1x"])] = True
    several[1, tree.id_of("a1y")] = True
    several[2, tree.id_of("d")] = True
    got = cpcc_loss(z, several, tree, Euclidean(), nodes="leaves", centring=0.0)
    labels = tree.encode(["a1x", "b1x", "a1y", "d"])
    expected = cpcc_loss(z[[0, 0, 1, 2]], labels, tree, Euclidean(), nodes="leaves", centring=0.0)
    torch.testing.assert_close(got, expected)


def test_gradient(manifold, tree, points):
    names = NAMES[:4]
    z, labels = points(manifold, 4), tree.encode(names)
    features = manifold.to_features(z).detach().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: cpcc_loss(manifold.from_features(f), labels, tree, manifold),
        features,
        fast_mode=True,
    )


@pytest.mark.parametrize("names", [[], ["a1x"], ["a1x", "a1x", "a1x"], ["r", "r"]])
def test_without_two_labels_only_the_centring_is_left(manifold, tree, points, names):
    z = points(manifold, len(names)).requires_grad_()
    loss = cpcc_loss(z, tree.encode(names), tree, manifold)
    expected = 0.01 * manifold.dist0(manifold.centroid(z)) ** 2 if names else torch.tensor(0.0)
    torch.testing.assert_close(loss, expected.to(loss))
    loss.backward()
    assert z.grad.isfinite().all()


def test_a_single_distance_has_no_correlation(points):
    flat = Taxonomy.from_paths([("r", "a"), ("r", "b"), ("r", "c")])
    z = points(Euclidean(), 3).requires_grad_()
    loss = cpcc_loss(z, flat.leaf_ids, flat, Euclidean(), nodes="leaves", centring=0.0)
    assert float(loss.detach()) == 0.0
    loss.backward()
    assert (z.grad == 0).all()


def test_a_tree_of_one_node(points):
    z, one = points(Euclidean(), 3), Taxonomy.from_paths([("only",)])
    labels = torch.zeros(3, dtype=torch.long)
    assert float(cpcc_loss(z, labels, one, Euclidean(), centring=0.0)) == 0.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_collapsed_points_have_correlation_0_and_a_finite_gradient(manifold, tree, points, dtype):
    z = points(manifold, 1, dtype=dtype).expand(len(NAMES), -1).clone().requires_grad_()
    loss = cpcc_loss(z, tree.encode(NAMES), tree, manifold, centring=0.0)
    assert float(loss.detach()) == 1.0
    loss.backward()
    assert z.grad.isfinite().all()


def test_equally_distant_points_have_a_finite_gradient(tree):
    z = torch.eye(6, requires_grad=True)
    loss = cpcc_loss(z, tree.leaf_ids, tree, Euclidean(), nodes="leaves", centring=0.0)
    assert float(loss.detach()) == 1.0
    loss.backward()
    assert z.grad.abs().max() < 1e4


def test_half_precision_is_computed_in_float32(tree, points):
    z = points(Euclidean(), len(NAMES), dtype=torch.float16)
    labels = tree.encode(NAMES)
    loss = cpcc_loss(z, labels, tree, Euclidean())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cpcc_loss(z.float(), labels, tree, Euclidean()))


def test_strides_do_not_matter(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    strided = z.T.contiguous().T
    assert not strided.is_contiguous()
    torch.testing.assert_close(
        cpcc_loss(strided, labels, tree, Euclidean()), cpcc_loss(z, labels, tree, Euclidean())
    )


def test_several_parents(points):
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("b", "y")])
    z, labels = points(Lorentz(), 2).requires_grad_(), dag.encode(["x", "y"])
    loss = cpcc_loss(z, labels, dag, Lorentz())
    loss.backward()
    assert loss.isfinite() and z.grad.isfinite().all()


def test_descent_orders_the_means(tree):
    features = torch.randn(12, 8, dtype=torch.float64, requires_grad=True)
    labels = tree.leaf_ids.repeat(2)
    values = []
    for _ in range(12):
        loss = cpcc_loss(Lorentz().from_features(features), labels, tree, Lorentz())
        values.append(float(loss.detach()))
        (slope,) = torch.autograd.grad(loss, features)
        features = (features - 4 * slope).detach().requires_grad_()
    assert values[0] > 0.4 and values[-1] < 0.2


def test_a_reducer_gets_the_loss_as_reduced(tree, points):
    seen = {}

    def reducer(losses, embeddings, labels):
        seen.update(losses["loss"])
        return losses["loss"]["losses"] * 2

    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    got = CPCCLoss(tree, manifold="euclidean", reduction=reducer)(z, labels)
    torch.testing.assert_close(got, 2 * cpcc_loss(z, labels, tree, Euclidean()))
    assert seen["reduction_type"] == "already_reduced"


def test_bad_input(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    for options in ({"nodes": "some"}, {"centring": -1.0}, {"centring": math.nan}):
        with pytest.raises(ValueError, match=next(iter(options))):
            CPCCLoss(tree, manifold="euclidean", **options)
    with pytest.raises(ValueError, match="reduction"):
        cpcc_loss(z, labels, tree, Euclidean(), reduction="median")
    with pytest.raises(ValueError, match="not finite"):
        cpcc_loss(z * torch.nan, labels, tree, Euclidean())
    with pytest.raises(TaxonomyError, match="99"):
        cpcc_loss(z, torch.full((len(NAMES),), 99), tree, Euclidean())
    with pytest.raises(ValueError, match="labels"):
        cpcc_loss(z, None, tree, Euclidean())
