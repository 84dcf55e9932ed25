"""Broken and hostile files of every format: one clear error, with its line, in bounded time."""

from __future__ import annotations

import gzip
import os
import socket
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from good_files import GOOD, WORDNET

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, format_names, read_taxonomy
from hyperhier.taxonomy.formats import _text

MOST_SECONDS = 10.0
MOST_BYTES = 200_000_000  # and 60 times the file

NEEDS = {"parquet": "pyarrow", "rdf": "rdflib"}

MANY = 20_000
DEEP = 100_000

#: bytes, or what makes them; for a folder its files
Content = bytes | Callable[[], bytes] | dict[str, bytes]

#: name of the file that the error is about, content, options, line, message
Row = tuple[str, Content, dict[str, Any], int | None, str]


def check(path: Path, format: str | None, **options: Any) -> TaxonomyError | Taxonomy:
    """The error of a file, or what it holds; within bounds of time and memory."""
    files = path.glob("**/*") if os.path.isdir(path) else [path]
    size = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    tracemalloc.start()
    start = time.perf_counter()
    result: TaxonomyError | Taxonomy
    try:
        result = read_taxonomy(path, format=format, **options)
    except TaxonomyError as problem:
        result = problem
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < MOST_SECONDS
    assert peak < MOST_BYTES + 60 * size
    return result


def put(folder: Path, name: str, content: Content) -> Path:
    """Write a file, or a folder of files; the path to be read."""
    if isinstance(content, dict):
        top = folder / name.partition("/")[0]
        top.mkdir()
        for file, data in content.items():
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            (top / file).write_bytes(data)
        return top
    (folder / name).write_bytes(content() if callable(content) else content)
    return folder / name


def need(format: str) -> None:
    if format not in format_names():
        pytest.skip(f"no format {format}")
    if format in NEEDS:
        pytest.importorskip(NEEDS[format])


# ------------------------------------------------------------- what may happen to any text file


def second_line(junk: bytes, end: bytes = b"\n") -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        first, _, rest = content.replace(b"\n", end).partition(end)
        return first + end + junk + rest

    return damage


ZIP = b"PK\x05\x06" + bytes(18)
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")

#: name, what happens to the content, line, message
DAMAGES: list[tuple[str, Callable[[bytes], bytes], int | None, str]] = [
    ("empty", lambda _: b"", None, "is empty"),
    ("blank", lambda _: b" \n\t\r\n\r \n", None, "is empty"),
    ("mark_only", lambda _: b"\xef\xbb\xbf", None, "is empty"),
    ("invalid", second_line(b"\xff"), 2, "byte 0xff is no UTF-8"),
    ("invalid_windows", second_line(b"\xfe", b"\r\n"), 2, "byte 0xfe is no UTF-8"),
    ("invalid_mac", second_line(b"\xfe", b"\r"), 2, "byte 0xfe is no UTF-8"),
    ("latin", second_line("Ä".encode("latin-1")), 2, "byte 0xc4 is no UTF-8"),
    ("surrogate", second_line(b"\xed\xa0\x80"), 2, "byte 0xed is no UTF-8"),
    ("overlong", second_line(b"\xc0\x80"), 2, "byte 0xc0 is no UTF-8"),
    ("beyond", second_line(b"\xf5\x80\x80\x80"), 2, "byte 0xf5 is no UTF-8"),
    ("cut_character", lambda c: c.rstrip()[:3] + b"\n\n\xe2\x82", 3, "byte 0xe2 is no UTF-8"),
    ("nul", second_line(b"\0"), 2, "NUL"),
    ("nul_mac", second_line(b"\0", b"\r"), 2, "NUL"),
    ("nuls", lambda c: bytes(len(c)), 1, "NUL"),
    ("utf16", lambda c: c.decode().encode("utf-16"), 1, "is UTF-16"),
    ("utf16_big", lambda c: b"\xfe\xff" + c.decode().encode("utf-16-be"), 1, "is UTF-16"),
    ("utf16_no_mark", lambda c: c.decode().encode("utf-16-le"), 1, "NUL"),
    ("utf16_big_no_mark", lambda c: c.decode().encode("utf-16-be"), 1, "NUL"),
    ("utf32", lambda c: c.decode().encode("utf-32"), 1, "is UTF-16"),
    ("png", lambda _: PNG, 1, "byte 0x89 is no UTF-8"),
    ("zip", lambda _: ZIP, 1, "NUL"),
    ("cut_gzip", lambda c: gzip.compress(c)[:-9], None, "damaged or truncated gzip"),
    ("cut_gzip_header", lambda c: gzip.compress(c)[:5], None, "damaged or truncated gzip"),
    ("gzip_and_more", lambda c: gzip.compress(c) + b"x", None, "damaged or truncated gzip"),
    ("gzip_twice", lambda c: gzip.compress(gzip.compress(c)), 1, "byte 0x8b is no UTF-8"),
]

TEXTS = {name: (format, text.encode(), options) for format, name, text, options in GOOD}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("damage", DAMAGES, ids=[d[0] for d in DAMAGES])
def test_damaged_text(
    tmp_path: Path,
    name: str,
    damage: tuple[str, Callable[[bytes], bytes], int | None, str],
) -> None:
    format, content, options = TEXTS[name]
    need(format)
    _, change, line, message = damage
    path = put(tmp_path, name, change(content))
    problem = check(path, format, **options)
    assert isinstance(problem, TaxonomyError)
    assert problem.path == os.fspath(path)
    assert problem.line == line
    assert message in problem.message


@pytest.mark.parametrize("name", TEXTS)
def test_good_text(tmp_path: Path, name: str) -> None:
    """The files that are damaged in these tests are sound as they are."""
    format, content, options = TEXTS[name]
    need(format)
    expected = check(put(tmp_path, name, content), format, **options)
    assert isinstance(expected, Taxonomy)
    for change in (
        lambda c: b"\xef\xbb\xbf" + c,
        lambda c: c.replace(b"\n", b"\r\n"),
        lambda c: c.rstrip(),
        lambda c: c + b"\n\n",
        lambda c: gzip.compress(c),
        lambda c: gzip.compress(c[:9]) + gzip.compress(c[9:]),
        lambda c: gzip.compress(c) + bytes(16),
    ):
        assert check(put(tmp_path, name, change(content)), format, **options) == expected


ANY_NAME = [*TEXTS, "t.parquet"]


@pytest.mark.parametrize("name", ANY_NAME)
def test_no_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    format = TEXTS[name][0] if name in TEXTS else "parquet"
    need(format)
    path = tmp_path / name

    def fails(message: str, at: Path = path) -> None:
        problem = check(at, format)
        assert isinstance(problem, TaxonomyError)
        assert (problem.path, problem.line) == (os.fspath(at), None)
        assert message in problem.message

    fails("no such file")
    fails("no gzip file although", put(tmp_path, name + ".gz", b"parent,child\n"))
    fails("cannot be read", tmp_path / ("x" * 5000 + name))
    fails("cannot be read", Path(f"{tmp_path}/a\0{name}"))
    path.mkdir()
    fails("is a folder; expected a file")
    path.rmdir()
    path.symlink_to(path)
    fails("cannot be read")
    path.unlink()
    path.touch(mode=0)
    if os.geteuid():
        fails("cannot be read")


@pytest.mark.parametrize("format", ["wordnet", "folders", "class-folders"])
def test_no_folder(tmp_path: Path, format: str) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (
        tmp_path / "none",
        put(tmp_path, "file", b"") / "below",
        tmp_path / ("x" * 5000),
        Path(f"{tmp_path}/a\0b"),
        loop,
        put(tmp_path, "packed.gz", gzip.compress(b"")),
    ):
        problem = check(path, format)
        assert isinstance(problem, TaxonomyError)
        assert (problem.path, problem.line) == (os.fspath(path), None)
        assert "folder" in problem.message or "cannot be read" in problem.message
        if path.suffix != ".gz":
            with pytest.raises(TaxonomyError):
                read_taxonomy(path)


