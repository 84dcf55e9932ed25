"""GraphML and GEXF: tolerated variants, broken files, writing."""

from __future__ import annotations

import contextlib
import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.graph_xml import (
    parse_gexf,
    parse_graphml,
    read_gexf,
    read_graphml,
    write_gexf,
    write_graphml,
)

EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x")])
LONG = Taxonomy.from_edges([("r", "a", 0.5), ("r", "b", 1), ("a", "x", 1e-3)])
LABELLED = Taxonomy.from_edges([("root", "first"), ("root", "second"), ("first", "é <&>")])
DAG = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("b", "x"), ("a", "x")])

SPACE = 'xmlns="http://graphml.graphdrawing.org/xmlns"'
NODES = '<node id="r"/>\n<node id="a"/>\n<node id="b"/>\n<node id="x"/>\n'


def graphml(body: str, keys: str = "", *, head: str = "", edge: str = "directed") -> str:
    """The body begins in line 3."""
    return f'{head}<graphml {SPACE}>{keys}\n<graph edgedefault="{edge}">\n{body}</graph></graphml>'


def edge(source: str, target: str, data: str = "", more: str = "") -> str:
    return f'<edge source="{source}" target="{target}"{more}>{data}</edge>\n'


EDGES = edge("r", "a") + edge("r", "b") + edge("a", "x")
WEIGHTED = (
    edge("r", "a", '<data key="w">0.5</data>')
    + edge("r", "b")
    + edge("a", "x", '<data key="w">1e-3</data>')
)
KEY = '<key id="w" for="edge" attr.name="weight" attr.type="double"/>'
RANK = '<key id="k" for="edge" attr.name="rank" attr.type="long"/>'
RANK_D = RANK.replace("long", "double")
LABEL = '<key id="l" for="node" attr.name="label" attr.type="string"/>'
YED = '<key id="l" for="node" yfiles.type="nodegraphics"/>'


def labelled(data: str) -> str:
    names = {"r": "root", "a": "first", "b": " second ", "x": "&#233; &lt;&amp;&gt;"}
    return "".join(f'<node id="{n}">{data.format(t)}</node>' for n, t in names.items()) + EDGES


def ranked(*ranks: str) -> str:
    ends = [("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")]
    return NODES + "".join(
        edge(*e, f'<data key="k">{r}</data>' if r else "") for e, r in zip(ends, ranks, strict=True)
    )


YED_DATA = (
    '<data key="l"><y:ShapeNode xmlns:y="http://www.yworks.com/xml/graphml">'
    "<y:NodeLabel>{}</y:NodeLabel></y:ShapeNode></data>"
)

GROUP = (
    f'<node id="g" yfiles.foldertype="group"><graph edgedefault="directed">{NODES}</graph></node>'
)

TOLERATED: list[tuple[str, str, dict[str, Any], Taxonomy]] = [
    ("plain", graphml(NODES + EDGES), {}, EXPECTED),
    ("declaration", graphml(NODES + EDGES, head='<?xml version="1.0"?>\n'), {}, EXPECTED),
    ("comment", graphml("<!-- <!DOCTYPE x> -->" + NODES + EDGES), {}, EXPECTED),
    ("no namespace", graphml(NODES + EDGES).replace(f" {SPACE}", ""), {}, EXPECTED),
    ("edges first", graphml(EDGES + NODES), {}, EXPECTED),
    ("edge ids", graphml(NODES + EDGES.replace("<edge", '<edge id="e"')), {}, EXPECTED),
    ("directed edges", graphml(NODES + edge("r", "a", more=' directed="true"')), {}, None),
    ("weights", graphml(NODES + WEIGHTED, KEY), {}, LONG),
    ("weights as text", graphml(NODES + WEIGHTED, KEY.replace("double", "string")), {}, LONG),
    ("weights ignored", graphml(NODES + WEIGHTED, KEY), {"weight": None}, EXPECTED),
    (
        "another weight",
        graphml(NODES + WEIGHTED, KEY.replace('"weight"', '"length"')),
        {"weight": "length"},
        LONG,
    ),
    (
        "default weight",
        graphml(NODES + WEIGHTED, KEY.replace("/>", "><default>1</default></key>")),
        {},
        LONG,
    ),
    ("labels", graphml(labelled('<data key="l">{}</data>'), LABEL), {"label": "label"}, LABELLED),
    ("labels unused", graphml(labelled('<data key="l">{}</data>'), LABEL), {}, EXPECTED),
    ("labels of yEd", graphml(labelled(YED_DATA), YED), {"label": "label"}, LABELLED),
    ("ranks", graphml(ranked("0", "1", "3", "2"), RANK), {}, DAG),
    ("ranks as numbers", graphml(ranked("0", "1", "1.5", "1.25"), RANK_D), {}, DAG),
    ("group", graphml(GROUP + EDGES + edge("g", "r")), {}, None),
]


