"""The state of an unfinished run, so that it can go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from hyperhier.errors import RunError
from hyperhier.training.config import TrainConfig

if TYPE_CHECKING:
    from hyperhier.training.loop import _Run

__all__ = ["load_checkpoint", "save_checkpoint"]

# options that may differ between the two parts of a run
_FREE = ("device", "pictures", "eval_batch")


def save_checkpoint(path: Path, run: _Run) -> None:
    """Write weights, optimizer, random states and history."""
    state: dict[str, Any] = {
        "config": run.config.to_dict(),
        "identity": run.identity,
        "model": run.model.state_dict(),
        "loss": run.loss.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "generator": run.generator.get_state(),
        "torch_rng": torch.get_rng_state(),
        "history": run.history,
        "seconds": run.seconds,
        "best": run.best,
    }
    torch.save(state, path)


def load_checkpoint(path: Path, run: _Run) -> None:
    """Restore what :func:`save_checkpoint` wrote.

    Raises:
        RunError: the file is damaged, or belongs to other options or other data.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as reason:
        raise RunError(f"unreadable checkpoint: {reason}", path=path) from reason
    # options that came later have their defaults in an older run
    now, then = run.config.to_dict(), {**TrainConfig().to_dict(), **state["config"]}
    differing = [name for name in now if name not in _FREE and now[name] != then[name]]
    if differing:
        name = differing[0]
        raise RunError(
            f"the unfinished run has {name}={then[name]!r}, not {now[name]!r}", path=path
        )
    if state["identity"] != run.identity:
        raise RunError("the unfinished run has other images or another taxonomy", path=path)
    run.model.load_state_dict(state["model"])
    run.loss.load_state_dict(state["loss"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.generator.set_state(state["generator"])
    torch.set_rng_state(state["torch_rng"])
    run.history = list(state["history"])
    run.seconds = list(state["seconds"])
    run.best = state["best"]
