"""Tree distances in few dimensions: average and worst distortion, MAP of neighbours, CPU time.

Every tree is embedded in closed form and by stress, and by stress in Euclidean space and on a
sphere of the same dimension. Prints a table in markdown; intervals are the least and the largest
of the seeds.

    python benchmarks/tree_distortion.py --trees weevils mosses 3x5 --dims 2 10 --seeds 5

A tree is a CSV file of the folder of real data (see ``--data``), or ``bxh``: b children, height h.
Its own distances are judged first, with and without its edges of weight 0; ``--contract`` embeds
it without them.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from hyperhier.embedding import ConstructiveEmbedder, DistortionEmbedder
from hyperhier.embedding._estimator import Embedder
from hyperhier.embedding._quality import distortion
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy, load_taxonomy

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HYPERHIER_DATA", REPOSITORY.parent / "shared" / "data"))
TREES = (
    "weevils", "mosses", "lichen", "carnivora", "diseases_tree", "cs_phd_tree", "grqc_tree",
    "cifar100", "3x5", "2x8", "2x10",
)  # fmt: skip
# Up to this many nodes MAP and distortion run over all pairs.
ALL = 3_000


def load(name: str, data: Path) -> Taxonomy:
    """A tree by name."""
    if "x" in name and name.replace("x", "").isdigit():
        children, height = map(int, name.split("x"))
        paths: list[tuple[str, ...]] = [("r",)]
        for _ in range(height):
            paths = [(*p, f"{p[-1]}.{k}") for p in paths for k in range(children)]
        return Taxonomy.from_paths(paths)
    return load_taxonomy(data / "trees_hsdte" / f"{name}.csv")


def contracted(tree: Taxonomy) -> Taxonomy:
    """The tree in which a node at distance 0 from its parent is its parent."""
    (child, parent), names = tree.edges, list(tree.nodes)
    kept = []
    for k in child.argsort().tolist():  # by child: parents come first
        above, weight = names[parent[k]], float(tree.edge_weight[k])
        if weight == 0.0:
            names[child[k]] = above
        else:
            kept.append((above, names[child[k]], weight))
    return Taxonomy.from_edges(kept)


def neighbour_map(distance: torch.Tensor, tree: Taxonomy) -> float:
    """MAP of the neighbours in the tree by distance (Sala et al. 2018); ties count against.

    For a node u and its neighbours: the mean over the neighbours v of the share of neighbours
    among the nodes as near to u as v or nearer.
    """
    size = len(tree)
    child, parent = tree.edges
    near = torch.zeros(size, size, dtype=torch.bool)
    near[child, parent] = near[parent, child] = True
    distance = distance.clone().fill_diagonal_(torch.inf)
    total = 0.0
    for row, wanted in zip(distance, near, strict=True):
        own = row[wanted].sort().values
        everyone = torch.searchsorted(row.sort().values, own, right=True)
        of_own = torch.searchsorted(own, own, right=True)
        total += float((of_own / everyone).mean())
    return total / size


def figures(points: torch.Tensor, tree: Taxonomy, manifold: Manifold) -> tuple[float, ...]:
    """Average distortion at the best scale, at the median ratio, worst case, MAP."""
    nodes = torch.arange(len(tree))
    if len(tree) > ALL:
        nodes = torch.randperm(len(tree), generator=torch.Generator().manual_seed(0))[:ALL].sort()[
            0
        ]
    average, worst = distortion(points[nodes], tree, manifold, nodes)
    if len(tree) > ALL:
        return average, worst, float("nan")
    with torch.no_grad():
        table = manifold.dist_matrix(points.double(), points.double())
    return average, worst, neighbour_map(table, tree)


def spread(values: list[float], digits: int) -> str:
    """A value, or the median with the least and the largest."""
    median = f"{np.median(values):.{digits}f}"
    if max(values) > 1e6:
        median = f"{np.median(values):.1e}"
    if len(values) == 1:
        return median
    low, high = (f"{v:.{digits}f}" if v < 1e6 else f"{v:.1e}" for v in (min(values), max(values)))
    return median if low == high else f"{median} [{low}, {high}]"


def row(make: dict[str, object], kind: type[Embedder], tree: Taxonomy, seeds: int) -> str:
    """The cells of one method."""
    found = []
    for seed in range(seeds):
        begin = time.process_time()
        embedding = kind(seed=seed, **make).fit(tree).embedding_  # type: ignore[arg-type]
        seconds = time.process_time() - begin
        found.append((*figures(embedding.points, tree, embedding.manifold), seconds))
    columns = list(zip(*found, strict=True))
    return " | ".join(
        spread(list(column), digits) for column, digits in zip(columns, (4, 3, 3, 1), strict=True)
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--trees", nargs="+", default=list(TREES))
    parser.add_argument("--dims", nargs="+", type=int, default=[10])
    parser.add_argument("--dtypes", nargs="+", default=["float64"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--worst-weight", type=float, default=DistortionEmbedder.worst_weight, help="of stress"
    )
    parser.add_argument("--contract", action="store_true", help="no edges of weight 0")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--methods", nargs="+", default=["constructive", "stress", "euclidean", "sphere"]
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| tree | dim | dtype | method | average | worst | MAP | CPU s |")
    print("|---|---:|---|---|---:|---:|---:|---:|")
    for name in options.trees:
        tree = load(name, options.data)
        forms = {name: tree}
        if len(short := contracted(tree)) < len(tree):
            forms[f"{name}, contracted"] = short
        for label, form in forms.items():
            if len(form) <= ALL:
                best = neighbour_map(form.distance_matrix(weighted=True), form)
                about = f"{label} ({len(form)}) | | | the tree itself"
                print(f"| {about} | 0 | 1 | {best:.3f} | |", flush=True)
        if options.contract:
            name, tree = list(forms.items())[-1]
        for dim in options.dims:
            for dtype in options.dtypes:
                for method in options.methods:
                    make: dict[str, object] = {"dim": dim, "dtype": dtype}
                    kind: type[Embedder] = DistortionEmbedder
                    if method == "constructive":
                        kind, make["target"] = ConstructiveEmbedder, "tree_distance"
                    else:
                        make["worst_weight"] = options.worst_weight
                    if method in ("euclidean", "sphere"):
                        make["manifold"] = method
                    cells = row(make, kind, tree, options.seeds)
                    print(f"| {name} | {dim} | {dtype} | {method} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
