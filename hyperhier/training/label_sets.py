"""Labels as the loss takes them: ids or sets, in the run's taxonomy or in another."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.data import ImageSet
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["check_targets", "translated_labels", "translated_sets"]


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


def translated_labels(labels: Tensor, tree: Taxonomy, other: Taxonomy | None) -> Tensor:
    """The same labels ``(N,)`` as node ids of another taxonomy.

    Raises:
        DataError: a label that occurs is not in it.
    """
    if other is None:
        return labels
    ids, where = labels.unique(return_inverse=True)
    return _same_nodes(ids, tree, other)[where]


def translated_sets(targets: Tensor, tree: Taxonomy, other: Taxonomy | None) -> Tensor:
    """The same label sets ``(N, nodes)`` with the nodes of another taxonomy as columns.

    Raises:
        DataError: a label that occurs is not in it.
    """
    if other is None:
        return targets
    used = targets.any(dim=0).nonzero().squeeze(1)
    table = torch.zeros(len(targets), len(other), dtype=torch.bool)
    table[:, _same_nodes(used, tree, other)] = targets[:, used]
    return table


def _same_nodes(ids: Tensor, tree: Taxonomy, other: Taxonomy) -> Tensor:
    """The ids that nodes of one taxonomy have in another."""
    names = tree.decode(ids)
    missing = [name for name in names if name not in other]
    if missing:
        raise DataError(f"label {missing[0]!r} is not in loss_taxonomy")
    return other.encode(names)
