"""Questions to an embedding, its folder on disk and its exports."""

from __future__ import annotations

import csv
import json
import os
import sys

import numpy as np
import pytest
import torch

from hyperhier.embedding import TaxonomyEmbedding, embed
from hyperhier.errors import RunError, TaxonomyError
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy


@pytest.fixture
def emb() -> TaxonomyEmbedding:
    return embed("demo", dim=3)


def test_questions_agree_with_the_distances(emb) -> None:
    tax = emb.taxonomy
    leaf = tax.leaves[4]
    table = {v: emb.distance(leaf, v) for v in tax.nodes if v != leaf}
    expected = sorted(table, key=table.__getitem__)
    found = emb.most_similar(leaf, topn=6)
    assert [name for name, _ in found] == expected[:6]
    assert [d for _, d in found] == pytest.approx([table[name] for name in expected[:6]])
    assert len(emb.most_similar(leaf, topn=999)) == len(tax) - 1
    assert [emb.rank(leaf, name) for name in expected[:5]] == [1, 2, 3, 4, 5]
    assert emb.norm(tax.root) == 0.0
    assert torch.equal(emb[leaf], emb.points[tax.id_of(leaf)])
    assert leaf in emb
    assert len(emb) == len(tax)
    assert list(emb) == list(tax.nodes)
    assert emb.dim == 3


def test_geometry_finds_the_ancestors(emb) -> None:
    tax = emb.taxonomy
    for name in tax.nodes:
        assert emb.ancestors(name) == list(tax.ancestors(name))
    with pytest.raises(ValueError, match="nearer to the origin"):
        emb.closest_parent(tax.root)


def test_many_names_points_and_restrictions(emb) -> None:
    tax = emb.taxonomy
    leaves = list(tax.leaves[:3])
    assert emb.most_similar(leaves, topn=2) == [emb.most_similar(leaf, topn=2) for leaf in leaves]
    point = emb.most_similar(emb[leaves[0]], topn=1)
    assert point == [(leaves[0], 0.0)]
    among = emb.most_similar(leaves[0], topn=99, restrict_to=tax.leaves)
    assert {name for name, _ in among} == set(tax.leaves) - {leaves[0]}
    found = emb.nearest(leaves, k=4)
    assert found.ids.shape == found.distances.shape == (3, 4)
    assert emb.nearest([], k=2).ids.shape == (0, 2)
    assert emb.distances(leaves[0]).tolist() == [emb.distance(leaves[0], v) for v in tax.nodes]
    nearer = emb.closer_than(leaves[0], tax.root)
    assert len(nearer) == emb.rank(leaves[0], tax.root) - 1
    assert all(emb.distance(leaves[0], v) < emb.distance(leaves[0], tax.root) for v in nearer)
    assert emb.similarity(tax.root, tax.root) == 1.0


def test_down_the_hierarchy(emb) -> None:
    tax = emb.taxonomy
    child = emb.closest_child(tax.root)
    assert emb.difference_in_hierarchy(tax.root, child) == emb.norm(child) > 0
    inner = [v for v in tax.nodes if emb.norm(v) > 0]
    assert child == min(inner, key=lambda v: emb.distance(tax.root, v))
    line = emb.descendants(tax.root, max_depth=3)
    assert len(line) == 3
    norms = [emb.norm(v) for v in [tax.root, *line]]
    assert norms == sorted(norms)
    farthest = max(tax.nodes, key=emb.norm)
    assert emb.descendants(farthest) == []
    with pytest.raises(ValueError, match="farther from the origin"):
        emb.closest_child(farthest)


def test_answers_follow_the_points(emb) -> None:
    leaf = emb.taxonomy.leaves[0]
    before = emb.most_similar(leaf, topn=1)
    emb.points[:] = emb.points.flip(0)
    after = TaxonomyEmbedding(emb.taxonomy, emb.manifold, emb.points.clone())
    assert emb.most_similar(leaf, topn=1) == after.most_similar(leaf, topn=1) != before
    assert emb.norm(leaf) == after.norm(leaf)


