"""Worker processes of one thread each that take runs one by one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from hyperhier.reproduce.plan import Job

__all__ = ["Finished", "run_jobs"]


@dataclass(frozen=True)
class Finished:
    """A run that ended: its record, or the reason why there is none."""

    job: Job
    record: dict[str, Any] | None
    failure: str = ""


def run_jobs(
    jobs: Sequence[Job], root: Path, out: Path, workers: int, *, checkpoints: bool = False
) -> Iterator[Finished]:
    """Execute jobs and yield each as it ends; its record is on disk by then.

    With one worker the runs are made in this process. A worker that dies costs its run
    alone: another takes its place. Ending the iteration early ends the workers.

    Args:
        jobs: what to run, in order of urgency.
        root: folder of the data.
        out: folder of the results.
        workers: processes.
        checkpoints: write one per epoch, to go on from after an interruption.
    """
    scratch = out / "unfinished" if checkpoints else None
    if workers <= 1:
        yield from _here(jobs, root, out, scratch)
        return
    context = multiprocessing.get_context("spawn")
    waiting = list(jobs)
    crew: list[_Worker] = []
    try:
        with _one_thread():
            for _ in range(min(workers, len(waiting))):
                crew.append(_Worker(context, root, out, scratch))
            for worker in crew:
                worker.take(waiting)
            while any(worker.job is not None for worker in crew):
                busy = {w.pipe: w for w in crew if w.job is not None}
                for ready in wait(list(busy)):
                    worker = busy[ready]  # type: ignore[index]
                    finished = worker.collect()
                    if worker.dead and waiting:
                        crew.remove(worker)
                        worker = _Worker(context, root, out, scratch)
                        crew.append(worker)
                    if not worker.dead:
                        worker.take(waiting)
                    yield finished
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, context: Any, root: Path, out: Path, scratch: Path | None) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, root, out, scratch))
        self.process.daemon = True
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.data: Any = None
        self.dead = False

    def take(self, waiting: list[Job]) -> None:
        """Send the next job; the next few of the same data set go first."""
        self.job = None
        if not waiting:
            return
        near = waiting[:_LOOK_AHEAD]
        index = next((i for i, job in enumerate(near) if job["data"] == self.data), 0)
        self.job = waiting.pop(index)
        self.data = self.job["data"]
        with contextlib.suppress(OSError):  # a dead worker is noticed when it is asked
            self.pipe.send(self.job)

    def collect(self) -> Finished:
        """What came back of the current job."""
        assert self.job is not None
        job, self.job = self.job, None
        try:
            record, failure = self.pipe.recv()
        except (EOFError, OSError):
            self.dead = True
            self.process.join(timeout=5)
            code = self.process.exitcode
            return Finished(job, None, f"the process ended with exit code {code}")
        return Finished(job, record, failure)

    def end(self) -> None:
        """End the process, finished or not."""
        with contextlib.suppress(OSError):
            self.pipe.close()
        if self.process.is_alive():
            self.process.terminate()
        self.process.join(timeout=5)


# how far ahead of its turn a run may be taken because its data set is in memory already
_LOOK_AHEAD = 64


def _here(jobs: Sequence[Job], root: Path, out: Path, scratch: Path | None) -> Iterator[Finished]:
    import torch

    from hyperhier.reproduce.datasets import ImageCache

    cache, before = ImageCache(root), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for job in jobs:
            record, failure = _attempt(job, cache, out, scratch)
            yield Finished(job, record, failure)
    finally:
        torch.set_num_threads(before)


def _serve(pipe: Connection, root: Path, out: Path, scratch: Path | None) -> None:
    """The life of a worker: it ends when the pipe is closed at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    import torch

    from hyperhier.reproduce.datasets import ImageCache

    torch.set_num_threads(1)
    cache = ImageCache(root)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        answer = _attempt(job, cache, out, scratch)
        try:
            pipe.send(answer)
        except OSError:
            return


def _attempt(
    job: Job, cache: Any, out: Path, scratch: Path | None
) -> tuple[dict[str, Any] | None, str]:
    from hyperhier.reproduce.execute import execute
    from hyperhier.reproduce.store import RunStore

    try:
        record = execute(job, cache, scratch)
        RunStore(out).save(record)
    except Exception as reason:
        text = str(reason).strip().splitlines()
        return None, f"{type(reason).__name__}: {text[0] if text else ''}"
    return record, ""


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Children started meanwhile compute with one thread each."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
