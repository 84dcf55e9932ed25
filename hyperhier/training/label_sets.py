"""Images that bear several labels at once."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.data import ImageSet
from hyperhier.errors import DataError
from hyperhier.manifolds import Manifold
from hyperhier.metrics import hf1_of_sets, knn_predict
from hyperhier.taxonomy import Taxonomy

__all__ = ["check_targets", "knn_hf1_of_sets", "translated_sets"]


def check_targets(targets: Tensor, data: ImageSet, taxonomy: Taxonomy) -> None:
    """Raise DataError unless the table is bool ``(N, nodes)`` and every image bears a label."""
    shape = (len(data), len(taxonomy))
    if targets.dtype != torch.bool or targets.shape != shape:
        raise DataError(
            f"targets must be bool {shape}, got {targets.dtype} {tuple(targets.shape)}",
            path=data.source or None,
        )
    bare = (~targets.any(dim=1)).nonzero().squeeze(1)
    if len(bare):
        raise DataError(f"image {data.ids[int(bare[0])]!r} bears no label in targets")


def translated_sets(targets: Tensor, tree: Taxonomy, other: Taxonomy | None) -> Tensor:
    """The same label sets with the nodes of another taxonomy as columns.

    Raises:
        DataError: a label that occurs is not in it.
    """
    if other is None:
        return targets
    used = targets.any(dim=0).nonzero().squeeze(1)
    names = [tree.nodes[i] for i in used.tolist()]
    missing = [name for name in names if name not in other]
    if missing:
        raise DataError(f"label {missing[0]!r} is not in loss_taxonomy")
    table = torch.zeros(len(targets), len(other), dtype=torch.bool)
    table[:, other.encode(names)] = targets[:, used]
    return table


def knn_hf1_of_sets(
    train_emb: Tensor,
    train_sets: Tensor,
    emb: Tensor,
    sets: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    k: int = 5,
) -> float:
    """HF1 of the label set that most of the k nearest training images bear.

    Args:
        train_emb: points ``(m, ambient)``.
        train_sets: bool ``(m, nodes)``.
        emb: points ``(n, ambient)``.
        sets: bool ``(n, nodes)``, the true label sets.
        taxonomy: whose nodes are the columns.
        manifold: the geometry.
        k: neighbours that vote.
    """
    distinct, which = train_sets.unique(dim=0, return_inverse=True)
    pred = distinct[knn_predict(emb, train_emb, which, manifold, k)]
    return hf1_of_sets(pred, sets, taxonomy)
