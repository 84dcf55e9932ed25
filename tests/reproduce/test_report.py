"""From records to tables, figures and the page."""

from __future__ import annotations

import csv
import html
import math
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hyperhier.reproduce import (
    Results,
    RunStore,
    Selection,
    Suite,
    collect,
    read_suite,
    write_report,
)
from hyperhier.reproduce.datasets import ImageCache
from hyperhier.reproduce.execute import execute
from hyperhier.reproduce.plan import cells, final_job, tuning_jobs
from hyperhier.reproduce.report import all_tables, command, overview, summary, tables_as_markdown
from hyperhier.reproduce.results import LOWER_IS_BETTER
from hyperhier.reproduce.statistics import difference, spread
from hyperhier.reproduce.table import (
    block_table,
    choice_table,
    curvature_table,
    pair_table,
    rivals_table,
    verdict_table,
)

#: what a made-up tuning run cost
TUNING = {"cpu_seconds": 10.0}


def made_up(suite: Suite, out: Path, value: Any) -> Results:
    """Results with records whose every metric is ``value(cell, seed)``."""
    store = RunStore(out)
    for cell in cells(suite):
        for job in tuning_jobs(suite, cell):
            figures = {"val_balanced_accuracy": 1.0 - job["train"]["lr"]}
            store.save({"job": job, "metrics": {job["tree"]: figures}, "cost": TUNING})
        for seed in suite.seeds:
            job = final_job(suite, cell, 0.003, seed)
            number = value(cell, seed)
            record: dict[str, Any] = {"job": job, "metrics": {}, "cost": {"cpu_seconds": 1.0}}
            if number is None:
                record["error"] = "the loss is nan"
            else:
                names = [*suite.metrics, "val_hf1"]
                figures = dict.fromkeys(names, number)
                record["metrics"] = dict.fromkeys(job["judged_by"], figures)
            store.save(record)
    return collect(suite, out)


def text_of(row: list[str], columns: list[str], name: str) -> str:
    return row[columns.index(name)]


def test_spread_and_difference_by_hand() -> None:
    found = spread([1.0, 2.0, 4.0])
    deviation = math.sqrt(((4 / 3) ** 2 + (1 / 3) ** 2 + (5 / 3) ** 2) / 2)
    assert found.mean == pytest.approx(7 / 3)
    assert found.half == pytest.approx(4.302653 * deviation / math.sqrt(3), rel=1e-6)
    assert spread([]).n == 0
    assert math.isnan(spread([1.0]).half)
    ours, theirs = {0: 1.0, 1: 2.0, 2: 4.5, 5: 9.0}, {0: 0.5, 1: 1.0, 2: 3.0, 7: 1.0}
    found_difference = difference(ours, theirs)
    assert found_difference.n == 3
    assert found_difference.mean == pytest.approx(1.0)
    assert found_difference.half == pytest.approx(4.302653 * 0.5 / math.sqrt(3), rel=1e-6)
    assert not found_difference.clear
    assert difference({0: 1.0}, {0: 0.0}).mean == 1.0
    assert not difference({0: 1.0}, {0: 0.0}).clear
    assert difference({0: math.nan, 1: 1.0}, {0: 1.0, 1: 0.5}).n == 1


def test_marks_follow_the_direction_of_the_metric(short: Suite, tmp_path: Path) -> None:
    better = {"supcon": 0.5, "hwc+lam": 0.7}
    results = made_up(short, tmp_path, lambda c, s: better.get(c.method, 0.9) + 0.01 * s)
    table = block_table(results.blocks[0], short.metrics)
    rows = {(row[0], row[1]): row for row in table.rows}
    ours = rows["lorentz", "hwc+lam"]
    for metric, name in (("hf1", "HF1"), ("pdv", "PDV ↓")):
        mark = "▼" if metric in LOWER_IS_BETTER else "▲"
        assert text_of(ours, table.columns, name).endswith(mark)
    assert text_of(rows["lorentz", "supcon"], table.columns, "HF1") == "0.505 ± 0.064"


