"""The finished runs of a suite, gathered by what they are compared with."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperhier.reproduce.plan import EVERYTHING, Cell, Selection, cells, final_job, view_of
from hyperhier.reproduce.statistics import Difference, Spread, difference, spread
from hyperhier.reproduce.store import RunStore, digest, processor_seconds
from hyperhier.reproduce.suite import Suite
from hyperhier.reproduce.tune import Tuning, chosen_rate, known_tuning, tuning_of

__all__ = ["LOWER_IS_BETTER", "Block", "Results", "Row", "collect"]

#: a sectional curvature, and whether it stands at a bound (None: not recorded)
Curvature = tuple[float, bool | None]

LOWER_IS_BETTER = frozenset({"pdv", "mistake_severity"})


@dataclass
class Row:
    """One method in one geometry.

    Attributes:
        cell: what it is.
        rate: the learning rate chosen for it.
        values: metric -> seed -> figure, of the runs that ended well.
        cost: ``step_seconds``, ``peak_mib``, ... -> one figure per run.
        diverged: how many runs stopped with a loss that was not finite.
        control: whether the method is a control, which is no candidate for the best.
    """

    cell: Cell
    rate: float
    values: dict[str, dict[int, float]] = field(default_factory=dict)
    cost: dict[str, list[float]] = field(default_factory=dict)
    diverged: int = 0
    control: bool = False

    @property
    def seeds(self) -> list[int]:
        """Of the runs that ended well."""
        return sorted(next(iter(self.values.values()), {}))

    def spread(self, metric: str) -> Spread:
        """Over the seeds."""
        return spread(list(self.values.get(metric, {}).values()))

    def minus(self, other: Row, metric: str) -> Difference:
        """Seed by seed."""
        return difference(self.values.get(metric, {}), other.values.get(metric, {}))

    def median_cost(self, name: str) -> float:
        """Over the runs; nan if unknown."""
        told = [v for v in self.cost.get(name, []) if math.isfinite(v)]
        return statistics.median(told) if told else math.nan


@dataclass
class Block:
    """The rows of one data set, tree and condition.

    Attributes:
        dataset, tree, condition: names of the suite.
        rows: in the suite's order.
        baseline: method that differences are taken from, within each geometry.
    """

    dataset: str
    tree: str
    condition: str
    rows: list[Row]
    baseline: str

    @property
    def title(self) -> str:
        """Data set, tree and condition in one line."""
        told = f"{self.dataset}, tree {self.tree}"
        return f"{told}, {self.condition}" if self.condition else told

    def find(self, method: str, geometry: str) -> Row | None:
        """The row of a method and a geometry."""
        for row in self.rows:
            if (row.cell.method, row.cell.geometry) == (method, geometry):
                return row
        return None

    def difference(self, row: Row, metric: str, other: str | None = None) -> Difference | None:
        """Row minus the baseline (or another method) of the same geometry, seed by seed."""
        against = self.find(self.baseline if other is None else other, row.cell.geometry)
        if against is None or against is row:
            return None
        found = row.minus(against, metric)
        return found if found.n else None

    def best(self, metric: str, method: str | None = None) -> Row | None:
        """The row with the best mean: of all but controls, or of one method's geometries."""
        rows = [r for r in self.rows if (r.cell.method == method if method else not r.control)]
        told = [(row.spread(metric).mean, row) for row in rows if row.values.get(metric)]
        told = [(mean, row) for mean, row in told if math.isfinite(mean)]
        if not told:
            return None
        choose = min if metric.removeprefix("val_") in LOWER_IS_BETTER else max
        return choose(told, key=lambda pair: pair[0])[1]


