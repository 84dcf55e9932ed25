"""Ranking on a hyperbolic manifold by the compiled kernel."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.embedding._constructive.embedder import usable_radius
from hyperhier.embedding._distances import polar_form
from hyperhier.embedding._ranking.kernel import from_table, ranking_epoch, to_table
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["CompiledRanking", "preorder"]

# cosh^2 of half the distance of two such points may be squared
_MAX_RADIUS = 170.0


def preorder(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nodes of a tree, each followed by those below it; ``parent`` of the root is -1.

    >>> preorder(np.array([-1, 0, 0, 1])).tolist()
    [0, 1, 3, 2]
    """
    by_parent = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[by_parent], np.arange(len(parent) + 1))
    order = []
    waiting = [int(by_parent[0])]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(by_parent[first[node] : first[node + 1]][::-1].tolist())
    return np.array(order, dtype=np.int64)


class CompiledRanking:
    """Points in training on pairs (child, ancestor).

    Args:
        taxonomy: whose primary parents tell which nodes are near.
        manifold: hyperbolic.
        start: ``(N, ambient)``.
        child, ancestor: ``(E,)`` each, all pairs: none of them is ever a negative.
        trained: ``(E,)`` bool, the pairs to train on.
        negatives: of a node; None: all nodes that are no ancestors.
        near: whether a quarter of them comes from its neighbourhood in the tree, and another one
            by frequency at all times. From a random start that would do harm: everything is near.
        threads: that move the points side by side.
        max_radius: in units of the curvature radius.
    """

    least = 0.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        start: Tensor,
        child: Tensor,
        ancestor: Tensor,
        trained: Tensor,
        negatives: int | None,
        near: bool,
        threads: int,
        max_radius: float | None,
    ) -> None:
        self._manifold = manifold
        self._order = preorder(taxonomy.parent_id.cpu().numpy())
        place = np.empty_like(self._order)
        place[self._order] = np.arange(len(place))
        below, above = place[child.numpy()], place[ancestor.numpy()]
        chosen = trained.numpy()
        by_child = np.lexsort((above, ~chosen, below))
        self._ancestor = above[by_child]
        self._start = np.searchsorted(below[by_child], np.arange(len(place) + 1))
        self._positives = np.bincount(below[chosen], minlength=len(place))
        self._pairs = int(chosen.sum())
        self._nodes = np.flatnonzero(self._positives)
        self._threads = threads
        self._negatives, self._near = negatives, near

        self._unit = 1.0 / math.sqrt(-manifold.sectional_curvature)
        radius, direction = polar_form(start, manifold)
        limit = usable_radius(manifold) if max_radius is None else max_radius
        self._limit = min(limit, _MAX_RADIUS)
        self._dim = direction.shape[1]
        self._table = to_table(np.minimum(radius[self._order], self._limit), direction[self._order])
        self._epoch = ranking_epoch()

    def _draws(self, *, burn_in: bool) -> tuple[int, int, int]:
        """Negatives drawn evenly (-1: all nodes), by frequency, and from the neighbourhood."""
        if self._negatives is None:
            return -1, 0, 0
        half, quarter = self._negatives // 2, self._negatives // 4
        if self._near:
            return self._negatives - half, half - quarter, quarter
        return (self._negatives - half, half, 0) if burn_in else (self._negatives, 0, 0)

    def epoch(self, lr: float, seed: int, epoch: int, *, burn_in: bool = False) -> float:
        """One pass over the nodes; returns the mean loss of the pairs."""
        draws = self._draws(burn_in=burn_in)
        random = np.random.default_rng((seed, epoch))
        parts = np.array_split(random.permutation(self._nodes), self._threads)
        seeds = random.integers(2**62, size=self._threads).tolist()

        def move(part: NDArray[np.int64], part_seed: int) -> float:
            loss: float = self._epoch(
                self._table, (0,) * self._dim, part, self._start, self._ancestor,
                self._positives, *draws, lr, math.sinh(self._limit), part_seed,
            )  # fmt: skip
            return loss

        if self._threads == 1:
            return move(parts[0], seeds[0]) / self._pairs
        with ThreadPoolExecutor(self._threads) as pool:
            return sum(pool.map(move, parts, seeds)) / self._pairs

    def points(self) -> Tensor:
        """``(N, ambient)``."""
        radius, direction = self._polar()
        with torch.no_grad():
            return self._manifold.from_features(
                torch.from_numpy(radius[:, None] * self._unit * direction)
            )

    def _polar(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Radii in curvature radii and directions, in the order of the taxonomy."""
        radius, direction = from_table(self._table, self._dim)
        back = np.empty_like(self._order)
        back[self._order] = np.arange(len(back))
        return radius[back], direction[back]

    def distances(self, nodes: Tensor) -> Tensor:
        """``(M, N)`` from some nodes to all, as sinh^2(d / 2), which has their order."""
        radius, direction = self._polar()
        half, sinh, some = np.exp(0.5 * radius), np.sinh(radius), nodes.numpy()
        far = np.zeros((len(some), len(radius)))
        for axis in direction.T:
            far += np.square(axis[some, None] - axis)
        far *= 0.25 * sinh[some, None] * sinh
        ratio = half[some, None] / half
        return torch.from_numpy(far + np.square(0.5 * (ratio - 1.0 / ratio)))

    def state(self) -> dict[str, Tensor]:
        """The rows of the points."""
        return {"table": torch.from_numpy(self._table)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a :meth:`state`."""
        self._table[:] = state["table"].numpy()
