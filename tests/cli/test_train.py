"""``hyperhier train`` and ``evaluate`` from files to files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

SMALL = ("--epochs", 1, "--batch-size", 16, "--dim", 4, "--size", 16)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, picture_folder: Path, tree_file: Path
) -> tuple[Path, str]:
    """A run, and what it printed."""
    import contextlib
    import io

    from hyperhier.cli import main

    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", picture_folder, "--taxonomy", tree_file, "-o", out, *SMALL, "--json"]
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert main([str(a) for a in arguments]) == 0
    return out, text.getvalue()


def test_the_folder_holds_everything(trained: tuple[Path, str]) -> None:
    out, _ = trained
    names = {p.name for p in out.iterdir()}
    assert {
        "model.safetensors", "prototypes.safetensors", "metrics.json", "config.json",
        "taxonomy.csv", "history.csv", "confusion.png", "embedding.png",
    } <= names  # fmt: skip
    assert [p.name for p in out.parent.iterdir()] == ["run"]


def test_stdout_is_the_json_of_the_metrics(trained: tuple[Path, str]) -> None:
    out, printed = trained
    report = json.loads(printed)
    stored = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert report["metrics"] == {k: v if v == v else None for k, v in stored.items()}
    assert {"top1", "hf1", "pc_order", "pdv"} <= report["metrics"].keys()


def test_evaluate_repeats_the_metrics_to_the_digit(run, trained, picture_folder: Path) -> None:  # type: ignore[no-untyped-def]
    out, printed = trained
    for data in ([picture_folder], []):
        done = run("evaluate", out, *data, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["metrics"] == json.loads(printed)["metrics"]
    table = run("evaluate", out).out
    assert "HF1" in table
    assert "validation" in table


@pytest.mark.parametrize("geometry", ["sphere", "poincare"])
def test_progress_on_stderr_table_on_stdout(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, picture_folder: Path, tree_file: Path, geometry: str
) -> None:
    out = tmp_path / "run"
    done = run(
        "train", picture_folder, "--taxonomy", tree_file, "-o", out, *SMALL, "--geometry", geometry,
        "--loss", "hwc", "--alpha", 0.5, "--temperature", 0.3,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "epoch 1/1" in done.err
    assert "val HF1" in done.err
    assert "top-1" in done.out
    assert "epoch" not in done.out
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))["train"]
    assert config["geometry"] == geometry
    assert config["loss_options"] == {"alpha": 0.5, "temperature": 0.3}


def test_what_concerns_the_manifold(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, picture_folder: Path, tree_file: Path
) -> None:
    out = tmp_path / "run"
    done = run(
        "train", picture_folder, "--taxonomy", tree_file, "-o", out, *SMALL, "--loss", "lam",
        "--learn-curvature", "--c-min", 0.5, "--c-max", 2, "--start-radius", 1.5, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))["train"]
    assert [config[name] for name in ("c_min", "c_max", "start_radius")] == [0.5, 2.0, 1.5]
    report = json.loads(done.out)
    assert 0.5 < report["curvature"]["c"] < 2.0
    assert "c" not in report["metrics"]
    assert "c at bound: 0" in done.err


def test_quiet(run, tmp_path: Path, picture_folder: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    arguments = ["train", picture_folder, "--taxonomy", tree_file, "-o", tmp_path / "run", *SMALL]
    done = run(*arguments, "--quiet")
    assert (done.code, done.err) == (0, "")
    again = run(*arguments)
    assert again.code == 2
    assert "exists" in again.err
    assert run(*arguments, "--overwrite", "--quiet").code == 0


def refused(done, out: Path, *words: object) -> None:  # type: ignore[no-untyped-def]
    assert done.code == 2, done
    assert done.err.startswith("error: ")
    for word in words:
        assert str(word) in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not out.exists()
    assert not out.with_name(out.name + ".partial").exists()


def test_bad_data(run, tmp_path: Path, picture_folder: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out" / "run"

    def train(data: Path, *more: object):  # type: ignore[no-untyped-def]
        return run("train", data, "--taxonomy", tree_file, "-o", out, *SMALL, "-q", *more)

    refused(train(tmp_path / "nowhere"), out, "nowhere")
    (tmp_path / "empty").mkdir()
    refused(train(tmp_path / "empty"), out, "empty")
    one = tmp_path / "one"
    shutil.copytree(picture_folder / "a1", one / "a1")
    refused(train(one), out, "one class", "a1")
    other = tmp_path / "other"
    shutil.copytree(picture_folder, other)
    (other / "b2").rename(other / "zebra")
    refused(train(other), out, "zebra")
    broken = tmp_path / "broken"
    shutil.copytree(picture_folder, broken)
    (broken / "a1" / "bad.png").write_bytes(b"no picture")
    refused(train(broken), out, "bad.png")
    table = picture_folder.parent / "table.csv"
    table.write_text("file,kind\nmissing.png,a1\n", encoding="utf-8")
    refused(train(table, "--image", "file", "--label", "kind"), out, "missing.png", "table.csv:2")
    refused(train(table, "--image", "file", "--label", "sort"), out, "sort", "table.csv")


def test_bad_options(run, tmp_path: Path, picture_folder: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "run"

    def train(*more: object):  # type: ignore[no-untyped-def]
        return run("train", picture_folder, "--taxonomy", tree_file, "-o", out, *SMALL, "-q", *more)

    refused(train("--loss", "hinge"), out, "hinge")
    refused(train("--loss", "supcon", "--alpha", 1), out, "alpha")
    refused(train("--temperature", -1), out, "temperature")
    refused(train("--curvature", 0), out, "c must be")
    refused(train("--lr", "-3"), out, "lr")
    refused(train("--encoder", "no_such_network"), out)
    refused(train("--device", "abacus"), out, "abacus")
    refused(train("--select", "worst"), out, "worst")


def test_only_a_run_is_overwritten(
    run, tmp_path: Path, picture_folder: Path, tree_file: Path
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    done = run(
        "train", picture_folder, "--taxonomy", tree_file, "-o", tmp_path, *SMALL, "--overwrite"
    )
    assert done.code == 2
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"


def test_an_interrupted_run_goes_on(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, picture_folder: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.cli import train as command

    out = tmp_path / "run"
    arguments = [
        "train", picture_folder, "--taxonomy", tree_file, "-o", out, *SMALL, "--epochs", 2, "--json"
    ]  # fmt: skip
    real = command.follow

    import contextlib

    @contextlib.contextmanager
    def impatient(**kwargs: object):  # type: ignore[no-untyped-def]
        with real(**kwargs) as report:  # type: ignore[arg-type]

            def callback(event) -> None:  # type: ignore[no-untyped-def]
                report(event)
                if event.epoch == 2:
                    raise KeyboardInterrupt

            yield callback

    with monkeypatch.context() as patch:
        patch.setattr(command, "follow", impatient)
        stopped = run(*arguments)
    assert stopped.code == 130
    assert "--resume" in stopped.err
    assert not out.exists()
    resumed = run(*arguments, "--resume", "-q")
    assert resumed.code == 0, resumed.err
    whole = run(*arguments[:5], tmp_path / "whole", *arguments[6:], "-q")
    assert json.loads(resumed.out)["metrics"] == json.loads(whole.out)["metrics"]


def test_evaluate_wants_a_run(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("evaluate", tmp_path / "nothing")
    assert done.code == 2
    assert "nothing" in done.err
    done = run("evaluate", tmp_path)
    assert done.code == 2
    assert "config.json" in done.err