@dataclass
class Results:
    """Everything that a report says.

    Attributes:
        suite: what was run.
        selection: the part of its grid that is shown.
        out: the folder that the runs were read from.
        blocks: in the suite's order; those without a finished run are left out.
        tuning: (data set, geometry, method) -> how its rate was chosen.
        runs: how many runs the tables rest on; ``missing``: how many are still to do.
        cpu_seconds: that they took, and the tuning of the cells shown, each run once.
        environments: versions and machines that occur.
        curvatures: (data set, geometry, method, ``"-c"``) -> of each run the curvature at the
            end and whether it stands at a bound (None: not recorded), where it is learned; of a
            product ``"-c1"`` for its first factor, and so on.
    """

    suite: Suite
    selection: Selection
    out: Path
    blocks: list[Block]
    tuning: dict[tuple[str, str, str], Tuning]
    runs: int
    missing: int
    cpu_seconds: float
    environments: list[str]
    curvatures: dict[tuple[str, str, str, str], list[Curvature]]


def collect(
    suite: Suite,
    out: str | Path,
    selection: Selection = EVERYTHING,
) -> Results:
    """Gather what is on disk; runs that are missing leave gaps, never an error.

    Args:
        suite: what the tables are about.
        out: folder of the results.
        selection: part of the grid.
    """
    records = RunStore(out).load()
    blocks: dict[tuple[str, str, str], Block] = {}
    tuning: dict[tuple[str, str, str], Tuning] = {}
    curvatures: dict[tuple[str, str, str, str], list[Curvature]] = {}
    used: dict[str, Mapping[str, Any]] = {}
    choosing: dict[str, Mapping[str, Any]] = {}
    missing = 0
    seeds = selection.seeds(suite)
    for cell in cells(suite, selection):
        made = map(digest, known_tuning(suite, cell, records))
        choosing |= {name: records[name] for name in made if name in records}
        rate = chosen_rate(suite, cell, records)
        if rate is None:
            missing += len(seeds)
            continue
        key = (cell.dataset, cell.geometry, cell.method)
        several = len(suite.rates(cell.dataset)) > 1
        how = tuning_of(suite, cell, records) if several else None
        if how is not None:
            tuning[key] = how
        row = Row(cell, rate, control=bool(suite.method(cell.method).get("control", False)))
        for seed in seeds:
            name = digest(final_job(suite, cell, rate, seed))
            record = records.get(name)
            if record is None:
                missing += 1
                continue
            if name not in used:
                for which, found in _curvatures(record).items():
                    curvatures.setdefault((*key, which), []).append(found)
            used[name] = record
            _enter(row, record, view_of(suite, cell), seed)
        if row.values or row.diverged:
            where = (cell.dataset, cell.tree, cell.condition)
            block = blocks.setdefault(where, Block(*where, rows=[], baseline=suite.baseline))
            block.rows.append(row)
    return Results(
        suite,
        selection,
        Path(out),
        list(blocks.values()),
        tuning,
        len(used),
        missing,
        sum(map(processor_seconds, (choosing | used).values())),
        _environments(used),
        curvatures,
    )


def _enter(row: Row, record: Mapping[str, Any], view: str, seed: int) -> None:
    if "error" in record:
        row.diverged += 1
        return
    for metric, value in record["metrics"].get(view, {}).items():
        row.values.setdefault(metric, {})[seed] = float("nan") if value is None else float(value)
    for name, value in record["cost"].items():
        row.cost.setdefault(name, []).append(float(value))


def _curvatures(record: Mapping[str, Any]) -> dict[str, Curvature]:
    """Of one run, by the names of :attr:`Results.curvatures`."""
    told = record.get("learned_curvature")
    if told is not None:
        names = [name for name in told if not name.endswith("_at_bound")]
        return {f"-{name}": (-told[name], bool(told[f"{name}_at_bound"])) for name in names}
    # an older record has the curvature as a whole, which is 0 for a product
    whole = float(record.get("curvature", 0.0))
    learned = record["job"]["train"].get("learnable_c") and whole
    return {"-c": (whole, record.get("at_bound"))} if learned else {}


def _environments(used: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = {
        ", ".join(f"{k} {v}" for k, v in record["environment"].items())
        for record in used.values()
        if "environment" in record
    }
    return sorted(found)
