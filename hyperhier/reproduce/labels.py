"""Fewer or coarser training labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.data import ImageSet
from hyperhier.errors import RunError
from hyperhier.taxonomy import Taxonomy

__all__ = ["coarser_labels", "fewer_labels", "relabelled"]


def relabelled(
    data: ImageSet, taxonomy: Taxonomy, options: Mapping[str, Any], seed: int
) -> tuple[ImageSet, ImageSet]:
    """What to train on, and what to judge by.

    Args:
        data: fully labelled images.
        taxonomy: of the labels.
        options: ``fraction``: share of the training images that are kept; ``inner``: share of
            those whose label is known only as the node ``up`` levels above (default 1).
        seed: of the drawing.

    Returns:
        The data for training, and the data for the metrics, whose train split (the source
        of the prototypes) holds only the images with a full label; val and test stay whole.

    Raises:
        RunError: an unknown option, or a share outside its range.
    """
    unknown = sorted(set(options) - {"fraction", "inner", "up"})
    if unknown:
        raise RunError(f"unknown option {unknown[0]!r} of labels; known: fraction, inner, up")
    fraction, inner = float(options.get("fraction", 1.0)), float(options.get("inner", 0.0))
    up = int(options.get("up", 1))
    if not 0.0 < fraction <= 1.0:
        raise RunError(f"labels.fraction must be in (0, 1], got {fraction}")
    if not 0.0 <= inner < 1.0:
        raise RunError(f"labels.inner must be in [0, 1), got {inner}")
    if up < 1:
        raise RunError(f"labels.up must be at least 1, got {up}")
    if fraction < 1.0:
        data = fewer_labels(data, fraction, seed)
    if inner == 0.0:
        return data, data
    coarse, changed = coarser_labels(data, taxonomy, inner, up, seed)
    return coarse, data.subset((~changed).nonzero().squeeze(1))


def fewer_labels(data: ImageSet, fraction: float, seed: int = 0) -> ImageSet:
    """Keep that share of the training images of every class, at least one of each.

    >>> from hyperhier.data import make_hierarchical_images
    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> data = make_hierarchical_images(builtin_taxonomy("demo"), n_per_class=10, size=8)
    >>> small = fewer_labels(data, 0.5)
    >>> len(small.subset("train")) * 2 == len(data.subset("train"))
    True
    """
    kept = np.asarray(data.split) != "train"
    for members in _classes(data, seed):
        kept[members[: max(1, round(fraction * len(members)))].numpy()] = True
    return data.subset(torch.from_numpy(np.flatnonzero(kept)))


def coarser_labels(
    data: ImageSet, taxonomy: Taxonomy, share: float, up: int = 1, seed: int = 0
) -> tuple[ImageSet, Tensor]:
    """Replace the label of that share of each class's training images by an ancestor.

    A class whose ancestor would be the root keeps its labels: the root says nothing. At least
    one image of every class keeps its full label.

    Returns:
        The images, and a bool ``(N,)``: whose label was replaced.
    """
    labels, changed = data.labels.clone(), torch.zeros(len(data), dtype=torch.bool)
    for members in _classes(data, seed + 1):
        name = taxonomy.nodes[int(data.labels[members[0]])]
        ancestor = name
        for _ in range(up):
            parents = taxonomy.parents(ancestor)
            if not parents or parents[0] == taxonomy.root:
                break
            ancestor = parents[0]
        if ancestor == name:
            continue
        chosen = members[: min(len(members) - 1, round(share * len(members)))]
        labels[chosen] = taxonomy.id_of(ancestor)
        changed[chosen] = True
    return replace(data, labels=labels), changed


def _classes(data: ImageSet, seed: int) -> list[Tensor]:
    """The training images of each class, in a random order."""
    generator = torch.Generator().manual_seed(seed)
    train = data.indices("train")
    labels = data.labels[train]
    found = []
    for label in labels.unique().tolist():
        members = train[labels == label]
        found.append(members[torch.randperm(len(members), generator=generator)])
    return found
