"""SKOS, RDFS and OWL: tolerated variants, broken files, and no way out of the file."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.rdf import parse_rdf, read_rdf

pytest.importorskip("rdflib")

SKOS = "http://www.w3.org/2004/02/skos/core#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OWL = "http://www.w3.org/2002/07/owl#"
EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)


def turtle(body: str) -> str:
    """The body begins in line 5."""
    return (
        f"@prefix skos: <{SKOS}> .\n@prefix rdfs: <{RDFS}> .\n@prefix owl: <{OWL}> .\n"
        f"@prefix : <http://x.org/#> .\n{body}"
    )


BROADER = ":a skos:broader :r .\n:b skos:broader :r .\n:x skos:broader :a, :b .\n"
SUBCLASS = BROADER.replace("skos:broader", "rdfs:subClassOf")
NARROWER = ":r skos:narrower :a, :b . :a skos:narrower :x . :b skos:narrower :x .\n"


def xml(body: str, head: str = "") -> str:
    """The body begins in line 2."""
    return (
        f'{head}<rdf:RDF xmlns:rdf="{RDF}" xmlns:skos="{SKOS}" xmlns:rdfs="{RDFS}" '
        f'xmlns:owl="{OWL}" xmlns:e="http://e.org/" xml:base="http://x.org/">\n{body}</rdf:RDF>'
    )


def described(child: str, *parents: str, inside: str = "") -> str:
    broader = "".join(f'<skos:broader rdf:resource="{parent}"/>' for parent in parents)
    return f'<skos:Concept rdf:about="{child}">{broader}{inside}</skos:Concept>\n'


BODY = described("#a", "#r") + described("#b", "#r") + described("#x", "#a", "#b")
NT = "".join(
    f"<http://x.org/{child}> <{SKOS}broader> <http://x.org/{parent}> .\n"
    for child, parent in ("ar", "br", "xa", "xb")
)
CONTEXT = {"skos": SKOS, "broader": {"@id": "skos:broader", "@type": "@id"}}
GRAPH = [
    {"@id": "http://x.org/a", "broader": "http://x.org/r"},
    {"@id": "http://x.org/b", "broader": "http://x.org/r"},
    {"@id": "http://x.org/x", "broader": ["http://x.org/a", "http://x.org/b"]},
]
LD = json.dumps({"@context": CONTEXT, "@graph": GRAPH}, indent=1)
BARE = f'<RDF xmlns="{RDF}"'
SPACES = '<!DOCTYPE rdf:RDF [\n<!ENTITY x "http://x.org/#">\n<!ENTITY y "y">]>\n'

TOLERATED: list[tuple[str, str, dict[str, Any]]] = [
    ("broader", turtle(BROADER), {}),
    ("narrower", turtle(NARROWER), {}),
    ("both", turtle(BROADER + NARROWER), {}),
    ("subclasses", turtle(SUBCLASS), {}),
    ("skos wins", turtle(BROADER + ":x rdfs:subClassOf :y ."), {}),
    ("rdfs wanted", turtle(SUBCLASS + ":x skos:broader :y ."), {"relation": "rdfs"}),
    ("skos wanted", turtle(BROADER), {"relation": "skos"}),
    ("transitive", turtle(BROADER + ":x skos:broaderTransitive :r, :z ."), {}),
    ("concepts", turtle(BROADER + ":x a skos:Concept . :r a skos:Concept ."), {}),
    ("classes", turtle(SUBCLASS + ":x a owl:Class . :r a rdfs:Class ."), {}),
    ("blank parents", turtle(SUBCLASS + ":x rdfs:subClassOf [ a owl:Restriction ] ."), {}),
    ("blank children", turtle(SUBCLASS + "[] rdfs:subClassOf :x . [] a owl:Class ."), {}),
    ("its own subclass", turtle(SUBCLASS + ":x rdfs:subClassOf :x ."), {}),
    ("imports", turtle(SUBCLASS + "<> owl:imports <http://example.org/none> ."), {}),
    ("deprecated", turtle(SUBCLASS + ":old a owl:Class ; owl:deprecated true ."), {}),
    ("deprecated child", turtle(BROADER + ":o skos:broader :x ; owl:deprecated '1' ."), {}),
    ("not deprecated", turtle(BROADER + ":x owl:deprecated false ."), {}),
    ("labels", turtle(BROADER + ':x skos:prefLabel "x"@en, "y"@de ; rdfs:label "z" .'), {}),
    ("schemes unused", turtle(BROADER + ":r skos:topConceptOf :s . :s a skos:ConceptScheme ."), {}),
    ("sparql style", turtle(BROADER).replace("@prefix", "PREFIX").replace("> .", ">"), {}),
    ("n-triples", NT, {}),
    ("n-triples told", NT, {"syntax": "nt"}),
    ("n-triples, comment", "# comment\n" + NT, {}),
    ("xml", xml(BODY), {}),
    ("xml told", xml(BODY), {"syntax": "xml"}),
    ("xml declared", xml(BODY, '<?xml version="1.0" encoding="ISO-8859-1"?>\n'), {}),
    ("xml with a comment", xml(BODY, "<!-- <!ENTITY -->\n"), {}),
    ("xml entities", xml(BODY.replace('"#', '"&x;'), SPACES), {}),
    ("xml bare", xml(BODY).replace("</rdf:", "</").replace("<rdf:RDF", BARE), {}),
    ("xml literal", xml(BODY + '<e:a><e:b rdf:parseType="Literal"><i>x</i></e:b></e:a>'), {}),
    ("json-ld", LD, {}),
    ("json-ld told", LD, {"syntax": "json-ld"}),
    ("json-ld list", json.dumps([{"@context": CONTEXT, **node} for node in GRAPH]), {}),
    ("json-ld named", json.dumps({"@context": [None, CONTEXT], "@id": "g:1", "@graph": GRAPH}), {}),
]


@pytest.mark.parametrize(
    ("text", "options"), [t[1:] for t in TOLERATED], ids=[t[0] for t in TOLERATED]
)
def test_tolerated(tmp_path: Path, text: str, options: dict[str, Any]) -> None:
    assert parse_rdf(text, **options) == EXPECTED
    path = tmp_path / "t.rdf.gz"
    for variant in (text, text.replace("\n", "\r\n"), text.replace("\n", "\r")):
        path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + variant.encode()))
        assert read_rdf(path, **options) == EXPECTED


def test_schemes_are_roots() -> None:
    scheme = ":s a skos:ConceptScheme ; skos:hasTopConcept :r .\n"
    other = ":q skos:topConceptOf :s .\n"
    tax = parse_rdf(turtle(BROADER + scheme + other), scheme=True)
    assert tax.root == "s"
    assert tax.children("s") == ("q", "r")
    assert parse_rdf(turtle(other), scheme=True).nodes == ("s", "q")


def test_single_concepts_and_obsolete_ones() -> None:
    assert parse_rdf(turtle(":a a skos:Concept .")).nodes == ("a",)
    assert parse_rdf(turtle(":a a owl:Class .")).nodes == ("a",)
    assert parse_rdf(turtle(":a a owl:Class ."), relation="rdfs").nodes == ("a",)
    old = ":old rdfs:subClassOf :x ; owl:deprecated true ."
    assert "old" in parse_rdf(turtle(SUBCLASS + old), obsolete=True)


LABELS = turtle("""
:1 skos:prefLabel "animal"@en, "Tier"@de, "beast" ; rdfs:label "other"@en .
:2 skos:prefLabel "colour"@en-GB, "color"@en-US, "Farbe"@de ; skos:broader :1 .
:3 skos:prefLabel " plain ", "Ebene"@de ; skos:broader :1 .
:4 rdfs:label "from rdfs"@EN ; skos:broader :1 .
:5 skos:altLabel "no"@en ; skos:broader :1 .
:6 skos:prefLabel ""@en, "  " ; skos:broader :1 .
<http://y.org/a/b/> skos:broader :1 .
<urn:isbn:42> skos:broader :1 .
""")


def test_labels() -> None:
    names = ("animal", "color", "plain", "from rdfs", "5", "6", "b", "42")
    assert parse_rdf(LABELS).nodes == names
    assert parse_rdf(LABELS, language="EN").nodes == names
    assert set(parse_rdf(LABELS, language="de")) >= {"Tier", "Farbe", "Ebene", "4"}
    assert set(parse_rdf(LABELS, language="en-GB")) >= {"colour", "beast"}
    assert set(parse_rdf(LABELS, language=None)) >= {"beast", "2", "plain", "4"}
    iris = parse_rdf(LABELS, names="iri").nodes
    assert iris[0] == "http://x.org/#1" and "urn:isbn:42" in iris
    both = turtle(':a rdfs:subClassOf :b ; rdfs:label "r"@en ; skos:prefLabel "s"@en .')
    assert parse_rdf(both).nodes == ("b", "r")
    assert parse_rdf(both.replace("rdfs:subClassOf", "skos:broader")).nodes == ("b", "s")


def test_relative_iris_do_not_depend_on_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        f"<#a> <{SKOS}broader> <b> .",
        xml(described("#a", "b")).replace('xml:base="http://x.org/"', ""),
        json.dumps({"@id": "#a", f"{SKOS}broader": {"@id": "b"}}),
    ]
    for text in texts:
        before = parse_rdf(text, names="iri").nodes
        assert before == ("file:///b", "file:///#a")
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            assert parse_rdf(text, names="iri").nodes == before


def test_text_is_not_decoded_again() -> None:
    text = xml(described("#é", "#☃"), '<?xml version="1.0" encoding="ISO-8859-1"?>\n')
    assert parse_rdf(text).nodes == ("☃", "é")


def entity(declaration: str, use: str = "") -> str:
    return xml(described("#a", f"{use}#r"), f"<!DOCTYPE rdf:RDF [\n{declaration}\n]>\n")


LITERAL = '<e:a><e:b rdf:parseType="Literal">{}</e:b></e:a>'

PREFIXES = " ".join(f'xmlns:p{k}="u:{k}"' for k in range(1000))
TERMS = {f"t{k}": f"u:{k}" for k in range(3001)}

# (name, text, options, line or None, message)
BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("empty", "", {}, None, "is empty; expected RDF"),
    ("blank", " \n", {}, None, "is empty; expected RDF"),
    ("garbage", "\njunk", {}, 2, "no readable Turtle: expected directive or statement"),
    ("csv", "parent,child\na,b\n", {}, 1, "no readable Turtle"),
    ("no relation", turtle(":a :b :c ."), {}, None, "holds no skos:broader, skos:narrower or rd"),
    ("no skos", turtle(SUBCLASS), {"relation": "skos"}, None, "no skos:broader or skos:narrower"),
    ("no rdfs", turtle(BROADER), {"relation": "rdfs"}, None, "holds no rdfs:subClassOf"),
    ("no scheme", turtle(BROADER), {"scheme": True}, None, "no skos:topConceptOf"),
    ("turtle", turtle(":a skos:broader :b .\n:c :d ;; .\n:e :f"), {}, 6, "no readable Turtle"),
    ("prefix", turtle(":a skos:broader :b .\n:c e:f :g ."), {}, 6, 'Prefix "e:" not bound'),
    ("cut", turtle(':a skos:prefLabel "x'), {}, 5, "Turtle: quote without its closing one"),
    ("cut early", turtle(":a skos:bro\n\n"), {}, 5, "no readable Turtle"),
    ("cut, mac", turtle(":a skos:broader :b .\n:c\n\n").replace("\n", "\r"), {}, 6, "no reada"),
    ("triples", NT + "<http://a> <http://b> .\n", {"syntax": "nt"}, 5, "no readable N-Triples"),
    ("text parent", turtle(":q a :z .\n:a skos:broader 'b' ."), {}, 6, "broader 'b' of .* is text"),
    ("loop", turtle(BROADER + ":x skos:broader :x ."), {}, 7, "'x' is its own parent"),
    ("cycle", turtle(BROADER + ":r skos:broader :x ."), {}, 7, "cycle of 3 nodes"),
    ("roots", turtle(BROADER + ":s a skos:Concept ."), {}, None, r"2 roots \('r', 's'\)"),
    ("parents", turtle(BROADER), {"multi_parent": "error"}, 7, "'x' has 2 parents"),
    (
        "same labels",
        turtle(BROADER + ":a rdfs:label 'l' .\n:b rdfs:label 'l' ."),
        {},
        6,
        "label 'l' is that of 'http://x.org/#a' and 'http://x.org/#b'.*names='iri'",
    ),
    ("same parts", turtle(":a skos:broader <http://y.org/a> ."), {}, 5, "label 'a' is that of"),
    (
        "below deprecated",
        turtle(BROADER + ":a owl:deprecated true ."),
        {},
        7,
        "'http://x.org/#x' lies below 'http://x.org/#a', which is deprecated",
    ),
    (
        "all deprecated",
        turtle(":a a owl:Class ; owl:deprecated true ."),
        {},
        None,
        "only what is deprecated",
    ),
    ("json", '{"a":\n', {}, 2, "no readable JSON-LD: Expecting value"),
    ("json tail", LD + "}", {}, 26, "no readable JSON-LD: Extra data"),
    ("json text", '"x"', {"syntax": "json-ld"}, None, "holds a JSON str"),
    ("json without", "{}", {}, None, "holds no skos:broader"),
    ("json deep", "[" * 10**5, {"syntax": "json-ld"}, None, "no readable JSON-LD: .*recursion"),
    ("json number", "[1" + "0" * 5000 + "]", {"syntax": "json-ld"}, None, "no readable JSON-LD"),
    ("context", '{"@id": "x",\n"@context": "http://x.org"}', {}, 2, "'http://x.org' lies out"),
    ("context file", '{"@context": "file:///etc/passwd"}', {}, 1, "lies outside the file"),
    ("context list", '{"@context": [{},\n["c.json"]]}', {}, 2, "'c.json' lies outside"),
    ("scoped", '{"@context": {"a": {"@id": "x:y",\n"@context": "c.json"}}}', {}, 2, "'c.json'"),
    ("inner", '{"x:y": {"@type": "z",\n"@context": "c.json"}}', {}, 2, "'c.json' lies"),
    ("import", '{"@context": {"@import": "c.json"}}', {}, 1, "'c.json' lies outside"),
    ("context number", '{"@context": 1}', {}, None, "context 1 lies outside the file; expected"),
    ("context twice", '{"@context": "c.json", "@context": {}}', {}, None, "holds no"),
    ("xml", xml("<a></b>"), {}, 2, "no well-formed XML: mismatched tag"),
    ("xml cut", xml(BODY)[:-5], {}, 5, "no well-formed XML"),
    ("xml only", '<?xml version="1.0"?>', {}, 1, "no well-formed XML: no element found"),
    ("html", "<!DOCTYPE html>\n<html><p></html>", {}, 2, "no well-formed XML"),
    ("owl/xml", f'<Ontology xmlns="{OWL}"/>', {}, 1, "is OWL/XML; expected RDF/XML"),
    ("rdf/xml", xml("\n<rdf:li/>"), {}, 3, "no readable RDF/XML: Invalid node element"),
    ("nested entities", entity("<!ENTITY a 'x'>\n<!ENTITY b '&a;&a;'>"), {}, 3, "'b' holds"),
    ("hidden nesting", entity("<!ENTITY a 'x'>\n<!ENTITY b '&#38;a;'>"), {}, 3, "holds another"),
    ("file entity", entity("<!ENTITY a SYSTEM 'file:///etc/passwd'>"), {}, 2, "'a' lies outside"),
    ("public", entity("<!ENTITY a PUBLIC 'x' 'http://x/'>"), {}, 2, "'a' lies outside"),
    ("parameter", entity("<!ENTITY % a 'x'>"), {}, 2, "'a' lies outside the file or is a param"),
    ("long entity", entity(f"<!ENTITY a '{'x' * 301}'>"), {}, 2, "'a' holds 301 characters"),
    ("many", entity("\n".join(f"<!ENTITY a{k} ''>" for k in range(1001))), {}, 1002, "1000 entit"),
    ("attributes", entity("<!ATTLIST skos:Concept e:a CDATA 'x'>"), {}, 2, "a declaration of"),
    ("elements", entity("<!ELEMENT skos:Concept ANY>"), {}, 2, "a declaration of elements"),
    ("notation", entity("<!NOTATION a SYSTEM 'x'>"), {}, 2, "a declaration of elements"),
    ("unparsed", entity("<!ENTITY a SYSTEM 'x' NDATA b>"), {}, 2, "'a' lies outside"),
    ("doctype file", xml(BODY, "<!DOCTYPE rdf:RDF SYSTEM 'x.dtd'>\n"), {}, 1, "a DOCTYPE that"),
    ("undefined", entity("", "&nope;"), {}, 5, "no well-formed XML: undefined entity"),
    ("xml literals", xml(LITERAL.format("<i/>" * 5000)), {}, 2, "long XML literals"),
    (
        "long text",
        xml("<e:a><e:b>" + "x\n" * 400_000 + "</e:b></e:a>"),
        {},
        400_002,
        "long texts of many lines",
    ),
    ("namespaces", xml(f"<e:a {PREFIXES}/>"), {}, 2, "1000 namespaces"),
    ("terms", json.dumps({"@context": TERMS}), {}, None, "3001 terms"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.rdf"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_rdf(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


@pytest.mark.parametrize("syntax", ["turtle", "xml", "nt", "json-ld"])
def test_lines_of_edges(syntax: str) -> None:
    texts = {
        "turtle": turtle(BROADER + "<#loop> skos:broader <#loop> ."),
        "xml": xml(BODY + "<!-- -->\n" + described("#loop", "#loop")),
        "nt": NT + f"<http://x.org/loop> <{SKOS}broader> <http://x.org/loop> .",
        "json-ld": LD.replace(
            '"@graph": [', '"@graph": [\n{"@id": "u:loop", "broader": "u:loop"},'
        ),
    }
    lines = {"turtle": 8, "xml": 6, "nt": 5, "json-ld": 10}
    with pytest.raises(TaxonomyError, match="'loop' is its own parent") as caught:
        parse_rdf(texts[syntax], syntax=syntax)  # type: ignore[arg-type]
    assert caught.value.line == lines[syntax]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"syntax": "n3"}, ValueError, "syntax='n3'; expected one of None, 'turtle'"),
        ({"relation": "x"}, ValueError, "relation='x'; expected one of 'auto'"),
        ({"names": "x"}, ValueError, "names='x'; expected one of 'label', 'iri'"),
        ({"scheme": True, "relation": "rdfs"}, ValueError, "scheme=True has no meaning"),
        ({"roots": "x"}, ValueError, "roots='x'"),
        ({"duplicates": "merge"}, TypeError, "unexpected argument 'duplicates'"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_rdf("", **options)


def test_without_rdflib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rdflib", None)
    with pytest.raises(ImportError, match=r"needs rdflib: pip install 'hyperhier\[rdf\]'"):
        parse_rdf(turtle(BROADER))


def test_literals_are_not_spelled_out() -> None:
    import rdflib

    before = rdflib.NORMALIZE_LITERALS
    number = ':x :size "1e999999999"^^<http://www.w3.org/2001/XMLSchema#decimal> .'
    assert parse_rdf(turtle(BROADER + number)) == EXPECTED
    assert rdflib.NORMALIZE_LITERALS is before


def test_hostile_text_takes_linear_time() -> None:
    n = 50_000
    start = time.perf_counter()
    prefixes = "".join(f"@prefix p: <http://x.org/{k}> .\n" for k in range(n // 10))
    for text in (
        *(
            turtle(piece * n)
            for piece in (" ", "#\n", ":a", "[ :b ", "( ", '"', '"""\n', "\\", "<")
        ),
        turtle(':a :b """' + "x\n" * n + '""" .'),
        f'<http://a> <http://b> "{"x" * 100 * n}" .',
        prefixes,
        xml("<e:a><e:b>" * 2000 + "</e:b></e:a>" * 2000),
        xml(LITERAL.format("<i>x\n</i>" * 200)),
    ):
        with contextlib.suppress(TaxonomyError):
            parse_rdf(text)
    assert time.perf_counter() - start < 60


