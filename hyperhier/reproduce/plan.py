"""The runs of a suite: first those that choose the learning rates, then those that count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hyperhier.errors import RunError
from hyperhier.reproduce.nested import merged
from hyperhier.reproduce.store import digest
from hyperhier.reproduce.suite import Suite
from hyperhier.training import TrainConfig

__all__ = [
    "EVERYTHING",
    "Cell",
    "Job",
    "Selection",
    "cells",
    "final_job",
    "tuning_cell",
    "tuning_jobs",
    "unavailable",
    "unique",
    "view_of",
]

#: what one run is asked to do: plain tables, texts and numbers
Job = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One row of a table: what is compared, without the seed.

    Attributes:
        dataset, tree, condition, geometry, method: names of the suite.
    """

    dataset: str
    tree: str
    condition: str
    geometry: str
    method: str


@dataclass(frozen=True)
class Selection:
    """Parts of a grid by name; an empty tuple leaves that side whole.

    >>> Selection.parse(["method=supcon,hwc", "seed=0"])
    Selection(dataset=(), tree=(), condition=(), geometry=(), method=('supcon', 'hwc'), seed=(0,))
    """

    dataset: tuple[str, ...] = ()
    tree: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    geometry: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    seed: tuple[int, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Selection:
        """From ``KEY=NAME,NAME`` texts; a comma before a space belongs to a name.

        Raises:
            RunError: an unknown key.
        """
        chosen: dict[str, tuple[Any, ...]] = {}
        for text in texts:
            key, equals, value = text.partition("=")
            key = key.strip()
            if not equals or key not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise RunError(f"expected KEY=NAME[,NAME] with KEY one of {known}; got {text!r}")
            names: tuple[Any, ...] = tuple(v.strip() for v in re.split(r",(?! )", value))
            if key == "seed":
                try:
                    names = tuple(int(n) for n in names)
                except ValueError:
                    raise RunError(f"seeds are whole numbers, got {value!r}") from None
            chosen[key] = (*chosen.get(key, ()), *names)
        return cls(**chosen)

    def texts(self) -> list[str]:
        """What :meth:`parse` made the selection of, one text for each side.

        >>> Selection(method=("supcon", "hwc"), seed=(0,)).texts()
        ['method=supcon,hwc', 'seed=0']
        """
        chosen = {side: getattr(self, side) for side in self.__dataclass_fields__}
        return [f"{side}={','.join(map(str, names))}" for side, names in chosen.items() if names]

    def takes(self, cell: Cell) -> bool:
        """Whether a cell is selected."""
        sides = ("dataset", "tree", "condition", "geometry", "method")
        return all(not getattr(self, s) or getattr(cell, s) in getattr(self, s) for s in sides)

    def seeds(self, suite: Suite) -> list[int]:
        """Those of the suite that are selected."""
        return [seed for seed in suite.seeds if not self.seed or seed in self.seed]

    def check(self, suite: Suite) -> None:
        """Raise RunError for a name that the suite does not have."""
        known: dict[str, Iterable[Any]] = {
            "dataset": suite.names("datasets"),
            "method": suite.names("methods"),
            "geometry": suite.names("geometries"),
            "condition": suite.names("conditions"),
            "seed": suite.seeds,
            "tree": {t for d in suite.names("datasets") for t in suite.dataset(d)["trees"]},
        }
        for side, names in known.items():
            listed = list(names)
            wanted = [n for n in getattr(self, side) if n not in listed]
            if wanted:
                options = ", ".join(map(repr, listed))
                raise RunError(f"no {side} {wanted[0]!r} in suite {suite.name}; known: {options}")


#: the whole grid
EVERYTHING = Selection()


def unavailable(suite: Suite) -> dict[str, str]:
    """The methods of the grid that need a loss which is not installed, and that loss."""
    from hyperhier.losses import available_losses
    from hyperhier.losses.combine import losses_in

    known = available_losses()
    missing: dict[str, str] = {}
    for name in suite.names("methods"):
        for loss in losses_in(str(suite.method(name)["loss"])):
            if loss not in known:
                missing[name] = loss
    return missing


def cells(suite: Suite, selection: Selection = EVERYTHING) -> list[Cell]:
    """Every row of every table, in the suite's order, of methods whose losses exist."""
    missing = unavailable(suite)
    found = [
        Cell(dataset, tree, condition, geometry, method)
        for dataset in suite.names("datasets")
        for tree in suite.dataset(dataset)["trees"]
        for condition in suite.names("conditions")
        for geometry in suite.names("geometries")
        for method in suite.names("methods")
        if method not in missing
        and geometry in suite.method(method).get("geometries", [geometry])
        and dataset in suite.method(method).get("datasets", [dataset])
    ]
    return [cell for cell in found if selection.takes(cell)]


def tuning_jobs(
    suite: Suite, cell: Cell, seed: int | None = None, rates: Sequence[float] | None = None
) -> list[Job]:
    """One run per learning rate of the method that tunes for the cell.

    Args:
        suite: where the cell is from.
        cell: a row of a table.
        seed: a tuning seed; default: the first.
        rates: default: all.
    """
    base = tuning_cell(suite, cell)
    seed = suite.tuning_seeds[0] if seed is None else seed
    rates = suite.rates(cell.dataset) if rates is None else rates
    return [_job(suite, base, rate, seed, tuning=True) for rate in rates]


def tuning_cell(suite: Suite, cell: Cell) -> Cell:
    """Rates are chosen per data set, geometry and method: first tree, plain condition."""
    method = suite.method(cell.method).get("tuned_as", cell.method)
    first = suite.first_tree(cell.dataset)
    return replace(cell, method=method, tree=first, condition="")


def final_job(suite: Suite, cell: Cell, rate: float, seed: int) -> Job:
    """The run of one seed. What knows no tree is trained once and judged by every tree."""
    return _job(suite, cell, rate, seed, tuning=False)


def view_of(suite: Suite, cell: Cell) -> str:
    """Under which name the run of a cell keeps the cell's metrics."""
    changed = "pictures" in suite.condition(cell.condition)
    return f"{cell.tree} | {cell.condition}" if changed else cell.tree


def _job(suite: Suite, cell: Cell, rate: float, seed: int, *, tuning: bool) -> Job:
    method, dataset = suite.method(cell.method), suite.dataset(cell.dataset)
    if "pictures" in suite.condition(cell.condition):
        cell = replace(cell, condition="")  # trained as ever, judged by changed pictures too
    geometry, condition = suite.geometry(cell.geometry), suite.condition(cell.condition)
    options: dict[str, Any] = {"epochs": TrainConfig.epochs}
    own = method.get("by_geometry", {}).get(cell.geometry, {})
    for table in (suite.tables, dataset, geometry, condition, method, own):
        options = merged(options, table.get("train", {}))
    options["epochs"] = max(1, round(options["epochs"] * condition.get("epochs_times", 1)))
    loss_options = merged(method.get("loss_options", {}), own.get("loss_options", {}))
    options |= {
        "geometry": geometry["manifold"],
        "loss": own.get("loss", method["loss"]),
        "loss_options": loss_options,
        "lr": float(rate),
        "seed": seed,
    }
    # a label known as its parent only is a matter of the tree, for every method
    knows = bool(method.get("knows_tree", True)) or "inner" in condition.get("labels", {})
    trees = list(dataset["trees"])
    names = {
        "dataset": cell.dataset,
        "tree": cell.tree if knows else "",
        "condition": cell.condition,
        "geometry": cell.geometry,
        "method": cell.method + (f" lr={rate:g}" if tuning else ""),
    }
    recipe = {
        k: v
        for k, v in dataset.items()
        if k not in ("train", "about", "seconds", "optional", "rates", "hold_out")
    }
    if tuning and "hold_out" in dataset:  # as many steps with fewer images
        share = recipe["hold_out"] = float(dataset["hold_out"])
        if not 0.0 < share < 1.0:
            raise RunError(f"hold_out must be in (0, 1), got {share} for {cell.dataset!r}")
        options["epochs"] = max(1, round(options["epochs"] / (1.0 - share)))
    return {
        "names": names,
        "data": recipe,
        "tree": cell.tree if knows else trees[0],
        "judged_by": [cell.tree] if knows else trees,
        "loss_tree": method.get("loss_tree", "true") if knows else "true",
        "labels": condition.get("labels", {}),
        "pictures": {} if tuning else _changed_pictures(suite),
        "train": options,
        "seed": seed,
        "tuning": tuning,
    }


def _changed_pictures(suite: Suite) -> dict[str, str]:
    """The conditions that change the test pictures alone: every run is judged by all of them."""
    found = {name: suite.condition(name).get("pictures") for name in suite.names("conditions")}
    return {name: str(change) for name, change in found.items() if change is not None}


def unique(jobs: Iterable[Mapping[str, Any]]) -> list[Job]:
    """The jobs without those that ask for the same as an earlier one."""
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(digest(job), dict(job))
    return list(found.values())