def test_a_control_is_never_the_best(short: Suite, tmp_path: Path) -> None:
    results = made_up(short, tmp_path, lambda c, s: 0.9 if "shuffled" in c.method else 0.5 + s / 50)
    for block in results.blocks:
        best = block.best("hf1")
        assert best is not None
        assert "shuffled" not in best.cell.method
    chosen = choice_table(results, ["hf1"])
    assert all("shuffled" not in cell for row in chosen.rows for cell in row)


def test_every_method_in_its_own_geometry(short: Suite, tmp_path: Path) -> None:
    """Validation puts hwc+lam on the sphere first; its rivals are best on the hyperboloid."""
    best = {("hwc+lam", "sphere"): 0.8, ("supcon", "lorentz"): 0.7}

    def value(cell: Any, seed: int) -> float:
        if cell.method == "hwc+lam, shuffled leaves":
            return 0.9  # a control is a rival, and never chosen
        return best.get((cell.method, cell.geometry), 0.5) + 0.01 * seed

    results = made_up(short, tmp_path, value)
    table = rivals_table(results, ["hf1", "pdv"])
    first = [row[1:] for row in table.rows if row[0] == "cells, tree kinds"]
    assert first == [
        ["hwc+lam", "sphere", "supcon", "lorentz", "+0.100 ± 0.000 ▲", "+0.100 ± 0.000 ▼"],
        ["hwc+lam", "sphere", "hwc+lam, shuffled leaves", "lorentz",
         "-0.095 ± 0.064 ▼", "-0.095 ± 0.064 ▲"],
    ]  # fmt: skip
    assert len(table.rows) == 4
    alone = collect(short, tmp_path, Selection(geometry=("lorentz",)))
    assert rivals_table(alone, ["hf1"]).rows == []


def test_the_smallest_is_the_best_where_lower_is_better(short: Suite, tmp_path: Path) -> None:
    results = made_up(short, tmp_path, lambda c, s: 0.5 if c.geometry == "sphere" else 0.7)
    for row in (row for block in results.blocks for row in block.rows):
        row.values["val_pdv"] = row.values["pdv"]
    for block in results.blocks:
        for metric, geometry in (("pdv", "sphere"), ("val_pdv", "sphere"), ("hf1", "lorentz")):
            best = block.best(metric, "hwc+lam")
            assert best is not None
            assert (best.cell.method, best.cell.geometry) == ("hwc+lam", geometry)


def test_noise_gets_no_mark(short: Suite, tmp_path: Path) -> None:
    results = made_up(short, tmp_path, lambda c, s: 0.5 + (len(c.method) * (s - 0.5)) / 100)
    assert "▲" not in block_table(results.blocks[0], short.metrics).rows.__repr__()
    verdict = verdict_table(results, ["hf1"])
    assert [row[1] for row in verdict.rows if row[0] == "hwc+lam"] == ["0 ▲  0 ▼  of 4"]


def test_diverged_and_missing_runs_are_told(short: Suite, tmp_path: Path) -> None:
    def value(cell: Any, seed: int) -> float | None:
        return None if cell.method == "hwc+lam" and seed == 1 else 0.5

    results = made_up(short, tmp_path, value)
    assert results.missing == 0
    table = block_table(results.blocks[0], ["hf1"])
    assert [row[-1] for row in table.rows if row[1] == "hwc+lam"] == ["1 (1 diverged)"] * 2
    next((tmp_path / "runs").glob("*lorentz_supcon_seed0_*.json")).unlink()
    again = collect(short, tmp_path)
    assert again.missing == 2  # supcon's run is judged by two trees
    assert "2 runs still missing" in summary(again)


@pytest.mark.parametrize(
    ("chosen", "final", "tuning"),
    [
        (Selection(method=("supcon",), geometry=("lorentz",), seed=(1,)), 1, 2),
        (Selection(method=("supcon",), geometry=("lorentz",), tree=("other",)), 2, 2),
        (Selection(method=("hwc+lam, shuffled leaves",)), 4, 2),  # takes the rate of hwc+lam
        (Selection(), 2 * (2 * (1 + 2) + 2 * 2), 2 * (2 * 2 + 1)),
    ],
)
def test_the_hours_are_of_what_is_shown(
    short: Suite, tmp_path: Path, chosen: Selection, final: int, tuning: int
) -> None:
    made_up(short, tmp_path, lambda c, s: 0.5)
    results = collect(short, tmp_path, chosen)
    assert results.runs == final
    assert results.cpu_seconds == final * 1.0 + tuning * 10.0
    assert f", {len(chosen.seed) or 2} seeds, " in summary(results)


