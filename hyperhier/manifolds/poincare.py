"""The Poincaré ball model."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from hyperhier._numerics import (
    asinh_ratio,
    cosh_root,
    data_dependent_allowed,
    eps_of,
    one_minus_scaled_square,
    safe_norm,
    stable_asinh,
    tanh_ratio,
    unit_vector,
)
from hyperhier.manifolds._hyperbolic import (
    Hyperbolic,
    centroid_of_space_parts,
    point_between,
)
from hyperhier.manifolds._pairwise import hyperboloid_matrix, product_matrix

__all__ = ["PoincareBall"]

#: a plain c |x|^2 under this needs no exact one to tell that the point is inside
CLEARLY_INSIDE = 1.0 - 1e-4


@final
class PoincareBall(Hyperbolic):
    """Hyperbolic space as the ball of radius 1/sqrt(c). **c > 0, curvature -c.**

    Conformal: the length of a tangent vector u at x is 2|u| / (1 - c|x|^2). The formulas
    are those of Ungar's gyrovector calculus (as in Ganea et al. 2018, arXiv 1805.09112),
    rearranged so that the distances to the boundary, a = 1 - c|x|^2 and b = 1 - c|y|^2, are
    never differences of near-equal numbers.

    >>> m = PoincareBall()
    >>> m.dist(torch.tensor([0.0, 0.5]), torch.tensor([0.0, -0.5]))
    tensor(2.1972)
    """

    name = "poincare"

    def ambient_dim(self, features: int) -> int:
        return features

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        return torch.zeros(self._size(size), dtype=dtype, device=device)

    def _depth(self, x: Tensor) -> Tensor:
        """1 - c|x|^2, ``(*batch, 1)``."""
        return one_minus_scaled_square(x, self.c).unsqueeze(-1)

    def _exact_depth(self, x: Tensor) -> Tensor:
        """The same whatever the precision: whether a point is inside is no matter of taste."""
        return one_minus_scaled_square(x.to(torch.float64), self.c).unsqueeze(-1)

    def _space(self, x: Tensor) -> Tensor:
        """The space part of the same point on the hyperboloid."""
        return 2.0 * x / self._depth(x)

    def _of_space(self, space: Tensor) -> Tensor:
        """The inverse of :meth:`_space`."""
        return space / (1.0 + (1.0 + self.c * space.square().sum(-1, keepdim=True)).sqrt())

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        root_c = self.c.sqrt()
        depths = (self._depth(x) * self._depth(y)).squeeze(-1)
        return (2.0 / root_c) * stable_asinh(root_c * safe_norm(x - y) / depths.sqrt())

    def _coarse_matrix(
        self, x: Tensor, y: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        return hyperboloid_matrix(self._space(x), self._space(y), self.c, allowed, dtype)

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor]:
        return product_matrix(self._space(x), self._space(y), self.c, allowed)

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        difference, _, _ = self._moved(x, u)
        return x + difference

    def _moved(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """y - x for the end y of u, and 1 - c|x|^2, and 1 - c|y|^2."""
        # y = x (+) w with w = tanh(..) u/|u|; 1 - c|w|^2 = 1/cosh^2 is known exactly
        c, a = self.c, self._depth(x)
        q = c * (u / a).square().sum(-1, keepdim=True)
        w = tanh_ratio(q) * u / a
        w2 = c * w.square().sum(-1, keepdim=True)
        cosh2 = cosh_root(q).square()
        meet = a / cosh2 + c * (x + w).square().sum(-1, keepdim=True)
        return a * (w + w2 * x) / meet, a, a / (cosh2 * meet)

    def _expmap_transp(self, x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        difference, a, b = self._moved(x, u)
        return x + difference, self._carried(x, difference, a, b, v)

    def _geodesic(self, t: Tensor, x: Tensor, y: Tensor) -> Tensor:
        # by the exponential, a point halfway between far ends would inherit their errors
        d = self._dist(x, y).unsqueeze(-1)
        return self._of_space(point_between(t, d, self._space(x), self._space(y), self.c))

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        c, a, b, difference = self.c, self._depth(x), self._depth(y), y - x
        squared = c * difference.square().sum(-1, keepdim=True)
        sinh2 = squared / (a * b)
        direction = a * difference - squared * x  # of (-x) (+) y
        return asinh_ratio(sinh2) / (b * (1.0 + sinh2).sqrt()) * direction

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return ((u * v).sum(-1, keepdim=True) * (2.0 / self._depth(x)).square()).squeeze(-1)

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self._carried(x, y - x, self._depth(x), self._depth(y), v)

    def _carried(self, x: Tensor, difference: Tensor, a: Tensor, b: Tensor, v: Tensor) -> Tensor:
        """v at x transported by y - x, for a = 1 - c|x|^2 and b = 1 - c|y|^2."""
        # gyr[y, -x] v b / a, the gyration expanded in y - x
        c = self.c

        def dot(p: Tensor, q: Tensor) -> Tensor:
            return (p * q).sum(-1, keepdim=True)

        x_v, d_v, x_d = dot(x, v), dot(difference, v), dot(x, difference)
        d2 = dot(difference, difference)
        for_d = -a * x_v + c * (2.0 * x_d * x_v - (1.0 - a) / c * d_v)
        for_x = a * d_v - c * d2 * x_v
        turned = v + 2.0 * c * (for_d * difference + for_x * x) / (a * b + c * d2)
        return turned * (b / a)

    def _projx(self, x: Tensor) -> Tensor:
        return x  # _store brings back what lies outside

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        return u.expand(torch.broadcast_shapes(x.shape, u.shape))

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        return g * (0.5 * self._depth(x)).square()

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        return self._of_space(centroid_of_space_parts(self._space(x), weights, self.c))

    def _from_features(self, z: Tensor) -> Tensor:
        half = 0.5 * z
        return tanh_ratio(self.c * half.square().sum(-1, keepdim=True)) * half

    def _to_features(self, x: Tensor) -> Tensor:
        a = self._depth(x)
        q = self.c * x.square().sum(-1, keepdim=True) / a
        return 2.0 * asinh_ratio(q) * x / a.sqrt()

    def _violation(self, x: Tensor) -> Tensor:
        inside = self._exact_depth(x).squeeze(-1) > 0
        return torch.where(inside, 0.0, (self.c.sqrt() * safe_norm(x)).clamp_min(1.0))

    def _store(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Points that rounding put on or outside the boundary move just inside it."""
        stored = x.to(dtype)
        seen = stored.detach().to(torch.promote_types(x.dtype, dtype))
        looked_at = seen.device.type == "cpu" and data_dependent_allowed(seen)
        if looked_at and bool((self.c * seen.square().sum(-1) < CLEARLY_INSIDE).all()):
            return stored
        outside = ~(self._exact_depth(seen) > 0)
        edge = (1.0 - 2.0 * eps_of(dtype)) / self.c.sqrt()
        return torch.where(outside, (edge * unit_vector(x)).to(dtype), stored)
