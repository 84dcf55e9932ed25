"""Is this installation sound? Versions, devices, optional packages, accuracy of distances.

The accuracy is measured on the machine at hand: distances of points as they are stored,
against the same distances in 80-digit decimal arithmetic. geoopt's stand beside them.
"""

from __future__ import annotations

import importlib
import math
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from hyperhier.manifolds import Manifold

__all__ = ["exact_distance", "examine", "extra_of"]

#: distribution, module, extra of hyperhier that installs it
_OPTIONAL = (
    ("typer", "typer", "cli"),
    ("rich", "rich", "cli"),
    ("pillow", "PIL", "io"),
    ("pandas", "pandas", "io"),
    ("pyarrow", "pyarrow", "io"),
    ("torchmetrics", "torchmetrics", "metrics"),
    ("matplotlib", "matplotlib", "plot"),
    ("plotly", "plotly", "plot"),
    ("numba", "numba", "fast"),
    ("rdflib", "rdflib", "rdf"),
    ("wn", "wn", "wordnet"),
    ("scikit-learn", "sklearn", "sklearn"),
    ("pytorch-metric-learning", "pytorch_metric_learning", "pml"),
    ("lightning", "lightning", "lightning"),
    ("timm", "timm", "timm"),
)
_CORE = ("torch", "numpy", "networkx", "safetensors", "geoopt")
_RADII = {"float32": (1, 5, 10, 15), "float64": (1, 10, 20, 30)}
_MODELS = ("poincare", "lorentz", "polar")
_PAIRS = 6
_FEATURES = 3
_STEP = 0.5  # distance of the near pairs: parent and child on one ray
_DIGITS = 80  # e^(2 * radius) costs 26 of them at radius 30
_ULPS = 4  # what is promised, in eps of the dtype


def examine(*, radii: Mapping[str, Sequence[float]] = _RADII) -> dict[str, Any]:
    """The whole report, in types that JSON knows.

    Args:
        radii: distances from the origin at which to measure, for each dtype by name.

    Returns:
        a dict with ``versions``, ``devices``, ``threads``, ``packages``, ``accuracy`` (one
        row for each model, dtype and radius: worst relative error ``ours`` and ``geoopt``,
        None where geoopt has no such model or no finite number), ``problems`` and ``ok``.
    """
    import torch

    accuracy = [
        _accuracy_row(model, dtype, radius)
        for model in _MODELS
        for dtype in (torch.float32, torch.float64)
        for radius in radii[str(dtype).removeprefix("torch.")]
    ]
    problems = [
        f"{row['model']} in {row['dtype']} at radius {row['radius']}: error {row['ours']:.1e}"
        for row in accuracy
        if not row["ours"] <= row["limit"]
    ]
    return {
        "versions": _versions(),
        "devices": _devices(),
        "threads": torch.get_num_threads(),
        "packages": [_package(*entry) for entry in _OPTIONAL],
        "accuracy": accuracy,
        "problems": problems,
        "ok": not problems,
    }


def exact_distance(model: str, x: Sequence[float], y: Sequence[float]) -> float:
    """Distance of two points as they are stored, curvature -1, in 80-digit arithmetic.

    Args:
        model: ``poincare`` (coordinates of the ball), ``lorentz`` (space coordinates) or
            ``polar`` (radius, then direction).

    >>> exact_distance("poincare", [0.5, 0.0], [0.0, 0.0]) == math.log(3)
    True
    """
    with localcontext() as context:
        context.prec = _DIGITS
        a, b = [Decimal(v) for v in x], [Decimal(v) for v in y]
        if model == "polar":
            a, b = _space_of_polar(a), _space_of_polar(b)
        if model == "poincare":
            gap = _square([p - q for p, q in zip(a, b)])
            z = 2 * gap / ((1 - _square(a)) * (1 - _square(b)))
        else:
            times = ((1 + _square(a)) * (1 + _square(b))).sqrt()
            z = times - sum((p * q for p, q in zip(a, b)), Decimal(0)) - 1
        z = max(z, Decimal(0))  # coincident points: the square root rounds
        # cosh d = 1 + z
        return float((1 + z + (z * (z + 2)).sqrt()).ln())


