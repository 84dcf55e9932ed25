"""Embedded taxonomies too large to be drawn whole."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from hyperhier.manifolds import get_manifold
from hyperhier.plot import _canvas, _interactive, plot_taxonomy_embedding
from hyperhier.plot._sample import NODES, part_to_draw, steps_of
from hyperhier.taxonomy import Taxonomy


def random_taxonomy(size: int, extra: int = 0) -> Taxonomy:
    """Every node below a random earlier one; ``extra`` further edges make a DAG."""
    rng = np.random.default_rng(0)
    child = np.arange(1, size)
    parent = (rng.random(size - 1) * child).astype(int)
    edges = np.stack((parent, child), axis=1)
    if extra:
        more = np.sort(rng.integers(size, size=(extra, 2)), axis=1)
        edges = np.unique(np.concatenate((edges, more[more[:, 0] < more[:, 1]])), axis=0)
    return Taxonomy.from_arrays([f"n{i}" for i in range(size)], edges[:, 0], edges[:, 1])


def embedded(tree: Taxonomy, dim: int = 2):
    manifold = get_manifold("poincare")
    g = torch.Generator().manual_seed(0)
    points = manifold.from_features(torch.randn(len(tree), dim, generator=g))
    return SimpleNamespace(taxonomy=tree, manifold=manifold, points=points)


@pytest.fixture(scope="module")
def large() -> Taxonomy:
    return random_taxonomy(200_000)


@pytest.mark.parametrize("dim", [2, 5])
def test_a_large_picture_has_few_vertices(
    large: Taxonomy, dim: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Figure] = []
    monkeypatch.setattr(_canvas, "DPI", 30)
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kwargs: seen.append(self))
    plot_taxonomy_embedding(embedded(large, dim), tmp_path / "large.png")  # type: ignore[arg-type]
    (axes,) = seen[0].axes
    (edges,) = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
    (dots,) = [c for c in axes.collections if c is not edges]
    assert len(edges.get_segments()) == NODES - 1
    assert sum(len(line) for line in edges.get_segments()) <= 200_000
    assert len(dots.get_offsets()) == NODES
    written = [text.get_text() for text in axes.texts]
    assert any("20,000 of 200,000 nodes, with all above them" in text for text in written)
    assert large.root in written


def test_a_large_page_has_few_vertices(
    large: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    seen = []
    monkeypatch.setattr(graph.Figure, "to_html", lambda self, **kwargs: seen.append(self) or "")
    plot_taxonomy_embedding(embedded(large), tmp_path / "large.html")  # type: ignore[arg-type]
    (figure,) = seen
    assert sum(len(trace.x) for trace in figure.data) <= 200_000 + 2 * NODES + _interactive._RIM
    assert "20,000 of 200,000 nodes" in figure.layout.annotations[0].text


def test_every_node_drawn_has_its_path_and_its_own_point(large: Taxonomy) -> None:
    part, ids, note = part_to_draw(large)
    assert len(part) == NODES == len(set(ids.tolist()))
    assert list(part.nodes) == [large.nodes[v] for v in ids.tolist()]
    assert part.root == large.root
    for name in part.leaves[:200]:
        assert part.parents(name) == large.parents(name)
    assert set(large.parent_id[ids[ids > 0]].tolist()) <= set(ids.tolist())
    # not the upper levels only
    assert part.height > large.height / 2
    assert note == "20,000 of 200,000 nodes, with all above them"


def test_a_dag_of_many_edges_keeps_primary_parents() -> None:
    dag = random_taxonomy(3_000, extra=150_000)
    part, ids, note = part_to_draw(dag)
    assert ids.tolist() == dag.encode(part.nodes).tolist()
    assert sorted(ids.tolist()) == list(range(3_000))
    assert part.edges.shape[1] == 100_000
    assert note == f"100,000 of {dag.edges.shape[1]:,} edges"
    for v in range(1, 3_000, 100):
        name = dag.nodes[v]
        assert dag.nodes[int(dag.parent_id[v])] in part.parents(name)


def test_a_deep_chain_is_cut_at_its_top() -> None:
    chain = np.arange(30_000)
    tree = Taxonomy.from_arrays([f"n{i}" for i in chain], chain[:-1], chain[1:])
    assert part_to_draw(tree)[0].nodes == tree.nodes[:NODES]


def test_a_small_taxonomy_is_drawn_whole() -> None:
    tree = random_taxonomy(500, extra=100)
    part, ids, note = part_to_draw(tree)
    assert part is tree
    assert note == ""
    assert ids.tolist() == list(range(500))
    assert [steps_of(edges, 24) for edges in (0, 8_000, 16_000, 10**6)] == [24, 24, 12, 2]
