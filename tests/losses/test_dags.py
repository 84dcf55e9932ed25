"""Several parents: the losses of pairs against transcriptions that know nothing but the edges."""

from __future__ import annotations

import functools
import math

import pytest
import torch

from hyperhier.losses import HWCLoss, Relation
from hyperhier.losses.functional import hmlc_loss, hwc_loss, la_scl_loss, sparcl_loss
from hyperhier.manifolds import Lorentz, Sphere
from hyperhier.taxonomy import Taxonomy

EDGES = [
    *[("r", "p"), ("r", "q"), ("r", "s"), ("r", "d")],
    *[("p", "u"), ("q", "u"), ("q", "v"), ("s", "w"), ("s", "e"), ("q", "e")],
    *[("u", "u1"), ("u", "u2"), ("v", "u2"), ("v", "v1"), ("p", "v1"), ("w", "w1"), ("p", "w1")],
]
HEIGHT = 3
TAU = 0.4
LEAVES = ["u1", "u2", "v1", "w1", "d", "e", "u1", "u2", "v1", "w1", "d", "e"]
MIXED = ["u1", "u1", "u", "u2", "q", "v1", "e", "e", "w1", "d", "p"]  # inner nodes among them


@functools.cache
def ways_up(node: str) -> dict[str, list[int]]:
    """Every ancestor of a node, itself included, with the lengths of all ways up to it."""
    found = {node: [0]}
    for parent, child in EDGES:
        if child == node:
            for ancestor, lengths in ways_up(parent).items():
                found.setdefault(ancestor, []).extend(1 + n for n in lengths)
    return found


def depth(node: str) -> int:
    return max(ways_up(node)["r"])


def common(x: str, y: str) -> set[str]:
    return ways_up(x).keys() & ways_up(y).keys()


def together(x: str, y: str, level: int) -> bool:
    return x == y or any(depth(v) == level for v in common(x, y))


def kappa(x: str, y: str) -> float:
    leaf = all(parent != x for parent, _ in EDGES)
    return 1.0 if x == y and leaf else max(map(depth, common(x, y))) / HEIGHT


def steps(x: str, y: str) -> int:
    return min(min(ways_up(x)[v]) + min(ways_up(y)[v]) for v in common(x, y))


def one_above_the_other(x: str, y: str) -> bool:
    return x != y and (x in ways_up(y) or y in ways_up(x))


def plain(n, positive, logit, *, weight=lambda i, p: 1.0, left_out=lambda i, j: False):
    """The mean over anchors of the weighted mean over positives, pair by pair."""
    values = []
    for i in range(n):
        others = [j for j in range(n) if j != i and (positive(i, j) or not left_out(i, j))]
        positives = [j for j in others if positive(i, j)]
        if positives:
            total = math.log(sum(math.exp(logit(i, j)) for j in others))
            mass = sum(weight(i, p) for p in positives)
            values.append(sum(weight(i, p) * (total - logit(i, p)) for p in positives) / mass)
    return sum(values) / len(values) if values else 0.0


@pytest.fixture(scope="module")
def dag() -> Taxonomy:
    return Taxonomy.from_edges(EDGES)


@pytest.fixture(params=["sphere", "lorentz"])
def batch(request, points):
    """``batch(n)`` is a manifold, n points of it, and their similarities as lists."""
    manifold = Sphere() if request.param == "sphere" else Lorentz()

    def make(n):
        z = points(manifold, n)
        s = z @ z.mT if manifold.supports_cosine else -manifold.dist_matrix(z, z)
        return manifold, z, s.tolist()

    return make


