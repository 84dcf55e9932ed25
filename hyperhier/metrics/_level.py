"""Which nodes make up a level of a taxonomy, and who shares an ancestor there."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.taxonomy import Taxonomy

__all__ = ["SharedAncestor", "checked_level", "has_ancestor_on", "is_on"]

# Scalars of one block of a product of membership tables.
_BLOCK_SCALARS = 2**22


def checked_level(level: int | None, taxonomy: Taxonomy) -> int:
    """``level``, by default that of the parents of the deepest leaves."""
    if level is None:
        return max(0, taxonomy.height - 1)
    if not 0 <= level <= taxonomy.height:
        raise ValueError(f"level must be 0 to {taxonomy.height}, got {level}")
    return level


def is_on(level: int, ids: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Which nodes make up the level: those of that depth, and the leaves above it."""
    depth = taxonomy.depth.to(ids.device)[ids]
    leaf = torch.isin(ids, taxonomy.leaf_ids.to(ids.device))
    return (depth == level) | (leaf & (depth < level))


def has_ancestor_on(level: int, ids: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Which nodes have an ancestor (or stand-in) on the level: leaves, and nodes below it."""
    deep_enough = taxonomy.depth.to(ids.device)[ids] >= level
    return deep_enough | torch.isin(ids, taxonomy.leaf_ids.to(ids.device))


class SharedAncestor:
    """Whether two nodes have a common ancestor, themselves included, on one level.

    On a tree: whether their ancestors there are the same. On a DAG: whether any of them is.

    Args:
        taxonomy: the tree or DAG.
        level: 0 for the root, which everybody shares.
        ids: the nodes that will be asked about, int64.
    """

    def __init__(self, taxonomy: Taxonomy, level: int, ids: Tensor) -> None:
        self._taxonomy, self._level = taxonomy, level
        self._nodes = torch.unique(ids)
        self._table = None if taxonomy.is_tree or level == 0 else self._shared()

    def _shared(self) -> Tensor:
        rows, ancestors = ancestor_pairs(self._taxonomy, self._nodes)
        here = is_on(self._level, ancestors, self._taxonomy)
        rows, ancestors = rows[here], ancestors[here]
        found, column = torch.unique(ancestors, return_inverse=True)
        member = torch.zeros(self._nodes.numel(), found.numel(), device=rows.device)
        member[rows, column] = 1.0
        step = max(1, _BLOCK_SCALARS // max(1, self._nodes.numel()))
        return torch.cat([part @ member.T > 0 for part in member.split(step)])

    def between(self, i: Tensor, j: Tensor) -> Tensor:
        """bool in the broadcast shape of the ids ``i`` and ``j``."""
        if self._level == 0:
            return torch.ones(
                torch.broadcast_shapes(i.shape, j.shape), dtype=torch.bool, device=i.device
            )
        if self._table is None:
            level, taxonomy = self._level, self._taxonomy
            at_i, at_j = taxonomy.ancestor_at(level, i), taxonomy.ancestor_at(level, j)
            return (at_i == at_j) & self._reaches(at_i) & self._reaches(at_j)
        place_i, place_j = torch.searchsorted(self._nodes, i), torch.searchsorted(self._nodes, j)
        return self._table[place_i, place_j]

    def _reaches(self, ids: Tensor) -> Tensor:
        return is_on(self._level, ids, self._taxonomy)
