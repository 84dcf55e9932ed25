"""A suite: one readable TOML file that says which runs to compare.

Its tables are

``[grid]``
    ``datasets``, ``methods``, ``geometries``, ``seeds``; optionally ``conditions``.
``[train]``
    options of every run, as of :class:`hyperhier.training.TrainConfig`.
``[datasets.NAME]``, ``[methods.NAME]``, ``[geometries.NAME]``, ``[conditions.NAME]``
    what the names of the grid stand for; each may have a table ``train`` of its own.
``[sweeps.NAME]``
    one more method for each value of one option.
``[tuning]``, ``[compare]``
    how the learning rate is chosen; what the tables compare.
``[presets.NAME]``
    changes to all of that, taken with ``--preset NAME``.

``include = [...]`` puts other files underneath.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from hyperhier.errors import RunError
from hyperhier.reproduce.nested import merged, parse_override
from hyperhier.reproduce.suite_checks import completed

__all__ = ["Suite", "builtin_suites", "read_suite"]

#: what a suite need not say
_DEFAULTS: dict[str, Any] = {
    "grid": {"seeds": [0, 1, 2, 3, 4], "geometries": ["sphere", "lorentz"], "conditions": [""]},
    "tuning": {"rates": [0.003, 0.01, 0.03], "seeds": [100], "metric": "val_balanced_accuracy"},
    "compare": {
        "baseline": "supcon",
        "metrics": [
            "top1", "balanced_accuracy", "hf1", "h_acc", "pc_order", "pdv", "mistake_severity",
        ],
        "headline": ["hf1", "pc_order", "pdv", "top1"],
        "pairs": [],
        "choose": "val_hf1",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """A suite with its preset and its overrides applied, and its sweeps written out.

    Attributes:
        name: of the file, without its suffix.
        preset: the preset taken; ``""`` if none was wanted, None if there was none to take.
        tables: the content, checked; methods of sweeps are among ``tables["methods"]``.
        sweeps: sweep name -> ``{"methods": {method: value}, "geometries": ...}``.
        source: the built-in name or the path that it was read from.
        overrides: texts such as ``"train.epochs=3"`` that changed it.
    """

    name: str
    preset: str | None
    tables: dict[str, Any]
    sweeps: dict[str, dict[str, Any]] = field(default_factory=dict)
    source: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """One line."""
        return str(self.tables.get("title", self.name))

    @property
    def seeds(self) -> list[int]:
        """Of the runs that count."""
        return list(self.tables["grid"]["seeds"])

    def rates(self, dataset: str) -> list[float]:
        """The learning rates to choose from: the data set's own, or those of all."""
        own = self.dataset(dataset).get("rates", self.tables["tuning"]["rates"])
        return [float(rate) for rate in own]

    @property
    def tuning_seeds(self) -> list[int]:
        """Of the runs that choose the rate, and of nothing else.

        Every rate is tried with the first, the best two with the others too.
        """
        return list(self.tables["tuning"]["seeds"])

    @property
    def tuning_metric(self) -> str:
        """Of the validation images; the larger the better."""
        return str(self.tables["tuning"]["metric"])

    @property
    def baseline(self) -> str:
        """The method that all others are compared with."""
        return str(self.tables["compare"]["baseline"])

    @property
    def metrics(self) -> list[str]:
        """The columns of the tables."""
        return list(self.tables["compare"]["metrics"])

    def names(self, kind: str) -> list[str]:
        """What the grid lists: ``"datasets"``, ``"methods"``, ``"geometries"``, ..."""
        return list(self.tables["grid"][kind])

    def dataset(self, name: str) -> dict[str, Any]:
        """The table of a data set."""
        return dict(self.tables["datasets"][name])

    def method(self, name: str) -> dict[str, Any]:
        """The table of a method, with what it inherits by ``like``."""
        return dict(self.tables["methods"][name])

    def geometry(self, name: str) -> dict[str, Any]:
        """The table of a geometry; a manifold's name stands for itself."""
        found = self.tables.get("geometries", {}).get(name, {})
        return {"manifold": name, **found}

    def condition(self, name: str) -> dict[str, Any]:
        """The table of a condition; ``""`` is the plain one."""
        return dict(self.tables.get("conditions", {}).get(name, {}))

    def first_tree(self, dataset: str) -> str:
        """The tree that the data set's learning rates are chosen with."""
        return next(iter(self.dataset(dataset)["trees"]))


def builtin_suites() -> tuple[str, ...]:
    """The suites that come with the package.

    >>> builtin_suites()
    ('ablation', 'deep', 'labels', 'main', 'options', 'shift'...)
    """
    folder = files("hyperhier.reproduce") / "suites"
    names = (entry.name for entry in folder.iterdir())
    return tuple(
        sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml") and n[0] != "_")
    )


def read_suite(
    source: str | os.PathLike[str],
    preset: str | None = None,
    overrides: Iterable[str] = (),
) -> Suite:
    """Read a suite by its built-in name or its path.

    Args:
        source: a name of :func:`builtin_suites`, or a ``.toml`` file.
        preset: which of its presets to take, ``""``: none; None: ``"cpu"`` where there is one.
        overrides: texts such as ``"train.epochs=3"``, applied last.

    Raises:
        RunError: no such file, broken TOML, unknown names or keys, by name.

    >>> read_suite("main", "cpu", ["grid.seeds=[7]"]).seeds
    [7]
    """
    text, path = _text(source)
    tables = _included(text, path, set())
    presets = tables.pop("presets", {})
    if preset is None and "cpu" in presets:
        preset = "cpu"
    if preset:
        if preset not in presets:
            known = ", ".join(sorted(presets)) or "none"
            raise RunError(f"no preset {preset!r}; known: {known}", path=path)
        tables = merged(tables, presets[preset])
    changes = tuple(overrides)
    for override in changes:
        tables = merged(tables, parse_override(override))
    tables = merged(_DEFAULTS, tables)
    try:
        sweeps = completed(tables)
    except RunError as reason:
        raise RunError(reason.message, path=path) from reason
    return Suite(Path(path).stem, preset, tables, sweeps, os.fspath(source), changes)


# ------------------------------------------------------------------------------- reading


def _text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Content and path of a suite."""
    name = os.fspath(source)
    builtin = files("hyperhier.reproduce") / "suites" / f"{name}.toml"
    if os.sep not in name and builtin.is_file() and not Path(name).is_file():
        return builtin.read_text(encoding="utf-8"), f"{name}.toml"
    try:
        return Path(name).read_text(encoding="utf-8"), name
    except (OSError, UnicodeDecodeError) as reason:
        known = ", ".join(builtin_suites())
        raise RunError(
            f"no readable suite ({reason}); built in: {known}; or a .toml file", path=name
        ) from reason


def _included(text: str, path: str, seen: set[str]) -> dict[str, Any]:
    """The tables of a file on top of those it includes."""
    if path in seen:
        raise RunError("includes itself", path=path)
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise RunError(f"no valid TOML: {reason}", path=path) from reason
    tables: dict[str, Any] = {}
    for name in own.pop("include", []):
        beside = Path(path).parent / f"{name}.toml"
        found = _text(beside if beside.is_file() else name)
        tables = merged(tables, _included(*found, seen | {path}))
    return merged(tables, own)
