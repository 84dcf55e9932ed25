"""Ranking: both engines lower the loss they claim to, repeat themselves and can be resumed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyperhier.embedding import RankingEmbedder, TaxonomyEmbedding, embed
from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._ranking import embedder as ranking_module
from hyperhier.embedding._ranking.compiled import CompiledRanking, preorder
from hyperhier.embedding._ranking.held_out import HeldOut
from hyperhier.embedding._ranking.kernel import from_table, ranking_epoch, to_table
from hyperhier.embedding._ranking.plain import TorchRanking
from hyperhier.errors import RunError
from hyperhier.manifolds import Polar, get_manifold
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")
ENGINES = ("torch", pytest.param("compiled", marks=pytest.mark.skipif(
    not is_available(), reason="numba is not installed")))  # fmt: skip
compiled = pytest.mark.skipif(not is_available(), reason="numba is not installed")


@pytest.mark.parametrize("name", NAMES)
def test_training_improves_map_from_a_random_start(regular_tree, name) -> None:
    tax = regular_tree(3, 2)
    common = {
        "manifold": name, "dim": 3, "init": "random", "negatives": 10, "engine": "torch",
    }  # fmt: skip
    before = RankingEmbedder(**common, epochs=1, burn_in=0, lr=1e-9).fit(tax).embedding_
    after = RankingEmbedder(**common, epochs=60, burn_in=10).fit(tax).embedding_
    assert after.evaluate()["map"] > max(0.6, before.evaluate()["map"] + 0.2)
    assert after.evaluate()["mean_rank"] < before.evaluate()["mean_rank"]


@compiled
@pytest.mark.parametrize("name", ["poincare", "lorentz", "polar"])
def test_so_does_the_compiled_engine(regular_tree, name) -> None:
    tax = regular_tree(3, 3)
    common = {"manifold": get_manifold(name, c=0.3), "dim": 3, "init": "random"}
    before = RankingEmbedder(**common, epochs=1, burn_in=0, lr=1e-9).fit(tax).embedding_
    after = RankingEmbedder(**common, epochs=400).fit(tax).embedding_
    assert after.info["engine"] == "compiled"
    assert after.evaluate()["map"] > max(0.8, before.evaluate()["map"] + 0.2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_perfect_start_is_kept(engine) -> None:
    tax = Taxonomy.from_paths([("r", a, a + b) for a in "abc" for b in "xyz"])
    emb = embed(tax, method="ranking", epochs=5, negatives=5, engine=engine)
    assert emb.info["init"] == "constructive"
    assert emb.evaluate()["map"] > 0.99


@compiled
@pytest.mark.parametrize("dim", [2, 3, 9])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 8.0, 30.0])
def test_a_step_of_the_kernel_is_a_step_along_the_gradient(dim, scale) -> None:
    """Node 1 with ancestor 0 and negative 2, against autograd and expmap of the manifold."""
    manifold, generator = Polar(), torch.Generator().manual_seed(dim)
    features = torch.randn(3, dim, generator=generator, dtype=torch.float64)
    features *= scale * torch.tensor([[1.0], [1.1], [0.9]]) / features.norm(dim=1, keepdim=True)
    points = manifold.from_features(features).requires_grad_()
    logits = -manifold.dist(points[1], points[[0, 2]])
    loss = torch.logsumexp(logits, 0) - logits[0]
    loss.backward()
    lr = 1e-3
    expected = manifold.expmap(points.detach(), -lr * points.grad)

    start, ancestor, positives = np.array([0, 0, 1, 1]), np.array([0]), np.array([0, 1, 0])
    epoch = ranking_epoch()
    for seed in range(40):  # until the one draw is neither the node nor its ancestor
        table = to_table(points.detach()[:, 0].numpy(), points.detach()[:, 1:].numpy())
        found = epoch(
            table, (0,) * dim, np.array([1]), start, ancestor, positives, 1, 0, 0, lr, 1e100, seed
        )
        if found == pytest.approx(float(loss.detach()), rel=1e-9, abs=1e-15):
            break
    else:
        pytest.fail("no draw gave the loss of the one negative")
    radius, direction = from_table(table, dim)
    moved = torch.cat((torch.from_numpy(radius)[:, None], torch.from_numpy(direction)), dim=1)
    if float(points.grad.norm(dim=1).min()) > 2e-3:  # smaller steps are left to chance
        assert float(manifold.dist(moved, expected).max()) < 1e-9 + 1e-12 * np.exp(scale)
    else:
        assert float(manifold.dist(moved, points.detach()).max()) <= 1.01 * lr


@pytest.mark.parametrize("engine", ENGINES)
def test_all_negatives_give_the_exact_softmax(random_tree, engine) -> None:
    tax = random_tree(3, 60)
    common = {"dim": 3, "init": "random", "burn_in": 0, "epochs": 1, "engine": engine}
    emb = RankingEmbedder(**common, negatives="all", lr=1e-12).fit(tax).embedding_
    distance = emb.manifold.dist_matrix(emb.points, emb.points)
    child, ancestor = tax.closure()
    losses = []
    for u, v in zip(child.tolist(), ancestor.tolist(), strict=True):
        own = set(ancestor[child == u].tolist()) | {u}
        others = [n for n in range(len(tax)) if n not in own]
        losses.append((-distance[u, [v, *others]]).logsumexp(0) + distance[u, v])
    assert emb.info["loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-9)
    trained = RankingEmbedder(**{**common, "epochs": 60}, negatives="all").fit(tax).embedding_
    assert trained.evaluate()["map"] > max(0.7, emb.evaluate()["map"] + 0.2)


@compiled
def test_rows_of_the_kernel_keep_the_points() -> None:
    radius = np.array([0.0, 1e-9, 3.0, 60.0, 300.0])
    direction = np.eye(5, 3)
    direction[3:] = [0.6, 0.8, 0.0]
    table = to_table(radius, direction)
    assert table.ctypes.data % 64 == 0 and table.strides[0] % 64 == 0
    back, turned = from_table(table, 3)
    np.testing.assert_allclose(back, radius, rtol=1e-14)
    np.testing.assert_allclose(turned, direction, rtol=1e-15)


@compiled
@pytest.mark.parametrize("dim", [2, 5])
def test_directions_stay_unit_vectors_over_many_epochs(random_tree, dim) -> None:
    tax = random_tree(0, 60)
    child, ancestor = tax.closure()
    points = ranking_module._starting_points(tax, get_manifold("lorentz"), dim, "random", 0)[0]
    trained = torch.ones(child.numel(), dtype=torch.bool)
    trainer = CompiledRanking(
        tax, get_manifold("lorentz"), points, child, ancestor, trained, 20, False, 1, None
    )
    for epoch in range(300):
        trainer.epoch(0.2, 0, epoch)
    length = torch.linalg.vector_norm(trainer.state()["table"][:, :dim], dim=1)
    assert length == pytest.approx(torch.ones(len(tax)).numpy(), abs=1e-14)


@compiled
def test_no_point_leaves_the_largest_radius(regular_tree) -> None:
    tax = regular_tree(3, 4)
    emb = RankingEmbedder(dim=3, max_radius=2.5, epochs=30, init="random").fit(tax).embedding_
    norms = [emb.norm(v) for v in tax.nodes]
    assert 2.0 < max(norms) <= 2.5 + 1e-9


@compiled
def test_threads_reach_the_same_quality(random_tree) -> None:
    tax = random_tree(3, 200, 20)
    runs = [
        RankingEmbedder(dim=3, threads=n, epochs=100).fit(tax).embedding_.evaluate()["map"]
        for n in (1, 2, 3)
    ]
    assert min(runs) > 0.95


@pytest.mark.parametrize("engine", ENGINES)
def test_the_seed_decides(regular_tree, engine) -> None:
    tax = regular_tree(2, 3)
    runs = [
        RankingEmbedder(dim=3, seed=seed, epochs=3, init="random", engine=engine).fit_transform(tax)
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_training_ends_like_an_uninterrupted_one(
    random_tree, tmp_path, monkeypatch, engine
) -> None:
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    tax, file = random_tree(0, 40, 5), tmp_path / "state"
    embedder = RankingEmbedder(dim=3, epochs=8, engine=engine, validation=0.1, patience=8)
    whole = embedder.fit(tax).embedding_

    def stop(progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedder.fit(tax, progress=stop, checkpoint=file)
    assert file.exists()
    seen: list[int] = []
    again = embedder.fit(tax, progress=lambda p: seen.append(p.done), checkpoint=file).embedding_
    assert seen[0] == 5  # the epoch that was reported but not kept is done again
    assert torch.equal(again.points, whole.points)
    assert again.info == whole.info
    assert not file.exists()


def test_a_checkpoint_is_for_its_own_training_only(random_tree, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    tax, file = random_tree(0, 20), tmp_path / "state"

    def stop(progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RankingEmbedder(epochs=4).fit(tax, progress=stop, checkpoint=file)
    with pytest.raises(RunError, match="other parameters or another taxonomy"):
        RankingEmbedder(epochs=5).fit(tax, checkpoint=file)
    with pytest.raises(RunError, match="other parameters or another taxonomy"):
        RankingEmbedder(epochs=4).fit(random_tree(1, 20), checkpoint=file)
    file.write_bytes(b"nothing of ours")
    with pytest.raises(RunError, match="is not a checkpoint"):
        RankingEmbedder(epochs=4).fit(tax, checkpoint=file)
    with pytest.raises(RunError, match="cannot be written"):
        RankingEmbedder(epochs=4).fit(tax, checkpoint=tmp_path / "no" / "folder")
    assert sorted(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("engine", ENGINES)
def test_held_out_pairs_are_neither_trained_nor_forgotten(random_tree, engine) -> None:
    tax = random_tree(7, 80)
    figures: list[float] = []
    emb = RankingEmbedder(dim=3, epochs=40, validation=0.2, engine=engine, init="random").fit(
        tax, progress=lambda p: figures.extend([p.figures.get("validation_mrr", -1.0)])
    ).embedding_  # fmt: skip
    asked = [x for x in figures if x >= 0.0]
    assert len(asked) == 20
    assert all(0.0 < x <= 1.0 for x in asked)
    assert emb.info["validation_mrr"] == asked[-1]
    free = tax.closure().shape[1] - tax.edges.shape[1]
    assert emb.info["validation_pairs"] == round(0.2 * free)


def test_the_rank_of_held_out_pairs_is_that_among_strangers(random_tree) -> None:
    tax = random_tree(5, 25, 4)
    held = HeldOut.split(tax, 0.5, 0)
    emb = embed(tax, manifold="euclidean", dim=2, method="ranking", epochs=3)
    child, ancestor = tax.closure()
    pairs = set(zip(child.tolist(), ancestor.tolist(), strict=True))
    edges = set(zip(*tax.edges.tolist(), strict=True))
    expected = []
    for u, v in zip(held.child.tolist(), held.ancestor.tolist(), strict=True):
        assert (u, v) in pairs - edges
        d = [emb.distance(tax.nodes[u], w) for w in tax.nodes]
        strangers = [w for w in range(len(tax)) if w != u and (u, w) not in pairs]
        expected.append(1.0 / (1 + sum(d[w] <= d[v] for w in strangers)))

    class Points:
        def distances(self, nodes: torch.Tensor) -> torch.Tensor:
            return emb.manifold.dist_matrix(emb.points[nodes], emb.points)

    assert held.mean_reciprocal_rank(Points()) == pytest.approx(np.mean(expected))


def test_patience_ends_a_training_that_no_longer_helps(random_tree) -> None:
    tax = random_tree(2, 60)
    done: list[int] = []
    emb = (
        RankingEmbedder(
            manifold="euclidean", dim=3, epochs=60, lr=1e-12, burn_in=0, validation=0.2, patience=4
        )
        .fit(tax, progress=lambda p: done.append(p.done))
        .embedding_
    )
    assert done[-1] == 12  # nothing is better than the start; 4 reports, of every 3 epochs
    assert emb.info["best_epoch"] == 0


def test_patience_begins_after_the_burn_in(random_tree) -> None:
    done: list[int] = []
    RankingEmbedder(
        manifold="euclidean", dim=3, epochs=40, burn_in=30, validation=0.2, patience=2, lr=1e-12
    ).fit(random_tree(2, 60), progress=lambda p: done.append(p.done))
    assert done[-1] == 34  # 2 reports, of every 2 epochs


@pytest.mark.parametrize("engine", ENGINES)
def test_patience_never_ends_with_less_than_the_start(random_tree, engine) -> None:
    tax = random_tree(4, 120)
    common = {"dim": 2, "validation": 0.3, "patience": 2, "engine": engine, "seed": 1}
    start = RankingEmbedder(**common, epochs=1, lr=1e-12).fit(tax).embedding_
    spoilt = RankingEmbedder(**common, epochs=20, lr=30.0).fit(tax).embedding_
    assert spoilt.info["validation_mrr"] >= start.info["validation_mrr"] > 0.9
    assert spoilt.info["best_epoch"] == 0


def _kernel_moves(
    size: int, node: int, ancestors: list[list[int]], positives: int, draws: tuple[int, int, int],
    seed: int,
) -> tuple[float, set[int]]:  # fmt: skip
    """The loss of one node among points close to one another, and the rows that it moved."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(size, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    table = to_table(np.full(size, 0.1), direction)
    before = table.copy()
    start = np.cumsum([0, *map(len, ancestors)])
    flat = np.array([v for own in ancestors for v in own])
    counts = np.array([len(own) for own in ancestors])
    counts[node] = positives
    loss = ranking_epoch()(
        table, (0,) * 3, np.array([node]), start, flat, counts, *draws, 0.01, 1e100, seed
    )
    return loss, set(np.flatnonzero((table != before).any(axis=1)).tolist())


