"""Dispatch by suffix, and whatever names a taxonomy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import (
    Taxonomy,
    builtin_taxonomy,
    load_taxonomy,
    read_taxonomy,
    register_reader,
)
from hyperhier.taxonomy.readers import READERS

TREE = Taxonomy.from_edges([("r", "a"), ("r", "b")])


def test_further_suffixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperhier.taxonomy.readers.READERS", dict(READERS))
    seen = []

    def reader(path: Path, **options: object) -> Taxonomy:
        seen.append((Path(path).name, options))
        return TREE

    register_reader(".OBO", reader)
    register_reader(".edges.csv", reader)
    assert read_taxonomy("go.obo", roots="join") is TREE
    assert read_taxonomy(Path("go.Obo.gz")) is TREE
    assert read_taxonomy("x.edges.csv") is TREE  # the longest suffix wins
    assert seen == [("go.obo", {"roots": "join"}), ("go.Obo.gz", {}), ("x.edges.csv", {})]


@pytest.mark.parametrize("suffix", ["obo", ".", ".gz", ""])
def test_bad_suffixes(suffix: str) -> None:
    with pytest.raises(ValueError, match="expected one like"):
        register_reader(suffix, read_taxonomy)


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
