"""The Karcher mean: the point with the least sum of squared distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hyperhier._numerics import eps_of

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold

__all__ = ["karcher_mean"]

#: steps at most; a dozen are the rule
STEPS = 200
#: of the mean logarithm, before anything is known of how it changes; and where rounding rules
FIRST_STEP = 0.25
LEAST_STEP = 1e-6
#: share of the points' spread below which the mean logarithm counts as 0
SLOPE_EPS = 64.0


@torch.no_grad()
def karcher_mean(points: Tensor, weights: Tensor, manifold: Manifold) -> Tensor:
    """The points ``(*batch, a)`` of least sum_i w_i d(., x_i)^2; without gradient.

    From the centroid on, steps along the mean logarithm, whose last change says how long the
    next one may be (Barzilai and Borwein 1988); a step that makes it longer is cut. The mean is
    unique without positive curvature, and on a sphere for points within pi/4 of one point.

    Args:
        points: ``(*batch, n, a)``.
        weights: ``(*batch, n)``, non-negative, not all 0.

    >>> from hyperhier.manifolds import Lorentz
    >>> x = Lorentz().from_features(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))
    >>> mean = karcher_mean(x, torch.tensor([2.0, 1.0]), Lorentz())
    >>> round(float(Lorentz().dist0(mean)), 5)
    1.0
    """
    x = manifold.projx(points.double())
    share = (weights / weights.sum(dim=-1, keepdim=True)).to(x)

    def slope(mean: Tensor) -> Tensor:
        return (share.unsqueeze(-1) * manifold.logmap(mean.unsqueeze(-2), x)).sum(dim=-2)

    mean = manifold.centroid(x, share)
    u, step = slope(mean), x.new_full(x.shape[:-2], FIRST_STEP)
    spread = (share * manifold.dist(mean.unsqueeze(-2), x)).sum(dim=-1)
    for _ in range(STEPS):
        length = manifold.norm(mean, u)
        small = length <= SLOPE_EPS * eps_of(points.dtype) * spread
        if bool((small | (step < LEAST_STEP)).all()):
            break
        v = step.unsqueeze(-1) * u
        there, v = manifold.expmap_transp(mean, v, v)
        ahead = slope(there)
        flatter = manifold.norm(there, ahead) < length
        bend = manifold.inner(there, v, v / step.unsqueeze(-1) - ahead)
        secant = (manifold.inner(there, v) / bend).clamp(max=1.0)
        step = torch.where(flatter, torch.where(bend > 0, secant, FIRST_STEP), step / 4)
        mean = torch.where(flatter.unsqueeze(-1), there, mean)
        u = torch.where(flatter.unsqueeze(-1), ahead, u)
    return manifold.projx(mean.to(points.dtype))
