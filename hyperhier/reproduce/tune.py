"""Choosing the learning rate of each data set, geometry and method on validation images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperhier.reproduce.plan import Cell, Job, tuning_jobs
from hyperhier.reproduce.store import digest
from hyperhier.reproduce.suite import Suite

__all__ = ["Tuning", "chosen_rate", "further_jobs", "known_tuning", "tuning_of"]

Records = Mapping[str, Mapping[str, Any]]

# so many of the rates go into the second round
_FINALISTS = 2


@dataclass(frozen=True)
class Tuning:
    """How the rate of a row was chosen.

    Attributes:
        figures: rate -> mean validation figure; minus infinity if a loss did not stay finite.
        finalists: the rates that were tried with all tuning seeds, the others with one.
        chosen: the best of them, the smallest of equals; None if no loss stayed finite.
    """

    figures: dict[float, float]
    finalists: list[float]
    chosen: float | None


def tuning_of(suite: Suite, cell: Cell, records: Records) -> Tuning | None:
    """The tuning of a cell; None while a run is missing."""
    first = _figures(suite, tuning_jobs(suite, cell), records)
    if first is None:
        return None
    finalists = _best(first)
    sums = {rate: first[rate] for rate in finalists}
    for seed in suite.tuning_seeds[1:]:
        more = _figures(suite, tuning_jobs(suite, cell, seed, finalists), records)
        if more is None:
            return None
        for rate, value in more.items():
            sums[rate] += value
    means = {rate: total / len(suite.tuning_seeds) for rate, total in sums.items()}
    finite = {rate: mean for rate, mean in means.items() if mean > -math.inf}
    chosen = max(sorted(finite), key=lambda rate: finite[rate]) if finite else None
    return Tuning({**first, **means}, finalists, chosen)


def chosen_rate(suite: Suite, cell: Cell, records: Records) -> float | None:
    """The rate that the runs of a cell take.

    None while a run is missing, or if no rate gave a finite loss. Of a single rate there is
    nothing to choose.
    """
    rates = suite.rates(cell.dataset)
    if len(rates) == 1:
        return rates[0]
    found = tuning_of(suite, cell, records)
    return None if found is None else found.chosen


def further_jobs(suite: Suite, cell: Cell, records: Records) -> list[Job] | None:
    """The runs of the best rates with the further tuning seeds; None before all have the first."""
    first = _figures(suite, tuning_jobs(suite, cell), records)
    if first is None:
        return None
    rates = _best(first)
    return [job for seed in suite.tuning_seeds[1:] for job in tuning_jobs(suite, cell, seed, rates)]


def known_tuning(suite: Suite, cell: Cell, records: Records) -> list[Job]:
    """The runs that choose the rate of a cell, as far as they are known yet."""
    if len(suite.rates(cell.dataset)) == 1:
        return []
    return [*tuning_jobs(suite, cell), *(further_jobs(suite, cell, records) or [])]


def _figures(suite: Suite, jobs: list[Job], records: Records) -> dict[float, float] | None:
    found: dict[float, float] = {}
    for job in jobs:
        record = records.get(digest(job))
        if record is None:
            return None
        view = record["metrics"].get(job["tree"], {})
        value = float(view.get(suite.tuning_metric, -math.inf))
        found[job["train"]["lr"]] = -math.inf if math.isnan(value) else value
    return found


def _best(first: Mapping[float, float]) -> list[float]:
    finite = [rate for rate in sorted(first) if first[rate] > -math.inf]
    return sorted(finite, key=lambda rate: -first[rate])[:_FINALISTS]
