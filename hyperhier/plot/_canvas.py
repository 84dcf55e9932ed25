"""A figure of our own, outside pyplot, and its writing in one piece."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "FAINT", "INK", "PAPER", "new_figure", "save"]

DPI = 200
PAPER = "#ffffff"
INK = "#22262e"
FAINT = "#9aa3b2"
_FORMATS = ("png", "svg", "pdf")


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of that size in inches.

    Raises:
        ImportError: matplotlib is missing or broken; the message names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except Exception as error:
        raise ImportError(
            f"pictures need matplotlib ({error}): pip install 'hyperhier[plot]'"
        ) from error
    return Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write ``figure`` to ``path``: under a temporary name first, then renamed.

    Raises:
        ValueError: the suffix is none of .png, .svg, .pdf.
    """
    target = Path(path)
    kind = check_suffix(target)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    try:
        metadata = {"png": {"Software": "hyperhier"}, "svg": {"Date": None}}.get(
            kind, {"CreationDate": None}
        )
        import matplotlib

        with matplotlib.rc_context({"svg.hashsalt": "hyperhier", "svg.fonttype": "none"}):
            figure.savefig(
                name, format=kind, dpi=DPI, bbox_inches="tight", pad_inches=0.15, metadata=metadata
            )
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
    return target


def check_suffix(path: Path) -> str:
    """The format that the suffix of ``path`` names.

    >>> check_suffix(Path("tree.PNG"))
    'png'
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _FORMATS:
        expected = ", ".join(f".{name}" for name in _FORMATS)
        raise ValueError(f"a picture is written as {expected}, got {str(path)!r}")
    return kind
