"""What a suite's tables may say, and what they mean written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperhier.errors import RunError
from hyperhier.reproduce.nested import merged, nested

__all__ = ["completed"]

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
_LISTS = (
    ("grid", "datasets"), ("grid", "methods"), ("grid", "geometries"), ("grid", "conditions"),
    ("compare", "metrics"), ("compare", "headline"),
)  # fmt: skip


def completed(tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check a suite's tables, and write out in place what they only name.

    Methods take over what they are ``like``; each value of a sweep becomes a method.

    Returns:
        sweep name -> ``{"methods": {method: value}, "key": ..., "of": ..., "about": ...}``.

    Raises:
        RunError: unknown or missing keys or names, by name.
    """
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
    for table, name in _LISTS:
        _check_texts(f"{table}.{name}", tables[table].get(name, []))
    for kind in ("methods", "sweeps"):
        for key, entry in tables[kind].items():
            for side in ("geometries", "datasets"):
                _check_texts(f"{kind}.{key}.{side}", entry.get(side, []))
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
        other = entry.get("tuned_as")
        if other is not None and other not in methods:
            raise RunError(f"methods.{key}: tuned_as names no method: {other!r}")
    _check_comparison(tables["compare"], methods)
    for table in ("grid", "tuning"):
        values = tables[table]["seeds"]
        listed = values if isinstance(values, list) else []
        if not listed or any(isinstance(v, bool) or not isinstance(v, int) for v in listed):
            raise RunError(f"{table}.seeds must be whole numbers, got {values!r}")
    for seed in tables["tuning"]["seeds"]:
        if seed in tables["grid"]["seeds"]:
            raise RunError(f"the tuning seed {seed} is among grid.seeds")
    _check_rates("tuning", tables["tuning"]["rates"])
    for key, entry in tables["datasets"].items():
        _check_rates(f"datasets.{key}", entry.get("rates", [1.0]))
    return sweeps


def _check_texts(where: str, texts: Any) -> None:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RunError(f"{where} must be a list of texts, got {texts!r}")


def _check_comparison(compare: Mapping[str, Any], methods: Mapping[str, Any]) -> None:
    known = list(methods)
    if compare["baseline"] not in known:
        raise RunError(f"compare.baseline names no method: {compare['baseline']!r}")
    if not isinstance(compare["pairs"], list):
        raise RunError(f"compare.pairs must be a list of pairs, got {compare['pairs']!r}")
    for pair in compare["pairs"]:
        if not (isinstance(pair, list) and len(pair) == 2 and all(m in known for m in pair)):
            raise RunError(f"compare.pairs must hold pairs of known methods, got {pair!r}")


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
    if not isinstance(sweep["values"], list):
        raise RunError(f"sweeps.{name}.values must be a list, got {sweep['values']!r}")
    made: dict[str, Any] = {}
    for value in sweep["values"]:
        place = nested(keys, value)
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
