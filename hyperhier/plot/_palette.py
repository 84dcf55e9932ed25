"""Colours that follow the tree: the hue says the branch, the shade says the leaf.

Colours are mixed in OKLCH (Ottosson, "A perceptual color space for image processing",
2020), where equal lightness looks equally light, so that branches differ in hue and
leaves of one branch mostly in lightness. The first hues are those of the colour-blind-safe
palette of Okabe and Ito (2008), and every branch has a marker of its own as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = ["Palette", "branch_level", "in_tree_order", "oklch"]

RGB = tuple[float, float, float]

# hue in degrees: blue, orange, green, purple-pink, sky, vermilion, yellow, violet
_HUES = (255.0, 62.0, 165.0, 345.0, 222.0, 33.0, 98.0, 300.0)
_MARKERS = "osD^vPXh<>p*d8H"
_CHROMA = 0.15
_DARK, _LIGHT = 0.48, 0.80
_SHADES_OF_A_PAIR = (0.52, 0.74)
_TURN = 14.0  # degrees of hue by which the first and the last leaf of a branch turn away
_GOLDEN_ANGLE = 180.0 * (3.0 - math.sqrt(5.0))


def oklch(lightness: float, chroma: float, hue: float) -> RGB:
    """sRGB of an OKLCH colour (hue in degrees); chroma is lowered until it can be shown.

    >>> tuple(round(v, 2) for v in oklch(1.0, 0.0, 0.0))
    (1.0, 1.0, 1.0)
    """
    while True:
        rgb = _to_srgb(lightness, chroma, hue)
        if chroma <= 0.0 or all(-1e-4 <= v <= 1.0001 for v in rgb):
            red, green, blue = (min(1.0, max(0.0, v)) for v in rgb)
            return red, green, blue
        chroma = max(0.0, chroma - 0.005)


def _to_srgb(lightness: float, chroma: float, hue: float) -> RGB:
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _gamma(v: float) -> float:
    return 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055


def in_tree_order(taxonomy: Taxonomy, ids: Sequence[int]) -> list[int]:
    """The nodes as a walk through the tree meets them, so that relatives stand together."""
    paths = taxonomy.paths(list(ids)).tolist() if len(ids) else []
    return [node for _, node in sorted(zip(paths, ids))]


def branch_level(taxonomy: Taxonomy) -> int:
    """The shallowest level on which the leaves part: its nodes are the branches."""
    for level in range(1, taxonomy.height + 1):
        if len(taxonomy.nodes_at(level)) > 1:
            return level
    return max(1, taxonomy.height)


@dataclass(frozen=True)
class Palette:
    """The colour and the marker of every node of a taxonomy."""

    colours: tuple[RGB, ...]
    markers: tuple[str, ...]
    branch: tuple[int, ...]
    branches: tuple[int, ...]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Palette:
        """Nodes above the branches are grey; inner nodes have the middle of their branch."""
        import torch

        level = branch_level(taxonomy)
        branches = taxonomy.nodes_at(level).tolist()
        rank = {node: i for i, node in enumerate(branches)}
        everyone = torch.arange(len(taxonomy))
        branch = [a if a in rank else -1 for a in taxonomy.ancestor_at(level, everyone).tolist()]
        leaves: dict[int, list[int]] = {node: [] for node in branches}
        for leaf in in_tree_order(taxonomy, taxonomy.leaf_ids.tolist()):
            leaves[branch[leaf]].append(leaf)
        colours: list[RGB] = [oklch(0.45, 0.01, 260.0)] * len(taxonomy)
        for node in range(len(taxonomy)):
            if branch[node] >= 0:
                colours[node] = oklch(
                    (_DARK + _LIGHT) / 2 - 0.06, _CHROMA, _hue(rank[branch[node]])
                )
        for node, members in leaves.items():
            for i, (leaf, lightness) in enumerate(zip(members, _shades(len(members)))):
                turn = _TURN * (2 * i / (len(members) - 1) - 1) if len(members) > 1 else 0.0
                colours[leaf] = oklch(lightness, _CHROMA, _hue(rank[node]) - turn)
        markers = [_MARKERS[rank[b] % len(_MARKERS)] if b >= 0 else "o" for b in branch]
        return cls(tuple(colours), tuple(markers), tuple(branch), tuple(branches))


def _hue(index: int) -> float:
    if index < len(_HUES):
        return _HUES[index]
    return (_HUES[-1] + _GOLDEN_ANGLE * (index - len(_HUES) + 1)) % 360.0


def _shades(count: int) -> list[float]:
    if count == 1:
        return [sum(_SHADES_OF_A_PAIR) / 2]
    low, high = _SHADES_OF_A_PAIR if count == 2 else (_DARK, _LIGHT)
    return [low + (high - low) * i / (count - 1) for i in range(count)]
