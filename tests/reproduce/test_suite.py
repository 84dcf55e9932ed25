"""Reading a suite: defaults, presets, overrides, inheritance, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hyperhier.errors import RunError
from hyperhier.losses import make_loss
from hyperhier.reproduce import Suite, builtin_suites, read_suite
from hyperhier.reproduce.plan import cells, final_job, tuning_jobs
from hyperhier.taxonomy import builtin_taxonomy
from hyperhier.training import TrainConfig

GOOD = '[datasets.d]\ntrees = { t = "demo" }\n[methods.supcon]\nloss = "supcon"\n'


def suite_of(tmp_path: Path, text: str, *overrides: str, preset: str | None = None) -> Suite:
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    return read_suite(path, preset, overrides)


def test_a_preset_changes_options_below_the_overrides(tiny_file: Path) -> None:
    assert read_suite(tiny_file).tables["train"]["epochs"] == 1
    assert read_suite(tiny_file, "longer").tables["train"] == {
        "epochs": 2, "width": 2, "dim": 3, "batch_size": 8,
    }  # fmt: skip
    assert read_suite(tiny_file, "longer", ["train.epochs=5"]).tables["train"]["epochs"] == 5


def test_a_method_inherits_by_like(tiny: Suite) -> None:
    assert tiny.method("hwc+lam, shuffled leaves") == {
        "loss": "hwc+lam", "loss_tree": "shuffled", "tuned_as": "hwc+lam", "control": True,
    }  # fmt: skip


def test_a_sweep_becomes_a_method_per_value(tiny: Suite) -> None:
    assert tiny.names("methods")[-2:] == ["hwc, alpha 0.5", "hwc, alpha 2.0"]
    method = tiny.method("hwc, alpha 2.0")
    assert method["loss_options"] == {"alpha": 2.0}
    assert method["tuned_as"] == "hwc"
    assert method["geometries"] == ["lorentz"]
    assert tiny.sweeps["alpha"]["methods"] == {"hwc, alpha 0.5": 0.5, "hwc, alpha 2.0": 2.0}


def test_an_included_file_lies_underneath(tmp_path: Path) -> None:
    (tmp_path / "below.toml").write_text(GOOD + "[train]\nepochs = 3\ndim = 5\n", encoding="utf-8")
    suite = suite_of(tmp_path, 'include = ["below"]\n[train]\nepochs = 4\n')
    assert suite.tables["train"] == {"epochs": 4, "dim": 5}


def test_what_a_suite_need_not_say(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, GOOD)
    assert suite.seeds == [0, 1, 2, 3, 4]
    assert suite.names("datasets") == ["d"]
    assert suite.names("methods") == ["supcon"]
    assert not set(suite.tuning_seeds) & set(suite.seeds)
    assert suite.title == suite.name == "s"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid", "no valid TOML"),
        ("[grids]\n", "unknown key 'grids'"),
        (GOOD + "[grid]\nmethod = []\n", "unknown key 'method' in grid"),
        (GOOD + '[grid]\nmethods = ["hwc"]\n', "unknown name 'hwc' in grid.methods"),
        (GOOD + "[grid]\nseeds = [0.5]\n", "whole numbers"),
        (GOOD + "[grid]\nseeds = 5\n", "grid.seeds must be whole numbers, got 5"),
        (GOOD + "[grid]\nmethods = 'supcon'\n", "methods must be a list of texts, got 'supcon'"),
        (GOOD + "[grid]\ndatasets = 'd'\n", "grid.datasets must be a list of texts, got 'd'"),
        (GOOD + "[grid]\ngeometries = [1]\n", "grid.geometries must be a list of texts, got [1]"),
        (GOOD + "[grid]\nconditions = ''\n", "grid.conditions must be a list of texts, got ''"),
        (GOOD + "[compare]\nmetrics = 'hf1'\n", "compare.metrics must be a list of texts"),
        (GOOD + "geometries = 'sphere'\n", "methods.supcon.geometries must be a list of texts"),
        (GOOD + "[grid]\nseeds = [100]\n", "tuning seed 100"),
        (GOOD + '[grid]\nconditions = ["noise"]\n', "'noise' in grid.conditions"),
        (GOOD + "[tuning]\nrates = []\n", "tuning.rates"),
        (GOOD + "[datasets.e]\nrates = [true]\ntrees = {t = 'demo'}\n", "datasets.e.rates"),
        (GOOD + "[tuning]\nseeds = []\n", "tuning.seeds"),
        (GOOD + "[tuning]\nseeds = [99, 3]\n", "tuning seed 3"),
        (GOOD + "[methods.x]\nloss_tree = 'flat'\n", "methods.x names no loss"),
        (GOOD + '[methods.x]\nlike = "y"\n', "like names no other method: 'y'"),
        (GOOD + '[methods.x]\nlike = "x"\n', "like names no other method: 'x'"),
        (GOOD + '[methods.x]\nloss = "hwc"\ntuned_as = "y"\n', "tuned_as names no method: 'y'"),
        (GOOD + '[methods.x]\nlosses = "hwc"\n', "unknown key 'losses' in methods.x"),
        (GOOD + '[sweeps.a]\nof = "hwc"\n', "sweeps.a lacks 'key'"),
        (GOOD + '[sweeps.a]\nof = "h"\nkey = "loss"\nvalues = []\n', "of names no method: 'h'"),
        (GOOD + '[sweeps.a]\nof = "supcon"\nkey = "x.y"\nvalues = [1]\n', "unknown key 'x'"),
        (
            GOOD + "[sweeps.a]\nof = 'supcon'\nkey = 'loss'\nvalues = 'hwc'\n",
            "sweeps.a.values must be a list, got 'hwc'",
        ),
        (GOOD + "[compare]\nbaseline = 'hwc'\n", "compare.baseline names no method: 'hwc'"),
        (GOOD + "[compare]\nbaseline = ['hwc']\n", "compare.baseline names no method: ['hwc']"),
        (GOOD + "[compare]\npairs = 'hwc'\n", "compare.pairs must be a list of pairs, got 'hwc'"),
        (GOOD + "[compare]\npairs = ['supcon']\n", "pairs of known methods, got 'supcon'"),
        (GOOD + "[compare]\npairs = [['supcon']]\n", "pairs of known methods, got ['supcon']"),
        (GOOD + "[compare]\npairs = [['supcon', 'x']]\n", "methods, got ['supcon', 'x']"),
        ("[datasets.d]\n" + GOOD.partition("\n")[2].partition("\n")[2], "names no trees"),
        ('[methods.supcon]\nloss = "supcon"\n', "grid.datasets is empty"),
        ('include = ["s"]\n', "includes itself"),
        ('include = ["nowhere"]\n', "nowhere"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RunError, match=r"s\.toml|nowhere") as caught:
        suite_of(tmp_path, text)
    assert message in str(caught.value)


def test_bad_names_and_overrides(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="built in: ablation"):
        read_suite("nothing")
    with pytest.raises(RunError, match="known: longer"):
        read_suite(tiny_file, "cpu")
    with pytest.raises(RunError, match="KEY=VALUE"):
        read_suite(tiny_file, None, ["train.epochs"])


@pytest.mark.parametrize("value", ["['supcon', hwc]", "['supcon'", "{ a = 1", '"a" b', "'a"])
def test_a_value_that_begins_like_toml_and_is_none_is_told(tiny_file: Path, value: str) -> None:
    told = re.escape(f"grid.methods: {value!r} is no valid TOML")
    with pytest.raises(RunError, match=told):
        read_suite(tiny_file, None, [f"grid.methods={value}"])


def test_a_plain_text_needs_no_quotes(tiny_file: Path) -> None:
    suite = read_suite(tiny_file, None, ["title= A [new] name ", "train.flip='none'"])
    assert suite.title == "A [new] name"
    assert suite.tables["train"]["flip"] == "none"


@pytest.mark.parametrize("name", builtin_suites())
def test_every_loss_of_a_builtin_suite_can_be_made(name: str) -> None:
    tree = builtin_taxonomy("ham10000-lineage")
    suite = read_suite(name)
    for method in suite.names("methods"):
        options = dict(suite.method(method).get("loss_options", {}))
        if "$" in str(options.get("texts", "")):
            del options["texts"]  # a file beside the images
        make_loss(suite.method(method)["loss"], tree, "lorentz", dim=3, **options)


@pytest.mark.parametrize("name", builtin_suites())
@pytest.mark.parametrize("preset", ["cpu", "gpu"])
def test_every_job_of_a_builtin_suite_is_a_valid_training(name: str, preset: str) -> None:
    suite = read_suite(name, preset)
    seen = set()
    for cell in cells(suite):
        job = final_job(suite, cell, 0.01, 0)
        text = str(job["train"])
        if text not in seen:
            seen.add(text)
            assert TrainConfig.from_dict(job["train"]).lr == 0.01
    assert len(seen) > 3
    for cell in cells(suite):
        rates = suite.rates(cell.dataset)
        assert [job["train"]["lr"] for job in tuning_jobs(suite, cell)] == rates
        assert len(rates) == 3
