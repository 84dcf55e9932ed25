"""One run: train, judge, and say what it cost."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hyperhier import __version__
from hyperhier.reproduce.datasets import ImageCache, in_tree
from hyperhier.reproduce.labels import relabelled
from hyperhier.reproduce.plan import Job
from hyperhier.reproduce.shift import changed_pictures
from hyperhier.reproduce.store import digest
from hyperhier.reproduce.trees import loss_tree
from hyperhier.training import ProgressEvent, TrainResult, train
from hyperhier.training.report import judge

__all__ = ["execute"]

# what training says of a loss, or of points, that are nan or infinite
_DIVERGED = ("the loss is", "is not finite")


def execute(job: Job, cache: ImageCache, scratch: Path | None = None) -> dict[str, Any]:
    """Train once and judge by every tree and every change of pictures that the job names.

    A training that diverges is a result, kept under ``error``; anything else that goes
    wrong is raised.

    Args:
        job: see :func:`hyperhier.reproduce.final_job`.
        cache: where the images come from.
        scratch: folder for a checkpoint per epoch, so that a long run can go on after an
            interruption; None: none are written.

    Returns:
        The record that :class:`hyperhier.reproduce.RunStore` keeps.
    """
    data, tree = cache.get(job["data"], job["tree"])
    fingerprint = data.fingerprint()[:16]
    learned, judged = relabelled(data, tree, job["labels"], job["seed"])
    meter = _Meter(str(job["train"].get("device", "cpu")))
    record: dict[str, Any] = {"job": dict(job), "metrics": {}}
    try:
        result = _train(job, learned, tree, meter, scratch)
    except ValueError as reason:
        text = str(reason)
        if not any(sign in text for sign in _DIVERGED):
            raise
        return record | {"error": text, "cost": meter.cost(), "fingerprint": fingerprint}
    cost = meter.cost()
    started = time.perf_counter()
    for name in job["judged_by"]:
        there = tree if name == job["tree"] else cache.get(job["data"], name)[1]
        images = judged
        if there is not tree:
            images = in_tree(judged, tree, there)
        record["metrics"][name] = judge(result.model, images, there, result.config).metrics
        for condition, change in job["pictures"].items():
            changed = changed_pictures(images, change, job["seed"])
            figures = judge(result.model, changed, there, result.config).metrics
            record["metrics"][f"{name} | {condition}"] = figures
    if job["tuning"]:  # a choice that never saw a test figure cannot have used one
        for figures in record["metrics"].values():
            for metric in [m for m in figures if not m.startswith("val_")]:
                del figures[metric]
    cost["judge_seconds"] = round(time.perf_counter() - started, 3)
    return record | {
        "history": result.history,
        "config": result.config.to_dict(),
        "curvature": float(result.manifold.sectional_curvature),
        "learned_curvature": result.curvature,
        "cost": cost,
        "fingerprint": fingerprint,
        "environment": {
            "hyperhier": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
        },
    }


def _train(job: Job, data: Any, tree: Any, meter: _Meter, scratch: Path | None) -> TrainResult:
    options: dict[str, Any] = {"pictures": False, "monitor": 0, **job["train"]}
    out = None if scratch is None else scratch / digest(job)
    if out is not None:
        shutil.rmtree(out, ignore_errors=True)
    result = train(
        data,
        tree,
        loss_taxonomy=loss_tree(str(job["loss_tree"]), tree, job["seed"]),
        progress=meter,
        out=out,
        resume=out is not None,
        **options,
    )
    if out is not None:
        shutil.rmtree(out, ignore_errors=True)
    return result


class _Meter:
    """Time per step and peak memory; passed to ``train`` as its progress callback.

    A step's time is processor time of this process on the CPU, where other processes
    may be busy, and the clock's elsewhere.
    """

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith("cuda")
        self.clock: Callable[[], float] = (
            time.perf_counter if device != "cpu" else time.process_time
        )
        self.steps: list[float] = []
        self.last: float | None = None
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            _reset_peak()
        self.started = time.perf_counter(), time.process_time()

    def __call__(self, event: ProgressEvent) -> None:
        now = self.clock()
        if self.last is not None and not event.done:
            self.steps.append(now - self.last)
        self.last = None if event.done else now

    def cost(self) -> dict[str, Any]:
        """Seconds and MiB."""
        wall, cpu = self.started
        found: dict[str, Any] = {
            "wall_seconds": round(time.perf_counter() - wall, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
            "peak_mib": round(
                torch.cuda.max_memory_allocated() / 2**20 if self.cuda else _peak(), 1
            ),
        }
        if self.steps:
            found["step_seconds"] = round(statistics.median(self.steps), 5)
        return found


def _reset_peak() -> None:
    """Let Linux count the peak of this process's memory from here on."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def _peak() -> float:
    """Peak resident memory of this process in MiB; nan where that is unknown."""
    try:
        status = Path("/proc/self/status").read_text()
        match = re.search(r"VmHWM:\s+(\d+) kB", status)
        if match:
            return int(match[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 2**20 if os.uname().sysname == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
