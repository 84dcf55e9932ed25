"""Questions to an embedding, its folder on disk and its exports."""

from __future__ import annotations

import csv
import json
import os

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


def test_wrong_questions_are_named(emb) -> None:
    with pytest.raises(TaxonomyError, match="unicorn"):
        emb["unicorn"]
    with pytest.raises(ValueError, match="topn must be at least 1"):
        emb.most_similar(emb.taxonomy.root, topn=0)
    with pytest.raises(ValueError, match="no rank"):
        emb.rank(emb.taxonomy.root, emb.taxonomy.root)
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
    assert (tmp_path / "e.metadata.tsv").read_text().splitlines() == names
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
