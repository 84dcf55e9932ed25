"""Code prefixes: ICD-10, ATC, EC and MeSH conventions, tables of codes, broken codes."""

from __future__ import annotations

import gzip
import os
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.codes import MAX_CODE, from_codes, parse_codes, read_codes

ICD = ["K50", "J45.1", "J45", "J45.0", "K50.0", "J46"]


def test_listed_codes_only() -> None:
    tax = from_codes(ICD, roots="join", root_name="ICD")
    assert tax.children("ICD") == ("K50", "J45", "J46")  # as they are first needed
    assert tax.children("J45") == ("J45.1", "J45.0")  # as they are listed
    with pytest.raises(TaxonomyError, match=r"3 roots \('K50', 'J45', 'J46'\)"):
        from_codes(ICD)
    assert from_codes(ICD, roots="largest").nodes == ("J45", "J45.1", "J45.0")


def test_cuts_make_the_missing_levels() -> None:
    tax = from_codes(["J45.01", "J45.1", "K50"], cuts=(1, 3, 4), roots="join")
    assert tax.ancestors("J45.01") == ("J45.0", "J45", "J", "root")
    assert tax.children("J45") == ("J45.0", "J45.1")
    assert tax.parents("K50") == ("K",)
    # a listed code is a node even at no cut, and a parent if it is the longest beginning
    tax = from_codes(["J45.0", "J45.01"], cuts=(1,))
    assert tax.ancestors("J45.01") == ("J45.0", "J")
    # a made beginning has the spelling of the first code that needs it
    assert from_codes(["A.1B.2", "A1.C"], cuts=(2,)).nodes == ("A.1", "A.1B.2", "A1.C")


def test_five_levels_of_atc() -> None:
    tax = from_codes(["A10BA02", "A10BB01"], cuts=(1, 3, 4, 5, 7))
    assert tax.ancestors("A10BA02") == ("A10BA", "A10B", "A10", "A")
    assert tax.height == 4


def test_dots_do_not_count() -> None:
    tax = from_codes(["J45", "J450", "J45.01"])
    assert tax.ancestors("J45.01") == ("J450", "J45")
    assert from_codes(["81", "81/3", "81/31"], ignore="/").ancestors("81/31") == ("81/3", "81")
    with pytest.raises(TaxonomyError, match=r"number 2 'J450' is the same as 'J45\.0'; "):
        from_codes(["J45.0", "J450"])
    assert from_codes(["J.4", "J4", "J45"], ignore="", roots="largest").nodes == ("J4", "J45")


def test_separator_counts_whole_numbers() -> None:
    ec = ["1.1.1.1", "1.1.1.10", "1.10.3.1", "1.1.-.-", "2.7.11.n1"]
    tax = from_codes(ec, separator=".", roots="join", root_name="EC")
    assert tax.ancestors("1.1.1.10") == ("1.1.1", "1.1.-.-", "1", "EC")
    assert tax.ancestors("1.10.3.1") == ("1.10.3", "1.10", "1", "EC")
    assert tax.parents("2.7.11.n1") == ("2.7.11",)
    assert from_codes(["1. 1. 1.-", "1. 1. 1.25"], separator=".").leaves == ("1. 1. 1.25",)
    assert from_codes(["a::b::c"], separator="::").nodes == ("a", "a::b", "a::b::c")
    for same in ("1.1", "1.1.", "1.1.-"):
        with pytest.raises(TaxonomyError, match=r"is the same as '1\.1\.-\.-'"):
            from_codes(["1.1.-.-", same], separator=".")


def test_names() -> None:
    names = {"J45": "Asthma", "J450": "Allergic asthma", "unused": "x"}
    tax = from_codes(["J45.01", "J45.1"], cuts=(3, 4), names=names)
    assert tax.nodes == ("Asthma", "Allergic asthma", "J45.1", "J45.01")


def test_a_descriptor_at_several_numbers() -> None:
    mesh = {"C1": "a", "C1.1": "b", "C1.2": "c", "C1.1.5": "d", "C1.2.7": "d", "C1.2.7.1": "e"}
    with pytest.raises(TaxonomyError, match="name 'd' stands below 'b' and below 'c'"):
        from_codes(mesh, separator=".", names=mesh)
    dag = from_codes(mesh, separator=".", names=mesh, duplicates="merge")
    assert dag.parents("d") == ("b", "c")
    tree = from_codes(mesh, separator=".", names=mesh, duplicates="path")
    assert tree.parents("e") == ("a > c > d",)


def test_a_code_may_be_listed_often() -> None:
    assert from_codes(["A", "AB", "AB", "A"]) == from_codes(["A", "AB"])


