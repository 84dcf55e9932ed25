"""Text levels: means of sentences, files of matrices, and the nodes of a taxonomy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hyperhier.errors import DataError
from hyperhier.hlss import AttributeTexts, TextLevel, embed_texts, load_text_levels
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, read_taxonomy

VECTORS = {"up": [0.0, 2.0], "right": [3.0, 0.0], "left": [-1.0, 0.0]}


def encoder(sentences):
    return [VECTORS[s] for s in sentences]


def test_an_attribute_is_the_normalised_mean_of_unit_vectors():
    texts = AttributeTexts({"k": {"corner": ["up", "right"], "west": ["left"]}})
    (level,) = embed_texts(texts, encoder)
    torch.testing.assert_close(level.vectors, torch.tensor([[0.5**0.5, 0.5**0.5], [-1.0, 0.0]]))
    assert level.attributes == ("corner", "west") and level.nodes is None


def test_matrices_from_files(tmp_path):
    coarse, fine = torch.eye(3)[:2], torch.eye(3) * 2.0
    np.savez(
        tmp_path / "a.npz", coarse=coarse.numpy(), fine=fine.numpy(), fine_names=["x", "y", "z"]
    )
    save_file({"b_fine": fine, "a_coarse": coarse}, tmp_path / "a.safetensors")
    one = load_text_levels(tmp_path / "a.npz")
    two = load_text_levels(str(tmp_path / "a.safetensors"))
    for levels in (one, two):
        torch.testing.assert_close(levels[0].vectors, coarse)
        torch.testing.assert_close(levels[1].vectors, torch.eye(3))
    assert [level.name for level in one] == ["coarse", "fine"]
    assert one[1].attributes == ("x", "y", "z") and one[0].attributes == ("0", "1")
    turned = load_text_levels(tmp_path / "a.npz", names="fine, coarse")
    assert [level.name for level in turned] == ["fine", "coarse"]
    assert load_text_levels(tmp_path / "a.npz", names=["fine"])[0].attributes == ("x", "y", "z")


def test_file_names_with_variables(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", only=np.eye(2))
    monkeypatch.setenv("WHERE_TEXTS_ARE", str(tmp_path))
    assert load_text_levels("$WHERE_TEXTS_ARE/a.npz")[0].name == "only"


def test_matrices_from_memory():
    levels = load_text_levels([np.eye(2), torch.ones(1, 2)])
    assert [level.vectors.shape for level in levels] == [(2, 2), (1, 2)]
    assert load_text_levels(levels) == levels
    assert load_text_levels({"only": torch.eye(2)})[0].name == "only"


def test_nodes_without_a_text_take_the_mean_of_their_leaves():
    tree = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b")])
    texts = AttributeTexts({"": {"a1": ["up"], "a2": ["right"], "b": ["left"]}})
    first, second = load_text_levels(texts, encoder, taxonomy=tree)
    assert tree.decode(first.nodes) == list(first.attributes) == ["a", "b"]
    torch.testing.assert_close(first.vectors[0], torch.tensor([0.5**0.5, 0.5**0.5]))
    assert sorted(second.attributes) == ["a1", "a2", "b"]
    texts = AttributeTexts({"": {"a1": ["up"], "a2": ["right"], "b": ["left"], "a": ["left"]}})
    own = load_text_levels(texts, encoder, taxonomy=tree)[0]
    torch.testing.assert_close(own.vectors[0], torch.tensor([-1.0, 0.0]))


def test_attributes_that_are_no_nodes_stay_as_they_are():
    texts = AttributeTexts({"": {"dense": ["up"], "sparse": ["left"]}})
    (level,) = load_text_levels(texts, encoder, taxonomy=builtin_taxonomy("demo"))
    assert level.nodes is None


def test_built_in_texts_cover_both_trees():
    for name in ("ham10000-lineage", "ham10000-malignancy"):
        tree = builtin_taxonomy(name)
        levels = load_text_levels("ham10000", taxonomy=tree)
        assert len(levels) == tree.height
        # no two classes read the same
        cosine = levels[-1].vectors @ levels[-1].vectors.T
        assert float((cosine - torch.eye(len(cosine))).max()) < 0.5


@pytest.mark.data
def test_grocery_descriptions_fit_its_tree(data_dir):
    folder = data_dir("grocerystore_64")
    tree = read_taxonomy(folder / "tree.csv")
    levels = load_text_levels(folder / "descriptions.csv", taxonomy=tree)
    assert [len(level.attributes) for level in levels] == [3, 43, 81]


def test_bad_texts_are_named(tmp_path):
    with pytest.raises(DataError, match=r"must return \(1, e\) for 1 sentences, got \(2, 2\)"):
        embed_texts(AttributeTexts({"": {"a": ["x"]}}), lambda s: torch.eye(2))
    with pytest.raises(DataError, match="'k': 1 attributes, but 2 vectors"):
        TextLevel("k", ("a",), torch.eye(2))
    with pytest.raises(DataError, match="not finite"):
        TextLevel("k", ("a",), torch.tensor([[torch.nan]]))
    with pytest.raises(DataError, match="float matrix"):
        TextLevel("k", ("a",), torch.ones(1, 2, dtype=torch.long))
    with pytest.raises(DataError, match="int"):
        load_text_levels(3)
    with pytest.raises(DataError, match="no built-in texts"):
        load_text_levels("nowhere")
    with pytest.raises(DataError, match="no such file"):
        load_text_levels(tmp_path / "absent.npz")
    (tmp_path / "junk.npz").write_bytes(b"junk")
    with pytest.raises(DataError, match="cannot be read"):
        load_text_levels(tmp_path / "junk.npz")
    with pytest.raises(DataError, match="no level 'q'"):
        load_text_levels([torch.eye(2)], names=["q"])