@pytest.mark.parametrize(
    ("text", "options", "expected"), [t[1:] for t in TOLERATED], ids=[t[0] for t in TOLERATED]
)
def test_tolerated(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Taxonomy | None
) -> None:
    if expected is None:
        options = {"roots": "join", **options}
    parsed = parse_graphml(text, **options)
    assert expected is None or parsed == expected
    path = tmp_path / "t.graphml.gz"
    for variant in (text, text.replace("\n", "\r\n"), text.replace("\n", "\r")):
        path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + variant.encode()))
        assert read_graphml(path, **options) == parsed


def test_ranks_of_another_meaning_are_passed_over() -> None:
    in_the_file = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")])
    assert in_the_file != DAG
    for ranks, key in (
        (("0", "1", "3", ""), RANK),
        (("0", "1", "inf", "2"), RANK_D),
        (("s", "t", "v", "u"), RANK.replace("long", "string")),
    ):
        assert parse_graphml(graphml(ranked(*ranks), key)) == in_the_file


def test_edges_stand_as_in_the_file() -> None:
    body = NODES + edge("r", "b") + edge("r", "a") + edge("b", "x") + edge("a", "x")
    assert parse_graphml(graphml(body)).parents("x") == ("b", "a")
    assert parse_graphml(graphml(body)).children("r") == ("b", "a")


def test_text_is_not_decoded_again() -> None:
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    body = '<node id="é"/><node id="☃"/>' + edge("é", "☃")
    assert parse_graphml(graphml(body, head=head)).nodes == ("é", "☃")
    body = f'<nodes><node id="é"/><node id="☃"/></nodes><edges>{edge("é", "☃")}</edges>'
    assert parse_gexf(gexf(body, head=head)).nodes == ("é", "☃")


def group(depth: int) -> str:
    return "<x>" * depth + "</x>" * depth


PARTS = "<!DOCTYPE graphml [<!ENTITY a 'aaaa'>]>\n"
TRUE = '<data key="w">true</data>'
NESTED = '<node id="g"><graph edgedefault="directed"><node id="h"/></graph></node>'

