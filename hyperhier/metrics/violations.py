"""The parent-distance violation rate on child prototypes, and on triplets of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import distance_blocks
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics._level import SharedAncestor, checked_level, has_ancestor_on
from hyperhier.metrics.order import Variant, pdv
from hyperhier.taxonomy import Taxonomy

__all__ = ["pdv_children", "pdv_triplets"]


def pdv_children(
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    variant: Variant = "mean",
    chunk: int | None = None,
) -> float:
    """:func:`pdv` of the prototypes one level below, in place of the samples.

    The mean over child nodes c, each counting the same however many samples it has, and over
    the wrong parents v, of ``1[d(mu_c, mu_parent) >= d(mu_c, mu_v)]``. A reconstruction.

    Args:
        prototype_ids: ``(P,)`` int64, as :func:`node_centroids` returns them.
        prototypes: their points ``(P, ambient)``.
        taxonomy, manifold, level, variant, chunk: as in :func:`pdv`; the children are the
            nodes of depth ``level + 1``, so ``level`` is below the height.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: as :func:`pdv`, or where no prototype lies one level below.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> ids = tree.encode(["pet", "farm", "cat", "ox"])
    >>> prototypes = torch.tensor([[0.0], [10.0], [1.0], [3.0]])
    >>> pdv_children(ids, prototypes, tree, Euclidean())
    0.5
    """
    centres = as_points(prototypes, "prototypes")
    ids = as_ids(prototype_ids, "prototype_ids", taxonomy).to(centres.device)
    same_length(prototype_ids=ids, prototypes=centres)
    level = checked_level(level, taxonomy)
    below = taxonomy.depth.to(ids.device)[ids] == level + 1
    if not bool(below.any()):
        raise ValueError(f"none of the {ids.numel()} prototypes lies on level {level + 1}")
    return pdv(centres[below], ids[below], ids, centres, taxonomy, manifold, level, variant, chunk)


def pdv_triplets(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    *,
    siblings_only: bool = False,
    anchors: int | None = None,
    seed: int = 0,
    chunk: int | None = None,
) -> float:
    """Share of triplets of samples in which one of another parent is as near or nearer.

    For an anchor i, the samples p of the same parent and the samples n of other parents: the
    share of ``d(z_i, z_p) >= d(z_i, z_n)`` among all pairs (p, n), averaged over the anchors.
    No prototypes are needed, and all triplets are counted by sorting, not drawn. One minus
    it is the mean area under the ROC curve of finding the same parent by distance, ties
    counting as wrong. A reconstruction.

    Args:
        embeddings: points ``(n, ambient)``.
        labels: node ids ``(n,)`` int64; inner nodes above ``level`` are left out.
        taxonomy: the tree or DAG that the ids belong to. In a DAG the same parent means a
            common ancestor on the level.
        manifold: the geometry.
        level: the level of the parents; default: one above the deepest leaves.
        siblings_only: p has another label than the anchor, so that the classes' own
            tightness plays no part.
        anchors: draw that many anchors where there are more samples; all by default.
        seed: of the draw.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        A float in [0, 1]; 0 where no triplet exists.

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids, a level outside the
            taxonomy, or fewer than 1 anchors.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> points = torch.tensor([[0.0], [1.0], [3.0]])
    >>> pdv_triplets(points, tree.encode(["cat", "dog", "ox"]), tree, Euclidean())
    0.0
    >>> pdv_triplets(points, tree.encode(["cat", "ox", "dog"]), tree, Euclidean())
    1.0
    """
    points = as_points(embeddings, "embeddings")
    own = as_ids(labels, "labels", taxonomy).to(points.device)
    same_length(embeddings=points, labels=own)
    level = checked_level(level, taxonomy)
    if anchors is not None and anchors < 1:
        raise ValueError(f"anchors must be at least 1, got {anchors}")
    counted = has_ancestor_on(level, own, taxonomy)
    points, own = points[counted], own[counted]
    if own.numel() == 0:
        return 0.0
    chosen = torch.arange(own.numel(), device=own.device)
    if anchors is not None and anchors < own.numel():
        draw = torch.randperm(own.numel(), generator=torch.Generator().manual_seed(seed))
        chosen = draw[:anchors].sort().values.to(own.device)

    shared = SharedAncestor(taxonomy, level, own)
    total, valid = 0.0, 0
    for rows, table in distance_blocks(points[chosen], points, manifold, chunk):
        here = chosen[rows]
        distance = table.double()
        same = shared.between(own[here].unsqueeze(1), own)
        positive = same.clone()
        if siblings_only:
            positive &= own[here].unsqueeze(1) != own
        positive[torch.arange(here.numel(), device=here.device), here] = False
        others = torch.where(same, torch.inf, distance).sort(dim=1).values
        nearer = torch.searchsorted(others, distance.contiguous(), right=True)
        triplets = positive.sum(dim=1) * (~same).sum(dim=1)
        violated = (nearer * positive).sum(dim=1)
        total += float((violated.double() / triplets.clamp(min=1)).sum())
        valid += int((triplets > 0).sum())
    return total / valid if valid else 0.0
