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

import copy
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from hyperhier.errors import RunError

__all__ = ["Suite", "builtin_suites", "merged", "parse_override", "read_suite"]

_TOP = {
    "title", "about", "include", "grid", "train", "datasets", "methods", "geometries",
    "conditions", "sweeps", "tuning", "compare", "presets", "checkpoints",
}  # fmt: skip
_GRID = {"datasets", "methods", "geometries", "seeds", "conditions"}
_DATASET = {
    "about", "reader", "path", "images", "trees", "load", "train", "strip", "domain", "keep",
    "seconds", "official", "synthetic", "taxonomy", "optional", "rates", "hold_out",
}  # fmt: skip
_METHOD = {
    "about", "loss", "loss_options", "train", "like", "loss_tree", "knows_tree", "tuned_as",
    "geometries", "datasets", "control", "by_geometry",
}  # fmt: skip
_GEOMETRY = {"about", "manifold", "train"}
_CONDITION = {"about", "labels", "pictures", "train", "epochs_times"}
_SWEEP = {"about", "of", "key", "values", "tuned_as", "geometries", "datasets", "label"}
_TUNING = {"rates", "seeds", "metric"}
_COMPARE = {"baseline", "metrics", "pairs", "headline", "choose"}

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
        preset: the preset taken, or ``""``.
        tables: the content, checked; methods of sweeps are among ``tables["methods"]``.
        sweeps: sweep name -> ``{"methods": {method: value}, "geometries": ...}``.
    """

    name: str
    preset: str
    tables: dict[str, Any]
    sweeps: dict[str, dict[str, Any]] = field(default_factory=dict)

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
    ('ablation', 'deep', 'labels', 'main', 'shift'...)
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
        preset: which of its presets to take; None: ``"cpu"`` where there is one.
        overrides: texts such as ``"train.epochs=3"``, applied last.

    Raises:
        RunError: no such file, broken TOML, unknown names or keys, by name.

    >>> read_suite("main", "cpu", ["grid.seeds=[7]"]).seeds
    [7]
    """
    text, path = _text(source)
    tables = _included(text, path, set())
    presets = tables.pop("presets", {})
    if preset is None:
        preset = "cpu" if "cpu" in presets else ""
    if preset:
        if preset not in presets:
            known = ", ".join(sorted(presets)) or "none"
            raise RunError(f"no preset {preset!r}; known: {known}", path=path)
        tables = merged(tables, presets[preset])
    for override in overrides:
        keys, value = parse_override(override)
        place: dict[str, Any] = {keys[-1]: value}
        for key in reversed(keys[:-1]):
            place = {key: place}
        tables = merged(tables, place)
    tables = merged(_DEFAULTS, tables)
    try:
        return _checked(Path(path).stem, preset, tables)
    except RunError as reason:
        raise RunError(reason.message, path=path) from reason


def parse_override(text: str) -> tuple[list[str], Any]:
    """The keys and the value of ``a.b=value``; the value is TOML, or else a plain text.

    >>> parse_override("train.epochs=3"), parse_override("train.flip=both")
    ((['train', 'epochs'], 3), (['train', 'flip'], 'both'))
    """
    key, equals, value = text.partition("=")
    keys = [part.strip() for part in key.split(".")]
    if not equals or not all(keys):
        raise RunError(f"expected KEY.KEY=VALUE, got {text!r}")
    try:
        return keys, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return keys, value.strip()


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables joined key by key; of two values that are no tables the upper one counts.

    >>> merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    result = copy.deepcopy(dict(below))
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


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


# ------------------------------------------------------------------------------ checking


