"""Dispatch by suffix and by name, and whatever names a taxonomy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import (
    Taxonomy,
    builtin_taxonomy,
    format_names,
    load_taxonomy,
    read_taxonomy,
    register_format,
    write_taxonomy,
)
from hyperhier.taxonomy.readers import FORMATS

TREE = Taxonomy.from_edges([("r", "a"), ("r", "b")])
NEEDS = {"parquet": "pyarrow", "rdf": "rdflib"}


def test_further_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperhier.taxonomy.readers.FORMATS", dict(FORMATS))
    seen = []

    def reader(path: Path, **options: object) -> Taxonomy:
        seen.append((Path(path).name, options))
        return TREE

    register_format("mine", [".OBO", ".edges.csv"], reader)
    assert format_names()[-1] == "mine"
    assert read_taxonomy("go.obo", roots="join") is TREE
    assert read_taxonomy(Path("go.Obo.gz")) is TREE
    assert read_taxonomy("x.edges.csv") is TREE  # the longest suffix wins
    assert read_taxonomy("anything", format="mine") is TREE
    assert [name for name, _ in seen] == ["go.obo", "go.Obo.gz", "x.edges.csv", "anything"]
    assert seen[0][1] == {"roots": "join"}
    with pytest.raises(TaxonomyError, match="mine cannot be written; expected among csv, parquet"):
        write_taxonomy(TREE, "x.edges.csv")


@pytest.mark.parametrize("suffixes", [["obo"], ["."], [".gz"], [""], ".obo"])
def test_bad_suffixes(suffixes: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        register_format("mine", suffixes, read_taxonomy)
    assert "mine" not in FORMATS


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", [name for name, entry in FORMATS.items() if entry.write])
def test_every_suffix_reads_back(tmp_path: Path, name: str, compressed: bool) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    for suffix in FORMATS[name].suffixes:
        path = tmp_path / f"t{suffix}{'.gz' * compressed}"
        for tax in (TREE, builtin_taxonomy("cifar100")):
            write_taxonomy(tax, path)
            assert read_taxonomy(path) == tax
            assert read_taxonomy(path, format=name) == tax
        assert [p.name for p in tmp_path.iterdir()] == [path.name]
        path.unlink()


def test_text_files_are_told_apart(tmp_path: Path) -> None:
    paths, outline = tmp_path / "paths.txt", tmp_path / "outline.txt"
    paths.write_text("# version 1\nr > a\nr > b\n")
    outline.write_text("r\n  a\n  b\n")
    assert read_taxonomy(paths) == read_taxonomy(outline) == TREE
    paths.write_text("r/a\nr/b\n")
    assert read_taxonomy(paths, separator="/") == TREE


def test_tables_of_paths(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,top,leaf\n1,r,a\n2,r,b\n")
    assert read_taxonomy(path, columns=("top", "leaf")) == TREE


def test_folders(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "r" / name).mkdir(parents=True)
    assert read_taxonomy(tmp_path / "r") == TREE


def test_an_option_that_the_format_does_not_know(tmp_path: Path) -> None:
    TREE.write_csv(tmp_path / "t.csv")
    with pytest.raises(TypeError, match="unexpected argument 'duplicates'"):
        read_taxonomy(tmp_path / "t.csv", duplicates="path")


def test_unknown_formats(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"unknown format 'cvs'; .*did you mean 'csv'"):
        read_taxonomy(tmp_path / "t.csv", format="cvs")
    with pytest.raises(TaxonomyError, match=r"t.xlsx: unknown kind of file; .*\.csv"):
        write_taxonomy(TREE, tmp_path / "t.xlsx")


def test_load(tmp_path: Path) -> None:
    assert load_taxonomy(TREE) is TREE
    assert load_taxonomy("demo") is builtin_taxonomy("demo")
    path = tmp_path / "t.csv"
    TREE.write_csv(path)
    assert load_taxonomy(path) == TREE
    assert load_taxonomy(str(path)) == TREE
    path.write_text("parent,child\na,b\nc,d\n")
    assert load_taxonomy(path, roots="join").root == "root"


def test_load_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"neither a file nor .*did you mean 'cifar100'"):
        load_taxonomy("cifar10")
    with pytest.raises(TaxonomyError, match="no such file"):
        load_taxonomy(tmp_path / "none.csv")
