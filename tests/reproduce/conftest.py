"""A suite that takes a second, and its finished runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperhier.reproduce import Suite, read_suite, run_suite

TINY = """
title = "A tiny comparison"
about = "drawn pictures"

[grid]
datasets = ["cells"]
methods = ["supcon", "hwc", "hwc+lam", "hwc+lam, shuffled leaves"]
geometries = ["sphere", "lorentz"]
seeds = [0, 1]

[tuning]
rates = [0.003, 0.01]

[compare]
pairs = [["hwc+lam", "hwc"]]

[train]
epochs = 1
width = 2
dim = 3
batch_size = 8

[datasets.cells]
about = "drawn"
reader = "synthetic"
trees = { kinds = "balanced:2,2", other = "balanced:2,2" }
load = { n_per_class = 10, size = 8, difficulty = 0.0 }
seconds = 1

[methods.supcon]
loss = "supcon"
knows_tree = false

[methods.hwc]
loss = "hwc"

[methods."hwc+lam"]
loss = "hwc+lam"

[methods."hwc+lam, shuffled leaves"]
like = "hwc+lam"
loss_tree = "shuffled"
tuned_as = "hwc+lam"
control = true

[sweeps.alpha]
about = "weight of the tree"
of = "hwc"
key = "loss_options.alpha"
values = [0.5, 2.0]
geometries = ["lorentz"]

[presets.longer.train]
epochs = 2
"""


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite as a file."""
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny(tiny_file: Path) -> Suite:
    """The suite."""
    return read_suite(tiny_file)


@pytest.fixture(scope="session")
def short(tiny_file: Path) -> Suite:
    """A part of the suite, for tests that need its runs."""
    changes = [
        "grid.methods=['supcon', 'hwc+lam', 'hwc+lam, shuffled leaves']",
        "methods.hwc+lam, shuffled leaves.geometries=['lorentz']",
        "sweeps.alpha.values=[0.5]",
        "compare.pairs=[['hwc+lam', 'hwc+lam, shuffled leaves']]",
    ]
    return read_suite(tiny_file, None, changes)


@pytest.fixture(scope="session")
def finished(short: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all runs of ``short``. Not to be changed."""
    out = tmp_path_factory.mktemp("results")
    assert run_suite(short, out, out) == []
    return out