@compiled
@pytest.mark.parametrize("draws", [(-1, 0, 0), (30, 30, 30)])
def test_no_ancestor_is_a_negative_trained_on_or_not(draws) -> None:
    """Every other node is an ancestor of the last of a chain, of which one is trained on."""
    chain = [list(range(k)) for k in range(6)]
    for seed in range(20):
        loss, moved = _kernel_moves(6, 5, chain, 1, draws, seed)
        assert loss == pytest.approx(0.0, abs=1e-12)
        assert not moved
    _, moved = _kernel_moves(7, 5, [*chain, [0]], 1, (-1, 0, 0), 0)
    assert moved == {0, 5, 6}


def test_held_out_ancestors_are_no_negatives_in_torch() -> None:
    chain = Taxonomy.from_edges([(str(k), str(k + 1)) for k in range(5)])
    child, ancestor = chain.closure()
    trained = (child == 5) & (ancestor == 0)
    space = get_manifold("euclidean")
    start = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for negatives in (None, 20):
        trainer = TorchRanking(
            space, start, child, ancestor, trained, negatives, 4, torch.device("cpu")
        )
        assert trainer.epoch(0.1, 0, 0) == pytest.approx(0.0, abs=1e-12)


@compiled
def test_which_negatives_are_drawn_when(random_tree) -> None:
    tax = random_tree(0, 20)
    child, ancestor = tax.closure()
    space = get_manifold("lorentz")
    start = ranking_module._starting_points(tax, space, 2, "random", 0)[0]
    trained = torch.ones(child.numel(), dtype=torch.bool)

    def draws(negatives: int | None, near: bool) -> list[tuple[int, int, int]]:
        trainer = CompiledRanking(
            tax, space, start, child, ancestor, trained, negatives, near, 1, None
        )
        return [trainer._draws(burn_in=burn_in) for burn_in in (True, False)]

    # evenly, by frequency, nearby
    assert draws(50, near=False) == [(25, 25, 0), (50, 0, 0)]
    assert draws(50, near=True) == [(25, 13, 12)] * 2
    assert draws(1, near=False) == [(1, 0, 0)] * 2
    assert draws(None, near=True) == [(-1, 0, 0)] * 2


