"""What is known of a block of (anchor, candidate) pairs besides their similarity."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from hyperhier.losses._class_sums import Classes, ClassTerms
from hyperhier.losses._inputs import Inputs, Side
from hyperhier.losses._reduce import Terms

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = ["PairFunction", "Positives", "Relation"]

Positives = Literal["supervised", "views"]

#: similarity block ``(n, m)`` and its relation -> logits ``(n, m)`` and positive mask ``(n, m)``,
#: or these with more as Terms, or a list of Terms, one for each level, or ClassTerms
PairFunction = Callable[
    [Tensor, "Relation"], tuple[Tensor, Tensor] | Terms | list[Terms] | ClassTerms
]


class Relation:
    """The relation of a block of anchors to all candidates.

    Every property is an ``(n, m)`` tensor, formed for this block when it is read; a loss that
    never reads :attr:`kappa` never looks at the taxonomy.

    Args:
        inputs: both sides.
        rows: the anchors of this block, with explicit bounds.
        taxonomy: for :attr:`kappa`.
    """

    def __init__(self, inputs: Inputs, rows: slice, taxonomy: Taxonomy | None = None) -> None:
        self.inputs = inputs
        self.rows = rows
        self.taxonomy = taxonomy
        n, m = rows.stop - rows.start, len(inputs.others)
        device = inputs.anchors.points.device
        #: the anchor paired with itself; nowhere true with a reference set
        self.is_self = torch.zeros(n, m, dtype=torch.bool, device=device)
        if inputs.same_set:
            row = torch.arange(rows.start, rows.stop, device=device)
            self.is_self = row[:, None] == torch.arange(m, device=device)
        self._explicit = None if inputs.selection is None else inputs.selection.masks(rows, m)

    @property
    def same_label(self) -> Tensor:
        """Both have the same label (the same leaf of the taxonomy), or share one of several."""
        i, j = self._labels
        if self.inputs.sets is None:
            return i[:, None] == j[None, :]
        return self._table(_share_a_label)

    @property
    def same_sample(self) -> Tensor:
        """Both are views of the same sample, the anchor itself included."""
        i, j = self.inputs.anchors.samples[self.rows], self.inputs.others.samples
        return i[:, None] == j[None, :]

    @property
    def kappa(self) -> Tensor:
        """Depth of the lowest common ancestor over the height of the taxonomy, in [0, 1].

        For samples with several labels: the best match of each label of one in the other,
        averaged over the labels of each and then over the two.
        """
        dtype = self.inputs.anchors.points.dtype
        several = self.inputs.sets is not None
        return self._table(self._kappa_of_sets if several else self._tree.kappa).to(dtype)

    @property
    def steps(self) -> Tensor:
        """Edges between the two labels in the taxonomy."""
        self._one_label("the distance in the tree")
        return self._table(self._tree.distance)

    @property
    def undecided(self) -> Tensor:
        """One label is an ancestor of the other: they may or may not be the same class."""
        if self.inputs.sets is not None:
            return torch.zeros_like(self.is_self)
        return self._table(self._comparable)

    def beyond_the_first(self, level: int) -> Tensor:
        """One of the two is not the first sample of its ancestor by primary parents on a level."""
        self._one_label("the one ancestor on a level")
        anchors, others = self.inputs.anchors, self.inputs.others
        own = self._is_first(anchors, level)
        other = own if others is anchors else self._is_first(others, level)
        return ~(own[self.rows, None] & other[None, :])

    def _is_first(self, side: Side, level: int) -> Tensor:
        if side.labels is None:
            raise ValueError("this loss needs labels")
        node, which = torch.unique(self._tree.ancestor_at(level, side.labels), return_inverse=True)
        first = torch.full_like(node, len(side))
        first.scatter_reduce_(0, which, side.samples, "amin")
        return side.samples == first[which]

    @property
    def allowed(self) -> Tensor:
        """The pairs that count: all but the anchor itself, or those of ``indices_tuple``."""
        if self._explicit is None:
            return ~self.is_self
        positive, negative = self._explicit
        return (positive | negative) & ~self.is_self

    def positives(self, kind: Positives = "supervised") -> Tensor:
        """The positive pairs: same label, or same sample; ``indices_tuple`` overrides both."""
        if self._explicit is not None:
            return self._explicit[0] & ~self.is_self
        if kind == "supervised":
            return self.same_label & ~self.is_self
        self.inputs.check_views()
        return self.same_sample & ~self.is_self

    def positives_by_level(self) -> list[Tensor]:
        """The positive pairs of every level, from the leaves up; ``indices_tuple`` overrides all.

        They have a common ancestor on the level, by any parents, where a shallower node stands in
        for itself; samples with several labels, where some label of one and some of the other has.
        """
        levels = range(self._tree.height, 0, -1)
        if self._explicit is not None:
            return [self.positives()] * len(levels)
        several = self.inputs.sets is not None
        # a common ancestor has ancestors on every level above it
        depth = self._table(self._depth_of_sets if several else self._tree.lca_depth)
        same = self.same_label
        return [(same | (depth >= level)) & ~self.is_self for level in levels]

    @property
    def _labels(self) -> tuple[Tensor, Tensor]:
        i, j = self.inputs.anchors.labels, self.inputs.others.labels
        if i is None or j is None:
            raise ValueError("this loss needs labels")
        return i[self.rows], j

    @property
    def _tree(self) -> Taxonomy:
        if self.taxonomy is None:
            raise ValueError("this loss needs a taxonomy")
        return self.taxonomy

    def _one_label(self, what: str) -> None:
        if self.inputs.sets is not None:
            raise ValueError(f"{what} is not defined for samples with several labels")

    @functools.cached_property
    def classes(self) -> Classes:
        """The distinct labels of both sides; where samples have several, the distinct sets."""
        i, j = self._labels
        return Classes(*torch.unique(i, return_inverse=True), *torch.unique(j, return_inverse=True))

    def between_classes(self) -> Relation | None:
        """The relation of the distinct labels, ``(R, C)`` instead of ``(n, m)``.

        None where labels do not tell all: for explicit pairs and for samples with several; and
        while compiling, for how many there are depends on the values.
        """
        inputs = self.inputs
        known = inputs.anchors.labels is not None and inputs.others.labels is not None
        if not known or inputs.selection is not None or inputs.sets is not None:
            return None
        if torch.compiler.is_compiling():
            return None
        rows, columns = (
            Side(inputs.anchors.points.new_empty(len(ids), 0), ids, torch.full_like(ids, -1))
            for ids in (self.classes.rows, self.classes.columns)
        )
        small = Inputs(rows, columns, None, (len(rows),), (len(columns),), same_set=False)
        return Relation(small, slice(0, len(rows)), self.taxonomy)

    def _table(self, of_pair: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """A function of two labels (or of two rows of the label sets), for every pair."""
        sets = self.inputs.sets
        if torch.compiler.is_compiling() and sets is None:
            i, j = self._labels
            return of_pair(i[:, None], j[None, :])
        # a batch has fewer classes than samples: look up each pair of classes once
        rows, row, columns, column = self.classes
        if sets is None:
            table = of_pair(rows[:, None], columns[None, :])
        else:
            table = of_pair(sets[rows], sets[columns])
        return table[row][:, column]

    def _comparable(self, i: Tensor, j: Tensor) -> Tensor:
        return self._tree.is_ancestor(i, j) | self._tree.is_ancestor(j, i)

    def _kappa_of_sets(self, one: Tensor, other: Tensor) -> Tensor:
        """Mean best match ``(P, Q)`` of label sets ``(P, N)`` and ``(Q, N)``."""
        present, one, other = _among_present(one, other)
        single = self._tree.kappa(present[:, None], present[None, :])

        def match(a: Tensor, b: Tensor) -> Tensor:
            return a.to(single) @ _best_of_sets(single, b) / a.sum(dim=1, keepdim=True)

        return (match(one, other) + match(other, one).mT) / 2

    def _depth_of_sets(self, one: Tensor, other: Tensor) -> Tensor:
        """Depth ``(P, Q)`` of the deepest common ancestor of a label of each set."""
        present, one, other = _among_present(one, other)
        single = self._tree.lca_depth(present[:, None], present[None, :])
        return _best_of_sets(_best_of_sets(single, other).mT, one).mT


def _among_present(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The labels ``(K,)`` that occur in two tables of label sets, and the tables of these alone."""
    present = (one.any(dim=0) | other.any(dim=0)).nonzero().squeeze(1)
    return present, one[:, present], other[:, present]


def _best_of_sets(table: Tensor, sets: Tensor) -> Tensor:
    """The greatest entries ``(R, P)`` of the rows of ``(R, K)`` among the members of ``(P, K)``."""
    if not len(sets):
        return table[:, :0]
    held, member = sets.float().topk(int(sets.sum(dim=1).amax()), dim=1)
    member = torch.where(held > 0, member, member[:, :1])  # smaller sets: the first again
    return functools.reduce(torch.maximum, (table[:, k] for k in member.unbind(dim=1)))


def _share_a_label(one: Tensor, other: Tensor) -> Tensor:
    return (one.float() @ other.float().mT) > 0
