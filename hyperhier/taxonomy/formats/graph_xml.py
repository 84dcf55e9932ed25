"""Graphs as XML: GraphML and GEXF, through networkx.

Edges run from parent to child. networkx lists edges by their source, so a first pass over the
text notes their order and their lines; the writers add an edge attribute ``rank`` where the
order of a node's parents would be lost otherwise.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn, Unpack
from xml.parsers import expat

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.policies import Policies, Policy

if TYPE_CHECKING:
    import networkx

__all__ = [
    "parse_gexf",
    "parse_graphml",
    "read_gexf",
    "read_graphml",
    "write_gexf",
    "write_graphml",
]

_WEIGHT = "weight"
_RANK = "rank"
_DEEPEST = 200  # nested elements; networkx follows nested graphs by recursion
# what XML 1.0 cannot hold, even escaped
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# the date of writing: the same taxonomy is to give the same file
_DATE = re.compile(r'(?<=<meta) lastmodifieddate="[^"]*"')
_NEWLINE = re.compile(r"\r\n?|\n")
_DECLARATION = re.compile(r"\A<\?xml\s[^>]*\?>")
# the value in "could not convert string to float: 'big'"
_VALUE = re.compile(r"'(.+)'\Z", re.DOTALL)


# -------------------------------------------------------------------------------- GraphML


def read_graphml(
    path: str | PathLike[str],
    *,
    weight: str | None = _WEIGHT,
    label: str | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read a directed graph in GraphML format, edges parent -> child.

    An edge attribute ``rank`` that is a number on every edge orders the edges; otherwise they
    stand as in the file.

    Args:
        path: the file.
        weight: the edge attribute with the edge lengths (default 1 where it is missing); the
            attribute ``"weight"`` may be absent, None ignores it.
        label: the node attribute that names the nodes; by default their ids do. Labels of yEd
            are called ``"label"``.
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line: no well-formed XML, a
            DOCTYPE, an undirected graph, nested graphs, edges of unknown nodes, or as
            :meth:`Taxonomy.from_edges`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.graphml"
    >>> write_graphml(Taxonomy.from_edges([("animal", "cat"), ("animal", "dog")]), path)
    >>> read_graphml(path).leaves
    ('cat', 'dog')
    """
    return parse_graphml(read_text(path), weight=weight, label=label, path=path, **policies)


