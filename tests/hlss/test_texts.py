"""Reading attribute texts: the published file, tables of class texts, bad files."""

from __future__ import annotations

import gzip

import pytest

from hyperhier.errors import DataError
from hyperhier.hlss import AttributeTexts, builtin_texts, read_attribute_texts
from hyperhier.taxonomy import builtin_taxonomy


def test_reads_levels_attributes_and_sentences_in_order(tmp_path):
    path = tmp_path / "texts.csv.gz"
    rows = ("fine,b,0,One.", "fine,a,0,Two.", "coarse,c,0,Three", "fine,b,1,Four")
    path.write_bytes(gzip.compress("\n".join(("level,attribute,variant,text", *rows)).encode()))
    texts = read_attribute_texts(path)
    fine = {"b": ["One.", "Four"], "a": ["Two."]}
    assert texts.levels == {"fine": fine, "coarse": {"c": ["Three"]}}
    assert list(read_attribute_texts(path, ["coarse", "fine"]).levels) == ["coarse", "fine"]
    assert texts.sentences() == ["One.", "Four", "Two.", "Three"]


def test_reads_a_table_of_class_texts(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text('\ufefffine,text\nLemon,"Yellow, sour"\n\nPear,Green\n', encoding="utf-8")
    assert read_attribute_texts(path).levels == {"": {"Lemon": ["Yellow, sour"], "Pear": ["Green"]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "1: expected a column 'text'"),
        ("a,b\n1,2\n", "1: expected a column 'text'"),
        ("node,text\n", "no attribute texts"),
        ("node,text\nx,\n", "2: empty 'text'"),
        ("node,text\nx,y\n ,z\n", "3: empty 'node'"),
        ("node,text\nx,y,z\n", "2: expected 2 cells, got 3"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_attribute_texts(path)


def test_other_bad_files(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_attribute_texts(tmp_path / "absent.csv")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("node,text\nx,\xe9\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read_attribute_texts(latin)
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(b"node,text\n")
    with pytest.raises(DataError, match="not a CSV"):
        read_attribute_texts(packed)
    good = tmp_path / "good.csv"
    good.write_text("node,text\nx,y\n")
    with pytest.raises(DataError, match="no level 'patch'"):
        read_attribute_texts(good, ["patch"])


def test_sentences_are_checked():
    with pytest.raises(DataError, match="'a' needs a sequence"):
        AttributeTexts({"": {"a": "one sentence"}})
    with pytest.raises(DataError, match="'a' has an empty sentence"):
        AttributeTexts({"": {"a": ["x", " "]}})
    with pytest.raises(DataError, match="'level' has no attributes"):
        AttributeTexts({"level": {}})
    with pytest.raises(DataError, match="no built-in texts 'ham'"):
        builtin_texts("ham")


@pytest.mark.parametrize("tree", ["ham10000-lineage", "ham10000-malignancy"])
def test_built_in_texts_describe_every_leaf_four_times(tree):
    texts = builtin_texts("ham10000").levels[""]
    assert set(builtin_taxonomy(tree).leaves) <= set(texts)
    assert {len(sentences) for sentences in texts.values()} == {4}
    every = [sentence for sentences in texts.values() for sentence in sentences]
    assert len(set(every)) == len(every)


@pytest.mark.data
def test_reads_the_published_descriptions(data_dir):
    path = data_dir("hlss_text") / "granular_descriptions.csv.gz"
    texts = read_attribute_texts(path, ["patient", "slide", "patch"])
    assert [len(level) for level in texts.levels.values()] == [128, 128, 128]
    assert len(texts.sentences()) == 3 * 128 * 4
    assert len(read_attribute_texts(path).sentences()) == 2048
