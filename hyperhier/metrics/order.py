"""Whether samples lie nearer to their own ancestor's prototype than to the others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._ancestors import ancestor_pairs
from hyperhier.metrics._blocks import distance_table
from hyperhier.metrics._check import as_ids, as_points, block_rows, same_length, same_width
from hyperhier.metrics._level import checked_level, has_ancestor_on, is_on
from hyperhier.metrics._sums import Sums, ratio
from hyperhier.taxonomy import Taxonomy

__all__ = [
    "Variant",
    "checked_variant",
    "pc_order",
    "pc_order_per_level",
    "pc_order_sums",
    "pdv",
    "pdv_per_level",
    "pdv_sums",
]

Variant = Literal["mean", "any"]


def checked_variant(variant: Variant) -> Variant:
    """The variant as it came; ValueError unless there is such a one."""
    if variant not in ("mean", "any"):
        raise ValueError(f"variant must be 'mean' or 'any', got {variant!r}")
    return variant


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
            result of :func:`node_centroids` can be passed. A node may have several: its
            distance is that of the nearest.
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
    return _value(pc_order_sums(*args), level, taxonomy)


def pc_order_sums(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    chunk: int | None = None,
) -> Sums:
    """:func:`pc_order` as sums over samples."""
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level, chunk)
    violated, counted = _violations(*args, variant="any")
    return Sums.of(((1.0 - violated) * counted, counted), ratio)


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
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold)
    levels = _levels(labels, prototype_ids, taxonomy)
    return {level: pc_order(*args, level, chunk) for level in levels}


def pdv(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    variant: Variant = "mean",
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
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level)
    return _value(pdv_sums(*args, variant, chunk), level, taxonomy)


def pdv_sums(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    level: int | None = None,
    variant: Variant = "mean",
    chunk: int | None = None,
) -> Sums:
    """:func:`pdv` as sums over samples."""
    checked_variant(variant)
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold, level, chunk)
    violated, counted = _violations(*args, variant=variant)
    return Sums.of((violated * counted, counted), ratio)


def pdv_per_level(
    embeddings: Tensor,
    labels: Tensor,
    prototype_ids: Tensor,
    prototypes: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    variant: Variant = "mean",
    chunk: int | None = None,
) -> dict[int, float]:
    """:func:`pdv` on every level from 1 to the height.

    Levels above which no sample lies, and levels without prototypes, are left out.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "farm", "ox")])
    >>> points, labels = torch.tensor([[1.0], [4.0]]), tree.encode(["cat", "ox"])
    >>> ids = tree.encode(["pet", "farm", "cat", "ox"])
    >>> prototypes = torch.tensor([[0.0], [10.0], [0.0], [6.0]])
    >>> pdv_per_level(points, labels, ids, prototypes, tree, Euclidean())
    {1: 0.5, 2: 0.0}
    """
    args = (embeddings, labels, prototype_ids, prototypes, taxonomy, manifold)
    levels = _levels(labels, prototype_ids, taxonomy)
    return {level: pdv(*args, level, variant, chunk) for level in levels}


def _levels(labels: Tensor, prototype_ids: Tensor, taxonomy: Taxonomy) -> list[int]:
    """The levels that hold a prototype and the ancestor of a label."""
    own = as_ids(labels, "labels", taxonomy)
    known = as_ids(prototype_ids, "prototype_ids", taxonomy)
    return [
        level
        for level in range(1, taxonomy.height + 1)
        if bool(is_on(level, known, taxonomy).any())
        and bool(has_ancestor_on(level, own, taxonomy).any())
    ]


def _value(sums: Sums, level: int | None, taxonomy: Taxonomy) -> float:
    if not bool((sums.parts[:, 1] > 0).any()):
        raise ValueError(f"no label lies on level {checked_level(level, taxonomy)} or below it")
    return sums.value()


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
    variant: Variant,
) -> tuple[Tensor, Tensor]:
    """How much of each sample is violated, and whether it counts: ``(n,)`` float64 each."""
    points, centres = as_points(embeddings, "embeddings"), as_points(prototypes, "prototypes")
    own = as_ids(labels, "labels", taxonomy).to(points.device)
    ids = as_ids(prototype_ids, "prototype_ids", taxonomy).to(points.device)
    same_length(embeddings=points, labels=own)
    same_length(prototype_ids=ids, prototypes=centres)
    same_width(embeddings=points, prototypes=centres)
    level = checked_level(level, taxonomy)
    violated = torch.zeros(points.shape[0], dtype=torch.float64, device=points.device)
    if level == 0:
        return violated, torch.ones_like(violated)
    at_level = is_on(level, ids, taxonomy)
    if not bool(at_level.any()):
        raise ValueError(f"none of the {ids.numel()} prototypes lies on level {level}")
    counted = has_ancestor_on(level, own, taxonomy)
    points, own, ids, centres = points[counted], own[counted], ids[at_level], centres[at_level]
    shares = []
    for distance, right in _blocks(points, own, ids, centres, taxonomy, manifold, chunk):
        nearest = torch.where(right, distance, torch.inf).amin(dim=-1, keepdim=True)
        as_near = ~right & (nearest >= distance)
        if variant == "any":
            # without a prototype of its own a sample cannot be right
            shares.append((as_near.any(dim=-1) | ~right.any(dim=-1)).double())
        else:
            wrong = (~right).sum(dim=-1)
            shares.append(as_near.sum(dim=-1).double() / wrong.clamp(min=1))
    if shares:
        violated[counted] = torch.cat(shares)
    return violated, counted.double()


def _blocks(
    points: Tensor,
    labels: Tensor,
    ids: Tensor,
    centres: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    chunk: int | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks of (distances of the nodes with prototypes, which of them is a right parent)."""
    ordered, order = ids.sort()
    centres = centres[order]
    nodes, which = torch.unique_consecutive(ordered, return_inverse=True)
    step = block_rows(ids.numel(), points, chunk)
    for first in range(0, points.shape[0], step):
        distance = distance_table(points[first : first + step], centres, manifold)
        if nodes.numel() < ids.numel():  # the nearest of each node's prototypes
            slots = distance.new_full((distance.shape[0], nodes.numel()), torch.inf)
            distance = slots.scatter_reduce_(1, which.expand_as(distance), distance, "amin")
        present, row = torch.unique(labels[first : first + step], return_inverse=True)
        owner, above = ancestor_pairs(taxonomy, present)
        at = torch.searchsorted(nodes, above).clamp(max=nodes.numel() - 1)
        hit = nodes[at] == above
        right = torch.zeros(present.numel(), nodes.numel(), dtype=torch.bool, device=ids.device)
        right[owner[hit], at[hit]] = True
        yield distance, right[row]
