"""A manifold where the points are."""

from __future__ import annotations

import copy

from torch import Tensor

from hyperhier.manifolds.base import Manifold

__all__ = ["beside"]


def beside(points: Tensor, manifold: Manifold) -> Manifold:
    """The manifold, or a copy on the device of the points where it is on another one."""
    kept = (*manifold.parameters(), *manifold.buffers())
    if all(part.device == points.device for part in kept):
        return manifold
    return copy.deepcopy(manifold).to(points.device)
