"""Level-Aware Margin loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.losses._inputs import Inputs, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._levels import Competitor, MarginRule, Margins, level_losses
from hyperhier.losses._prototypes import PrototypeBank
from hyperhier.losses._reduce import Reduction, check_reduction, reduce_losses
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["LAMLoss", "lam_loss"]


class LAMLoss(nn.Module):
    """Level-Aware Margin loss: near the own ancestor's prototype, on every level.

    With a_l(y) the ancestor of label y on level l, V_l the nodes of that level (a leaf stands
    in for itself on the levels below it), mu_v the prototypes, d the distance,

        L = sum_l lambda_l mean_i relu( d(z_i, mu_{a_l(y_i)})
                                        - min_{v in V_l, v != a_l(y_i)} d(z_i, mu_v) + m_l ).

    A reconstruction of the loss of arXiv 2511.03771, whose formula is not publicly available.

    In training mode each call first moves the prototypes towards the batch (without
    gradient), then compares the embeddings with them, so the first step already has
    prototypes; in evaluation mode they stay. They are buffers. In a distributed run every
    rank takes in the batch of all ranks, so all hold the same prototypes; every rank must
    make the call. On each manifold the batch mean is its weighted centroid and the moving
    average its two-point centroid, bias-corrected by the number of batches that had the node.

    Left out of the mean over i: samples whose ancestor on the level, or all of whose
    competitors, have no prototype yet, and samples labelled with an inner node on the levels
    below it. In a taxonomy with several parents a_l follows the primary parent, and no
    ancestor by any parent is a competitor.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        margin: m_0, in units of distance; >= 0.
        margins: ``"decreasing"``: m_l = m_0 g^(l-1); ``"uniform"``: m_l = m_0; ``"tree"``:
            m_0 + tree_weight * (edges between a_l(y) and v), which differs between competitors.
        margin_decay: g, in (0, 1].
        tree_weight: margin per edge of ``"tree"``.
        competitor: ``"hardest"``: the largest violation on the level counts (the nearest
            competitor, where the margin is the same for all); ``"siblings"``: the largest
            among the children of the same parent; ``"all"``: the mean of the hinges;
            ``"softplus"``: log(1 + sum_v exp(violation)), a smooth bound of ``"hardest"``.
        level_weights: lambda_1 ... lambda_L; default 1 each.
        momentum: rho of the moving average, in [0, 1).
        reduction: ``"mean"`` is the formula; ``"sum"`` sums over samples; ``"none"`` gives
            the weighted sum over levels of each sample, ``(B,)`` or ``(B, V)``, 0 where
            nothing counts; or a reducer of pytorch-metric-learning, called with these.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call; without it one bad batch can spoil the prototypes.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = LAMLoss(tree, manifold=Euclidean(), margin=3.0)
    >>> z = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    >>> loss(z, tree.encode(["a1", "a2", "b1"]))
    tensor(1.1667)
    >>> ids, points = loss.prototypes()
    >>> dict(zip(tree.decode(ids), points.tolist()))["a"]
    [0.0, 0.5]
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        margin: float = 0.5,
        margins: Margins = "decreasing",
        margin_decay: float = 0.5,
        tree_weight: float = 0.5,
        competitor: Competitor = "hardest",
        level_weights: Sequence[float] | None = None,
        momentum: float = 0.9,
        reduction: Reduction = "mean",
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        weights = None if level_weights is None else tuple(map(float, level_weights))
        self.rule = MarginRule(competitor, margins, margin, margin_decay, tree_weight, weights)
        self.rule.weights(self.taxonomy.height)
        self.bank = PrototypeBank(self.taxonomy, self.manifold, momentum)
        self.reduction = reduction
        self.validate = validate

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """The loss.

        Args:
            embeddings: points of the manifold, ``(B, a)`` or ``(B, V, a)``.
            labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts.
            ref_emb: in training mode the prototypes take in these instead of the embeddings.
            ref_labels: labels of ``ref_emb``.
            indices_tuple: only the samples that are an anchor in it count.
        """
        inputs = prepare_inputs(
            embeddings,
            labels,
            ref_emb,
            ref_labels,
            indices_tuple,
            taxonomy=self.taxonomy,
            validate=self.validate,
        )
        with torch.autocast(embeddings.device.type, enabled=False):
            others = inputs.others
            if self.training:
                self.bank.update(others.points, _required(others.labels))
            ids, points = self.bank.seen()
            return _lam(
                inputs, points, ids, self.taxonomy, self.manifold, self.rule, self.reduction
            )

    def prototypes(self) -> tuple[Tensor, Tensor]:
        """Ids ``(P,)`` and points ``(P, a)`` of the nodes that have a prototype."""
        return self.bank.seen()

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in vars(self.rule).items())


