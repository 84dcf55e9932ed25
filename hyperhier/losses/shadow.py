"""Shadow Loss: triplets compared by their projections on the ray of the anchor."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier._numerics import safe_norm
from hyperhier.losses._inputs import Inputs, as_geometry, prepare_inputs
from hyperhier.losses._pairs import Relation
from hyperhier.losses._ray import (
    Projection,
    check_projection,
    flat_positions,
    ray_features,
    ray_positions,
)
from hyperhier.losses._reduce import (
    Reduction,
    by_row_blocks,
    check_reduction,
    reduce_losses,
)
from hyperhier.manifolds.base import Manifold

__all__ = ["ShadowLoss", "shadow_loss", "shadow_triplet_loss"]

Miner = Literal["all", "hard", "semihard", "random"]


class ShadowLoss(nn.Module):
    """Triplet loss on the one-dimensional shadows that samples cast on the anchor's ray.

    With pi_a(x) the position of x on the ray from the origin through the anchor a,

        delta_x = | |a| - pi_a(x) |,    L = relu(delta_p - delta_n + margin).

    Source: arXiv 2311.14012, where pi_a(x) = a.x / |a| in flat space. Any component of x
    across the ray is invisible to the loss. With ``normalize=True`` all vectors have length
    1 first, and the loss is the cosine triplet loss relu(cos(a, n) - cos(a, p) + margin).

    On a hyperbolic manifold |a| is the distance from the origin and the position is that of
    the foot of the perpendicular on the geodesic ray, or minus the Busemann function of the
    ray's end, our generalisations. Euclidean space, the sphere (its ambient vectors) and
    manifolds without one constant curvature use the vectors ``manifold.to_features`` gives;
    normalised vectors are compared so on every manifold.

    Args:
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        margin: m, in units of distance; >= 0.
        normalize: compare directions only.
        projection: ``"geodesic"``, ``"busemann"``, or ``"features"``: the flat formula on
            ``to_features``; all the same where the curvature is not negative.
        miner: which triplets of an anchor count, from its positives p and negatives n:
            ``"all"`` of them (in time n log n, no table of triplets is formed);
            ``"hard"``: the largest delta_p with the smallest delta_n; ``"semihard"``: each p
            with the smallest delta_n above delta_p, or with the largest if none is above
            (as in FaceNet); ``"random"``: each p with one n, drawn from torch's global state.
        reduction: the loss of an anchor is the mean over its triplets; ``"mean"`` and
            ``"sum"`` are over the anchors that have one; ``"none"`` gives ``(B,)`` or
            ``(B, V)``, 0 for the others; or a reducer of pytorch-metric-learning.
        block_size: anchors per block; None forms the table of all pairs.
        validate: check that embeddings are finite, at one device synchronisation per call.

    >>> from hyperhier.manifolds import Euclidean
    >>> z = torch.tensor([[2.0, 0.0], [1.0, 5.0], [0.5, 0.0]])
    >>> ShadowLoss(manifold=Euclidean(), margin=1.0, reduction="none")(z, torch.tensor([0, 0, 1]))
    tensor([0.5000, 0.7058, 0.0000])
    """

    def __init__(
        self,
        *,
        manifold: Any,
        margin: float = 0.5,
        normalize: bool = False,
        projection: Projection = "geodesic",
        miner: Miner = "all",
        reduction: Reduction = "mean",
        block_size: int | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__()
        _check_options(margin, projection, miner, reduction, block_size)
        self.manifold = as_geometry(manifold)
        self.margin = float(margin)
        self.normalize = normalize
        self.projection = projection
        self.miner = miner
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
        """The loss of the triplets that the miner chooses by the labels.

        Args:
            embeddings: points of the manifold, ``(B, a)``, or V views ``(B, V, a)``.
            labels: ``(B,)`` class ids, or paths ``(B, L)``, whose last column counts.
            ref_emb: positives and negatives are taken from these instead.
            ref_labels: labels of ``ref_emb``.
            indices_tuple: exactly these triples (anchor, positive, negative); or pairs
                (a1, positive, a2, negative), from which the miner chooses.
        """
        return shadow_loss(
            embeddings,
            labels,
            manifold=self.manifold,
            margin=self.margin,
            normalize=self.normalize,
            projection=self.projection,
            miner=self.miner,
            ref_emb=ref_emb,
            ref_labels=ref_labels,
            indices_tuple=indices_tuple,
            reduction=self.reduction,
            block_size=self.block_size,
            validate=self.validate,
        )

    def triplets(self, anchors: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """The loss of given triplets, row by row: :func:`shadow_triplet_loss`."""
        if callable(self.reduction):
            raise ValueError("rows of triplets are reduced by 'none', 'mean' or 'sum'")
        return shadow_triplet_loss(
            anchors,
            positives,
            negatives,
            manifold=self.manifold,
            margin=self.margin,
            normalize=self.normalize,
            projection=self.projection,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        return (
            f"margin={self.margin:g}, normalize={self.normalize}, "
            f"projection={self.projection!r}, miner={self.miner!r}"
        )


def shadow_triplet_loss(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    *,
    manifold: Any,
    margin: float = 0.5,
    normalize: bool = False,
    projection: Projection = "geodesic",
    reduction: str = "mean",
) -> Tensor:
    """relu(delta_p - delta_n + margin) of T given triplets.

    Args:
        anchors, positives, negatives: points ``(T, a)``.
        manifold, margin, normalize, projection: see :class:`ShadowLoss`.
        reduction: ``"none"`` ``(T,)``, ``"mean"`` or ``"sum"`` over the triplets.

    >>> from hyperhier.manifolds import Euclidean
    >>> a, p, n = torch.tensor([[[2.0, 0.0]], [[1.0, 5.0]], [[0.5, 0.0]]])
    >>> shadow_triplet_loss(a, p, n, manifold=Euclidean(), margin=1.0)
    tensor(0.5000)
    """
    _check_options(margin, projection, "all", reduction, None)
    if callable(reduction):
        raise ValueError("rows of triplets are reduced by 'none', 'mean' or 'sum'")
    geometry = as_geometry(manifold)
    if not (anchors.shape == positives.shape == negatives.shape and anchors.dim() == 2):
        raise ValueError(
            "expected anchors, positives and negatives of one shape (T, ambient), got "
            f"{tuple(anchors.shape)}, {tuple(positives.shape)}, {tuple(negatives.shape)}"
        )
    with torch.autocast(anchors.device.type, enabled=False):
        (a, c), (p, _), (n, _) = (
            ray_features(x.to(torch.promote_types(x.dtype, torch.float32)), geometry)
            for x in (anchors, positives, negatives)
        )
        if c is None or normalize or projection == "features":
            (at_p, at_n), length = flat_positions(a, p, n, table=False, normalize=normalize)
            delta_p, delta_n = (length - at_p).abs(), (length - at_n).abs()
        else:
            both = torch.stack((p, n), dim=1)
            position = ray_positions(a.unsqueeze(1), both, c, projection).squeeze(1)
            delta_p, delta_n = (safe_norm(a, -1)[:, None] - position).abs().unbind(dim=1)
        losses = torch.relu(delta_p - delta_n + margin)
        if reduction == "none":
            return losses
        return losses.sum() / (max(1, len(losses)) if reduction == "mean" else 1)


def shadow_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    manifold: Any,
    margin: float = 0.5,
    normalize: bool = False,
    projection: Projection = "geodesic",
    miner: Miner = "all",
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`ShadowLoss`.

    >>> from hyperhier.manifolds import Lorentz
    >>> z = Lorentz().from_features(torch.tensor([[2.0, 0.0], [1.0, 5.0], [0.5, 0.0]]))
    >>> shadow_loss(z, torch.tensor([0, 0, 1]), manifold=Lorentz(), margin=1.0)
    tensor(1.1004)
    """
    _check_options(margin, projection, miner, reduction, block_size)
    geometry = as_geometry(manifold)
    inputs = prepare_inputs(
        embeddings, labels, ref_emb, ref_labels, indices_tuple, validate=validate
    )
    with torch.autocast(embeddings.device.type, enabled=False):
        shadows = _Shadows(inputs, geometry, normalize, projection)
        if indices_tuple is not None and len(indices_tuple) == 3:
            losses, valid = _given(shadows, inputs, margin, block_size)
        else:
            seed = _draw_seed() if miner == "random" else 0

            def block(rows: slice) -> tuple[Tensor, Tensor]:
                relation = Relation(inputs, rows)
                positive = relation.positives()
                negative = relation.allowed & ~positive
                generator = torch.Generator(positive.device).manual_seed(seed + rows.start)
                return _mined(shadows(rows), positive, negative, margin, miner, generator)

            losses, valid = by_row_blocks(block, len(inputs.anchors), block_size)
        return reduce_losses(losses, valid, inputs, reduction)


