"""Names beside points: as many as fit without covering each other, important ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperhier.plot._canvas import INK, PAPER

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["place_names"]

# where a name may stand, as (right, up) of its point, in the order of preference
_PLACES = (
    (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0),
    (0.75, 0.75), (-0.75, 0.75), (0.75, -0.75), (-0.75, -0.75),
)  # fmt: skip
_GAP = 6.0  # points of typography between the point and its name
_RINGS = (1.0, 1.9)
_MIDDLE = 0.15  # of half the picture: nearer to its middle no side is the outer one
_MAX_CHARACTERS = 28


def place_names(
    axes: Any,
    points: NDArray[np.float64],
    names: Sequence[str],
    sizes: Sequence[float],
    *,
    bold: Sequence[bool] | None = None,
    limit: int = 150,
) -> int:
    """Write names at ``points``; one that would cover another is left out.

    Args:
        axes: matplotlib axes whose limits are final; names stay inside them.
        points: ``(n, 2)`` in data coordinates, the most important first.
        names, sizes: text and font size of each.
        bold: names set in bold may cover marks where no other place is left.
        limit: how many names at most.

    Returns:
        how many names were written.
    """
    from matplotlib.patheffects import withStroke

    figure = axes.figure
    canvas = figure.canvas
    if not hasattr(canvas, "get_renderer"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    figure.draw_without_rendering()  # the aspect of the axes is final only now
    frame = axes.get_window_extent(renderer)
    scale = figure.dpi / 72.0
    centres = axes.transData.transform(points)
    # the marks themselves: a name must not cover the star of another name
    marks = [_box(x, y, 3.0 * scale, 3.0 * scale) for x, y in centres[:limit]]
    taken: list[tuple[float, float, float, float]] = []
    for i, name in enumerate(names[:limit]):
        text = axes.annotate(
            shorten(name),
            points[i],
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=sizes[i],
            fontweight="bold" if bold is not None and bold[i] else "normal",
            color=INK,
            ha="center",
            va="center",
            zorder=9,
            path_effects=[withStroke(linewidth=2.2, foreground=PAPER, alpha=0.92)],
        )
        extent = text.get_window_extent(renderer)
        half_w, half_h = extent.width / 2, extent.height / 2
        others = marks[:i] + marks[i + 1 :]
        important = bold is not None and bold[i]
        fallback = None
        for right, up, ring in _places(None if important else centres[i], frame):
            dx = right * (half_w + ring * _GAP * scale)
            dy = up * (half_h + ring * _GAP * scale)
            box = _box(centres[i, 0] + dx, centres[i, 1] + dy, half_w, half_h)
            if box[0] < frame.x0 or box[2] > frame.x1 or any(_overlap(box, t) for t in taken):
                continue
            if not any(_overlap(box, other) for other in others):
                break
            fallback = fallback or (dx, dy, box)
        else:
            if not (important and fallback):
                text.remove()
                continue
            dx, dy, box = fallback
        text.set_position((dx / scale, dy / scale))
        taken.append(box)
    return len(taken)


def _places(point: NDArray[np.float64] | None, frame: Any) -> list[tuple[float, float, float]]:
    """Places around a point, those on the outer side of the picture first (None: as listed)."""
    if point is None:
        return [(right, up, ring) for ring in _RINGS for right, up in _PLACES]
    x = (point[0] - (frame.x0 + frame.x1) / 2) / (frame.width / 2)
    y = (point[1] - (frame.y0 + frame.y1) / 2) / (frame.height / 2)
    places = list(_PLACES)
    if np.hypot(x, y) > _MIDDLE:
        # the sides win over the corners: names are wide
        places.sort(key=lambda p: -(1.6 * p[0] * x + p[1] * y) / np.hypot(p[0], p[1]))
    return [(right, up, ring) for ring in _RINGS for right, up in places]


def shorten(name: str) -> str:
    """A name that fits beside a point.

    >>> shorten("a very long name of some node in a tree")
    'a very long name of some no…'
    """
    return name if len(name) <= _MAX_CHARACTERS else name[: _MAX_CHARACTERS - 1] + "…"


def _box(x: float, y: float, half_w: float, half_h: float) -> tuple[float, float, float, float]:
    return x - half_w, y - half_h, x + half_w, y + half_h


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
