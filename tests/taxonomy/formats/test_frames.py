"""Data frames of edges and of paths."""

from __future__ import annotations

import decimal
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_strategies import AWKWARD, named
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.frames import from_pandas, to_pandas

pd = pytest.importorskip("pandas")

EDGES = {"parent": ["r", "r", "a"], "child": ["a", "b", "x"]}
EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x")])
NUMBERS = Taxonomy.from_edges([("0", "1"), ("0", "2"), ("1", "3")])
RANKS = {"class": ["m", "m", "m"], "order": ["c", "c", None], "species": ["cat", "dog", "platypus"]}
BY_RANK = Taxonomy.from_paths([("m", "c", "cat"), ("m", "c", "dog"), ("m", "platypus")])
ALL = list(RANKS)


def _frame(data: Any, **options: Any) -> Any:
    return pd.DataFrame(data, **options)


TOLERATED: dict[str, tuple[Any, dict[str, Any], Taxonomy]] = {
    "plain": (_frame(EDGES), {}, EXPECTED),
    "index": (_frame(EDGES, index=["z", "y", "z"]), {}, EXPECTED),
    "swapped": (_frame(dict(reversed(EDGES.items()))), {}, EXPECTED),
    "case": (_frame(EDGES).rename(columns={"parent": " PARENT"}), {}, EXPECTED),
    "labels": (_frame(EDGES).set_axis(["u", "v"], axis=1), {"parent": "u", "child": "v"}, EXPECTED),
    "numbers": (_frame({"id": 7} | EDGES), {"parent": 1, "child": 2}, EXPECTED),
    "whole_labels": (_frame(EDGES).set_axis([5, 0], axis=1), {"parent": 5, "child": 0}, EXPECTED),
    "range": (_frame(zip(*EDGES.values())), {"parent": 0, "child": 1}, EXPECTED),
    "spaces": (_frame(EDGES).map(lambda cell: f" {cell}\n"), {}, EXPECTED),
    "object": (_frame(EDGES, dtype=object), {}, EXPECTED),
    "category": (_frame(EDGES, dtype="category"), {}, EXPECTED),
    "string": (_frame(EDGES, dtype="string"), {}, EXPECTED),
    "ignored": (_frame(EDGES | {"weight": "?"}), {"weight": None}, EXPECTED),
    "text_weight": (_frame(EDGES | {"weight": "1.0"}), {}, EXPECTED),
    "ints": (_frame({"parent": [0, 0, 1], "child": [1, 2, 3]}), {}, NUMBERS),
    "floats": (_frame({"parent": [0.0, 0.0, 1.0], "child": ["1", 2, 3.0]}), {}, NUMBERS),
    "nullable": (_frame({"parent": [0, 0, 1], "child": [1, 2, 3]}, dtype="Int8"), {}, NUMBERS),
    "paths": (_frame(RANKS), {"columns": ALL}, BY_RANK),
    "path_numbers": (_frame(RANKS), {"columns": iter([0, 1, 2])}, BY_RANK),
    "path_nan": (_frame(RANKS).fillna(float("nan")), {"columns": ALL}, BY_RANK),
    "path_empty": (_frame(RANKS).fillna(" "), {"columns": ALL}, BY_RANK),
    "path_na": (_frame(RANKS, dtype="string"), {"columns": ALL}, BY_RANK),
    "path_padded": (_frame(RANKS).bfill(axis=1), {"columns": ALL}, BY_RANK),
    "path_twice": (pd.concat([_frame(RANKS), _frame(RANKS)]), {"columns": ALL}, BY_RANK),
}


@pytest.mark.parametrize(("frame", "options", "expected"), TOLERATED.values(), ids=TOLERATED)
def test_tolerated(frame: Any, options: dict[str, Any], expected: Taxonomy) -> None:
    assert from_pandas(frame, **options) == expected


