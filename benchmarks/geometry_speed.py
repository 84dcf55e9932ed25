"""Time of pairwise hyperbolic distances, forward and backward, ours beside the peers.

Every row is the median of ``--repeats`` runs after a warm-up, in this process, on float32
points; ratios are to ``torch.cdist``, the flat distance. What counts is the ratio.

    python benchmarks/geometry_speed.py [--n 1024] [--dim 64] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import geoopt
import torch
from torch import Tensor

from hyperhier.manifolds import Euclidean, Lorentz, Manifold, PoincareBall, Sphere


def plain_gram(x: Tensor, y: Tensor) -> Tensor:
    """The usual fast form on the hyperboloid: acosh of the Lorentz product, float32."""
    product = x[:, :1] @ y[:, :1].T - x[:, 1:] @ y[:, 1:].T
    return torch.acosh(product.clamp_min(1.0 + 1e-6))


def milliseconds(
    function: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, repeats: int
) -> list[float]:
    times = []
    for _ in range(repeats + 1):
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        start = time.perf_counter()
        function(a, b).sum().backward()
        times.append(1e3 * (time.perf_counter() - start))
    return times[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    g = torch.Generator().manual_seed(0)
    z, w = (torch.randn(options.n, options.dim, generator=g) * options.dim**-0.5 for _ in range(2))

    ball, hyperboloid = PoincareBall(), Lorentz()
    geoopt_ball, geoopt_lorentz = geoopt.PoincareBall(), geoopt.Lorentz()
    rows: list[tuple[str, Manifold, Callable[[Tensor, Tensor], Tensor]]] = [
        ("torch.cdist (flat)", Euclidean(), torch.cdist),
        ("hyperhier Euclidean", Euclidean(), Euclidean().dist_matrix),
        ("hyperhier Sphere", Sphere(), Sphere().dist_matrix),
        ("hyperhier PoincareBall", ball, ball.dist_matrix),
        ("hyperhier Lorentz", hyperboloid, hyperboloid.dist_matrix),
        ("plain float32 Gram, Lorentz", hyperboloid, plain_gram),
        (
            "geoopt PoincareBall, broadcast",
            ball,
            lambda a, b: geoopt_ball.dist(a[:, None], b[None]),
        ),
        (
            "geoopt Lorentz, broadcast",
            hyperboloid,
            lambda a, b: geoopt_lorentz.dist(a[:, None], b[None]),
        ),
    ]
    print(
        f"N = {options.n}, d = {options.dim}, float32, forward + backward, "
        f"{options.threads} thread(s), torch {torch.__version__}, geoopt {geoopt.__version__}\n"
    )
    print("| distance matrix | ms (median) | spread | x torch.cdist |\n|---|---|---|---|")
    base = None
    for name, manifold, function in rows:
        x, y = manifold.from_features(z), manifold.from_features(w)
        times = milliseconds(function, x, y, options.repeats)
        median = statistics.median(times)
        base = base or median
        spread = f"{min(times):.1f}-{max(times):.1f}"
        print(f"| {name} | {median:.1f} | {spread} | {median / base:.1f} |", flush=True)


if __name__ == "__main__":
    main()
