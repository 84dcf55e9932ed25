"""A picture of the tree itself: from left to right while it is small, else around its root."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperhier.plot._canvas import FAINT, INK, PAPER, check_suffix, new_figure, save
from hyperhier.plot._labels import place_names, shorten
from hyperhier.plot._palette import _DARK, _LIGHT, RGB, _hue, _shades, oklch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperhier.taxonomy import Taxonomy

__all__ = ["plot_taxonomy"]

_LAYERED_UP_TO = 60  # leaves; more are drawn around the root
_ROW = 0.19  # inches from leaf to leaf, layered
_COLUMN = 1.8  # inches from level to level, layered
_WIDEST = 24.0  # inches of all levels, layered
_ROOMY = 1.2  # inches of a column in which names may stand without looking for room
_SIDE = (6.0, 10.0)  # inches of the square, radial
_GAP = 0.6  # of a leaf's place, between the children of the root
_LARGE = 0.6  # of the leaves: a branch with more is coloured by its own branches
_CHROMA = 0.15
_FONT = (4.0, 8.0)  # points: smaller names are not written, larger ones not needed
_MANY = 4000  # more edges than that are drawn as pixels in vector formats
_INNER_NAMES = 130
_STEPS = 24
_GOLDEN = (5**0.5 - 1) / 2


def plot_taxonomy(
    taxonomy: Taxonomy,
    path: str | os.PathLike[str],
    *,
    max_nodes: int = 2000,
    title: str | None = None,
) -> Path:
    """Draw a taxonomy: every level in its place, the colour says the branch.

    Names are written where there is room. Of a taxonomy with more than ``max_nodes`` nodes the
    top levels are drawn that fit (if not even the first fits, the largest nodes of it); a
    hollow node has more below it, and the picture says how much is left out. Thin dashed
    lines are the further parents of a DAG.

    Args:
        taxonomy: a tree or a DAG.
        path: file to write; its suffix is .png, .svg or .pdf.
        max_nodes: draw at most so many nodes.
        title: heading of the picture; default: the root and the counts.

    Returns:
        the path written.

    Raises:
        ValueError: another suffix, or fewer than two nodes to draw.
        ImportError: matplotlib is missing.
    """
    check_suffix(Path(path))
    if max_nodes < 2:
        raise ValueError(f"max_nodes={max_nodes}; expected at least 2")
    view = _View.of(taxonomy, max_nodes)
    place, slots = _slots(view.tree)
    tips = int(_tips(view.tree).sum())
    draw = (_Radial if tips > _LAYERED_UP_TO else _Layered)(view.tree, place, slots)
    colours = _Colours.of(view.tree)
    figure = new_figure(*draw.size)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    (left, right), (low, high) = draw.limits
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    _edges(axes, draw, view.tree, colours)
    _nodes(axes, draw, view, colours)
    draw.names(axes, view, colours)
    _heading(axes, view.title if title is None else title, view.note)
    return save(figure, path)


@dataclass(frozen=True)
class _View:
    """What is drawn of a taxonomy, and what is not."""

    tree: Taxonomy
    hidden: NDArray[np.int64]  # nodes left out below each node that is drawn
    title: str
    note: str

    @classmethod
    def of(cls, taxonomy: Taxonomy, max_nodes: int) -> _View:
        from hyperhier.taxonomy import Taxonomy

        n, leaves = len(taxonomy), len(taxonomy.leaf_ids)
        title = (
            f"{shorten(taxonomy.root)}: {n:,} node{'s' * (n != 1)}, {leaves:,} "
            f"{'leaf' if leaves == 1 else 'leaves'}, height {taxonomy.height:,}"
        )
        child, parent = taxonomy.edges.numpy()
        if n <= max_nodes:
            hidden = np.zeros(n, dtype=np.int64)
            return cls(taxonomy, hidden, title, _further(taxonomy))
        ends = np.cumsum(np.bincount(taxonomy.depth.numpy()))
        level = int(np.searchsorted(ends, max_nodes, side="right")) - 1
        everyone = np.arange(n)
        owner = taxonomy.ancestor_at(max(level, 1), everyone).numpy()
        if level:
            kept = np.arange(ends[level])
            note = f"levels 0 to {level} of {taxonomy.height:,}"
        else:  # the largest nodes of the first level
            below = np.bincount(owner, minlength=ends[1])[1 : ends[1]]
            largest = np.sort(1 + np.argsort(-below, kind="stable")[: max_nodes - 1])
            kept = np.append(0, largest)
            note = f"{len(largest):,} of {ends[1] - 1:,} nodes of level 1"
        shown = np.zeros(n, dtype=bool)
        shown[kept] = True
        number = np.cumsum(shown) - 1
        inside = shown[child] & shown[parent]
        tree = Taxonomy.from_arrays(
            [taxonomy.nodes[v] for v in kept.tolist()],
            number[parent[inside]],
            number[child[inside]],
        )
        owner = np.where(shown[owner], owner, 0)
        hidden = np.bincount(number[owner[~shown]], minlength=len(kept)).astype(np.int64)
        note += f"; {n - len(kept):,} nodes left out, below the hollow ones"
        return cls(tree, hidden, title, "; ".join(filter(None, (note, _further(tree)))))


def _further(tree: Taxonomy) -> str:
    count = tree.edges.shape[1] - len(tree) + 1
    return f"dashed: {count:,} further parent{'s' * (count != 1)}" if count else ""


@dataclass(frozen=True)
class _Colours:
    """The colour of every node, and the branches that give the hues."""

    of_node: tuple[RGB, ...]
    branches: frozenset[int]

    @classmethod
    def of(cls, tree: Taxonomy) -> _Colours:
        """The hue says the branch, the shade of a leaf its place in it.

        The branches are the children of the root; as long as one of them has most of the
        leaves, its children are branches instead. What lies above them is grey.
        """
        parent = tree.parent_id.tolist()
        children: list[list[int]] = [[] for _ in parent]
        for v, above in enumerate(parent[1:], 1):
            children[above].append(v)
        tip = _tips(tree)
        leaves = _sums(tree, tip.astype(np.int64))
        trunk = 0
        branches: list[int] = []
        while children[trunk]:
            branches += children[trunk]
            trunk = max(branches, key=lambda v: leaves[v])
            if leaves[trunk] <= _LARGE * leaves[0] or not children[trunk]:
                break
            branches.remove(trunk)
        rank = {v: i for i, v in enumerate(sorted(branches))}
        branch = [rank.get(0, -1)]
        for v, above in enumerate(parent[1:], 1):
            branch.append(rank.get(v, branch[above]))
        shades = {v: iter(_shades(int(leaves[v]))) for v in branches}
        owner = sorted(branches)
        colours = [oklch(0.45, 0.01, 260.0)] * len(parent)
        for v in _depth_first(children):
            if branch[v] >= 0:
                light = next(shades[owner[branch[v]]]) if tip[v] else (_DARK + _LIGHT) / 2 - 0.06
                colours[v] = oklch(light, _CHROMA, _hue(branch[v]))
        return cls(tuple(colours), frozenset(branches))


def _depth_first(children: list[list[int]]) -> list[int]:
    order: list[int] = []
    todo = [0]
    while todo:
        v = todo.pop()
        order.append(v)
        todo += reversed(children[v])
    return order


def _sums(tree: Taxonomy, value: NDArray[Any]) -> NDArray[Any]:
    """Sums over each primary subtree."""
    parent = tree.parent_id.tolist()
    sums = value.copy()
    for v in range(len(tree) - 1, 0, -1):
        sums[parent[v]] += sums[v]
    return sums


def _tips(tree: Taxonomy) -> NDArray[np.bool_]:
    """Nodes that are nobody's primary parent: each has a place of its own."""
    mask = np.ones(len(tree), dtype=bool)
    mask[tree.parent_id.numpy()[1:]] = False
    return mask


