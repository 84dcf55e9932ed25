"""Things about a taxonomy that are allowed but worth a look, each in one plain sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy._build import IntArray, Structure
from hyperhier.taxonomy._primary import leaf_mask, leaves_below
from hyperhier.taxonomy._redundant import redundant_edges

__all__ = ["Problem", "find_problems"]

_EXAMPLES = 3
_MANY_CHILDREN = 100
_LONG_NAME = 80
_SHOWN = 40  # characters of a name in an example
_ENOUGH_LEAVES = 20
_LOPSIDED = 0.95
_WORK = 5_000_000  # nodes met while looking for redundant edges
_MARKS = {code: "_" for code in range(1, 128) if not chr(code).isalnum()}


@dataclass(frozen=True)
class Problem:
    """A sentence about ``count`` nodes, edges or groups, and some of them.

    >>> str(Problem("zero-length", "2 edges have length 0", 2, ("a -> b", "a -> c")))
    '2 edges have length 0: a -> b, a -> c'
    """

    kind: str
    text: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{self.text}: {', '.join(self.examples)}{more}"


def find_problems(s: Structure) -> tuple[Problem, ...]:
    """All that is found, always in the same order, examples in the order of their ids."""
    checks = (_unary, _lone_levels, _crowds, _shallow, _uneven, _lopsided, _redundant, _zero)
    names = (_alike, _long)
    return tuple(problem for check in checks + names for problem in check(s))


def _unary(s: Structure) -> Iterator[Problem]:
    children = np.bincount(s.parent, minlength=len(s.nodes))
    single = children == 1
    single[0] = False
    found = np.flatnonzero(single)
    if found.size:
        # a chain begins where the parent is no link of it
        chains = int((~single[s.primary[found]]).sum())
        yield _of_nodes(
            s,
            "unary",
            f"{_n(len(found), 'inner node has', 'inner nodes have')} a single child, in "
            f"{_n(chains, 'chain', 'chains')} (unary='contract' leaves them out)",
            found,
        )


def _lone_levels(s: Structure) -> Iterator[Problem]:
    start = s.level_start
    lone = 1 + np.flatnonzero(np.diff(start[1:]) == 1)
    if lone.size:
        yield _of_nodes(
            s,
            "lone-level",
            f"{_n(len(lone), 'level below the root has', 'levels below the root have')} only "
            "one node",
            start[lone],
        )


def _crowds(s: Structure) -> Iterator[Problem]:
    children = np.bincount(s.parent, minlength=len(s.nodes))
    found = np.flatnonzero(children >= _MANY_CHILDREN)
    if found.size:
        found = found[np.argsort(-children[found], kind="stable")]
        yield Problem(
            "crowd",
            f"{_n(len(found), 'node has', 'nodes have')} {_MANY_CHILDREN} children or more, which "
            "need much room",
            len(found),
            tuple(f"{_quoted(s.nodes[v])} ({children[v]})" for v in found[:_EXAMPLES].tolist()),
        )


def _shallow(s: Structure) -> Iterator[Problem]:
    found = np.flatnonzero(leaf_mask(s) & (s.depth == 1))
    if found.size and s.depth[-1] > 1:
        yield _of_nodes(
            s,
            "leaf-below-root",
            f"{_n(len(found), 'leaf lies', 'leaves lie')} directly below the root, "
            "beside deeper ones",
            found,
        )


def _uneven(s: Structure) -> Iterator[Problem]:
    height = int(s.depth[-1])
    found = np.flatnonzero(leaf_mask(s) & (2 * s.depth <= height))
    if found.size and height > 1:
        found = found[np.argsort(s.depth[found], kind="stable")]
        yield Problem(
            "uneven-depth",
            f"{_n(len(found), 'leaf lies', 'leaves lie')} at half of the height ({height}) or "
            "above; on the levels below they stand in for themselves",
            len(found),
            tuple(
                f"{_quoted(s.nodes[v])} (depth {s.depth[v]})" for v in found[:_EXAMPLES].tolist()
            ),
        )


def _lopsided(s: Structure) -> Iterator[Problem]:
    leaves = leaves_below(s)
    child = 1 + np.flatnonzero(leaves[1:] >= _LOPSIDED * leaves[s.primary[1:]])
    above = s.primary[child]
    children = np.bincount(s.primary[1:], minlength=len(s.nodes))
    child = child[(leaves[above] >= _ENOUGH_LEAVES) & (children[above] > 1)]
    if child.size:
        share = leaves[child] / leaves[s.primary[child]]
        yield Problem(
            "lopsided",
            f"{_n(len(child), 'node has', 'nodes have')} {_LOPSIDED:.0%} or more of "
            f"{'its' if len(child) == 1 else 'their'} leaves below one of several children",
            len(child),
            tuple(
                f"{_quoted(s.nodes[s.primary[v]])} ({part:.0%} below {_quoted(s.nodes[v])})"
                for v, part in zip(child[:_EXAMPLES].tolist(), share.tolist())
            ),
        )


def _redundant(s: Structure) -> Iterator[Problem]:
    edges, complete = redundant_edges(s, _WORK)
    if edges.size:
        yield Problem(
            "redundant-edge",
            f"{'' if complete else 'at least '}"
            f"{_n(len(edges), 'edge is', 'edges are')} implied by others: the parent is an "
            "ancestor of another parent (transitive_reduction() drops them)",
            len(edges),
            _of_edges(s, edges),
        )


def _zero(s: Structure) -> Iterator[Problem]:
    found = np.flatnonzero(s.weight == 0)
    if found.size:
        yield Problem(
            "zero-length",
            f"{_n(len(found), 'edge has', 'edges have')} length 0: parent and child are one point",
            len(found),
            _of_edges(s, found),
        )


def _alike(s: Structure) -> Iterator[Problem]:
    keys = _folded(s.nodes)
    if len(set(keys)) == len(keys):
        return
    groups: dict[str, list[int]] = {}
    for v, key in enumerate(keys):
        groups.setdefault(key, []).append(v)
    found = [group for key, group in groups.items() if key and len(group) > 1]
    if found:
        yield Problem(
            "alike",
            f"{_n(len(found), 'group', 'groups')} of names that differ only in case, white space "
            "or punctuation",
            len(found),
            tuple(
                " / ".join(_quoted(s.nodes[v]) for v in group[:_EXAMPLES])
                for group in found[:_EXAMPLES]
            ),
        )


def _long(s: Structure) -> Iterator[Problem]:
    length = np.fromiter(map(len, s.nodes), dtype=np.int64, count=len(s.nodes))
    found = np.flatnonzero(length > _LONG_NAME)
    if found.size:
        yield _of_nodes(
            s,
            "long-name",
            f"{_n(len(found), 'name is', 'names are')} longer than {_LONG_NAME} characters",
            found,
        )


def _folded(names: tuple[str, ...]) -> list[str]:
    """Names in small letters without spaces and punctuation, except between digits."""
    text = "\0".join(names).casefold()  # no name holds a NUL
    text = text.translate(_MARKS) if text.isascii() else re.sub(r"[^\w\0]", "_", text)
    text = re.sub("__+", "_", text)
    text = re.sub(r"_(?<=\d_)(?=\d)", ".", text)
    return text.replace("_", "").split("\0")


def _of_nodes(s: Structure, kind: str, text: str, ids: NDArray[np.int64]) -> Problem:
    shown = tuple(_quoted(s.nodes[v]) for v in ids[:_EXAMPLES].tolist())
    return Problem(kind, text, len(ids), shown)


def _of_edges(s: Structure, edges: IntArray) -> tuple[str, ...]:
    return tuple(
        f"{_quoted(s.nodes[s.parent[e]])} -> {_quoted(s.nodes[s.child[e]])}"
        for e in edges[:_EXAMPLES].tolist()
    )


def _quoted(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…")


def _n(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
