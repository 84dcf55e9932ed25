"""Folders appear whole or not at all; JSON is JSON."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperhier.cli._output import new_folder, print_json, print_table, shown
from hyperhier.errors import RunError

MARKER = "metrics.json"


def fill(path: Path, text: str = "{}", *, overwrite: bool = False) -> None:
    with new_folder(path, marker=MARKER, overwrite=overwrite) as folder:
        (folder / MARKER).write_text(text, encoding="utf-8")


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with new_folder(out, marker=MARKER, overwrite=False) as folder:
        (folder / MARKER).write_text("1", encoding="utf-8")
        assert not out.exists()
    assert (out / MARKER).read_text(encoding="utf-8") == "1"
    assert [p.name for p in out.parent.iterdir()] == ["out"]
    assert stat.S_IMODE(out.stat().st_mode) & 0o500 == 0o500


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with (
        pytest.raises(type(error)),
        new_folder(tmp_path / "out", marker=MARKER, overwrite=False) as folder,
    ):
        (folder / MARKER).write_text("half", encoding="utf-8")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_earlier_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out, "old")
    with (
        pytest.raises(ValueError, match="no"),
        new_folder(out, marker=MARKER, overwrite=True) as folder,
    ):
        (folder / MARKER).write_text("half", encoding="utf-8")
        raise ValueError("no")
    assert (out / MARKER).read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_earlier_result_is_replaced_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out, "old")
    with pytest.raises(RunError, match="--overwrite"):
        fill(out, "new")
    assert (out / MARKER).read_text(encoding="utf-8") == "old"
    fill(out, "new", overwrite=True)
    assert (out / MARKER).read_text(encoding="utf-8") == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nothing_but_an_earlier_result_is_ever_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="name another folder"):
        fill(tmp_path, overwrite=True)
    with pytest.raises(RunError, match="is a file"):
        fill(tmp_path / "precious.txt", overwrite=True)
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out")
    assert (tmp_path / "out" / MARKER).is_file()


def test_json_has_no_nan_and_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "x": 0.1 + 0.2,
        "nan": math.nan,
        "inf": [math.inf],
        "tensor": torch.tensor([1, 2]),
        "array": np.float64(0.5),
        "path": Path("a"),
        "none": None,
    }
    print_json(value)
    back = json.loads(capsys.readouterr().out)
    assert back == {
        "x": 0.1 + 0.2, "nan": None, "inf": [None], "tensor": [1, 2], "array": 0.5, "path": "a",
        "none": None,
    }  # fmt: skip


def test_a_table_shows_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "value"], [("a[b]", 0.12345), ("b", math.nan)], title="numbers")
    out = capsys.readouterr().out
    assert "a[b]" in out
    assert "numbers" in out
    assert "0.1235" in out
    assert "b" in out


@pytest.mark.parametrize(
    ("value", "text"), [(1234567, "1,234,567"), (1e-6, "1e-06"), (0.0, "0.0000"), (True, "True")]
)
def test_numbers_as_people_read_them(value: object, text: str) -> None:
    assert shown(value) == text
