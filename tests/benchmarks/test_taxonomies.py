"""The script that compares embeddings of taxonomies: what judges, and what is run again."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """``load("taxonomies")`` is that script as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


@pytest.fixture
def chain(load):
    """0 above 1 above 2 above 3, and 4 below 0."""
    pairs = torch.tensor([[1, 2, 2, 3, 3, 3, 4], [0, 1, 0, 2, 1, 0, 0]])
    return load("_taxonomy_data").Relation(pairs, 5)


def test_the_evaluation_agrees_with_the_definition(load, chain, capsys) -> None:
    load("_taxonomy_data").check_evaluation(chain, nodes=5)
    assert "poincare, lorentz, euclidean, sphere" in capsys.readouterr().out


def test_a_wrong_evaluation_is_noticed(load, chain, monkeypatch) -> None:
    data = load("_taxonomy_data")
    monkeypatch.setattr(data, "reconstruction", lambda *args: (1.0, 1.0))
    with pytest.raises(SystemExit, match="by the definition"):
        data.check_evaluation(chain, nodes=5)


def test_points_on_a_line_are_judged_by_hand(load, chain) -> None:
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0], [1.5]])
    found = load("_taxonomy_data").judge(line, chain, "euclidean")
    precisions = [1 / 3, (1 / 3 + 2 / 4) / 2, (1 + 2 / 3 + 3 / 4) / 3, 1 / 4]
    assert found["map"] == pytest.approx(sum(precisions) / 4)
    assert found["mean_rank"] == pytest.approx((3 + 3 + 3 + 1 + 2 + 2 + 4) / 7)
    assert found["radius"] == 3.0


def test_a_point_that_is_not_finite_spoils_the_embedding(load, chain) -> None:
    points = torch.zeros(5, 2)
    points[3, 0] = torch.nan
    assert load("_taxonomy_data").judge(points, chain, "poincare")["map"] == 0.0


def test_finished_runs_are_not_run_again_and_failed_ones_are(load, tmp_path, monkeypatch) -> None:
    runs, script = load("_taxonomy_runs"), load("taxonomies")
    job = script.Cell("mammals", "ours ranking", "lorentz", 5).job(0.1, 0, 1.0)
    file = tmp_path / "results.jsonl"
    outcomes = [{"process_seconds": 1.0, "error": "no memory"}]
    outcomes += [{"process_seconds": 1.0, "map": 0.5, "mean_rank": 2.0, "radius": 3.0}]
    monkeypatch.setattr(runs.Bench, "_run", lambda self, job: outcomes.pop(0))
    for expected in ("error", "map", "map"):
        assert expected in runs.Bench(file, tmp_path, "python", {})(job)
    assert not outcomes
    assert [("error" in json.loads(line)) for line in file.read_text().splitlines()] == [1, 0]


def test_the_rate_of_the_tuning_seed_wins(load, tmp_path, monkeypatch) -> None:
    runs, script = load("_taxonomy_runs"), load("taxonomies")
    good = {"map": 0.5, "mean_rank": 2.0, "radius": 3.0, "process_seconds": 1.0}
    monkeypatch.setattr(
        runs.Bench, "_run", lambda self, job: {**good, "map": -abs(job["lr"] - 0.2)}
    )
    monkeypatch.setattr("sys.argv", ["taxonomies.py", "--rates", "0.1", "0.2", "0.4"])
    bench = runs.Bench(tmp_path / "r.jsonl", tmp_path, "python", {})
    cell = script.Cell("mammals", "ours ranking", "lorentz", 5)
    assert script.search(bench, cell, script.parse()) == 0.2
    assert {row["seed"] for row in bench.rows.values()} == {script.TUNING_SEED}


def test_an_absent_peer_is_named(load, tmp_path) -> None:
    bench = load("_taxonomy_runs").Bench(
        tmp_path / "r", tmp_path, "python", {"lateral": tmp_path / "x"}
    )
    assert "--shirakawa DIR" in bench.missing("shirakawa")
    assert "no folder" in bench.missing("lateral")
    assert bench.missing("ours ranking") == ""


def test_a_run_is_timed_and_its_last_line_is_the_error(load) -> None:
    spawn = load("_taxonomy_runs").spawn
    work = "sum(range(10**6)); "
    assert "error" not in spawn([sys.executable, "-c", work], 1, 60.0)
    failed = spawn([sys.executable, "-c", work + "raise SystemExit('no such peer')"], 1, 60.0)
    assert failed["error"] == "no such peer"
    assert 0.0 < failed["process_seconds"] < 60.0


def test_a_run_that_hangs_is_ended(load) -> None:
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    row = load("_taxonomy_runs").spawn(sleeps, 1, 0.3)
    assert row["error"] == "ended with status -9"
    assert row["wall_seconds"] < 30.0
