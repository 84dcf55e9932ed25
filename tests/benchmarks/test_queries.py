"""The script that times questions: it runs, and what it prints is right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def test_small_tables(load, monkeypatch, tmp_path: Path, capsys) -> None:
    script = load("queries")
    given = ["--nodes", "300", "--dim", "3", "--k", "4", "--queries", "5", "--repeat", "2"]
    given += ["--leaves", "2", "--leaf-dims", "2", "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["queries.py", *given])
    script.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| 300 | 3 | 4 | ")
    assert rows[3].startswith("| linnaean | 2 | 2 | 1 | 1.0000, then ")


def test_a_wrong_neighbour_is_noticed(load, monkeypatch, tmp_path: Path) -> None:
    script = load("queries")
    nearest = script.TaxonomyEmbedding.nearest
    monkeypatch.setattr(
        script.TaxonomyEmbedding,
        "nearest",
        lambda self, what, k: nearest(self, what, k, restrict_to=self.taxonomy.leaf_ids),
    )
    monkeypatch.setattr(sys, "argv", ["queries.py", "--nodes", "50", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="do not agree"):
        script.main()
