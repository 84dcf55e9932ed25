"""The tables of a comparison, as rows of text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
import statistics
from dataclasses import dataclass

from hyperhier.reproduce.results import LOWER_IS_BETTER, Block, Results, Row
from hyperhier.reproduce.statistics import Difference

__all__ = [
    "NAMES",
    "Table",
    "block_table",
    "choice_table",
    "cost_table",
    "curvature_table",
    "geometry_table",
    "long_csv",
    "markdown",
    "pair_table",
    "rate_table",
    "rivals_table",
    "verdict_table",
]

#: how metrics are called in tables
NAMES = {
    "top1": "top-1", "balanced_accuracy": "bal. acc.", "hf1": "HF1", "h_acc": "H-Acc",
    "pc_order": "PC-Order", "pdv": "PDV ↓", "mistake_severity": "severity ↓",
    "knn_top1": "k-NN top-1", "knn_balanced_accuracy": "k-NN bal. acc.",
}  # fmt: skip
BETTER, WORSE = "▲", "▼"


@dataclass(frozen=True)
class Table:
    """A title, a line of explanation, column heads, rows of text."""

    title: str
    about: str
    columns: list[str]
    rows: list[list[str]]


def name_of(metric: str) -> str:
    """A metric's name in tables; an arrow says that lower is better.

    >>> name_of("pdv"), name_of("val_hf1")
    ('PDV ↓', 'val HF1')
    """
    if metric.startswith("val_"):
        return f"val {name_of(metric.removeprefix('val_'))}"
    return NAMES.get(metric, metric.replace("_", " "))


def better(metric: str, change: float) -> bool:
    """Whether a difference is an improvement."""
    return change < 0 if metric.removeprefix("val_") in LOWER_IS_BETTER else change > 0


def block_table(block: Block, metrics: list[str]) -> Table:
    """Means with 95 % intervals; the best mean bold; marks where the baseline is clearly off."""
    best = {metric: block.best(metric) for metric in metrics}
    rows = []
    for row in block.rows:
        cells = [row.cell.geometry, row.cell.method, f"{row.rate:g}"]
        for metric in metrics:
            text = _mean(row, metric)
            if best[metric] is row:
                text = f"**{text}**"
            cells.append(text + _mark(block, row, metric))
        cells += [_milliseconds(row), _memory(row), _runs(row)]
        rows.append(cells)
    about = (
        "Mean ± half width of the 95 % interval (Student's t over seeds). Bold: best mean. "
        f"{BETTER} / {WORSE}: better / worse than {block.baseline} in the same geometry, the 95 % "
        "interval of the paired difference clear of zero."
    )
    heads = ["geometry", "method", "lr", *map(name_of, metrics), "ms/step", "MiB", "runs"]
    return Table(block.title, about, heads, rows)


def verdict_table(results: Results, metrics: list[str]) -> Table:
    """Per method and metric: in how many blocks and geometries it clearly beats the baseline."""
    counts: dict[str, dict[str, list[int]]] = {}
    for block in results.blocks:
        for row in block.rows:
            for metric in metrics:
                found = block.difference(row, metric)
                if found is None or found.n < 2:
                    continue
                tally = counts.setdefault(row.cell.method, {}).setdefault(metric, [0, 0, 0])
                tally[2] += 1
                if found.clear:
                    tally[0 if better(metric, found.mean) else 1] += 1
    rows = []
    for method, by_metric in counts.items():
        cells = [method]
        for metric in metrics:
            up, down, of = by_metric.get(metric, [0, 0, 0])
            cells.append(f"{up} {BETTER}  {down} {WORSE}  of {of}")
        rows.append(cells)
    about = (
        "In how many data sets, trees, conditions and geometries the paired difference from "
        f"{results.suite.baseline} is clear of zero, for the better and for the worse. With no "
        "true difference one comparison in twenty would be."
    )
    heads = ["method", *map(name_of, metrics)]
    return Table(f"Against {results.suite.baseline}", about, heads, rows)


def pair_table(results: Results, metrics: list[str]) -> Table:
    """The pairs of methods that the suite names."""
    rows = []
    for first, second in results.suite.tables["compare"]["pairs"]:
        for block in results.blocks:
            for row in block.rows:
                if row.cell.method != first:
                    continue
                found = {metric: block.difference(row, metric, second) for metric in metrics}
                if all(f is None for f in found.values()):
                    continue
                cells = [f"{first} − {second}", block.title, row.cell.geometry]
                for metric in metrics:
                    one = found[metric]
                    cells.append("" if one is None else _difference(metric, one))
                rows.append(cells)
    about = "Paired differences over seeds with their 95 % interval; marks where it excludes zero."
    return Table(
        "Method against method", about, ["pair", "data", "geometry", *map(name_of, metrics)], rows
    )


def geometry_table(results: Results, metrics: list[str]) -> Table:
    """Every geometry against the first one, method by method."""
    geometries = results.suite.names("geometries")
    rows = []
    for block in results.blocks:
        for row in block.rows:
            against = block.find(row.cell.method, geometries[0])
            if row.cell.geometry == geometries[0] or against is None:
                continue
            cells = [block.title, row.cell.method, f"{row.cell.geometry} − {geometries[0]}"]
            for metric in metrics:
                cells.append(_difference(metric, row.minus(against, metric)))
            rows.append(cells)
    about = "The same method and seeds in two geometries, each with its own learning rate."
    return Table(
        "Geometry against geometry", about, ["data", "method", "pair", *map(name_of, metrics)], rows
    )


def choice_table(results: Results, metrics: list[str]) -> Table:
    """What one would have chosen on validation images, and what came of it."""
    choose = str(results.suite.tables["compare"]["choose"])
    rows = []
    for block in results.blocks:
        row = block.best(choose)
        if row is None:
            continue
        cells = [block.title, row.cell.method, row.cell.geometry, _mean(row, choose)]
        cells += [_mean(row, metric) + _mark(block, row, metric) for metric in metrics]
        rows.append(cells)
    about = (
        f"The method and geometry with the best mean {name_of(choose)} over the seeds, controls "
        "aside: a choice that no test image had a part in."
    )
    heads = ["data", "method", "geometry", name_of(choose), *map(name_of, metrics)]
    return Table("Chosen on validation images", about, heads, rows)


def rivals_table(results: Results, metrics: list[str]) -> Table:
    """The method that validation chooses against others, each in its own chosen geometry.

    The others are the baseline and all that the suite's pairs name. No rows where there is a
    single geometry.
    """
    compare = results.suite.tables["compare"]
    choose, paired = str(compare["choose"]), [name for pair in compare["pairs"] for name in pair]
    rows = []
    for block in results.blocks:
        chosen = block.best(choose)
        if chosen is None or len({row.cell.geometry for row in block.rows}) < 2:
            continue
        for rival in dict.fromkeys([block.baseline, *paired]):
            against = block.best(choose, rival)
            if against is None or against is chosen:
                continue
            cells = [block.title]
            for row in (chosen, against):
                cells += [row.cell.method, row.cell.geometry]
            for metric in metrics:
                cells.append(_difference(metric, chosen.minus(against, metric)))
            rows.append(cells)
    about = (
        "The method that one would have chosen minus another, each in the geometry with its best "
        f"mean {name_of(choose)} over the seeds: paired differences with their 95 % interval."
    )
    heads = ["data", "chosen", "geometry", "minus", "its geometry", *map(name_of, metrics)]
    return Table("The chosen method against its rivals", about, heads, rows)


def rate_table(results: Results) -> Table:
    """The validation figure of every learning rate, the chosen one bold."""
    rates = sorted({rate for found in results.tuning.values() for rate in found.figures})
    rows = []
    for (dataset, geometry, method), found in results.tuning.items():
        if results.suite.method(method).get("tuned_as", method) != method:
            continue
        cells = [dataset, geometry, method]
        for rate in rates:
            figure = found.figures.get(rate)
            text = "" if figure is None else f"{figure:.3f}" if figure > -math.inf else "diverged"
            cells.append(f"**{text}**" if rate == found.chosen else text)
        rows.append(cells)
    first, *others = results.suite.tuning_seeds
    about = f"{results.suite.tuning_metric} with the tuning seed {first}"
    if others:
        about += f"; of the two best rates the mean with {', '.join(map(str, others))} too"
    about += "."
    return Table(
        "Learning rates",
        about,
        ["data set", "geometry", "method", *(f"{r:g}" for r in rates)],
        rows,
    )


def curvature_table(results: Results) -> Table:
    """The curvatures that runs ended with, where learned, and how many stand at a bound."""
    rows = []
    for key, found in results.curvatures.items():
        values = [curvature for curvature, _ in found]
        told = [at_bound for _, at_bound in found if at_bound is not None]
        figures = [f"{each(values):.3f}" for each in (min, statistics.median, max)]
        rows.append([*key, *figures, f"{sum(told)} of {len(told)}" if told else ""])
    about = (
        "Sectional curvature at the end of training, over the runs, and how many of those that "
        "tell it stand at a bound; -c2 is that of a product's second factor."
    )
    heads = ["data set", "geometry", "method", "curvature", "least", "median", "most", "at a bound"]
    return Table("Learned curvature", about, heads, rows)


def cost_table(results: Results) -> Table:
    """Time per step and peak memory of every method, against the baseline's."""
    rows = []
    for block in results.blocks:
        for row in block.rows:
            against = block.find(results.suite.baseline, row.cell.geometry)
            cells = [block.title, row.cell.geometry, row.cell.method]
            cells += [_milliseconds(row)]
            mine = row.median_cost("step_seconds")
            theirs = math.nan if against is None else against.median_cost("step_seconds")
            cells.append("" if math.isnan(mine / theirs) else f"{mine / theirs:.2f}")
            cells.append(_memory(row))
            seconds = row.median_cost("cpu_seconds")
            cells.append("" if math.isnan(seconds) else f"{seconds:.0f}")
            rows.append(cells)
    about = (
        "Medians. A step is drawing two views, the network, the loss, and the update; processor "
        "time on a CPU, clock time on a GPU. Memory is the peak of the process, images included."
    )
    heads = ["data", "geometry", "method", "ms/step", "× baseline", "MiB", "s/run"]
    return Table("Cost", about, heads, rows)


