"""``hyperhier info`` and ``hyperhier convert``: what a taxonomy is like, and other formats."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperhier.cli._options import JsonFlag, OverwriteFile, Tree, load_tree, reads_tree
from hyperhier.cli._output import note, print_json, print_table, shown
from hyperhier.errors import RunError

if TYPE_CHECKING:
    from hyperhier.taxonomy.shape import Gromov, Shape

__all__ = ["convert", "info"]

_LEVELS = 24  # more levels than that are told from both ends


@reads_tree
def info(
    tree: Tree,
    as_json: JsonFlag = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the tree (.png, .svg, .pdf).")
    ] = None,
    options: Any = None,
) -> None:
    """Show what a taxonomy is like, what an embedding of it needs, and what to look at."""
    from hyperhier.taxonomy.shape import describe

    taxonomy = load_tree(tree, options)
    source = _source(tree)
    shape = describe(taxonomy)
    if plot is not None:
        from hyperhier.plot.taxonomy import plot_taxonomy

        plot_taxonomy(taxonomy, plot)
    if as_json:
        more = {"source": source} if source else {}
        print_json({"taxonomy": tree, **more, **shape.as_dict()})
    else:
        _show(tree, source, shape)
    if plot is not None:
        note(f"written: {plot}")


@reads_tree
def convert(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="File or folder of a taxonomy, or a built-in name.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="File to write, in the format of its suffix.")
    ],
    tree: Annotated[
        bool, typer.Option("--tree", help="Of a DAG, write the tree of primary parents.")
    ] = False,
    unweighted: Annotated[
        bool, typer.Option("--unweighted", help="Write all edges with length 1.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Format to write, where the suffix does not say it."),
    ] = None,
    overwrite: OverwriteFile = False,
    options: Any = None,
) -> None:
    """Read a taxonomy and write it in another format."""
    from hyperhier.taxonomy import write_taxonomy

    if target.exists() and not overwrite:
        raise RunError("exists; --overwrite replaces it", path=target)
    taxonomy = load_tree(source, options)
    typer.echo(f"read    {source}: {taxonomy}")
    if tree:
        taxonomy = taxonomy.to_tree()
    if unweighted:
        taxonomy = taxonomy.unweighted()
    write_taxonomy(taxonomy, target, **({"format": to} if to else {}))
    typer.echo(f"written {target}: {taxonomy}")


def _source(tree: str) -> str | None:
    """Where a built-in taxonomy comes from."""
    from hyperhier.taxonomy.builtin import builtin_names, builtin_source

    return builtin_source(tree) if tree in builtin_names() else None


def _show(tree: str, source: str | None, shape: Shape) -> None:
    from hyperhier.taxonomy.shape import held_by

    weights = shape.weights
    print_table(
        ["taxonomy", tree],
        [
            ("kind", "tree" if shape.is_tree else "DAG"),
            ("root", shape.root),
            ("nodes", shape.nodes),
            ("edges", shape.edges),
            ("leaves", shape.leaves),
            ("height", shape.height),
            ("nodes per level", _levels(shape.nodes_per_level)),
            (
                "edge lengths",
                "none"
                if weights is None
                else "all 1"
                if weights.unweighted
                else f"{weights.min:.4g} to {weights.max:.4g}, {weights.zero:,} of them 0",
            ),
        ],
    )
    if source:
        typer.echo(f"source: {source}\n")
    print_table(
        ["shape", ""],
        [
            ("depth of leaves: min, mean, max", _three(shape.leaf_depth, "min", "mean", "max")),
            ("children: mean, median, max", _three(shape.branching, "mean", "median", "max")),
            ("widest node", shape.branching.widest),
            ("inner nodes with one child", shape.unary),
            (
                "nodes with several parents",
                f"{shape.nodes_with_several_parents:,} ({shape.share_with_several_parents:.1%})",
            ),
            ("mean depth / log2 leaves (Sackin; 1: balanced binary)", shape.sackin),
            ("effective children per level", shape.effective_branching),
            ("evenness of leaves over children (J1; 1: even)", shape.evenness),
            *_hyperbolicity(shape.gromov, is_tree=shape.is_tree),
        ],
    )
    print_table(
        [
            "dimension",
            "least radius",
            f"radius for {shape.epsilon:.0%}",
            "bits",
            "float32",
            "at best",
            "float64",
            "at best",
        ],
        [
            (
                room.dim,
                f"{room.least_radius:.2f}",
                f"{room.radius:.4g}",
                room.bits,
                _models(held_by(room, "float32")),
                _factor(room.float32_within),
                _models(held_by(room, "float64")),
                _factor(room.float64_within),
            )
            for room in shape.rooms
        ],
        title="Room for a hyperbolic embedding, radii in units 1/sqrt(c), and what holds it",
    )
    typer.echo(shape.advice)
    if shape.problems:
        typer.echo("\nworth a look:")
        for problem in shape.problems:
            typer.echo(f"* {problem}")


def _levels(counts: tuple[int, ...]) -> str:
    if len(counts) <= _LEVELS:
        return " ".join(map(shown, counts))
    half = _LEVELS // 2
    return " ".join([*map(shown, counts[:half]), "...", *map(shown, counts[-half:])])


def _three(record: object, *names: str) -> str:
    return ", ".join(f"{getattr(record, name):.4g}" for name in names)


def _hyperbolicity(gromov: Gromov, *, is_tree: bool) -> list[tuple[str, object]]:
    at_least = "" if gromov.exact else "at least "
    if is_tree:
        delta = "0 (a tree)"
    else:
        how = "exact" if gromov.exact else f"{gromov.sampled} nodes drawn"
        delta = f"{at_least}{gromov.delta:g}, mean {gromov.mean:.3g} ({how})"
    return [
        ("diameter (edges)", f"{at_least}{gromov.diameter:,}"),
        ("Gromov's delta (0: a tree)", delta),
        ("2 delta / diameter", 0 if is_tree else gromov.relative),
    ]


def _models(names: tuple[str, ...]) -> str:
    return "all models" if len(names) == 3 else ", ".join(names) or "-"


def _factor(value: float) -> str:
    return f"{value:.3g}x" if math.isfinite(value) else "-"
