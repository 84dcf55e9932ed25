"""Exact nearest neighbours of many queries, in bounded memory.

A sample of the nodes gives each query a distance within which its neighbours lie. Approximate
distances with a known error (module ``screen`` beside this one) then leave a few nodes that may
be as near, and these alone are ranked, by the manifold's own distances.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hyperhier.embedding._queries.screen import Screen, screen_of
from hyperhier.manifolds import Manifold

__all__ = ["NeighbourIndex", "Neighbours"]

_QUERIES = 64  # at once
_NODES = 8192  # at once
_TABLE = 1 << 22  # candidates that wait for their exact distances
_PAIRS = 1 << 18  # exact distances at once
_SAMPLED = 32  # one of so many nodes is in the sample
_ROOM = 16.0  # units in the last place that a distance may be off by


class Neighbours(NamedTuple):
    """The nearest nodes of some queries, the nearest first, ties by their ids.

    Attributes:
        ids: ``(Q, k)`` int64, -1 where there is no node left.
        distances: ``(Q, k)`` in the dtype of the points, infinite where there is no node left.
    """

    ids: Tensor
    distances: Tensor


class NeighbourIndex:
    """Points ready to be searched.

    Args:
        points: ``(N, ambient)``.
        manifold: theirs.
    """

    def __init__(self, points: Tensor, manifold: Manifold) -> None:
        self._points, self._manifold = points, manifold
        self._nodes = screen_of(manifold, points)
        self._unit = abs(manifold.sectional_curvature) ** 0.5 or 1.0

    def search(
        self, queries: Tensor, k: int, own: Tensor | None = None, among: Tensor | None = None
    ) -> Neighbours:
        """The k nearest nodes of each query, as a stable sort of all distances would give them.

        Args:
            queries: ``(Q, ambient)`` points.
            k: at most the number of nodes other than some query.
            own: ``(Q,)`` the node that each query is, which is no neighbour of itself.
            among: ``(M,)`` ascending: the nodes to find, default all.
        """
        screened = None if self._nodes is None else screen_of(self._manifold, queries)
        nodes = self._nodes if self._nodes is None or among is None else self._nodes[among]
        ids = torch.arange(len(self._points)) if among is None else among
        ids = ids.to(self._points.device)
        found = []
        for first in range(0, len(queries), _QUERIES):
            piece = slice(first, first + _QUERIES)
            best = _Best(
                self._points, self._manifold, queries[piece], k, None if own is None else own[piece]
            )
            if screened is None or nodes is None:
                _add_all(best, ids)
            else:
                self._add_near(best, ids, screened[piece], nodes, k + (own is not None))
            found.append(best.found())
        if not found:
            return Neighbours(ids.new_empty(0, k), self._points.new_empty(0, k))
        return Neighbours(*map(torch.cat, zip(*found, strict=True)))

    def nearer(self, query: Tensor, distance: float) -> Tensor:
        """Ids of the nodes whose distance from the point ``(ambient,)`` is less, ascending."""
        one = query.unsqueeze(0)
        screened = None if self._nodes is None else screen_of(self._manifold, one)
        if screened is None or self._nodes is None:
            ids = torch.arange(len(self._points), device=query.device)
            return ids[self._exact(one, ids) < distance]
        found = []
        within = torch.full_like(screened.half, self._more(distance * self._unit))
        limit = screened.limit(self._nodes, screened.w(within))
        for first in range(0, len(self._nodes), _NODES):
            squares = screened.squares(self._nodes[first : first + _NODES])[0]
            ids = (squares <= limit).nonzero().squeeze(1)
            bounds = screened.bounds(self._nodes, squares[ids], torch.zeros_like(ids))
            ids, sure = ids + first, self._more(bounds[1]) < distance * self._unit
            doubtful = ids[~sure]
            sure[~sure] = self._exact(one, doubtful) < distance
            found.append(ids[sure])
        return torch.cat(found)

    def _add_near(self, best: _Best, ids: Tensor, queries: Screen, nodes: Screen, k: int) -> None:
        sample = nodes[:: _SAMPLED if len(nodes) >= _SAMPLED * k else 1]
        if len(sample) >= k:
            kth = queries.squares(sample).kthvalue(k, dim=1).values
            within = self._more(queries.distance(queries.largest(sample, kth)))
            limit = queries.limit(nodes, queries.w(within))
        else:
            limit = torch.full_like(queries.half, torch.inf)
        for first in range(0, len(nodes), _NODES):
            squares = queries.squares(nodes[first : first + _NODES])
            row, node = (squares <= limit.unsqueeze(1)).nonzero().unbind(1)
            least, most = queries.bounds(nodes, squares[row, node], row)
            best.add(row, ids[first + node], least / self._unit, self._more(most) / self._unit)

    def _exact(self, query: Tensor, ids: Tensor) -> Tensor:
        """Distances ``(n,)`` of a point ``(1, ambient)`` from nodes ``(n,)``."""
        with torch.no_grad():
            pieces = [self._manifold.dist(query, self._points[n]) for n in ids.split(_PAIRS)]
        return torch.cat(pieces)

    def _more(self, distance: Any) -> Any:
        """No stored distance above this rounds to less than one of the given size."""
        room = _ROOM * torch.finfo(self._points.dtype).eps
        return distance * (1.0 + room) + (room if self._manifold.sectional_curvature > 0 else 0.0)


def _add_all(best: _Best, ids: Tensor) -> None:
    for some in ids.split(_NODES):
        row = torch.arange(best.queries, device=ids.device).repeat_interleave(len(some))
        nothing = torch.zeros(len(row), dtype=torch.float64, device=ids.device)
        best.add(row, some.repeat(best.queries), nothing, nothing + torch.inf)


class _Best:
    """The nearest nodes found so far, by the manifold's distances."""

    def __init__(
        self, points: Tensor, manifold: Manifold, queries: Tensor, k: int, own: Tensor | None
    ) -> None:
        self._points, self._manifold, self._queries = points, manifold, queries
        self._k, self._own = k, own
        self._waiting: list[tuple[Tensor, ...]] = []
        self._count = 0
        none = torch.empty(0, dtype=torch.int64, device=queries.device)
        self._row, self._id = none, none
        self._distance = torch.empty(0, dtype=points.dtype, device=queries.device)

    @property
    def queries(self) -> int:
        """How many queries there are."""
        return len(self._queries)

    def add(self, row: Tensor, node: Tensor, least: Tensor, most: Tensor) -> None:
        """Candidates ``(P,)``: queries, nodes, and bounds of their distance."""
        if self._own is not None:
            other = node != self._own[row]
            row, node, least, most = row[other], node[other], least[other], most[other]
        self._waiting.append((row, node, least, most))
        self._count += len(row)
        if self._count >= _TABLE:
            self._rank()

    def found(self) -> Neighbours:
        """The answer for all queries."""
        self._rank()
        shape = len(self._queries), self._k
        ids, distances = self._id.new_full(shape, -1), self._distance.new_full(shape, torch.inf)
        place = self._row, _place(self._row)
        ids[place], distances[place] = self._id, self._distance
        return Neighbours(ids, distances)

    def _rank(self) -> None:
        if not self._waiting:
            return
        row, node, least, most = map(torch.cat, zip(*self._waiting, strict=True))
        self._waiting, self._count = [], 0
        known = torch.cat((self._row, row)), torch.cat((self._distance.double(), most))
        near = ~(least > self._kth(*known)[row])
        row, node = row[near], node[near]
        with torch.no_grad():
            distance = [
                self._manifold.dist(self._queries[r], self._points[n])
                for r, n in zip(row.split(_PAIRS), node.split(_PAIRS), strict=True)
            ]
        row, node = torch.cat((self._row, row)), torch.cat((self._id, node))
        order = _sorted_by(node, torch.cat((self._distance, *distance)), row)
        order = order[_place(row[order]) < self._k]
        self._row, self._id = row[order], node[order]
        self._distance = torch.cat((self._distance, *distance))[order]

    def _kth(self, row: Tensor, distance: Tensor) -> Tensor:
        """The k-th smallest distance of each query; infinite where there are fewer."""
        order = _sorted_by(distance, row)
        row, distance = row[order], distance[order]
        kth = distance.new_full((len(self._queries),), torch.inf)
        last = _place(row) == self._k - 1
        kth[row[last]] = distance[last]
        return kth


def _sorted_by(*keys: Tensor) -> Tensor:
    """The order of the last key, ties by the one before it, and so on."""
    order = keys[0].argsort(stable=True)
    for key in keys[1:]:
        order = order[key[order].argsort(stable=True)]
    return order


def _place(row: Tensor) -> Tensor:
    """The position of each entry of sorted values among those equal to it."""
    return torch.arange(len(row), device=row.device) - torch.searchsorted(row, row)
