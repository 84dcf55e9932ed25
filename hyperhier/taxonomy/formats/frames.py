"""Tables in memory: pandas data frames of edges or of paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack

from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._columns import Column, edge_columns, taxonomy_of
from hyperhier.taxonomy.formats._optional import optional
from hyperhier.taxonomy.policies import PlacePolicies, Policy

if TYPE_CHECKING:
    import pandas

__all__ = ["from_pandas", "to_pandas"]


def from_pandas(
    frame: pandas.DataFrame,
    *,
    parent: Column | None = None,
    child: Column | None = None,
    weight: Column | None = "weight",
    columns: Iterable[Column] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """From a data frame of edges, or of paths if ``columns`` is given.

    Whole numbers become their text, white space around a cell is dropped, missing values are
    empty cells. A frame of edges whose only row has an empty parent is a single node; the rows
    of a frame of paths are read as :func:`~hyperhier.taxonomy.read_path_table` does. The index
    is not looked at.

    Args:
        frame: the table.
        parent, child: the columns of edges, by label (upper and lower case are alike) or by
            number from 0; by default ``"parent"`` and ``"child"``.
        weight: the column of edge lengths; the default one may be absent, ``None`` ignores it.
        columns: the columns of paths from the top down.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`; ``duplicates`` only with
            ``columns``.

    Raises:
        TaxonomyError: with the number of the row, counted from 0, where it is known.
        TypeError: no data frame.

    >>> import pandas
    >>> from_pandas(pandas.DataFrame({"parent": ["pet", "pet"], "child": ["cat", "dog"]})).leaves
    ('cat', 'dog')
    >>> ranks = pandas.DataFrame({"class": ["mammal", "bird"], "id": [7, 9]})
    >>> from_pandas(ranks, columns=["class", "id"], roots="join").leaves
    ('7', '9')
    """
    policy = Policy.of(policies, places=columns is not None)
    data_frame = optional("pandas", extra="io").DataFrame
    if not isinstance(frame, data_frame):
        raise TypeError(f"frame is a {type(frame).__name__}; expected a pandas.DataFrame")

    def lists(numbers: list[int]) -> list[list[Any]]:
        series = [frame.iloc[:, number] for number in numbers]
        return [
            [None if missing else cell for cell, missing in zip(s.tolist(), s.isna().tolist())]
            for s in series
        ]

    return taxonomy_of(
        frame.columns.tolist(),
        lists,
        policy,
        parent=parent,
        child=child,
        weight=weight,
        columns=columns,
    )


def to_pandas(taxonomy: Taxonomy) -> pandas.DataFrame:
    """The edges as a data frame with the columns ``parent``, ``child`` and ``weight``.

    A single node is one row with an empty parent. :func:`from_pandas` gives an equal taxonomy
    with the same ids.

    >>> print(to_pandas(Taxonomy.from_edges([("pet", "cat"), ("pet", "dog", 2.5)])).to_csv())
    ,parent,child,weight
    0,pet,cat,1.0
    1,pet,dog,2.5
    """
    pandas = optional("pandas", extra="io")
    return pandas.DataFrame(edge_columns(taxonomy))
