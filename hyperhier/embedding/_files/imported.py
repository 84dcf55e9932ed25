"""Points with names from the files of other programs, and from ours."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.embedding._files.export import metadata_path, plain, word
from hyperhier.errors import DataError, ManifoldError, TaxonomyError
from hyperhier.manifolds import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["matched", "read_points"]

Named = tuple[list[str], NDArray[Any]]

# A point off its manifold by no more than this, relative to its size, was rounded there.
_ROUNDED = 1e-3


def read_points(path: str | PathLike[str]) -> Named:
    """Names and points ``(N, ambient)`` of a file, by its suffix.

    See :meth:`hyperhier.embedding.TaxonomyEmbedding.from_file`.

    Raises:
        DataError: a file that does not hold what its suffix says.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in _READERS:
        raise DataError(
            f"cannot tell the format from the suffix; expected {', '.join(sorted(_READERS))}",
            path=file,
        )
    try:
        names, values = _READERS[suffix](file)
    except (KeyError, IndexError, TypeError, ValueError, csv.Error) as problem:
        if isinstance(problem, DataError):
            raise
        raise DataError(f"cannot be read as {suffix}: {problem}", path=file) from None
    if values.ndim != 2 or len(names) != len(values):
        raise DataError(f"{len(names)} names and points of shape {values.shape}", path=file)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    return names, values


def matched(
    names: Iterable[str], points: Any, taxonomy: Taxonomy, manifold: Manifold
) -> tuple[Tensor, int]:
    """Points in the order of the nodes, and how many names are no nodes.

    A node is found by its name, or by that with white space as ``_`` or as one space. Points
    that lie off the manifold by rounding are put back on it; others are left as they are, to
    the bit.

    Raises:
        TaxonomyError: a node without a point.
        ValueError: a name that occurs twice, or points of the wrong shape.
        ManifoldError: a point that does not lie on the manifold.
    """
    known = list(names)
    at = {name: row for row, name in enumerate(known)}
    if len(at) < len(known):
        twice = next(name for row, name in enumerate(known) if at[name] != row)
        raise ValueError(f"{twice!r} has several points")
    rows = [at.get(name, at.get(word(name), at.get(plain(name), -1))) for name in taxonomy.nodes]
    if -1 in rows:
        lost = [name for name, row in zip(taxonomy.nodes, rows, strict=True) if row < 0]
        raise TaxonomyError(
            f"{len(lost):,} of {len(rows):,} nodes have no point, such as {lost[0]!r}; "
            "taxonomy.restrict_to(...) or prune(...) leaves them out"
        )
    values = points if isinstance(points, Tensor) else torch.from_numpy(np.array(points))
    if values.dim() != 2 or len(values) != len(known) or values.shape[1] == 0:
        raise ValueError(
            f"points must have shape ({len(known)}, ambient), got {tuple(values.shape)}"
        )
    if not values.is_floating_point():
        values = values.double()
    values = values[rows]
    return _on_manifold(values, taxonomy, manifold), len(known) - len(set(rows))


def _on_manifold(values: Tensor, taxonomy: Taxonomy, manifold: Manifold) -> Tensor:
    if not bool(values.isfinite().all()) or manifold.check_point_on_manifold(values):
        return values
    off = manifold.constraint_violation(values)
    worst = int(off.nan_to_num(nan=torch.inf).argmax())
    if not float(off[worst]) <= _ROUNDED:
        raise ManifoldError(
            f"the point of {taxonomy.nodes[worst]!r} does not lie on {manifold!r}: "
            f"off by {float(off[worst]):.3g}"
        )
    return manifold.projx(values)


# ------------------------------------------------------------------------------ by format


def _npz(path: Path) -> Named:
    with np.load(path, allow_pickle=False) as held:
        missing = {"points", "nodes"} - set(held.files)
        if missing:
            raise DataError(
                f"has no array {sorted(missing)[0]!r}, only {', '.join(held.files)}", path=path
            )
        return [str(name) for name in held["nodes"]], held["points"]


