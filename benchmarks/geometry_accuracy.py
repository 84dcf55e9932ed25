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
from functools import cached_property
from pathlib import Path

import torch
from _geometries import Geometry, geometries, versions
from mpmath import mpf
from torch import Tensor

from hyperhier.manifolds import Manifold, get_manifold
from hyperhier.testing.reference import ExactHyperbolic, Vector

MODELS = ("poincare", "lorentz")
RADII = {
    torch.float32: (0.1, 1.0, 5.0, 10.0, 15.0),
    torch.float64: (1.0, 10.0, 20.0, 30.0, 35.0),
}
#: the pictures end where the ball of that dtype does
PICTURE_RADII = {
    torch.float32: tuple(1.0 + 16.0 * i / 15.0 for i in range(16)),
    torch.float64: tuple(1.0 + 36.0 * i / 15.0 for i in range(16)),
}
DIGITS = 100
#: smaller errors are the rounding of the reference itself
NEGLIGIBLE = 1e-50

SEPARATIONS = {"1e-6 apart": 1e-6, "1e-4 apart": 1e-4, "0.01 apart": 0.01, "0.1 apart": 0.1}
DISTINCT = ("far", "inner-outer", "radial", "parent-child", *SEPARATIONS, "to the origin")
COINCIDENT = "coincident"


# ------------------------------------------------------------------------------- samples


@dataclass(frozen=True)
class Sample:
    """Stored pairs of points x and y, tangent vectors u at x, and what the numbers stand for."""

    exact: ExactHyperbolic
    x: Tensor
    y: Tensor
    u: Tensor

    @cached_property
    def starts(self) -> list[Vector]:
        """The points x."""
        return [self.exact.point(x) for x in self.x]

    @cached_property
    def ends(self) -> list[Vector]:
        """The points y."""
        return [self.exact.point(y) for y in self.y]

    @cached_property
    def steps(self) -> list[Vector]:
        """The tangent vectors u."""
        return [self.exact.vector(x, u) for x, u in zip(self.x, self.u)]

    @cached_property
    def distances(self) -> list[mpf]:
        """From x to y."""
        return [self.exact.dist(p, q) for p, q in zip(self.starts, self.ends)]

    @cached_property
    def logarithms(self) -> list[Vector]:
        """The tangent vectors at x that lead to y."""
        return [self.exact.logmap(p, q) for p, q in zip(self.starts, self.ends)]

    @cached_property
    def arrivals(self) -> list[Vector]:
        """The points that the steps lead to."""
        return [self.exact.expmap(p, s) for p, s in zip(self.starts, self.steps)]

    def distinct(self) -> Sample:
        """Without the pairs that became one point when they were stored."""
        rows = [i for i, d in enumerate(self.distances) if d > 0]
        return Sample(self.exact, self.x[rows], self.y[rows], self.u[rows])


def sample(m: Manifold, kind: str, radius: float, dims: int, n: int, dtype: torch.dtype) -> Sample:
    """``n`` pairs of a kind about ``radius`` from the origin, less those that storage merged."""
    unit = 1.0 / math.sqrt(-m.sectional_curvature)
    x, y = (stored(m, unit * z, dtype) for z in swap_every_second(*pairs(kind, radius, dims, n)))
    found = Sample(ExactHyperbolic(m, DIGITS), x, y, steps(m, x))
    return found if kind == COINCIDENT else found.distinct()


def pairs(kind: str, radius: float, dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Features of ``n`` pairs, in curvature units."""
    if kind in SEPARATIONS:
        return separated(SEPARATIONS[kind], radius, dims, n)
    a, b = directions(dims, n)
    z = radius * a
    if kind == "far":
        return z, radius * b
    if kind == "inner-outer":
        return z, radius / 4 * b
    if kind == "radial":
        return z, 0.9 * z
    if kind == "parent-child":
        return max(radius - 1.0, 0.0) * a, radius * normalised(a + math.exp(-radius / 2) * b)
    if kind == "to the origin":
        return z, 0.0 * z
    return z, z


def separated(distance: float, radius: float, dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Pairs at one radius, ``distance`` apart across the rays.

    The displacement has its own half of the coordinates, which are 0 at the other end, and so
    survives in a dtype that could not tell the points apart in the other half.
    """
    a, b = directions(dims, n)
    a[:, dims // 2 :], b[:, : dims // 2] = 0.0, 0.0
    angle = 2.0 * math.asin(math.sinh(distance / 2) / math.sinh(radius))
    a, b = normalised(a), normalised(b)
    return radius * a, radius * (math.cos(angle) * a + math.sin(angle) * b)


def directions(dims: int, n: int) -> tuple[Tensor, Tensor]:
    """Two sets of ``n`` random unit vectors, the same in every call."""
    g = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, dims, dtype=torch.float64, generator=g) for _ in range(2))
    return normalised(a), normalised(b)


