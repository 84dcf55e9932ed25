"""Packages that only some formats need, imported when they do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["optional"]


def optional(name: str, *, extra: str) -> ModuleType:
    """The module ``name``, or an ImportError that says which extra brings it."""
    try:
        return import_module(name)
    except Exception as problem:  # a broken installation can raise anything
        raise ImportError(
            f"this format needs {name}: pip install 'hyperhier[{extra}]' ({problem})", name=name
        ) from None
