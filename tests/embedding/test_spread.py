"""Directions of children: unit vectors, apart from each other and from the way back."""

from __future__ import annotations

import math

import pytest
import torch

from hyperhier.embedding._constructive.spread import spread_directions


def smallest(vectors: torch.Tensor) -> float:
    gram = (vectors @ vectors.T).fill_diagonal_(-1.0)
    return math.degrees(math.acos(min(1.0, float(gram.max()))))


@pytest.mark.parametrize(
    ("dim", "count", "angle"),
    [(2, 1, 180), (2, 5, 60), (3, 3, 109.4), (3, 5, 89), (5, 5, 101), (5, 9, 85), (10, 30, 70)],
)
def test_they_keep_apart(dim, count, angle) -> None:
    found = spread_directions(count, dim)
    assert found.shape == (count, dim)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(count, dtype=torch.float64))
    back = torch.zeros(1, dim, dtype=torch.float64)
    back[0, 0] = -1.0
    assert smallest(torch.cat((back, found))) >= angle - 1e-4


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_repulsion_beats_chance_and_many_are_quick(dim) -> None:
    found = spread_directions(150, dim)
    g = torch.Generator().manual_seed(0)
    chance = torch.randn(150, dim, generator=g, dtype=torch.float64)
    assert smallest(found) > 2 * smallest(chance / chance.norm(dim=1, keepdim=True))
    assert spread_directions(3000, dim).isfinite().all()


def test_without_a_way_back_the_whole_sphere_is_used() -> None:
    assert smallest(spread_directions(2, 4, back=False)) == pytest.approx(180.0, abs=1e-4)
    assert smallest(spread_directions(6, 3, back=False)) > 89.0
    assert spread_directions(1, 3, back=False).tolist() == [[-1.0, 0.0, 0.0]]
