"""Trees and graphs as JSON: nested objects, nested names, node-link data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NoReturn, Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin, Structure
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._json_lines import (
    LinedList,
    LinedObject,
    distinct,
    loads_with_lines,
    malformed,
    refuse_constant,
)
from hyperhier.taxonomy.formats._lines import depth_first
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["parse_json", "read_json", "write_json"]

_NAMES = ("name", "id", "label")
_CHILDREN = "children"
_WEIGHT = "weight"
_LINKS = ("edges", "links")
_DEEPEST_INDENT = 40  # an indentation for every level would make a deep file quadratic
_SHOWN = 12  # steps of the place in a message


def read_json(
    path: str | PathLike[str],
    *,
    name: str | None = None,
    children: str | None = None,
    weight: str | None = _WEIGHT,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a tree or a graph in one of three forms, told by the content.

    *Objects*, as d3 takes them: ``{"name": "pet", "children": [{"name": "cat"}, "dog"]}``;
    a text in a list of children is a leaf. Other keys are ignored.

    *Names*: ``{"pet": {"cat": {}, "dog": null}}`` or ``{"pet": ["cat", {"dog": ["poodle"]}]}``;
    keys are names, and what they hold stands below them.

    *Node-link data*, as networkx writes them: ``{"nodes": [{"id": 1}, ...], "edges":
    [{"source": 1, "target": 2}, ...]}`` with edges (or ``"links"``) from parent to child,
    which may form a DAG. ``source`` and ``target`` are what ``"id"`` holds, or the name of a
    node without one. The policy ``duplicates`` has no meaning here: a name is one node.

    A list at the top holds several trees. Names are text or whole numbers; white space
    around them is dropped.

    Args:
        path: the file.
        name: the key of a node's name; by default the first that there is of ``"name"``,
            ``"id"``, ``"label"``.
        children: the key of the list of children, ``"children"`` by default. If ``name`` or
            ``children`` is given, a tree is read as objects.
        weight: the key of the length of the edge to a node from its parent (of a link, of
            the link), 1 where it is absent or null; ``None`` ignores it. A root has no such
            edge.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line; and the place in the
            data, such as ``children[3].name``.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pets.json"
    >>> _ = path.write_text('{"name": "pet", "children": [{"name": "cat", "weight": 2}, "dog"]}')
    >>> read_json(path).edge_weight.tolist()
    [2.0, 1.0]
    """
    return parse_json(
        read_text(path), name=name, children=children, weight=weight, path=path, **policies
    )


