"""Well separated directions around a parent: what the children of a node leave along."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyperhier._numerics import eps_of

__all__ = ["spread_directions"]

# Multiply-adds that one repulsion may take: a fraction of a second on one core.
_REPULSION_BUDGET = 2**29
_MAX_STEPS = 300


def spread_directions(count: int, dim: int, seed: int = 0, *, back: bool = True) -> Tensor:
    """``count`` unit vectors of R^dim, far from one another and from the direction ``-e_1``.

    ``-e_1`` stands for the way back to the parent's own parent, ``e_1`` for the way on.

    * ``dim == 2``: the circle divided evenly, the way back taking one of the places.
    * ``count <= dim``: the corners of a regular simplex, the way back being one of them.
    * otherwise: seeded random points (in three dimensions a Fibonacci spiral) that repel each
      other, as many steps as a fixed budget of arithmetic allows, none beyond some 3,700 in
      ten dimensions; the way back repels too.

    Args:
        count: how many, at least 1.
        dim: dimension of the space, at least 2.
        seed: of the start in more than three dimensions.
        back: False where there is no way back: the vectors then keep clear of each other only.

    Returns:
        ``(count, dim)`` float64.

    >>> spread_directions(3, 2).round(decimals=3)
    tensor([[ 0., -1.],
            [ 1., 0.],
            [ 0., 1.]], dtype=torch.float64)
    """
    if not back:
        first = torch.zeros(1, dim, dtype=torch.float64)
        first[0, 0] = -1.0
        return torch.cat((first, spread_directions(count - 1, dim, seed))) if count > 1 else first
    if dim == 2:
        angle = math.tau * torch.arange(1, count + 1, dtype=torch.float64) / (count + 1) - math.pi
        return torch.stack((angle.cos(), angle.sin()), dim=-1)
    if count <= dim:
        return _simplex(count, dim)
    return _repelled(count, dim, seed)


def _simplex(count: int, dim: int) -> Tensor:
    """Corners 1 to ``count`` of a regular simplex whose corner 0 is ``-e_1``."""
    corners = torch.zeros(count + 1, dim, dtype=torch.float64)
    corners[0, 0] = -1.0
    for axis in range(count):
        # the remaining corners share this coordinate and a common inner product of -1/count
        used = (corners[axis, :axis] ** 2).sum()
        if axis:
            corners[axis, axis] = -((1.0 - used).clamp(min=0.0).sqrt())
        rest = (-1.0 / count - used) / corners[axis, axis]
        corners[axis + 1 :, axis] = rest
    last = corners[count]
    corners[count] = last / last.norm()
    return corners[1:]


def _repelled(count: int, dim: int, seed: int) -> Tensor:
    points = _fibonacci(count) if dim == 3 else _random(count, dim, seed)
    back = torch.zeros(1, dim, dtype=torch.float64)
    back[0, 0] = -1.0
    steps = min(_MAX_STEPS, _REPULSION_BUDGET // (4 * dim * count * count))
    # chord between neighbours of count caps of equal size, the scale of the repulsion
    spacing = 2.0 * (1.0 / (count + 1)) ** (1.0 / (dim - 1))
    floor = eps_of(torch.float64)
    for step in range(steps):
        others = torch.cat((back, points))
        squared = torch.cdist(points, others).square() + floor
        push = (spacing**2 / squared) ** (dim / 2 + 1)
        push.diagonal(offset=1).zero_()
        force = push.sum(dim=1, keepdim=True) * points - push @ others
        force -= (force * points).sum(dim=1, keepdim=True) * points
        length = force.norm(dim=1, keepdim=True)
        reach = 0.3 * spacing * (1.0 - step / steps)
        points = points + force * (reach / (length + length.mean() + floor))
        points = points / points.norm(dim=1, keepdim=True)
    return points


def _fibonacci(count: int) -> Tensor:
    k = torch.arange(1, count + 1, dtype=torch.float64)
    height = 2.0 * k / (count + 1) - 1.0 + 1.0 / (count + 1)
    angle = math.pi * (3.0 - math.sqrt(5.0)) * k
    ring = (1.0 - height * height).clamp(min=0.0).sqrt()
    return torch.stack((height, ring * angle.cos(), ring * angle.sin()), dim=-1)


def _random(count: int, dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, dim, generator=generator, dtype=torch.float64)
    return points / points.norm(dim=1, keepdim=True)
