"""LAM: its formula, its prototypes, its options."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.losses import LAMLoss
from hyperhier.losses._prototypes import PrototypeBank, batch_means
from hyperhier.losses.functional import lam_loss
from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Sphere
from hyperhier.taxonomy import Taxonomy

COMPETITORS = ("hardest", "siblings", "all", "softplus")
MARGINS = ("decreasing", "uniform", "tree")


def plain_lam(
    z, labels, prototypes, tree, manifold, *, competitor, margins, m0=0.4, g=0.6, weights=None
):
    """The formula, written out by name; ``prototypes`` is a dict of points."""

    def path(name):  # root first, the leaf standing in for itself below
        up = [*reversed(tree.ancestors(name)), name]
        return up + [name] * (tree.height + 1 - len(up))

    def hops(a, b):
        common = len([x for x in (*tree.ancestors(a), a) if x in (*tree.ancestors(b), b)])
        return len(tree.ancestors(a)) + len(tree.ancestors(b)) + 2 - 2 * common

    total = 0.0
    for level in range(1, tree.height + 1):
        nodes = {path(leaf)[level] for leaf in tree.leaves}
        terms = []
        for point, name in zip(z, labels, strict=True):
            own = path(name)[level]
            others = [v for v in nodes if v != own and v in prototypes]
            if competitor == "siblings":
                others = [v for v in others if tree.parents(v) == tree.parents(own)]
            if own not in nodes or own not in prototypes or not others:
                continue
            d = {v: float(manifold.dist(point, prototypes[v])) for v in (own, *others)}
            m = {
                "decreasing": lambda v, level=level: m0 * g ** (level - 1),
                "uniform": lambda v: m0,
                "tree": lambda v, own=own: m0 + 0.5 * hops(own, v),
            }[margins]
            excess = [d[own] - d[v] + m(v) for v in others]
            if competitor == "all":
                terms.append(sum(max(e, 0.0) for e in excess) / len(excess))
            elif competitor == "softplus":
                terms.append(math.log(1 + sum(math.exp(e) for e in excess)))
            else:
                terms.append(max(*excess, 0.0))
        if terms:
            total += (weights[level - 1] if weights else 1.0) * sum(terms) / len(terms)
    return total


@pytest.mark.parametrize("margins", MARGINS)
@pytest.mark.parametrize("competitor", COMPETITORS)
def test_equals_the_formula(manifold, tree, points, competitor, margins):
    names = ["a1x", "a1x", "a2x", "b1y", "d", "b1x", "a", "b1"]  # two inner nodes among them
    seen = ["a", "b", "d", "a1", "a2", "b1", "a1x", "a1y", "b1x", "b1y"]  # a2x is not
    z, prototypes = points(manifold, 8), points(manifold, len(seen), seed=1)
    expected = plain_lam(
        z,
        names,
        dict(zip(seen, prototypes, strict=True)),
        tree,
        manifold,
        competitor=competitor,
        margins=margins,
        weights=(1.0, 0.25, 2.0),
    )
    got = lam_loss(
        z,
        tree.encode(names),
        prototypes,
        tree.encode(seen),
        tree,
        manifold,
        competitor=competitor,
        margins=margins,
        margin=0.4,
        margin_decay=0.6,
        level_weights=(1.0, 0.25, 2.0),
    )
    assert expected > 0
    assert float(got) == pytest.approx(expected, rel=1e-9)


def test_default_margins(tree, points):
    z, names = points(Euclidean(), 4), ["a1x", "a1y", "b1x", "d"]
    prototypes = points(Euclidean(), len(tree), seed=1)
    expected = plain_lam(
        z,
        names,
        dict(zip(tree.nodes, prototypes, strict=True)),
        tree,
        Euclidean(),
        competitor="hardest",
        margins="decreasing",
        m0=0.5,
        g=0.5,
    )
    ids = torch.arange(len(tree))
    got = lam_loss(z, tree.encode(names), prototypes, ids, tree, Euclidean())
    assert float(got) == pytest.approx(expected, rel=1e-9)


def test_softplus_bounds_the_hardest(manifold, tree, points, draw):
    z, labels = points(manifold, 20), draw(tree, 20)
    prototypes, ids = points(manifold, len(tree), seed=1), torch.arange(len(tree))
    value = {
        c: lam_loss(
            z,
            labels,
            prototypes,
            ids,
            tree,
            manifold,
            competitor=c,
            margins="uniform",
            reduction="none",
        )
        for c in ("hardest", "softplus")
    }
    gap = value["softplus"] - value["hardest"]
    assert bool((gap > 0).all())
    assert bool((gap <= tree.height * math.log(len(tree))).all())


# ------------------------------------------------------------------------- prototypes


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_moving_average_is_the_bias_corrected_one(rho):
    """Two-point centres with weight (1-rho)/(1-rho^n) are Adam's average, in flat space."""
    tree = Taxonomy.from_paths([("r", "x"), ("r", "y")])
    bank = PrototypeBank(tree, Euclidean(), rho)
    torch.manual_seed(0)
    batches = torch.randn(7, 3, 2, dtype=torch.float64)
    labels = tree.encode(["x"] * 3)
    average = torch.zeros(2, dtype=torch.float64)
    for n, batch in enumerate(batches, start=1):
        bank.update(batch, labels)
        average = rho * average + (1 - rho) * batch.mean(dim=0)
        ids, points = bank.seen()
        assert tree.decode(ids) == ["x"]
        torch.testing.assert_close(points[0], average / (1 - rho**n), rtol=1e-12, atol=1e-14)


