"""``hyperhier train``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperhier.cli._options import (
    Device,
    Geometry,
    JsonFlag,
    Output,
    Overwrite,
    Quiet,
    Seed,
    check_device,
    load_tree,
    reads_tree,
    settings_of,
)
from hyperhier.cli._output import (
    METRIC_NAMES,
    note,
    print_json,
    print_table,
    progress,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperhier.training import ProgressEvent

__all__ = ["follow", "show_metrics", "train"]

_DATA = "Folder or zip of images (a folder per class), a table (CSV, TSV) beside one, or an .npz."
_LOSS = (
    "supcon, hwc, lam, hmlc, la_scl, hidisc, hlss, shadow, ... (a wrong name lists all), or a "
    "sum: hwc+lam, hwc+0.5*lam."
)
_GUESSED = "guessed when not given."

# options under the headings of the help
_data = partial(typer.Option, rich_help_panel="Data")
_method = partial(typer.Option, rich_help_panel="Method")
_training = partial(typer.Option, rich_help_panel="Training")


@reads_tree
def train(
    data: Annotated[str, typer.Argument(metavar="DATA", help=_DATA)],
    output: Output,
    taxonomy: Annotated[
        str,
        _data("--taxonomy", metavar="TREE", help="File or folder, or built-in name."),
    ],
    geometry: Annotated[Geometry, _method(help="Where the embedding lives.")] = Geometry.lorentz,
    loss: Annotated[str, _method(help=_LOSS)] = "hwc+lam",
    epochs: Annotated[
        int,
        _training(min=1, help="Passes over the training images."),
    ] = 20,
    batch_size: Annotated[
        int,
        _training(min=2, help="Images per step, two views each."),
    ] = 256,
    lr: Annotated[float, _training(help="Peak learning rate.")] = 2e-3,
    dim: Annotated[int, _method(min=1, help="Features of the embedding.")] = 64,
    curvature: Annotated[float, _method(help="c > 0; sectional curvature is -c.")] = 1.0,
    learn_curvature: Annotated[bool, _method("--learn-curvature", help="Train c too.")] = False,
    c_min: Annotated[float, _method(help="Least c that training may reach.")] = 1e-3,
    c_max: Annotated[float, _method(help="Largest c that training may reach.")] = 1e3,
    encoder: Annotated[str, _method(help="small, or the name of a timm model.")] = "small",
    size: Annotated[
        int | None,
        _data(min=8, help="Resize images to this height and width."),
    ] = None,
    label: Annotated[str | None, _data(help=f"Label column, {_GUESSED}")] = None,
    image: Annotated[str | None, _data(help=f"Image column, {_GUESSED}")] = None,
    split: Annotated[str | None, _data(help=f"Split column, {_GUESSED}")] = None,
    group: Annotated[
        str | None,
        _data(help="Column (patient, lesion) that no split may divide."),
    ] = None,
    images: Annotated[
        str | None,
        _data(help="Folder or zip of the table's images, if elsewhere."),
    ] = None,
    temperature: Annotated[float | None, _method(help="Temperature of the loss.")] = None,
    alpha: Annotated[float | None, _method(help="Weight of kappa (hwc).")] = None,
    beta: Annotated[float | None, _method(help="Weight of 1 - kappa (hwc).")] = None,
    scaling: Annotated[str | None, _method(help="mass, shared or split (hwc).")] = None,
    start_radius: Annotated[
        float | None,
        _method(help="Prototypes start from the embedded tree, its nodes so far out (lam)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        _method("--set", metavar="NAME=VALUE", help="Any other option of the loss."),
    ] = None,
    balance: Annotated[
        float,
        _training(min=0, max=1, help="0: classes as they come; 1: equally often."),
    ] = 0.0,
    select: Annotated[str, _training(help="Weights to keep: last or best.")] = "last",
    seed: Seed = 0,
    split_seed: Annotated[int, _data(help="Seed of a split that has to be drawn.")] = 0,
    resume: Annotated[
        bool,
        _training("--resume", help="Go on with an interrupted run."),
    ] = False,
    overwrite: Overwrite = False,
    device: Device = "cpu",
    as_json: JsonFlag = False,
    quiet: Quiet = False,
    options: Any = None,
) -> None:
    """Train an encoder on labelled images, measure it, and keep everything in one folder."""
    from hyperhier.training import train as run

    loss_options = {"temperature": temperature, "alpha": alpha, "beta": beta, "scaling": scaling}
    given = {name: value for name, value in loss_options.items() if value is not None}
    columns = {"label": label, "image": image, "split": split, "group": group, "images": images}
    load = {name: value for name, value in columns.items() if value is not None}
    where = check_device(device)
    with _hint_to_resume(output), follow(quiet=quiet) as report:
        result = run(
            data,
            load_tree(taxonomy, options),
            out=output,
            overwrite=overwrite,
            resume=resume,
            load=load | {"size": size, "seed": split_seed},
            progress=report,
            geometry=geometry.value,
            loss=loss,
            loss_options=given | settings_of(settings or []),
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            dim=dim,
            c=curvature,
            learnable_c=learn_curvature,
            c_min=c_min,
            c_max=c_max,
            start_radius=start_radius,
            encoder=encoder,
            balance=balance,
            select=select,
            seed=seed,
            device=where,
        )
    learned = {"curvature": result.curvature} if result.curvature else {}
    show_metrics(result.metrics, as_json, {"output": str(output), **learned})
    for name, value in result.curvature.items():
        note(f"{name.replace('_', ' ')}: {value:.4g}", quiet=quiet)
    note(f"written: {output}", quiet=quiet)


def show_metrics(metrics: dict[str, float], as_json: bool, extra: dict[str, Any]) -> None:
    """The metrics of a run as a table, or as JSON with what else is known."""
    if as_json:
        print_json(extra | {"metrics": metrics})
        return
    names = [name for name in metrics if not name.startswith("val_")]
    validated = any(name.startswith("val_") for name in metrics)
    rows = []
    for name in names:
        row: list[object] = [METRIC_NAMES.get(name, name.replace("_", " "))]
        row.append(_cell(name, metrics[name]))
        if validated:
            row.append(_cell(name, metrics.get(f"val_{name}", float("nan"))))
        rows.append(row)
    print_table(["measure", "test", *(["validation"] if validated else [])], rows)


def _cell(name: str, value: float) -> str:
    return shown(int(value)) if name == "n" and value == value else shown(value)


@contextmanager
def _hint_to_resume(output: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if output.with_name(output.name + ".partial").is_dir():
            note(f"the last whole epoch is kept: the same command with --resume goes on, {output}")
        raise


@contextmanager
def follow(*, quiet: bool, name: str = "training") -> Iterator[Callable[[ProgressEvent], None]]:
    """A callback for ``train``: a bar on a terminal, a line per epoch elsewhere."""
    with progress(quiet=quiet) as bar:
        plain = bar.disable and not quiet
        task = bar.add_task(name, total=None, status="")
        hf1 = ""

        def report(event: ProgressEvent) -> None:
            nonlocal hf1
            if event.done and event.val_hf1 is not None:
                hf1 = f"  val HF1 {event.val_hf1:.4f}"
            status = f"epoch {event.epoch}/{event.epochs}  loss {event.loss:.4f}{hf1}"
            bar.update(
                task,
                total=event.epochs * event.steps,
                completed=(event.epoch - 1) * event.steps + event.step,
                status=status,
            )
            if plain and event.done:
                note(f"{name}: {status}")

        yield report
