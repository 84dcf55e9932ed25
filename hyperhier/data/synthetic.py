"""Generated pictures whose looks follow a taxonomy: cells on a textured ground."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from hyperhier.data._cells import TRAITS, render
from hyperhier.data.imageset import ImageSet
from hyperhier.data.splits import group_split
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["make_hierarchical_images"]

# how fast a trait's offsets shrink (coarse) or grow (fine) from one level to the next
_COARSE_DECAY = 0.35
_FINE_GROWTH = 0.35
# spread of a trait within a class at difficulty 1, where siblings are up to 2 apart
_SPREAD = 1.6
_CHUNK = 256


def make_hierarchical_images(
    taxonomy: Taxonomy,
    n_per_class: int = 60,
    size: int | tuple[int, int] = 32,
    difficulty: float = 0.5,
    seed: int = 0,
    channels: int = 3,
    fractions: tuple[float, float, float] = (0.6, 0.1, 0.3),
) -> ImageSet:
    """Draw pictures of cells for every leaf of a taxonomy, no download needed.

    Siblings differ in traits by offsets spread evenly over [-1, 1], in an order drawn from
    the seed and their parent's name. Coarse traits (hue and texture of the ground, elongation
    and number of the cells) change most between the outermost branches, fine traits (size
    and hue of the nucleus, granules, orientation) most between the leaves. A picture has its
    path's summed offsets plus Gaussian noise that grows with the difficulty; so does the
    freedom of the cells' places and the noise of the pixels.

    Args:
        taxonomy: any tree or DAG (in a DAG the primary parents count).
        n_per_class: pictures per leaf.
        size: height and width in pixels, or one number for both; at least 8.
        difficulty: 0 (any pixel-wise nearest neighbour is right) to 1 (hard).
        seed: of the traits, the pictures and the split.
        channels: 3 (colour) or 1 (grey).
        fractions: shares of train, val and test, stratified.

    Returns:
        An :class:`ImageSet` in the order of ``taxonomy.leaf_ids``.

    Raises:
        DataError: an argument out of its range.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> make_hierarchical_images(builtin_taxonomy("fashion-mnist"), n_per_class=10, size=16)
    ImageSet(100 images 3x16x16, 10 classes, train 60, val 10, test 30)
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 8:
        raise DataError(f"size must be at least 8 pixels, got {size}")
    if n_per_class < 1:
        raise DataError(f"n_per_class must be at least 1, got {n_per_class}")
    if not 0.0 <= difficulty <= 1.0:
        raise DataError(f"difficulty must be in [0, 1], got {difficulty}")
    if channels not in (1, 3):
        raise DataError(f"channels must be 1 or 3, got {channels}")
    leaves = taxonomy.leaf_ids
    means = leaf_traits(taxonomy, seed)  # (leaves, traits)
    generator = torch.Generator().manual_seed(seed)
    labels = leaves.repeat_interleave(n_per_class)
    traits = means.repeat_interleave(n_per_class, dim=0)
    noise = torch.randn(traits.shape, generator=generator)
    traits = traits + (0.02 + _SPREAD * difficulty) * noise
    parts = [
        render(part, (height, width), difficulty, generator, channels)
        for part in traits.split(_CHUNK)
    ]
    split = group_split(None, labels.numpy(), fractions, seed)
    source = (
        f"generated: n_per_class={n_per_class}, size={height}x{width}, "
        f"difficulty={difficulty:g}, seed={seed}"
    )
    ids = [f"{taxonomy.nodes[i]}-{n}" for i in leaves.tolist() for n in range(n_per_class)]
    return ImageSet(torch.cat(parts), labels, split, None, ids, source)


def leaf_traits(taxonomy: Taxonomy, seed: int) -> Tensor:
    """The mean trait vector ``(leaves, traits)`` of each leaf: the sum along its path."""
    coarse = torch.tensor([kind == "coarse" for kind, *_ in TRAITS.values()])
    height = max(1, taxonomy.height)
    offsets = torch.zeros(len(taxonomy), len(TRAITS))
    parents = taxonomy.parent_id.tolist()
    depths = taxonomy.depth.tolist()
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        if parent >= 0:
            children.setdefault(parent, []).append(node)
    names = taxonomy.nodes
    for parent, siblings in children.items():
        siblings.sort(key=lambda node: names[node])
        drawn = _sibling_offsets(len(siblings), seed, names[parent])
        level = depths[parent]
        scale = torch.where(
            coarse,
            torch.tensor(_COARSE_DECAY**level),
            torch.tensor(_FINE_GROWTH ** max(0, height - 1 - level)),
        )
        offsets[siblings] = drawn * scale
    # parents first: each node adds its parent's sum to its own offset
    for node in sorted(range(len(names)), key=lambda n: depths[n]):
        if parents[node] >= 0:
            offsets[node] += offsets[parents[node]]
    return offsets[taxonomy.leaf_ids]


def _sibling_offsets(count: int, seed: int, parent: str) -> Tensor:
    """``(count, traits)``: in every trait the siblings are spread evenly, in a drawn order."""
    digest = hashlib.sha256(f"{seed}\0{parent}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    if count == 1:
        return torch.zeros(1, len(TRAITS))
    grid = np.linspace(-1.0, 1.0, count)
    columns = [rng.permutation(grid) for _ in TRAITS]
    return torch.from_numpy(np.stack(columns, axis=1)).float()
