"""Level-Aware Margin loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from hyperhier.losses._inputs import Inputs, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._levels import (
    Competitor,
    MarginRule,
    Margins,
    level_losses,
)
from hyperhier.losses._prototypes import Mean, PrototypeBank
from hyperhier.losses._reduce import Reduction, check_reduction, reduce_levels
from hyperhier.losses._selected import selected, with_each_label
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

if TYPE_CHECKING:
    from hyperhier.embedding import TaxonomyEmbedding

__all__ = ["LAMLoss", "lam_loss"]

#: share of the largest radius by which a prototype may start nearer or farther than asked
_MISPLACED = 1e-3
#: the least share of a level among adaptive weights
_LEAST_WEIGHT = 0.1
_TINY = torch.finfo(torch.float64).tiny


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
    make the call. The batch mean is the manifold's weighted centroid and the moving average its
    two-point centroid, bias-corrected by the number of batches that had the node; or both are
    Karcher means.

    Left out of the mean over i: samples whose ancestor on the level, or all of whose
    competitors, have no prototype yet, and samples labelled with an inner node on the levels
    below it. In a taxonomy with several parents a_l follows the primary parent, and no
    ancestor by any parent is a competitor. With a bool table of labels ``(B, N)``, for samples
    with several labels, a sample is to be near one of its own nodes on each level: the nearest
    counts as its ancestor, the others do not compete.

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
        level_weights: lambda_1 ... lambda_L; default 1 each; ``"adaptive"``: in proportion to
            a moving average of the level's loss, with mean 1 and at least .1, so that levels
            that are not solved yet count more (ours).
        momentum: rho of the moving average, in [0, 1).
        mean: of the prototypes: ``"centroid"``: in closed form (hyperbolic: the Einstein
            midpoint; sphere: the normalised mean); ``"karcher"``: the point of least squared
            distances, found step by step. The same in Euclidean space.
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

    level_average: Tensor

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
        level_weights: Sequence[float] | Literal["adaptive"] | None = None,
        momentum: float = 0.9,
        mean: Mean = "centroid",
        reduction: Reduction = "mean",
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        weights = _as_weights(level_weights)
        self.rule = MarginRule(competitor, margins, margin, margin_decay, tree_weight, weights)
        self.rule.weights(self.taxonomy.height)
        # adaptive weights: moving average of the loss of each level, and how often it was seen
        adapts = weights == "adaptive"
        zeros = torch.zeros(2, self.taxonomy.height if adapts else 0, dtype=torch.float64)
        self.register_buffer("level_average", zeros, persistent=adapts)
        self.bank = PrototypeBank(self.taxonomy, self.manifold, momentum, mean)
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
                sample, node = with_each_label(inputs, others)
                self.bank.update(others.points[sample], node)
            ids, points = self.bank.seen()
            losses, valid = _levels(inputs, points, ids, self.taxonomy, self.manifold, self.rule)
            if self.training and self.rule.level_weights == "adaptive":
                self._follow(losses, valid)
            return reduce_levels(losses, valid, self.level_weights(), inputs, self.reduction)

    def level_weights(self) -> Tensor:
        """lambda_1 ... lambda_L as they are now, ``(L,)`` float64."""
        fixed = torch.tensor(self.rule.weights(self.taxonomy.height), dtype=torch.float64)
        average, seen = self.level_average if len(self.level_average) else (fixed, fixed)
        if self.rule.level_weights != "adaptive" or not bool((average > 0).any()):
            return fixed
        unbiased = average / (1 - self.bank.momentum**seen).clamp(min=_TINY)
        weights = unbiased * len(unbiased) / unbiased.sum()
        weights = weights.clamp(min=_LEAST_WEIGHT)
        return weights * len(weights) / weights.sum()

    @torch.no_grad()
    def _follow(self, losses: Tensor, valid: Tensor) -> None:
        """Take the losses ``(n, L)`` into the average, on their device."""
        sums = torch.where(valid, losses, 0.0).sum(dim=0).double()
        count = valid.sum(dim=0)
        average, seen = self.level_average.to(losses.device)
        rho = self.bank.momentum
        moved = rho * average + (1 - rho) * sums / count.clamp(min=1)
        fresh = count > 0
        self.level_average = torch.stack((torch.where(fresh, moved, average), seen + fresh))

    @torch.no_grad()
    def start_from(self, embedding: TaxonomyEmbedding, radius: float | None = None) -> None:
        """Set the prototypes to the nodes of an embedded taxonomy, as if seen in one batch.

        Args:
            embedding: of the same taxonomy, in as many dimensions as the features here; its
                geometry may be another one.
            radius: distance from the origin that the farthest node gets; the others in
                proportion. Default: as embedded. Embeddings that are meant to be faithful go
                much farther out than points of a network.

        Raises:
            TaxonomyError: a node is not in the embedding.
            ValueError: the radius is not positive, or the manifold cannot hold the nodes at
                those distances from its origin. A sphere, or a product with one or with
                weights, takes only embeddings on that very manifold, without a radius.
        """
        if radius is not None and not (0.0 < radius < math.inf):
            raise ValueError(f"radius must be positive and finite, got {radius!r}")
        points = embedding.points[embedding.taxonomy.encode(self.taxonomy.nodes)]
        manifold = embedding.manifold
        far = float(manifold.dist0(points).amax())
        factor = 1.0 if radius is None or far == 0 else radius / far
        features = (manifold.to_features(points) * factor).to(self.bank.points)
        placed = self.manifold.from_features(features)
        asked = (manifold.dist0(points) * factor).to(placed)
        error = (self.manifold.dist0(placed) - asked).abs()
        worst = int(error.argmax())
        if error[worst] > _MISPLACED * factor * far:
            raise ValueError(
                f"{self.manifold!r} cannot hold {self.taxonomy.nodes[worst]!r} at distance "
                f"{float(asked[worst]):.3g} from its origin as {manifold!r} does: give a smaller "
                "radius, or an embedding on the manifold of the loss and no radius"
            )
        self.bank.start(placed)

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
    if isinstance(level_weights, str):
        raise ValueError(f"level_weights={level_weights!r} needs a state: use LAMLoss")
    weights = _as_weights(level_weights)
    rule = MarginRule(competitor, margins, margin, margin_decay, tree_weight, weights)
    with torch.autocast(embeddings.device.type, enabled=False):
        geometry = as_geometry(manifold)
        losses, valid = _levels(inputs, prototypes, prototype_ids, tree, geometry, rule)
        return reduce_levels(losses, valid, rule.weights(tree.height), inputs, reduction)


def _levels(
    inputs: Inputs,
    prototypes: Tensor,
    prototype_ids: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    rule: MarginRule,
) -> tuple[Tensor, Tensor]:
    anchors = inputs.anchors
    losses, valid = level_losses(
        anchors.points,
        *with_each_label(inputs, anchors),
        prototypes,
        prototype_ids,
        taxonomy,
        manifold,
        rule,
    )
    return losses, valid & selected(inputs)[:, None]


def _as_weights(
    weights: Sequence[float] | str | None,
) -> tuple[float, ...] | Literal["adaptive"] | None:
    if weights is None or weights == "adaptive":
        return weights  # type: ignore[return-value]
    if isinstance(weights, str):
        raise ValueError(f"level_weights must be numbers or 'adaptive', got {weights!r}")
    return tuple(map(float, weights))
