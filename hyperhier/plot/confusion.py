"""A confusion matrix in the order of the tree, so that near misses lie near the diagonal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperhier.plot._canvas import INK, PAPER, check_suffix, new_figure, save
from hyperhier.plot._labels import shorten
from hyperhier.plot._palette import Palette, oklch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperhier.taxonomy import Taxonomy

__all__ = ["plot_confusion"]

_CELL = 0.52  # inches
_SMALLEST, _LARGEST = 3.2, 11.0
_COUNTS_UP_TO = 30  # classes; beyond that the cells cannot hold a number
_NAMES_UP_TO = 110
_WHITE_TEXT_FROM = 0.52


def plot_confusion(
    matrix: Any,
    names: Taxonomy | Sequence[str],
    path: str | os.PathLike[str],
    *,
    taxonomy: Taxonomy | None = None,
    title: str | None = None,
) -> Path:
    """Draw a confusion matrix: rows are the truth, columns the prediction.

    The shade is the share of its row, the number the count. With a taxonomy, rows and
    columns follow the tree and lines part the branches, heavier for coarser ones.

    Args:
        matrix: ``(K, K)`` counts, a tensor or an array.
        names: what the rows stand for: a :class:`~hyperhier.taxonomy.Taxonomy` (rows in the
            order of its ``leaf_ids``) or K names.
        path: file to write; its suffix is .png, .svg or .pdf.
        taxonomy: orders K names that are nodes of it.
        title: heading of the picture.

    Returns:
        the path written.

    Raises:
        ValueError: a matrix that does not fit the names, or another suffix.
        ImportError: matplotlib is missing.
    """
    check_suffix(Path(path))
    tree = taxonomy
    if not isinstance(names, Sequence):
        tree, names = names, names.leaves
    counts = np.asarray(matrix.tolist() if hasattr(matrix, "tolist") else matrix)
    if counts.shape != (len(names), len(names)):
        raise ValueError(
            f"expected a matrix of shape {(len(names), len(names))} for {len(names)} classes, "
            f"got {counts.shape}"
        )
    order, borders, colours = _tree_order(names, tree)
    counts = counts[np.ix_(order, order)]
    names = [names[i] for i in order]

    side = float(np.clip(_CELL * len(names), _SMALLEST, _LARGEST))
    figure = new_figure(side + 1.2, side + 1.2)
    axes = figure.add_subplot()
    shares = _shares(counts)
    axes.imshow(shares, cmap=_shading(), vmin=0.0, vmax=1.0, aspect="equal", zorder=1)
    _branch_lines(axes, borders, len(names), side / len(names))
    if len(names) <= _COUNTS_UP_TO:
        _write_counts(axes, counts, shares, side / len(names))
    _name_axes(axes, names, colours, side / len(names))
    total = counts.sum()
    heading = title or "confusion"
    if total:
        heading += f"   ({np.trace(counts) / total:.1%} of {int(total):,} right)"
    axes.set_title(heading, fontsize=11, color=INK, loc="left", pad=10)
    return save(figure, path)


def _tree_order(
    names: Sequence[str], tree: Taxonomy | None
) -> tuple[list[int], list[tuple[int, int]], list[Any]]:
    """Row order, borders ``(row, level)`` above which a branch of that level begins, colours."""
    if tree is None:
        return list(range(len(names))), [], [INK] * len(names)
    ids = tree.encode(list(names))
    paths = tree.paths(ids).tolist()
    # children in the order in which the tree first names them, not by the spelling
    order = sorted(range(len(names)), key=lambda i: paths[i])
    borders = []
    for row in range(1, len(order)):
        above, below = paths[order[row - 1]], paths[order[row]]
        level = next((k for k, (a, b) in enumerate(zip(above, below)) if a != b), len(above))
        if level < len(above) - 1:
            borders.append((row, level))
    palette = Palette.of(tree)
    branch = [palette.branch[int(ids[i])] for i in order]
    return order, borders, [_dark(palette, b) for b in branch]


def _dark(palette: Palette, branch: int) -> Any:
    """The colour of a branch, dark enough for text on white."""
    if branch < 0:
        return INK
    red, green, blue = palette.colours[branch]
    return (0.72 * red, 0.72 * green, 0.72 * blue)


def _shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    rows = counts.sum(1, keepdims=True)
    return np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)


def _shading() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    steps = np.linspace(0.0, 1.0, 32)
    colours = [oklch(1.0 - 0.62 * s**0.85, 0.005 + 0.125 * min(1.0, 1.6 * s), 252.0) for s in steps]
    colours[0] = (1.0, 1.0, 1.0)
    return LinearSegmentedColormap.from_list("share", colours)


def _branch_lines(axes: Any, borders: list[tuple[int, int]], size: int, cell: float) -> None:
    for spine in axes.spines.values():
        spine.set_color("#b4bac6")
    coarsest = min((level for _, level in borders), default=1)
    for row, level in borders:
        width = min(1.0, cell / _CELL + 0.25) * max(0.5, 1.5 - 0.5 * (level - coarsest))
        colour = INK if level == coarsest else "#8b94a3"
        axes.axhline(row - 0.5, color=colour, linewidth=width, zorder=3)
        axes.axvline(row - 0.5, color=colour, linewidth=width, zorder=3)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)


def _write_counts(
    axes: Any, counts: NDArray[Any], shares: NDArray[np.float64], cell: float
) -> None:
    longest = max(len(f"{int(v)}") for v in counts.ravel()) if counts.size else 1
    size = float(np.clip(72.0 * cell / (0.72 * longest + 0.6), 4.0, 9.5))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(
                column, row, f"{int(count)}", ha="center", va="center", fontsize=size, zorder=4,
                color=PAPER if shares[row, column] > _WHITE_TEXT_FROM else INK,
                fontweight="bold" if row == column else "normal",
            )  # fmt: skip


def _name_axes(axes: Any, names: Sequence[str], colours: list[Any], cell: float) -> None:
    axes.tick_params(length=0, pad=4)
    axes.set_xlabel("predicted", color="#6b7484", fontsize=9)
    axes.set_ylabel("true", color="#6b7484", fontsize=9)
    if len(names) > _NAMES_UP_TO:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    size = float(np.clip(72.0 * cell * 0.6, 3.5, 9.0))
    shown = [shorten(name) for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), shown)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for tick, colour in zip(ticks, colours):
            tick.set_color(colour)
            tick.set_fontsize(size)