WRONG: list[tuple[list[Any], dict[str, Any], str]] = [
    ([], {}, "no codes; expected at least one"),
    ([""], {}, "code number 1 '' is empty"),
    (["A", "..."], {}, r"code number 2 '\.\.\.' is empty"),
    (["A", "-.-"], {"separator": "."}, "code number 2 '-.-' is empty"),
    (["A", 7], {}, "code number 2 is 7; expected a str"),
    (["1..2"], {"separator": "."}, r"'1\.\.2' has nothing between two '\.'"),
    ([".1"], {"separator": "."}, r"'\.1' has nothing between two"),
    (["A" * (MAX_CODE + 1)], {}, "has 256 characters; expected at most 255"),
    ([" A"], {}, "begins or ends with white space"),
]


@pytest.mark.parametrize(("codes", "options", "message"), WRONG)
def test_wrong_codes(codes: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        from_codes(codes, **options)


def test_wrong_arguments() -> None:
    for cuts in ((0, 1), (1, 1), (3, 1), (-1,)):
        with pytest.raises(ValueError, match="expected increasing lengths from 1 on"):
            from_codes(ICD, cuts=cuts)
    with pytest.raises(ValueError, match="cuts and separator; expected one of them"):
        from_codes(ICD, cuts=(1,), separator=".")
    with pytest.raises(ValueError, match="separator=''"):
        from_codes(ICD, separator="")
    with pytest.raises(ValueError, match="roots='all'"):
        from_codes(ICD, roots="all")  # type: ignore[arg-type]
    with pytest.raises(TaxonomyError, match="codes 'J45' is a str"):
        from_codes("J45")


# ----------------------------------------------------------------------------------- files

PLAIN = b"J45\nJ45.0\nJ45.1\n"
EXPECTED = from_codes(["J45", "J45.0", "J45.1"])

TOLERATED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.txt", PLAIN, {}),
    ("plain", PLAIN.rstrip(), {}),
    ("windows.txt", b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"), {}),
    ("blank.txt", b"\n" + PLAIN.replace(b"\n", b" \n\n"), {}),
    ("repeated.txt", PLAIN + PLAIN, {}),
    ("packed.txt.gz", gzip.compress(PLAIN), {}),
    ("described.txt", b"J45  Asthma\nJ45.0\tAllergic asthma\nJ45.1\n", {}),
    ("titled.txt", b"Code what\nJ45 Asthma\nJ45.0\nJ45.1\n", {"header": True}),
    ("codes.csv", b"id,Code\n1,J45\n2,J45.0\n3,J45.1\n", {}),
    ("codes.TSV", b"id\tcode\n1\tJ45\n2\tJ45.0\n3\tJ45.1\n", {}),
    ("codes.csv.gz", gzip.compress(b"code\nJ45\nJ45.0\nJ45.1\n"), {}),
    ("empty_codes.csv", b"id,code\n1,J45\n2,\n,\n3,J45.0\n4,J45.1\n", {}),
    ("other.csv", b"id,icd\n1,J45\n2,J45.0\n3,J45.1\n", {"code": "ICD"}),
    ("bare.csv", b"1,J45\n2,J45.0\n3,J45.1\n", {"header": False, "code": 1}),
    ("first.csv", b"J45,1\nJ45.0,2\nJ45.1,3\n", {"header": False}),
    ("semicolon.txt", b"code;x\nJ45;1\nJ45.0;2\nJ45.1;3\n", {"delimiter": ";"}),
    ("quoted.csv", b'"code","x"\n"J45",1\n"J45.0",2\n"J45.1",3\n', {}),
]


@pytest.mark.parametrize(("name", "content", "options"), TOLERATED, ids=[t[0] for t in TOLERATED])
def test_tolerated(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read_codes(path, **options) == EXPECTED
    assert read_codes(os.fspath(path), **options) == EXPECTED


def test_names_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "icd10.txt"
    path.write_text("J45  Asthma, all kinds\nJ450 Allergic\nJ451\n")
    assert read_codes(path, name=1).nodes == ("Asthma, all kinds", "Allergic", "J451")
    path = tmp_path / "icd10.csv"
    path.write_text('code,title\nJ45,"Asthma, all kinds"\nJ450,Allergic\nJ450,Allergic\nJ451,\n')
    assert read_codes(path, name="title").nodes == ("Asthma, all kinds", "Allergic", "J451")
    mesh = "Body Regions;A01\nHead;A01.456\nEar;A01.456.313\n"
    assert parse_codes(mesh, delimiter=";", header=False, code=1, name=0, separator=".").ancestors(
        "Ear"
    ) == ("Head", "Body Regions")


BROKEN: list[tuple[str, bytes, dict[str, Any], int | None, str]] = [
    ("empty.txt", b"", {}, None, "is empty; expected codes"),
    ("blank.csv", b"\n\n", {}, None, "is empty; expected codes"),
    ("header.csv", b"code\n", {}, None, "no codes"),
    ("column.csv", b"\nid,icd\n1,J45\n", {}, 2, "no column 'code'; found 'id', 'icd'"),
    ("name.csv", b"code\nJ45\n", {"name": "title"}, 1, "no column 'title'"),
    ("number.csv", b"code\nJ45\n", {"name": 1}, 1, "no column 1"),
    ("no_header.csv", b"J45\n", {"header": False, "code": "code"}, 1, "no column 'code'"),
    ("plain.txt", b"J45 x\n", {"name": 2}, 1, "no column 2"),
    ("short.csv", b"id,code\n1,J45\n2\n", {}, 3, "1 cells; expected 2"),
    ("quote.csv", b'id,code\n1,"J45\n', {}, 2, "malformed table"),
    ("dots.txt", b"J45\n...\n", {}, 2, r"code '\.\.\.' is empty"),
    ("same.txt", b"J45\nJ45.0\n\nJ450\n", {}, 4, "'J450' is the same as 'J45.0'"),
    ("long.txt", b"J45\n" + b"J" * 300 + b"\n", {}, 2, "has 300 characters"),
    ("hole.txt", b"1\n1..2\n", {"separator": "."}, 2, "has nothing between two"),
    ("roots.txt", b"J45\nK50\n", {}, None, "2 roots"),
    ("called.csv", b"code,t\nJ45,a\nJ45,b\n", {"name": "t"}, 3, "called 'b', and 'a' before"),
    ("twice.csv", b"code,t\nJ,a\nJ45,b\nJ46,b\n", {"name": "t"}, 4, "name 'b' stands twice below"),
    ("nul.txt", b"J45\nJ\0\n", {}, 2, "NUL"),
    ("latin.txt", b"J45\n\xff\n", {}, 2, "0xff is no UTF-8"),
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
        read_codes(path, **options)
    assert caught.value.path == os.fspath(path)
    assert caught.value.line == line


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no such file"):
        read_codes(tmp_path / "none.txt")


# ------------------------------------------------------------------------------ properties


@given(st.lists(st.text("AB.", min_size=1, max_size=6), min_size=1, max_size=30))
def test_the_parent_is_the_longest_beginning(codes: list[str]) -> None:
    plain = {code.replace(".", ""): code for code in reversed(codes)}
    plain.pop("", None)
    listed = [code for code in codes if code in plain.values()]
    if not listed:
        return
    tax = from_codes(listed, roots="join", root_name="all of them")
    for key, code in plain.items():
        above = [plain[key[:k]] for k in range(1, len(key)) if key[:k] in plain]
        several = "all of them" in tax
        assert tax.parents(code) == tuple(above[-1:] or ["all of them"] * several)


@given(st.lists(st.lists(st.sampled_from("123"), min_size=1, max_size=5), min_size=1, max_size=20))
def test_separated_codes_are_paths(numbers: list[list[str]]) -> None:
    codes = [".".join(parts) for parts in numbers]
    paths = [list(accumulate(parts, lambda a, b: f"{a}.{b}")) for parts in numbers]
    expected = Taxonomy.from_paths(paths, roots="join", root_name="all")
    tax = from_codes(codes, separator=".", roots="join", root_name="all")
    assert set(tax) == set(expected)
    assert all(tax.parents(node) == expected.parents(node) for node in tax)


@given(
    st.one_of(st.text(max_size=80), st.text("J45. -,\n\"'", max_size=60)),
    st.sampled_from([None, ",", "\t"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([{}, {"cuts": (1, 3)}, {"separator": "."}, {"ignore": ""}]),
    st.sampled_from([None, 0, 1, "code"]),
)
def test_any_text_is_codes_or_an_error(
    text: str, delimiter: str | None, header: bool | None, scheme: dict[str, Any], name: Any
) -> None:
    try:
        tax = parse_codes(text, delimiter=delimiter, header=header, name=name, **scheme)
    except TaxonomyError:
        return
    assert isinstance(tax, Taxonomy)


def test_many_nested_codes_take_little_time() -> None:
    codes = [f"{k:06d}" for k in range(100_000)]
    tax = from_codes(codes, cuts=range(1, 6))
    assert (len(tax), tax.height) == (111_111, 5)
    chain = ["x" * k for k in range(1, MAX_CODE + 1)]
    assert from_codes(chain[::-1]).height == MAX_CODE - 1
