"""SupCon, HWC, LAM and their sum on labelled images, in several geometries.

For every data set, geometry and loss the learning rate is chosen on the validation images
(balanced accuracy of the nearest prototype, one tuning seed, the data set's first tree); then
the test images are judged once for each seed. Runs are independent processes of one thread;
every finished run is one line of a JSON-lines file, and a second call goes on where the first
stopped.

    python benchmarks/images.py                 # the runs that are not yet in the file
    python benchmarks/images.py --table         # only the tables

A loss is named as for ``hyperhier train``; ``hwc:literal`` is HWC with the literal reading of
its description, ``scaling="split"`` on the sphere and ``"shared"`` elsewhere. ``--control`` names
losses that are also run on a tree with shuffled leaves (and judged by the true one).

``--data`` defaults to the environment variable HYPERHIER_DATA, then ``../shared/data``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

DATASETS: dict[str, dict[str, Any]] = {
    "fashion": {
        "path": "fashion_mnist_slice/fashion_mnist_slice.npz",
        "trees": {"fashion": "fashion_mnist_slice/tree.csv"},
        "load": {},
        "train": {"epochs": 3},
    },
    "ham10000": {
        "path": "ham10000_64/labels.csv",
        "trees": {
            "malignancy": "ham10000_64/tree_malignancy.csv",
            "lineage": "ham10000_64/tree_lineage.csv",
        },
        "load": {
            "image": "image_id",
            "label": "dx",
            "split": "split",
            "group": "lesion_id",
            "images": "ham10000_64/images.zip",
            "size": (48, 64),
        },
        "train": {"epochs": 3, "width": 12, "balance": 0.5, "flip": "both", "rotate": 45.0},
    },
}
GEOMETRIES = ("sphere", "poincare", "lorentz")
LOSSES = ("supcon", "hwc", "hwc:literal", "supcon+lam", "hwc+lam", "hwc:literal+lam")
RATES = (3e-3, 1e-2)
SEEDS = (0, 1, 2)
TUNING_SEED = 100
RESULTS = Path(__file__).parent / "results" / "images.jsonl"
COMMON = {"dim": 32, "batch_size": 256, "pictures": False, "monitor": 0}
SHOWN = ("top1", "balanced_accuracy", "hf1", "h_acc", "pc_order", "pdv", "mistake_severity")
LOWER_IS_BETTER = {"pdv", "mistake_severity"}

_cache: dict[str, Any] = {}


def images_of(dataset: str, tree: str, root: Path) -> tuple[Any, Any]:
    """The images with the labels of a tree, and the tree; read once per process."""
    from hyperhier.data import load_images
    from hyperhier.taxonomy import read_taxonomy

    key = f"{dataset} {tree}"
    if key not in _cache:
        recipe = DATASETS[dataset]
        load = dict(recipe["load"])
        if "images" in load:
            load["images"] = root / load["images"]
        taxonomy = read_taxonomy(root / recipe["trees"][tree])
        _cache[key] = load_images(root / recipe["path"], taxonomy, **load), taxonomy
    found: tuple[Any, Any] = _cache[key]
    return found


def one_run(job: dict[str, Any], base: str) -> list[dict[str, Any]]:
    """Train once, and judge. What SupCon learns depends on no tree: it is judged by each."""
    import torch

    from hyperhier.training import train
    from hyperhier.training.report import judge

    torch.set_num_threads(1)
    recipe, root = DATASETS[job["dataset"]], Path(base)
    data, tree = images_of(job["dataset"], job["tree"], root)
    start = time.perf_counter()
    loss_tree = tree.shuffled_leaves(job["seed"]) if job.get("shuffled") else None
    loss_options = {}
    if ":literal" in job["loss"]:
        loss_options["scaling"] = "split" if job["geometry"] == "sphere" else "shared"
    result = train(
        data,
        tree,
        geometry=job["geometry"],
        loss=job["loss"].replace(":literal", ""),
        loss_options=loss_options,
        lr=job["lr"],
        seed=job["seed"],
        loss_taxonomy=loss_tree,
        **COMMON,
        **recipe["train"],
    )
    row = {**job, "seconds": round(time.perf_counter() - start, 1), "metrics": result.metrics}
    rows = [row]
    if job["loss"] == "supcon":
        for other in set(recipe["trees"]) - {job["tree"]}:
            metrics = judge(result.model, *images_of(job["dataset"], other, root), result.config)
            rows.append({**row, "tree": other, "metrics": metrics.metrics})
    return rows


def name_of(job: dict[str, Any]) -> tuple[Any, ...]:
    fields = ("dataset", "tree", "geometry", "loss", "lr", "seed")
    return (*(job[k] for k in fields), bool(job.get("shuffled")))


def read(path: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    return {name_of(line): line for line in lines}


def cells(datasets: list[str], geometries: list[str], losses: list[str]) -> list[dict[str, Any]]:
    """Every combination; SupCon knows no tree, but is judged by each."""
    return [
        {"dataset": d, "tree": t, "geometry": g, "loss": loss}
        for d in datasets
        for t in DATASETS[d]["trees"]
        for g in geometries
        for loss in losses
    ]


def run_all(jobs: list[dict[str, Any]], base: Path, out: Path, workers: int) -> None:
    done = read(out)
    todo = [job for job in jobs if name_of(job) not in done and not judged_with_another(job)]
    out.parent.mkdir(parents=True, exist_ok=True)
    print(f"{len(jobs)} runs, {len(todo)} to do", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool, out.open("a") as file:
        futures = [pool.submit(one_run, job, str(base)) for job in todo]
        for count, future in enumerate(as_completed(futures), 1):
            for row in future.result():
                file.write(json.dumps(row) + "\n")
            file.flush()
            seen = ("val_balanced_accuracy", "val_hf1", "val_pc_order")  # never the test figures
            shown = " ".join(f"{k} {row['metrics'][k]:.3f}" for k in seen)
            print(
                f"{count}/{len(todo)} {row['seconds']:5.0f} s  {name_of(row)}  {shown}", flush=True
            )


def judged_with_another(job: dict[str, Any]) -> bool:
    """SupCon is trained for a data set's first tree, and judged by the others then."""
    return job["loss"] == "supcon" and job["tree"] != next(iter(DATASETS[job["dataset"]]["trees"]))


