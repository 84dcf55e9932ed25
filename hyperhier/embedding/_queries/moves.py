"""Steps and slopes of one point among others, in the three geometries.

Points are those of :class:`~hyperhier.embedding._queries.screen.Screen`, in units of the radius of
curvature. A tangent vector has ``1 + d`` components in an orthonormal frame: along the radius
(hyperbolic space only, else 0), then across it, a vector of R^d orthogonal to the direction
(Euclidean space: any vector).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.embedding._queries.screen import Screen
from hyperhier.manifolds import Manifold

__all__ = ["distances", "drawn", "moved", "slope", "stored", "unit_rows"]


def distances(at: Screen, nodes: Screen) -> Tensor:
    """All distances ``(n, m)``."""
    return at.distance(at.squares(nodes).sqrt())


def moved(at: Screen, tangent: Tensor, length: Tensor) -> Screen:
    """The ends of geodesics from points ``(n,)`` along unit tangents ``(n, 1 + d)``."""
    length, along, across = length.unsqueeze(1), tangent[:, :1], tangent[:, 1:]
    if at.curvature == 0:
        return Screen(0, at.direction + length * across, at.half, at.sinh, 0.0)
    if at.curvature > 0:
        direction = length.cos() * at.direction + length.sin() * across
        return Screen(1, unit_rows(direction), at.half, at.sinh, 0.0)
    sinh, cosh = at.sinh.unsqueeze(1), (0.5 * (at.half.square() + at.half.square().reciprocal()))
    outward = sinh * length.cosh() + cosh.unsqueeze(1) * length.sinh() * along
    space = outward * at.direction + length.sinh() * across
    size = torch.linalg.vector_norm(space, dim=1)
    radius = size.asinh()
    direction = torch.where(size.unsqueeze(1) > 0, unit_rows(space), at.direction)
    return Screen(-1, direction, (0.5 * radius).exp(), size, float(radius.max()))


def slope(at: Screen, nodes: Screen, weight: Tensor) -> Tensor:
    """Gradient ``(1 + d,)`` at one point of the sum of ``weight (m,) * distance`` over nodes."""
    apart = nodes.direction - at.direction
    far = distances(at, nodes)[0]
    if at.curvature == 0:
        pull = weight / torch.where(far > 0, far, torch.inf)
        return torch.cat((pull.new_zeros(1), -(pull @ apart)))
    apart = apart - (apart @ at.direction[0]).unsqueeze(1) * at.direction
    if at.curvature > 0:
        return torch.cat((weight.new_zeros(1), -(weight @ unit_rows(apart))))
    steep = weight / torch.where(far > 0, far, torch.inf).sinh()
    ratio = at.half / nodes.half
    chord = 0.5 * (nodes.direction - at.direction).square().sum(dim=1)
    half = at.half.square()
    climb = 0.5 * (ratio.square() - ratio.square().reciprocal())
    along = climb + 0.5 * (half + half.reciprocal()) * nodes.sinh * chord
    return torch.cat(((steep @ along).unsqueeze(0), -((steep * nodes.sinh) @ apart)))


def drawn(at: Screen, count: int, generator: torch.Generator) -> Tensor:
    """Random unit tangents ``(count, 1 + d)`` at one point."""
    size = at.direction.shape[1]
    values = torch.randn(count, 1 + size, generator=generator, dtype=torch.float64)
    along, across = values[:, :1], values[:, 1:]
    if at.curvature >= 0:
        along = torch.zeros_like(along)
    if at.curvature != 0:
        direction = at.direction.cpu()
        across = across - (across @ direction[0]).unsqueeze(1) * direction
    return unit_rows(torch.cat((along, across), dim=1)).to(at.direction.device)


def stored(at: Screen, manifold: Manifold, like: Tensor) -> Tensor:
    """Points of the manifold ``(n, ambient)`` in the dtype of ``like``."""
    if at.curvature >= 0:
        return manifold.projx(at.direction.to(like))
    radius = 2.0 * at.half.log()
    unit = (-manifold.sectional_curvature) ** 0.5
    return manifold.from_features((radius.unsqueeze(1) * at.direction / unit).to(like))


def unit_rows(vectors: Tensor) -> Tensor:
    """Each row divided by its length; 0 stays 0."""
    length = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return torch.where(length > 0, vectors / torch.where(length > 0, length, 1.0), 0.0)
