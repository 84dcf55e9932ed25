"""Constructive placement for tree distances: every edge gets a length in proportion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from hyperhier._numerics import tiny_of
from hyperhier.embedding._constructive.metric_tree import MetricTree, rooted_tree
from hyperhier.embedding._constructive.siblings import Skeleton, turned
from hyperhier.embedding._constructive.spread import spread_directions
from hyperhier.embedding._distances import average_and_worst

__all__ = ["Placement", "place_by_edge_length", "placements", "reaching"]

# Edges shorter than this, in curvature radii, do not part what leaves their two ends, or only
# those that are shorter than one of these times the median edge as well: what fits better.
_SHORT, _OF_MEDIAN = 1.0, (0.5, 0.25)
# Scales tried until the farthest node is where it is wanted.
_STEPS = 12
# Shares of what is lost at the turns that may be given back to the edges.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
# Above these sizes fewer shares are tried.
_FEWER, _FEWEST = 5_000, 100_000
# Nodes whose distances to all others judge a placement, and above the last of these sizes.
_SOURCES, _FEW_SOURCES = 48, 8
# Directions that stand for all of a larger code when its losses are averaged.
_SAMPLE = 512
# More different numbers of directions than this above _EXACT share their codes.
_CODES, _EXACT, _RATIO = 24, 32, 1.25


def place_by_edge_length(
    skeleton: Skeleton, dim: int, radius: float, tau: float | None, seed: int
) -> tuple[Tensor, dict[str, float]]:
    """Sarkar's construction as generalised by Sala et al. (2018, arXiv 1804.03329), with lengths
    that give back what is lost at the turns.

    The neighbours of a node lie along well separated directions on geodesics. Two long
    geodesics that leave a point at the angle theta run nearly as far apart as the detour
    through that point: the distance of their ends is shorter by ``-2 log sin(theta / 2)``. Let
    L(v) be the mean of that over the pairs of directions at v, and 0 at a leaf. Edges of the
    length::

        tau * weight + share * (L(u) + L(v)) / 2

    make up for it: with share 1 the distance of two leaves is tau times that in the tree,
    and nodes further inside are a little too far from others. The share is the one of a few
    that leaves the least average distortion.

    Edges shorter than 1 do not part what leaves their two ends. Nodes that hang together by
    such edges take their directions from one code, and a node between them lies towards the
    mean of what leaves behind it. Where there is so little room that most edges are short, they
    have to part all the same: of these edges all are taken for short, or those below a half or
    a quarter of the median length, whichever leaves the least average distortion.

    Each node is placed by hyperbolic trigonometry in polar coordinates about the origin. With
    r the parent's distance from it, l the edge and phi its angle with the way outwards::

        sinh^2(r' / 2) = sinh^2((r - l) / 2) + sinh r sinh l cos^2(phi / 2)
        tan psi = sinh l sin phi / (sinh(r - l) + 2 cosh r sinh l cos^2(phi / 2))

    where r' is the node's distance from the origin and psi the angle of the two directions
    seen from there. No term cancels, so the only error is that of a rounded direction.

    Args:
        radius: the largest distance from the origin to use, in units of the curvature radius.
        tau: length of an edge of weight 1 in those units: then edges have just the length
            ``tau * weight``, and the root lies at the origin. Default: the middle of the tree
            lies there, lengths are as above, and the farthest node reaches ``radius``.

    Returns:
        Polar vectors ``(N, dim)``: direction times distance from the origin, curvature -1.
    """
    whole = rooted_tree(
        torch.arange(skeleton.parent.numel()), skeleton.parent, skeleton.depth, skeleton.weight
    )
    if tau is not None:
        polar = _placed(whole, dim, tau, 0.0, math.inf, seed)
        chosen = {"tau": tau, "radius": float(polar.norm(dim=1).max())}
    else:
        whole = whole.from_middle()
        polar, chosen = _in_proportion(whole, dim, radius, seed)
    out = torch.empty_like(polar)
    out[whole.node] = polar
    return out, chosen


def _in_proportion(
    tree: MetricTree, dim: int, radius: float, seed: int
) -> tuple[Tensor, dict[str, float]]:
    """The best placement with the farthest node at ``radius``, by position in the tree."""
    size = tree.parent.numel()
    if not bool((tree.weight > 0.0).any()):
        polar = torch.zeros(size, dim, dtype=torch.float64)
        return polar, {"tau": 1.0, "radius": 0.0, "share": 0.0}
    shares = _SHARES if size <= _FEWER else _SHARES[::2] if size <= _FEWEST else _SHARES[2:3]
    tried = ((p, share) for share in shares for p in placements(tree, dim, radius, seed, share))
    first, second = next(tried), next(tried, None)
    best, share = first
    if second is not None:
        judges = min(size, _SOURCES if size <= _FEWEST else _FEW_SOURCES)
        sources = torch.linspace(0, size - 1, judges).round().long().unique()
        target = tree.distances(sources.tolist())
        best, share = min(
            itertools.chain((first, second), tried),
            key=lambda one: average_and_worst(one[0].polar, sources, target),
        )
    return best.polar, {"tau": best.tau, "radius": best.radius, "share": share}


@dataclass(frozen=True)
class Placement:
    """A tree in hyperbolic space, edges in proportion to their weights.

    Attributes:
        polar: ``(N, dim)`` by position in the tree.
        tau: length of an edge of weight 1, in curvature radii.
        limit: edges of this weight or more are never taken for short.
        radius: distance of the farthest node from the origin.
    """

    polar: Tensor
    tau: float
    limit: float
    radius: float


def placements(
    tree: MetricTree, dim: int, radius: float, seed: int, share: float
) -> Iterator[Placement]:
    """The placements at a radius that differ in which of the edges below a curvature radius are
    taken for short: all of them, and those that are so beside most edges of the tree. What is
    given back for turns alone may pass the radius; then there is no such placement.
    """
    last = reaching(tree, dim, radius, seed, share, math.inf)
    yield last
    median = float(tree.weight[tree.weight > 0.0].median())
    for factor in _OF_MEDIAN if radius >= _SHORT else ():
        short = (last.tau * tree.weight < _SHORT) & (tree.weight < last.limit)
        if bool((short & (tree.weight >= factor * median)).any()):
            last = reaching(tree, dim, radius, seed, share, factor * median)
            if last.radius <= radius:
                yield last


def reaching(
    tree: MetricTree, dim: int, radius: float, seed: int, share: float, limit: float
) -> Placement:
    """The placement whose farthest node is as far as ``radius``, to a thousandth below it if it
    can be had: the distance jumps where a longer tau makes an edge no longer short.
    """
    deepest = float(tree.far().max())
    tau, beyond = radius / deepest, math.inf
    inside = before = Placement(torch.empty(0), 0.0, limit, 0.0)
    for _ in range(_STEPS):
        polar = _placed(tree, dim, tau, share, limit, seed)
        now = Placement(polar, tau, limit, float(polar.norm(dim=1).max()))
        if now.radius > radius:
            beyond = min(beyond, tau)
        elif now.radius > inside.radius:
            inside = now
        if 0.999 * radius <= now.radius <= radius or radius < _SHORT:
            return now
        slope = (now.radius - before.radius) / (tau - before.tau)
        before = now
        # a chord of a curve that is nearly straight; aimed a little low, not to pass radius
        tau = max(0.25 * tau, tau + (0.9995 * radius - now.radius) / max(slope, 0.25 * deepest))
        if not inside.tau < tau < beyond:
            tau = 0.5 * (inside.tau + beyond)
    return inside if inside.radius else before


@dataclass(frozen=True)
class _Code:
    directions: Tensor
    loss: float


@lru_cache(maxsize=256)
def _code(count: int, dim: int, seed: int, back: bool) -> _Code:
    """Directions, and the mean loss ``-2 log sin(theta / 2)`` over their pairs."""
    directions = spread_directions(count, dim, seed, back=back)
    every = directions
    if back:
        way_back = torch.zeros(1, dim, dtype=torch.float64)
        way_back[0, 0] = -1.0
        every = torch.cat((way_back, directions[: _SAMPLE - 1]))
    every = every[:_SAMPLE]
    if len(every) < 2:
        return _Code(directions, 0.0)
    sines = 0.5 * torch.pdist(every)
    return _Code(directions, float(-2.0 * sines.clamp(min=0.01).log().mean()))


def _placed(
    tree: MetricTree, dim: int, tau: float, share: float, limit: float, seed: int
) -> Tensor:
    """The placement: edges below a curvature radius and of a weight below ``limit`` are short."""
    size = tree.parent.numel()
    length = tau * tree.weight
    short = (length < _SHORT) & (tree.weight < limit)
    short[0] = False
    top = torch.arange(size)  # of the nodes that hang together by short edges
    for nodes, parents in tree.levels():
        top[nodes] = torch.where(short[nodes], top[parents], nodes)
    vector, loss = _leaving(tree, dim, seed, short, top)
    given_back = 0.5 * share * (loss[top[tree.parent]] + loss)
    length = torch.where(short, length, length + given_back)

    distance = torch.zeros(size, dtype=torch.float64)
    direction = torch.zeros(size, dim, dtype=torch.float64)
    direction[:, 0] = 1.0
    tiny = tiny_of(torch.float64)
    for nodes, parents in tree.levels():
        r, n, edge = distance[parents], direction[parents], length[nodes]
        head = top[parents]
        way = torch.where(
            (head == 0).unsqueeze(-1), vector[nodes], turned(vector[nodes], direction[head])
        )
        cosine = (way * n).sum(dim=1).clamp(-1.0, 1.0)
        across = way - cosine.unsqueeze(-1) * n
        sine = across.norm(dim=1)
        side = across / sine.clamp(min=tiny).unsqueeze(-1)
        half = torch.where(
            cosine > -0.5, 0.5 * (1.0 + cosine), 0.5 * sine.square() / (1.0 - cosine)
        )
        grown = torch.sinh(0.5 * (r - edge)).square() + r.sinh() * edge.sinh() * half
        along = torch.sinh(r - edge) + 2.0 * r.cosh() * edge.sinh() * half
        psi = torch.atan2(edge.sinh() * sine, along).unsqueeze(-1)
        # at the origin every direction is outwards: psi is phi itself
        out = psi.cos() * n + psi.sin() * side
        still = edge == 0.0
        distance[nodes] = torch.where(still, r, 2.0 * torch.asinh(grown.sqrt()))
        out = out / out.norm(dim=1, keepdim=True)
        direction[nodes] = torch.where(still.unsqueeze(-1), n, out)
    return distance.unsqueeze(-1) * direction


def _leaving(
    tree: MetricTree, dim: int, seed: int, short: Tensor, top: Tensor
) -> tuple[Tensor, Tensor]:
    """What each node leaves its parent along, in the frame of its cluster: ``(N, dim)``; and
    the loss ``(N,)`` of the code at each cluster's top, 0 elsewhere.
    """
    size = tree.parent.numel()
    upwards = list(tree.levels())[::-1]
    holds = torch.zeros(size, dtype=torch.bool)  # whether anything leaves from below, or there
    for nodes, parents in upwards:
        leads = ~short[nodes] | (tree.weight[nodes] > 0.0) | holds[nodes]
        holds[parents[leads]] = True
    ends = ~short | ((tree.weight > 0.0) & ~holds)
    ends[0] = False
    ends = ends.nonzero().squeeze(-1)
    owner = top[tree.parent[ends]]
    by_owner = owner.argsort(stable=True)
    ends, owner = ends[by_owner], owner[by_owner]
    count = torch.bincount(owner, minlength=size)
    place = torch.arange(ends.numel()) - (count.cumsum(0) - count)[owner]

    vector = torch.zeros(size, dim, dtype=torch.float64)
    loss = torch.zeros(size, dtype=torch.float64)
    if count[0]:
        code = _code(int(count[0]), dim, seed, False)
        here = owner == 0
        vector[ends[here]] = code.directions[place[here]]
        loss[0] = code.loss
    counts = count[1:].unique()
    many = int((counts > _EXACT).sum()) > _CODES and dim > 2
    inner = (owner > 0).nonzero().squeeze(-1)
    by_size = inner[count[owner[inner]].argsort(stable=True)]
    counts = counts[counts > 0]
    runs = torch.searchsorted(count[owner[by_size]], torch.cat((counts, counts[-1:] + 1)))
    for n, low, high in zip(counts.tolist(), runs[:-1].tolist(), runs[1:].tolist(), strict=True):
        shared = n
        if many and n > _EXACT:
            shared = math.ceil(_EXACT * _RATIO ** math.ceil(math.log(n / _EXACT, _RATIO)))
        code = _code(shared, dim, seed, True)
        here = by_size[low:high]
        vector[ends[here]] = code.directions[place[here]]
        loss[owner[here]] = code.loss

    for nodes, parents in upwards:
        within = short[parents]
        vector.index_add_(0, parents[within], vector[nodes[within]])
    size_of = vector.norm(dim=1, keepdim=True)
    plain = torch.zeros(1, dim, dtype=torch.float64)
    plain[0, 0] = 1.0
    return torch.where(size_of > 1e-9, vector / size_of, plain), loss
