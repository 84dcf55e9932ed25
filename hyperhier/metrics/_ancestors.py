"""Ancestor sets of the nodes that occur in a set of labels, on trees and DAGs alike."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.taxonomy import Taxonomy

__all__ = ["ancestor_pairs", "intersection_sizes"]


def ancestor_pairs(taxonomy: Taxonomy, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Every ancestor, the node itself included and the root left out, of each of ``ids``.

    Args:
        ids: ``(n,)`` int64.

    Returns:
        ``rows`` and ``nodes``, two int64 tensors of equal length sorted by row and then by
        node: ``nodes[k]`` is ``ids[rows[k]]`` or an ancestor of it. No pair occurs twice.

    Only what lies above ``ids`` is visited, so this needs no closure of the whole taxonomy.
    """
    size = len(taxonomy)
    edges = taxonomy.edges.to(ids.device)
    order = edges[0].argsort(stable=True)
    child, parent = edges[0][order], edges[1][order]
    every = torch.arange(size, device=ids.device)
    start = torch.searchsorted(child, every)
    count = torch.searchsorted(child, every, right=True) - start

    frontier = torch.arange(ids.numel(), device=ids.device) * size + ids
    found = [frontier]
    while frontier.numel():
        node = frontier % size
        copies = count[node]
        row = (frontier // size).repeat_interleave(copies)
        first = start[node].repeat_interleave(copies)
        offset = torch.arange(row.numel(), device=ids.device)
        offset = offset - (copies.cumsum(0) - copies).repeat_interleave(copies)
        frontier = torch.unique(row * size + parent[first + offset])
        found.append(frontier)
    key = torch.unique(torch.cat(found))
    key = key[key % size != taxonomy.root_id]
    return key // size, key % size


def intersection_sizes(
    taxonomy: Taxonomy, pred: Tensor, target: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """``|alpha & beta|``, ``|alpha|`` and ``|beta|`` of each pair, ``(n,)`` int64 each.

    alpha is the predicted node with its ancestors, beta the true one with its own, both
    without the root. On a tree these are the depths of the lowest common ancestor and of
    the two nodes.
    """
    if taxonomy.is_tree:
        depth = taxonomy.depth.to(pred.device)
        return taxonomy.lca_depth(pred, target), depth[pred], depth[target]
    size = len(taxonomy)
    nodes = torch.unique(torch.cat((pred, target)))
    rows, ancestors = ancestor_pairs(taxonomy, nodes)
    key = rows * size + ancestors
    position = torch.arange(nodes.numel(), device=nodes.device)
    start = torch.searchsorted(rows, position)
    count = torch.searchsorted(rows, position, right=True) - start

    p, t = torch.searchsorted(nodes, pred), torch.searchsorted(nodes, target)
    pairs, inverse = torch.unique(p * nodes.numel() + t, return_inverse=True)
    left, right = pairs // nodes.numel(), pairs % nodes.numel()
    copies = count[left]
    pair = torch.arange(pairs.numel(), device=nodes.device).repeat_interleave(copies)
    offset = torch.arange(pair.numel(), device=nodes.device)
    offset = offset - (copies.cumsum(0) - copies).repeat_interleave(copies)
    wanted = right[pair] * size + ancestors[start[left][pair] + offset]
    at = torch.searchsorted(key, wanted).clamp(max=max(0, key.numel() - 1))
    shared = (key[at] == wanted) if key.numel() else torch.zeros_like(wanted, dtype=torch.bool)
    sizes = torch.bincount(pair[shared], minlength=pairs.numel())
    return sizes[inverse], count[p], count[t]
