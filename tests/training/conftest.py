"""A tiny problem that trains in about a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hyperhier.data import ImageSet, make_hierarchical_images
from hyperhier.taxonomy import Taxonomy
from hyperhier.training import TrainResult, train

#: options of a run that takes a second
TINY: dict[str, Any] = {"batch_size": 60, "dim": 8, "width": 8, "epochs": 2, "pictures": False}


@pytest.fixture(scope="session")
def tree() -> Taxonomy:
    pairs = {"tissue": ("round", "long"), "round": ("r1", "r2", "r3"), "long": ("l1", "l2", "l3")}
    return Taxonomy.from_edges([(p, c) for p, children in pairs.items() for c in children])


@pytest.fixture(scope="session")
def data(tree: Taxonomy) -> ImageSet:
    return make_hierarchical_images(tree, 40, size=16, difficulty=0.2)


@pytest.fixture
def fit(data: ImageSet, tree: Taxonomy) -> Callable[..., TrainResult]:
    """``fit(**options)``: a tiny run."""

    def run(**options: Any) -> TrainResult:
        return train(options.pop("data", data), tree, **{**TINY, **options})

    return run
