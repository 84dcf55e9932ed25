"""Measures by nearest neighbours on any manifold: k-NN classification and recall at k."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import distance_blocks
from hyperhier.metrics._check import as_ids, as_points, same_length, same_width
from hyperhier.metrics._level import SharedAncestor, has_ancestor_on
from hyperhier.taxonomy import Taxonomy

__all__ = ["knn_predict", "recall_at_k", "recall_at_k_per_level"]


def knn_predict(
    query: Tensor,
    gallery: Tensor,
    gallery_labels: Tensor,
    manifold: Manifold,
    k: int = 5,
    chunk: int | None = None,
) -> Tensor:
    """The label that most of the k nearest gallery points bear.

    Between labels with equally many votes, that of the nearest neighbour among them wins.

    Args:
        query: points ``(n, ambient)``.
        gallery: points ``(m, ambient)`` with known labels.
        gallery_labels: ``(m,)`` int64.
        manifold: the geometry of both.
        k: neighbours that vote; more than m means all m.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        ``(n,)`` int64 labels.

    Raises:
        ValueError: on empty, non-finite or misshapen input, or k below 1.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> gallery = torch.tensor([[0.0], [1.0], [10.0]])
    >>> labels = torch.tensor([7, 7, 9])
    >>> knn_predict(torch.tensor([[0.5], [9.0]]), gallery, labels, Euclidean(), k=1)
    tensor([7, 9])
    """
    query, gallery = as_points(query, "query"), as_points(gallery, "gallery")
    labels = as_ids(gallery_labels, "gallery_labels").to(query.device)
    same_length(gallery=gallery, gallery_labels=labels)
    same_width(query=query, gallery=gallery)
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    k = min(k, gallery.shape[0])
    classes, compact = torch.unique(labels, return_inverse=True)
    result = torch.empty(query.shape[0], dtype=torch.int64, device=query.device)
    for rows, distance in distance_blocks(query, gallery, manifold, chunk):
        near = compact[distance.topk(k, dim=-1, largest=False, sorted=True).indices]
        votes = torch.zeros(near.shape[0], classes.numel(), device=near.device)
        votes.scatter_add_(1, near, torch.ones_like(near, dtype=votes.dtype))
        own = votes.gather(1, near)
        first = (own == own.amax(dim=-1, keepdim=True)).int().argmax(dim=-1, keepdim=True)
        result[rows] = classes[near.gather(1, first).squeeze(-1)]
    return result


def recall_at_k(
    embeddings: Tensor,
    labels: Tensor,
    manifold: Manifold,
    k: int = 1,
    *,
    gallery: Tensor | None = None,
    gallery_labels: Tensor | None = None,
    chunk: int | None = None,
) -> float:
    """Share of samples with one of the same label among their k nearest neighbours.

    Args:
        embeddings: points ``(n, ambient)``.
        labels: ``(n,)`` int64.
        manifold: their geometry.
        k: neighbours looked at; more than there are means all.
        gallery: points ``(m, ambient)`` to search. Without it the samples are searched
            themselves, each one left out of its own neighbours.
        gallery_labels: ``(m,)`` int64, with ``gallery``.
        chunk: rows of the distance table formed at once (default: what fits 32 MiB).

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: on empty, non-finite or misshapen input, k below 1, a gallery without
            labels, or a single sample with no gallery.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> points = torch.tensor([[0.0], [1.0], [1.5], [9.0]])
    >>> recall_at_k(points, torch.tensor([1, 1, 2, 2]), Euclidean(), k=1)
    0.5
    """
    return _recall(embeddings, labels, manifold, k, gallery, gallery_labels, chunk, None, ())[0]


def recall_at_k_per_level(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    k: int = 1,
    *,
    gallery: Tensor | None = None,
    gallery_labels: Tensor | None = None,
    chunk: int | None = None,
) -> dict[int, float]:
    """Share of samples with one of the same ancestor among their k nearest, for every level.

    Args:
        embeddings, labels, manifold, k, gallery, gallery_labels, chunk: as in
            :func:`recall_at_k`; labels are node ids.
        taxonomy: the tree or DAG that the ids belong to. In a DAG a common ancestor on the
            level is enough.

    Returns:
        Level, from 1 to the height, to a float in [0, 1]. A leaf above a level stands in for
        itself; inner nodes above it do not count, and levels where no label counts are left
        out. For leaves the last level is :func:`recall_at_k`.

    Raises:
        ValueError: as :func:`recall_at_k`, or on unknown ids.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("all", "pet", "cat"), ("all", "pet", "dog"), ("all", "ox")])
    >>> points = torch.tensor([[0.0], [1.0], [3.0], [3.5]])
    >>> labels = tree.encode(["cat", "dog", "ox", "ox"])
    >>> recall_at_k_per_level(points, labels, tree, Euclidean())
    {1: 1.0, 2: 0.5}
    """
    own = as_ids(labels, "labels", taxonomy)
    if gallery_labels is not None:
        gallery_labels = as_ids(gallery_labels, "gallery_labels", taxonomy)
    levels = [
        level
        for level in range(1, taxonomy.height + 1)
        if bool(has_ancestor_on(level, own, taxonomy).any())
    ]
    shares = _recall(
        embeddings, own, manifold, k, gallery, gallery_labels, chunk, taxonomy, tuple(levels)
    )
    return dict(zip(levels, shares, strict=True))


def _recall(
    embeddings: Tensor,
    labels: Tensor,
    manifold: Manifold,
    k: int,
    gallery: Tensor | None,
    gallery_labels: Tensor | None,
    chunk: int | None,
    taxonomy: Taxonomy | None,
    levels: tuple[int, ...],
) -> list[float]:
    """Recall by equal labels without a taxonomy, else by common ancestors on each level."""
    query, own = as_points(embeddings, "embeddings"), as_ids(labels, "labels")
    own = own.to(query.device)
    same_length(embeddings=query, labels=own)
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if (gallery is None) != (gallery_labels is None):
        raise ValueError("gallery and gallery_labels are given together or not at all")
    itself = gallery is None or gallery_labels is None
    if gallery is None or gallery_labels is None:
        points, known = query, own
        if query.shape[0] < 2:
            raise ValueError("recall within one set needs at least 2 samples, got 1")
    else:
        points = as_points(gallery, "gallery")
        known = as_ids(gallery_labels, "gallery_labels").to(query.device)
        same_length(gallery=points, gallery_labels=known)
        same_width(embeddings=query, gallery=points)
    k = min(k, points.shape[0] - itself)
    same: list[Callable[[Tensor, Tensor], Tensor]] = [torch.eq]
    counted = [torch.ones_like(own, dtype=torch.bool)]
    if taxonomy is not None:
        every = torch.cat((own, known))
        same = [SharedAncestor(taxonomy, level, every).between for level in levels]
        counted = [has_ancestor_on(level, own, taxonomy) for level in levels]
    found = [0] * len(same)
    for rows, distance in distance_blocks(query, points, manifold, chunk):
        if itself:
            here = torch.arange(rows.start, rows.stop, device=query.device)
            distance = distance.index_put((here - rows.start, here), distance.new_tensor(torch.inf))
        near = known[distance.topk(k, dim=-1, largest=False).indices]
        for place, equal in enumerate(same):
            hit = equal(near, own[rows].unsqueeze(-1)).any(dim=-1)
            found[place] += int((hit & counted[place][rows]).sum())
    return [hits / int(some.sum()) for hits, some in zip(found, counted, strict=True)]
