"""Files by suffix or by the name of their format: a table, open to further formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import formats
from hyperhier.taxonomy._ids import suggestion
from hyperhier.taxonomy.builtin import builtin_names, builtin_taxonomy
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._text import read_text

__all__ = [
    "FORMATS",
    "Format",
    "format_names",
    "load_taxonomy",
    "read_taxonomy",
    "register_format",
    "write_taxonomy",
]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    ``read(path, **options)`` gives a taxonomy; ``write(taxonomy, path)`` writes one, if the
    format can be written. ``suffixes`` are in lower case, with the dot, without ``.gz``.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[..., Taxonomy]
    write: Callable[..., None] | None = None


def _read_table(path: str | PathLike[str], **options: Any) -> Taxonomy:
    """An edge list, or with ``columns=`` one path a row."""
    return (formats.read_path_table if "columns" in options else formats.read_csv)(path, **options)


def _read_txt(path: str | PathLike[str], **options: Any) -> Taxonomy:
    """Path lines if a line without indentation holds the separator, else indented text."""
    text = read_text(path)
    separator = f" {options.get('separator', '>').strip()} "
    tops = (line for line in text.splitlines() if line and not line[0].isspace())
    comment = options.get("comment", "#") or "\n"
    paths = any(separator in line and not line.startswith(comment) for line in tops)
    parse = formats.parse_paths if paths or "separator" in options else formats.parse_outline
    return parse(text, path=path, **options)


def _read_folder(path: str | PathLike[str], **options: Any) -> Taxonomy:
    """A WordNet database, or else the tree of folders itself."""
    found = formats.is_wordnet_folder(path)
    return (formats.read_wordnet if found else formats.read_folders)(path, **options)


#: name -> format; the first that has a suffix writes it
FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("csv", (".csv", ".tsv"), _read_table, formats.write_csv),
        Format("parquet", (".parquet",), formats.read_parquet, formats.write_parquet),
        Format("text", (".txt",), _read_txt, formats.write_paths),
        Format("paths", (".paths",), formats.read_paths, formats.write_paths),
        Format("outline", (".outline",), formats.read_outline, formats.write_outline),
        Format("json", (".json",), formats.read_json, formats.write_json),
        Format("graphml", (".graphml",), formats.read_graphml, formats.write_graphml),
        Format("gexf", (".gexf",), formats.read_gexf, formats.write_gexf),
        Format("obo", (".obo",), formats.read_obo, formats.write_obo),
        Format("newick", (".nwk", ".newick"), formats.read_newick, formats.write_newick),
        Format("nexus", (".nex", ".nexus", ".nxs"), formats.read_nexus, formats.write_nexus),
        Format("rdf", (".ttl", ".rdf", ".owl", ".nt", ".jsonld", ".skos"), formats.read_rdf),
        Format("codes", (), formats.read_codes),
        Format("wordnet", (), formats.read_wordnet),
        Format("folders", (), formats.read_folders),
        Format("class-folders", (), formats.read_class_folders),
    )
}


def format_names() -> tuple[str, ...]:
    """Names of the known formats.

    >>> format_names()[:3]
    ('csv', 'parquet', 'text')
    """
    return tuple(FORMATS)


def register_format(
    name: str,
    suffixes: Sequence[str],
    read: Callable[..., Taxonomy],
    write: Callable[..., None] | None = None,
) -> None:
    """Let :func:`read_taxonomy` and :func:`write_taxonomy` know one more kind of file.

    Args:
        name: of the format; a known one is replaced.
        suffixes: such as ``".mesh"``; ``.mesh.gz`` comes with it. The longest fitting suffix
            decides, and among equals the format registered last.
        read: called as ``read(path, **options)``.
        write: called as ``write(taxonomy, path)``.

    Raises:
        ValueError: a suffix does not start with a dot, or is ``.gz``.

    >>> register_format("demo", [".demo"], lambda path, **options: builtin_taxonomy("demo"))
    >>> read_taxonomy("any.demo") == builtin_taxonomy("demo")
    True
    >>> del FORMATS["demo"]
    """
    if isinstance(suffixes, str):
        raise ValueError(f"suffixes {suffixes!r} is a str; expected a sequence")
    for suffix in suffixes:
        if not suffix.startswith(".") or len(suffix) == 1 or suffix.lower() == ".gz":
            raise ValueError(f"suffix {suffix!r}; expected one like '.obo'")
    FORMATS.pop(name, None)
    FORMATS[name] = Format(name, tuple(s.lower() for s in suffixes), read, write)


def read_taxonomy(
    path: str | PathLike[str], *, format: str | None = None, **options: Any
) -> Taxonomy:
    """Read a taxonomy from a file or folder, by its suffix or by the name of a format.

    Args:
        path: the file (with ``.gz`` or without), or a folder.
        format: one of :func:`format_names`; by default the suffix decides.
        options: policies (see :class:`~hyperhier.taxonomy.Policies`), such as
            ``roots="join"``, and options of the format's own reader, such as ``columns=`` for
            tables with one path a row.

    Raises:
        TaxonomyError: an unknown suffix or format, or anything wrong with the file.
        TypeError: an option that the format does not know.
    """
    if format is not None:
        return _named(format).read(path, **options)
    if os.path.isdir(path):
        return _read_folder(path, **options)
    return _by_suffix(path).read(path, **options)


def write_taxonomy(
    taxonomy: Taxonomy, path: str | PathLike[str], *, format: str | None = None
) -> None:
    """Write a taxonomy so that :func:`read_taxonomy` reads an equal one.

    The file appears at once or not at all.

    Args:
        taxonomy: what to write.
        path: the file; ``.gz`` at its end compresses it.
        format: one of :func:`format_names`; by default the suffix decides.

    Raises:
        TaxonomyError: an unknown suffix or format, one that cannot be written, or that cannot
            hold this taxonomy (several parents, weights, names).

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "demo.json"
    >>> write_taxonomy(builtin_taxonomy("demo"), path)
    >>> read_taxonomy(path) == builtin_taxonomy("demo")
    True
    """
    entry = _by_suffix(path) if format is None else _named(format)
    if entry.write is None:
        known = ", ".join(name for name, other in FORMATS.items() if other.write)
        raise TaxonomyError(f"{entry.name} cannot be written; expected among {known}", path=path)
    entry.write(taxonomy, path)


def load_taxonomy(spec: Taxonomy | str | PathLike[str], **options: Any) -> Taxonomy:
    """A taxonomy from whatever names one: itself, a built-in name, or a file.

    Args:
        spec: a :class:`Taxonomy` (returned as it is), a name of :func:`builtin_names`, or a
            path.
        options: passed to :func:`read_taxonomy`; only with a path.

    Raises:
        TaxonomyError: neither a built-in name nor a readable file.
        TypeError: options without a path.

    >>> load_taxonomy("demo").height
    3
    """
    built_in = isinstance(spec, str) and spec in builtin_names()
    if options and (built_in or isinstance(spec, Taxonomy)):
        raise TypeError(f"{', '.join(options)}: options of a file, and {spec!r} is none")
    if isinstance(spec, Taxonomy):
        return spec
    if built_in:
        return builtin_taxonomy(str(spec))
    name = fspath(spec)
    if not os.path.exists(name) and not Path(name).suffix:
        raise TaxonomyError(
            f"{name!r} is neither a file nor a built-in taxonomy "
            f"({', '.join(builtin_names())}){suggestion(name, builtin_names())}"
        )
    return read_taxonomy(name, **options)


def _named(format: str) -> Format:
    if format not in FORMATS:
        raise TaxonomyError(
            f"unknown format {format!r}; expected one of {', '.join(FORMATS)}"
            f"{suggestion(format, list(FORMATS))}"
        )
    return FORMATS[format]


def _by_suffix(path: str | PathLike[str]) -> Format:
    name = Path(path).name.lower().removesuffix(".gz")
    fitting = [
        (len(suffix), order, entry)
        for order, entry in enumerate(FORMATS.values())
        for suffix in entry.suffixes
        if name.endswith(suffix)
    ]
    if not fitting:
        suffixes = sorted(suffix for entry in FORMATS.values() for suffix in entry.suffixes)
        raise TaxonomyError(
            f"unknown kind of file; expected a name that ends in {', '.join(suffixes)} "
            "(or these with .gz), or format=",
            path=path,
        )
    return max(fitting, key=lambda found: found[:2])[2]