class _Shadows:
    """delta of every candidate for a block of anchors."""

    def __init__(
        self, inputs: Inputs, manifold: Manifold, normalize: bool, projection: Projection
    ) -> None:
        self.projection: Projection = projection
        self.normalize = normalize
        self.anchors, self.c = ray_features(inputs.anchors.points, manifold)
        self.flat = self.c is None or normalize or projection == "features"
        self.others = self.anchors
        if inputs.others is not inputs.anchors:
            self.others, _ = ray_features(inputs.others.points, manifold)

    def __call__(self, rows: slice) -> Tensor:
        """``(n, m)``."""
        anchors = self.anchors[rows]
        if self.flat:
            (position,), length = flat_positions(
                anchors, self.others, table=True, normalize=self.normalize
            )
        else:
            length = safe_norm(anchors, -1, keepdim=True)
            position = ray_positions(anchors, self.others, self.c, self.projection)
        return (length - position).abs()


def _mined(
    delta: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float,
    miner: Miner,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Mean hinge over the chosen triplets of every anchor, and which anchors have one."""
    valid = positive.any(dim=1) & negative.any(dim=1)
    if delta.shape[1] == 0:
        return delta.sum(dim=1), valid
    if miner == "all":
        return _all_triplets(delta, positive, negative, margin), valid
    if miner == "hard":
        worst = torch.where(positive, delta, -torch.inf).argmax(dim=1, keepdim=True)
        nearest = torch.where(negative, delta, torch.inf).argmin(dim=1, keepdim=True)
        hinge = torch.relu(delta.gather(1, worst) - delta.gather(1, nearest) + margin)
        return torch.where(valid, hinge.squeeze(1), 0.0), valid
    if miner == "semihard":
        chosen = _semihard(delta.detach(), negative)
    else:
        draws = torch.rand(delta.shape, generator=generator, device=delta.device)
        order = torch.where(negative, draws, 2.0).argsort(dim=1)
        pick = torch.rand(delta.shape, generator=generator, device=delta.device)
        count = negative.sum(dim=1, keepdim=True)
        chosen = order.gather(1, (pick * count).long().clamp(max=delta.shape[1] - 1))
    hinge = torch.relu(delta - delta.gather(1, chosen) + margin)
    hinge = torch.where(positive & valid[:, None], hinge, 0.0)
    return hinge.sum(dim=1) / positive.sum(dim=1).clamp(min=1), valid


def _all_triplets(delta: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of relu(delta_p - delta_n + margin) over all pairs (p, n), by sorting the negatives.

    For one p the violating negatives are the first k of the sorted ones, and their hinges sum
    to k (delta_p + margin) minus the sum of those k.
    """
    infinite = torch.where(negative, delta, torch.inf)
    ordered, order = infinite.detach().sort(dim=1)
    reach = delta + margin
    k = torch.searchsorted(ordered, reach.detach().contiguous())
    sorted_delta = torch.where(negative, delta, 0.0).gather(1, order).double()
    sums = nn.functional.pad(sorted_delta.cumsum(dim=1), (1, 0))
    hinges = torch.where(positive, k * reach.double() - sums.gather(1, k), 0.0)
    pairs = positive.sum(dim=1) * negative.sum(dim=1)
    return (hinges.sum(dim=1) / pairs.clamp(min=1)).to(delta.dtype)


def _semihard(delta: Tensor, negative: Tensor) -> Tensor:
    """For every candidate p: the nearest negative beyond it, else the farthest; ``(n, m)``."""
    ordered, order = torch.where(negative, delta, torch.inf).sort(dim=1)
    beyond = torch.searchsorted(ordered, delta.contiguous(), right=True)
    last = negative.sum(dim=1, keepdim=True) - 1
    return order.gather(1, torch.minimum(beyond, last).clamp_min(0))


def _given(
    shadows: _Shadows, inputs: Inputs, margin: float, block_size: int | None
) -> tuple[Tensor, Tensor]:
    """Mean hinge over the given triples of every anchor."""
    selection = inputs.selection
    assert selection is not None
    anchor, positive, negative = (
        selection.positive_anchors,
        selection.positives,
        selection.negatives,
    )

    def block(rows: slice) -> tuple[Tensor, Tensor]:
        delta = shadows(rows)
        here = (anchor >= rows.start) & (anchor < rows.stop)
        row = anchor[here] - rows.start
        hinge = torch.relu(delta[row, positive[here]] - delta[row, negative[here]] + margin)
        count = torch.bincount(row, minlength=len(delta))
        total = delta[:, :0].sum(dim=1).index_add(0, row, hinge)
        return total / count.clamp(min=1), count > 0

    return by_row_blocks(block, len(inputs.anchors), block_size)


def _draw_seed() -> int:
    return int(torch.randint(2**31, ()))


def _check_options(
    margin: float, projection: str, miner: str, reduction: Reduction, block_size: int | None
) -> None:
    if not (0.0 <= margin < math.inf):
        raise ValueError(f"margin must be finite and at least 0, got {margin!r}")
    check_projection(projection)
    if miner not in get_args(Miner):
        raise ValueError(f"miner must be one of {get_args(Miner)}, got {miner!r}")
    check_reduction(reduction)
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")
