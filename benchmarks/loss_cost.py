"""Time and memory of one step of each loss, beside the supervised contrastive loss.

    python benchmarks/loss_cost.py
    python benchmarks/loss_cost.py --losses hwc hwc+lam --batches 256 1024 --geometries lorentz
    python benchmarks/loss_cost.py --classes 80 --block 256

A step is the loss of a batch of points and the gradient of the points. Every (loss, batch) is a
process of its own, of one thread: time is processor time, the median of several steps; memory is
by how much the process grew over what it held before the first step. Ratios compare with SupCon
of the same batch and geometry; a row of a contrastive loss is dominated by the table of pairs,
so that is what the ratio tells.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

NEAR = {"level_decay": 1.0, "negatives": "near", "alpha": 0.0, "beta": 3.0}
#: rows that are more than the defaults of one loss: text for ``make_loss`` and options
SETTINGS: dict[str, tuple[str, dict[str, object]]] = {
    "hwc, every level": ("hwc", NEAR),
    "hwc+lam": ("hwc+lam", {}),
    "hwc+lam, second task": ("hwc+0.5*shuffled:hwc+2*lam", NEAR),
}
BATCHES = (64, 256, 1024, 4096)
GEOMETRIES = ("sphere", "lorentz")
FIRST = "supcon"


def one(job: dict[str, object]) -> dict[str, float]:
    """Seconds of a step and the MiB that it takes at most."""
    import torch

    from hyperhier.losses import make_loss
    from hyperhier.manifolds import get_manifold
    from hyperhier.taxonomy import Taxonomy

    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, dim = int(str(job["batch"])), int(str(job["dim"]))
    groups = max(2, int(str(job["classes"])) // 5)
    tree = Taxonomy.from_paths(
        [("r", f"t{g % 3}", f"g{g}", f"c{g}.{k}") for g in range(groups) for k in range(5)]
    )
    manifold = get_manifold(str(job["geometry"]))
    text, chosen = SETTINGS.get(str(job["loss"]), (str(job["loss"]), {}))
    blocks = {} if job["block"] is None else {"block_size": int(str(job["block"]))}
    try:
        loss = make_loss(text, tree, manifold, dim=dim, **chosen, **blocks)
    except TypeError:  # a loss that has no blocks
        loss = make_loss(text, tree, manifold, dim=dim, **chosen)
    points = manifold.from_features(0.5 * torch.randn(batch, dim)).requires_grad_()
    labels = tree.leaf_ids[torch.randint(len(tree.leaf_ids), (batch,))]

    def step() -> None:
        points.grad = None
        loss(points, labels).backward()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    times, begun = [], time.process_time()
    while len(times) < 5 or (len(times) < 50 and time.process_time() - begun < 1.0):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"ms": 1e3 * statistics.median(times), "mib": grown / 1024}


def main() -> None:
    from hyperhier.losses import available_losses

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [name for name in available_losses() if name not in ("hlss", FIRST)] + list(SETTINGS)
    parser.add_argument("--losses", nargs="+", default=known)
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--geometries", nargs="+", default=list(GEOMETRIES))
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--block", type=int, default=None, help="block_size of contrastive losses")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(one(json.loads(options.job))))
        return
    for geometry in options.geometries:
        print(f"\n{geometry}, {options.dim} features, {options.classes} classes: ms (ratio), MiB\n")
        print("| loss | " + " | ".join(f"batch {b}" for b in options.batches) + " |")
        print("|---|" + "---|" * len(options.batches))
        first: dict[int, float] = {}
        for loss in (FIRST, *(name for name in options.losses if name != FIRST)):
            cells = []
            for batch in options.batches:
                job = {"loss": loss, "batch": batch, "geometry": geometry, "dim": options.dim}
                job |= {"classes": options.classes, "block": options.block}
                command = [sys.executable, __file__, "--job", json.dumps(job)]
                run = subprocess.run(command, capture_output=True, text=True)
                if run.returncode:
                    cells.append("-")
                    print(f"{loss}: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                found = json.loads(run.stdout)
                first.setdefault(batch, found["ms"])
                ratio = found["ms"] / first[batch]
                cells.append(f"{found['ms']:.3g} ({ratio:.2g}), {found['mib']:.0f}")
            print(f"| {loss} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
