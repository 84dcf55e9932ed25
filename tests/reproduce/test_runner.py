"""Runs: made once, kept whole, gone on with after whatever interrupted them."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hyperhier.reproduce import RunStore, Selection, Suite, collect, outlook, read_suite, run_suite
from hyperhier.reproduce import pool as pool_module
from hyperhier.reproduce.datasets import ImageCache
from hyperhier.reproduce.execute import execute
from hyperhier.reproduce.plan import cells, final_job, tuning_jobs
from hyperhier.reproduce.report import tables_as_markdown
from hyperhier.reproduce.store import digest
from hyperhier.reproduce.tune import chosen_rate, further_jobs, tuning_of
from hyperhier.training import train

ONE = Selection(method=("supcon",), geometry=("lorentz",))


def test_finished_runs_are_not_made_again(
    short: Suite, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a run was made again")

    monkeypatch.setattr(pool_module, "_attempt", never)
    phases: list[tuple[Any, ...]] = []
    assert run_suite(short, finished, finished, progress=lambda *a: phases.append(a)) == []
    assert phases == [("tuning", 0, 0, None), ("runs", 0, 0, None)]


def test_a_record_says_what_was_asked_and_what_came_out(short: Suite, finished: Path) -> None:
    records = RunStore(finished).load()
    cell = cells(short, Selection(method=("supcon",), geometry=("lorentz",)))[0]
    rate = chosen_rate(short, cell, records)
    assert rate is not None
    record = records[digest(final_job(short, cell, rate, 1))]
    assert set(record["metrics"]) == {"kinds", "other"}
    assert {"top1", "hf1", "pdv", "val_hf1"} <= set(record["metrics"]["kinds"])
    assert record["config"]["seed"] == 1
    assert record["config"]["width"] == 2
    assert record["cost"]["peak_mib"] > 10
    assert record["cost"]["cpu_seconds"] > 0
    assert len(record["history"]) == 1
    assert record["environment"]["threads"] == 1
    assert (record["curvature"], record["learned_curvature"]) == (-1.0, {})


def test_tuning_runs_hold_no_test_figure(short: Suite, finished: Path) -> None:
    records = RunStore(finished).load()
    job = tuning_jobs(short, cells(short)[0])[0]
    figures = records[digest(job)]["metrics"]["kinds"]
    assert figures
    assert all(name.startswith("val_") for name in figures)


def test_a_run_is_the_training_that_one_would_do_by_hand(short: Suite, finished: Path) -> None:
    cell = cells(short, Selection(method=("hwc+lam, shuffled leaves",)))[0]
    job = final_job(short, cell, 0.01, 1)
    cache = ImageCache(finished)
    record = execute(job, cache)
    data, tree = cache.get(job["data"], cell.tree)
    options = {"epochs": 1, "width": 2, "dim": 3, "batch_size": 8, "lr": 0.01, "seed": 1}
    result = train(
        data, tree, geometry="lorentz", loss="hwc+lam", monitor=0, pictures=False,
        loss_taxonomy=tree.shuffled_leaves(1), **options,
    )  # fmt: skip
    assert record["metrics"]["kinds"] == result.metrics


def test_the_rate_with_the_best_validation_figure_is_chosen(short: Suite) -> None:
    cell = cells(short)[0]
    jobs = tuning_jobs(short, cell)

    def records(*values: float | None) -> dict[str, dict[str, Any]]:
        return {
            digest(job): {"metrics": {"kinds": {"val_balanced_accuracy": v}}}
            if v is not None
            else {"metrics": {}, "error": "the loss is nan"}
            for job, v in zip(jobs, values)
        }

    assert chosen_rate(short, cell, records(0.3, 0.4)) == 0.01
    assert chosen_rate(short, cell, records(0.4, 0.3)) == 0.003
    assert chosen_rate(short, cell, records(0.4, 0.4)) == 0.003
    assert chosen_rate(short, cell, records(None, 0.1)) == 0.01
    assert chosen_rate(short, cell, records(None, math.nan)) is None
    assert chosen_rate(short, cell, records(0.4)) is None
    found = tuning_of(short, cell, records(None, 0.1))
    assert found is not None
    assert found.figures == {0.003: -math.inf, 0.01: 0.1}
    assert found.finalists == [0.01]


def test_the_best_two_rates_are_tried_with_further_seeds(tiny_file: Path) -> None:
    suite = read_suite(tiny_file, None, ["tuning.rates=[0.1, 0.2, 0.3]", "tuning.seeds=[7, 8, 9]"])
    cell = cells(suite)[0]

    def records(*runs: tuple[int, float, float]) -> dict[str, dict[str, Any]]:
        return {
            digest(tuning_jobs(suite, cell, seed, [rate])[0]): {
                "metrics": {"kinds": {"val_balanced_accuracy": value}}
            }
            for seed, rate, value in runs
        }

    first = [(7, 0.1, 0.6), (7, 0.2, 0.4), (7, 0.3, 0.5)]
    assert further_jobs(suite, cell, records(*first[:2])) is None
    more = further_jobs(suite, cell, records(*first))
    assert more is not None
    assert [(job["seed"], job["train"]["lr"]) for job in more] == [
        (8, 0.1), (8, 0.3), (9, 0.1), (9, 0.3)
    ]  # fmt: skip
    assert all(job["tuning"] for job in more)
    assert chosen_rate(suite, cell, records(*first)) is None

    second = [(8, 0.1, 0.2), (8, 0.3, 0.5), (9, 0.1, 0.4)]
    assert tuning_of(suite, cell, records(*first, *second)) is None
    found = tuning_of(suite, cell, records(*first, *second, (9, 0.3, 0.5)))
    assert found is not None
    assert found.figures == pytest.approx({0.1: 0.4, 0.2: 0.4, 0.3: 0.5})
    assert found.finalists == [0.1, 0.3]
    assert found.chosen == 0.3


def test_both_rounds_of_tuning_come_before_the_runs(tiny_file: Path, tmp_path: Path) -> None:
    suite = read_suite(tiny_file, None, ["tuning.seeds=[100, 101]", "train.epochs=1"])
    chosen = Selection(method=("supcon",), geometry=("lorentz",), seed=(0,))
    before = outlook(suite, tmp_path, tmp_path, chosen)
    assert (before.tuning_left, before.final_left) == (4, 1)
    phases: list[str] = []
    failures = run_suite(
        suite, tmp_path, tmp_path, selection=chosen, progress=lambda phase, *_: phases.append(phase)
    )
    assert failures == []
    assert phases == ["tuning"] * 3 + ["further tuning"] * 3 + ["runs"] * 2
    after = outlook(suite, tmp_path, tmp_path, chosen)
    assert (after.tuning, after.tuning_left, after.final_left) == (4, 0, 0)
    assert "mean with 101 too" in tables_as_markdown(collect(suite, tmp_path, chosen))


def test_a_single_rate_needs_no_tuning(tiny_file: Path, tmp_path: Path) -> None:
    suite = read_suite(tiny_file, None, ["tuning.rates=[0.02]"])
    assert run_suite(suite, tmp_path, tmp_path, selection=Selection(
        method=("supcon",), geometry=("lorentz",), seed=(0,))) == []  # fmt: skip
    records = list(RunStore(tmp_path).load().values())
    assert [r["config"]["lr"] for r in records] == [0.02]


def test_a_training_that_diverges_is_a_result(short: Suite, tmp_path: Path) -> None:
    job = final_job(short, cells(short, ONE)[0], 0.01, 0)
    job["train"] = {**job["train"], "lr": 1e30, "epochs": 3, "grad_clip": None, "clip": None}
    record = execute(job, ImageCache(tmp_path))
    assert "not finite" in record["error"] or "the loss is" in record["error"]
    assert record["metrics"] == {}
    RunStore(tmp_path).save(record)
    assert digest(job) in RunStore(tmp_path).load()


def test_another_failure_is_told_and_tried_again(
    short: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.reproduce import execute as module

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(module, "train", broken)
        failures = run_suite(short, tmp_path, tmp_path, selection=ONE)
    assert len(failures) == 2
    assert "supcon" in failures[0]
    assert "OSError: no space left" in failures[0]
    assert RunStore(tmp_path).load() == {}
    assert run_suite(short, tmp_path, tmp_path, selection=ONE) == []


def test_an_interruption_keeps_what_is_finished(short: Suite, tmp_path: Path) -> None:
    def impatient(phase: str, done: int, _: int, __: object) -> None:
        if (phase, done) == ("runs", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suite(short, tmp_path, tmp_path, selection=ONE, progress=impatient)
    kept = RunStore(tmp_path).load()
    assert len(kept) == 3
    assert run_suite(short, tmp_path, tmp_path, selection=ONE) == []
    after = RunStore(tmp_path).load()
    assert len(after) == 4
    assert all(after[name] == record for name, record in kept.items())


def test_damaged_records_are_made_anew(short: Suite, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "runs", tmp_path / "runs")
    whole = RunStore(tmp_path).load()
    victims = sorted((tmp_path / "runs").glob("*supcon*seed1_*.json"))
    assert victims
    victims[0].write_text(victims[0].read_text(encoding="utf-8")[:50], encoding="utf-8")
    assert len(RunStore(tmp_path).load()) == len(whole) - 1
    assert run_suite(short, tmp_path, tmp_path) == []
    again = RunStore(tmp_path).load()
    assert {k: r["metrics"] for k, r in again.items()} == {
        k: r["metrics"] for k, r in whole.items()
    }


def test_a_packed_file_stands_for_the_single_ones(
    short: Suite, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "runs", tmp_path / "runs")
    store = RunStore(tmp_path)
    whole = store.load()
    assert store.pack() == len(whole)
    content = store.packed.read_bytes()
    shutil.rmtree(store.folder)

    alone = store.load()
    assert alone.keys() == whole.keys()
    assert all(alone[name]["metrics"] == record["metrics"] for name, record in whole.items())
    assert not any("history" in record for record in alone.values())
    assert tables_as_markdown(collect(short, tmp_path)) == tables_as_markdown(
        collect(short, finished)
    )
    assert run_suite(short, tmp_path, tmp_path) == []
    assert not store.folder.exists()  # nothing was made again

    store.pack()
    assert store.packed.read_bytes() == content
    store.packed.write_bytes(content[: len(content) // 2])  # cut off: what is whole counts
    assert store.load().keys() < whole.keys()
    store.packed.write_bytes(b"no archive")
    assert store.load() == {}


def test_the_outlook_learns_from_finished_runs(short: Suite, tmp_path: Path) -> None:
    before = outlook(short, tmp_path, tmp_path)
    assert before.seconds == before.tuning_left + before.final_left  # a second each, by the suite
    job = final_job(short, cells(short, ONE)[0], 0.01, 0)
    cost = {"cpu_seconds": 6.0, "judge_seconds": 1.0}
    RunStore(tmp_path).save({"job": job, "metrics": {}, "cost": cost})
    after = outlook(short, tmp_path, tmp_path)
    assert after.seconds == 7.0 * (after.tuning_left + after.final_left)


def test_a_run_of_its_own_counts_before_the_packed_one(finished: Path, tmp_path: Path) -> None:
    record = next(iter(RunStore(finished).load().values()))
    store = RunStore(tmp_path)
    store.save(record)
    store.pack()
    store.save(record | {"metrics": {"new": {"hf1": 1.0}}})
    (found,) = store.load().values()
    assert found["metrics"] == {"new": {"hf1": 1.0}}


def test_checkpoints_let_a_long_run_go_on(tiny_file: Path, tmp_path: Path) -> None:
    suite = read_suite(tiny_file, "longer")
    job = final_job(suite, cells(suite, ONE)[0], 0.01, 0)
    scratch = tmp_path / "unfinished"
    whole = execute(job, ImageCache(tmp_path))
    from hyperhier.reproduce import execute as module

    real = module._Meter.__call__

    def stop(self: Any, event: Any) -> None:
        real(self, event)
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Meter, "__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(job, ImageCache(tmp_path), scratch)
    assert (scratch / f"{digest(job)}.partial" / "checkpoint.pt").is_file()
    resumed = execute(job, ImageCache(tmp_path), scratch)
    assert resumed["metrics"] == whole["metrics"]
    assert list(scratch.iterdir()) == []


class Thread(threading.Thread):
    """What the pool uses of a process, for workers that need no start of an interpreter."""

    exitcode = 0

    def __init__(self, target: Any, args: tuple[Any, ...]) -> None:
        theirs = Connection(os.dup(args[0].fileno()))  # a process has its own end, too
        super().__init__(target=target, args=(theirs, *args[1:]))

    def terminate(self) -> None:
        """The closed pipe ends it."""


def test_the_pool_hands_out_every_run_once(
    short: Suite, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Context:
        Pipe = staticmethod(multiprocessing.Pipe)
        Process = Thread

    monkeypatch.setattr(pool_module.multiprocessing, "get_context", lambda _: Context)
    monkeypatch.setattr(pool_module.signal, "signal", lambda *_: None)
    one_at_a_time, attempt = threading.Lock(), pool_module._attempt

    def alone(*args: object) -> object:  # threads share torch's generator, processes do not
        with one_at_a_time:
            return attempt(*args)

    monkeypatch.setattr(pool_module, "_attempt", alone)
    threads = torch.get_num_threads()
    try:
        assert run_suite(short, tmp_path, tmp_path, workers=3, selection=ONE) == []
    finally:
        torch.set_num_threads(threads)
    here, there = RunStore(tmp_path).load(), RunStore(finished).load()
    assert len(here) == 4
    assert set(here) <= set(there)


def test_a_worker_takes_the_runs_of_its_data_set_first() -> None:
    sent: list[Any] = []
    worker = object.__new__(pool_module._Worker)
    worker.data, worker.job = "a", None
    worker.pipe = SimpleNamespace(send=sent.append)  # type: ignore[assignment]
    waiting = [{"data": d, "seed": i} for i, d in enumerate("bab")]
    for _ in range(4):
        worker.take(waiting)
    assert [job["seed"] for job in sent] == [1, 0, 2]
    assert worker.job is None


DIE = """
import os, sys
from pathlib import Path
from hyperhier.reproduce import execute as module

real = module.execute
def deadly(job, cache, scratch=None):
    if job["seed"] == 1:
        os._exit(9)
    return real(job, cache, scratch)
module.execute = deadly
"""


@pytest.mark.deep
def test_processes_give_the_same_numbers_and_one_may_die(
    short: Suite, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(DIE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    failures = run_suite(short, tmp_path, tmp_path, workers=2, selection=ONE)
    assert len(failures) == 1
    assert "exit code 9" in failures[0]
    here, there = RunStore(tmp_path).load(), RunStore(finished).load()
    assert len(here) == 3  # 2 tuning runs, 1 of 2 others
    assert all(there[name]["metrics"] == record["metrics"] for name, record in here.items())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.deep
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_control_c_ends_the_command_and_its_processes(tiny_file: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "hyperhier", "reproduce", str(tiny_file), "--data", str(tmp_path),
        "-o", str(tmp_path / "out"), "--workers", "2", "--set", "train.epochs=200",
        "--set", "tuning.rates=[0.01]",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while not (tmp_path / "out" / "runs").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    mine = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on" in told
    assert "Traceback" not in told
    deadline = time.monotonic() + 10
    while any(map(alive, mine)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, mine))
    for path in (tmp_path / "out" / "runs").glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["metrics"]