def test_some_pairs_meet_below_the_root_by_second_parents_alone(dag):
    level = dag.ancestor_at(1, dag.encode(LEAVES)).tolist()
    pairs = [(i, j) for i in range(6) for j in range(i)]
    assert any(together(LEAVES[i], LEAVES[j], 1) and level[i] != level[j] for i, j in pairs)


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize("by_pairs", [False, True])
@pytest.mark.parametrize("names", [LEAVES, MIXED])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["shared", "split", "mass", "near"])
def test_hwc(batch, dag, kind, decay, names, by_pairs, monkeypatch):
    if by_pairs:
        monkeypatch.setattr(Relation, "between_classes", lambda self: None)
    manifold, z, s = batch(len(names))
    alpha, beta = 0.7, 3.0
    expected, mass = 0.0, 0.0
    for k in range(HEIGHT if decay else 1):
        level = HEIGHT - k

        def positive(i, j, level=level, k=k):
            if not decay:
                return names[i] == names[j]
            return together(names[i], names[j], level)

        def logit(i, j, level=level, positive=positive):
            shared = kappa(names[i], names[j])
            share = min(1.0, shared * HEIGHT / max(level - 1, 1)) if kind == "near" else 1 - shared
            near = kind == "shared" or positive(i, j)
            w = 1 + alpha * shared if near else 1 + beta * share
            if kind in ("shared", "split"):
                return w * s[i][j] / TAU
            return s[i][j] / TAU + math.log(w)

        expected += decay**k * plain(
            len(names),
            positive,
            logit,
            left_out=lambda i, j: one_above_the_other(names[i], names[j]),
        )
        mass += decay**k
    value = hwc_loss(
        z,
        dag.encode(names),
        dag,
        manifold=manifold,
        temperature=TAU,
        alpha=alpha,
        beta=beta,
        level_decay=decay,
        scaling="mass" if kind == "near" else kind,
        negatives="near" if kind == "near" else "far",
    )
    assert value.item() == pytest.approx(expected / mass, rel=1e-9)


@pytest.mark.parametrize("negatives", ["far", "near"])
def test_hwc_with_views(dag, points, negatives):
    """The other views attract; all parents say how near a negative is."""
    manifold, n = Lorentz(), 6
    z = points(manifold, n, 2)
    names = [name for name in LEAVES[:n] for _ in range(2)]
    flat = z.flatten(0, 1)
    s = (-manifold.dist_matrix(flat, flat)).tolist()

    def positive(i, j):
        return i // 2 == j // 2

    def logit(i, j):
        shared = kappa(names[i], names[j])
        share = 1 - shared if negatives == "far" else min(1.0, shared * HEIGHT / (HEIGHT - 1))
        return s[i][j] / TAU + math.log(1 + 0.7 * shared if positive(i, j) else 1 + 3.0 * share)

    loss = HWCLoss(
        dag, manifold=manifold, positives="views", negatives=negatives, temperature=TAU,
        alpha=0.7, beta=3.0,
    )  # fmt: skip
    value = loss(z, dag.encode(LEAVES[:n]))
    assert value.item() == pytest.approx(plain(2 * n, positive, logit), rel=1e-9)


@pytest.mark.parametrize("by_pairs", [False, True])
@pytest.mark.parametrize("names", [LEAVES, MIXED])
@pytest.mark.parametrize("thin_out", [False, True])
@pytest.mark.parametrize("constraint", [False, True])
def test_hmlc(batch, dag, constraint, thin_out, names, by_pairs, monkeypatch):
    if by_pairs:
        monkeypatch.setattr(Relation, "between_classes", lambda self: None)
    manifold, z, s = batch(len(names))
    kept = list(range(len(names)))
    expected, greatest = 0.0, -math.inf
    for k in range(1, HEIGHT + 1):
        level = HEIGHT - k + 1
        mean = plain(
            len(kept),
            lambda i, j, level=level, kept=kept: together(names[kept[i]], names[kept[j]], level),
            lambda i, j, kept=kept: s[kept[i]][kept[j]] / TAU,
        )
        greatest = max(greatest, mean)
        expected += 2 ** (1 / k) * (greatest if constraint else mean) / HEIGHT
        if thin_out:  # by primary parents
            node = dag.ancestor_at(level, dag.encode(names)).tolist()
            kept = [i for i in kept if node[i] not in [node[j] for j in kept if j < i]]
    value = hmlc_loss(
        z, dag.encode(names), dag, manifold=manifold, temperature=TAU, constraint=constraint,
        thin_out=thin_out,
    )  # fmt: skip
    assert value.item() == pytest.approx(expected, rel=1e-9)


SETS = [["u1", "d"], ["v1"], ["u1"], ["w1", "e"], ["v1", "e"], ["d"], ["u2", "w1"], ["w1", "e"]]