@compiled
def test_negatives_are_drawn_as_often_as_they_are_ancestors() -> None:
    ancestors = [[0] for _ in range(12)]
    ancestors[4] = [0, 1, 1, 1, 1, 1, 1, 2, 2]  # of which 1 is six times of nine, 2 twice
    found = [_kernel_moves(12, 11, ancestors, 1, (0, 1, 0), seed)[1] for seed in range(900)]
    often, rare = (sum(v in moved for moved in found) for v in (1, 2))
    assert all(moved <= {0, 1, 2, 11} for moved in found)
    assert 2.0 < often / rare < 4.5


@compiled
def test_near_negatives_have_a_distance_of_uniform_logarithm() -> None:
    ancestors = [[0] for _ in range(101)]
    found = [_kernel_moves(101, 50, ancestors, 1, (0, 0, 1), seed)[1] for seed in range(400)]
    hops = np.array([abs(v - 50) for moved in found for v in moved - {0, 50}])
    assert len(hops) > 250  # others lie beyond the ends
    within = np.log(51.0)  # of the draws that meet a node
    assert np.mean(hops <= 5) == pytest.approx(np.log(6.0) / within, abs=0.08)
    assert np.mean(hops <= 20) == pytest.approx(np.log(21.0) / within, abs=0.08)


