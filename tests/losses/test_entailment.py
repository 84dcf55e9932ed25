"""Entailment: the angles, the formula, its negatives, learning."""

from __future__ import annotations

import math

import pytest
import torch

from hyperhier.embedding import cone_energy
from hyperhier.errors import TaxonomyError
from hyperhier.losses._exterior import cone_excess, exterior_angle
from hyperhier.losses.entailment import EntailmentLoss, entailment_loss
from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Sphere, get_manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.taxonomy import Taxonomy

NAMES = ["a1x", "d", "b1y", "a1x", "a2x", "a", "b1"]  # two inner nodes among them
NEGATIVES = ("siblings", "all", "none")


def meru_excess(c, apex, point, K):
    """The Lorentz form of MERU, from its formulas, on lists of space coordinates."""
    inner = sum(a * b for a, b in zip(apex, point, strict=True))
    norm = math.sqrt(sum(a * a for a in apex))
    time_apex = math.sqrt(1 / c + norm**2)
    time_point = math.sqrt(1 / c + sum(b * b for b in point))
    lorentz = c * (inner - time_apex * time_point)
    top = time_point + time_apex * lorentz
    exterior = math.acos(top / (norm * math.sqrt(lorentz**2 - 1)))
    aperture = math.asin(min(1.0, 2 * K / (math.sqrt(c) * norm)))
    return exterior - aperture


def plain_entailment(excess, names, tree, *, negatives, margin):
    """Sample by sample and node by node; ``excess[i][v]`` is that of sample i at node v."""
    per_sample = []
    for at, name in zip(excess, names, strict=True):
        above = [v for v in (name, *tree.ancestors(name)) if v != tree.root]
        beside = [
            v
            for v in tree.nodes
            if v != tree.root and v not in above and name not in tree.ancestors(v)
        ]
        if negatives == "siblings":
            beside = [v for v in beside if any(tree.parents(v) == tree.parents(u) for u in above)]
        if negatives == "none":
            beside = []
        missed = [max(0.0, at[v]) for v in above]
        held = [max(0.0, margin - at[v]) for v in beside]
        per_sample.append(sum(missed) / len(missed) + sum(held) / max(len(held), 1))
    return sum(per_sample) / len(per_sample)


@pytest.mark.parametrize("c", [0.3, 1.0, 4.0])
def test_excess_is_that_of_meru_on_the_hyperboloid(c):
    m = Lorentz(c=c)
    features = torch.randn(2, 6, 3, dtype=torch.float64) * 1.5
    apex, points = m.from_features(features)
    got = cone_excess(m, apex, points, 0.1)
    for k in range(6):
        expected = meru_excess(c, apex[k, 1:].tolist(), points[k, 1:].tolist(), 0.1)
        assert float(got[k, k]) == pytest.approx(expected, abs=1e-9)


def test_excess_outside_is_the_energy_of_the_embedding(points):
    for m in (Euclidean(), Lorentz(c=0.5), PoincareBall(c=2.0)):
        apex, z = points(m, 20), points(m, 20, seed=1)
        energy = cone_energy(m, apex, z[:, None])
        torch.testing.assert_close(cone_excess(m, apex, z, 0.1).relu(), energy)


