"""The picture of a taxonomy: what is drawn, what is left out, what is told about it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyperhier.plot import _canvas
from hyperhier.plot.taxonomy import _Colours, _slots, _tips, plot_taxonomy
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pixels: nothing here looks at them."""
    monkeypatch.setattr(_canvas, "DPI", 60)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, to look into."""
    seen: list[Figure] = []
    real = Figure.savefig

    def savefig(self: Figure, *args: object, **kwargs: object) -> None:
        seen.append(self)
        real(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return seen


def star(n: int) -> Taxonomy:
    return Taxonomy.from_edges([("r", f"n{k}") for k in range(n)])


def wide(children: int, leaves: int) -> Taxonomy:
    return Taxonomy.from_paths(
        [("r", f"c{i}", f"l{i}-{k}") for i in range(children) for k in range(leaves)]
    )


def parts(figure: Figure) -> tuple[Axes, int, int, int]:
    """The axes, and how many edges, further edges and nodes they show."""
    (axes,) = figure.axes
    lines = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
    (dots,) = [c for c in axes.collections if c not in lines]
    tree, further = (len(c.get_segments()) for c in lines)
    return axes, tree, further, len(dots.get_offsets())


def written(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.texts}


def heading(figure: Figure) -> list[str]:
    """The title, and the note below it if there is one."""
    texts = sorted(figure.texts, key=lambda text: -text.get_fontsize())
    return [text.get_text() for text in texts]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
@pytest.mark.parametrize("tree", [builtin_taxonomy("odir5k"), wide(13, 6)], ids=["small", "large"])
def test_formats(tree: Taxonomy, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"tree.{suffix}"
    assert plot_taxonomy(tree, path) == path
    assert path.read_bytes().startswith(SIGNATURES[suffix])
    first = path.read_bytes()
    plot_taxonomy(tree, path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_small_one_has_all_its_names(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("demo")
    plot_taxonomy(tree, tmp_path / "p.png")
    axes, edges, further, nodes = parts(figures[0])
    assert (edges, further, nodes) == (len(tree) - 1, 0, len(tree))
    assert written(axes) == set(tree.nodes)
    assert heading(figures[0]) == [
        f"{tree.root}: {len(tree)} nodes, {len(tree.leaves)} leaves, height {tree.height}"
    ]
    boxes = [text.get_window_extent() for text in [*axes.texts, *figures[0].texts]]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_a_large_one_goes_around_its_root(tmp_path: Path, figures: list[Figure]) -> None:
    tree = wide(10, 8)
    plot_taxonomy(tree, tmp_path / "p.png")
    axes, edges, _, nodes = parts(figures[0])
    assert (edges, nodes) == (len(tree) - 1, len(tree))
    assert set(tree.leaves) <= written(axes)
    (dots,) = [c for c in axes.collections if type(c).__name__ != "LineCollection"]
    radius = np.linalg.norm(np.asarray(dots.get_offsets()), axis=-1)
    assert radius == pytest.approx(tree.depth.numpy() / tree.height)


def test_further_parents_are_dashed(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("odir5k")
    plot_taxonomy(tree, tmp_path / "p.png", title="mine")
    _, edges, further, nodes = parts(figures[0])
    assert edges == nodes - 1 == len(tree) - 1
    assert edges + further == tree.edges.shape[1]
    assert heading(figures[0]) == ["mine", f"dashed: {further} further parents"]


def test_whole_levels_are_left_out(tmp_path: Path, figures: list[Figure]) -> None:
    tree = wide(5, 30)
    plot_taxonomy(tree, tmp_path / "p.png", max_nodes=100)
    axes, edges, _, nodes = parts(figures[0])
    assert (edges, nodes) == (5, 6)
    assert {f"c{i} +30" for i in range(5)} <= written(axes)
    title, note = heading(figures[0])
    assert title == "r: 156 nodes, 150 leaves, height 2"
    assert note == "levels 0 to 1 of 2; 150 nodes left out, below the hollow ones"


def test_of_a_too_wide_level_the_largest_nodes_stay(tmp_path: Path, figures: list[Figure]) -> None:
    edges = [("r", f"n{k}") for k in range(300)]
    edges += [("n200", "a"), ("n200", "b"), ("n100", "c"), ("n100", "n200")]
    plot_taxonomy(Taxonomy.from_edges(edges), tmp_path / "p.png", max_nodes=4)
    axes, drawn, _, nodes = parts(figures[0])
    assert (drawn, nodes) == (3, 4)
    assert {"n100 +4", "n0", "n1"} <= written(axes)
    assert "3 of 299 nodes of level 1; 300 nodes left out" in heading(figures[0])[1]
    assert any(text.startswith("r +296") for text in written(axes))


@pytest.mark.parametrize(
    "tree",
    [
        Taxonomy.from_edges([], nodes=["alone"]),
        Taxonomy.from_edges([("a", "b")]),
        Taxonomy.from_edges([(f"n{k}", f"n{k + 1}") for k in range(300)]),
        star(100),
        star(1500),
        Taxonomy.from_edges([("$x$ {", "$y^"), ("$x$ {", "z_$a$"), ("$y^", "line\nbreak")]),
    ],
    ids=["one", "two", "chain", "star", "large star", "signs"],
)
def test_odd_shapes_and_names(tree: Taxonomy, tmp_path: Path) -> None:
    path = plot_taxonomy(tree, tmp_path / "p.png", max_nodes=400)
    assert path.stat().st_size > 1000


def test_a_deep_one_of_many_nodes_is_cut(tmp_path: Path, figures: list[Figure]) -> None:
    n = 30_000
    tree = Taxonomy.from_arrays(
        [f"n{k}" for k in range(n)], np.arange(n - 1), np.arange(1, n)
    )  # fmt: skip
    plot_taxonomy(tree, tmp_path / "p.png", max_nodes=50)
    assert parts(figures[0])[3] == 50
    assert "levels 0 to 49 of 29,999; 29,950 nodes left out" in heading(figures[0])[1]


def test_places_are_even_and_parents_stand_between_their_children() -> None:
    tree = builtin_taxonomy("fashion-mnist")
    place, slots = _slots(tree)
    tips = np.sort(place[_tips(tree)])
    assert np.diff(tips).min() == pytest.approx(1.0)
    assert slots >= tips[-1] + 0.5
    for v, name in enumerate(tree.nodes):
        below = [place[tree.id_of(c)] for c in tree.children(name)]
        if below:
            assert place[v] == pytest.approx((min(below) + max(below)) / 2)


def test_a_branch_with_most_of_the_leaves_is_parted_again() -> None:
    even = wide(3, 2)
    assert _Colours.of(even).branches == set(even.encode(["c0", "c1", "c2"]).tolist())
    edges = [("r", "x"), ("r", "trunk")] + [("trunk", f"t{k}") for k in range(3)]
    edges += [(f"t{k}", f"l{k}{i}") for k in range(3) for i in range(2)]
    tree = Taxonomy.from_edges(edges)
    colours = _Colours.of(tree)
    assert colours.branches == set(tree.encode(["x", "t0", "t1", "t2"]).tolist())
    assert len(set(colours.of_node)) > 7
    grey = colours.of_node[0]
    assert colours.of_node[tree.id_of("trunk")] == grey
    assert max(grey) - min(grey) < 0.05


@pytest.mark.parametrize("path", ["tree.jpeg", "tree"])
def test_other_suffixes_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        plot_taxonomy(star(3), tmp_path / path)
    with pytest.raises(ValueError, match="max_nodes=1"):
        plot_taxonomy(star(3), tmp_path / "p.png", max_nodes=1)
    assert not list(tmp_path.iterdir())
