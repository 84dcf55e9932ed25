"""Sentences about attributes, level by level: reading them, and matching them to a taxonomy."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO

from hyperhier.errors import DataError

__all__ = ["AttributeTexts", "builtin_texts", "read_attribute_texts"]

#: columns that may hold the attribute's (or class's) name, the first found counts
_NAME_COLUMNS = ("attribute", "node", "class", "label", "fine", "name")
#: the level of a file without a column ``level``
_ONLY_LEVEL = ""
_BUILTIN = ("ham10000",)


@dataclass(frozen=True)
class AttributeTexts:
    """Sentences by level and attribute.

    Attributes:
        levels: level name -> attribute -> its sentences, at least one each.
        source: where they come from, for messages.

    >>> texts = AttributeTexts({"tissue": {"dense": ("Many cells.",), "sparse": ("Few cells.",)}})
    >>> texts
    AttributeTexts(tissue: 2 attributes, 2 sentences)
    """

    levels: Mapping[str, Mapping[str, Sequence[str]]]
    source: str = ""

    def __post_init__(self) -> None:
        if not self.levels:
            raise DataError("no attribute texts", path=self.source or None)
        for level, attributes in self.levels.items():
            if not attributes:
                raise DataError(f"level {level!r} has no attributes", path=self.source or None)
            for attribute, sentences in attributes.items():
                if isinstance(sentences, str) or not sentences:
                    raise DataError(
                        f"attribute {attribute!r} needs a sequence of sentences, got {sentences!r}",
                        path=self.source or None,
                    )
                if not all(isinstance(s, str) and s.strip() for s in sentences):
                    raise DataError(
                        f"attribute {attribute!r} has an empty sentence", path=self.source or None
                    )

    def select(self, names: Sequence[str]) -> AttributeTexts:
        """Some levels, in a given order.

        Raises:
            DataError: a level that is not there.
        """
        for name in names:
            if name not in self.levels:
                raise DataError(
                    f"no level {name!r}; there are {', '.join(map(repr, self.levels))}",
                    path=self.source or None,
                )
        return AttributeTexts({name: self.levels[name] for name in names}, self.source)

    def sentences(self) -> list[str]:
        """All of them, level by level."""
        return [
            s for attributes in self.levels.values() for given in attributes.values() for s in given
        ]

    def __repr__(self) -> str:
        parts = [
            f"{name or 'texts'}: {len(level)} attributes, {sum(map(len, level.values()))} sentences"
            for name, level in self.levels.items()
        ]
        return f"AttributeTexts({'; '.join(parts)})"


def read_attribute_texts(
    path: str | os.PathLike[str], levels: Sequence[str] | None = None
) -> AttributeTexts:
    """Read a CSV file (also gzipped) with one sentence per row.

    Columns: ``text``; the name of the attribute or class in the first that exists of
    ``attribute``, ``node``, ``class``, ``label``, ``fine``, ``name``; and, if the file has
    several levels, ``level``. Others are passed over. This is the form of the published HLSS
    descriptions (``level, attribute, variant, text``) and of a table of class texts
    (``fine, text``).

    Args:
        levels: the levels wanted, in this order; default: all, as they come.

    Raises:
        DataError: no file, no such column, an empty cell, or not UTF-8; with the line.
    """
    where = Path(path)
    if not where.is_file():
        raise DataError("no such file", path=where)
    try:
        with _opened(where) as file:
            texts = AttributeTexts(_parsed(file, where), str(where))
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, csv.Error) as reason:
        raise DataError(f"not a CSV file in UTF-8: {reason}", path=where) from reason
    return texts if levels is None else texts.select(levels)


def builtin_texts(name: str) -> AttributeTexts:
    """Class descriptions that come with the library.

    ``"ham10000"``: the seven diagnoses and the inner nodes of both built-in trees of
    HAM10000, four sentences each on what dermatoscopy shows; written for this library from
    general knowledge, no medical advice.

    >>> sorted(builtin_texts("ham10000").levels[""])[:3]
    ['akiec', 'bcc', 'benign']
    """
    if name not in _BUILTIN:
        raise DataError(f"no built-in texts {name!r}; there are {', '.join(_BUILTIN)}")
    source = resources.files("hyperhier.hlss") / "data" / f"{name}.csv"
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    return AttributeTexts(_parsed(lines, Path(f"{name}.csv")), name)


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _parsed(lines: Iterable[str], path: Path) -> dict[str, dict[str, list[str]]]:
    rows = csv.reader(lines)
    header = [column.strip().lower() for column in next(rows, [])]
    name = next((column for column in _NAME_COLUMNS if column in header), None)
    if name is None or "text" not in header:
        raise DataError(
            f"expected a column 'text' and one of {', '.join(_NAME_COLUMNS)}, got {header}",
            path=path,
            line=1,
        )
    result: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        line = rows.line_num
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"expected {len(header)} cells, got {len(row)}", path=path, line=line)
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        for column in (name, "text"):
            if not cells[column]:
                raise DataError(f"empty {column!r}", path=path, line=line)
        level = result.setdefault(cells.get("level", _ONLY_LEVEL), {})
        level.setdefault(cells[name], []).append(cells["text"])
    return result