def _slots(tree: Taxonomy) -> tuple[NDArray[np.float64], float]:
    """The place of every node along the rim, in widths of a leaf, and the length of the rim.

    A node stands in the middle between its first and its last child.
    """
    parent = tree.parent_id.tolist()
    tip = _tips(tree)
    width = _sums(tree, tip.astype(np.float64))
    free = [0.0] * len(parent)  # where the next child of a node begins
    first, last = [0] * len(parent), [0] * len(parent)
    for v, above in enumerate(parent[1:], 1):
        first[above] = first[above] or v
        last[above] = v
        free[v] = free[above]
        free[above] += width[v] + (_GAP if above == 0 else 0.0)
    place = np.zeros(len(parent))
    for v in range(len(parent) - 1, -1, -1):
        # the children of a tip are drawn below other parents: its place is its own
        place[v] = free[v] + 0.5 if tip[v] else (place[first[v]] + place[last[v]]) / 2
    return place, max(free[0], 1.0)


class _Layered:
    """The root on the left, a column for each level, leaves below each other."""

    def __init__(self, tree: Taxonomy, place: NDArray[np.float64], slots: float) -> None:
        self.tree = tree
        self.column = min(_COLUMN, _WIDEST / max(1, tree.height))
        self.x = tree.depth.numpy() * self.column
        self.y = -place * _ROW
        self.limits = (-0.2, tree.height * self.column + 0.2), (-slots * _ROW - 0.1, 0.1)
        (left, right), (low, high) = self.limits
        self.size = right - left, high - low

    @property
    def points(self) -> NDArray[np.float64]:
        return np.stack((self.x, self.y), axis=-1)

    def lines(
        self, parent: NDArray[np.int64], child: NDArray[np.int64], *, tree: bool = True
    ) -> NDArray[np.float64]:
        t = np.linspace(0.0, 1.0, _STEPS)
        x = self.x[parent, None] + t * (self.x[child] - self.x[parent])[:, None]
        y = self.y[parent, None] + _smooth(t) * (self.y[child] - self.y[parent])[:, None]
        return np.stack((x, y), axis=-1)

    def names(self, axes: Any, view: _View, colours: _Colours) -> None:
        tip = _tips(self.tree)
        parent = self.tree.parent_id.tolist()
        free = np.flatnonzero(~tip) if self.column >= _ROOMY else np.array([], dtype=np.int64)
        for v in [*np.flatnonzero(tip).tolist(), *free.tolist()]:
            # left of an inner node, on the side that its edge does not come from
            under = v > 0 and self.y[parent[v]] > self.y[v]
            _write(
                axes,
                _label(self.tree.nodes[v], int(view.hidden[v])),
                self.points[v],
                (5.0, 0.0) if tip[v] else (2.0, -4.0 if under else 3.0),
                ha="left" if tip[v] else "right",
                va="center" if tip[v] else "top" if under else "bottom",
                fontsize=7.5,
                fontweight="bold" if v in colours.branches and not tip[v] else "normal",
                color=INK,
            )
        if not free.size:
            _place_inner(axes, self.points, view, ~tip)


