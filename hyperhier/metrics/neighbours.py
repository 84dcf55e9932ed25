"""Measures by nearest neighbours on any manifold: k-NN classification and recall at k."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, as_points, block_rows, same_length

__all__ = ["knn_predict", "recall_at_k"]


def _blocks(
    query: Tensor, gallery: Tensor, manifold: Manifold, chunk: int | None
) -> Iterator[tuple[slice, Tensor]]:
    """The distance table in blocks of rows, never the whole of it."""
    step = block_rows(gallery.shape[0], query, chunk)
    with torch.no_grad():
        for first in range(0, query.shape[0], step):
            rows = slice(first, min(first + step, query.shape[0]))
            yield rows, manifold.dist_matrix(query[rows], gallery)


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
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    k = min(k, gallery.shape[0])
    classes, compact = torch.unique(labels, return_inverse=True)
    result = torch.empty(query.shape[0], dtype=torch.int64, device=query.device)
    for rows, distance in _blocks(query, gallery, manifold, chunk):
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
    k = min(k, points.shape[0] - itself)
    found = 0
    for rows, distance in _blocks(query, points, manifold, chunk):
        if itself:
            here = torch.arange(rows.start, rows.stop, device=query.device)
            distance = distance.index_put((here - rows.start, here), distance.new_tensor(torch.inf))
        near = known[distance.topk(k, dim=-1, largest=False).indices]
        found += int((near == own[rows].unsqueeze(-1)).any(dim=-1).sum())
    return found / query.shape[0]