def parse_json(
    text: str,
    *,
    name: str | None = None,
    children: str | None = None,
    weight: str | None = _WEIGHT,
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_json`, from text; ``path`` is named in errors.

    >>> parse_json('{"pet": {"cat": ["manx"], "dog": null}}').leaves
    ('dog', 'manx')
    """
    policy = Policy.of(policies, places=True)
    if not text.strip():
        raise TaxonomyError("is empty; expected a tree", path=path)

    def structure(value: Any) -> Structure:
        return _Reader(name, children, weight, path).structure(value, policy)

    try:
        value = json.loads(text, object_pairs_hook=distinct, parse_constant=refuse_constant)
        return Taxonomy._of(structure(value))
    except json.JSONDecodeError as problem:
        raise malformed(problem, path) from None
    except (RecursionError, ValueError):
        pass  # too deep for the json module, or an error without a line: once more, slowly
    return Taxonomy._of(structure(loads_with_lines(text, path)))


def write_json(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write a tree as nested objects, a DAG as node-link data that networkx reads.

    A tree is ``{"name": ..., "children": [...]}``, one node a line; a DAG is ``{"nodes":
    [{"id": ...}, ...], "edges": [{"source": ..., "target": ...}, ...]}``. A key ``"weight"``
    is there if one edge length differs from 1. Compressed for ``.gz``. The file appears at
    once or not at all, and reads back as an equal taxonomy with the same ids, at any depth
    (other programs may refuse a very deep one).

    Raises:
        TaxonomyError: the file cannot be written.
    """
    write_text(path, _nested(taxonomy) if taxonomy.is_tree else _node_link(taxonomy))


# --------------------------------------------------------------------------------- reading

#: the place of a value: that of the container it lies in, the container, its key there
Trail = tuple[Any, Any, str | int] | None

#: a node that is to be added: its name, what stands below it (in the container of the trail
#: after it), whether that is in the form of objects (None: not known yet), edge length, trail
_Node = tuple[str, Any, Trail, bool | None, float, Trail]


@dataclass
class _Reader:
    """Reads the data that a JSON text stands for."""

    name: str | None
    children: str | None
    weight: str | None
    path: str | PathLike[str] | None
    weighted: bool = field(default=False, init=False)  # whether the key was met

    def structure(self, value: Any, policy: Policy) -> Structure:
        if self._is_graph(value):
            return self._graph(value, policy)
        return self._tree(value, policy)

    # ------------------------------------------------------------------------------ trees

    def _tree(self, value: Any, policy: Policy) -> Structure:
        if not isinstance(value, dict | list):
            self._fail(f"{_kind(value)} at the top; expected an object or a list", None)
        places = Places()
        todo = [(-1, node) for node in reversed(self._below(value, None, None))]
        while todo:
            above, (name, below, inside, objects, weight, trail) = todo.pop()
            place = places.add(name, above, weight=weight, line=_line(trail))
            todo += [(place, node) for node in reversed(self._below(below, inside, objects))]
        if not places:
            self._fail("holds no names; expected a tree", None)
        if len(places) == 1:
            self._check_alone(value)
        else:
            self._check_weighted()
        return places.structure(policy, self.path)

    def _below(self, value: Any, trail: Trail, objects: bool | None) -> list[_Node]:
        """The nodes that the content of a node stands for."""
        if value is None:
            return []
        if isinstance(value, list):
            nodes: list[_Node] = []
            for k, entry in enumerate(value):
                nodes += self._entry(entry, (trail, value, k), objects)
            return nodes
        if isinstance(value, dict) and not objects:
            return self._entry(value, trail, objects)
        expected = "a list" if objects else "an object, a list or null"
        self._fail(f"is {_kind(value)}; expected {expected}", trail)

    def _entry(self, value: Any, trail: Trail, objects: bool | None) -> list[_Node]:
        """The nodes that an entry of a list stands for: one, but for an object of names."""
        if not isinstance(value, dict):
            return [(self._text(value, trail), None, None, objects, 1.0, trail)]
        if objects is None:
            objects = self._has_objects(value)
        if not objects:
            return [
                (self._text(key, inside), below, inside, False, 1.0, inside)
                for key, below in value.items()
                for inside in [(trail, value, key)]
            ]
        key = self.children or _CHILDREN
        below, inside = value.get(key), (trail, value, key)
        return [(self._name(value, trail), below, inside, True, self._length(value, trail), trail)]

    def _has_objects(self, value: dict[str, Any]) -> bool:
        """Whether an object is a node, rather than names as keys."""
        if self.name or self.children or _is_named(value):
            return True
        below = value.get(_CHILDREN)
        return isinstance(below, list) and any(map(_is_named, below))

    def _check_alone(self, value: Any) -> None:
        """A node without children must not have any that were not seen."""
        if isinstance(value, list):
            value = value[0]
        if not isinstance(value, dict) or not self._has_objects(value):
            return
        for key, below in value.items():
            if isinstance(below, dict | list) and below:
                self._fail(
                    f"a single node without {self.children or _CHILDREN!r}, but {key!r} holds "
                    f"{_kind(below)} (children= names the key of the children)",
                    None,
                )

    # ------------------------------------------------------------------------------ graphs

    def _is_graph(self, value: Any) -> bool:
        return (
            isinstance(value, dict)
            and self.children is None
            and isinstance(value.get("nodes"), list)
            and any(isinstance(value.get(key), list) for key in _LINKS)
        )

    def _graph(self, value: dict[str, Any], policy: Policy) -> Structure:
        if value.get("directed") is False:
            self._fail("an undirected graph; expected edges parent -> child", None)
        links = [key for key in _LINKS if isinstance(value.get(key), list)]
        if len(links) > 1:
            self._fail("both 'edges' and 'links'; expected one of them", None)
        names: dict[str | int, str] = {}
        taken: set[str] = set()
        for k, node in enumerate(value["nodes"]):
            trail = ((None, value, "nodes"), value["nodes"], k)
            if not isinstance(node, dict):
                self._fail(f"is {_kind(node)}; expected an object", trail)
            name = self._name(node, trail)
            ident = self._ident(node["id"], (trail, node, "id")) if "id" in node else name
            if ident in names:
                self._fail(f"a second node with the id {ident!r}", trail)
            if name in taken:
                self._fail(f"a second node of the name {name!r} (name= names another key)", trail)
            names[ident] = name
            taken.add(name)
        edges: list[tuple[str, str, float]] = []
        lines: list[int] = []
        for k, edge in enumerate(value[links[0]]):
            trail = ((None, value, links[0]), value[links[0]], k)
            if not isinstance(edge, dict):
                self._fail(f"is {_kind(edge)}; expected an object", trail)
            source, target = (self._end(edge, key, names, trail) for key in ("source", "target"))
            edges.append((source, target, self._length(edge, trail)))
            lines.append(_line(trail))
        if edges:
            self._check_weighted()
        origin = Origin(self.path, lines if any(lines) else None)
        return _make.from_edges(edges, names.values(), policy, origin)

    def _end(
        self, edge: dict[str, Any], key: str, names: dict[str | int, str], trail: Trail
    ) -> str:
        if key not in edge:
            self._fail(f"has no {key!r}; expected 'source' and 'target'", trail)
        inside = (trail, edge, key)
        ident = self._ident(edge[key], inside)
        if ident not in names:
            self._fail(f"no node {ident!r}", inside)
        return names[ident]

    def _ident(self, value: Any, trail: Trail) -> str | int:
        if isinstance(value, str | int) and not isinstance(value, bool):
            return value
        self._fail(f"is {_kind(value)}; expected text or a whole number", trail)

    # ------------------------------------------------------------------------------ values

    def _name(self, value: dict[str, Any], trail: Trail) -> str:
        """The name of a node in the form of an object."""
        keys = _NAMES if self.name is None else (self.name,)
        for key in keys:
            if value.get(key) is not None:
                return self._text(value[key], (trail, value, key))
        expected = " or ".join(map(repr, keys))
        self._fail(f"has no name; expected it under {expected} (name= names another key)", trail)

    def _text(self, value: Any, trail: Trail) -> str:
        if isinstance(value, str):
            if name := value.strip():
                return name
            self._fail("an empty name", trail)
        return str(self._ident(value, trail))

    def _length(self, value: dict[str, Any], trail: Trail) -> float:
        """The length of an edge."""
        length = None if self.weight is None else value.get(self.weight)
        if length is None:
            return 1.0
        self.weighted = True
        assert self.weight is not None
        inside = (trail, value, self.weight)
        if isinstance(length, int | float) and not isinstance(length, bool):
            try:
                return float(length)
            except OverflowError:
                self._fail("a number too large for an edge length", inside)
        self._fail(
            f"is {_kind(length)}; expected a number as edge length (weight= names another key, "
            "weight=None ignores it)",
            inside,
        )

    def _check_weighted(self) -> None:
        if self.weight not in (None, _WEIGHT) and not self.weighted:
            self._fail(f"no entry has the key {self.weight!r} for edge lengths", None)

    def _fail(self, problem: str, trail: Trail) -> NoReturn:
        where = _where(trail)
        raise TaxonomyError(
            f"{where}: {problem}" if where else problem, path=self.path, line=_line(trail) or None
        )


def _is_named(value: Any) -> bool:
    """Whether an object holds a name, as opposed to what stands below a node called "name"."""
    return isinstance(value, dict) and any(
        isinstance(value.get(key), str | int | float) for key in _NAMES
    )


def _kind(value: Any) -> str:
    for kind, text in (
        (dict, "an object"),
        (list, "a list"),
        (str, "text"),
        (bool, "true or false"),
        (int, "a number"),
        (float, "a float"),
    ):
        if isinstance(value, kind):
            return text
    return "null"


def _where(trail: Trail) -> str:
    """``children[3].name``; only the last steps of a long one."""
    steps: list[str] = []
    while trail is not None:
        trail, _, key = trail
        if len(steps) == _SHOWN:
            return "..." + "".join(reversed(steps)).removeprefix(".")
        if isinstance(key, int):
            steps.append(f"[{key}]")
        else:
            steps.append(f".{key}" if key.isidentifier() else f"[{key!r}]")
    return "".join(reversed(steps)).removeprefix(".")


def _line(trail: Trail) -> int:
    """The line of a value, 0 if it is not known."""
    if trail is None:
        return 0
    _, container, key = trail
    if isinstance(container, LinedObject):
        return container.lines.get(str(key), 0)
    if isinstance(container, LinedList):
        return container.lines[int(key)]
    return 0


# --------------------------------------------------------------------------------- writing


def _nested(taxonomy: Taxonomy) -> str:
    s = taxonomy._structure
    depth, size = s.depth.tolist(), s.size.tolist()
    weight = [1.0, *s.weight.tolist()]  # in a tree, node k has edge k - 1
    weighted = any(value != 1.0 for value in weight)
    parts: list[str] = []
    before = 0  # depth of the node before
    for v in depth_first(taxonomy):
        if v:
            parts.append("]}" * (before - depth[v]) + "," if depth[v] <= before else "")
        before = depth[v]
        parts.append("\n" + " " * min(before, _DEEPEST_INDENT) if v else "")
        parts.append(f'{{"name": {_quoted(s.nodes[v])}')
        if weighted and v:
            parts.append(f', "weight": {weight[v]!r}')
        parts.append(', "children": [' if size[v] > 1 else "}")
    parts.append("]}" * before + "\n")
    return "".join(parts)


def _node_link(taxonomy: Taxonomy) -> str:
    s = taxonomy._structure
    quoted = [_quoted(name) for name in s.nodes]
    weighted = bool((s.weight != 1.0).any())
    nodes = ",\n".join(f' {{"id": {name}}}' for name in quoted)
    edges = ",\n".join(
        f' {{"source": {quoted[p]}, "target": {quoted[c]}'
        + (f', "weight": {w!r}}}' if weighted else "}")
        for p, c, w in zip(s.parent.tolist(), s.child.tolist(), s.weight.tolist())
    )
    return (
        '{"directed": true, "multigraph": false, "graph": {},\n'
        f'"nodes": [\n{nodes}\n],\n"edges": [\n{edges}\n]}}\n'
    )


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
