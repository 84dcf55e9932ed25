"""Parquet tables of edges and of paths."""

from __future__ import annotations

import gzip
import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_strategies import AWKWARD, named
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats import parquet
from hyperhier.taxonomy.formats.parquet import read_parquet, write_parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

EDGES = {"parent": ["r", "r", "a"], "child": ["a", "b", "x"]}
EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x")])
NUMBERS = Taxonomy.from_edges([("0", "1"), ("0", "2"), ("1", "3")])
RANKS = {"class": ["m", "m", "m"], "order": ["c", "c", None], "species": ["cat", "dog", "platypus"]}
BY_RANK = Taxonomy.from_paths([("m", "c", "cat"), ("m", "c", "dog"), ("m", "platypus")])
ALL = list(RANKS)


def _typed(kind: Any) -> Any:
    return pa.table({name: pa.array(cells).cast(kind) for name, cells in EDGES.items()})


def _numbers(kind: Any) -> Any:
    return pa.table({"parent": pa.array([0, 0, 1], kind), "child": pa.array([1, 2, 3], kind)})


TOLERATED: dict[str, tuple[Any, dict[str, Any], Taxonomy]] = {
    "plain": (pa.table(EDGES), {}, EXPECTED),
    "case": (pa.table(EDGES).rename_columns(["Parent", "CHILD"]), {}, EXPECTED),
    "others": (pa.table({"x": [[1]] * 3, "parent.x": ["?"] * 3} | EDGES), {}, EXPECTED),
    "names": (
        pa.table(EDGES).rename_columns(["a.b", "a.c"]),
        {"parent": "a.b", "child": "a.c"},
        EXPECTED,
    ),
    "numbers": (pa.table(EDGES).rename_columns(["a", "a"]), {"parent": 0, "child": 1}, EXPECTED),
    "large": (_typed(pa.large_string()), {}, EXPECTED),
    "dictionary": (_typed(pa.dictionary(pa.int8(), pa.string())), {}, EXPECTED),
    "ignored": (pa.table(EDGES | {"weight": ["?"] * 3}), {"weight": None}, EXPECTED),
    "ints": (_numbers(pa.int64()), {}, NUMBERS),
    "bytes": (_numbers(pa.uint8()), {}, NUMBERS),
    "floats": (_numbers(pa.float32()), {}, NUMBERS),
    "paths": (pa.table(RANKS), {"columns": ALL}, BY_RANK),
    "nan": (
        pa.table({"a": ["r", "r"], "b": [1.0, float("nan")]}),
        {"columns": ["a", "b"]},
        Taxonomy.from_edges([("r", "1")]),
    ),
    "path_numbers": (pa.table(RANKS), {"columns": (0, "order", 2)}, BY_RANK),
}


@pytest.mark.parametrize(("table", "options", "expected"), TOLERATED.values(), ids=TOLERATED)
def test_tolerated(tmp_path: Path, table: Any, options: dict[str, Any], expected: Taxonomy) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    assert read_parquet(path, **options) == expected
    pq.write_table(table, path, row_group_size=2, use_dictionary=False, compression="gzip")
    assert read_parquet(path, **options) == expected
    packed = tmp_path / "t.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_parquet(packed, **options) == expected


