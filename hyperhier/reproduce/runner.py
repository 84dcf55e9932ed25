"""Making the runs of a suite that do not exist yet."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperhier.errors import RunError
from hyperhier.reproduce.datasets import missing_files
from hyperhier.reproduce.plan import (
    EVERYTHING,
    Cell,
    Job,
    Selection,
    cells,
    final_job,
    tuning_cell,
    tuning_jobs,
    unique,
)
from hyperhier.reproduce.pool import Finished, run_jobs
from hyperhier.reproduce.store import RunStore, digest, processor_seconds
from hyperhier.reproduce.suite import Suite
from hyperhier.reproduce.tune import chosen_rate, further_jobs

__all__ = ["Outlook", "Progress", "outlook", "present_cells", "run_suite"]

#: called when runs are known and when each ends: (phase, done, all, finished or None)
Progress = Callable[[str, int, int, Finished | None], None]


@dataclass
class Outlook:
    """What a suite still has to do.

    Attributes:
        tuning, final: how many runs, all of them.
        tuning_left, final_left: how many are not on disk yet.
        seconds: processor seconds that those will take, as far as it can be told.
        absent: data set -> the first file that is missing; those are left out.
    """

    tuning: int = 0
    final: int = 0
    tuning_left: int = 0
    final_left: int = 0
    seconds: float = 0.0
    absent: dict[str, Path] = field(default_factory=dict)


def present_cells(
    suite: Suite, data: Path, selection: Selection
) -> tuple[list[Cell], dict[str, Path]]:
    """The cells whose data are there, and what the other data sets lack.

    Raises:
        RunError: a data set that is not marked ``optional`` is missing, or nothing is left.
    """
    selection.check(suite)
    wanted = cells(suite, selection)
    absent: dict[str, Path] = {}
    for name in dict.fromkeys(cell.dataset for cell in wanted):
        recipe = suite.dataset(name)
        gone = missing_files(recipe, data)
        if gone and not recipe.get("optional", False):
            raise RunError(
                f"data set {name!r} is not there (--data names the folder of the data; "
                f"--only dataset=... leaves it out)",
                path=gone[0],
            )
        if gone:
            absent[name] = gone[0]
    left = [cell for cell in wanted if cell.dataset not in absent]
    if not left:
        raise RunError(f"suite {suite.name}: nothing is selected, or no data are there")
    return left, absent


def _first_tuning(suite: Suite, chosen: list[Cell]) -> list[Job]:
    """Every rate with the first tuning seed."""
    bases = _tuned(suite, chosen)
    return unique(job for base in bases for job in tuning_jobs(suite, base))


def _further_tuning(suite: Suite, chosen: list[Cell], records: dict[str, Any]) -> list[Job]:
    """The best rates with the other tuning seeds, of the cells that have them."""
    bases = _tuned(suite, chosen)
    return unique(job for base in bases for job in further_jobs(suite, base, records) or [])


def _tuned(suite: Suite, chosen: list[Cell]) -> list[Cell]:
    """The cells whose rates are chosen; none, where there is nothing to choose."""
    some = (cell for cell in chosen if len(suite.rates(cell.dataset)) > 1)
    return list(dict.fromkeys(tuning_cell(suite, cell) for cell in some))


def _all_final(
    suite: Suite, chosen: list[Cell], records: dict[str, Any], seeds: list[int]
) -> list[Job]:
    """Seed by seed, so that an early look has all methods."""
    rates = {cell: chosen_rate(suite, cell, records) for cell in chosen}
    return unique(
        final_job(suite, cell, rate, seed)
        for seed in seeds
        for cell in chosen
        if (rate := rates[cell]) is not None
    )


def outlook(
    suite: Suite,
    data: Path,
    out: Path,
    selection: Selection = EVERYTHING,
) -> Outlook:
    """Count the runs; those whose rate is not chosen yet are counted with the first rate.

    Their time is that of the finished runs of the same data set, else the suite's ``seconds``.
    """
    chosen, absent = present_cells(suite, data, selection)
    records = RunStore(out).load()
    tuning = _first_tuning(suite, chosen)
    for base in _tuned(suite, chosen):  # before a first round any two rates stand for the best
        further = further_jobs(suite, base, records)
        for seed in suite.tuning_seeds[1:] if further is None else []:
            tuning += tuning_jobs(suite, base, seed, suite.rates(base.dataset)[:2])
        tuning += further or []
    tuning = unique(tuning)
    rates = {c: chosen_rate(suite, c, records) or suite.rates(c.dataset)[0] for c in chosen}
    final = unique(
        final_job(suite, cell, rate, seed)
        for seed in selection.seeds(suite)
        for cell, rate in rates.items()
    )
    tuning_left = [job for job in tuning if digest(job) not in records]
    final_left = [job for job in final if digest(job) not in records]
    usual = _usual_seconds(records)
    seconds = sum(
        usual.get(name, float(suite.dataset(name).get("seconds", 30.0)))
        for name in (job["names"]["dataset"] for job in (*tuning_left, *final_left))
    )
    return Outlook(len(tuning), len(final), len(tuning_left), len(final_left), seconds, absent)


def _usual_seconds(records: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Median processor seconds of the finished runs of each data set."""
    told: dict[str, list[float]] = {}
    for record in records.values():
        seconds = processor_seconds(record)
        if seconds and "error" not in record:
            told.setdefault(record["job"]["names"]["dataset"], []).append(seconds)
    return {name: statistics.median(found) for name, found in told.items()}


def run_suite(
    suite: Suite,
    data: Path,
    out: Path,
    *,
    workers: int = 1,
    selection: Selection = EVERYTHING,
    progress: Progress | None = None,
) -> list[str]:
    """Make every run that is missing: two rounds of tuning, then the runs that count.

    Args:
        suite: what to run.
        data: folder that its paths are relative to.
        out: folder of the results; finished runs in it are not made again.
        workers: processes, one thread each.
        selection: part of the grid.
        progress: called with the phase, how many of its runs are done and how many there
            are to do, and the run that just ended.

    Returns:
        One line for each run that failed; it is tried again next time.

    Raises:
        RunError: data are missing, or a name is unknown.
    """
    chosen, _ = present_cells(suite, data, selection)
    store = RunStore(out)
    failures: list[str] = []
    checkpoints = bool(suite.tables.get("checkpoints", False))
    phases = ["tuning", "further tuning", "runs"]
    if len(suite.tuning_seeds) == 1 or not _tuned(suite, chosen):
        phases.remove("further tuning")
    for phase in phases:
        records = store.load()
        if phase == "tuning":
            jobs = _first_tuning(suite, chosen)
        elif phase == "further tuning":
            jobs = _further_tuning(suite, chosen, records)
        else:
            jobs = _all_final(suite, chosen, records, selection.seeds(suite))
        todo = [job for job in jobs if digest(job) not in records]
        if progress is not None:
            progress(phase, 0, len(todo), None)
        ended = run_jobs(todo, data, out, workers, checkpoints=checkpoints)
        for count, finished in enumerate(ended, 1):
            if finished.failure:
                names = ", ".join(str(v) for v in finished.job["names"].values() if v)
                failures.append(f"{names}, seed {finished.job['seed']}: {finished.failure}")
            if progress is not None:
                progress(phase, count, len(todo), finished)
    return failures
