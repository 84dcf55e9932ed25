"""A small taxonomy, the geometries, and points on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hyperhier.manifolds import Manifold, get_manifold
from hyperhier.taxonomy import Taxonomy

GEOMETRIES = ("euclidean", "sphere", "poincare", "lorentz", "polar")


@pytest.fixture(params=GEOMETRIES)
def manifold(request: pytest.FixtureRequest) -> Manifold:
    return get_manifold(request.param)


@pytest.fixture(scope="session")
def tree() -> Taxonomy:
    """Height 3; the leaf ``d`` is shallow; leaves: a1x a1y a2x b1x b1y d."""
    return Taxonomy.from_paths(
        [
            ("r", "a", "a1", "a1x"),
            ("r", "a", "a1", "a1y"),
            ("r", "a", "a2", "a2x"),
            ("r", "b", "b1", "b1x"),
            ("r", "b", "b1", "b1y"),
            ("r", "d"),
        ]
    )


@pytest.fixture(scope="session")
def small_tree() -> Taxonomy:
    """Height 2: siblings a1, a2 (kappa 1/2) and b1 in another branch (kappa 0)."""
    return Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])


@pytest.fixture(scope="session")
def points() -> Callable[..., Tensor]:
    """``points(manifold, *batch)`` are points made from 3 random features each."""

    def make(
        manifold: Manifold, *batch: int, seed: int = 0, dtype: torch.dtype = torch.float64
    ) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(*batch, 3, generator=generator, dtype=torch.float64)
        return manifold.from_features(z).to(dtype)

    return make


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tensor]:
    """``draw(taxonomy, n)`` are n random leaf ids."""

    def make(taxonomy: Taxonomy, n: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        leaves = taxonomy.leaf_ids
        return leaves[torch.randint(len(leaves), (n,), generator=generator)]

    return make
