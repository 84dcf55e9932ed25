"""Taxonomies embedded for their closure: ours beside the peers, quality, time and memory.

For every method, geometry and dimension the learning rate is chosen by the MAP of one tuning
seed; then each seed is run with it. Every run is a process of its own, and one line of a
JSON-lines file; a second call goes on where the first stopped. All points, ours and the peers',
are judged by one exact evaluation in float64.

    python benchmarks/taxonomies.py                      # what can be run here, mammals
    python benchmarks/taxonomies.py --only ours --dataset nouns
    python benchmarks/taxonomies.py --table              # only the tables of finished runs
    python benchmarks/taxonomies.py --throughput         # pairs per second, and what bounds them
    python benchmarks/taxonomies.py --radius-figure docs/figures/map_by_radius.png

Peers that are not Python packages are built beforehand and named by their folders; a peer that
is not there is left out, with a line that says so. ``--data`` defaults to the environment
variable HYPERHIER_DATA, then ``../shared/data``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _taxonomy_data import check_evaluation, relation
from _taxonomy_limits import limits
from _taxonomy_runs import OURS, PACKAGES, Bench, Job, Row, name_of

from hyperhier.metrics import mean_interval

HERE = Path(__file__).parent
DATASETS = ("mammals", "verbs", "nouns")
DIMS = (2, 5, 10)
SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
#: two lengths of training from random points
SHORT, LONG = "ours ranking, random start", "ours ranking, random start, long"
RADII = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 30.0)
RADII_LONG = (12.0,)
#: radius at which each keeps its float64 points: ball of norm 1 - 1e-5, of squared norm 1 - 1e-5,
#: of norm 1 - 1e-6, hyperboloid with coordinates up to 1e6
CLAMPS = {
    "poincare-embeddings, gensim, geoopt, HypLL": 12.2,
    "lateral": 12.9,
    "shirakawa; poincare-embeddings on the hyperboloid": 14.5,
}


@dataclass(frozen=True)
class Method:
    """What is run, with the peer's documented settings.

    ``rates`` are searched; ``search`` is the share of the epochs that the search takes, for some
    peers take minutes for one run.
    """

    geometries: tuple[str, ...]
    rates: tuple[float | None, ...] = (None,)
    epochs: int = 1
    burn_in: int = 0
    negatives: int = 50
    batch_size: int = 10
    search: float = 1.0
    #: further options of RankingEmbedder
    options: dict[str, Any] = field(default_factory=dict)
    #: on the others one run takes an hour or more
    datasets: tuple[str, ...] = DATASETS


METHODS = {
    "ours constructive": Method(("lorentz", "poincare")),
    "ours ranking": Method(("lorentz", "poincare"), (0.05, 0.1, 0.2, 0.5, 1.0), 100),
    SHORT: Method(("lorentz",), (0.05, 0.1, 0.2, 0.5), 500, 20, options={"init": "random"}),
    LONG: Method(
        ("lorentz",),
        (0.02, 0.05, 0.1, 0.2),
        10_000,
        500,
        search=0.4,
        options={"init": "random"},
        datasets=("mammals",),
    ),
    "ours ranking, all negatives": Method(
        ("lorentz",),
        (0.03, 0.1, 0.3),
        500,
        20,
        search=0.4,
        options={"init": "random", "negatives": "all"},
        datasets=("mammals",),  # an epoch takes time in proportion to the square of the nodes
    ),
    "ours ranking torch": Method(
        ("euclidean", "sphere"), (0.05, 0.2, 0.5), 100, 20, batch_size=256, search=0.2
    ),
    "poincare-embeddings": Method(
        ("poincare", "lorentz", "euclidean"), (0.1, 0.3, 1.0), 300, 20, search=0.1
    ),
    "gensim": Method(("poincare",), (0.03, 0.1, 0.3), 50, 10, 10, search=0.4),
    "lateral": Method(("poincare",), (0.1, 0.3, 1.0), 300, 40, 20, search=0.2),
    "lateral-geodesic": Method(("lorentz",), (0.1, 0.3, 1.0), 300, 40, 20, search=0.2),
    "shirakawa": Method(("poincare",), (0.02, 0.1, 0.5), 300),
    "geoopt": Method(
        ("poincare", "lorentz"), (0.003, 0.01, 0.03, 0.1), 100, 10, batch_size=256, search=0.3
    ),
    "hypll": Method(("poincare",), (1.0, 3.0, 10.0, 30.0), 300, 10, 10, search=0.1),
}
CHECKOUTS = [name for name in METHODS if name not in (*OURS, *PACKAGES)]

# ------------------------------------------------------------------- what is run


@dataclass(frozen=True)
class Cell:
    """One line of a table."""

    dataset: str
    method: str
    geometry: str
    dim: int

    def job(self, lr: float | None, seed: int, scale: float, **more: Any) -> Job:
        method = METHODS[self.method]
        # a search by the peers is short in its burn-in too
        warm = 1.0 if self.method in OURS else min(scale, 1.0)
        return {
            "purpose": "quality",
            "dataset": self.dataset,
            "method": self.method,
            "geometry": self.geometry,
            "dim": self.dim,
            "lr": lr,
            "seed": seed,
            "epochs": max(1, round(scale * method.epochs)),
            "burn_in": round(warm * method.burn_in),
            "negatives": method.negatives,
            "batch_size": method.batch_size,
            "threads": 1,
            "options": method.options,
            **more,
        }


def search(bench: Bench, cell: Cell, options: argparse.Namespace) -> float | None:
    """The rate with the best MAP for the tuning seed."""
    method = METHODS[cell.method]
    rates = options.rates if options.rates and method.rates != (None,) else method.rates
    if options.quick:
        rates = rates[len(rates) // 2 :][:1]
    if len(rates) == 1:
        return rates[0]
    scale = options.epochs_scale * method.search
    tried = {lr: bench(cell.job(lr, TUNING_SEED, scale)).get("map", 0.0) for lr in rates}
    return max(tried, key=lambda lr: tried[lr])


def run_all(bench: Bench, options: argparse.Namespace, methods: list[str]) -> None:
    for cell in cells(options, methods):
        lr = search(bench, cell, options)
        for seed in options.seeds:
            bench(cell.job(lr, seed, options.epochs_scale))


def cells(options: argparse.Namespace, methods: list[str]) -> Iterator[Cell]:
    for method in methods:
        for geometry in METHODS[method].geometries:
            if options.geometries and geometry not in options.geometries:
                continue
            for dim in options.dims:
                yield Cell(options.dataset, method, geometry, dim)


# ------------------------------------------------------------------- tables


def interval(values: list[float], digits: int = 3) -> str:
    """Mean and the half width of its 95 % interval (Student's t)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    half = mean_interval(values).high - mean
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def line(cells: list[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def finished(bench: Bench, cell: Cell, options: argparse.Namespace) -> list[Row]:
    """The runs of the seeds with the rate that most of them have; of several, the best tuned."""
    scale = options.epochs_scale * METHODS[cell.method].search
    found: dict[float | None, list[Row]] = {}
    tuned: dict[float | None, float] = {}
    for lr in {row["lr"]: None for row in bench.rows.values() if row["method"] == cell.method}:
        names = [name_of(cell.job(lr, seed, options.epochs_scale)) for seed in options.seeds]
        found[lr] = [bench.rows[name] for name in names if name in bench.rows]
        tuning = bench.rows.get(name_of(cell.job(lr, TUNING_SEED, scale)), {})
        tuned[lr] = tuning.get("map", 0.0)
    best = max(found, key=lambda lr: (len(found[lr]), tuned[lr]), default=None)
    return found.get(best, [])


def quality_table(bench: Bench, options: argparse.Namespace, methods: list[str]) -> None:
    print(f"\n### {options.dataset}: mean ± 95 % interval over the seeds\n")
    heads = ["method", "geometry", "dim", "rate", "epochs", "seeds", "MAP", "mean rank"]
    heads += ["radius", "training, CPU s", "process, CPU s", "peak MiB", "pairs per CPU s"]
    print(line(heads))
    print("|---" * len(heads) + "|")
    for cell in cells(options, methods):
        if not (rows := finished(bench, cell, options)):
            continue
        good = [row for row in rows if "map" in row]
        once = cell.method == "ours constructive"
        first = [cell.method, cell.geometry, cell.dim]
        first += ["", ""] if once else [rows[0]["lr"], rows[0]["epochs"]]
        if not good:
            print(line([*first, 0, rows[0]["error"], *[""] * 6]))
            continue

        def column(key: str, digits: int, good: list[Row] = good) -> str:
            return interval([row[key] for row in good], digits)

        done = [(row["epochs"] + row["burn_in"]) * row["trained_pairs"] for row in good]
        speed = [n / max(row["seconds"], 1e-9) for n, row in zip(done, good, strict=True)]
        last = [
            column("map", 3),
            column("mean_rank", 3),
            f"{max(row['radius'] for row in good):.1f}",
            column("seconds", 1),
            column("process_seconds", 1),
            round(max(row["peak_mib"] for row in good)),
            "" if once else f"{statistics.fmean(speed):,.0f}",
        ]
        print(line([*first, len(good), *last]))


def left_out(bench: Bench, method: str, options: argparse.Namespace) -> str:
    """Why a method is not run, or nothing."""
    if not options.throughput and options.dataset not in METHODS[method].datasets:
        return f"a run on the {options.dataset} takes an hour or more"
    return bench.missing(method)


def throughput_table(bench: Bench, options: argparse.Namespace, methods: list[str]) -> None:
    """Pairs per second from the difference of two runs, so that no start is counted: the median.

    There is no burn-in. Ours shares the negatives, ``options.negatives`` of them, between the pairs
    of a node. On nouns the peers get one pair of each node, on the whole table of nodes.
    """
    print("\n### pairs with their negatives per second\n")
    heads = ["data", "dim", "method", "geometry", "negatives", "threads"]
    heads += ["pairs per CPU s", "pairs per s"]
    print(line(heads))
    print("|---" * len(heads) + "|", flush=True)
    lines = []
    for cell, negatives, threads in loads(options, methods):
        more: Job = {"burn_in": 0, "negatives": negatives, "threads": threads}
        more["purpose"] = "throughput"
        if cell.dataset == "nouns" and cell.method not in OURS:
            more["pairs_per_node"] = 1
        speeds = [rates_of(bench, cell, {**more, "repeat": k}) for k in range(options.repeats)]
        if not (measured := [speed for speed in speeds if speed]):
            continue
        drawn = str(negatives)
        if cell.method in OURS:
            pairs = relation(cell.dataset, options.data)
            each = negatives * len(pairs) / pairs.closure().shape[1]
            drawn += f" a node, {each:.2g} a pair"
        shown = [f"{statistics.median(values):,.0f}" for values in zip(*measured, strict=True)]
        first = [cell.dataset, cell.dim, cell.method, cell.geometry]
        lines.append(line([*first, drawn, threads, *shown]))
    print("\n".join(lines))
    print("\n### what the machine allows on one core, measured in the same minutes\n")
    heads = ["data", "dim", "dtype", "rows per s, random", "pairs per s: rows moved", "both"]
    heads += ["arithmetic, rows in the cache"]
    print(line(heads))
    print("|---" * len(heads) + "|")
    for dataset, dim, nodes in (("mammals", 5, 1180), ("nouns", 10, 82_115)):
        for dtype in (np.float64, np.float32):
            found = limits(nodes, dim, dtype, negatives=50)
            figures = [f"{found[key]:,.0f}" for key in ("rows", "moved", "both", "arithmetic")]
            print(line([dataset, dim, np.dtype(dtype).name, *figures]))


def rates_of(bench: Bench, cell: Cell, more: Job) -> tuple[float, ...]:
    """Pairs per second, by processor time and by the clock; nothing if a run failed."""
    epochs, rate = passes(cell.method, cell.dataset), METHODS[cell.method].rates[0]
    rows = [bench(cell.job(rate, 0, 1.0, epochs=n, **more)) for n in epochs]
    if any("error" in row for row in rows):
        return ()
    *_, few, many = rows
    # each of its threads goes over all pairs
    share = more["threads"] if cell.method == "poincare-embeddings" else 1
    done = (many["epochs"] - few["epochs"]) * few["trained_pairs"] * share
    return tuple(done / max(many[clock] - few[clock], 1e-9) for clock in ("seconds", "wall"))


def loads(options: argparse.Namespace, methods: list[str]) -> Iterator[tuple[Cell, int, int]]:
    """What the throughput is measured of, each with its negatives and threads."""
    for dataset, dim in (("mammals", 5), ("nouns", 10)):
        for method in methods:
            if method in OURS and method != "ours ranking":
                continue
            # draws of 50 that hit no ancestor hardly ever come up for gensim
            peers = [10] if method == "gensim" else [50]
            for geometry in METHODS[method].geometries:
                if options.geometries and geometry not in options.geometries:
                    continue
                for negatives in options.negatives if method in OURS else peers:
                    for threads in (1,) if method == "gensim" else (1, 2):  # has no second thread
                        yield Cell(dataset, method, geometry, dim), negatives, threads


def passes(method: str, dataset: str) -> tuple[int, ...]:
    """Epochs of the runs: the last two differ by some seconds, a first one lets ours compile."""
    if dataset == "nouns":
        return (1, 9) if method in OURS else (1, 2)
    if method in OURS:
        return 1, 20, 220
    return (5, 55) if method in ("shirakawa", "lateral", "lateral-geodesic") else (1, 5)


def radius_figure(bench: Bench, options: argparse.Namespace) -> None:
    """MAP and mean rank of ours, from random points, against the radius that these may reach."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained")
    print("\n" + line(["method", "dim", "largest radius", "MAP", "mean rank"]))
    print("|---" * 5 + "|")
    for dim in options.dims:
        curves = by_radius(bench, Cell("mammals", SHORT, "lorentz", dim), options, RADII)
        by_radius(bench, Cell("mammals", LONG, "lorentz", dim), options, RADII_LONG)
        for axis, values in zip(axes, curves, strict=True):
            (drawn,) = axis.plot(RADII, values.mean(axis=1), marker="o", label=f"dimension {dim}")
            axis.fill_between(
                RADII, values.min(1), values.max(1), color=drawn.get_color(), alpha=0.2
            )
    for axis in axes:
        axis.set_xlabel("largest radius allowed (curvature −1)")
        for style, (who, radius) in zip((":", "--", "-."), CLAMPS.items(), strict=True):
            axis.axvline(radius, color="0.5", linestyle=style, linewidth=1.0, label=who)
    axes[0].set_ylabel("MAP")
    axes[1].set_ylabel("mean rank")
    axes[1].set_yscale("log")
    axes[0].legend(fontsize="x-small")
    figure.suptitle("WordNet mammals: reconstruction against the room that points are given")
    options.radius_figure.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.radius_figure, dpi=150)
    print(f"\n{options.radius_figure}")


def by_radius(
    bench: Bench, cell: Cell, options: argparse.Namespace, radii: tuple[float, ...]
) -> list[np.ndarray]:
    """MAP and mean rank, each ``(radii, seeds)``, with the rate that is best with all room."""
    lr, own = search(bench, cell, options), METHODS[cell.method].options
    curves: dict[str, list[list[float]]] = {"map": [], "mean_rank": []}
    for radius in radii:
        more = {"purpose": "radius", "options": {**own, "max_radius": radius}}
        found = [bench(cell.job(lr, s, options.epochs_scale, **more)) for s in options.seeds]
        if failed := [row for row in found if "map" not in row]:
            raise SystemExit(f"a run failed: {failed[0].get('error')}")
        for key, curve in curves.items():
            curve.append([row[key] for row in found])
        shown = (interval(curve[-1]) for curve in curves.values())
        print(line([cell.method, cell.dim, radius, *shown]))
    return [np.array(curve) for curve in curves.values()]


# ------------------------------------------------------------------- command line


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("HYPERHIER_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--results", type=Path, default=HERE / "results" / "taxonomies.jsonl")
    parser.add_argument("--dataset", choices=DATASETS, default="mammals")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help=f"ours, {', '.join(METHODS)}")
    parser.add_argument("--geometries", nargs="+")
    parser.add_argument("--dims", nargs="+", type=int, default=list(DIMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--rates", nargs="+", type=float, help="learning rates to search instead")
    parser.add_argument("--epochs-scale", type=float, default=1.0)
    parser.add_argument("--limit", type=float, default=7200.0, help="seconds for one run")
    parser.add_argument("--quick", action="store_true", help="1 rate, 1 seed, dim 5, few epochs")
    parser.add_argument("--table", action="store_true", help="only the table of finished runs")
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument(
        "--negatives", nargs="+", type=int, default=[50], help="of a node, for ours in --throughput"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of --throughput: the median")
    parser.add_argument("--radius-figure", type=Path, metavar="FILE")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PYTHON")
    for name in CHECKOUTS:
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help="a built checkout")
    options = parser.parse_args()
    if options.quick:
        options.epochs_scale *= 0.05
        options.seeds = options.seeds[:1]
        options.dims = [5] if options.dims == list(DIMS) else options.dims
    return options


def main() -> None:
    options = parse()
    if not (options.data / "wordnet30").is_dir():
        raise SystemExit(f"no folder {options.data}/wordnet30: name it with --data")
    given = {name: getattr(options, name.replace("-", "_")) for name in CHECKOUTS}
    checkouts = {name: path for name, path in given.items() if path is not None}
    bench = Bench(options.results, options.data, options.peer_python, checkouts, options.limit)
    chosen = [
        name
        for name in METHODS
        if not options.only or name in options.only or ("ours" in options.only and name in OURS)
    ]
    if not chosen:
        raise SystemExit(f"no method called {options.only}; known: ours, {', '.join(METHODS)}")
    methods = chosen
    if not options.table:
        reasons = {name: left_out(bench, name, options) for name in chosen}
        methods = [name for name in chosen if not reasons[name]]
        for name, reason in reasons.items():
            if reason:
                print(f"{name} left out: {reason}", flush=True)
        check_evaluation(relation("mammals", options.data))
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}", flush=True)
    if options.throughput:
        throughput_table(bench, options, methods)
    elif options.radius_figure:
        radius_figure(bench, options)
    else:
        if not options.table:
            run_all(bench, options, methods)
        quality_table(bench, options, methods)


if __name__ == "__main__":
    main()
