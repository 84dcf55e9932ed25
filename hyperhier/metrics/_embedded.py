"""Checks of an embedded taxonomy: its points, and the ids of different nodes."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.manifolds._device import beside
from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import radii
from hyperhier.metrics._check import as_ids, as_points
from hyperhier.taxonomy import Taxonomy

__all__ = ["as_nodes", "as_places"]


def as_nodes(ids: Tensor, name: str, taxonomy: Taxonomy) -> Tensor:
    """``ids`` as int64 on the CPU, where the tables of a taxonomy are; no node occurs twice."""
    nodes = as_ids(ids, name, taxonomy).cpu()
    listed, times = nodes.unique(return_counts=True)
    if len(listed) < len(nodes):
        twice = taxonomy.nodes[int(listed[times > 1][0])]
        raise ValueError(f"{name} holds the node {twice!r} more than once")
    return nodes


def as_places(points: Tensor, manifold: Manifold) -> tuple[Tensor, Manifold]:
    """``points`` on the CPU, at least in float32, all on the manifold; and that beside them."""
    places = as_points(points, "points").cpu()
    places = places.to(torch.promote_types(places.dtype, torch.float32))
    manifold = beside(places, manifold)
    radii(places, manifold)  # raises where points are off the manifold
    return places, manifold
