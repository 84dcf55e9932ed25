"""What to do where a source leaves a choice: one set of arguments for every way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict, get_args

__all__ = [
    "Duplicates",
    "MultiParent",
    "PlacePolicies",
    "Policies",
    "Policy",
    "Roots",
    "Unary",
    "check_choice",
]

MultiParent = Literal["keep", "first", "error"]
Roots = Literal["error", "join", "largest"]
Unary = Literal["keep", "contract"]
Duplicates = Literal["error", "path", "merge"]


class Policies(TypedDict, total=False):
    """Keyword arguments of every constructor and reader.

    ``multi_parent``: a node with several parents is ``"keep"`` (default) kept as it is,
    ``"first"`` left with the first listed parent (an inner node that loses its last child so
    becomes a leaf), or an ``"error"``.

    ``roots``: several roots are an ``"error"`` (default), or ``"join"`` put below a new root
    called ``root_name``, or ``"largest"`` reduced to the one with most nodes below it (ties:
    the first listed); nodes not below it are dropped.

    ``root_name``: name of the new root, ``"root"`` by default; no other node may bear it.

    ``unary``: an inner node below the root with exactly one child is ``"keep"`` (default)
    kept, or ``"contract"`` left out, its edge lengths added up.
    """

    multi_parent: MultiParent
    roots: Roots
    root_name: str
    unary: Unary


class PlacePolicies(Policies, total=False):
    """:class:`Policies`, and one more for sources that tell nodes by their place: paths,
    outlines, nested lists, phylogenies, folders.

    ``duplicates``: a name at several places is an ``"error"`` (default), or every such place
    becomes a node of its own named by its ``"path"`` (``"Shoes > Accessories"``), or
    ``"merge"`` makes them one node with several parents.
    """

    duplicates: Duplicates


@dataclass(frozen=True)
class Policy:
    """The policies as one checked value."""

    multi_parent: str = "keep"
    roots: str = "error"
    root_name: str = "root"
    unary: str = "keep"
    duplicates: str = "error"

    @classmethod
    def of(cls, policies: Mapping[str, Any], *, places: bool = False) -> Policy:
        """From keyword arguments; ``places`` says whether ``duplicates`` is among them.

        Raises:
            TypeError: an unknown name.
            ValueError: an unknown choice.

        >>> Policy.of({"roots": "join"}).roots
        'join'
        """
        known = [field.name for field in fields(cls) if places or field.name != "duplicates"]
        for name, value in policies.items():
            if name not in known:
                raise TypeError(f"unexpected argument {name!r}; expected among {', '.join(known)}")
            if name in _CHOICES:
                check_choice(name, value, _CHOICES[name])
        return cls(**policies)


def check_choice(argument: str, value: object, allowed: Sequence[object]) -> None:
    """A ValueError for a value that is not among those allowed.

    >>> check_choice("pos", "noun", ("n", "v"))
    Traceback (most recent call last):
    ValueError: pos='noun'; expected one of 'n', 'v'
    """
    if value not in allowed:
        raise ValueError(f"{argument}={value!r}; expected one of {', '.join(map(repr, allowed))}")


_CHOICES: dict[str, tuple[str, ...]] = {
    "multi_parent": get_args(MultiParent),
    "roots": get_args(Roots),
    "unary": get_args(Unary),
    "duplicates": get_args(Duplicates),
}
