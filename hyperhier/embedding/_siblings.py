"""The taxonomy as arrays for building an embedding level by level: a tree of primary parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["Skeleton", "child_directions", "turned"]


@dataclass(frozen=True)
class Skeleton:
    """The spanning tree of primary parents; in a tree that is the tree itself.

    Attributes:
        parent: ``(N,)`` int64, -1 at the root.
        depth: ``(N,)`` int64.
        children: ``(N,)`` int64, how many.
        place: ``(N,)`` int64, the position of each node among its siblings.
        weight: ``(N,)`` float64, of the edge to the parent; 0 at the root.
    """

    parent: Tensor
    depth: Tensor
    children: Tensor
    place: Tensor
    weight: Tensor

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Skeleton:
        parent, depth = taxonomy.parent_id.cpu(), taxonomy.depth.cpu()
        size = parent.numel()
        below = (parent >= 0).nonzero().squeeze(-1)
        children = torch.bincount(parent[below], minlength=size)
        by_parent = below[parent[below].argsort(stable=True)]
        first = children.cumsum(0) - children
        place = torch.zeros(size, dtype=torch.int64)
        place[by_parent] = torch.arange(by_parent.numel()) - first[parent[by_parent]]
        weight = torch.zeros(size, dtype=torch.float64)
        child, above = taxonomy.edges.cpu()
        primary = parent[child] == above
        weight[child[primary]] = taxonomy.edge_weight.cpu().to(torch.float64)[primary]
        return cls(parent, depth, children, place, weight)

    @property
    def height(self) -> int:
        return int(self.depth.max())

    def levels(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The nodes of each level below the root and their parents, from the top down."""
        for level in range(1, self.height + 1):
            nodes = (self.depth == level).nonzero().squeeze(-1)
            yield nodes, self.parent[nodes]


def child_directions(skeleton: Skeleton, code: Callable[[int], Tensor]) -> Tensor:
    """``code(n)[k]`` for the k-th child of every node with n children, ``(N, code dim)``.

    The root's row is zero.
    """
    counts = torch.unique(skeleton.children[skeleton.children > 0]).tolist()
    tables = [code(count) for count in counts]
    if not tables:
        return torch.zeros(1, 1, dtype=torch.float64)
    table = torch.cat(tables)
    start = torch.zeros(int(skeleton.children.max()) + 1, dtype=torch.int64)
    offset = 0
    for count in counts:
        start[count] = offset
        offset += count
    siblings = skeleton.children[skeleton.parent]
    rows = table[start[siblings] + skeleton.place]
    rows[skeleton.parent < 0] = 0.0
    return rows


def turned(vectors: Tensor, axis: Tensor) -> Tensor:
    """``vectors`` reflected by the Householder map that takes ``e_1`` to ``axis``.

    Args:
        vectors: ``(n, dim)``.
        axis: unit vectors ``(n, dim)``.
    """
    normal = -axis.clone()
    normal[:, 0] += 1.0
    squared = (normal * normal).sum(dim=1, keepdim=True)
    along = (normal * vectors).sum(dim=1, keepdim=True)
    return vectors - torch.where(squared > 0.0, 2.0 * along / squared, 0.0) * normal
