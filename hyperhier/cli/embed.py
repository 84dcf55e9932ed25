"""``hyperhier embed``: a taxonomy in, an embedding out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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
    settings_of,
)
from hyperhier.cli._output import (
    METRIC_NAMES,
    check_free,
    new_folder,
    note,
    print_json,
    print_table,
    progress,
)
from hyperhier.errors import RunError

if TYPE_CHECKING:
    from hyperhier.embedding import Progress, TaxonomyEmbedding

__all__ = ["embed"]

# by which an earlier result is known, and the report
_MARKER, _METRICS = "embedding.json", "metrics.json"

_training = partial(typer.Option, rich_help_panel="Method", show_default=False)


class Target(StrEnum):
    """What to keep, by the names of :func:`hyperhier.embedding.embed`."""

    closure = "closure"
    tree_distance = "tree_distance"


class Dtype(StrEnum):
    """Of the points."""

    float64 = "float64"
    float32 = "float32"


def _number_or_all(value: str) -> int | str:
    if value != "all" and not value.isdecimal():
        raise typer.BadParameter(f"{value!r}: expected a number or all")
    return value if value == "all" else int(value)


@reads_tree
def embed(
    tree: Tree,
    output: Output,
    dim: Annotated[int, typer.Option(min=1, help="Dimension of the embedding.")] = 2,
    geometry: Annotated[Geometry, typer.Option(help="Where to embed.")] = Geometry.lorentz,
    curvature: Annotated[float, typer.Option(help="c > 0; sectional curvature is -c.")] = 1.0,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="auto, constructive, ranking, distortion, ...")
    ] = "auto",
    target: Annotated[
        Target, typer.Option(help="Ancestors nearest, or distances as in the tree.")
    ] = Target.closure,
    dtype: Annotated[Dtype, typer.Option(help="Of the points.")] = Dtype.float64,
    epochs: Annotated[int | None, _training(help="Passes over all pairs (ranking).")] = None,
    lr: Annotated[float | None, _training(help="Learning rate (trained methods).")] = None,
    negatives: Annotated[
        Any,
        _training(
            parser=_number_or_all,
            metavar="NUMBER",
            help="Negatives of a pair (ranking), or all: the exact softmax.",
        ),
    ] = None,
    init: Annotated[
        str | None, _training(metavar="NAME", help="constructive or random (trained methods).")
    ] = None,
    device: Annotated[
        str | None, _training(metavar="NAME", help="Such as cuda (ranking, in torch).")
    ] = None,
    radius: Annotated[
        float | None, _training(help="Farthest distance from the root (constructive).")
    ] = None,
    tau: Annotated[
        float | None, _training(help="Length of an edge (constructive, tree_distance).")
    ] = None,
    settings: Annotated[
        list[str] | None,
        _training("--set", metavar="NAME=VALUE", help="Any other option of the method."),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted training.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
    options: Any = None,
) -> None:
    """Embed a taxonomy: coordinates, quality report and picture."""
    named = {"epochs": epochs, "lr": lr, "negatives": negatives, "init": init}
    named |= {"radius": radius, "tau": tau, "device": device}
    given = {k: v for k, v in named.items() if v is not None} | settings_of(settings or [])
    checkpoint = output.absolute().with_name(output.absolute().name + ".checkpoint")
    check_free(output, marker=_MARKER, overwrite=overwrite)
    _check_checkpoint(checkpoint, resume=resume, overwrite=overwrite)

    from hyperhier.embedding import embed as embed_taxonomy
    from hyperhier.manifolds import get_manifold

    taxonomy = load_tree(tree, options)
    manifold = get_manifold(geometry.value, c=curvature)
    note(f"embedding {len(taxonomy):,} nodes, {geometry.value} of dimension {dim}", quiet=quiet)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with _hint_to_resume(checkpoint), _follow(quiet=quiet) as report_progress:
        embedding = embed_taxonomy(
            taxonomy,
            manifold=manifold,
            dim=dim,
            method=cast(Any, method),
            target=cast(Any, target.value),
            seed=seed,
            dtype=cast(Any, dtype.value),
            progress=report_progress,
            checkpoint=checkpoint,
            **given,
        )
    info, report, picture = embedding.info, {}, None
    note(f"method: {info['method']} ({info['method_reason']})", quiet=quiet)
    if "shortfall" in info:
        note(f"falls short: {info['shortfall']}", quiet=quiet)
    stopped: BaseException | None = None
    kept_elsewhere = _kept_elsewhere(embedding)
    with kept_elsewhere, new_folder(output, marker=_MARKER, overwrite=overwrite) as folder:
        embedding.save(folder)
        try:
            report = embedding.evaluate()
            _write_metrics(folder / _METRICS, report)
            picture = _picture(embedding, folder / "embedding.png", quiet)
        except BaseException as reason:  # the points are kept, whatever stops their report
            stopped = reason
    if stopped is not None:
        note(f"the points are kept in {output}, hyperhier evaluate measures them")
        raise stopped
    if as_json:
        print_json({"output": str(output), **report})
        return
    print_table(
        ["measure", "value"],
        [(METRIC_NAMES.get(name, name), value) for name, value in report.items()],
    )
    note(f"written: {output}" + (f", picture: {output / picture}" if picture else ""), quiet=quiet)


def _check_checkpoint(checkpoint: Path, *, resume: bool, overwrite: bool) -> None:
    """An unfinished training is neither taken up nor thrown away unasked."""
    if resume or not checkpoint.exists():
        return
    if not overwrite:
        raise RunError(
            "an unfinished training is kept here: --resume goes on, --overwrite begins anew",
            path=checkpoint,
        )
    checkpoint.unlink()


@contextmanager
def _hint_to_resume(checkpoint: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint.is_file():
            note(f"the training is kept: the same command with --resume goes on, {checkpoint}")
        raise


@contextmanager
def _kept_elsewhere(embedding: TaxonomyEmbedding) -> Iterator[None]:
    """What may have taken an hour goes to the temporary folder if it cannot be written."""
    try:
        yield
    except BaseException:
        folder = Path(tempfile.mkdtemp(prefix="hyperhier-embedding-"))
        embedding.save(folder)
        note(f"could not be written where it belongs, the embedding is kept in {folder}")
        raise


@contextmanager
def _follow(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A callback for a fit: a bar on stderr, where that is a terminal."""
    with progress(quiet=quiet) as bar:
        task = bar.add_task("training", total=None, status="", visible=False)

        def report(event: Progress) -> None:
            figures = "  ".join(f"{name} {value:.4g}" for name, value in event.figures.items())
            bar.update(task, total=event.total, completed=event.done, status=figures, visible=True)

        yield report


def _write_metrics(path: Path, report: dict[str, Any]) -> None:
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
