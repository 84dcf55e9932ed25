"""``hyperhier evaluate``: the figures of a training run or of an embedding, once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hyperhier.cli._options import Device, JsonFlag, Seed, check_device
from hyperhier.cli._output import METRIC_NAMES, print_json, print_table
from hyperhier.cli.train import show_metrics
from hyperhier.errors import RunError

__all__ = ["evaluate"]

_EMBEDDING = "embedding.json"  # the file by which the folder of an embedding is known


def evaluate(
    result: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder that train or embed wrote.")
    ],
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="Images; default: those of the run.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Embedding: MAP and mean rank over all nodes.")
    ] = False,
    max_nodes: Annotated[
        int, typer.Option(min=2, help="Embedding: beyond this size, over a sample of so many.")
    ] = 3000,
    against: Annotated[
        str | None,
        typer.Option(metavar="TREE", help="Embedding: another taxonomy of nodes among its own."),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: JsonFlag = False,
) -> None:
    """Repeat the metrics of a finished run, or measure an embedding."""
    if (result / _EMBEDDING).is_file():
        if data is not None:
            raise typer.BadParameter(f"an embedding takes no images, got {data!r}")
        _show(measure(result, exact, max_nodes, against, seed), as_json)
        return
    if exact or against is not None:
        raise RunError(f"holds no embedding: it has no {_EMBEDDING}", path=result)
    from hyperhier.training import evaluate as repeat

    show_metrics(repeat(result, data, device=check_device(device)), as_json, {})


def measure(
    folder: Path, exact: bool, max_nodes: int, against: str | None, seed: int
) -> dict[str, Any]:
    """The figures of a saved embedding, of its own taxonomy or of another."""
    from hyperhier.embedding import TaxonomyEmbedding

    embedding = TaxonomyEmbedding.load(folder)
    if against is not None:
        embedding = TaxonomyEmbedding.from_points(
            embedding.taxonomy.nodes, embedding.points, against, embedding.manifold
        )
    return {"nodes": len(embedding), **embedding.evaluate(max_nodes, seed, exact=exact)}


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(figures)
        return
    rows = [(METRIC_NAMES.get(k, k.replace("_", " ")), value) for k, value in figures.items()]
    print_table(["measure", "value"], rows)
