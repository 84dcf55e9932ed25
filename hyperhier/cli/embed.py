"""``hyperhier embed``: a taxonomy in, an embedding out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from hyperhier.cli._options import (
    Geometry,
    JsonFlag,
    Output,
    Overwrite,
    Quiet,
    Seed,
    Tree,
    load_tree,
    reads_tree,
)
from hyperhier.cli._output import (
    METRIC_NAMES,
    check_free,
    new_folder,
    note,
    print_json,
    print_table,
)

__all__ = ["embed"]

_MARKER = "metrics.json"


class Method(StrEnum):
    """How to embed, by the names of :func:`hyperhier.embedding.embed`."""

    auto = "auto"
    constructive = "constructive"
    ranking = "ranking"
    distortion = "distortion"


class Target(StrEnum):
    """What to keep, by the names of :func:`hyperhier.embedding.embed`."""

    closure = "closure"
    tree_distance = "tree_distance"


@reads_tree
def embed(
    tree: Tree,
    output: Output,
    dim: Annotated[int, typer.Option(min=1, help="Dimension of the embedding.")] = 2,
    geometry: Annotated[Geometry, typer.Option(help="Where to embed.")] = Geometry.lorentz,
    curvature: Annotated[float, typer.Option(help="c > 0; sectional curvature is -c.")] = 1.0,
    method: Annotated[Method, typer.Option(help="auto: constructive where it exists.")] = (
        Method.auto
    ),
    target: Annotated[
        Target, typer.Option(help="Ancestors nearest, or distances as in the tree.")
    ] = Target.closure,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
    options: Any = None,
) -> None:
    """Embed a taxonomy: coordinates, quality report and picture."""
    from hyperhier.embedding import embed as embed_taxonomy
    from hyperhier.manifolds import get_manifold

    taxonomy = load_tree(tree, options)
    manifold = get_manifold(geometry.value, c=curvature)
    check_free(output, marker=_MARKER, overwrite=overwrite)
    note(f"embedding {len(taxonomy):,} nodes, {geometry.value} of dimension {dim}", quiet=quiet)
    embedding = embed_taxonomy(
        taxonomy,
        manifold=manifold,
        dim=dim,
        method=cast(Any, method.value),
        target=cast(Any, target.value),
        seed=seed,
    )
    report = embedding.evaluate()
    with new_folder(output, marker=_MARKER, overwrite=overwrite) as folder:
        embedding.save(folder)
        _write_metrics(folder / _MARKER, report)
        picture = _picture(embedding, folder / "embedding.png", quiet)
    if as_json:
        print_json({"output": str(output), **report})
        return
    print_table(
        ["measure", "value"],
        [(METRIC_NAMES.get(name, name), value) for name, value in report.items()],
    )
    note(f"written: {output}" + (f", picture: {output / picture}" if picture else ""), quiet=quiet)


def _write_metrics(path: Path, report: dict[str, Any]) -> None:
    import json

    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _picture(embedding: Any, path: Path, quiet: bool) -> str | None:
    """Draw the embedding if matplotlib is there; its absence is told, not fatal."""
    from hyperhier.plot import plot_taxonomy_embedding

    try:
        plot_taxonomy_embedding(embedding, path)
    except ImportError as error:
        note(f"no picture: {error}", quiet=quiet)
        return None
    return path.name