@pytest.mark.parametrize("name", ANY_NAME)
def test_gzip_bomb(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    format = TEXTS[name][0] if name in TEXTS else "parquet"
    need(format)
    most = 4 << 20
    monkeypatch.setattr(_text, "MAX_BYTES", most)
    path = put(tmp_path, name + ".gz", BOMB)
    tracemalloc.start()
    with pytest.raises(TaxonomyError, match=f"holds more than {most} bytes") as caught:
        read_taxonomy(path, format=format)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * most
    assert (caught.value.path, caught.value.line) == (os.fspath(path), None)
    with pytest.raises(TaxonomyError, match="holds more than"):
        read_taxonomy(put(tmp_path, name, b" " * (most + 1)), format=format)


BOMB = gzip.compress(bytes(64 << 20), 9)


# -------------------------------------------------------------------------------------- tables


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode("utf-8", "surrogatepass")


def numbered(row: str, header: str = "", many: int = MANY) -> Callable[[], bytes]:
    """Rows with their number and the next one for {0} and {1}."""
    return lambda: lines(*[header] * bool(header), *(row.format(k, k + 1) for k in range(many)))


WIDE = 200_000
LONG = 5_000_000

CSV: list[Row] = [
    ("header.csv", b"parent,child\r\n", {}, None, "has no edges"),
    ("cut_in_row.csv", b"parent,child\nr,a\nr,b\nr", {}, 4, "1 cells; expected 2"),
    ("cut_in_quotes.csv", b'parent,child\nr,a\nr,"b', {}, 3, "malformed table"),
    ("comments.csv", b"# a\n# b\n", {}, 1, "no column 'parent'; found '# a'"),
    ("marks.csv", b"\xef\xbb\xbf" * 2 + b"parent,child\nr,a\n", {}, 1, r"found '\\ufeffparent'"),
    ("mark_inside.csv", "parent,\ufeffchild\nr,a\n".encode(), {}, 1, "no column 'child'"),
    ("html.csv", b"<!DOCTYPE html>\n<html><body>404</body></html>\n", {}, 1, "no column 'parent'"),
    ("json.csv", b'{"name": "a", "children": []}\n', {}, 1, "no column 'parent'"),
    ("excel.csv", b"sep=;\nparent;child\nr;a\n", {}, 1, "found 'sep=;'"),
    ("tabs.csv", b"parent\tchild\nr\ta\n", {}, 1, r"found 'parent\\tchild'.*delimiter="),
    ("commas.tsv", b"parent,child\nr,a\n", {}, 1, "found 'parent,child'"),
    ("columns.csv", b"from,to\nr,a\n", {}, 1, "no column 'parent'; found 'from', 'to'"),
    ("one.csv", b"parent\nr\n", {}, 1, "no column 'child'"),
    ("twice.csv", b"child,parent,CHILD\na,r,a\n", {}, 1, "2 columns 'child'"),
    ("number.csv", b"parent,child\nr,a\n", {"parent": 7}, 1, "no column 7; found 'parent'"),
    ("below_zero.csv", b"parent,child\nr,a\n", {"child": -1}, 1, "no column -1"),
    ("short.csv", b"parent,child\r\nr,a\rr\n", {}, 3, "1 cells; expected 2"),
    ("long.csv", b"parent,child\nr,a\n\nr,b,\n", {}, 4, "3 cells; expected 2"),
    ("dog, wolf.csv", b"parent,child\nr,dog, wolf\n", {}, 2, "3 cells"),
    ("empty_cells.csv", b"parent,child\nr,a\n,\n", {}, 3, "empty child name"),
    ("nobody.csv", b"parent,child\n,a\nr,b\n", {}, 2, "empty parent name"),
    ("white.csv", "parent,child\nr,a\n\u00a0\u3000,b\n".encode(), {}, 3, "empty parent name"),
    ("no_text.csv", b'parent,child\nr,"\n"\n', {}, 3, "empty child name"),
    ("spaces.csv", b"parent,child\nr,a\nr, a \n", {}, 3, "'r' -> 'a' is listed twice"),
    ("tabs_too.csv", b"parent,child\nr,a\n r,\ta\n", {}, 3, "is listed twice"),
    ("again.csv", b"parent,child\nr,a\nr,b\r\nr,b\n", {}, 4, "'r' -> 'b' is listed twice"),
    ("joined.csv", b"parent,child\nr,a\nparent,child\nr,b\n", {}, None, "2 roots"),
    ("loop.csv", b"parent,child\nr,a\ra,a\n", {}, 3, "'a' is its own parent"),
    ("only_loop.csv", b"parent,child\na,a\n", {}, 2, "'a' is its own parent"),
    ("cycle.csv", b"parent,child\nr,a\nb,c\na,b\nc,a\n", {}, 5, "cycle of 3 nodes: a -> b"),
    ("no_root.csv", b"parent,child\nb,a\na,b\n", {"roots": "join"}, 3, "cycle of 2 nodes"),
    ("many_roots.csv", numbered("{},x{}", "parent,child"), {}, None, "20000 roots .'0', '1',"),
    ("long_cycle.csv", lambda: numbered("{},{}", "parent,child")() + b"20000,0\n", {}, 20_002,
     "cycle of 20001 nodes: 0 -> 1 -> 2"),
    ("parents.csv", b"parent,child\nr,a\nr,b\na,b\n", {"multi_parent": "error"}, 4, "2 parents"),
    ("text.csv", b"parent,child,weight\nr,a,1\nr,b,far\n", {}, 3, "weight 'far'; expected a num"),
    ("comma.csv", b'parent,child,weight\nr,a,"1,5"\n', {}, 2, "weight '1,5'"),
    ("hex.csv", b"parent,child,weight\nr,a,0x10\n", {}, 2, "weight '0x10'"),
    ("none.csv", b"parent,child,weight\nr,a,1\nr,b, \n", {}, 3, "weight ' '"),
    ("nan.csv", b"parent,child,weight\nr,a,1\nr,b,NaN\n", {}, 3, "weight nan of edge"),
    ("inf.csv", b"parent,child,weight\nr,a,1\nr,b,-Infinity\n", {}, 3, "weight -inf of edge"),
    ("too_large.csv", b"parent,child,weight\nr,a,1\nr,b,1e999\n", {}, 3, "weight inf of edge"),
    ("negative.csv", b"parent,child,weight\nr,a,1\nr,b,-1e-9\n", {}, 3, "weight -1e-09 of edge"),
    ("lengths.csv", b"parent,child\nr,a\n", {"weight": "length"}, 1, "no column 'length'"),
    ("stray.csv", b'parent,child\nr,a\n"r"x,b\n', {}, 3, "malformed table: ',' expected"),
    ("odd.csv", b'parent,child\nr,"a\nr,b\nr,"c"\n', {}, 2, "malformed table: ',' expected"),
    ("open.csv", lambda: b'parent,child\nr,"a\n' + b"r,b\n" * DEEP, {}, 2, "field larger"),
    ("open_end.csv", b'parent,child\n\nr,"a\nr,b\nr,c\n', {}, 3, "unexpected end of data"),
    ("cell.csv", lambda: b"parent,child\nr,a\nr," + b"b" * LONG, {}, 3, "malformed table: field"),
    ("header_cell.csv", lambda: b"p" * LONG + b",child\nr,a\n", {}, 1, "malformed table: field"),
    ("columns.csv", lambda: b"x," * WIDE + b"x\n", {}, 1, "no column 'parent'; found 'x', 'x'"),
    ("cells.csv", lambda: b"parent,child\nr,a\n" + b"," * LONG, {}, 3, "5000001 cells; expected"),
    ("control.csv", b"parent,child\nr,a\n\x1b[31m,\x07\n\x07,\x1b[31m\n", {}, 4, "cycle of 2"),
    ("rows.csv", b"a,b\nr,x\nr\n", {"columns": ["a", "b"]}, 3, "1 cells; expected 2"),
    ("ranks.csv", b"a,b\r\nr,x\r\n , \r\n", {"columns": ["a", "b"]}, 3, "no name in the row"),
    ("rank.csv", b"a,b\nr,x\n", {"columns": ["a", "c"]}, 1, "no column 'c'; found 'a', 'b'"),
    ("one_rank.csv", b"a,b\nr,x\n", {"columns": ["a", "A "]}, 1, "columns 'a' and 'A ' are one"),
    ("ranks_twice.csv", b"a,b,b\nr,x,y\n", {"columns": ["a", "b"]}, 1, "2 columns 'b'"),
    ("no_rows.csv", b"a,b\n\n", {"columns": None}, None, "has no rows below the header"),
    ("places.csv", b"a,b\nr,x\nr,y\ns,x\n", {"columns": None, "roots": "join"}, 4, "'x' stands "),
    ("own_rank.csv", b"a,b,c\nr,x,\nr,r,y\n", {"columns": None}, 3, "name 'r' stands at the top"),
    ("open_rank.csv", b'a,b\nr,x\nr,"y\nr,z\n', {"columns": None}, 3, "malformed table: une"),
    ("rank_roots.csv", b"a,b\nr,x\ns,y\n", {"columns": None}, None, "2 roots"),
    ("rank_cell.csv", lambda: b"a,b\nr,x\nr," + b"b" * LONG, {"columns": None}, 3, "field larger"),
    ("wide.csv", lambda: b"a," * WIDE + b"b\n" + b"r,s," * (WIDE // 2), {"columns": None}, 2,
     "'r' stands at the top and below 's'"),
]  # fmt: skip

PATHS: list[Row] = [
    ("comments.paths", b"# a > b\n\n", {}, None, "is empty; expected paths"),
    ("gap.paths", b"r > a\r\rr > > b\r\n", {}, 3, "name 2 of 3 is empty"),
    ("end.paths", b"r > a\nr >", {}, 2, "name 2 of 2 is empty"),
    ("white.paths", "r > a\nr > \u2003 > b\n".encode(), {}, 2, "name 2 of 3 is empty"),
    ("roots.paths", b"r > a\ns > b\n", {}, None, r"2 roots \('r', 's'\)"),
    ("places.paths", b"r > a > x\nr > b > x\n", {}, 2, "'x' stands below 'a' and below 'b'"),
    ("self.paths", b"r > a\nr > b > r\n", {}, 2, "'r' stands at the top and below 'b'"),
    ("self.paths", b"r > a\nr > a > a\n", {"duplicates": "merge"}, 2, "'a' is its own parent"),
    ("cycle.paths", b"r > a > b\nr > b > a\n", {"duplicates": "merge"}, 2, "cycle of 2 nodes"),
    ("tabs.paths", b"r\ta\nr\tb\n", {}, None, "2 roots"),
    ("separators.paths", lambda: b">" * LONG, {}, 1, "name 1 of 5000001 is empty"),
    ("deep.paths", lambda: b" > ".join([b"a"] * DEEP), {}, 1, "'a' stands at the top and below"),
    ("room.paths", lambda: b" > ".join([b"a"] * DEEP), {"duplicates": "path"}, None, "would take"),
    ("name.paths", lambda: b"x" * LONG + b" > a\nb > a\n", {}, 2, "'a' stands below"),
    ("policy.paths", b"r > a\nroot > b\n", {"roots": "join"}, None, "'root' is a node already"),
]  # fmt: skip

OUTLINE: list[Row] = [
    ("comments.outline", b"# a\n  # b\n", {}, None, "is empty; expected an outline"),
    ("back.outline", b"r\n    a\n  b\n", {}, 3, "as far as no line that it could stand beside"),
    ("cut.outline", b"r\r\n\ta\r\n\t\tb\r\n c", {}, 4, "tabs and spaces"),
    ("tabs.outline", b"r\n\ta\n        b\n", {}, 3, "tabs and spaces in another order"),
    ("wide.outline", "r\n\u3000a\n".encode(), {}, 2, r"indented by '\\u3000'"),
    ("form.outline", b"r\n \x0ba\n", {}, 2, r"indented by '\\x0b'"),
    ("bullet.outline", b"- r\n  -  \n", {"bullets": True}, 2, "no name after the bullet '-'"),
    ("roots.outline", b"r\ns\n", {}, None, r"2 roots \('r', 's'\)"),
    ("places.outline", b"r\n a\n  x\n b\n  x\n", {}, 5, "'x' stands below 'a' and below 'b'"),
    ("twice.outline", b"r\n a\n a \n", {}, 3, "'a' stands twice below 'r'"),
    ("self.outline", b"r\n a\n  r\n", {}, 3, "'r' stands at the top and below 'a'"),
    ("cycle.outline", b"r\n a\n  b\n   a\n", {"duplicates": "merge"}, 4, "cycle of 2 nodes"),
    ("spaces.outline", lambda: b"r\n" + b" " * LONG + b"a\nb\n", {}, None, "2 roots"),
    ("stairs.outline", lambda: lines(*(" " * k + "a" for k in range(2000))), {}, 2, "'a' stands"),
    ("many.outline", lambda: b"a\n" * DEEP, {}, 2, "'a' stands twice at the top"),
]  # fmt: skip

TEXT: list[Row] = [
    ("cut.txt", b"r > a\nr > ", {}, 2, "name 2 of 2 is empty"),
    ("both.txt", b"r > a\n  b\n", {}, None, "2 roots"),
    ("outline.txt", b"r\n  a\n b\n", {}, 3, "as far as no line"),
    ("comments.txt", b"#\n#\n", {}, None, "is empty"),
    ("csv.txt", b"parent,child\nr,a\n", {}, None, "2 roots"),
]  # fmt: skip


# ---------------------------------------------------------------------------------------- JSON


def objects(below: str) -> bytes:
    return f'{{"name": "r", "children": [\n{below}]}}'.encode()


def graph(edges: str, nodes: str = '{"id": 1}, {"id": 2}') -> bytes:
    return f'{{"nodes": [{nodes}],\n"edges": [\n{edges}]}}'.encode()


JSON: list[Row] = [
    ("cut.json", objects('"a",\n"b"')[:-2], {}, 3, "is no JSON: Expecting ',' delimiter"),
    ("cut_text.json", objects('"a",\n"b')[:-2], {}, 3, "is no JSON: Unterminated string"),
    ("cut_escape.json", b'{"r":\n["\\u12', {}, 2, "is no JSON"),
    ("bad_escape.json", b'{"r":\n["\\x12"]}', {}, 2, "is no JSON: Invalid .escape"),
    ("two.json", b'{"r": ["a"]}\n{"r": ["b"]}\n', {}, 2, "is no JSON: Extra data"),
    ("more.json", b'{"r": ["a"]}\n}', {}, 2, "is no JSON: Extra data"),
    ("mark.json", b"\xef\xbb\xbf" * 2 + b'{"r": ["a"]}', {}, 1, "is no JSON"),
    ("comma.json", b'{"r": ["a",\n]}', {}, 2, "is no JSON"),
    ("comment.json", b'{"r": ["a"]} // x', {}, 1, "is no JSON"),
    ("single.json", b"\n{'r': ['a']}", {}, 2, "is no JSON"),
    ("python.json", b'{"r":\nNone}', {}, 2, "is no JSON"),
    ("yaml.json", b"name: r\nchildren: [a]\n", {}, 1, "is no JSON"),
    ("html.json", b"<html></html>", {}, 1, "is no JSON"),
    ("line_end.json", b'{"r":\n"a\nb"}', {}, 2, "is no JSON: Invalid control character"),
    ("nan.json", b'{"name": "r", "children": [\n{"name": "a", "weight": NaN}]}', {}, 2, "NaN is"),
    ("inf.json", b'{"name": "r",\n"weight": -Infinity}', {}, 2, "-Infinity is no number"),
    ("key.json", b'{"r": ["a"],\n"s": ["b"],\n"r": ["c"]}', {}, 3, "key 'r' is twice"),
    ("number.json", b"7", {}, None, "a number at the top; expected"),
    ("text.json", b'"r"', {}, None, "text at the top"),
    ("null.json", b"null", {}, None, "null at the top"),
    ("nothing.json", b"[[], {}, null]", {}, 1, "is a list; expected text"),
    ("list.json", objects('"a",\n["b"]'), {}, 3, r"children\[1\]: is a list; expected text"),
    ("null_child.json", objects('"a",\nnull'), {}, 3, r"children\[1\]: is null"),
    ("float.json", objects('"a",\n1.5'), {}, 3, r"children\[1\]: is a float"),
    ("bool.json", objects('"a",\ntrue'), {}, 3, "is true or false"),
    ("empty.json", objects('"a",\n{"name": ""}'), {}, 3, r"children\[1\].name: an empty name"),
    ("white.json", objects('"a",\n" \\u00a0\\t"'), {}, 3, "an empty name"),
    ("no_name.json", objects('"a",\n{"title": "b"}'), {}, 3, "has no name; expected it under"),
    ("object.json", b'{"name": "r",\n"children": {"name": "a"}}', {}, 2, "is an object; expected"),
    ("nul.json", objects('"a",\n"b\\u0000"'), {}, 3, "holds a NUL character"),
    ("surrogate.json", objects('"a",\n"\\ud800"'), {}, 3, "lone surrogate"),
    ("low.json", objects('"a",\n"x\\udfffx"'), {}, 3, "lone surrogate"),
    ("key_surrogate.json", b'{"r": {"a": [\n"b"],\n"\\ud800": null}}', {}, 3, "lone surrogate"),
    ("root_surrogate.json", b'{"\\ud800": ["a",\n"b"]}', {}, 1, "lone surrogate"),
    ("weight.json", objects('"a",\n{"name": "b", "weight": "2"}'), {}, 3, "weight: is text"),
    ("big.json", objects('"a",\n{"name": "b", "weight": 1e999}'), {}, 3, "weight inf of edge"),
    ("negative.json", objects('"a",\n{"name": "b", "weight": -1}'), {}, 3, "weight -1.0 of edge"),
    ("digits.json", objects(f'"a",\n{"7" * 5000}'), {}, 3, "is no JSON: Exceeds the limit"),
    ("twice.json", objects('"a",\n"a"'), {}, 3, "'a' stands twice below 'r'"),
    ("spaces.json", objects('"a",\n" a"'), {}, 3, "'a' stands twice below 'r'"),
    ("type.json", objects('1,\n"1"'), {}, 3, "'1' stands twice below 'r'"),
    ("self.json", b'{"r": {"a":\n["r"]}}', {}, 2, "'r' stands at the top and below 'a'"),
    ("self.json", b'{"r": [{"a":\n["a"]}]}', {"duplicates": "merge"}, 2, "is its own parent"),
    ("roots.json", b'{"r": ["a"],\n"s": ["b"]}', {}, None, "2 roots"),
    ("lists.json", b"\n" + b"[" * DEEP, {}, 2, "is no JSON"),
    ("closed_lists.json", b"[" * MANY + b"]" * MANY, {}, 1, "is a list; expected text"),
    ("objects.json", b'\n{"a":' * MANY, {}, 20_001, "is no JSON"),
    ("both.json", b'[{"a":\n' * 5_000 + b"1.5" + b"}]" * 5_000, {}, 5_001, "is a float; expected"),
    ("same.json", b'{"a":' * 5_000 + b"null" + b"}" * 5_000, {}, 1, "'a' stands at the top and "),
    ("commas.json", lambda: b'["a"' + b"," * LONG, {}, 1, "is no JSON"),
    ("undirected.json", b'{"directed": false, "nodes": [], "links": []}', {}, None, "undirected"),
    ("both_links.json", b'{"nodes": [], "links": [], "edges": []}', {}, None, "'edges' and 'link"),
    ("no_nodes.json", graph("", ""), {}, None, "no nodes"),
    ("unknown.json", graph('{"source": 1, "target": 2},\n{"source": 1, "target": "2"}'), {}, 4,
     r"edges\[1\].target: no node '2'"),
    ("no_end.json", graph('{"source": 1, "target": 2},\n{"source": 1}'), {}, 4, "has no 'target'"),
    ("list_end.json", graph('{"source": 1,\n"target": [2]}'), {}, 4, "target: is a list"),
    ("ids.json", graph("", '{"id": 1},\n{"id": 1}'), {}, 2, "a second node with the id 1"),
    ("names.json", graph("", '{"id": 1},\n{"id": " 1"}'), {}, 2, "a second node of the name '1'"),
    ("edge_twice.json", graph('{"source": 1, "target": 2},\n{"source": 1, "target": 2}'), {}, 4,
     "edge '1' -> '2' is listed twice"),
    ("edge_loop.json", graph('{"source": 1,\n"target": 1}'), {}, 3, "'1' is its own parent"),
    ("edge_cycle.json", graph('{"source": 1, "target": 2},\n{"source": 2, "target": 1}'), {}, 4,
     "cycle of 2 nodes"),
    ("edge_weight.json", graph('{"source": 1, "target": 2,\n"weight": -1}'), {}, 3, "weight -1.0"),
]  # fmt: skip


# ------------------------------------------------------------------------- codes and folders


CODES: list[Row] = [
    ("dots.txt", b"J45\n...\n", {}, 2, r"code '\.\.\.' is empty"),
    ("long.txt", lambda: b"J45\n" + b"J" * LONG, {}, 2, "has 5000000 characters; expected at mo"),
    ("same.txt", b"J45.0\r\rJ450\r\n", {}, 3, "'J450' is the same as 'J45.0'"),
    ("hole.txt", b"1\n1..2\n", {"separator": "."}, 2, "nothing between two"),
    ("roots.txt", b"J45\nK50\n", {}, None, r"2 roots \('J45', 'K50'\)"),
    ("header.csv", b"code,name\n", {}, None, "no codes"),
    ("column.csv", b"icd,name\nJ45,Asthma\n", {}, 1, "no column 'code'"),
    ("twice.csv", b"code,code\nJ45,J45\n", {}, 1, "2 columns 'code'"),
    ("short.csv", b"code,name\nJ45,Asthma\nJ46\n", {}, 3, "1 cells; expected 2"),
    ("open.csv", b'code,name\nJ45,Asthma\nJ46,"x\nJ47,y\n', {}, 3, "malformed table"),
    ("names.csv", b"code,name\nJ45,x\nJ45,y\n", {"name": "name"}, 3, "called 'y', and 'x' before"),
    ("places.csv", b"code,name\nJ,x\nJ45,x\n", {"name": "name"}, 3, "'x' stands at the top and "),
]  # fmt: skip


def wordnet(name: str, old: str, new: str) -> dict[str, bytes]:
    """The folder with a change in one of its files."""
    assert old in WORDNET[name]
    texts = WORDNET | {name: WORDNET[name].replace(old, new, 1)}
    return {file: text.encode() for file, text in texts.items()}


DATA, INDEX = "data.noun", "index.noun"

WORDNETS: list[Row] = [
    ("dict/data.noun", wordnet(DATA, "00000020 05", "0000020 05"), {}, 3, "offset '0000020'"),
    ("dict/data.noun", wordnet(DATA, "n 02 dog", "n 03 dog"), {}, 3, "pointer count '00000010'"),
    ("dict/data.noun", wordnet(DATA, "n 02 dog", "n ff dog"), {}, 3, "too few for 255 words"),
    ("dict/data.noun", wordnet(DATA, "n 02 dog", "n 00 dog"), {}, 3, "word count '00'"),
    ("dict/data.noun", wordnet(DATA, "n 02 dog", "x 02 dog"), {}, 3, "synset type 'x'"),
    ("dict/data.noun", wordnet(DATA, "002 @i", "999 @i"), {}, 4, "too few for 999 pointers"),
    ("dict/data.noun", wordnet(DATA, "002 @i", "001 @i"), {}, 4, "'@' after 1 pointers"),
    ("dict/data.noun", wordnet(DATA, "002 @i", "-02 @i"), {}, 4, "pointer count '-02'"),
    ("dict/data.noun", wordnet(DATA, "@i 00000020", "@i 00000021"), {}, 4, "00000021 of 00000030"),
    ("dict/data.noun", wordnet(DATA, "@i 00000020", "@i 00000030"), {}, 4, "is its own parent"),
    ("dict/data.noun", wordnet(DATA, "00000030 05", "00000020 05"), {}, 4, "is listed twice"),
    ("dict/data.noun", wordnet(DATA, "001 ~ 00000020", "001 @ 00000020"), {}, 3, "cycle of 2"),
    ("dict/data.noun", wordnet(DATA, " 001 @ 00000010 n 0000 |", " 000 |"), {}, None, "2 roots"),
    ("dict/data.noun", wordnet(DATA, WORDNET[DATA][-60:], ""), {}, 4, "fields; "),
    ("dict/data.noun", wordnet(DATA, WORDNET[DATA], "  1 licence\n"), {}, None, "has no synsets"),
    ("dict/data.noun", wordnet(DATA, "dog 0", "d\xf8g 0"), {}, 3, "is no sense of its first word"),
    ("dict/index.noun", wordnet(INDEX, "dog n 1", "dog v 1"), {}, 2, "part of speech 'v'"),
    ("dict/index.noun", wordnet(INDEX, "dog n 1", "dog n 2"), {}, 2, "1 synsets of 'dog'"),
    ("dict/index.noun", wordnet(INDEX, "dog n 1 1", "dog n 1 999999"), {}, 2, "0 synsets of"),
    ("dict/index.noun", wordnet(INDEX, "dog n 1", "dog n x"), {}, 2, "count 'x' of 'dog'"),
    ("dict/index.noun", wordnet(INDEX, "entity n", "dog n"), {}, 4, "'dog' is listed twice"),
    ("dict/index.noun", wordnet(INDEX, "rex n 1 2 @ @i 1 0 00000030", "rex"), {}, 5, "1 fields"),
    ("dict/data.noun", wordnet(INDEX, "rex n 1 2 @ @i 1 0 00000030", ""), {}, 4, "is no sense"),
    ("dict/data.noun", {DATA: b"\xff\n", INDEX: b""}, {}, 1, "byte 0xff is no UTF-8"),
    ("dict/data.noun", {DATA: WORDNET[DATA].encode("utf-16")}, {}, 1, "is UTF-16"),
    ("dict/index.noun", {DATA: WORDNET[DATA].encode()}, {}, None, "no such file"),
    ("dict", {"data.verb": b"x"}, {}, None, "no data.noun in this folder"),
]  # fmt: skip

FOLDERS: list[Row] = [
    ("shop", {"men/shoes/a": b"", "women/shoes/a": b""}, {}, None, "'shoes' stands below 'men' an"),
    ("shop", {"men/ shoes/a": b""}, {}, None, "' shoes' begins or ends with white space"),
    ("shop", {"a/shop/a": b""}, {}, None, "'shop' stands at the top and below 'a'"),
    ("shop", {"a/b/a/c": b""}, {"duplicates": "merge"}, None, "cycle of 2 nodes: a -> b"),
    ("shop", b"", {}, None, "is a file; expected a folder"),
]  # fmt: skip

CLASS_FOLDERS: list[Row] = [
    ("pets", {"1.jpg": b"", "cat/read.txt": b""}, {}, None, "no folder in it holds a picture"),
    ("pets", {"cat/x/1.jpg": b"", "dog/x/1.jpg": b""}, {}, None, "'x' stands below 'cat' and"),
    ("pets", b"", {}, None, "is a file; expected a folder"),
]  # fmt: skip

# ------------------------------------------------------------------------------------- Parquet


def parquet(cut: slice = slice(None), **columns: Any) -> Callable[[], bytes]:
    """A part of the file of a table; by default one of edges."""

    def make() -> bytes:
        arrow = pytest.importorskip("pyarrow")
        sink = arrow.BufferOutputStream()
        table = arrow.table(columns or {"parent": ["r", "r", "a"], "child": ["a", "b", "x"]})
        pytest.importorskip("pyarrow.parquet").write_table(table, sink, write_page_checksum=True)
        return bytes(sink.getvalue().to_pybytes())[cut]

    return make


def flipped(at: int) -> Callable[[], bytes]:
    """One bit of the file is another."""

    def make() -> bytes:
        content = bytearray(parquet()())
        content[at] ^= 1
        return bytes(content)

    return make


UNREADABLE = "is no readable Parquet file"

PARQUET: list[Row] = [
    ("empty.parquet", b"", {}, None, UNREADABLE),
    ("nuls.parquet", bytes(1000), {}, None, UNREADABLE),
    ("magic.parquet", b"PAR1", {}, None, UNREADABLE),
    ("magic_twice.parquet", b"PAR1" + bytes(8) + b"PAR1", {}, None, UNREADABLE),
    ("footer.parquet", b"PAR1" + b"\xff\xff\xff\x7fPAR1", {}, None, UNREADABLE),
    ("sealed.parquet", b"PAR1" + bytes(50) + b"PARE", {}, None, UNREADABLE),
    ("csv.parquet", b"parent,child\nr,a\n", {}, None, UNREADABLE),
    ("png.parquet", PNG, {}, None, UNREADABLE),
    ("head.parquet", parquet(slice(4, None)), {}, None, UNREADABLE),
    ("tail.parquet", parquet(slice(None, -1)), {}, None, UNREADABLE),
    ("half.parquet", parquet(slice(300)), {}, None, UNREADABLE),
    ("page.parquet", flipped(40), {}, None, UNREADABLE),
    ("length.parquet", flipped(-7), {}, None, UNREADABLE),
    ("cut.parquet.gz", lambda: gzip.compress(parquet()())[:-9], {}, None, "damaged or truncated"),
    ("columns.parquet", parquet(a=["r"], b=["a"]), {}, None, "no column 'parent'; found 'a', 'b'"),
    ("rows.parquet", parquet(parent=[], child=[]), {}, None, "has no edges"),
    ("null.parquet", parquet(parent=["r", "r"], child=["a", None]), {}, None, "empty child.*row 1"),
    ("white.parquet", parquet(parent=["r", " "], child=["a", "b"]), {}, None, "empty par.*row 1"),
    ("list.parquet", parquet(parent=[["r"]], child=["a"]), {}, None, "'parent' is a list.*row 0"),
    ("half.parquet", parquet(parent=["r"], child=[0.5]), {}, None, "0.5 in column 'child' is not"),
    ("nul.parquet", parquet(parent=["r"], child=["a\0"]), {}, None, "NUL character .row 0"),
    ("weight.parquet", parquet(parent=["r"], child=["a"], weight=["x"]), {}, None, "weight 'x'"),
    ("nan.parquet", parquet(parent=["r"], child=["a"], weight=[-1.0]), {}, None, "weight -1.0 of"),
    ("loop.parquet", parquet(parent=["r", "a"], child=["a", "a"]), {}, None, "own parent .row 1"),
    ("twice.parquet", parquet(parent=["r", "r"], child=["a", "a"]), {}, None, "twice .row 1"),
    ("cycle.parquet", parquet(parent=["a", "b"], child=["b", "a"]), {}, None, "cycle of 2.*row 1"),
    ("roots.parquet", parquet(parent=["r", "s"], child=["a", "b"]), {}, None, "2 roots"),
    ("ranks.parquet", parquet(a=["r", None]), {"columns": ["a"]}, None, "no name in .*row 1"),
]  # fmt: skip


# ------------------------------------------------------------------------------------- graphs


def laughs(root: str) -> bytes:
    """Ten entities, each ten times the one before."""
    entities = "".join(
        f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "ha" * 50}">\n' for k in range(10)
    )
    return f"<!DOCTYPE {root} [\n{entities}]>\n<{root}>&e9;</{root}>\n".encode()


def blowup(root: str) -> bytes:
    """One long entity, many times."""
    entity = f'<!ENTITY e "{"x" * 50_000}">'
    return f"<!DOCTYPE {root} [{entity}]>\n<{root}>{'&e;' * 50_000}</{root}>".encode()


def graphml(body: str, edges: str = "directed") -> bytes:
    return (
        f'<graphml><graph edgedefault="{edges}">\n<node id="r"/><node id="a"/>\n{body}\n'
        "</graph></graphml>"
    ).encode()


def weighted(kind: str, value: str) -> bytes:
    key = f'<key id="w" for="edge" attr.name="weight" attr.type="{kind}"/>'
    edge = f'<edge source="r" target="a">\n<data key="w">{value}</data></edge>'
    return graphml(edge).replace(b"<graph ", key.encode() + b"<graph ", 1)


GRAPHML: list[Row] = [
    ("laughs.graphml", laughs("graphml"), {}, 1, "holds a DOCTYPE"),
    ("blowup.graphml", blowup("graphml"), {}, 1, "holds a DOCTYPE"),
    ("late.graphml", b"<graphml/>\n<!DOCTYPE graphml>", {}, 2, "is no well-formed XML"),
    ("deep.graphml", lambda: b"<graphml>\n" + b"<a>" * DEEP, {}, 2, "nested more than"),
    ("deep_graphs.graphml", lambda: b"<graphml>" + b"<graph>\n" * DEEP, {}, 1, "undirected"),
    ("html.graphml", b"<html><body>\n</body></html>", {}, 1, "element 'html' at the top"),
    ("cut.graphml", graphml("")[:-9], {}, 4, "is no well-formed XML"),
    ("cut_tag.graphml", graphml("<edge sou")[:-19], {}, 3, "is no well-formed XML"),
    ("text.graphml", b"\ngraphml", {}, 2, "is no well-formed XML"),
    ("json.graphml", b'{"nodes": []}', {}, 1, "is no well-formed XML"),
    ("two.graphml", graphml("") * 2, {}, 4, "is no well-formed XML: junk after document"),
    ("entity.graphml", graphml("&nbsp;"), {}, 3, "is no well-formed XML: undefined entity"),
    ("character.graphml", graphml("<node id='&#0;'/>"), {}, 3, "is no well-formed XML: refer"),
    ("surrogate.graphml", graphml("<node id='&#xd800;'/>"), {}, 3, "is no well-formed XML: refe"),
    ("control.graphml", graphml("<node id='\x01'/>"), {}, 3, "is no well-formed XML"),
    ("attribute.graphml", graphml("<node id='x' id='y'/>"), {}, 3, "well-formed XML: duplicate"),
    ("quotes.graphml", graphml("<node id=x/>"), {}, 3, "is no well-formed XML"),
    ("prefix.graphml", graphml("<g:node id='x'/>"), {}, 3, "well-formed XML: unbound prefix"),
    ("none.graphml", b"<graphml/>", {}, None, "holds no graph"),
    ("graphs.graphml", b"<graphml>" + b'<graph edgedefault="directed"/>\n' * 2 + b"</graphml>", {},
     2, "a second graph"),
    ("undirected.graphml", graphml("", "undirected"), {}, 1, "an undirected graph"),
    ("no_edges.graphml", graphml(""), {}, None, "2 roots"),
    ("nothing.graphml", b'<graphml><graph edgedefault="directed"/></graphml>', {}, None, "no nod"),
    ("node.graphml", graphml("<node/>"), {}, 3, "a node without an id"),
    ("node_twice.graphml", graphml("<node id='a'/>"), {}, 3, "node id 'a' stands twice"),
    ("name.graphml", graphml("<node id=' '/>"), {}, None, "node name ' ' is empty"),
    ("edge.graphml", graphml("<edge source='r'/>"), {}, 3, "an edge without source or target"),
    ("edge_way.graphml", graphml("<edge source='r' target='a' directed='false'/>"), {}, 3,
     "'r' -> 'a' is not directed"),
    ("edge_end.graphml", graphml("<edge source='r' target='x'/>"), {}, 3, "no node has the id 'x'"),
    ("edge_twice.graphml", graphml("<edge source='r' target='a'/>\n" * 2), {}, 4, "listed twice"),
    ("loop.graphml", graphml("<edge source='r' target='r'/>"), {}, 3, "'r' is its own parent"),
    ("cycle.graphml", graphml("<edge source='r' target='a'/>\n<edge source='a' target='r'/>"), {},
     4, "cycle of 2 nodes"),
    ("weight.graphml", weighted("string", "far"), {}, 3, "weight 'far'; expected a number"),
    ("number.graphml", weighted("double", "far"), {}, 4, "is no readable GraphML"),
    ("nan.graphml", weighted("double", "NaN"), {}, 3, "weight nan of edge 'r' -> 'a'"),
    ("inf.graphml", weighted("double", "-inf"), {}, 3, "weight -inf of edge 'r' -> 'a'"),
    ("key.graphml", graphml("<edge source='r' target='a'><data key='w'>1</data></edge>"), {}, None,
     "is no readable GraphML"),
    ("type.graphml", weighted("complex", "1"), {}, None, "is no readable GraphML"),
    ("label.graphml", graphml(""), {"label": "label"}, 2, "node 'r' has no 'label'"),
    ("lengths.graphml", graphml("<edge source='r' target='a'/>"), {"weight": "length"}, None,
     "no edge has the attribute 'length'"),
    ("nested.graphml", graphml("<node id='x'><graph edgedefault='directed'><node id='y'/></graph>"
     "</node>"), {}, None, "nested graphs"),
]  # fmt: skip


def gexf(edges: str, nodes: str = '<node id="r"/><node id="a"/>', more: str = "") -> bytes:
    return (
        '<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2"><graph defaultedgetype='
        f'"directed"{more}>\n<nodes>{nodes}</nodes><edges>\n{edges}\n</edges></graph></gexf>'
    ).encode()


GEXF: list[Row] = [
    ("laughs.gexf", laughs("gexf"), {}, 1, "holds a DOCTYPE"),
    ("blowup.gexf", blowup("gexf"), {}, 1, "holds a DOCTYPE"),
    ("deep.gexf", lambda: b"<gexf>\n" + b"<a>" * DEEP, {}, 2, "nested more than"),
    ("graphml.gexf", graphml(""), {}, 1, "element 'graphml' at the top; expected 'gexf'"),
    ("cut.gexf", gexf("")[:-9], {}, 4, "is no well-formed XML"),
    ("two.gexf", gexf("") * 2, {}, 4, "is no well-formed XML: junk after document"),
    ("none.gexf", b'<gexf xmlns="http://www.gexf.net/1.2draft"/>', {}, None, "holds no graph"),
    ("undirected.gexf", gexf("").replace(b'"directed"', b'"undirected"'), {}, 1, "an undirected"),
    ("version.gexf", gexf("").replace(b"1.2draft", b"9.9"), {}, None, "is no readable GEXF"),
    ("no_nodes.gexf", gexf("", ""), {}, None, "no nodes"),
    ("node.gexf", gexf("", "\n<node label='x'/>"), {}, 3, "a node without an id"),
    ("node_twice.gexf", gexf("", '<node id="r"/>\n<node id="r"/>'), {}, 3, "'r' stands twice"),
    ("edge.gexf", gexf("<edge source='r'/>"), {}, 3, "an edge without source or target"),
    ("edge_end.gexf", gexf("<edge source='x' target='a'/>"), {}, 3, "no node has the id 'x'"),
    ("edge_way.gexf", gexf("<edge source='r' target='a' type='mutual'/>"), {}, 3, "not directed"),
    ("edge_twice.gexf", gexf("<edge source='r' target='a'/>\n" * 2), {}, 4, "is listed twice"),
    ("loop.gexf", gexf("<edge source='r' target='r'/>"), {}, 3, "'r' is its own parent"),
    ("cycle.gexf", gexf("<edge source='r' target='a'/>\n<edge source='a' target='r'/>"), {}, 4,
     "cycle of 2 nodes"),
    ("weight.gexf", gexf("<edge source='r' target='a' weight='far'/>"), {}, 3, "no readable GE"),
    ("negative.gexf", gexf("<edge source='r' target='a' weight='-1'/>"), {}, 3, "weight -1.0"),
    ("label.gexf", gexf("<edge source='r' target='a'/>"), {"label": "label"}, 2, "'label'"),
    ("labels.gexf", gexf("", '<node id="r" label="x"/>\n<node id="a" label="x"/>'),
     {"label": "label"}, 3, "label 'x' names the nodes 'r' and 'a'"),
]  # fmt: skip


# ---------------------------------------------------------------------------------- ontologies


def obo(*rows: str) -> bytes:
    """The fifth line is the first of ``rows``."""
    return lines("format-version: 1.4", "", "[Term]", "id: r", *rows)


OBO: list[Row] = [
    ("header.obo", b"format-version: 1.4\n", {}, None, r"holds no \[Term\]"),
    ("comments.obo", b"! a\n! b\n", {}, None, "is empty"),
    ("html.obo", b"<html></html>\n", {}, 1, "expected 'tag: value'"),
    ("json.obo", b'{"graphs": []}\n', {}, None, r"holds no \[Term\]"),
    ("owl.obo", b"<?xml version='1.0'?>\n<rdf:RDF/>\n", {}, 1, "expected 'tag: value'"),
    ("headless.obo", b"[Term]\nid: r\n", {}, 1, "a stanza before the header"),
    ("cut.obo", obo("name: root", "is_"), {}, 6, "'is_'; expected 'tag: value'"),
    ("cut_stanza.obo", obo("", "[Ter"), {}, 6, r"'\[Ter'; expected a stanza"),
    ("cut_term.obo", obo("", "[Term]"), {}, 6, "a term without an id"),
    ("no_id.obo", obo("[Term]", "name: a", "[Term]", "id: b"), {}, 5, "a term without an id"),
    ("no_ids.obo", b"format-version: 1.4\n\n[Term]\nname: a\n\n[Term]\nname: b\n", {}, 3,
     "a term without an id"),
    ("white_id.obo", obo("[Term]", "id:  ! x"), {}, 6, "id without a value"),
    ("two_ids.obo", obo("id: s"), {}, 5, "a second id in the term 'r'"),
    ("twice.obo", obo("[Term]", "id: a", "[Term]", "id: r"), {}, 7, "'r' stands twice, first in l"),
    ("no_value.obo", obo("is_a: ! nothing"), {}, 5, "is_a without a value"),
    ("no_tag.obo", obo(": x"), {}, 5, "': x'; expected 'tag: value'"),
    ("quote.obo", obo('def: "open', "[Term]"), {}, 5, "without its closing quote"),
    ("obsolete.obo", obo("is_obsolete: maybe"), {}, 5, "is_obsolete 'maybe'; expected true or"),
    ("relation.obo", obo("relationship: part_of"), {}, 5, "expected a type and a term"),
    ("unknown.obo", obo("is_a: s ! nowhere"), {}, 5, "is_a 's' has no stanza"),
    ("gone.obo", b"a: b\n[Term]\nid: r\nis_obsolete: true\n", {}, None, "only obsolete terms"),
    ("loop.obo", obo("is_a: r"), {}, 5, "'r' is its own parent"),
    ("edge_twice.obo", obo("[Term]", "id: a", "is_a: r", "is_a: r"), {}, 8, "is listed twice"),
    ("cycle.obo", obo("is_a: a", "[Term]", "id: a", "is_a: r"), {}, 8, "cycle of 2 nodes"),
    ("roots.obo", obo("[Term]", "id: s"), {}, None, r"2 roots \('r', 's'\)"),
    ("names.obo", obo("name: x", "[Term]", "id: a", "name: x"), {"names": True}, 6, "'x' is that"),
    ("relations.obo", obo(), {"relations": ["part_of"]}, None, "no relationship 'part_of'"),
    ("mac.obo", obo("", "is_a: s").replace(b"\n", b"\r"), {}, 6, "is_a 's' has no stanza"),
    ("long.obo", lambda: obo("x" * LONG), {}, 5, r"'x+\.\.\.'; expected 'tag: value'"),
    ("braces.obo", lambda: obo("is_a: s " + "{" * DEEP), {}, 5, "has no stanza"),
    ("escapes.obo", lambda: obo("is_a: " + "\\" * DEEP), {}, 5, "has no stanza"),
    ("joined.obo", lambda: obo(*["\\"] * MANY, "x"), {}, 5, "'x'; expected 'tag: value'"),
    ("stanzas.obo", lambda: obo(*["[Term]"] * MANY), {}, 5, "a term without an id"),
]  # fmt: skip


# ----------------------------------------------------------------------------------- phylogenies


NEWICK: list[Row] = [
    ("comment.nwk", b"[a tree]\n", {}, None, "holds no trees"),
    ("word.nwk", b"cat\n", {}, 1, "'cat' without parentheses or ';'"),
    ("csv.nwk", b"parent,child\nr,a\n", {}, 1, "',' outside of parentheses"),
    ("html.nwk", b"<html></html>", {}, 1, "without parentheses or ';'"),
    ("nexus.nwk", b"#NEXUS\nBEGIN TREES;\n", {}, 1, "is a NEXUS file"),
    ("semicolon.nwk", b"(a,b)r\n(c,d)s;\n", {}, 2, r"'\(' after 'r'"),
    ("opened.nwk", b"(a,\n(b,c)r;\n", {}, 1, "a parenthesis without the closing one"),
    ("cut.nwk", b"(a,\n(b,\n(c,", {}, 3, "3 parentheses without the closing one"),
    ("cut_name.nwk", b"(a,\n'b", {}, 2, "quoted name without its closing quote '"),
    ("cut_comment.nwk", b"(a,\n[b", {}, 2, "comment without its closing bracket"),
    ("cut_length.nwk", b"(a:1,\nb)r:", {}, 2, "the text ends after ':'"),
    ("closed.nwk", b"(a,b)r)\n;", {}, 1, r"'\)' outside of parentheses"),
    ("leaf.nwk", b"(a,\n,b)r;", {}, 2, "a leaf without a name"),
    ("leaves.nwk", b"(,);", {}, 1, "a leaf without a name"),
    ("white.nwk", b"(a,\n' ')r;", {}, 2, "a leaf without a name"),
    ("empty.nwk", b";", {}, 1, "an empty tree"),
    ("length.nwk", b"(a:1,\nb:far)r;", {}, 2, "branch length 'far'; expected a number"),
    ("nan.nwk", b"(a:1,\nb:NaN)r;", {}, 2, "branch length 'NaN'"),
    ("digits.nwk", "(a:1,\nb:\u0661)r;".encode(), {}, 2, "branch length '\u0661'"),
    ("inf.nwk", b"(a:1,\nb:1e999)r;", {}, 2, "weight inf of edge 'r' -> 'b'"),
    ("negative.nwk", b"(a:1,\nb:-1)r;", {}, 2, "weight -1.0 of edge 'r' -> 'b'"),
    ("lengths.nwk", b"(a:1:2,b)r;", {}, 1, "a second branch length"),
    ("some.nwk", b"(a:1,\nb)r;", {}, 2, "node 'b' has no branch length"),
    ("spaces.nwk", b"(a,\nsea lion)r;", {}, 2, "'lion' after 'sea'"),
    ("twice.nwk", b"((x,a)b,\n(x,c)d)r;", {}, 2, "'x' stands below 'b' and below 'd'"),
    ("self.nwk", b"(a,\nr)r;", {}, 2, "'r' stands at the top and below 'r'"),
    ("support.nwk", b"((a,b)90,\n(c,d)x);", {}, 1, r"numbers \('90'\) and names \('x'\)"),
    ("deep.nwk", b"(\n" * DEEP, {}, 100_000, "100000 parentheses without the closing one"),
    ("deep_closed.nwk", b"(" * MANY + b")" * MANY + b";", {}, 1, "a leaf without a name"),
    ("shut.nwk", lambda: b"(a,b)" + b")" * LONG, {}, 1, r"'\)' outside of parentheses"),
    ("brackets.nwk", lambda: b"(a,b)r\n" + b"[" * DEEP, {}, 2, "comment without its closing"),
    ("quotes.nwk", lambda: b"(a,\n'" + b"''" * LONG, {}, 2, "without its closing quote"),
    ("name.nwk", lambda: b"(a,\n" + b"x" * LONG + b" y)r;", {}, 2, "'y' after 'x"),
]  # fmt: skip


def trees(*rows: str) -> bytes:
    """The third line is the first of ``rows``."""
    return lines("#NEXUS", "BEGIN TREES;", *rows)


NEXUS: list[Row] = [
    ("newick.nex", b"(a,b)r;", {}, 1, "does not begin with #NEXUS"),
    ("header.nex", b"#NEXUS\n", {}, None, "holds no trees"),
    ("no_end.nex", trees("TREE t = (a,b)r;"), {}, 2, "block 'trees' without END;"),
    ("begins.nex", trees("BEGIN TREES;", "END;"), {}, 2, "block 'trees' without END;"),
    ("cut.nex", trees("TREE t = (a,", "(b,c)"), {}, 3, "a parenthesis without the closing one"),
    ("cut_tree.nex", trees("TREE t"), {}, 3, "a tree without text"),
    ("cut_command.nex", trees("TRANSLATE 1 a,", "2 b"), {}, 3, "a command without its semicolon"),
    ("no_trees.nex", trees("END;"), {}, None, "holds no trees"),
    ("empty.nex", trees("TREE t = ;", "END;"), {}, 3, "an empty tree"),
    ("equals.nex", trees("TREE t (a,b)r;", "END;"), {}, 3, "in the name of a tree; expected '='"),
    ("translate.nex", trees("TRANSLATE", "1 a 2 b;", "END;"), {}, 4, "TRANSLATE; expected a label"),
    ("keys.nex", trees("TRANSLATE 1 a,", "1 b;", "END;"), {}, 4, "TRANSLATE gives '1' twice"),
    ("same.nex", trees("TRANSLATE 1 a, 2 a;", "TREE t = (1,", "2)r;", "END;"), {}, 5, "'a' stands"),
    ("unclosed.nex", trees("TREE t = (a,", "'b)r;", "END;"), {}, 4, "without its closing quote"),
    ("comment.nex", trees("[TREE t = (a,b)r;", "END;"), {}, 3, "comment without its closing br"),
    ("length.nex", trees("TREE t = (a:x,b)r;", "END;"), {}, 3, "branch length 'x'"),
    ("index.nex", trees("TREE t = (a,b)r;", "END;"), {"index": 1}, None, "holds 1 tree; index=1"),
    ("deep.nex", lambda: trees("TREE t = " + "(" * DEEP), {}, 3, "100000 parentheses without"),
    ("wide.nex", lambda: trees("TRANSLATE " + "a " * DEEP), {}, 3, "a command without its semicol"),
]  # fmt: skip


# ----------------------------------------------------------------------------------------- RDF


def turtle(*rows: str) -> bytes:
    """The third line is the first of ``rows``."""
    return lines(
        "@prefix s: <http://www.w3.org/2004/02/skos/core#> .", "@prefix : <urn:x#> .", *rows
    )


def rdf_xml(*rows: str) -> bytes:
    """The fourth line is the first of ``rows``."""
    return lines(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"',
        ' xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"',
        ' xmlns:owl="http://www.w3.org/2002/07/owl#" xml:base="urn:x">',
        *rows,
        "</rdf:RDF>",
    )


def broader(pairs: str) -> str:
    """JSON-LD of child and parent letters."""
    nodes = ",\n".join(f'{{"@id": "urn:{a}", "b": {{"@id": "urn:{b}"}}}}' for a, b in pairs.split())
    context = '{"b": "http://www.w3.org/2004/02/skos/core#broader"}'
    return f'{{"@context": {context}, "@graph": [\n{nodes}]}}'


CLASS = '<owl:Class rdf:about="#a"><rdfs:subClassOf rdf:resource="#r"/></owl:Class>'

RDF: list[Row] = [
    ("comment.ttl", b"# nothing\n", {}, None, "holds no skos:broader"),
    ("other.ttl", turtle(":a :b :c ."), {}, None, "holds no skos:broader"),
    ("csv.ttl", b"parent,child\nr,a\n", {}, 1, "is no readable Turtle"),
    ("cut.ttl", turtle(":a s:broader :r .", ":b s:broa"), {}, 4, "is no readable Turtle"),
    ("cut_text.ttl", turtle(":a s:broader :r .", ':b s:prefLabel "b'), {}, 4, "no readable Turtle"),
    ("dot.ttl", turtle(":a s:broader :r", ":b s:broader :r ."), {}, 4, "is no readable Turtle"),
    ("prefix.ttl", turtle(":a s:broader :r .", "x:b s:broader :r ."), {}, 4, "no readable Turtle"),
    ("iri.ttl", turtle(":a s:broader :r .", "<urn:b s:broader :r ."), {}, 4, "no readable Turtle"),
    ("escape.ttl", turtle(':a s:broader :r ;', 's:prefLabel "\\uD800" .'), {}, 3, "surrogate"),
    ("lists.ttl", lambda: turtle(":a :b " + "(" * DEEP), {}, None, "is no readable Turtle"),
    ("blanks.ttl", lambda: turtle(":a :b " + "[:b " * DEEP), {}, None, "is no readable Turtle"),
    ("text.ttl", turtle(':a s:broader "r" .'), {}, 3, "broader 'r' of 'urn:x#a' is text"),
    ("loop.ttl", turtle(":r s:broader :r ."), {}, 3, "'r' is its own parent"),
    ("cycle.ttl", turtle(":a s:broader :b .", ":b s:broader :a ."), {}, 4, "cycle of 2 nodes"),
    ("roots.ttl", turtle(":a s:broader :r .", ":b s:broader :s ."), {}, None, "2 roots"),
    ("labels.ttl", turtle(':a s:broader :r ; s:prefLabel "r"@en .'), {}, None, "label 'r' is that"),
    ("laughs.owl", laughs("rdf:RDF"), {}, 3, "entity 'e1' holds another"),
    ("blowup.owl", blowup("rdf:RDF"), {}, 1, "entity 'e' holds 50000 characters"),
    ("deep.owl", lambda: rdf_xml("<owl:Class>" * DEEP), {}, 5, "is no well-formed XML"),
    ("cut.owl", rdf_xml(CLASS)[:-3], {}, 5, "is no well-formed XML: unclosed token"),
    ("two.owl", rdf_xml(CLASS) * 2, {}, 6, "is no well-formed XML: junk after document"),
    ("prefix.owl", rdf_xml("<x:Class/>"), {}, 4, "is no well-formed XML: unbound prefix"),
    ("entity.owl", rdf_xml("&owl;"), {}, 4, "is no well-formed XML: undefined entity"),
    ("html.owl", b"<!DOCTYPE html>\n<html><p></html>\n", {}, 2, "is no well-formed XML"),
    ("ids.owl", rdf_xml('<owl:Class rdf:ID="a b"/>'), {}, 4, "is no readable RDF/XML"),
    ("ids_twice.owl", rdf_xml('<owl:Class rdf:ID="a"/>', '<owl:Class rdf:ID="a"/>'), {}, 5,
     "is no readable RDF/XML"),
    ("about.owl", rdf_xml('<owl:Class rdf:about="#a" rdf:ID="a"/>'), {}, 4, "is no readable RDF/X"),
    ("nothing.owl", rdf_xml(), {}, None, "holds no skos:broader"),
    ("roots.owl", rdf_xml(CLASS, '<owl:Class rdf:about="#s"/>'), {}, None, r"2 roots \('r', 's'\)"),
    ("cycle.owl", rdf_xml(CLASS, CLASS.replace("#a", "#x").replace("#r", "#a").replace("#x", "#r")),
     {}, 5, "cycle of 2 nodes"),
    ("cut.nt", b"<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b>\n", {}, 2, "is no readable Turtle"),
    ("words.nt", b"<urn:a> <urn:b> <urn:c> .\na b c .\n", {}, 2, "is no readable Turtle"),
    ("cut.jsonld", broader("ar")[:-2].encode(), {}, 2, "is no readable JSON-LD"),
    ("more.jsonld", broader("ar").encode() + b"\n]", {}, 3, "is no readable JSON-LD: Extra data"),
    ("deep.jsonld", b'{"a":' * DEEP, {}, None, "is no readable JSON-LD"),
    ("remote.jsonld", b'{"@id": "urn:a",\n"@context": "http://example.org/c.jsonld"}', {}, 2,
     "JSON-LD context 'http://example.org/c.jsonld' lies outside the file"),
    ("import.jsonld", b'{"@context": {"@version": 1.1,\n"@import": "http://example.org/c"}}', {}, 2,
     "JSON-LD context 'http://example.org/c' lies outside the file"),
    ("inner.jsonld", b'{"@context": {"a": {"@id": "urn:a",\n"@context": "c.jsonld"}}}', {}, 2,
     "JSON-LD context 'c.jsonld' lies outside the file"),
    ("list.jsonld", b'[{"@context": [{},\n"c.jsonld"]}]', {}, 2, "'c.jsonld' lies outside"),
    ("cycle.jsonld", broader("ba ab").encode(), {}, 2, "cycle of 2 nodes"),
    ("loop.jsonld", broader("bb ab").encode(), {}, 2, "'b' is its own parent"),
]  # fmt: skip

CORPUS: dict[str, list[Row]] = {
    "csv": CSV,
    "paths": PATHS,
    "outline": OUTLINE,
    "text": TEXT,
    "json": JSON,
    "codes": CODES,
    "wordnet": WORDNETS,
    "folders": FOLDERS,
    "class-folders": CLASS_FOLDERS,
    "parquet": PARQUET,
    "graphml": GRAPHML,
    "gexf": GEXF,
    "obo": OBO,
    "newick": NEWICK,
    "nexus": NEXUS,
    "rdf": RDF,
}


@pytest.mark.parametrize(
    ("format", "row"),
    [(format, row) for format, rows in CORPUS.items() for row in rows],
    ids=[f"{format}-{row[0]}" for format, rows in CORPUS.items() for row in rows],
)
def test_broken(tmp_path: Path, format: str, row: Row) -> None:
    need(format)
    name, content, options, line, message = row
    problem = check(put(tmp_path, name, content), format, **options)
    assert isinstance(problem, TaxonomyError)
    assert problem.path == os.fspath(tmp_path / name)
    with pytest.raises(TaxonomyError, match=message):
        raise problem
    assert problem.line == line


# -------------------------------------------------------------------- nothing comes from outside

SECRET = "swordfish"

#: name, a file that refers to {url}
REFERENCES: list[tuple[str, str]] = [
    (name, f"<!DOCTYPE {root} {declared}>\n<{root}>{used}</{root}>")
    for name, root in (("x.graphml", "graphml"), ("x.gexf", "gexf"), ("x.owl", "rdf:RDF"))
    for declared, used in (
        ('[<!ENTITY e SYSTEM "{url}">]', "&e;"),
        ('[<!ENTITY % e SYSTEM "{url}"> %e;]', ""),
        ('SYSTEM "{url}"', ""),
        ('PUBLIC "-//X" "{url}"', ""),
    )
]
REFERENCES += [
    ("x.jsonld", '{{"@context": "{url}", "@id": "urn:a", "label": "b"}}'),
    ("x.jsonld", '{{"@context": {{"@import": "{url}"}}}}'),
    ("x.ttl", "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<urn:a> owl:imports <{url}> ."),
    (
        "x.owl",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{url}"/></rdf:RDF>',
    ),
]


@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize(("name", "text"), REFERENCES)
def test_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, scheme: str
) -> None:
    format = {".gexf": "gexf", ".graphml": "graphml"}.get(Path(name).suffix, "rdf")
    need(format)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    secret = put(tmp_path, "secret", SECRET.encode())
    url = secret.as_uri() if scheme == "file" else "http://example.org/secret"
    path = put(tmp_path, name, text.replace("{url}", url).replace("{{", "{").encode())
    problem = check(path, format)
    assert isinstance(problem, TaxonomyError)
    assert SECRET not in str(problem)
    assert "network" not in str(problem)


