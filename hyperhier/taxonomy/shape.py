"""What a taxonomy looks like in numbers, and what an embedding of it will need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy._build import Structure
from hyperhier.taxonomy._gromov import Gromov, gromov
from hyperhier.taxonomy._primary import leaf_mask, leaves_below
from hyperhier.taxonomy._problems import Problem, find_problems
from hyperhier.taxonomy._room import Room, advice, held_by, rooms
from hyperhier.taxonomy.core import Taxonomy

__all__ = [
    "Branching",
    "Gromov",
    "LeafDepth",
    "Problem",
    "Room",
    "Shape",
    "Weights",
    "describe",
    "held_by",
]

DIMS = (2, 5, 10, 20)


@dataclass(frozen=True)
class LeafDepth:
    """Depth of the leaves."""

    min: int
    mean: float
    max: int


@dataclass(frozen=True)
class Branching:
    """Children of the inner nodes; all 0 for a single node. ``widest`` names the first node
    with most children."""

    mean: float
    median: float
    max: int
    widest: str


@dataclass(frozen=True)
class Weights:
    """Lengths of the edges. ``unweighted``: all are 1."""

    min: float
    max: float
    zero: int
    unweighted: bool


@dataclass(frozen=True)
class Shape:
    """What :func:`describe` finds.

    Attributes:
        root: name of the root.
        is_tree: whether every node but the root has one parent.
        nodes, edges, leaves, height: as in :class:`~hyperhier.taxonomy.Taxonomy`.
        nodes_per_level: from the root's level on.
        nodes_with_several_parents: how many; ``share_with_several_parents`` of all nodes.
        unary: inner nodes with a single child, the root included.
        leaf_depth: depth of the leaves.
        branching: children of inner nodes.
        weights: lengths of the edges; None without edges.
        sackin: mean depth of the leaves over log2 of their number: 1 in a balanced binary tree,
            which is the least for binary trees; less where nodes have more children, more
            where they are unbalanced or chains. Sackin ("Good" and "bad" phenograms, 1972),
            Shao and Sokal (Tree balance, 1990). NaN for a single leaf.
        effective_branching: leaves^(1 / mean depth of the leaves): the children of the
            inner nodes of a full tree with as many leaves as deep. Its logarithm is the mean
            entropy of the choice among the children on the way to a random leaf.
        evenness: how evenly leaves spread over children, 0 to 1. At an inner node with c >= 2
            children, of which child i has the share p_i of the leaves below, the evenness is
            -sum p_i ln p_i / ln c; with one child it is 0. The mean over inner nodes, weighted
            by their leaves, is J1 of Lemant et al. ("Robust, universal tree balance
            indices", Syst. Biol. 71, 2022). 1: at every node all children have as many leaves;
            0: a chain. If all inner nodes have m children it is the least Sackin index for m
            over the actual one. NaN for a single node.
        gromov: Gromov's delta; see :class:`Gromov`.
        rooms: what an embedding needs, one entry a dimension; see :class:`Room`.
        epsilon: the distortion 1 + epsilon that ``rooms`` are computed for.
        advice: one line that sums up ``rooms``.
        problems: what is worth a look; see :class:`Problem`.

    In a DAG, leaves below a node, depths and rooms are those of the tree of primary parents.
    """

    root: str
    is_tree: bool
    nodes: int
    edges: int
    leaves: int
    height: int
    nodes_per_level: tuple[int, ...]
    nodes_with_several_parents: int
    share_with_several_parents: float
    unary: int
    leaf_depth: LeafDepth
    branching: Branching
    weights: Weights | None
    sackin: float
    effective_branching: float
    evenness: float
    gromov: Gromov
    rooms: tuple[Room, ...]
    epsilon: float
    advice: str
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as nested dicts of numbers, strings and tuples."""
        return asdict(self)


def describe(
    taxonomy: Taxonomy,
    *,
    seed: int = 0,
    samples: int = 48,
    dims: Sequence[int] = DIMS,
    epsilon: float = 0.1,
) -> Shape:
    """Measure a taxonomy: counts, balance, hyperbolicity, room to embed it, things to look at.

    Well under a second for 100,000 nodes, a few seconds for a million.

    Args:
        taxonomy: any tree or DAG.
        seed: of what is drawn at random (only in DAGs; see :class:`Gromov`).
        samples: nodes drawn for Gromov's delta where it cannot be exact; at least 4.
        dims: dimensions to estimate the room for, ascending, each at least 2.
        epsilon: distances shall be right within a factor of 1 + epsilon.

    Raises:
        ValueError: samples, dims or epsilon out of range.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> shape = describe(builtin_taxonomy("cifar100"))
    >>> shape.nodes_per_level, shape.evenness, shape.gromov.delta
    ((1, 20, 100), 1.0, 0.0)
    >>> print(shape.advice)
    distances within 10%: float32 from dimension 10 (radius 15.3; hyperboloid, ball, polar),
    float64 from dimension 5 (radius 44; hyperboloid, polar)
    """
    if samples < 4:
        raise ValueError(f"samples={samples}; expected at least 4")
    if not dims or min(dims) < 2 or list(dims) != sorted(dims):
        raise ValueError(f"dims={tuple(dims)}; expected ascending dimensions of at least 2")
    if not (epsilon > 0.0 and math.isfinite(epsilon)):
        raise ValueError(f"epsilon={epsilon}; expected a positive number")
    s = taxonomy._structure
    leaf = leaf_mask(s)
    depth = s.depth[leaf]
    several = int((np.bincount(s.child, minlength=len(s.nodes)) > 1).sum())
    children = np.bincount(s.parent, minlength=len(s.nodes))
    mean_depth, leaves = float(depth.mean()), len(depth)
    needed = rooms(s, dims, epsilon)
    return Shape(
        root=taxonomy.root,
        is_tree=taxonomy.is_tree,
        nodes=len(s.nodes),
        edges=len(s.child),
        leaves=leaves,
        height=taxonomy.height,
        nodes_per_level=tuple(np.diff(s.level_start).tolist()),
        nodes_with_several_parents=several,
        share_with_several_parents=several / len(s.nodes),
        unary=int((children == 1).sum()),
        leaf_depth=LeafDepth(int(depth.min()), mean_depth, int(depth.max())),
        branching=_branching(s, children[~leaf], int(children.argmax())),
        weights=_weights(s.weight),
        sackin=mean_depth / math.log2(leaves) if leaves > 1 else math.nan,
        effective_branching=leaves ** (1.0 / mean_depth) if mean_depth else math.nan,
        evenness=evenness(s),
        gromov=gromov(s, samples, seed),
        rooms=needed,
        epsilon=epsilon,
        advice=advice(needed, epsilon),
        problems=find_problems(s),
    )


def evenness(s: Structure) -> float:
    """J1 of Lemant et al. 2022 on the tree of primary parents; see :class:`Shape`."""
    leaves = leaves_below(s)
    child = 1 + np.flatnonzero(leaves[1:] > 0)
    if not child.size:
        return math.nan
    parent = s.primary[child]
    share = leaves[child] / leaves[parent]
    n = len(s.nodes)
    entropy = np.bincount(parent, weights=-share * np.log(share), minlength=n)
    count = np.bincount(parent, minlength=n)
    split = count > 1
    total = float(leaves[count > 0].sum())
    return float((leaves[split] * entropy[split] / np.log(count[split])).sum()) / total


def _branching(s: Structure, children: NDArray[np.int64], widest: int) -> Branching:
    if not children.size:
        return Branching(0.0, 0.0, 0, s.nodes[0])
    return Branching(
        float(children.mean()), float(np.median(children)), int(children.max()), s.nodes[widest]
    )


def _weights(weight: NDArray[np.float64]) -> Weights | None:
    if not weight.size:
        return None
    return Weights(
        float(weight.min()),
        float(weight.max()),
        int((weight == 0).sum()),
        bool((weight == 1).all()),
    )
