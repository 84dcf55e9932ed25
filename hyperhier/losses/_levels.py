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
    level_weights: tuple[float, ...] | None = None

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
        """lambda_1 ... lambda_L."""
        if self.level_weights is None:
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
        """Margins of a level, broadcastable to ``(n, K)`` for n true nodes and K nodes."""
        if self.margins == "tree":
            hops = taxonomy.distance(true[:, None], nodes[None, :]).to(torch.float64)
            return self.margin + self.tree_weight * hops
        decay = self.margin_decay ** (level - 1) if self.margins == "decreasing" else 1.0
        return torch.tensor(self.margin * decay, dtype=torch.float64, device=nodes.device)


def level_losses(
    points: Tensor,
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
        labels: ``(n,)`` node ids.
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
        paths = taxonomy.paths(labels)
        for level in range(1, height + 1):
            nodes = _nodes_at(taxonomy, level, points.device)
            nodes = nodes[column[nodes] >= 0]
            if len(nodes):
                losses[level - 1], valid[level - 1] = _one_level(
                    distance, column, nodes, paths[:, level], labels, level, taxonomy, rule
                )
    if not height:
        return points[:, :0], torch.zeros(n, 0, dtype=torch.bool, device=points.device)
    return torch.stack(losses, dim=1), torch.stack(valid, dim=1)


@lru_cache(maxsize=256)
def _nodes_at(taxonomy: Taxonomy, level: int, device: torch.device) -> Tensor:
    return taxonomy.nodes_at(level).to(device)


def _one_level(
    distance: Tensor,
    column: Tensor,
    nodes: Tensor,
    true: Tensor,
    labels: Tensor,
    level: int,
    taxonomy: Taxonomy,
    rule: MarginRule,
) -> tuple[Tensor, Tensor]:
    # distance (n, P); nodes (K,) with a prototype; true, labels (n,)
    is_true = nodes[None, :] == true[:, None]
    competes = ~is_true
    if not taxonomy.is_tree:  # a second parent is an ancestor too: never pushed away
        competes &= ~taxonomy.is_ancestor(nodes[None, :], labels[:, None])
    if rule.competitor == "siblings":
        parent = taxonomy.parent_id.to(nodes.device)
        competes &= parent[nodes][None, :] == parent[true][:, None]
    valid = is_true.any(dim=1) & competes.any(dim=1)
    competes &= valid[:, None]

    own = distance.gather(1, column[true].clamp(min=0)[:, None])
    margin = rule.margin_at(level, true, nodes, taxonomy).to(distance.dtype)
    violation = own - distance[:, column[nodes]] + margin
    if rule.competitor == "all":
        hinge = torch.where(competes, violation.relu(), 0.0)
        return hinge.sum(dim=1) / competes.sum(dim=1).clamp(min=1), valid
    violation = violation.masked_fill(~competes, -torch.inf)
    if rule.competitor == "softplus":
        zero = torch.zeros_like(own)
        return torch.cat((zero, violation), dim=1).logsumexp(dim=1), valid
    return violation.amax(dim=1).relu(), valid
