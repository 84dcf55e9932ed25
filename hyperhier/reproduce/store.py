"""Finished runs on disk: one JSON file each, or all in one compressed file."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperhier._atomic import write_at_once

__all__ = ["RunStore", "digest", "processor_seconds"]

# what tells people about a run without changing its numbers
_NAMES = ("names",)

# what no table needs of a run
_BULKY = ("history", "config")


def digest(job: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits, equal exactly for equal descriptions.

    >>> digest({"lr": 0.1, "seed": 0}) == digest({"seed": 0, "lr": 0.1, "names": {"method": "x"}})
    True
    """
    told = {key: value for key, value in job.items() if key not in _NAMES}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def processor_seconds(record: Mapping[str, Any]) -> float:
    """Of a run, training and judging; 0 where the record does not tell."""
    cost = record.get("cost", {})
    return float(cost.get("cpu_seconds", 0.0) + cost.get("judge_seconds", 0.0))


class RunStore:
    """The folder ``runs`` of the results, and ``runs.jsonl.gz`` beside it.

    A record is a dict: ``job`` (what was asked for), ``metrics`` (view -> name -> number) or
    ``error``, ``cost``, ``history``, ``config``, ``learned_curvature``, ``environment``. A
    packed record has no ``history`` and no ``config``.

    Args:
        out: folder of the results; ``runs`` is made in it.
    """

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.folder = Path(out) / "runs"
        self.packed = Path(out) / "runs.jsonl.gz"

    def path(self, job: Mapping[str, Any]) -> Path:
        """Where the record of a job lies: readable words, then the digest."""
        names = job.get("names", {})
        words = [names.get(k, "") for k in ("dataset", "tree", "condition", "geometry", "method")]
        told = "_".join(re.sub(r"[^\w+.*=-]+", "-", str(w)).strip("-") for w in words if w)
        return self.folder / f"{told[:120]}_seed{job.get('seed', 0)}_{digest(job)}.json"

    def load(self) -> dict[str, dict[str, Any]]:
        """Every finished run by its digest; damaged ones are passed over, to be made anew.

        A file of its own counts before the packed record of the same run.
        """
        found: dict[str, dict[str, Any]] = {}
        for text in (*self._packed_lines(), *self._single_texts()):
            try:
                record = json.loads(text)
                found[digest(record["job"])] = record
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def _packed_lines(self) -> Iterator[str]:
        try:
            with gzip.open(self.packed, "rt", encoding="utf-8") as file:
                yield from file
        except (OSError, EOFError, ValueError, zlib.error):
            return

    def _single_texts(self) -> Iterator[str]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                yield path.read_text(encoding="utf-8")
            except (OSError, ValueError):
                continue

    def save(self, record: Mapping[str, Any]) -> Path:
        """Write a record whole: under a temporary name, then renamed."""
        path = self.path(record["job"])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_at_once(path, (json.dumps(record) + "\n").encode())
        return path

    def pack(self) -> int:
        """Put all finished runs into ``runs.jsonl.gz``, and say how many there are.

        Equal runs give equal bytes. The files of single runs stay; the packed one alone is
        enough for every table.
        """
        records = self.load()
        lines = [
            json.dumps({k: v for k, v in records[name].items() if k not in _BULKY})
            for name in sorted(records)
        ]
        text = "".join(line + "\n" for line in lines)
        self.packed.parent.mkdir(parents=True, exist_ok=True)
        write_at_once(self.packed, gzip.compress(text.encode(), mtime=0))
        return len(lines)
