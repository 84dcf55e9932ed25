"""Points with names in the formats of other programs."""

from __future__ import annotations

import csv
import io
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hyperhier._atomic import write_at_once
from hyperhier.manifolds import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["SUFFIXES", "export", "metadata_path", "plain", "word"]

SUFFIXES = (".npz", ".csv", ".tsv", ".txt", ".bin", ".json", ".parquet")
_PROJECTOR = "projector_config.pbtxt"


def export(
    taxonomy: Taxonomy, manifold: Manifold, points: Tensor, path: str | PathLike[str]
) -> None:
    """Write by suffix; see :meth:`hyperhier.embedding.TaxonomyEmbedding.export`."""
    target = Path(path)
    values = points.detach().cpu().numpy()
    names = list(taxonomy.nodes)
    suffix = target.suffix.lower()
    if suffix == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, points=values, nodes=np.array(names, dtype=np.str_))
        write_at_once(target, buffer.getvalue())
    elif suffix == ".csv":
        write_at_once(target, _csv(names, values).encode())
    elif suffix == ".tsv":
        write_at_once(target, "".join("\t".join(row) + "\n" for row in _cells(values)).encode())
        write_at_once(metadata_path(target), _metadata(taxonomy).encode())
        _configure_projector(target)
    elif suffix == ".txt":
        write_at_once(target, _word2vec_text(names, values).encode())
    elif suffix == ".bin":
        write_at_once(target, _word2vec_binary(names, values))
    elif suffix == ".json":
        write_at_once(target, _json(names, values, manifold).encode())
    elif suffix == ".parquet":
        write_at_once(target, _parquet(names, values))
    else:
        raise ValueError(
            f"cannot tell the format from {target.name!r}; expected {', '.join(SUFFIXES[:-1])} "
            f"or {SUFFIXES[-1]}"
        )


def metadata_path(vectors: Path) -> Path:
    """The file of names beside a file of the projector's vectors."""
    return vectors.with_name(f"{vectors.stem}.metadata.tsv")


def word(name: str) -> str:
    """A name as one word: white space becomes ``_``."""
    return "_".join(name.split())


def plain(name: str) -> str:
    """A name with single spaces as its only white space."""
    return " ".join(name.split())


def _cells(values: NDArray[Any]) -> list[list[str]]:
    """Every coordinate in the fewest digits that read back to the same number."""
    return [[np.format_float_scientific(x, trim="-") for x in row] for row in values]


def _csv(names: list[str], values: NDArray[Any]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["node", *(f"x{i}" for i in range(values.shape[1]))])
    for name, row in zip(names, _cells(values), strict=True):
        writer.writerow([name, *row])
    return text.getvalue()


def _metadata(taxonomy: Taxonomy) -> str:
    """The projector takes a first line with the names of the columns if there are several."""
    names = [plain(name) for name in taxonomy.nodes]
    parents = [names[v] if v >= 0 else "" for v in taxonomy.parent_id.tolist()]
    lines = ["name\tdepth\tparent"]
    for name, depth, parent in zip(names, taxonomy.depth.tolist(), parents, strict=True):
        lines.append(f"{name}\t{depth}\t{parent}")
    return "\n".join(lines) + "\n"


def _configure_projector(vectors: Path) -> None:
    """TensorBoard finds the files by an entry in the configuration of their folder."""
    config = vectors.with_name(_PROJECTOR)
    held = config.read_text(encoding="utf-8") if config.is_file() else ""
    entry = f"tensor_path: {_quoted(vectors.name)}"
    if entry in held:
        return
    held = held if not held or held.endswith("\n") else held + "\n"
    text = (
        f"{held}embeddings {{\n"
        f"  tensor_name: {_quoted(vectors.stem)}\n"
        f"  {entry}\n"
        f"  metadata_path: {_quoted(metadata_path(vectors).name)}\n"
        "}\n"
    )
    write_at_once(config, text.encode())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(names: list[str]) -> list[str]:
    words: dict[str, str] = {}
    for name in names:
        if (one := word(name)) in words:
            raise ValueError(
                f"word2vec cannot tell {words[one]!r} and {name!r} apart: both become {one!r}"
            )
        words[one] = name
    return list(words)


def _word2vec_text(names: list[str], values: NDArray[Any]) -> str:
    lines = [f"{values.shape[0]} {values.shape[1]}"]
    rows = zip(_words(names), _cells(values), strict=True)
    lines += [f"{one} {' '.join(row)}" for one, row in rows]
    return "\n".join(lines) + "\n"


def _word2vec_binary(names: list[str], values: NDArray[Any]) -> bytes:
    with np.errstate(over="ignore"):
        single = values.astype("<f4")
    if not np.isfinite(single).all():
        row = int((~np.isfinite(single)).any(axis=1).argmax())
        raise ValueError(f"the point of {names[row]!r} is too large for 32 bits")
    parts = [f"{values.shape[0]} {values.shape[1]}\n".encode()]
    for one, row in zip(_words(names), single, strict=True):
        parts += [one.encode() + b" ", row.tobytes(), b"\n"]
    return b"".join(parts)


def _json(names: list[str], values: NDArray[Any], manifold: Manifold) -> str:
    curvature = manifold.sectional_curvature
    held = {
        "manifold": manifold.name,
        "c": -curvature if curvature < 0.0 else None,
        "dtype": str(values.dtype),
        "nodes": names,
        "points": values.tolist(),
    }
    return json.dumps(held, ensure_ascii=False, allow_nan=False) + "\n"


def _parquet(names: list[str], values: NDArray[Any]) -> bytes:
    try:
        import pandas as pd
        import pyarrow  # noqa: F401
    except Exception as error:  # a broken installation counts as a missing one
        raise ImportError(
            "Parquet needs pandas and pyarrow: pip install 'hyperhier[io]'"
        ) from error
    columns = {"node": names, **{f"x{i}": values[:, i] for i in range(values.shape[1])}}
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer, index=False)
    return buffer.getvalue()
