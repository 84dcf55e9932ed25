"""``hyperhier reproduce`` from a file to a report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hyperhier.reproduce import builtin_suites

SUITE = """
[grid]
datasets = ["cells"]
geometries = ["sphere"]
seeds = [0, 1]
[tuning]
rates = [0.01]
[train]
epochs = 1
width = 2
dim = 3
batch_size = 16
[datasets.cells]
reader = "synthetic"
trees = { kinds = "balanced:2,2" }
load = { n_per_class = 10, size = 8 }
seconds = 1800
[methods.supcon]
loss = "supcon"
[methods.hwc]
loss = "hwc"
[methods.future]
loss = "no_such_loss"
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_from_a_suite_to_a_report(run, suite: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    arguments = ["reproduce", suite, "--data", tmp_path, "-o", out, "--workers", 1]
    ahead = run(*arguments, "--dry-run")
    assert ahead.code == 0, ahead.err
    assert "4 of 4 runs to do, about 2.0 core-hours" in ahead.out
    assert not out.exists()
    done = run(*arguments)
    assert done.code == 0, done.err
    assert "left out: method 'future' needs the loss 'no_such_loss'" in done.err
    assert "runs 4/4" in done.err
    assert "val HF1" in done.err
    assert "### cells, tree kinds" in done.out
    page = (out / "small" / "report.html").read_text(encoding="utf-8")
    assert f"<pre>hyperhier reproduce {suite} --data {tmp_path} -o {out}</pre>" in page
    assert len(list((out / "runs").glob("*.json"))) == 4
    again = run(*arguments, "--json", "-q")
    assert again.err == ""
    assert json.loads(again.out)["runs"] == 4
    table = run("reproduce", suite, "-o", out, "--table", "--only", "seed=0", "-q")
    assert table.code == 0, table.err
    rows = [line for line in table.out.splitlines() if line.startswith("| sphere | hwc ")]
    assert len(rows) == 1
    assert "±" not in rows[0]


def test_a_folder_of_the_environment_stays_there(  # type: ignore[no-untyped-def]
    run, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERHIER_DATA", str(tmp_path))
    out = tmp_path / "out"
    assert run("reproduce", suite, "-o", out, "--table", "-q").code == 0
    page = (out / "small" / "report.html").read_text(encoding="utf-8")
    assert f"<pre>hyperhier reproduce {suite} -o {out}</pre>" in page


def test_the_help_names_every_suite(run) -> None:  # type: ignore[no-untyped-def]
    told = run("reproduce", "--help").out
    suites = re.search(r"SUITE +<str> +(.*), or a \.toml\.", told)
    assert suites is not None, told
    assert sorted(suites[1].split(", ")) == sorted(builtin_suites())


def test_parts_and_changes(run, suite: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    arguments = ["reproduce", suite, "--data", tmp_path, "-o", tmp_path / "out", "--dry-run"]
    told = run(*arguments, "--only", "method=hwc", "--set", "grid.seeds=[5]", "--json")
    assert json.loads(told.out)["runs"] == 1
    for extra, word in (
        (["--only", "method=triplet"], "triplet"),
        (["--only", "speed=1"], "speed"),
        (["--set", "train"], "KEY=VALUE"),
        (["--preset", "tpu"], "tpu"),
    ):
        bad = run(*arguments, *extra)
        assert bad.code == 2
        assert word in bad.err
        assert "Traceback" not in bad.err


def test_missing_data_and_suites(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYPERHIER_DATA", raising=False)
    for arguments, word in (
        (["main", "-o", tmp_path / "o"], "HYPERHIER_DATA"),
        (["main", "-o", tmp_path / "o", "--data", tmp_path / "nowhere"], "nowhere"),
        (["main", "-o", tmp_path / "o", "--data", tmp_path], "fashion_mnist_slice"),
        (["mian", "-o", tmp_path / "o", "--data", tmp_path], "built in: ablation"),
    ):
        done = run("reproduce", *arguments, "-q")
        assert done.code == 2, done
        assert word in done.err
        assert not (tmp_path / "o").exists()


def test_a_failed_run_is_told_and_changes_the_exit_code(  # type: ignore[no-untyped-def]
    run, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.reproduce import execute

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(execute, "train", broken)
    arguments = ["reproduce", suite, "--data", tmp_path, "-o", tmp_path / "o", "--workers", 1]
    done = run(*arguments, "--only", "method=hwc", "--only", "seed=0")
    assert done.code == 1
    assert "failed: cells, kinds, sphere, hwc, seed 0: OSError: no space left" in done.err
