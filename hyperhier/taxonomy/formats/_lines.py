"""What the formats of one entry a line share."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike

import numpy as np

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._text import MAX_BYTES, write_text

__all__ = [
    "check_comment",
    "check_names",
    "check_plain_tree",
    "check_size",
    "depth_first",
    "lines",
    "write_lines",
]


def lines(text: str, comment: str | None) -> Iterator[tuple[int, str]]:
    """Numbers and lines, without those that are blank or begin with ``comment``.

    >>> list(lines("# pets\\n\\n cat \\n", "#"))
    [(3, ' cat ')]
    """
    entries = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(entries, 1):
        content = line.strip()
        if content and not (comment and content.startswith(comment)):
            yield number, line


def check_comment(comment: str | None) -> None:
    """A ValueError for a comment sign with which no line can begin."""
    if comment and (comment[0].isspace() or "\n" in comment or "\r" in comment):
        raise ValueError(f"comment={comment!r}; expected a sign without white space before it")


def check_plain_tree(taxonomy: Taxonomy, kind: str, path: str | PathLike[str]) -> None:
    """Refuse a DAG and edge lengths, which ``kind`` cannot hold."""
    if not taxonomy.is_tree:
        raise TaxonomyError(f"a DAG; {kind} hold trees only; to_tree() gives a tree", path=path)
    if (taxonomy._structure.weight != 1.0).any():
        raise TaxonomyError(
            f"edge lengths other than 1; {kind} hold none; unweighted() drops them", path=path
        )


def check_names(taxonomy: Taxonomy, kind: str, path: str | PathLike[str]) -> None:
    """Refuse names with a line end."""
    for name in taxonomy.nodes:
        if "\n" in name or "\r" in name:
            raise TaxonomyError(f"{kind} cannot hold {name!r}: it has a line end", path=path)


def check_size(size: int, kind: str, path: str | PathLike[str]) -> None:
    """Refuse a file that would be too long to be read: deep trees take much room as lines."""
    if size > MAX_BYTES:
        raise TaxonomyError(
            f"too deep: as {kind} it takes {size} bytes; expected at most {MAX_BYTES}", path=path
        )


def write_lines(rows: list[str], path: str | PathLike[str]) -> None:
    """Write lines, each with its end."""
    write_text(path, "".join(f"{row}\n" for row in rows))


def depth_first(taxonomy: Taxonomy) -> list[int]:
    """All ids of a tree, every node followed by what is below it, siblings in order."""
    ids: list[int] = np.argsort(taxonomy._structure.pre).tolist()
    return ids
