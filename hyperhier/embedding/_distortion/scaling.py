"""Classical scaling: the Euclidean points whose inner products are nearest to those wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperhier.embedding._distortion.pairs import Pairs

__all__ = ["classical_scaling"]

_ROUNDS = 30
_SPARE = 8


def classical_scaling(pairs: Pairs, dim: int, seed: int) -> NDArray[np.float64]:
    """Torgerson 1952: the ``dim`` largest eigenvalues of ``-J D^2 J / 2``, J taking off means.

    Found by subspace iteration, which needs no second table.

    Returns:
        ``(n, dim)``.
    """
    assert pairs.table is not None
    squared = -0.5 * pairs.table**2
    squared -= squared.mean(axis=0)
    squared -= squared.mean(axis=1, keepdims=True)
    rng = np.random.default_rng([seed, 4])
    width = min(len(squared), dim + _SPARE)
    basis, _ = np.linalg.qr(rng.normal(size=(len(squared), width)))
    for _ in range(_ROUNDS):
        basis, _ = np.linalg.qr(squared @ basis)
    values, turn = np.linalg.eigh(basis.T @ squared @ basis)
    largest = np.argsort(values)[::-1][:dim]
    out = np.zeros((len(squared), dim))
    kept = (basis @ turn[:, largest]) * np.sqrt(np.maximum(values[largest], 0.0))
    # a sign that does not hang on the order of arithmetic
    kept *= np.where(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])] < 0.0, -1.0, 1.0)
    out[:, : kept.shape[1]] = kept
    return out
