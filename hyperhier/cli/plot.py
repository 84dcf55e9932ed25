"""``hyperhier plot``: a picture of an embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperhier.cli._options import OverwriteFile, Quiet, Saved
from hyperhier.cli._output import check_new_file, note

__all__ = ["plot"]


def plot(
    embedding: Saved,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Picture: .png, .svg, .pdf or .html."),
    ],
    title: Annotated[str | None, typer.Option(help="Heading of the picture.")] = None,
    overwrite: OverwriteFile = False,
    quiet: Quiet = False,
) -> None:
    """Draw an embedding; .html can be enlarged and shows names under the pointer."""
    check_new_file(output, overwrite=overwrite)
    from hyperhier.embedding import TaxonomyEmbedding
    from hyperhier.plot import plot_taxonomy_embedding

    plot_taxonomy_embedding(TaxonomyEmbedding.load(embedding), output, title)
    note(f"written: {output}", quiet=quiet)
