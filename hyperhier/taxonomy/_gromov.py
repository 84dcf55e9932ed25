"""How far a taxonomy is from being a tree: Gromov's delta of its undirected graph."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy._build import Structure
from hyperhier.taxonomy._primary import path_sums, subtree_sums
from hyperhier.taxonomy._runs import IntArray, adjacency, runs

__all__ = ["Gromov", "gromov"]

_WIDE = 200  # nodes from which numpy overtakes a Python loop over one level
_SWEEPS = 3
_BITS = 64
_WORK = 400_000_000  # edges to look at in 64 searches side by side
_FEW = 8  # nodes to draw where that is too much: graphs that are deep and large


@dataclass(frozen=True)
class Gromov:
    """Gromov's delta by the four-point condition; distances are numbers of edges.

    For four nodes let a >= b >= c be the sums of their distances in the three pairings; the
    four have ``delta = (a - b) / 2``. It is 0 in trees and at most half of the diameter.

    Attributes:
        delta: the largest over all quadruples, or over those looked at (then a lower bound).
        mean: the mean over all quadruples, or over those of nodes drawn at random.
        relative: ``2 delta / diameter``, from 0 (a tree) to 1.
        diameter: the largest distance, or the largest one found (then a lower bound).
        exact: whether ``delta``, ``mean`` and ``diameter`` are over everything there is.
        sampled: how many nodes were drawn for each of ``delta`` and ``mean``; 0 if exact.
    """

    delta: float
    mean: float
    relative: float
    diameter: int
    exact: bool
    sampled: int


def gromov(s: Structure, samples: int, seed: int) -> Gromov:
    """Gromov's delta (Gromov 1987), exact where that is cheap.

    * A tree has 0: nothing is computed but its diameter.
    * Else the subtrees that no second parent leads into or out of are taken off. What remains
      is the core, where distances are those of the whole graph; everything else hangs on one
      of its nodes, the gate. Four nodes have the delta of their four gates, and 0 if two
      gates are one: the ways to the gates cancel. So the core alone has to be searched, its
      quadruples weighted with how many nodes hang on each gate.
    * A core of at most ``samples`` nodes is searched whole. From a larger one ``samples``
      nodes are drawn for the largest delta, and the gates of ``samples`` nodes of the whole
      graph for the mean.

    The ratio to the diameter is that of Borassi, Chessa, Caldarelli ("Hyperbolicity measures
    democracy in real-world networks", 2015) and Khrulkov et al. ("Hyperbolic image
    embeddings", 2020).
    """
    if s.is_tree:
        alone = np.zeros(len(s.nodes), dtype=np.int64)
        return Gromov(0.0, 0.0, 0.0, _longest_way(s, alone), exact=True, sampled=0)
    core = _Core.of(s)
    size = len(core.hanging)
    if size <= samples:
        distance = np.stack([core.hops(v) for v in range(size)])
        delta, weight = _deltas(distance, core.hanging)
        mean = float(delta @ weight) / comb(len(s.nodes), 4) if len(s.nodes) > 3 else 0.0
        far = distance + core.tall[:, None] + core.tall
        np.fill_diagonal(far, core.longest)
        return _result(delta, mean, int(far.max()), sampled=0)

    diameter = core.sweep()
    if diameter * len(core.items) > _WORK:
        samples = min(samples, _FEW)
    draw = np.random.default_rng(seed)
    sources = draw.choice(size, samples, replace=False)
    gates = core.gate[draw.choice(len(s.nodes), samples, replace=False)]
    between = core.by_search if diameter * len(core.items) > _WORK else core.by_level
    distance = between(np.concatenate([sources, gates]))
    delta, _ = _deltas(distance[:samples, :samples], core.hanging[sources])
    usual, _ = _deltas(distance[samples:, samples:], core.hanging[gates])
    return _result(np.append(delta, usual), float(usual.mean()), diameter, sampled=samples)


def _result(delta: NDArray[np.float64], mean: float, diameter: int, *, sampled: int) -> Gromov:
    largest = float(delta.max()) if delta.size else 0.0
    relative = 2.0 * largest / diameter if diameter else 0.0
    return Gromov(largest, mean, relative, diameter, exact=sampled == 0, sampled=sampled)


def _deltas(
    distance: IntArray, hanging: IntArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Delta of all quadruples, and how many quadruples of nodes each one stands for.

    Two places of one gate (distance 0) give delta 0, as they must.
    """
    i, j, k, m = np.array(list(combinations(range(len(distance)), 4)), dtype=np.int64).reshape(
        -1, 4
    ).T  # fmt: skip
    sums = np.stack(
        [
            distance[i, j] + distance[k, m],
            distance[i, k] + distance[j, m],
            distance[i, m] + distance[j, k],
        ]
    )
    sums.sort(axis=0)
    many = hanging.astype(np.float64)
    return (sums[2] - sums[1]) / 2.0, many[i] * many[j] * many[k] * many[m]


def _longest_way(s: Structure, gate: IntArray) -> int:
    """The longest way between two nodes that hang on one gate (of a tree: on the root).

    A deepest node is an end of a longest way in a tree; the other is the farthest from it.
    """
    n = len(s.nodes)
    above = s.depth - s.depth[gate]
    order = np.lexsort((above, gate))  # the last of each gate is a deepest one
    last = order[np.append(np.diff(gate[order]) > 0, True)]
    end = np.full(n, -1)
    end[gate[last]] = last
    ends = np.zeros(n, dtype=np.int64)
    ends[last] = 1
    on_way = (subtree_sums(s, ends) > 0) & (gate != np.arange(n))
    shared = path_sums(s, on_way.astype(np.float64)).astype(np.int64)
    return int((above + above[end[gate]] - 2 * shared).max())


@dataclass(frozen=True)
class _Core:
    """The part of a DAG that holds all its cycles, with the root: an isometric subgraph.

    ``gate``: for every node of the graph the node of the core that it hangs on. For every
    node of the core ``hanging``: how many nodes hang on it, itself included; ``tall``: how
    far the farthest of them is; ``start`` and ``items``: its neighbours. ``longest``: the
    longest way between nodes that hang on one gate.
    """

    gate: IntArray
    hanging: IntArray
    tall: IntArray
    longest: int
    start: IntArray
    items: IntArray

    @classmethod
    def of(cls, s: Structure) -> _Core:
        n = len(s.nodes)
        everyone = np.arange(n)
        second = s.parent != s.primary[s.child]
        ends = np.concatenate([s.child[second], s.parent[second]])
        kept = subtree_sums(s, np.bincount(ends, minlength=n)) > 0
        # in depth-first order everything after a node of the core hangs on it, or after a
        # node whose parent is in the core on that parent
        mark = np.where(kept, everyone, np.where(kept[s.primary], s.primary, -1))
        by_pre = np.empty(n, dtype=np.int64)
        by_pre[s.pre] = everyone
        mark = mark[by_pre]
        gate = np.empty(n, dtype=np.int64)
        gate[by_pre] = mark[np.maximum.accumulate(np.where(mark >= 0, everyone, 0))]

        number = np.cumsum(kept) - 1
        tall = np.zeros(n, dtype=np.int64)
        np.maximum.at(tall, gate, s.depth - s.depth[gate])
        inside = kept[s.child] & kept[s.parent]
        child, parent = number[s.child[inside]], number[s.parent[inside]]
        owner, other = np.concatenate([child, parent]), np.concatenate([parent, child])
        start, items = adjacency(int(kept.sum()), owner, other)
        return cls(
            gate=number[gate],
            hanging=np.bincount(number[gate]).astype(np.int64),
            tall=tall[kept],
            longest=_longest_way(s, gate),
            start=start,
            items=items,
        )

    def hops(self, source: int) -> IntArray:
        """Distances of all nodes of the core from one of them, breadth-first."""
        distance = np.full(len(self.hanging), -1, dtype=np.int64)
        distance[source] = far = 0
        level = [source]
        while level:
            far += 1
            if len(level) < _WIDE:
                reached = []
                for v in level:
                    for w in self.items[self.start[v] : self.start[v + 1]].tolist():
                        if distance[w] < 0:
                            distance[w] = far
                            reached.append(w)
                level = reached
            else:
                at = np.asarray(level)
                found = self.items[runs(self.start[at], self.start[at + 1] - self.start[at])]
                found = np.unique(found[distance[found] < 0])
                distance[found] = far
                level = found.tolist()
        return distance

    def by_search(self, sources: IntArray) -> IntArray:
        """Distances between the sources, one search after the other."""
        return np.stack([self.hops(source)[sources] for source in sources.tolist()])

    def by_level(self, sources: IntArray) -> IntArray:
        """Distances between the sources: 64 searches go side by side, one bit each, and take
        all edges at every step (Then et al. 2014, "The more the merrier")."""
        distance = np.zeros((len(sources), len(sources)), dtype=np.int64)
        for first in range(0, len(sources), _BITS):
            part = sources[first : first + _BITS]
            bit = np.uint64(1) << np.arange(len(part), dtype=np.uint64)
            front = np.zeros(len(self.hanging), dtype=np.uint64)
            np.bitwise_or.at(front, part, bit)
            seen = front.copy()
            step = 0
            while front.any():
                step += 1
                # every node of the core has neighbours, so no run is empty
                front = np.bitwise_or.reduceat(front[self.items], self.start[:-1]) & ~seen
                seen |= front
                row, column = np.nonzero(front[sources] & bit[:, None])
                distance[first + row, column] = step
        return distance

    def sweep(self) -> int:
        """A long way in the graph: to the farthest node, and from there to the farthest."""
        source, longest = int(self.tall.argmax()), self.longest
        for _ in range(_SWEEPS):
            far = self.hops(source) + self.tall
            far[source] = 0
            longest = max(longest, int(far.max() + self.tall[source]))
            source = int(far.argmax())
        return longest