def _checked(name: str, preset: str, tables: dict[str, Any]) -> Suite:
    _only("suite", tables, _TOP)
    for table, known in (("grid", _GRID), ("tuning", _TUNING), ("compare", _COMPARE)):
        _only(table, tables[table], known)
    for kind, known in (
        ("datasets", _DATASET), ("methods", _METHOD), ("geometries", _GEOMETRY),
        ("conditions", _CONDITION), ("sweeps", _SWEEP),
    ):  # fmt: skip
        for key, entry in tables.setdefault(kind, {}).items():
            if not isinstance(entry, dict):
                raise RunError(f"{kind}.{key} must be a table, got {entry!r}")
            _only(f"{kind}.{key}", entry, known)
    methods = tables["methods"]
    for key in list(methods):
        methods[key] = _inherited(key, methods, ())
    sweeps = {key: _written_out(key, entry, tables) for key, entry in tables["sweeps"].items()}
    for kind in ("datasets", "methods"):
        listed = tables["grid"].get(kind)
        if listed is None:
            tables["grid"][kind] = listed = list(tables[kind])
        for entry in listed:
            if entry not in tables[kind]:
                raise RunError(f"unknown name {entry!r} in grid.{kind}")
        if not listed:
            raise RunError(f"grid.{kind} is empty")
    for entry in tables["grid"]["conditions"]:
        if entry and entry not in tables["conditions"]:
            raise RunError(f"unknown name {entry!r} in grid.conditions")
    for key in tables["grid"]["datasets"]:
        if not tables["datasets"][key].get("trees"):
            raise RunError(f"datasets.{key} names no trees")
    for key, entry in methods.items():
        if "loss" not in entry:
            raise RunError(f"methods.{key} names no loss")
        for other in (entry.get("tuned_as"),):
            if other is not None and other not in methods:
                raise RunError(f"methods.{key}: tuned_as names no method: {other!r}")
    for table in ("grid", "tuning"):
        values = tables[table]["seeds"]
        if not values or any(isinstance(v, bool) or not isinstance(v, int) for v in values):
            raise RunError(f"{table}.seeds must be whole numbers, got {values!r}")
    for seed in tables["tuning"]["seeds"]:
        if seed in tables["grid"]["seeds"]:
            raise RunError(f"the tuning seed {seed} is among grid.seeds")
    _check_rates("tuning", tables["tuning"]["rates"])
    for key, entry in tables["datasets"].items():
        _check_rates(f"datasets.{key}", entry.get("rates", [1.0]))
    return Suite(name, preset, tables, sweeps)


def _check_rates(where: str, rates: Any) -> None:
    listed = rates if isinstance(rates, list) else []
    if not listed or any(isinstance(r, bool) or not isinstance(r, (int, float)) for r in listed):
        raise RunError(f"{where}.rates must be numbers, got {rates!r}")


def _only(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        options = ", ".join(sorted(known))
        raise RunError(f"unknown key {unknown[0]!r} in {where}; known: {options}")


def _inherited(name: str, methods: Mapping[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    own = dict(methods[name])
    parent = own.pop("like", None)
    if parent is None:
        return own
    if parent not in methods or parent in (*seen, name):
        raise RunError(f"methods.{name}: like names no other method: {parent!r}")
    return merged(_inherited(parent, methods, (*seen, name)), own)


def _written_out(name: str, sweep: Mapping[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    """Add the methods of a sweep to the tables, and to the grid."""
    for key in ("of", "key", "values"):
        if key not in sweep:
            raise RunError(f"sweeps.{name} lacks {key!r}")
    base, keys, methods = sweep["of"], str(sweep["key"]).split("."), tables["methods"]
    if base not in methods:
        raise RunError(f"sweeps.{name}: of names no method: {base!r}")
    made: dict[str, Any] = {}
    for value in sweep["values"]:
        place: dict[str, Any] = {keys[-1]: value}
        for key in reversed(keys[:-1]):
            place = {key: place}
        _only(f"sweeps.{name}.key", place, _METHOD)
        label = f"{base}, {sweep.get('label', keys[-1])} {value}"
        entry = merged(methods[base], place)
        entry["tuned_as"] = sweep.get("tuned_as", base)
        if entry["tuned_as"] == "own":
            del entry["tuned_as"]
        for side in ("geometries", "datasets"):
            if side in sweep:
                entry[side] = list(sweep[side])
        methods[label] = entry
        made[label] = value
        listed = tables["grid"].get("methods")
        if listed is not None and label not in listed:
            listed.append(label)
    return {"methods": made, "key": sweep["key"], "of": base, "about": sweep.get("about", "")}
