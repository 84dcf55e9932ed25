"""Newick and NEXUS: tolerated variants, broken files, writing, and Biopython as a witness."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats import (
    parse_newick,
    parse_nexus,
    read_newick,
    read_nexus,
    write_newick,
    write_nexus,
)

EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("a", "y")])
LONG = Taxonomy.from_edges([("r", "a", 0.5), ("r", "b", 2), ("a", "x", 1e-3), ("a", "y", 0)])

TOLERATED: list[tuple[str, str, dict[str, Any], Taxonomy]] = [
    ("plain", "((x,y)a,b)r;", {}, EXPECTED),
    ("newline", "((x,y)a,b)r;\n", {}, EXPECTED),
    ("no semicolon", "((x,y)a,b)r\n", {}, EXPECTED),
    ("white space", " (\n( x ,\ty ) a\r\n, b )\n r ;\n\n", {}, EXPECTED),
    ("quotes", "(('x','y')'a','b')'r';", {}, EXPECTED),
    ("double quotes", '(("x","y")"a","b")"r";', {}, EXPECTED),
    ("space in quotes", "((' x','y ')a,b)r;", {}, EXPECTED),
    ("comments", "[&R] ((x[one],y)[two]a,[three]b)r[four];[end]", {}, EXPECTED),
    ("nested comments", "[a[b]c[d[e]]]((x,y[f[g]])a,b)r;[h[i]]", {}, EXPECTED),
    ("quote in a comment", "((x[it's],y)a,b)r;", {}, EXPECTED),
    ("NHX", "((x[&&NHX:S=human:E=1.1],y)a[&&NHX:D=Y],b)r;", {}, EXPECTED),
    ("lengths", "((x:.001,y:0)a:5e-1,b:+2.)r;", {}, LONG),
    ("length of the root", "((x:1E-3,y:0.0)a:0.5,b:2)r:-7;", {}, LONG),
    ("BEAST", "((x[&h={0.1,2}]:[&rate=1]0.001,y:0[&r=2])a:0.5,b:2)r;", {}, LONG),
    ("spaces about lengths", "((x : 0.001 , y:\n0)a: 0.5,b :2)r;", {}, LONG),
    ("lengths ignored", "((x:-1,y)a:2,b)r;", {"lengths": False}, EXPECTED),
    ("some lengths", "((x:0.001,y)a:0.5,b:2)r;", {"missing_length": 0}, LONG),
    ("no lengths", "((x,y)a,b)r:3;", {}, EXPECTED),
    ("a length for all", "((x,y)a,b)r;", {"missing_length": 1}, EXPECTED),
    ("second tree", "(a,b);\n((x,y)a,b)r;\n", {"index": 1}, EXPECTED),
    ("first of many", "((x,y)a,b)r;(a,b);c;", {}, EXPECTED),
    ("unnamed", "((x,y),b);", {}, None),
    ("support", "((x,y)95,b);", {}, None),
]


@pytest.mark.parametrize(
    ("text", "options", "expected"), [t[1:] for t in TOLERATED], ids=[t[0] for t in TOLERATED]
)
def test_tolerated(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Taxonomy | None
) -> None:
    parsed = parse_newick(text, **options)
    if expected is not None:
        assert parsed == expected
    path = tmp_path / "t.nwk.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    assert read_newick(path, **options) == parsed


NAMES = [
    ("a_b", "a_b"),  # underscores stay
    ("'a_b'", "a_b"),
    ("'it''s'", "it's"),
    ("''''", "'"),
    ("'a(b,c):d;e[f]'", "a(b,c):d;e[f]"),
    ("'two\nlines'", "two\nlines"),
    ("'say \"hi\"'", 'say "hi"'),
    ('"it\'s"', "it's"),
    ('"say ""hi"""', 'say "hi"'),
    ('5"gun', '5"gun'),
    ("Homo.sapiens-1/2=3", "Homo.sapiens-1/2=3"),
    ("Ünï☃", "Ünï☃"),
    ("42", "42"),
    ("1e5", "1e5"),
    ("nan", "nan"),
]


@pytest.mark.parametrize(("raw", "name"), NAMES)
def test_names(raw: str, name: str) -> None:
    assert parse_newick(f"({raw},z)r;").leaves == (name, "z")


