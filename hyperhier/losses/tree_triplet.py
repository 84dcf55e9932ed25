"""Triplet loss whose order and margins come from the taxonomy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier._numerics import unit_vector
from hyperhier.losses._contrastive import resolve_similarity
from hyperhier.losses._inputs import Inputs, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Reduction, by_row_blocks, check_reduction, reduce_losses
from hyperhier.losses._triplets import all_hinges, largest_hinge
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["TreeTripletLoss", "tree_triplet_loss"]

Triplets = Literal["all", "violated", "hardest"]


@dataclass(frozen=True)
class TripletRule:
    """The options of the triplets, checked.

    Attributes:
        margin, tree_weight, triplets: see :class:`TreeTripletLoss`.
    """

    margin: float = 0.1
    tree_weight: float = 0.5
    triplets: Triplets = "all"

    def __post_init__(self) -> None:
        for name in ("margin", "tree_weight"):
            if not (0.0 <= getattr(self, name) < math.inf):
                raise ValueError(
                    f"{name} must be finite and at least 0, got {getattr(self, name)!r}"
                )
        if self.triplets not in get_args(Triplets):
            raise ValueError(f"triplets must be one of {get_args(Triplets)}, got {self.triplets!r}")


class TreeTripletLoss(nn.Module):
    """Whatever is nearer in the tree should be nearer on the manifold, by a margin.

    For an anchor i every pair of other samples p, n with d_T(i, p) < d_T(i, n) in the tree
    makes a triplet, and

        L = mean_i mean_{(p, n)} relu( d(i, p) - d(i, n) + m_ipn ),
        m_ipn = margin + tree_weight * (d_T(i, n) - d_T(i, p)) / height.

    d is 1 - cosine where the manifold has a cosine, else the distance. Source: Li et al.
    2022, "Deep hierarchical semantic segmentation" (arXiv 2203.14335), whose margin this is
    with the defaults. The released code draws up to 200 triplets per class, p from the
    sibling classes only and n from elsewhere; here all triplets count, exactly, in time
    B^2 log B per distinct tree distance. Anchors without a triplet are left out of the mean.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        margin: m_0, in units of d; >= 0.
        tree_weight: margin per edge, times the height of the taxonomy; >= 0.
        triplets: ``"all"``: the mean over the triplets of the anchor; ``"violated"``: over
            those whose hinge is not 0; ``"hardest"``: the largest hinge.
        similarity: ``"cosine"``: d is 1 - cosine; ``"distance"``: d is the distance;
            ``"auto"``: the cosine where the manifold has one.
        reduction: ``"mean"`` and ``"sum"`` are over the anchors that have a triplet;
            ``"none"`` gives ``(B,)`` or ``(B, V)`` losses with 0 for the other anchors; or a
            reducer of pytorch-metric-learning.
        block_size: anchors per block. None forms the B x B table of all pairs; an integer
            holds only block_size x B entries at a time and forms them again in the backward
            pass.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = TreeTripletLoss(tree, manifold=Euclidean(), similarity="distance")
    >>> labels = tree.encode(["a1", "a2", "b1"])
    >>> loss(torch.tensor([[0.0], [1.0], [9.0]]), labels)
    tensor(0.)
    >>> loss(torch.tensor([[0.0], [9.0], [1.0]]), labels)  # 8.6 for a1, 1.6 for a2
    tensor(5.1000)
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        margin: float = 0.1,
        tree_weight: float = 0.5,
        triplets: Triplets = "all",
        similarity: str = "auto",
        reduction: Reduction = "mean",
        block_size: int | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        _check_block(block_size)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        self.rule = TripletRule(margin, tree_weight, triplets)
        self.similarity = resolve_similarity(similarity, self.manifold)
        self.reduction = reduction
        self.block_size = block_size
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
            ref_emb: p and n are taken from these, instead of the embeddings themselves.
            ref_labels: labels of ``ref_emb``.
            indices_tuple: the triplets to use, (a, p, n); or pairs (a1, p, a2, n), of which
                every p meets every n of the same anchor. The labels then give the margins.
        """
        return tree_triplet_loss(
            embeddings,
            labels,
            self.taxonomy,
            self.manifold,
            ref_emb=ref_emb,
            ref_labels=ref_labels,
            indices_tuple=indices_tuple,
            similarity=self.similarity,
            reduction=self.reduction,
            block_size=self.block_size,
            validate=self.validate,
            **vars(self.rule),
        )

    def extra_repr(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self.rule).items())
        return f"{options}, similarity={self.similarity!r}"


def tree_triplet_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    manifold: Any,
    *,
    margin: float = 0.1,
    tree_weight: float = 0.5,
    triplets: Triplets = "all",
    similarity: str = "auto",
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`TreeTripletLoss`.

    >>> from hyperhier.manifolds import Sphere
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> tree_triplet_loss(z, tree.encode(["a1", "b1", "a2"]), tree, Sphere())
    tensor(1.6000)
    """
    check_reduction(reduction)
    _check_block(block_size)
    tree, geometry = as_tree(taxonomy), as_geometry(manifold)
    rule = TripletRule(margin, tree_weight, triplets)
    cosine = resolve_similarity(similarity, geometry) == "cosine"
    inputs = prepare_inputs(
        embeddings, labels, ref_emb, ref_labels, indices_tuple, taxonomy=tree, validate=validate
    )
    if inputs.sets is not None:
        raise ValueError("the distance in the tree is not defined for samples with several labels")
    if inputs.anchors.labels is None:
        raise ValueError("this loss needs labels")
    with torch.autocast(embeddings.device.type, enabled=False):
        x, y = inputs.anchors.points, inputs.others.points
        if cosine:
            x, y = unit_vector(x), unit_vector(y)
        if _are_triples(inputs):
            losses, valid = _given(inputs, x, y, tree, geometry, rule, cosine)
            return reduce_losses(losses, valid, inputs, reduction)

        def block(rows: slice) -> tuple[Tensor, Tensor]:
            d = 1.0 - x[rows] @ y.mT if cosine else geometry.dist_matrix(x[rows], y)
            relation = Relation(inputs, rows, tree)
            return _block(d, relation, rule, max(tree.height, 1))

        losses, valid = by_row_blocks(block, len(x), block_size)
        return reduce_losses(losses, valid, inputs, reduction)


