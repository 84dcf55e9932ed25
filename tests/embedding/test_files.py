"""Files of other programs: what we write they read, and what they write we read."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hyperhier.embedding import TaxonomyEmbedding, embed
from hyperhier.embedding._files.imported import read_points
from hyperhier.errors import DataError, ManifoldError, TaxonomyError
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy

SUFFIXES = ("npz", "csv", "tsv", "txt", "bin", "json", "parquet")


@pytest.fixture
def tree() -> Taxonomy:
    return Taxonomy.from_edges(
        [("animal", "big  cat"), ("animal", 'd"o,g'), ("big  cat", "é lion"), ("animal", "1.5")]
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("geometry", ["lorentz", "poincare", "polar", "euclidean"])
def test_export_and_from_file(tree, tmp_path, suffix, dtype, geometry) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    manifold = get_manifold(geometry, c=0.5)
    features = torch.randn(len(tree), 3, dtype=torch.float64)
    points = manifold.from_features(features.to(getattr(torch, dtype)))
    emb = TaxonomyEmbedding(tree, manifold, points)
    path = tmp_path / f"points.{suffix}"
    emb.export(path)
    back = TaxonomyEmbedding.from_file(path, tree, manifold)
    assert back.info["source"] == path.name
    if suffix == "bin":
        assert back.points.dtype == torch.float32
        torch.testing.assert_close(back.points.double(), points.double(), rtol=1e-6, atol=1e-7)
    elif dtype == "float64" or suffix in ("npz", "json", "parquet"):
        assert torch.equal(back.points, points)
        assert back.points.dtype == points.dtype
    else:
        torch.testing.assert_close(back.points.float(), points, rtol=2e-7, atol=0.0)


def test_what_32_bits_keep(tmp_path) -> None:
    emb = embed("demo", manifold="poincare", dim=3, radius=8.0)
    emb.export(tmp_path / "e.bin")
    back = TaxonomyEmbedding.from_file(tmp_path / "e.bin", emb.taxonomy, "poincare")
    leaf = emb.taxonomy.leaves[0]
    # at radius r of the ball, eps of float32 moves a point by eps cosh^2(r / 2)
    assert abs(back.norm(leaf) - emb.norm(leaf)) < 1.2e-7 * np.cosh(emb.norm(leaf) / 2) ** 2
    assert back.evaluate()["map"] == emb.evaluate()["map"]


def test_gensim_reads_word2vec_and_its_own_vectors_are_read(tree, tmp_path) -> None:
    models = pytest.importorskip("gensim.models")
    emb = embed(tree, manifold="poincare", dim=3, radius=6.0)
    words = ["_".join(name.split()) for name in tree.nodes]
    for suffix in ("txt", "bin"):
        emb.export(tmp_path / f"e.{suffix}")
        binary = suffix == "bin"
        theirs = models.KeyedVectors.load_word2vec_format(
            tmp_path / f"e.{suffix}", binary=binary, datatype=np.float32 if binary else np.float64
        )
        assert theirs.index_to_key == words
        exact = emb.points.numpy()
        assert np.array_equal(theirs.vectors, exact.astype(theirs.vectors.dtype))
        theirs.save_word2vec_format(tmp_path / f"theirs.{suffix}", binary=binary)
        back = TaxonomyEmbedding.from_file(tmp_path / f"theirs.{suffix}", tree, "poincare")
        torch.testing.assert_close(back.points.double(), emb.points, rtol=1e-7, atol=1e-7)
        assert back.evaluate()["map"] == 1.0
    by_default = models.KeyedVectors.load_word2vec_format(tmp_path / "e.txt")
    assert by_default.vectors.dtype == np.float32


def test_pandas_reads_tables(tree, tmp_path) -> None:
    pd = pytest.importorskip("pandas")
    emb = embed(tree, dim=2)
    emb.export(tmp_path / "e.csv")
    table = pd.read_csv(tmp_path / "e.csv")
    assert table["node"].tolist() == list(tree.nodes)
    np.testing.assert_allclose(
        table.drop(columns="node").to_numpy(), emb.points.numpy(), rtol=1e-15, atol=0.0
    )


def test_the_projector_finds_vectors_and_columns(tree, tmp_path) -> None:
    emb = embed(tree, dim=2)
    (tmp_path / "projector_config.pbtxt").write_text('embeddings { tensor_path: "old.tsv" }')
    emb.export(tmp_path / "e.tsv")
    emb.export(tmp_path / "e.tsv")
    rows = [line.split("\t") for line in (tmp_path / "e.metadata.tsv").read_text().split("\n")]
    assert rows[0] == ["name", "depth", "parent"]
    assert rows[1] == ["animal", "0", ""]
    assert rows[-1] == [""]
    parents = {row[0]: (row[1], row[2]) for row in rows[1:-1]}
    assert parents["é lion"] == ("2", "big cat")
    vectors = np.loadtxt(tmp_path / "e.tsv", delimiter="\t")
    assert np.array_equal(vectors, emb.points.numpy())
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert config.count('tensor_path: "e.tsv"') == 1
    assert config.startswith('embeddings { tensor_path: "old.tsv" }\n')
    assert 'metadata_path: "e.metadata.tsv"' in config


def test_tensorboard_reads_the_vectors(tree, tmp_path) -> None:
    plugin = pytest.importorskip("tensorboard.plugins.projector.projector_plugin")
    emb = embed(tree, dim=2)
    emb.export(tmp_path / "e.tsv")
    read = plugin._read_tensor_tsv_file(str(tmp_path / "e.tsv"))
    np.testing.assert_array_equal(read, emb.points.float().numpy())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_what_pandas_writes_is_read(tree, suffix, tmp_path) -> None:
    pd = pytest.importorskip("pandas")
    emb = embed(tree, dim=2)
    table = pd.DataFrame(emb.points.numpy(), index=list(tree.nodes), columns=["x", "y", "z"])
    table = table.sample(frac=1.0, random_state=0).rename_axis("node")
    file = tmp_path / f"points.{suffix}"
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
        table.reset_index().to_parquet(file)
    else:
        table.to_csv(file, sep="," if suffix == "csv" else "\t")
    back = TaxonomyEmbedding.from_file(file, tree, "lorentz")
    torch.testing.assert_close(back.points, emb.points, rtol=1e-15, atol=0.0)


def test_tensorboard_parses_the_configuration(tree, tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    embed(tree, dim=2).export(tmp_path / 'a "quoted" name.tsv')
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (entry,) = text_format.Parse(text, ProjectorConfig()).embeddings
    assert (tmp_path / entry.tensor_path).is_file()
    assert (tmp_path / entry.metadata_path).is_file()


def test_tables_and_vectors_of_others(tmp_path) -> None:
    tree = Taxonomy.from_edges([("a", "b"), ("a", "c")])
    points = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.25]]
    contents = {
        "plain.csv": "c,0,0.25\na,0,0\nb,0.5,0\n",
        "named.tsv": "node\tx\ty\na\t0\t0\nb\t0.5\t0\nc\t0\t0.25\nunknown\t9\t9\n",
        "glove.vec": "a 0 0\nb 0.5 0\nc 0 0.25\n",
        "of_lists.json": json.dumps({"a": [0, 0], "b": [0.5, 0], "c": [0, 0.25]}),
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        emb = TaxonomyEmbedding.from_file(tmp_path / name, tree, "euclidean")
        assert emb.points.tolist() == points
        assert emb.info.get("unknown_names") == (1 if name == "named.tsv" else None)


def test_rounded_points_are_put_back_and_others_refused() -> None:
    tree = Taxonomy.from_edges([("a", "b")])
    sphere = get_manifold("sphere")
    near = torch.tensor([[1.0, 0.0], [0.60001, 0.8]], dtype=torch.float64)
    emb = TaxonomyEmbedding.from_points(["a", "b"], near, tree, sphere)
    assert sphere.check_point_on_manifold(emb.points)
    for manifold, origin in (("sphere", [1.0, 0.0]), ("poincare", [0.0, 0.0])):
        with pytest.raises(ManifoldError, match="'b' does not lie on"):
            TaxonomyEmbedding.from_points(["a", "b"], [origin, [1.5, 0.0]], tree, manifold)


def test_what_is_missing_is_named(tmp_path) -> None:
    tree = Taxonomy.from_edges([("a", "b"), ("a", "c")])
    with pytest.raises(TaxonomyError, match="1 of 3 nodes have no point, such as 'c'"):
        TaxonomyEmbedding.from_points(["a", "b"], [[0.0], [1.0]], tree, "euclidean")
    with pytest.raises(ValueError, match="'a' has several points"):
        TaxonomyEmbedding.from_points(["a", "a"], [[0.0], [1.0]], tree, "euclidean")
    with pytest.raises(ValueError, match=r"must have shape \(3, ambient\), got \(3,\)"):
        TaxonomyEmbedding.from_points("abc", [0.0, 1.0, 2.0], tree, "euclidean")
    broken = {
        "a.xyz": b"",
        "empty.txt": b"",
        "few.txt": b"3 2\na 0 0\n",
        "ragged.csv": b"a,1,2\nb,1\n",
        "text.csv": b"node,x\na,one\nb,two\n",
        "short.bin": b"2 2\na \x00\x00\x00\x00",
        "names.tsv": b"1\t2\n3\t4\n",
        "list.json": b"[1, 2]",
        "no.json": b"{",
        "zip.npz": b"PK",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            read_points(tmp_path / name)
    np.savez(tmp_path / "other.npz", vectors=np.zeros(2))
    with pytest.raises(DataError, match="no array 'nodes', only vectors"):
        read_points(tmp_path / "other.npz")


def test_coordinates_too_large_for_32_bits(tmp_path) -> None:
    emb = embed(Taxonomy.from_edges([("a", "b")]), dim=2, radius=100.0)
    emb.points[1] = get_manifold("lorentz").from_features(torch.tensor([200.0, 0.0]).double())
    with pytest.raises(ValueError, match="'b' is too large for 32 bits"):
        emb.export(tmp_path / "e.bin")
