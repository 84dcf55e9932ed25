"""Taxonomies to embed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from hyperhier.taxonomy import Taxonomy


@pytest.fixture(scope="session")
def regular_tree() -> Callable[[int, int], Taxonomy]:
    """``regular_tree(b, h)``: every inner node has b children, every leaf lies on level h."""

    def make(branching: int, height: int) -> Taxonomy:
        paths: list[tuple[str, ...]] = [("r",)]
        for _ in range(height):
            paths = [(*p, f"{p[-1]}.{i}") for p in paths for i in range(branching)]
        return Taxonomy.from_paths(paths)

    return make


@pytest.fixture(scope="session")
def random_tree() -> Callable[..., Taxonomy]:
    """``random_tree(seed, nodes, extra)``: with ``extra`` further edges a DAG."""

    def make(seed: int, nodes: int = 30, extra: int = 0) -> Taxonomy:
        rng = random.Random(seed)
        edges = {(f"n{rng.randrange(child)}", f"n{child}") for child in range(1, nodes)}
        for _ in range(extra):
            child = rng.randrange(2, nodes)
            edges.add((f"n{rng.randrange(child)}", f"n{child}"))
        return Taxonomy.from_edges(sorted(edges))

    return make


@pytest.fixture(scope="session")
def shapes() -> dict[str, Taxonomy]:
    """The extremes: a chain, a star, two nodes, uneven branching, zero and unequal weights."""
    return {
        "chain": Taxonomy.from_edges([(f"c{i}", f"c{i + 1}") for i in range(12)]),
        "star": Taxonomy.from_edges([("s", f"s{i}") for i in range(60)]),
        "two": Taxonomy.from_edges([("a", "b")]),
        "broom": Taxonomy.from_edges(
            [("r", "a"), ("a", "b"), ("b", "c")]
            + [("c", f"x{i}") for i in range(20)]
            + [("r", f"y{i}") for i in range(3)]
        ),
    }
