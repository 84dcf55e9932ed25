"""Constructive placement for tree distances: every edge gets a length in proportion."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier._numerics import tiny_of
from hyperhier.embedding._siblings import Skeleton, child_directions, turned
from hyperhier.embedding._spread import spread_directions

__all__ = ["place_by_edge_length"]


def place_by_edge_length(
    skeleton: Skeleton, dim: int, radius: float, tau: float | None, seed: int
) -> tuple[Tensor, dict[str, float]]:
    """Sarkar's construction as generalised by Sala et al. (2018, arXiv 1804.03329).

    The children of a node leave it along well separated directions, the way back to its own
    parent being one of them, on geodesics of length ``tau * weight``. Two long geodesics that
    leave a point at an angle run nearly as far apart as the detour through that point, so
    distances approach ``tau`` times those of the tree as tau grows.

    Each child is placed by hyperbolic trigonometry in polar coordinates about the root. With
    r the parent's distance from the root, l the edge and phi its angle with the way outwards::

        sinh^2(r' / 2) = sinh^2((r - l) / 2) + sinh r sinh l cos^2(phi / 2)
        tan psi = sinh l sin phi / (sinh(r - l) + 2 cosh r sinh l cos^2(phi / 2))

    where r' is the child's distance from the root and psi the angle of the two directions
    seen from there. No term cancels, so the only error is that of a rounded direction.

    Args:
        radius: the largest distance from the root to use, in units of the curvature radius.
        tau: length of an edge of weight 1 in those units; default: what makes the deepest
            node reach ``radius``.

    Returns:
        Polar vectors ``(N, dim)``: direction times distance from the root, curvature -1.
    """
    size = skeleton.parent.numel()
    far = torch.zeros(size, dtype=torch.float64)
    for nodes, parents in skeleton.levels():
        far[nodes] = far[parents] + skeleton.weight[nodes]
    deepest = float(far.max())
    if tau is None:
        tau = radius / deepest if deepest > 0.0 else 1.0

    leaving = child_directions(skeleton, lambda n: spread_directions(n, dim, seed))
    distance = torch.zeros(size, dtype=torch.float64)
    direction = torch.zeros(size, dim, dtype=torch.float64)
    direction[:, 0] = 1.0
    tiny = tiny_of(torch.float64)
    for nodes, parents in skeleton.levels():
        r, length, n = distance[parents], tau * skeleton.weight[nodes], direction[parents]
        cosine = leaving[nodes, 0]
        side = leaving[nodes].clone()
        side[:, 0] = 0.0
        sine = side.norm(dim=1)
        side = turned(side / sine.clamp(min=tiny).unsqueeze(-1), n)
        half = 0.5 * (1.0 + cosine)
        grown = torch.sinh(0.5 * (r - length)).square() + r.sinh() * length.sinh() * half
        distance[nodes] = 2.0 * torch.asinh(grown.sqrt())
        along = torch.sinh(r - length) + 2.0 * r.cosh() * length.sinh() * half
        psi = torch.atan2(length.sinh() * sine, along).unsqueeze(-1)
        # at the root every direction is outwards: psi is phi itself
        out = psi.cos() * n + psi.sin() * side
        direction[nodes] = out / out.norm(dim=1, keepdim=True)
    return distance.unsqueeze(-1) * direction, {"tau": tau, "radius": float(distance.max())}