def test_frames_with_many_categories(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    names = [f"n{k}" for k in range(128)]
    frame = pandas.DataFrame({"parent": ["r"] * 128, "child": names}, dtype="category")
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet").leaves == tuple(names)


def test_weights(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(EDGES | {"weight": [1, 2, 3], "length": [0.5, 0.25, 0.0]}), path)
    assert read_parquet(path).edge_weight.tolist() == [1.0, 2.0, 3.0]
    assert read_parquet(path, weight="length").edge_weight.tolist() == [0.5, 0.25, 0.0]


BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (b"", {}, "is no readable Parquet file"),
    (b"parent,child\nr,a\n", {}, "is no readable Parquet file: .*magic"),
    (b"PAR1" * 9, {}, "is no readable Parquet file"),
    (pa.table({}), {}, "no column 'parent'; found none"),
    (pa.table({"a": ["r"], "child": ["x"]}), {}, "no column 'parent'; found 'a', 'child'"),
    (pa.table(EDGES).slice(0, 0), {}, "has no edges"),
    (pa.table({"parent": ["r", "r"], "child": ["a", None]}), {}, r"empty child name \(row 1, "),
    (pa.table({"parent": ["r", None], "child": ["a", "b"]}), {}, r"empty parent name \(row 1, "),
    (pa.table({"parent": ["r"], "child": [1.5]}), {}, r"1.5 in column 'child' is not whole"),
    (pa.table({"parent": ["r"], "child": [[1]]}), {}, "in column 'child' is a list"),
    (pa.table({"parent": ["r"], "child": [b"\xff"]}), {}, "in column 'child' is a bytes"),
    (pa.table({"parent": ["r", "s"], "child": ["a", "b"]}), {}, "2 roots"),
    (pa.table(EDGES | {"weight": [1.0, 2.0, -1.0]}), {}, r"weight -1.0 of edge .* \(row 2, "),
    (pa.table(RANKS), {"columns": ["class", "x"]}, "no column 'x'; found 'class', 'order'"),
    (pa.table(RANKS), {"columns": ALL, "parent": "class"}, "columns= is for paths"),
    (pa.table({"a": ["r", None]}), {"columns": ["a"]}, r"no name in the row.* \(row 1, "),
]


@pytest.mark.parametrize(("content", "options", "message"), BROKEN)
def test_broken(tmp_path: Path, content: Any, options: dict[str, Any], message: str) -> None:
    path = tmp_path / "t.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        pq.write_table(content, path)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_parquet(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line is None


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    same = pa.array(["x" * 1000]).dictionary_encode().take(pa.array([0] * 100_000))
    pq.write_table(pa.table({"parent": same, "child": same}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(TaxonomyError, match="is its own parent"):
        read_parquet(path)
    monkeypatch.setattr(parquet, "_MAX_ROWS", 99_999)
    with pytest.raises(TaxonomyError, match="has 100000 rows; expected at most 99999"):
        read_parquet(path)
    monkeypatch.undo()
    monkeypatch.setattr(parquet, "MAX_BYTES", 100_000)
    with pytest.raises(TaxonomyError, match="holds more than 100000 bytes"):
        read_parquet(path)


def test_arguments(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unexpected argument 'duplicates'"):
        read_parquet(tmp_path / "none.parquet", duplicates="path")
    with pytest.raises(TaxonomyError, match="no such file"):
        read_parquet(tmp_path / "none.parquet")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(EXPECTED, path)
    content = path.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged[: rng.choice([len(content)] * 9 + [rng.randrange(len(content))])])
        with suppress(TaxonomyError):
            read_parquet(path)


# --------------------------------------------------------------------------------- writing


@given(
    named(st.one_of(trees(), dags())),
    st.sampled_from(["t.parquet", "t.parquet.gz"]),
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
    write_parquet(tax, path)
    again = read_parquet(path)
    assert again == tax
    assert again.nodes == tax.nodes


def test_written_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    awkward = Taxonomy.from_edges([("r", name) for name in AWKWARD])
    write_parquet(awkward, path)
    assert read_parquet(path) == awkward
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    single = Taxonomy.from_paths([("only",)])
    write_parquet(single, path)
    assert pq.read_table(path).to_pydict() == {"parent": [""], "child": ["only"], "weight": [1.0]}
    assert read_parquet(path) == single


def test_writing_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(EXPECTED, path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(TaxonomyError, match="cannot be written: No space left"):
            write_parquet(NUMBERS, path)
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]
    assert read_parquet(path) == EXPECTED
    with pytest.raises(TaxonomyError, match="cannot be written"):
        write_parquet(EXPECTED, tmp_path / "none" / "t.parquet")
