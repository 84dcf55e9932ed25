"""One page with everything: no scripts from elsewhere, pictures inside."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from hyperhier.reproduce.results import Results
from hyperhier.reproduce.table import Table

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #22262e; --paper: #fff; --faint: #e3e7ee;
  --head: #f5f7fa; --good: #1f7a4a; --bad: #b3402a; --note: #5b6472; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --paper: #16191f;
  --faint: #333a46; --head: #1f242d; --good: #5fcf95; --bad: #f08a72; --note: #9aa3b2; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 78rem; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.4rem }
p.note, figcaption { color: var(--note); font-size: .88rem; max-width: 60rem }
nav a { margin-right: 1rem; white-space: nowrap }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--faint); text-align: right;
  white-space: nowrap }
th { background: var(--head); position: sticky; top: 0; cursor: pointer }
th.text, td.text { text-align: left }
tr:hover td { background: var(--head) }
.up { color: var(--good) } .down { color: var(--bad) }
figure { margin: 1.2rem 0; } img { max-width: 100%; background: #fff }
details pre { overflow-x: auto; font-size: .8rem }
"""

# a click on a column's head sorts by its first number, or by its text
_SCRIPT = """
document.querySelectorAll('th').forEach(function (head) {
  head.addEventListener('click', function () {
    var table = head.closest('table'), body = table.tBodies[0], at = head.cellIndex;
    var down = head.dataset.down !== '1'; head.dataset.down = down ? '1' : '0';
    var value = function (row) {
      var text = row.cells[at].textContent.replace('\\u2212', '-'), n = parseFloat(text);
      return isNaN(n) ? text : n;
    };
    Array.from(body.rows).sort(function (a, b) {
      var x = value(a), y = value(b), c = x < y ? -1 : x > y ? 1 : 0;
      return down ? -c : c;
    }).forEach(function (row) { body.appendChild(row); });
  });
});
"""


def page(
    results: Results,
    tables: Sequence[Table],
    pictures: Sequence[tuple[Path, str]],
    *,
    summary: str,
    command: str,
    source: str,
) -> str:
    """The text of ``report.html``.

    Args:
        results: for the title and what was run on.
        tables: in their order.
        pictures: paths and captions, taken into the page.
        summary: how much was run.
        command: that makes the same again.
        source: the suite with everything applied, as text.
    """
    suite = results.suite
    preset = f" (preset {suite.preset})" if suite.preset else ""
    about = str(suite.tables.get("about", "")).strip()
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(suite.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(suite.title)}</h1>",
        f'<p class="note">{_text(about)}</p>',
        f"<p>{_text(summary)}{_text(preset)}.</p>",
        f"<pre>{_text(command)}</pre>",
        _methods(results),
        "<nav>" + "".join(_link(table.title) for table in tables) + "</nav>",
    ]
    overview, rest = list(tables[:2]), list(tables[2:])
    parts += [_table(table) for table in overview]
    parts += [_figure(path, caption) for path, caption in pictures]
    parts += [_table(table) for table in rest]
    if results.environments:
        listed = "".join(f"<li>{_text(line)}</li>" for line in results.environments)
        parts.append(f"<h2>Run on</h2><ul>{listed}</ul>")
    parts += [
        f"<details><summary>The suite, everything applied</summary><pre>{_text(source)}</pre>"
        "</details>",
        f"<script>{_SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _methods(results: Results) -> str:
    """What the short names of methods and data sets stand for."""
    suite = results.suite
    told = []
    for kind, names in (("datasets", suite.names("datasets")), ("methods", suite.names("methods"))):
        entries = [(name, suite.tables[kind][name].get("about", "")) for name in names]
        items = "".join(f"<li><b>{_text(n)}</b>: {_text(a)}</li>" for n, a in entries if a)
        if items:
            told.append(f"<ul>{items}</ul>")
    if not told:
        return ""
    return f"<details><summary>Data sets and methods</summary>{''.join(told)}</details>"


def _table(table: Table) -> str:
    words = [_is_text(table, i) for i in range(len(table.columns))]
    marks = ["text" if word else "" for word in words]
    heads = "".join(
        f'<th class="{m}">{_text(c)}</th>' for m, c in zip(marks, table.columns, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f'<td class="{m}">{_cell(c)}</td>' for m, c in zip(marks, row, strict=True))
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<h2 id="{_anchor(table.title)}">{_text(table.title)}</h2>'
        f'<p class="note">{_text(table.about)}</p><div class="wide"><table><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _is_text(table: Table, column: int) -> bool:
    return not any(re.match(r"\W*\d", row[column]) for row in table.rows)


def _cell(text: str) -> str:
    shown = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", _text(text))
    shown = shown.replace("▲", '<span class="up">▲</span>')
    return shown.replace("▼", '<span class="down">▼</span>')


def _figure(path: Path, caption: str) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{_text(caption)}" src="data:image/png;base64,{content}">'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def _link(title: str) -> str:
    return f'<a href="#{_anchor(title)}">{_text(title)}</a>'


def _anchor(title: str) -> str:
    return re.sub(r"\W+", "-", title).strip("-").lower()


def _text(text: str) -> str:
    return html.escape(text)
