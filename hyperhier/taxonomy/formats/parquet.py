"""Tables as Parquet files: edges or paths."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._columns import Column, edge_columns, taxonomy_of
from hyperhier.taxonomy.formats._optional import optional
from hyperhier.taxonomy.formats._text import MAX_BYTES, read_bytes, write_bytes
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["read_parquet", "write_parquet"]

#: tables with more are refused: a few bytes can stand for any number of equal cells
_MAX_ROWS = 1 << 26
_BATCH = 1 << 18  # rows read at once


def read_parquet(
    path: str | PathLike[str],
    *,
    parent: Column | None = None,
    child: Column | None = None,
    weight: Column | None = "weight",
    columns: Iterable[Column] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a Parquet table of edges, or of paths if ``columns`` is given; others are ignored.

    Arguments and cells are those of :func:`~hyperhier.taxonomy.from_pandas`.

    Args:
        path: the file.
        parent, child: the columns of edges, by name (upper and lower case are alike) or by
            number from 0; by default ``"parent"`` and ``"child"``.
        weight: the column of edge lengths; the default one may be absent, ``None`` ignores it.
        columns: the columns of paths from the top down.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`; ``duplicates`` only with
            ``columns``.

    Raises:
        TaxonomyError: with the file and, where it is known, the number of the row, counted
            from 0.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.parquet"
    >>> write_parquet(Taxonomy.from_edges([("pet", "cat"), ("pet", "dog", 2.5)]), path)
    >>> read_parquet(path).leaves
    ('cat', 'dog')
    """
    policy = Policy.of(policies, places=columns is not None)
    arrow = optional("pyarrow", extra="io")
    parquet = optional("pyarrow.parquet", extra="io")
    nested = optional("pyarrow.types", extra="io").is_nested
    source = arrow.BufferReader(read_bytes(path))
    try:
        schema = parquet.read_schema(source)
    except Exception as problem:  # damaged files raise anything
        raise _unreadable(problem, path) from None

    def lists(numbers: list[int]) -> list[list[Any]]:
        try:
            source.seek(0)
            flat = [number for number in numbers if not nested(schema.types[number])]
            file = parquet.ParquetFile(
                source,
                read_dictionary=[schema.names[number] for number in flat],
                page_checksum_verification=True,
            )
            return _read(file, schema.names, numbers, path)
        except TaxonomyError:
            raise
        except Exception as problem:
            raise _unreadable(problem, path) from None

    return taxonomy_of(
        schema.names,
        lists,
        policy,
        parent=parent,
        child=child,
        weight=weight,
        columns=columns,
        path=path,
    )


def write_parquet(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write the edges as columns ``parent``, ``child`` and ``weight``, compressed by zstd.

    A single node is one row with an empty parent. Compressed again for ``.gz``. The file
    appears at once or not at all, and reads back as an equal taxonomy with the same ids.

    Raises:
        TaxonomyError: the file cannot be written.
    """
    arrow = optional("pyarrow", extra="io")
    parquet = optional("pyarrow.parquet", extra="io")
    sink = arrow.BufferOutputStream()
    table = arrow.table(edge_columns(taxonomy))
    parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_bytes(path, sink.getvalue().to_pybytes())


def _read(
    file: Any, names: list[str], numbers: list[int], path: str | PathLike[str]
) -> list[list[Any]]:
    """The cells of the columns of these numbers."""
    rows = file.metadata.num_rows
    if rows > _MAX_ROWS:
        raise TaxonomyError(f"has {rows} rows; expected at most {_MAX_ROWS}", path=path)
    cells: list[list[Any]] = [[] for _ in numbers]
    size = 0
    for batch in file.iter_batches(_BATCH, columns=[names[number] for number in numbers]):
        size += batch.nbytes
        if size > MAX_BYTES:
            raise TaxonomyError(f"holds more than {MAX_BYTES} bytes; expected fewer", path=path)
        for number, column in zip(numbers, cells):
            # among columns of one name, which it is
            which = names[:number].count(names[number])
            column += _values(
                batch.column(batch.schema.get_all_field_indices(names[number])[which])
            )
    return cells


def _values(cells: Any) -> list[Any]:
    """As a list, equal texts as one object where the file stores them once."""
    if not hasattr(cells, "dictionary"):
        return list(cells.to_pylist())
    values = cells.dictionary.to_pylist()
    return [None if k is None else values[k] for k in cells.indices.to_pylist()]


def _unreadable(problem: Exception, path: str | PathLike[str]) -> TaxonomyError:
    reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
    return TaxonomyError(f"is no readable Parquet file: {reason}", path=path)