# (name, text, options, line or None, message)
BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("empty", "", {}, None, "is empty; expected XML"),
    ("blank", " \n", {}, None, "is empty; expected XML"),
    ("garbage", "junk\nmore", {}, 1, "no well-formed XML: syntax error"),
    ("html", "<html>\n</html>", {}, 1, "element 'html' at the top; expected 'graphml'"),
    ("gexf", "<gexf/>", {}, 1, "element 'gexf' at the top; expected 'graphml'"),
    ("no graph", f"<graphml {SPACE}/>", {}, None, "holds no graph"),
    ("other namespace", graphml("").replace("graphdrawing", "x"), {}, None, "not successfully"),
    ("no nodes", graphml(""), {}, None, "no nodes"),
    ("cut", graphml(NODES + EDGES)[:-20], {}, 9, "no well-formed XML"),
    ("tags", graphml(NODES + "</x>"), {}, 7, "no well-formed XML: mismatched tag"),
    ("after the end", graphml(NODES) + "\n<x/>", {}, 8, "junk after document element"),
    ("control", graphml('\n<node id="\x01"/>'), {}, 4, "no well-formed XML"),
    ("entity", graphml('\n<node id="&b;"/>'), {}, 4, "no well-formed XML: undefined entity"),
    ("doctype", PARTS + graphml(NODES), {}, 1, "holds a DOCTYPE"),
    ("doctype alone", "\n<!DOCTYPE graphml>" + graphml(NODES), {}, 2, "holds a DOCTYPE"),
    ("doctype outside", "<!DOCTYPE g SYSTEM 'file:///etc/passwd'><g/>", {}, 1, "DOCTYPE"),
    ("deep", graphml("\n" + group(300)), {}, 4, "nested more than 200 deep"),
    ("two graphs", graphml(NODES + '</graph>\n<graph edgedefault="directed">'), {}, 8, "a second"),
    ("undirected", graphml(NODES + EDGES, edge="undirected"), {}, 2, "an undirected graph"),
    ("no direction", graphml(NODES, edge=""), {}, 2, "edgedefault='directed'"),
    ("one undirected", graphml(NODES + edge("r", "a", more=' directed="false"')), {}, 7, "is not"),
    ("no id", graphml("<node/>"), {}, 3, "a node without an id"),
    ("same id", graphml(NODES + '<node id="r"/>'), {}, 7, "id 'r' stands twice, first in line 3"),
    ("no source", graphml(NODES + '<edge target="r"/>'), {}, 7, "without source or target"),
    ("no target", graphml(NODES + '<edge source="r"/>'), {}, 7, "without source or target"),
    ("no node", graphml(NODES + EDGES + edge("x", "z")), {}, 10, "no node has the id 'z'"),
    ("nested", graphml(NODES + NESTED), {}, None, "nested graphs or other parts"),
    ("hyperedge", graphml(NODES + "<hyperedge/>"), {}, None, "no readable GraphML.*hyperedges"),
    ("no key", graphml(NODES + WEIGHTED), {}, None, "no readable GraphML: .*no key w"),
    ("key", graphml(NODES, "<key id='w'/>"), {}, None, "no readable GraphML"),
    ("key type", graphml(NODES, KEY.replace("double", "x")), {}, None, "no readable GraphML"),
    ("weight", graphml(NODES + WEIGHTED.replace("1e-3", "big"), KEY), {}, 9, "float: 'big'"),
    (
        "weight as text",
        graphml(NODES + WEIGHTED.replace("1e-3", "big"), KEY.replace("double", "string")),
        {},
        9,
        "weight 'big'; expected a number",
    ),
    ("no weight", graphml(NODES + WEIGHTED.replace("1e-3", ""), KEY), {}, 9, "weight ''"),
    (
        "truth as weight",
        graphml(NODES + edge("r", "a", TRUE), KEY.replace("double", "boolean")),
        {},
        7,
        "weight True; expected a number",
    ),
    ("nan", graphml(NODES + WEIGHTED.replace("1e-3", "nan"), KEY), {}, 9, "weight nan of edge"),
    ("negative", graphml(NODES + WEIGHTED.replace("1e-3", "-2"), KEY), {}, 9, "weight -2.0"),
    ("attribute", graphml(NODES + WEIGHTED, KEY), {"weight": "w"}, None, "found 'weight'"),
    ("no attributes", graphml(NODES + EDGES), {"weight": "w"}, None, "'w'; found nothing"),
    ("no label", graphml(NODES), {"label": "name"}, 3, "node 'r' has no 'name'; found nothing"),
    (
        "some labels",
        graphml('<node id="r"><data key="l">s</data></node>\n<node id="a"/>', LABEL),
        {"label": "label"},
        4,
        "node 'a' has no 'label'",
    ),
    (
        "same labels",
        graphml(NODES.replace("/>", '><data key="l">s</data></node>'), LABEL),
        {"label": "label"},
        4,
        "label 's' names the nodes 'r' and 'a'",
    ),
    ("repeated", graphml(NODES + EDGES + edge("r", "a")), {}, 10, "'r' -> 'a' is listed twice"),
    ("loop", graphml(NODES + edge("r", "r")), {}, 7, "'r' is its own parent"),
    ("cycle", graphml(NODES + EDGES + edge("x", "r")), {}, 10, "cycle of 3 nodes"),
    ("roots", graphml(NODES), {}, None, "4 roots"),
    (
        "parents",
        graphml(ranked("0", "1", "3", "2"), RANK),
        {"multi_parent": "error"},
        9,
        r"'x' has 2 parents \('b', 'a'\)",
    ),
    ("surrounded", graphml('<node id=" r"/>'), {}, None, "begins or ends with white space"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.graphml"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_graphml(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


def test_other_encodings_and_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "t.graphml"
    for read in (read_graphml, read_gexf):
        path.write_bytes((PARTS + graphml(NODES)).encode("utf-16"))
        with pytest.raises(TaxonomyError, match="is UTF-16"):
            read(path)
    for parse in (parse_graphml, parse_gexf):
        with pytest.raises(TaxonomyError, match="lone surrogate"):
            parse(graphml('<node id="\ud800"/>'))


@pytest.mark.parametrize("parse", [parse_graphml, parse_gexf])
def test_bad_arguments(parse: Callable[..., Taxonomy]) -> None:
    with pytest.raises(ValueError, match="roots='x'"):
        parse("", roots="x")
    with pytest.raises(TypeError, match="unexpected argument 'duplicates'"):
        parse("", duplicates="merge")


# ------------------------------------------------------------------------------------ GEXF


def gexf(body: str, version: str = "http://gexf.net/1.3", *, head: str = "") -> str:
    """The body begins in line 2."""
    return (
        f'{head}<gexf xmlns="{version}"><graph defaultedgetype="directed">\n{body}</graph></gexf>'
    )


GEXF_NODES = (
    '<nodes>\n<node id="r" label="root"/>\n<node id="a" label="first"/>\n'
    '<node id="b" label="second"/>\n<node id="x" label="é &lt;&amp;&gt;"/>\n</nodes>\n'
)
GEXF_EDGES = f"<edges>\n{EDGES}</edges>"
GEXF_WEIGHTED = "<edges>{}{}{}</edges>".format(
    edge("r", "a", more=' weight="0.5"'), edge("r", "b"), edge("a", "x", more=' weight="1e-3"')
)

GEXF_NESTED = GEXF_NODES.replace("/>\n</nodes>", '><nodes><node id="y"/></nodes></node></nodes>')

GEXF_TOLERATED: list[tuple[str, str, dict[str, Any], Taxonomy]] = [
    ("1.3", gexf(GEXF_NODES + GEXF_EDGES), {}, EXPECTED),
    ("1.2", gexf(GEXF_NODES + GEXF_EDGES, "http://www.gexf.net/1.2draft"), {}, EXPECTED),
    ("1.1", gexf(GEXF_NODES + GEXF_EDGES, "http://www.gexf.net/1.1draft"), {}, EXPECTED),
    ("labels", gexf(GEXF_NODES + GEXF_EDGES), {"label": "label"}, LABELLED),
    ("weights", gexf(GEXF_NODES + GEXF_WEIGHTED), {}, LONG),
    ("weights ignored", gexf(GEXF_NODES + GEXF_WEIGHTED), {"weight": None}, EXPECTED),
    (
        "typed",
        gexf(GEXF_NODES + GEXF_EDGES).replace("<edge ", "<edge type='directed' "),
        {},
        EXPECTED,
    ),
    (
        "nested",
        gexf(GEXF_NESTED + GEXF_EDGES.replace("</edges>", edge("x", "y") + "</edges>")),
        {},
        None,
    ),
]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [t[1:] for t in GEXF_TOLERATED],
    ids=[t[0] for t in GEXF_TOLERATED],
)
def test_gexf_tolerated(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Taxonomy | None
) -> None:
    parsed = parse_gexf(text, **options)
    if expected is None:
        assert parsed.leaves == ("b", "y")
    else:
        assert parsed == expected
    path = tmp_path / "t.gexf.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    assert read_gexf(path, **options) == parsed


