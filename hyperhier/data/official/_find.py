"""Looking for the parts of a data set, and saying what is missing and where it comes from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from hyperhier.data._store import IMAGE_SUFFIXES
from hyperhier.errors import DataError

__all__ = [
    "Rows",
    "first_existing",
    "folder",
    "images_below",
    "missing",
    "need_columns",
    "read_json",
    "read_table",
    "rows_of",
]

#: rows of a table: line number and cells by column
Rows = list[tuple[int, dict[str, str]]]


def missing(what: str, root: Path, download: str) -> DataError:
    """The error that says what is not there, and what to download from where."""
    text = " ".join(download.split())
    return DataError(f"{what} not found. {text}", path=root)


def folder(root: str | PathLike[str], download: str) -> Path:
    """The root as a path. Raises DataError if it is no folder."""
    place = Path(root)
    if not place.is_dir():
        what = "a folder, but this is a file; the data set" if place.exists() else "this folder"
        raise missing(what, place, download)
    return place


def first_existing(root: Path, names: Iterable[str]) -> Path | None:
    """The first of several relative paths that exists, whatever the case of its letters."""
    for name in names:
        place: Path | None = root
        for part in Path(name).parts:
            place = None if place is None else _child(place, part)
        if place is not None:
            return place
    return None


def _child(parent: Path, name: str) -> Path | None:
    if (parent / name).exists():
        return parent / name
    if not parent.is_dir():
        return None
    found = [p for p in sorted(parent.iterdir()) if p.name.lower() == name.lower()]
    return found[0] if found else None


def images_below(place: Path) -> Iterator[Path]:
    """Picture files in a folder and below it, sorted; hidden ones are passed over."""
    for path in sorted(place.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
        if not hidden and path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield path


def read_table(path: Path) -> Rows:
    """A CSV or TSV with a header. Raises DataError if it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            lines = csv.reader(file, delimiter=max(",;\t", key=first.count))
            return rows_of(((lines.line_num, row) for row in lines), path)
    except (UnicodeDecodeError, OSError, csv.Error) as reason:
        raise DataError(f"unreadable table: {reason}", path=path) from reason


def rows_of(lines: Iterable[tuple[int, list[str]]], path: Path) -> Rows:
    """Rows by column name; the first line names the columns."""
    rows: Rows = []
    header: list[str] = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [name.strip() for name in cells]
            continue
        if len(cells) > len(header):
            raise DataError(
                f"{len(cells)} cells, but the header has {len(header)} columns",
                path=path,
                line=number,
            )
        padded = cells + [""] * (len(header) - len(cells))
        rows.append((number, {k: v.strip() for k, v in zip(header, padded, strict=True)}))
    if not header:
        raise DataError("empty table: expected a line of column names", path=path)
    return rows


def need_columns(rows: Rows, names: Iterable[str], path: Path) -> None:
    """Raise DataError for a column that is not there."""
    if not rows:
        raise DataError("no rows below the header", path=path)
    for name in names:
        if name not in rows[0][1]:
            raise DataError(
                f"no column {name!r}: the columns are {', '.join(rows[0][1])}", path=path, line=1
            )


def read_json(path: Path) -> Any:
    """A JSON file. Raises DataError if it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise DataError(f"unreadable JSON: {reason}", path=path) from reason