def test_every_node_counts_its_own_updates(tree, manifold, points):
    loss = LAMLoss(tree, manifold=manifold, momentum=0.9)
    first, second = points(manifold, 2), points(manifold, 2, seed=1)
    loss(first, tree.encode(["a1x", "a1y"]))
    loss(second, tree.encode(["a1x", "b1x"]))
    ids, prototypes = loss.prototypes()
    found = dict(zip(tree.decode(ids), prototypes, strict=True))
    assert found.keys() == {"a", "a1", "a1x", "a1y", "b", "b1", "b1x"}
    same = {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(found["a1y"], first[1], **same)
    torch.testing.assert_close(found["b1"], second[1], **same)
    weight = (1 - 0.9) / (1 - 0.9**2)
    expected = manifold.midpoint(first[0], second[0], weight)
    torch.testing.assert_close(found["a1x"], expected, **same)
    mean = manifold.centroid(first)
    torch.testing.assert_close(found["a"], manifold.midpoint(mean, second[0], weight), **same)
    assert bool((manifold.constraint_violation(prototypes) < 1e-12).all())


@pytest.mark.parametrize("size", [1, 4, 60])
def test_batch_means_are_centroids_of_the_samples_below(size, manifold, tree, points, draw):
    z, labels = points(manifold, size), draw(tree, size)
    ids, means = batch_means(z, labels, tree, manifold)
    assert tree.root_id not in ids
    expected = set()
    for name in tree.decode(labels):
        expected |= {name, *tree.ancestors(name)} - {tree.root}
    assert set(tree.decode(ids)) == expected
    for node, mean in zip(ids, means, strict=True):
        below = tree.is_ancestor(node, labels, proper=False)
        torch.testing.assert_close(mean, manifold.centroid(z[below]), rtol=1e-9, atol=1e-12)


def test_the_loss_is_that_of_the_updated_prototypes(manifold, tree, points, draw):
    loss = LAMLoss(tree, manifold=manifold, margins="uniform", margin=1.0)
    for seed in range(3):
        z, labels = points(manifold, 9, seed=seed).requires_grad_(), draw(tree, 9, seed=seed)
        value = loss(z, labels)
        ids, prototypes = loss.prototypes()
        assert not prototypes.requires_grad
        expected = lam_loss(
            z, labels, prototypes, ids, tree, manifold, margins="uniform", margin=1.0
        )
        torch.testing.assert_close(value, expected, rtol=0, atol=0)
        got, wanted = (torch.autograd.grad(v, z)[0] for v in (value, expected))
        torch.testing.assert_close(got, wanted, rtol=0, atol=0)


def test_evaluation_moves_nothing(tree, points, draw):
    loss = LAMLoss(tree, manifold=Lorentz())
    loss(points(Lorentz(), 9), draw(tree, 9))
    before = loss.prototypes()
    loss.eval()
    loss(points(Lorentz(), 9, seed=1), draw(tree, 9, seed=1))
    torch.testing.assert_close(loss.prototypes(), before, rtol=0, atol=0)


def test_without_prototypes_the_loss_is_zero_with_a_graph(manifold, tree, points, draw):
    loss = LAMLoss(tree, manifold=manifold).eval()
    z = points(manifold, 4).requires_grad_()
    loss(z, draw(tree, 4)).backward()
    assert bool((z.grad == 0).all())
    ids, prototypes = loss.prototypes()
    assert len(ids) == len(prototypes) == 0


@pytest.mark.parametrize("names", [[], ["a1x"], ["a1x", "a1x"], ["r", "r"]])
def test_batches_without_a_competitor(manifold, tree, points, names):
    z = points(manifold, len(names)).requires_grad_()
    value = LAMLoss(tree, manifold=manifold)(z, tree.encode(names))
    value.backward()
    assert value.item() == 0
    assert bool((z.grad == 0).all())


def test_two_losses_before_one_backward(tree, points, draw):
    loss = LAMLoss(tree, manifold=Lorentz(), margin=5.0)
    z = points(Lorentz(), 9).requires_grad_()
    (loss(z, draw(tree, 9)) + loss(z, draw(tree, 9, seed=1))).backward()
    assert bool(z.grad.isfinite().all())


def test_reference_samples_feed_the_prototypes(tree, points, draw):
    m = PoincareBall()
    z, labels = points(m, 5), draw(tree, 5)
    ref, ref_labels = points(m, 12, seed=1), draw(tree, 12, seed=1)
    loss = LAMLoss(tree, manifold=m)
    value = loss(z, labels, ref, ref_labels)
    ids, prototypes = batch_means(ref, ref_labels, tree, m)
    torch.testing.assert_close(loss.prototypes(), (ids, prototypes))
    torch.testing.assert_close(value, lam_loss(z, labels, prototypes, ids, tree, m))


def test_explicit_pairs_choose_the_samples(tree, points, draw):
    m = Euclidean()
    z, labels = points(m, 6), draw(tree, 6)
    prototypes, ids = points(m, len(tree), seed=1), torch.arange(len(tree))
    every = lam_loss(z, labels, prototypes, ids, tree, m, margin=3.0, reduction="none")
    some = lam_loss(
        z,
        labels,
        prototypes,
        ids,
        tree,
        m,
        margin=3.0,
        reduction="none",
        indices_tuple=(torch.tensor([1, 4]), torch.tensor([0, 0]), torch.tensor([2, 2])),
    )
    assert some.nonzero().squeeze(1).tolist() == [1, 4]
    torch.testing.assert_close(some[[1, 4]], every[[1, 4]])


# ---------------------------------------------------------------------------- taxonomies


def test_a_second_parent_is_never_pushed_away(points):
    dag = Taxonomy.from_edges(
        [
            ("r", "p"),
            ("r", "q"),
            ("r", "s"),
            ("p", "x"),
            ("q", "x"),
            ("p", "y"),
            ("q", "z"),
            ("s", "w"),
        ]
    )
    m = Euclidean()
    prototypes = points(m, len(dag), seed=1).requires_grad_()
    ids = torch.arange(len(dag))
    value = lam_loss(
        points(m, 1),
        dag.encode(["x"]),
        prototypes,
        ids,
        dag,
        m,
        margin=50.0,
        competitor="all",
        level_weights=(1.0, 0.0),
    )
    value.backward()
    touched = prototypes.grad.abs().sum(dim=1) > 0
    assert set(dag.decode(ids[touched])) == {"p", "s"}


def test_a_single_node_and_a_flat_taxonomy(points):
    alone = Taxonomy.from_edges([], nodes=["only"])
    z = points(Euclidean(), 3).requires_grad_()
    value = LAMLoss(alone, manifold=Euclidean())(z, torch.zeros(3, dtype=torch.long))
    value.backward()
    assert value.item() == 0
    flat = Taxonomy.from_paths([("r", "x"), ("r", "y")])
    value = LAMLoss(flat, manifold=Euclidean(), margin=9.0)(z, flat.encode(["x", "y", "y"]))
    assert value.item() > 0


# ------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("competitor", COMPETITORS)
def test_gradcheck(manifold, tree, points, competitor):
    torch.manual_seed(0)
    features = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    prototypes, ids = points(manifold, len(tree), seed=1), torch.arange(len(tree))
    labels = tree.encode(["a1x", "a2x", "b1y", "d"])
    assert torch.autograd.gradcheck(
        lambda f: lam_loss(
            manifold.from_features(f),
            labels,
            prototypes,
            ids,
            tree,
            manifold,
            competitor=competitor,
            margin=2.0,
        ),
        features,
    )


def test_order_and_strides_do_not_matter(manifold, tree, points, draw):
    z, labels = points(manifold, 9), draw(tree, 9)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    loss = LAMLoss(tree, manifold=manifold, margin=2.0)
    value = copy.deepcopy(loss)(z, labels)
    torch.testing.assert_close(copy.deepcopy(loss)(z[order], labels[order]), value)
    strided = z.T.contiguous().T
    torch.testing.assert_close(copy.deepcopy(loss)(strided, labels), value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(manifold, tree, points, draw, dtype):
    z = points(manifold, 9, dtype=dtype)
    labels = draw(tree, 9)
    loss = LAMLoss(tree, manifold=manifold, margin=2.0)
    twin = copy.deepcopy(loss)
    with torch.autocast("cpu", torch.bfloat16):
        x = z.clone().requires_grad_()
        value = loss(x, labels)
    value.backward()
    assert value.dtype == loss.prototypes()[1].dtype == torch.float32
    assert x.grad.dtype == dtype
    assert bool(x.grad.isfinite().all())
    torch.testing.assert_close(value, twin(z.float(), labels), rtol=0, atol=0)


def test_half_of_the_module_keeps_the_average_precise(tree, points, draw):
    loss = LAMLoss(tree, manifold=Lorentz())
    loss(points(Lorentz(), 9, dtype=torch.float32), draw(tree, 9))
    before = loss.prototypes()[1]
    torch.testing.assert_close(loss.half().prototypes()[1], before, rtol=0, atol=0)
    assert loss.double().prototypes()[1].dtype == torch.float64


def test_views_count_as_samples(manifold, tree, points, draw):
    z, labels = points(manifold, 5, 2), draw(tree, 5)
    loss = LAMLoss(tree, manifold=manifold, margin=2.0, reduction="none")
    value = copy.deepcopy(loss)(z, labels)
    assert value.shape == (5, 2)
    flat = loss(z.flatten(0, 1), labels.repeat_interleave(2))
    torch.testing.assert_close(value.flatten(), flat)
    paths = LAMLoss(tree, manifold=manifold, margin=2.0, reduction="none")
    torch.testing.assert_close(paths(z, tree.paths(labels)), value)


def test_reductions(tree, points):
    m = Euclidean()
    z, labels = points(m, 4), tree.encode(["a1x", "a1y", "b1x", "a"])
    prototypes, ids = points(m, len(tree), seed=1), torch.arange(len(tree))

    def value(reduction):
        return lam_loss(z, labels, prototypes, ids, tree, m, margin=3.0, reduction=reduction)

    torch.testing.assert_close(value("none").sum(), value("sum"))
    seen = []
    value(lambda terms, *_: seen.append(terms["loss"]["losses"]))
    torch.testing.assert_close(seen[0], value("none"))


# --------------------------------------------------------------------------------- state


def test_state_dict_goes_round(tree, points, draw):
    loss = LAMLoss(tree, manifold=Lorentz())
    loss(points(Lorentz(), 9), draw(tree, 9))
    fresh = LAMLoss(tree, manifold=Lorentz())
    fresh.load_state_dict(loss.state_dict())
    torch.testing.assert_close(fresh.prototypes(), loss.prototypes(), rtol=0, atol=0)
    z, labels = points(Lorentz(), 9, seed=1), draw(tree, 9, seed=1)
    torch.testing.assert_close(fresh(z, labels), loss(z, labels), rtol=0, atol=0)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(twin.prototypes(), loss.prototypes(), rtol=0, atol=0)
    other = LAMLoss(Taxonomy.from_paths([("r", "x")]), manifold=Lorentz())
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict(loss.state_dict())


def test_reset_forgets(tree, points, draw):
    loss = LAMLoss(tree, manifold=Sphere())
    loss(points(Sphere(), 9), draw(tree, 9))
    with pytest.raises(ValueError, match="have 3 coordinates, the embeddings 4"):
        loss(torch.ones(2, 4), draw(tree, 2))
    loss.bank.reset()
    assert len(loss.prototypes()[0]) == 0
    loss(Sphere().projx(torch.ones(2, 4)), draw(tree, 2))
    assert loss.prototypes()[1].shape[1] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"competitor": "easiest"}, "competitor must be one of .* got 'easiest'"),
        ({"margins": "rising"}, "margins must be one of .* got 'rising'"),
        ({"margin": -1.0}, "margin must be finite and at least 0, got -1.0"),
        ({"tree_weight": math.nan}, "tree_weight must be finite and at least 0, got nan"),
        ({"margin_decay": 0.0}, r"margin_decay must be in \(0, 1\], got 0.0"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"level_weights": [1.0]}, r"one entry per level 1..3, got \(1.0,\)"),
        ({"level_weights": [1.0, -1.0, 1.0]}, "level_weights must be finite and at least 0"),
        ({"reduction": "max"}, "reduction must be one of .* got 'max'"),
    ],
)
def test_bad_options_are_named(tree, options, message):
    with pytest.raises(ValueError, match=message):
        LAMLoss(tree, manifold=Euclidean(), **options)


