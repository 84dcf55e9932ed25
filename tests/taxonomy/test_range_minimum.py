"""The range minimum behind LCA queries, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyperhier.taxonomy import _range_minimum
from hyperhier.taxonomy._range_minimum import range_minimum, range_table


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 31, 32, 33, 48, 100, 257])
def test_every_range(size: int) -> None:
    values = np.random.default_rng(size).integers(0, 2**31 - 2, size).astype(np.int32)
    low, high = (torch.from_numpy(x).int() for x in np.triu_indices(size))
    found = range_minimum(torch.from_numpy(range_table(values)), size, low, high)
    assert found.tolist() == [values[a : b + 1].min() for a, b in zip(low, high, strict=True)]


def test_long_ranges() -> None:
    size = 100_000
    rng = np.random.default_rng(0)
    values = rng.permutation(size).astype(np.int32)
    low, high = np.sort(rng.integers(0, size, (2, 500)), axis=0).astype(np.int32)
    table = torch.from_numpy(range_table(values))
    found = range_minimum(table, size, torch.from_numpy(low), torch.from_numpy(high))
    assert found.tolist() == [values[a : b + 1].min() for a, b in zip(low, high, strict=True)]
    assert table.numel() < 7.2 * size


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_range_minimum, "_MOST", 8)
    range_table(np.zeros(7, dtype=np.int32))
    with pytest.raises(ValueError, match="8 values; expected fewer than 8"):
        range_table(np.zeros(8, dtype=np.int32))
