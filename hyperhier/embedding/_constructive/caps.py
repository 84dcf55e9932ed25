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

from hyperhier._numerics import eps_of, tiny_of
from hyperhier.embedding._constructive.arcs import FILL, GAP, arcs, distance_of, resolved
from hyperhier.embedding._constructive.siblings import Skeleton, child_directions, turned
from hyperhier.embedding._constructive.spanning import SpanningTree
from hyperhier.embedding._constructive.spread import spread_directions

__all__ = ["LAYOUTS", "place_in_caps"]

LAYOUTS = ("auto", "arcs", "caps")

# Children from which a lattice in the cap is taken instead of directions that repel each other.
_MANY = 256
# Share of the inner nodes that may lie nearer to the root than they should.
_FEW = 0.1
# Levels whose caps a float64 direction can tell apart, and some more.
_LEVELS = 64


def place_in_caps(
    tree: SpanningTree, dim: int, limit: float, dtype: torch.dtype, layout: str, seed: int
) -> tuple[Tensor, dict[str, float | str]]:
    """Polar vectors ``(N, dim)`` by position: direction times distance from the root, c = 1.

    Two layouts: ``"arcs"`` of a circle, as wide as the subtree below needs
    (module ``arcs`` beside this one); and, in three dimensions or more, ``"caps"`` of equal
    size among siblings, in all directions about the parent's. ``"auto"`` takes arcs, unless
    they need more radius than there is for many inner nodes, and caps for fewer.

    Args:
        limit: the largest distance from the root that points can have.
        dtype: of the points: directions that it rounds to one cannot be used.

    A tree that needs more radius than there is loses order among its deepest nodes only.
    """
    skeleton, eps = tree.skeleton, eps_of(dtype)
    inner = skeleton.children > 0
    angle, distance, needed, _ = arcs(skeleton, tree.lost, limit, eps)
    chosen, misfits = "arcs", _misfits(needed[inner], distance[inner])
    direction = torch.zeros(skeleton.parent.numel(), dim, dtype=torch.float64)
    direction[:, 0], direction[:, 1] = angle.cos(), angle.sin()
    if dim > 2 and (layout == "caps" or (layout == "auto" and misfits > _FEW)):
        other, log_cap = _balls(skeleton, dim, seed)
        radii = distance_of(log_cap)
        radii[0] = 0.0
        held = radii.clamp(max=min(limit, resolved(eps)))
        if layout == "caps" or _misfits(radii[inner], held[inner]) < misfits:
            chosen, direction, distance, needed = "caps", other, held, radii
    return (
        distance.unsqueeze(-1) * direction,
        {
            "layout": chosen,
            "radius": float(distance.max()),
            "radius_needed": float(needed.max()),
        },
    )


def _misfits(needed: Tensor, distance: Tensor) -> float:
    """The share of the nodes that lie nearer to the root than they should."""
    return float((needed > distance).double().mean()) if needed.numel() else 0.0


def _balls(skeleton: Skeleton, dim: int, seed: int) -> tuple[Tensor, Tensor]:
    """Directions, and logarithms of the half-angles of caps of equal size among siblings.

    Seen from the point opposite to its centre, a cap of half-angle w is the flat ball of
    radius ``tan(w / 2)``, and caps inside it are flat balls.
    """
    size = skeleton.parent.numel()
    deep = int(torch.searchsorted(skeleton.depth, _LEVELS + 1))
    direction = torch.zeros(deep, dim, dtype=torch.float64)
    direction[:, 0] = 1.0
    cap = torch.full((deep,), 0.5 * math.pi, dtype=torch.float64)

    def around(count: int) -> Tensor:
        balls, share = _flat_balls(count, dim - 1, seed)
        return torch.cat((balls, torch.full((count, 1), share, dtype=torch.float64)), dim=1)

    inside = child_directions(skeleton, around, ladder=dim > 3)
    for level, (nodes, parents) in enumerate(skeleton.levels(), start=1):
        if level > _LEVELS:
            break
        if level == 1 and nodes.numel() <= _MANY:
            code = spread_directions(nodes.numel(), dim, seed, back=False)
            direction[nodes] = code[skeleton.place[nodes]]
            cap[nodes] = min(0.5 * FILL * _smallest_angle(code), 0.5 * FILL * math.pi)
            continue
        outer = FILL * torch.tan(0.5 * cap[parents])
        centre, share = inside[nodes, :-1], inside[nodes, -1]
        length = centre.norm(dim=1)
        far, near = (outer * (length + share)).atan(), (outer * (length - share)).atan()
        psi = (far + near).unsqueeze(-1)
        side = torch.cat((torch.zeros_like(psi), centre / length.unsqueeze(-1)), dim=1)
        out = psi.cos() * direction[parents] + psi.sin() * turned(side, direction[parents])
        direction[nodes] = out / out.norm(dim=1, keepdim=True)
        cap[nodes] = (far - near).clamp(min=tiny_of(torch.float64))
    if deep == size:
        return direction, cap.log()
    # deeper nodes lie where their last distinct ancestor lies
    parent, source = skeleton.parent.tolist(), list(range(deep))
    log_cap = cap.log().tolist()
    shrink = (FILL * inside[:, -1].clamp(min=tiny_of(torch.float64))).log().tolist()
    for v in range(deep, size):
        source.append(source[parent[v]])
        log_cap.append(log_cap[parent[v]] + shrink[v])
    return direction[torch.tensor(source)], torch.tensor(log_cap, dtype=torch.float64)


def _flat_balls(count: int, dim: int, seed: int) -> tuple[Tensor, float]:
    """Centres ``(count, dim)`` of equal balls in the unit ball, clear of its centre, and their
    radius.

    A few touch the rim, in directions that repel each other: with phi between neighbours the
    radius is ``s / (1 + s)``, ``s = sin(phi / 2)``. Many fill the ball as a cubic lattice.
    """
    if count <= _MANY:
        code = spread_directions(count, dim, seed, back=False)
        sine = math.sin(0.5 * _smallest_angle(code))
        share = min(sine / (1.0 + sine), 0.5 * (1.0 - GAP))
        return (1.0 - share) * code, share
    points = _lattice(count, dim)
    reach = math.sqrt(float(points[-1].square().sum())) + 0.5
    return points / reach, 0.5 / reach


def _lattice(count: int, dim: int) -> Tensor:
    """The ``count`` shortest vectors of whole numbers but 0, the shortest first."""
    square = 1
    while True:
        most = math.isqrt(square)
        line = torch.arange(-most, most + 1, dtype=torch.int16)
        points = torch.zeros(1, 0, dtype=torch.int16)
        for _ in range(dim):
            points = torch.cat(
                (points.repeat_interleave(len(line), 0), line.repeat(len(points)).unsqueeze(-1)), 1
            )
            points = points[points.square().sum(dim=1) <= square]
        if len(points) > count:
            length = points.square().sum(dim=1)
            return points[length.argsort(stable=True)[1 : count + 1]].double()
        square = max(square + 1, int(square * 1.2))


def _smallest_angle(code: Tensor) -> float:
    """The smallest angle between two of the unit vectors; pi for a single one."""
    if code.shape[0] < 2:
        return math.pi
    chord = torch.cdist(code, code)
    chord.fill_diagonal_(torch.inf)
    return 2.0 * math.asin(min(1.0, 0.5 * float(chord.min())))
