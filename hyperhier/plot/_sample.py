"""What is drawn of a taxonomy with more nodes than a picture can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperhier.taxonomy import Taxonomy

__all__ = ["NODES", "part_to_draw", "steps_of"]

NODES = 20_000  # that are drawn of a larger taxonomy
_VERTICES = 200_000  # of all edges
_STRAIGHT = 2  # points of a line, the fewest


def steps_of(edges: int, most: int) -> int:
    """How many points to draw each of so many edges with.

    >>> steps_of(1_000, most=24), steps_of(20_000, most=24)
    (24, 10)
    """
    return max(_STRAIGHT, min(most, _VERTICES // max(1, edges)))


def part_to_draw(taxonomy: Taxonomy) -> tuple[Taxonomy, NDArray[np.int64], str]:
    """The taxonomy itself while it is small, else nodes drawn at random with what is above them.

    Returns:
        the taxonomy of at most ``NODES`` nodes, each with its path of primary parents to the
        root, and no more edges than can be drawn; the ids of its nodes in ``taxonomy``; and
        what is left out, in words.
    """
    from hyperhier.taxonomy import Taxonomy

    size = len(taxonomy)
    child, parent = taxonomy.edges.numpy()
    if size <= NODES and len(child) <= _VERTICES // _STRAIGHT:
        return taxonomy, np.arange(size), ""
    kept = _with_paths(taxonomy, min(size, NODES))
    number = np.full(size, -1)
    number[kept] = np.arange(len(kept))
    inside = np.flatnonzero((number[child] >= 0) & (number[parent] >= 0))
    further = taxonomy.parent_id.numpy()[child[inside]] != parent[inside]
    edges = inside[np.argsort(further, kind="stable")][: _VERTICES // _STRAIGHT]
    tree = Taxonomy.from_arrays(
        [taxonomy.nodes[v] for v in kept.tolist()], number[parent[edges]], number[child[edges]]
    )
    left_out = [f"{len(kept):,} of {size:,} nodes, with all above them"] if len(kept) < size else []
    if len(edges) < len(inside):
        left_out.append(f"{len(edges):,} of {len(inside):,} edges")
    return tree, taxonomy.encode(tree.nodes).numpy(), ", ".join(left_out)


def _with_paths(taxonomy: Taxonomy, count: int) -> NDArray[np.int64]:
    """Ids, ascending: nodes in a random order, each after those above it, the first ``count``."""
    parent = taxonomy.parent_id.tolist()
    turn = np.random.default_rng(0).permutation(len(parent)).tolist()
    for v in range(len(parent) - 1, 0, -1):  # as early as the earliest below
        turn[parent[v]] = min(turn[parent[v]], turn[v])
    order = np.lexsort((taxonomy.depth.numpy(), turn))
    return np.sort(order[:count])
