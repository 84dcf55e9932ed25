"""Paths as lines: tolerated variants, broken files, writing."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_strategies import AWKWARD, mutations, named
from taxonomy_strategies import trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats import path_lines
from hyperhier.taxonomy.formats.path_lines import parse_paths, read_paths, write_paths

GOOD = b"Clothing\nClothing > Shoes\nClothing > Shoes > Boots\nClothing > Hats\n"
EXPECTED = Taxonomy.from_paths([("Clothing", "Shoes", "Boots"), ("Clothing", "Hats")])

TOLERATED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.txt", GOOD, {}),
    ("leaves_only.txt", b"Clothing>Shoes>Boots\nClothing>Hats\n", {}),
    ("mark.txt", b"\xef\xbb\xbf" + GOOD, {}),
    ("windows.txt", GOOD.replace(b"\n", b"\r\n"), {}),
    ("mac.txt", GOOD.replace(b"\n", b"\r"), {}),
    ("no_last_newline.txt", GOOD.rstrip(), {}),
    ("blank_lines.txt", b"\n \n" + GOOD.replace(b"\n", b"\n\t\n"), {}),
    ("comments.txt", b"# Version: 7\n" + GOOD + b"  #end", {}),
    ("own_comment.txt", b"// Version > 7\n" + GOOD, {"comment": "//"}),
    ("twice.txt", GOOD + GOOD, {}),
    ("spaces.txt", GOOD.replace(b" > ", b"  >\t").replace(b"C", b"  C"), {}),
    ("inner_later.txt", b"Clothing > Shoes > Boots\nClothing > Hats\nClothing > Shoes\n", {}),
    ("packed.txt.gz", gzip.compress(GOOD), {}),
    ("slash.txt", GOOD.replace(b" > ", b"/"), {"separator": "/"}),
    ("tab.txt", GOOD.replace(b" > ", b"\t"), {"separator": "\t"}),
    ("arrow.txt", GOOD.replace(b">", b"->"), {"separator": "->"}),
    ("spaced.txt", GOOD, {"separator": " > "}),
]


@pytest.mark.parametrize(("name", "content", "options"), TOLERATED, ids=[t[0] for t in TOLERATED])
def test_tolerated(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read_paths(path, **options) == EXPECTED


# (content, options, line or None, message)
BROKEN: list[tuple[bytes, dict[str, Any], int | None, str]] = [
    (b"", {}, None, "is empty; expected paths"),
    (b"\n # x\n\r\n", {}, None, "is empty"),
    (b"a > b\na > > c\n", {}, 2, "name 2 of 3 is empty; expected text on both sides of '>'"),
    (b"a > b\r\n\r\na >\r\n", {}, 3, "name 2 of 2 is empty"),
    (b"a > b\r\r> c\r", {}, 3, "name 1 of 2 is empty"),
    (b">\n", {}, 1, "name 1 of 2 is empty"),
    (b"#a > b\n a\n > b", {"comment": None}, 3, "name 1 of 2 is empty"),
    (b"a > b\nc > d\n", {}, None, r"2 roots \('a', 'c'\)"),
    (b"a > b > x\na > c > x\n", {}, 2, "'x' stands below 'b' and below 'c'"),
    (b"a > b > b\n", {}, 1, "'b' stands below 'a' and below 'b'"),
    (b"a > \xff\n", {}, 1, "no UTF-8"),
]


@pytest.mark.parametrize(("content", "options", "line", "message"), BROKEN)
def test_broken(
    tmp_path: Path, content: bytes, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_paths(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "options", [{"separator": ""}, {"separator": "\n"}, {"comment": " #"}, {"comment": "a\nb"}]
)
def test_bad_options(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_paths("a > b", **options)
    with pytest.raises(ValueError, match="expected"):
        write_paths(EXPECTED, tmp_path / "t.txt", **options)
    assert not list(tmp_path.iterdir())


def test_policies() -> None:
    text = "men > shoes\nwomen > shoes\n"
    tax = parse_paths(text, roots="join", root_name="shop", duplicates="path")
    assert tax.leaves == ("men > shoes", "women > shoes")
    with pytest.raises(TypeError, match="unexpected argument"):
        parse_paths(text, weight=None)  # type: ignore[call-arg]


# --------------------------------------------------------------------------------- writing


@given(named(trees(), exclude="\r\n>"), st.sampled_from(["t.txt", "t.txt.gz"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]], name: str
) -> None:
    tax = Taxonomy.from_edges(edges)
    path = tmp_path_factory.mktemp("round") / name
    comment = None if tax.root.startswith("#") else "#"
    write_paths(tax, path, comment=comment)
    again = read_paths(path, comment=comment)
    assert again == tax
    assert again.nodes == tax.nodes


@given(named(trees(6)), st.sampled_from([">", " > ", "/", "> >", ">>", "\t", " ", "#", " >"]))
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]], separator: str
) -> None:
    tax = Taxonomy.from_edges(edges)
    path = tmp_path_factory.mktemp("round") / "t.txt"
    try:
        write_paths(tax, path, separator=separator, comment="#")
    except TaxonomyError:
        assert set("".join(tax.nodes)) & set("\r\n>/ \t#")
        assert not path.exists()
    else:
        assert read_paths(path, separator=separator, comment="#") == tax


def test_written_text(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    write_paths(EXPECTED, path)
    assert path.read_bytes() == b"Clothing > Shoes > Boots\nClothing > Hats\n"
    write_paths(EXPECTED, path, separator="\t")
    assert path.read_bytes() == b"Clothing\tShoes\tBoots\nClothing\tHats\n"
    single = Taxonomy.from_paths([("only",)])
    write_paths(single, path)
    assert read_paths(path) == single


@pytest.mark.parametrize(
    ("tax", "message"),
    [
        (Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")]), "a DAG; .*to_tree"),
        (Taxonomy.from_edges([("r", "a", 2.0)]), "edge lengths other than 1; .*unweighted"),
        (Taxonomy.from_edges([("r", "a > b")]), "'a > b' does not read back between '>'"),
        (Taxonomy.from_edges([("r", "a"), ("r", "two\nlines")]), "'two.nlines': it has a line"),
        (Taxonomy.from_edges([("r", "cr\rhere")]), "line end"),
        (Taxonomy.from_edges([("#r", "a")]), "'#r' begins with the comment sign '#'; comment="),
    ],
)
def test_refused(tmp_path: Path, tax: Taxonomy, message: str) -> None:
    path = tmp_path / "t.txt"
    with pytest.raises(TaxonomyError, match=message) as caught:
        write_paths(tax, path)
    assert caught.value.path == os.fspath(path)
    assert not path.exists()


def test_other_signs_take_what_the_default_refuses(tmp_path: Path) -> None:
    names = [name for name in AWKWARD if not set("\r\n|") & set(name)]
    tax = Taxonomy.from_edges([("#r", name) for name in names])
    write_paths(tax, tmp_path / "t.txt", separator="|", comment=None)
    assert read_paths(tmp_path / "t.txt", separator="|", comment=None) == tax


def test_a_chain_is_one_line_and_a_comb_may_be_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Taxonomy.from_paths([[f"n{k}" for k in range(100_000)]])
    write_paths(chain, tmp_path / "chain.txt")
    assert read_paths(tmp_path / "chain.txt") == chain
    comb = Taxonomy.from_edges(
        [(f"n{k}", f"{kind}{k + 1}") for k in range(30_000) for kind in "nx"]
    )
    with pytest.raises(TaxonomyError, match="too deep: as lines of paths it takes"):
        write_paths(comb, tmp_path / "comb.txt")
    sizes: list[int] = []
    monkeypatch.setattr(path_lines, "check_size", lambda size, *_: sizes.append(size))
    names = ["r", "é☃", "b", "c"]
    write_paths(Taxonomy.from_edges([*pairwise(names), ("r", "x")]), tmp_path / "t.txt")
    assert sizes == [(tmp_path / "t.txt").stat().st_size]


@given(st.text() | mutations([GOOD.decode(), "# x\na>b\n"], ">#\n\r\t \0é"))
def test_any_text_parses_or_fails(text: str) -> None:
    with suppress(TaxonomyError):
        parse_paths(text, roots="join", duplicates="path")
