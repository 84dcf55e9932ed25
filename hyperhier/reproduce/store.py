"""Finished runs on disk: one JSON file each, named by a digest of what was asked for."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["RunStore", "digest"]

# what tells people about a run without changing its numbers
_NAMES = ("names",)


def digest(job: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits, equal exactly for equal descriptions.

    >>> digest({"lr": 0.1, "seed": 0}) == digest({"seed": 0, "lr": 0.1, "names": {"method": "x"}})
    True
    """
    told = {key: value for key, value in job.items() if key not in _NAMES}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class RunStore:
    """The folder ``runs`` of the results.

    A record is a dict: ``job`` (what was asked for), ``metrics`` (view -> name -> number) or
    ``error``, ``cost``, ``history``, ``config``, ``environment``.

    Args:
        out: folder of the results; ``runs`` is made in it.
    """

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.folder = Path(out) / "runs"

    def path(self, job: Mapping[str, Any]) -> Path:
        """Where the record of a job lies: readable words, then the digest."""
        names = job.get("names", {})
        words = [names.get(k, "") for k in ("dataset", "tree", "condition", "geometry", "method")]
        told = "_".join(re.sub(r"[^\w+.*=-]+", "-", str(w)).strip("-") for w in words if w)
        return self.folder / f"{told[:120]}_seed{job.get('seed', 0)}_{digest(job)}.json"

    def load(self) -> dict[str, dict[str, Any]]:
        """Every finished run by its digest; damaged files are passed over, to be made anew."""
        found: dict[str, dict[str, Any]] = {}
        if not self.folder.is_dir():
            return found
        for path in sorted(self.folder.glob("*.json")):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                found[digest(record["job"])] = record
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def save(self, record: Mapping[str, Any]) -> Path:
        """Write a record whole: under a temporary name, then renamed."""
        path = self.path(record["job"])
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps(record) + "\n", encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return path
