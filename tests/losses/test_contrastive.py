"""What every contrastive loss shares: schedules, reductions, inputs, dtypes, degenerate batches."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.losses import ContrastiveLoss, HWCLoss, NTXentLoss, SupConLoss
from hyperhier.losses.functional import hwc_loss, supcon_loss
from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Sphere
from hyperhier.taxonomy import Taxonomy

SMALL = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])


def each_loss(tree, manifold, **options):
    yield SupConLoss(manifold=manifold, **options)
    yield NTXentLoss(manifold=manifold, **options)
    yield HWCLoss(tree, manifold=manifold, **options)
    yield HWCLoss(tree, manifold=manifold, scaling="mass", positives="views", **options)


@pytest.mark.parametrize("block_size", [1, 5, 14, 100])
def test_tiled_equals_dense(manifold, tree, points, draw, block_size):
    z, labels = points(manifold, 7, 2), draw(tree, 7)
    dense = each_loss(tree, manifold, learn_temperature=True)
    tiled = each_loss(tree, manifold, learn_temperature=True, block_size=block_size)
    for a, b in zip(dense, tiled, strict=True):
        results = []
        for loss in (a.double(), b.double()):
            x = z.clone().requires_grad_()
            value = loss(x, labels)
            grads = torch.autograd.grad(value, (x, *loss.parameters()))
            results.append((value, *grads))
        torch.testing.assert_close(results[0], results[1], rtol=1e-11, atol=1e-13)


def test_tiled_equals_dense_with_reference_and_pairs(tree, points, draw):
    m = PoincareBall()
    z, ref = points(m, 6), points(m, 9, seed=1)
    indices = (
        torch.tensor([0, 1, 5, 5]),
        torch.tensor([3, 8, 0, 2]),
        torch.tensor([0, 5, 4]),
        torch.tensor([4, 6, 7]),
    )
    for pairs in (None, indices):
        values = [
            hwc_loss(
                z,
                draw(tree, 6),
                tree,
                manifold=m,
                ref_emb=ref,
                ref_labels=draw(tree, 9, seed=1),
                indices_tuple=pairs,
                block_size=size,
                reduction="none",
            )
            for size in (None, 4)
        ]
        torch.testing.assert_close(values[0], values[1], rtol=1e-12, atol=1e-14)


def test_tiled_schedule_never_forms_the_whole_table(tree, points, draw):
    shapes = []

    class Spy(ContrastiveLoss):
        def pairs(self, s, relation):
            shapes.append(tuple(s.shape))
            return s / self.temperature, relation.positives()

    z = points(Euclidean(), 10).requires_grad_()
    Spy(manifold=Euclidean(), block_size=4)(z, draw(tree, 10)).backward()
    assert max(n for n, _ in shapes) == 4
    assert len(shapes) == 6  # three blocks, formed again in the backward pass


@pytest.mark.parametrize("options", [{}, {"block_size": 2}])
def test_gradcheck(manifold, tree, options):
    torch.manual_seed(0)
    features = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    labels = tree.encode(["a1x", "a1x", "a1y", "d", "d"])
    for loss in (
        SupConLoss(manifold=manifold, temperature=0.5, **options),
        HWCLoss(tree, manifold=manifold, temperature=0.5, **options),
        HWCLoss(tree, manifold=manifold, temperature=0.5, scaling="mass", **options),
    ):
        assert torch.autograd.gradcheck(
            lambda f, loss=loss: loss(manifold.from_features(f), labels), features
        )


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(8)), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_order_of_the_batch_does_not_matter(order, names):
    torch.manual_seed(1)
    z = PoincareBall().from_features(torch.randn(8, 2, dtype=torch.float64))
    labels = SMALL.leaf_ids[torch.tensor(names)]
    order = torch.tensor(order)
    loss = HWCLoss(SMALL, manifold=PoincareBall(), reduction="none")
    torch.testing.assert_close(
        loss(z, labels)[order], loss(z[order], labels[order]), rtol=1e-11, atol=1e-13
    )


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(-3.1, 3.1))
def test_isometries_do_not_matter(boost, angle):
    torch.manual_seed(1)
    m = Lorentz()
    z = m.from_features(torch.randn(7, 2, dtype=torch.float64))
    b, a = torch.tensor(boost, dtype=z.dtype), torch.tensor(angle, dtype=z.dtype)
    zero, one = torch.zeros_like(b), torch.ones_like(b)
    push = torch.stack((b.cosh(), b.sinh(), zero, b.sinh(), b.cosh(), zero, zero, zero, one))
    turn = torch.stack((one, zero, zero, zero, a.cos(), -a.sin(), zero, a.sin(), a.cos()))
    moved = z @ (push.view(3, 3) @ turn.view(3, 3)).T
    labels = SMALL.leaf_ids[torch.tensor([0, 1, 2, 0, 1, 2, 0])]
    loss = HWCLoss(SMALL, manifold=m)
    torch.testing.assert_close(loss(moved, labels), loss(z, labels), rtol=1e-9, atol=1e-12)


def test_both_hyperbolic_models_agree(tree, points, draw):
    ball, hyperboloid = PoincareBall(c=0.3), Lorentz(c=0.3)
    z = points(ball, 8)
    labels = draw(tree, 8)
    torch.testing.assert_close(
        hwc_loss(z, labels, tree, manifold=ball),
        hwc_loss(ball.to(hyperboloid)(z), labels, tree, manifold=hyperboloid),
        rtol=1e-9,
        atol=0,
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(manifold, tree, points, draw, dtype):
    labels = draw(tree, 6)
    z = points(manifold, 6, 2, dtype=dtype)
    for loss in each_loss(tree, manifold):
        x = z.clone().requires_grad_()
        value = loss(x, labels)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, loss(z.float(), labels), rtol=0, atol=0)
        value.backward()
        assert x.grad.dtype == dtype
        assert bool(x.grad.isfinite().all())


def test_autocast_changes_nothing(manifold, tree, points, draw):
    z, labels = points(manifold, 6, 2, dtype=torch.float32), draw(tree, 6)
    for size in (None, 5):
        for loss in each_loss(tree, manifold, block_size=size):
            results = []
            for enabled in (False, True):
                x = z.clone().requires_grad_()
                with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                    value = loss(x, labels)
                value.backward()
                results.append((value.detach(), x.grad))
            torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)


def test_strides_do_not_matter(manifold, tree, points, draw):
    z, labels = points(manifold, 6, 2), draw(tree, 6)
    strided = z.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not strided.is_contiguous()
    for loss in each_loss(tree, manifold):
        torch.testing.assert_close(loss(strided, labels), loss(z, labels), rtol=1e-12, atol=0)


@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_batch_without_positives_is_zero_with_a_graph(manifold, tree, points, batch, block_size):
    z = points(manifold, batch).requires_grad_()
    labels = tree.leaf_ids[:batch]
    options = {"manifold": manifold, "block_size": block_size, "learn_temperature": True}
    for loss in (SupConLoss(**options), NTXentLoss(**options), HWCLoss(tree, **options)):
        value = loss(z, labels)
        value.backward()
        assert value.item() == 0.0
        assert z.grad.shape == z.shape
        assert bool((z.grad == 0).all())
        assert loss.log_temperature.grad is not None


def test_two_anchors_at_the_same_point(manifold, tree):
    z = manifold.from_features(torch.zeros(3, 2) + 0.1).requires_grad_()
    for loss in (SupConLoss(manifold=manifold), HWCLoss(tree, manifold=manifold)):
        value = loss(z, tree.encode(["d", "d", "b1x"]))
        value.backward()
        assert bool(value.isfinite())
        assert bool(z.grad.isfinite().all())


def test_a_zero_vector_has_cosine_zero():
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    value = supcon_loss(z, torch.tensor([0, 0, 1]), manifold=Euclidean(), reduction="none")
    torch.testing.assert_close(value[0], torch.tensor(2.0).log())
    value.sum().backward()
    assert bool(z.grad.isfinite().all())


def test_far_apart_points_do_not_overflow(tree):
    m = Lorentz()
    z = m.from_features(40.0 * torch.eye(3)).requires_grad_()
    value = hwc_loss(z, tree.encode(["a1x", "a1x", "d"]), tree, manifold=m, temperature=0.01)
    value.backward()
    assert bool(value.isfinite())
    assert bool(z.grad.isfinite().all())


def test_reductions(tree, points, draw):
    z = points(Sphere(), 6)
    labels = tree.encode(["a1x", "a1x", "d", "b1x", "b1x", "a2x"])
    loss = {
        r: HWCLoss(tree, manifold=Sphere(), reduction=r)(z, labels) for r in ("none", "sum", "mean")
    }
    assert loss["none"].shape == (6,)
    assert loss["none"].nonzero().squeeze(1).tolist() == [0, 1, 3, 4]
    torch.testing.assert_close(loss["none"].sum(), loss["sum"])
    torch.testing.assert_close(loss["sum"] / 4, loss["mean"])
    views = HWCLoss(tree, manifold=Sphere(), reduction="none")(points(Sphere(), 6, 2), labels)
    assert views.shape == (6, 2)
    with pytest.raises(ValueError, match=r"reduction must be one of .* got 'max'"):
        SupConLoss(manifold=Sphere(), reduction="max")


def test_reducers_get_the_anchors_with_a_positive(points):
    calls = []

    def reducer(terms, embeddings, labels):
        calls.append((terms, embeddings, labels))
        return terms["loss"]["losses"].max()

    z, labels = points(Euclidean(), 5), torch.tensor([3, 9, 3, 4, 3])
    loss = SupConLoss(manifold=Euclidean(), reduction=reducer)
    each = SupConLoss(manifold=Euclidean(), reduction="none")(z, labels)
    torch.testing.assert_close(loss(z, labels), each.max())
    terms, embeddings, seen = calls[0]
    assert terms["loss"]["indices"].tolist() == [0, 2, 4]
    assert terms["loss"]["reduction_type"] == "element"
    assert embeddings.shape == z.shape
    assert seen.tolist() == labels.tolist()
    assert float(loss(z, torch.arange(5))) == 0.0
    assert len(calls) == 1


def test_reducers_of_pytorch_metric_learning(points):
    try:
        from pytorch_metric_learning import reducers
    except Exception as problem:
        pytest.skip(f"pytorch-metric-learning cannot be imported: {problem}")
    z, labels = points(Euclidean(), 5), torch.tensor([1, 0, 1, 2, 1])
    mean = supcon_loss(z, labels, manifold=Euclidean())
    for reducer in (reducers.MeanReducer(), reducers.AvgNonZeroReducer()):
        got = supcon_loss(z, labels, manifold=Euclidean(), reduction=reducer)
        torch.testing.assert_close(got, mean)
    weighted = reducers.ClassWeightedReducer(weights=torch.tensor([0.0, 2.0, 0.0]))
    got = supcon_loss(z, labels, manifold=Euclidean(), reduction=weighted)
    torch.testing.assert_close(got, 2 * mean)


def test_reference_set_replaces_the_candidates(manifold, tree, points, draw):
    z, labels = points(manifold, 4), draw(tree, 4)
    ref, ref_labels = points(manifold, 6, seed=2), draw(tree, 6, seed=2)
    loss = HWCLoss(tree, manifold=manifold, reduction="none")
    both = loss(torch.cat((z, ref)), torch.cat((labels, ref_labels)))
    alone = loss(z, labels, ref, ref_labels)
    assert alone.shape == (4,)
    assert not torch.allclose(both[:4], alone)
    # one anchor at a time, the joint batch has just the reference as candidates
    for i in range(4):
        joint = loss(torch.cat((z[i : i + 1], ref)), torch.cat((labels[i : i + 1], ref_labels)))
        torch.testing.assert_close(joint[0], alone[i])


def test_an_anchor_in_the_reference_set_is_not_left_out(points):
    z, labels = points(Euclidean(), 3), torch.arange(3)
    value = supcon_loss(z, labels, manifold=Euclidean(), ref_emb=z, ref_labels=labels)
    assert float(value) > 0


def test_explicit_pairs_override_the_labels(tree, points):
    z, labels = points(Euclidean(), 4), tree.encode(["a1x", "a1y", "b1x", "d"])
    anchor, positive, negative = torch.tensor([[0], [1], [2]])
    value = supcon_loss(
        z,
        labels,
        manifold=Euclidean(),
        temperature=1.0,
        indices_tuple=(anchor, positive, negative),
    )
    cosine = torch.cosine_similarity(z[0], z[1:3])
    torch.testing.assert_close(value, -cosine.log_softmax(0)[0])


def test_no_pairs_selected(points):
    z = points(Euclidean(), 4).requires_grad_()
    nothing = torch.zeros(0, dtype=torch.long)
    value = supcon_loss(
        z,
        torch.zeros(4, dtype=torch.long),
        manifold=Euclidean(),
        indices_tuple=(nothing, nothing, nothing),
    )
    value.backward()
    assert value.item() == 0
    assert bool((z.grad == 0).all())


def test_learnt_temperature_is_a_parameter(points):
    z, labels = points(Euclidean(), 4), torch.tensor([0, 0, 1, 1])
    loss = SupConLoss(manifold=Euclidean(), temperature=0.5, learn_temperature=True)
    fixed = SupConLoss(manifold=Euclidean(), temperature=0.5)
    torch.testing.assert_close(loss(z, labels), fixed(z, labels), rtol=1e-6, atol=0)
    loss(z, labels).backward()
    assert [name for name, _ in loss.named_parameters()] == ["log_temperature"]
    assert float(loss.log_temperature.grad) != 0
    assert not list(fixed.parameters())


def test_a_temperature_given_stays_the_callers(points):
    z, labels = points(Euclidean(), 4), torch.tensor([0, 0, 1, 1])
    given = torch.nn.Parameter(torch.tensor(0.5))
    loss = SupConLoss(manifold=Euclidean(), temperature=given)
    loss(z, labels).backward()
    assert float(given.grad) != 0
    assert not list(loss.parameters()) and not loss.state_dict()


def test_a_learnt_temperature_starts_from_the_one_given():
    given = torch.nn.Parameter(torch.tensor(0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = SupConLoss(manifold=Euclidean(), temperature=given, learn_temperature=True)
    assert [name for name, _ in loss.named_parameters()] == ["log_temperature"]
    assert float(loss.temperature.detach()) == pytest.approx(0.5)


def test_learnable_curvature_gets_a_gradient(tree, points):
    m = Lorentz(c=0.7, learnable=True)
    for size in (None, 2):
        loss = HWCLoss(tree, manifold=m, block_size=size)
        (parameter,) = loss.parameters()
        value = loss(points(m, 4), tree.encode(["a1x", "a1x", "d", "d"]))
        (grad,) = torch.autograd.grad(value, parameter)
        assert float(grad) != 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f(torch.zeros(3, 2), torch.zeros(4).long()), ValueError, r"match .* got \(4,\)"),
        (lambda f: f(torch.zeros(3), torch.zeros(3).long()), ValueError, r"got \(3,\)"),
        (lambda f: f(torch.zeros(3, 2), torch.zeros(3)), TypeError, "integers, got torch.float32"),
        (lambda f: f(torch.zeros(3, 2).long(), torch.zeros(3).long()), TypeError, "torch.int64"),
        (lambda f: f([[0.0]], torch.zeros(1).long()), TypeError, "got list"),
        (
            lambda f: f(torch.tensor([[0.0], [torch.nan]]), torch.zeros(2).long()),
            ValueError,
            r"embeddings\[1\] is not finite",
        ),
        (
            lambda f: f(torch.tensor([[[0.0], [torch.inf]]]), torch.zeros(1).long()),
            ValueError,
            r"embeddings\[0, 1\] is not finite",
        ),
        (
            lambda f: f(torch.zeros(1, 2), torch.zeros(1).long(), ref_emb=torch.zeros(1, 2)),
            ValueError,
            "without ref_labels",
        ),
        (
            lambda f: f(torch.zeros(1, 2), torch.zeros(1).long(), ref_labels=torch.zeros(1).long()),
            ValueError,
            "without ref_emb",
        ),
        (
            lambda f: f(
                torch.zeros(1, 2),
                torch.zeros(1).long(),
                ref_emb=torch.zeros(1, 3),
                ref_labels=torch.zeros(1).long(),
            ),
            ValueError,
            "3 coordinates, embeddings of 2",
        ),
        (
            lambda f: f(
                torch.zeros(1, 2),
                torch.zeros(1).long(),
                ref_emb=torch.full((1, 2), torch.nan),
                ref_labels=torch.zeros(1).long(),
            ),
            ValueError,
            r"ref_emb\[0\] is not finite",
        ),
        (
            lambda f: f(
                torch.zeros(1, 2, device="meta"),
                torch.zeros(1).long(),
                ref_emb=torch.zeros(1, 2),
                ref_labels=torch.zeros(1).long(),
            ),
            ValueError,
            "ref_emb is on cpu, embeddings on meta",
        ),
        (
            lambda f: f(
                torch.zeros(2, 2),
                torch.zeros(2).long(),
                indices_tuple=(torch.tensor([0]), torch.tensor([2]), torch.tensor([1])),
            ),
            ValueError,
            r"holds 2, expected indices in \[0, 2\)",
        ),
        (
            lambda f: f(
                torch.zeros(2, 2), torch.zeros(2).long(), indices_tuple=(torch.tensor([0]),) * 2
            ),
            ValueError,
            "got 2 entries",
        ),
        (
            lambda f: f(
                torch.zeros(2, 2),
                torch.zeros(2).long(),
                indices_tuple=(torch.tensor([0]), torch.tensor([1]), torch.tensor([1, 0])),
            ),
            ValueError,
            "pairs 1 anchors with 2 others",
        ),
    ],
)
def test_bad_inputs_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(SupConLoss(manifold=Euclidean()))


def test_validation_can_be_turned_off():
    z = torch.tensor([[0.0], [torch.nan]])
    value = SupConLoss(manifold=Euclidean(), validate=False)(z, torch.zeros(2).long())
    assert bool(value.isnan())


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="cosine means nothing on Lorentz"):
        SupConLoss(manifold=Lorentz(), similarity="cosine")
    with pytest.raises(ValueError, match=r"block_size must be .* got 0"):
        supcon_loss(torch.zeros(1, 2), torch.zeros(1).long(), manifold=Euclidean(), block_size=0)


def test_manifolds_by_name_and_from_geoopt(tree, points, draw):
    geoopt = pytest.importorskip("geoopt")
    z, labels = points(PoincareBall(), 6), draw(tree, 6)
    expected = hwc_loss(z, labels, tree, manifold=PoincareBall())
    for manifold in ("poincare", geoopt.PoincareBall(c=1.0)):
        got = hwc_loss(z, labels, tree, manifold=manifold)
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=0)


def test_copies_and_pickles(tree, manifold, points, draw):
    z, labels = points(manifold, 6, 2), draw(tree, 6)
    for loss in each_loss(tree, manifold, learn_temperature=True):
        for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
            torch.testing.assert_close(twin(z, labels), loss(z, labels), rtol=0, atol=0)
            assert twin.state_dict().keys() == loss.state_dict().keys()
        assert "temperature=" in repr(loss)


def test_compiles_in_one_graph(tree, points, draw):
    labels = draw(tree, 6)
    for loss in (NTXentLoss(manifold=Sphere()), HWCLoss(tree, manifold=Lorentz())):
        z, results = points(loss.manifold, 6, 2), []
        torch.compiler.reset()
        for call in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
            x = z.clone().requires_grad_()
            value = call(x, labels)
            results.append((value, torch.autograd.grad(value, x)[0]))
        torch.testing.assert_close(results[0], results[1], rtol=1e-11, atol=1e-13)
