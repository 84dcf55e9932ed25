"""Whether samples lie nearer to their own ancestor's prototype than to the others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.metrics._check import as_ids, as_points, block_rows, same_length
from hyperhier.taxonomy import Taxonomy

__all__ = ["pc_order", "pc_order_per_level", "pdv"]


def pc_order(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    chunk: int | None = None,
) -> float:
    """Parent-child order: share of samples nearest to the prototype of their own parent.

    A sample is right where its own parent's prototype is strictly nearer than every other
    one of that level (a tie is not right, so collapsed embeddings score 0). Hence
    ``pc_order == 1 - pdv(..., variant="any")``. A reconstruction: the name is published, the
    formula is not.

    Args:
        embeddings: points ``(n, ambient)``.
        labels: node ids ``(n,)`` int64, normally leaves. Inner nodes above ``level`` are left
            out of the mean.
        prototype_ids: ``(P,)`` int64; those outside the level are ignored, so the whole
            result of :func:`node_centroids` can be passed.
        prototypes: their points ``(P, ambient)``.
        taxonomy: the tree or DAG that the ids belong to. In a DAG each of the level's
            prototypes above the sample is a right parent.
        manifold: the geometry.
        level: the level of the parents; default: one above the deepest leaves. It holds the
            nodes of that depth, and the shallower leaves, which stand in for themselves.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        A float in [0, 1]. On level 0, where the root is the only parent, 1. A sample whose
        own parent has no prototype is not right.

    Raises:
        ValueError: on empty, non-finite or misshapen input, unknown ids, a level outside the
            taxonomy, or a level without prototypes.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> prototypes = torch.tensor([[0.0], [10.0]])
    >>> points, labels = torch.tensor([[1.0], [2.0]]), tree.encode(["cat", "ox"])
    >>> pc_order(points, labels, tree.encode(["pet", "farm"]), prototypes, tree, Euclidean())
    0.5
    """
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level, chunk)
    return 1.0 - _violations(*args, variant="any")


def pc_order_per_level(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    chunk: int | None = None,
) -> dict[int, float]:
    """:func:`pc_order` on every level from 1 to the height; on the last one it is accuracy.

    Levels above which no sample lies, and levels without prototypes, are left out.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> points, labels = torch.tensor([[1.0], [9.0]]), tree.encode(["cat", "ox"])
    >>> ids = tree.encode(["pet", "farm", "cat", "ox"])
    >>> prototypes = torch.tensor([[0.0], [10.0], [0.0], [10.0]])
    >>> pc_order_per_level(points, labels, ids, prototypes, tree, Euclidean())
    {1: 1.0, 2: 1.0}
    """
    result: dict[int, float] = {}
    known = as_ids(prototype_ids, "prototype_ids", taxonomy)
    own = as_ids(labels, "labels", taxonomy)
    for level in range(1, taxonomy.height + 1):
        if not bool(_on_level(known, taxonomy, level).any()):
            continue
        if not bool(_has_ancestor(own, taxonomy, level).any()):
            continue
        result[level] = pc_order(
            embeddings, own, known, prototypes, taxonomy, manifold, level, chunk
        )
    return result


def pdv(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    variant: Literal["mean", "any"] = "mean",
    chunk: int | None = None,
) -> float:
    """Parent-distance violation rate; lower is better.

    The mean over samples, and over the wrong parents v of each, of
    ``1[d(z, mu_parent) >= d(z, mu_v)]``; with ``variant="any"`` the share of samples with at
    least one violation, which is ``1 - pc_order``. With two parents on the level both
    variants agree. A reconstruction: the name is published, the formula is not.

    Args:
        embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level, chunk: as in
            :func:`pc_order`.
        variant: see above.

    Returns:
        A float in [0, 1]; 0 where the level has no wrong parent. Where a sample's own parent
        has no prototype, every wrong parent violates.

    Raises:
        ValueError: as :func:`pc_order`, or on an unknown variant.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", a, a + "1") for a in "xyz"])
    >>> prototypes = torch.tensor([[0.0], [3.0], [10.0]])
    >>> points, labels = torch.tensor([[1.0], [5.0]]), tree.encode(["x1", "z1"])
    >>> pdv(points, labels, tree.encode(["x", "y", "z"]), prototypes, tree, Euclidean())
    0.5
    """
    if variant not in ("mean", "any"):
        raise ValueError(f"variant must be 'mean' or 'any', got {variant!r}")
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level, chunk)
    return _violations(*args, variant=variant)


def _on_level(ids: Tensor, taxonomy: Taxonomy, level: int) -> Tensor:
    """Which nodes make up the level: those of that depth, and the leaves above it."""
    depth = taxonomy.depth.to(ids.device)[ids]
    leaf = torch.isin(ids, taxonomy.leaf_ids.to(ids.device))
    return (depth == level) | (leaf & (depth < level))


def _has_ancestor(labels: Tensor, taxonomy: Taxonomy, level: int) -> Tensor:
    """Which labels have an ancestor (or stand-in) on the level: leaves, and nodes below it."""
    deep_enough = taxonomy.depth.to(labels.device)[labels] >= level
    return deep_enough | torch.isin(labels, taxonomy.leaf_ids.to(labels.device))


def _violations(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None,
    chunk: int | None,
    *,
    variant: str,
) -> float:
    points, centres = as_points(embeddings, "embeddings"), as_points(prototypes, "prototypes")
    own = as_ids(labels, "labels", taxonomy).to(points.device)
    ids = as_ids(prototype_ids, "prototype_ids", taxonomy).to(points.device)
    same_length(embeddings=points, labels=own)
    same_length(prototype_ids=ids, prototypes=centres)
    if level is None:
        level = max(0, taxonomy.height - 1)
    if not 0 <= level <= taxonomy.height:
        raise ValueError(f"level must be 0 to {taxonomy.height}, got {level}")
    if level == 0:
        return 0.0
    at_level = _on_level(ids, taxonomy, level)
    if not bool(at_level.any()):
        raise ValueError(f"none of the {ids.numel()} prototypes lies on level {level}")
    counted = _has_ancestor(own, taxonomy, level)
    if not bool(counted.any()):
        raise ValueError(f"no label lies on level {level} or below it")
    points, own, ids, centres = points[counted], own[counted], ids[at_level], centres[at_level]

    total = 0.0
    for distance, right in _blocks(points, own, ids, centres, taxonomy, manifold, chunk):
        nearest = torch.where(right, distance, torch.inf).amin(dim=-1, keepdim=True)
        violated = ~right & (nearest >= distance)
        if variant == "any":
            # without a prototype of its own a sample cannot be right
            lost = violated.any(dim=-1) | ~right.any(dim=-1)
            total += float(lost.sum())
        else:
            wrong = (~right).sum(dim=-1)
            total += float((violated.sum(dim=-1).double() / wrong.clamp(min=1)).sum())
    return total / points.shape[0]


def _blocks(
    points: Tensor,
    labels: Tensor,
    ids: Tensor,
    centres: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    chunk: int | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks of (distances, which prototype is a right parent), both ``(rows, P)``."""
    ordered, order = ids.sort()
    step = block_rows(ids.numel(), points, chunk)
    for first in range(0, points.shape[0], step):
        present, which = torch.unique(labels[first : first + step], return_inverse=True)
        rows, nodes = ancestor_pairs(taxonomy, present)
        at = torch.searchsorted(ordered, nodes).clamp(max=ordered.numel() - 1)
        hit = ordered[at] == nodes
        right = torch.zeros(present.numel(), ids.numel(), dtype=torch.bool, device=ids.device)
        right[rows[hit], order[at[hit]]] = True
        with torch.no_grad():
            yield manifold.dist_matrix(points[first : first + step], centres), right[which]
