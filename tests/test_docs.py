"""README.md and docs/: their Python blocks run, their commands exist."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$", re.M | re.S
)
NO_RUN = re.compile(r"<!-- no-run -->\s*\Z")

# 'as it stands', "with escapes", or an escape: the parts that a shell reads in its own way
QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.S)
# up to the end of a line that is neither quoted nor continued
COMMAND = re.compile(
    rf"""^\$ hyperhier((?:(?<= )#[^\n]*|{QUOTED.pattern}|[^\n'"\\])*)$""", re.M | re.S
)


class Block(NamedTuple):
    language: str
    code: str
    line: int
    runs: bool


def blocks(page: Path, language: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        if match["language"] != language:
            continue
        indent = len(match["indent"])
        code = "".join(line[indent:] for line in match["code"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(language, code, line, not NO_RUN.search(text[: match.start()])))
    return found


def joined(command: str) -> str:
    """A command as a shell joins its lines: none within single quotes."""

    def read(part: re.Match[str]) -> str:
        text = part[0]
        if text.startswith("'"):
            return text
        return re.sub(r"\\(.)", lambda e: "" if e[1] == "\n" else e[0], text, flags=re.S)

    return QUOTED.sub(read, command)


def test_commands_are_read_as_a_shell_does() -> None:
    text = "$ hyperhier a \\\n  --b 'c \\\nd' \"it's \\\n\\\\\"  # don't\nout\n$ hyperhier f\n"
    first, second = COMMAND.findall(text)
    expected = ["a", "--b", "c \\\nd", "it's \\"]
    assert shlex.split(joined(first), comments=True) == expected
    assert second == " f"


def test_the_pages_are_found() -> None:
    assert (ROOT / "README.md").is_file()
    assert "docs/index.md" in IDS
    assert len(blocks(ROOT / "README.md", "python")) >= 3


def test_every_loss_and_every_benchmark_is_named() -> None:
    from hyperhier import losses

    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    general = {"CombinedLoss", "ContrastiveLoss", "ShuffledLeavesLoss"}
    classes = {name for name in losses.__all__ if name.endswith("Loss")} - general
    assert [name for name in sorted(classes) if f"`{name}`" not in index] == []
    told = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    scripts = [path.name for path in (ROOT / "benchmarks").glob("[!_]*.py")]
    assert [name for name in sorted(scripts) if f"| `{name}` |" not in told] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        # blank lines put the line numbers of a traceback right
        source = "\n" * (block.line - 1) + block.code
        program = compile(source, str(page), "exec")
        if block.runs:
            exec(program, namespace)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_their_options_exist(
    page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.cli import main

    monkeypatch.setenv("COLUMNS", "200")
    helps: dict[str, str] = {}
    for block in blocks(page, "console"):
        commands = COMMAND.findall(block.code)
        assert len(commands) == len(re.findall(r"^\$ hyperhier", block.code, re.M)), block
        for command in commands:
            words = shlex.split(joined(command), comments=True)
            verb = words[0] if words and not words[0].startswith("-") else ""
            if verb not in helps:
                assert main([*([verb] if verb else []), "--help"]) == 0, command
                helps[verb] = capsys.readouterr().out
            for option in (w.partition("=")[0] for w in words if w.startswith("-")):
                assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", helps[verb]), (
                    f"{page.name}:{block.line}: hyperhier {verb} has no option {option}"
                )
            if verb == "reproduce":
                check_suite(words)


def check_suite(words: list[str]) -> None:
    """Raise for parts of a grid or changes of a suite that ``hyperhier reproduce`` refuses."""
    from hyperhier.reproduce import Selection, builtin_suites, read_suite
    from hyperhier.reproduce.nested import parse_override

    said = list(pairwise(words))
    changes = [value for option, value in said if option == "--set"]
    chosen = Selection.parse(value for option, value in said if option == "--only")
    if words[1] in builtin_suites():
        chosen.check(read_suite(words[1], overrides=changes))
    for change in changes:
        parse_override(change)
