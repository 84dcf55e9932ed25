"""Colours follow the tree."""

from __future__ import annotations

import itertools

import pytest

from hyperhier.plot._palette import Palette, _to_srgb, branch_level, in_tree_order, oklch
from hyperhier.taxonomy import Taxonomy, builtin_names, builtin_taxonomy


def distance(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return sum((p - q) ** 2 for p, q in zip(a, b)) ** 0.5


@pytest.mark.parametrize(
    ("lightness", "chroma", "hue", "expected"),
    [
        (0.0, 0.0, 0.0, (0, 0, 0)),
        (1.0, 0.0, 0.0, (255, 255, 255)),
        (0.62796, 0.25768, 29.234, (255, 0, 0)),  # sRGB red, green, blue in OKLCH
        (0.86644, 0.29483, 142.495, (0, 255, 0)),
        (0.45201, 0.31321, 264.052, (0, 0, 255)),
    ],
)
def test_known_colours(
    lightness: float, chroma: float, hue: float, expected: tuple[int, ...]
) -> None:
    mixed = [round(255 * v) for v in _to_srgb(lightness, chroma, hue)]
    assert mixed == pytest.approx(expected, abs=2)


def test_chroma_gives_way_where_a_colour_cannot_be_shown() -> None:
    shown = oklch(0.6, 0.5, 255.0)
    assert all(0.0 <= v <= 1.0 for v in shown)
    assert shown[2] > shown[1] > shown[0]


@pytest.mark.parametrize("name", builtin_names())
def test_leaves_are_told_apart_and_their_branches_more_so(name: str) -> None:
    tree = builtin_taxonomy(name)
    palette = Palette.of(tree)
    leaves = tree.leaf_ids.tolist()
    assert len(palette.colours) == len(palette.markers) == len(tree)
    assert all(0 <= v <= 1 for colour in palette.colours for v in colour)
    assert len({palette.colours[leaf] for leaf in leaves}) == len(leaves)
    if len(palette.branches) <= 8:
        for a, b in itertools.combinations(palette.branches, 2):
            assert distance(palette.colours[a], palette.colours[b]) > 0.15
            assert palette.markers[a] != palette.markers[b]


def test_branches_begin_where_the_leaves_part() -> None:
    tree = Taxonomy.from_paths([("r", "only", "a", "a1"), ("r", "only", "b", "b1")])
    assert branch_level(tree) == 2
    palette = Palette.of(tree)
    assert [tree.nodes[b] for b in palette.branches] == ["a", "b"]
    assert palette.branch[tree.root_id] == -1


def test_a_tree_without_branches_has_colours_too() -> None:
    palette = Palette.of(Taxonomy.from_edges([("root", "leaf")]))
    assert len(palette.colours) == 2


def test_relatives_stand_together() -> None:
    tree = builtin_taxonomy("ham10000-lineage")
    names = tree.decode(in_tree_order(tree, tree.leaf_ids.tolist()))
    assert sorted(names) == sorted(tree.leaves)
    assert abs(names.index("bcc") - names.index("akiec")) == 1
    assert abs(names.index("df") - names.index("vasc")) == 1
    assert in_tree_order(tree, []) == []