class _Radial:
    """The root in the middle, a circle for each level."""

    def __init__(self, tree: Taxonomy, place: NDArray[np.float64], slots: float) -> None:
        self.tree = tree
        self.radius = tree.depth.numpy() / max(1, tree.height)
        self.angle = np.pi / 2 - 2 * np.pi * place / slots
        side = float(np.clip(slots / 40, *_SIDE))
        low, high = self.points.min(0) - 0.03, self.points.max(0) + 0.03
        self.limits = (low[0], high[0]), (low[1], high[1])
        scale = side / float((high - low).max())  # inches
        self.size = scale * (high[0] - low[0]), scale * (high[1] - low[1])
        # points of typography between the places of two leaves
        self.pitch = 2 * np.pi * 72.0 * scale / slots * self.radius

    @property
    def points(self) -> NDArray[np.float64]:
        return np.stack(
            (self.radius * np.cos(self.angle), self.radius * np.sin(self.angle)), axis=-1
        )

    def lines(
        self, parent: NDArray[np.int64], child: NDArray[np.int64], *, tree: bool = True
    ) -> NDArray[np.float64]:
        t = np.linspace(0.0, 1.0, _STEPS)
        if not tree:  # from anywhere to anywhere: bent towards the middle
            a, b = self.points[parent][:, None], self.points[child][:, None]
            t = t[:, None]
            curve: NDArray[np.float64] = (1 - t) ** 2 * a + t * (1 - t) * 0.7 * (a + b) + t**2 * b
            return curve
        radius = self.radius[parent, None] + t * (self.radius[child] - self.radius[parent])[:, None]
        # the first edges leave the root straight
        start = np.where(parent == 0, self.angle[child], self.angle[parent])
        angle = start[:, None] + _smooth(t) * (self.angle[child] - start)[:, None]
        return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=-1)

    def names(self, axes: Any, view: _View, colours: _Colours) -> None:
        tip = _tips(self.tree)
        size = np.minimum(_FONT[1], 0.85 * self.pitch)
        written = tip & (size >= _FONT[0])
        for v in np.flatnonzero(written).tolist():
            degrees = float(np.degrees(self.angle[v])) % 360.0
            turned = 90.0 < degrees < 270.0
            way = np.array((np.cos(self.angle[v]), np.sin(self.angle[v])))
            _write(
                axes,
                _label(self.tree.nodes[v], int(view.hidden[v])),
                self.points[v],
                4.0 * way,
                fontsize=size[v],
                color=tuple(0.72 * part for part in colours.of_node[v]),
                ha="right" if turned else "left",
                va="center",
                rotation=degrees - 180.0 if turned else degrees,
                rotation_mode="anchor",
            )
        _place_inner(axes, self.points, view, ~written)


