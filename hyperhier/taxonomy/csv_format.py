"""Edge lists as CSV and TSV: ``parent,child[,weight]``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from os import PathLike, fspath

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import MultiParent, Origin, Roots
from hyperhier.taxonomy._text import read_text, write_text
from hyperhier.taxonomy.core import Taxonomy

__all__ = ["read_csv", "write_csv"]

_WEIGHT = "weight"


def read_csv(
    path: str | PathLike[str],
    *,
    parent: str = "parent",
    child: str = "child",
    weight: str | None = _WEIGHT,
    delimiter: str | None = None,
    header: Sequence[str] | None = None,
    multi_parent: MultiParent = "keep",
    roots: Roots = "error",
    root_name: str = "root",
) -> Taxonomy:
    """Read an edge list with a header line; columns are found by name, others are ignored.

    UTF-8 with or without byte order mark, any line ends, quoted cells, gzip. White space
    around a cell is dropped. A file whose only row has an empty parent is a single node.

    Args:
        path: the file.
        parent, child: names of the columns (upper and lower case are alike).
        weight: name of the weight column; the default one may be absent, ``None`` ignores it.
        delimiter: between cells; by default a tab if the name says ``.tsv``, else a comma.
        header: names of all columns, for a file whose first line is an edge already.
        multi_parent, roots, root_name: see :meth:`Taxonomy.from_edges`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.csv"
    >>> _ = path.write_text("child,parent\\ncat,animal\\ndog,animal\\n")
    >>> read_csv(path).leaves
    ('cat', 'dog')
    """
    if delimiter is None:
        delimiter = _delimiter_of(path)
    rows = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    edges: list[tuple[str, str] | tuple[str, str, float]] = []
    lines: list[int] = []
    single = ""
    try:
        if header is None:
            header = next((row for row in rows if any(cell.strip() for cell in row)), None)
        if header is None:
            raise TaxonomyError("is empty; expected a header and edges", path=path)
        at = (path, max(rows.line_num, 1))
        p = _column(header, parent, "parent", at)
        c = _column(header, child, "child", at)
        w = None
        if weight is not None and (weight != _WEIGHT or _places(header, weight)):
            w = _column(header, weight, "weight", at)
        if p == c:
            raise TaxonomyError(f"parent and child are one column {parent!r}", path=path)
        for row in rows:
            if not row:
                continue
            line = rows.line_num
            if len(row) != len(header):
                raise TaxonomyError(
                    f"{len(row)} cells; expected {len(header)} as in the header",
                    path=path,
                    line=line,
                )
            above, below = row[p].strip(), row[c].strip()
            if not below:
                raise TaxonomyError("empty child name", path=path, line=line)
            if single or (not above and edges):
                at_line = lines[0] if single else line
                raise TaxonomyError("empty parent name", path=path, line=at_line)
            if not above:
                single = below
            elif w is None:
                edges.append((above, below))
            else:
                edges.append((above, below, _number(row[w], path, line)))
            lines.append(line)
    except csv.Error as problem:
        raise TaxonomyError(f"malformed table: {problem}", path=path, line=rows.line_num) from None
    if not lines:
        raise TaxonomyError("has no edges", path=path)
    nodes = [single] if single else []
    origin = Origin(path, lines)
    return Taxonomy._of(_make.from_edges(edges, nodes, multi_parent, roots, root_name, origin))


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
        delimiter=_delimiter_of(path),
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL,
    )
    writer.writerow(["parent", "child", _WEIGHT] if weighted else ["parent", "child"])
    if len(taxonomy) == 1:
        writer.writerow(["", taxonomy.root])
    children, parents = taxonomy.edges.tolist()
    for child, parent, value in zip(children, parents, weights, strict=True):
        row = [nodes[parent], nodes[child]]
        writer.writerow([*row, repr(value)] if weighted else row)
    write_text(path, buffer.getvalue())


def _delimiter_of(path: str | PathLike[str]) -> str:
    return "\t" if fspath(path).lower().removesuffix(".gz").endswith(".tsv") else ","


def _places(header: Sequence[str], name: str) -> list[int]:
    wanted = name.strip().casefold()
    return [k for k, cell in enumerate(header) if cell.strip().casefold() == wanted]


def _column(
    header: Sequence[str], name: str, argument: str, at: tuple[str | PathLike[str], int]
) -> int:
    places = _places(header, name)
    if len(places) == 1:
        return places[0]
    path, line = at
    if places:
        raise TaxonomyError(f"{len(places)} columns {name!r}; expected one", path=path, line=line)
    raise TaxonomyError(
        f"no column {name!r}; found {', '.join(repr(cell.strip()) for cell in header)} "
        f"({argument}= names another column, delimiter= another separator)",
        path=path,
        line=line,
    )


def _number(cell: str, path: str | PathLike[str], line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise TaxonomyError(f"weight {cell!r}; expected a number", path=path, line=line) from None
