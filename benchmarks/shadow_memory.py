"""Memory and time of Shadow Loss beside PyTorch's triplet losses, by embedding size.

    python benchmarks/shadow_memory.py [-o FILE.json] [--device cuda] [--triplets 4096]

For T given triplets of embeddings (T, D): the bytes that a loss keeps from the forward to the
backward pass besides its inputs, the peak of what both passes allocate, and the time of both.
On the CPU, allocations are counted by following every tensor that an operation returns; on a
GPU the allocator is asked. Then the same for a labelled batch of B samples, whose triplets a
miner chooses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from hyperhier.losses.shadow import shadow_loss, shadow_triplet_loss
from hyperhier.manifolds import Euclidean

SIZES = (64, 128, 256, 512, 1024, 2048)
MARGIN = 0.2
MIB = 2.0**20


class Allocations(TorchDispatchMode):
    """Bytes of the storages that are alive, and their peak."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {x.untyped_storage()._cdata for x in tree_iter(args) if isinstance(x, Tensor)}
        for x in tree_iter(result):
            if isinstance(x, Tensor):
                self._follow(x, given)
        return result

    def _follow(self, x: Tensor, given: set[int]) -> None:
        storage = x.untyped_storage()
        key = storage._cdata
        if key in self._known or key in given:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def shadow(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return shadow_triplet_loss(a, p, n, manifold=Euclidean(), margin=MARGIN)


def shadow_normalised(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return shadow_triplet_loss(a, p, n, manifold=Euclidean(), margin=MARGIN, normalize=True)


def shadow_bare(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The formula alone, as short as it can be written."""
    length = a.norm(dim=1)
    at_p, at_n = (a * p).sum(1) / length, (a * n).sum(1) / length
    return torch.relu((length - at_p).abs() - (length - at_n).abs() + MARGIN).mean()


def triplet(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.triplet_margin_loss(a, p, n, margin=MARGIN)


def cosine_triplet(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    cosine = F.cosine_similarity(a, n) - F.cosine_similarity(a, p)
    return torch.relu(cosine + MARGIN).mean()


TRIPLET_LOSSES = {
    "TripletMarginLoss": triplet,
    "cosine triplet": cosine_triplet,
    "shadow, bare formula": shadow_bare,
    "shadow": shadow,
    "shadow, normalised": shadow_normalised,
}


def shadow_batch(z: Tensor, labels: Tensor) -> Tensor:
    return shadow_loss(z, labels, manifold=Euclidean(), margin=MARGIN, validate=False)


def triplet_batch(z: Tensor, labels: Tensor) -> Tensor:
    """All triplets of a batch by the table of distances, the usual way."""
    d = torch.cdist(z, z)
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    hinge = torch.relu(d[:, :, None] - d[:, None, :] + MARGIN)
    chosen = positive[:, :, None] & ~same[:, None, :]
    return hinge[chosen].mean()


BATCH_LOSSES = {"triplet, table of triplets": triplet_batch, "shadow, miner all": shadow_batch}


def measure(loss: Callable[..., Tensor], leaves: tuple[Tensor, ...], *rest: Tensor) -> Any:
    """Bytes kept, peak bytes, and median seconds of a forward and backward pass."""
    inputs = {x.untyped_storage().data_ptr() for x in (*leaves, *rest)}
    kept: dict[int, int] = {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in inputs:
            kept[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        value = loss(*leaves, *rest)
    held = sum(kept.values())
    del value
    device = leaves[0].device
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        torch.autograd.grad(loss(*leaves, *rest), leaves)
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() - before
    else:
        with Allocations() as allocations:
            torch.autograd.grad(loss(*leaves, *rest), leaves)
        peak = allocations.peak
    seconds = []
    for _ in range(15):
        if device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        torch.autograd.grad(loss(*leaves, *rest), leaves)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return {"kept_mib": held / MIB, "peak_mib": peak / MIB, "ms": 1e3 * statistics.median(seconds)}


def table(rows: list[dict[str, Any]], first: str) -> str:
    """Markdown, with peak memory and time relative to the first loss of each size."""
    lines = [
        f"| D | loss | kept, MiB | peak, MiB | to {first} | ms | to {first} |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    base: dict[str, Any] = {}
    for row in rows:
        base = row if row["loss"] == first else base
        memory, pace = row["peak_mib"] / base["peak_mib"] - 1.0, row["ms"] / base["ms"] - 1.0
        lines.append(
            f"| {row['dim']} | {row['loss']} | {row['kept_mib']:.2f} | {row['peak_mib']:.2f} "
            f"| {memory:+.0%} | {row['ms']:.2f} | {pace:+.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--triplets", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.manual_seed(0)
    given, batches = [], []
    for dim in SIZES:
        x = torch.randn(3, options.triplets, dim, device=options.device)
        leaves = tuple(part.clone().requires_grad_() for part in x)
        for name, loss in TRIPLET_LOSSES.items():
            given.append({"dim": dim, "loss": name, **measure(loss, leaves)})
        z = torch.randn(options.batch, dim, device=options.device, requires_grad=True)
        labels = torch.arange(options.batch, device=options.device) % 16
        for name, batch_loss in BATCH_LOSSES.items():
            batches.append({"dim": dim, "loss": name, **measure(batch_loss, (z,), labels)})
    print(f"{options.triplets} given triplets, {options.device}\n")
    print(table(given, "TripletMarginLoss"))
    print(f"\nall triplets of {options.batch} samples of 16 classes, {options.device}\n")
    print(table(batches, "triplet, table of triplets"))
    if options.out is not None:
        report = {"torch": torch.__version__, **vars(options), "given": given, "batch": batches}
        options.out.write_text(json.dumps(report, indent=1, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