GEXF_BROKEN: list[tuple[str, str, dict[str, Any], int | None, str]] = [
    ("graphml", graphml(NODES), {}, 1, "element 'graphml' at the top; expected 'gexf'"),
    ("doctype", PARTS + gexf(GEXF_NODES), {}, 1, "holds a DOCTYPE"),
    ("version", gexf(GEXF_NODES, "http://gexf.net/9"), {}, None, "no readable GEXF: No <graph>"),
    ("undirected", gexf(GEXF_NODES).replace('="directed', '="mutual'), {}, 1, "an undirected"),
    (
        "mutual",
        gexf(GEXF_NODES + GEXF_EDGES).replace('="b"', '="b" type="mutual"'),
        {},
        10,
        "'r' -> 'b' is not directed",
    ),
    (
        "no node",
        gexf(GEXF_NODES + GEXF_EDGES.replace('target="x"', 'target="z"')),
        {},
        11,
        "no node has the id 'z'",
    ),
    ("weight", gexf(GEXF_NODES + GEXF_WEIGHTED.replace("1e-3", "big")), {}, 10, "'big'"),
    ("negative", gexf(GEXF_NODES + GEXF_WEIGHTED.replace("1e-3", "-1")), {}, 10, "weight -1.0"),
    ("repeated", gexf(GEXF_NODES + GEXF_EDGES + GEXF_EDGES), {}, 13, "'r' -> 'a' is listed twice"),
    (
        "two lists",
        gexf(GEXF_NODES + GEXF_EDGES + "<edges>" + edge("b", "x") + "</edges>"),
        {},
        None,
        "other parts",
    ),
    (
        "no label",
        gexf('<nodes><node id="r"/></nodes>'),
        {"label": "label"},
        2,
        "'r' has no 'label'",
    ),
    ("attributes", gexf("<attributes/>" + GEXF_NODES), {}, None, "is no readable GEXF"),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"),
    [b[1:] for b in GEXF_BROKEN],
    ids=[b[0] for b in GEXF_BROKEN],
)
def test_gexf_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.gexf"
    path.write_bytes(text.encode())
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_gexf(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


# --------------------------------------------------------------------------------- writing

FORMATS: list[tuple[Any, Any, str]] = [
    (write_graphml, read_graphml, "t.graphml"),
    (write_gexf, read_gexf, "t.gexf.gz"),
]


@settings(deadline=None, max_examples=40)
@given(st.one_of(trees(), dags()), st.sampled_from(FORMATS), st.booleans())
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
    if not weighted:
        assert read(path, label="label") == tax if name.startswith("t.gexf") else True


TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from(list("<>&'\"] \t\n\r\x85"))
    ),
    min_size=1,
    max_size=8,
).filter(lambda t: t == t.strip() and not set(t) & {"\ufffe", "\uffff"})


