"""Edge lists as CSV and TSV: ``parent,child[,weight]``."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from os import PathLike, fspath
from typing import Any, Unpack

import numpy as np

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import Origin, build
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._columns import WEIGHT, Column, column_number, has_weight
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.policies import Policies, Policy

__all__ = ["delimiter_of", "malformed", "parse_csv", "read_csv", "write_csv"]

_HINT = (
    ", delimiter= another separator; header=False: the first line is an edge; columns=: a path in "
    "each row"
)


def read_csv(
    path: str | PathLike[str],
    *,
    parent: Column | None = None,
    child: Column | None = None,
    weight: Column | None = WEIGHT,
    delimiter: str | None = None,
    header: bool | Sequence[str] = True,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read an edge list; columns are found by name in the header line, others are ignored.

    UTF-8 with or without byte order mark, any line ends, quoted cells, gzip. White space
    around a cell is dropped. A file whose only row has an empty parent is a single node.

    Args:
        path: the file.
        parent, child: the columns, by name (upper and lower case are alike) or by number from
            0; by default ``"parent"`` and ``"child"``, or 0 and 1 without a header.
        weight: the weight column; the default one may be absent, ``None`` ignores it.
        delimiter: between cells; by default a tab if the name says ``.tsv``, else a comma.
        header: False if the first line is an edge already, or then the names of all columns.
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.csv"
    >>> _ = path.write_text("child,parent\\ncat,animal\\ndog,animal\\n")
    >>> read_csv(path).leaves
    ('cat', 'dog')
    """
    return parse_csv(
        read_text(path),
        parent=parent,
        child=child,
        weight=weight,
        delimiter=delimiter_of(path) if delimiter is None else delimiter,
        header=header,
        path=path,
        **policies,
    )


