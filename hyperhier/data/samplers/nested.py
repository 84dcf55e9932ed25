"""Batches of nested samples: patients, their slides, the slides' patches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from torch import Tensor

from hyperhier.data.samplers._base import SeededBatchSampler
from hyperhier.data.samplers._decks import Deck
from hyperhier.data.samplers._inputs import Codes, positive
from hyperhier.data.samplers._ranges import SortedPaths, as_paths
from hyperhier.taxonomy import Taxonomy

__all__ = ["NestedSampler"]


class NestedSampler(SeededBatchSampler):
    """Batches of ``groups`` outermost groups with a fixed number of samples below each.

    With nested labels (patient, slide) and ``branching=(2, 2)`` a batch has ``groups``
    patients, 2 slides of each, 2 patches of each slide: the batches of HiDisc (Jiang et al.,
    "Hierarchical discriminative learning improves visual representations of biomedical
    microscopy", CVPR 2023). Its 2 transforms of each patch are two views ``(B, 2, ...)``, or
    ``repeat=2`` for a data set that transforms every time it is asked.

    Uneven groups are welcome. A patient with one slide gives it twice, and a slide with one
    patch gives it as often as needed; a slide that comes twice gives different patches
    as long as there are any. With ``uneven="fewer"`` nothing comes twice: the batch is then
    smaller. Groups come up in turn, all of them before one comes again.

    Args:
        labels: int ``(N, K)``, coarse to fine, for any K >= 1; or node ids ``(N,)`` of
            ``taxonomy``, which then nests the samples.
        taxonomy: where the labels come from, or None.
        groups: outermost groups per batch, different ones.
        branching: K numbers: how many children of each group on levels 1 to K - 1, and last
            how many samples of each finest group; or one number for all.
        repeat: how often each sample is listed, one right after the other.
        uneven: ``"repeat"`` (default) or ``"fewer"``, see above.
        batches: batches per epoch over all ranks; default: once through all groups. The
            published code does this many times before it calls it an epoch.
        seed: of the drawing; together with the epoch, see :meth:`set_epoch`.
        rank, world_size: place in a distributed run; ranks get different batches.

    Raises:
        ValueError: no samples, fewer groups than asked for, or a branching of another length.

    >>> slides = [[0, 0], [0, 0], [0, 1], [1, 2], [1, 2], [1, 2], [2, 3]]
    >>> batch = next(iter(NestedSampler(slides, groups=3, branching=2)))
    >>> len(batch), sorted(set(batch)) == [0, 1, 2, 3, 4, 5, 6]
    (12, True)
    """

    def __init__(
        self,
        labels: Tensor | np.ndarray | Sequence[object],
        taxonomy: Taxonomy | None = None,
        *,
        groups: int,
        branching: int | Sequence[int] = 2,
        repeat: int = 1,
        uneven: str = "repeat",
        batches: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        paths = as_paths(labels, taxonomy)
        levels = paths.shape[1]
        numbers = branching if isinstance(branching, Iterable) else (branching,) * levels
        self.branching = tuple(numbers)
        if len(self.branching) != levels:
            raise ValueError(
                f"branching must have one number for each of {levels} levels, got {self.branching}"
            )
        for number in self.branching:
            positive(branching=number)
        positive(groups=groups, repeat=repeat)
        if uneven not in ("repeat", "fewer"):
            raise ValueError(f"uneven must be 'repeat' or 'fewer', got {uneven!r}")
        self._root = _tree(paths)
        present = len(self._root)
        if groups > present:
            raise ValueError(f"groups={groups}, but the labels hold {present}")
        self.groups, self.repeat, self.uneven = groups, repeat, uneven
        super().__init__(
            batches, usual=present // groups, seed=seed, rank=rank, world_size=world_size
        )

    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        decks: dict[tuple[int, ...], Deck] = {}
        outermost = Deck(range(len(self._root)), rng)

        def deck(where: tuple[int, ...], node: _Node) -> Deck:
            if where not in decks:
                cards = range(len(node)) if isinstance(node, list) else node
                decks[where] = Deck(cards, rng)
            return decks[where]

        def below(where: tuple[int, ...], node: _Node, visits: int) -> list[int]:
            """Samples below a group that comes ``visits`` times."""
            wanted = visits * self.branching[len(where) - 1]
            cards = deck(where, node)
            if self.uneven == "fewer":
                wanted = min(wanted, len(cards))
            drawn = cards.take(wanted)
            if not isinstance(node, list):
                return drawn
            found: list[int] = []
            for child in dict.fromkeys(drawn):
                found += below((*where, child), node[child], drawn.count(child))
            return found

        while True:
            batch: list[int] = []
            for group in outermost.take(self.groups):
                batch += below((group,), self._root[group], 1)
            yield [i for i in batch for _ in range(self.repeat)]


# an inner group is the list of its children, a finest one the array of its samples
_Node = list["_Node"] | np.ndarray  # type: ignore[misc]


def _tree(paths: Codes) -> list[_Node]:
    """The samples as nested lists, whose innermost are arrays."""
    tree = SortedPaths(paths)
    levels = paths.shape[1]

    def children(level: int, begin: int, end: int) -> _Node:
        if level > levels:
            return tree.order[begin:end]
        found: list[_Node] = []
        while begin < end:
            stop = int(tree.stop[level, begin])
            found.append(children(level + 1, begin, stop))
            begin = stop
        return found

    root = children(1, 0, len(paths))
    assert isinstance(root, list)
    return root