def test_unnamed_inner_nodes() -> None:
    assert parse_newick("((x,y),(z,w));").nodes[:3] == ("inner1", "inner2", "inner3")
    tax = parse_newick("((x,inner1),(z,w)inner3,(p,q));")
    assert tax.root == "inner2"
    assert tax.parents("x") == ("inner4",)
    assert tax.parents("p") == ("inner5",)
    assert parse_newick("((x,y),z);", unnamed="node ").root == "node 1"
    assert parse_newick("((x,y)'',z)'';").root == "inner1"


@pytest.mark.parametrize(
    ("text", "inner_labels", "parent"),
    [
        ("((x,y)95,z);", "auto", "inner2"),
        ("((x,y)0.95,z);", "auto", "inner2"),
        ("((x,y)95/0.9,z);", "auto", "inner2"),
        ("((x,y)'95',z);", "auto", "95"),
        ("((x,y)'95',z)r;", "auto", "95"),
        ("((x,y)95a,z);", "auto", "95a"),
        ("((x,y)95,z);", "names", "95"),
        ("((x,y)1999,z)r;", "names", "1999"),
        ("((x,y)95,z)r;", "support", "inner1"),
        ("((x,y)1000,z);", "support", "inner2"),
        ("((x,y)a,z)7;", "support", "a"),
    ],
)
def test_inner_labels(text: str, inner_labels: Any, parent: str) -> None:
    assert parse_newick(text, inner_labels=inner_labels).parents("x") == (parent,)


def test_duplicates() -> None:
    text = "((shoes,hats)men,(shoes,coats)women)shop;"
    assert "shop > men > shoes" in parse_newick(text, duplicates="path")
    assert parse_newick(text, duplicates="merge").parents("shoes") == ("men", "women")


