"""Tree-triplet loss: every triplet by brute force, the margins, the options."""

from __future__ import annotations

import math

import pytest
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.losses._triplets import all_hinges, largest_hinge
from hyperhier.losses.tree_triplet import TreeTripletLoss, tree_triplet_loss
from hyperhier.manifolds import Euclidean, Lorentz, Sphere
from hyperhier.taxonomy import Taxonomy

NAMES = ["a1x", "a1x", "a1y", "a2x", "b1x", "b1y", "d", "d"]
TRIPLETS = ("all", "violated", "hardest")


def plain_distance(manifold, x, y, cosine):
    if cosine:
        return 1 - float(x @ y / (x.norm() * y.norm()))
    return float(manifold.dist(x, y))


def hops(tree, v, w):
    up, other = [v, *tree.ancestors(v)], [w, *tree.ancestors(w)]
    return len(up) + len(other) - 2 * len([u for u in up if u in other])


def reduced(hinges, triplets):
    if triplets == "hardest":
        return max(hinges)
    if triplets == "violated":
        hinges = [h for h in hinges if h > 0] or [0.0]
    return sum(hinges) / len(hinges)


def plain_tree_triplet(z, names, tree, manifold, *, triplets="all", m0=0.1, w=0.5, cosine=None):
    """Every triplet, one after the other."""
    if cosine is None:
        cosine = manifold.supports_cosine
    per_anchor = []
    for i, name in enumerate(names):
        d = [plain_distance(manifold, z[i], x, cosine) for x in z]
        t = [hops(tree, name, other) for other in names]
        hinges = [
            max(0.0, d[p] - d[n] + m0 + w * (t[n] - t[p]) / tree.height)
            for p in range(len(names))
            for n in range(len(names))
            if i not in (p, n) and t[p] < t[n]
        ]
        if hinges:
            per_anchor.append(reduced(hinges, triplets))
    return sum(per_anchor) / len(per_anchor)


@pytest.mark.parametrize("triplets", TRIPLETS)
def test_equals_the_formula(manifold, tree, points, triplets):
    z = points(manifold, len(NAMES))
    expected = plain_tree_triplet(z, NAMES, tree, manifold, triplets=triplets)
    assert expected > 0
    loss = TreeTripletLoss(tree, manifold=manifold, triplets=triplets)
    assert float(loss(z, tree.encode(NAMES))) == pytest.approx(expected, rel=1e-9)