def test_exterior_angle_by_logarithms_is_that_of_the_sides(points):
    for m in (Lorentz(c=0.5), PoincareBall(c=2.0)):
        x, y = points(m, 20), points(m, 20, seed=1)
        thin = cone_excess(m, x, y, 1e-12)  # nothing but the angle is left
        torch.testing.assert_close(exterior_angle(m, x, y[:, None]), thin, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("radius", [1e-3, 1.0, 30.0])
def test_straight_triangles(radius):
    m = Lorentz()
    apex = m.from_features(torch.tensor([[radius, 0.0]], dtype=torch.float64))
    ahead, behind, aside = m.from_features(
        radius * torch.tensor([[[2.0, 0.0]], [[0.3, 0.0]], [[-1.0, 0.0]]], dtype=torch.float64)
    )
    psi = cone_excess(m, apex, apex, 0.1)
    assert float(cone_excess(m, apex, ahead, 0.1) - psi) == pytest.approx(0.0, abs=1e-6)
    assert float(cone_excess(m, apex, behind, 0.1) - psi) == pytest.approx(math.pi, abs=1e-6)
    assert float(cone_excess(m, apex, aside, 0.1) - psi) == pytest.approx(math.pi, abs=1e-6)


def test_gradient_reaches_a_learnable_curvature(points):
    x, y = torch.randn(2, 10, 3, dtype=torch.float64)

    def total(log_c, m):
        with torch.no_grad():
            m.curvature.log_c.fill_(log_c)
        return cone_excess(m, m.from_features(x), m.from_features(y), 0.1).sum()

    m, h = Lorentz(learnable=True), 1e-5
    (slope,) = torch.autograd.grad(total(0.3, m), m.curvature.log_c)
    expected = (total(0.3 + h, m) - total(0.3 - h, m)) / (2 * h)
    assert float(slope) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_exterior_angle_on_the_sphere_by_spherical_trigonometry():
    m = Sphere()
    points = m.from_features(torch.randn(2, 8, 3, dtype=torch.float64))
    origin = m.origin(3, dtype=torch.float64)
    for v, u in zip(*points, strict=True):
        a, b, d = (math.acos(float(x @ y)) for x, y in ((origin, u), (origin, v), (v, u)))
        inner = math.acos((math.cos(a) - math.cos(b) * math.cos(d)) / (math.sin(b) * math.sin(d)))
        assert float(exterior_angle(m, v, u)) == pytest.approx(math.pi - inner, abs=1e-9)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_equals_the_formula(manifold, tree, points, negatives):
    z, apex = points(manifold, len(NAMES)), points(manifold, len(tree), seed=1)
    table = cone_excess(manifold, apex, z, 0.2).tolist()
    excess = [dict(zip(tree.nodes, row, strict=True)) for row in table]
    expected = plain_entailment(excess, NAMES, tree, negatives=negatives, margin=1.5)
    got = entailment_loss(
        z,
        tree.encode(NAMES),
        apex,
        torch.arange(len(tree)),
        tree,
        manifold,
        K=0.2,
        margin=1.5,
        negatives=negatives,
    )
    assert expected > 0
    assert float(got) == pytest.approx(expected, rel=1e-9)


def test_samples_within_all_their_cones_cost_nothing():
    tree = Taxonomy.from_paths([("r", "a", "a1"), ("r", "b", "b1")])
    m = Lorentz()
    axis = torch.tensor([[0.5, 0.0], [-0.5, 0.0], [1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    apex = m.from_features(axis)  # a, b, a1, b1 on one line through the origin
    z = m.from_features(torch.tensor([[2.0, 0.0], [-2.0, 0.0]], dtype=torch.float64))
    ids = tree.encode(["a", "b", "a1", "b1"])
    right = entailment_loss(z, tree.encode(["a1", "b1"]), apex, ids, tree, m)
    wrong = entailment_loss(z, tree.encode(["b1", "a1"]), apex, ids, tree, m)
    assert float(right) == 0.0 and float(wrong) > 2.0


def test_absent_nodes_take_no_part(tree, points):
    z, m = points(Lorentz(), 3), Lorentz()
    labels, apex = tree.encode(["a1x", "d", "b1y"]), points(m, len(tree), seed=1)
    some = tree.encode(["b", "a", "a1"])  # nothing above d
    each = entailment_loss(z, labels, apex[some], some, tree, m, reduction="none")
    e = cone_excess(m, apex[some], z, 0.1)
    margin = (0.1 - e).relu()
    e = e.relu()
    expected = torch.stack((e[0, 1:].mean() + margin[0, 0], e[0, 0] * 0, e[2, 0] + margin[2, 1]))
    torch.testing.assert_close(each, expected)


def test_class_owns_the_points_of_all_nodes_but_the_root(manifold, tree, points):
    loss = EntailmentLoss(tree, manifold=manifold, dim=3)
    assert isinstance(loss.nodes, ManifoldParameter)
    assert loss.nodes().shape == (len(tree) - 1, manifold.ambient_dim(3))
    assert manifold.check_point_on_manifold(loss.nodes().detach())
    z = points(manifold, len(NAMES), dtype=torch.float32).requires_grad_()
    value = loss(z, tree.encode(NAMES))
    twin = entailment_loss(
        z, tree.encode(NAMES), loss.nodes(), torch.arange(1, len(tree)), tree, manifold
    )
    torch.testing.assert_close(value, twin, rtol=0, atol=0)
    value.backward()
    for slope in (loss.nodes.weight.grad, z.grad):
        assert slope.isfinite().all() and (slope != 0).any()


def test_new_nodes_stand_a_step_from_their_parent(tree):
    loss = EntailmentLoss(tree, manifold="euclidean", dim=5)
    place = dict(zip(tree.nodes[1:], loss.nodes().detach(), strict=True))
    place[tree.root] = torch.zeros(5)
    for name in tree.nodes[1:]:
        (parent,) = tree.parents(name)
        assert float((place[name] - place[parent]).norm()) == pytest.approx(1 / 3, rel=1e-5)


def test_blocks_give_the_same_value_and_gradient(manifold, tree, points, draw):
    z, labels = points(manifold, 20), draw(tree, 20)
    results = []
    for block_size in (None, 6):
        torch.manual_seed(0)
        loss = EntailmentLoss(tree, manifold=manifold, dim=3, block_size=block_size)
        x = z.clone().requires_grad_()
        value = loss(x, labels)
        value.backward()
        results.append((value.detach(), x.grad, loss.nodes.weight.grad))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("name", ["euclidean", "sphere", "lorentz"])
def test_gradient(name, tree, points):
    m = get_manifold(name)
    labels, ids = tree.encode(["a1x", "b1y"]), tree.encode(["a", "b", "b1"])
    z = m.to_features(points(m, 2)).requires_grad_()
    apex = m.to_features(points(m, 3, seed=1)).requires_grad_()

    def of(z, apex):
        return entailment_loss(
            m.from_features(z), labels, m.from_features(apex), ids, tree, m, margin=1.0
        )

    assert torch.autograd.gradcheck(of, (z, apex), fast_mode=True)


def test_views_selections_and_references(tree, points):
    z, labels = points(Lorentz(), 4, 2), tree.encode(NAMES[:4])
    loss = EntailmentLoss(tree, manifold="lorentz", dim=3, reduction="none")
    each = loss(z, labels)
    assert each.shape == (4, 2)
    loss.reduction = "mean"
    rows = torch.tensor([1, 6])
    picked = loss(z, labels, indices_tuple=(rows, rows, rows))
    torch.testing.assert_close(picked, each.flatten()[rows].mean())
    torch.testing.assert_close(loss(z, labels, z, labels), each.mean())


def test_a_sample_with_several_labels_lies_below_all_of_them(tree, points):
    m, apex = Lorentz(), points(Lorentz(), len(tree), seed=1)
    z, several = points(m, 1), torch.zeros(1, len(tree), dtype=torch.bool)
    several[0, tree.encode(["a1x", "d"])] = True
    ids = torch.arange(len(tree))
    got = entailment_loss(z, several, apex, ids, tree, m, negatives="all")
    e = dict(zip(tree.nodes, cone_excess(m, apex, z, 0.1)[0], strict=True))
    above = ["a1x", "a1", "a", "d"]
    beside = [v for v in tree.nodes[1:] if v not in above]
    expected = sum(e[v].relu() for v in above) / 4
    expected = expected + sum((0.1 - e[v]).relu() for v in beside) / len(beside)
    torch.testing.assert_close(got, expected)


def test_descent_puts_samples_into_their_cones(small_tree):
    m = Lorentz()
    loss = EntailmentLoss(small_tree, manifold=m, dim=4)
    labels = small_tree.leaf_ids
    features = torch.randn(3, 4, requires_grad=True)
    values = []
    for _ in range(30):
        value = loss(m.from_features(features), labels)
        values.append(float(value.detach()))
        loss.zero_grad()
        value.backward()
        with torch.no_grad():
            weight = loss.nodes.weight
            step = m.egrad2rgrad(weight, weight.grad)
            weight.copy_(m.expmap(weight, -0.2 * step))
            features -= 0.8 * features.grad
            features.grad = None
    assert values[0] > 0.5 and values[-1] < 0.3 * values[0]


def test_a_cone_that_wrongly_holds_a_sample_is_pushed_off_it(small_tree):
    m = Lorentz()
    apex = m.from_features(torch.tensor([[0.6, 0.0]], dtype=torch.float64)).requires_grad_()
    z = m.from_features(torch.tensor([[2.0, 0.03]], dtype=torch.float64)).requires_grad_()
    assert float(cone_excess(m, apex, z, 0.1).detach()) < 0
    ids = small_tree.encode(["a", "b"])
    both = torch.cat((m.from_features(torch.tensor([[1.8, 0.0]], dtype=torch.float64)), apex))
    loss = entailment_loss(z, small_tree.encode(["a1"]), both, ids, small_tree, m)
    loss.backward()
    assert float(loss.detach()) > 0.1 and (apex.grad != 0).any() and (z.grad != 0).any()


def test_points_at_apex_and_origin_have_a_finite_gradient(manifold, tree):
    apex = manifold.origin(len(tree), manifold.ambient_dim(3)).clone()
    apex[1:5] = manifold.from_features(torch.eye(4, 3))
    z = torch.cat((apex[[0, 1, 4]], manifold.from_features(-torch.eye(2, 3)))).requires_grad_()
    apex.requires_grad_()
    labels, ids = tree.encode(["a", "a1x", "b1x", "a", "a"]), torch.arange(len(tree))
    loss = entailment_loss(z, labels, apex, ids, tree, manifold, negatives="all", margin=1.0)
    loss.backward()
    assert loss.isfinite() and z.grad.isfinite().all() and apex.grad.isfinite().all()


def test_root_empty_batch_and_one_node(tree, points):
    loss = EntailmentLoss(tree, manifold="lorentz", dim=3)
    z = points(Lorentz(), 2, dtype=torch.float32).requires_grad_()
    for value in (loss(z, tree.encode(["r", "r"])), loss(z[:0], torch.zeros(0, dtype=torch.long))):
        assert float(value.detach()) == 0.0
        value.backward()
        assert (z.grad == 0).all()
    one = EntailmentLoss(Taxonomy.from_paths([("only",)]), manifold="lorentz", dim=3)
    value = one(z, torch.zeros(2, dtype=torch.long))
    assert float(value.detach()) == 0.0
    value.backward()
    assert (z.grad == 0).all()


def test_several_parents_are_all_above(points):
    dag = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("b", "y")])
    m, z, apex = Lorentz(), points(Lorentz(), 1), points(Lorentz(), len(dag), seed=1)
    got = entailment_loss(
        z, dag.encode(["x"]), apex, torch.arange(len(dag)), dag, m, negatives="none"
    )
    above = dag.encode(["a", "b", "x"])
    torch.testing.assert_close(got, cone_excess(m, apex[above], z, 0.1).relu().mean())


def test_half_precision(tree, points):
    z = points(Euclidean(), len(NAMES), dtype=torch.float16)
    loss, labels = EntailmentLoss(tree, manifold="euclidean", dim=3), tree.encode(NAMES)
    value = loss(z, labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(loss(z.float().T.contiguous().T, labels), value)


def test_bad_input(tree, points):
    for options in (
        {"K": 0.0},
        {"margin": -1.0},
        {"negatives": "some"},
        {"dim": -2},
        {"reduction": "median"},
        {"initial": torch.zeros(3, 3)},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            EntailmentLoss(tree, manifold="euclidean", **{"dim": 3, **options})
    loss, labels = EntailmentLoss(tree, manifold="euclidean", dim=2), tree.encode(NAMES)
    with pytest.raises(ValueError, match="dim must be the number of features"):
        loss(points(Euclidean(), len(NAMES)), labels)
    with pytest.raises(TaxonomyError, match="50"):
        loss(torch.zeros(1, 2), torch.tensor([50]))
    with pytest.raises(ValueError, match="node_points"):
        entailment_loss(
            torch.zeros(7, 2), labels, torch.zeros(3, 2), torch.arange(2), tree, Euclidean()
        )
    with pytest.raises(ValueError, match="block_size"):
        EntailmentLoss(tree, manifold="euclidean", dim=2, block_size=0)(torch.zeros(7, 2), labels)
