"""What the commands write: tables and JSON on stdout, progress on stderr, whole folders."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperhier.errors import RunError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = [
    "METRIC_NAMES",
    "check_free",
    "check_new_file",
    "new_folder",
    "note",
    "print_json",
    "print_table",
    "progress",
    "shown",
]

#: how the metrics are called in tables
METRIC_NAMES = {
    "top1": "top-1",
    "balanced_accuracy": "balanced accuracy",
    "hf1": "HF1",
    "h_acc": "H-Acc",
    "pc_order": "PC-Order",
    "pdv": "PDV (lower is better)",
    "mistake_severity": "mistake severity (lower is better)",
    "knn_top1": "k-NN top-1",
    "knn_balanced_accuracy": "k-NN balanced accuracy",
    "n": "samples",
    "map": "MAP",
    "mean_rank": "mean rank",
    "average_distortion": "average distortion",
    "worst_distortion": "worst-case distortion",
}

_WIDTH_OF_A_PIPE = 120


def print_json(value: object) -> None:
    """One JSON document on stdout; what JSON has no number for becomes null."""
    sys.stdout.write(json.dumps(_plain(value), indent=2, allow_nan=False) + "\n")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None
) -> None:
    """A table on stdout: the first column reads left, the others right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_A_PIPE)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*(escape(shown(cell)) for cell in row))  # [plot] is text, no markup
    console.print(table)


def shown(value: object) -> str:
    """A number as people read it: four significant digits, integers whole.

    >>> shown(0.123456), shown(12), shown(float("nan")), shown(2.0)
    ('0.1235', '12', '-', '2.0000')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}"


def note(message: str, *, quiet: bool = False) -> None:
    """A line about what is going on, on stderr."""
    if not quiet:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


def progress(*, quiet: bool) -> Progress:
    """A progress bar on stderr; a task may carry the field ``status``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )


@contextmanager
def new_folder(path: Path, *, marker: str, overwrite: bool) -> Iterator[Path]:
    """A folder that appears under its name only when it is complete.

    Yields a temporary folder beside ``path``; when the block ends well it is renamed to
    ``path``, otherwise it is removed and ``path`` stays as it was.

    Args:
        path: where the folder shall be. An empty one that exists is taken.
        marker: a file that an earlier result of the same command holds. Only such a folder
            is ever replaced, so that ``-o .`` cannot delete anything else.
        overwrite: whether an earlier result may be replaced.

    Raises:
        RunError: the folder exists and may not be replaced.
    """
    path = path.absolute()
    check_free(path, marker=marker, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
            os.replace(path, old / path.name)
            os.replace(temporary, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: Path, *, marker: str, overwrite: bool) -> None:
    """Raise :class:`~hyperhier.errors.RunError` if ``path`` may not become a result."""
    if not path.exists():
        return
    if not path.is_dir():
        raise RunError("is a file, expected a folder to write to", path=path)
    if not any(path.iterdir()):
        return
    if not (path / marker).is_file():
        raise RunError(f"is in use and holds no {marker}; name another folder", path=path)
    if not overwrite:
        raise RunError("holds an earlier result; --overwrite replaces it", path=path)


def check_new_file(path: Path, *, overwrite: bool) -> None:
    """Raise :class:`~hyperhier.errors.RunError` if ``path`` may not be written."""
    if path.is_dir():
        raise RunError("is a folder, expected a file to write", path=path)
    if path.exists() and not overwrite:
        raise RunError("exists; --overwrite replaces it", path=path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _plain(value: Any) -> Any:
    """The same value in what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)