def parse_csv(
    text: str,
    *,
    parent: Column | None = None,
    child: Column | None = None,
    weight: Column | None = WEIGHT,
    delimiter: str = ",",
    header: bool | Sequence[str] = True,
    path: str | PathLike[str] | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """As :func:`read_csv`, from text; ``path`` is named in errors.

    >>> parse_csv("animal,cat\\nanimal,dog\\n", header=False).leaves
    ('cat', 'dog')
    """
    policy = Policy.of(policies)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        first = next((row for row in rows if any(cell.strip() for cell in row)), None)
        if first is None:
            raise TaxonomyError("is empty; expected edges", path=path)
        names = first if header is True else header or None
        where = (path, max(rows.line_num, 1))
        columns = _columns(names, len(first), (parent, child, weight), where)
        again = [] if header is True else [first]
        width = len(first if names is None else names)
        ids, edges, weights, lines = _edges(rows, again, width, columns, path)
    except csv.Error as problem:
        raise malformed(problem, text, delimiter, path) from None
    if not ids:
        raise TaxonomyError("has no edges", path=path)
    parents, children = np.frombuffer(edges, dtype=np.int64).reshape(-1, 2).T
    return Taxonomy._of(
        build(
            list(ids),
            children.copy(),
            parents.copy(),
            np.frombuffer(weights) if weights else np.ones(len(parents)),
            origin=Origin(path, lines),
            policy=policy,
        )
    )


def write_csv(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write ``parent,child`` (and ``weight``, if one differs from 1), one edge a line.

    Tab-separated for ``.tsv``, compressed for ``.gz``. The file appears at once or not at
    all, and reads back as an equal taxonomy with the same ids.

    Raises:
        TaxonomyError: the file cannot be written.
    """
    weights = taxonomy.edge_weight.tolist()
    weighted = any(value != 1.0 for value in weights)
    nodes = taxonomy.nodes
    buffer = io.StringIO(newline="")
    # before Python 3.13 the writer leaves a lone carriage return unquoted
    returns = any("\r" in name for name in nodes)
    writer = csv.writer(
        buffer,
        delimiter=delimiter_of(path),
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL,
    )
    writer.writerow(["parent", "child", WEIGHT] if weighted else ["parent", "child"])
    if len(taxonomy) == 1:
        writer.writerow(["", taxonomy.root])
    children, parents = taxonomy.edges.tolist()
    for child, parent, value in zip(children, parents, weights, strict=True):
        row = [nodes[parent], nodes[child]]
        writer.writerow([*row, repr(value)] if weighted else row)
    write_text(path, buffer.getvalue())


def malformed(
    problem: csv.Error, text: str, delimiter: str, path: str | PathLike[str] | None
) -> TaxonomyError:
    """The error about a row that cannot be read, with the line in which the row begins.

    It may end far below: a quote that is not closed takes in the lines that follow.
    """
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    with suppress(csv.Error):
        for _ in rows:
            begin = rows.line_num + 1
    return TaxonomyError(f"malformed table: {problem}", path=path, line=begin)


def delimiter_of(path: str | PathLike[str]) -> str:
    """A tab if the name says ``.tsv``, else a comma."""
    return "\t" if fspath(path).lower().removesuffix(".gz").endswith(".tsv") else ","


def _columns(
    names: Sequence[str] | None,
    width: int,
    wanted: tuple[Column | None, Column | None, Column | None],
    where: tuple[str | PathLike[str] | None, int],
) -> tuple[int, int, int | None]:
    """Numbers of the parent, child and weight columns."""
    parent, child, weight = wanted
    path, _ = where
    if parent is None:
        parent = 0 if names is None else "parent"
    if child is None:
        child = 1 if names is None else "child"
    if weight == WEIGHT and (names is None or not has_weight(names)):
        weight = None
    p = _column(names, width, parent, "parent", where)
    c = _column(names, width, child, "child", where)
    w = None if weight is None else _column(names, width, weight, "weight", where)
    if p == c:
        raise TaxonomyError(f"parent and child are one column {parent!r}", path=path)
    return p, c, w


def _column(
    names: Sequence[str] | None,
    width: int,
    column: Column,
    argument: str,
    where: tuple[str | PathLike[str] | None, int],
) -> int:
    path, line = where
    if names is None and isinstance(column, str):
        raise TaxonomyError(
            f"{argument}={column!r} without a header; expected a number from 0", path=path
        )
    header = [str(k) for k in range(width)] if names is None else names
    return column_number(header, column, argument=argument, path=path, line=line, hint=_HINT)


def _edges(
    rows: Any,
    again: list[list[str]],
    width: int,
    columns: tuple[int, int, int | None],
    path: str | PathLike[str] | None,
) -> tuple[dict[str, int], array[int], array[float], array[int]]:
    """Ids by name in the order of their first mention, (parent, child) pairs, weights, lines."""
    p, c, w = columns
    ids: dict[str, int] = {}
    edges, weights, lines = array("q"), array("d"), array("q")
    lone = 0  # line of a node without a parent
    for row in chain(again, rows):
        if len(row) != width:
            if len(row) < 2 and not "".join(row).strip():
                continue  # a blank line
            raise TaxonomyError(
                f"{len(row)} cells; expected {width} as in the first line",
                path=path,
                line=rows.line_num,
            )
        above, below = row[p].strip(), row[c].strip()
        if not (above and below):
            if not below:
                raise TaxonomyError("empty child name", path=path, line=rows.line_num)
            if edges or lone:
                raise TaxonomyError("empty parent name", path=path, line=rows.line_num)
            lone = rows.line_num
            ids[below] = 0
            continue
        edges.append(ids.setdefault(above, len(ids)))
        edges.append(ids.setdefault(below, len(ids)))
        lines.append(rows.line_num)
        if w is not None:
            weights.append(_number(row[w], path, rows.line_num))
    if lone and edges:
        raise TaxonomyError("empty parent name", path=path, line=lone)
    return ids, edges, weights, lines


def _number(cell: str, path: str | PathLike[str] | None, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise TaxonomyError(f"weight {cell!r}; expected a number", path=path, line=line) from None
