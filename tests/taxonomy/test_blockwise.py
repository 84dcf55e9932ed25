"""Long queries in pieces give what one piece gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hyperhier.taxonomy import _blockwise, builtin_taxonomy
from hyperhier.taxonomy._blockwise import blockwise, each_once


def mixed(i: Tensor, j: Tensor) -> Tensor:
    return 1000 * i + j


@pytest.mark.parametrize("call", [blockwise, each_once])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [((0,), (0,)), ((5, 1), (1, 7)), ((), (33,)), ((4, 9), (9,))])
def test_pieces(
    call: object,
    threads: int,
    shape: tuple[tuple[int, ...], tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_blockwise, "_BLOCK", 4)
    monkeypatch.setattr(_blockwise, "_WORTH_THREADS", 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    i, j = torch.randint(3, shape[0]), torch.randint(3, shape[1])
    assert torch.equal(call(mixed, i, j), mixed(i, j))  # type: ignore[operator]


def test_an_error_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blockwise, "_BLOCK", 2)
    monkeypatch.setattr(_blockwise, "_WORTH_THREADS", 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def refuse(i: Tensor, j: Tensor) -> Tensor:
        if (i == 7).any():
            raise ValueError("seven")
        return i

    with pytest.raises(ValueError, match="seven"):
        blockwise(refuse, torch.arange(9), torch.arange(9))


def test_a_long_query_of_a_tree_and_of_a_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cifar100", "odir5k"):
        tax = builtin_taxonomy(name)
        i, j = torch.randint(len(tax), (2, 5000), generator=torch.Generator().manual_seed(0))
        whole = tax.lca(i, j), tax.distance(i, j, weighted=True), tax.is_ancestor(i, j)
        monkeypatch.setattr(_blockwise, "_BLOCK", 100)
        monkeypatch.setattr(_blockwise, "_WORTH_THREADS", 1000)
        pieces = tax.lca(i, j), tax.distance(i, j, weighted=True), tax.is_ancestor(i, j)
        assert all(map(torch.equal, whole, pieces))
