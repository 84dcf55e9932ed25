"""Choosing the learning rate of each data set, geometry and method on validation images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hyperhier.reproduce.plan import Cell, tuning_jobs
from hyperhier.reproduce.store import digest
from hyperhier.reproduce.suite import Suite

__all__ = ["chosen_rate", "tuning_figures"]

Records = Mapping[str, Mapping[str, Any]]


def tuning_figures(suite: Suite, cell: Cell, records: Records) -> dict[float, float] | None:
    """The validation figure of every rate; None while a run is missing.

    A run whose loss did not stay finite counts as minus infinity.
    """
    found: dict[float, float] = {}
    for rate, job in zip(suite.rates, tuning_jobs(suite, cell), strict=True):
        record = records.get(digest(job))
        if record is None:
            return None
        view = record["metrics"].get(job["tree"], {})
        value = float(view.get(suite.tuning_metric, -math.inf))
        found[rate] = -math.inf if math.isnan(value) else value
    return found


def chosen_rate(suite: Suite, cell: Cell, records: Records) -> float | None:
    """The rate with the best validation figure, the smallest of equals.

    None while a run is missing, or if no rate gave a finite loss. With a single rate in the
    suite there is nothing to choose.
    """
    if len(suite.rates) == 1:
        return suite.rates[0]
    found = tuning_figures(suite, cell, records)
    if found is None or max(found.values()) == -math.inf:
        return None
    return max(sorted(found), key=lambda rate: found[rate])
