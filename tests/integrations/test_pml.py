"""The bridge to pytorch-metric-learning: its parts on our distances, our losses as its own."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings

import pytest
import torch
from torch import Tensor, distributed

try:
    from pytorch_metric_learning import distances, losses, miners, reducers, regularizers
    from pytorch_metric_learning.utils import distributed as pml_distributed
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN, MatchFinder
except Exception as problem:
    pytest.skip(f"pytorch-metric-learning cannot be imported: {problem}", allow_module_level=True)

from hyperhier.integrations.pml import ManifoldDistance, PMLLoss
from hyperhier.losses import (
    HWCLoss,
    LAMLoss,
    NTXentLoss,
    SupConLoss,
    available_losses,
    make_loss,
)
from hyperhier.manifolds import Euclidean, Lorentz, Manifold, Product, Sphere, get_manifold
from hyperhier.metrics import recall_at_k
from hyperhier.taxonomy import Taxonomy
from hyperhier.testing.processes import on_ranks

GEOMETRIES = ("euclidean", "sphere", "poincare", "lorentz", "polar", "lorentz(2) x sphere(2)")

#: its losses that compare samples by a distance of any kind
THEIRS = {
    "contrastive": lambda d: losses.ContrastiveLoss(pos_margin=0.1, neg_margin=4.0, distance=d),
    "generalized_lifted": lambda d: losses.GeneralizedLiftedStructureLoss(distance=d),
    "intra_pair_variance": lambda d: losses.IntraPairVarianceLoss(distance=d),
    "lifted": lambda d: losses.LiftedStructureLoss(distance=d),
    "margin": lambda d: losses.MarginLoss(beta=2.0, distance=d),
    "multi_similarity": lambda d: losses.MultiSimilarityLoss(distance=d),
    "nca": lambda d: losses.NCALoss(distance=d),
    "n_pairs": lambda d: losses.NPairsLoss(distance=d),
    "ntxent": lambda d: losses.NTXentLoss(temperature=0.5, distance=d),
    "ranked_list": lambda d: losses.RankedListLoss(margin=1.0, Tn=0.5, alpha=3.0, distance=d),
    "supcon": lambda d: losses.SupConLoss(temperature=0.5, distance=d),
    "triplet": lambda d: losses.TripletMarginLoss(margin=2.0, distance=d),
}
MINERS = {
    "batch_easy_hard": miners.BatchEasyHardMiner,
    "batch_hard": miners.BatchHardMiner,
    "multi_similarity": miners.MultiSimilarityMiner,
    "pair_margin": lambda distance: miners.PairMarginMiner(0.5, 3.0, distance=distance),
    "triplet_margin": lambda distance: miners.TripletMarginMiner(1.0, distance=distance),
}

TREE = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])


@pytest.fixture(params=GEOMETRIES)
def manifold(request: pytest.FixtureRequest) -> Manifold:
    return get_manifold(request.param)


def batch(m: Manifold, n: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n points and their labels; the first two points of the first class coincide."""
    z = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    labels = TREE.leaf_ids[torch.arange(n) % 3]
    if n > 3:
        z[3] = z[0]
    return m.from_features(z), labels


# ------------------------------------------------------------------------------ the distance


def test_it_is_the_distance_of_the_manifold(manifold: Manifold) -> None:
    x, _ = batch(manifold)
    y, _ = batch(manifold, 12, seed=1)
    distance = ManifoldDistance(manifold)
    torch.testing.assert_close(distance(x, y[:5]), manifold.dist_matrix(x, y[:5]))
    torch.testing.assert_close(distance.pairwise_distance(x, y), manifold.dist(x, y))
    squared = ManifoldDistance(manifold, power=2)
    torch.testing.assert_close(squared(x), manifold.dist_matrix(x, x) ** 2)
    assert (distance(x).diagonal() == 0).all() and distance(x)[0, 3] == 0
    assert not distance.is_inverted and not distance.normalize_embeddings


def test_flat_space_is_their_own_distance() -> None:
    x, labels = batch(Euclidean())
    ours, theirs = ManifoldDistance("euclidean"), distances.LpDistance(normalize_embeddings=False)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-6, atol=1e-6)
    for make in THEIRS.values():
        torch.testing.assert_close(make(ours)(x, labels), make(theirs)(x, labels))


def test_statistics_are_distances_from_the_origin() -> None:
    m = Lorentz(0.5)
    x, _ = batch(m)
    distance = ManifoldDistance(m, collect_stats=True)
    distance(x, x[:2])
    assert distance.initial_avg_query_norm == pytest.approx(float(m.dist0(x).mean()))
    assert distance.final_avg_ref_norm == pytest.approx(float(m.dist0(x[:2]).mean()))


