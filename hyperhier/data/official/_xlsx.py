"""The cells of a spreadsheet's first sheet, read with the standard library."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from hyperhier.errors import DataError

__all__ = ["sheet_rows"]

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REFERENCE = re.compile(r"([A-Z]+)(\d+)$")


def sheet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and cells of an ``.xlsx``; a whole number reads ``"1"``, not ``"1.0"``.

    Raises:
        DataError: the file is no such spreadsheet.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            shared = []
            if "xl/sharedStrings.xml" in names:
                root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
                shared = [_text(item) for item in root.iter(f"{_MAIN}si")]
            sheets = sorted(
                (name for name in names if re.match(r"xl/worksheets/sheet\d+\.xml$", name)),
                key=lambda name: int(re.sub(r"\D", "", name)),
            )
            if not sheets:
                raise DataError("no sheet in this file", path=path)
            sheet = ElementTree.fromstring(archive.read(sheets[0]))
        rows = [(number, row) for number, row in enumerate(sheet.iter(f"{_MAIN}row"), start=1)]
        for counted, row in rows:
            cells: list[str] = []
            for cell in row.iter(f"{_MAIN}c"):
                column = _column(cell.get("r", ""), len(cells))
                cells += [""] * (column - len(cells))
                cells.append(_value(cell, shared))
            yield int(row.get("r", counted)), cells
    except (OSError, zipfile.BadZipFile, ElementTree.ParseError, IndexError, ValueError) as reason:
        if isinstance(reason, DataError):
            raise
        raise DataError(f"unreadable spreadsheet: {reason}", path=path) from reason


def _column(reference: str, following: int) -> int:
    """0 for ``A7``, 27 for ``AB7``; without a reference the column that follows."""
    match = _REFERENCE.match(reference)
    if match is None:
        return following
    number = 0
    for letter in match[1]:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return _text(cell)
    value = cell.findtext(f"{_MAIN}v") or ""
    if cell.get("t") == "s" and value:
        return shared[int(value)]
    if cell.get("t") in (None, "n") and value:
        number = float(value)
        return str(int(number)) if number.is_integer() else value
    return value


def _text(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in element.iter(f"{_MAIN}t"))
