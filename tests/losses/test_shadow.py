"""Shadow Loss against its formula, the cosine triplet loss, and hyperbolic trigonometry."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hyperhier.losses._ray import ray_positions
from hyperhier.losses.shadow import ShadowLoss, shadow_loss, shadow_triplet_loss
from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Polar, Sphere

LABELS = [0, 1, 0, 2, 1, 0, 2, 9]


def plain_position(a: list[float], x: list[float]) -> float:
    length = math.sqrt(sum(v * v for v in a))
    return sum(v * w for v, w in zip(a, x)) / length


def plain_delta(z: list[list[float]]) -> list[list[float]]:
    return [
        [abs(math.sqrt(sum(v * v for v in a)) - plain_position(a, x)) for x in z] for a in z
    ]  # fmt: skip


def plain_shadow(delta: list[list[float]], labels: list[int], margin: float, miner: str) -> float:
    anchors = []
    for i, y in enumerate(labels):
        positives = [delta[i][p] for p in range(len(labels)) if p != i and labels[p] == y]
        negatives = [delta[i][n] for n in range(len(labels)) if labels[n] != y]
        if not positives or not negatives:
            continue
        if miner == "all":
            pairs = list(itertools.product(positives, negatives))
        elif miner == "hard":
            pairs = [(max(positives), min(negatives))]
        else:
            pairs = [
                (p, min((n for n in negatives if n > p), default=max(negatives)))
                for p in positives
            ]  # fmt: skip
        anchors.append(sum(max(0.0, p - n + margin) for p, n in pairs) / len(pairs))
    return sum(anchors) / len(anchors)


@pytest.mark.parametrize("miner", ["all", "hard", "semihard"])
@pytest.mark.parametrize("margin", [0.0, 0.4, 3.0])
def test_equals_the_published_formula(points, miner, margin):
    z = points(Euclidean(), len(LABELS))
    expected = plain_shadow(plain_delta(z.tolist()), LABELS, margin, miner)
    got = shadow_loss(z, torch.tensor(LABELS), manifold=Euclidean(), margin=margin, miner=miner)
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_given_triplets_equal_the_published_formula(points):
    a, p, n = (points(Euclidean(), 6, seed=k) for k in range(3))
    expected = []
    for x, y, w in zip(a.tolist(), p.tolist(), n.tolist()):
        length = math.sqrt(sum(v * v for v in x))
        gap = abs(length - plain_position(x, y)) - abs(length - plain_position(x, w))
        expected.append(max(0.0, gap + 0.3))
    got = shadow_triplet_loss(a, p, n, manifold=Euclidean(), margin=0.3, reduction="none")
    assert got.tolist() == pytest.approx(expected, rel=1e-12)


def test_normalised_is_the_cosine_triplet_loss(points):
    a, p, n = (points(Euclidean(), 40, seed=k) for k in range(3))
    cosine = F.cosine_similarity(a, n) - F.cosine_similarity(a, p)
    got = shadow_triplet_loss(
        a, p, n, manifold=Euclidean(), margin=0.2, normalize=True, reduction="none"
    )
    torch.testing.assert_close(got, torch.relu(cosine + 0.2), rtol=0, atol=1e-12)
    single = shadow_triplet_loss(a.float(), p.float(), n.float(), manifold=Euclidean(), margin=0.2,
                                 normalize=True, reduction="none")  # fmt: skip
    torch.testing.assert_close(single.double(), got, rtol=0, atol=1e-6)


def test_normalised_with_labels_is_the_cosine_triplet_loss(points):
    z = points(Euclidean(), len(LABELS))
    cosine = F.cosine_similarity(z[:, None], z[None, :], dim=-1)
    delta = (1.0 - cosine).tolist()
    for miner in ("all", "hard", "semihard"):
        expected = plain_shadow(delta, LABELS, 0.3, miner)
        got = shadow_loss(z, torch.tensor(LABELS), manifold=Euclidean(), margin=0.3, miner=miner,
                          normalize=True)  # fmt: skip
        assert float(got) == pytest.approx(expected, abs=1e-7)


def test_on_the_sphere_it_is_the_cosine_triplet_loss(points):
    a, p, n = (points(Sphere(), 40, seed=k) for k in range(3))
    cosine = (a * n).sum(-1) - (a * p).sum(-1)
    got = shadow_triplet_loss(a, p, n, manifold=Sphere(), margin=0.2, reduction="none")
    torch.testing.assert_close(got, torch.relu(cosine + 0.2), rtol=0, atol=1e-12)


def test_normalised_compares_directions_on_every_manifold(manifold, points):
    flat = points(Euclidean(), len(LABELS))
    z = manifold.from_features(flat)
    got = shadow_loss(z, torch.tensor(LABELS), manifold=manifold, normalize=True)
    expected = shadow_loss(flat, torch.tensor(LABELS), manifold=Euclidean(), normalize=True)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("c", [1e-3, 1.0, 30.0])
def test_geodesic_position_is_the_nearest_point_of_the_ray(c):
    """By golden-section search over the geodesic with the manifold's own distance."""
    m = Lorentz(c)
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(12, 3, generator=generator, dtype=torch.float64) / math.sqrt(c)
    a, x = z[:4], z[4:]
    found = ray_positions(a, x, torch.tensor(c, dtype=torch.float64), "geodesic")
    direction = (a / a.norm(dim=-1, keepdim=True))[:, None, :]
    points = m.from_features(x)
    high = torch.full((4, 8), 8.0 / math.sqrt(c), dtype=torch.float64)
    low = -high
    for _ in range(70):
        left, right = high - 0.618 * (high - low), low + 0.618 * (high - low)
        at_left, at_right = (
            m.dist(m.from_features(end[:, :, None] * direction), points) for end in (left, right)
        )
        nearer = at_left < at_right
        low, high = torch.where(nearer, low, left), torch.where(nearer, right, high)
    # a search by values knows the place of a minimum to the root of the rounding
    torch.testing.assert_close(found, low, rtol=0, atol=1e-6 / math.sqrt(c))


