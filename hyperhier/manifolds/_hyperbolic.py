"""What the models of hyperbolic space share."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier._numerics import Precision, sinh_ratio, sinh_share, unit_vector
from hyperhier.manifolds._curvature import C_MAX, C_MIN, Curvature
from hyperhier.manifolds.base import Manifold

__all__ = [
    "Hyperbolic",
    "centroid_of_space_parts",
    "point_between",
    "space_from_features",
    "time_of",
]


class Hyperbolic(Manifold):
    """A model of hyperbolic space. **c > 0, and the sectional curvature is -c.**

    Args:
        c: minus the sectional curvature; any positive number.
        learnable: make c a parameter (of its logarithm), confined to ``bounds``.
        bounds: smallest and largest value that a learnable c may take.
        precision: ``"accurate"`` or ``"fast"`` (see :mod:`hyperhier._numerics.dtypes`).
    """

    def __init__(
        self,
        c: float = 1.0,
        learnable: bool = False,
        *,
        bounds: tuple[float, float] = (C_MIN, C_MAX),
        precision: Precision = "accurate",
    ) -> None:
        super().__init__(precision=precision)
        self.curvature = Curvature(c, learnable, bounds)

    @property
    def c(self) -> Tensor:
        """Minus the sectional curvature: 0-dim float64, differentiable if learnable."""
        c: Tensor = self.curvature()
        return c

    @property
    def sectional_curvature(self) -> float:
        return -float(self.c.detach())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.curvature.extra_repr()})"


def time_of(space: Tensor, c: Tensor) -> Tensor:
    """Time coordinate sqrt(1/c + |x|^2) of hyperboloid points, ``(*batch, 1)``."""
    return torch.hypot(c.rsqrt(), torch.linalg.vector_norm(space, dim=-1, keepdim=True))


def space_from_features(z: Tensor, c: Tensor) -> Tensor:
    """Space part of the hyperboloid point at distance |z| from the origin, towards z."""
    return sinh_ratio(c * z.square().sum(-1, keepdim=True)) * z


def point_between(t: Tensor, d: Tensor, x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Space part of the point at share t of the geodesic, given the ends' space parts.

    (sinh((1 - t) s) x + sinh(t s) y) / sinh s with s = sqrt(c) d: nothing cancels between
    far points. Shapes: t and d ``(*batch, 1)``.
    """
    q = c * d.square()
    return sinh_share(1.0 - t, q) * x + sinh_share(t, q) * y


def centroid_of_space_parts(space: Tensor, weights: Tensor, c: Tensor) -> Tensor:
    """Space part of the Lorentzian centroid of ``space (*batch, n, d)``, weights ``(*batch, n)``.

    The centroid is S / sqrt(-c <S, S>) with S the weighted sum (Law et al. 2019,
    "Lorentzian distance learning"). -<S, S> = (T - |s|)(T + |s|), and T - |s| is summed
    without cancellation: each term t - x.n = (1/c + |x - (x.n) n|^2) / (t + x.n) is positive.
    """
    w = weights.unsqueeze(-1)
    t = time_of(space, c)
    total_space, total_time = (w * space).sum(-2), (w * t).sum(-2)
    direction = unit_vector(total_space).unsqueeze(-2)
    along = (space * direction).sum(-1, keepdim=True)
    across2 = (space - along * direction).square().sum(-1, keepdim=True)
    ahead = along > 0
    gap = torch.where(
        ahead, (1.0 / c + across2) / torch.where(ahead, t + along, torch.ones_like(t)), t - along
    )
    gap_sum = (w * gap).sum(-2)
    squared = gap_sum * (2.0 * total_time - gap_sum)
    empty = squared <= 0
    length = torch.where(empty, torch.ones_like(squared), squared).sqrt()
    return torch.where(empty, torch.zeros_like(total_space), total_space / (c.sqrt() * length))
