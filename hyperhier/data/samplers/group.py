"""Batches in which the samples of a class come from different groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from torch import Tensor

from hyperhier.data.samplers._base import SeededBatchSampler
from hyperhier.data.samplers._decks import ClassDecks, Turns
from hyperhier.data.samplers._inputs import as_codes, as_labels, positive

__all__ = ["GroupSampler"]


class GroupSampler(SeededBatchSampler):
    """Batches of ``classes`` classes with ``per_class`` samples each, of different groups.

    Two pictures of one lesion or one patient are an easy positive pair: a contrastive loss
    can bring them together by what the patient, not the class, has in common. Here the
    samples of a class come from ``per_class`` different groups if it has so many, otherwise
    as evenly from its groups as possible; the groups of a class come up in turn, whatever
    their size, and so do the samples of a group.

    Args:
        labels: int ``(N,)``, classes of any kind.
        groups: ``(N,)`` names or numbers of patients, lesions, ...
        classes: classes per batch; default 8, or all if they are fewer.
        per_class: samples of each.
        balance: 1 (default): all classes equally often; 0: as often as they have samples.
        batches: batches per epoch over all ranks; default N / (classes * per_class), at
            least one for each rank.
        seed: of the drawing; together with the epoch, see :meth:`set_epoch`.
        rank, world_size: place in a distributed run; ranks get different batches.

    Raises:
        ValueError: no samples, a group missing, or more classes per batch than there are.

    >>> labels, patients = [0] * 6 + [1] * 6, ["p", "p", "p", "p", "q", "r"] * 2
    >>> for batch in GroupSampler(labels, patients, per_class=3):
    ...     [patients[i] for i in sorted(batch)]
    ['p', 'q', 'r', 'p', 'q', 'r']
    ['p', 'q', 'r', 'p', 'q', 'r']
    """

    def __init__(
        self,
        labels: Tensor | np.ndarray | Sequence[int],
        groups: Tensor | np.ndarray | Sequence[object],
        *,
        classes: int | None = None,
        per_class: int = 4,
        balance: float = 1.0,
        batches: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        ids = as_labels(labels)
        self._groups = as_codes(groups, len(ids))
        present, self._code, counts = np.unique(ids, return_inverse=True, return_counts=True)
        if classes is None:
            classes = min(8, len(present))
        positive(classes=classes, per_class=per_class)
        if classes > len(present):
            raise ValueError(f"classes={classes}, but the labels hold {len(present)}")
        if not 0.0 <= balance <= 1.0:
            raise ValueError(f"balance must be in [0, 1], got {balance}")
        self.classes, self.per_class = classes, per_class
        share = counts.astype(np.float64) ** (1.0 - balance)
        self._share = share / share.sum()
        super().__init__(
            batches,
            usual=len(ids) // (classes * per_class),
            seed=seed,
            rank=rank,
            world_size=world_size,
        )

    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        decks = ClassDecks(self._code, self._groups, rng)
        turns = Turns(self._share, rng)
        everybody = np.arange(len(self._share))
        while True:
            chosen = list(islice(turns.order(everybody), self.classes))
            for c in chosen:
                turns.use(c)
            yield [i for c in chosen for i in decks.take(c, self.per_class)]
