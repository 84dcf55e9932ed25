"""From edges in any order to the indexed arrays behind a :class:`Taxonomy`.

Whole levels are handled by numpy while they are wide; narrow ones, and the few passes that
follow a queue, run on plain Python lists: linear in nodes plus edges whatever the shape, where
one numpy call per level would crawl on a chain of 100,000 nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._runs import IntArray, adjacency, runs
from hyperhier.taxonomy.policies import Policy

__all__ = ["Origin", "Structure", "build", "contracted", "shown"]


#: names, child, parent, weight
Edges = tuple[list[str], IntArray, IntArray, NDArray[np.float64]]

_LONG_NAME = 80
_SHOWN = 8  # names listed in one message
_WIDE = 200  # nodes from which numpy overtakes a Python loop over one level


@dataclass(frozen=True)
class Origin:
    """Where the edges come from: a file and the line of each edge, if there is one."""

    path: str | PathLike[str] | None = None
    lines: Sequence[int] | None = None

    def error(self, message: str, edge: int | None = None) -> TaxonomyError:
        """A :class:`TaxonomyError` about edge number ``edge`` (counted from 0)."""
        if edge is None:
            return TaxonomyError(message, path=self.path)
        if self.lines is None:
            return TaxonomyError(f"{message} (edge number {edge + 1})", path=self.path)
        return TaxonomyError(message, path=self.path, line=int(self.lines[edge]) or None)


@dataclass(frozen=True, eq=False)
class Structure:
    """Arrays of a taxonomy whose ids are in breadth-first order (see :class:`Taxonomy`).

    ``child``, ``parent``, ``weight``: the edges, sorted by child, then as listed.
    ``depth``, ``primary`` (-1 at the root), ``pre`` (position in the depth-first order of the
    primary tree), ``size`` (nodes of the primary subtree, itself included): one entry a node.
    """

    nodes: tuple[str, ...]
    child: IntArray
    parent: IntArray
    weight: NDArray[np.float64]
    depth: IntArray
    primary: IntArray
    pre: IntArray
    size: IntArray

    @property
    def is_tree(self) -> bool:
        """Whether every node but the root has exactly one parent."""
        return len(self.child) == len(self.nodes) - 1

    @property
    def level_start(self) -> IntArray:
        """First id of each level, and the number of nodes at the end: ``(height + 2,)``."""
        levels = np.arange(int(self.depth[-1]) + 2)
        return np.searchsorted(self.depth, levels).astype(np.int64)

    @property
    def edges_by_level(self) -> list[tuple[int, int]]:
        """First edge, and the one after the last, of those down to each level from 1 on."""
        return list(pairwise(np.searchsorted(self.child, self.level_start[1:]).tolist()))


def build(
    names: Sequence[str],
    child: IntArray,
    parent: IntArray,
    weight: NDArray[np.float64],
    *,
    origin: Origin,
    policy: Policy,
) -> Structure:
    """Check the edges, apply the policies and number the nodes breadth-first.

    Args:
        names: distinct node names; ``child`` and ``parent`` are positions in it.
        child, parent, weight: ``(E,)`` each.
        origin: where errors point to.
        policy: see :class:`~hyperhier.taxonomy.policies.Policies`.

    Raises:
        TaxonomyError: bad names or weights, self loop, repeated edge, cycle, or what the
            policies forbid.
    """
    names = list(names)
    if not names:
        raise origin.error("no nodes: a taxonomy needs at least one")
    _check_edges(names, child, parent, weight, origin)
    kept = np.arange(len(child))
    several = np.flatnonzero(np.bincount(child, minlength=len(names)) > 1)
    if several.size and policy.multi_parent == "error":
        node = several[0]
        edges = np.flatnonzero(child == node)
        raise origin.error(
            f"node {shown(names[node])} has {len(edges)} parents "
            f"({_listing([names[parent[e]] for e in edges])}); expected one",
            int(edges[1]),
        )
    if several.size and policy.multi_parent == "first":
        kept = np.sort(np.unique(child, return_index=True)[1])
        child, parent, weight = child[kept], parent[kept], weight[kept]

    order, depth = _topological(len(names), child, parent)
    if len(order) < len(names):
        raise _cycle_error(names, child, parent, order, kept, origin)
    tops = np.flatnonzero(np.bincount(child, minlength=len(names)) == 0)
    if len(tops) > 1:
        if policy.roots == "error":
            raise origin.error(
                f"{len(tops)} roots ({_listing([names[v] for v in tops])}); expected one "
                "(roots='join' puts a new root above them, roots='largest' keeps one)"
            )
        if policy.roots == "join":
            if problem := _problem_of(policy.root_name):
                raise origin.error(f"root_name {policy.root_name!r} {problem}")
            if policy.root_name in set(names):
                raise origin.error(f"cannot join the roots: {policy.root_name!r} is a node already")
            child = np.concatenate([child, tops])
            parent = np.concatenate([parent, np.full(len(tops), len(names))])
            weight = np.concatenate([weight, np.ones(len(tops))])
            names = [*names, policy.root_name]
        else:
            keep = _below_largest_root(tops, child, parent, order, len(names))
            names, child, parent, weight = _only(keep, names, child, parent, weight)
        order, depth = _topological(len(names), child, parent)
    structure = _number(names, child, parent, weight, order, depth)
    return contracted(structure) if policy.unary == "contract" else structure


def shown(name: object) -> str:
    """A name as messages show it: quoted, the middle of a long one left out.

    >>> shown("cat"), len(shown("x" * 10**6))
    ("'cat'", 83)
    """
    if isinstance(name, str) and len(name) > _LONG_NAME:
        name = f"{name[: _LONG_NAME // 2]}…{name[-_LONG_NAME // 2 :]}"
    return repr(name)


def _listing(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")


def _check_names(names: list[Any], child: IntArray, parent: IntArray, origin: Origin) -> None:
    if (
        set(map(type, names)) == {str}
        and all(names)
        and list(map(str.strip, names)) == names
        and "\0" not in (text := "\n".join(names))
        and _is_unicode(text)
    ):
        return
    for v, name in enumerate(names):
        if problem := _problem_of(name):
            edges = np.flatnonzero((child == v) | (parent == v))
            raise origin.error(f"node name {shown(name)} {problem}", *map(int, edges[:1]))


def _problem_of(name: Any) -> str:
    if not isinstance(name, str):
        return f"is a {type(name).__name__}; expected a str"
    if not name or name.isspace():
        return "is empty; expected text"
    if name != name.strip():
        return "begins or ends with white space"
    if "\0" in name:
        return "holds a NUL character"
    return "" if _is_unicode(name) else "holds a lone surrogate, which UTF-8 cannot encode"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_edges(
    names: list[str],
    child: IntArray,
    parent: IntArray,
    weight: NDArray[np.float64],
    origin: Origin,
) -> None:
    _check_names(names, child, parent, origin)
    loops = np.flatnonzero(child == parent)
    if loops.size:
        edge = int(loops[0])
        raise origin.error(f"node {shown(names[child[edge]])} is its own parent", edge)
    if len(child) > 1:
        key = child * len(names) + parent
        by_key = np.argsort(key, kind="stable")
        repeated = by_key[1:][key[by_key[1:]] == key[by_key[:-1]]]
        if repeated.size:
            edge = int(repeated.min())
            pair = f"{shown(names[parent[edge]])} -> {shown(names[child[edge]])}"
            raise origin.error(f"edge {pair} is listed twice", edge)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if bad.size:
        edge = int(bad[0])
        raise origin.error(
            f"weight {float(weight[edge])!r} of edge {shown(names[parent[edge]])} -> "
            f"{shown(names[child[edge]])}; expected a finite number >= 0",
            edge,
        )


def _sweep(
    tops: IntArray, start: IntArray, kids: IntArray, waiting: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """Level after level from ``tops`` down: ``(nodes, level of each)``.

    Without ``waiting`` in breadth-first order, the children of a node as in ``kids`` (for
    forests). With it, the number of parents of each node (used up), a node comes one level
    after its last parent; nodes on or below a cycle never come.
    """
    done: list[int] = []
    widths: list[int] = []
    level: list[int] = tops.tolist()
    while level:
        done += level
        widths.append(len(level))
        if len(level) < _WIDE:
            below: list[int] = []
            for v in level:
                below += kids[start[v] : start[v + 1]].tolist()
            if waiting is not None:
                ready = []
                for v in below:
                    waiting[v] -= 1
                    if not waiting[v]:
                        ready.append(v)
                below = ready
        else:
            at = np.asarray(level)
            reached = kids[runs(start[at], start[at + 1] - start[at])]
            if waiting is not None:
                reached, times = np.unique(reached, return_counts=True)
                waiting[reached] -= times
                reached = reached[waiting[reached] == 0]
            below = reached.tolist()
        level = below
    return np.asarray(done, dtype=np.int64), np.repeat(np.arange(len(widths)), widths)


def _topological(n: int, child: IntArray, parent: IntArray) -> tuple[IntArray, IntArray]:
    """Nodes, parents before children, and the depth of all: the longest path from a root.

    Of a forest the order is breadth-first. Nodes on a cycle or below one are missing from it.
    """
    waiting = np.bincount(child, minlength=n)
    tops = np.flatnonzero(waiting == 0)
    forest = len(child) + len(tops) == n
    order, level = _sweep(tops, *adjacency(n, parent, child), None if forest else waiting)
    depth = np.zeros(n, dtype=np.int64)
    depth[order] = level
    return order, depth


def _cycle_error(
    names: Sequence[str],
    child: IntArray,
    parent: IntArray,
    order: IntArray,
    kept: IntArray,
    origin: Origin,
) -> TaxonomyError:
    """Every node outside ``order`` has a parent outside it: walk up until one comes twice."""
    stuck = np.ones(len(names), dtype=bool)
    stuck[order] = False
    inside = np.flatnonzero(stuck[child] & stuck[parent])
    up = dict(zip(child[inside].tolist(), inside.tolist(), strict=True))
    walk: list[int] = []
    seen: dict[int, int] = {}
    v = int(child[inside[0]])
    while v not in seen:
        seen[v] = len(walk)
        walk.append(v)
        v = int(parent[up[v]])
    cycle = walk[seen[v] :][::-1]
    first = cycle.index(min(cycle))
    cycle = cycle[first:] + cycle[:first]
    listed = [shown(names[c])[1:-1] for c in cycle[:_SHOWN]]
    listed += ["..."] if len(cycle) > _SHOWN else []
    text = " -> ".join([*listed, listed[0]])
    edge = max(int(kept[up[c]]) for c in cycle)
    return origin.error(f"cycle of {len(cycle)} nodes: {text} (parent -> child)", edge)


def _below_largest_root(
    tops: IntArray, child: IntArray, parent: IntArray, order: IntArray, n: int
) -> NDArray[np.bool_]:
    """Mask of the root that reaches most nodes (ties: the first listed) and all below it.

    ``order``: parents before children. What a root reaches is at most the sum over its
    children, and in a forest exactly that: most roots need no walk.
    """
    start, kids = (array.tolist() for array in adjacency(n, parent, child))
    most = [1] * n
    for v in order[::-1].tolist():
        most[v] = min(n, 1 + sum([most[c] for c in kids[start[v] : start[v + 1]]]))
    best: list[int] = []
    first = n
    stamp = [-1] * n
    for top in sorted(tops.tolist(), key=lambda v: (-most[v], v)):
        if most[top] < len(best) or (most[top] == len(best) and top > first):
            continue
        reached = [top]
        stamp[top] = top
        for v in reached:  # grows while it runs
            for c in kids[start[v] : start[v + 1]]:
                if stamp[c] != top:
                    stamp[c] = top
                    reached.append(c)
        if (len(reached), -top) > (len(best), -first):
            best, first = reached, top
    mask = np.zeros(n, dtype=bool)
    mask[best] = True
    return mask


def _only(
    keep: NDArray[np.bool_],
    names: list[str],
    child: IntArray,
    parent: IntArray,
    weight: NDArray[np.float64],
) -> Edges:
    """The nodes of a mask, and the edges between them."""
    inside = np.flatnonzero(keep[child] & keep[parent])
    new_id = np.cumsum(keep) - 1
    left = [names[v] for v in np.flatnonzero(keep).tolist()]
    return left, new_id[child[inside]], new_id[parent[inside]], weight[inside]


def contracted(s: Structure) -> Structure:
    """Without the inner nodes below the root that have one child: edges lead past them.

    Where two ways past lead to one node, the first listed edge stays, with the shorter length.
    """
    n = len(s.nodes)
    start, edges = (a.tolist() for a in adjacency(n, s.parent, np.arange(len(s.child))))
    below, length = s.child.tolist(), s.weight.tolist()
    end = list(range(n))  # where an edge to this node leads, and what it adds
    extra = [0.0] * n
    for v in range(n - 1, 0, -1):  # children first, the root left out
        down = edges[start[v] : start[v + 1]]
        onward = {end[below[e]] for e in down}
        if len(onward) == 1:
            end[v] = onward.pop()
            extra[v] = min(length[e] + extra[below[e]] for e in down)
    keep = np.asarray(end) == np.arange(n)
    with np.errstate(over="ignore"):
        weight = s.weight + np.asarray(extra)[s.child]
    if not np.isfinite(weight).all():
        node = int(s.child[np.flatnonzero(~np.isfinite(weight))[0]])
        raise TaxonomyError(
            f"edge lengths below {shown(s.nodes[node])} add up to more than a float64 holds"
        )
    child = np.asarray(end)[s.child]
    key = child * n + s.parent
    by_key = np.lexsort((weight, key))
    first = np.flatnonzero(np.diff(key[by_key], prepend=-1))
    listed = np.unique(key, return_index=True)[1]
    in_order = np.argsort(listed)
    names, child, parent, weight = _only(
        keep,
        list(s.nodes),
        child[listed[in_order]],
        s.parent[listed[in_order]],
        weight[by_key[first]][in_order],
    )
    return _number(names, child, parent, weight, *_topological(len(names), child, parent))


def _number(
    names: Sequence[str],
    child: IntArray,
    parent: IntArray,
    weight: NDArray[np.float64],
    order: IntArray,
    depth: IntArray,
) -> Structure:
    """Renumber breadth-first along the primary tree."""
    n = len(names)
    # the first listed among the deepest parents; numpy keeps the last of repeated writes
    deepest = np.flatnonzero(depth[parent] == depth[child] - 1)[::-1]
    edge_of = np.full(n, -1, dtype=np.int64)
    edge_of[child[deepest]] = deepest
    tree = np.sort(edge_of[edge_of >= 0])
    old = order
    if len(child) > n - 1:
        old, _ = _sweep(order[:1], *adjacency(n, parent[tree], child[tree]))
    new = np.empty(n, dtype=np.int64)
    new[old] = np.arange(n)
    child, parent = new[child], new[parent]
    by_child = np.argsort(child, kind="stable")
    primary = np.full(n, -1, dtype=np.int64)
    primary[child[tree]] = parent[tree]
    size, pre = _nested(primary.tolist())
    arrays = {
        "child": child[by_child],
        "parent": parent[by_child],
        "depth": depth[old],
        "primary": primary,
        "pre": pre,
        "size": size,
    }
    weight = weight[by_child].astype(np.float64)
    for array in (*arrays.values(), weight):
        array.flags.writeable = False
    return Structure(nodes=tuple([names[v] for v in old.tolist()]), weight=weight, **arrays)


def _nested(above: list[int]) -> tuple[IntArray, IntArray]:
    """Subtree sizes and depth-first positions of a tree in breadth-first order.

    ``above`` holds the parents. They never decrease, so both passes run through memory in
    order.
    """
    n = len(above)
    size = [1] * n
    for v in range(n - 1, 0, -1):
        size[above[v]] += size[v]
    free = [1] * n  # the position that the next child of a node takes
    pre = [0] * n
    for v in range(1, n):
        p = above[v]
        pre[v] = position = free[p]
        free[p] = position + size[v]
        free[v] = position + 1
    return np.asarray(size, dtype=np.int64), np.asarray(pre, dtype=np.int64)
