"""Which runs a suite has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hyperhier.errors import RunError
from hyperhier.reproduce import Cell, Selection, Suite, outlook, read_suite
from hyperhier.reproduce.plan import (
    cells,
    final_job,
    tuning_cell,
    tuning_jobs,
    unavailable,
    unique,
    view_of,
)
from hyperhier.reproduce.store import digest


def cell_of(suite: Suite, **sides: str) -> Cell:
    return cells(suite, Selection(**{k: (v,) for k, v in sides.items()}))[0]  # type: ignore[arg-type]


def test_the_grid_is_complete(tiny: Suite) -> None:
    found = cells(tiny)
    assert len(found) == len(set(found)) == 2 * (2 * 4 + 2)  # trees, geometries, methods, sweep


def test_what_knows_no_tree_is_trained_once_and_judged_by_all(tiny: Suite) -> None:
    one = cell_of(tiny, method="supcon", tree="kinds", geometry="sphere")
    jobs = [final_job(tiny, replace(one, tree=tree), 0.01, 0) for tree in ("kinds", "other")]
    assert len(unique(jobs)) == 1
    assert jobs[0]["judged_by"] == ["kinds", "other"]
    both = [
        final_job(tiny, replace(one, tree=t, method="hwc"), 0.01, 0) for t in ("kinds", "other")
    ]
    assert len(unique(both)) == 2
    assert both[1]["judged_by"] == ["other"]


def test_rates_are_tuned_on_the_first_tree_by_the_method_itself(tiny: Suite) -> None:
    cell = cell_of(tiny, method="hwc+lam, shuffled leaves", tree="other")
    assert tuning_cell(tiny, cell) == replace(cell, method="hwc+lam", tree="kinds")
    jobs = tuning_jobs(tiny, cell)
    assert [job["train"]["lr"] for job in jobs] == [0.003, 0.01]
    assert {job["seed"] for job in jobs} == {100}
    assert all(job["tuning"] and job["loss_tree"] == "true" for job in jobs)


def test_the_digest_sees_every_option_and_no_name(tiny: Suite) -> None:
    cell = cell_of(tiny, method="hwc")
    job = final_job(tiny, cell, 0.01, 0)
    assert digest(job) == digest({**job, "names": {}})
    changed = [
        final_job(tiny, cell, 0.02, 0),
        final_job(tiny, cell, 0.01, 1),
        final_job(tiny, replace(cell, geometry="sphere", method="hwc+lam"), 0.01, 0),
        {**job, "labels": {"fraction": 0.5}},
        {**job, "data": {**job["data"], "load": {"size": 16}}},
    ]
    assert len({digest(j) for j in [job, *changed]}) == 6


def test_conditions(tiny_file: Path) -> None:
    suite = read_suite(
        tiny_file,
        None,
        ["grid.conditions=['', 'noise', 'few']", "conditions.noise.pictures='noise:0.1'",
         "conditions.few={labels={fraction=0.5}, epochs_times=3}"],
    )  # fmt: skip
    plain, noise, few = (cell_of(suite, method="hwc", condition=c) for c in ("", "noise", "few"))
    assert digest(final_job(suite, plain, 0.1, 0)) == digest(final_job(suite, noise, 0.1, 0))
    assert (view_of(suite, plain), view_of(suite, noise)) == ("kinds", "kinds | noise")
    job = final_job(suite, few, 0.1, 0)
    assert job["train"]["epochs"] == 3
    assert job["labels"] == {"fraction": 0.5}
    assert job["pictures"] == {"noise": "noise:0.1"}
    assert tuning_jobs(suite, few) == tuning_jobs(suite, plain)


def test_coarser_labels_make_every_method_a_matter_of_the_tree(tiny_file: Path) -> None:
    changes = ["grid.conditions=['coarse']", "conditions.coarse.labels.inner=0.5"]
    suite = read_suite(tiny_file, None, changes)
    job = final_job(suite, cell_of(suite, method="supcon", tree="other"), 0.1, 0)
    assert (job["tree"], job["judged_by"]) == ("other", ["other"])


def test_options_of_one_geometry(tiny_file: Path) -> None:
    changes = [
        "methods.hwc.by_geometry.sphere.loss_options.scaling='split'",
        "geometries.flat={manifold='euclidean', train={scale=2.0}}",
        "grid.geometries=['sphere', 'flat']",
    ]
    suite = read_suite(tiny_file, None, changes)
    sphere, flat = (
        final_job(suite, cell_of(suite, method="hwc", geometry=g), 0.1, 0)["train"]
        for g in ("sphere", "flat")
    )
    assert sphere["loss_options"] == {"scaling": "split"}
    assert flat["loss_options"] == {}
    assert (flat["geometry"], flat["scale"]) == ("euclidean", 2.0)


def test_methods_without_their_loss_are_left_out(tiny_file: Path) -> None:
    suite = read_suite(tiny_file, None, ["methods.hwc.loss='hwc+0.5*no_such_loss'"])
    assert unavailable(suite)["hwc"] == "no_such_loss"
    assert "hwc" not in {cell.method for cell in cells(suite)}


def test_selection(tiny: Suite) -> None:
    chosen = Selection.parse(
        ["method=hwc,hwc+lam, shuffled leaves", "seed=1", "seed=2", "geometry=lorentz"]
    )
    assert chosen.method == ("hwc", "hwc+lam, shuffled leaves")
    assert chosen.seed == (1, 2)
    assert {cell.method for cell in cells(tiny, chosen)} == set(chosen.method)
    for bad, word in ((["speed=1"], "speed"), (["method"], "method"), (["seed=x"], "whole")):
        with pytest.raises(RunError, match=word):
            Selection.parse(bad)
    with pytest.raises(RunError, match="no geometry 'cube' in suite tiny"):
        Selection.parse(["geometry=cube"]).check(tiny)


def test_outlook_counts_what_is_left(
    tiny: Suite, short: Suite, finished: Path, tmp_path: Path
) -> None:
    fresh = outlook(tiny, tmp_path, tmp_path)
    # 3 tuned methods, 2 geometries, 2 rates; per seed and geometry 3 methods for each of
    # 2 trees and supcon once for both; two values of the sweep in one geometry
    assert (fresh.tuning, fresh.tuning_left) == (12, 12)
    assert (fresh.final, fresh.final_left) == (2 * (2 * (3 * 2 + 1) + 2 * 2),) * 2
    assert fresh.seconds == 48
    done = outlook(short, finished, finished)
    assert (done.tuning_left, done.final_left, done.seconds) == (0, 0, 0)


def test_missing_data_are_named_unless_they_are_optional(tiny_file: Path, tmp_path: Path) -> None:
    changes = [
        "datasets.more={path='more.csv', trees={t='demo'}}",
        "grid.datasets=['cells','more']",
    ]
    with pytest.raises(RunError, match=r"more\.csv: data set 'more' is not there"):
        outlook(read_suite(tiny_file, None, changes), tmp_path, tmp_path)
    suite = read_suite(tiny_file, None, [*changes, "datasets.more.optional=true"])
    assert outlook(suite, tmp_path, tmp_path).absent == {"more": tmp_path / "more.csv"}
    with pytest.raises(RunError, match="no data are there"):
        outlook(suite, tmp_path, tmp_path, Selection(dataset=("more",)))


def test_images_are_held_out_for_the_choice_of_the_rate_alone(tiny_file: Path) -> None:
    suite = read_suite(tiny_file, None, ["datasets.cells.hold_out=0.5", "train.epochs=3"])
    cell = cell_of(suite, method="supcon")
    tuning, final = tuning_jobs(suite, cell)[0], final_job(suite, cell, 0.01, 0)
    assert tuning["data"]["hold_out"] == 0.5
    assert tuning["train"]["epochs"] == 6  # as many steps
    assert "hold_out" not in final["data"]
    assert final["train"]["epochs"] == 3
    for share in ("0.0", "1.0"):
        suite = read_suite(tiny_file, None, [f"datasets.cells.hold_out={share}"])
        with pytest.raises(RunError, match="hold_out must be in"):
            tuning_jobs(suite, cell)
