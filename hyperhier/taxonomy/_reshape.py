"""Taxonomies made of others: parts, reductions, controls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy._build import IntArray, Origin, Structure, build
from hyperhier.taxonomy._primary import leaf_mask, leaves_below
from hyperhier.taxonomy._redundant import redundant_edges
from hyperhier.taxonomy.policies import Policy

__all__ = [
    "above",
    "below",
    "only",
    "primary_tree",
    "reduced",
    "shuffled_leaves",
    "unweighted",
    "without",
]

Mask = NDArray[np.bool_]


def only(s: Structure, keep: Mask, edges: IntArray | None = None) -> Structure:
    """The nodes of a mask (with one root among them) and the edges between them, or of those
    the given ones."""
    if edges is None:
        edges = np.arange(len(s.child))
    edges = edges[keep[s.child[edges]] & keep[s.parent[edges]]]
    new_id = np.cumsum(keep) - 1
    return build(
        [s.nodes[v] for v in np.flatnonzero(keep).tolist()],
        new_id[s.child[edges]],
        new_id[s.parent[edges]],
        s.weight[edges],
        origin=Origin(),
        policy=Policy(),
    )


def below(s: Structure, top: IntArray) -> Mask:
    """These nodes and all their descendants."""
    mask = np.zeros(len(s.nodes), dtype=bool)
    mask[top] = True
    for first, last in s.edges_by_level:
        mask[s.child[first:last][mask[s.parent[first:last]]]] = True
    return mask


def above(s: Structure, bottom: IntArray) -> Mask:
    """These nodes and all their ancestors."""
    mask = np.zeros(len(s.nodes), dtype=bool)
    mask[bottom] = True
    for first, last in reversed(s.edges_by_level):
        mask[s.parent[first:last][mask[s.child[first:last]]]] = True
    return mask


def without(s: Structure, roots: IntArray) -> Mask:
    """What the root still reaches when these nodes are taken out."""
    mask = np.zeros(len(s.nodes), dtype=bool)
    gone = mask.copy()
    gone[roots] = True
    mask[0] = not gone[0]
    for first, last in s.edges_by_level:
        child = s.child[first:last][mask[s.parent[first:last]]]
        mask[child[~gone[child]]] = True
    return mask


def primary_tree(s: Structure) -> Structure:
    """See :meth:`Taxonomy.to_tree`."""
    keep = leaves_below(s) > 0
    return only(s, keep, np.flatnonzero(s.parent == s.primary[s.child]))


def reduced(s: Structure) -> Structure:
    """See :meth:`Taxonomy.transitive_reduction`."""
    kept = np.ones(len(s.child), dtype=bool)
    kept[redundant_edges(s)[0]] = False
    return only(s, np.ones(len(s.nodes), dtype=bool), np.flatnonzero(kept))


def unweighted(s: Structure) -> Structure:
    """See :meth:`Taxonomy.unweighted`."""
    weight = np.ones_like(s.weight)
    weight.flags.writeable = False
    return replace(s, weight=weight)


def shuffled_leaves(s: Structure, seed: int) -> Structure:
    """See :meth:`Taxonomy.shuffled_leaves`."""
    where = np.flatnonzero(leaf_mask(s))
    names = list(s.nodes)
    for target, source in zip(where, np.random.default_rng(seed).permutation(where), strict=True):
        names[target] = s.nodes[source]
    return replace(s, nodes=tuple(names))