def test_no_vectors_are_kept_for_the_backward_pass():
    a, p, n = (torch.randn(32, 500, requires_grad=True) for _ in range(3))
    inputs = {x.untyped_storage().data_ptr() for x in (a, p, n)}
    for normalize in (False, True):
        kept: dict[int, int] = {}

        def pack(x: Tensor, kept: dict[int, int] = kept) -> Tensor:
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            shadow_triplet_loss(a, p, n, manifold=Euclidean(), normalize=normalize)
        extra = sum(size for pointer, size in kept.items() if pointer not in inputs)
        assert extra < a.nbytes / 10


def test_busemann_position_is_the_limit_of_distances():
    m, far = Polar(), 60.0
    z = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    a, x = z[:3], z[3:]
    found = ray_positions(a, x, torch.tensor(1.0, dtype=torch.float64), "busemann")
    ends = m.from_features(far * a / a.norm(dim=-1, keepdim=True))
    torch.testing.assert_close(
        found, far - m.dist_matrix(ends, m.from_features(x)), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("projection", ["geodesic", "busemann"])
@pytest.mark.parametrize("radius", [1e-9, 1e-3, 1.0, 12.0])
def test_positions_against_fifty_digits(projection, radius):
    mpmath.mp.dps = 50
    angle = 0.7
    x = torch.tensor([[radius * math.cos(angle), radius * math.sin(angle)]], dtype=torch.float64)
    a = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    u, v = (mpmath.mpf(float(k)) for k in x[0])
    r = mpmath.sqrt(u * u + v * v)
    if projection == "geodesic":
        expected = mpmath.atanh(u / r * mpmath.tanh(r))
    else:
        expected = -mpmath.log(mpmath.cosh(r) - mpmath.sinh(r) * u / r)
    got = ray_positions(a, x, torch.tensor(1.0, dtype=torch.float64), projection)
    assert float(got) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("projection", ["geodesic", "busemann"])
def test_a_flat_limit(projection, points):
    z = points(Euclidean(), len(LABELS))
    labels = torch.tensor(LABELS)
    m = PoincareBall(1e-8)
    got = shadow_loss(m.from_features(z), labels, manifold=m, projection=projection)
    # the Busemann function bends with the root of c, the foot with c itself
    tolerance = {"geodesic": 1e-6, "busemann": 1e-3}[projection]
    torch.testing.assert_close(
        got, shadow_loss(z, labels, manifold=Euclidean()), rtol=tolerance, atol=0
    )


@pytest.mark.parametrize("projection", ["geodesic", "busemann", "features"])
def test_hyperbolic_models_agree(projection, points):
    z, labels = points(Euclidean(), len(LABELS)), torch.tensor(LABELS)
    values = [
        shadow_loss(m.from_features(z), labels, manifold=m, projection=projection)
        for m in (Lorentz(0.5), PoincareBall(0.5), Polar(0.5))
    ]
    torch.testing.assert_close(values[1], values[0], rtol=1e-9, atol=0)
    torch.testing.assert_close(values[2], values[0], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("miner", "normalize"), [("all", False), ("all", True), ("hard", False), ("semihard", False)]
)
def test_gradcheck(manifold, miner, normalize):
    features = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1, 0])
    assert torch.autograd.gradcheck(
        lambda f: shadow_loss(
            manifold.from_features(f), labels, manifold=manifold, miner=miner, normalize=normalize
        ),
        features,
    )


