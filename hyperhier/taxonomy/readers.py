"""Files by suffix: a table from suffix to reader, open to further formats."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._ids import suggestion
from hyperhier.taxonomy.builtin import builtin_names, builtin_taxonomy
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats.edge_table import read_csv

__all__ = ["READERS", "Reader", "load_taxonomy", "read_taxonomy", "register_reader"]

#: reads the taxonomy in a file; keyword arguments are the format's options and policies
Reader = Callable[..., Taxonomy]

#: suffix (lower case, with the dot, without ``.gz``) -> reader
READERS: dict[str, Reader] = {".csv": read_csv, ".tsv": read_csv}


def register_reader(suffix: str, reader: Reader) -> None:
    """Let :func:`read_taxonomy` read files of one more suffix.

    Args:
        suffix: such as ``".obo"``; ``.obo.gz`` comes with it.
        reader: called as ``reader(path, **options)``.

    Raises:
        ValueError: the suffix does not start with a dot, or is ``.gz``.

    >>> register_reader(".tree", lambda path, **options: builtin_taxonomy("demo"))
    >>> read_taxonomy("any.tree") == builtin_taxonomy("demo")
    True
    >>> del READERS[".tree"]
    """
    if not suffix.startswith(".") or len(suffix) == 1 or suffix.lower() == ".gz":
        raise ValueError(f"suffix {suffix!r}; expected one like '.obo'")
    READERS[suffix.lower()] = reader


def read_taxonomy(path: str | PathLike[str], **options: Any) -> Taxonomy:
    """Read a taxonomy from a file, by its suffix (``.csv``, ``.tsv``, each with ``.gz``).

    Args:
        path: the file.
        options: policies and options of the format, such as ``roots="join"``; see
            :func:`read_csv`.

    Raises:
        TaxonomyError: an unknown suffix, or anything wrong with the file.
    """
    name = Path(path).name.lower().removesuffix(".gz")
    fitting = [suffix for suffix in READERS if name.endswith(suffix)]
    if not fitting:
        raise TaxonomyError(
            f"unknown kind of file; expected a name that ends in {', '.join(sorted(READERS))} "
            "(or these with .gz)",
            path=path,
        )
    return READERS[max(fitting, key=len)](path, **options)


def load_taxonomy(spec: Taxonomy | str | PathLike[str], **options: Any) -> Taxonomy:
    """A taxonomy from whatever names one: itself, a built-in name, or a file.

    Args:
        spec: a :class:`Taxonomy` (returned as it is), a name of :func:`builtin_names`, or a
            path.
        options: passed to :func:`read_taxonomy`; only with a path.

    Raises:
        TaxonomyError: neither a built-in name nor a readable file.

    >>> load_taxonomy("demo").height
    3
    """
    if isinstance(spec, Taxonomy):
        return spec
    if isinstance(spec, str) and spec in builtin_names():
        return builtin_taxonomy(spec)
    name = fspath(spec)
    if not os.path.exists(name) and not Path(name).suffix:
        raise TaxonomyError(
            f"{name!r} is neither a file nor a built-in taxonomy "
            f"({', '.join(builtin_names())}){suggestion(name, builtin_names())}"
        )
    return read_taxonomy(name, **options)
