"""The pairs that stress minimisation visits, in rounds of disjoint pairs, with their targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.policies import check_choice

__all__ = ["Pairs", "Visit"]

# Up to this many points every pass visits all pairs, and their targets are kept in a table.
FULL = 3_000
_TABLE = 4_096
# Rounds of a pass over sampled pairs, and landmarks.
_ROUNDS, _LANDMARKS = 400, 400
# Pairs whose targets are looked up together.
_CHUNK = 2**18


class Visit(NamedTuple):
    """Pairs in the order of their visits.

    Attributes:
        i, j: ``(K,)`` int64. In every run of ``width`` pairs no point stands twice.
        target: ``(K,)`` float64; 0 where the pair is to be passed over.
        weight: ``(K,)`` float64.
        width: of a round.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    width: int

    def rounds(self) -> Iterator[Visit]:
        """Each run of ``width`` pairs, without those to be passed over."""
        for first in range(0, len(self.i), self.width):
            part = slice(first, first + self.width)
            kept = self.target[part] > 0.0
            yield Visit(
                self.i[part][kept],
                self.j[part][kept],
                self.target[part][kept],
                self.weight[part][kept],
                self.width,
            )


@dataclass(frozen=True)
class Pairs:
    """Pairs of points that stand for the nodes of a taxonomy.

    Attributes:
        taxonomy: gives the distances.
        node: ``(n,)`` a node for each point.
        mass: ``(n,)`` how many nodes a point stands for, relative to the mean.
        kind: ``"full"``, ``"sampled"`` or ``"landmark"``.
        seed: of the order and the sample.
        table: ``(n, n)`` distances, or None where there are too many points.
    """

    taxonomy: Taxonomy
    node: NDArray[np.int64]
    mass: NDArray[np.float64]
    kind: str
    seed: int
    table: NDArray[np.float64] | None

    @classmethod
    def of(cls, taxonomy: Taxonomy, label: NDArray[np.int64], kind: str, seed: int) -> Pairs:
        """``label[v]`` is the point that stands for node v."""
        check_choice("pairs", kind, ("auto", "full", "sampled", "landmark"))
        _, node, count = np.unique(label, return_index=True, return_counts=True)
        size = len(node)
        if kind == "auto":
            kind = "full" if size <= FULL else "sampled"
        if kind == "landmark" and size <= 2 * _LANDMARKS:
            kind = "full"
        table = None
        if size <= _TABLE:
            ids = torch.from_numpy(node)
            table = taxonomy.distance_matrix(ids, weighted=True).double().numpy()
        return cls(taxonomy, node, count / count.mean(), kind, seed, table)

    def __len__(self) -> int:
        return len(self.node)

    def targets(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distances in the taxonomy."""
        if self.table is not None:
            return self.table[i, j]
        ids = torch.from_numpy(self.node)
        found = self.taxonomy.distance(ids[i], ids[j], weighted=True)
        out: NDArray[np.float64] = found.double().numpy()
        return out

    def sample(self, count: int = 2**16) -> NDArray[np.float64]:
        """Distances of random pairs, none of them 0."""
        rng = np.random.default_rng([self.seed, 1])
        i, j = rng.integers(len(self), size=(2, count))
        found = self.targets(i, j)
        return found[found > 0]

    def visits(self, epoch: int) -> Iterator[Visit]:
        """One pass, the same for the same seed and epoch."""
        rng = np.random.default_rng([self.seed, 2, epoch])
        rounds = self._to_landmarks(rng) if self.kind == "landmark" else self._tournament(rng)
        for i, j in rounds:
            ends = i.ravel(), j.ravel()
            here = (ends[0] >= 0) & (ends[1] >= 0)
            ends = np.where(here, ends[0], 0), np.where(here, ends[1], 0)
            target = np.where(here, self.targets(*ends), 0.0)
            yield Visit(*ends, target, self.mass[ends[0]] * self.mass[ends[1]], i.shape[1])

    def _tournament(
        self, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rounds of a round-robin tournament: every round pairs all points, no pair returns."""
        order = rng.permutation(len(self))
        if len(self) % 2:
            order = np.append(order, -1)  # who is paired with it sits out
        others = len(order) - 1
        turns = rng.permutation(others)
        if self.kind == "sampled":
            turns = turns[:_ROUNDS]
        seat = np.arange(1, len(order) // 2)
        for some in np.array_split(turns, max(1, len(turns) * len(order) // (2 * _CHUNK))):
            turn = some[:, None]
            i = np.concatenate((np.full_like(turn, others), (turn + seat) % others), axis=1)
            j = np.concatenate((turn, (turn - seat) % others), axis=1)
            yield order[i], order[j]

    def _to_landmarks(
        self, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Every point with every one of the landmarks, which stay the same in all passes."""
        chosen = np.random.default_rng([self.seed, 3]).permutation(len(self))
        marks, rest = chosen[:_LANDMARKS], rng.permutation(chosen[_LANDMARKS:])
        rest = np.append(rest, np.full(-len(rest) % _LANDMARKS, -1))
        turn = rng.permutation(_LANDMARKS)[:, None]
        for block in rest.reshape(-1, _LANDMARKS):
            yield (
                np.broadcast_to(block, (_LANDMARKS, _LANDMARKS)),
                marks[(turn + np.arange(_LANDMARKS)) % _LANDMARKS],
            )
