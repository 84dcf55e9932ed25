"""RDF text into a graph through rdflib, which gets nothing that fetches or takes ages."""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, NoReturn, overload
from xml.parsers import expat

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy.formats._optional import optional

__all__ = ["Lines", "Source", "graph_of", "last_part", "syntax_of", "the_rdflib"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OWL = "http://www.w3.org/2002/07/owl#"

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


def syntax_of(text: str) -> str:
    start = text.lstrip()[:1000]
    if _XML.match(start):
        return "xml"
    return "json-ld" if _JSON.match(start) else "turtle"


@dataclass
class Source:
    """A text, its syntax, and errors with its lines."""

    text: str
    path: str | PathLike[str] | None
    syntax: str

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise TaxonomyError(message, path=self.path, line=line)

    def line_at(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def line_of(self, iri: str) -> int:
        """Where a node is described, by a search for what its IRI may look like; 0: nowhere."""
        name = re.escape(last_part(iri))
        if self.syntax == "xml":
            pattern = rf"\b(?:about|ID)\s*=\s*[\"'](?:[^\"']*[#/:;])?{name}[\"']"
        elif self.syntax == "json-ld":
            pattern = rf'"@?id"\s*:\s*"(?:[^"]*[#/:])?{name}"'
        else:
            pattern = rf"^[ \t]*(?:<(?:[^<>\s]*[#/:])?{name}>|[\w.-]*:{name}(?=\s))"
        match = re.search(pattern, self.text, re.MULTILINE)
        return self.line_at(match.end()) if match else 0


class Lines(Sequence[int]):
    """Lines of edges, searched for when an error asks."""

    def __init__(self, source: Source, children: list[str]) -> None:
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


def graph_of(source: Source) -> Any:
    """The ``rdflib.Graph`` of a text that was found harmless."""
    if not source.text.strip():
        source.fail("is empty; expected RDF")
    rdflib = the_rdflib()
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


def the_rdflib() -> Any:
    """The package, or an ImportError that names the extra."""
    return optional("rdflib", extra="rdf")


def _ignored(*_: object, **__: object) -> None:
    pass


def _unreadable(source: Source, problem: Any) -> NoReturn:
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


def _check_xml(source: Source) -> None:
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


def _checked_json(source: Source) -> dict[str, Any]:
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


def _refuse_context(source: Source, context: Any) -> NoReturn:
    at = source.text.find(json.dumps(context)) if isinstance(context, str) else -1
    source.fail(
        f"JSON-LD context {context!r} lies outside the file; expected an object",
        source.line_at(at) if at >= 0 else None,
    )


def last_part(iri: str) -> str:
    return re.split("[#/:]", iri.rstrip("#/:"))[-1] or iri
