"""An embedded taxonomy as a page to look around in (plotly)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperhier._atomic import write_at_once
from hyperhier.plot._palette import Palette
from hyperhier.plot._plane import Plane, geodesics
from hyperhier.plot._sample import steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperhier.taxonomy import Taxonomy

__all__ = ["write_page"]

_SIDE = 900  # pixels
_STEPS = 12  # points of an edge, at most
_RIM = 181


def write_page(taxonomy: Taxonomy, plane: Plane, path: Path, title: str | None) -> Path:
    """Write one page that needs no network: names under the pointer, and a wheel to enlarge.

    Raises:
        ImportError: plotly is missing.
    """
    try:
        import plotly.graph_objects as go
    except Exception as error:  # a broken installation counts as a missing one
        raise ImportError(
            f"a page needs plotly ({error}): pip install 'hyperhier[plot]'"
        ) from error
    palette = Palette.of(taxonomy)
    colours = [_css(palette.colours[node]) for node in range(len(taxonomy))]
    parent = taxonomy.parent_id.tolist()
    depth = taxonomy.depth.tolist()
    nodes = taxonomy.nodes
    figure = go.Figure(layout={"title": title, "width": _SIDE, "height": _SIDE})
    if plane.disk:
        turn = np.linspace(0.0, 2.0 * np.pi, _RIM)
        figure.add_scattergl(
            x=np.cos(turn), y=np.sin(turn), mode="lines", line_color="#22262e", hoverinfo="skip"
        )
    x, y = _lines(taxonomy, plane)
    figure.add_scattergl(
        x=x, y=y, mode="lines", line={"color": "#9aa3b2", "width": 0.6}, hoverinfo="skip"
    )
    figure.add_scattergl(
        x=plane.points[:, 0],
        y=plane.points[:, 1],
        mode="markers",
        marker={"color": colours, "size": [3.0 + 9.0 * 0.6**d for d in depth]},
        text=[
            f"{_safe(name)}<br>depth {d}" + (f"<br>in {_safe(nodes[p])}" if p >= 0 else "")
            for name, d, p in zip(nodes, depth, parent)
        ],
        hoverinfo="text",
    )
    figure.update_layout(
        showlegend=False, plot_bgcolor="#ffffff", annotations=_note(plane), dragmode="pan"
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    text = figure.to_html(include_plotlyjs=True, config={"scrollZoom": True})
    write_at_once(path, text.encode())
    return path


def _lines(taxonomy: Taxonomy, plane: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All edges as one broken line."""
    child, parent = taxonomy.edges.numpy()
    steps = steps_of(len(child), _STEPS)
    curves = geodesics(plane.points[parent], plane.points[child], disk=plane.disk, steps=steps)
    broken = np.concatenate((curves, np.full((len(curves), 1, 2), np.nan)), axis=1)
    return broken[..., 0].ravel(), broken[..., 1].ravel()


def _note(plane: Plane) -> list[dict[str, Any]]:
    if not plane.note:
        return []
    place = {"xref": "paper", "yref": "paper", "x": 0.0, "y": -0.02, "showarrow": False}
    return [{**place, "text": plane.note, "font": {"size": 11, "color": "#6b7484"}}]


def _css(colour: Any) -> str:
    red, green, blue = (round(255 * float(part)) for part in colour[:3])
    return f"rgb({red},{green},{blue})"


def _safe(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
