"""Chains of nodes with one child each: placed as one edge, and filled in afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hyperhier.embedding._constructive.siblings import Skeleton, breadth_first

__all__ = ["Contracted", "contracted"]


@dataclass(frozen=True)
class Contracted:
    """A skeleton without the nodes below the root that have one child.

    Attributes:
        short: the skeleton that is left; its ``node`` are positions in the whole one.
        above, below: ``(N,)`` positions in ``short`` of the ends of the edge that each node of
            the whole skeleton lies on; equal for those that are left.
        share: ``(N,)`` where on that edge, from 0 at ``above`` to 1 at ``below``.
    """

    short: Skeleton
    above: Tensor
    below: Tensor
    share: Tensor

    def filled(self, polar: Tensor) -> Tensor:
        """Polar vectors ``(N, dim)`` of all nodes from those of ``short``, on geodesics.

        A point at the share t of a geodesic of length L from p to q is
        ``(sinh((1 - t) L) p + sinh(t L) q) / sinh L`` on the hyperboloid. No term is larger
        than the result, so none cancels.
        """
        out = polar[self.below]
        rows = (self.above != self.below).nonzero().squeeze(-1)
        p, q, t = polar[self.above[rows]], out[rows], self.share[rows].unsqueeze(-1)
        a, b = p.norm(dim=1, keepdim=True), q.norm(dim=1, keepdim=True)
        one = torch.ones_like(a)
        u, v = p / torch.where(a > 0, a, one), q / torch.where(b > 0, b, one)
        chord = (u - v).square().sum(dim=1, keepdim=True)
        z = torch.sinh(0.5 * (a - b)).square() + 0.25 * a.sinh() * b.sinh() * chord
        length = 2.0 * torch.asinh(z.sqrt())
        whole = torch.where(length > 0, length.sinh(), one)
        near = torch.where(length > 0, torch.sinh((1.0 - t) * length) / whole, 1.0 - t)
        far = torch.where(length > 0, torch.sinh(t * length) / whole, t)
        space = near * a.sinh() * u + far * b.sinh() * v
        size = space.norm(dim=1, keepdim=True)
        out[rows] = torch.where(size > 0, space * (size.asinh() / size), space)
        return out


def contracted(skeleton: Skeleton) -> Contracted | None:
    """The skeleton with chains drawn together; None where there is none."""
    inside = skeleton.children == 1
    inside[0] = False
    if not bool(inside.any()):
        return None
    size = skeleton.parent.numel()
    parent, is_inside = skeleton.parent.tolist(), inside.tolist()
    weight = skeleton.weight.tolist()
    above, below = list(range(size)), list(range(size))
    length = [0.0] * size
    for v in range(1, size):
        p = parent[v]
        above[v] = above[p] if is_inside[p] else p
        length[v] = weight[v] + (length[p] if is_inside[p] else 0.0)
    for v in range(size - 1, 0, -1):
        if is_inside[parent[v]]:
            below[parent[v]] = below[v]
    top, end = torch.tensor(above), torch.tensor(below)
    along = torch.tensor(length, dtype=torch.float64)
    whole = along[end]
    share = torch.where(whole > 0.0, along / whole, torch.ones_like(along))

    left = (~inside).nonzero().squeeze(-1)
    number = torch.cumsum(~inside, 0) - 1
    upper = number[top[left]]
    upper[0] = -1
    order, depth = breadth_first(upper, torch.arange(left.numel()))
    position = torch.empty_like(order)
    position[order] = torch.arange(order.numel())
    parents = torch.cat((upper[:1], position[upper[order[1:]]]))
    node = left[order]
    short = Skeleton.from_parents(node, parents, depth, along[node])
    place = position[number]
    ends = place[end]
    starts = torch.where(inside, place[top], ends)
    return Contracted(short, starts, ends, share)
