"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Device", "Geometry", "JsonFlag", "Output", "Overwrite", "Quiet", "Seed", "check_device"]


class Geometry(StrEnum):
    """The geometries by the names that :func:`hyperhier.manifolds.get_manifold` knows."""

    euclidean = "euclidean"
    sphere = "sphere"
    poincare = "poincare"
    lorentz = "lorentz"
    polar = "polar"


Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to write, whole or not.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto.")]


def check_device(name: str) -> str:
    """The device to compute on, ``auto`` resolved; a wrong one is refused before any work."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise typer.BadParameter(f"{name!r} cannot be used here: {reason}") from None
    return name
