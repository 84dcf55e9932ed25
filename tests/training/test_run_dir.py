"""The folder of a run: whole or absent."""

from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hyperhier.errors import RunError
from hyperhier.training import TrainResult
from hyperhier.training.run_dir import RunFolder

Fit = Callable[..., TrainResult]

FILES = {
    "config.json",
    "history.csv",
    "metrics.json",
    "model.safetensors",
    "loss.safetensors",
    "prototypes.safetensors",
    "taxonomy.csv",
    "timing.json",
}


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_all_files_are_there(fit: Fit, tmp_path: Path) -> None:
    result = fit(out=tmp_path / "deep" / "run", pictures=True)
    assert names(tmp_path / "deep") == {"run"}
    assert names(tmp_path / "deep" / "run") == FILES | {"confusion.png", "embedding.png"}
    run = tmp_path / "deep" / "run"
    assert json.loads((run / "metrics.json").read_text()) == result.metrics
    described = json.loads((run / "config.json").read_text())
    assert described["train"] == result.config.to_dict()
    assert described["data"]["images"] == {"train": 144, "val": 24, "test": 72}
    assert len((run / "history.csv").read_text().splitlines()) == 3


def test_without_matplotlib_there_are_no_pictures(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.warns(UserWarning, match="no pictures: .*hyperhier"):
        fit(out=tmp_path / "run", epochs=1, pictures=True)
    assert names(tmp_path / "run") == FILES


def test_an_existing_folder_is_kept_or_replaced_whole(fit: Fit, tmp_path: Path) -> None:
    fit(out=tmp_path / "run", epochs=1)
    (tmp_path / "run" / "mine.txt").write_text("x")
    with pytest.raises(RunError, match="already exists: choose another name"):
        fit(out=tmp_path / "run", epochs=1)
    with pytest.raises(RunError, match="the run is complete"):
        fit(out=tmp_path / "run", epochs=1, resume=True)
    assert (tmp_path / "run" / "mine.txt").exists()
    fit(out=tmp_path / "run", epochs=1, overwrite=True)
    assert names(tmp_path) == {"run"} and names(tmp_path / "run") == FILES


def test_a_folder_that_is_no_run_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("x")
    with pytest.raises(RunError, match="so it is no run: not overwritten"):
        RunFolder(tmp_path / "home", overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="is a file"):
        RunFolder(tmp_path / "file", overwrite=True)
    assert names(tmp_path) == {"home", "file"}


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="cannot write") as caught:
        RunFolder(tmp_path / "file" / "run")
    assert "file/run" in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(OSError(errno.ENOSPC, "No space left on device"), RunError), (KeyboardInterrupt(), None)],
)
@pytest.mark.parametrize("at", ["checkpoint", "rename"])
def test_interrupted_or_full_while_writing(
    fit: Fit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    expected: type[BaseException] | None,
    at: str,
) -> None:
    real = os.replace

    def broken(source: Any, target: Any) -> None:
        if ("checkpoint" in str(target)) == (at == "checkpoint"):
            raise failure
        real(source, target)

    monkeypatch.setattr(os, "replace", broken)
    match = "cannot (write|be written): No space left on device" if expected else None
    with pytest.raises(expected or KeyboardInterrupt, match=match):
        fit(out=tmp_path / "run")
    monkeypatch.undo()
    if at == "checkpoint":
        assert names(tmp_path) == set()
    else:  # the last checkpoint is whole, nothing else is left
        assert names(tmp_path) == {"run.partial"}
        assert names(tmp_path / "run.partial") == {"checkpoint.pt"}
        fit(out=tmp_path / "run", resume=True)
        assert names(tmp_path) == {"run"}


def test_the_earlier_run_survives_a_failed_replacement(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(out=tmp_path / "run", epochs=1)
    before = (tmp_path / "run" / "metrics.json").read_text()
    real = os.replace

    def broken(source: Any, target: Any) -> None:
        if Path(source).name == "final":
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(RunError, match="Input/output error"):
        fit(out=tmp_path / "run", epochs=1, overwrite=True, seed=1)
    assert (tmp_path / "run" / "metrics.json").read_text() == before
    assert names(tmp_path) == {"run", "run.partial"}


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond the size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_checkpoint_that_does_not_fit(fit: Fit, tmp_path: Path) -> None:
    with files_up_to(30_000), pytest.raises(RunError, match="cannot write"):
        fit(out=tmp_path / "run", epochs=1)
    assert names(tmp_path) == set()


def test_weights_that_do_not_fit(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunFolder, "save_checkpoint", lambda self, write: None)
    with files_up_to(30_000), pytest.raises(RunError, match="cannot write"):
        fit(out=tmp_path / "run", epochs=1)
    assert names(tmp_path) == set()
