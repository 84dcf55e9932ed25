"""A contact sheet: some pictures of every class, in the order of the tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperhier.plot._canvas import INK, check_suffix, new_figure, save
from hyperhier.plot._labels import shorten
from hyperhier.plot.confusion import _tree_order

if TYPE_CHECKING:
    from torch import Tensor

    from hyperhier.taxonomy import Taxonomy

__all__ = ["plot_images"]

_CELL = 0.62  # inches
_CLASSES = 40


def plot_images(
    images: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    path: str | os.PathLike[str],
    *,
    per_class: int = 8,
    title: str | None = None,
) -> Path:
    """Draw the first pictures of every class, one row per class, branches together.

    Args:
        images: uint8 ``(N, C, H, W)`` with 1 or 3 channels.
        labels: ``(N,)`` node ids of the taxonomy.
        path: file to write; its suffix is .png, .svg or .pdf.
        per_class: pictures per row.
        title: heading of the picture.

    Returns:
        the path written.
    """
    check_suffix(Path(path))
    present = taxonomy.decode(labels.unique())[:_CLASSES]
    order, borders, colours = _tree_order(present, taxonomy)
    gaps = {row for row, _ in borders}
    tops, y = [], 0.0
    for row in range(len(order)):
        y += 0.35 if row in gaps else 0.0
        tops.append(y)
        y += 1.0
    figure = new_figure(_CELL * (per_class + 3), _CELL * y)
    axes = figure.add_subplot()
    axes.set_axis_off()
    for row, index in enumerate(order):
        name = present[index]
        members = (labels == taxonomy.encode([name])[0]).nonzero()[:per_class, 0].tolist()
        for column, i in enumerate(members):
            left, top = column * 1.0, tops[row]
            axes.imshow(
                _pixels(images[i]), extent=(left + 0.03, left + 0.97, top + 0.97, top + 0.03),
                cmap="gray", vmin=0, vmax=255, interpolation="nearest",
            )  # fmt: skip
        axes.text(
            -0.15, tops[row] + 0.5, shorten(name), ha="right", va="center", fontsize=8,
            color=colours[row],
        )  # fmt: skip
    axes.set_xlim(-2.6, per_class)
    axes.set_ylim(y, 0)
    axes.set_aspect("equal")
    if title:
        axes.set_title(title, fontsize=11, color=INK, loc="left", pad=8)
    return save(figure, path)


def _pixels(image: Tensor) -> Any:
    array = image.cpu().permute(1, 2, 0).numpy()
    return array[..., 0] if array.shape[-1] == 1 else array
