"""A tree as a metric space: hung from its middle, with distances from some of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["MetricTree", "rooted_tree"]


@dataclass(frozen=True)
class MetricTree:
    """A weighted tree, its nodes sorted by their number of edges from the root.

    Attributes:
        node: ``(N,)`` int64, the number of each position in the arrays it was made of.
        parent: ``(N,)`` int64 position, -1 at the root (position 0).
        depth: ``(N,)`` int64, ascending.
        weight: ``(N,)`` float64 of the edge to the parent, 0 at the root.
    """

    node: Tensor
    parent: Tensor
    depth: Tensor
    weight: Tensor

    def levels(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The positions of each level below the root and their parents, from the top down."""
        every = torch.arange(self.parent.numel())
        steps = torch.arange(1, int(self.depth[-1]) + 2)
        for low, high in pairwise(torch.searchsorted(self.depth, steps).tolist()):
            yield every[low:high], self.parent[low:high]

    def far(self) -> Tensor:
        """``(N,)`` distance from the root."""
        out = torch.zeros_like(self.weight)
        for nodes, parents in self.levels():
            out[nodes] = out[parents] + self.weight[nodes]
        return out

    def lineage(self, position: int) -> list[int]:
        """A position and those above it, up to the root."""
        way = [position]
        while way[-1]:
            way.append(int(self.parent[way[-1]]))
        return way

    def distances(self, sources: list[int]) -> Tensor:
        """``(N, len(sources))`` distances of all nodes from some positions."""
        far = self.far()
        out = torch.full((self.weight.numel(), len(sources)), -1.0, dtype=torch.float64)
        for column, source in enumerate(sources):
            above = torch.tensor(self.lineage(source))
            out[above, column] = far[source] - far[above]
        for nodes, parents in self.levels():
            known = out[nodes]
            out[nodes] = torch.where(
                known < 0.0, out[parents] + self.weight[nodes].unsqueeze(-1), known
            )
        return out

    def from_middle(self) -> MetricTree:
        """The same tree hung from the node whose farthest node is nearest."""
        if self.weight.numel() < 3:
            return self
        one_end = int(self.far().argmax())
        along = self.distances([one_end])
        other_end = int(along.argmax())
        ways = (self.lineage(one_end), self.lineage(other_end))
        path = torch.tensor(sorted(set(ways[0]) ^ set(ways[1]) | {_meeting(*ways)}))
        middle = int(path[(along[path, 0] - 0.5 * along[other_end, 0]).abs().argmin()])
        if middle == 0:
            return self
        turned = self.lineage(middle)
        parent, weight = self.parent.clone(), self.weight.clone()
        for upper, lower in pairwise(reversed(turned)):
            parent[upper] = lower
            weight[upper] = self.weight[lower]
        parent[middle], weight[middle] = -1, 0.0
        # where the way of each node to the old root meets the path that was turned
        leaves_at = torch.full_like(parent, -1)
        leaves_at[torch.tensor(turned)] = self.depth[torch.tensor(turned)]
        for nodes, parents in self.levels():
            known = leaves_at[nodes]
            leaves_at[nodes] = torch.where(known < 0, leaves_at[parents], known)
        depth = self.depth + self.depth[middle] - 2 * leaves_at
        return rooted_tree(self.node, parent, depth, weight)


def _meeting(one: list[int], other: list[int]) -> int:
    common = set(other)
    return next(position for position in one if position in common)


def rooted_tree(node: Tensor, parent: Tensor, depth: Tensor, weight: Tensor) -> MetricTree:
    """From arrays in any order; ``parent`` is a place in these arrays, -1 at the root."""
    order = depth.argsort(stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    above = parent[order]
    above = torch.where(above < 0, above, place[above])
    return MetricTree(node[order], above, depth[order], weight[order])
