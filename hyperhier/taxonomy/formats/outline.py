"""Outlines: one name a line, deeper ones indented."""

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

__all__ = ["parse_outline", "read_outline", "write_outline"]

_KIND = "outlines"
_STEP = "  "  # of a written file
_BULLETS = ("-", "*", "+")


def read_outline(
    path: str | PathLike[str],
    *,
    comment: str | None = "#",
    bullets: bool = False,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read an indented list: every node stands below the nearest line above it that is
    indented less.

    Spaces or tabs, of any width that is consistent as in Python: a line that is indented less
    than the one above it goes back to an indentation that is open. Blank lines and comments
    are skipped, whatever their indentation.

    Args:
        path: the file.
        comment: lines that begin with it, after white space, are skipped; None for no
            comments.
        bullets: drop a leading ``-``, ``*`` or ``+`` followed by white space from lines that
            have one; by default it belongs to the name.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`. Several lines without
            indentation are several roots, which ``roots="join"`` puts below a new one.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.
        ValueError: an unusable comment sign.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pets.txt"
    >>> _ = path.write_text("pet\\n  cat\\n    manx\\n  dog\\n")
    >>> read_outline(path).levels
    (('pet',), ('cat', 'dog'), ('manx',))
    """
    return parse_outline(read_text(path), comment=comment, bullets=bullets, path=path, **policies)


def parse_outline(
    text: str,
    *,
    comment: str | None = "#",
    bullets: bool = False,
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_outline`, from text; ``path`` is named in errors.

    >>> parse_outline("- pet\\n  - cat\\n  - dog\\n", bullets=True).leaves
    ('cat', 'dog')
    """
    policy = Policy.of(policies, places=True)
    check_comment(comment)
    places = Places()
    inner = ""  # the innermost open indentation; the others are beginnings of it
    widths: list[int] = []  # of the open indentations
    nodes: list[int] = []  # their last place each
    for number, line in lines(text, comment):
        name = line.lstrip(" \t")
        indent = line[: len(line) - len(name)]
        if name[0].isspace():
            raise TaxonomyError(
                f"indented by {name[0]!r}; expected spaces or tabs", path=path, line=number
            )
        if not (indent.startswith(inner) or inner.startswith(indent)):
            raise TaxonomyError(
                "indented by tabs and spaces in another order than the line above; expected "
                "one of them throughout",
                path=path,
                line=number,
            )
        while widths and widths[-1] > len(indent):
            widths.pop()
            nodes.pop()
        if len(indent) < len(inner) and (not widths or widths[-1] < len(indent)):
            raise TaxonomyError(
                "indented less than the line above, but as far as no line that it could stand "
                "beside",
                path=path,
                line=number,
            )
        if widths and widths[-1] == len(indent):
            widths.pop()
            nodes.pop()
        above = nodes[-1] if nodes else -1
        nodes.append(places.add(_name(name.rstrip(), bullets, path, number), above, line=number))
        widths.append(len(indent))
        inner = indent
    if not places:
        raise TaxonomyError("is empty; expected an outline", path=path)
    return Taxonomy._of(places.structure(policy, path))


def write_outline(
    taxonomy: Taxonomy, path: str | PathLike[str], *, comment: str | None = "#"
) -> None:
    """Write a tree as an outline, two spaces a level.

    Compressed for ``.gz``. The file appears at once or not at all, and :func:`read_outline`
    with the same ``comment`` gives an equal taxonomy.

    Args:
        taxonomy: a tree without edge lengths.
        path: the file.
        comment: no name may begin with it.

    Raises:
        TaxonomyError: a DAG, edge lengths other than 1, names that would not read back, or
            the file cannot be written.
        ValueError: an unusable comment sign.
    """
    check_comment(comment)
    check_plain_tree(taxonomy, _KIND, path)
    check_names(taxonomy, _KIND, path)
    for name in taxonomy.nodes if comment else ():
        if name.startswith(str(comment)):
            raise TaxonomyError(
                f"{name!r} begins with the comment sign {comment!r}; comment=None writes for "
                "readers without comments",
                path=path,
            )
    s = taxonomy._structure
    size = sum(len(name.encode()) + 1 for name in s.nodes) + len(_STEP) * int(s.depth.sum())
    check_size(size, _KIND, path)
    depth = s.depth.tolist()
    rows = [f"{_STEP * depth[v]}{s.nodes[v]}" for v in depth_first(taxonomy)]
    write_lines(rows, path)


def _name(entry: str, bullets: bool, path: str | PathLike[str] | None, line: int) -> str:
    if not bullets or not entry.startswith(_BULLETS) or not (entry[1:2] or " ").isspace():
        return entry
    name = entry[1:].lstrip()
    if not name:
        raise TaxonomyError(f"no name after the bullet {entry!r}", path=path, line=line)
    return name