def _table(path: Path) -> Named:
    """Names in the first column; a line of column names is told by its not being numbers."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return _named(rows, path)


def _named(rows: list[list[str]], path: Path) -> Named:
    if rows and not all(map(_is_number, rows[0][1:])):
        rows = rows[1:]
    if not rows or len(rows[0]) < 2:
        raise DataError("holds no points", path=path)
    return [row[0] for row in rows], _numbers([row[1:] for row in rows], path)


def _projector(path: Path) -> Named:
    """Vectors with the names beside them, or a table with names in the first column."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t") if row]
    if not rows or not _is_number(rows[0][0]):
        return _named(rows, path)
    beside = [metadata_path(path), path.with_name("metadata.tsv")]
    found = next((other for other in beside if other.is_file()), None)
    if found is None:
        raise DataError(f"has no names: there is no {beside[0].name} beside it", path=path)
    lines = found.read_text(encoding="utf-8").splitlines()
    if lines and "\t" in lines[0]:  # only several columns have a line of names
        lines = [line.split("\t")[0] for line in lines[1:]]
    return lines, _numbers(rows, path)


def _word2vec_text(path: Path) -> Named:
    with path.open(encoding="utf-8") as file:
        lines = [line.rstrip("\n").rstrip() for line in file if line.strip()]
    if not lines:
        raise DataError("is empty", path=path)
    head = lines[0].split(" ")
    if len(head) == 2 and all(part.isdigit() for part in head):
        count, width = int(head[0]), int(head[1])
        lines = lines[1:]
        if len(lines) != count:
            raise DataError(f"promises {count} words and holds {len(lines)}", path=path)
    else:
        width = len(head) - 1
    rows = [line.rsplit(" ", width) for line in lines]
    return [row[0] for row in rows], _numbers([row[1:] for row in rows], path)


def _word2vec_binary(path: Path) -> Named:
    content = path.read_bytes()
    head, _, rest = content.partition(b"\n")
    count, width = map(int, head.split())
    names, values = [], np.empty((count, width), dtype=np.float32)
    place, size = 0, 4 * width
    for row in range(count):
        end = rest.index(b" ", place)
        names.append(rest[place:end].lstrip(b"\n").decode("utf-8"))
        values[row] = np.frombuffer(rest, dtype="<f4", count=width, offset=end + 1)
        place = end + 1 + size
    return names, values


def _json(path: Path) -> Named:
    held = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(held, dict):
        raise DataError("holds no object", path=path)
    if {"nodes", "points"} <= set(held):
        dtype = np.float32 if held.get("dtype") == "float32" else np.float64
        return list(held["nodes"]), np.array(held["points"], dtype=dtype)
    return list(held), np.array(list(held.values()), dtype=np.float64)


def _parquet(path: Path) -> Named:
    try:
        import pandas as pd
    except Exception as error:
        raise ImportError(
            "Parquet needs pandas and pyarrow: pip install 'hyperhier[io]'"
        ) from error
    table = pd.read_parquet(path)
    column = "node" if "node" in table.columns else table.columns[0]
    return [str(name) for name in table[column]], table.drop(columns=column).to_numpy()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(rows: Sequence[Sequence[str]], path: Path) -> NDArray[Any]:
    width = len(rows[0])
    for row, cells in enumerate(rows):
        if len(cells) != width:
            raise DataError(
                f"point number {row + 1} has {len(cells)} coordinates, the first {width}", path=path
            )
    return np.array(rows, dtype=np.float64)


_READERS: dict[str, Callable[[Path], Named]] = {
    ".npz": _npz,
    ".csv": _table,
    ".tsv": _projector,
    ".txt": _word2vec_text,
    ".vec": _word2vec_text,
    ".bin": _word2vec_binary,
    ".json": _json,
    ".parquet": _parquet,
}
