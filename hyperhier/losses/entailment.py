"""Entailment loss: a sample lies in the cones of its ancestors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier._numerics import unit_vector
from hyperhier.losses._class_points import checked_dim, owned_points
from hyperhier.losses._exterior import cone_excess
from hyperhier.losses._inputs import Inputs, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._reduce import Reduction, by_row_blocks, check_reduction, reduce_losses
from hyperhier.losses._selected import selected, with_each_label
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["EntailmentLoss", "entailment_loss"]

Negatives = Literal["siblings", "all", "none"]


@dataclass(frozen=True)
class ConeRule:
    """The options of the cones, checked.

    Attributes:
        K, margin, negatives: see :class:`EntailmentLoss`.
    """

    K: float = 0.1
    margin: float = 0.1
    negatives: Negatives = "siblings"

    def __post_init__(self) -> None:
        if not (0.0 < self.K < math.inf):
            raise ValueError(f"K must be positive and finite, got {self.K!r}")
        if not (0.0 <= self.margin < math.inf):
            raise ValueError(f"margin must be finite and at least 0, got {self.margin!r}")
        if self.negatives not in get_args(Negatives):
            raise ValueError(
                f"negatives must be one of {get_args(Negatives)}, got {self.negatives!r}"
            )


class EntailmentLoss(nn.Module):
    """Is-a as a cone: a sample lies in the cone of its class and of every ancestor of it.

    Every node v but the root has a trainable point, the apex of a cone that opens away from
    the origin. With Xi(v, z) the exterior angle at v between the ray from the origin and the
    geodesic to z, psi(v) the half-aperture, and E = Xi - psi the angle by which z misses the
    cone (negative inside),

        L = mean_i [ mean_{v above i} relu(E(v, z_i))
                     + mean_{v beside i} relu(margin - E(v, z_i)) ].

    Above i are the label and its ancestors; beside i the nodes that must not hold it.
    Sources: Ganea et al. 2018 (arXiv 1804.01882) for the cones and both terms; Desai et al.
    2023, MERU (arXiv 2304.09172) for the Lorentz form of the first and its use beside a
    contrastive loss. There sin psi = 2 K / sinh(r) with r the distance of v from the origin
    in units of the curvature radius, and cones lie within the cones of their ancestors.
    Ganea et al. have max(0, E) in the second term, which has no gradient where a cone holds
    a sample that it should not; with E itself the sample is driven out.

    The angles are those of the manifold, so that every manifold will do. Where the curvature
    is not negative, sin psi = K / r with r the distance from the origin, which is the flat
    form; in Euclidean space cones are nested too, but on a sphere or a product not.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        dim: number of features d of the embeddings: the loss owns one trainable point of
            ``manifold.ambient_dim(d)`` coordinates per node but the root, so its parameters
            belong into the optimizer.
        K: width of the cones; positive.
        margin: by how much a sample should miss the other cones, radians; >= 0.
        negatives: which nodes are beside i. ``"siblings"``: the other children of the
            parents of the nodes above i; ``"all"``: every node neither above i nor below its
            label; ``"none"``: no second term.
        initial: points ``(N - 1, ambient)`` of the nodes 1 ... N - 1 to start from, e.g. of
            an embedding of the taxonomy. Default: each node a random step of length
            1 / height away from its parent, in the features at the origin.
        reduction: ``"mean"`` and ``"sum"`` are over the samples that count; ``"none"`` gives
            ``(B,)`` or ``(B, V)`` losses with 0 for the others; or a reducer of
            pytorch-metric-learning.
        block_size: samples per block. None forms the energies of all samples with the nodes
            above or beside any of them; an integer holds those of block_size samples at a
            time and forms them again in the backward pass.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call.

    >>> from hyperhier.manifolds import Lorentz
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = EntailmentLoss(tree, manifold=Lorentz(), dim=2)
    >>> z = Lorentz().from_features(torch.eye(2))
    >>> loss(z, tree.encode(["a1", "b1"])).shape
    torch.Size([])
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        dim: int,
        K: float = 0.1,
        margin: float = 0.1,
        negatives: Negatives = "siblings",
        initial: Tensor | None = None,
        reduction: Reduction = "mean",
        block_size: int | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.rule = ConeRule(K, margin, negatives)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        self.nodes = owned_points(
            _first_features(self.taxonomy, checked_dim(dim)), self.manifold, initial
        )
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
            labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts, or a
                bool table ``(B, N)``: all nodes above any label of the sample count.
            ref_emb, ref_labels: checked and otherwise without effect, since samples are
                compared with the node points alone.
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
        return _entailment(
            inputs,
            self.nodes(),
            torch.arange(1, len(self.taxonomy), device=embeddings.device),
            self.taxonomy,
            self.manifold,
            self.rule,
            self.reduction,
            self.block_size,
        )

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in vars(self.rule).items())


