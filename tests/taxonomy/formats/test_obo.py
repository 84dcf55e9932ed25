"""OBO files: tolerated variants, broken files, the Disease Ontology, writing."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.edge_table import read_csv
from hyperhier.taxonomy.formats.obo import parse_obo, read_obo, write_obo

HEAD = "format-version: 1.2\n\n"
GOOD = """format-version: 1.2
ontology: animals

[Term]
id: r

[Term]
id: a
name: first
is_a: r ! the root

[Term]
id: b
is_a: r

[Term]
id: x
is_a: a
relationship: part_of b ! below b too

[Typedef]
id: part_of
name: part of
"""
EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x")])
DAG = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")])

BOTH = {"relations": ("is_a", "part_of")}
OLD = "[Term]\nid: old\nis_obsolete: true\n"

TOLERATED: list[tuple[str, str, dict[str, Any], Taxonomy]] = [
    ("plain", GOOD, {}, EXPECTED),
    ("two relations", GOOD, BOTH, DAG),
    ("one relation as text", GOOD, {"relations": "is_a"}, EXPECTED),
    ("windows", GOOD.replace("\n", "\r\n"), BOTH, DAG),
    ("mac", GOOD.replace("\n", "\r"), BOTH, DAG),
    ("no blank lines", GOOD.replace("\n\n", "\n"), BOTH, DAG),
    ("more blank lines", GOOD.replace("\n", "\n\n \n"), BOTH, DAG),
    ("indented", GOOD.replace("\n", "\n\t "), BOTH, DAG),
    ("no space after the colon", GOOD.replace(": ", ":"), BOTH, DAG),
    ("comment lines", GOOD.replace("\n", "\n! is_a: nothing\n"), BOTH, DAG),
    ("stanza comments", GOOD.replace("]", "] ! here"), BOTH, DAG),
    ("no last newline", GOOD.rstrip(), BOTH, DAG),
    ("several spaces", GOOD.replace("part_of b", "part_of  \t b"), BOTH, DAG),
    ("modifiers", GOOD.replace("is_a: r", 'is_a: r {source="a ! {b}", k="}"}'), BOTH, DAG),
    ("modifiers of a relation", GOOD.replace("_of b", '_of b {k="v"}'), BOTH, DAG),
    ("modifiers, no comment", GOOD.replace("is_a: a", "is_a: a {x=y} "), BOTH, DAG),
    ("joined lines", GOOD.replace("is_a: a", "is_a: \\\na"), BOTH, DAG),
    ("other stanzas", GOOD + "\n[Instance]\nid: a\n\n[Whatever]\nname: x\n", BOTH, DAG),
    ("obsolete", GOOD + OLD, BOTH, DAG),
    ("obsolete, False", GOOD + OLD.replace("true", "False ! no") + "is_a: r\n", {}, None),
    ("edges of the obsolete", GOOD + OLD + "is_a: nowhere\n", BOTH, DAG),
    ("obsolete kept", GOOD + OLD, {"obsolete": True, "roots": "largest"}, EXPECTED),
    ("quoted text", GOOD + '\n[Term]\nid: y\ndef: "a \\" b" [x]\nis_a: r\n', {}, None),
    ("undeclared kept", HEAD + "[Term]\nid: a\nis_a: r\n", {"undeclared": "keep"}, None),
    ("undeclared dropped", GOOD + "is_a: z\n", {"undeclared": "drop"}, EXPECTED),
    ("pair in two relations", GOOD.replace("_of b", "_of a"), BOTH, EXPECTED),
]


@pytest.mark.parametrize(
    ("text", "options", "expected"), [t[1:] for t in TOLERATED], ids=[t[0] for t in TOLERATED]
)
def test_tolerated(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Taxonomy | None
) -> None:
    parsed = parse_obo(text, **options)
    if expected is not None:
        assert parsed == expected
    path = tmp_path / "t.obo.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    assert read_obo(path, **options) == parsed


def test_what_the_others_hold() -> None:
    last = {name: (text, options) for name, text, options, _ in TOLERATED}
    for name, leaf in (("obsolete, False", "old"), ("quoted text", "y")):
        text, options = last[name]
        assert leaf in parse_obo(text, **options).leaves
    text, options = last["undeclared kept"]
    assert parse_obo(text, **options).nodes == ("r", "a")
    assert parse_obo(GOOD + "[Term]\nid: alone\n", roots="join").parents("alone") == ("root",)
    with pytest.raises(TaxonomyError, match=r"2 roots \('r', 'old'\)"):
        parse_obo(GOOD + OLD, obsolete=True)


NAMES = [
    ("plain", "plain"),
    ("with spaces  inside", "with spaces  inside"),
    ('a\\:b\\,c\\(d\\)\\\\ \\"e\\"', 'a:b,c(d)\\ "e"'),
    ("tab\\there\\nnew", "tab\there\nnew"),
    ("a\\Wb", "a b"),
    ("wow! no comment", "wow! no comment"),
    ("wow \\! no comment", "wow ! no comment"),
    ("cut ! comment", "cut"),
    ("cut\t! comment ! more", "cut"),
    ("2-{[hydroxy]amino} acid", "2-{[hydroxy]amino} acid"),
    ('acid {source="x"}', "acid"),
    ('acid {source="x ! y }"} ! why', "acid"),
    ('acid {source="x"} tail', 'acid {source="x"} tail'),
    ("acid {open ! comment", "acid {open"),
    ("acid \\{a\\} {b=c}", "acid {a}"),
    ('acid {b="open} ! comment', "acid"),
    ('5" gun', '5" gun'),
]


@pytest.mark.parametrize(("raw", "name"), NAMES)
def test_names(raw: str, name: str) -> None:
    text = HEAD + f"[Term]\nid: a\nname: {raw}\n"
    assert parse_obo(text, names=True).nodes == (name,)
    assert parse_obo(HEAD + f"[Term]\nid: {raw}\n").nodes == (name,)


TERM = HEAD + "[Term]\nid: r\n"  # 4 lines

# (name, text, options, line or None, message)
BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("empty", "", {}, None, "is empty"),
    ("blank", " \n\n", {}, None, "is empty"),
    ("comments", "! one\n! two\n", {}, None, "is empty"),
    ("garbage", "junk\n", {}, 1, "'junk'; expected 'tag: value'"),
    ("html", "<html>\n", {}, 1, "expected 'tag: value'"),
    ("csv", "parent,child\na,b\n", {}, 1, "expected 'tag: value'"),
    ("no header", "[Term]\nid: r\n", {}, 1, "a stanza before the header"),
    ("header only", HEAD, {}, None, r"holds no \[Term\]"),
    ("only other stanzas", HEAD + "[Typedef]\nid: part_of\n", {}, None, r"no \[Term\]"),
    ("no colon", TERM + "is_a r\n", {}, 5, "'is_a r'; expected 'tag: value'"),
    ("colon in the value only", TERM + "is_a A:1\n", {}, 5, "'is_a A:1'; expected"),
    ("no tag", TERM + ": x\n", {}, 5, "': x'; expected"),
    ("long line", TERM + "x" * 1000, {}, 5, "'x{57}...'; expected"),
    ("stanza", TERM + "[Term\n", {}, 5, r"'\[Term'; expected a stanza"),
    ("stanza tail", TERM + "[Term] x\n", {}, 5, "expected a stanza"),
    ("no id", TERM + "[Term]\nname: x\n[Term]\nid: q\n", {}, 5, "a term without an id"),
    ("no id at the end", TERM + "[Term]\nname: x\n", {}, 5, "a term without an id"),
    ("empty id", TERM + "[Term]\nid: ! x\n", {}, 6, "id without a value"),
    ("two ids", TERM + "id: s\n", {}, 5, "a second id in the term 'r'"),
    ("twice", TERM + "[Term]\nid: r\n", {}, 5, "term 'r' stands twice, first in line 3"),
    ("empty parent", TERM + "is_a:\n", {}, 5, "is_a without a value"),
    ("quote", TERM + 'def: "open\n', {}, 5, "def '\"open' without its closing quote"),
    ("escaped quote", TERM + 'synonym: "o\\" EXACT\n', {}, 5, "without its closing quote"),
    ("obsolete how", TERM + "is_obsolete: maybe\n", {}, 5, "is_obsolete 'maybe'; expected"),
    ("short relation", TERM + "relationship: part_of\n", {}, 5, "expected a type and a term"),
    ("undeclared", TERM + "is_a: z\n", {}, 5, "is_a 'z' has no stanza"),
    ("of the obsolete", TERM + "is_a: old\n" + OLD, {}, 5, "is_a 'old' is obsolete"),
    (
        "of the obsolete, kept",
        TERM + "is_a: old\n" + OLD,
        {"undeclared": "keep"},
        5,
        "is_a 'old' is obsolete",
    ),
    ("all obsolete", HEAD + OLD, {}, None, "only obsolete terms"),
    ("no relation", GOOD, {"relations": ("is_a", "partof")}, None, "'partof'; found 'part_of'"),
    ("no relations", TERM, {"relations": ["partof"]}, None, "'partof'; found none"),
    ("loop", TERM + "is_a: r\n", {}, 5, "'r' is its own parent"),
    (
        "repeated",
        TERM + "[Term]\nid: a\nis_a: r\nis_a: r ! again\n",
        {},
        8,
        "'r' -> 'a' is listed twice",
    ),
    ("cycle", TERM + "is_a: a\n[Term]\nid: a\nis_a: r\n", {}, 8, "cycle of 2 nodes: r -> a -> r"),
    ("roots", TERM + "[Term]\nid: s\n", {}, None, r"2 roots \('r', 's'\)"),
    ("parents", GOOD, {**BOTH, "multi_parent": "error"}, 19, "'x' has 2 parents"),
    ("same names", TERM + "name: n\n[Term]\nid: s\nname: n\n", {"names": True}, 6, "'r' and 's'"),
    ("no name", TERM, {"names": True}, 3, "term 'r' has no name"),
    ("odd name", TERM + "name: x\\W\n", {"names": True}, None, "ends with white space"),
    ("joined lines", TERM + "a: 1\\\n2\nis_a r\n", {}, 7, "expected 'tag: value'"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.obo"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_obo(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"relations": ()}, ValueError, "expected at least one"),
        ({"undeclared": "x"}, ValueError, "undeclared='x'; expected one of 'error'"),
        ({"roots": "x"}, ValueError, "roots='x'"),
        ({"duplicates": "merge"}, TypeError, "unexpected argument 'duplicates'"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_obo("", **options)


def test_long_lines_take_linear_time() -> None:
    n = 200_000
    start = time.perf_counter()
    for line in (" " * n, " {" * n, ' {"' * n, " !" * n, "\\" * n, '"' * n, " {}" * n, " {} x" * n):
        text = HEAD + f"[Term]\nid: r\nname: a{line}x\ndef: {line}\n"
        try:
            parse_obo(text)
        except TaxonomyError:
            continue
    chain = "".join(f"[Term]\nid: {k}\nis_a: {k + 1}\n" for k in range(n // 2))
    assert parse_obo(HEAD + chain + f"[Term]\nid: {n // 2}\n").height == n // 2
    assert time.perf_counter() - start < 30  # quadratic time is hours


# ---------------------------------------------------------------------------- a real ontology


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_disease_ontology(tmp_path: Path, data_dir: Callable[[str], Path]) -> None:
    folder = data_dir("doid2016")
    with gzip.open(folder / "doid_isa.csv.gz", "rt", encoding="utf-8") as stream:
        parents: dict[str, list[str]] = {}
        for row in csv.DictReader(stream):
            parents.setdefault(row["child"], []).append(row["parent"])
    with gzip.open(folder / "doid_nodes.csv.gz", "rt", encoding="utf-8") as stream:
        nodes = list(csv.DictReader(stream))
    name = {row["id"]: row["name"] for row in nodes}
    pieces = ["format-version: 1.2\nontology: doid\n"]
    for row in nodes:
        pieces.append(f"\n[Term]\nid: {row['id']}\nname: {row['name']}\n")
        if row["definition"]:
            pieces.append(f"def: {_quoted(row['definition'])} [url:http\\://x]\n")
        pieces += [f"is_a: {p} ! {name[p]}\n" for p in parents.get(row["id"], [])]
    for k in range(20_000 - len(nodes)):
        pieces.append(f"\n[Term]\nid: OLD:{k}\nname: obsolete {k}\nis_obsolete: true\n")
    path = tmp_path / "doid.obo"
    path.write_text("".join(pieces), encoding="utf-8")

    tax = read_obo(path)
    assert len(tax) == 6971
    assert tax.edges.shape[1] == 8155
    assert int((tax.edges[0].bincount() > 1).sum()) == 1012
    assert tax.root == "DOID:4"
    table = read_csv(folder / "doid_isa.csv.gz")
    assert set(tax.nodes) == set(table.nodes)
    for node in tax.nodes[::50]:
        assert tax.parents(node) == table.parents(node)
    assert len(read_obo(path, obsolete=True, roots="join")) == 20_001
    write_obo(tax, tmp_path / "again.obo")
    assert read_obo(tmp_path / "again.obo") == tax

    obonet = pytest.importorskip("obonet")
    with path.open(encoding="utf-8") as stream:
        graph = obonet.read_obo(stream)
    assert set(graph) == set(tax.nodes)
    for node in tax.nodes:
        assert tax.parents(node) == tuple(graph.successors(node))


# --------------------------------------------------------------------------------- writing


@settings(deadline=None, max_examples=30)
@given(st.one_of(trees(), dags()), st.sampled_from(["t.obo", "t.obo.gz"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]], name: str
) -> None:
    tax = Taxonomy.from_edges(edges)
    path = tmp_path_factory.mktemp("round") / name
    write_obo(tax, path)
    again = read_obo(path)
    assert again == tax
    assert again.parent_id.equal(tax.parent_id)
    assert read_obo(path, names=True) == tax


TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(list('\\!{}" \t\n[]:Wnt'))),
    min_size=1,
    max_size=12,
).filter(lambda t: t == t.strip() and "\0" not in t and "\r" not in t)


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXTS, min_size=1, max_size=5, unique=True))
def test_any_name_round_trips(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    tax = Taxonomy.from_edges([(names[0], name) for name in names[1:]], nodes=names[:1])
    path = tmp_path_factory.mktemp("names") / "t.obo"
    write_obo(tax, path)
    assert read_obo(path) == tax
    assert read_obo(path, names=True) == tax


def test_written_text(tmp_path: Path) -> None:
    tax = Taxonomy.from_edges([("a disease", "b!"), ("a disease", "c"), ("c", "b!")])
    write_obo(tax, tmp_path / "t.obo")
    assert (tmp_path / "t.obo").read_text() == (
        "format-version: 1.4\nontology: taxonomy\n\n"
        "[Term]\nid: a\\Wdisease\nname: a disease\n\n"
        "[Term]\nid: c\nname: c\nis_a: a\\Wdisease\n\n"
        "[Term]\nid: b\\!\nname: b\\!\nis_a: a\\Wdisease\nis_a: c\n"
    )


def test_obonet_reads_what_is_written(tmp_path: Path) -> None:
    obonet = pytest.importorskip("obonet")
    write_obo(DAG, tmp_path / "t.obo")
    with (tmp_path / "t.obo").open() as stream:
        graph = obonet.read_obo(io.StringIO(stream.read()))
    assert list(graph) == list(DAG.nodes)
    assert tuple(graph.successors("x")) == DAG.parents("x")


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"have weights.*unweighted\(\)") as caught:
        write_obo(Taxonomy.from_edges([("a", "b", 0.5)]), tmp_path / "t.obo")
    assert caught.value.path == os.fspath(tmp_path / "t.obo")
    with pytest.raises(TaxonomyError, match="carriage return"):
        write_obo(Taxonomy.from_edges([("a", "b\rc")]), tmp_path / "t.obo")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------ fuzz


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    *("format-version: 1.2\n", "[Term]\n", "id: ", "is_a: ", "name: ", "a", "b"),
                    *("relationship: part_of ", "is_obsolete: true\n", "\n", " {", "}", '"', ":"),
                    *("\\", "!", " ! "),
                ]
            )
        ).map("".join),
    )
)
def test_any_text(text: str) -> None:
    for options in ({}, {"names": True}, {**BOTH, "obsolete": True, "undeclared": "keep"}):
        with contextlib.suppress(TaxonomyError):
            assert isinstance(parse_obo(text, **options), Taxonomy)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_mutated(data: st.DataObject) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        a = data.draw(st.integers(0, len(text)))
        b = data.draw(st.integers(a, min(a + 8, len(text))))
        text = text[:a] + data.draw(st.text(max_size=3)) + text[b:]
    with contextlib.suppress(TaxonomyError):
        assert isinstance(parse_obo(text, **BOTH), Taxonomy)  # type: ignore[arg-type]
