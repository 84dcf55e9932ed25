"""What a suite leaves behind: tables, figures, and one page with all of them."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from hyperhier._atomic import write_at_once
from hyperhier.reproduce.html import page
from hyperhier.reproduce.pictures import draw_all
from hyperhier.reproduce.results import Results
from hyperhier.reproduce.table import (
    Table,
    block_table,
    choice_table,
    cost_table,
    curvature_table,
    geometry_table,
    long_csv,
    markdown,
    pair_table,
    rate_table,
    rivals_table,
    verdict_table,
)

__all__ = ["all_tables", "command", "overview", "summary", "tables_as_markdown", "write_report"]


def all_tables(results: Results) -> list[Table]:
    """In the order of a report: the overview, each data set, then what lies behind."""
    headline = list(results.suite.tables["compare"]["headline"])
    tables = [verdict_table(results, headline), choice_table(results, headline)]
    tables += [block_table(block, results.suite.metrics) for block in results.blocks]
    tables += [
        pair_table(results, headline),
        rivals_table(results, headline),
        geometry_table(results, headline),
        rate_table(results),
        curvature_table(results),
        cost_table(results),
    ]
    return [table for table in tables if table.rows]


def overview(results: Results) -> list[Table]:
    """The tables that fit a terminal: fewer columns, and not what lies behind."""
    headline = list(results.suite.tables["compare"]["headline"])
    tables = [verdict_table(results, headline), choice_table(results, headline)]
    for block in results.blocks:
        whole = block_table(block, headline)
        kept = len(whole.columns) - 3  # without time, memory and number of runs
        rows = [row[:kept] for row in whole.rows]
        tables.append(Table(whole.title, whole.about, whole.columns[:kept], rows))
    return [table for table in tables if table.rows]


def summary(results: Results) -> str:
    """How much was run, in one line."""
    hours = results.cpu_seconds / 3600
    seeds = len(results.selection.seeds(results.suite))
    told = f"{results.runs} runs, {seeds} seeds, {hours:.2f} core-hours"
    return f"{told}, {results.missing} runs still missing" if results.missing else told


def tables_as_markdown(results: Results) -> str:
    """All tables under one title."""
    head = f"# {results.suite.title}\n\n{summary(results)}.\n"
    return "\n".join([head, *(markdown(table) for table in all_tables(results))])


def command(results: Results, data: str | os.PathLike[str] | None = None) -> str:
    """The command line that makes the same runs, and the same tables of them.

    Without ``data`` it relies on the environment to say where the images are.
    """
    suite = results.suite
    words = ["hyperhier", "reproduce", suite.source or suite.name]
    if suite.preset is not None:
        words += ["--preset", suite.preset]
    if data is not None:
        words += ["--data", os.fspath(data)]
    words += ["-o", str(results.out)]
    for change in suite.overrides:
        words += ["--set", change]
    for part in results.selection.texts():
        words += ["--only", part]
    return shlex.join(words)


def write_report(
    results: Results,
    folder: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
) -> Path:
    """Write ``report.html``, ``table.md``, ``table.csv`` and the pictures.

    Args:
        results: of :func:`hyperhier.reproduce.collect`.
        folder: made if it is not there; files of an earlier report are replaced one by one.
        data: folder of the data sets, for the command that the page shows.

    Returns:
        The path of the page. Without matplotlib it has no pictures.
    """
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    pictures = draw_all(results, where / "pictures")
    text = page(
        results,
        all_tables(results),
        pictures,
        summary=summary(results),
        command=command(results, data),
        source=json.dumps(results.suite.tables, indent=2, ensure_ascii=False),
    )
    write_at_once(where / "table.md", tables_as_markdown(results).encode())
    write_at_once(where / "table.csv", long_csv(results).encode())
    write_at_once(where / "report.html", text.encode())
    return where / "report.html"
