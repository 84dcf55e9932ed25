"""Time and memory of taxonomies, ours beside networkx' own algorithms.

A random recursive tree is written as CSV, read and indexed in a fresh process (time and peak
memory), and asked for lowest common ancestors and distances; the closure is taken of it and,
where the real data is (HYPERHIER_DATA), of WordNet's nouns. networkx answers the same questions
on the same graphs, fewer of them, since it takes longer; what counts is the rate.

    python benchmarks/taxonomy_speed.py [--nodes 1000000] [--queries 4000000] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch

from hyperhier.taxonomy import Taxonomy, read_csv

GIB = 1 << 30


def random_tree(nodes: int, path: Path) -> None:
    """Each node below a random earlier one; names and lines in random order."""
    rng = np.random.default_rng(0)
    parent = (rng.random(nodes - 1) * np.arange(1, nodes)).astype(int)
    name = [f"node_{k}" for k in rng.permutation(nodes).tolist()]
    with path.open("w") as stream:
        stream.write("parent,child\n")
        for k in rng.permutation(nodes - 1).tolist():
            stream.write(f"{name[parent[k]]},{name[k + 1]}\n")


def seconds(run: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """The shortest of some runs, and the last result."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - start)
    return best, result


def resident() -> float:
    with open("/proc/self/status") as stream:
        line = next(line for line in stream if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / GIB


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


# ------------------------------------------------------------------- in a process of its own


def read_ours(path: str) -> dict[str, float]:
    imported = resident()
    read, tax = seconds(lambda: read_csv(path))
    index, _ = seconds(lambda: (tax.lca(0, 0), tax.distance(0, 0), tax.encode(tax.root)))
    return {"read": read, "index": index, "imported GiB": imported, "peak GiB": peak()}


def read_theirs(path: str) -> dict[str, float]:
    imported = resident()

    def read() -> Any:
        with open(path, "rb") as stream:
            next(stream)
            return nx.read_edgelist(stream, delimiter=",", create_using=nx.DiGraph)

    time_read, _ = seconds(read)
    return {"read": time_read, "index": 0.0, "imported GiB": imported, "peak GiB": peak()}


def in_fresh_process(what: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", what, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


# --------------------------------------------------------------------------------- questions


def look_ups(nodes: int, queries: int) -> float:
    """Six random look-ups a query, what an LCA needs at least here, and nothing else."""
    table = torch.arange(nodes, dtype=torch.int32)
    where = torch.randint(nodes, (min(queries, 1 << 15),))
    best, _ = seconds(lambda: [table.index_select(0, where) for _ in range(6)], 50)
    return len(where) / best


def rates_ours(tax: Taxonomy, queries: int) -> dict[str, float]:
    i, j = torch.randint(len(tax), (2, queries), generator=torch.Generator().manual_seed(0))
    questions = {
        "LCA": lambda: tax.lca(i, j),
        "distance": lambda: tax.distance(i, j),
        "weighted distance": lambda: tax.distance(i, j, weighted=True),
        "is ancestor": lambda: tax.is_ancestor(i, j),
    }
    for question in questions.values():
        question()
    return {name: queries / seconds(question, 5)[0] for name, question in questions.items()}


def rates_theirs(tax: Taxonomy, queries: int) -> dict[str, float]:
    graph = tax.to_networkx()
    rng = np.random.default_rng(0)
    pairs = [tuple(tax.nodes[k] for k in rng.integers(0, len(tax), 2)) for _ in range(queries)]
    both_ways = nx.Graph(graph)
    questions: dict[str, Callable[[], Any]] = {
        "LCA": lambda: [nx.lowest_common_ancestor(graph, u, v) for u, v in pairs],
        "distance": lambda: [nx.shortest_path_length(both_ways, u, v) for u, v in pairs],
        "weighted distance": lambda: [nx.dijkstra_path_length(both_ways, u, v) for u, v in pairs],
        "is ancestor": lambda: [nx.has_path(graph, u, v) for u, v in pairs],
    }
    rates = {name: queries / seconds(question)[0] for name, question in questions.items()}
    if tax.is_tree:
        done, _ = seconds(
            lambda: dict(nx.tree_all_pairs_lowest_common_ancestor(graph, pairs=pairs))
        )
        rates["LCA, tree_all_pairs"] = queries / done
    return rates


def closure(tax: Taxonomy) -> list[tuple[str, float]]:
    def fresh() -> Any:
        return Taxonomy.from_arrays(tax.nodes, tax.edges[1], tax.edges[0])

    ours, pairs = seconds(fresh().closure)
    graph = tax.to_networkx()
    theirs, closed = seconds(lambda: nx.transitive_closure_dag(graph))
    one_by_one, _ = seconds(lambda: sum(len(nx.ancestors(graph, v)) for v in graph))
    assert pairs.shape[1] == closed.number_of_edges()
    return [
        ("pairs", float(pairs.shape[1])),
        ("hyperhier, s", ours),
        ("networkx transitive_closure_dag, s", theirs),
        ("networkx ancestors of each node, s", one_by_one),
        ("ratio", theirs / ours),
    ]


def table(title: str, rows: list[tuple[str, ...]]) -> None:
    print(f"\n{title}")
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells))


def rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 10 else f"{value:.2g}/s"


def report(name: str, tax: Taxonomy, queries: int, few: int) -> None:
    ours, theirs = rates_ours(tax, queries), rates_theirs(tax, few)
    rows: list[tuple[str, ...]] = [("", "hyperhier", "networkx", "ratio")]
    for question in dict.fromkeys([*ours, *theirs]):
        mine = ours.get(question, ours["LCA"])
        other = theirs[question]
        rows.append((question, rate(mine), rate(other), f"{mine / other:,.0f}"))
    table(f"{name}: {tax!r}", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=4_000_000)
    parser.add_argument("--theirs", type=int, default=20, help="queries put to networkx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "PATH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        what, path = args.child
        print(json.dumps({"ours": read_ours, "theirs": read_theirs}[what](path)))
        return
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, networkx {nx.__version__}, {args.threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.csv"
        random_tree(args.nodes, path)
        size = f"{args.nodes:,} nodes, {path.stat().st_size / 1e6:.0f} MB of CSV"
        ours, theirs = in_fresh_process("ours", path), in_fresh_process("theirs", path)
        rows: list[tuple[str, ...]] = [("", "hyperhier", "networkx")]
        rows += [(key, f"{ours[key]:.2f}", f"{theirs[key]:.2f}") for key in ours]
        table(f"from a file to the first answer, s ({size})", rows)
        big = read_csv(path)
    report("random tree", big, args.queries, args.theirs)
    torch.set_num_threads(1)
    single = rates_ours(big, args.queries)["LCA"]
    bound = look_ups(len(big), args.queries)
    print(f"  LCA on one thread {rate(single)}; six look-ups and nothing else {rate(bound)}")
    torch.set_num_threads(args.threads)
    n = 100_000
    chain = Taxonomy.from_arrays([f"n{k}" for k in range(n)], np.arange(n - 1), np.arange(1, n))
    report("chain", chain, args.queries, 5)
    small = Taxonomy.from_arrays(
        [f"n{k}" for k in range(n)],
        (np.random.default_rng(0).random(n - 1) * np.arange(1, n)).astype(int),
        np.arange(1, n),
    )
    for name, value in closure(small):
        print(f"  closure of {n:,} nodes: {name} {value:,.2f}")
    nouns = Path(os.environ.get("HYPERHIER_DATA", "../shared/data")) / "wordnet30"
    if not nouns.is_dir():
        print("\nWordNet's nouns: skipped, HYPERHIER_DATA names no folder with them")
        return
    dag = read_csv(nouns / "nouns_direct.csv.gz")
    report("WordNet's nouns", dag, args.queries // 20, args.theirs)
    for name, value in closure(dag):
        print(f"  closure of WordNet's nouns: {name} {value:,.2f}")


if __name__ == "__main__":
    main()
