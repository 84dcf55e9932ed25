"""Edge lists on disk: tolerated variants, broken files, writing."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, read_csv, read_taxonomy, write_csv

GOOD = b"parent,child\nr,a\nr,b\na,x\n"
EXPECTED = Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x")])

TOLERATED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.csv", GOOD, {}),
    ("mark.csv", b"\xef\xbb\xbf" + GOOD, {}),
    ("windows.csv", GOOD.replace(b"\n", b"\r\n"), {}),
    ("mac.csv", GOOD.replace(b"\n", b"\r"), {}),
    ("no_last_newline.csv", GOOD.rstrip(), {}),
    ("quotes.csv", b'"parent","child"\n"r","a"\nr,"b"\na,x\n', {}),
    ("spaces.csv", b" parent , child \nr , a\nr,b\n a,x\n", {}),
    ("blank_lines.csv", b"\n\nparent,child\n\nr,a\nr,b\n\na,x\n\n", {}),
    ("swapped.csv", b"child,parent\na,r\nb,r\nx,a\n", {}),
    ("case.csv", b"Parent,CHILD\nr,a\nr,b\na,x\n", {}),
    ("third.csv", b"parent,child,kind\nr,a,is\nr,b,is\na,x,part\n", {}),
    ("tabs.tsv", GOOD.replace(b",", b"\t"), {}),
    ("TABS.TSV", GOOD.replace(b",", b"\t"), {}),
    ("packed.csv.gz", gzip.compress(GOOD), {}),
    ("packed.tsv.gz", gzip.compress(GOOD.replace(b",", b"\t")), {}),
    ("semicolon.csv", GOOD.replace(b",", b";"), {"delimiter": ";"}),
    ("names.csv", b"from,to\nr,a\nr,b\na,x\n", {"parent": "from", "child": "to"}),
    ("bare.csv", b"r,a\nr,b\na,x\n", {"header": ("parent", "child")}),
    ("bad_weight.csv", b"parent,child,weight\nr,a,?\nr,b,\na,x,1\n", {"weight": None}),
]


@pytest.mark.parametrize(("name", "content", "options"), TOLERATED, ids=[t[0] for t in TOLERATED])
def test_tolerated(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read_taxonomy(path, **options) == EXPECTED
    assert read_taxonomy(os.fspath(path), **options) == EXPECTED


def test_weights_and_names_with_separators(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text('parent,child,length,weight\n"a, b","c ""d""",7,0.5\n"a, b","e\nf",8,0\n')
    tax = read_taxonomy(path)
    assert tax.nodes == ("a, b", 'c "d"', "e\nf")
    assert tax.edge_weight.tolist() == [0.5, 0.0]
    assert read_taxonomy(path, weight="length").edge_weight.tolist() == [7.0, 8.0]


