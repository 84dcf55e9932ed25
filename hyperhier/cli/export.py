"""``hyperhier export``: the points of an embedding for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperhier.cli._options import OverwriteFile, Quiet, Saved
from hyperhier.cli._output import check_new_file, note

__all__ = ["export"]


def export(
    embedding: Saved,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="By suffix: .npz, .csv, .parquet, .json, .tsv (TensorBoard projector), "
            ".txt (word2vec text), .bin (word2vec binary).",
        ),
    ],
    overwrite: OverwriteFile = False,
    quiet: Quiet = False,
) -> None:
    """Write the points with their names in another program's format."""
    check_new_file(output, overwrite=overwrite)
    from hyperhier.embedding import TaxonomyEmbedding

    TaxonomyEmbedding.load(embedding).export(output)
    note(f"written: {output}", quiet=quiet)
