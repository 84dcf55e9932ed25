"""How time and memory of the constructions grow with the number of nodes.

Each tree is made and embedded in a process of its own, on one thread. The time is CPU time of
``fit``, the memory the peak of the process before anything is measured on the result, and, in
brackets, what of it was there before ``fit``: Python, torch and the taxonomy. Distortion is that
of random pairs of nodes, MAP that of random nodes ranked against all others.

* ``random``: each node below a random earlier one;
* ``preferential``: below a node drawn in proportion to its number of edges: stars of thousands;
* ``star``: all nodes below the root;
* ``chain``: each node below the one before;
* ``branched chain``: below the one before, but one in a hundred below a random earlier one.

All but the first are made in the largest size and dimension only.

    python benchmarks/constructive_growth.py [--sizes 1000 10000 100000 1000000] [--dims 2 10]
        [--output DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hyperhier.embedding import ConstructiveEmbedder, TaxonomyEmbedding
from hyperhier.embedding._quality import reconstruction
from hyperhier.taxonomy import Taxonomy

SHAPES = ("random", "preferential", "star", "chain", "branched chain")
TARGETS = ("closure", "tree_distance")
GIB = 1 << 30
PAIRS = 200_000
NODES = 20


def parents(shape: str, size: int) -> NDArray[np.int64]:
    """The parent of each of the nodes 1 to ``size - 1``, an earlier one."""
    rng = np.random.default_rng(0)
    before = np.arange(size - 1)
    earlier = (rng.random(size - 1) * (before + 1)).astype(np.int64)
    if shape == "random":
        return earlier
    if shape == "star":
        return np.zeros(size - 1, dtype=np.int64)
    if shape == "chain":
        return before
    if shape == "branched chain":
        return np.where(rng.random(size - 1) < 0.01, earlier, before)
    # one end of a random earlier edge: the lower one is that edge's own node
    lower, own = rng.random(size - 1) < 0.5, earlier.tolist()
    found = [0] * (size - 1)
    for k in range(1, size - 1):
        edge = min(own[k], k - 1)
        found[k] = edge + 1 if lower[k] else found[edge]
    return np.asarray(found)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def measured(shape: str, size: int, target: str, dim: int) -> dict[str, Any]:
    """In the process of the tree."""
    torch.set_num_threads(1)
    names = [f"n{k}" for k in range(size)]
    tree = Taxonomy.from_arrays(names, parents(shape, size), np.arange(1, size))
    had = peak()
    start = time.process_time()
    emb = ConstructiveEmbedder(target=target, dim=dim).fit(tree).embedding_
    seconds = time.process_time() - start
    result = {"seconds": seconds, "peak": peak(), "before": had, "height": tree.height}
    result["radius"] = emb.info["radius"]
    if target == "closure":
        return result | {"map": sampled_map(emb)}
    average, worst = sampled_distortion(emb)
    return result | {"average": average, "worst": worst}


def sampled_distortion(emb: TaxonomyEmbedding) -> tuple[float, float]:
    """Average distortion at the best scale, and the worst case, over random pairs."""
    generator = torch.Generator().manual_seed(0)
    i, j = torch.randint(len(emb), (2, PAIRS), generator=generator)
    i, j = i[i != j], j[i != j]
    with torch.no_grad():
        length = emb.manifold.dist(emb.points[i], emb.points[j])
    ratio = (length / emb.taxonomy.distance(i, j, weighted=True)).sort(descending=True).values
    half = ratio.cumsum(0)
    scale = ratio[int(torch.searchsorted(half, 0.5 * half[-1]))]
    return float((ratio / scale - 1.0).abs().mean()), float(ratio[0] / ratio[-1])


def sampled_map(emb: TaxonomyEmbedding) -> float | None:
    """None where the closure is too large to list."""
    if int(emb.taxonomy.depth.sum()) > 10**8:
        return None
    nodes = torch.randint(1, len(emb), (NODES,), generator=torch.Generator().manual_seed(0))
    return reconstruction(emb.points, emb.taxonomy, emb.manifold, nodes)[0]


def in_fresh_process(shape: str, size: int, target: str, dim: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", shape, str(size), target, str(dim)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def row(result: dict[str, Any]) -> str:
    if result["target"] == "closure":
        quality = "not listed" if result["map"] is None else f"MAP {result['map']:.4f}"
    else:
        quality = f"{result['average']:.3f} / {result['worst']:.2f}"
    cells = [
        result["shape"],
        f"{result['size']:,}",
        f"{result['height']:,}",
        result["target"],
        str(result["dim"]),
        f"{result['seconds']:.2f}",
        f"{result['peak']:.2f} ({result['before']:.2f})",
        f"{result['radius']:.0f}",
        quality,
    ]
    return "| " + " | ".join(cells) + " |"


def picture(results: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    lines = sorted({(r["target"], r["dim"]) for r in results if r["shape"] == "random"})
    for target, dim in lines:
        kept = [
            r for r in results if (r["shape"], r["target"], r["dim"]) == ("random", target, dim)
        ]
        sizes = [r["size"] for r in kept]
        label = f"{target.replace('_', ' ')}, dim {dim}"
        axes[0].loglog(sizes, [r["seconds"] for r in kept], marker="o", label=label)
        axes[1].loglog(sizes, [r["peak"] for r in kept], marker="o", label=label)
    if lines:
        axes[1].loglog(sizes, [r["before"] for r in kept], color="0.6", label="before fit")
    axes[0].set_ylabel("CPU seconds of fit")
    axes[1].set_ylabel("peak memory of the process, GiB")
    for axis in axes:
        axis.set_xlabel("nodes of a random tree")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", nargs=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 10])
    parser.add_argument("--output", type=Path, default=Path("."), help="folder of the picture")
    options = parser.parse_args()
    if options.child:
        shape, size, target, dim = options.child
        print(json.dumps(measured(shape, int(size), target, int(dim))))
        return
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread\n")
    print("| tree | nodes | height | target | dim | CPU s | peak GiB (before) | radius | quality |")
    print("|---|---:|---:|---|---:|---:|---:|---:|---|", flush=True)
    results = []
    largest = max(options.sizes)
    for shape in SHAPES:
        for size in options.sizes if shape == "random" else [largest]:
            for target in TARGETS:
                for dim in options.dims if shape == "random" else options.dims[-1:]:
                    what = {"shape": shape, "size": size, "target": target, "dim": dim}
                    results.append(what | in_fresh_process(shape, size, target, dim))
                    print(row(results[-1]), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "constructive_growth.svg"
    picture(results, path)
    print(f"\nMAP on {NODES} sampled nodes; average and worst distortion on {PAIRS:,} pairs.")
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