def test_margins_and_similarity(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    for options in ({"margin": 0.0, "tree_weight": 2.0}, {"margin": 1.5, "tree_weight": 0.0}):
        expected = plain_tree_triplet(
            z,
            NAMES,
            tree,
            Euclidean(),
            m0=options["margin"],
            w=options["tree_weight"],
            cosine=False,
        )
        got = tree_triplet_loss(z, labels, tree, Euclidean(), similarity="distance", **options)
        assert float(got) == pytest.approx(expected, rel=1e-9)


def test_default_margin_of_siblings_against_strangers_is_that_of_the_released_code():
    tree = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    each = tree_triplet_loss(z, tree.encode(["a1", "a2", "b1"]), tree, Sphere(), reduction="none")
    torch.testing.assert_close(each, torch.tensor([0.6, 0.6, 0.0]))


def test_blocks_give_the_same_value_and_gradient(manifold, tree, points, draw):
    z, labels = points(manifold, 20), draw(tree, 20)
    results = []
    for block_size in (None, 6):
        x = z.clone().requires_grad_()
        loss = tree_triplet_loss(x, labels, tree, manifold, block_size=block_size)
        loss.backward()
        results.append((loss.detach(), x.grad))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("triplets", TRIPLETS)
def test_gradient(tree, points, triplets):
    m, labels = Lorentz(), tree.encode(NAMES[1:5])
    features = m.to_features(points(m, 4)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: tree_triplet_loss(m.from_features(f), labels, tree, m, triplets=triplets),
        features,
        fast_mode=True,
    )


def test_views_are_positives(manifold, tree, points):
    z, names = points(manifold, 3, 2), ["a1x", "b1x", "d"]
    flat = plain_tree_triplet(z.flatten(0, 1), [n for n in names for _ in "12"], tree, manifold)
    got = tree_triplet_loss(z, tree.encode(names), tree, manifold)
    assert float(got) == pytest.approx(flat, rel=1e-9)


def test_a_reference_gives_positives_and_negatives(manifold, tree, points):
    z, ref = points(manifold, 4), points(manifold, 6, seed=1)
    names, ref_names = NAMES[:4], NAMES[2:]
    cosine = manifold.supports_cosine
    per_anchor = []
    for x, name in zip(z, names, strict=True):
        d = [plain_distance(manifold, x, y, cosine) for y in ref]
        t = [hops(tree, name, other) for other in ref_names]
        hinges = [
            max(0.0, d[p] - d[n] + 0.1 + 0.5 * (t[n] - t[p]) / 3)
            for p in range(6)
            for n in range(6)
            if t[n] > t[p]
        ]
        per_anchor.append(sum(hinges) / len(hinges))
    loss = TreeTripletLoss(tree, manifold=manifold)
    got = loss(z, tree.encode(names), ref, tree.encode(ref_names))
    assert float(got) == pytest.approx(sum(per_anchor) / 4, rel=1e-9)


@pytest.mark.parametrize("triplets", TRIPLETS)
def test_given_triples(manifold, tree, points, triplets):
    z, cosine = points(manifold, len(NAMES)), manifold.supports_cosine
    chosen = [(0, 1, 3), (0, 2, 4), (3, 0, 6), (3, 6, 0), (5, 4, 7)]
    hinges = {}
    for a, p, n in chosen:
        gap = hops(tree, NAMES[a], NAMES[n]) - hops(tree, NAMES[a], NAMES[p])
        d_p = plain_distance(manifold, z[a], z[p], cosine)
        d_n = plain_distance(manifold, z[a], z[n], cosine)
        hinges.setdefault(a, []).append(max(0.0, d_p - d_n + 0.1 + 0.5 * gap / 3))
    expected = sum(reduced(h, triplets) for h in hinges.values()) / len(hinges)
    loss = TreeTripletLoss(tree, manifold=manifold, triplets=triplets)
    got = loss(
        z,
        tree.encode(NAMES),
        indices_tuple=tuple(torch.tensor(part) for part in zip(*chosen, strict=True)),
    )
    assert float(got) == pytest.approx(expected, rel=1e-9)


def test_given_pairs_meet_per_anchor(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    pairs = tuple(torch.tensor(part) for part in ([0, 0, 3], [1, 2, 0], [0, 0], [4, 6]))
    met = tuple(torch.tensor(part) for part in ([0, 0, 0, 0], [1, 1, 2, 2], [4, 6, 4, 6]))
    loss = TreeTripletLoss(tree, manifold="euclidean")
    torch.testing.assert_close(
        loss(z, labels, indices_tuple=pairs), loss(z, labels, indices_tuple=met)
    )


def test_functional_twin(manifold, tree, points):
    z, labels = points(manifold, len(NAMES)), tree.encode(NAMES)
    for options in ({}, {"triplets": "hardest"}, {"margin": 0.3, "similarity": "distance"}):
        module = TreeTripletLoss(tree, manifold=manifold, **options)(z, labels)
        twin = tree_triplet_loss(z, labels, tree, manifold, **options)
        torch.testing.assert_close(module, twin, rtol=0, atol=0)


@pytest.mark.parametrize("triplets", TRIPLETS)
def test_without_a_triplet_the_loss_is_0_with_a_graph(manifold, tree, points, triplets):
    for names in ([], ["a1x"], ["a1x", "a1x", "a1x"], ["a1x", "d"]):
        z = points(manifold, len(names)).requires_grad_()
        loss = tree_triplet_loss(z, tree.encode(names), tree, manifold, triplets=triplets)
        assert float(loss.detach()) == 0.0
        loss.backward()
        assert (z.grad == 0).all()


def test_empty_reference_and_empty_selection(tree, points):
    z, labels = points(Euclidean(), 3).requires_grad_(), tree.encode(NAMES[:3])
    nobody = torch.zeros(0, dtype=torch.long)
    for triplets in TRIPLETS:
        loss = TreeTripletLoss(tree, manifold="euclidean", triplets=triplets)
        for value in (
            loss(z, labels, z[:0].detach(), nobody),
            loss(z, labels, indices_tuple=(nobody,) * 3),
            loss(z, labels, indices_tuple=(nobody,) * 4),
        ):
            assert float(value.detach()) == 0.0
            value.backward()


def test_a_tree_of_one_node(points):
    one = Taxonomy.from_paths([("only",)])
    z = points(Euclidean(), 3)
    assert float(tree_triplet_loss(z, torch.zeros(3, dtype=torch.long), one, Euclidean())) == 0.0


@pytest.mark.parametrize("triplets", TRIPLETS)
def test_coincident_points_have_a_finite_gradient(manifold, tree, points, triplets):
    z = points(manifold, 1, dtype=torch.float32).expand(len(NAMES), -1).clone().requires_grad_()
    loss = tree_triplet_loss(z, tree.encode(NAMES), tree, manifold, triplets=triplets)
    loss.backward()
    assert float(loss.detach()) > 0.1 and z.grad.isfinite().all()


def test_many_samples_in_float32_keep_their_digits(tree, draw):
    z, labels = torch.randn(300, 3), draw(tree, 300)
    single = tree_triplet_loss(z, labels, tree, Euclidean(), similarity="distance")
    double = tree_triplet_loss(z.double(), labels, tree, Euclidean(), similarity="distance")
    assert float(single) == pytest.approx(float(double), rel=1e-5)


def test_half_precision_and_strides(tree, points):
    z, labels = points(Euclidean(), len(NAMES), dtype=torch.float16), tree.encode(NAMES)
    loss = tree_triplet_loss(z, labels, tree, Euclidean())
    assert loss.dtype == torch.float32
    strided = z.float().T.contiguous().T
    torch.testing.assert_close(tree_triplet_loss(strided, labels, tree, Euclidean()), loss)


def test_several_parents_use_the_shortest_way(points):
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("a", "y")])
    z = points(Lorentz(), 4).requires_grad_()
    loss = tree_triplet_loss(z, dag.encode(["x", "x", "y", "b"]), dag, Lorentz())
    loss.backward()
    assert loss.isfinite() and z.grad.isfinite().all()


