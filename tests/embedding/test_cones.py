"""Cones and half-spaces: energies against closed forms and exact arithmetic, and training."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import ConstructiveEmbedder, DistortionEmbedder, TaxonomyEmbedding
from hyperhier.embedding._cones import embedder as training
from hyperhier.embedding._cones.embedder import ConesEmbedder, matched_radius
from hyperhier.embedding._cones.energy import cone_aperture, cone_energy, half_space_energy
from hyperhier.embedding._cones.grafting import grafted_tree
from hyperhier.embedding._cones.is_a import best_decision, is_a_scores
from hyperhier.embedding._cones.kernel import (
    CONE,
    HALF_SPACE,
    Points,
    Rule,
    _energies,
    _step,
    plain_step,
    run_loops,
)
from hyperhier.errors import RunError
from hyperhier.manifolds import Euclidean, Lorentz, Manifold, PoincareBall, Polar, Sphere
from hyperhier.taxonomy import Taxonomy

MODELS = (Lorentz, PoincareBall, Polar)


def of_the_paper(v: torch.Tensor, u: torch.Tensor, K: float) -> torch.Tensor:
    """Xi - psi by equations (26) and (28) of arXiv 1804.01882, in the ball of curvature -1."""
    v2, u2, dot = v.square().sum(-1), u.square().sum(-1), (v * u).sum(-1)
    above = dot * (1 + v2) - v2 * (1 + u2)
    below = v2.sqrt() * (v - u).norm(dim=-1) * (1 + v2 * u2 - 2 * dot).sqrt()
    return torch.acos((above / below).clamp(-1, 1)) - torch.asin(K * (1 - v2) / v2.sqrt())


def in_ball(generator: torch.Generator, low: float, high: float, dim: int) -> torch.Tensor:
    direction = torch.randn(60, dim, generator=generator, dtype=torch.float64)
    length = low + (high - low) * torch.rand(60, 1, generator=generator, dtype=torch.float64)
    return length * direction / direction.norm(dim=1, keepdim=True)


@given(seed=st.integers(0, 10**6), dim=st.integers(2, 5), K=st.sampled_from([0.05, 0.1, 0.4]))
@settings(max_examples=4)
def test_cone_energy_is_that_of_the_paper_on_every_model_and_curvature(seed, dim, K) -> None:
    generator = torch.Generator().manual_seed(seed)
    v = in_ball(generator, 2.0 * K / (1.0 + math.sqrt(1.0 + 4.0 * K * K)) + 0.01, 0.95, dim)
    u = in_ball(generator, 0.01, 0.95, dim)
    expected = of_the_paper(v, u, K).clamp_min(0.0)
    for c in (0.01, 1.0, 30.0):
        ball = PoincareBall(c=c)
        for model in MODELS:
            space = model(c=c)
            to = ball.to(space)
            found = cone_energy(space, to(v / math.sqrt(c)), to(u / math.sqrt(c)), K)
            torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("b", "a", "theta"), [
    (0.5, 0.3, 1.0), (3.0, 9.0, 1e-5), (20.0, 21.0, 1e-9), (30.0, 12.0, 2e-3), (100.0, 180.0, 1e-3),
])  # fmt: skip
def test_cone_energy_is_exact_near_and_far(b: float, a: float, theta: float) -> None:
    v = torch.tensor([b, 0.0], dtype=torch.float64)
    u = torch.tensor([a * math.cos(theta), a * math.sin(theta)], dtype=torch.float64)
    space = Polar()
    found = float(cone_energy(space, space.from_features(v), space.from_features(u)))
    with mpmath.workdps(300):
        x, y = mpmath.mpf(float(u[0])), mpmath.mpf(float(u[1]))
        radius, angle = mpmath.hypot(x, y), mpmath.atan2(y, x)
        side = mpmath.mpf(b)
        along = mpmath.sinh(radius) * mpmath.cosh(side) * mpmath.cos(angle)
        along -= mpmath.cosh(radius) * mpmath.sinh(side)
        xi = mpmath.atan2(mpmath.sinh(radius) * mpmath.sin(angle), along)
        expected = xi - mpmath.asin(2 * mpmath.mpf(0.1) / mpmath.sinh(side))
        assert found == pytest.approx(float(max(expected, 0)), rel=1e-12, abs=1e-300)


def test_flat_cones_are_angles_of_plane_geometry() -> None:
    generator = torch.Generator().manual_seed(0)
    v, u = torch.randn(2, 50, 3, generator=generator, dtype=torch.float64)
    step = u - v
    xi = torch.acos((v * step).sum(-1) / v.norm(dim=-1) / step.norm(dim=-1))
    expected = (xi - torch.asin(0.1 / v.norm(dim=-1))).clamp_min(0.0)
    torch.testing.assert_close(cone_energy(Euclidean(), v, u), expected)


@pytest.mark.parametrize("space", [PoincareBall(c=2.0), Lorentz(), Polar(), Euclidean()])
def test_a_cone_holds_the_cones_of_its_points(space: Manifold) -> None:
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(150, 2, generator=generator, dtype=torch.float64)
    points = space.from_features(z)
    inside = cone_energy(space, points.unsqueeze(0), points.unsqueeze(1), 0.3) == 0.0  # [u, v]
    inside &= (z.norm(dim=1) > 1.0).unsqueeze(0)  # where the apertures are the paper's
    through = (inside.double() @ inside.double()) > 0
    assert int((through & ~torch.eye(150, dtype=torch.bool)).sum()) > 20
    assert bool((inside | ~through).all())


@pytest.mark.parametrize("space", [PoincareBall(), Lorentz(), Polar(), Euclidean()])
def test_the_cone_of_the_origin_is_everything_and_a_point_lies_in_its_own(space) -> None:
    points = space.from_features(torch.tensor([[0.0, 0.0], [0.05, 0.0], [-0.3, 1.0]]).double())
    assert cone_energy(space, points[0], points).tolist() == [0.0, 0.0, 0.0]
    assert cone_energy(space, points, points).tolist() == [0.0, 0.0, 0.0]
    assert cone_energy(space, points[2], points[0]) > 1.0
    wide = cone_aperture(space, points)
    assert wide[0] == pytest.approx(math.pi) and wide[0] > wide[1] > math.pi / 2 > wide[2]


@pytest.mark.parametrize("space", [PoincareBall(c=0.5), Lorentz(c=2.0), Euclidean()])
@pytest.mark.parametrize("energy", [cone_energy, half_space_energy])
def test_energies_are_differentiable(space: Manifold, energy) -> None:
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)

    def of_features(v: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return energy(space, space.from_features(v), space.from_features(u))

    assert torch.autograd.gradcheck(of_features, tuple(z.requires_grad_().unbind()))


def test_cones_need_a_space_and_a_width_that_have_them() -> None:
    point = torch.tensor([[1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match=r"[Ss]phere"):
        cone_energy(Sphere(), point, point)
    for K in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="K must be positive"):
            cone_energy(Euclidean(), point, point, K)
    assert cone_energy(Euclidean(), point, 2 * point).dtype == torch.float32


@pytest.mark.parametrize("curved", [True, False])
@pytest.mark.parametrize("energy", [CONE, HALF_SPACE])
def test_slopes_of_a_step_are_the_gradient_of_the_energy(curved: bool, energy: int) -> None:
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    space: Manifold = Polar() if curved else Euclidean()
    u, v = torch.arange(20), torch.arange(20, 40)
    z.requires_grad_()
    placed = space.from_features(z)
    wanted = cone_energy if energy == CONE else half_space_energy
    value = wanted(space, placed[v], placed[u])
    value.sum().backward()
    points = Points.of(z.detach().numpy(), curved=curved)
    rule = Rule(energy, curved, 0.2 if curved else 0.1, 0.1, 0.0)
    found, slopes = _energies(points, u.numpy(), v.numpy(), rule)
    if energy == CONE:
        assert (value > 0).sum() > 15
    positive = (found > 0.0) | (energy == HALF_SPACE)
    np.testing.assert_allclose(found[positive], value.detach().numpy()[positive], rtol=1e-9)
    for ids, (along, across) in ((u, slopes[:2]), (v, slopes[2:])):
        n = points.direction[ids]
        toward = points.direction[v if ids is u else u] - n
        expected = z.grad[ids].numpy()
        radius = z.detach()[ids].norm(dim=1).numpy()
        np.testing.assert_allclose(along[positive], (expected * n).sum(1)[positive], rtol=1e-7)
        sideways = expected - (expected * n).sum(1, keepdims=True) * n
        frame = np.sinh(radius) / radius if curved else np.ones_like(radius)
        toward = toward - (toward * n).sum(1, keepdims=True) * n
        np.testing.assert_allclose(
            (across[:, None] * toward)[positive],
            (sideways / frame[:, None])[positive],
            rtol=1e-6,
            atol=1e-12,
        )


@pytest.mark.parametrize("curved", [True, False])
@pytest.mark.parametrize("energy", [CONE, HALF_SPACE])
def test_the_compiled_step_is_the_plain_one(random_tree, curved: bool, energy: int) -> None:
    tax = random_tree(4, 40, extra=15)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(tax), 3))
    features[0] = 0.0
    child, ancestor = tax.closure().numpy()
    order = np.lexsort((ancestor, child))
    child, ancestor = child[order], ancestor[order]
    start = np.searchsorted(child, np.arange(len(tax) + 1))
    rule = Rule(energy, curved, 0.2, 0.3, 0.1, 2.0)
    ends = []
    for loops in (True, False):
        points = Points.of(features, curved=curved)
        losses = []
        for round_ in range(5):
            others = np.random.default_rng(round_).integers(len(tax), size=(len(child), 4))
            args = (points, child, ancestor, others, start, ancestor, rule, 0.05)
            losses.append(run_loops(_step, *args) if loops else plain_step(*args))
        ends.append((points, losses))
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-9)
    assert ends[0][1][-1] < ends[0][1][0]
    for name in ("size", "sinh", "direction"):
        np.testing.assert_allclose(getattr(ends[0][0], name), getattr(ends[1][0], name), rtol=1e-8)


def test_numba_compiles_the_step(random_tree, monkeypatch) -> None:
    pytest.importorskip("numba")
    tax = random_tree(5, 30, extra=8)
    fit = ConesEmbedder(dim=3, epochs=3, init="random", lr=0.05).fit
    compiled = fit(tax).embedding_.points
    monkeypatch.setattr(training, "is_available", lambda: False)
    torch.testing.assert_close(fit(tax).embedding_.points, compiled, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("curved", [True, False])
def test_a_matched_cone_spans_what_the_half_space_did(curved: bool) -> None:
    radius = np.array([0.5, 3.0, 8.0, 20.0])
    b = matched_radius(radius, 0.1, curved=curved)
    assert (np.diff(b) > 0.0).all()
    space: Manifold = Polar() if curved else Euclidean()
    for near, old in zip(b, radius, strict=True):
        w = 2.0 * math.atan(math.exp(-old / 2.0))
        for share, inside in ((0.999, True), (1.001, False)):
            far = 100.0 if curved else 1e12
            u = far * torch.tensor([math.cos(share * w), math.sin(share * w)]).double()
            v = torch.tensor([near, 0.0], dtype=torch.float64)
            energy = cone_energy(space, space.from_features(v), space.from_features(u))
            assert (float(energy) == 0.0) == inside


@pytest.mark.parametrize("manifold", ["lorentz", "poincare", "polar"])
def test_half_spaces_of_the_construction_are_the_relation(random_tree, manifold: str) -> None:
    tax = random_tree(6, 60)
    emb = ConstructiveEmbedder(manifold=manifold, dim=2).fit(tax).embedding_
    u, v = torch.cartesian_prod(torch.arange(60), torch.arange(1, 60)).T
    u, v = u[u != v], v[u != v]
    assert torch.equal(is_a_scores(emb, torch.stack((u, v))) > 0.0, tax.is_ancestor(v, u))


@pytest.mark.parametrize("manifold", ["lorentz", "euclidean"])
def test_cones_of_the_construction_are_the_relation_in_flat_space_too(
    random_tree, manifold: str
) -> None:
    tax = random_tree(7, 60)
    emb = ConesEmbedder(manifold=manifold, energy="cone", epochs=0).fit(tax).embedding_
    u, v = torch.cartesian_prod(torch.arange(60), torch.arange(1, 60)).T
    u, v = u[u != v], v[u != v]
    held = is_a_scores(emb, torch.stack((u, v)), "cone") == 0.0
    true = tax.is_ancestor(v, u)
    assert not bool((held & ~true).any())
    assert float((held & true).sum()) >= 0.95 * float(true.sum())


@pytest.mark.parametrize("energy", ["half_space", "cone"])
@pytest.mark.parametrize("manifold", ["lorentz", "poincare", "euclidean"])
def test_training_separates_ancestors_from_a_random_start(
    regular_tree, manifold: str, energy: str
) -> None:
    tax = regular_tree(3, 2)
    common = {"manifold": manifold, "dim": 4, "energy": energy, "init": "random"}
    pairs = tax.closure()
    pairs = pairs[:, pairs[1] != 0]
    others = torch.stack((pairs[0], 1 + (pairs[1]) % 3))

    def gap(epochs: int) -> float:
        emb = ConesEmbedder(**common, epochs=epochs, lr=0.1).fit(tax).embedding_
        score = is_a_scores(emb, pairs, energy).mean() - is_a_scores(emb, others, energy).mean()
        return float(score)

    assert gap(60) > gap(0) + 0.1


def test_training_finds_places_for_second_parents_that_no_tree_has() -> None:
    edges = [("r", "a"), ("r", "b"), ("a", "x"), ("b", "x"), ("a", "y"), ("b", "z")]
    edges += [("x", f"x{i}") for i in range(5)]
    tax = Taxonomy.from_edges(edges)
    u, v = torch.cartesian_prod(torch.arange(1, len(tax)), torch.arange(1, len(tax))).T
    pairs = torch.stack((u, v))[:, u != v]
    true = tax.is_ancestor(pairs[1], pairs[0])
    for init, solved in (("constructive", False), ("random", True)):
        epochs, lr = (0, 0.1) if init == "constructive" else (1000, 0.1)
        emb = ConesEmbedder(dim=3, epochs=epochs, lr=lr, init=init).fit(tax).embedding_
        assert torch.equal(is_a_scores(emb, pairs) > 0.0, true) == solved


@pytest.mark.parametrize("manifold", ["lorentz", "euclidean"])
def test_training_leaves_the_plane_of_the_construction(random_tree, manifold: str) -> None:
    tax = random_tree(16, 60, extra=25)
    fit = ConesEmbedder(
        manifold=manifold, dim=4, energy="cone", lr=0.001, epochs=20, saturation=0.5
    )
    emb = fit.fit(tax).embedding_
    features = emb.manifold.to_features(emb.points)
    directions = features[1:] / features[1:].norm(dim=1, keepdim=True)
    assert float(torch.linalg.svdvals(directions)[3]) > 0.01


def test_what_follows_from_the_edges_is_never_a_negative(regular_tree) -> None:
    tax = regular_tree(2, 4)
    emb = ConesEmbedder(dim=2, pairs="edges", epochs=40, lr=0.03).fit(tax).embedding_
    pairs = tax.closure()
    assert bool((is_a_scores(emb, pairs[:, pairs[1] != 0]) > 0.0).all())


def test_a_grafted_tree_is_never_farther_from_the_relation(random_tree) -> None:
    better = 0
    for seed in range(12):
        tax = random_tree(seed, 40, extra=12)
        every = torch.cartesian_prod(torch.arange(40), torch.arange(40))
        true = tax.is_ancestor(every[:, 1], every[:, 0])
        differ = []
        for parent in (tax.parent_id.numpy(), grafted_tree(tax)):
            assert (np.flatnonzero(parent < 0) == [0]).all()
            tree = Taxonomy.from_arrays(tax.nodes, parent[1:], range(1, 40))
            at = tree.encode(tax.nodes)
            found = tree.is_ancestor(at[every[:, 1]], at[every[:, 0]])
            differ.append(int((found != true).sum()))
        assert differ[1] <= differ[0]
        better += differ[1] < differ[0]
    assert better >= 6


def test_a_tree_needs_no_grafts(random_tree) -> None:
    tax = random_tree(3, 30)
    assert (grafted_tree(tax) == tax.parent_id.numpy()).all()


class _Stop(Exception):
    pass


@pytest.mark.parametrize("plain", [True, False])
def test_training_goes_on_from_a_checkpoint_with_the_same_bits(
    random_tree, tmp_path, monkeypatch, plain: bool
) -> None:
    if plain:
        monkeypatch.setattr(training, "is_available", lambda: False)
    tax = random_tree(8, 30, extra=6)
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    make = ConesEmbedder(dim=3, epochs=5, batch_size=16, lr=0.05)
    whole = make.fit(tax).embedding_

    def stop(progress) -> None:
        if progress.done == 4:
            raise _Stop

    path = tmp_path / "state"
    with pytest.raises(_Stop):
        make.fit(tax, progress=stop, checkpoint=path)
    seen: list[int] = []
    again = make.fit(tax, progress=lambda p: seen.append(p.done), checkpoint=path).embedding_
    assert seen == [4, 5] and not path.exists()
    assert torch.equal(again.points, whole.points) and again.info == whole.info


def test_a_checkpoint_is_for_one_start(random_tree, tmp_path, monkeypatch) -> None:
    tax = random_tree(8, 20)
    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    starts = [ConstructiveEmbedder(dim=3, radius=r).fit(tax).embedding_ for r in (5.0, 4.0)]

    def stop(progress) -> None:
        if progress.done == 2:
            raise _Stop

    with pytest.raises(_Stop):
        ConesEmbedder(dim=3, epochs=3, init=starts[0]).fit(
            tax, progress=stop, checkpoint=tmp_path / "state"
        )
    with pytest.raises(RunError, match="init"):
        ConesEmbedder(dim=3, epochs=3, init=starts[1]).fit(tax, checkpoint=tmp_path / "state")


def test_the_seed_decides(random_tree) -> None:
    tax = random_tree(9, 25)
    runs = [
        ConesEmbedder(seed=seed, epochs=2, init="random").fit(tax).embedding_.points
        for seed in (0, 0, 1)
    ]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("energy", ["half_space", "cone"])
def test_small_and_odd_taxonomies_are_embedded(shapes, energy: str) -> None:
    one = Taxonomy.from_paths([("only",)])
    weighted = Taxonomy.from_edges([("r", "a", 0.0), ("a", "b", 5.0), ("r", "b", 0.0)])
    for tax in (one, weighted, *shapes.values()):
        for manifold, dim in (("lorentz", 2), ("euclidean", 3), ("lorentz", 1), ("euclidean", 1)):
            emb = ConesEmbedder(
                manifold=manifold, dim=dim, energy=energy, epochs=2, dtype="float32"
            ).fit(tax).embedding_  # fmt: skip
            assert emb.points.dtype == torch.float32 and emb.info["method"] == "cones"


def _f1(emb: TaxonomyEmbedding, energy: str) -> float:
    tax = emb.taxonomy
    child, ancestor = tax.closure()
    u, v = torch.cartesian_prod(torch.arange(len(tax)), torch.arange(len(tax))).T
    strangers = ~tax.is_ancestor(v, u) & (u != v) & (v != tax.root_id)
    scores = [
        is_a_scores(emb, torch.stack(pairs), energy)
        for pairs in ((child[ancestor != 0], ancestor[ancestor != 0]), (u[strangers], v[strangers]))
    ]
    return best_decision(*scores).f1


@pytest.mark.parametrize("energy", ["half_space", "cone"])
@pytest.mark.parametrize("other", ["distortion", "tree_distance", "ranking"])
def test_any_start_of_a_tree_is_made_ready(random_tree, energy, other) -> None:
    tax = random_tree(5, 90)
    init: str | TaxonomyEmbedding = other
    if other == "distortion":
        init = DistortionEmbedder(dim=5, epochs=20, polish=0).fit(tax).embedding_
        assert init.norm(tax.root) > 1.0
    elif other == "tree_distance":
        init = ConstructiveEmbedder(dim=5, target=other).fit(tax).embedding_
    emb = ConesEmbedder(dim=5, epochs=0, init=init, energy=energy).fit(tax).embedding_
    assert emb.norm(tax.root) == pytest.approx(0.0, abs=1e-9)
    assert _f1(emb, energy) > (0.85 if other == "ranking" else 0.93)


def test_a_flat_start_is_moved_to_the_root(random_tree) -> None:
    tax = random_tree(2, 40)
    flat = DistortionEmbedder(manifold="euclidean", dim=4, epochs=20).fit(tax).embedding_
    emb = ConesEmbedder(manifold="euclidean", dim=4, epochs=0, init=flat, energy="cone").fit(tax)
    moved = emb.embedding_.points
    torch.testing.assert_close(moved, flat.points - flat[tax.root])


def test_bad_arguments_are_named(regular_tree) -> None:
    tax = regular_tree(2, 2)
    for wrong, message in (
        ({"energy": "disc"}, "energy must be 'half_space' or 'cone', got 'disc'"),
        ({"pairs": "some"}, "pairs must be"),
        ({"epochs": -1}, "epochs must be a whole number of at least 0, got -1"),
        ({"negatives": 3}, "negatives must be even"),
        ({"negatives": "all"}, "negatives must be a whole number of at least 2, got 'all'"),
        ({"K": 0.0}, "K must be positive"),
        ({"init": "zeros"}, "init must be"),
        ({"manifold": "sphere"}, "hyperbolic or Euclidean"),
    ):
        with pytest.raises(ValueError, match=message):
            ConesEmbedder(**wrong).fit(tax)
    other = ConstructiveEmbedder(dim=3).fit(tax).embedding_
    with pytest.raises(ValueError, match="init has dim 3"):
        ConesEmbedder(init=other).fit(tax)
    elsewhere = TaxonomyEmbedding(
        Taxonomy.from_edges([("a", "b")]), Euclidean(), torch.zeros(2, 2).double()
    )
    with pytest.raises(ValueError, match="other nodes"):
        ConesEmbedder(init=elsewhere).fit(tax)
    g = torch.Generator().manual_seed(0)
    points = Sphere().from_features(torch.randn(len(tax), 3, generator=g, dtype=torch.float64))
    with pytest.raises(ValueError, match="hyperbolic or Euclidean space, not on"):
        ConesEmbedder(dim=3, init=TaxonomyEmbedding(tax, Sphere(), points)).fit(tax)
