"""The margin terms of one level of a taxonomy: true ancestor against its competitors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = ["Competitor", "MarginRule", "Margins", "level_losses"]

Competitor = Literal["hardest", "siblings", "all", "softplus"]
Margins = Literal["decreasing", "uniform", "tree"]


@dataclass(frozen=True)
class MarginRule:
    """The options of the margin terms, checked.

    Attributes:
        competitor, margins, margin, margin_decay, tree_weight, level_weights: see
            :class:`~hyperhier.losses.LAMLoss`.
    """

    competitor: Competitor = "hardest"
    margins: Margins = "decreasing"
    margin: float = 0.5
    margin_decay: float = 0.5
    tree_weight: float = 0.5
    level_weights: tuple[float, ...] | Literal["adaptive"] | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("competitor", Competitor), ("margins", Margins)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(
                    f"{name} must be one of {get_args(allowed)}, got {getattr(self, name)!r}"
                )
        for name in ("margin", "tree_weight"):
            if not (0.0 <= getattr(self, name) < math.inf):
                raise ValueError(
                    f"{name} must be finite and at least 0, got {getattr(self, name)!r}"
                )
        if not (0.0 < self.margin_decay <= 1.0):
            raise ValueError(f"margin_decay must be in (0, 1], got {self.margin_decay!r}")

    def weights(self, height: int) -> tuple[float, ...]:
        """lambda_1 ... lambda_L; the start of them where they adapt."""
        if self.level_weights is None or self.level_weights == "adaptive":
            return (1.0,) * height
        if len(self.level_weights) != height:
            raise ValueError(
                f"level_weights must have one entry per level 1..{height}, "
                f"got {self.level_weights!r}"
            )
        if not all(0.0 <= w < math.inf for w in self.level_weights):
            raise ValueError(
                f"level_weights must be finite and at least 0, got {self.level_weights!r}"
            )
        return self.level_weights

    def margin_at(self, level: int, true: Tensor, nodes: Tensor, taxonomy: Taxonomy) -> Tensor:
        """Margins of a level, broadcastable to ``(n, K)`` for the mask of the true nodes."""
        if self.margins == "tree":
            hops = taxonomy.distance(nodes[:, None], nodes[None, :]).to(torch.float64)
            far = torch.where(true[:, :, None], hops[None], torch.inf)
            nearest = far.amin(dim=1) if len(nodes) else hops.new_zeros(true.shape)
            return self.margin + self.tree_weight * torch.where(nearest.isinf(), 0.0, nearest)
        decay = self.margin_decay ** (level - 1) if self.margins == "decreasing" else 1.0
        return torch.tensor(self.margin * decay, dtype=torch.float64, device=nodes.device)


def level_losses(
    points: Tensor,
    member: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    prototype_ids: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    rule: MarginRule,
) -> tuple[Tensor, Tensor]:
    """Unweighted margin losses of every sample on every level.

    Args:
        points: ``(n, a)``.
        member, labels: positions ``(k,)`` of samples in order, and node ids ``(k,)``: every
            sample with each of its labels.
        prototypes: ``(P, a)``, of the nodes ``prototype_ids`` ``(P,)``.

    Returns:
        losses ``(n, L)``, 0 where left out, and the mask ``(n, L)`` of the terms that exist:
        the sample has an ancestor on the level, it and a competitor have prototypes.
    """
    n, height = len(points), taxonomy.height
    nothing = points[:, :0].sum(dim=1)  # 0 with the graph of the points
    losses = [nothing] * height
    valid = [torch.zeros(n, dtype=torch.bool, device=points.device)] * height
    if len(prototype_ids) and n:
        distance = manifold.dist_matrix(points, prototypes.to(points))
        column = torch.full((len(taxonomy),), -1, device=points.device)
        column[prototype_ids] = torch.arange(len(prototype_ids), device=points.device)
        for level in range(1, height + 1):
            nodes = _nodes_at(taxonomy, level, points.device)
            nodes = nodes[column[nodes] >= 0]
            if len(nodes):
                own, related = _ancestry(member, labels, nodes, level, taxonomy)
                losses[level - 1], valid[level - 1] = _one_level(
                    distance[:, column[nodes]], own, related, nodes, level, taxonomy, rule
                )
    if not height:
        return points[:, :0], torch.zeros(n, 0, dtype=torch.bool, device=points.device)
    return torch.stack(losses, dim=1), torch.stack(valid, dim=1)


@lru_cache(maxsize=256)
def _nodes_at(taxonomy: Taxonomy, level: int, device: torch.device) -> Tensor:
    return taxonomy.nodes_at(level).to(device)


def _ancestry(
    member: Tensor, labels: Tensor, nodes: Tensor, level: int, taxonomy: Taxonomy
) -> tuple[Tensor, Tensor]:
    """Which nodes ``(K,)`` of a level are the own ones of each sample, and which related.

    Returns:
        masks ``(n, K)``: the ancestors on the level; these and every other ancestor.
    """
    own = nodes[None, :] == taxonomy.ancestor_at(level, labels)[:, None]
    related = own
    if not taxonomy.is_tree:  # a second parent is an ancestor too: never pushed away
        related = own | taxonomy.is_ancestor(nodes[None, :], labels[:, None])
    n = int(member[-1]) + 1 if len(member) else 0
    if len(member) == n:
        return own, related
    gathered = torch.zeros(2, n, len(nodes), dtype=torch.int32, device=nodes.device)
    gathered[0].index_add_(0, member, own.int())
    gathered[1].index_add_(0, member, related.int())
    return gathered[0] > 0, gathered[1] > 0


def _one_level(
    distance: Tensor,
    own: Tensor,
    related: Tensor,
    nodes: Tensor,
    level: int,
    taxonomy: Taxonomy,
    rule: MarginRule,
) -> tuple[Tensor, Tensor]:
    # distance, own, related (n, K); nodes (K,) with a prototype
    competes = ~related
    if rule.competitor == "siblings":
        parent = taxonomy.parent_id.to(nodes.device)[nodes]
        same_parent = (parent[:, None] == parent[None, :]).to(distance.dtype)
        competes &= (own.to(distance.dtype) @ same_parent) > 0
    valid = own.any(dim=1) & competes.any(dim=1)
    competes &= valid[:, None]

    # of several true nodes the nearest counts
    nearest = distance.masked_fill(~own & valid[:, None], torch.inf).amin(dim=1, keepdim=True)
    margin = rule.margin_at(level, own, nodes, taxonomy).to(distance.dtype)
    violation = nearest - distance + margin
    if rule.competitor == "all":
        hinge = torch.where(competes, violation.relu(), 0.0)
        return hinge.sum(dim=1) / competes.sum(dim=1).clamp(min=1), valid
    violation = violation.masked_fill(~competes, -torch.inf)
    if rule.competitor == "softplus":
        zero = torch.zeros_like(nearest)
        return torch.cat((zero, violation), dim=1).logsumexp(dim=1), valid
    return violation.amax(dim=1).relu(), valid
