"""Paths as lines: ``Clothing > Shoes > Boots``, as product catalogues publish theirs."""

from __future__ import annotations

from os import PathLike
from typing import Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._lines import (
    check_comment,
    check_names,
    check_plain_tree,
    check_size,
    depth_first,
    lines,
    write_lines,
)
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["parse_paths", "read_paths", "write_paths"]

_KIND = "lines of paths"


def read_paths(
    path: str | PathLike[str],
    *,
    separator: str = ">",
    comment: str | None = "#",
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read lines that each hold the names from a root down to a node.

    White space around names is dropped, blank lines and comments are skipped. A node needs no
    line of its own if a path leads through it. Lines may repeat and come in any order.

    Args:
        path: the file.
        separator: between the names of a line; ``" > "`` (with the spaces) lets names hold ``>``.
        comment: lines that begin with it are skipped; None for no comments.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`. Without a common first name
            there are several roots, which ``roots="join"`` puts below a new one.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.
        ValueError: a separator that is empty or holds a line end, an unusable comment sign.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "paths.txt"
    >>> _ = path.write_text("# pets\\npet > cat > manx\\npet > dog\\n")
    >>> read_paths(path).leaves
    ('dog', 'manx')
    """
    return parse_paths(read_text(path), separator=separator, comment=comment, path=path, **policies)


def parse_paths(
    text: str,
    *,
    separator: str = ">",
    comment: str | None = "#",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_paths`, from text; ``path`` is named in errors.

    >>> parse_paths("pet/cat\\npet/dog", separator="/").leaves
    ('cat', 'dog')
    """
    policy = Policy.of(policies, places=True)
    _check_separator(separator)
    check_comment(comment)
    places = Places()
    for number, line in lines(text, comment):
        names = [name.strip() for name in line.split(separator)]
        if not all(names):
            raise TaxonomyError(
                f"name {names.index('') + 1} of {len(names)} is empty; expected text on both "
                f"sides of {separator!r}",
                path=path,
                line=number,
            )
        places.add_path(names, line=number)
    if not places:
        raise TaxonomyError("is empty; expected paths", path=path)
    return Taxonomy._of(places.structure(policy, path))


def write_paths(
    taxonomy: Taxonomy,
    path: str | PathLike[str],
    *,
    separator: str = ">",
    comment: str | None = "#",
) -> None:
    """Write a tree as one line a leaf, the names from the root down.

    Compressed for ``.gz``. The file appears at once or not at all, and :func:`read_paths` with
    the same ``separator`` and ``comment`` gives an equal taxonomy.

    Args:
        taxonomy: a tree without edge lengths.
        path: the file.
        separator: between names, with a space on both sides if it has no white space itself.
        comment: no line may begin with it.

    Raises:
        TaxonomyError: a DAG, edge lengths other than 1, names that would not read back, or
            the file cannot be written.
        ValueError: as :func:`read_paths`.
    """
    _check_separator(separator)
    check_comment(comment)
    check_plain_tree(taxonomy, _KIND, path)
    check_names(taxonomy, _KIND, path)
    glue = f" {separator} " if separator == separator.strip() else separator
    _check_length(taxonomy, glue, path)
    s = taxonomy._structure
    depth, size = s.depth.tolist(), s.size.tolist()
    rows: list[str] = []
    names: list[str] = []
    for v in depth_first(taxonomy):
        del names[depth[v] :]
        names.append(s.nodes[v])
        if size[v] > 1:
            continue
        row = glue.join(names)
        if comment and row.startswith(comment):
            raise TaxonomyError(
                f"the root {taxonomy.root!r} begins with the comment sign {comment!r}; "
                "comment=None writes for readers without comments",
                path=path,
            )
        if [name.strip() for name in row.split(separator)] != names:
            # the last name that stands in the way, or several together
            bad = next((name for name in reversed(names) if separator in name), names[-1])
            raise TaxonomyError(
                f"{bad!r} does not read back between {separator!r}; expected names without it "
                "(separator= takes another)",
                path=path,
            )
        rows.append(row)
    write_lines(rows, path)


def _check_separator(separator: str) -> None:
    if not separator or "\n" in separator or "\r" in separator:
        raise ValueError(f"separator={separator!r}; expected text without line ends")


def _check_length(taxonomy: Taxonomy, glue: str, path: str | PathLike[str]) -> None:
    s = taxonomy._structure
    between = len(glue.encode())
    length = [len(name.encode()) for name in s.nodes]
    for v, above in enumerate(s.primary.tolist()):  # parents come before their children
        if v:
            length[v] += length[above] + between
    check_size(sum(n + 1 for n, size in zip(length, s.size.tolist()) if size == 1), _KIND, path)