# (name, content, options, line or None, message)
BROKEN: list[tuple[str, bytes, dict[str, Any], int | None, str]] = [
    ("empty.csv", b"", {}, None, "is empty"),
    ("blank.csv", b"\n \n\n", {}, None, "is empty"),
    ("mark_only.csv", b"\xef\xbb\xbf", {}, None, "is empty"),
    ("header_only.csv", b"parent,child\n", {}, None, "has no edges"),
    ("wrong_columns.csv", b"a,b\nr,x\n", {}, 1, "no column 'parent'; found 'a', 'b'"),
    ("no_child.csv", b"parent,kid\nr,x\n", {}, 1, "no column 'child'; found 'parent', 'kid'"),
    ("semicolon.csv", b"parent;child\nr;x\n", {}, 1, "found 'parent;child' .*delimiter="),
    ("twice.csv", b"parent,child,Parent\nr,x,r\n", {}, 1, "2 columns 'parent'"),
    ("same.csv", GOOD, {"parent": "child"}, None, "one column 'child'"),
    ("no_length.csv", GOOD, {"weight": "length"}, 1, "no column 'length'"),
    ("two_weights.csv", b"parent,child,weight,Weight\nr,x,1,2\n", {}, 1, "2 columns 'weight'"),
    ("no_header.csv", b"r,a\nr,b\n", {}, 1, "no column 'parent'; found 'r', 'a'"),
    ("short.csv", b"parent,child\nr,a\nr\n", {}, 3, "1 cells; expected 2"),
    ("long.csv", b"parent,child\nr,a\nr,b,c\n", {}, 3, "3 cells; expected 2"),
    ("no_parent.csv", b"parent,child\nr,a\n,b\n", {}, 3, "empty parent name"),
    ("root_row.csv", b"parent,child\n,r\nr,a\n", {}, 2, "empty parent name"),
    ("no_name.csv", b"parent,child\nr,\n", {}, 2, "empty child name"),
    ("blank_name.csv", b"parent,child\nr,a\nr,  \n", {}, 3, "empty child name"),
    ("weight.csv", b"parent,child,weight\nr,a,1\nr,b,big\n", {}, 3, "weight 'big'"),
    ("no_weight.csv", b"parent,child,weight\nr,a,1\nr,b,\n", {}, 3, "weight ''"),
    ("nan.csv", b"parent,child,weight\nr,a,nan\n", {}, 2, "weight nan"),
    ("negative.csv", b"parent,child,weight\nr,a,1\nr,b,-2\n", {}, 3, "weight -2.0"),
    ("loop.csv", b"parent,child\nr,a\na,a\n", {}, 3, "'a' is its own parent"),
    ("repeated.csv", b"parent,child\nr,a\nr,b\nr,a\n", {}, 4, "'r' -> 'a' is listed twice"),
    ("cycle.csv", b"parent,child\nr,a\na,b\nb,c\nc,a\n", {}, 5, "cycle of 3 nodes: a -> b -> c"),
    ("all_cycle.csv", b"parent,child\na,b\nb,a\n", {}, 3, "cycle of 2 nodes"),
    ("roots.csv", b"parent,child\nr,a\ns,b\n", {}, None, r"2 roots \('r', 's'\)"),
    (
        "parents.csv",
        b"parent,child\nr,a\nr,b\na,x\nb,x\n",
        {"multi_parent": "error"},
        5,
        "'x' has 2 parents",
    ),
    ("nul.csv", b"parent,child\nr,a\nr,b\0c\n", {}, 3, "NUL"),
    ("latin.csv", "parent,child\nr,a\nr,é\n".encode("latin-1"), {}, 3, "0xe9 is no UTF-8"),
    ("latin_mark.csv", b"\xef\xbb\xbfparent,child\nr,\xff\n", {}, 2, "0xff is no UTF-8"),
    ("utf16.csv", GOOD.decode().encode("utf-16"), {}, 1, "is UTF-16"),
    ("cut.csv.gz", gzip.compress(GOOD)[:-12], {}, None, "damaged or truncated gzip"),
    ("checksum.csv.gz", gzip.compress(GOOD)[:-8] + b"\0" * 8, {}, None, "damaged or truncated"),
    ("stub.csv.gz", b"\x1f\x8b", {}, None, "damaged or truncated gzip"),
    ("not_gzip.csv.gz", GOOD, {}, None, "no gzip file although"),
    ("empty.csv.gz", b"", {}, None, "is empty"),
    ("open_quote.csv", b'parent,child\nr,a\nr,"b\n', {}, 3, "malformed table"),
    ("stray_quote.csv", b'parent,child\nr,"a"b\n', {}, 2, "malformed table"),
    ("huge_cell.csv", b"parent,child\nr," + b"x" * 200_000 + b"\n", {}, 2, "malformed table"),
    ("tree.xlsx", GOOD, {}, None, "unknown kind of file"),
    ("tree", GOOD, {}, None, "unknown kind of file"),
]


@pytest.mark.parametrize(
    ("name", "content", "options", "line", "message"), BROKEN, ids=[b[0] for b in BROKEN]
)
def test_broken(
    tmp_path: Path,
    name: str,
    content: bytes,
    options: dict[str, Any],
    line: int | None,
    message: str,
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_taxonomy(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


def test_missing_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TaxonomyError, match="is a folder"):
        read_csv(tmp_path / "folder.csv")
    with pytest.raises(TaxonomyError, match="cannot be read"):
        read_csv(f"{tmp_path}/a\0b.csv")


def test_cells_over_several_lines_keep_the_line_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('parent,child\nr,"a\nb"\nr,c\nc,c\n')
    with pytest.raises(TaxonomyError) as caught:
        read_csv(path)
    assert caught.value.line == 5


# --------------------------------------------------------------------------------- writing


@settings(deadline=None, max_examples=30)
@given(
    st.one_of(trees(), dags()),
    st.sampled_from(["t.csv", "t.tsv", "t.csv.gz", "t.tsv.gz"]),
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
    tax.write_csv(path)
    again = read_taxonomy(path)
    assert again == tax
    assert again.nodes == tax.nodes
    assert again.parent_id.equal(tax.parent_id)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_awkward_names_round_trip(tmp_path: Path, suffix: str) -> None:
    names = ["a,b", 'say "hi"', "tab\there", "two\nlines", "cr\rhere", "é☃", "#x", "-", "'q'"]
    tax = Taxonomy.from_edges([("r", name) for name in names])
    path = tmp_path / f"t{suffix}"
    write_csv(tax, path)
    assert read_taxonomy(path) == tax


def test_single_node_round_trip(tmp_path: Path) -> None:
    tax = Taxonomy.from_paths([("only",)])
    write_csv(tax, tmp_path / "t.csv")
    assert read_taxonomy(tmp_path / "t.csv") == tax


def test_no_weight_column_without_weights(tmp_path: Path) -> None:
    write_csv(EXPECTED, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == GOOD


def test_writing_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    write_csv(EXPECTED, path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(TaxonomyError, match="cannot be written: No space left"):
            write_csv(builtin_taxonomy("demo"), path)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert read_taxonomy(path) == EXPECTED
    with pytest.raises(TaxonomyError, match="cannot be written"):
        write_csv(EXPECTED, tmp_path / "none" / "t.csv")
    with pytest.raises(TaxonomyError, match="cannot be written"):
        write_csv(EXPECTED, tmp_path)