@settings(deadline=None, max_examples=80)
@given(
    st.lists(TEXTS, min_size=1, max_size=6, unique=True),
    st.sampled_from(FORMATS),
    st.lists(st.floats(0, allow_infinity=False), min_size=6, max_size=6),
)
def test_any_name_and_weight_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    format: Any,
    weights: list[float],
) -> None:
    edges = [(names[k // 2], names[k], weights[k]) for k in range(1, len(names))]
    tax = Taxonomy.from_edges(edges, nodes=names[:1])
    write, read, name = format
    path = tmp_path_factory.mktemp("names") / name
    write(tax, path)
    again = read(path)
    assert again == tax
    assert again.edge_weight.equal(tax.edge_weight)


def test_rank_only_where_the_order_needs_it(tmp_path: Path) -> None:
    for write, _, name in FORMATS[:1]:
        write(EXPECTED, tmp_path / name)
        text = (tmp_path / name).read_text()
        assert "rank" not in text and "weight" not in text
        write(DAG, tmp_path / name)
        assert "rank" in (tmp_path / name).read_text()
        write(LONG, tmp_path / name)
        assert "weight" in (tmp_path / name).read_text()


def test_the_same_file_on_any_day(tmp_path: Path) -> None:
    write_gexf(DAG, tmp_path / "t.gexf")
    assert "lastmodified" not in (tmp_path / "t.gexf").read_text()


@pytest.mark.parametrize("format", FORMATS, ids=["graphml", "gexf"])
def test_single_node_and_networkx(tmp_path: Path, format: Any) -> None:
    write, read, name = format
    path = tmp_path / name.removesuffix(".gz")
    tax = Taxonomy.from_paths([("only",)])
    write(tax, path)
    assert read(path) == tax
    write(LONG, path)
    graph = networkx.read_graphml(path) if "graphml" in name else networkx.read_gexf(path)
    assert Taxonomy.from_networkx(graph) == LONG


@pytest.mark.parametrize("format", FORMATS, ids=["graphml", "gexf"])
@pytest.mark.parametrize("character", ["\x01", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_names_that_xml_cannot_hold(tmp_path: Path, format: Any, character: str) -> None:
    path = tmp_path / "t.xml"
    with pytest.raises(TaxonomyError, match="XML cannot hold") as caught:
        format[0](Taxonomy.from_edges([("a", f"b{character}c")]), path)
    assert caught.value.path == os.fspath(path)
    assert not path.exists()


@pytest.mark.parametrize("format", FORMATS, ids=["graphml", "gexf"])
def test_deep(tmp_path: Path, format: Any) -> None:
    write, read, name = format
    tax = Taxonomy.from_edges([(str(k), str(k + 1)) for k in range(10_000)])
    write(tax, tmp_path / name)
    assert read(tmp_path / name) == tax


# ------------------------------------------------------------------------------------ fuzz


def test_hostile_text_takes_linear_time() -> None:
    n = 200_000
    start = time.perf_counter()
    for body in (group(n), "<x>" * n, "<node id='r'/>" * n, '<node id="' + "a" * n + '"/>'):
        for parse in (parse_graphml, parse_gexf):
            for wrap in (graphml, gexf):
                with contextlib.suppress(TaxonomyError):
                    parse(wrap(body))
    assert time.perf_counter() - start < 30


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_text(text: str) -> None:
    for parse in (parse_graphml, parse_gexf):
        with contextlib.suppress(TaxonomyError):
            assert isinstance(parse(text), Taxonomy)


WORDS = [
    "node",
    "edge",
    "graph",
    "key",
    "data",
    "source",
    "target",
    "id",
    "for",
    "default",
    "nodes",
]


@settings(deadline=None, max_examples=250)
@given(st.data())
def test_mutated(data: st.DataObject) -> None:
    good = [(parse_graphml, t[1]) for t in TOLERATED] + [(parse_gexf, t[1]) for t in GEXF_TOLERATED]
    parse, text = data.draw(st.sampled_from(good))
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            old, new = data.draw(st.sampled_from(WORDS)), data.draw(st.sampled_from(WORDS))
            text = text.replace(old, new, data.draw(st.integers(1, 3)))
        else:
            a = data.draw(st.integers(0, len(text)))
            b = data.draw(st.integers(a, min(a + 8, len(text))))
            text = text[:a] + data.draw(st.text(max_size=3)) + text[b:]
    for label in (None, "label"):
        with contextlib.suppress(TaxonomyError):
            assert isinstance(parse(text, label=label), Taxonomy)
