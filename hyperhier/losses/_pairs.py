"""What is known of a block of (anchor, candidate) pairs besides their similarity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from hyperhier.losses._inputs import Inputs

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = ["PairFunction", "Positives", "Relation"]

Positives = Literal["supervised", "views"]

#: similarity block ``(n, m)`` and its relation -> logits ``(n, m)`` and positive mask ``(n, m)``
PairFunction = Callable[[Tensor, "Relation"], tuple[Tensor, Tensor]]


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
        """Both have the same label (the same leaf of the taxonomy)."""
        i, j = self._labels
        return i[:, None] == j[None, :]

    @property
    def same_sample(self) -> Tensor:
        """Both are views of the same sample, the anchor itself included."""
        i, j = self.inputs.anchors.samples[self.rows], self.inputs.others.samples
        return i[:, None] == j[None, :]

    @property
    def kappa(self) -> Tensor:
        """Depth of the lowest common ancestor over the height of the taxonomy, in [0, 1]."""
        if self.taxonomy is None:
            raise ValueError("kappa needs a taxonomy")
        i, j = self._labels
        dtype = self.inputs.anchors.points.dtype
        if torch.compiler.is_compiling():
            return self.taxonomy.kappa(i[:, None], j[None, :]).to(dtype)
        # a batch has fewer classes than samples: look up each pair of classes once
        rows, row = torch.unique(i, return_inverse=True)
        columns, column = torch.unique(j, return_inverse=True)
        table = self.taxonomy.kappa(rows[:, None], columns[None, :]).to(dtype)
        return table[row][:, column]

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

    @property
    def _labels(self) -> tuple[Tensor, Tensor]:
        i, j = self.inputs.anchors.labels, self.inputs.others.labels
        if i is None or j is None:
            raise ValueError("this loss needs labels")
        return i[self.rows], j
