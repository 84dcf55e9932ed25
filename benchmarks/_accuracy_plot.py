"""Pictures of the accuracy benchmark: the worst error over the radius (needs matplotlib)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from hyperhier.plot._canvas import FAINT, INK, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURES", "draw"]

#: what the vertical axis of each picture says
PICTURES = {
    "distance": "worst relative error\nof the distance",
    "gradient": "worst error of the\ngradient's length",
    "transport": "worst relative change of\nlength in transport",
}
NAMES = {"poincare": "ball", "lorentz": "hyperboloid"}
#: from the palette of Okabe and Ito, which colour-blind readers can tell apart
COLOURS = {
    ("hyperhier", "poincare"): "#0072B2",
    ("hyperhier", "lorentz"): "#56B4E9",
    ("hyperhier", "polar"): "#009E73",
    ("geoopt", "poincare"): "#D55E00",
    ("geoopt", "lorentz"): "#E69F00",
    ("HypLL", "poincare"): "#000000",
}
#: the model shows without colour too, and so does a thin curve that lies on a thick one
DASHES = {"poincare": "-", "lorentz": "--", "polar": "-."}
WIDTHS = {"hyperhier": 1.8, "geoopt": 2.6, "HypLL": 1.2}
#: the panels reach from this share of eps to this error; larger ones leave at the top
LOWEST, HIGHEST = 0.01, 1e4
#: least distance of two labels, the length of their leaders, and the distance of two rows of
#: triangles, as shares of the panel
LINE_HEIGHT, LEADER, ROW = 0.085, 0.06, 0.035

Curve = list[tuple[float, float]]


class Result(Protocol):
    """The worst error of a cell, as far as a picture needs it."""

    quantity: str
    dtype: str
    model: str
    radius: float
    library: str
    error: float


def draw(rows: Sequence[Result], folder: Path) -> None:
    """Write ``numerics-<quantity>.svg`` for every quantity in ``rows``."""
    folder.mkdir(parents=True, exist_ok=True)
    for quantity in dict.fromkeys(row.quantity for row in rows):
        chosen = [row for row in rows if row.quantity == quantity]
        dtypes = list(dict.fromkeys(row.dtype for row in chosen))
        figure = new_figure(9.0, 3.6)
        panels = figure.subplots(1, len(dtypes), squeeze=False)[0]
        figure.subplots_adjust(wspace=0.8)
        for axes, dtype in zip(panels, dtypes):
            draw_panel(axes, dtype, curves(row for row in chosen if row.dtype == dtype))
        panels[0].set_ylabel(PICTURES[quantity], color=INK, fontsize=9)
        save(figure, folder / f"numerics-{quantity}.svg")


def curves(rows: Iterable[Result]) -> dict[tuple[str, str], Curve]:
    """(radius, worst error over all kinds of pairs) for every library and model."""
    worst: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        line = worst.setdefault((row.library, row.model), {})
        line[row.radius] = max(line.get(row.radius, 0.0), row.error)
    return {name: sorted(line.items()) for name, line in worst.items()}


def draw_panel(axes: Axes, dtype: str, lines: Mapping[tuple[str, str], Curve]) -> None:
    """All curves of one dtype, each with its name beside its end, and eps."""
    eps = torch.finfo(getattr(torch, dtype)).eps
    last = max(radius for curve in lines.values() for radius, _ in curve)
    axes.set(yscale="log", ylim=(LOWEST * eps, HIGHEST), xlim=(0.0, last))
    axes.set_xlabel("radius (curvature units)", color=INK, fontsize=9)
    axes.set_title(dtype, color=INK, fontsize=10, loc="left", pad=16)
    axes.set_title("▲ not finite", color=INK, fontsize=8, loc="right", pad=16)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)
    axes.minorticks_off()
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.axhline(eps, color=FAINT, linestyle=":", linewidth=1.2)
    ends, rows = {"eps": (eps, FAINT)}, 0
    for (library, model), curve in lines.items():
        colour = COLOURS[library, model]
        draw_curve(axes, curve, colour, DASHES[model], WIDTHS[library])
        rows += draw_lost(axes, curve, colour, 1.0 + ROW * rows)
        ends[f"{library} {NAMES.get(model, model)}"] = (curve[-1][1], colour)
    label_ends(axes, ends)


def draw_curve(axes: Axes, curve: Curve, colour: str, dashes: str, width: float) -> None:
    """A line through what is finite. An error of 0, which has no logarithm, is at the bottom."""
    bottom = axes.get_ylim()[0]
    radii = [radius for radius, _ in curve]
    heights = [max(error, bottom) if math.isfinite(error) else math.nan for _, error in curve]
    axes.plot(radii, heights, dashes, linewidth=width, color=colour, zorder=5.0 - width)


def draw_lost(axes: Axes, curve: Curve, colour: str, height: float) -> bool:
    """Triangles at ``height``, a share of the panel, where the error is not finite: if anywhere."""
    lost = [radius for radius, error in curve if not math.isfinite(error)]
    if lost:
        where = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(lost, [height] * len(lost), "^", markersize=4.5, color=colour, **where)
    return bool(lost)


def label_ends(axes: Axes, ends: Mapping[str, tuple[float, str]]) -> None:
    """Names right of where curves end (height, colour), apart where they would overlap."""
    bottom, top = axes.get_ylim()
    heights = {
        name: math.log(min(max(error, bottom), top) / bottom) / math.log(top / bottom)
        for name, (error, _) in ends.items()
    }
    for name, height in spread(heights).items():
        leader = {"arrowstyle": "-", "color": ends[name][1], "relpos": (0.0, 0.5)}
        axes.annotate(
            name,
            xy=(1.0, heights[name]),
            xytext=(1.0 + LEADER, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            verticalalignment="center",
            fontsize=8.5,
            color=INK,
            arrowprops={**leader, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 2},
        )


def spread(heights: Mapping[str, float]) -> dict[str, float]:
    """The heights in the same order, at least a line apart, between 0 and 1.

    >>> spread({"a": 1.0, "b": 1.0, "c": 0.2})
    {'c': 0.2, 'b': 0.915, 'a': 1.0}
    """
    falling = sorted(heights, key=lambda name: heights[name], reverse=True)
    placed: dict[str, float] = {}
    limit = 1.0
    for name in falling:
        placed[name] = min(heights[name], limit)
        limit = placed[name] - LINE_HEIGHT
    limit = 0.0
    for name in reversed(falling):
        placed[name] = max(placed[name], limit)
        limit = placed[name] + LINE_HEIGHT
    return {name: placed[name] for name in reversed(falling)}