def _check_block(block_size: int | None) -> None:
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")


def _block(d: Tensor, relation: Relation, rule: TripletRule, height: int) -> tuple[Tensor, Tensor]:
    """Losses ``(n,)`` of a block of anchors from distances ``(n, m)``, and who has a triplet."""
    steps = relation.steps
    moved = d - rule.tree_weight * steps.to(d) / height
    near, far = moved, moved - rule.margin
    selection = relation.inputs.selection
    if selection is not None:
        positive, negative = selection.masks(relation.rows, d.shape[1])
        pairs = [(positive & ~relation.is_self, negative & ~relation.is_self)]
    else:
        usable = ~relation.is_self
        levels = torch.unique(steps[usable])[:-1]
        pairs = [(usable & (steps == s), usable & (steps > s)) for s in levels]
    losses = d[:, :0].sum(dim=1)
    violated = count = torch.zeros(len(d), dtype=torch.long, device=d.device)
    for positive, negative in pairs:
        if rule.triplets == "hardest":
            losses = torch.maximum(losses, largest_hinge(near, far, positive, negative))
            count = count + positive.sum(dim=1) * negative.sum(dim=1)
        else:
            total, found, all_of_them = all_hinges(near, far, positive, negative)
            losses = losses + total.to(losses.dtype)
            violated, count = violated + found, count + all_of_them
    valid = count > 0
    if rule.triplets != "hardest":
        losses = losses / (count if rule.triplets == "all" else violated).clamp(min=1)
    return losses, valid


def _are_triples(inputs: Inputs) -> bool:
    """Whether the selection came as triples (anchor, positive, negative)."""
    chosen = inputs.selection
    return chosen is not None and torch.equal(chosen.positive_anchors, chosen.negative_anchors)


def _given(
    inputs: Inputs,
    x: Tensor,
    y: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    rule: TripletRule,
    cosine: bool,
) -> tuple[Tensor, Tensor]:
    """Losses ``(n,)`` of given triples, and which anchors have one."""
    chosen, own, others = inputs.selection, inputs.anchors.labels, inputs.others.labels
    assert chosen is not None and own is not None and others is not None
    anchor = chosen.positive_anchors

    def distances(other: Tensor) -> tuple[Tensor, Tensor]:
        a, b = x[anchor], y[other]
        d = 1.0 - (a * b).sum(dim=-1) if cosine else manifold.dist(a, b)
        return d, taxonomy.distance(own[anchor], others[other]).to(d)

    near, steps_near = distances(chosen.positives)
    far, steps_far = distances(chosen.negatives)
    per_step = rule.tree_weight / max(taxonomy.height, 1)
    hinge = (near - far + rule.margin + per_step * (steps_far - steps_near)).relu()
    ones = torch.ones_like(anchor)
    number = torch.zeros(len(x), dtype=torch.long, device=x.device)
    count = number.index_add(0, anchor, ones)
    if rule.triplets == "hardest":
        worst = x.new_zeros(len(x)).scatter_reduce(0, anchor, hinge, "amax")
        return worst + x[:, :0].sum(dim=1), count > 0
    total = x[:, :0].sum(dim=1).index_add(0, anchor, hinge)
    divisor = count if rule.triplets == "all" else number.index_add(0, anchor, (hinge > 0).long())
    return total / divisor.clamp(min=1), count > 0
