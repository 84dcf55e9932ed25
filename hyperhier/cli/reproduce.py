"""``hyperhier reproduce``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperhier.cli._options import JsonFlag, Quiet
from hyperhier.cli._output import note, print_json, print_table, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperhier.reproduce import Outlook, Suite

__all__ = ["reproduce"]

_SUITE = "main, ablation, labels, shift, deep, systems, options, or a .toml."


def reproduce(
    suite: Annotated[
        str,
        typer.Argument(metavar="SUITE", help=_SUITE),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the data sets; default: $HYPERHIER_DATA."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder of the results; may hold earlier ones."),
    ] = Path("results"),
    preset: Annotated[
        str | None, typer.Option(help="cpu: small pictures; gpu: large ones, ResNet-50.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, one thread each; default: all cores, 1 on a GPU."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=NAMES",
            help="Part of the grid: dataset, tree, condition, geometry, method or seed.",
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the suite: train.epochs=2."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run, and how long it takes.")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Only the tables and the report of finished runs.")
    ] = False,
    pack: Annotated[
        bool,
        typer.Option("--pack", help="Put all finished runs into one file, runs.jsonl.gz, too."),
    ] = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
) -> int:
    """Compare methods, geometries and trees on a grid of runs; go on where it was left."""
    from hyperhier.reproduce import (
        RunStore,
        Selection,
        collect,
        outlook,
        read_suite,
        run_suite,
        write_report,
    )
    from hyperhier.reproduce.plan import unavailable
    from hyperhier.reproduce.report import overview, summary, tables_as_markdown

    plan = read_suite(suite, preset, change or ())
    selection = Selection.parse(only or ())
    for method, loss in unavailable(plan).items():
        note(f"left out: method {method!r} needs the loss {loss!r}", quiet=quiet)
    failures: list[str] = []
    if not table:
        root = _data_folder(data)
        os.environ["HYPERHIER_DATA"] = str(root.absolute())  # suites name files below it
        ahead = outlook(plan, root, output, selection)
        on_gpu = plan.tables.get("train", {}).get("device", "cpu") != "cpu"
        cores = workers or (1 if on_gpu else os.cpu_count() or 1)
        for name, path in ahead.absent.items():
            note(f"left out: data set {name!r}, for want of {path}", quiet=quiet)
        _announce(plan, ahead, cores, as_json, dry_run, quiet=quiet)
        if dry_run:
            return 0
        with _following(quiet=quiet) as report:
            failures = run_suite(
                plan, root, output, workers=cores, selection=selection, progress=report
            )
    if pack:
        count = RunStore(output).pack()
        note(f"{count} runs in {output / 'runs.jsonl.gz'}", quiet=quiet)
    results = collect(plan, output, selection)
    folder = output / plan.name
    write_report(results, folder, data)
    if as_json:
        print_json(
            {"suite": plan.name, "preset": plan.preset, "runs": results.runs,
             "missing": results.missing, "failures": failures, "report": str(folder)}
        )  # fmt: skip
    elif not sys.stdout.isatty():
        sys.stdout.write(tables_as_markdown(results))
    else:
        for entry in overview(results):
            rows = [[_narrow(cell) for cell in row] for row in entry.rows]
            print_table(entry.columns, rows, title=entry.title)
    for failure in failures:
        note(f"failed: {failure}")
    note(f"{summary(results)}; written: {folder / 'report.html'}", quiet=quiet)
    return 1 if failures else 0


def _narrow(cell: str) -> str:
    """A cell for a terminal: ``.812±.004`` for ``**0.812 ± 0.004**``."""
    plain = cell.replace("**", "").replace(" ± ", "±")
    return re.sub(r"(?<![\d.])0\.(?=\d{3})", ".", plain)


def _data_folder(data: Path | None) -> Path:
    told = data or os.environ.get("HYPERHIER_DATA")
    if not told:
        raise typer.BadParameter("say where the data sets are: --data DIR or HYPERHIER_DATA")
    named = Path(told)
    if not named.is_dir():
        raise typer.BadParameter(f"--data: no such folder: {named}")
    return named


def _announce(
    suite: Suite, ahead: Outlook, workers: int, as_json: bool, dry_run: bool, *, quiet: bool
) -> None:
    hours = ahead.seconds / 3600
    if dry_run and as_json:
        print_json(
            {"suite": suite.name, "preset": suite.preset, "tuning": ahead.tuning,
             "runs": ahead.final, "tuning_left": ahead.tuning_left, "runs_left": ahead.final_left,
             "core_hours": hours}
        )  # fmt: skip
        return
    told = (
        f"{suite.name}: {ahead.tuning_left} of {ahead.tuning} tuning runs and "
        f"{ahead.final_left} of {ahead.final} runs to do, about {hours:.1f} core-hours, "
        f"{hours / workers:.1f} hours with {workers} worker{'s' if workers > 1 else ''}"
    )
    if dry_run:
        typer.echo(told)
    else:
        note(told, quiet=quiet)


@contextmanager
def _following(*, quiet: bool) -> Iterator[Callable[..., None]]:
    """A bar on a terminal, a line per run elsewhere; never a test figure."""
    try:
        with progress(quiet=quiet) as bar:
            plain = bar.disable and not quiet
            tasks: dict[str, Any] = {}

            def report(phase: str, done: int, total: int, finished: Any) -> None:
                if phase not in tasks:
                    tasks[phase] = bar.add_task(phase, total=total, status="")
                status = ""
                if finished is not None:
                    names = [str(v) for v in finished.job["names"].values() if v]
                    status = f"{', '.join(names)}, seed {finished.job['seed']}"
                    record = finished.record or {}
                    if finished.failure or "error" in record:
                        status += f": {finished.failure or record['error']}"
                    else:
                        seconds = record["cost"]["wall_seconds"]
                        figures: dict[str, float] = next(iter(record["metrics"].values()), {})
                        status += f"  {seconds:.0f} s  val HF1 {figures.get('val_hf1', 0):.3f}"
                bar.update(tasks[phase], total=total, completed=done, status=status)
                if plain and finished is not None:
                    note(f"{phase} {done}/{total}  {status}")

            yield report
    except KeyboardInterrupt:
        note("every finished run is kept: the same command goes on", quiet=quiet)
        raise