def markdown(table: Table, level: int = 3) -> str:
    """A Markdown section; empty for a table without rows.

    >>> print(markdown(Table("T", "", ["a", "b"], [["1", "2"]])))
    ### T
    <BLANKLINE>
    | a | b |
    |---|---|
    | 1 | 2 |
    <BLANKLINE>
    """
    if not table.rows:
        return ""
    lines = ["#" * level + " " + table.title, ""]
    if table.about:
        lines += [table.about, ""]
    lines += ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    return "\n".join(lines) + "\n"


def long_csv(results: Results) -> str:
    """One line per data set, tree, condition, geometry, method, metric: for other programs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["dataset", "tree", "condition", "geometry", "method", "lr", "metric", "mean", "half_width",
         "seeds", "difference", "difference_half_width", "p"]
    )  # fmt: skip
    for block in results.blocks:
        for row in block.rows:
            for metric in row.values:
                found, against = row.spread(metric), block.difference(row, metric)
                told = ["", "", ""] if against is None else [against.mean, against.half, against.p]
                cell = row.cell
                writer.writerow(
                    [cell.dataset, cell.tree, cell.condition, cell.geometry, cell.method, row.rate,
                     metric, found.mean, found.half, found.n, *told]
                )  # fmt: skip
    return text.getvalue()


# --------------------------------------------------------------------------------- cells


def _mean(row: Row, metric: str) -> str:
    found = row.spread(metric)
    if not found.n:
        return "-"
    return f"{found.mean:.3f}" if found.n < 2 else f"{found.mean:.3f} ± {found.half:.3f}"


def _mark(block: Block, row: Row, metric: str) -> str:
    found = block.difference(row, metric)
    if found is None or not found.clear:
        return ""
    return f" {BETTER}" if better(metric, found.mean) else f" {WORSE}"


def _difference(metric: str, found: Difference) -> str:
    if found.n < 1:
        return "-"
    if found.n < 2:
        return f"{found.mean:+.3f}"
    mark = "" if not found.clear else f" {BETTER if better(metric, found.mean) else WORSE}"
    return f"{found.mean:+.3f} ± {found.half:.3f}{mark}"


def _milliseconds(row: Row) -> str:
    seconds = row.median_cost("step_seconds")
    return "" if math.isnan(seconds) else f"{1e3 * seconds:.0f}"


def _memory(row: Row) -> str:
    peak = row.median_cost("peak_mib")
    return "" if math.isnan(peak) else f"{peak:.0f}"


def _runs(row: Row) -> str:
    count = len(row.seeds)
    return f"{count}" if not row.diverged else f"{count} ({row.diverged} diverged)"