def _place_inner(
    axes: Any, points: NDArray[np.float64], view: _View, mask: NDArray[np.bool_]
) -> None:
    """Names where there is room, from the root downwards, the largest of a level first."""
    depth = view.tree.depth.numpy()
    level = 1
    while level < depth.max() and (mask & (depth <= level + 1)).sum() <= _INNER_NAMES:
        level += 1
    order = np.flatnonzero(mask & (depth <= level))
    below = _sums(view.tree, 1 + view.hidden)
    scattered = (order * _GOLDEN) % 1.0  # equals in an order that jumps about
    order = order[np.lexsort((scattered, -below[order], depth[order]))]
    crowd = min(1.0, (40.0 / max(1, len(order))) ** 0.25)
    place_names(
        axes,
        points[order],
        [_label(view.tree.nodes[v], int(view.hidden[v])) for v in order.tolist()],
        [max(5.0, crowd * (9.5 - 1.2 * depth[v])) for v in order.tolist()],
        bold=[bool(depth[v] <= 1) for v in order.tolist()],
    )


def _smooth(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return t * t * (3.0 - 2.0 * t)


def _edges(axes: Any, draw: _Layered | _Radial, tree: Taxonomy, colours: _Colours) -> None:
    from matplotlib.collections import LineCollection

    child, parent = tree.edges.numpy()
    primary = tree.parent_id.numpy()[child] == parent
    crowd = min(1.0, (300.0 / max(1, len(child))) ** 0.5)
    axes.add_collection(
        LineCollection(
            list(draw.lines(parent[primary], child[primary])),
            colors=[colours.of_node[v] for v in child[primary].tolist()],
            linewidths=0.5 + 0.8 * crowd,
            alpha=0.55 + 0.25 * crowd,
            zorder=1,
            rasterized=len(child) > _MANY,
        ),
        autolim=False,
    )
    axes.add_collection(
        LineCollection(
            list(draw.lines(parent[~primary], child[~primary], tree=False)),
            colors=FAINT,
            linewidths=0.4 + 0.4 * crowd,
            linestyles=(0, (4.0, 2.0)),
            zorder=2,
            rasterized=len(child) > _MANY,
        ),
        autolim=False,
    )


def _nodes(axes: Any, draw: _Layered | _Radial, view: _View, colours: _Colours) -> None:
    depth = view.tree.depth.numpy()
    crowd = min(1.0, (300.0 / len(view.tree)) ** 0.5)
    size = (5.0 + 40.0 * 0.55**depth) * max(crowd, 0.15)
    rgb = np.asarray(colours.of_node)
    hollow = view.hidden > 0
    axes.scatter(
        draw.points[:, 0],
        draw.points[:, 1],
        s=np.where(hollow, 1.3 * size, size),
        c=np.where(hollow[:, None], 1.0, rgb),
        edgecolors=np.where(hollow[:, None], rgb, 1.0),
        linewidths=np.where(hollow, 0.9, 0.35) * max(crowd, 0.5),
        zorder=4,
        rasterized=len(view.tree) > _MANY,
    )


def _label(name: str, hidden: int) -> str:
    text = shorten(name).replace("$", r"\$")
    return f"{text} +{hidden:,}" if hidden else text


def _write(axes: Any, text: str, point: NDArray[np.float64], offset: Any, **style: Any) -> None:
    from matplotlib.patheffects import withStroke

    axes.annotate(
        text,
        point,
        xytext=tuple(offset),
        textcoords="offset points",
        annotation_clip=False,
        zorder=8,
        path_effects=[withStroke(linewidth=1.8, foreground=PAPER, alpha=0.9)],
        **style,
    )


def _heading(axes: Any, title: str, note: str) -> None:
    """Above everything else, names included."""
    figure = axes.figure
    box = axes.get_tightbbox()
    left, top = box.x0 / figure.bbox.width, box.y1 / figure.bbox.height
    line = 1.0 / 72.0 / figure.get_figheight()  # one point of typography
    top += 8.0 * line
    if note:
        figure.text(left, top, note, fontsize=7.5, color="#6b7484", ha="left", va="bottom")
        top += 13.0 * line
    figure.text(
        left, top, title.replace("$", r"\$"), fontsize=11, color=INK, ha="left", va="bottom"
    )
