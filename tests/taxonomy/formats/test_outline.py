"""Outlines: tolerated variants, broken files, writing."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_strategies import AWKWARD, mutations, named
from taxonomy_strategies import trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.outline import parse_outline, read_outline, write_outline

GOOD = b"pet\n  cat\n    manx\n    persian\n  dog\n"
EXPECTED = Taxonomy.from_paths([("pet", "cat", "manx"), ("pet", "cat", "persian"), ("pet", "dog")])
BULLETS = b"- pet\n  - cat\n    - manx\n    - persian\n  - dog\n"

TOLERATED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.txt", GOOD, {}),
    ("tabs.txt", GOOD.replace(b"  ", b"\t"), {}),
    ("both.txt", b"pet\n\tcat\n\t  manx\n\t  persian\n\tdog\n", {}),
    ("one.txt", GOOD.replace(b"  ", b" "), {}),
    ("uneven.txt", b"pet\n   cat\n    manx\n    persian\n   dog\n", {}),
    ("all_indented.txt", b"  pet\n    cat\n\n      manx\n      persian\n    dog\n", {}),
    ("one_by_branch.txt", b"pet\n cat\n       manx\n       persian\n dog\n", {}),
    ("mark.txt", b"\xef\xbb\xbf" + GOOD, {}),
    ("windows.txt", GOOD.replace(b"\n", b"\r\n"), {}),
    ("mac.txt", GOOD.replace(b"\n", b"\r"), {}),
    ("no_last_newline.txt", GOOD.rstrip(), {}),
    ("blank_lines.txt", b"\n\t\n" + GOOD.replace(b"\n", b"\n\n   \t\n"), {}),
    ("trailing.txt", GOOD.replace(b"\n", b" \t\n"), {}),
    ("comments.txt", b"# pets\n" + GOOD.replace(b"\n", b"\n\t   # more\n"), {}),
    ("own_comment.txt", b"; pets\n" + GOOD, {"comment": ";"}),
    ("packed.txt.gz", gzip.compress(GOOD), {}),
    ("bullets.md", BULLETS, {"bullets": True}),
    ("stars.md", BULLETS.replace(b"-", b"*"), {"bullets": True}),
    ("plus.md", BULLETS.replace(b"- ", b"+\t"), {"bullets": True}),
    ("some.md", BULLETS.replace(b"- pet", b"pet"), {"bullets": True}),
    ("none.md", GOOD, {"bullets": True}),
]


@pytest.mark.parametrize(("name", "content", "options"), TOLERATED, ids=[t[0] for t in TOLERATED])
def test_tolerated(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read_outline(path, **options) == EXPECTED


# (content, options, line or None, message)
BROKEN: list[tuple[bytes, dict[str, Any], int | None, str]] = [
    (b"", {}, None, "is empty; expected an outline"),
    (b"# x\n \n", {}, None, "is empty"),
    (b"a\n    b\n  c\n", {}, 3, "as far as no line that it could stand beside"),
    (b"  a\n    b\n c\n", {}, 3, "as far as no line"),
    (b"  a\nb\n", {}, 2, "as far as no line"),
    (b"a\n  b\n    c\n\n   d\n", {}, 5, "as far as no line"),
    (b"a\n\tb\n        c\n", {}, 3, "tabs and spaces in another order"),
    (b"a\n        b\n\tc\n", {}, 3, "tabs and spaces in another order"),
    (b"a\n \tb\n\t c\n", {}, 3, "tabs and spaces in another order"),
    (b"a\n  b\n\t  c\n", {}, 3, "tabs and spaces in another order"),
    ("a\n\u00a0\u00a0b\n".encode(), {}, 2, r"indented by '\\xa0'; expected spaces or tabs"),
    (b"a\n \x0cb\n", {}, 2, "indented by"),
    (b"- a\n  -\n", {"bullets": True}, 2, "no name after the bullet '-'"),
    (b"*  \n", {"bullets": True}, 1, "no name after the bullet"),
    (b"a\nb\n", {}, None, r"2 roots \('a', 'b'\)"),
    (b"a\n b\n  x\n c\n  x\n", {}, 5, "'x' stands below 'b' and below 'c'"),
    (b"a\n b\n b\n", {}, 3, "'b' stands twice below 'a'"),
    (b"a\n \xff\n", {}, 2, "no UTF-8"),
]


@pytest.mark.parametrize(("content", "options", "line", "message"), BROKEN)
def test_broken(
    tmp_path: Path, content: bytes, options: dict[str, Any], line: int | None, message: str
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_outline(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


def test_bullets_belong_to_the_name_by_default() -> None:
    assert parse_outline("- a\n  * b\n").nodes == ("- a", "* b")
    assert parse_outline("- a\n  -b\n  --\n  - - c", bullets=True).nodes == ("a", "-b", "--", "- c")


def test_policies() -> None:
    text = "men\n shoes\nwomen\n shoes\n"
    tax = parse_outline(text, roots="join", root_name="shop", duplicates="merge")
    assert tax.parents("shoes") == ("men", "women")
    with pytest.raises(ValueError, match="comment=' '"):
        parse_outline(text, comment=" ")


def test_deep() -> None:
    text = "".join(f"{' ' * k}n{k}\n" for k in range(3000)) + "x\n"
    assert parse_outline(text, roots="largest").height == 2999


# --------------------------------------------------------------------------------- writing


@given(named(trees(), exclude="\r\n"), st.sampled_from(["t.txt", "t.txt.gz"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str]], name: str
) -> None:
    tax = Taxonomy.from_edges(edges)
    path = tmp_path_factory.mktemp("round") / name
    comment = None if any(node.startswith("#") for node in tax) else "#"
    write_outline(tax, path, comment=comment)
    again = read_outline(path, comment=comment)
    assert again == tax
    assert again.nodes == tax.nodes


def test_written_text(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    write_outline(EXPECTED, path)
    assert path.read_bytes() == GOOD
    single = Taxonomy.from_paths([("only",)])
    write_outline(single, path)
    assert read_outline(path) == single


@pytest.mark.parametrize(
    ("tax", "message"),
    [
        (Taxonomy.from_edges([("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")]), "a DAG; .*to_tree"),
        (Taxonomy.from_edges([("r", "a", 0.0)]), "edge lengths other than 1; .*unweighted"),
        (Taxonomy.from_edges([("r", "two\nlines")]), "'two.nlines': it has a line end"),
        (Taxonomy.from_edges([("r", "cr\rhere")]), "line end"),
        (Taxonomy.from_edges([("r", "#a")]), "'#a' begins with the comment sign '#'; comment="),
    ],
)
def test_refused(tmp_path: Path, tax: Taxonomy, message: str) -> None:
    path = tmp_path / "t.txt"
    with pytest.raises(TaxonomyError, match=message) as caught:
        write_outline(tax, path)
    assert caught.value.path == os.fspath(path)
    assert not path.exists()


def test_awkward_names_without_comments(tmp_path: Path) -> None:
    names = [name for name in AWKWARD if not set("\r\n") & set(name)]
    tax = Taxonomy.from_edges([("#r", name) for name in names])
    write_outline(tax, tmp_path / "t.txt", comment=None)
    assert read_outline(tmp_path / "t.txt", comment=None) == tax


def test_too_deep_to_be_indented(tmp_path: Path) -> None:
    chain = Taxonomy.from_paths([[f"n{k}" for k in range(50_000)]])
    with pytest.raises(TaxonomyError, match=r"too deep: as outlines it takes 25\d+ bytes"):
        write_outline(chain, tmp_path / "t.txt")


@given(st.text() | mutations([GOOD.decode(), BULLETS.decode()], "#-*\n\r\t \0é\u00a0"))
def test_any_text_parses_or_fails(text: str) -> None:
    for bullets in (False, True):
        with suppress(TaxonomyError):
            parse_outline(text, bullets=bullets, roots="join", duplicates="path")