def test_nothing_yet_is_an_empty_report(short: Suite, tmp_path: Path) -> None:
    results = collect(short, tmp_path)
    assert results.blocks == []
    assert results.missing == 2 * len(cells(short))
    assert all_tables(results) == []
    assert write_report(results, tmp_path / "r").is_file()


@pytest.mark.filterwarnings("ignore:learnable curvature reached a bound")
def test_every_factor_of_a_product_has_its_curvature(tiny_file: Path, tmp_path: Path) -> None:
    geometry = "lorentz(2, c=0.5) x sphere(2) x poincare(2)"
    changes = [
        "tuning.rates=[0.01]", f"grid.geometries=['{geometry}']", "grid.seeds=[0, 1]",
        "train.learnable_c=true", "train.dim=6", "train.c_max=1.0",
    ]  # fmt: skip
    suite = read_suite(tiny_file, None, changes)
    chosen = Selection(method=("supcon",))
    job = final_job(suite, cells(suite, chosen)[0], 0.01, 0)
    record = execute(job, ImageCache(tmp_path))
    learned = record["learned_curvature"]
    assert list(learned) == ["c1", "c1_at_bound", "c3", "c3_at_bound"]
    assert not any(name in figures for figures in record["metrics"].values() for name in learned)
    store = RunStore(tmp_path)
    store.save(record)
    old = final_job(suite, cells(suite, chosen)[0], 0.01, 1)  # of before: nothing of the factors
    store.save({"job": old, "metrics": {}, "cost": {}, "curvature": 0.0, "at_bound": False})
    rows = curvature_table(collect(suite, tmp_path, chosen)).rows
    assert rows == [
        ["cells", geometry, "supcon", f"-{name}", *[f"{-learned[name]:.3f}"] * 3,
         f"{learned[f'{name}_at_bound']:.0f} of 1"]
        for name in ("c1", "c3")
    ]  # fmt: skip


def test_curvatures_at_a_bound_are_counted_where_runs_tell_it(
    tiny_file: Path, tmp_path: Path
) -> None:
    changes = ["tuning.rates=[0.01]", "grid.geometries=['lorentz']", "train.learnable_c=true"]
    suite = read_suite(tiny_file, None, changes)
    store = RunStore(tmp_path)
    for method in ("supcon", "hwc"):
        cell = cells(suite, Selection(method=(method,)))[0]
        for seed in suite.seeds:
            record = {"job": final_job(suite, cell, 0.01, seed), "metrics": {}, "cost": {}}
            record["curvature"] = -1.0 - seed
            if method == "supcon":  # judged by two trees, counted once
                record["at_bound"] = seed == 1
            store.save(record)
    table = curvature_table(collect(suite, tmp_path))
    figures = ["-2.000", "-1.500", "-1.000"]
    assert table.columns[2:] == ["method", "curvature", "least", "median", "most", "at a bound"]
    assert [row[2:] for row in table.rows] == [
        ["supcon", "-c", *figures, "1 of 2"],
        ["hwc", "-c", *figures, ""],
    ]


