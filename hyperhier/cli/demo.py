"""``hyperhier demo``: the whole library on pictures of its own making."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperhier.cli._options import JsonFlag, Output, Overwrite, Quiet, Seed
from hyperhier.cli._output import METRIC_NAMES, new_folder, note, print_json, print_table
from hyperhier.cli.train import follow

if TYPE_CHECKING:
    from hyperhier.data import ImageSet
    from hyperhier.taxonomy import Taxonomy

__all__ = ["demo"]

_MARKER = "results.json"
_TREE = "demo"
_GEOMETRIES = ("sphere", "poincare", "lorentz")
# name in the table and of the folder: loss
_LOSSES = {"supcon": "supcon", "hwc+lam": "hwc+0.2*lam"}
# classes are of one size and leaves of one depth here, so that balanced accuracy is top-1 and
# H-Acc is HF1
_COLUMNS = ("top1", "knn_top1", "hf1", "pc_order", "pdv", "mistake_severity")
_USUAL: dict[str, Any] = {"epochs": 10, "batch_size": 64}
_QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 64}
_PICTURES = ("images.png", "taxonomy.png")


def demo(
    output: Output = Path("demo"),
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few pictures, two epochs: only to see it run.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
) -> None:
    """Train on generated pictures: two losses in three geometries, a table, pictures."""
    from hyperhier.taxonomy import builtin_taxonomy

    started = time.perf_counter()
    tree = builtin_taxonomy(_TREE)
    with new_folder(output, marker=_MARKER, overwrite=overwrite) as folder:
        data = _pictures(tree, seed, quick)
        note(f"{data!r}, labels: {tree!r}", quiet=quiet)
        rows = [
            _train(
                data,
                tree,
                geometry,
                label,
                folder,
                quiet=quiet,
                loss=loss,
                seed=seed,
                **(_QUICK if quick else _USUAL),
            )
            for geometry in _GEOMETRIES
            for label, loss in _LOSSES.items()
        ]
        tree_report = _embed(tree, folder, seed)
        _contact_sheet(data, tree, folder / "images.png")
        report = {
            "seed": seed,
            "quick": quick,
            "runs": rows,
            "taxonomy": tree_report,
            "seconds": round(time.perf_counter() - started, 1),
        }
        (folder / _MARKER).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json({"output": str(output), **report})
        return
    _show(output, report, rows, tree_report)


def _pictures(tree: Taxonomy, seed: int, quick: bool) -> ImageSet:
    from hyperhier.data import make_hierarchical_images

    return make_hierarchical_images(
        tree, n_per_class=12 if quick else 90, size=16 if quick else 32, difficulty=0.35, seed=seed
    )


def _train(
    data: ImageSet,
    tree: Taxonomy,
    geometry: str,
    label: str,
    folder: Path,
    *,
    quiet: bool,
    **options: Any,
) -> dict[str, Any]:
    from hyperhier.training import train

    name = f"{geometry}-{label.replace('+', '-')}"
    with follow(quiet=quiet, name=f"{label} on {geometry}") as report:
        result = train(
            data, tree, out=folder / name, geometry=geometry, dim=32, progress=report, **options
        )
    seconds = round(result.timing["train_seconds"], 1)
    return {
        "geometry": geometry, "loss": label, "folder": name, "seconds": seconds, **result.metrics
    }  # fmt: skip


def _embed(tree: Taxonomy, folder: Path, seed: int) -> dict[str, float]:
    from hyperhier.embedding import embed
    from hyperhier.plot import plot_taxonomy_embedding

    embedding = embed(tree, manifold="poincare", dim=2, seed=seed)
    embedding.save(folder / "taxonomy")
    plot_taxonomy_embedding(embedding, folder / "taxonomy.png", title="the taxonomy, embedded")
    return dict(embedding.evaluate())


def _contact_sheet(data: ImageSet, tree: Taxonomy, path: Path) -> None:
    """Some pictures of every class, in the order of the tree."""
    from hyperhier.plot import plot_images

    plot_images(data.images, data.labels, tree, path, title="generated pictures, by class")


def _show(
    output: Path,
    report: dict[str, Any],
    rows: list[dict[str, Any]],
    tree_report: dict[str, float],
) -> None:
    print_table(
        ["geometry", "loss", *(_short(name) for name in _COLUMNS), "s"],
        [
            [
                row["geometry"],
                row["loss"],
                *(f"{row[name]:.3f}" for name in _COLUMNS),
                f"{row['seconds']:.1f}",
            ]
            for row in rows
        ],
        title="Test pictures. One seed: a demonstration, not a comparison",
    )
    print_table(
        [METRIC_NAMES.get(name, name) for name in tree_report],
        [list(tree_report.values())],
        title="The taxonomy itself, in the Poincare disk",
    )
    pictures = [output / name for name in _PICTURES]
    for row in rows:
        pictures += [output / row["folder"] / f"{kind}.png" for kind in ("embedding", "confusion")]
    for picture in pictures:
        typer.echo(picture)
    typer.echo(f"done in {report['seconds']:.0f} s; everything is in {output}/")


def _short(name: str) -> str:
    return {
        "pdv": "PDV ↓",
        "mistake_severity": "severity ↓",
    }.get(name, METRIC_NAMES[name])
