"""Cophenetic correlation of node means with the taxonomy."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier._numerics import eps_of, safe_norm
from hyperhier.losses._inputs import Inputs, Side, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._prototypes import batch_means
from hyperhier.losses._reduce import Reduction, check_reduction
from hyperhier.losses._selected import selected, with_each_label
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["CPCCLoss", "cpcc_loss"]

Nodes = Literal["all", "leaves"]

#: eps of the distances and of the coordinates up to which a spread of distances is rounding
SPREAD_EPS = 16.0


class CPCCLoss(nn.Module):
    """Distances between the means of nodes should correlate with their distances in the tree.

    With mu_v the manifold's centroid of the samples of the batch below node v, o the origin,
    d the distance on the manifold and d_T that in the tree,

        L = 1 - corr_{v < w} ( d(mu_v, mu_w), d_T(v, w) ) + centring * d(mu_root, o)^2,

    corr being Pearson's coefficient over the pairs of nodes that the batch has. It is meant
    as a regulariser beside a loss of the classes, as in ``make_loss("supcon+cpcc", ...)``.
    Source: Zeng et al. 2023, "Learning structured representations by embedding class
    hierarchy" (the correlation, in Euclidean space: ``centring=0``); Sinha et al. 2024,
    HypStructure (arXiv 2412.01023: hyperbolic means and distances, all levels, centring).

    The correlation needs two different labels and two different distances in the tree; a
    batch without them has the centring term alone. Means that coincide all, or are all
    equally far apart, have correlation 0. In a taxonomy with several parents a sample lies
    below the nodes of its primary path.

    The loss is one number for the whole batch: every ``reduction`` gives that number, a
    reducer of pytorch-metric-learning gets it as already reduced.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        nodes: ``"all"``: the labels, their ancestors and the root; ``"leaves"``: those
            labels that are leaves.
        centring: weight of the centring term; finite, >= 0. On a sphere, where no point is a
            centre, it only fixes where on the sphere the mean lies.
        weighted: d_T is the sum of the edges' weights instead of their number.
        reduction: see above.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = CPCCLoss(tree, manifold=Euclidean(), nodes="leaves", centring=0.0)
    >>> labels = tree.encode(["a1", "a2", "b1"])
    >>> loss(torch.tensor([[0.0, 0.0], [0.0, 1.0], [4.0, 0.5]]), labels)  # siblings are near
    tensor(0.)
    >>> loss(torch.tensor([[0.0, 0.0], [4.0, 0.5], [0.0, 1.0]]), labels)
    tensor(1.5000)
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        nodes: Nodes = "all",
        centring: float = 0.01,
        weighted: bool = False,
        reduction: Reduction = "mean",
        validate: bool = True,
    ) -> None:
        super().__init__()
        _check(nodes, centring, reduction)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        self.nodes: Nodes = nodes
        self.centring = float(centring)
        self.weighted = weighted
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
            labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts, or a
                bool table ``(B, N)`` of the nodes of each sample.
            ref_emb: the means of the embeddings' nodes are compared with those of these
                samples' nodes, instead of with each other.
            ref_labels: labels of ``ref_emb``.
            indices_tuple: only the samples that are an anchor in it count.
        """
        return cpcc_loss(
            embeddings,
            labels,
            self.taxonomy,
            self.manifold,
            nodes=self.nodes,
            centring=self.centring,
            weighted=self.weighted,
            ref_emb=ref_emb,
            ref_labels=ref_labels,
            indices_tuple=indices_tuple,
            reduction=self.reduction,
            validate=self.validate,
        )

    def extra_repr(self) -> str:
        return f"nodes={self.nodes!r}, centring={self.centring}, weighted={self.weighted}"


def cpcc_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    manifold: Any,
    *,
    nodes: Nodes = "all",
    centring: float = 0.01,
    weighted: bool = False,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`CPCCLoss`.

    >>> from hyperhier.manifolds import PoincareBall
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[0.5, 0.1], [0.5, -0.1], [-0.6, 0.0]])
    >>> cpcc_loss(z, tree.encode(["a1", "a2", "b1"]), tree, PoincareBall())
    tensor(0.1915)
    """
    _check(nodes, centring, reduction)
    tree, geometry = as_tree(taxonomy), as_geometry(manifold)
    inputs = prepare_inputs(
        embeddings,
        labels,
        ref_emb,
        ref_labels,
        indices_tuple,
        taxonomy=tree,
        validate=validate,
    )
    with torch.autocast(embeddings.device.type, enabled=False):
        loss = _cpcc(inputs, tree, geometry, nodes, centring, weighted)
        if not callable(reduction):
            return loss
        whole = {"losses": loss, "indices": None, "reduction_type": "already_reduced"}
        reduced: Tensor = reduction({"loss": whole}, inputs.anchors.points, inputs.anchors.labels)
        return reduced