def _edges(parent: list[Any], child: list[Any], **more: Any) -> Any:
    columns = {"parent": parent, "child": child, **more}
    return _frame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (_frame({}), {}, "no column 'parent'; found none"),
    (_frame({"parent": [], "child": []}), {}, "has no edges"),
    (_frame({"a": ["r"], 3: ["x"]}), {}, r"no column 'parent'; found 'a', 3 \(parent= names"),
    (_frame({"parent": ["r"], "b": ["x"]}), {}, r"no column 'child'; .* \(child= names another\)"),
    (_frame(EDGES), {"child": 2}, "no column 2"),
    (_frame(EDGES), {"child": "PARENT"}, "parent and child are one column 'parent'"),
    (_frame(EDGES), {"weight": "length"}, "no column 'length'; .*weight= names"),
    (_frame(EDGES | {"Parent": "r"}), {}, "2 columns 'parent'; expected one"),
    (_edges(["r", "r"], ["a", None]), {}, r"^empty child name \(row 1, counted from 0\)$"),
    (_edges(["r", " "], ["a", "b"]), {}, r"empty parent name \(row 1,"),
    (_edges(["r", "r"], ["a", 1.5]), {}, r"1.5 in column 'child' is not whole.* \(row 1,"),
    (_edges(["r", "r"], ["a", 2.0**53]), {}, "too large to be exact"),
    (_edges(["r"], [float("inf")]), {}, "inf in column 'child' is not whole"),
    (_edges(["r"], [True]), {}, "True in column 'child' is a bool; expected text"),
    (_edges([b"r"], ["a"]), {}, "b'r' in column 'parent' is a bytes"),
    (_edges([["r"] * 99], ["a"]), {}, "in column 'parent' is a list"),
    (_edges(["r"], [decimal.Decimal(1)]), {}, "is a Decimal"),
    (_edges(["r"], [pd.Timestamp("2020-01-01")]), {}, "is a Timestamp"),
    (_edges(["r"], [10**5000]), {}, r"a number too long for a name \(row 0"),
    (_edges(["r", "r"], ["a", "b"], weight=[1, "big"]), {}, r"weight 'big'; .*\(row 1"),
    (_edges(["r", "r"], ["a", "b"], weight=[1, None]), {}, r"weight None; .*\(row 1"),
    (_edges(["r"], ["a"], weight=[10**400]), {}, r"weight 10*; expected a number \(row 0"),
    (_edges(["r", "r"], ["a", "b"], weight=[1, -1]), {}, r"weight -1.0 of edge .*\(row 1"),
    (_edges(["r", "r", "a"], ["a", "b", "a"]), {}, r"its own parent \(row 2,"),
    (_edges(["r", "a", "b"], ["a", "b", "a"]), {}, r"cycle of 2 nodes.*\(row 2,"),
    (_edges(["r", "s"], ["a", "b"]), {}, "2 roots"),
    (_edges(["r"], ["a\0"]), {}, r"NUL character \(row 0"),
    (_edges(["r"], ["\ud800"]), {}, r"lone surrogate.* \(row 0"),
    (_frame(RANKS), {"columns": ["class", "genus"]}, "no column 'genus'; .*columns= names"),
    (_frame(RANKS), {"columns": ALL, "child": "species"}, "columns= is for paths"),
    (_frame(RANKS), {"columns": ALL, "weight": "w"}, "columns= is for paths"),
    (_frame(RANKS), {"columns": []}, "columns is empty"),
    (_frame(RANKS), {"columns": "class"}, "columns 'class' is a str"),
    (_frame(RANKS).head(0), {"columns": ALL}, "has no rows"),
    (_frame(RANKS).map(lambda _: None), {"columns": ALL}, r"no name in the row.* \(row 0,"),
    (_frame({"a": ["r", "s"], "b": ["x", "x"]}), {"columns": ["a", "b"]}, r"and below 's'.*row 1"),
]


@pytest.mark.parametrize(("frame", "options", "message"), BROKEN)
def test_broken(frame: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message) as caught:
        from_pandas(frame, **options)
    assert caught.value.path is None
    assert caught.value.line is None


def test_arguments() -> None:
    bad: Any = [("r", "a")]
    with pytest.raises(TypeError, match="frame is a list; expected a pandas"):
        from_pandas(bad)
    with pytest.raises(TypeError, match="unexpected argument 'duplicates'"):
        from_pandas(_frame(EDGES), duplicates="path")
    shop = _frame({"a": ["men", "women"], "b": ["shoes", "shoes"]})
    tax = from_pandas(shop, columns=["a", "b"], roots="join", duplicates="merge")
    assert tax.parents("shoes") == ("men", "women")


def test_weights() -> None:
    frame = _frame(EDGES | {"weight": [1, 2, 3], "length": [0.5, 0.25, 0.0]})
    assert from_pandas(frame).edge_weight.tolist() == [1.0, 2.0, 3.0]
    assert from_pandas(frame, weight="length").edge_weight.tolist() == [0.5, 0.25, 0.0]


@given(named(st.one_of(trees(), dags())), st.booleans())
def test_round_trip(edges: list[tuple[str, str]], weighted: bool) -> None:
    rows: list[Any] = [(*edge, 0.1 * k) for k, edge in enumerate(edges)] if weighted else edges
    tax = Taxonomy.from_edges(rows)
    again = from_pandas(to_pandas(tax))
    assert again == tax
    assert again.nodes == tax.nodes


def test_written_frame() -> None:
    frame = to_pandas(Taxonomy.from_edges([("r", "a"), ("r", "b", 2.5)]))
    assert frame.to_dict("list") == {
        "parent": ["r", "r"],
        "child": ["a", "b"],
        "weight": [1.0, 2.5],
    }
    single = Taxonomy.from_paths([("only",)])
    assert to_pandas(single)[["parent", "child"]].values.tolist() == [["", "only"]]
    assert from_pandas(to_pandas(single)) == single
    assert from_pandas(to_pandas(single).replace("", None)) == single
    awkward = Taxonomy.from_edges([("r", name) for name in AWKWARD])
    assert from_pandas(to_pandas(awkward)) == awkward


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary()


@given(st.lists(st.tuples(cells, cells, cells), max_size=6), st.booleans())
def test_any_cells_parse_or_fail(rows: list[tuple[Any, ...]], paths: bool) -> None:
    data = {name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate("abc")}
    options: Any = {"columns": ["c", "b", "a"], "duplicates": "path"}
    edges: Any = {"parent": "a", "child": "b", "weight": "c"}
    with suppress(TaxonomyError):
        from_pandas(pd.DataFrame(data), roots="join", **(options if paths else edges))
