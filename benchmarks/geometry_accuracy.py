"""Worst errors of hyperbolic geometry, ours beside the peers, against exact arithmetic.

Points and vectors given count as the numbers they are stored as, and the reference is computed
from those numbers with 100 digits: what is measured is the formula, and the rounding of its
result. geoopt is always there; HypLL joins if it can be imported.

    python benchmarks/geometry_accuracy.py [--quantity distance gradient maps transport]
        [--dims 10] [--c 1.0] [--pairs 10] [--json FILE] [--plot DIR]

One tangent step is one curvature unit 1/sqrt(c) long, and radii are in that unit too. Every
second pair is swapped, so that either end comes first.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from _geometries import geometries, versions

from hyperhier.manifolds import get_manifold
from hyperhier.testing.accuracy import (
    COINCIDENT,
    DISTINCT,
    Geometry,
    Sample,
    distance_errors,
    expmap_errors,
    gradient_errors,
    logmap_errors,
    sample,
    transport_errors,
)

MODELS = ("poincare", "lorentz", "polar")
RADII = {
    torch.float32: (0.1, 1.0, 5.0, 10.0, 15.0),
    torch.float64: (1.0, 10.0, 20.0, 30.0, 35.0),
}
#: the pictures end where the ball of that dtype does
PICTURE_RADII = {
    torch.float32: tuple(1.0 + 16.0 * i / 15.0 for i in range(16)),
    torch.float64: tuple(1.0 + 36.0 * i / 15.0 for i in range(16)),
}


@dataclass(frozen=True)
class Quantity:
    """What is measured, and for which kinds of pairs."""

    title: str
    errors: Callable[[Geometry, Sample], list[float]]
    kinds: tuple[str, ...] = DISTINCT


QUANTITIES = {
    "distance": Quantity(
        "relative error of the distance", distance_errors, (*DISTINCT, COINCIDENT)
    ),
    "gradient": Quantity("| length of the distance gradient - 1 |", gradient_errors),
    "logmap": Quantity("length of the error of logmap, relative", logmap_errors),
    # a step has no second point, so that one kind is all kinds
    "expmap": Quantity("distance of expmap from the exact point", expmap_errors, ("far",)),
    "transport": Quantity("relative change of length in transport", transport_errors),
}
#: what --quantity may name
CHOICES = {
    "distance": ("distance",),
    "gradient": ("gradient",),
    "maps": ("logmap", "expmap"),
    "transport": ("transport",),
}


# --------------------------------------------------------------------------- measurement


@dataclass(frozen=True)
class Row:
    """The worst error in one cell; infinite if a result is not finite."""

    quantity: str
    dtype: str
    model: str
    kind: str
    radius: float
    library: str
    error: float


def measure(
    quantities: Sequence[str],
    radii: Mapping[torch.dtype, Sequence[float]],
    *,
    c: float,
    dims: int,
    n: int,
) -> Iterator[Row]:
    """The worst errors over ``n`` pairs, for every dtype, model, radius, kind and library."""
    for dtype, model in ((dtype, model) for dtype in radii for model in MODELS):
        ours, libraries = get_manifold(model, c=c), geometries(model, c, dtype)
        for kind in (*DISTINCT, COINCIDENT):
            wanted = [name for name in quantities if kind in QUANTITIES[name].kinds]
            for radius in radii[dtype] if wanted else ():
                s = sample(ours, kind, radius, dims, n, dtype)
                for name, (library, g) in ((q, pair) for q in wanted for pair in libraries.items()):
                    if errors := QUANTITIES[name].errors(g, s):
                        short = str(dtype).removeprefix("torch.")
                        yield Row(name, short, model, kind, radius, library, max(errors))


# -------------------------------------------------------------------------------- output


def print_tables(rows: Sequence[Row]) -> None:
    """One table for each quantity and dtype; distances kind by kind, the rest over all kinds."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        title = f"{QUANTITIES[row.quantity].title}, {row.dtype}"
        if row.quantity == "distance":
            title += f", {row.model}"
        groups.setdefault(title, []).append(row)
    for title, members in groups.items():
        print_table(title, members, "kind" if members[0].quantity == "distance" else "model")


def print_table(title: str, rows: Sequence[Row], label: str) -> None:
    """Worst errors in Markdown: ``label`` and library down, radii across."""
    cells: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        line = cells.setdefault((getattr(row, label), row.library), {})
        line[row.radius] = max(line.get(row.radius, 0.0), row.error)
    radii = sorted({row.radius for row in rows})
    eps = torch.finfo(getattr(torch, rows[0].dtype)).eps
    print(f"\n**{title}** (eps {figure(eps)})\n")
    print_line((label, "library", *(f"r = {r:g}" for r in radii)))
    print_line(["---"] * (2 + len(radii)))
    for names, line in cells.items():
        print_line((*names, *(figure(line[r]) if r in line else "one point" for r in radii)))


def print_line(cells: Iterable[str]) -> None:
    print("| " + " | ".join(cells) + " |")


def figure(error: float) -> str:
    """An error in one digit.

    >>> figure(4.2e-8), figure(0.0), figure(math.inf)
    ('4e-8', '0', 'not finite')
    """
    if not math.isfinite(error):
        return "not finite"
    mantissa, exponent = f"{error:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}" if error else "0"


def as_json(rows: Iterable[Row]) -> str:
    """All rows; an error that is not finite is null."""
    entries = [asdict(row) for row in rows]
    for entry in entries:
        entry["error"] = entry["error"] if math.isfinite(entry["error"]) else None
    return json.dumps(entries, indent=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quantity", nargs="+", choices=CHOICES, default=list(CHOICES))
    parser.add_argument("--dims", type=int, default=10, help="dimensions of the space, at least 2")
    parser.add_argument(
        "--c", type=float, default=1.0, help="minus the curvature; one that float32 holds"
    )
    parser.add_argument("--pairs", type=int, default=10, help="pairs in a cell")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--plot", type=Path, help="draw curves over the radius in this folder")
    options = parser.parse_args()
    if options.dims < 2 or options.pairs < 1:
        parser.error("at least 2 dimensions and 1 pair are needed")
    size = {"c": options.c, "dims": options.dims, "n": options.pairs}

    print(
        f"{versions()}, {platform.machine()}; c = {options.c:g}, {options.dims} dimensions, "
        f"worst of {options.pairs} pairs"
    )
    chosen = [name for choice in options.quantity for name in CHOICES[choice]]
    rows = list(measure(chosen, RADII, **size))
    print_tables(sorted(rows, key=lambda row: chosen.index(row.quantity)))
    if options.json:
        options.json.write_text(as_json(rows))
    if options.plot:
        from _accuracy_plot import PICTURES, draw

        drawn = [name for name in chosen if name in PICTURES]
        draw(list(measure(drawn, PICTURE_RADII, **size)), options.plot)


if __name__ == "__main__":
    main()
