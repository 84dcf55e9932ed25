"""From points of any manifold to the plane: the Poincare disk, or two principal axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from hyperhier.manifolds import Manifold

__all__ = ["Plane", "geodesics", "project"]

# A point at hyperbolic radius r is drawn at tanh(r / 2): between these radii (of the 95 %
# quantile) a disk is easy to read, outside it is a blot in the middle or a rim.
_READABLE = (1.2, 4.0)
_COMFORTABLE = 2.9
_QUANTILE = 0.95


@dataclass(frozen=True)
class Plane:
    """Plane coordinates, and how they came about."""

    points: NDArray[np.float64]  # (n, 2)
    disk: bool
    note: str


def project(points: Tensor, manifold: Manifold, centre: Tensor | None = None) -> Plane:
    """Two coordinates for every point.

    Negative curvature: the Poincare disk. Two features are drawn as they are; of more, the
    isometry that takes ``centre`` (default: the centroid) to the origin comes first, then
    the two principal axes of the tangent coordinates there. Radii are rescaled, and the
    note says so, only where the disk could not be read otherwise.
    Any other curvature: the two principal axes of the features.

    Args:
        points: ``(n, ambient)``.
        centre: one point ``(ambient,)`` to put in the middle of the disk.
    """
    import torch

    from hyperhier.manifolds._motion import seen_from

    x = points.detach().to("cpu", torch.float64)
    if manifold.sectional_curvature >= 0:
        features = manifold.to_features(x).detach().numpy()
        return _flat(features)
    exact = x.shape[-1] == manifold.ambient_dim(2)
    if not exact or centre is not None:
        middle = manifold.centroid(x) if centre is None else centre.detach().to(x)
        x = seen_from(middle, x, manifold)
    # in units of the curvature radius, so that the disk is the one of curvature -1
    features = manifold.to_features(x).detach().numpy() * (-manifold.sectional_curvature) ** 0.5
    note = "Poincaré disk"
    if not exact:
        features, share = _principal(features)
        note += f", 2 of {manifold.to_features(x).shape[-1]} tangent axes ({share:.0%} of variance)"
    return _disk(features, note)


def _flat(features: NDArray[np.float64]) -> Plane:
    if features.shape[-1] == 2:
        return Plane(features, False, "")
    if features.shape[-1] < 2:
        return Plane(np.pad(features, ((0, 0), (0, 2 - features.shape[-1]))), False, "")
    plane, share = _principal(features - features.mean(0))
    return Plane(plane, False, f"2 of {features.shape[-1]} axes ({share:.0%} of variance)")


def _disk(features: NDArray[np.float64], note: str) -> Plane:
    radius = np.linalg.norm(features, axis=-1)
    typical = float(np.quantile(radius, _QUANTILE)) if len(radius) else 0.0
    if typical > 0 and not _READABLE[0] <= typical <= _READABLE[1]:
        scale = _COMFORTABLE / typical
        features, radius = features * scale, radius * scale
        note += f", radii × {scale:.2g}"
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(radius > 0, np.tanh(radius / 2) / radius, 0.5)
    return Plane(features * factor[:, None], True, note)


def _principal(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The two axes of largest variance, signs fixed, and their share of it."""
    _, strength, axes = np.linalg.svd(features, full_matrices=False)
    axes = axes[:2]
    largest = np.abs(axes).argmax(1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    total = float((strength**2).sum())
    plane = features @ axes.T
    if plane.shape[1] < 2:
        plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    return plane, float((strength[:2] ** 2).sum()) / total if total > 0 else 1.0


def geodesics(
    a: NDArray[np.float64], b: NDArray[np.float64], *, disk: bool, steps: int = 24
) -> NDArray[np.float64]:
    """The lines from each a to each b, ``(n, 2)`` twice to ``(n, steps, 2)``.

    In the disk they are arcs of circles at right angles to its rim; elsewhere straight.
    """
    t = np.linspace(0.0, 1.0, steps)
    if not disk:
        return a[:, None] + t[:, None] * (b - a)[:, None]
    p, q = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    # the isometry that takes p to the origin makes the geodesic a ray
    w = (q - p) / (1.0 - p.conj() * q)
    length = np.minimum(np.abs(w), 1.0 - np.finfo(np.float64).eps)
    direction = np.where(length > 0, w / np.where(length > 0, np.abs(w), 1.0), 0.0)
    ray = np.tanh(t * np.arctanh(length)[:, None]) * direction[:, None]
    arc: NDArray[Any] = (ray + p[:, None]) / (1.0 + p.conj()[:, None] * ray)
    return np.stack((arc.real, arc.imag), axis=-1)