def test_geoopt_manifolds_and_names() -> None:
    geoopt = pytest.importorskip("geoopt")
    x, _ = batch(get_manifold("poincare"))
    expected = ManifoldDistance("poincare")(x)
    found = ManifoldDistance(geoopt.PoincareBall())(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", THEIRS)
def test_their_losses_have_finite_gradients(name: str, manifold: Manifold) -> None:
    """At coincident points too, in single precision."""
    x, labels = batch(manifold)
    x = manifold.projx(x.float()).requires_grad_()
    value = THEIRS[name](ManifoldDistance(manifold))(x, labels)
    (g,) = torch.autograd.grad(value, x)
    assert value.isfinite() and value != 0
    assert g.isfinite().all() and (g != 0).any()


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("radius", [1e-6, 15.0])
def test_finite_near_the_origin_and_far_from_it(name: str, radius: float) -> None:
    m = Lorentz()
    _, labels = batch(m)
    z = torch.nn.functional.normalize(torch.randn(12, 4), dim=-1)
    x = m.from_features(radius * z).requires_grad_()
    value = THEIRS[name](ManifoldDistance(m))(x, labels)
    (g,) = torch.autograd.grad(value, x)
    assert value.isfinite() and g.isfinite().all()


def test_a_loss_in_hyperbolic_space_learns() -> None:
    m = Lorentz(learnable=True)
    x, labels = batch(m)
    features = m.to_features(x).detach().requires_grad_()
    loss = losses.TripletMarginLoss(margin=1.0, distance=ManifoldDistance(m))
    assert any(p is m.curvature.log_c for p in loss.parameters())
    optimizer = torch.optim.Adam([features, *loss.parameters()], lr=0.05)
    values = []
    for _ in range(20):
        optimizer.zero_grad()
        value = loss(m.from_features(features), labels)
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]
    assert m.curvature.log_c != 0


def test_neighbours_and_accuracy() -> None:
    m = Lorentz()
    x, labels = batch(m, 30)
    x = x.float()
    knn = CustomKNN(ManifoldDistance(m))
    calculator = AccuracyCalculator(include=("precision_at_1",), k=1, knn_func=knn)
    found = calculator.get_accuracy(x, labels)["precision_at_1"]
    assert found == pytest.approx(recall_at_k(x, labels, m))
    assert MatchFinder(ManifoldDistance(m), threshold=1e-9).is_match(x[0], x[3])


# ----------------------------------------------------------------------------- miners


@pytest.mark.parametrize("name", MINERS)
def test_their_miners_choose_for_our_losses(name: str, manifold: Manifold) -> None:
    x, labels = batch(manifold)
    x = x.requires_grad_()
    indices = MINERS[name](distance=ManifoldDistance(manifold))(x, labels)
    assert len(indices[0]) > 0
    for loss in (SupConLoss(manifold=manifold), HWCLoss(TREE, manifold=manifold)):
        value = PMLLoss(loss)(x, labels, indices)
        torch.testing.assert_close(value, loss(x, labels, indices_tuple=indices))
        (g,) = torch.autograd.grad(value, x)
        assert g.isfinite().all() and (g != 0).any()


def test_the_hardest_pairs_are_those_of_the_manifold() -> None:
    m = Lorentz()
    x, labels = batch(m)
    a, p, n = miners.BatchHardMiner(distance=ManifoldDistance(m))(x, labels)
    table = m.dist_matrix(x, x)
    same = labels[:, None] == labels[None, :]
    assert torch.equal(table[a, p], table.masked_fill(~same, -1.0).amax(1)[a])
    assert torch.equal(table[a, n], table.masked_fill(same, torch.inf).amin(1)[a])


# ------------------------------------------------------------------------------ our losses


def build(spec: str, manifold: Manifold) -> torch.nn.Module:
    """A loss from a text, with the number of features where it owns points."""
    try:
        return make_loss(spec, TREE, manifold, dim=4).double()
    except TypeError as error:
        if "'dim'" not in str(error):
            raise
    return make_loss(spec, TREE, manifold).double()


