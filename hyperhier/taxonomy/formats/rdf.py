"""SKOS concept schemes, RDFS and OWL class hierarchies, through rdflib.

Nothing is ever fetched: JSON-LD contexts by reference and external XML entities are refused,
``owl:imports`` is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, Unpack, get_args

from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._rdf_source import (
    Lines,
    Source,
    graph_of,
    last_part,
    syntax_of,
    the_rdflib,
)
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.policies import Policies, Policy, check_choice

__all__ = ["RdfNames", "RdfRelation", "RdfSyntax", "parse_rdf", "read_rdf"]

RdfSyntax = Literal["turtle", "xml", "nt", "json-ld"]
RdfRelation = Literal["auto", "skos", "rdfs"]
RdfNames = Literal["label", "iri"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_OWL = "http://www.w3.org/2002/07/owl#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"


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
    check_choice("syntax", syntax, (None, *get_args(RdfSyntax)))
    check_choice("relation", relation, get_args(RdfRelation))
    check_choice("names", names, get_args(RdfNames))
    if scheme and relation == "rdfs":
        raise ValueError("scheme=True has no meaning with relation='rdfs'")
    # rdflib takes a lone carriage return for no white space
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text, path, syntax or syntax_of(text))
    graph = graph_of(source)
    found = _Hierarchy.of(graph, source, relation, scheme)
    if not obsolete:
        found = found.without(_deprecated(graph), source)
    called = {iri: iri for iri in found.nodes}
    if names == "label":
        called = _labels(graph, found, language, source)
    edges = [(called[parent], called[child]) for child, parent in found.edges]
    origin = Origin(path, Lines(source, [child for child, _ in found.edges]))
    return Taxonomy._of(_make.from_edges(edges, called.values(), policy, origin))


# ------------------------------------------------------------------------------ extraction


@dataclass
class _Hierarchy:
    """Sorted IRIs of nodes and (child, parent) edges."""

    kind: str
    nodes: list[str]
    edges: list[tuple[str, str]]

    @classmethod
    def of(cls, graph: Any, source: Source, relation: str, scheme: bool) -> _Hierarchy:
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

    def without(self, deprecated: set[str], source: Source) -> _Hierarchy:
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


def _pairs(graph: Any, predicate: str, source: Source) -> Iterator[tuple[str, str]]:
    rdflib = the_rdflib()
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
    rdflib = the_rdflib()
    subjects = graph.subjects(rdflib.URIRef(f"{_RDF}type"), rdflib.URIRef(kind))
    return {str(subject) for subject in subjects if isinstance(subject, rdflib.URIRef)}


def _deprecated(graph: Any) -> set[str]:
    rdflib = the_rdflib()
    marked = graph.subject_objects(rdflib.URIRef(f"{_OWL}deprecated"))
    return {str(node) for node, flag in marked if str(flag).strip().lower() in ("true", "1")}


def _labels(graph: Any, found: _Hierarchy, language: str | None, source: Source) -> dict[str, str]:
    rdflib = the_rdflib()
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
        name = best[iri][2] if iri in best else last_part(iri)
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
