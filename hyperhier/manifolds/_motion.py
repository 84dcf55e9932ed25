"""A motion of the whole space."""

from __future__ import annotations

from torch import Tensor

from hyperhier.manifolds.base import Manifold

__all__ = ["seen_from"]


def seen_from(place: Tensor, points: Tensor, manifold: Manifold) -> Tensor:
    """Points ``(n, a)`` after the isometry that takes the point ``(a,)`` to the origin.

    Of a space of constant curvature that is not positive.

    >>> import torch
    >>> from hyperhier.manifolds import Lorentz
    >>> m = Lorentz()
    >>> x = m.from_features(torch.tensor([[1.0, 0.0], [3.0, 0.0]], dtype=torch.float64))
    >>> m.to_features(seen_from(x[0], x, m)).round(decimals=6).tolist()
    [[0.0, 0.0], [2.0, 0.0]]
    """
    return manifold.expmap0(manifold.transp0back(place, manifold.logmap(place, points)))
