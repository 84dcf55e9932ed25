"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = [
    "Device",
    "Geometry",
    "JsonFlag",
    "Output",
    "Overwrite",
    "OverwriteFile",
    "Quiet",
    "Saved",
    "Seed",
    "Tree",
    "check_device",
    "load_tree",
    "reads_tree",
    "settings_of",
]


class Geometry(StrEnum):
    """The geometries by the names that :func:`hyperhier.manifolds.get_manifold` knows."""

    euclidean = "euclidean"
    sphere = "sphere"
    poincare = "poincare"
    lorentz = "lorentz"
    polar = "polar"


class MultiParent(StrEnum):
    """What to do with several parents, by the names of :class:`hyperhier.taxonomy.Policies`."""

    keep = "keep"
    first = "first"
    error = "error"


class Roots(StrEnum):
    """What to do with several roots."""

    error = "error"
    join = "join"  # type: ignore[assignment]  # hides str.join, which nobody calls on it
    largest = "largest"


class Unary(StrEnum):
    """What to do with inner nodes that have one child."""

    keep = "keep"
    contract = "contract"


class Duplicates(StrEnum):
    """What to do with a name at several places."""

    error = "error"
    path = "path"
    merge = "merge"


Tree = Annotated[
    str, typer.Argument(metavar="TREE", help="File or folder of a taxonomy, or a built-in name.")
]
Saved = Annotated[Path, typer.Argument(metavar="EMB", help="Folder that embed wrote.")]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to write, whole or not.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result.")]
OverwriteFile = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto.")]


def check_device(name: str) -> str:
    """The device to compute on, ``auto`` resolved; a wrong one is refused before any work."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise typer.BadParameter(f"{name!r} cannot be used here: {reason}") from None
    return name


_reading = partial(typer.Option, rich_help_panel="Reading the taxonomy")


def _tree_options(
    *,
    multi_parent: Annotated[
        MultiParent | None, _reading(help="Several parents: a DAG, the first one, an error.")
    ] = None,
    roots: Annotated[
        Roots | None, _reading(help="Several roots: an error, a new root, the largest.")
    ] = None,
    root_name: Annotated[str | None, _reading(metavar="NAME", help="Name of a new root.")] = None,
    unary: Annotated[
        Unary | None, _reading(help="Inner nodes with one child: keep or leave out.")
    ] = None,
    duplicates: Annotated[
        Duplicates | None,
        _reading(help="A name at several places (paths, outlines): error, by path, one node."),
    ] = None,
    columns: Annotated[
        str | None,
        _reading(metavar="A,B,C", help="Table with a path in each row: its columns, root first."),
    ] = None,
    parent: Annotated[
        str | None, _reading(metavar="COLUMN", help="Column of the parents, name or number.")
    ] = None,
    child: Annotated[
        str | None, _reading(metavar="COLUMN", help="Column of the children, name or number.")
    ] = None,
    weight: Annotated[
        str | None, _reading(metavar="COLUMN", help="Column of the edge lengths, name or number.")
    ] = None,
    header: Annotated[
        bool | None, _reading("--header/--no-header", help="Whether line 1 names the columns.")
    ] = None,
    format: Annotated[
        str | None, _reading(metavar="NAME", help="Format, where the suffix does not say it.")
    ] = None,
) -> None:
    """The options of every command that reads a taxonomy."""


def reads_tree(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for reading a taxonomy.

    Its parameter ``options`` becomes a dict of those that were given, as
    :func:`load_tree` takes them.
    """
    extra = signature(_tree_options).parameters
    own = [p for p in signature(command).parameters.values() if p.name != "options"]

    def run(**values: Any) -> None:
        given = {name: values.pop(name) for name in extra}
        command(**values, options={k: _value(k, v) for k, v in given.items() if v is not None})

    hints = get_type_hints(_tree_options, include_extras=True)
    hints |= get_type_hints(command, include_extras=True)
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {p.name: hints[p.name] for p in [*own, *extra.values()]}
    parameters = [
        *(p for p in own if p.kind is not Parameter.KEYWORD_ONLY),
        *(p for p in own if p.kind is Parameter.KEYWORD_ONLY),
        *extra.values(),
    ]
    run.__signature__ = signature(command).replace(  # type: ignore[attr-defined]
        parameters=[p.replace(annotation=hints[p.name]) for p in parameters]
    )
    return run


def _value(name: str, value: Any) -> Any:
    """As the readers take it: columns are names, or numbers from 0."""
    if name == "columns":
        return [_column(part.strip()) for part in value.split(",")]
    if name in {"parent", "child", "weight"}:
        return _column(value)
    return value.value if isinstance(value, StrEnum) else value


def _column(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def load_tree(tree: str, options: Mapping[str, Any]) -> Taxonomy:
    """The taxonomy that ``tree`` names, read with the options that were given.

    Raises:
        typer.BadParameter: an option that means nothing for it.
    """
    from hyperhier.taxonomy import builtin_names, load_taxonomy

    if options and tree in builtin_names():
        raise typer.BadParameter(f"{_flag(next(iter(options)))}: {tree!r} is built in, not read")
    try:
        return load_taxonomy(tree, **options)
    except TypeError as error:
        unknown = [name for name in options if f"{name!r}" in str(error)]
        if not unknown or "unexpected" not in str(error):
            raise
        raise typer.BadParameter(
            f"{_flag(unknown[0])} means nothing for this kind of file: {tree}"
        ) from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def settings_of(pairs: list[str]) -> dict[str, Any]:
    """``name=value``, the value as JSON where it is that and as text elsewhere.

    >>> settings_of(["epochs=3", "init=random", "burn_in=0"])
    {'epochs': 3, 'init': 'random', 'burn_in': 0}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise typer.BadParameter(f"--set {pair!r}: expected NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
