"""The pictures: what is drawn, what is refused, what a failure leaves behind."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from hyperhier.manifolds import get_manifold
from hyperhier.plot import (
    _canvas,
    plot_confusion,
    plot_embedding,
    plot_images,
    plot_taxonomy_embedding,
)
from hyperhier.plot.confusion import _tree_order
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


def sample(name: str, dim: int, tree: Taxonomy, n: int = 80):  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    manifold = get_manifold(name)
    x = manifold.from_features(torch.randn(n, dim, generator=generator))
    labels = tree.leaf_ids[torch.randint(len(tree.leaf_ids), (n,), generator=generator)]
    ids = torch.arange(1, len(tree))
    stars = manifold.from_features(torch.randn(len(ids), dim, generator=generator))
    return manifold, x, labels, stars, ids


@pytest.mark.parametrize(
    ("name", "dim", "suffix"),
    [
        ("lorentz", 2, "png"),
        ("lorentz", 8, "svg"),
        ("poincare", 8, "png"),
        ("sphere", 8, "pdf"),
        ("euclidean", 2, "png"),
    ],
)
def test_embedding_in_every_geometry_and_format(
    name: str, dim: int, suffix: str, tmp_path: Path
) -> None:
    tree = builtin_taxonomy("demo")
    manifold, x, labels, stars, ids = sample(name, dim, tree)
    path = tmp_path / f"picture.{suffix}"
    assert plot_embedding(x, labels, tree, manifold, path, stars, ids, title="a title") == path
    assert path.read_bytes().startswith(SIGNATURES[suffix])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_disk_has_its_rim_stars_edges_and_names(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("demo")
    manifold, x, labels, stars, ids = sample("lorentz", 8, tree)
    plot_embedding(x, labels, tree, manifold, tmp_path / "p.png", stars, ids)
    (axes,) = figures[0].axes
    circles = [p for p in axes.patches if type(p).__name__ == "Circle"]
    assert {c.radius for c in circles} == {1.0}
    lines = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
    (edges,) = lines
    # every edge of the tree but those of the root, which has no prototype
    assert len(edges.get_segments()) == len(tree) - 1 - len(tree.children(tree.root))
    assert all(np.linalg.norm(s, axis=-1).max() < 1 for s in edges.get_segments())
    drawn = sum(len(c.get_offsets()) for c in axes.collections if c not in lines)
    assert drawn == len(x) + len(ids)
    written = {t.get_text() for t in axes.texts}
    assert {"roundish", "spindly"} <= written
    legend = {t.get_text() for t in axes.get_legend().get_texts()}
    assert {tree.nodes[i] for i in labels.tolist()} <= legend


def test_flat_geometries_have_no_disk(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("demo")
    manifold, x, labels, _, _ = sample("sphere", 8, tree)
    plot_embedding(x, labels, tree, manifold, tmp_path / "p.png")
    assert not figures[0].axes[0].patches


def test_colour_says_the_leaf(tmp_path: Path, figures: list[Figure]) -> None:
    from hyperhier.plot._palette import Palette

    tree = builtin_taxonomy("demo")
    manifold, x, _, _, _ = sample("euclidean", 2, tree, n=1)
    leaf = tree.leaf_ids[:1]
    plot_embedding(x, leaf, tree, manifold, tmp_path / "p.png")
    (dots,) = figures[0].axes[0].collections
    assert tuple(dots.get_facecolors()[0][:3]) == pytest.approx(Palette.of(tree).colours[int(leaf)])


@pytest.mark.parametrize("dim", [2, 5])
def test_taxonomy_embedding(dim: int, tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("ham10000-lineage")
    manifold = get_manifold("poincare")
    points = manifold.from_features(torch.randn(len(tree), dim))
    embedding = SimpleNamespace(taxonomy=tree, manifold=manifold, points=points)
    plot_taxonomy_embedding(embedding, tmp_path / "tree.svg")  # type: ignore[arg-type]
    (axes,) = figures[0].axes
    (edges,) = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
    assert len(edges.get_segments()) == tree.edges.shape[1]
    assert tree.root in {t.get_text() for t in axes.texts}


def test_confusion_follows_the_tree(tmp_path: Path, figures: list[Figure]) -> None:
    tree = Taxonomy.from_edges(
        [("r", "b"), ("r", "a"), ("a", "x"), ("b", "y"), ("a", "z"), ("b", "w")]
    )
    names = ["x", "y", "z", "w"]
    counts = torch.tensor([[5, 1, 2, 0], [0, 4, 0, 0], [3, 0, 6, 0], [0, 0, 0, 0]])
    plot_confusion(counts, names, tmp_path / "c.png", taxonomy=tree)
    (axes,) = figures[0].axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["y", "w", "x", "z"]
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares[2], [1 / 8, 0, 5 / 8, 2 / 8])
    np.testing.assert_allclose(shares[1], 0.0)  # a class without samples is no division by zero
    written = {tuple(t.get_position()): t.get_text() for t in axes.texts}
    assert written[(2, 2)] == "5"
    assert written[(3, 2)] == "2"
    assert (0, 1) not in written
    assert "15 of 21" not in axes.get_title(loc="left")
    assert "71.4% of 21 right" in axes.get_title(loc="left")


def test_rows_of_a_taxonomy_are_its_leaves(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("fashion-mnist")
    plot_confusion(np.eye(len(tree.leaves), dtype=int), tree, tmp_path / "c.png")
    shown = [t.get_text() for t in figures[0].axes[0].get_yticklabels()]
    assert sorted(shown) == sorted(tree.leaves)


def test_borders_part_the_branches_coarser_ones_first() -> None:
    tree = builtin_taxonomy("demo")
    order, borders, _ = _tree_order(tree.leaves, tree)
    leaves = [tree.leaves[i] for i in order]
    parents = [tree.parents(leaf)[0] for leaf in leaves]
    assert [row for row, _ in borders] == [
        i for i in range(1, len(leaves)) if parents[i] != parents[i - 1]
    ]
    assert [row for row, level in borders if level == 1] == [8]


def test_names_alone_keep_their_order(tmp_path: Path, figures: list[Figure]) -> None:
    plot_confusion([[1, 0], [0, 2]], ["dog", "cat"], tmp_path / "c.png")
    assert [t.get_text() for t in figures[0].axes[0].get_yticklabels()] == ["dog", "cat"]


@pytest.mark.parametrize("channels", [1, 3])
def test_contact_sheet(channels: int, tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("demo")
    labels = tree.leaf_ids[[3, 3, 0, 5, 3]]
    images = torch.randint(256, (5, channels, 8, 9), dtype=torch.uint8)
    plot_images(images, labels, tree, tmp_path / "sheet.png", per_class=2, title="pictures")
    (axes,) = figures[0].axes
    assert len(axes.images) == 2 + 1 + 1
    assert [t.get_text() for t in axes.texts] == tree.decode(tree.leaf_ids[[0, 3, 5]])
    first = axes.images[0].get_array()
    expected = images[2, 0] if channels == 1 else images[2].permute(1, 2, 0)
    np.testing.assert_array_equal(first, expected)


def test_names_do_not_cover_each_other(tmp_path: Path, figures: list[Figure]) -> None:
    tree = builtin_taxonomy("demo")
    manifold, x, labels, stars, ids = sample("euclidean", 2, tree)
    plot_embedding(x, labels, tree, manifold, tmp_path / "p.png", 0.3 * stars, ids)
    figure = figures[0]
    names = [t for t in figure.axes[0].texts if t.get_text() in tree]
    assert len(names) >= 5
    boxes = [t.get_window_extent() for t in names]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("path", ["picture.jpeg", "picture", "picture.txt"])
def test_other_suffixes_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        plot_confusion([[1]], ["a"], tmp_path / path)


def test_shapes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tree = builtin_taxonomy("demo")
    manifold, x, labels, stars, ids = sample("lorentz", 4, tree)
    with pytest.raises(ValueError, match=r"labels \(N,\)"):
        plot_embedding(x, labels[1:], tree, manifold, tmp_path / "p.png")
    with pytest.raises(ValueError, match="come together"):
        plot_embedding(x, labels, tree, manifold, tmp_path / "p.png", stars)
    with pytest.raises(ValueError, match="prototypes of shape"):
        plot_embedding(x, labels, tree, manifold, tmp_path / "p.png", stars[1:], ids)
    with pytest.raises(ValueError, match="for 2 classes"):
        plot_confusion([[1]], ["a", "b"], tmp_path / "c.png")
    assert not list(tmp_path.iterdir())


def test_a_failure_while_writing_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.png"
    plot_confusion([[1]], ["a"], path)
    before = path.read_bytes()

    def full(self: Figure, name: str, **kwargs: object) -> None:
        Path(name).write_bytes(b"half")
        raise OSError(28, "No space left on device", name)

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        plot_confusion([[2]], ["b"], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["c.png"]


def test_without_matplotlib_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"hyperhier\[plot\]"):
        _canvas.new_figure(1, 1)


def test_pyplot_is_never_touched(tmp_path: Path) -> None:
    had = "matplotlib.pyplot" in sys.modules
    plot_confusion([[1]], ["a"], tmp_path / "c.png")
    assert ("matplotlib.pyplot" in sys.modules) == had
