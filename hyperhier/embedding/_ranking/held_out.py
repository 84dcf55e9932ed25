"""Closure pairs that training does not see, to tell how well it predicts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["HeldOut"]

# Pairs that are ranked: enough for a figure, few enough to be ranked often.
_MOST = 512
_AT_ONCE = 16


class _HasDistances(Protocol):
    def distances(self, nodes: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class HeldOut:
    """A part of the closure.

    Attributes:
        chosen: ``(E,)`` bool, which closure pairs are held out.
        child, ancestor: ``(M,)`` those of them that are ranked.
        known: for each of these the true ancestors of the child, which do not count against it.
    """

    chosen: Tensor
    child: Tensor
    ancestor: Tensor
    known: tuple[Tensor, ...]

    @classmethod
    def split(cls, taxonomy: Taxonomy, share: float, seed: int) -> HeldOut:
        """Hold out a share of the closure pairs that are no edges.

        Raises:
            ValueError: if that is no pair at all.
        """
        child, ancestor = taxonomy.closure()
        size = len(taxonomy)
        below, above = taxonomy.edges
        free = (~torch.isin(child * size + ancestor, below * size + above)).nonzero().squeeze(-1)
        count = round(share * free.numel())
        if count == 0:
            raise ValueError(
                f"validation={share} holds out none of the {free.numel()} closure pairs that "
                "are no edges"
            )
        generator = torch.Generator().manual_seed(seed)
        rows = free[torch.randperm(free.numel(), generator=generator)[:count]]
        chosen = torch.zeros(child.numel(), dtype=torch.bool)
        chosen[rows] = True
        ranked = rows[:_MOST]
        order = child.argsort(stable=True)
        first = torch.searchsorted(child[order], torch.arange(size + 1))
        known = tuple(
            ancestor[order[int(first[u]) : int(first[u + 1])]] for u in child[ranked].tolist()
        )
        return cls(chosen, child[ranked], ancestor[ranked], known)

    def mean_reciprocal_rank(self, points: _HasDistances) -> float:
        """Of the held-out ancestors among all nodes that are no ancestors; 1 at best."""
        total = 0.0
        for rows in torch.arange(self.child.numel()).split(_AT_ONCE):
            distance = points.distances(self.child[rows])
            for line, row in zip(distance, rows.tolist(), strict=True):
                own = float(line[self.ancestor[row]])
                line[self.known[row]] = torch.inf
                line[self.child[row]] = torch.inf
                total += 1.0 / (1 + int((line <= own).sum()))
        return total / self.child.numel()
