"""Pictures of embedded samples with their prototypes, and of embedded taxonomies."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperhier.plot._canvas import FAINT, INK, PAPER, check_suffix, new_figure, save
from hyperhier.plot._interactive import write_page
from hyperhier.plot._labels import place_names, shorten
from hyperhier.plot._palette import Palette, in_tree_order
from hyperhier.plot._plane import Plane, geodesics, project
from hyperhier.plot._sample import part_to_draw, steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from hyperhier.embedding import TaxonomyEmbedding
    from hyperhier.manifolds import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = ["plot_embedding", "plot_taxonomy_embedding"]

_SIZE = 6.4  # inches, the side of the square
_LEGEND_ROWS = 34
_STEPS = 24  # points of an edge, at most
_MANY = 4000  # more marks than that are drawn as pixels in vector formats
_MARGIN = 1.06
_SAMPLED = 400  # nodes that a central one is looked for among
_NAMES = 130  # more than that cannot be read


def plot_embedding(
    points: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    path: str | os.PathLike[str],
    prototypes: Tensor | None = None,
    prototype_ids: Tensor | None = None,
    title: str | None = None,
) -> Path:
    """Draw embedded samples and the prototypes of the tree's nodes.

    On a manifold of negative curvature the picture is the Poincare disk, with the edges of
    the tree as geodesics between prototypes; otherwise it is a plane of two principal axes.
    The hue of a sample says its branch of the tree, the shade its leaf.

    Args:
        points: ``(N, ambient)`` points of the manifold.
        labels: ``(N,)`` node ids of the taxonomy.
        path: file to write; its suffix is .png, .svg or .pdf.
        prototypes, prototype_ids: ``(P, ambient)`` and their ``(P,)`` node ids, any levels.
        title: heading of the picture.

    Returns:
        the path written.

    Raises:
        ValueError: shapes that do not fit together, or another suffix.
        ImportError: matplotlib is missing.
    """
    import torch

    check_suffix(Path(path))
    if points.dim() != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"expected points (N, ambient) and labels (N,), "
            f"got {tuple(points.shape)} and {tuple(labels.shape)}"
        )
    if (prototypes is None) != (prototype_ids is None):
        raise ValueError("prototypes and prototype_ids come together")
    stars = points[:0] if prototypes is None else prototypes.detach().to(points)
    ids = [] if prototype_ids is None else prototype_ids.tolist()
    if stars.shape != (len(ids), points.shape[1]):
        raise ValueError(
            f"expected prototypes of shape {(len(ids), points.shape[1])}, got {tuple(stars.shape)}"
        )
    plane = project(torch.cat((points.detach(), stars)), manifold)
    samples, nodes = plane.points[: len(points)], plane.points[len(points) :]
    palette = Palette.of(taxonomy)

    figure = new_figure(_SIZE * 1.34, _SIZE)
    axes = _square_axes(figure, plane, title)
    _scatter(axes, samples, labels.tolist(), palette)
    _draw_tree(axes, nodes, ids, taxonomy, palette, disk=plane.disk)
    _legend(axes, taxonomy, palette, set(labels.tolist()))
    _name_nodes(axes, nodes, ids, taxonomy)
    return save(figure, path)


def plot_taxonomy_embedding(
    embedding: TaxonomyEmbedding, path: str | os.PathLike[str], title: str | None = None
) -> Path:
    """Draw an embedded taxonomy: every node, its edges as geodesics, and names that fit.

    With more than two dimensions the most central node is moved to the middle of the disk first.
    Of more than 20,000 nodes so many are drawn, at random but each with its path to the root, and
    the picture says so; many edges are drawn with fewer points each.

    Args:
        embedding: what to draw.
        path: file to write: .png, .svg or .pdf, or a page with plotly as .html.
        title: heading of the picture.

    Returns:
        the path written.

    Raises:
        ValueError: another suffix.
        ImportError: matplotlib, or for a page plotly, is missing.
    """
    page = Path(path).suffix.lower() == ".html"
    if not page:
        check_suffix(Path(path))
    taxonomy, ids, left_out = part_to_draw(embedding.taxonomy)
    manifold = embedding.manifold
    points = embedding.points.detach()[ids]
    exact = points.shape[-1] == manifold.ambient_dim(2)
    plane = project(points, manifold, None if exact else _central(points, manifold))
    plane = replace(plane, note=", ".join(filter(None, (plane.note, left_out))))
    if page:
        return write_page(taxonomy, plane, Path(path), title)
    palette = Palette.of(taxonomy)
    everyone = list(range(len(taxonomy)))

    figure = new_figure(_SIZE, _SIZE)
    axes = _square_axes(figure, plane, title)
    _draw_edges(axes, plane.points, everyone, taxonomy, palette, disk=plane.disk)
    depth = taxonomy.depth.numpy()
    crowd = min(1.0, (300.0 / len(taxonomy)) ** 0.5)
    axes.scatter(
        plane.points[:, 0],
        plane.points[:, 1],
        s=(3.0 + 42.0 * 0.55**depth * max(crowd, 0.3)) * max(crowd, 0.12),
        c=[palette.colours[node] for node in everyone],
        edgecolors=PAPER,
        linewidths=0.35 * crowd,
        zorder=4,
        rasterized=len(taxonomy) > _MANY,
    )
    _name_nodes(axes, plane.points, everyone, taxonomy)
    return save(figure, path)


def _central(points: Tensor, manifold: Manifold) -> Tensor:
    """The point with the least sum of distances, among and from those of a sample."""
    import torch

    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(points), generator=generator)
    with torch.no_grad():
        far = manifold.dist_matrix(points[order[:_SAMPLED]], points[order[-_SAMPLED:]])
    return points[order[int(far.sum(dim=1).argmin())]]


def _square_axes(figure: Any, plane: Plane, title: str | None) -> Any:
    """Square axes without ticks: the disk with its rim, or a light frame."""
    from matplotlib.patches import Circle

    axes = figure.add_subplot()
    axes.set_aspect("equal", adjustable="box")
    axes.set_xticks([])
    axes.set_yticks([])
    if plane.disk:
        axes.set_axis_off()
        axes.add_patch(Circle((0, 0), 1.0, facecolor="#f7f8fa", edgecolor="none", zorder=0))
        axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=INK, linewidth=1.1, zorder=3))
        axes.set_xlim(-_MARGIN, _MARGIN)
        axes.set_ylim(-_MARGIN, _MARGIN)
    else:
        for spine in axes.spines.values():
            spine.set_color("#d5d9e0")
        low, high = _limits(plane.points)
        middle, half = (low + high) / 2, float((high - low).max()) / 2 * 1.08 or 1.0
        axes.set_xlim(middle[0] - half, middle[0] + half)
        axes.set_ylim(middle[1] - half, middle[1] + half)
    if title:
        axes.set_title(title, fontsize=12, color=INK, loc="left", pad=8)
    if plane.note:
        axes.text(
            0.0, -0.015, plane.note, transform=axes.transAxes, fontsize=7.5, color="#6b7484",
            ha="left", va="top",
        )  # fmt: skip
    return axes


def _limits(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(points):
        return np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    return points.min(0), points.max(0)


def _scatter(axes: Any, xy: NDArray[np.float64], labels: list[int], palette: Palette) -> None:
    """Samples: one collection per branch, since a marker belongs to a collection."""
    which = np.asarray([palette.branch[label] for label in labels], dtype=np.int64)
    size = float(np.clip(9000.0 / max(1, len(labels)), 4.0, 26.0))
    for branch in np.unique(which):
        members = np.flatnonzero(which == branch)
        axes.scatter(
            xy[members, 0],
            xy[members, 1],
            s=size,
            c=[palette.colours[labels[i]] for i in members],
            marker=palette.markers[labels[members[0]]],
            alpha=0.72,
            linewidths=0.25,
            edgecolors=PAPER,
            zorder=2,
            rasterized=len(labels) > _MANY,
        )


def _draw_tree(
    axes: Any,
    xy: NDArray[np.float64],
    ids: list[int],
    taxonomy: Taxonomy,
    palette: Palette,
    *,
    disk: bool,
) -> None:
    """Prototypes as stars, larger towards the root, joined as in the tree."""
    if not ids:
        return
    _draw_edges(axes, xy, ids, taxonomy, palette, disk=disk, colour=INK)
    height = max(1, taxonomy.height)
    depth = [int(taxonomy.depth[node]) for node in ids]
    crowd = max(0.3, min(1.0, (40.0 / len(ids)) ** 0.75))
    axes.scatter(
        xy[:, 0],
        xy[:, 1],
        s=[crowd * (65.0 + 150.0 * (1.0 - d / height)) for d in depth],
        c=[palette.colours[node] for node in ids],
        marker="*",
        edgecolors=INK,
        linewidths=0.8 * crowd**0.5,
        zorder=6,
    )


def _draw_edges(
    axes: Any,
    xy: NDArray[np.float64],
    ids: list[int],
    taxonomy: Taxonomy,
    palette: Palette,
    *,
    disk: bool,
    colour: str | None = None,
) -> None:
    from matplotlib.collections import LineCollection

    row = {node: i for i, node in enumerate(ids)}
    pairs = [
        (row[child], row[parent], child)
        for child, parent in taxonomy.edges.T.tolist()
        if child in row and parent in row
    ]
    if not pairs:
        return
    child, parent, nodes = (list(column) for column in zip(*pairs))
    crowd = min(1.0, (300.0 / len(pairs)) ** 0.5)
    axes.add_collection(
        LineCollection(
            list(geodesics(xy[parent], xy[child], disk=disk, steps=steps_of(len(pairs), _STEPS))),
            colors=colour or [palette.colours[node] for node in nodes],
            linewidths=0.4 + 0.6 * crowd,
            alpha=0.35 + 0.3 * crowd,
            zorder=5 if colour else 1,
            rasterized=len(pairs) > _MANY,
        ),
        autolim=False,
    )


def _name_nodes(axes: Any, xy: NDArray[np.float64], ids: list[int], taxonomy: Taxonomy) -> None:
    """Names of whole levels, from the root downwards, while they are not too many."""
    if not ids:
        return
    depth = taxonomy.depth[ids].tolist()
    level = max(min(depth), 1)
    while level < max(depth) and sum(d <= level + 1 for d in depth) <= _NAMES:
        level += 1
    order = sorted((i for i, d in enumerate(depth) if d <= level), key=lambda i: (depth[i], ids[i]))
    crowd = min(1.0, (40.0 / len(order)) ** 0.25)
    place_names(
        axes,
        xy[order],
        taxonomy.decode([ids[i] for i in order]),
        [max(5.0, crowd * (9.5 - 1.2 * depth[i])) for i in order],
        bold=[depth[i] <= 1 for i in order],
    )


def _legend(axes: Any, taxonomy: Taxonomy, palette: Palette, present: set[int]) -> None:
    """Leaves under the names of their branches, right of the picture."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    headings: list[int] = []
    ordered = in_tree_order(taxonomy, sorted(present))
    for branch in palette.branches:
        members = [n for n in ordered if palette.branch[n] == branch]
        if not members:
            continue
        if handles and members != [branch]:
            handles.append(Line2D([], [], linestyle="", label=""))
        if members != [branch]:
            headings.append(len(handles))
            handles.append(Line2D([], [], linestyle="", label=shorten(taxonomy.nodes[branch])))
        handles += [
            Line2D(
                [], [], linestyle="", marker=palette.markers[n], markersize=6, label=shorten(name),
                markerfacecolor=palette.colours[n], markeredgecolor=FAINT, markeredgewidth=0.3,
            )
            for n, name in ((n, taxonomy.nodes[n]) for n in members)
        ]  # fmt: skip
    if not handles:
        return
    if len(handles) > _LEGEND_ROWS:  # only the branches: the shades cannot be told apart anyway
        headings = []
        handles = [
            Line2D(
                [], [], linestyle="", marker=palette.markers[b], markersize=6,
                markerfacecolor=palette.colours[b], markeredgecolor=FAINT, markeredgewidth=0.3,
                label=shorten(taxonomy.nodes[b]),
            )
            for b in palette.branches[:_LEGEND_ROWS]
        ]  # fmt: skip
    legend = axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False,
        fontsize=8, labelcolor=INK, handletextpad=0.4, borderaxespad=0.0, labelspacing=0.4,
    )  # fmt: skip
    for i in headings:
        text = legend.get_texts()[i]
        text.set_fontweight("bold")
        text.set_x(-14)