def test_bad_inputs_are_named(tree):
    loss = LAMLoss(tree, manifold=Euclidean())
    with pytest.raises(TaxonomyError, match="labels hold 99"):
        loss(torch.zeros(1, 2), torch.tensor([99]))
    with pytest.raises(ValueError, match=r"embeddings\[0\] is not finite"):
        loss(torch.full((1, 2), torch.nan), tree.leaf_ids[:1])
    assert len(loss.prototypes()[0]) == 0
    with pytest.raises(ValueError, match="needs labels"):
        loss(torch.zeros(1, 2), None)
    with pytest.raises(ValueError, match=r"prototypes \(P, a\) and prototype_ids \(P,\)"):
        lam_loss(
            torch.zeros(1, 2),
            tree.leaf_ids[:1],
            torch.zeros(3, 2),
            tree.leaf_ids[:2],
            tree,
            Euclidean(),
        )


def test_both_hyperbolic_models_agree(tree, points, draw):
    ball, hyperboloid = PoincareBall(c=0.3), Lorentz(c=0.3)
    losses = [LAMLoss(tree, manifold=m, margin=2.0) for m in (ball, hyperboloid)]
    for seed in range(3):
        z, labels = points(ball, 9, seed=seed), draw(tree, 9, seed=seed)
        one, two = losses[0](z, labels), losses[1](ball.to(hyperboloid)(z), labels)
        torch.testing.assert_close(one, two, rtol=1e-9, atol=0)
    there = ball.to(hyperboloid)(losses[0].prototypes()[1])
    torch.testing.assert_close(there, losses[1].prototypes()[1], rtol=1e-9, atol=1e-12)
