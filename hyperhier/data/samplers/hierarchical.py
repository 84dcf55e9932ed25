"""Batches in which every class has siblings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from hyperhier.data.samplers._base import SeededBatchSampler
from hyperhier.data.samplers._blocks import BlockChooser
from hyperhier.data.samplers._decks import ClassDecks, Turns
from hyperhier.data.samplers._families import Family, families
from hyperhier.data.samplers._inputs import as_codes, as_labels, positive
from hyperhier.taxonomy import Taxonomy

__all__ = ["HierarchicalSampler"]


class HierarchicalSampler(SeededBatchSampler):
    """Batches of ``classes`` classes with ``per_class`` samples each, siblings among them.

    A loss that weights pairs by their lowest common ancestor learns nothing about a level of
    the tree of which the batch holds no pair; with many classes and a random batch, pairs of
    siblings are rare. Here the classes of a batch come in families:

    * each class that has siblings in the data comes with at least ``siblings - 1`` of them
      (with all of them, if they are fewer);
    * a class without a sibling comes with ``siblings`` of its nearest relatives;
    * every class comes up in turn, with a share proportional to ``n ** (1 - balance)`` of
      its n samples, and every sample of a class comes up once before any comes again.

    A class with fewer than ``per_class`` samples repeats some within the batch. Where whole
    families do not add up to ``classes``, a batch has fewer.

    Args:
        labels: int ``(N,)`` node ids, at leaves or inner nodes.
        taxonomy: a tree or DAG (the primary parents count).
        classes: classes per batch; default 8, or all if they are fewer.
        per_class: samples of each.
        siblings: classes of one family that come together; 1: no such demand.
        balance: 1 (default): all classes equally often; 0: as often as they have samples.
        groups: ``(N,)`` patients or the like: the samples of a class then come from as many
            different groups as possible.
        batches: batches per epoch over all ranks; default N / (classes * per_class), at
            least one for each rank.
        seed: of the drawing; together with the epoch, see :meth:`set_epoch`.
        rank, world_size: place in a distributed run; ranks get different batches.

    Raises:
        ValueError: no samples, more classes per batch than there are, or too few for a
            family.
        TaxonomyError: a label that is no node.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> tree = builtin_taxonomy("ham10000-lineage")
    >>> labels = tree.encode(["nv"] * 60 + ["mel"] * 20 + ["bcc", "akiec"] * 5 + ["bkl"] * 10)
    >>> for batch in HierarchicalSampler(labels, tree, classes=3, per_class=2, batches=2):
    ...     tree.decode(labels[batch][::2])
    ['bcc', 'akiec', 'bkl']
    ['mel', 'nv']
    """

    def __init__(
        self,
        labels: Tensor | np.ndarray | Sequence[int],
        taxonomy: Taxonomy,
        *,
        classes: int | None = None,
        per_class: int = 4,
        siblings: int = 2,
        balance: float = 1.0,
        groups: Tensor | np.ndarray | Sequence[object] | None = None,
        batches: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        ids = as_labels(labels)
        taxonomy.decode([int(ids.min()), int(ids.max())])
        present, self._code, counts = np.unique(ids, return_inverse=True, return_counts=True)
        if classes is None:
            classes = min(8, len(present))
        positive(classes=classes, per_class=per_class, siblings=siblings)
        if classes > len(present):
            raise ValueError(f"classes={classes}, but the labels hold {len(present)}")
        siblings = min(siblings, len(present))
        if siblings > classes:
            raise ValueError(f"siblings={siblings} do not fit in classes={classes}")
        if not 0.0 <= balance <= 1.0:
            raise ValueError(f"balance must be in [0, 1], got {balance}")
        self.classes, self.per_class, self.siblings = classes, per_class, siblings
        self._groups = None if groups is None else as_codes(groups, len(ids))
        share = counts.astype(np.float64) ** (1.0 - balance)
        self._share = share / share.sum()
        position = {int(node): i for i, node in enumerate(present)}
        found = [
            Family([position[c] for c in f.core], [position[c] for c in f.guests])
            for f in families(taxonomy, list(position))
        ]
        self._chooser = BlockChooser(found, classes, siblings)
        crowded = self._chooser.too_large()
        if crowded is not None:
            raise ValueError(
                f"class {taxonomy.nodes[int(present[crowded])]!r} has no sibling and comes with "
                f"siblings={siblings} relatives: expected classes > {siblings}, got {classes}"
            )
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
        while True:
            yield [i for c in self._chooser.choose(turns) for i in decks.take(c, self.per_class)]
