"""Caps as arcs of a circle: the layout of the closure in a plane."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate
from typing import overload

import torch
from torch import Tensor

from hyperhier._numerics import tiny_of
from hyperhier.embedding._constructive.siblings import Skeleton

__all__ = ["FILL", "GAP", "arcs", "distance_of", "resolved"]

#: Share of a cap's half-angle that its children may use: the rest keeps them off the rim.
FILL = 0.9
#: Share around the centre that stays free, for the node itself.
GAP = 0.05

# The arc of a node for every descendant lost, in arcs of a leaf: it shall lie near to
# everything. The second where the first would need more radius than there is.
_LOST_WEIGHTS = (1000.0, 10.0)
# What one level of a branch that loses nothing may be pushed outwards, in curvature radii.
_MOST_PUSH = 6.0
# Room kept for the leaves beyond the last inner node, as a share of the radius.
_LEAF_SHARE = 0.2
# An inner node that does not fit lies this far out, as a share of the radius: before a leaf.
_LAST_INNER = 0.97
# Weights are kept below this, so that sums of them are finite.
_LARGEST = 1e290


def arcs(
    skeleton: Skeleton, lost: Tensor, limit: float, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Angles and distances from the root of all nodes, by position in the skeleton.

    In a tree every leaf gets an arc of the same width, which takes the smallest radius.

    Where the tree spans a DAG, a lost pair of a node u and an ancestor q on another branch has
    the rank of q among the nodes that are as near to u. As all nodes of the tree are in their
    order whatever the arcs, these are free to choose so that few are nearer:

    * an arc grows with the number of nodes that are lost to its node: q lies near the root;
    * a subtree that loses nothing is packed into a small part of its arc, so that its inner
      nodes lie far out, as far as ``limit`` allows;
    * leaves, which are nobody's ancestors, lie at the limit.

    The deepest node lies at angle 0, where a float distinguishes ever smaller angles: a single
    long branch has all the room it needs.

    Args:
        lost: ``(N,)`` how many descendants of each node the tree misses.
        limit: the largest distance that points can have, in curvature radii.
        eps: of the dtype of the points.

    Returns:
        Angle, distance, the distance needed, the logarithm of the half-angle of the cap;
        ``(N,)`` float64 each. The distance is what is needed where directions of the dtype can
        tell such caps apart, and otherwise less.
    """
    size = skeleton.parent.numel()
    parent, first = skeleton.parent.tolist(), skeleton.first_child.tolist()
    count, missing = skeleton.children.tolist(), lost.tolist()
    is_dag = bool((lost > 0).any())
    last = [not count[v] and not missing[v] for v in range(size)]
    push = [0.0] * size
    edge = min(limit, resolved(eps))
    for lost_weight in _LOST_WEIGHTS if is_dag else (0.0,):
        offset, shrink = _shares(first, count, missing, lost_weight)
        if is_dag:
            inner = edge * (1.0 - _LEAF_SHARE)
            push, deepest = _pushes(parent, shrink, missing, last, inner)
            if deepest <= inner:
                break
    log_cap = [math.log(0.5 * math.pi)] * size
    for v in range(1, size):
        log_cap[v] = shrink[v] - 0.5 * push[v] + (log_cap[parent[v]] if parent[v] else 0.0)
    angle = _angles(parent, offset, log_cap)

    caps = torch.tensor(log_cap, dtype=torch.float64)
    needed = distance_of(caps)
    at = torch.tensor(angle, dtype=torch.float64)
    finest = (eps * at.abs().clamp(max=1.0)).clamp(min=tiny_of(torch.float64))
    distance = torch.minimum(needed, resolved(finest)).clamp(max=limit)
    if is_dag:
        held = distance.clamp(max=edge * _LAST_INNER)
        distance = torch.where(torch.tensor(last), distance.clamp(min=edge), held)
    distance[0] = needed[0] = 0.0
    return at, distance, needed, caps


@overload
def resolved(angle: float) -> float: ...
@overload
def resolved(angle: Tensor) -> Tensor: ...
def resolved(angle: Tensor | float) -> Tensor | float:
    """The distance of the node whose cap has this half-angle, if it is small."""
    return -2.0 * (math.log(0.5 * angle) if isinstance(angle, float) else (0.5 * angle).log())


def distance_of(log_cap: Tensor) -> Tensor:
    """``tanh(D / 2) = cos w`` without cancellation: ``D = -2 log tan(w / 2)``, at any small w."""
    half = 0.5 * log_cap.exp()
    return -2.0 * torch.where(half > 1e-8, half.tan().log(), log_cap - math.log(2.0))


