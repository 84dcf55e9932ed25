"""PC-Order and PDV: their identities, and loops over samples and parents."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import node_centroids, pc_order, pc_order_per_level, pdv
from hyperhier.taxonomy import Taxonomy

NAMES = ("euclidean", "sphere", "poincare", "lorentz")


def scene(tax: Taxonomy, name: str, seed: int, n: int = 25):
    """Random points and labels, and the prototypes of another random set."""
    manifold = get_manifold(name)
    g = torch.Generator().manual_seed(seed)
    points = manifold.from_features(torch.randn(2 * n, 3, generator=g, dtype=torch.float64))
    labels = tax.leaf_ids[torch.randint(len(tax.leaf_ids), (n,), generator=g)]
    ids, prototypes = node_centroids(points[n:], labels, tax, manifold)
    return points[:n], labels, ids, prototypes, tax, manifold


@given(seed=st.integers(0, 10**6), name=st.sampled_from(NAMES))
@settings(deadline=None, max_examples=30)
def test_with_two_parents_pdv_is_one_minus_pc_order(uniform_tree, seed, name) -> None:
    args = scene(uniform_tree((2, 3)), name, seed)
    assert pdv(*args) == pytest.approx(1 - pc_order(*args), abs=1e-12)
    assert pdv(*args, variant="any") == pytest.approx(1 - pc_order(*args), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [None, 1, 2, 3])
def test_both_are_their_definitions(uniform_tree, name, level) -> None:
    tax = uniform_tree((3, 2, 2))
    points, labels, ids, prototypes, _, manifold = args = scene(tax, name, 5)
    at = tax.height - 1 if level is None else level
    nodes = [int(v) for v in tax.nodes_at(at) if v in ids]
    place = {int(v): i for i, v in enumerate(ids)}
    right, violated = [], []
    for z, own in zip(points, tax.ancestor_at(at, labels).tolist(), strict=True):
        d = {v: float(manifold.dist(z, prototypes[place[v]])) for v in nodes}
        right.append(min(d, key=d.__getitem__) == own)
        wrong = [v for v in nodes if v != own]
        violated.append(sum(d[own] >= d[v] for v in wrong) / len(wrong))
    assert pc_order(*args, level=level) == pytest.approx(sum(right) / len(right))
    assert pdv(*args, level=level) == pytest.approx(sum(violated) / len(violated))
    assert pdv(*args, level=level, chunk=4) == pytest.approx(pdv(*args, level=level))
    assert pc_order_per_level(*args)[at] == pytest.approx(sum(right) / len(right))


def test_collapsed_embeddings_are_never_right(uniform_tree) -> None:
    points, labels, ids, prototypes, tax, manifold = scene(uniform_tree((3, 2)), "lorentz", 0)
    same = prototypes[:1].expand_as(prototypes)
    args = (same[:1].expand_as(points), labels, ids, same, tax, manifold)
    assert pc_order(*args) == 0.0
    assert pdv(*args) == 1.0


def test_shallow_leaves_stand_in_for_themselves() -> None:
    tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b", "y"), ("r", "z")])
    ids = tax.encode(["a", "b", "z"])
    prototypes = torch.tensor([[0.0], [5.0], [10.0]])
    points, labels = torch.tensor([[9.0], [1.0]]), tax.encode(["z", "x"])
    deeper = Taxonomy.from_paths([("r", "a", "x", "x1"), ("r", "b", "y"), ("r", "z")])
    manifold = get_manifold("euclidean")
    assert pc_order(points, labels, ids, prototypes, tax, manifold) == 1.0
    nodes = deeper.encode(["x", "y", "z"])
    leaves = deeper.encode(["z", "x1"])
    assert pc_order(points, leaves, nodes, prototypes, deeper, manifold) == 1.0
    # an inner node above the level has nothing on it and is left out
    mixed = torch.tensor([[9.0], [9.0]])
    labels = deeper.encode(["z", "a"])
    assert pc_order(mixed, labels, nodes, prototypes, deeper, manifold) == 1.0
    with pytest.raises(ValueError, match="no label lies on level 2"):
        pc_order(mixed, deeper.encode(["a", "a"]), nodes, prototypes, deeper, manifold)


def test_every_parent_in_a_dag_is_right() -> None:
    tax = Taxonomy.from_edges(
        [("r", "a"), ("r", "b"), ("r", "c"), ("a", "x"), ("b", "x"), ("a", "y"), ("c", "w")]
    )
    ids, prototypes = tax.encode(["a", "b", "c"]), torch.tensor([[0.0], [4.0], [8.0]])
    points, manifold = torch.tensor([[4.1], [0.1], [0.1]]), get_manifold("euclidean")
    labels = tax.encode(["x", "x", "w"])
    args = (points, labels, ids, prototypes, tax, manifold)
    assert pc_order(*args) == pytest.approx(2 / 3)
    assert pdv(*args) == pytest.approx(1 / 3)


def test_a_missing_parent_is_a_failure() -> None:
    tax = Taxonomy.from_paths([("r", a, a + "1") for a in "abc"])
    manifold = get_manifold("euclidean")
    ids, prototypes = tax.encode(["a", "b"]), torch.tensor([[0.0], [1.0]])
    args = (torch.tensor([[0.1]]), tax.encode(["c1"]), ids, prototypes, tax, manifold)
    assert pc_order(*args) == 0.0
    assert pdv(*args) == 1.0


def test_the_root_as_only_parent_is_no_violation() -> None:
    tax = Taxonomy.from_paths([("r", "a"), ("r", "b")])
    points, labels = torch.tensor([[0.0], [1.0]]), tax.encode(["b", "a"])
    args = (points, labels, tax.encode(["a", "b"]), points, tax, get_manifold("euclidean"))
    assert pc_order(*args) == 1.0
    assert pdv(*args) == 0.0
    assert pc_order(*args, level=1) == 0.0


def test_bad_levels_and_variants_are_named(uniform_tree) -> None:
    args = scene(uniform_tree((2, 2)), "euclidean", 0)
    with pytest.raises(ValueError, match="level must be 0 to 2, got 3"):
        pc_order(*args, level=3)
    with pytest.raises(ValueError, match="'all'"):
        pdv(*args, variant="all")
    points, labels, ids, prototypes, tax, manifold = args
    leaves = torch.isin(ids, tax.leaf_ids)
    with pytest.raises(ValueError, match="none of the 4 prototypes lies on level 1"):
        pc_order(points, labels, ids[leaves], prototypes[leaves], tax, manifold)


@pytest.mark.parametrize("chunk", [None, 2])
def test_of_several_prototypes_of_a_node_the_nearest_counts(uniform_tree, chunk) -> None:
    tax = uniform_tree((3, 2))
    points, labels, ids, prototypes, _, manifold = scene(tax, "lorentz", 3)
    g = torch.Generator().manual_seed(1)
    more = manifold.from_features(torch.randn(len(ids), 3, generator=g, dtype=torch.float64))
    order = torch.randperm(2 * len(ids), generator=g)
    twice = torch.cat((ids, ids))[order], torch.cat((prototypes, more))[order]
    right, violated = [], []
    for z, own in zip(points, tax.ancestor_at(1, labels).tolist(), strict=True):
        d = {
            int(v): min(float(manifold.dist(z, x)) for i, x in zip(*twice, strict=True) if i == v)
            for v in tax.nodes_at(1)
        }
        right.append(min(d, key=d.__getitem__) == own)
        violated.append(sum(d[own] >= d[v] for v in d if v != own) / (len(d) - 1))
    args = (points, labels, *twice, tax, manifold)
    assert pc_order(*args, chunk=chunk) == pytest.approx(sum(right) / len(right))
    assert pdv(*args, chunk=chunk) == pytest.approx(sum(violated) / len(violated))
    assert pdv(*args, variant="any") == pytest.approx(1 - pc_order(*args))