def test_without_numba_everything_works_in_torch(regular_tree, monkeypatch) -> None:
    monkeypatch.setattr(ranking_module, "is_available", lambda: False)
    tax = regular_tree(2, 2)
    assert embed(tax, method="ranking", epochs=1).info["engine"] == "torch"
    with pytest.raises(ValueError, match=r"hyperhier\[fast\]"):
        embed(tax, method="ranking", engine="compiled")


def test_another_device_is_for_the_torch_engine() -> None:
    embedder, elsewhere = RankingEmbedder(), torch.device("cuda")
    assert embedder._engine(Polar(), elsewhere) == "torch"
    embedder.set_params(engine="compiled")
    with pytest.raises(ValueError, match="engine='compiled' computes on the CPU"):
        embedder._engine(Polar(), elsewhere)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_every_device_sees_the_same_pairs_and_negatives(random_tree) -> None:
    tax = random_tree(3, 80)
    common = {"manifold": "lorentz", "dim": 3, "epochs": 3, "engine": "torch", "validation": 0.1}
    here, there = (RankingEmbedder(**common, device=d).fit(tax).embedding_ for d in ("cpu", "cuda"))
    assert there.points.device.type == "cpu"
    torch.testing.assert_close(there.points, here.points, rtol=1e-6, atol=1e-6)


