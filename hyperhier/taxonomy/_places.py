"""Nodes told by their place (paths, outlines, nested lists) rather than by their name."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

import numpy as np

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import Origin, Structure, build, shown
from hyperhier.taxonomy.policies import Policy

__all__ = ["SEPARATOR", "Places"]

#: between the names of a path, where a node is named by one
SEPARATOR = " > "
_MOST_TEXT = 1 << 27


class Places:
    """Labelled places in a forest, added parents first.

    >>> places = Places()
    >>> animal = places.add("animal")
    >>> places.add("cat", animal), places.add("dog", animal)
    (1, 2)
    >>> places.structure(Policy()).nodes
    ('animal', 'cat', 'dog')
    """

    def __init__(self) -> None:
        self._labels: list[str] = []
        self._above: list[int] = []
        self._weights: list[float] = []
        self._lines: list[int] = []
        self._by_path: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, label: str, above: int = -1, *, weight: float = 1.0, line: int = 0) -> int:
        """A new place below place ``above`` (-1: a root); returns its number.

        ``weight`` is the length of the edge to it; ``line`` where it was read (0: unknown).
        """
        self._labels.append(label)
        self._above.append(above)
        self._weights.append(weight)
        self._lines.append(line)
        return len(self._labels) - 1

    def add_path(self, path: Iterable[str], *, line: int = 0) -> int:
        """The place at the end of a path of names from a root; what is new of it is added."""
        place = -1
        for label in path:
            key = (place, label)
            if key not in self._by_path:
                self._by_path[key] = self.add(label, place, line=line)
            place = self._by_path[key]
        return place

    def structure(self, policy: Policy, path: str | PathLike[str] | None = None) -> Structure:
        """The nodes by name, as ``policy.duplicates`` says.

        Args:
            policy: also applied to what follows.
            path: the file, for errors.

        Raises:
            TaxonomyError: no places, a name at several places, or as
                :meth:`Taxonomy.from_edges`.
        """
        names, node_of = self._names(policy, path)
        child = np.asarray(node_of, dtype=np.int64)
        above = np.asarray(self._above, dtype=np.int64)
        places = np.flatnonzero(above >= 0)
        child, parent = child[places], child[above[places]]
        if policy.duplicates == "merge" and len(places):
            first = np.unique(child * len(names) + parent, return_index=True)[1]
            first.sort()
            child, parent, places = child[first], parent[first], places[first]
        lines = np.asarray(self._lines)[places]
        return build(
            names,
            child,
            parent,
            np.asarray(self._weights, dtype=np.float64)[places],
            origin=Origin(path, lines.tolist() if any(self._lines) else None),
            policy=policy,
        )

    def _names(
        self, policy: Policy, path: str | PathLike[str] | None
    ) -> tuple[list[str], list[int]]:
        """Distinct node names, and the node of every place."""
        first: dict[str, int] = {}
        second: dict[str, int] = {}
        for place, label in enumerate(self._labels):
            if label not in first:
                first[label] = place
            else:
                second.setdefault(label, place)
        if not second or policy.duplicates == "merge":
            node = {label: k for k, label in enumerate(first)}
            return list(first), [node[label] for label in self._labels]
        label, again = next(iter(second.items()))
        if policy.duplicates == "error":
            a, b = self._below(first[label]), self._below(again)
            where = f"twice {a}" if a == b else f"{a} and {b}"
            raise Origin(path, self._lines).error(
                f"name {shown(label)} stands {where} (duplicates='path' names such nodes by their "
                "path, 'merge' makes one node of them)",
                again,
            )
        self._check_room(second, path)
        names = [self._path_of(k) if v in second else v for k, v in enumerate(self._labels)]
        seen: dict[str, int] = {}
        for place, name in enumerate(names):
            if name in seen:
                raise Origin(path, self._lines).error(
                    f"{shown(name)} names two nodes even by path", place
                )
            seen[name] = place
        return names, list(range(len(names)))

    def _check_room(self, doubled: dict[str, int], path: str | PathLike[str] | None) -> None:
        """Refuse names by path that would take too much memory: a deep nest of equal names."""
        length: list[int] = []
        total = 0
        for label, above in zip(self._labels, self._above, strict=True):
            length.append(len(label) + (length[above] + len(SEPARATOR) if above >= 0 else 0))
            total += length[-1] if label in doubled else 0
        if total > _MOST_TEXT:
            raise TaxonomyError(
                f"names by path would take {total} characters; expected at most {_MOST_TEXT}",
                path=path,
            )

    def _below(self, place: int) -> str:
        above = self._above[place]
        return "at the top" if above < 0 else f"below {shown(self._labels[above])}"

    def _path_of(self, place: int) -> str:
        labels = []
        while place >= 0:
            labels.append(self._labels[place])
            place = self._above[place]
        return SEPARATOR.join(reversed(labels))
