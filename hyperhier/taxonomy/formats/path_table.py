"""Paths as CSV and TSV: one column a rank, one row a leaf."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from os import PathLike
from typing import Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._columns import Column, column_numbers, path_of
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.formats.edge_table import delimiter_of, malformed
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["parse_path_table", "read_path_table"]


def read_path_table(
    path: str | PathLike[str],
    *,
    columns: Iterable[Column] | None = None,
    delimiter: str | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a table whose columns are the ranks (kingdom, class, order, ...) from the top down.

    The first line is the header. UTF-8 with or without byte order mark, any line ends, quoted
    cells, gzip; white space around a cell is dropped. Empty cells at the end of a row make a
    shallower leaf; an empty cell before a name is a rank that this path skips. A name repeated
    at the end of a row (``mammal,mammal``) is padding and counts once. Rows may repeat.

    Args:
        path: the file.
        columns: the columns of the path from the top down, by name (upper and lower case are
            alike) or by number from 0; by default all.
        delimiter: between cells; by default a tab if the name says ``.tsv``, else a comma.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`. Without a common first
            column there are several roots, which ``roots="join"`` puts below a new one.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ranks.csv"
    >>> _ = path.write_text("class,order,species\\nmammal,carnivore,cat\\nmammal,,platypus\\n")
    >>> read_path_table(path).levels
    (('mammal',), ('carnivore', 'platypus'), ('cat',))
    """
    return parse_path_table(
        read_text(path),
        columns=columns,
        delimiter=delimiter_of(path) if delimiter is None else delimiter,
        path=path,
        **policies,
    )


def parse_path_table(
    text: str,
    *,
    columns: Iterable[Column] | None = None,
    delimiter: str = ",",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_path_table`, from text; ``path`` is named in errors.

    >>> parse_path_table("id,kind,breed\\n1,cat,manx\\n2,dog,\\n", columns=[1, 2], roots="join")
    Taxonomy(tree, 4 nodes, 2 leaves, height 2, root 'root')
    """
    policy = Policy.of(policies, places=True)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    places = Places()
    try:
        names = next((row for row in rows if any(cell.strip() for cell in row)), None)
        if names is None:
            raise TaxonomyError("is empty; expected a header and paths", path=path)
        numbers = column_numbers(names, columns, path=path, line=rows.line_num)
        for row in rows:
            if len(row) != len(names):
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue
                raise TaxonomyError(
                    f"{len(row)} cells; expected {len(names)} as in the first line",
                    path=path,
                    line=rows.line_num,
                )
            branch = path_of(row[number].strip() for number in numbers)
            if not branch:
                raise TaxonomyError(
                    "no name in the row; expected a path", path=path, line=rows.line_num
                )
            places.add_path(branch, line=rows.line_num)
    except csv.Error as problem:
        raise malformed(problem, text, delimiter, path) from None
    if not places:
        raise TaxonomyError("has no rows below the header; expected paths", path=path)
    return Taxonomy._of(places.structure(policy, path))