# --------------------------------------------------------------------------- hostile, but sound


def chain(shape: str, many: int = MANY) -> bytes:
    """A chain of nodes called by their numbers."""
    if shape == "newick":
        return b"(" * (many - 1) + b"".join(b"n%d)" % k for k in range(many, 1, -1)) + b"n1;"
    if shape == "json":
        return b"".join(b'{"%d":' % k for k in range(many)) + b"null" + b"}" * many
    if shape == "paths":
        return b" > ".join(b"%d" % k for k in range(many))
    if shape == "outline":
        return b"".join(b" " * k + b"%d\n" % k for k in range(many))
    return b"parent,child\n" + b"".join(b"%d,%d\n" % (k, k + 1) for k in range(many - 1))


#: name, content, options, number of nodes, height
SOUND: list[tuple[str, str, Callable[[], bytes], dict[str, Any], int, int]] = [
    ("csv", "chain.csv", lambda: chain("csv"), {}, MANY, MANY - 1),
    ("csv", "row.csv", lambda: b"a," * WIDE + b"b\n" + b"r," * WIDE, {"columns": None}, 1, 0),
    ("csv", "returns.csv", lambda: b"parent,child\r\nr,a\rr,b\n\r\n\rr,c", {}, 4, 1),
    ("csv", "blank.csv", lambda: b"\n" * DEEP + b"parent,child\nr,a\n", {}, 2, 1),
    ("paths", "chain.paths", lambda: chain("paths", DEEP), {}, DEEP, DEEP - 1),
    ("paths", "name.paths", lambda: b"r > " + b"x" * LONG, {}, 2, 1),
    ("outline", "chain.outline", lambda: chain("outline", 2000), {}, 2000, 1999),
    ("outline", "name.outline", lambda: b"r\n " + b"x" * LONG, {}, 2, 1),
    ("json", "chain.json", lambda: chain("json"), {}, MANY, MANY - 1),
    ("json", "name.json", lambda: b'{"r": ["' + b"x" * LONG + b'"]}', {}, 2, 1),
    ("newick", "chain.nwk", lambda: chain("newick"), {}, MANY, MANY - 1),
    ("newick", "name.nwk", lambda: b"(a," + b"x" * LONG + b")r;", {}, 3, 1),
    ("obo", "name.obo", lambda: obo("[Term]", "id: " + "x" * LONG, "is_a: r"), {}, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "name", "content", "options", "nodes", "height"),
    SOUND,
    ids=[f"{row[0]}-{row[1]}" for row in SOUND],
)
def test_sound(
    tmp_path: Path,
    format: str,
    name: str,
    content: Callable[[], bytes],
    options: dict[str, Any],
    nodes: int,
    height: int,
) -> None:
    need(format)
    found = check(put(tmp_path, name, content), format, **options)
    assert isinstance(found, Taxonomy)
    assert (len(found), found.height) == (nodes, height)
