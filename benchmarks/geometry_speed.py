"""Time of hyperbolic geometry, ours beside the peers: distance matrices and optimizer steps.

Every row is the median of ``--repeats`` runs after a warm-up (one run without, where a run
takes more than ``--patience`` seconds), in this process, on float32 points. What counts is the
ratio: to a plain float32 Gram-matrix distance, and to a step of ``torch.optim.Adam``.

    python benchmarks/geometry_speed.py [--n 2048] [--dim 64] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import geoopt
import torch
from _geometries import geometries, versions
from torch import Tensor

from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Sphere, get_manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam, RiemannianSGD

Matrix = Callable[[Tensor, Tensor], Tensor]


def plain_gram(x: Tensor, y: Tensor) -> Tensor:
    """The usual fast form on the hyperboloid: acosh of the Lorentz product, float32."""
    product = x[:, :1] @ y[:, :1].T - x[:, 1:] @ y[:, 1:].T
    return torch.acosh(product.clamp_min(1.0 + 1e-6))


def milliseconds(run: Callable[[], None], repeats: int, patience: float) -> list[float]:
    """Times of ``repeats`` runs after the first, or that of the first if it is long."""
    times: list[float] = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
        if times[0] > 1e3 * patience:
            return times
    return times[1:]


def forward_and_backward(matrix: Matrix, x: Tensor, y: Tensor) -> Callable[[], None]:
    def run() -> None:
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        matrix(a, b).sum().backward()

    return run


def matrices(n: int, dim: int) -> dict[str, Callable[[], None]]:
    """Distance matrices of random points about one curvature radius from the origin."""
    g = torch.Generator().manual_seed(0)
    z, w = (torch.randn(n, dim, generator=g) * dim**-0.5 for _ in range(2))
    ball, hyperboloid = PoincareBall(), Lorentz()
    rows: dict[str, tuple[str, Matrix]] = {
        "plain float32 Gram, Lorentz": ("lorentz", plain_gram),
        "torch.cdist (flat)": ("euclidean", torch.cdist),
        "hyperhier Euclidean": ("euclidean", Euclidean().dist_matrix),
        "hyperhier Sphere": ("sphere", Sphere().dist_matrix),
        "hyperhier PoincareBall": ("poincare", ball.dist_matrix),
        "hyperhier Lorentz": ("lorentz", hyperboloid.dist_matrix),
        "hyperhier Polar": ("polar", get_manifold("polar").dist_matrix),
        "hyperhier Lorentz, one set of points": (
            "lorentz",
            lambda a, b: hyperboloid.dist_matrix(a, a),
        ),
        "hyperhier Lorentz, repair=False": (
            "lorentz",
            lambda a, b: hyperboloid.dist_matrix(a, b, repair=False),
        ),
    }
    for name in ("poincare", "lorentz"):
        fast = get_manifold(name, precision="fast")
        rows[f"hyperhier {type(fast).__name__}, fast"] = (name, fast.dist_matrix)
    for name in ("poincare", "lorentz"):
        for library, peer in geometries(name, 1.0, torch.float32).items():
            if library != "hyperhier":
                rows[f"{library} {name}, broadcast"] = (
                    name,
                    lambda a, b, dist=peer.dist: dist(a[:, None], b[None]),
                )
    points = {
        name: [get_manifold(name).from_features(v) for v in (z, w)] for name, _ in rows.values()
    }
    return {
        label: forward_and_backward(function, *points[name])
        for label, (name, function) in rows.items()
    }


def stepping(optimizer: torch.optim.Optimizer, parameter: Tensor) -> Callable[[], None]:
    gradient = 1e-3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))

    def run() -> None:
        parameter.grad = gradient.clone()
        optimizer.step()

    return run


def optimizers(n: int, dim: int) -> dict[str, Callable[[], None]]:
    """Steps of n random points."""
    z = torch.randn(n, dim, generator=torch.Generator().manual_seed(0))
    flat = torch.nn.Parameter(z.clone())
    rows = {"torch Adam (flat)": stepping(torch.optim.Adam([flat], foreach=False), flat)}
    for mine in (RiemannianAdam, RiemannianSGD):
        for name in ("poincare", "lorentz", "polar"):
            for precision in ("accurate", "fast"):
                m = get_manifold(name, precision=precision)
                points = ManifoldParameter(m.from_features(z), m)
                label = f"hyperhier {mine.__name__}, {name}, {precision}"
                rows[label] = stepping(mine(points, lr=1e-3), points.weight)
        theirs = getattr(geoopt.optim, mine.__name__)
        for name, manifold in (("poincare", geoopt.PoincareBall()), ("lorentz", geoopt.Lorentz())):
            start = get_manifold(name).from_features(z)
            parameter = geoopt.ManifoldParameter(start, manifold=manifold)
            rows[f"geoopt {mine.__name__}, {name}"] = stepping(
                theirs([parameter], lr=1e-3), parameter
            )
    return rows


def print_table(
    title: str, rows: dict[str, Callable[[], None]], repeats: int, patience: float
) -> None:
    """Medians, spread, and the ratio to the first row."""
    base = None
    for label, run in rows.items():
        times = milliseconds(run, repeats, patience)
        median = statistics.median(times)
        if base is None:
            base = median
            print(f"\n| {title} | ms (median) | spread | x {label} |\n|---|---|---|---|")
        spread = f"{min(times):.1f}-{max(times):.1f}"
        print(f"| {label} | {median:.1f} | {spread} | {median / base:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2048, help="points on each side of a matrix")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--points", type=int, default=100_000, help="points of an optimizer step")
    parser.add_argument("--point-dim", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--patience", type=float, default=3.0, help="seconds; longer runs run once")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{versions()}, {options.threads} thread(s), float32")
    for title, rows in (
        (
            f"{options.n} x {options.n} distances, d = {options.dim}, forward + backward",
            matrices(options.n, options.dim),
        ),
        (
            f"step of {options.points:,} points, d = {options.point_dim}",
            optimizers(options.points, options.point_dim),
        ),
    ):
        print_table(title, rows, options.repeats, options.patience)


if __name__ == "__main__":
    main()
