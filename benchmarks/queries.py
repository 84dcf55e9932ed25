"""Questions to an embedding: nearest nodes of many, and new leaves.

**Nearest.** The exact ``nearest`` in the constructed embedding of a random tree (each node below
a random earlier one), beside all distances of a query, by the manifold's ``dist_matrix``, and the
smallest of them. A time is CPU time on one thread, the median of the repetitions with the least
and the largest; both ways are checked to give the same distances.

**New leaves.** Leaves with one parent are cut off, the rest is embedded, and they are added again:
the largest rank of a parent seen from its new leaf, MAP of all other nodes before and after.

    python benchmarks/queries.py [--nodes 1000000] [--dim 10] [--k 10] [--queries 128]
        [--leaves 20] [--leaf-dims 2 5] [--repeat 5] [--data DIR]

The leaves are those of WordNet's mammals under ``--data`` (default: the environment variable
HYPERHIER_DATA, then ``../shared/data``) or, where these are absent, of the built-in ``linnaean``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _taxonomy_data import wordnet
from constructive_growth import parents

from hyperhier.embedding import ConstructiveEmbedder, TaxonomyEmbedding
from hyperhier.embedding._quality import reconstruction
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy


def timed(call: Callable[[], Any], repeat: int) -> list[float]:
    """CPU seconds of each of the calls after a first one."""
    call()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return seconds


def spread(values: list[float], digits: int = 0) -> str:
    """The median with the least and the largest."""
    middle, low, high = (
        f"{v:,.{digits}f}" for v in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} [{low}, {high}]"


def random_tree(size: int) -> Taxonomy:
    names = [f"n{k}" for k in range(size)]
    return Taxonomy.from_arrays(names, parents("random", size), np.arange(1, size))


def nearest_table(options: argparse.Namespace) -> None:
    tree = random_tree(options.nodes)
    emb = ConstructiveEmbedder(dim=options.dim).fit(tree).embedding_
    drawn = torch.randint(len(tree), (options.queries,), generator=torch.Generator().manual_seed(0))
    many = emb.points[drawn]
    one = many[:1]

    def brute() -> torch.Tensor:
        with torch.no_grad():
            every = emb.manifold.dist_matrix(one, emb.points)
        return every.topk(options.k, largest=False).values

    if not torch.allclose(brute(), emb.nearest(one, options.k).distances, rtol=1e-9):
        raise SystemExit("nearest and all distances do not agree")
    together = timed(lambda: emb.nearest(many, options.k), options.repeat)
    alone = timed(lambda: emb.nearest(one, options.k), options.repeat)
    print(f"| nodes | dim | k | {options.queries} queries at once, per CPU s", end="")
    print(" | one query, CPU ms | all distances of one, CPU ms |")
    print("|---:" * 6 + "|")
    cells = [f"{options.nodes:,}", str(options.dim), str(options.k)]
    cells += [spread([options.queries / s for s in together])]
    cells += [spread([1e3 * s for s in times]) for times in (alone, timed(brute, options.repeat))]
    print("| " + " | ".join(cells) + " |\n", flush=True)


def leaf_tree(data: Path) -> tuple[str, Taxonomy]:
    if (data / "wordnet30").is_dir():
        return "mammals", wordnet("mammals", data)[0]
    return "linnaean", builtin_taxonomy("linnaean")


def average_precision(emb: TaxonomyEmbedding, names: list[str]) -> float:
    """MAP of the ancestors of some nodes."""
    return reconstruction(emb.points, emb.taxonomy, emb.manifold, emb.taxonomy.encode(names))[0]


def leaves_table(options: argparse.Namespace) -> None:
    name, tree = leaf_tree(options.data)
    single = [leaf for leaf in tree.leaves if len(tree.parents(leaf)) == 1]
    gone = single[:: max(1, len(single) // options.leaves)][: options.leaves]
    new = [(leaf, tree.parents(leaf)[0]) for leaf in gone]
    rest = tree.prune(gone)
    print("| taxonomy | dim | new leaves | largest rank of a parent | MAP of the others", end="")
    print(" | CPU s a leaf |")
    print("|---|---:|---:|---:|---:|---:|")
    for dim in options.leaf_dims:
        emb = ConstructiveEmbedder(dim=dim).fit(rest).embedding_
        emb.add(*new[0])  # compiles
        start = time.process_time()
        more = emb.add(new)
        seconds = (time.process_time() - start) / len(new)
        ranks = [more.rank(leaf, parent) for leaf, parent in new]
        before, after = (average_precision(e, list(rest.nodes)) for e in (emb, more))
        cells = [name, dim, len(new), max(ranks), f"{before:.4f}, then {after:.4f}"]
        print("| " + " | ".join(map(str, [*cells, f"{seconds:.2f}"])) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("HYPERHIER_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--nodes", type=int, default=10**6)
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--queries", type=int, default=128)
    parser.add_argument("--leaves", type=int, default=20)
    parser.add_argument("--leaf-dims", type=int, nargs="+", default=[2, 5])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread\n")
    nearest_table(options)
    leaves_table(options)


if __name__ == "__main__":
    main()
