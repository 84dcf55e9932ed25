"""A piece of work on several ranks of a distributed run, each a process of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import torch
from torch import distributed

__all__ = ["on_ranks"]

# Seconds: a rank first imports everything anew.
_PATIENCE = 120


def on_ranks(work: Callable[[int], Any], ranks: int = 2) -> list[Any]:
    """Call ``work(rank)`` in as many processes (gloo, one thread each), and gather its values.

    Args:
        work: a function of a module, since processes are spawned; its value must be picklable.
        ranks: how many processes.

    Returns:
        The values in the order of the ranks.

    Raises:
        RuntimeError: a rank raised; with its message.
        queue.Empty: a rank said nothing for two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_rank, args=(work, rank, ranks, port, results), daemon=True)
        for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    try:
        found: dict[int, Any] = {}
        for _ in processes:
            rank, value, error = results.get(timeout=_PATIENCE)
            if error is not None:
                raise RuntimeError(f"rank {rank}: {error}")
            found[rank] = value
        for process in processes:
            process.join(timeout=_PATIENCE)
    finally:
        for process in processes:
            process.kill()
    return [found[rank] for rank in range(ranks)]


def _rank(work: Callable[[int], Any], rank: int, ranks: int, port: int, results: Any) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks
    )
    try:
        results.put((rank, work(rank), None))
    except Exception as error:
        results.put((rank, None, f"{type(error).__name__}: {error}"))
    finally:
        distributed.destroy_process_group()