def test_gradient_reaches_a_learnable_curvature(points):
    m = Lorentz(0.7, learnable=True)
    z = points(Euclidean(), len(LABELS))

    def value() -> Tensor:
        return shadow_loss(m.from_features(z), torch.tensor(LABELS), manifold=m)

    (parameter,) = m.parameters()
    (grad,) = torch.autograd.grad(value(), parameter)
    step = 1e-3
    with torch.no_grad():
        parameter += step
        up = value()
        parameter -= 2 * step
        down = value()
    assert float(grad) == pytest.approx(float((up - down) / (2 * step)), rel=1e-2)


def test_gradients_are_finite_at_coincident_points_and_at_the_origin(manifold):
    features = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    for projection in ("geodesic", "busemann", "features"):
        for normalize in (False, True):
            f = features.double().requires_grad_()
            value = shadow_loss(manifold.from_features(f), torch.tensor([0, 0, 1, 1, 0]),
                                manifold=manifold, projection=projection, normalize=normalize,
                                margin=3.0)  # fmt: skip
            value.backward()
            assert bool(value.isfinite()) and bool(f.grad.isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [-0.9, -0.55, -0.45, 0.45, 0.55, 0.9])
def test_lengths_whose_squares_leave_the_range(dtype, exponent, points):
    """Of the exponents of the dtype: from the smallest numbers to the largest."""
    size = 10.0 ** (exponent * math.log10(torch.finfo(dtype).max))
    ordinary = points(Euclidean(), len(LABELS)).to(dtype)
    labels = torch.tensor(LABELS)
    rows = [ordinary[:3], ordinary[3:6], ordinary[5:]]
    tolerance = {"rtol": 1e-4, "atol": 1e-6}
    for normalize in (True, False):
        # the loss of vectors k times as long, with a margin k times as large, is k times the loss
        margin, unit = (0.4, 1.0) if normalize else (0.4 * size, size)
        z = (ordinary * size).requires_grad_()
        options = {"manifold": Euclidean(), "normalize": normalize}
        for miner in ("all", "hard"):
            value = shadow_loss(z, labels, margin=margin, miner=miner, **options)
            expected = shadow_loss(ordinary, labels, margin=0.4, miner=miner, **options)
            torch.testing.assert_close(value / unit, expected, **tolerance)
            (grad,) = torch.autograd.grad(value, z)
            assert bool(grad.isfinite().all()) and bool(grad.any())
        scaled = [(x * size).requires_grad_() for x in rows]
        value = shadow_triplet_loss(*scaled, margin=margin, **options)
        expected = shadow_triplet_loss(*rows, margin=0.4, **options)
        torch.testing.assert_close(value / unit, expected, **tolerance)
        assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(value, scaled))


