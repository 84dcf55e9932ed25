"""Coverage-guided fuzzing of every reader of taxonomies.

A file of any bytes is to give a taxonomy or a TaxonomyError. The fuzzer starts from small sound
files (tests/taxonomy/good_files.py) and looks for what reaches new code; an input that raises
anything else, or takes longer than two seconds, is kept in a folder and named in the end.
The first byte of an input picks the reader, the rest is the file.

    python benchmarks/fuzz_taxonomies.py [--seconds 60] [--seed 1] [--only json,obo]
    python benchmarks/fuzz_taxonomies.py --replay findings/ValueError-1

It needs atheris (Linux or macOS, Python up to 3.13), which no other part of hyperhier does:

    pip install atheris
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
for place in (REPOSITORY, REPOSITORY / "tests" / "taxonomy"):
    sys.path.insert(0, str(place))

from good_files import GOOD, TOKENS, WORDNET  # noqa: E402

SLOW = 2.0  # seconds
MOST_MEMORY = 4096  # MiB, after which the process ends
LONGEST_INPUT = 4096

#: what takes part in the search for new code, besides our readers
INSTRUMENTED = (
    "hyperhier.taxonomy",
    "json",
    "networkx.readwrite",
    "rdflib.plugins.parsers",
    "rdflib.plugins.shared.jsonld",
)

#: format, name of the file, sound text, options; names with a slash lie in a folder to be read
Reader = tuple[str, str, str, dict[str, Any]]
READERS: list[Reader] = [
    *GOOD,
    *(("wordnet", f"dict/{name}", text, {}) for name, text in WORDNET.items()),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="formats, with commas between")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--replay", type=Path, help="read one saved input again")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.replay:
        replay(arguments.replay.read_bytes())
        return
    if importlib.util.find_spec("atheris") is None:
        sys.exit("this needs atheris (Linux or macOS, Python up to 3.13): pip install atheris")
    only = set(filter(None, arguments.only.split(",")))
    if arguments.worker:
        work(arguments.worker, arguments.findings, arguments.seconds, arguments.seed, only)
    else:
        sys.exit(supervise(arguments.findings, arguments.seconds, arguments.seed, only))


def supervise(findings: Path, seconds: int, seed: int, only: set[str]) -> int:
    """Fuzz in a process of its own, which the fuzzer ends; then print what it found."""
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    readers = [k for k, reader in enumerate(READERS) if not only or reader[0] in only]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        (folder / "corpus").mkdir()
        for k in readers:
            (folder / "corpus" / f"seed{k}").write_bytes(bytes([k]) + READERS[k][2].encode())
        entries = (token.encode() for token in TOKENS if len(token) < 50)
        (folder / "tokens").write_text(
            "".join('"' + "".join(f"\\x{byte:02x}" for byte in e) + '"\n' for e in set(entries))
        )
        command = [
            *(sys.executable, __file__, "--worker", name, "--findings", str(findings)),
            *("--seconds", str(seconds), "--seed", str(seed), "--only", ",".join(only)),
        ]
        start = time.perf_counter()
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        elapsed = time.perf_counter() - start
        kept = len(list((folder / "corpus").iterdir()))
    log = run.stdout.decode("utf-8", "replace")
    counted = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log)
    covered = re.findall(r"cov: (\d+)", log)
    if run.returncode or not counted:
        print(log[-5000:])
        print(f"the fuzzer ended with {run.returncode}")
    if counted:
        many = int(counted[-1])
        print(
            f"{many} executions in {elapsed:.0f} s ({many / elapsed:.0f}/s), "
            f"{covered[-1] if covered else '?'} edges of the code, {kept} inputs in the corpus"
        )
    found = [path for path in sorted(set(findings.iterdir()) - before) if path.suffix != ".txt"]
    for path in found:
        note = path.with_suffix(".txt")
        last = note.read_text().strip().splitlines()[-1] if note.exists() else "ended the process"
        print(f"{path}: {last}")
    print(f"{len(found)} findings")
    return int(bool(found) or bool(run.returncode))


def work(folder: Path, findings: Path, seconds: int, seed: int, only: set[str]) -> None:
    """The fuzzer itself; it ends the process."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from hyperhier.errors import TaxonomyError
        from hyperhier.taxonomy import format_names

        import_readers()
    known = set(format_names())
    seen: dict[str, int] = {}

    def one_input(data: bytes) -> None:
        if not data or data[0] >= len(READERS):
            return
        format = READERS[data[0]][0]
        if format not in known or (only and format not in only):
            return
        start = time.perf_counter()
        try:
            read(data, folder)
        except TaxonomyError:
            pass
        except Exception as problem:
            frame = traceback.extract_tb(problem.__traceback__)[-1]
            kind = type(problem).__name__
            keep(f"{kind} {frame.filename}:{frame.lineno}", kind, data, traceback.format_exc())
        taken = time.perf_counter() - start
        if taken > SLOW:
            keep(f"slow {format}", f"slow-{format}", data, f"{format}: {taken:.1f} s")

    def keep(what: str, name: str, data: bytes, text: str) -> None:
        seen[what] = seen.get(what, 0) + 1
        if seen[what] == 1:
            number = sum(path.suffix == ".txt" for path in findings.iterdir()) + 1
            (findings / f"{name}-{number}").write_bytes(data)
            (findings / f"{name}-{number}.txt").write_text(text)

    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LONGEST_INPUT}",
        "-len_control=0",
        f"-rss_limit_mb={MOST_MEMORY}",
        "-timeout=30",
        "-print_final_stats=1",
        f"-dict={folder / 'tokens'}",
        f"-artifact_prefix={findings}{os.sep}",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], one_input)
    atheris.Fuzz()


def import_readers() -> None:
    """The packages that the readers import late."""
    for format, name, text, options in READERS:
        with tempfile.TemporaryDirectory() as folder:
            put(Path(folder), name, text.encode())
            attempt(Path(folder) / name.partition("/")[0], format, options)


def read(data: bytes, folder: Path) -> Any:
    from hyperhier.taxonomy import read_taxonomy

    format, name, _, options = READERS[data[0]]
    put(folder, name, data[1:])
    return read_taxonomy(folder / name.partition("/")[0], format=format, **options)


def attempt(path: Path, format: str, options: dict[str, Any]) -> None:
    from hyperhier.errors import TaxonomyError
    from hyperhier.taxonomy import format_names, read_taxonomy

    if format not in format_names():
        return
    try:
        read_taxonomy(path, format=format, **options)
    except (TaxonomyError, ImportError) as problem:
        print(f"{path.name}: {problem}")


def put(folder: Path, name: str, content: bytes) -> None:
    if "/" in name:
        place = folder / name.partition("/")[0]
        place.mkdir(exist_ok=True)
        for file, text in WORDNET.items():
            (place / file).write_text(text)
    (folder / name).write_bytes(content)


def replay(data: bytes) -> None:
    print(f"{READERS[data[0]][:2]}: {data[1:]!r}")
    with tempfile.TemporaryDirectory() as folder:
        print(read(data, Path(folder)))


if __name__ == "__main__":
    main()
