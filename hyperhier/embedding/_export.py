"""Points with names in the formats of other programs."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from os import PathLike
from pathlib import Path

import numpy as np
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["export"]


def export(taxonomy: Taxonomy, points: Tensor, path: str | PathLike[str]) -> None:
    """Write by suffix; see :meth:`hyperhier.embedding.TaxonomyEmbedding.export`."""
    target = Path(path)
    values = points.detach().cpu().numpy()
    names = list(taxonomy.nodes)
    suffix = target.suffix.lower()
    if suffix == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, points=values, nodes=np.array(names, dtype=np.str_))
        _write(target, buffer.getvalue())
    elif suffix == ".csv":
        _write(target, _csv(names, values).encode())
    elif suffix == ".tsv":
        _write(target, "".join("\t".join(row) + "\n" for row in _cells(values)).encode())
        labels = "".join(" ".join(name.split()) + "\n" for name in names)
        _write(target.with_name(f"{target.stem}.metadata.tsv"), labels.encode())
    elif suffix == ".txt":
        _write(target, _word2vec(names, values).encode())
    elif suffix == ".parquet":
        _write(target, _parquet(names, values))
    else:
        raise ValueError(
            f"cannot tell the format from {target.name!r}; expected .npz, .csv, .tsv, .txt "
            "or .parquet"
        )


def _cells(values: np.ndarray) -> list[list[str]]:
    """Every coordinate in the fewest digits that read back to the same number."""
    return [[np.format_float_scientific(x, trim="-") for x in row] for row in values]


def _csv(names: list[str], values: np.ndarray) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["node", *(f"x{i}" for i in range(values.shape[1]))])
    for name, row in zip(names, _cells(values), strict=True):
        writer.writerow([name, *row])
    return text.getvalue()


def _word2vec(names: list[str], values: np.ndarray) -> str:
    words: dict[str, str] = {}
    for name in names:
        word = "_".join(name.split())
        if word in words:
            raise ValueError(
                f"word2vec text cannot tell {words[word]!r} and {name!r} apart: both become "
                f"{word!r}"
            )
        words[word] = name
    lines = [f"{values.shape[0]} {values.shape[1]}"]
    lines += [f"{word} {' '.join(row)}" for word, row in zip(words, _cells(values), strict=True)]
    return "\n".join(lines) + "\n"


def _parquet(names: list[str], values: np.ndarray) -> bytes:
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


def _write(path: Path, content: bytes) -> None:
    """The file appears complete or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent or ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
