"""The taxonomy as arrays for building an embedding from the root down: a spanning tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["Skeleton", "breadth_first", "child_directions", "turned"]

# More different numbers of children than this above _EXACT share tables of directions.
_TABLES = 24
_EXACT = 32
_RATIO = 1.25


@dataclass(frozen=True)
class Skeleton:
    """A spanning tree whose positions are in breadth-first order; siblings lie side by side.

    Attributes:
        node: ``(N,)`` int64, the id in the taxonomy of each position.
        parent: ``(N,)`` int64 position, ascending, -1 at the root (position 0).
        depth: ``(N,)`` int64, ascending.
        children: ``(N,)`` int64, how many.
        place: ``(N,)`` int64, the position of each node among its siblings.
        weight: ``(N,)`` float64, of the edge to the parent; 0 at the root.
    """

    node: Tensor
    parent: Tensor
    depth: Tensor
    children: Tensor
    place: Tensor
    weight: Tensor

    @classmethod
    def of(
        cls, taxonomy: Taxonomy, parent: Tensor | None = None, key: Tensor | None = None
    ) -> Skeleton:
        """The tree of primary parents, or another one.

        Args:
            parent: ``(N,)`` id of one parent of every node but the root; default: the primary
                one. Ids of parents are below those of their children.
            key: ``(N,)`` siblings stand in ascending order of it; default: in that of ids.
        """
        node = torch.arange(len(taxonomy))
        depth = taxonomy.depth.cpu()
        chosen = taxonomy.parent_id.cpu() if parent is None else parent
        above = chosen
        if parent is not None or key is not None:
            node, depth = breadth_first(chosen, node if key is None else key)
            position = torch.empty_like(node)
            position[node] = torch.arange(node.numel())
            above = torch.cat((chosen[:1], position[chosen[node[1:]]]))
        weight = torch.zeros(node.numel(), dtype=torch.float64)
        child, other = taxonomy.edges.cpu()
        used = chosen[child] == other
        weight[child[used]] = taxonomy.edge_weight.cpu().to(torch.float64)[used]
        return cls.from_parents(node, above, depth, weight[node])

    @classmethod
    def from_parents(cls, node: Tensor, parent: Tensor, depth: Tensor, weight: Tensor) -> Skeleton:
        """From arrays in breadth-first order, see the attributes."""
        size = parent.numel()
        children = torch.bincount(parent[1:], minlength=size)
        first = 1 + children.cumsum(0) - children
        place = torch.zeros(size, dtype=torch.int64)
        place[1:] = torch.arange(1, size) - first[parent[1:]]
        return cls(node, parent, depth, children, place, weight)

    @property
    def height(self) -> int:
        return int(self.depth[-1])

    @property
    def first_child(self) -> Tensor:
        """``(N,)`` int64: where the children of each node begin; they follow one another."""
        return 1 + self.children.cumsum(0) - self.children

    def levels(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The nodes of each level below the root and their parents, from the top down."""
        every = torch.arange(self.parent.numel())
        bounds = torch.searchsorted(self.depth, torch.arange(1, self.height + 2)).tolist()
        for low, high in pairwise(bounds):
            yield every[low:high], self.parent[low:high]

    def in_taxonomy_order(self, rows: Tensor) -> Tensor:
        """Rows by position put into the order of the ids of the taxonomy."""
        out = torch.empty_like(rows)
        out[self.node] = rows
        return out


def breadth_first(parent: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Ids in breadth-first order, siblings in ascending order of ``key``, and their depths."""
    children: list[list[int]] = [[] for _ in range(parent.numel())]
    above = parent.tolist()
    for v in key.argsort(stable=True).tolist():
        if above[v] >= 0:
            children[above[v]].append(v)
    order = [0]
    for v in order:  # grows while it runs
        order += children[v]
    depth = [0] * len(order)
    for v in order[1:]:
        depth[v] = depth[above[v]] + 1
    node = torch.tensor(order)
    return node, torch.tensor(depth)[node]


def child_directions(
    skeleton: Skeleton, code: Callable[[int], Tensor], *, ladder: bool | None = None
) -> Tensor:
    """``code(n)[k]`` for the k-th child of every node with n children, ``(N, code dim)``.

    The root's row is zero.

    Args:
        ladder: where many different numbers of children occur, round those above 32 up to a
            ladder of ratio 1.25, so that few codes have to be found. Default: not for a code
            in the plane, which costs nothing.
    """
    counts = torch.unique(skeleton.children[skeleton.children > 0])
    if not counts.numel():
        return torch.zeros(1, code(1).shape[1], dtype=torch.float64)
    table_of = counts.clone()
    if ladder is None:
        ladder = code(1).shape[1] > 2
    if ladder and int((counts > _EXACT).sum()) > _TABLES:
        steps = (counts / _EXACT).log().div(math.log(_RATIO)).ceil()
        table_of = torch.where(
            counts > _EXACT, (_EXACT * _RATIO**steps).ceil().long(), counts
        ).maximum(counts)
    sizes = torch.unique(table_of)
    tables = []
    for size in sizes.tolist():
        tables.append(code(size)[: int(counts[table_of == size].max())])
    lengths = torch.tensor([len(table) for table in tables])
    start = torch.zeros(int(counts.max()) + 1, dtype=torch.int64)
    start[counts] = (lengths.cumsum(0) - lengths)[torch.searchsorted(sizes, table_of)]
    rows = torch.cat(tables)[start[skeleton.children[skeleton.parent]] + skeleton.place]
    rows[0] = 0.0
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
