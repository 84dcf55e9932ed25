"""Matching the words of a data set: labels, split names, columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from os import PathLike

from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["LabelMatcher", "pick_column", "split_name"]

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}

#: column names that are taken without being told, by role
GUESSES: dict[str, tuple[str, ...]] = {
    "image": ("image", "path", "file", "filename", "image_path", "filepath", "image_id"),
    "label": ("label", "class", "target", "category", "dx", "diagnosis", "fine"),
    "split": ("split", "subset", "partition"),
    "group": ("group", "group_id", "patient", "patient_id", "subject_id", "lesion_id"),
}


def split_name(word: str) -> str | None:
    """``train``, ``val`` or ``test`` for a usual spelling of it, else None.

    >>> split_name("Validation"), split_name("fold1")
    ('val', None)
    """
    return _SPLIT_WORDS.get(word.strip().lower())


class LabelMatcher:
    """Node ids of a taxonomy by name, with an error that helps."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._id = {name: i for i, name in enumerate(taxonomy.nodes)}
        self._root = taxonomy.root
        self._leaves = taxonomy.leaves

    def __contains__(self, name: str) -> bool:
        return name in self._id and name != self._root

    def id(
        self, name: str, *, path: str | PathLike[str] | None = None, line: int | None = None
    ) -> int:
        """The node id of a label.

        Raises:
            DataError: no node has that name, or only the root, which says nothing.
        """
        if name in self:
            return self._id[name]
        if name == self._root:
            raise DataError(
                f"label {name!r} is the root of the taxonomy: expected a class below it",
                path=path,
                line=line,
            )
        if not name:
            raise DataError("empty label", path=path, line=line)
        near = difflib.get_close_matches(name, list(self._id), n=3)
        if not near:
            folded = {known.casefold(): known for known in self._id}
            near = [folded[name.casefold()]] if name.casefold() in folded else []
        if near:
            hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
        else:
            shown = ", ".join(self._leaves[:8]) + (", ..." if len(self._leaves) > 8 else "")
            hint = f"its {len(self._leaves)} leaves are {shown}"
        raise DataError(f"label {name!r} is not in the taxonomy: {hint}", path=path, line=line)


def pick_column(
    role: str,
    header: Sequence[str],
    named: str | None,
    *,
    required: bool,
    path: str | PathLike[str],
) -> int | None:
    """Position of the column that plays a role.

    Args:
        named: the column's name if the user said it; ``""`` means: there is none.

    Raises:
        DataError: the named column is missing, a required one is not found, or several
            columns could be meant.
    """
    columns = ", ".join(header)
    if named is not None:
        if not named and not required:
            return None
        if named in header:
            return header.index(named)
        raise DataError(
            f"no column {named!r} ({role}): the columns are {columns}", path=path, line=1
        )
    lowered = [name.strip().lower() for name in header]
    found = [i for i, name in enumerate(lowered) if name in GUESSES[role]]
    if len(found) > 1:
        several = " and ".join(repr(header[i]) for i in found)
        raise DataError(
            f"columns {several} could both be the {role}: say {role}=NAME", path=path, line=1
        )
    if found:
        return found[0]
    if required:
        raise DataError(
            f"no {role} column found: the columns are {columns}; say {role}=NAME", path=path, line=1
        )
    return None
