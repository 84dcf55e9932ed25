"""The compiled ranks are those of the plain way, near, far and tied."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.embedding import _compiled, _quality, embed
from hyperhier.manifolds import Manifold, get_manifold
from hyperhier.taxonomy import Taxonomy

MODELS = ("lorentz", "poincare", "polar")


def both_ways(
    points: torch.Tensor, tax: Taxonomy, manifold: Manifold, nodes: torch.Tensor | None = None
) -> list[tuple[float, float]]:
    """MAP and mean rank the plain way, then as the compiled function has them."""
    found = []
    for worth in (1 << 60, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_quality, "_WORTH_COMPILING", worth)
            # what numba compiles, as plain Python: the same arithmetic
            patch.setattr(_quality, "is_available", lambda: True)
            patch.setattr(_compiled, "compiled", lambda: _compiled._rank)
            found.append(_quality.reconstruction(points, tax, manifold, nodes))
    return found


@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(MODELS),
    c=st.sampled_from([0.1, 1.0, 7.0]),
    far=st.sampled_from([0.5, 3.0, 8.0]),
)
@settings(deadline=None, max_examples=25)
def test_ranks(random_tree, seed: int, name: str, c: float, far: float) -> None:
    tax = random_tree(seed, 12, 6)
    manifold = get_manifold(name, c=c)
    g = torch.Generator().manual_seed(seed)
    features = torch.randn(12, 3, generator=g, dtype=torch.float64) * (far / c**0.5)
    features[3] = features[4]  # a tie
    plain, compiled = both_ways(manifold.from_features(features), tax, manifold)
    assert compiled == pytest.approx(plain, abs=1e-12)


def test_some_nodes_only(random_tree) -> None:
    emb = embed(random_tree(1, 40, 5), manifold="lorentz", dim=3)
    plain, compiled = both_ways(
        emb.points, emb.taxonomy, emb.manifold, torch.tensor([0, 5, 17, 39])
    )
    assert compiled == pytest.approx(plain, abs=1e-12)


def test_everything_on_one_point(random_tree) -> None:
    tax = random_tree(0, 9)
    manifold = get_manifold("lorentz")
    points = manifold.from_features(torch.zeros(9, 2, dtype=torch.float64))
    plain, compiled = both_ways(points, tax, manifold)
    assert compiled == pytest.approx(plain)


def test_points_that_are_too_far_go_the_plain_way(random_tree) -> None:
    tax = random_tree(4, 8)
    manifold = get_manifold("polar")
    g = torch.Generator().manual_seed(0)
    points = manifold.from_features(200.0 * torch.randn(8, 3, generator=g, dtype=torch.float64))
    assert points[:, 0].max() > _compiled.MAX_RADIUS
    plain, compiled = both_ways(points, tax, manifold)
    assert compiled == plain


def test_machine_code(random_tree) -> None:
    pytest.importorskip("numba")
    emb = embed(random_tree(7, 300, 40), manifold="lorentz", dim=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_quality, "_WORTH_COMPILING", 0)
        patch.setattr(torch, "get_num_threads", lambda: 2)
        fast = emb.evaluate()
    slow = emb.evaluate()
    assert fast["map"] == pytest.approx(slow["map"], abs=1e-12)
    assert fast["mean_rank"] == pytest.approx(slow["mean_rank"], abs=1e-12)


def test_without_numba_and_on_flat_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_quality, "_WORTH_COMPILING", 0)
    points = torch.randn(10, 2, dtype=torch.float64)
    assert not _quality.is_worth_compiling(points, get_manifold("euclidean"), 10)
    monkeypatch.setattr(_quality, "is_available", lambda: False)
    assert not _quality.is_worth_compiling(points, get_manifold("poincare"), 10)


def test_exact_ranks_of_more_nodes_than_the_sample(random_tree) -> None:
    emb = embed(random_tree(2, 200, 15), dim=2)
    whole, sampled = emb.evaluate(), emb.evaluate(max_nodes=80, exact=True)
    assert sampled["sampled_nodes"] == 80
    assert (sampled["map"], sampled["mean_rank"]) == (whole["map"], whole["mean_rank"])


def test_ranks_by_hand() -> None:
    """On a line of the plane: node 0 with the ancestors 1 and 2, beside 3 between them."""
    radius = np.array([0.0, 1.0, 3.0, 2.0])
    direction = np.tile([1.0, 0.0], (4, 1))
    start, ancestor = np.array([0, 2]), np.array([1, 2])
    precision, rank_sum = _compiled.ancestor_ranks(
        radius, direction, start, ancestor, np.array([0]), rank=_compiled._rank
    )
    assert rank_sum.tolist() == [1 + 2]
    assert precision.tolist() == [(1 / 1 + 2 / 3) / 2]
