"""Each run is a process of its own, and a line in a file of results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _taxonomy_data import judge, relation

Job = dict[str, Any]
Row = dict[str, Any]

OURS = (
    "ours constructive", "ours ranking", "ours ranking, random start",
    "ours ranking, random start, long", "ours ranking, all negatives", "ours ranking torch",
)  # fmt: skip
PACKAGES = ("gensim", "geoopt")
WORKER = Path(__file__).with_name("_taxonomy_peers.py")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Bench:
    """Runs jobs that are not yet in the file of results, or that failed."""

    results: Path
    data: Path
    peer_python: str
    checkouts: dict[str, Path]
    limit: float = 7200.0

    def __post_init__(self) -> None:
        lines = self.results.read_text().splitlines() if self.results.exists() else []
        self.rows = {name_of(row): row for row in map(json.loads, filter(None, lines))}

    def missing(self, method: str) -> str:
        """Why a method cannot be run, or nothing."""
        if method in OURS:
            return ""
        if method in PACKAGES:
            found = subprocess.run(
                [self.peer_python, "-c", f"import {method}"], capture_output=True
            )
            return f"{self.peer_python} cannot import it" if found.returncode else ""
        folder = self.checkouts.get(method)
        if folder is None:
            return f"name a built checkout with --{method} DIR"
        return "" if folder.is_dir() else f"no folder {folder}"

    def __call__(self, job: Job) -> Row:
        if "error" not in (done := self.rows.get(name_of(job), {"error": "not run"})):
            return done
        row = {**job, **self._run(job)}
        self.rows[name_of(job)] = row
        self.results.parent.mkdir(parents=True, exist_ok=True)
        with self.results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        shown = " ".join(f"{k} {job[k]}" for k in ("method", "geometry", "dim", "lr", "seed"))
        tail = row.get("error") or (
            f"MAP {row['map']:.4f} rank {row['mean_rank']:.3f} radius {row['radius']:.1f}"
            if "map" in row
            else ""
        )
        print(f"{row['process_seconds']:7.1f} s  {job['dataset']} {shown}: {tail}", flush=True)
        return row

    def _run(self, job: Job) -> Row:
        pairs = relation(job["dataset"], self.data)
        chosen = pairs.closure().T.numpy()
        if job.get("pairs_per_node") == 1:  # each node with one ancestor
            chosen = chosen[np.unique(chosen[:, 0], return_index=True)[1]]
        python = sys.executable if job["method"] in OURS else self.peer_python
        with tempfile.TemporaryDirectory() as folder:
            spec, table, result = (Path(folder, n) for n in ("job.json", "pairs.npy", "out.npz"))
            np.save(table, chosen)
            paths = {"data": str(self.data), "pairs": str(table)}
            if job["method"] in self.checkouts:
                paths["checkout"] = str(self.checkouts[job["method"]])
            spec.write_text(json.dumps({**job, **paths, "nodes": len(pairs)}))
            # the peer's threads are processes, which hang if OpenMP has threads of its own
            threads = 1 if job["method"] == "poincare-embeddings" else job["threads"]
            row: Row = spawn([python, str(WORKER), str(spec), str(result)], threads, self.limit)
            row["trained_pairs"] = len(chosen)
            if "error" in row:
                return row
            with np.load(result) as held:
                row |= json.loads(str(held["info"]))
                if job["purpose"] != "throughput":
                    points = torch.from_numpy(held["points"])
                    row |= judge(points, pairs, job["geometry"])
        return row


def spawn(command: list[str], threads: int, limit: float) -> Row:
    """Run a worker and those it starts, at most ``limit`` seconds: its times, and any error."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, **dict.fromkeys(THREADS, str(threads))},
            process_group=0,
        )
        timer = threading.Timer(limit, os.killpg, (child.pid, signal.SIGKILL))
        timer.start()
        try:
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        row: Row = {
            "process_seconds": used.ru_utime + used.ru_stime,
            "wall_seconds": time.perf_counter() - start,
        }
        if child.returncode:
            log.seek(0)
            last = (log.read().strip().splitlines() or [""])[-1]
            row["error"] = last[-300:] or f"ended with status {child.returncode}"
    return row


def name_of(job: Job) -> str:
    fields = (
        "purpose", "dataset", "method", "geometry", "dim", "lr", "seed", "epochs", "burn_in",
        "negatives", "batch_size", "threads", "options", "repeat",
    )  # fmt: skip
    return json.dumps([job.get(name) for name in fields], sort_keys=True)