def test_wrong_questions_are_named(emb) -> None:
    with pytest.raises(TaxonomyError, match="unicorn"):
        emb["unicorn"]
    with pytest.raises(ValueError, match="topn must be at least 1"):
        emb.most_similar(emb.taxonomy.root, topn=0)
    with pytest.raises(ValueError, match="no rank"):
        emb.rank(emb.taxonomy.root, emb.taxonomy.root)
    with pytest.raises(ValueError, match="k must be at least 1"):
        emb.nearest(emb.taxonomy.root, k=0)
    with pytest.raises(ValueError, match=r"must have shape \(Q, 4\), got \(1, 2\)"):
        emb.nearest(torch.zeros(2))
    with pytest.raises(ValueError, match="must be finite"):
        emb.nearest(torch.full((4,), torch.nan))
    tax, manifold = emb.taxonomy, emb.manifold
    with pytest.raises(ValueError, match="must have shape"):
        TaxonomyEmbedding(tax, manifold, emb.points[:3])
    broken = emb.points.clone()
    broken[1, 0] = torch.inf
    with pytest.raises(ValueError, match="is not finite"):
        TaxonomyEmbedding(tax, manifold, broken)


@pytest.mark.parametrize(("name", "c"), [("lorentz", 0.3), ("poincare", 7.0), ("euclidean", 1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_save_and_load_agree_to_the_bit(tmp_path, name, c, dtype) -> None:
    tax = Taxonomy.from_edges([("r", "a b", 2.0), ("r", 'é,"q"'), ("a b", "x"), ('é,"q"', "x")])
    manifold = get_manifold(name, c=c)
    points = manifold.from_features(torch.randn(4, 2)).to(dtype)
    TaxonomyEmbedding(tax, manifold, points, {"note": "ü"}).save(tmp_path / "e")
    back = TaxonomyEmbedding.load(tmp_path / "e")
    assert torch.equal(back.points, points)
    assert back.points.dtype == dtype
    assert back.taxonomy == tax
    assert back.info == {"note": "ü"}
    assert back.manifold.name == name
    assert back.manifold.sectional_curvature == manifold.sectional_curvature
    assert sorted(os.listdir(tmp_path)) == ["e"]
    assert sorted(os.listdir(tmp_path / "e")) == [
        "embedding.json", "embedding.safetensors", "taxonomy.csv",
    ]  # fmt: skip


def test_a_learned_curvature_and_precision_are_kept(tmp_path) -> None:
    tax = Taxonomy.from_edges([("r", "a"), ("r", "b")])
    manifold = get_manifold("poincare", c=2.5, learnable=True, precision="fast")
    points = manifold.from_features(torch.randn(3, 2))
    TaxonomyEmbedding(tax, manifold, points).save(tmp_path / "e")
    meta = json.loads((tmp_path / "e" / "embedding.json").read_text())
    assert meta["dtype"] == "float32"
    back = TaxonomyEmbedding.load(tmp_path / "e").manifold
    assert back.precision == "fast"
    assert back.sectional_curvature == manifold.sectional_curvature
    assert [p.requires_grad for p in back.parameters()] == [True]


def test_points_are_plain_safetensors(emb, tmp_path) -> None:
    from safetensors.numpy import load_file

    emb.save(tmp_path / "e")
    held = load_file(tmp_path / "e" / "embedding.safetensors")
    assert list(held) == ["points"]
    assert np.array_equal(held["points"], emb.points.numpy())


def test_geometries_without_a_name_cannot_be_saved(tmp_path) -> None:
    geoopt = pytest.importorskip("geoopt")
    tax = Taxonomy.from_edges([("r", "a")])
    emb = TaxonomyEmbedding(tax, geoopt.PoincareBall(), torch.zeros(2, 2))
    with pytest.raises(RunError, match="which a file cannot name; only of euclidean"):
        emb.save(tmp_path / "e")
    assert os.listdir(tmp_path) == []


def test_folders_of_others_are_never_replaced(emb, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    emb.save(tmp_path / "empty")
    with pytest.raises(RunError, match="overwrite=True"):
        emb.save(tmp_path / "empty")
    emb.save(tmp_path / "empty", overwrite=True)

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"thesis\.tex"):
        emb.save(tmp_path / "mine", overwrite=True)
    (tmp_path / "empty" / "notes.txt").write_text("beside the embedding")
    with pytest.raises(RunError, match=r"notes\.txt"):
        emb.save(tmp_path / "empty", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        emb.save(tmp_path / "file", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "mine"]


def test_a_failed_save_leaves_nothing(emb, tmp_path) -> None:
    emb.info["bad"] = object()
    with pytest.raises(RunError, match="JSON"):
        emb.save(tmp_path / "e")
    emb.info["bad"] = float("nan")
    with pytest.raises(RunError, match="JSON"):
        emb.save(tmp_path / "e")
    assert os.listdir(tmp_path) == []


def test_damage_is_named(emb, tmp_path) -> None:
    folder = tmp_path / "e"
    emb.save(folder)
    meta = json.loads((folder / "embedding.json").read_text())

    def rewritten(**change: object) -> None:
        (folder / "embedding.json").write_text(json.dumps({**meta, **change}))

    for change, message in (
        ({"version": 99}, "version 99"),
        ({"c": -1.0}, "c = -1.0"),
        ({"manifold": "torus"}, "torus"),
        ({"nodes_sha256": "0"}, "does not hold the nodes"),
    ):
        rewritten(**change)
        with pytest.raises(RunError, match=message):
            TaxonomyEmbedding.load(folder)
    (folder / "embedding.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        TaxonomyEmbedding.load(folder)
    rewritten()
    (folder / "embedding.safetensors").write_bytes(b"\x00")
    with pytest.raises(RunError, match="is damaged"):
        TaxonomyEmbedding.load(folder)
    (folder / "taxonomy.csv").unlink()
    with pytest.raises(RunError, match=r"no taxonomy\.csv"):
        TaxonomyEmbedding.load(folder)


def test_exports_read_back(emb, tmp_path) -> None:
    names, values = list(emb.taxonomy.nodes), emb.points.numpy()
    for suffix in ("npz", "csv", "tsv", "txt"):
        emb.export(tmp_path / f"e.{suffix}")
    with np.load(tmp_path / "e.npz", allow_pickle=False) as held:
        assert held["nodes"].tolist() == names
        assert np.array_equal(held["points"], values)
    with open(tmp_path / "e.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["node", "x0", "x1", "x2", "x3"]
    assert [row[0] for row in rows] == names
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=float), values)
    assert np.array_equal(np.loadtxt(tmp_path / "e.tsv", delimiter="\t"), values)
    head, *lines = (tmp_path / "e.txt").read_text().splitlines()
    assert head == f"{len(names)} 4"
    assert [line.split(" ")[0] for line in lines] == [name.replace(" ", "_") for name in names]
    assert np.array_equal(np.array([x.split(" ")[1:] for x in lines], dtype=float), values)


def test_parquet_or_the_name_of_the_extra(emb, tmp_path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match=r"hyperhier\[io\]"):
            emb.export(tmp_path / "e.parquet")
        assert os.listdir(tmp_path) == []
        return
    import pandas as pd

    emb.export(tmp_path / "e.parquet")
    table = pd.read_parquet(tmp_path / "e.parquet")
    assert table["node"].tolist() == list(emb.taxonomy.nodes)
    assert np.array_equal(table.drop(columns="node").to_numpy(), emb.points.numpy())


def test_names_that_word2vec_cannot_tell_apart(tmp_path) -> None:
    emb = embed(Taxonomy.from_edges([("r", "a b"), ("r", "a_b")]))
    with pytest.raises(ValueError, match="'a b' and 'a_b'"):
        emb.export(tmp_path / "e.txt")
    with pytest.raises(ValueError, match=r"e\.xyz"):
        emb.export(tmp_path / "e.xyz")
    assert os.listdir(tmp_path) == []


def test_plot_draws_a_file(emb, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    emb.plot(tmp_path / "e.png")
    assert (tmp_path / "e.png").stat().st_size > 1000


def test_a_page_names_every_node(emb, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"hyperhier\[plot\]"):
        emb.plot(tmp_path / "e.html")
    assert os.listdir(tmp_path) == []
    monkeypatch.undo()
    pytest.importorskip("plotly")
    emb.plot(tmp_path / "e.html")
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert all(name in page for name in emb.taxonomy.nodes)
    assert os.listdir(tmp_path) == ["e.html"]
