"""Tables as named columns: which ones are meant, and their rows as edges or as paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin, Structure
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.policies import Policy

__all__ = [
    "WEIGHT",
    "Column",
    "Lists",
    "column_number",
    "column_numbers",
    "edge_columns",
    "has_weight",
    "path_of",
    "taxonomy_of",
]

#: a column by its name, or by its number from 0
Column = str | int

#: the cells of some columns, given by number; a missing cell is None
Lists = Callable[[list[int]], list[list[Any]]]

WEIGHT = "weight"
_SHOWN = 20  # columns listed in one message
_CUT = 60  # characters shown of a cell
_EXACT = 2**53  # from here on, floats do not hold every whole number


def column_number(
    names: Sequence[Any],
    column: Column,
    *,
    argument: str,
    hint: str = "",
    path: str | PathLike[str] | None = None,
    line: int | None = None,
) -> int:
    """Number of a column by its name (upper and lower case are alike) or number.

    An int is a name where the table has ints as names, otherwise a number from 0. ``hint`` ends
    the message about a missing column.

    Raises:
        TaxonomyError: no such column, or several.
    """
    if isinstance(column, str):
        wanted = column.strip().casefold()
        texts = [name.strip().casefold() if isinstance(name, str) else None for name in names]
        found = [k for k, text in enumerate(texts) if text == wanted]
    elif isinstance(column, Integral) and not isinstance(column, bool):
        found = [k for k, name in enumerate(names) if isinstance(name, Integral) and name == column]
        if not found and 0 <= column < len(names):
            found = [int(column)]
    else:
        raise TaxonomyError(
            f"{argument}={column!r} is a {type(column).__name__}; expected a name or a number",
            path=path,
        )
    if len(found) == 1:
        return found[0]
    if found:
        raise TaxonomyError(f"{len(found)} columns {column!r}; expected one", path=path, line=line)
    shown = [repr(name.strip() if isinstance(name, str) else name) for name in names[:_SHOWN]]
    raise TaxonomyError(
        f"no column {column!r}; found {', '.join(shown) or 'none'}"
        f"{', ...' if len(names) > _SHOWN else ''} ({argument}= names another{hint})",
        path=path,
        line=line,
    )


def has_weight(names: Sequence[Any]) -> bool:
    """Whether a column bears the name of the weights."""
    return any(isinstance(name, str) and name.strip().casefold() == WEIGHT for name in names)


def column_numbers(
    names: Sequence[Any],
    columns: Iterable[Column] | None,
    *,
    path: str | PathLike[str] | None = None,
    line: int | None = None,
) -> list[int]:
    """Numbers of the columns of a path, from the top down; all for None.

    Raises:
        TaxonomyError: none, one twice, or as :func:`column_number`.
    """
    if columns is None:
        return list(range(len(names)))
    if isinstance(columns, str):
        raise TaxonomyError(f"columns {columns!r} is a str; expected a sequence of columns")
    numbers: dict[int, Column] = {}
    for column in columns:
        number = column_number(names, column, argument="columns", path=path, line=line)
        if number in numbers:
            raise TaxonomyError(
                f"columns {numbers[number]!r} and {column!r} are one", path=path, line=line
            )
        numbers[number] = column
    if not numbers:
        raise TaxonomyError("columns is empty; expected at least one column", path=path)
    return list(numbers)


def path_of(cells: Iterable[str]) -> list[str]:
    """The names in a row: without empty cells, and without repetitions of the last name.

    >>> path_of(["animal", "", "cat", "cat", ""])
    ['animal', 'cat']
    """
    names = [cell for cell in cells if cell]
    while len(names) > 1 and names[-1] == names[-2]:
        names.pop()
    return names


def taxonomy_of(
    names: Sequence[Any],
    lists: Lists,
    policy: Policy,
    *,
    parent: Column | None,
    child: Column | None,
    weight: Column | None,
    columns: Iterable[Column] | None,
    path: str | PathLike[str] | None = None,
) -> Taxonomy:
    """From the columns of a table: edges, or paths if ``columns`` is given.

    Args:
        names: of all columns, in order.
        lists: gives the cells of columns; it is called once.
        policy: what to do where the table leaves a choice.
        parent, child, weight: the columns of an edge list; ``"parent"`` and ``"child"`` for
            None; the default weight column may be absent.
        columns: the columns of paths from the top down.
        path: the file, for errors.

    Raises:
        TaxonomyError: with the number of the row, where it is known.
    """
    try:
        if columns is None:
            return Taxonomy._of(_edges(names, lists, policy, (parent, child, weight), path))
        if parent is not None or child is not None or weight not in (None, WEIGHT):
            raise TaxonomyError(
                "columns= is for paths, parent=, child= and weight= are for edges; expected one "
                "of the two",
                path=path,
            )
        return Taxonomy._of(_paths(names, lists, policy, columns, path))
    except TaxonomyError as problem:
        if problem.line is None:
            raise
        raise TaxonomyError(
            f"{problem.message} (row {problem.line - 1}, counted from 0)", path=path
        ) from None


def edge_columns(taxonomy: Taxonomy) -> dict[str, list[Any]]:
    """The cells of the columns ``parent``, ``child`` and ``weight``, for writing.

    A single node is one row with an empty parent.
    """
    s = taxonomy._structure
    if len(s.nodes) == 1:
        return {"parent": [""], "child": [taxonomy.root], "weight": [1.0]}
    return {
        "parent": [s.nodes[v] for v in s.parent.tolist()],
        "child": [s.nodes[v] for v in s.child.tolist()],
        "weight": s.weight.tolist(),
    }


# In these two the line of an error is the row, counted from 1.


def _edges(
    names: Sequence[Any],
    lists: Lists,
    policy: Policy,
    wanted: tuple[Column | None, Column | None, Column | None],
    path: str | PathLike[str] | None,
) -> Structure:
    parent, child, weight = wanted
    p = column_number(names, "parent" if parent is None else parent, argument="parent", path=path)
    c = column_number(names, "child" if child is None else child, argument="child", path=path)
    if p == c:
        raise TaxonomyError(f"parent and child are one column {names[p]!r}", path=path)
    picked = [p, c]
    if weight == WEIGHT and not has_weight(names):
        weight = None
    if weight is not None:
        picked.append(column_number(names, weight, argument="weight", path=path))
    parents, children, *weights = lists(picked)
    edges: list[tuple[Any, ...]] = []
    alone: list[str] = []
    for row, cells in enumerate(zip(parents, children, *weights, strict=True), 1):
        above = _text(cells[0], names[p], path, row)
        below = _text(cells[1], names[c], path, row)
        if not below:
            raise TaxonomyError("empty child name", path=path, line=row)
        if above:
            edges.append((above, below, *(_number(cell, path, row) for cell in cells[2:])))
        elif len(parents) == 1:
            alone.append(below)
        else:
            raise TaxonomyError("empty parent name", path=path, line=row)
    if not (edges or alone):
        raise TaxonomyError("has no edges", path=path)
    return _make.from_edges(edges, alone, policy, Origin(path, range(1, len(edges) + 1)))


def _paths(
    names: Sequence[Any],
    lists: Lists,
    policy: Policy,
    columns: Iterable[Column],
    path: str | PathLike[str] | None,
) -> Structure:
    numbers = column_numbers(names, columns, path=path)
    places = Places()
    for row, cells in enumerate(zip(*lists(numbers), strict=True), 1):
        texts = [
            _text(cell, names[number], path, row)
            for number, cell in zip(numbers, cells, strict=True)
        ]
        branch = path_of(texts)
        if not branch:
            raise TaxonomyError("no name in the row; expected a path", path=path, line=row)
        places.add_path(branch, line=row)
    if not places:
        raise TaxonomyError("has no rows; expected paths", path=path)
    return places.structure(policy, path)


def _text(cell: Any, column: Any, path: str | PathLike[str] | None, row: int) -> str:
    """The name in a cell, empty if it is missing."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return str.strip(cell)
    problem = f"is a {type(cell).__name__}; expected text or a whole number"
    if isinstance(cell, Integral) and not isinstance(cell, bool):
        try:
            return str(int(cell))
        except ValueError:  # Python refuses to write thousands of digits
            raise TaxonomyError("a number too long for a name", path=path, line=row) from None
    if isinstance(cell, float | np.floating):
        value = float(cell)
        if value != value:
            return ""
        if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        problem = "is not whole, or too large to be exact; expected text or a whole number"
    raise TaxonomyError(f"{repr(cell)[:_CUT]} in column {column!r} {problem}", path=path, line=row)


def _number(cell: Any, path: str | PathLike[str] | None, row: int) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        raise TaxonomyError(f"weight {cell!r}; expected a number", path=path, line=row) from None