def test_hinges_of_all_triplets_by_brute_force():
    generator = torch.Generator().manual_seed(0)
    near, far = torch.randn(2, 5, 9, generator=generator, dtype=torch.float64)
    positive = torch.rand(5, 9, generator=generator) < 0.4
    negative = (torch.rand(5, 9, generator=generator) < 0.5) & ~positive
    positive[0], negative[1] = False, False
    total, violated, count = all_hinges(near, far, positive, negative)
    worst = largest_hinge(near, far, positive, negative)
    for row in range(5):
        gaps = [
            max(0.0, float(near[row, p] - far[row, n]))
            for p in range(9)
            for n in range(9)
            if positive[row, p] and negative[row, n]
        ]
        assert float(total[row]) == pytest.approx(sum(gaps), abs=1e-12)
        assert int(violated[row]) == sum(g > 0 for g in gaps)
        assert int(count[row]) == len(gaps)
        assert float(worst[row]) == pytest.approx(max(gaps, default=0.0))


def test_bad_input(tree, points):
    z, labels = points(Euclidean(), len(NAMES)), tree.encode(NAMES)
    for options in (
        {"margin": -0.1},
        {"tree_weight": math.nan},
        {"triplets": "some"},
        {"similarity": "dot"},
        {"block_size": 0},
        {"reduction": "median"},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            TreeTripletLoss(tree, manifold="euclidean", **options)
    with pytest.raises(ValueError, match="cosine"):
        TreeTripletLoss(tree, manifold="lorentz", similarity="cosine")
    with pytest.raises(ValueError, match="several labels"):
        table = torch.ones(len(NAMES), len(tree), dtype=torch.bool)
        tree_triplet_loss(z, table, tree, Euclidean())
    with pytest.raises(ValueError, match="labels"):
        tree_triplet_loss(z, None, tree, Euclidean())
    with pytest.raises(ValueError, match="not finite"):
        tree_triplet_loss(z * torch.inf, labels, tree, Euclidean())
    with pytest.raises(TaxonomyError, match="99"):
        tree_triplet_loss(z, torch.full((len(NAMES),), 99), tree, Euclidean())