def _shares(
    first: list[int], count: list[int], missing: list[float], lost_weight: float
) -> tuple[list[float], list[float]]:
    """For each node the offset of its direction from the parent's, in half-angles of the
    parent's cap, and the logarithm of the ratio of the caps; below the root in radians."""
    size = len(first)
    is_dag = lost_weight > 0.0
    weight = [1.0] * size
    offset, shrink = [0.0] * size, [0.0] * size
    span = FILL - GAP
    for p in range(size - 1, -1, -1):
        low, high = first[p], first[p] + count[p]
        own = 0.0
        if count[p] == 1 and p:
            # a single child takes the right half
            offset[low], shrink[low] = GAP + 0.5 * span, math.log(0.5 * span)
            own = weight[low] if is_dag else 2.0 * weight[low] / span
        elif count[p]:
            below = weight[low:high]
            until = list(accumulate(below))
            if p == 0:
                step = math.tau / until[-1]
                for k, w in enumerate(below):
                    offset[low + k] = (until[k] - 0.5 * w) * step
                    shrink[low + k] = math.log(min(0.5 * FILL * w * step, 0.5 * FILL * math.pi))
                break
            middle = bisect_left(until, 0.5 * until[-1])
            if until[middle] - 0.5 * below[middle] < 0.5 * until[-1] and middle < count[p] - 1:
                middle += 1
            left, right = sum(below[:middle]), sum(below[middle:])
            run = 0.0
            for k in range(middle - 1, -1, -1):
                offset[low + k] = -GAP - (run + 0.5 * below[k]) * span / left
                shrink[low + k] = math.log(0.5 * span * below[k] / left)
                run += below[k]
            run = 0.0
            for k in range(middle, count[p]):
                offset[low + k] = GAP + (run + 0.5 * below[k]) * span / right
                shrink[low + k] = math.log(0.5 * span * below[k] / right)
                run += below[k]
            own = left + right if is_dag else 2.0 * max(left, right) / span
        else:
            own = 1.0
        weight[p] = min(math.hypot(own, lost_weight * missing[p]), _LARGEST)
    return offset, shrink


def _pushes(
    parent: list[int],
    shrink: list[float],
    missing: list[float],
    last: list[bool],
    limit: float,
) -> tuple[list[float], float]:
    """How far each node is moved outwards beyond what its arc demands, all below it moving too;
    and the radius of the deepest inner node without that.

    Each branch uses the room that is left to it, shared out evenly among its levels; a node
    that loses few descendants takes less than one that loses none.
    """
    size = len(parent)
    share = [0.0 if v else _eagerness(lost) for v, lost in zip(last, missing, strict=True)]
    share[0] = 0.0
    deeper = [0.0] * size  # what the deepest inner node below adds to the radius
    shares = share.copy()  # the largest sum on the way down, the node included
    for v in range(size - 1, 0, -1):
        p = parent[v]
        if not last[v]:
            deeper[p] = max(deeper[p], deeper[v] - 2.0 * shrink[v])
            shares[p] = max(shares[p], share[p] + shares[v])
    radius = [0.0] * size
    push = [0.0] * size
    for v in range(1, size):
        if last[v]:
            continue
        radius[v] = radius[parent[v]] - 2.0 * shrink[v]
        if not parent[v]:
            radius[v] += 2.0 * math.log(2.0)
        if share[v]:
            room = max(0.0, limit - radius[v] - deeper[v])
            push[v] = share[v] * min(_MOST_PUSH, room / shares[v])
            radius[v] += push[v]
    return push, deeper[0]


def _eagerness(lost: float) -> float:
    if lost < 10:
        return 0.75 if lost else 1.0
    return 0.5 if lost < 100 else 0.0


def _angles(parent: list[int], offset: list[float], log_cap: list[float]) -> list[float]:
    """Sums of the offsets from the root down, up to a turn that puts the deepest node at 0."""
    size = len(parent)
    angle = [0.0] * size
    ahead = [False] * size
    v = min(range(size), key=log_cap.__getitem__)
    while v:
        p = parent[v]
        step = offset[v] * (math.exp(log_cap[p]) if p else 1.0)
        angle[p] = angle[v] - step
        ahead[v] = True
        v = p
    for v in range(1, size):
        if not ahead[v]:
            p = parent[v]
            angle[v] = angle[p] + offset[v] * (math.exp(log_cap[p]) if p else 1.0)
    return angle