# (name, text, options, line or None, message)
BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("empty", "", {}, None, "is empty; expected a tree"),
    ("blank", "\n \n", {}, None, "is empty"),
    ("comment only", "[nothing]\n", {}, None, "holds no trees"),
    ("semicolon only", "\n;", {}, 2, "an empty tree"),
    ("word", "junk", {}, 1, "'junk' without parentheses or ';'"),
    ("rest", "(a,b)r;\njunk\n", {}, 2, "'junk' without parentheses or ';'"),
    ("nexus", "#NEXUS\nBEGIN TREES;", {}, 1, "NEXUS file.*read_nexus"),
    ("open", "(a,\n(b,c)r;", {}, 1, "a parenthesis without the closing one"),
    ("open twice", "(a,\n(b,c;", {}, 2, "2 parentheses without the closing one"),
    ("cut", "(a,\n(b,c", {}, 2, "2 parentheses without the closing one"),
    ("cut in a length", "(a:1,\nb)r:", {}, 2, "ends after ':'"),
    ("closed twice", "(a,b))r;", {}, 1, r"'\)' outside of parentheses"),
    ("comma", "a,\nb;", {}, 1, "',' outside of parentheses"),
    ("no leaf", "(a,\n,b)r;", {}, 2, "a leaf without a name"),
    ("empty group", "(a,())r;", {}, 1, "a leaf without a name"),
    ("empty leaf", "(a,\n'')r;", {}, 2, "a leaf without a name"),
    ("leaf with a length only", "(a:1,\n:2)r;", {}, 2, "a leaf without a name"),
    ("two words", "(a,\nHomo sapiens)r;", {}, 2, "'sapiens' after 'Homo'.*need quotes"),
    ("two labels", "(a,b)r s;", {}, 1, "'s' after 'r'"),
    ("after quotes", "('a'b,c)r;", {}, 1, "'b' after 'a'"),
    ("apostrophe", "(a,\nO'Brien)r;", {}, 2, "without its closing quote '"),
    ("open quote", "(a,\n'b)r;", {}, 2, "without its closing quote '"),
    ("open double quote", '(a,\n"b)r;', {}, 2, 'without its closing quote "'),
    ("group after a label", "(a,\nb(c,d))r;", {}, 2, r"'\(' after 'b'"),
    ("group after a group", "((a,b)(c,d))r;", {}, 1, r"'\(' after '\)'"),
    ("open comment", "(a,\n[b)r;", {}, 2, "comment without its closing bracket"),
    ("open nested comment", "(a,\n[[b])r;", {}, 2, "comment without its closing bracket"),
    ("closed comment", "(a,\nb])r;", {}, 2, "']' without its opening bracket"),
    ("length word", "(a,\nb:c)r;", {}, 2, "branch length 'c'; expected a number"),
    ("length nan", "(a:nan,b)r;", {}, 1, "branch length 'nan'"),
    ("length hex", "(a:0x1,b)r;", {}, 1, "branch length '0x1'"),
    ("length quoted", "(a:'1',b)r;", {}, 1, "branch length '1'; expected"),
    ("length missing", "(a:,b)r;", {}, 1, "',' after ':'; expected a branch length"),
    ("two lengths", "(a:1:2,b)r;", {}, 1, "a second branch length"),
    ("long value", "(a:" + "9" * 99 + "x,b)r;", {}, 1, r"length '9{57}\.\.\.'"),
    ("length infinite", "(a:1e999,b:1)r;", {}, 1, "weight inf of edge 'r' -> 'a'"),
    ("length negative", "(a:1,\nb:-2)r;", {}, 2, "weight -2.0 of edge 'r' -> 'b'"),
    ("some lengths", "((a:1,b:2)c:3,\nd)r;", {}, 2, "node 'd' has no branch length"),
    ("missing is bad", "(a:1,b)r;", {"missing_length": -1}, 1, "weight -1.0"),
    ("twice", "((x,y)a,\n(x,z)b)r;", {}, 2, "name 'x' stands below 'a' and below 'b'"),
    ("index", "(a,b)r;(c,d)s;", {"index": 2}, None, "holds 2 trees; index=2 is out of range"),
    ("index of one", "(a,b)r;", {"index": 1}, None, "holds 1 tree; index=1 is out of range"),
    ("unnamed", "(a,\n(b,c))r;", {"unnamed": None}, 2, "an inner node without a name"),
    ("mixed", "((a,b)r,\n(c,d)95)q;", {}, 2, r"numbers \('95'\) and names \('q'\)"),
    ("mixed, quoted", "((a,b)95,c)'7';", {}, 1, r"numbers \('95'\) and names \('7'\)"),
    ("no percentage", "((a,b)95,\n(c,d)1000);", {}, 2, "'1000' is no percentage.*'names'"),
    ("numbers twice", "((a,b)9,(c,d)9)r;", {"inner_labels": "names"}, 1, "'9' stands twice"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.nwk"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_newick(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line
    path.write_bytes(text.replace("\n", "\r").encode())
    with pytest.raises(TaxonomyError) as caught:
        read_newick(path, **options)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"index": -1}, ValueError, "index=-1; expected 0 or more"),
        ({"inner_labels": "x"}, ValueError, "inner_labels='x'; expected one of 'auto'"),
        ({"unnamed": " "}, ValueError, "unnamed=' '; expected text or None"),
        ({"roots": "x"}, ValueError, "roots='x'"),
        ({"weight": "x"}, TypeError, "unexpected argument 'weight'"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    for parse in (parse_newick, parse_nexus):
        with pytest.raises(error, match=message):
            parse("", **options)


# ----------------------------------------------------------------------------------- NEXUS


def nexus(tree: str, before: str = "", taxa: str = "") -> str:
    return f"#NEXUS\n{taxa}BEGIN TREES;\n{before}TREE t = {tree};\nEND;\n"


TAXA = "BEGIN TAXA;\nDIMENSIONS NTAX=3;\nTAXLABELS x 'y' b;\nEND;\n"
DATA = "BEGIN DATA;\nFORMAT SYMBOLS=\"01\" GAP=-;\nMATRIX x 01[c;] 'y' 1;\nEND;\n"

NEXUS_TOLERATED: list[tuple[str, str, dict[str, Any], Taxonomy]] = [
    ("plain", nexus("((x,y)a,b)r"), {}, EXPECTED),
    ("rooted", nexus("[&R] ((x,y)a,b)r"), {}, EXPECTED),
    ("weight of the tree", nexus("[&W 1/2] [&U] ((x,y)a,b)r"), {}, EXPECTED),
    ("lower case", nexus("((x,y)a,b)r").replace("TREE", "tree").lower(), {}, EXPECTED),
    ("blank before", "\n " + nexus("((x,y)a,b)r"), {}, EXPECTED),
    ("endblock", nexus("((x,y)a,b)r").replace("END", "EndBlock"), {}, EXPECTED),
    ("utree", nexus("((x,y)a,b)r").replace("TREE t", "UTREE t"), {}, EXPECTED),
    ("default tree", nexus("((x,y)a,b)r").replace("TREE t", "TREE * 'the t'"), {}, EXPECTED),
    ("no spaces", nexus("((x,y)a,b)r").replace(" = ", "="), {}, EXPECTED),
    ("comments", "#NEXUS [a;]\n[b [c]]" + nexus("((x,[d]y)a,b)r")[6:], {}, EXPECTED),
    ("lengths", nexus("((x:0.001,y:0)a:0.5,b:2)r:1"), {}, LONG),
    ("translated", nexus("((1,2)a,3)r", "TRANSLATE 1 x, 2 'y', 3 b;\n"), {}, EXPECTED),
    ("translated words", nexus("((p,q)a,c)r", "TRANSLATE p x, q y, c b,;\n"), {}, EXPECTED),
    ("translated inner", nexus("((x,y)p,b)r", "TRANSLATE p a;\n"), {}, EXPECTED),
    ("quoted, not translated", nexus("((x,y)a,'b')r", "TRANSLATE b c;\n"), {}, EXPECTED),
    ("numbers of taxa", nexus("((1,2)a,3)r", taxa=TAXA), {}, EXPECTED),
    ("taxa", nexus("((x,y)a,b)r", taxa=TAXA), {}, EXPECTED),
    ("other blocks", nexus("((x,y)a,b)r", taxa=TAXA + DATA), {}, EXPECTED),
    ("title and link", nexus("((x,y)a,b)r", "TITLE 'my trees';\nLINK TAXA=t;\n"), {}, EXPECTED),
    ("second tree", nexus("(p,q);TREE u=((x,y)a,b)r"), {"index": 1}, EXPECTED),
    ("second block", nexus("(p,q)") + nexus("((x,y)a,b)r"), {"index": 1}, EXPECTED),
    ("support", nexus("((1,2)3,3)", "TRANSLATE 1 x, 2 y, 3 b;\n"), {}, None),
]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [t[1:] for t in NEXUS_TOLERATED],
    ids=[t[0] for t in NEXUS_TOLERATED],
)
def test_nexus_tolerated(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Taxonomy | None
) -> None:
    parsed = parse_nexus(text, **options)
    if expected is not None:
        assert parsed == expected
    else:
        assert parsed.nodes == ("inner1", "inner2", "b", "x", "y")
    path = tmp_path / "t.nex.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_nexus(path, **options) == parsed


