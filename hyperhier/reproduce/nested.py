"""Tables within tables, as a TOML file has them: joined, and written in one line."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from hyperhier.errors import RunError

__all__ = ["merged", "nested", "parse_override"]

# how a TOML list, table or quoted text begins
_OPENING = ("[", "{", '"', "'")


def parse_override(text: str) -> dict[str, Any]:
    """The tables that ``a.b=value`` says; the value is TOML, or else a plain text.

    Raises:
        RunError: no ``=``, an empty key, or a value that begins like a list, a table or a
            quoted text and is none.

    >>> parse_override("train.epochs=3"), parse_override("train.flip=both")
    ({'train': {'epochs': 3}}, {'train': {'flip': 'both'}})
    """
    key, equals, value = text.partition("=")
    keys = [part.strip() for part in key.split(".")]
    if not equals or not all(keys):
        raise RunError(f"expected KEY.KEY=VALUE, got {text!r}")
    value = value.strip()
    try:
        return nested(keys, tomllib.loads(f"value = {value}")["value"])
    except tomllib.TOMLDecodeError as reason:
        if value.startswith(_OPENING):
            raise RunError(f"{key.strip()}: {value!r} is no valid TOML: {reason}") from reason
        return nested(keys, value)


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """A table in a table for each key, and the value in the innermost.

    >>> nested(["a", "b"], 1)
    {'a': {'b': 1}}
    """
    table = {keys[-1]: value}
    for key in reversed(keys[:-1]):
        table = {key: table}
    return table


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables joined key by key; of two values that are no tables the upper one counts.

    >>> merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    result = copy.deepcopy(dict(below))
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result