def _check(nodes: Nodes, centring: float, reduction: Reduction) -> None:
    check_reduction(reduction)
    if nodes not in get_args(Nodes):
        raise ValueError(f"nodes must be one of {get_args(Nodes)}, got {nodes!r}")
    if not (0.0 <= centring < math.inf):
        raise ValueError(f"centring must be finite and at least 0, got {centring!r}")


def _cpcc(
    inputs: Inputs,
    taxonomy: Taxonomy,
    manifold: Manifold,
    nodes: Nodes,
    centring: float,
    weighted: bool,
) -> Tensor:
    points = inputs.anchors.points
    loss = points[:, :0].sum()
    chosen = selected(inputs)
    if not bool(chosen.any()):
        return loss
    if centring:
        loss = loss + centring * manifold.dist0(manifold.centroid(points[chosen])).square()
    sample, label = _samples(inputs, inputs.anchors, chosen)
    ids, means = _node_means(points, sample, label, taxonomy, manifold, nodes)
    if inputs.same_set:
        distance = manifold.dist_matrix(means, means)
        steps = taxonomy.distance_matrix(ids, weighted=weighted)
        one, other = torch.triu_indices(len(ids), len(ids), offset=1, device=ids.device)
        distance, steps = distance[one, other], steps[one, other]
    else:
        everybody = torch.ones(len(inputs.others), dtype=torch.bool, device=ids.device)
        sample, other_label = _samples(inputs, inputs.others, everybody)
        label = torch.cat((label, other_label))
        other_ids, other_means = _node_means(
            inputs.others.points, sample, other_label, taxonomy, manifold, nodes
        )
        distance = manifold.dist_matrix(means, other_means)
        steps = taxonomy.distance(ids[:, None], other_ids[None, :], weighted=weighted)
    several = bool((label != label[0]).any())
    if several and steps.numel() and bool(steps.amin() < steps.amax()):
        size = torch.maximum(distance.detach().amax(), means.detach().abs().amax())
        noise = SPREAD_EPS * eps_of(points.dtype) * float(size)
        r = _correlation(distance.double().flatten(), steps.double().flatten(), noise)
        loss = loss + (1.0 - r).to(loss.dtype)
    return loss


def _samples(inputs: Inputs, side: Side, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The chosen samples with each of their labels, both ``(k,)``."""
    sample, label = with_each_label(inputs, side)
    keep = chosen[sample]
    return sample[keep], label[keep]


def _node_means(
    points: Tensor,
    sample: Tensor,
    label: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    nodes: Nodes,
) -> tuple[Tensor, Tensor]:
    """Ids ``(P,)`` and centroids ``(P, a)`` of the nodes that the samples lie below."""
    ids, means = batch_means(points[sample], label, taxonomy, manifold)
    if nodes == "leaves":
        leaf = torch.isin(ids, taxonomy.leaf_ids.to(ids.device))
        return ids[leaf], means[leaf]
    root = manifold.centroid(points[sample.unique()])
    return torch.cat((ids.new_full((1,), taxonomy.root_id), ids)), torch.cat((root[None], means))


def _correlation(x: Tensor, y: Tensor, noise: float) -> Tensor:
    """Pearson's coefficient; 0, with gradient 0, where x does not vary by more than ``noise``."""
    away_x, away_y = x - x.mean(), y - y.mean()
    spread = safe_norm(away_x)
    varies = spread > noise * math.sqrt(x.numel())
    cosine = (away_x * away_y).sum() / (torch.where(varies, spread, 1.0) * safe_norm(away_y))
    return torch.where(varies, cosine, 0.0)