def test_preorder_keeps_every_subtree_together(random_tree) -> None:
    tax = random_tree(11, 60)
    order = preorder(tax.parent_id.numpy()).tolist()
    assert sorted(order) == list(range(len(tax)))
    for v in range(len(tax)):
        below = {tax.id_of(w) for w in tax.subtree(tax.nodes[v]).nodes}
        at = order.index(v)
        assert set(order[at : at + len(below)]) == below


@pytest.mark.parametrize("engine", ENGINES)
def test_one_node_and_one_edge(engine) -> None:
    for tax in (Taxonomy.from_paths([("only",)]), Taxonomy.from_edges([("a", "b")])):
        emb = RankingEmbedder(engine=engine, epochs=3).fit(tax).embedding_
        assert bool(emb.points.isfinite().all())
        assert emb.evaluate()["map"] == 1.0


def test_the_form_of_scikit_learn(regular_tree) -> None:
    embedder = RankingEmbedder(dim=3, epochs=2)
    params = embedder.get_params()
    assert params["dim"] == 3 and params["epochs"] == 2
    assert embedder.set_params(epochs=7) is embedder and embedder.epochs == 7
    with pytest.raises(ValueError, match="no parameter 'speed'"):
        embedder.set_params(speed=1)
    base = pytest.importorskip("sklearn.base")
    copy = base.clone(embedder)
    assert copy is not embedder and copy.get_params() == embedder.get_params()
    assert not hasattr(copy, "embedding_")
    assert isinstance(copy.fit(regular_tree(2, 2)).embedding_, TaxonomyEmbedding)


def test_float32_points_of_a_float64_training(regular_tree) -> None:
    tax = regular_tree(2, 3)
    emb = RankingEmbedder(dim=3, epochs=5, dtype="float32").fit(tax).embedding_
    assert emb.points.dtype == torch.float32
    assert emb.evaluate()["map"] > 0.95


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"negatives": 0}, "negatives must be a whole number of at least 1, got 0"),
        ({"negatives": "many"}, "a number or 'all', got 'many'"),
        ({"lr": float("nan")}, "lr must be positive"),
        ({"burn_in": -1}, "burn_in must be a whole number of at least 0, got -1"),
        ({"init": "zero"}, "'zero'"),
        ({"engine": "warp"}, "'warp'"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
        ({"device": "meta"}, "device 'meta' cannot be used"),
        ({"manifold": "euclidean", "engine": "compiled"}, "needs a hyperbolic manifold"),
        ({"engine": "torch", "max_radius": 3.0}, "option of engine='compiled'"),
        ({"manifold": "sphere", "max_radius": 3.0}, "option of engine='compiled'"),
        ({"validation": 1.0}, r"validation must lie in \[0, 1\), got 1.0"),
        ({"patience": 3}, "set validation"),
        ({"validation": 0.01}, "holds out none of the"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"dtype": "float16"}, "'float16'"),
        ({"dim": 0}, "dim must be a whole number"),
    ],
)
def test_wrong_parameters_are_named(regular_tree, wrong, message) -> None:
    with pytest.raises(ValueError, match=message):
        RankingEmbedder(**wrong).fit(regular_tree(2, 2))
