"""Figures of a comparison."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperhier.plot._canvas import FAINT, INK, new_figure, save
from hyperhier.reproduce.results import Block, Results, Row
from hyperhier.reproduce.table import name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["difference_picture", "draw_all", "sweep_pictures", "time_picture"]

#: one colour per geometry, told apart without colour by their markers
_COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#4a5568")
_MARKERS = "osD^vP"
_ROW = 0.24  # inches per row


def draw_all(results: Results, folder: Path) -> list[tuple[Path, str]]:
    """Draw every figure that the results allow.

    Args:
        results: of a suite.
        folder: where the PNG files go.

    Returns:
        Paths and captions. Empty where matplotlib is not usable.
    """
    try:
        new_figure(1.0, 1.0)
    except ImportError:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[tuple[Path, str]] = []
    for metric in results.suite.tables["compare"]["headline"]:
        path = difference_picture(results, metric, folder / f"{metric}.png")
        if path is not None:
            caption = (
                f"{name_of(metric)}: paired difference from {results.suite.baseline} in the same "
                "geometry, with its 95 % interval over seeds."
            )
            drawn.append((path, caption))
    drawn += sweep_pictures(results, folder)
    path = time_picture(results, folder / "time.png")
    if path is not None:
        drawn.append((path, "Time per step, the median over all runs of a method."))
    return drawn


def difference_picture(results: Results, metric: str, path: Path) -> Path | None:
    """Per data set the difference of every method from the baseline; None without any."""
    panels = []
    swept = {name for sweep in results.suite.sweeps.values() for name in sweep["methods"]}
    for block in results.blocks:  # sweeps have pictures of their own
        rows = [row for row in block.rows if row.cell.method not in swept]
        found = [(row, block.difference(row, metric)) for row in rows]
        told = [(row, d) for row, d in found if d is not None and math.isfinite(d.mean)]
        if told:
            panels.append((block, told))
    if not panels:
        return None
    shown = {row.cell.geometry for _, told in panels for row, _ in told}
    methods = list(dict.fromkeys(row.cell.method for _, told in panels for row, _ in told))
    styles = {  # a geometry looks the same whichever others are shown
        geometry: (_COLOURS[k % len(_COLOURS)], _MARKERS[k % len(_MARKERS)])
        for k, geometry in enumerate(results.suite.names("geometries"))
        if geometry in shown
    }
    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = new_figure(2.2 + 2.7 * columns, lines * (0.9 + _ROW * len(methods)))
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (block, told) in zip(grid.flat, panels):
        _quiet(axes)
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        for row, found_difference in told:
            colour, marker = styles[row.cell.geometry]
            at = list(styles).index(row.cell.geometry)
            offset = (at - (len(styles) - 1) / 2) * 0.22
            half = found_difference.half
            axes.errorbar(
                found_difference.mean,
                methods.index(row.cell.method) + offset,
                xerr=half if math.isfinite(half) else None,
                fmt=marker,
                color=colour,
                markersize=3.5,
                linewidth=1.0,
                markerfacecolor=None if found_difference.clear else "white",
            )
        axes.set_title(block.title, fontsize=8, color=INK, loc="left")
        axes.set_yticks(range(len(methods)), methods, fontsize=7)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_xlabel(f"{name_of(metric)} − {results.suite.baseline}", fontsize=7)
        axes.locator_params(axis="x", nbins=5)
    _legend(figure, styles)
    figure.tight_layout()
    return save(figure, path)


def sweep_pictures(results: Results, folder: Path) -> list[tuple[Path, str]]:
    """One figure per sweep: the metrics against the option that varies."""
    drawn = []
    for name, sweep in results.suite.sweeps.items():
        path = _sweep_picture(results, sweep, folder / f"sweep_{name}.png")
        if path is not None:
            about = f" ({sweep['about']})" if sweep["about"] else ""
            caption = (
                f"{name}{about}: {sweep['of']} with other values of {sweep['key']}; mean and 95 % "
                "interval. The dashed line is the method as it is."
            )
            drawn.append((path, caption))
    return drawn


def _sweep_picture(results: Results, sweep: dict[str, Any], path: Path) -> Path | None:
    metrics = list(results.suite.tables["compare"]["headline"])
    methods: dict[str, Any] = sweep["methods"]
    lines: list[tuple[Block, str, list[tuple[Any, Row]]]] = []
    for block in results.blocks:
        for geometry in results.suite.names("geometries"):
            rows = [(value, block.find(method, geometry)) for method, value in methods.items()]
            told = [(value, row) for value, row in rows if row is not None]
            if told:
                lines.append((block, geometry, told))
    if not lines:
        return None
    values = list(methods.values())
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    figure = new_figure(2.4 * len(metrics) + 0.8, 2.8)
    grid = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(grid, metrics):
        _quiet(axes)
        for index, (block, geometry, told) in enumerate(lines):
            colour = _COLOURS[index % len(_COLOURS)]
            spreads = [(value, row.spread(metric)) for value, row in told]
            places = [float(v) if numbers else values.index(v) for v, _ in spreads]
            axes.errorbar(
                places,
                [s.mean for _, s in spreads],
                yerr=[s.half if math.isfinite(s.half) else 0.0 for _, s in spreads],
                color=colour,
                marker=_MARKERS[index % len(_MARKERS)],
                markersize=3.5,
                linewidth=1.0,
                label=f"{block.title}, {geometry}",
            )
            base = block.find(sweep["of"], geometry)
            if base is not None:
                axes.axhline(base.spread(metric).mean, color=colour, linewidth=0.8, dashes=(3, 2))
        if numbers and min(values) > 0 and max(values) / min(values) > 8:
            axes.set_xscale("log")
        if not numbers:
            axes.set_xticks(range(len(values)), [str(v) for v in values], rotation=30, fontsize=6)
        axes.set_title(name_of(metric), fontsize=8, color=INK, loc="left")
        axes.set_xlabel(str(sweep["key"]), fontsize=7)
    named = grid[0].get_legend_handles_labels()
    figure.legend(*named, loc="upper right", ncols=len(lines), fontsize=5.5, frameon=False)
    figure.tight_layout(rect=(0.0, 0.0, 1.0, 0.93))
    return save(figure, path)


def time_picture(results: Results, path: Path) -> Path | None:
    """Milliseconds per step of every method; None where no run told its time."""
    geometries = results.suite.names("geometries")
    rows: dict[tuple[str, str], list[Row]] = {}
    for block in results.blocks:
        for row in block.rows:
            if not math.isnan(row.median_cost("step_seconds")):
                rows.setdefault((row.cell.method, row.cell.geometry), []).append(row)
    if not rows:
        return None
    methods = list(dict.fromkeys(method for method, _ in rows))
    figure = new_figure(5.5, 0.9 + _ROW * len(methods))
    axes = figure.subplots()
    _quiet(axes)
    for (method, geometry), found in rows.items():
        index = geometries.index(geometry)
        offset = (index - (len(geometries) - 1) / 2) * 0.22
        times = sorted(1e3 * row.median_cost("step_seconds") for row in found)
        axes.plot(
            times[len(times) // 2],
            methods.index(method) + offset,
            _MARKERS[index % len(_MARKERS)],
            color=_COLOURS[index % len(_COLOURS)],
            markersize=4,
            label=geometry,
        )
    axes.set_yticks(range(len(methods)), methods, fontsize=7)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("ms per step", fontsize=7)
    handles, labels = axes.get_legend_handles_labels()
    known = dict(zip(labels, handles))
    axes.legend(known.values(), known.keys(), fontsize=6, frameon=False)
    figure.tight_layout()
    return save(figure, path)


def _quiet(axes: Axes) -> None:
    """Small type, no frame."""
    axes.tick_params(labelsize=7, length=2, colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(True, linewidth=0.3, color=FAINT, alpha=0.6)
    axes.set_axisbelow(True)


def _legend(figure: Any, styles: dict[str, tuple[str, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=4, linewidth=1, label=geometry)
        for geometry, (colour, marker) in styles.items()
    ]
    hollow = Line2D([], [], color=INK, marker="o", linestyle="", markersize=4)
    hollow.set_markerfacecolor("white")
    hollow.set_label("interval holds zero")
    handles.append(hollow)
    figure.legend(handles=handles, loc="upper right", fontsize=6, frameon=False, ncols=4)
