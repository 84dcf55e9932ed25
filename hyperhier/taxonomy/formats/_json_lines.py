"""JSON of any depth whose objects and lists know the lines of their values."""

from __future__ import annotations

import json
import re
from os import PathLike
from typing import Any, NoReturn

from hyperhier.errors import TaxonomyError

__all__ = [
    "LinedList",
    "LinedObject",
    "distinct",
    "loads_with_lines",
    "malformed",
    "refuse_constant",
]


class LinedObject(dict[str, Any]):
    """An object that knows the lines of its values."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}


class LinedList(list[Any]):
    """A list that knows the lines of its values."""

    def __init__(self) -> None:
        self.lines: list[int] = []


_SPACE = re.compile(r"[ \t\n\r]*")


def loads_with_lines(text: str, path: str | PathLike[str] | None) -> Any:
    """As ``json.loads``, of any depth, and objects and lists know their lines.

    Raises:
        TaxonomyError: no JSON, or a key twice in one object; with the line.
    """
    scalar = json.JSONDecoder(parse_constant=refuse_constant).raw_decode
    whole = LinedList()
    within: list[LinedObject | LinedList] = [whole]  # the open ones
    at = _after_space(text, 0)
    line, counted = 1, 0
    try:
        while True:
            inner = within[-1]
            key = ""
            if isinstance(inner, LinedObject):
                if text[at : at + 1] != '"':
                    raise json.JSONDecodeError("Expecting a key in double quotes", text, at)
                start = at
                key, at = scalar(text, at)
                if key in inner:
                    raise TaxonomyError(
                        f"the key {key!r} is twice in one object",
                        path=path,
                        line=text.count("\n", 0, start) + 1,
                    )
                at = _after_space(text, at)
                if text[at : at + 1] != ":":
                    raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
                at = _after_space(text, at + 1)
            line, counted = line + text.count("\n", counted, at), at
            opened: LinedObject | LinedList | None = None
            if text[at : at + 1] in ("{", "["):
                value = opened = LinedObject() if text[at] == "{" else LinedList()
                at = _after_space(text, at + 1)
            else:
                value, at = scalar(text, at)
            if isinstance(inner, LinedObject):
                inner[key] = value
                inner.lines[key] = line
            else:
                inner.append(value)
                inner.lines.append(line)
            if opened is not None:
                within.append(opened)
                if text[at : at + 1] != _end_of(opened):
                    continue
            # after a value: close what ends here, up to the next comma
            while True:
                at = _after_space(text, at)
                inner = within[-1]
                if inner is whole:
                    if at < len(text):
                        raise json.JSONDecodeError("Extra data", text, at)
                    return whole[0]
                if text[at : at + 1] != _end_of(inner):
                    break
                within.pop()
                at += 1
            if text[at : at + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _after_space(text, at + 1)
    except json.JSONDecodeError as problem:
        raise malformed(problem, path) from None
    except TaxonomyError:
        raise
    except ValueError as problem:
        line = text.count("\n", 0, at) + 1
        raise TaxonomyError(f"is no JSON: {problem}", path=path, line=line) from None


def _after_space(text: str, at: int) -> int:
    if text[at : at + 1] > " ":
        return at
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _end_of(container: LinedObject | LinedList) -> str:
    return "}" if isinstance(container, LinedObject) else "]"


def malformed(problem: json.JSONDecodeError, path: str | PathLike[str] | None) -> TaxonomyError:
    """The error of the json module as one with the file and the line."""
    return TaxonomyError(f"is no JSON: {problem.msg}", path=path, line=problem.lineno)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An ``object_pairs_hook``: a ValueError for a key that is there twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key twice")
    return value


def refuse_constant(constant: str) -> NoReturn:
    """A ``parse_constant``: NaN and Infinity are no JSON."""
    raise ValueError(f"{constant} is no number of JSON")