@pytest.mark.parametrize("projection", ["geodesic", "busemann"])
def test_points_straight_ahead_lie_at_their_distance(projection):
    one = torch.tensor(1.0, dtype=torch.float64)
    a = torch.tensor([[3.0, 0.0]], dtype=torch.float64)
    for distance in (1.0, 200.0, 1e4, 1e30):
        x = torch.tensor([[distance, 0.0], [-distance, 0.0]], dtype=torch.float64).requires_grad_()
        found = ray_positions(a, x, one, projection)
        assert found.tolist()[0] == pytest.approx([distance, -distance], rel=1e-12)
        (grad,) = torch.autograd.grad(found.sum(), x)
        torch.testing.assert_close(grad, torch.tensor([[1.0, 0.0]] * 2, dtype=torch.float64))


def test_far_points_stay_finite():
    m = Polar()
    z = m.from_features(300.0 * torch.randn(8, 3, dtype=torch.float64)).requires_grad_()
    value = shadow_loss(z, torch.tensor(LABELS), manifold=m)
    value.backward()
    assert bool(value.isfinite()) and bool(z.grad.isfinite().all())


def test_random_miner_takes_triplets_of_the_labels_and_follows_the_seed(points):
    z, labels = points(Euclidean(), len(LABELS)), torch.tensor(LABELS)
    delta = plain_delta(z.tolist())
    values = set()
    for seed in range(20):
        torch.manual_seed(seed)
        loss = ShadowLoss(manifold=Euclidean(), miner="random", reduction="none", margin=0.3)
        each = loss(z, labels)
        torch.manual_seed(seed)
        torch.testing.assert_close(loss(z, labels), each, rtol=0, atol=0)
        values.add(round(float(each[3]), 9))
    allowed = {
        round(max(0.0, delta[3][6] - delta[3][n] + 0.3), 9)
        for n in range(8) if LABELS[n] != 2
    }  # fmt: skip
    assert values <= allowed and len(values) > 1


@pytest.mark.parametrize("miner", ["all", "hard", "semihard", "random"])
def test_tiled_schedule(manifold, points, miner):
    gradients = []
    for size in (None, 3):
        torch.manual_seed(5)
        z = points(manifold, 4, 2).requires_grad_()
        value = shadow_loss(z, torch.tensor([0, 1, 0, 2]), manifold=manifold, miner=miner,
                            block_size=size)  # fmt: skip
        gradients.append(torch.autograd.grad(value, z)[0])
        assert bool(gradients[-1].isfinite().all())
    if miner != "random":  # whose draws depend on the blocks
        torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-10, atol=1e-12)


def test_views_and_reference_set(points):
    m = Euclidean()
    z, labels = points(m, 4, 2), torch.tensor([0, 1, 0, 2])
    flat = shadow_loss(z.flatten(0, 1), labels.repeat_interleave(2), manifold=m)
    torch.testing.assert_close(shadow_loss(z, labels, manifold=m), flat)
    ref, ref_labels = points(m, 5, seed=1), torch.tensor([0, 1, 1, 2, 0])
    each = []
    for x, y in zip(z[:, 0], labels.tolist()):
        length = x.norm()
        delta = (length - ref @ x / length).abs()
        p, n = delta[ref_labels == y], delta[ref_labels != y]
        each.append(torch.relu(p[:, None] - n[None, :] + 0.5).mean())
    got = shadow_loss(z[:, 0], labels, manifold=m, ref_emb=ref, ref_labels=ref_labels)
    torch.testing.assert_close(got, torch.stack(each).mean())