def lam_loss(
    embeddings: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    prototype_ids: Tensor,
    taxonomy: Any,
    manifold: Any,
    *,
    margin: float = 0.5,
    margins: Margins = "decreasing",
    margin_decay: float = 0.5,
    tree_weight: float = 0.5,
    competitor: Competitor = "hardest",
    level_weights: Sequence[float] | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`LAMLoss`, for given prototypes.

    Args:
        embeddings: points of the manifold, ``(B, a)`` or ``(B, V, a)``.
        labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts.
        prototypes: ``(P, a)``; gradient reaches them if they ask for it.
        prototype_ids: ``(P,)`` distinct node ids, in the order of ``prototypes``.
        taxonomy, manifold, margin, ...: see :class:`LAMLoss`.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_paths([("x", "a"), ("x", "b")])
    >>> lam_loss(torch.tensor([[1.5]]), tree.encode(["a"]), torch.tensor([[0.0], [2.0]]),
    ...          tree.encode(["a", "b"]), tree, Euclidean(), margin=0.25)
    tensor(1.2500)
    """
    check_reduction(reduction)
    tree = as_tree(taxonomy)
    inputs = prepare_inputs(
        embeddings, labels, None, None, indices_tuple, taxonomy=tree, validate=validate
    )
    if prototypes.dim() != 2 or prototype_ids.shape != prototypes.shape[:1]:
        raise ValueError(
            f"expected prototypes (P, a) and prototype_ids (P,), got "
            f"{tuple(prototypes.shape)} and {tuple(prototype_ids.shape)}"
        )
    weights = None if level_weights is None else tuple(map(float, level_weights))
    rule = MarginRule(competitor, margins, margin, margin_decay, tree_weight, weights)
    with torch.autocast(embeddings.device.type, enabled=False):
        return _lam(inputs, prototypes, prototype_ids, tree, as_geometry(manifold), rule, reduction)


def _lam(
    inputs: Inputs,
    prototypes: Tensor,
    prototype_ids: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    rule: MarginRule,
    reduction: Reduction,
) -> Tensor:
    anchors = inputs.anchors
    losses, valid = level_losses(
        anchors.points,
        _required(anchors.labels),
        prototypes,
        prototype_ids,
        taxonomy,
        manifold,
        rule,
    )
    if inputs.selection is not None:
        chosen = torch.zeros(len(anchors), dtype=torch.bool, device=valid.device)
        chosen[inputs.selection.positive_anchors] = True
        chosen[inputs.selection.negative_anchors] = True
        valid = valid & chosen[:, None]
    weights = torch.tensor(rule.weights(taxonomy.height), dtype=losses.dtype, device=losses.device)
    losses = torch.where(valid, losses, 0.0) * weights
    if reduction == "mean":
        return (losses.sum(dim=0) / valid.sum(dim=0).clamp(min=1)).sum()
    return reduce_losses(losses.sum(dim=1), valid.any(dim=1), inputs, reduction)


def _required(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("this loss needs labels")
    return labels
