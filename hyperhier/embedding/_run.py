"""A training that tells how far it is and can be taken up again after an interruption."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from hyperhier._atomic import write_at_once
from hyperhier.errors import RunError
from hyperhier.taxonomy import Taxonomy

__all__ = ["Progress", "ProgressCallback", "Run"]

_FORMAT = "hyperhier-embedding-checkpoint-1"
# Seconds between two writings of the checkpoint.
_EVERY = 10.0


class Progress(NamedTuple):
    """How far a training is.

    Attributes:
        done: steps or epochs done.
        total: of how many.
        figures: such as ``loss``.
    """

    done: int
    total: int
    figures: dict[str, float]


ProgressCallback: TypeAlias = Callable[[Progress], None]


class Run:
    """Progress and checkpoint of one training.

    Args:
        params: of the embedder. A checkpoint is for these only.
        taxonomy: what is embedded; a checkpoint is for this one only.
        progress: who wants to know.
        checkpoint: the file to keep the state in, None for no file.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        taxonomy: Taxonomy,
        progress: ProgressCallback | None = None,
        checkpoint: str | PathLike[str] | None = None,
    ) -> None:
        self._progress = progress
        self._path = None if checkpoint is None else Path(checkpoint)
        self._written = time.monotonic()
        self._key = ""
        if self._path is not None:
            text = json.dumps({k: repr(v) for k, v in params.items()}, sort_keys=True)
            digest = hashlib.sha256(text.encode())
            digest.update("\0".join(taxonomy.nodes).encode())
            digest.update(taxonomy.edges.cpu().contiguous().numpy().tobytes())
            digest.update(taxonomy.edge_weight.cpu().contiguous().numpy().tobytes())
            self._key = digest.hexdigest()

    def report(self, done: int, total: int, **figures: float) -> None:
        """Tell how far the training is."""
        if self._progress is not None:
            self._progress(Progress(done, total, figures))

    def resumed(self) -> dict[str, Tensor]:
        """What :meth:`keep` wrote last for the same training; empty where there is nothing."""
        if self._path is None or not self._path.exists():
            return {}
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(self._path), framework="pt") as held:
                meta = held.metadata() or {}
                state = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as problem:
            raise RunError(f"is not a checkpoint: {problem}", path=self._path) from None
        if meta.get("format") != _FORMAT:
            raise RunError("is not a checkpoint of an embedding", path=self._path)
        if meta.get("key") != self._key:
            raise RunError(
                "belongs to other parameters or another taxonomy: repeat those, or remove the file",
                path=self._path,
            )
        return state

    def keep(self, *, now: bool = False, **state: Tensor | float) -> None:
        """Write the state to the file, at most every ten seconds unless ``now``."""
        if self._path is None or not (now or time.monotonic() - self._written >= _EVERY):
            return
        from safetensors.torch import save

        tensors = {
            name: torch.as_tensor(value, dtype=None if isinstance(value, Tensor) else torch.float64)
            for name, value in state.items()
        }
        content = save(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            {"format": _FORMAT, "key": self._key},
        )
        try:
            write_at_once(self._path, content)
        except OSError as problem:
            raise RunError(f"cannot be written: {problem}", path=self._path) from None
        self._written = time.monotonic()

    def finish(self) -> None:
        """Remove the file: nothing is left to take up."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
