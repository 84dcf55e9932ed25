"""Constructive placement for the closure: ancestors nearer than everything else.

Let H(v) be the half-space of the points nearer to v than to the root, which sits at the
origin. If

* H(child) lies in H(parent), and the half-spaces of siblings are disjoint,
* no node lies in the half-space of its own child,

then for every node u each ancestor a satisfies ``d(u, a) < d(u, root)`` because u lies in
H(a), and every other node v satisfies ``d(u, v) > d(u, root)`` because u does not lie in
H(v). So all ancestors of u, the root included, are nearer to u than any other node: the
ranking is perfect, in any dimension from 2 on, for every tree whose half-spaces the number
format can tell apart.

A half-space meets the sphere of directions in a cap. The cap of half-angle w belongs to the
node in the direction of its centre at the distance D with ``tanh(D / 2) = cos w``. Building
the embedding is therefore packing caps into caps, leaving the centre of each one free.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyperhier._numerics import tiny_of
from hyperhier.embedding._siblings import Skeleton, child_directions, turned
from hyperhier.embedding._spread import spread_directions

__all__ = ["place_in_caps"]

# Share of a cap's half-angle that its children may use: the rest keeps them off the rim.
_FILL = 0.9
# Share around the centre that stays free, for the node itself.
_GAP = 0.05


def place_in_caps(
    skeleton: Skeleton, dim: int, radius: float, seed: int
) -> tuple[Tensor, dict[str, float]]:
    """Polar vectors ``(N, dim)`` (direction times distance from the root, curvature -1).

    Two layouts are computed and the one that needs the smaller radius is taken: arcs of a
    circle, as wide as the subtree below needs; and in three dimensions or more caps of equal
    size, whose directions are spread evenly about the parent's.

    Args:
        radius: no point is placed farther from the root than this; a tree that needs more
            loses order among its deepest nodes only.
    """
    direction, cap = _arcs(skeleton, dim)
    if dim > 2:
        other = _balls(skeleton, dim, seed)
        if float(other[1].min()) > float(cap.min()):
            direction, cap = other
    # tanh(D/2) = cos w, written without cancellation: D = -2 log tan(w/2)
    distance = -2.0 * torch.log(torch.tan(0.5 * cap))
    distance[skeleton.parent < 0] = 0.0
    needed = float(distance.max())
    return (
        distance.clamp(max=radius).unsqueeze(-1) * direction,
        {"radius": min(radius, needed), "radius_needed": needed},
    )


def _arcs(skeleton: Skeleton, dim: int) -> tuple[Tensor, Tensor]:
    """Directions in the first plane and half-angles of arcs, every leaf's of equal width."""
    size = skeleton.parent.numel()
    need = torch.ones(size, dtype=torch.float64)
    # the children of a node left of its centre, and right of it
    side = torch.zeros(size, dtype=torch.int64)
    before = torch.zeros(size, dtype=torch.float64)
    total = torch.zeros(size, 2, dtype=torch.float64)
    for nodes, parents in reversed(list(skeleton.levels())):
        order = nodes[parents.argsort(stable=True)]
        owner = skeleton.parent[order]
        run = need[order].cumsum(0)
        start = _first_of_each(owner, run - need[order])
        whole = torch.zeros(size, dtype=torch.float64).index_add_(0, owner, need[order])
        middle = run - start - 0.5 * need[order]
        side[order] = ((middle >= 0.5 * whole[owner]) & (owner != 0)).long()
        total.view(-1).index_add_(0, 2 * owner + side[order], need[order])
        left = torch.where(side[order] == 1, total[owner, 0], 0.0)
        before[order] = run - start - need[order] - left
        inner = torch.unique(owner)
        need[inner] = 2.0 * total[inner].amax(dim=1) / (_FILL - _GAP)

    angle = torch.zeros(size, dtype=torch.float64)
    cap = torch.full((size,), 0.5 * math.pi, dtype=torch.float64)
    for nodes, parents in skeleton.levels():
        own = total[parents, side[nodes]]
        from_root = parents == skeleton.parent[1]
        step = torch.where(from_root, math.tau, (_FILL - _GAP) * cap[parents]) / own
        offset = (before[nodes] + 0.5 * need[nodes]) * step
        offset += torch.where(from_root, 0.0, _GAP * cap[parents])
        offset = torch.where(from_root | (side[nodes] == 1), offset, -offset)
        angle[nodes] = angle[parents] + offset
        half = 0.5 * need[nodes] * step
        cap[nodes] = torch.where(from_root, (_FILL * half).clamp(max=0.5 * _FILL * math.pi), half)
    direction = torch.zeros(size, dim, dtype=torch.float64)
    direction[:, 0], direction[:, 1] = angle.cos(), angle.sin()
    return direction, cap


def _first_of_each(owner: Tensor, value: Tensor) -> Tensor:
    """``value`` at the first position of the run of equal owners that each position is in."""
    new = torch.ones_like(owner, dtype=torch.bool)
    new[1:] = owner[1:] != owner[:-1]
    return value[new][new.cumsum(0) - 1]


def _balls(skeleton: Skeleton, dim: int, seed: int) -> tuple[Tensor, Tensor]:
    """Directions and half-angles of caps of equal size among siblings, about the parent's.

    Seen from the point opposite to its centre, a cap of half-angle w is the flat ball of
    radius ``tan(w / 2)``, and caps inside it are flat balls. ``n`` equal balls that touch its
    rim at directions phi apart have the share ``s / (1 + s)`` of its radius, ``s = sin(phi/2)``.
    """
    size = skeleton.parent.numel()
    tiny = tiny_of(torch.float64)
    direction = torch.zeros(size, dim, dtype=torch.float64)
    direction[:, 0] = 1.0
    cap = torch.full((size,), 0.5 * math.pi, dtype=torch.float64)
    share = torch.zeros(int(skeleton.children.max()) + 1, dtype=torch.float64)

    def around(count: int) -> Tensor:
        code = spread_directions(count, dim - 1, seed, back=False)
        sine = math.sin(0.5 * _smallest_angle(code))
        share[count] = min(sine / (1.0 + sine), 0.5 * (1.0 - _GAP))
        return code

    sideways = child_directions(skeleton, around)
    for nodes, parents in skeleton.levels():
        if bool((skeleton.parent[parents] < 0).any()):
            code = spread_directions(nodes.numel(), dim, seed, back=False)
            direction[nodes] = code[skeleton.place[nodes]]
            cap[nodes] = min(0.5 * _FILL * _smallest_angle(code), 0.5 * _FILL * math.pi)
            continue
        outer = _FILL * torch.tan(0.5 * cap[parents])
        inner = outer * (1.0 - 2.0 * share[skeleton.children[parents]])
        far, near = outer.atan(), inner.atan()
        psi = (far + near).unsqueeze(-1)
        side = torch.cat((torch.zeros_like(psi), sideways[nodes]), dim=1)
        out = psi.cos() * direction[parents] + psi.sin() * turned(side, direction[parents])
        direction[nodes] = out / out.norm(dim=1, keepdim=True)
        cap[nodes] = (far - near).clamp(min=tiny)
    return direction, cap


def _smallest_angle(code: Tensor) -> float:
    """The smallest angle between two of the unit vectors; pi for a single one."""
    if code.shape[0] < 2:
        return math.pi
    smallest = math.pi
    for rows in torch.arange(code.shape[0]).split(1024):
        chord = torch.cdist(code[rows], code)
        chord[torch.arange(rows.numel()), rows] = torch.inf
        smallest = min(smallest, 2.0 * math.asin(min(1.0, 0.5 * float(chord.min()))))
    return smallest