def test_exactly_the_given_triples_count(manifold, points):
    z, labels = points(manifold, len(LABELS)), torch.tensor(LABELS)
    a, p, n = torch.tensor([0, 0, 4]), torch.tensor([2, 5, 1]), torch.tensor([1, 3, 7])
    rows = shadow_triplet_loss(z[a], z[p], z[n], manifold=manifold, reduction="none")
    for size in (None, 3):
        got = shadow_loss(z, labels, manifold=manifold, indices_tuple=(a, p, n), reduction="none",
                          block_size=size)  # fmt: skip
        torch.testing.assert_close(got[0], rows[:2].mean())
        torch.testing.assert_close(got[4], rows[2])
        assert float(got.sum()) == pytest.approx(float(got[0] + got[4]))


def test_pairs_limit_the_miner(points):
    z, labels = points(Euclidean(), len(LABELS)), torch.tensor(LABELS)
    pairs = (torch.tensor([0]), torch.tensor([2]), torch.tensor([0, 0]), torch.tensor([1, 3]))
    delta = plain_delta(z.tolist())[0]
    expected = sum(max(0.0, delta[2] - delta[n] + 0.5) for n in (1, 3)) / 2
    got = shadow_loss(z, labels, manifold=Euclidean(), indices_tuple=pairs)
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_class_and_functions_agree(manifold, points):
    z, labels = points(manifold, len(LABELS)), torch.tensor(LABELS)
    options = {"margin": 0.2, "miner": "hard", "projection": "busemann"}
    loss = ShadowLoss(manifold=manifold, **options)
    torch.testing.assert_close(
        loss(z, labels), shadow_loss(z, labels, manifold=manifold, **options)
    )
    torch.testing.assert_close(
        loss.triplets(z[:2], z[2:4], z[4:6]),
        shadow_triplet_loss(z[:2], z[2:4], z[4:6], manifold=manifold, margin=0.2,
                            projection="busemann"),
    )  # fmt: skip


def test_degenerate_batches_are_zero_with_a_graph(manifold):
    for labels in ([], [1], [1, 1, 1], [1, 2, 3]):
        for miner in ("all", "hard", "semihard", "random"):
            z = manifold.from_features(torch.randn(len(labels), 3)).requires_grad_()
            value = shadow_loss(z, torch.tensor(labels, dtype=torch.long), manifold=manifold,
                                miner=miner)  # fmt: skip
            value.backward()
            assert value.item() == 0.0 and bool(z.grad.isfinite().all())
    empty = torch.zeros(0, dtype=torch.long)
    z = manifold.from_features(torch.randn(3, 3)).requires_grad_()
    value = shadow_loss(z, torch.arange(3), manifold=manifold, indices_tuple=(empty, empty, empty))
    value.backward()
    assert value.item() == 0.0
    assert shadow_triplet_loss(z[:0], z[:0], z[:0], manifold=manifold).item() == 0.0


def test_half_precision_gives_a_float32_loss(points):
    z = points(Euclidean(), len(LABELS)).half()
    value = shadow_loss(z, torch.tensor(LABELS), manifold=Euclidean())
    assert value.dtype == torch.float32
    rows = shadow_triplet_loss(z[:2], z[2:4], z[4:6], manifold=Euclidean(), reduction="none")
    assert rows.dtype == torch.float32


def test_bad_input_is_named(points):
    m = Euclidean()
    z, labels = points(m, len(LABELS)), torch.tensor(LABELS)
    for options, message in (
        ({"margin": -1.0}, "margin .* -1.0"),
        ({"margin": math.nan}, "margin .* nan"),
        ({"miner": "easy"}, "'easy'"),
        ({"projection": "ortho"}, "'ortho'"),
        ({"block_size": 0}, "block_size .* 0"),
        ({"reduction": "max"}, "'max'"),
    ):
        with pytest.raises(ValueError, match=message):
            ShadowLoss(manifold=m, **options)
    with pytest.raises(ValueError, match="not finite"):
        shadow_loss(z * torch.inf, labels, manifold=m)
    with pytest.raises(ValueError, match="one shape"):
        shadow_triplet_loss(z, z[:2], z, manifold=m)
    with pytest.raises(ValueError, match="needs labels"):
        shadow_loss(z, None, manifold=m)