def test_real_runs_give_every_table(short: Suite, finished: Path) -> None:
    results = collect(short, finished)
    titles = [table.title for table in all_tables(results)]
    assert titles == [
        "Against supcon", "Chosen on validation images", "cells, tree kinds", "cells, tree other",
        "Method against method", "The chosen method against its rivals",
        "Geometry against geometry", "Learning rates", "Cost",
    ]  # fmt: skip
    assert results.missing == 0
    block = results.blocks[1]
    records = RunStore(finished).load()
    row = block.find("supcon", "sphere")
    assert row is not None
    record = records[
        next(k for k in records if records[k]["job"] == final_job(short, row.cell, row.rate, 1))
    ]
    assert row.values["hf1"][1] == record["metrics"]["other"]["hf1"]
    pairs = pair_table(results, ["hf1"])
    assert {row[2] for row in pairs.rows} == {"lorentz"}
    for table in (*all_tables(results), *overview(results)):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_part_of_the_grid_can_be_shown(short: Suite, finished: Path) -> None:
    results = collect(short, finished, Selection(tree=("other",), seed=(1,)))
    assert [block.tree for block in results.blocks] == ["other"]
    assert {tuple(row.seeds) for row in results.blocks[0].rows} == {(1,)}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [str(v) for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(
    short: Suite, finished: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    path = write_report(collect(short, finished), tmp_path / "short")
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    outside = [s for s in page.sources if not s.startswith(("#", "data:image/png;base64,"))]
    assert outside == []
    for link in (s[1:] for s in page.sources if s.startswith("#")):
        assert f'id="{link}"' in text
    assert text.count("<img") == len(list((tmp_path / "short" / "pictures").glob("*.png"))) == 6
    assert "hwc+lam, shuffled leaves" in text
    names = sorted(p.name for p in (tmp_path / "short").iterdir())
    assert names == ["pictures", "report.html", "table.csv", "table.md"]


def test_the_command_of_the_page_makes_the_same_again(tiny_file: Path, tmp_path: Path) -> None:
    changes = ["train.epochs=2", "grid.methods=['supcon', 'hwc+lam, shuffled leaves']"]
    chosen = Selection(method=("supcon", "hwc+lam, shuffled leaves"), condition=("",), seed=(1, 0))
    results = collect(read_suite(tiny_file, "longer", changes), tmp_path / "my runs", chosen)
    page = write_report(results, tmp_path / "r", tmp_path).read_text(encoding="utf-8")
    shown = re.search("<pre>(hyperhier .*)</pre>", page)
    assert shown is not None
    _, verb, source, *words = shlex.split(html.unescape(shown[1]))
    said = list(zip(words[::2], words[1::2], strict=True))
    values = {name: [v for option, v in said if option == name] for name, _ in said}
    assert verb == "reproduce"
    assert values["--data"] == [str(tmp_path)]
    assert values["-o"] == [str(tmp_path / "my runs")]
    again = read_suite(source, values["--preset"][0], values["--set"])
    assert collect(again, values["-o"][0], Selection.parse(values["--only"])) == results


def test_the_command_of_a_whole_suite_is_short(tmp_path: Path) -> None:
    told = command(collect(read_suite("main"), tmp_path))
    assert told == f"hyperhier reproduce main --preset cpu -o {tmp_path}"
    without = command(collect(read_suite("main", ""), tmp_path))
    assert without == f"hyperhier reproduce main --preset '' -o {tmp_path}"


def test_names_from_a_suite_are_escaped(short: Suite, tmp_path: Path) -> None:
    tables = {**short.tables, "title": "<script>alert(1)</script>"}
    results = collect(Suite(short.name, "", tables, short.sweeps), tmp_path)
    text = write_report(results, tmp_path / "r").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_csv_repeats_the_table(short: Suite, finished: Path, tmp_path: Path) -> None:
    results = collect(short, finished)
    write_report(results, tmp_path)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = results.blocks[0].rows[0]
    (found,) = [
        r for r in rows
        if r["metric"] == "hf1" and r["tree"] == row.cell.tree
        and (r["geometry"], r["method"]) == (row.cell.geometry, row.cell.method)
    ]  # fmt: skip
    assert float(found["mean"]) == row.spread("hf1").mean
    assert float(found["lr"]) == row.rate


def test_markdown_tables_are_rectangular(short: Suite, finished: Path) -> None:
    text = tables_as_markdown(collect(short, finished))
    assert text.startswith("# A tiny comparison\n")
    for section in re.split(r"^### ", text, flags=re.M)[1:]:
        bars = {line.count("|") for line in section.splitlines() if line.startswith("|")}
        assert len(bars) == 1


def test_without_matplotlib_the_page_has_no_pictures(
    short: Suite, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.reproduce import pictures

    def missing(*_: object) -> None:
        raise ImportError("no matplotlib")

    monkeypatch.setattr(pictures, "new_figure", missing)
    text = write_report(collect(short, finished), tmp_path).read_text(encoding="utf-8")
    assert "<img" not in text
    assert "<table>" in text
