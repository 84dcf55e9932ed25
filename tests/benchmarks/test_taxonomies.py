"""The script that compares embeddings of taxonomies: what judges, and what is run again."""

from __future__ import annotations

import json
import sys

import pytest
import torch

import hyperhier.embedding
from hyperhier.taxonomy import builtin_taxonomy


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


def test_a_method_is_the_same_on_every_data_set(load) -> None:
    script = load("taxonomies")
    for name, method in script.METHODS.items():
        geometry, *_ = method.geometries
        jobs = [script.Cell(d, name, geometry, 5).job(0.1, 0, 1.0) for d in script.DATASETS]
        assert all({**job, "dataset": "mammals"} == jobs[0] for job in jobs)


def test_what_takes_too_long_is_left_out_by_name(load, tmp_path, monkeypatch) -> None:
    script = load("taxonomies")
    bench = load("_taxonomy_runs").Bench(tmp_path / "r", tmp_path, "python", {})
    monkeypatch.setattr("sys.argv", ["taxonomies.py", "--dataset", "nouns"])
    options = script.parse()
    assert "nouns" in script.left_out(bench, "ours ranking, all negatives", options)
    assert script.left_out(bench, "ours ranking, random start", options) == ""


def test_a_search_by_ours_has_the_whole_burn_in(load) -> None:
    script = load("taxonomies")
    for name, burn_in in (("ours ranking torch", 20), ("gensim", 4)):
        job = script.Cell("mammals", name, "poincare", 5).job(0.1, 0, script.METHODS[name].search)
        assert (job["epochs"], job["burn_in"]) == (20, burn_in)


def test_what_a_job_says_is_what_is_run(load, tmp_path, monkeypatch) -> None:
    peers, script, given = load("_taxonomy_peers"), load("taxonomies"), []

    class Seen(hyperhier.embedding.RankingEmbedder):
        def __init__(self, **options: object) -> None:
            super().__init__(**options)  # type: ignore[arg-type]
            given.append(options)

    tree = builtin_taxonomy("demo")
    monkeypatch.setattr(hyperhier.embedding, "RankingEmbedder", Seen)
    monkeypatch.setattr(
        load("_taxonomy_data"), "wordnet", lambda *_: (tree, torch.arange(len(tree)))
    )
    job = script.Cell("mammals", "ours ranking torch", "euclidean", 3).job(0.1, 0, 0.02)
    peers.ours({**job, "data": str(tmp_path)})
    said = {key: job[key] for key in ("epochs", "burn_in", "negatives", "batch_size", "lr")}
    assert said.items() <= given[0].items()
    assert (said["epochs"], said["burn_in"], said["batch_size"]) == (2, 20, 256)


def test_throughput_has_the_negatives_asked_for(load, monkeypatch) -> None:
    script = load("taxonomies")
    asked = ["--negatives", "50", "282", "--geometries", "lorentz", "poincare"]
    monkeypatch.setattr("sys.argv", ["taxonomies.py", "--throughput", *asked])
    found = list(script.loads(script.parse(), [*script.OURS, "gensim"]))
    assert {cell.method for cell, *_ in found} == {"ours ranking", "gensim"}
    drawn = [
        (n, t) for cell, n, t in found if (cell.dataset, cell.geometry) == ("nouns", "lorentz")
    ]
    assert drawn == [(50, 1), (50, 2), (282, 1), (282, 2)]
    assert {(n, t) for cell, n, t in found if cell.method == "gensim"} == {(10, 1)}


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


def test_every_method_has_a_runner(load) -> None:
    script, runners = load("taxonomies"), load("_taxonomy_peers").RUNNERS
    assert set(script.METHODS) == set(runners)
    ours = {name for name in script.METHODS if runners[name] is runners["ours ranking"]}
    assert ours == set(script.OURS)