def kappa_of_sets(one: list[str], other: list[str]) -> float:
    def match(a: list[str], b: list[str]) -> float:
        return sum(max(kappa(x, y) for y in b) for x in a) / len(a)

    return (match(one, other) + match(other, one)) / 2


def table_of(dag: Taxonomy, sets: list[list[str]]) -> torch.Tensor:
    out = torch.zeros(len(sets), len(dag), dtype=torch.bool)
    for row, names in zip(out, sets, strict=True):
        row[dag.encode(names)] = True
    return out


def some_together(i: int, j: int, level: int) -> bool:
    return any(together(x, y, level) for x in SETS[i] for y in SETS[j])


@pytest.mark.parametrize("block_size", [None, 3])
def test_hwc_of_sets(batch, dag, block_size):
    """On a level those attract of which some two labels meet there; kappa says how near."""
    manifold, z, s = batch(len(SETS))
    expected = 0.0
    for level in range(HEIGHT, 0, -1):

        def logit(i, j, level=level):
            shared = kappa_of_sets(SETS[i], SETS[j])
            near = min(1.0, shared * HEIGHT / max(level - 1, 1))
            w = 1 + 0.7 * shared if some_together(i, j, level) else 1 + 3.0 * near
            return s[i][j] / TAU + math.log(w)

        mean = plain(len(SETS), lambda i, j, level=level: some_together(i, j, level), logit)
        expected += mean / HEIGHT
    loss = HWCLoss(
        dag, manifold=manifold, level_decay=1.0, negatives="near", temperature=TAU, alpha=0.7,
        beta=3.0, block_size=block_size,
    )  # fmt: skip
    assert loss(z, table_of(dag, SETS)).item() == pytest.approx(expected, rel=1e-9)


def test_hmlc_of_sets(batch, dag):
    manifold, z, s = batch(len(SETS))
    expected = 0.0
    for k in range(1, HEIGHT + 1):
        mean = plain(
            len(SETS),
            lambda i, j, level=HEIGHT - k + 1: some_together(i, j, level),
            lambda i, j: s[i][j] / TAU,
        )
        expected += 2 ** (1 / k) * mean / HEIGHT
    value = hmlc_loss(
        z, table_of(dag, SETS), dag, manifold=manifold, temperature=TAU, constraint=False
    )
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_la_scl(batch, dag):
    manifold, z, s = batch(len(LEAVES))

    def logit(i, j):
        far = 1 - kappa(LEAVES[i], LEAVES[j])
        return s[i][j] / TAU * (1.0 if LEAVES[i] == LEAVES[j] else 1 + 0.7 * far)

    expected = plain(len(LEAVES), lambda i, j: LEAVES[i] == LEAVES[j], logit)
    labels = dag.encode(LEAVES)
    value = la_scl_loss(z, labels, dag, manifold=manifold, beta=0.7, temperature=TAU)
    assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("names", [LEAVES, MIXED])
def test_sparcl(batch, dag, names):
    manifold, z, s = batch(len(names))
    expected = plain(
        len(names),
        lambda i, j: True,
        lambda i, j: s[i][j] / TAU,
        weight=lambda i, p: math.exp(-0.8 * steps(names[i], names[p]) / 2),
    )
    labels = dag.encode(names)
    value = sparcl_loss(z, labels, dag, manifold=manifold, gamma=0.8, temperature=TAU)
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_agreeing_by_a_second_parent_never_repels(dag):
    """u1 and v1 meet in q alone: on its level they attract, however near negatives count."""
    labels = dag.encode(["u1", "v1", "d"])
    z = Sphere().from_features(torch.eye(3, dtype=torch.float64)).requires_grad_()
    loss = HWCLoss(
        dag, manifold=Sphere(), level_decay=1.0, negatives="near", beta=3.0, reduction="none"
    )
    assert loss(z, labels).detach().nonzero().squeeze(1).tolist() == [0, 1]
    (gradient,) = torch.autograd.grad(loss(z, labels).sum(), z)
    assert gradient[0, 1] < 0 and gradient[1, 0] < 0  # downhill is towards each other