def entailment_loss(
    embeddings: Tensor,
    labels: Tensor,
    node_points: Tensor,
    node_ids: Tensor,
    taxonomy: Any,
    manifold: Any,
    *,
    K: float = 0.1,
    margin: float = 0.1,
    negatives: Negatives = "siblings",
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`EntailmentLoss`, for given points of the nodes.

    Args:
        embeddings: points of the manifold, ``(B, a)`` or ``(B, V, a)``.
        labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts.
        node_points: ``(P, a)``; gradient reaches them if they ask for it.
        node_ids: ``(P,)`` distinct node ids, in the order of ``node_points``; the nodes that
            are absent, and the root, take no part.
        taxonomy, manifold, K, ...: see :class:`EntailmentLoss`.

    >>> from hyperhier.manifolds import PoincareBall
    >>> tree = Taxonomy.from_paths([("x", "dog"), ("x", "cat")])
    >>> apex = torch.tensor([[0.5, 0.0], [0.0, 0.6]])
    >>> z, labels = torch.tensor([[0.8, 0.02], [0.8, 0.5]]), tree.encode(["dog", "dog"])
    >>> entailment_loss(z, labels, apex, tree.encode(["dog", "cat"]), tree, PoincareBall(),
    ...                 reduction="none")
    tensor([0.0000, 1.2746])
    """
    check_reduction(reduction)
    tree = as_tree(taxonomy)
    inputs = prepare_inputs(
        embeddings, labels, None, None, indices_tuple, taxonomy=tree, validate=validate
    )
    if node_points.dim() != 2 or node_ids.shape != node_points.shape[:1]:
        raise ValueError(
            f"expected node_points (P, a) and node_ids (P,), got "
            f"{tuple(node_points.shape)} and {tuple(node_ids.shape)}"
        )
    return _entailment(
        inputs,
        node_points,
        node_ids,
        tree,
        as_geometry(manifold),
        ConeRule(K, margin, negatives),
        reduction,
        block_size,
    )


def _first_features(taxonomy: Taxonomy, dim: int) -> Tensor:
    """Features ``(N - 1, dim)``: a random step of length 1 / height from the parent's."""
    step = unit_vector(torch.randn(len(taxonomy), dim)) / max(taxonomy.height, 1)
    path = taxonomy.paths(torch.arange(len(taxonomy)))
    fresh = path[:, 1:] != path[:, :-1]
    return (step[path[:, 1:]] * fresh.unsqueeze(-1)).sum(dim=1)[1:]


def _entailment(
    inputs: Inputs,
    apex: Tensor,
    ids: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    rule: ConeRule,
    reduction: Reduction,
    block_size: int | None,
) -> Tensor:
    points = inputs.anchors.points
    if apex.shape[-1] != points.shape[-1]:
        raise ValueError(
            f"the node points have {apex.shape[-1]} coordinates, the embeddings "
            f"{points.shape[-1]}: dim must be the number of features of the embeddings"
        )
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")
    with torch.autocast(points.device.type, enabled=False):
        above, beside = _relation(inputs, ids.to(points.device), taxonomy, rule.negatives)
        used = (above | beside).any(dim=0)
        above, beside, apex = above[:, used], beside[:, used], apex.to(points)[used]

        def block(rows: slice) -> tuple[Tensor, Tensor]:
            wanted = above[rows] | beside[rows]
            excess = cone_excess(manifold, apex, points[rows], rule.K, wanted)
            missed = _mean_where(excess.relu(), above[rows])
            held = _mean_where((rule.margin - excess).relu(), beside[rows])
            return missed + held, above[rows].any(dim=1)

        losses, valid = by_row_blocks(block, len(points), block_size)
        return reduce_losses(losses, valid & selected(inputs), inputs, reduction)


def _relation(
    inputs: Inputs, ids: Tensor, taxonomy: Taxonomy, negatives: Negatives
) -> tuple[Tensor, Tensor]:
    """Masks ``(n, P)`` of the nodes above each sample and of those beside it."""
    sample, label = with_each_label(inputs, inputs.anchors)
    present, which = torch.unique(label, return_inverse=True)
    not_root = ids != taxonomy.root_id
    over = taxonomy.is_ancestor(ids[None, :], present[:, None], proper=False) & not_root
    under = taxonomy.is_ancestor(present[:, None], ids[None, :])
    n = len(inputs.anchors)
    above, below = (_any_of(mask[which], sample, n) for mask in (over, under))
    beside = ~above & ~below & not_root
    if negatives == "none":
        return above, torch.zeros_like(above)
    if negatives == "siblings":
        parent = taxonomy.parent_id.to(ids.device)[ids]
        same_parent = (parent[:, None] == parent[None, :]).to(torch.float32)
        beside &= (above.to(torch.float32) @ same_parent) > 0
    return above, beside


def _any_of(mask: Tensor, sample: Tensor, count: int) -> Tensor:
    """For each of ``count`` samples whether any of its rows of a mask ``(k, P)`` is true."""
    total = torch.zeros(count, mask.shape[1], device=mask.device)
    return total.index_add(0, sample, mask.to(total.dtype)) > 0


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean ``(n,)`` of the chosen entries of every row; 0 without one."""
    return torch.where(mask, values, 0.0).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