def test_a_taxon_called_by_a_number_is_itself() -> None:
    taxa = "BEGIN TAXA;\nTAXLABELS 2 x 1;\nEND;\n"
    assert parse_nexus(nexus("(1,2)r", taxa=taxa)).leaves == ("1", "2")
    assert parse_nexus(nexus("(1,2,'3')r", taxa=taxa)).leaves == ("1", "2", "3")
    taxa = "BEGIN TAXA;\nTAXLABELS y x 1;\nEND;\n"
    assert parse_nexus(nexus("(1,2)r", taxa=taxa)).leaves == ("1", "x")


NEXUS_BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("empty", "", {}, None, "is empty; expected a NEXUS file"),
    ("newick", "\n(a,b)r;", {}, 2, "does not begin with #NEXUS"),
    ("quoted", "'#NEXUS'", {}, 1, "does not begin with #NEXUS"),
    ("comment", "[#NEXUS]", {}, 1, "does not begin with #NEXUS"),
    ("no blocks", "#NEXUS\n", {}, None, "holds no trees"),
    ("no trees", "#NEXUS\n" + TAXA, {}, None, "holds no trees; index=0"),
    ("junk", "#NEXUS\njunk", {}, 2, "a command without its semicolon"),
    ("no end", nexus("(a,b)r").replace("END;", ""), {}, 2, "block 'trees' without END;"),
    ("cut", nexus("(a,b)r")[:-8], {}, 2, "block 'trees' without END;"),
    ("nested", nexus("(a,b)r").replace("END;", TAXA), {}, 2, "block 'trees' without END;"),
    ("no semicolon", nexus("(a,b)r").replace(";\nEND", "\nEND"), {}, 4, "'END' after 'r'"),
    ("no begin", "#NEXUS\nTREE t = (a,b)r;\nEND;", {}, 3, "END without BEGIN"),
    ("no equals", nexus("(a,b)r").replace("=", ""), {}, 3, r"'\(' in the name of a tree"),
    ("no tree", "#NEXUS\nBEGIN TREES;\nTREE", {}, 3, "a tree without text"),
    ("no text", "#NEXUS\nBEGIN TREES;\nTREE t =", {}, 3, "a tree without text"),
    ("equals in the tree", nexus("(a=1,b)r"), {}, 3, "'=' in a tree"),
    ("parenthesis", nexus("(a,b))r"), {}, 3, r"'\)' outside of parentheses"),
    ("apostrophe", nexus("(a,O'Brien)r"), {}, 3, "without its closing quote"),
    ("translate", nexus("(1,2)r", "TRANSLATE 1 x,\n 2;\n"), {}, 4, "TRANSLATE; expected"),
    ("translate spaces", nexus("(1)r", "TRANSLATE 1 x y;\n"), {}, 3, "TRANSLATE; expected"),
    ("translate twice", nexus("(1)r", "TRANSLATE 1 x, 1 y;\n"), {}, 3, "gives '1' twice"),
    ("same names", nexus("(1,\n2)r", "TRANSLATE 1 x, 2 x;\n"), {}, 5, "'x' stands twice"),
    ("negative", nexus("(a:1,\nb:-1)r"), {}, 4, "weight -1.0"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"),
    [b[1:] for b in NEXUS_BROKEN],
    ids=[b[0] for b in NEXUS_BROKEN],
)
def test_nexus_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.nex"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_nexus(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