def parse_graphml(
    text: str,
    *,
    weight: str | None = _WEIGHT,
    label: str | None = None,
    path: str | PathLike[str] | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """As :func:`read_graphml`, from text; ``path`` is named in errors.

    >>> parse_graphml('''<graphml><graph edgedefault="directed">
    ... <node id="animal"/><node id="cat"/><edge source="animal" target="cat"/>
    ... </graph></graphml>''').nodes
    ('animal', 'cat')
    """
    import networkx

    policy = Policy.of(policies)
    survey = _survey(text, "graphml", "edgedefault", path)
    try:
        graph = networkx.parse_graphml(text)
    except Exception as problem:
        _unreadable("GraphML", problem, text, path)
    return _taxonomy(graph, survey, weight, label, policy, path)


def write_graphml(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write GraphML with names as node ids; ``weight`` if one differs from 1.

    The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: a name that XML cannot hold, or the file cannot be written.
    """
    import networkx

    stream = io.BytesIO()
    networkx.write_graphml_xml(_graph(taxonomy, path), stream)
    write_text(path, stream.getvalue().decode("utf-8"))


# ----------------------------------------------------------------------------------- GEXF


def read_gexf(
    path: str | PathLike[str],
    *,
    weight: str | None = _WEIGHT,
    label: str | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read a directed graph in GEXF format, edges parent -> child.

    Arguments and errors are those of :func:`read_graphml`; ``label="label"`` names the nodes
    by the labels that Gephi shows.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.gexf"
    >>> write_gexf(Taxonomy.from_edges([("animal", "cat"), ("animal", "dog")]), path)
    >>> read_gexf(path).leaves
    ('cat', 'dog')
    """
    return parse_gexf(read_text(path), weight=weight, label=label, path=path, **policies)


def parse_gexf(
    text: str,
    *,
    weight: str | None = _WEIGHT,
    label: str | None = None,
    path: str | PathLike[str] | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """As :func:`read_gexf`, from text; ``path`` is named in errors.

    >>> parse_gexf('''<gexf xmlns="http://gexf.net/1.3"><graph defaultedgetype="directed">
    ... <nodes><node id="0" label="animal"/><node id="1" label="cat"/></nodes>
    ... <edges><edge source="0" target="1"/></edges></graph></gexf>''', label="label").nodes
    ('animal', 'cat')
    """
    import networkx

    policy = Policy.of(policies)
    survey = _survey(text, "gexf", "defaultedgetype", path)
    try:
        # a declared encoding would decode the text a second time
        graph = networkx.read_gexf(io.BytesIO(_DECLARATION.sub("", text, count=1).encode("utf-8")))
    except Exception as problem:
        _unreadable("GEXF", problem, text, path)
    return _taxonomy(graph, survey, weight, label, policy, path)


def write_gexf(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write GEXF with names as node ids and labels; ``weight`` if one differs from 1.

    The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: a name that XML cannot hold, or the file cannot be written.
    """
    import networkx

    stream = io.BytesIO()
    networkx.write_gexf(_graph(taxonomy, path), stream)
    write_text(path, _DATE.sub("", stream.getvalue().decode("utf-8"), count=1))


# -------------------------------------------------------------------------------- writing


def _graph(taxonomy: Taxonomy, path: str | PathLike[str]) -> networkx.DiGraph[str]:
    for name in taxonomy.nodes:
        if _NOT_XML.search(name):
            raise TaxonomyError(
                f"node name {name!r} holds a character that XML cannot hold", path=path
            )
    graph = taxonomy.to_networkx()
    if bool((taxonomy.edge_weight == 1.0).all()):
        for _, _, data in graph.edges(data=True):
            del data[_WEIGHT]
    children, parents = taxonomy.edges
    # edges are sorted by child; networkx will give the parents of a child in ascending order
    if bool(((children[1:] == children[:-1]) & (parents[1:] < parents[:-1])).any()):
        nodes = taxonomy.nodes
        for rank, (child, parent) in enumerate(
            zip(children.tolist(), parents.tolist(), strict=True)
        ):
            graph.edges[nodes[parent], nodes[child]][_RANK] = rank
    return graph


# -------------------------------------------------------------------------------- reading


@dataclass
class _Survey:
    """Ids of nodes, edges and their lines, in the order of the text."""

    nodes: dict[str, int] = field(default_factory=dict)
    edges: dict[tuple[str, str], int] = field(default_factory=dict)


def _survey(text: str, root: str, direction: str, path: str | PathLike[str] | None) -> _Survey:
    """Checks what networkx would pass over in silence.

    Raises:
        TaxonomyError: see :func:`read_graphml`.
    """
    if not text.strip():
        raise TaxonomyError("is empty; expected XML", path=path)
    survey = _Survey()
    parser = expat.ParserCreate("utf-8", " ")
    depth = graphs = 0
    space = ""

    def fail(message: str, line: int = 0) -> NoReturn:
        raise TaxonomyError(message, path=path, line=line or parser.CurrentLineNumber)

    def doctype(*_: Any) -> None:
        fail("holds a DOCTYPE, which may declare entities; expected XML without one")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, graphs, space
        depth += 1
        name = tag.rpartition(" ")[2]
        if depth == 1:
            if name != root:
                fail(f"element {name!r} at the top; expected {root!r}")
            space = tag.removesuffix(name)
        elif depth > _DEEPEST:
            fail(f"elements nested more than {_DEEPEST} deep")
        if name not in ("graph", "node", "edge") or tag != space + name:
            return
        if name == "graph" and depth == 2:
            graphs += 1
            if graphs > 1:
                fail("a second graph; expected one")
            if attributes.get(direction) != "directed":
                fail(
                    f"an undirected graph; expected {direction}='directed', with edges "
                    "parent -> child"
                )
        elif name == "node":
            node = attributes.get("id")
            if node is None:
                fail("a node without an id")
            if node in survey.nodes:
                fail(f"node id {node!r} stands twice, first in line {survey.nodes[node]}")
            survey.nodes[node] = parser.CurrentLineNumber
        elif name == "edge":
            edge(attributes)

    def edge(attributes: dict[str, str]) -> None:
        ends = attributes.get("source"), attributes.get("target")
        if ends[0] is None or ends[1] is None:
            fail("an edge without source or target")
        undirected = attributes.get("directed") == "false"
        if undirected or attributes.get("type") in ("undirected", "mutual"):
            fail(f"edge {ends[0]!r} -> {ends[1]!r} is not directed; expected parent -> child")
        if ends in survey.edges:
            fail(f"edge {ends[0]!r} -> {ends[1]!r} is listed twice")
        survey.edges[ends[0], ends[1]] = parser.CurrentLineNumber

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as problem:
        reason = expat.errors.messages[problem.code]
        fail(f"is no well-formed XML: {reason}", problem.lineno)
    except UnicodeEncodeError:
        raise TaxonomyError("holds a lone surrogate; expected text", path=path) from None
    if not graphs:
        raise TaxonomyError("holds no graph", path=path)
    for ends, line in survey.edges.items():
        for node in ends:
            if node not in survey.nodes:
                fail(f"edge {ends[0]!r} -> {ends[1]!r}: no node has the id {node!r}", line)
    return survey


def _taxonomy(
    graph: networkx.Graph[str],
    survey: _Survey,
    weight: str | None,
    label: str | None,
    policy: Policy,
    path: str | PathLike[str] | None,
) -> Taxonomy:
    read = graph.number_of_edges() == len(survey.edges) and all(map(graph.has_node, survey.nodes))
    if not read or not all(graph.has_edge(*ends) for ends in survey.edges):
        raise TaxonomyError("holds nested graphs or other parts that are not read", path=path)
    names = {node: node for node in survey.nodes}
    if label is not None:
        names = _labels(graph, survey, label, path)
    data = [graph.adj[ends[0]][ends[1]] for ends in survey.edges]
    lines = list(survey.edges.values())
    lengths = _lengths(graph, data, weight, lines, path)
    order = _order(data)
    ends = list(survey.edges)
    edges = [(names[ends[k][0]], names[ends[k][1]], lengths[k]) for k in order]
    origin = Origin(path, [lines[k] for k in order])
    return Taxonomy._of(_make.from_edges(edges, names.values(), policy, origin))


def _labels(
    graph: networkx.Graph[str], survey: _Survey, label: str, path: str | PathLike[str] | None
) -> dict[str, str]:
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    default = graph.graph.get("node_default", {}).get(label)
    for node, line in survey.nodes.items():
        value = graph.nodes[node].get(label, default)
        name = "" if value is None else str(value).strip()
        if not name:
            known = sorted({str(key) for key in graph.nodes[node]})
            raise TaxonomyError(
                f"node {node!r} has no {label!r}; found {', '.join(map(repr, known)) or 'nothing'}",
                path=path,
                line=line,
            )
        if name in ids:
            raise TaxonomyError(
                f"label {name!r} names the nodes {ids[name]!r} and {node!r} "
                "(label=None names nodes by their ids)",
                path=path,
                line=line,
            )
        names[node] = name
        ids[name] = node
    return names


def _lengths(
    graph: networkx.Graph[str],
    data: list[dict[str, Any]],
    weight: str | None,
    lines: list[int],
    path: str | PathLike[str] | None,
) -> list[float]:
    if weight is None:
        return [1.0] * len(data)
    default = graph.graph.get("edge_default", {}).get(weight)
    if weight != _WEIGHT and default is None and data and not any(weight in d for d in data):
        known = sorted({str(key) for attributes in data for key in attributes})
        found = ", ".join(map(repr, known[:20])) or "nothing"
        raise TaxonomyError(f"no edge has the attribute {weight!r}; found {found}", path=path)
    lengths = []
    for attributes, line in zip(data, lines, strict=True):
        value = attributes.get(weight, 1.0 if default is None else default)
        try:
            if isinstance(value, bool):
                raise TypeError
            lengths.append(float(value))
        except (TypeError, ValueError, OverflowError):
            raise TaxonomyError(
                f"{weight} {value!r}; expected a number", path=path, line=line
            ) from None
    return lengths


def _order(data: list[dict[str, Any]]) -> list[int]:
    """By rank, if every edge has one; else as listed."""
    order = list(range(len(data)))
    ranks: list[Any] = [attributes.get(_RANK) for attributes in data]
    if all(type(rank) in (int, float) and math.isfinite(rank) for rank in ranks):
        order.sort(key=ranks.__getitem__)
    return order


def _unreadable(
    format: str, problem: Exception, text: str, path: str | PathLike[str] | None
) -> NoReturn:
    reason = " ".join(str(problem).split())[:200] or type(problem).__name__
    line = None
    if isinstance(problem, ValueError) and (found := _VALUE.search(str(problem))):
        for needle in (f">{found.group(1)}<", f'"{found.group(1)}"', f"'{found.group(1)}'"):
            if (at := text.find(needle)) >= 0:
                line = len(_NEWLINE.findall(text, 0, at + 1)) + 1
                break
    raise TaxonomyError(f"is no readable {format}: {reason}", path=path, line=line) from None
