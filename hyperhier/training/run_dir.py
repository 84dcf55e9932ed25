"""The folder of a run: either whole under its name, or not there.

While a run lasts, its checkpoint lies in ``NAME.partial``; the final files are written
below that and moved to ``NAME`` in one rename.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hyperhier.errors import RunError, TaxonomyError

__all__ = ["CHECKPOINT", "MARKER", "RunFolder", "read_json", "write_json"]

CHECKPOINT = "checkpoint.pt"
#: the file that tells the folder of a run from any other
MARKER = "config.json"


class RunFolder:
    """Where a run keeps its checkpoint and publishes its files.

    Args:
        out: the final folder.
        overwrite: replace an earlier run of that name, finished or not.
        resume: go on from the checkpoint of an unfinished run, if there is one.

    Raises:
        RunError: the name is taken, or nothing can be written there.
    """

    def __init__(
        self, out: str | os.PathLike[str], *, overwrite: bool = False, resume: bool = False
    ) -> None:
        self.out = Path(out)
        self.partial = self.out.with_name(self.out.name + ".partial")
        if not self.out.name:
            raise RunError(f"not the name of a folder: {str(out)!r}")
        if self.out.exists() and not overwrite:
            hint = "the run is complete" if resume else "choose another name, or overwrite it"
            raise RunError(f"already exists: {hint}", path=self.out)
        if self.out.exists() and not self.out.is_dir():
            raise RunError("is a file, not a folder", path=self.out)
        if self.out.exists() and any(self.out.iterdir()) and not (self.out / MARKER).exists():
            raise RunError(f"holds no {MARKER}, so it is no run: not overwritten", path=self.out)
        if self.partial.exists() and not resume:
            if not overwrite:
                raise RunError(
                    "an unfinished run is here: resume it, or overwrite it", path=self.partial
                )
            shutil.rmtree(self.partial)
        with _explained(self.partial):
            self.partial.mkdir(parents=True, exist_ok=True)

    @property
    def checkpoint(self) -> Path:
        """The file of the last whole checkpoint."""
        return self.partial / CHECKPOINT

    def save_checkpoint(self, write: Callable[[Path], None]) -> None:
        """Replace the checkpoint by what ``write`` puts at the path it is given, or not at all."""
        fresh = self.partial / (CHECKPOINT + ".tmp")
        with _explained(self.checkpoint):
            try:
                write(fresh)
                os.replace(fresh, self.checkpoint)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise

    def publish(self, write: Callable[[Path], None]) -> None:
        """Let ``write`` fill an empty folder, then give it the final name in one step."""
        final = self.partial / "final"
        old = self.out.with_name(self.out.name + ".replaced")
        with _explained(self.out):
            try:
                shutil.rmtree(final, ignore_errors=True)
                final.mkdir()
                write(final)
                if self.out.exists():
                    shutil.rmtree(old, ignore_errors=True)
                    os.replace(self.out, old)
                try:
                    os.replace(final, self.out)
                except BaseException:
                    if old.exists():
                        os.replace(old, self.out)
                    raise
            except BaseException:
                shutil.rmtree(final, ignore_errors=True)
                raise
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.partial, ignore_errors=True)

    def close(self) -> None:
        """Remove the partial folder unless it holds a checkpoint to go on from."""
        if self.partial.is_dir() and not self.checkpoint.exists():
            shutil.rmtree(self.partial, ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise RunError(f"cannot write: {reason.strerror or reason}", path=path) from reason
    except TaxonomyError as reason:  # writing the taxonomy failed, under a temporary name
        raise RunError(reason.message, path=path) from reason
    except Exception as reason:
        # torch has its own words for a full disk
        if "failed writing" in str(reason) or "unexpected pos" in str(reason):
            text = str(reason).splitlines()[0]
            raise RunError(f"cannot write: {text}", path=path) from reason
        raise


def write_json(value: Any, path: Path) -> None:
    """Indented JSON; numbers keep every digit."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises RunError if it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as reason:
        raise RunError("missing: not the folder of a finished run", path=path) from reason
    except (OSError, ValueError) as reason:
        raise RunError(f"unreadable: {reason}", path=path) from reason
