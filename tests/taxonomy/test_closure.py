"""The closure in blocks, its size, its limits."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy


@settings(deadline=None)
@given(st.one_of(trees(), dags()), st.integers(1, 40))
def test_blocks_are_the_closure(edges: list[tuple[str, str]], pairs: int) -> None:
    tax = Taxonomy.from_edges(edges)
    blocks = list(tax.closure_blocks(pairs))
    assert torch.equal(torch.cat(blocks, dim=1), tax.closure())
    for block in blocks:
        assert block.shape[1] <= pairs or len(set(block[0].tolist())) == 1


@settings(deadline=None)
@given(st.one_of(trees(), dags()), st.integers(1, 40), st.randoms(use_true_random=False))
def test_blocks_of_some_nodes(edges: list[tuple[str, str]], pairs: int, rng: Random) -> None:
    tax = Taxonomy.from_edges(edges)
    nodes = rng.sample(range(len(tax)), rng.randint(0, len(tax)))
    child, ancestor = tax.closure()
    wanted = [(c, a) for n in nodes for c, a in zip(child.tolist(), ancestor.tolist()) if c == n]
    blocks = list(tax.closure_blocks(pairs, nodes=torch.tensor(nodes, dtype=torch.int64)))
    assert [tuple(pair) for block in blocks for pair in block.T.tolist()] == wanted


def test_a_closure_that_fits_no_memory_is_streamed() -> None:
    n = 100_000
    chain = Taxonomy.from_arrays([f"n{k}" for k in range(n)], np.arange(n - 1), np.arange(1, n))
    with pytest.raises(TaxonomyError, match=r"4999950000 .* pairs"):
        chain.closure()
    first = next(chain.closure_blocks(1 << 16))
    child, ancestor = first
    assert first.shape[1] <= 1 << 16
    assert torch.equal(torch.unique(child), torch.arange(1, int(child[-1]) + 1))
    assert torch.equal(ancestor, torch.cat([torch.arange(k) for k in range(1, int(child[-1]) + 1)]))


def test_no_pairs() -> None:
    single = Taxonomy.from_paths([("only",)])
    assert list(single.closure_blocks()) == []
    with pytest.raises(ValueError, match="pairs=0"):
        next(single.closure_blocks(0))
