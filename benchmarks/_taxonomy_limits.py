"""What one core allows a ranking step: random rows moved, arithmetic, and both.

A pair is a node, an ancestor and its negatives. Each of them costs a row that is read and
written back at a random place, a squared distance, one square root, one division and a move
along the difference. The arithmetic is laid out as it is fastest, one coordinate of all rows
after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

SECONDS = 0.5


def limits(nodes: int, dim: int, dtype: Any, negatives: int) -> dict[str, float]:
    """Rows per second, and pairs per second: rows only ``moved``, ``arithmetic`` only, ``both``."""
    import numba

    move, step = numba.njit(_move), numba.njit(fastmath=True)(_step)
    rng = np.random.default_rng(0)
    table = rng.standard_normal((nodes, dim)).astype(dtype)
    rows = rng.integers(nodes, size=(20_000, 2 + negatives))
    small = np.array([1e-9, 1.0, 2.0], dtype)

    moved = per_second(lambda: move(table, rows), len(rows))
    return {
        "rows": moved * rows.shape[1],
        "moved": moved,
        "both": per_second(lambda: step(table, rows, small, True), len(rows)),
        "arithmetic": per_second(lambda: step(table, rows, small, False), len(rows)),
    }


def per_second(call: Callable[[], Any], work: int) -> float:
    """The best of the calls that fit into :data:`SECONDS`, by processor time."""
    call()
    best, used = 0.0, 0.0
    while used < SECONDS:
        start = time.process_time()
        call()
        took = time.process_time() - start
        used += took
        best = max(best, work / max(took, 1e-9))
    return best


def _move(table: Any, rows: Any) -> None:
    one = table[0, 0] / table[0, 0]
    for pair in rows:
        for row in pair:
            for k in range(table.shape[1]):
                table[row, k] += one


def _step(table: Any, rows: Any, small: Any, moves: bool) -> Any:
    dim, count = table.shape[1], rows.shape[1]
    block = np.ones((dim, count), table.dtype)
    far = np.zeros(count, table.dtype)
    tiny, one, two = small
    for pair in rows:
        if moves:
            for j in range(count):
                for k in range(dim):
                    block[k, j] = table[pair[j], k]
        far[:] = 0
        for k in range(dim):
            here = block[k, 0]
            for j in range(count):
                far[j] += (block[k, j] - here) ** 2
        for j in range(count):
            far[j] = tiny / (one + far[j] + np.sqrt(far[j] * (far[j] + two)))
        for k in range(dim):
            here = block[k, 0]
            pull = here
            for j in range(count):
                way = far[j] * (block[k, j] - here)
                pull += way
                block[k, j] -= way
            block[k, 0] = pull
        if moves:
            for j in range(count):
                for k in range(dim):
                    table[pair[j], k] = block[k, j]
    return block
