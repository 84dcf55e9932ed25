"""Random taxonomies and plain set-based readings of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch

from hyperhier.manifolds import Lorentz
from hyperhier.taxonomy import Taxonomy


@pytest.fixture(scope="session")
def make_taxonomy() -> Callable[..., Taxonomy]:
    """``make_taxonomy(seed, nodes, extra)``: a random tree, with ``extra`` further edges a DAG."""

    def make(seed: int, nodes: int = 12, extra: int = 0) -> Taxonomy:
        rng = random.Random(seed)
        edges = {(f"n{rng.randrange(child)}", f"n{child}") for child in range(1, nodes)}
        for _ in range(extra):
            child = rng.randrange(2, nodes)
            edges.add((f"n{rng.randrange(child)}", f"n{child}"))
        return Taxonomy.from_edges(sorted(edges))

    return make


@pytest.fixture(scope="session")
def uniform_tree() -> Callable[[tuple[int, ...]], Taxonomy]:
    """``uniform_tree((2, 3))``: every node of level l has as many children as entry l says."""

    def make(branching: tuple[int, ...]) -> Taxonomy:
        paths: list[tuple[str, ...]] = [("r",)]
        for count in branching:
            paths = [(*p, f"{p[-1]}.{i}") for p in paths for i in range(count)]
        return Taxonomy.from_paths(paths)

    return make


class _Elsewhere(Lorentz):
    """Its curvature is where nothing can be computed until it is moved, as on a GPU without one."""

    def __init__(self) -> None:
        with torch.device("meta"):
            super().__init__()

    def to(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        return Lorentz()


@pytest.fixture
def elsewhere() -> Lorentz:
    """``Lorentz()`` on another device than any points."""
    return _Elsewhere()
