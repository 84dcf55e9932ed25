"""The batches of hierarchical multi-label contrastive learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from hyperhier.data.samplers._base import SeededBatchSampler
from hyperhier.data.samplers._inputs import positive
from hyperhier.data.samplers._ranges import SortedPaths, as_paths
from hyperhier.taxonomy import Taxonomy

__all__ = ["HMLCSampler"]

# draws before the unvisited samples of a range are listed
_ATTEMPTS = 10


class HMLCSampler(SeededBatchSampler):
    """Batches of anchors, each with one partner for every level of the tree.

    After Zhang et al., "Use all the labels: a hierarchical multi-label contrastive learning
    framework", CVPR 2022, and its released sampler. An anchor comes with

    * a partner of the same leaf,
    * for each level l from the deepest to the first, a partner that has the anchor's
      ancestors above l and another node on l;

    so every batch has positive pairs on every level. No sample comes twice in an epoch.
    Where nobody is left who fits a level, any sample that is left takes the place. Our
    difference to the released code: before that is done, all samples that fit are looked
    through, not ten drawn at random.

    Args:
        labels: int ``(N,)`` node ids of ``taxonomy``, or paths ``(N, L)``, coarse to fine,
            without one. A shallow leaf stands in for itself on the levels below it.
        taxonomy: where the labels come from, or None for paths.
        batch_size: samples per batch: as many whole tuples of ``levels + 2`` as fit in.
        batches: batches per epoch over all ranks; at most (and by default) as many as the
            samples are enough for.
        seed: of the drawing; together with the epoch, see :meth:`set_epoch`.
        rank, world_size: place in a distributed run; ranks get different batches.

    Raises:
        ValueError: no samples, fewer than one batch for each rank, or a batch too small for
            one tuple.

    >>> paths = [[0, 0], [0, 0], [0, 1], [1, 2]] * 2
    >>> [[paths[i] for i in batch] for batch in HMLCSampler(paths, batch_size=4)][0]
    [[0, 0], [0, 0], [0, 1], [1, 2]]
    """

    def __init__(
        self,
        labels: Tensor | np.ndarray | Sequence[object],
        taxonomy: Taxonomy | None = None,
        *,
        batch_size: int = 64,
        batches: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        paths = as_paths(labels, taxonomy)
        self.levels = paths.shape[1]
        self._sorted = SortedPaths(paths)
        positive(batch_size=batch_size)
        tuples = batch_size // (self.levels + 2)
        if not tuples:
            raise ValueError(
                f"batch_size={batch_size} holds no tuple of an anchor and its partners: "
                f"expected at least levels + 2 = {self.levels + 2}"
            )
        self._tuples = tuples
        self.batch_size = tuples * (self.levels + 2)
        most = len(paths) // self.batch_size
        if batches is not None and batches > most:
            raise ValueError(
                f"batches={batches} of {self.batch_size} samples, but {len(paths)} samples are "
                f"enough for {most}"
            )
        if not most:
            raise ValueError(f"{len(paths)} samples do not fill a batch of {self.batch_size}")
        super().__init__(
            most if batches is None else batches,
            usual=most,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )

    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        tree = self._sorted
        count = len(tree.order)
        left = np.ones(count, dtype=bool)  # by position
        queue = iter(rng.permutation(count).tolist())

        def anybody() -> int:
            return next(p for p in queue if left[p])

        def partner(level: int, anchor: int) -> int:
            """One left over that agrees with the anchor above a level and differs on it."""
            outer = (int(tree.start[level - 1, anchor]), int(tree.stop[level - 1, anchor]))
            inner = (int(tree.start[level, anchor]), int(tree.stop[level, anchor]))
            return pick(outer[0], inner[0], inner[1], outer[1])

        def pick(a: int, b: int, c: int, d: int) -> int:
            """One left over of the positions [a, b) and [c, d), else anybody."""
            size = (b - a) + (d - c)
            for drawn in rng.integers(size, size=_ATTEMPTS).tolist() if size else ():
                p = a + drawn if drawn < b - a else c + drawn - (b - a)
                if left[p]:
                    return p
            fitting = np.concatenate((a + np.flatnonzero(left[a:b]), c + np.flatnonzero(left[c:d])))
            return int(rng.choice(fitting)) if len(fitting) else anybody()

        while True:
            batch: list[int] = []
            for _ in range(self._tuples):
                anchor = anybody()
                left[anchor] = False
                batch.append(anchor)
                same = int(tree.start[self.levels, anchor]), int(tree.stop[self.levels, anchor])
                for level in range(self.levels + 1, 0, -1):
                    deepest = level > self.levels
                    p = pick(*same, same[1], same[1]) if deepest else partner(level, anchor)
                    left[p] = False
                    batch.append(p)
            yield tree.order[batch].tolist()
