"""Accuracy on the levels, against ancestor sets."""

from __future__ import annotations

import pytest
import torch

from hyperhier.metrics import accuracy, accuracy_at_level, accuracy_per_level, hf1
from hyperhier.taxonomy import Taxonomy


def on_level(tax: Taxonomy, name: str, level: int) -> set[str]:
    """The node and its ancestors that lie on the level, leaves above it standing in."""
    found = set()
    for node in {name, *tax.ancestors(name)}:
        depth = int(tax.depth[tax.id_of(node)])
        if depth == level or (depth < level and node in tax.leaves):
            found.add(node)
    return found


@pytest.mark.parametrize("extra", [0, 8])
@pytest.mark.parametrize("seed", range(4))
def test_a_shared_ancestor_on_the_level_is_right(make_taxonomy, seed, extra) -> None:
    tax = make_taxonomy(seed, 16, extra)
    pred, target = torch.randint(len(tax), (2, 60), generator=torch.Generator().manual_seed(seed))
    expected = {}
    for level in range(1, tax.height + 1):
        names = list(zip(tax.decode(pred), tax.decode(target), strict=True))
        right = [
            bool(on_level(tax, p, level) & on_level(tax, t, level))
            for p, t in names
            if t in tax.leaves or int(tax.depth[tax.id_of(t)]) >= level
        ]
        expected[level] = sum(right) / len(right)
        assert accuracy_at_level(pred, target, tax, level) == pytest.approx(expected[level])
    assert accuracy_per_level(pred, target, tax) == pytest.approx(expected)
    default = accuracy_at_level(pred, target, tax)
    assert default == (expected[tax.height - 1] if tax.height > 1 else 1.0)


def test_on_even_trees_the_mean_over_levels_is_hf1(uniform_tree) -> None:
    tax = uniform_tree((3, 2, 2))
    pred, target = tax.leaf_ids[torch.randint(12, (2, 50))]
    levels = accuracy_per_level(pred, target, tax)
    assert sum(levels.values()) / 3 == pytest.approx(hf1(pred, target, tax))
    assert levels[3] == accuracy(pred, target)


def test_balanced_counts_every_parent_the_same(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    a, b = tax.leaf_ids.view(2, 2)
    target = torch.cat((a.repeat(9), b[:1]))
    pred = a[:1].expand_as(target)
    assert accuracy_at_level(pred, target, tax, 1) == pytest.approx(18 / 19)
    assert accuracy_at_level(pred, target, tax, 1, balanced=True) == pytest.approx(0.5)
    assert accuracy_per_level(pred, target, tax, balanced=True)[1] == pytest.approx(0.5)


def test_the_root_is_always_right_and_bad_levels_are_named(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    ids, root = tax.leaf_ids, torch.tensor([tax.root_id])
    assert accuracy_at_level(ids.flip(0), ids, tax, 0) == 1.0
    with pytest.raises(ValueError, match="level must be 0 to 2, got 3"):
        accuracy_at_level(ids, ids, tax, 3)
    with pytest.raises(ValueError, match="no label lies on level 1"):
        accuracy_at_level(root, root, tax, 1)
    single = Taxonomy.from_paths([("r",)])
    assert accuracy_per_level(root, root, single) == {}
    assert accuracy_at_level(root, root, single) == 1.0
