"""Worst relative error of hyperbolic distances, ours beside the peers, against mpmath.

The points are exact in their dtype and the reference is computed from the stored numbers
with 100 digits: what is measured is the formula, not the storage. geoopt is always there;
HypLL joins if it is installed.

    python benchmarks/geometry_accuracy.py [--pairs 20] [--dim 10] [--c 1.0] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Callable
from pathlib import Path

import geoopt
import mpmath
import torch
from torch import Tensor

from hyperhier.manifolds import Lorentz, Manifold, PoincareBall

Distance = Callable[[Tensor, Tensor], Tensor]
RADII = (0.1, 1.0, 5.0, 10.0, 15.0)
KINDS = ("far", "inner-outer", "radial", "parent-child", "near", "origin")
DIGITS = 100


def pairs(
    m: Manifold, kind: str, radius: float, dim: int, n: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Stored pairs of points at about ``radius`` curvature units from the origin."""
    g = torch.Generator().manual_seed(0)
    unit = 1.0 / math.sqrt(-m.sectional_curvature)
    a, b = (torch.randn(n, dim, dtype=torch.float64, generator=g) for _ in range(2))
    a, b = (v / v.norm(dim=-1, keepdim=True) for v in (a, b))
    z = a * radius * unit
    if kind == "far":
        w = b * radius * unit
    elif kind == "inner-outer":
        w = b * radius / 4 * unit
    elif kind == "radial":
        w = 0.9 * z
    elif kind == "parent-child":
        child = a + math.exp(-radius / 2) * b
        z, w = (
            a * max(radius - 1.0, 0.0) * unit,
            child / child.norm(dim=-1, keepdim=True) * radius * unit,
        )
    elif kind == "near":
        w = z + 0.01 * unit * b * math.exp(-radius)
    else:
        w = 0.0 * z
    return m.from_features(z.to(dtype)), m.from_features(w.to(dtype))


def exact(m: Manifold, x: Tensor, y: Tensor) -> list[mpmath.mpf]:
    """The distances of the stored numbers."""
    c = mpmath.mpf(-m.sectional_curvature)
    result = []
    for p, q in zip(x.tolist(), y.tolist(), strict=True):
        p, q = ([mpmath.mpf(v) for v in r] for r in (p, q))
        if p == q:
            result.append(mpmath.mpf(0))
        elif isinstance(m, Lorentz):
            t, s = (mpmath.sqrt(1 / c + sum(v * v for v in r[1:])) for r in (p, q))
            product = t * s - sum(i * j for i, j in zip(p[1:], q[1:], strict=True))
            result.append(mpmath.acosh(max(c * product, mpmath.mpf(1))) / mpmath.sqrt(c))
        else:
            gap = sum((i - j) ** 2 for i, j in zip(p, q, strict=True))
            depth = math.prod((1 - c * sum(v * v for v in r)) for r in (p, q))
            result.append(2 / mpmath.sqrt(c) * mpmath.asinh(mpmath.sqrt(c * gap / depth)))
    return result


def worst_error(distances: Tensor, reference: list[mpmath.mpf]) -> float:
    """Largest relative error; infinite if a distance is not finite."""
    worst = 0.0
    for d, e in zip(distances.tolist(), reference, strict=True):
        if not math.isfinite(d):
            return math.inf
        if e > 0:
            worst = max(worst, float(abs(mpmath.mpf(d) - e) / e))
    return worst


def competitors(model: str, c: float, dtype: torch.dtype) -> tuple[Manifold, dict[str, Distance]]:
    """Our manifold, and every library's distance for its model."""
    if model == "lorentz":
        ours: Manifold = Lorentz(c)
        return ours, {
            "hyperhier": ours.dist,
            "geoopt": geoopt.Lorentz(k=torch.tensor(1.0 / c, dtype=dtype)).dist,
        }
    ours = PoincareBall(c)
    found: dict[str, Distance] = {
        "hyperhier": ours.dist,
        "geoopt": geoopt.PoincareBall(c=torch.tensor(c, dtype=dtype)).dist,
    }
    try:
        from hypll.manifolds.poincare_ball.math.diffgeom import dist as hypll_dist

        found["hypll"] = lambda x, y: hypll_dist(x, y, torch.tensor(c, dtype=dtype))
    except Exception:
        pass
    return ours, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--c", type=float, default=1.0)
    parser.add_argument("--json", type=Path, help="also write every figure to this file")
    options = parser.parse_args()

    rows = []
    mpmath.mp.dps = DIGITS
    print(
        f"torch {torch.__version__}, geoopt {geoopt.__version__}, {platform.machine()}; "
        f"c = {options.c:g}, dim {options.dim}, {options.pairs} pairs a cell; worst relative error"
    )
    for dtype in (torch.float32, torch.float64):
        for model in ("poincare", "lorentz"):
            ours, libraries = competitors(model, options.c, dtype)
            print(
                f"\n**{model}, {str(dtype).removeprefix('torch.')}** "
                f"(eps {torch.finfo(dtype).eps:.0e})\n"
            )
            print("| pairs | library | " + " | ".join(f"r = {r:g}" for r in RADII) + " |")
            print("|---|---|" + "---|" * len(RADII))
            for kind in KINDS:
                cells: dict[str, list[str]] = {name: [] for name in libraries}
                for radius in RADII:
                    x, y = pairs(ours, kind, radius, options.dim, options.pairs, dtype)
                    reference = exact(ours, x, y)
                    for name, dist in libraries.items():
                        error = worst_error(dist(x, y), reference)
                        cells[name].append("not finite" if math.isinf(error) else f"{error:.0e}")
                        rows.append(
                            {
                                "model": model,
                                "dtype": str(dtype),
                                "kind": kind,
                                "radius": radius,
                                "library": name,
                                "error": error,
                            }
                        )
                for name, values in cells.items():
                    print(f"| {kind} | {name} | " + " | ".join(values) + " |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