def test_chain() -> None:
    n = 2000
    text = turtle("".join(f":n{k} skos:broader :n{k + 1} .\n" for k in range(n)))
    assert parse_rdf(text).height == n


@settings(deadline=None, max_examples=25)
@given(st.one_of(trees(), dags()), st.booleans())
def test_the_order_of_statements_does_not_matter(
    edges: list[tuple[str, str]], narrower: bool
) -> None:
    def line(parent: str, child: str) -> str:
        return (
            f":{parent} skos:narrower :{child} .\n"
            if narrower
            else f":{child} skos:broader :{parent} .\n"
        )

    tax = parse_rdf(turtle("".join(line(*edge) for edge in edges)))
    assert tax == parse_rdf(turtle("".join(line(*edge) for edge in reversed(edges))))
    assert tax == Taxonomy.from_edges(sorted(edges, key=lambda edge: (edge[1], edge[0])))


# ------------------------------------------------------------------------------------ fuzz


@settings(deadline=None, max_examples=100)
@given(st.text(), st.sampled_from([None, "turtle", "xml", "nt", "json-ld"]))
def test_any_text(text: str, syntax: Any) -> None:
    with contextlib.suppress(TaxonomyError):
        assert isinstance(parse_rdf(text, syntax=syntax), Taxonomy)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_mutated(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([t[1] for t in TOLERATED]))
    for _ in range(data.draw(st.integers(1, 3))):
        a = data.draw(st.integers(0, len(text)))
        b = data.draw(st.integers(a, min(a + 8, len(text))))
        piece = st.one_of(st.text(max_size=3), st.sampled_from(['"', "<", ">", "{", "]", "@", ":"]))
        text = text[:a] + data.draw(piece) + text[b:]
    with contextlib.suppress(TaxonomyError):
        assert isinstance(parse_rdf(text), Taxonomy)


@settings(deadline=None, max_examples=80)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just("@id")),
        lambda inside: st.one_of(
            st.lists(inside, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    [
                        *("@id", "@graph", "@context", "@type", "@list", "@value", "@language"),
                        *("@vocab", "@reverse", "@base", "@container", f"{SKOS}broader", "a"),
                    ]
                ),
                inside,
                max_size=4,
            ),
        ),
        max_leaves=12,
    )
)
def test_any_json(document: Any) -> None:
    with contextlib.suppress(TaxonomyError):
        assert isinstance(parse_rdf(json.dumps(document), syntax="json-ld"), Taxonomy)
