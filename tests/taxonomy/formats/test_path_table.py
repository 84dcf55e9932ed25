"""Paths as tables: tolerated variants, broken files."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from named_strategies import mutations

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.path_table import parse_path_table, read_path_table

GOOD = b"class,order,species\nmammal,carnivore,cat\nmammal,carnivore,dog\nmammal,,platypus\n"
EXPECTED = Taxonomy.from_paths(
    [("mammal", "carnivore", "cat"), ("mammal", "carnivore", "dog"), ("mammal", "platypus")]
)
MORE = b"id,species,class,x,order\n1,cat,mammal,?,carnivore\n2,dog,mammal,,carnivore\n"
MORE += b"3,platypus,mammal,,\n"

TOLERATED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.csv", GOOD, {}),
    ("mark.csv", b"\xef\xbb\xbf" + GOOD, {}),
    ("windows.csv", GOOD.replace(b"\n", b"\r\n"), {}),
    ("mac.csv", GOOD.replace(b"\n", b"\r"), {}),
    ("no_last_newline.csv", GOOD.rstrip(), {}),
    ("quotes.csv", GOOD.replace(b"mammal", b'"mammal"'), {}),
    ("spaces.csv", GOOD.replace(b",", b" , "), {}),
    ("blank_lines.csv", b"\n\n" + GOOD.replace(b"\n", b"\n\n \n"), {}),
    ("packed.csv.gz", gzip.compress(GOOD), {}),
    ("tabs.tsv", GOOD.replace(b",", b"\t"), {}),
    ("packed.TSV.gz", gzip.compress(GOOD.replace(b",", b"\t")), {}),
    ("semicolon.csv", GOOD.replace(b",", b";"), {"delimiter": ";"}),
    ("twice.csv", GOOD + GOOD.partition(b"\n")[2], {}),
    ("inner_row.csv", GOOD.replace(b"\n", b"\nmammal,carnivore,\n", 1), {}),
    ("padded.csv", GOOD.replace(b",,platypus", b",platypus,platypus"), {}),
    ("empty_column.csv", GOOD.replace(b"\n", b",\n"), {}),
    ("one_name_twice.csv", GOOD.replace(b"order", b"class"), {}),
    ("names.csv", MORE, {"columns": ["CLASS", " order", "species"]}),
    ("numbers.csv", MORE, {"columns": (2, 4, 1)}),
    ("both.csv", MORE, {"columns": iter(["class", 4, 1])}),
]


@pytest.mark.parametrize(("name", "content", "options"), TOLERATED, ids=[t[0] for t in TOLERATED])
def test_tolerated(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read_path_table(path, **options) == EXPECTED


# (content, options, line or None, message)
BROKEN: list[tuple[bytes, dict[str, Any], int | None, str]] = [
    (b"", {}, None, "is empty; expected a header and paths"),
    (b" \n,,\n", {}, None, "is empty"),
    (b"a,b\n", {}, None, "has no rows below the header"),
    (b"a,b\nr,x\n,\n", {}, 3, "no name in the row"),
    (b"a,b\nr,x\n ,x\n", {"columns": ["a"]}, 3, "no name in the row"),
    (b"a,b\nr,x\nr\n", {}, 3, "1 cells; expected 2 as in the first line"),
    (b"a,b\nr,x,y\n", {}, 2, "3 cells; expected 2"),
    (b"\na,b\nr,x\n", {"columns": ["a", "c"]}, 2, "no column 'c'; found 'a', 'b' .columns="),
    (b"a,b\nr,x\n", {"columns": [0, 2]}, 1, "no column 2; found 'a', 'b'"),
    (b"a,b\nr,x\n", {"columns": [-1]}, 1, "no column -1"),
    (b"a,b,A\nr,x,y\n", {"columns": ["a", "b"]}, 1, "2 columns 'a'; expected one"),
    (b"a,b\nr,x\n", {"columns": ["a", "b", 0]}, 1, "columns 'a' and 0 are one"),
    (b"a,b\nr,x\n", {"columns": []}, None, "columns is empty"),
    (b"a,b\nr,x\n", {"columns": [1.5]}, None, "columns=1.5 is a float"),
    (b"a,b\nr,x\nr,y\ns,x\n", {"roots": "join"}, 4, "'x' stands below 'r' and below 's'"),
    (b"a,b,c\nr,r,x\n", {}, 2, "'r' stands at the top and below 'r'"),
    (b"a,b,c\nr,,x\nr,y,x\n", {}, 3, "'x' stands below 'r' and below 'y'"),
    (b"a,b\nr,x\ns,y\n", {}, None, r"2 roots \('r', 's'\)"),
    (b'a,b\nr,"x\n', {}, 2, "malformed table"),
    (b"a,b\nr," + b"x" * 200_000 + b"\n", {}, 2, "malformed table"),
    (b"a,b\nr,\xff\n", {}, 2, "no UTF-8"),
    (b"a,b\nr,x\0\n", {}, 2, "NUL"),
]


@pytest.mark.parametrize(("content", "options", "line", "message"), BROKEN)
def test_broken(
    tmp_path: Path, content: bytes, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_path_table(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


def test_bad_arguments() -> None:
    bad: Any = {"duplicates": "often"}
    with pytest.raises(ValueError, match="duplicates='often'"):
        parse_path_table("", **bad)
    bad = {"roof": "error"}
    with pytest.raises(TypeError, match="unexpected argument 'roof'"):
        parse_path_table("", **bad)
    with pytest.raises(TaxonomyError, match="'class' is a str; expected a sequence"):
        parse_path_table("class\na\n", columns="class")


def test_policies() -> None:
    text = "class,species\nmammal,cat\nbird,duck\n"
    joined = parse_path_table(text, roots="join", root_name="animal")
    assert joined.levels == (("animal",), ("mammal", "bird"), ("cat", "duck"))
    shop = "a,b,c\nshop,men,shoes\nshop,women,shoes\n"
    assert parse_path_table(shop, duplicates="path").leaves == (
        "shop > men > shoes",
        "shop > women > shoes",
    )
    assert parse_path_table(shop, duplicates="merge").parents("shoes") == ("men", "women")
    assert parse_path_table("a,b,c\nx,y,z\n", unary="contract").nodes == ("x", "z")


def test_names_with_delimiters_and_line_ends() -> None:
    text = 'a,b\n"r, s","x ""y"""\n"r, s","two\nlines"\n"r, s",\u00e9\n'
    assert parse_path_table(text).nodes == ("r, s", 'x "y"', "two\nlines", "é")


def test_wide_and_deep() -> None:
    names = [f"n{k}" for k in range(20_000)]
    text = ",".join(names) + "\n" + ",".join(names) + "\n"
    assert parse_path_table(text).height == len(names) - 1


@given(st.text() | mutations([GOOD.decode(), MORE.decode()], ',"\n\r\t x\0é'))
@example('"')
def test_any_text_parses_or_fails(text: str) -> None:
    for options in ({}, {"columns": [1, 0]}):
        with suppress(TaxonomyError):
            parse_path_table(text, roots="join", duplicates="path", **options)