def extra_of(module: str) -> str | None:
    """The extra of hyperhier that installs a module.

    >>> extra_of("matplotlib.figure"), extra_of("os")
    ('plot', None)
    """
    root = module.partition(".")[0]
    return next((extra for _, name, extra in _OPTIONAL if name == root), None)


def _square(v: Sequence[Decimal]) -> Decimal:
    return sum((p * p for p in v), Decimal(0))


def _space_of_polar(p: Sequence[Decimal]) -> list[Decimal]:
    """sinh(r) n/|n|, the same point on the hyperboloid."""
    r, length = p[0], _square(p[1:]).sqrt()
    return [(r.exp() - (-r).exp()) / 2 * v / length for v in p[1:]]


def _accuracy_row(model: str, dtype: Any, radius: float) -> dict[str, Any]:
    import torch

    from hyperhier.manifolds import get_manifold

    ours = get_manifold(model)
    x, y = _pairs(ours, radius, dtype)
    space = slice(1, None) if model == "lorentz" else slice(None)
    exact = [
        exact_distance(model, p, q) for p, q in zip(x[:, space].tolist(), y[:, space].tolist())
    ]
    return {
        "model": model,
        "dtype": str(dtype).removeprefix("torch."),
        "radius": radius,
        "ours": _worst(ours.dist, x, y, exact),
        "geoopt": _worst(_geoopt(model, dtype), x, y, exact),
        "limit": _ULPS * torch.finfo(dtype).eps,
    }


def _pairs(manifold: Manifold, radius: float, dtype: Any) -> tuple[Tensor, Tensor]:
    """Points at ``radius`` beside a parent on the same ray, and beside a point far off."""
    import torch

    generator = torch.Generator().manual_seed(0)
    rays = torch.randn(_PAIRS, _FEATURES, generator=generator, dtype=torch.float64)
    rays = rays / torch.linalg.vector_norm(rays, dim=-1, keepdim=True)
    child = manifold.from_features(radius * rays).to(dtype)
    parent = manifold.from_features((radius - _STEP) * rays).to(dtype)
    return torch.cat((child, child)), torch.cat((parent, child.roll(1, dims=0)))


def _worst(
    dist: Callable[[Tensor, Tensor], Tensor] | None, x: Tensor, y: Tensor, exact: list[float]
) -> float | None:
    if dist is None:
        return None
    errors = [abs(d - e) / e for d, e in zip(dist(x, y).tolist(), exact)]
    worst = max(errors, key=lambda e: math.inf if math.isnan(e) else e)
    return worst if math.isfinite(worst) else None


def _geoopt(model: str, dtype: Any) -> Callable[[Tensor, Tensor], Tensor] | None:
    import torch

    if model == "polar":
        return None
    try:
        import geoopt
    except Exception:
        return None
    one = torch.tensor(1.0, dtype=dtype)
    dist: Callable[[Tensor, Tensor], Tensor] = (
        geoopt.PoincareBall(c=one).dist if model == "poincare" else geoopt.Lorentz(k=one).dist
    )
    return dist


def _versions() -> dict[str, str]:
    from hyperhier._version import __version__

    found = {
        "hyperhier": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "executable": sys.executable,
    }
    return found | {name: _version(name) or "missing" for name in _CORE}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += [
            f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def _package(distribution: str, module: str, extra: str) -> dict[str, Any]:
    found = _version(distribution)
    problem = None
    try:
        importlib.import_module(module)
    except Exception as error:
        reason = str(error).strip().splitlines()[:1]
        problem = (
            f"not installed: pip install 'hyperhier[{extra}]'"
            if found is None
            else f"does not import: {type(error).__name__}: {''.join(reason)}"
        )
    return {"name": distribution, "extra": extra, "version": found, "problem": problem}
