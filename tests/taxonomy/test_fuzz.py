"""Any file of any format gives a taxonomy or a TaxonomyError, nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from good_files import GOOD, TOKENS, WORDNET
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, format_names, read_csv, read_taxonomy, write_csv

NEEDS = {"rdf": "rdflib"}
FILES = {name: (format, text.encode(), options) for format, name, text, options in GOOD}
CONTENTS = [content for _, content, _ in FILES.values()]

#: formats in which a node is told by its place, and tables of paths
OF_PLACES = ("paths", "text", "outline", "json", "codes", "newick", "nexus")

ENDS = re.compile(rb"\r\n|\n|\r")
LONGEST_CELL = 100_000  # of the csv module: 131,072


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # takes longer than all the rest
        yield tmp_path_factory.mktemp("fuzz")


def reads(path: Path, format: str, options: dict[str, Any]) -> None:
    """The file is one of a taxonomy that can be written and read again, or broken."""
    found: Taxonomy | TaxonomyError
    try:
        found = read_taxonomy(path, format=format, **options)
    except TaxonomyError as problem:
        found = problem
    if isinstance(found, TaxonomyError):
        assert found.path is not None
        content = Path(found.path).read_bytes() if found.line else b""
        assert found.line is None or 0 < found.line <= len(ENDS.findall(content)) + 1
        return
    if max(map(len, found.nodes)) < LONGEST_CELL:
        written = path.with_name("again.csv")
        write_csv(found, written)
        again = read_csv(written)
        assert again == found
        assert again.nodes == found.nodes


def policies(format: str, options: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    choices: dict[str, st.SearchStrategy[Any]] = {
        "roots": st.sampled_from(["error", "join", "join", "largest"]),
        "multi_parent": st.sampled_from(["keep", "first", "error"]),
        "unary": st.sampled_from(["keep", "contract"]),
    }
    if format in OF_PLACES or "columns" in options:
        choices["duplicates"] = st.sampled_from(["error", "path", "merge"])
    return st.fixed_dictionaries({}, optional=choices).map(lambda drawn: {**options, **drawn})


@st.composite
def mutations(draw: st.DrawFn, content: bytes, others: list[bytes] = CONTENTS) -> bytes:
    """A file with some damage: parts gone, moved, doubled, replaced, or of another file."""

    def span(data: bytes) -> slice:
        start = draw(st.integers(0, len(data)))
        return slice(start, min(len(data), start + draw(st.integers(0, 12))))

    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["token", "cut", "double", "bytes", "lines", "splice", "end"]))
        at = span(content)
        if kind == "token":
            token = draw(st.sampled_from(TOKENS)).encode()
            content = content[: at.start] + token + content[at.start :]
        elif kind == "cut":
            content = content[: at.start] + content[at.stop :]
        elif kind == "double":
            to = draw(st.integers(0, len(content)))
            content = content[:to] + content[at] * draw(st.integers(1, 3)) + content[to:]
        elif kind == "bytes":
            content = content[: at.start] + draw(st.binary(max_size=3)) + content[at.stop :]
        elif kind == "lines":
            rows = content.split(b"\n")
            row = rows.pop(draw(st.integers(0, len(rows) - 1)))
            for _ in range(draw(st.integers(0, 2))):
                rows.insert(draw(st.integers(0, len(rows))), row)
            content = b"\n".join(rows)
        elif kind == "splice":
            other = draw(st.sampled_from(others))
            content = content[: at.start] + other[draw(st.integers(0, len(other))) :]
        else:
            content = content[: at.stop]
    return content


def formats() -> Any:
    return pytest.mark.parametrize("name", FILES)


def need(format: str) -> None:
    if format not in format_names():
        pytest.skip(f"no format {format}")
    if format in NEEDS:
        pytest.importorskip(NEEDS[format])


@formats()
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_files(folder: Path, name: str, data: st.DataObject) -> None:
    format, content, options = FILES[name]
    need(format)
    path = folder / name
    path.write_bytes(data.draw(mutations(content)))
    reads(path, format, data.draw(policies(format, options)))


@formats()
@given(st.data())
def test_any_text_or_bytes(folder: Path, name: str, data: st.DataObject) -> None:
    format, _, options = FILES[name]
    need(format)
    path = folder / name
    tokens = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)
    texts = (tokens | st.text()).map(lambda text: text.encode("utf-8", "surrogatepass"))
    path.write_bytes(data.draw(texts | st.binary()))
    reads(path, format, data.draw(policies(format, options)))


@given(st.sampled_from(sorted(WORDNET)), st.data())
def test_mutated_wordnet(folder: Path, name: str, data: st.DataObject) -> None:
    place = folder / "dict"
    place.mkdir(exist_ok=True)
    contents = [text.encode() for text in WORDNET.values()]
    for file, text in WORDNET.items():
        content = text.encode()
        if file == name:
            content = data.draw(mutations(content, contents) | st.binary())
        (place / file).write_bytes(content)
    options: dict[str, Any] = {
        "names": data.draw(st.sampled_from(["synset", "offset"])),
        "instances": data.draw(st.booleans()),
    }
    reads(place, "wordnet", data.draw(policies("wordnet", options)))
