"""A saved embedding: a folder with the points, what is known about them, and the taxonomy."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from hyperhier.errors import HyperhierError, RunError
from hyperhier.manifolds import Manifold, available_manifolds, get_manifold
from hyperhier.taxonomy import Taxonomy, read_taxonomy

__all__ = ["load", "save"]

_POINTS, _META, _TREE = "embedding.safetensors", "embedding.json", "taxonomy.csv"
_FORMAT = "hyperhier-embedding"
_VERSION = 1


def _fingerprint(taxonomy: Taxonomy) -> str:
    """A digest of the node names in their order, which is that of the points."""
    return hashlib.sha256("\0".join(taxonomy.nodes).encode()).hexdigest()


def save(
    taxonomy: Taxonomy,
    manifold: Manifold,
    points: Tensor,
    info: Mapping[str, Any],
    directory: str | PathLike[str],
    overwrite: bool,
) -> None:
    """Write the folder under a temporary name beside its own, then rename it."""
    from safetensors.torch import save_file

    target = Path(directory).absolute()
    if manifold.name not in available_manifolds():
        known = ", ".join(available_manifolds())
        raise RunError(
            f"cannot save points of {manifold!r}, which a file cannot name; only of {known}",
            path=target,
        )
    _check_free(target, overwrite)
    curvature = manifold.sectional_curvature
    meta = {
        "format": _FORMAT,
        "version": _VERSION,
        "manifold": manifold.name,
        "c": -curvature if curvature < 0.0 else None,
        "learnable": any(p.requires_grad for p in manifold.parameters()),
        "precision": manifold.precision,
        "dtype": str(points.dtype).removeprefix("torch."),
        "nodes": len(taxonomy),
        "nodes_sha256": _fingerprint(taxonomy),
        "info": dict(info),
    }
    try:
        text = json.dumps(meta, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as problem:
        raise RunError(f"info holds what JSON cannot: {problem}", path=target) from None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            os.chmod(temporary, 0o755)
            save_file({"points": points.detach().cpu().contiguous()}, str(temporary / _POINTS))
            (temporary / _META).write_text(text, encoding="utf-8")
            taxonomy.write_csv(temporary / _TREE)
            _swap_in(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as problem:
        raise RunError(f"cannot be written: {problem}", path=target) from None


def _check_free(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise RunError("is a file; expected a folder", path=target)
    held = {entry.name for entry in target.iterdir()}
    if not held:
        return
    if _META not in held or not held <= {_POINTS, _META, _TREE}:
        strange = sorted(held - {_POINTS, _META, _TREE})
        what = repr(strange[0]) if strange else f"no {_META}"
        raise RunError(f"is not a saved embedding (it holds {what}): not replaced", path=target)
    if not overwrite:
        raise RunError("holds a saved embedding already: pass overwrite=True", path=target)


def _swap_in(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.rename(temporary, target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    os.rename(target, aside / target.name)
    try:
        os.rename(temporary, target)
    except OSError:
        os.rename(aside / target.name, target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load(
    directory: str | PathLike[str],
) -> tuple[Taxonomy, Manifold, Tensor, dict[str, Any]]:
    """The four parts that :func:`save` wrote."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(directory)
    for name in (_META, _POINTS, _TREE):
        if not (folder / name).is_file():
            raise RunError(f"is not a saved embedding: it has no {name}", path=folder)
    path = folder / _META
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        kind, version = meta["format"], meta["version"]
        name, c = meta["manifold"], meta["c"]
        digest, info = meta["nodes_sha256"], dict(meta["info"])
        options: dict[str, Any] = {"precision": meta.get("precision", "accurate")}
    except (KeyError, TypeError, ValueError) as problem:
        raise RunError(f"is damaged: {type(problem).__name__}: {problem}", path=path) from None
    if kind != _FORMAT or version != _VERSION:
        raise RunError(f"holds {kind!r} version {version!r}; expected {_FORMAT} 1", path=path)
    if c is not None and not (isinstance(c, (int, float)) and c > 0 and math.isfinite(c)):
        raise RunError(f"holds c = {c!r}; expected a positive number or null", path=path)
    taxonomy = read_taxonomy(folder / _TREE)
    if _fingerprint(taxonomy) != digest:
        raise RunError(f"does not hold the nodes that {_META} was written for", path=folder / _TREE)
    try:
        if c is not None:
            options |= {"c": c, "learnable": bool(meta.get("learnable", False))}
        manifold = get_manifold(name, **options)
        points = load_file(str(folder / _POINTS))["points"]
    except (HyperhierError, SafetensorError, KeyError) as problem:
        raise RunError(f"is damaged: {problem}", path=folder) from None
    return taxonomy, manifold, points, info