def best_rate(
    done: dict[tuple[Any, ...], dict[str, Any]], cell: dict[str, Any], rates: list[float]
) -> float:
    first = next(iter(DATASETS[cell["dataset"]]["trees"]))  # tuned once per data set
    tuning = {**cell, "tree": first, "seed": TUNING_SEED, "shuffled": False}
    tried = {lr: done.get(name_of({**tuning, "lr": lr})) for lr in rates}
    found = {lr: row["metrics"]["val_balanced_accuracy"] for lr, row in tried.items() if row}
    if not found:
        raise SystemExit(f"no tuning runs of {cell} yet")
    return max(found, key=lambda lr: found[lr])


def interval(values: list[float]) -> str:
    """Mean and the half width of its 95 % confidence interval (Student's t)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    from hyperhier.metrics import mean_interval

    half = mean_interval(values).high - mean
    return f"{mean:.3f} ± {half:.3f}"


def print_tables(
    path: Path, grid: list[dict[str, Any]], rates: list[float], seeds: list[int]
) -> None:
    done = read(path)
    for title in dict.fromkeys((c["dataset"], c["tree"]) for c in grid):
        here = [c for c in grid if (c["dataset"], c["tree"]) == title]
        rows = []
        for cell in here:
            lr = best_rate(done, cell, rates)
            runs = [done.get(name_of({**cell, "lr": lr, "seed": s})) for s in seeds]
            figures = [run["metrics"] for run in runs if run]
            if figures:
                rows.append((cell, lr, {k: [f[k] for f in figures] for k in SHOWN}, len(figures)))
        if not rows:
            continue
        print(f"\n### {title[0]}, tree {title[1]}: {rows[0][3]} seeds, mean ± 95 % interval\n")
        print("| geometry | loss | lr | " + " | ".join(SHOWN) + " |")
        print("|---|---|---|" + "---|" * len(SHOWN))
        best = {
            k: (min if k in LOWER_IS_BETTER else max)(statistics.fmean(r[2][k]) for r in rows)
            for k in SHOWN
        }
        for cell, lr, columns, _ in rows:
            texts = []
            for k in SHOWN:
                text = interval(columns[k])
                texts.append(f"**{text}**" if statistics.fmean(columns[k]) == best[k] else text)
            loss = cell["loss"] + (", shuffled leaves" if cell.get("shuffled") else "")
            print(f"| {cell['geometry']} | {loss} | {lr:g} | " + " | ".join(texts) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("HYPERHIER_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("-o", "--out", type=Path, default=RESULTS)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=list(DATASETS))
    parser.add_argument("--geometries", nargs="+", default=list(GEOMETRIES))
    parser.add_argument("--losses", nargs="+", default=list(LOSSES))
    parser.add_argument("--rates", nargs="+", type=float, default=list(RATES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--control", nargs="+", default=[], metavar="LOSS")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--table", action="store_true", help="print the tables of finished runs")
    options = parser.parse_args()
    grid = cells(options.datasets, options.geometries, options.losses)
    controls = [{**cell, "shuffled": True} for cell in grid if cell["loss"] in options.control]
    if not options.table:
        if not options.data.is_dir():
            raise SystemExit(f"no folder {options.data}: name it with --data or HYPERHIER_DATA")
        firsts = [c for c in grid if c["tree"] == next(iter(DATASETS[c["dataset"]]["trees"]))]
        tuning = [{**c, "lr": lr, "seed": TUNING_SEED} for c in firsts for lr in options.rates]
        run_all(tuning, options.data, options.out, options.workers)
        done = read(options.out)
        final = [
            {**c, "lr": best_rate(done, c, options.rates), "seed": s}
            for s in options.seeds
            for c in [*grid, *controls]
        ]
        run_all(final, options.data, options.out, options.workers)
    print_tables(options.out, [*grid, *controls], options.rates, options.seeds)


if __name__ == "__main__":
    main()
