"""The command as a whole: help, version, cost of an import, exit codes, messages."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyperhier import __version__
from hyperhier.cli import _errors, main
from hyperhier.errors import TaxonomyError

COMMANDS = (
    "train", "evaluate", "embed", "query", "plot", "export", "info", "convert", "doctor", "demo",
    "reproduce",
)  # fmt: skip


def python(*arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *arguments], capture_output=True, text=True, check=False, **kwargs
    )


def test_help_names_every_command(run) -> None:  # type: ignore[no-untyped-def]
    for arguments in (["--help"], ["-h"], []):
        done = run(*arguments)
        assert done.code == 0
        assert all(command in done.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command: str) -> None:  # type: ignore[no-untyped-def]
    done = run(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out


def test_version(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version").out == f"hyperhier {__version__}\n"


def test_help_is_quick_and_imports_no_torch() -> None:
    code = (
        "import sys\nfrom hyperhier.cli import main\nassert main(['train', '--help']) == 0\n"
        "assert main(['embed', '--help']) == main(['query', '--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'networkx', 'geoopt', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        assert python("-m", "hyperhier", "--help").returncode == 0
        best = min(best, time.perf_counter() - started)
        if best < 0.4:
            break
    # 0.4 s is the aim on an idle machine; torch alone would take more than this
    assert best < 1.2


def test_python_m_hyperhier_is_the_command() -> None:
    done = python("-m", "hyperhier", "--version")
    assert (done.returncode, done.stdout) == (0, f"hyperhier {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "frobnicate"),
        (["embed"], "Missing"),
        (["embed", "demo", "-o", "x", "--dim", "0"], "--dim"),
        (["embed", "demo", "-o", "x", "--dim", "two"], "--dim"),
        (["embed", "demo", "-o", "x", "--geometry", "cube"], "cube"),
        (["train", "x", "--taxonomy", "demo", "-o", "y", "--wrong"], "--wrong"),
        (["train", "x", "-o", "y"], "--taxonomy"),
    ],
)
def test_wrong_options(run, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    done = run(*arguments)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert message in done.err
    assert "See `hyperhier" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("parent,child\na,b\nb,a\n", None, "cycle"),
        ("parent,child\na,b\nc\n", 3, ""),
        ("mother,kitten\na,b\n", 1, "parent"),
        ("", None, "empty"),
    ],
)
def test_a_bad_taxonomy_is_told_with_file_and_line(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    done = run("info", path)
    assert done.code == 2
    expected = f"error: {path}:{line}: " if line else f"error: {path}"
    assert done.err.startswith(expected)
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_missing_file(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("info", tmp_path / "nowhere.csv")
    assert done.code == 2
    assert "nowhere.csv" in done.err
    assert "Traceback" not in done.err


def test_debug_shows_the_traceback(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for arguments in (["--debug", "info", "no.csv"], ["info", "no.csv", "--debug"]):
        done = run(*arguments)
        assert done.code == 2
        assert "Traceback" in done.err
    monkeypatch.setenv("HYPERHIER_DEBUG", "1")
    assert "Traceback" in run("info", "no.csv").err


def raising(error: BaseException):  # type: ignore[no-untyped-def]
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            TaxonomyError("unknown node 'x'", path="t.csv", line=3),
            2,
            "error: t.csv:3: unknown node 'x'",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "a.csv"),
            2,
            "error: a.csv: no such file or folder",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "b"), 2, "error: b: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device", "c"), 2, "error: c: no space left"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: no space left"),
        (ValueError("dim must be positive"), 2, "error: dim must be positive"),
        (ImportError("pictures need matplotlib"), 2, "error: pictures need matplotlib"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "error: out of memory"),
        (RuntimeError("who knows"), 1, "internal error: RuntimeError: who knows"),
    ],
)
def test_exceptions_become_one_message_and_a_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _errors.guarded(raising(error), debug=False) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_success_and_exit_codes_pass_through() -> None:
    assert _errors.guarded(lambda: None, debug=False) == 0
    assert _errors.guarded(lambda: 1, debug=False) == 1
    assert _errors.guarded(raising(SystemExit(3)), debug=False) == 3


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m hyperhier info cifar100 --json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra_the_message_names_it(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import sys\nclass Hidden:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from hyperhier.cli import main\nsys.exit(main(['info', 'demo']))"
    )
    done = python("-c", code)
    assert done.returncode == 2, done.stderr
    assert "pip install 'hyperhier[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_main_reads_the_arguments_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hyperhier", "--version"])
    assert main() == 0
    assert __version__ in capsys.readouterr().out