def normalised(v: Tensor) -> Tensor:
    return v / v.norm(dim=-1, keepdim=True)


def swap_every_second(z: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    odd = (torch.arange(len(z)) % 2 == 1).unsqueeze(-1)
    return torch.where(odd, w, z), torch.where(odd, z, w)


def stored(m: Manifold, z: Tensor, dtype: torch.dtype) -> Tensor:
    """The points of float64 features, rounded to ``dtype`` only at the end."""
    return m.projx(m.from_features(z).to(dtype))


def steps(m: Manifold, x: Tensor) -> Tensor:
    """A tangent vector at each x, one curvature unit long, in no preferred direction.

    They lead to random points near x: an offset of the features across the ray is shortened
    by r / sinh(r), the factor by which the space around the origin lengthens it.
    """
    root_c = math.sqrt(-m.sectional_curvature)
    x64 = x.double()
    z = root_c * m.to_features(x64)
    r = z.norm(dim=-1, keepdim=True)
    at_origin = r == 0
    ray = z / torch.where(at_origin, 1.0, r)
    offset = normalised(
        torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1))
    )
    along = (offset * ray).sum(-1, keepdim=True) * ray
    shrink = torch.where(at_origin, 1.0, r / torch.where(at_origin, 1.0, r.sinh()))
    u = m.logmap(x64, m.from_features((z + along + shrink * (offset - along)) / root_c))
    return m.proju(x, (u / (root_c * m.norm(x64, u, keepdim=True))).to(x.dtype))


# -------------------------------------------------------------------------------- errors
# Each function gives one error per pair, infinite where the result is not finite. Inputs
# are cloned because a peer writes into its arguments.


def distance_errors(g: Geometry, s: Sample) -> list[float]:
    """Relative; absolute where the distance is 0."""
    found = g.dist(s.x.clone(), s.y.clone()).tolist()
    return [abs_or_inf((d - e) / (e or 1)) for d, e in zip(found, s.distances)]


def gradient_errors(g: Geometry, s: Sample) -> list[float]:
    """By how much the Riemannian length of the gradient of the distance is not 1."""
    x = s.x.clone().requires_grad_()
    g.dist(x, s.y.clone()).sum().backward()
    gradient = g.egrad2rgrad(s.x.clone(), x.grad.clone())
    return [abs_or_inf(length - 1) for length in lengths(s.exact, s.x, gradient)]


def logmap_errors(g: Geometry, s: Sample) -> list[float]:
    """Riemannian length of the error, relative to the distance."""
    found = g.logmap(s.x.clone(), s.y.clone())
    return [
        abs_or_inf(s.exact.norm(s.exact.difference(s.exact.vector(x, u), v)) / d)
        if u.isfinite().all()
        else math.inf
        for x, u, v, d in zip(s.x, found, s.logarithms, s.distances)
    ]


def expmap_errors(g: Geometry, s: Sample) -> list[float]:
    """Distance from the exact point, in curvature units."""
    found, root_c = g.expmap(s.x.clone(), s.u.clone()), math.sqrt(s.exact.c)
    return [
        abs_or_inf(root_c * s.exact.dist(s.exact.point(y), q)) if y.isfinite().all() else math.inf
        for y, q in zip(found, s.arrivals)
    ]


def transport_errors(g: Geometry, s: Sample) -> list[float]:
    """Relative change of the length of a transported vector."""
    moved = g.transp(s.x.clone(), s.y.clone(), s.u.clone())
    before = [s.exact.norm(v) for v in s.steps]
    after = lengths(s.exact, s.y, moved)
    return [abs_or_inf((v - u) / u) for u, v in zip(before, after)]


def lengths(exact: ExactHyperbolic, x: Tensor, u: Tensor) -> list[mpf]:
    """Riemannian lengths, infinite for vectors that are not finite."""
    return [
        exact.norm(exact.vector(p, v)) if v.isfinite().all() else mpf("inf") for p, v in zip(x, u)
    ]


def abs_or_inf(error: mpf) -> float:
    """The size of an error: infinite if it is not a number, 0 if the reference cannot tell."""
    size = abs(float(error))
    if not math.isfinite(size):
        return math.inf
    return size if size > NEGLIGIBLE else 0.0


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
