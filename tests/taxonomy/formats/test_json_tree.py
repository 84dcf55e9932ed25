"""JSON: the three forms, broken data, writing."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_strategies import AWKWARD, mutations, named
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats._json_lines import distinct, loads_with_lines, refuse_constant
from hyperhier.taxonomy.formats.json_tree import parse_json, read_json, write_json

EXPECTED = Taxonomy.from_paths([("pet", "cat", "manx"), ("pet", "dog")])
OBJECTS = """{"name": "pet", "children": [
  {"name": "cat", "children": [{"name": "manx"}]},
  {"name": "dog"}
]}"""
NAMES = '{"pet": {"cat": {"manx": {}},\n "dog": null}}'
GRAPH = """{"directed": true, "multigraph": false, "graph": {},
 "nodes": [{"id": "pet"}, {"id": "cat"}, {"id": "dog"}, {"id": "manx"}],
 "links": [{"source": "pet", "target": "cat"}, {"source": "pet", "target": "dog"},
  {"source": "cat", "target": "manx"}]}"""

TOLERATED: dict[str, tuple[str, dict[str, Any]]] = {
    "objects": (OBJECTS, {}),
    "mark": ("\ufeff" + OBJECTS, {}),
    "windows": (OBJECTS.replace("\n", "\r\n"), {}),
    "space": (f"\n\t{OBJECTS}\n \r\n", {}),
    "labels": (OBJECTS.replace("name", "label"), {}),
    "ids": (OBJECTS.replace("name", "id"), {}),
    "name_before_id": (OBJECTS.replace('"name"', '"id": 1, "label": "x", "name"'), {}),
    "null_name": (OBJECTS.replace('"name"', '"name": null, "id"', 1), {}),
    "own_keys": (
        OBJECTS.replace("name", "title").replace("children", "kids"),
        {"name": "title", "children": "kids"},
    ),
    "given_name": (OBJECTS.replace('"name"', '"name": "x", "title"'), {"name": "title"}),
    "spaces": (OBJECTS.replace('"pet"', '" pet "').replace('"dog"', '"dog\\n"'), {}),
    "texts": (
        OBJECTS.replace('{"name": "dog"}', '"dog"').replace('{"name": "manx"}', '"manx"'),
        {},
    ),
    "null_children": (OBJECTS.replace('"manx"', '"manx", "children": null'), {}),
    "no_children": (OBJECTS.replace('"manx"', '"manx", "children": []'), {}),
    "other_keys": (OBJECTS.replace('"name"', '"size": [1, {"name": 2}], "name"'), {}),
    "ignored_weight": (OBJECTS.replace('"dog"', '"dog", "weight": "heavy"'), {"weight": None}),
    "null_weight": (OBJECTS.replace('"dog"', '"dog", "weight": null'), {}),
    "escapes": (OBJECTS.replace("dog", "d\\u006fg"), {}),
    "one_in_list": (f"[{OBJECTS}]", {}),
    "names": (NAMES, {}),
    "names_in_lists": ('{"pet": [{"cat": ["manx"]}, "dog"]}', {}),
    "names_in_one_object": (
        '{"pet": [{"cat": "manx", "dog": []}]}'.replace('"manx"', '["manx"]'),
        {},
    ),
    "names_in_list": (f"[{NAMES}]", {}),
    "links": (GRAPH, {}),
    "edges": (GRAPH.replace("links", "edges"), {}),
    "undeclared": ('{"nodes": ' + GRAPH.partition('"nodes": ')[2], {}),
    "graph_names": (GRAPH.replace('"id"', '"name"'), {}),
    "graph_numbers": (
        '{"nodes": [{"id": 0, "name": "pet"}, {"id": 1, "name": "cat"},'
        ' {"id": "x", "name": "dog"}, {"id": "1", "name": "manx"}],'
        ' "links": [{"source": 0, "target": 1},'
        ' {"source": 0, "target": "x"}, {"source": 1, "target": "1"}]}',
        {},
    ),
}


@pytest.mark.parametrize(("text", "options"), TOLERATED.values(), ids=TOLERATED)
@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_tolerated(tmp_path: Path, name: str, text: str, options: dict[str, Any]) -> None:
    path = tmp_path / name
    content = text.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_json(path, **options) == EXPECTED


def test_weights() -> None:
    text = (
        '{"name": "r", "weight": 9, "children": [{"name": "a", "weight": 0.5, "length": 2}, "b"]}'
    )
    assert parse_json(text).edge_weight.tolist() == [0.5, 1.0]
    assert parse_json(text, weight="length").edge_weight.tolist() == [2.0, 1.0]
    assert parse_json(text, weight=None).edge_weight.tolist() == [1.0, 1.0]
    graph = '{"nodes": [{"id": 1}, {"id": 2}], "edges": [{"source": 1, "target": 2, "weight": 3}]}'
    assert parse_json(graph) == Taxonomy.from_edges([("1", "2", 3.0)])
    assert parse_json(graph.replace("weight", "value"), weight="value").edge_weight.item() == 3.0


def test_whole_numbers_are_names() -> None:
    assert parse_json('{"id": 1, "children": [2, {"id": -3}]}').nodes == ("1", "2", "-3")


def test_keys_of_objects_may_be_names() -> None:
    """Only a value that is no list or object makes "name" a key rather than a name."""
    text = '{"label": {"name": {"children": ["nodes"]}, "edges": null}}'
    assert parse_json(text).nodes == ("label", "name", "edges", "children", "nodes")
    assert parse_json('{"children": ["a", "b"]}').nodes == ("children", "a", "b")
    assert parse_json('{"nodes": {"a": null}, "links": ["b"]}', roots="join").height == 2


def test_several_roots() -> None:
    for text in (
        '["a", {"name": "b", "children": ["c"]}, {"d": null, "e": ["f"]}]',
        '{"a": null, "b": ["c"], "d": [], "e": {"f": {}}}',
    ):
        tax = parse_json(text, roots="join")
        assert tax.levels == (("root",), ("a", "b", "d", "e"), ("c", "f"))
        with pytest.raises(TaxonomyError, match="4 roots"):
            parse_json(text)


def test_single_node() -> None:
    for text in (
        '{"name": "only"}',
        '{"only": {}}',
        '["only"]',
        '{"nodes": [{"id": "only"}], "links": []}',
    ):
        assert parse_json(text).nodes == ("only",)
    assert parse_json('{"title": "only", "tags": []}', name="title", children="kids").nodes == (
        "only",
    )


def test_policies() -> None:
    text = '{"shop": {"men": ["shoes"], "women": ["shoes"]}}'
    assert parse_json(text, duplicates="path").leaves == (
        "shop > men > shoes",
        "shop > women > shoes",
    )
    assert parse_json(text, duplicates="merge").parents("shoes") == ("men", "women")
    dag = '{"nodes": [{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}], "edges": ['
    dag += ", ".join(
        f'{{"source": {a}, "target": {b}}}' for a, b in ((1, 2), (1, 3), (2, 4), (3, 4))
    )
    assert parse_json(dag + "]}").parents("4") == ("2", "3")
    assert parse_json(dag + "]}", multi_parent="first").is_tree
    bad: Any = {"roofs": "join"}
    with pytest.raises(TypeError, match="unexpected argument 'roofs'"):
        parse_json("", **bad)


def _graph(nodes: str = '{"id": 1},\n{"id": 2}', edges: str = "", more: str = "") -> str:
    return f'{{{more}"nodes": [\n{nodes}],\n"edges": [\n{edges}]}}'


# (text, options, line or None, message)
BROKEN: list[tuple[str, dict[str, Any], int | None, str]] = [
    ("", {}, None, "is empty; expected a tree"),
    (" \n\t", {}, None, "is empty"),
    # no JSON
    ("{", {}, 1, "is no JSON"),
    ('{"a": [\n"b",\n]}', {}, 3, "is no JSON"),
    ('{"a": ["b"]}\nx', {}, 2, "is no JSON: Extra data"),
    ('{"a": null}\n\n{"b": null}', {}, 3, "is no JSON: Extra data"),
    ("{'a': null}", {}, 1, "is no JSON"),
    ('{"a": "\n"}', {}, 1, "is no JSON"),
    ('{"a": \nNaN}', {}, 2, "is no JSON: NaN is no number"),
    ('{"name": "a",\n"weight": -Infinity}', {}, 2, "is no JSON: -Infinity"),
    ('{"name": "NaN",\n"size":\n [Infinity]}', {}, 3, "is no JSON: Infinity"),
    ('{"name": "a",\n"size": ' + "1" * 5000 + "}", {}, 2, "is no JSON: Exceeds the limit"),
    ('{"a": {"x": null},\n\n"a": null}', {}, 3, "the key 'a' is twice in one object"),
    ('{"name": "a", "children": [\n"b",\n{"id": 1,\n"i\\u0064": 2}]}', {}, 4, "the key 'id' is"),
    # wrong kinds of values
    ("1", {}, None, "a number at the top; expected an object or a list"),
    ('"cat"', {}, None, "text at the top"),
    ("null", {}, None, "null at the top"),
    ("true", {}, None, "true or false at the top"),
    ("[]", {}, None, "holds no names"),
    ("{}", {}, None, "holds no names"),
    ("[{}, {}]", {}, None, "holds no names"),
    ('["a",\n["b"]]', {"roots": "join"}, 2, r"\[1\]: is a list; expected text or a whole"),
    ('["a",\nnull]', {}, 2, r"\[1\]: is null"),
    ('["a",\n1.5]', {}, 2, r"\[1\]: is a float"),
    ('["a",\nfalse]', {}, 2, r"\[1\]: is true or false"),
    ('["a",\n" "]', {}, 2, r"\[1\]: an empty name"),
    # objects
    (
        '{"name": "r", "children": [\n"a",\n{"name": "b", "children": [\n{"name": []}]}]}',
        {},
        4,
        r"children\[1\].children\[0\].name: is a list; expected text or a whole number",
    ),
    ('{"name": "r", "children": [\n"a",\n{"name": ""}]}', {}, 3, r"children\[1\].name: an empty"),
    ('{"name": "r", "children": [\n"a",\n{"x": "b"}]}', {}, 3, r"children\[1\]: has no name"),
    (
        '{"name": "r", "children": ["a",\n{"title": 1}]}',
        {"name": "id"},
        None,
        "has no name.* 'id' ",
    ),
    ('{"name": "r",\n"children": {"name": "a"}}', {}, 2, "children: is an object; expected a list"),
    ('{"name": "r",\n"children": "a"}', {}, 2, "children: is text; expected a list"),
    ('{"name": "r", "children": [\nnull]}', {}, 2, r"children\[0\]: is null"),
    ('{"children": [{"name": "a"}, {"name": "b"}]}', {}, None, "has no name; expected it under"),
    ('{"name": "r", "kids": ["a"]}', {}, None, "single node without 'children', but 'kids' holds"),
    ('[{"name": "r", "kids": ["a"]}]', {}, None, "without 'children', but 'kids' holds a list"),
    ('{"name": "r", "children": ["a"]}', {"children": "kids"}, None, "without 'kids'"),
    ('{"name": "r", "children": ["a"]}', {"weight": "length"}, None, "no entry has the key 'len"),
    (
        '{"name": "r", "children": [{"name": "a",\n"weight": "2"}]}',
        {},
        2,
        r"children\[0\].weight: is text; expected a number as edge length",
    ),
    ('{"name": "r", "children": [{"name": "a", "weight": true}]}', {}, 1, "is true or false"),
    ('{"name": "r", "children": [\n{"name": "a", "weight": -1}]}', {}, 2, "weight -1.0 of edge"),
    ('{"name": "r", "children": [\n{"name": "a", "weight": 1e999}]}', {}, 2, "weight inf of edge"),
    (
        '{"name": "r", "children": [\n{"name": "a", "weight": 1' + "0" * 400 + "}]}",
        {},
        2,
        "a number too large",
    ),
    ('{"name": "r", "children": [\n"a\\u0000b"]}', {}, 2, "holds a NUL"),
    ('{"name": "r", "children": [\n"\\ud800"]}', {}, 2, "lone surrogate"),
    (
        '{"name": "r", "children": [{"name": "a", "children": ["x"]},\n"x"]}',
        {},
        2,
        "'x' stands below 'a' and below 'r'",
    ),
    # names
    ('{"r": {"a": null,\n"b": "c"}}', {}, 2, "r.b: is text; expected an object, a list or null"),
    ('{"r": [{"a b": 1}]}', {}, 1, r"r\[0\]\['a b'\]: is a number"),
    ('{"r": {"": null}}', {}, 1, r"r\[''\]: an empty name"),
    ('{"r": {"a": ["x"],\n"b":\n{"x": null}}}', {}, 3, "'x' stands below 'a' and below 'b'"),
    ('{"r": {"a": ["x"]}}', {"weight": "length"}, None, "no entry has the key 'length'"),
    # node-link data
    (_graph(more='"directed": false, '), {}, None, "an undirected graph"),
    (_graph(more='"links": [], '), {}, None, "both 'edges' and 'links'"),
    (_graph('{"id": 1},\n"x"'), {}, 3, r"nodes\[1\]: is text; expected an object"),
    (_graph('{"id": 1},\n{"id": [2]}'), {}, 3, r"nodes\[1\].id: is a list"),
    (_graph('{"id": 1},\n{"x": 2}'), {}, 3, r"nodes\[1\]: has no name"),
    (_graph('{"id": 1},\n{"id": 1}'), {}, 3, r"nodes\[1\]: a second node with the id 1"),
    (_graph('{"id": 1},\n{"id": "1"}'), {}, 3, r"nodes\[1\]: a second node of the name '1'"),
    (_graph('{"id": 1, "name": "x"},\n{"id": 2, "name": "x"}'), {}, 3, "a second node of the name"),
    (_graph(edges="1"), {}, 5, r"edges\[0\]: is a number; expected an object"),
    (_graph(edges='{"source": 1}'), {}, 5, r"edges\[0\]: has no 'target'"),
    (_graph(edges='{"source": 1,\n"target": 3}'), {}, 6, r"edges\[0\].target: no node 3"),
    (_graph(edges='{"source": 1,\n"target": "2"}'), {}, 6, r"edges\[0\].target: no node '2'"),
    (_graph(edges='{"source": true, "target": 2}'), {}, 5, "source: is true or false"),
    (_graph(edges='{"source": 1, "target": 1}'), {}, 5, "'1' is its own parent"),
    (
        _graph(edges='{"source": 1, "target": 2},\n{"source": 2, "target": 1}'),
        {},
        6,
        "cycle of 2 nodes",
    ),
    (_graph(edges='{"source": 1, "target": 2, "weight": []}'), {}, 5, "weight: is a list"),
    (_graph(edges='{"source": 1, "target": 2}'), {"weight": "value"}, None, "key 'value'"),
    (_graph(""), {}, None, "no nodes"),
    (_graph(), {}, None, "2 roots"),
]


@pytest.mark.parametrize(("text", "options", "line", "message"), BROKEN)
def test_broken(
    tmp_path: Path, text: str, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_json(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


# ------------------------------------------------------------------------------- deep data


def test_a_chain_deeper_than_the_json_module_reads(tmp_path: Path) -> None:
    chain = Taxonomy.from_paths([[f"n{k}" for k in range(100_000)]])
    write_json(chain, tmp_path / "t.json")
    assert (tmp_path / "t.json").stat().st_size < 10_000_000
    assert read_json(tmp_path / "t.json") == chain
    names = "".join(f'{{"n{k}": ' for k in range(9_000)) + "null" + "}" * 9_000
    assert parse_json(names).nodes == chain.nodes[:9_000]


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a":' * 20_000, '[{"a":' * 20_000 + '"'])
def test_deep_garbage(text: str) -> None:
    with pytest.raises(TaxonomyError, match="is no JSON") as caught:
        parse_json("\n" + text)
    assert caught.value.line == 2


def test_errors_in_deep_data_are_short() -> None:
    deep = '{"name": "a", "children": [\n' * 9_000 + "null" + "]}" * 9_000
    with pytest.raises(
        TaxonomyError, match=r"^line 9001: \.\.\.children\[0\]\.children.*\]: is null"
    ) as e:
        parse_json(deep)
    assert len(str(e.value)) < 300
    with pytest.raises(TaxonomyError, match="is a list; expected text") as e:
        parse_json("[" * 9_000 + "]" * 9_000)
    assert len(str(e.value)) < 300


def _scalars() -> st.SearchStrategy[Any]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    return st.none() | st.booleans() | numbers | st.text()


def _values() -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["name", "id", "children", "weight", "nodes", "links", "a"]) | st.text()
    return st.recursive(
        _scalars(), lambda below: st.lists(below) | st.dictionaries(keys, below), max_leaves=20
    )


@given(_values(), st.sampled_from([None, 0, 2]))
def test_the_slow_reader_reads_what_json_reads(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = loads_with_lines(text, None)
    assert json.dumps(found) == json.dumps(value)
    if isinstance(found, list):
        assert len(found.lines) == len(found)  # type: ignore[attr-defined]


SEEDS = [OBJECTS, NAMES, GRAPH, '[1, -2.5E+3, true, "a\\n\\"\\u00e9", [], {}, [[]], {"a": [{}]}]']
LETTERS = '{}[]:,"\\ \n\t019.eE+-anul\x00\u2028'


@given(st.text() | mutations(SEEDS, LETTERS))
def test_the_slow_reader_refuses_what_json_refuses(text: str) -> None:
    options: Any = {"object_pairs_hook": distinct, "parse_constant": refuse_constant}
    try:
        expected = json.loads(text, **options)
    except ValueError:
        with pytest.raises(TaxonomyError):
            loads_with_lines(text, None)
    else:
        assert json.dumps(loads_with_lines(text, None)) == json.dumps(expected)


@given(
    st.text() | mutations(SEEDS, LETTERS) | _values().map(json.dumps),
    st.sampled_from([{}, {"name": "id"}, {"children": "a"}, {"weight": None}]),
)
def test_any_text_parses_or_fails(text: str, options: dict[str, Any]) -> None:
    with suppress(TaxonomyError):
        parse_json(text, roots="join", duplicates="path", **options)


# --------------------------------------------------------------------------------- writing


@given(
    named(st.one_of(trees(), dags())),
    st.sampled_from(["t.json", "t.json.gz"]),
    st.booleans(),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    edges: list[tuple[str, str]],
    name: str,
    weighted: bool,
) -> None:
    rows: list[Any] = [(*edge, 0.1 * k) for k, edge in enumerate(edges)] if weighted else edges
    tax = Taxonomy.from_edges(rows)
    path = tmp_path_factory.mktemp("round") / name
    write_json(tax, path)
    again = read_json(path)
    assert again == tax
    assert again.nodes == tax.nodes
    assert again.parent_id.equal(tax.parent_id)


@given(named(trees()))
def test_names_as_keys_round_trip(edges: list[tuple[str, str]]) -> None:
    tax = Taxonomy.from_edges(edges)
    content: dict[str, dict[str, Any]] = {name: {} for name in tax}
    for child, parent in tax.edges.T.tolist():
        content[tax.nodes[parent]][tax.nodes[child]] = content[tax.nodes[child]]
    assert parse_json(json.dumps({tax.root: content[tax.root]})) == tax


def test_awkward_names_round_trip(tmp_path: Path) -> None:
    tax = Taxonomy.from_edges([("r", name) for name in AWKWARD])
    write_json(tax, tmp_path / "t.json")
    assert read_json(tmp_path / "t.json") == tax


@given(dags())
def test_networkx_reads_written_dags_and_back(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]]
) -> None:
    tax = Taxonomy.from_edges([*((a, b, 2.0) for a, b in edges), *_diamond(edges[0][0])])
    path = tmp_path_factory.mktemp("links") / "t.json"
    write_json(tax, path)
    data = json.loads(path.read_text())
    data["links"] = data.pop("edges")  # the name that every version of networkx reads
    try:
        graph = networkx.node_link_graph(data, edges="links")
    except TypeError:
        graph = networkx.node_link_graph(data)
    again = parse_json(json.dumps(networkx.node_link_data(tax.to_networkx())))
    for found in (Taxonomy.from_networkx(graph), again):
        assert _edges(found) == _edges(tax)


def _edges(tax: Taxonomy) -> list[tuple[str, str, float]]:
    return sorted(
        (tax.nodes[parent], tax.nodes[child], weight)
        for (child, parent), weight in zip(tax.edges.T.tolist(), tax.edge_weight.tolist())
    )


def _diamond(top: str) -> list[tuple[str, str, float]]:
    return [(top, "a", 1.0), (top, "b", 0.5), ("a", "c", 1.0), ("b", "c", 3.0)]


def test_written_text(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    write_json(EXPECTED, path)
    assert path.read_text() == (
        '{"name": "pet", "children": [\n {"name": "cat", "children": [\n  {"name": "manx"}]},\n'
        ' {"name": "dog"}]}\n'
    )
    write_json(Taxonomy.from_edges([("r", "a"), ("r", "é", 2.5)]), path)
    assert path.read_text(encoding="utf-8") == (
        '{"name": "r", "children": [\n {"name": "a", "weight": 1.0},\n'
        ' {"name": "é", "weight": 2.5}]}\n'
    )
    single = Taxonomy.from_paths([("only",)])
    write_json(single, path)
    assert path.read_text() == '{"name": "only"}\n'
    assert read_json(path) == single
    write_json(Taxonomy.from_edges(_diamond("r")), path)
    assert json.loads(path.read_text())["edges"][1] == {"source": "r", "target": "b", "weight": 0.5}
