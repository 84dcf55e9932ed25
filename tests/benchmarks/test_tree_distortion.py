"""The script that measures tree distances: how it counts neighbours."""

from __future__ import annotations

import sys

import pytest

from hyperhier.taxonomy import Taxonomy


def test_edges_of_weight_0_are_contracted(load) -> None:
    script = load("tree_distortion")
    edges = [("r", "a", 0.0), ("r", "b", 1.0), ("a", "c", 2.0), ("c", "d", 0.0), ("d", "e", 0.5)]
    short = script.contracted(Taxonomy.from_edges(edges))
    assert short == Taxonomy.from_edges([("r", "b", 1.0), ("r", "c", 2.0), ("c", "e", 0.5)])
    assert script.contracted(short) == short


def test_ties_of_neighbours_count_against(load) -> None:
    script = load("tree_distortion")
    tree = Taxonomy.from_edges([("r", "a", 0.0), ("r", "b", 1.0), ("a", "c", 1.0)])
    by_hand = [(1 + 2 / 3) / 2, (1 + 2 / 3) / 2, 1 / 2, 1 / 2]
    found = script.neighbour_map(tree.distance_matrix(weighted=True), tree)
    assert found == pytest.approx(sum(by_hand) / 4)
    short = script.contracted(tree)
    assert script.neighbour_map(short.distance_matrix(weighted=True), short) == 1.0


def test_the_tree_is_judged_in_both_forms(load, monkeypatch, tmp_path, capsys) -> None:
    script = load("tree_distortion")
    folder = tmp_path / "trees_hsdte"
    folder.mkdir()
    (folder / "small.csv").write_text(
        "parent,child,weight\nr,a,0\nr,b,1\na,c,1\n", encoding="utf-8"
    )
    given = ["--trees", "small", "2x2", "--data", str(tmp_path), "--dims", "2", "--seeds", "1"]
    monkeypatch.setattr(
        sys, "argv", ["tree_distortion.py", *given, "--methods", "constructive", "--contract"]
    )
    script.main()
    names = [row.split(" | ")[0] for row in capsys.readouterr().out.splitlines()[2:]]
    assert names == [
        "| small (4)", "| small, contracted (3)", "| small, contracted", "| 2x2 (7)", "| 2x2",
    ]  # fmt: skip