# ------------------------------------------------------------------------------ large input


def test_any_depth_and_length_in_linear_time() -> None:
    n = 100_000
    start = time.perf_counter()
    chain = "(" * n + "x" + "".join(f")n{k}" for k in range(n))
    assert parse_newick(f"{chain};").height == n
    assert parse_nexus(nexus(chain)).height == n
    flat = "(" + ",\n".join(f"n{k}" for k in range(n)) + ")"
    assert len(parse_newick(flat)) == len(parse_nexus(nexus(flat))) == n + 1
    for text in (
        *("'" * n, "[" * n, "[[]" * n, "[[]]" * n, " " * n + "x", "(" * n, "a''" * n, '"' * n),
        *("(:" * n, "1" * n, "a:" + "1" * n + "x", "()" * n, "a;" * n, ";" * n, "]" * n),
    ):
        with contextlib.suppress(TaxonomyError):
            parse_newick(text)
        with contextlib.suppress(TaxonomyError):
            parse_nexus(nexus(text))
    assert time.perf_counter() - start < 60  # quadratic time is hours


def test_deep_trees_are_written(tmp_path: Path) -> None:
    tax = Taxonomy.from_edges([(f"n{k}", f"n{k + 1}") for k in range(20_000)])
    write_newick(tax, tmp_path / "t.nwk")
    assert read_newick(tmp_path / "t.nwk") == tax


# --------------------------------------------------------------------------------- writing

FORMATS = [(write_newick, read_newick, "t.nwk"), (write_nexus, read_nexus, "t.nex.gz")]


@settings(deadline=None, max_examples=30)
@given(trees(), st.sampled_from(FORMATS), st.booleans())
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    edges: list[tuple[str, str]],
    format: Any,
    weighted: bool,
) -> None:
    rows: list[Any] = [(*edge, 0.1 * k) for k, edge in enumerate(edges)] if weighted else edges
    tax = Taxonomy.from_edges(rows)
    write, read, name = format
    path = tmp_path_factory.mktemp("round") / name
    write(tax, path)
    again = read(path)
    assert again == tax
    assert again.parent_id.equal(tax.parent_id)


TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from(list("'\"_()[]:;,= \n\r.-1e5"))
    ),
    min_size=1,
    max_size=8,
).filter(lambda t: t == t.strip() and "\0" not in t)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(TEXTS, min_size=1, max_size=6, unique=True),
    st.sampled_from(FORMATS),
    st.lists(st.floats(0, exclude_min=False, allow_infinity=False), min_size=6, max_size=6),
)
def test_any_name_and_length_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    format: Any,
    lengths: list[float],
) -> None:
    edges = [(names[k // 2], names[k], lengths[k]) for k in range(1, len(names))]
    tax = Taxonomy.from_edges(edges, nodes=names[:1])
    write, read, name = format
    path = tmp_path_factory.mktemp("names") / name
    write(tax, path)
    again = read(path)
    assert again == tax
    assert again.edge_weight.equal(tax.edge_weight)


def test_written_text(tmp_path: Path) -> None:
    tax = Taxonomy.from_edges([("r", "95"), ("95", "1"), ("95", "a_b"), ("r", "it's")])
    write_newick(tax, tmp_path / "t.nwk")
    assert (tmp_path / "t.nwk").read_text() == "((1,'a_b')'95','it''s')r;\n"
    write_newick(LONG, tmp_path / "w.nwk")
    assert (tmp_path / "w.nwk").read_text() == "((x:0.001,y:0.0)a:0.5,b:2.0)r;\n"
    write_newick(Taxonomy.from_paths([("1",)]), tmp_path / "one.nwk")
    assert (tmp_path / "one.nwk").read_text() == "1;\n"
    write_nexus(tax, tmp_path / "t.nex")
    assert (tmp_path / "t.nex").read_text() == (
        "#NEXUS\nBEGIN TAXA;\n    DIMENSIONS NTAX=3;\n    TAXLABELS 'it''s' '1' 'a_b';\nEND;\n"
        "BEGIN TREES;\n    TREE taxonomy = [&R] (('1','a_b')'95','it''s')r;\nEND;\n"
    )


@settings(deadline=None, max_examples=10)
@given(dags().filter(lambda edges: not Taxonomy.from_edges(edges).is_tree))
def test_dags_are_refused(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("dag") / "t.nwk"
    for write in (write_newick, write_nexus):
        with pytest.raises(TaxonomyError, match=r"is a DAG.*to_tree\(\)") as caught:
            write(Taxonomy.from_edges(edges), path)
        assert caught.value.path == os.fspath(path)
    assert not path.exists()


# ------------------------------------------------------------------------------- Biopython


def biopython(text: str, format: str) -> list[tuple[str | None, str, float | None]]:
    """(parent, child, length) of the named nodes."""
    phylo = pytest.importorskip("Bio.Phylo")
    tree = next(phylo.parse(io.StringIO(text), format))
    edges = []
    todo = [tree.root]
    for clade in todo:  # grows while it runs
        todo += clade.clades
        edges += [(clade.name, child.name, child.branch_length) for child in clade.clades]
    return edges


@settings(deadline=None, max_examples=40)
@given(trees(), st.booleans())
def test_biopython_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]], weighted: bool
) -> None:
    rows: list[Any] = [(*edge, 0.1 * k) for k, edge in enumerate(edges)] if weighted else edges
    tax = Taxonomy.from_edges(rows)
    folder = tmp_path_factory.mktemp("bio")
    write_newick(tax, folder / "t.nwk")
    write_nexus(tax, folder / "t.nex")
    children, parents = tax.edges.tolist()
    weights = tax.edge_weight.tolist()
    for name in ("t.nwk", "t.nex"):
        theirs = biopython((folder / name).read_text(), {"t.nwk": "newick"}.get(name, "nexus"))
        for (parent, child, length), p, c, weight in zip(
            theirs, parents, children, weights, strict=True
        ):
            assert (parent, child) == (tax.nodes[p], tax.nodes[c])
            assert not weighted or length == weight


def test_biopython_agrees_on_quotes() -> None:
    text = "('a b','it''s','(x)')r;"
    assert parse_newick(text).leaves == tuple(c for _, c, _ in biopython(text, "newick"))


# ------------------------------------------------------------------------------------ fuzz

PIECES = ["(", ")", ",", ";", ":", "'", '"', "[", "]", "a", "b", "95", "1.5", " ", "\n", "=", "_"]
COMMANDS = ["#NEXUS\n", "BEGIN TREES;\n", "END;\n", "TREE t=", "TRANSLATE ", "1 x,", "TAXLABELS "]


@settings(deadline=None, max_examples=250)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(PIECES)).map("".join),
        st.lists(st.sampled_from(PIECES + COMMANDS)).map(lambda p: "#NEXUS\n" + "".join(p)),
    )
)
def test_any_text(text: str) -> None:
    for parse in (parse_newick, parse_nexus):
        with contextlib.suppress(TaxonomyError):
            assert isinstance(parse(text), Taxonomy)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_mutated(data: st.DataObject) -> None:
    good = [t[1] for t in TOLERATED + NEXUS_TOLERATED]
    text = data.draw(st.sampled_from(good))
    for _ in range(data.draw(st.integers(1, 3))):
        a = data.draw(st.integers(0, len(text)))
        b = data.draw(st.integers(a, min(a + 8, len(text))))
        text = text[:a] + data.draw(st.text(max_size=3)) + text[b:]
    for parse in (parse_newick, parse_nexus):
        for inner_labels in ("auto", "names"):
            with contextlib.suppress(TaxonomyError):
                assert isinstance(parse(text, inner_labels=inner_labels), Taxonomy)
