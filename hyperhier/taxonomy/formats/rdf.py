"""SKOS concept schemes, RDFS and OWL class hierarchies, through rdflib.

Nothing is ever fetched: JSON-LD contexts by reference and external XML entities are refused,
``owl:imports`` is not followed.
"""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, NoReturn, Unpack, get_args, overload
from xml.parsers import expat

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._optional import optional
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.policies import Policies, Policy

__all__ = ["RdfNames", "RdfRelation", "RdfSyntax", "parse_rdf", "read_rdf"]

RdfSyntax = Literal["turtle", "xml", "nt", "json-ld"]
RdfRelation = Literal["auto", "skos", "rdfs"]
RdfNames = Literal["label", "iri"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_OWL = "http://www.w3.org/2002/07/owl#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"

_BASE = "file:///"  # of relative IRIs; rdflib's own is the working directory

# what hostile files could make rdflib do for hours
_MOST_ENTITIES = 1000
_LONGEST_ENTITY = 300
_MOST_NAMESPACES = 1000
_MOST_TEXT_WORK = 10**11  # characters copied
_MOST_LITERAL_WORK = 2 * 10**7  # parts of XML literals parsed again
_MOST_TERMS = 3000  # of JSON-LD contexts
_MOST_CONTEXT_WORK = 10**6

_XML = re.compile(r"<[?!]|<[\w.:-]*\s|<(?:[\w.-]*:)?RDF>")
_JSON = re.compile(r'\{|\[\s*[\[{"]')
_LINE_OF_PROBLEM = re.compile(r"[^:]*:(\d+):\d+: (.*)", re.DOTALL)
_TURTLE_OPEN = re.compile(r"Quote expected in string at \^ in (.*)\^(.*)", re.DOTALL)
_TURTLE_PROBLEM = re.compile(r"Bad syntax \((.*)\) at \^ in:", re.DOTALL)

#: rdflib's switch for literals is one for all threads
_PARSING = threading.Lock()


def read_rdf(
    path: str | PathLike[str],
    *,
    syntax: RdfSyntax | None = None,
    relation: RdfRelation = "auto",
    scheme: bool = False,
    obsolete: bool = False,
    language: str | None = "en",
    names: RdfNames = "label",
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read SKOS concepts, or RDFS and OWL classes: Turtle, RDF/XML, N-Triples, JSON-LD.

    Nodes are the concepts (classes) that the file declares or relates; blank nodes, such as
    restrictions, are left out. Nodes and edges are sorted by IRI. ``owl:imports`` is not
    followed, nothing is fetched.

    Args:
        path: the file.
        syntax: by default told by the content.
        relation: ``"skos"`` (``skos:broader`` and ``skos:narrower``), ``"rdfs"``
            (``rdfs:subClassOf``), or ``"auto"``: SKOS if there is any, else RDFS.
        scheme: True makes SKOS concept schemes the parents of their top concepts.
        obsolete: True keeps what is marked ``owl:deprecated``.
        language: of the labels; a node without one takes a label of a regional variant, then
            one without a language, then the last part of its IRI. None: only labels without
            a language.
        names: nodes are called by their ``"label"`` (``skos:prefLabel`` or ``rdfs:label``) or
            their ``"iri"``.
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line: an unreadable file, two
            nodes of one label, a JSON-LD context by reference, XML entities that nest or lie
            outside the file, or as :meth:`Taxonomy.from_edges`.
        ImportError: rdflib is not installed.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "animals.ttl"
    >>> _ = path.write_text('''@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
    ... <#1> skos:prefLabel "animal"@en, "Tier"@de .
    ... <#2> skos:prefLabel "cat"@en ; skos:broader <#1> .
    ... ''')
    >>> read_rdf(path).nodes
    ('animal', 'cat')
    """
    return parse_rdf(
        read_text(path),
        syntax=syntax,
        relation=relation,
        scheme=scheme,
        obsolete=obsolete,
        language=language,
        names=names,
        path=path,
        **policies,
    )


def parse_rdf(
    text: str,
    *,
    syntax: RdfSyntax | None = None,
    relation: RdfRelation = "auto",
    scheme: bool = False,
    obsolete: bool = False,
    language: str | None = "en",
    names: RdfNames = "label",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """As :func:`read_rdf`, from text; ``path`` is named in errors.

    >>> parse_rdf('''@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    ... <#Cat> rdfs:subClassOf <#Animal> .
    ... ''').nodes
    ('Animal', 'Cat')
    """
    policy = Policy.of(policies)
    for argument, value, allowed in (
        ("syntax", syntax, (None, *get_args(RdfSyntax))),
        ("relation", relation, get_args(RdfRelation)),
        ("names", names, get_args(RdfNames)),
    ):
        if value not in allowed:
            listed = ", ".join(map(repr, allowed))
            raise ValueError(f"{argument}={value!r}; expected one of {listed}")
    if scheme and relation == "rdfs":
        raise ValueError("scheme=True has no meaning with relation='rdfs'")
    # rdflib takes a lone carriage return for no white space
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    source = _Source(text, path, syntax or _syntax_of(text))
    graph = _graph(source)
    found = _Hierarchy.of(graph, source, relation, scheme)
    if not obsolete:
        found = found.without(_deprecated(graph), source)
    called = {iri: iri for iri in found.nodes}
    if names == "label":
        called = _labels(graph, found, language, source)
    edges = [(called[parent], called[child]) for child, parent in found.edges]
    origin = Origin(path, _Lines(source, [child for child, _ in found.edges]))
    return Taxonomy._of(_make.from_edges(edges, called.values(), policy, origin))


# --------------------------------------------------------------------------------- source


def _syntax_of(text: str) -> str:
    start = text.lstrip()[:1000]
    if _XML.match(start):
        return "xml"
    return "json-ld" if _JSON.match(start) else "turtle"


@dataclass
class _Source:
    text: str
    path: str | PathLike[str] | None
    syntax: str

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise TaxonomyError(message, path=self.path, line=line)

    def line_at(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def line_of(self, iri: str) -> int:
        """Where a node is described, by a search for what its IRI may look like; 0: nowhere."""
        name = re.escape(_last_part(iri))
        if self.syntax == "xml":
            pattern = rf"\b(?:about|ID)\s*=\s*[\"'](?:[^\"']*[#/:;])?{name}[\"']"
        elif self.syntax == "json-ld":
            pattern = rf'"@?id"\s*:\s*"(?:[^"]*[#/:])?{name}"'
        else:
            pattern = rf"^[ \t]*(?:<(?:[^<>\s]*[#/:])?{name}>|[\w.-]*:{name}(?=\s))"
        match = re.search(pattern, self.text, re.MULTILINE)
        return self.line_at(match.end()) if match else 0


class _Lines(Sequence[int]):
    """Lines of edges, searched for when an error asks."""

    def __init__(self, source: _Source, children: list[str]) -> None:
        self._source = source
        self._children = children

    def __len__(self) -> int:
        return len(self._children)

    @overload
    def __getitem__(self, edge: int) -> int: ...

    @overload
    def __getitem__(self, edge: slice) -> Sequence[int]: ...

    def __getitem__(self, edge: int | slice) -> int | Sequence[int]:
        if isinstance(edge, slice):
            return [self._source.line_of(child) for child in self._children[edge]]
        return self._source.line_of(self._children[edge])


def _graph(source: _Source) -> Any:
    if not source.text.strip():
        source.fail("is empty; expected RDF")
    rdflib = _rdflib()
    data: Any = source.text
    # N-Triples are Turtle, whose parser knows the line and takes linear time on long lines
    syntax = "turtle" if source.syntax == "nt" else source.syntax
    if syntax == "xml":
        _check_xml(source)
    elif syntax == "json-ld":
        data = _checked_json(source)
    with _PARSING, warnings.catch_warnings():
        # the parser of JSON-LD uses what rdflib has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        normalize = rdflib.NORMALIZE_LITERALS
        rdflib.NORMALIZE_LITERALS = False  # "1e999999999"^^xsd:decimal in full
        graph = rdflib.Graph(bind_namespaces="none")
        # JSON-LD can hold named graphs
        target = rdflib.Dataset() if syntax == "json-ld" else graph
        # prefixes are not needed, and binding many takes quadratic time
        target.bind = _ignored
        try:
            target.parse(data=data, format=syntax, publicID=_BASE)
        except Exception as problem:
            _unreadable(source, problem)
        finally:
            rdflib.NORMALIZE_LITERALS = normalize
        if target is not graph:
            for subject, predicate, value, _ in target.quads():
                graph.add((subject, predicate, value))
    return graph


def _rdflib() -> Any:
    return optional("rdflib", extra="rdf")


def _ignored(*_: object, **__: object) -> None:
    pass


def _unreadable(source: _Source, problem: Any) -> NoReturn:
    reason = str(problem)
    line = None
    if hasattr(problem, "getLineNumber"):
        line, reason = problem.getLineNumber(), problem.getMessage()
    elif source.syntax in ("turtle", "nt") and (found := _TURTLE_PROBLEM.search(reason)):
        reason = found.group(1)
        # its own count of lines goes on at the end of the text
        if isinstance(at := getattr(problem, "_i", None), int):
            line = source.line_at(min(at, len(source.text.rstrip())))
    elif source.syntax in ("turtle", "nt") and (found := _TURTLE_OPEN.fullmatch(reason)):
        reason = "quote without its closing one"
        line = source.line_at(source.text.rfind("".join(found.groups())) + len(found.group(1)))
    elif source.syntax == "xml" and (found := _LINE_OF_PROBLEM.fullmatch(reason)):
        line, reason = int(found.group(1)), found.group(2)
    reason = " ".join(reason.split())[:200] or type(problem).__name__
    kinds = {"turtle": "Turtle", "xml": "RDF/XML", "nt": "N-Triples", "json-ld": "JSON-LD"}
    raise TaxonomyError(
        f"is no readable {kinds[source.syntax]}: {reason}", path=source.path, line=line
    ) from None


def _check_xml(source: _Source) -> None:
    """Well-formed, with no entities but short ones for namespaces, nothing that takes ages."""
    parser = expat.ParserCreate("utf-8", " ")
    entities = namespaces = depth = literal = 0
    pieces = size = text_work = parts = literal_work = 0

    def fail(message: str) -> NoReturn:
        source.fail(message, parser.CurrentLineNumber)

    def doctype(_: str, system: str | None, public: str | None, __: bool) -> None:
        if system or public:
            fail("a DOCTYPE that lies outside the file; expected entities in the file only")

    def entity(
        name: str, parameter: bool, value: str | None, _: Any, system: Any, public: Any, __: Any
    ) -> None:
        nonlocal entities
        entities += 1
        if parameter or value is None or system or public:
            fail(f"entity {name!r} lies outside the file or is a parameter; expected text")
        if "&" in value:
            fail(f"entity {name!r} holds another; expected text")
        if len(value) > _LONGEST_ENTITY:
            fail(f"entity {name!r} holds {len(value)} characters; expected a namespace")
        if entities > _MOST_ENTITIES:
            fail(f"more than {_MOST_ENTITIES} entities")

    def declaration(*_: Any) -> None:
        fail("a declaration of elements or attributes; expected entities only")

    def namespace(*_: Any) -> None:
        nonlocal namespaces
        namespaces += 1
        if namespaces > _MOST_NAMESPACES:
            fail(f"more than {_MOST_NAMESPACES} namespaces at once")

    def end_namespace(*_: Any) -> None:
        nonlocal namespaces
        namespaces -= 1

    def part() -> None:
        """A run of text ends, or a part of an XML literal, which rdflib parses again."""
        nonlocal pieces, size, text_work, parts
        text_work += pieces * size
        pieces = size = 0
        parts += bool(literal)
        if text_work > _MOST_TEXT_WORK:
            fail("long texts of many lines, which would take very long in RDF/XML; try Turtle")
        if literal_work + parts * parts > _MOST_LITERAL_WORK:
            fail("long XML literals, which would take very long in RDF/XML; try Turtle")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, literal, parts
        part()
        depth += 1
        if depth == 1 and tag == f"{_OWL} Ontology":
            fail("is OWL/XML; expected RDF/XML or Turtle")
        if not literal and "Literal" in attributes.values():
            kinds = (attributes.get("parseType"), attributes.get(f"{_RDF} parseType"))
            if "Literal" in kinds:
                literal, parts = depth, 0

    def end(_: str) -> None:
        nonlocal depth, literal, literal_work
        part()
        if depth == literal:
            literal_work += parts * parts
            literal = 0
        depth -= 1

    def characters(data: str) -> None:
        nonlocal pieces, size, parts
        pieces += 1
        size += len(data)
        parts += bool(literal)

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = entity
    parser.AttlistDeclHandler = declaration
    parser.ElementDeclHandler = declaration
    parser.NotationDeclHandler = declaration
    parser.StartNamespaceDeclHandler = namespace
    parser.EndNamespaceDeclHandler = end_namespace
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(source.text.encode("utf-8", "replace"), True)
    except expat.ExpatError as problem:
        reason = expat.errors.messages[problem.code]
        source.fail(f"is no well-formed XML: {reason}", problem.lineno)


def _checked_json(source: _Source) -> dict[str, Any]:
    """The document, if it needs nothing from outside."""
    try:
        document = json.loads(source.text)
    except json.JSONDecodeError as problem:
        source.fail(f"is no readable JSON-LD: {problem.msg}", source.line_at(problem.pos))
    except Exception as problem:  # too deep, or a number of too many digits
        _unreadable(source, problem)
    contexts = terms = 0
    todo = [document]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            todo += item.values()
            if "@import" in item:
                _refuse_context(source, item["@import"])
            if "@context" in item:
                contexts += 1
                inside = [item["@context"]]
                for context in inside:  # grows while it runs
                    if isinstance(context, list):
                        inside += context
                    elif isinstance(context, dict):
                        terms += len(context)
                    elif context is not None:
                        _refuse_context(source, context)
    if terms > _MOST_TERMS or contexts * terms > _MOST_CONTEXT_WORK:
        source.fail(f"{contexts} JSON-LD contexts with {terms} terms, which are too many")
    if isinstance(document, list):
        document = {"@graph": document}
    if not isinstance(document, dict):
        source.fail(f"holds a JSON {type(document).__name__}; expected an object or a list")
    return document


def _refuse_context(source: _Source, context: Any) -> NoReturn:
    at = source.text.find(json.dumps(context)) if isinstance(context, str) else -1
    source.fail(
        f"JSON-LD context {context!r} lies outside the file; expected an object",
        source.line_at(at) if at >= 0 else None,
    )


# ------------------------------------------------------------------------------ extraction


@dataclass
class _Hierarchy:
    """Sorted IRIs of nodes and (child, parent) edges."""

    kind: str
    nodes: list[str]
    edges: list[tuple[str, str]]

    @classmethod
    def of(cls, graph: Any, source: _Source, relation: str, scheme: bool) -> _Hierarchy:
        def pairs(predicate: str) -> set[tuple[str, str]]:
            return set(_pairs(graph, predicate, source))

        edges: set[tuple[str, str]] = set()
        nodes: set[str] = set()
        if relation != "rdfs":
            kind = "skos"
            edges = pairs(f"{_SKOS}broader") | _turned(pairs(f"{_SKOS}narrower"))
            if scheme:
                tops = pairs(f"{_SKOS}topConceptOf") | _turned(pairs(f"{_SKOS}hasTopConcept"))
                if not tops:
                    source.fail("scheme=True, but no skos:topConceptOf or skos:hasTopConcept")
                edges |= tops
            if edges or relation == "skos":
                nodes = _instances(graph, f"{_SKOS}Concept")
        if not edges and relation != "skos":
            kind = "rdfs"
            # every class is a subclass of itself, and reasoners say so
            edges = {(a, b) for a, b in pairs(f"{_RDFS}subClassOf") if a != b}
            nodes = _instances(graph, f"{_OWL}Class") | _instances(graph, f"{_RDFS}Class")
            if not edges and not nodes:
                kind = "skos"
                nodes = _instances(graph, f"{_SKOS}Concept")
        nodes |= {iri for edge in edges for iri in edge}
        if not nodes:
            wanted = {
                "skos": "skos:broader or skos:narrower",
                "rdfs": "rdfs:subClassOf",
                "auto": "skos:broader, skos:narrower or rdfs:subClassOf",
            }
            source.fail(f"holds no {wanted[relation]}")
        return cls(kind, sorted(nodes), sorted(edges))

    def without(self, deprecated: set[str], source: _Source) -> _Hierarchy:
        if deprecated.isdisjoint(self.nodes):
            return self
        edges = [edge for edge in self.edges if edge[0] not in deprecated]
        for child, parent in edges:
            if parent in deprecated:
                source.fail(
                    f"{child!r} lies below {parent!r}, which is deprecated "
                    "(obsolete=True keeps it)",
                    source.line_of(child) or None,
                )
        nodes = [iri for iri in self.nodes if iri not in deprecated]
        if not nodes:
            source.fail("holds only what is deprecated (obsolete=True keeps it)")
        return _Hierarchy(self.kind, nodes, edges)


def _pairs(graph: Any, predicate: str, source: _Source) -> Iterator[tuple[str, str]]:
    rdflib = _rdflib()
    for left, right in graph.subject_objects(rdflib.URIRef(predicate)):
        if isinstance(right, rdflib.Literal):
            name = re.split("[#/]", predicate)[-1]
            source.fail(
                f"{name} {str(right)!r} of {str(left)!r} is text; expected an IRI",
                source.line_of(str(left)) or None,
            )
        if isinstance(left, rdflib.URIRef) and isinstance(right, rdflib.URIRef):
            yield str(left), str(right)


def _turned(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(b, a) for a, b in pairs}


def _instances(graph: Any, kind: str) -> set[str]:
    rdflib = _rdflib()
    subjects = graph.subjects(rdflib.URIRef(f"{_RDF}type"), rdflib.URIRef(kind))
    return {str(subject) for subject in subjects if isinstance(subject, rdflib.URIRef)}


def _deprecated(graph: Any) -> set[str]:
    rdflib = _rdflib()
    marked = graph.subject_objects(rdflib.URIRef(f"{_OWL}deprecated"))
    return {str(node) for node, flag in marked if str(flag).strip().lower() in ("true", "1")}


def _labels(graph: Any, found: _Hierarchy, language: str | None, source: _Source) -> dict[str, str]:
    rdflib = _rdflib()
    predicates = [f"{_SKOS}prefLabel", f"{_RDFS}label"]
    if found.kind == "rdfs":
        predicates.reverse()
    wanted = None if language is None else language.lower()
    best: dict[str, tuple[int, int, str]] = {}
    for place, predicate in enumerate(predicates):
        for node, label in graph.subject_objects(rdflib.URIRef(predicate)):
            if not isinstance(label, rdflib.Literal) or not isinstance(node, rdflib.URIRef):
                continue
            text = str(label).strip()
            rank = _rank(label.language, wanted)
            if text and rank is not None:
                choice = (rank, place, text)
                best[str(node)] = min(best.get(str(node), choice), choice)
    names: dict[str, str] = {}
    iris: dict[str, str] = {}
    for iri in found.nodes:
        name = best[iri][2] if iri in best else _last_part(iri)
        if name in iris:
            source.fail(
                f"label {name!r} is that of {iris[name]!r} and {iri!r} (names='iri' keeps "
                "them apart)",
                source.line_of(iri) or None,
            )
        names[iri] = name
        iris[name] = iri
    return names


def _rank(tag: str | None, wanted: str | None) -> int | None:
    """0 is best; None: not wanted."""
    if not tag:
        return 2
    if wanted is None:
        return None
    tag = tag.lower()
    if tag == wanted:
        return 0
    return 1 if tag.startswith(f"{wanted}-") else None


def _last_part(iri: str) -> str:
    return re.split("[#/:]", iri.rstrip("#/:"))[-1] or iri