@pytest.mark.parametrize("spec", [*available_losses(), "hwc+0.5*lam"])
@pytest.mark.parametrize("text", ["sphere", "lorentz", "lorentz(2) x sphere(2)"])
def test_value_and_order_of_arguments(spec: str, text: str) -> None:
    manifold = get_manifold(text)
    x, labels = batch(manifold)
    y, ref_labels = batch(manifold, seed=1)
    loss = build(spec, manifold)
    wrapped = PMLLoss(copy.deepcopy(loss))
    found, expected = wrapped(x.requires_grad_(), labels), loss(x, labels)
    torch.testing.assert_close(found, expected)
    (g,) = torch.autograd.grad(found, x)
    assert found.shape == () and g.isfinite().all() and (g != 0).any()
    torch.testing.assert_close(
        wrapped(x, labels, ref_emb=y, ref_labels=ref_labels), loss(x, labels, y, ref_labels)
    )


def test_our_loss_is_theirs_in_flat_space() -> None:
    x, labels = batch(Euclidean())
    ours = PMLLoss(SupConLoss(manifold="euclidean", temperature=0.3))
    theirs = losses.SupConLoss(temperature=0.3)
    torch.testing.assert_close(ours(x, labels), theirs(x, labels))
    x[3], labels[:] = -x[3], torch.arange(12) // 2
    torch.testing.assert_close(
        PMLLoss(NTXentLoss(manifold="euclidean", temperature=0.3))(x, labels),
        losses.NTXentLoss(temperature=0.3)(x, labels),
    )


def test_their_reducers_go_to_the_loss() -> None:
    m = Lorentz()
    x, labels = batch(m)
    each = SupConLoss(manifold=m, reduction="none")(x, labels)
    weights = torch.rand(len(TREE), dtype=x.dtype)
    threshold = float(each.median())
    for reducer, expected in (
        (reducers.ThresholdReducer(low=threshold), each[each > threshold].mean()),
        (reducers.AvgNonZeroReducer(), each.mean()),
        (reducers.ClassWeightedReducer(weights), (each * weights[labels]).mean()),
    ):
        loss = PMLLoss(SupConLoss(manifold=m, reduction=reducer))
        torch.testing.assert_close(loss(x, labels), expected)
    with pytest.raises(ValueError, match=r"one number, got values of shape \(12,\)"):
        PMLLoss(SupConLoss(manifold=m, reduction="none"))(x, labels)


def test_regularizers_are_added() -> None:
    m = Euclidean()
    x, labels = batch(m)
    plain = PMLLoss(SupConLoss(manifold=m))
    regularized = PMLLoss(
        SupConLoss(manifold=m),
        embedding_regularizer=regularizers.LpRegularizer(),
        embedding_reg_weight=0.5,
    )
    expected = plain(x, labels) + 0.5 * x.norm(dim=-1).mean()
    torch.testing.assert_close(regularized(x, labels), expected)


def test_sums_of_their_losses_and_ours() -> None:
    m = Lorentz()
    x, labels = batch(m)
    ours, theirs = PMLLoss(HWCLoss(TREE, manifold=m)), THEIRS["triplet"](ManifoldDistance(m))
    both = losses.MultipleLosses([ours, theirs], weights=[1.0, 0.3])
    torch.testing.assert_close(both(x, labels), ours(x, labels) + 0.3 * theirs(x, labels))


def test_a_queue_of_theirs() -> None:
    class Memory(losses.CrossBatchMemory):
        @classmethod
        def check_loss_support(cls, loss_name: str) -> None:
            """Any loss with indices_tuple, not only those that it lists by name."""

    m = Lorentz()
    memory = Memory(PMLLoss(SupConLoss(manifold=m)), embedding_size=5, memory_size=24)
    first, labels = batch(m)
    second, _ = batch(m, seed=1)
    memory(first, labels)
    value = memory(second, labels)
    queue, of_queue = torch.cat((first, second)), labels.repeat(2)
    same = labels[:, None] == of_queue[None, :]
    positive = same.clone()
    positive[torch.arange(12), torch.arange(12, 24)] = False
    indices = (*positive.nonzero(as_tuple=True), *(~same).nonzero(as_tuple=True))
    expected = SupConLoss(manifold=m)(second, labels, queue, of_queue, indices)
    torch.testing.assert_close(value, expected)


def test_nothing_to_compare_is_zero_with_a_graph() -> None:
    x = Lorentz().from_features(torch.randn(3, 4)).requires_grad_()
    value = PMLLoss(SupConLoss(manifold=Lorentz()))(x, torch.arange(3))
    value.backward()
    assert value == 0 and (x.grad == 0).all()


