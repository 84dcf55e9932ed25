"""Approximate distances of many pairs, fast, with a bound on their error.

Points are given by a direction u, and in hyperbolic space by their radius. For all pairs,

* hyperbolic: w = sinh(d / 2), w^2 = sinh^2((a - b) / 2) + sinh a sinh b |u_a - u_b|^2 / 4;
* Euclidean: w = d, w^2 = |u_a - u_b|^2, the directions being the points themselves;
* sphere: w = 2 sin(d / 2), w^2 = |u_a - u_b|^2.

These are sums of squares, in which nothing cancels. What is left is the rounding of the
directions, which sqrt(sinh a sinh b) stretches: the larger the radii, the wider the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperhier.manifolds import Manifold, available_manifolds

__all__ = ["Screen", "screen_of"]

#: sinh of two such radii may be multiplied
MAX_RADIUS = 340.0
_LARGEST = 1e150  # flat coordinates that can be squared
_EPS = torch.finfo(torch.float64).eps
_ROOM = 16.0  # units in the last place that one operation may be off by


@dataclass(frozen=True)
class Screen:
    """Points made ready for approximate distances in units of the radius of curvature.

    Attributes:
        curvature: -1, 0 or 1.
        direction: ``(n, d)``.
        half: ``(n,)`` exp(r / 2); 1 without a radius.
        sinh: ``(n,)`` sinh r; 2 without a radius.
        reach: no radius is larger.
    """

    curvature: int
    direction: Tensor
    half: Tensor
    sinh: Tensor
    reach: float

    def __len__(self) -> int:
        return len(self.direction)

    def __getitem__(self, rows: Tensor | slice) -> Screen:
        return Screen(
            self.curvature, self.direction[rows], self.half[rows], self.sinh[rows], self.reach
        )

    def squares(self, other: Screen) -> Tensor:
        """w^2 of all pairs, ``(n, m)``."""
        chord = torch.cdist(
            self.direction, other.direction, compute_mode="donot_use_mm_for_euclid_dist"
        )
        square = chord.square_()
        if self.curvature < 0:
            ratio = other.half / self.half.unsqueeze(1)
            climb = ratio.sub_(ratio.reciprocal()).square_()
            square = square.mul_(self.sinh.unsqueeze(1)).mul_(other.sinh).add_(climb).mul_(0.25)
        return square

    def square_by_row(self, other: Screen) -> Tensor:
        """w^2 of the points one by one, ``(n,)``."""
        square = (self.direction - other.direction).square().sum(dim=1)
        if self.curvature < 0:
            ratio = other.half / self.half
            square = 0.25 * (square * self.sinh * other.sinh + (ratio - 1.0 / ratio).square())
        return square

    def error(self, other: Screen) -> tuple[float, Tensor]:
        """``share, shift (n,)``: no w is off by more than ``share * (w + 1) + shift``.

        The 1 counts in hyperbolic space only.
        """
        dim = self.direction.shape[1]
        share = _ROOM * _EPS * (dim + 4.0)
        if self.curvature >= 0:
            return share, torch.full_like(self.sinh, _ROOM * _EPS * self.curvature)
        share += _ROOM * _EPS * max(self.reach, other.reach)
        return share, _ROOM * _EPS * (self.sinh * math.sinh(other.reach)).sqrt()

    def largest(self, other: Screen, square: Tensor) -> Tensor:
        """The largest w ``(n,)`` that a value ``(n,)`` of :meth:`squares` can stand for."""
        share, shift = self.error(other)
        return square.sqrt() * (1.0 + share) + share * (self.curvature < 0) + shift

    def bounds(self, other: Screen, square: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the largest distance that values ``(p,)`` of rows ``(p,)`` stand for."""
        share, shift = self.error(other)
        w, by = square.sqrt(), share * (self.curvature < 0) + shift[row]
        least = (w * (1.0 - share) - by).clamp(min=0.0)
        return self.distance(least), self.distance(w * (1.0 + share) + by)

    def limit(self, other: Screen, w: Tensor) -> Tensor:
        """Pairs whose value of :meth:`squares` is above this ``(n,)`` are farther than w."""
        share, shift = self.error(other)
        return (w * (1.0 + 2.0 * share) + 2.0 * share * (self.curvature < 0) + shift).square()

    def distance(self, w: Tensor) -> Tensor:
        """d of w."""
        if self.curvature < 0:
            return 2.0 * w.asinh()
        if self.curvature > 0:
            return 2.0 * (0.5 * w).clamp(max=1.0).asin()
        return w

    def w(self, distance: Tensor) -> Tensor:
        """w of d."""
        if self.curvature < 0:
            return (0.5 * distance).clamp(max=2.0 * MAX_RADIUS).sinh()
        if self.curvature > 0:
            return 2.0 * (0.5 * distance).clamp(max=0.5 * torch.pi).sin()
        return distance


def screen_of(manifold: Manifold, points: Tensor, *, doubted: bool = True) -> Screen | None:
    """The points ``(n, ambient)`` made ready.

    Args:
        doubted: refuse a manifold whose own arithmetic is not known to be accurate.

    Returns:
        None for what is refused, and for points too far out.
    """
    known = manifold.name in available_manifolds() and manifold.precision == "accurate"
    if doubted and not known:
        return None
    kappa = manifold.sectional_curvature
    features = points.double()
    if kappa < 0.0:
        with torch.no_grad():
            pieces = [manifold.to_features(piece) for piece in features.split(1 << 16)]
        features = (-kappa) ** 0.5 * torch.cat(pieces)
    radius = torch.linalg.vector_norm(features, dim=1)
    reach = float(radius.max()) if len(radius) else 0.0
    if kappa > 0.0:
        two = torch.full_like(radius, 2.0)
        return Screen(1, _unit(features), torch.ones_like(radius), two, 0.0)
    if kappa == 0.0:
        if not reach <= _LARGEST:
            return None
        return Screen(0, features, torch.ones_like(radius), torch.full_like(radius, 2.0), 0.0)
    if not reach <= MAX_RADIUS:
        return None
    return Screen(-1, _unit(features), (0.5 * radius).exp(), radius.sinh(), reach)


def _unit(features: Tensor) -> Tensor:
    """Unit vectors; the first basis vector for 0."""
    length = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    first = torch.zeros_like(features[:1])
    first[:, 0] = 1.0
    return torch.where(length > 0, features / torch.where(length > 0, length, 1.0), first)