def test_half_precision() -> None:
    m = Lorentz()
    x, labels = batch(m)
    x = m.projx(x.half()).requires_grad_()
    value = PMLLoss(SupConLoss(manifold=m))(x, labels)
    value.backward()
    assert value.dtype == torch.float32 and x.grad.isfinite().all()
    assert ManifoldDistance(m)(x).dtype == torch.float16


def test_copies_and_state() -> None:
    m = Lorentz()
    x, labels = batch(m)
    loss = PMLLoss(LAMLoss(TREE, manifold=m))
    loss(x, labels)
    loss.eval()
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(twin(x, labels), loss(x, labels))
    fresh = PMLLoss(LAMLoss(TREE, manifold=m)).eval()
    fresh.load_state_dict(loss.state_dict())
    torch.testing.assert_close(fresh(x, labels), loss(x, labels))


def test_what_does_not_fit_is_named() -> None:
    loss = PMLLoss(SupConLoss(manifold="sphere"))
    with pytest.raises(TypeError, match="expected a loss of hyperhier, got TripletMarginLoss"):
        PMLLoss(losses.TripletMarginLoss())
    with pytest.raises(TypeError, match="got str"):
        PMLLoss("supcon")
    with pytest.raises(ValueError, match=r"\(n, ambient\), got \(2, 3, 4\)"):
        loss(torch.randn(2, 3, 4), torch.arange(2))
    with pytest.raises(ValueError, match="labels"):
        loss(torch.randn(2, 4), torch.ones(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="not finite"):
        loss(torch.full((2, 4), torch.nan), torch.zeros(2, dtype=torch.long))


# ------------------------------------------------------------------------------ two processes


def worker(rank: int) -> list[tuple[float, list[list[float]]]]:
    m, out = Lorentz(), []
    x, labels = batch(m)
    for loss, efficient in cases(m):
        part = x[6 * rank : 6 * rank + 6].clone().requires_grad_()
        wrapped = pml_distributed.DistributedLossWrapper(loss, efficient=efficient)
        value = wrapped(part, labels[6 * rank : 6 * rank + 6])
        (g,) = torch.autograd.grad(value, part)
        out.append((float(value.detach()), g.tolist()))
    return out


def cases(m: Manifold) -> list[tuple[torch.nn.Module, bool]]:
    ours = PMLLoss(SupConLoss(manifold=m)), PMLLoss(make_loss("hwc+lam", TREE, m))
    theirs = losses.TripletMarginLoss(
        margin=2.0, distance=ManifoldDistance(m), reducer=reducers.MeanReducer()
    )
    return [(ours[0], False), (ours[0], True), (ours[1], False), (theirs, False)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="gloo rendezvous differs")
def test_their_distributed_wrapper_takes_our_losses_and_distances() -> None:
    if not distributed.is_gloo_available():
        pytest.skip("this build of torch has no gloo")
    got = on_ranks(worker)

    m = Lorentz()
    x, labels = batch(m)
    for k, (loss, efficient) in enumerate(cases(m)):
        whole = x.clone().requires_grad_()
        value = loss(whole, labels)
        (g,) = torch.autograd.grad(value, whole)
        values, parts = zip(*(got[rank][k] for rank in (0, 1)), strict=True)
        if efficient:  # each rank has its own anchors
            assert sum(values) / 2 == pytest.approx(2 * float(value.detach()), rel=1e-6)
            continue
        for found in values:
            assert found == pytest.approx(2 * float(value.detach()), rel=1e-6)
        stacked = torch.tensor(parts, dtype=g.dtype).flatten(0, 1)
        torch.testing.assert_close(stacked, 2 * g, rtol=1e-6, atol=1e-9)


def test_outside_a_distributed_run_the_wrapper_is_the_loss() -> None:
    m = Lorentz()
    x, labels = batch(m)
    loss = PMLLoss(SupConLoss(manifold=m))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = pml_distributed.DistributedLossWrapper(loss)(x, labels)
    torch.testing.assert_close(value, loss(x, labels))


def test_products_are_no_exception() -> None:
    m = Product((Lorentz(), 2), (Sphere(), 2), weights=(1.0, 3.0))
    x, labels = batch(m)
    found = THEIRS["triplet"](ManifoldDistance(m))(x, labels)
    table = m.dist_matrix(x, x)
    hinges = [
        max(0.0, float(table[i, p] - table[i, n]) + 2.0)
        for i in range(12)
        for p in range(12)
        for n in range(12)
        if i != p and labels[i] == labels[p] and labels[i] != labels[n]
    ]
    kept = [h for h in hinges if h > 0]
    assert float(found) == pytest.approx(sum(kept) / len(kept))
