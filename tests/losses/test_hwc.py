"""HWC: its formula, its identities, and the sign of its repulsion."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.losses import HWCLoss, NTXentLoss, SupConLoss
from hyperhier.losses.functional import hwc_loss
from hyperhier.manifolds import Euclidean, Lorentz, Manifold, Sphere, get_manifold
from hyperhier.taxonomy import Taxonomy

SCALINGS = ("shared", "split", "mass")


def plain_hwc(
    s: list[list[float]],
    kappa: list[list[float]],
    positives: list[list[int]],
    scaling: str,
    tau: float,
    alpha: float,
    beta: float,
) -> float:
    """The formula, written out."""

    def logit(i: int, j: int) -> float:
        near = 1 + alpha * kappa[i][j]
        far = 1 + beta * (1 - kappa[i][j])
        if scaling == "shared":
            return near * s[i][j] / tau
        weight = near if j in positives[i] else far
        return weight * s[i][j] / tau if scaling == "split" else s[i][j] / tau + math.log(weight)

    total, anchors = 0.0, 0
    for i in range(len(s)):
        if not positives[i]:
            continue
        denominator = sum(math.exp(logit(i, a)) for a in range(len(s)) if a != i)
        total -= sum(math.log(math.exp(logit(i, p)) / denominator) for p in positives[i]) / len(
            positives[i]
        )
        anchors += 1
    return total / anchors


def similarity(manifold: Manifold, z: Tensor, kind: str) -> list[list[float]]:
    if kind == "cosine":
        unit = z / z.norm(dim=-1, keepdim=True)
        return (unit @ unit.T).tolist()
    return [[-float(manifold.dist(x, y)) for y in z] for x in z]


def kinds(manifold: Manifold) -> tuple[str, ...]:
    return ("cosine", "distance") if manifold.supports_cosine else ("distance",)


def full_paths(tree: Taxonomy, labels: Tensor) -> list[list[str]]:
    """Names from the root to the label, a leaf standing in for itself on the levels below."""
    paths = [[*reversed(tree.ancestors(n)), n] for n in tree.decode(labels)]
    return [(p + [p[-1]] * 3)[: tree.height + 1] for p in paths]


def common_depths(paths: list[list[str]]) -> list[list[int]]:
    """Depth of the deepest common name."""
    return [[sum(a == b for a, b in zip(p, q, strict=True)) - 1 for q in paths] for p in paths]


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize("scaling", SCALINGS)
def test_equals_the_formula(manifold, tree, points, draw, scaling):
    labels, z = draw(tree, 10), points(manifold, 10)
    paths = full_paths(tree, labels)
    kappa = [[depth / 3 for depth in row] for row in common_depths(paths)]
    same = [[j for j in range(10) if j != i and paths[i] == paths[j]] for i in range(10)]
    for kind in kinds(manifold):
        got = hwc_loss(
            z,
            labels,
            tree,
            manifold=manifold,
            scaling=scaling,
            similarity=kind,
            temperature=0.5,
            alpha=0.7,
            beta=1.3,
        )
        s = similarity(manifold, z, kind)
        expected = plain_hwc(s, kappa, same, scaling, 0.5, 0.7, 1.3)
        assert float(got) == pytest.approx(expected, rel=1e-12)


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_without_hierarchy_it_is_supcon_and_ntxent(
    manifold, tree, points, draw, scaling, dtype, tolerance
):
    labels, z = draw(tree, 8), points(manifold, 8, 2, dtype=dtype)
    for kind in kinds(manifold):
        common = {"manifold": manifold, "similarity": kind}
        flat = {"alpha": 0.0, "beta": 0.0, "scaling": scaling}
        torch.testing.assert_close(
            HWCLoss(tree, **flat, **common)(z, labels),
            SupConLoss(**common)(z, labels),
            rtol=tolerance,
            atol=0,
        )
        torch.testing.assert_close(
            HWCLoss(tree, positives="views", **flat, **common)(z, labels),
            NTXentLoss(**common)(z),
            rtol=tolerance,
            atol=0,
        )


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("decay", [0.5, 1.0])
def test_levels_equal_the_formula(manifold, tree, points, draw, scaling, decay):
    labels, z = draw(tree, 10), points(manifold, 10)
    common = common_depths(full_paths(tree, labels))
    kappa = [[depth / 3 for depth in row] for row in common]
    kind = kinds(manifold)[0]
    s = similarity(manifold, z, kind)
    total, weights = 0.0, 0.0
    for above in range(3):  # levels above the leaves
        level = 3 - above
        positives = [[j for j in range(10) if j != i and common[i][j] >= level] for i in range(10)]
        total += decay**above * plain_hwc(s, kappa, positives, scaling, 0.5, 0.7, 1.3)
        weights += decay**above
    options = {"temperature": 0.5, "alpha": 0.7, "beta": 1.3, "similarity": kind}
    loss = HWCLoss(tree, manifold=manifold, scaling=scaling, level_decay=decay, **options)
    assert float(loss(z, labels)) == pytest.approx(total / weights, rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_near_negatives_equal_the_formula(manifold, tree, points, draw, decay):
    labels, z = draw(tree, 10), points(manifold, 10)
    common = common_depths(full_paths(tree, labels))
    kind = kinds(manifold)[0]
    s = similarity(manifold, z, kind)
    expected, weights = 0.0, 0.0
    for above in range(3 if decay else 1):
        level, total, anchors = 3 - above, 0.0, 0

        def mass(i: int, j: int, level: int = level) -> float:
            if common[i][j] >= level:
                w = 1 + 0.7 * common[i][j] / 3
            else:
                w = 1 + 5.0 * (common[i][j] / (level - 1) if level > 1 else 0.0)
            return w * math.exp(s[i][j] / 0.5)

        for i in range(10):
            positives = [j for j in range(10) if j != i and common[i][j] >= level]
            if positives:
                below = sum(mass(i, j) for j in range(10) if j != i)
                total -= sum(math.log(mass(i, j) / below) for j in positives) / len(positives)
                anchors += 1
        expected += decay**above * total / anchors
        weights += decay**above
    options = {"temperature": 0.5, "alpha": 0.7, "beta": 5.0, "similarity": kind}
    loss = HWCLoss(tree, manifold=manifold, negatives="near", level_decay=decay, **options)
    assert float(loss(z, labels)) == pytest.approx(expected / weights, rel=1e-12)


@pytest.mark.parametrize("block_size", [None, 4])
def test_weights_outside_the_softmax_equal_the_formula(manifold, tree, points, draw, block_size):
    """The control: each positive weighs 1 + alpha kappa in the mean of the log-softmax."""
    labels, z = draw(tree, 10), points(manifold, 10)
    common = common_depths(full_paths(tree, labels))
    kind = kinds(manifold)[0]
    s = similarity(manifold, z, kind)
    expected = 0.0
    for level in (3, 2, 1):
        anchors = []
        for i in range(10):
            others = [j for j in range(10) if j != i]
            weights = {j: 1 + 2 * common[i][j] / 3 for j in others if common[i][j] >= level}
            if weights:
                below = math.log(sum(math.exp(s[i][j] / 0.5) for j in others))
                total = sum(w * (below - s[i][j] / 0.5) for j, w in weights.items())
                anchors.append(total / sum(weights.values()))
        expected += sum(anchors) / len(anchors) / 3
    options = {"manifold": manifold, "similarity": kind, "temperature": 0.5}
    options["block_size"] = block_size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = HWCLoss(tree, scaling="outside", alpha=2.0, level_decay=1.0, **options)
    assert float(loss(z, labels)) == pytest.approx(expected, rel=1e-9)
    leaves = HWCLoss(tree, scaling="outside", **options)(z, labels)
    torch.testing.assert_close(leaves, SupConLoss(**options)(z, labels))


@pytest.mark.parametrize("negatives", ["far", "near"])
def test_views_equal_the_formula(manifold, tree, points, draw, negatives):
    """The other views attract; samples of the same leaf repel, with kappa = 1."""
    labels, z = draw(tree, 6), points(manifold, 6, 2)
    flat = z.flatten(0, 1)
    common = common_depths(full_paths(tree, labels.repeat_interleave(2)))
    kind = kinds(manifold)[0]
    s = similarity(manifold, flat, kind)

    def mass(i: int, j: int) -> float:
        if i // 2 == j // 2:
            w = 1 + 0.7 * common[i][j] / 3
        else:
            w = 1 + 1.3 * (1 - common[i][j] / 3 if negatives == "far" else min(1, common[i][j] / 2))
        return w * math.exp(s[i][j] / 0.5)

    expected = 0.0
    for i in range(12):
        other = i + 1 - 2 * (i % 2)
        expected -= math.log(mass(i, other) / sum(mass(i, j) for j in range(12) if j != i)) / 12
    value = hwc_loss(
        z, labels, tree, manifold=manifold, positives="views", negatives=negatives,
        similarity=kind, temperature=0.5, alpha=0.7, beta=1.3,
    )  # fmt: skip
    assert float(value) == pytest.approx(expected, rel=1e-9)


def test_levels_leave_a_given_choice_of_pairs_as_it_is(manifold, tree, points, draw):
    z, labels = points(manifold, 4), draw(tree, 4)
    chosen = (
        torch.tensor([0, 2]),
        torch.tensor([1, 3]),
        torch.tensor([0, 1]),
        torch.tensor([2, 3]),
    )
    values = [
        hwc_loss(z, labels, tree, manifold=manifold, level_decay=g, indices_tuple=chosen)
        for g in (0.0, 0.5)
    ]
    torch.testing.assert_close(*values)


def test_levels_bring_siblings_nearer(tree):
    """Without a second sample of a leaf, only the levels above it attract."""
    m = Lorentz()
    labels = tree.leaf_ids[:4]
    z = m.from_features(torch.eye(4, dtype=torch.float64)).requires_grad_()
    alone = hwc_loss(z, labels, tree, manifold=m)
    assert float(alone.detach()) == 0.0
    levels = hwc_loss(z, labels, tree, manifold=m, level_decay=0.5)
    (gradient,) = torch.autograd.grad(levels, z)
    assert float(levels.detach()) > 0
    assert float(gradient.norm()) > 0


def test_levels_of_inner_labels(tree, points):
    """A sample known as a parent is a positive above its depth, and undecided below it."""
    m = Euclidean()
    inner = next(n for n in tree.nodes if tree.children(n) and tree.ancestors(n))
    leaf = next(n for n in tree.decode(tree.leaf_ids) if inner in tree.ancestors(n))
    other = next(n for n in tree.decode(tree.leaf_ids) if inner not in tree.ancestors(n))
    labels = tree.encode([inner, leaf, leaf, other])
    z = points(m, 4)
    value = hwc_loss(z, labels, tree, manifold=m, level_decay=1.0, alpha=0.0, beta=0.0)
    s = similarity(m, z, "cosine")
    depth = len(tree.ancestors(inner))
    expected = 0.0
    for level in range(1, tree.height + 1):
        together = [0, 1, 2] if level <= depth else [1, 2]
        anchors = []
        for i in together:
            others = [j for j in range(4) if j != i and not (level > depth and j == 0)]
            positives = [j for j in together if j != i]
            total = sum(math.exp(s[i][j] / 0.1) for j in others)
            anchors.append(
                -sum(s[i][j] / 0.1 - math.log(total) for j in positives) / len(positives)
            )
        expected += sum(anchors) / len(anchors) / tree.height
    assert float(value) == pytest.approx(expected, rel=1e-9)


def repulsion(manifold: Manifold, tree: Taxonomy, d: float, **options) -> tuple[float, float]:
    """Gradient lengths on a negative of another branch and on a sibling, both at distance d."""
    generator = torch.Generator().manual_seed(3)
    width = manifold.ambient_dim(3)
    anchor = manifold.random_normal(1, width, std=0.5, dtype=torch.float64, generator=generator)
    anchor = anchor.expand(3, width)
    u = manifold.proju(anchor, torch.randn(3, width, dtype=torch.float64, generator=generator))
    u = u / manifold.norm(anchor, u).unsqueeze(-1)
    others = manifold.expmap(anchor, u * torch.tensor([[0.3], [d], [d]]))
    z = torch.cat((anchor[:1], others)).detach().requires_grad_()
    labels = tree.encode(["a1", "a1", "a2", "b1"])
    loss = hwc_loss(z, labels, tree, manifold=manifold, reduction="none", **options)[0]
    (gradient,) = torch.autograd.grad(loss, z)
    length = manifold.norm(z, manifold.egrad2rgrad(z, gradient)).detach()
    return float(length[3]), float(length[2])


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize("geometry", ["euclidean", "sphere", "poincare", "lorentz"])
@pytest.mark.parametrize(
    ("d", "shared", "split"),
    [(0.02, 0.70, 1.27), (0.1, 0.86, 1.04), (0.5, 2.3, 0.38), (1.0, 8.1, 0.11), (2.0, 99, 0.009)],
)
def test_repulsion_with_distances(small_tree, geometry, d, shared, split):
    options = {"similarity": "distance", "temperature": 0.2}
    for scaling, printed, expected in (
        ("shared", shared, math.exp(0.5 * d / 0.2) / 1.5),
        ("split", split, math.exp(-0.5 * d / 0.2) * 2 / 1.5),
    ):
        stranger, sibling = repulsion(
            get_manifold(geometry), small_tree, d, scaling=scaling, **options
        )
        assert stranger / sibling == pytest.approx(expected, rel=1e-6)
        assert expected == pytest.approx(printed, rel=0.02)


@pytest.mark.filterwarnings("ignore:scaling=")
@pytest.mark.parametrize(
    ("s", "shared", "split"),
    [(0.8, 0.012, 73), (0.4, 0.09, 9.9), (0.0, 0.67, 1.33), (-0.6, 13, 0.07)],
)
def test_repulsion_with_the_cosine(small_tree, s, shared, split):
    options = {"similarity": "cosine", "temperature": 0.1}
    for scaling, printed, expected in (
        ("shared", shared, math.exp(-0.5 * s / 0.1) / 1.5),
        ("split", split, math.exp(0.5 * s / 0.1) * 2 / 1.5),
    ):
        stranger, sibling = repulsion(
            Sphere(), small_tree, math.acos(s), scaling=scaling, **options
        )
        assert stranger / sibling == pytest.approx(expected, rel=1e-6)
        assert expected == pytest.approx(printed, rel=0.06)


@pytest.mark.parametrize("d", [0.02, 0.5, 1.5, 2.5])
def test_mass_always_repels_strangers_more(manifold, small_tree, d):
    for kind in ("distance", "cosine") if manifold.name == "sphere" else ("distance",):
        stranger, sibling = repulsion(
            manifold, small_tree, d, scaling="mass", similarity=kind, temperature=0.2
        )
        assert stranger / sibling == pytest.approx(2 / 1.5, rel=1e-6)


def test_pairings_that_push_the_wrong_way_are_warned_about(small_tree):
    for m, kind, scaling in (
        (Euclidean(), "cosine", "shared"),
        (Sphere(), "distance", "split"),
        (Lorentz(), "auto", "split"),
    ):
        with pytest.warns(UserWarning, match="repels siblings more") as record:
            loss = HWCLoss(small_tree, manifold=m, similarity=kind, scaling=scaling)
        assert record[0].filename == __file__
        z = m.from_features(torch.zeros(1, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loss(z, small_tree.encode(["a1"]))
        with pytest.warns(UserWarning, match="repels siblings more") as record:
            hwc_loss(
                z,
                small_tree.encode(["a1"]),
                small_tree,
                manifold=m,
                similarity=kind,
                scaling=scaling,
            )
        assert record[0].filename == __file__


def test_right_pairings_are_silent(manifold, small_tree):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in kinds(manifold):
            assert HWCLoss(small_tree, manifold=manifold, similarity=kind).scaling == "mass"
            literal = "split" if kind == "cosine" else "shared"
            HWCLoss(small_tree, manifold=manifold, similarity=kind, scaling=literal)


@pytest.mark.parametrize("manifold", [Sphere(), Lorentz()])
def test_more_hierarchy_brings_siblings_nearer(tree, manifold):
    """The aim of the loss, measured: free points, some steps."""
    leaves = tree.encode(["a1x", "a1y", "b1x", "b1y"])
    labels = leaves.repeat_interleave(4)
    ratio = {}
    for strength in (0.0, 3.0):
        torch.manual_seed(0)
        features = (0.3 * torch.randn(16, 3, dtype=torch.float64)).requires_grad_()
        loss = HWCLoss(
            tree, manifold=manifold, scaling="mass", alpha=strength, beta=strength, temperature=0.5
        )
        optimizer = torch.optim.Adam([features], lr=0.04)
        for _ in range(80):
            optimizer.zero_grad()
            loss(manifold.from_features(features), labels).backward()
            optimizer.step()
        z = manifold.from_features(features.detach())
        centre = manifold.centroid(z.view(4, 4, -1))
        d = manifold.dist_matrix(centre, centre)
        ratio[strength] = float((d[0, 1] + d[2, 3]) / (d[0, 2:].mean() + d[1, 2:].mean()))
    assert ratio[3.0] < ratio[0.0]


def test_inner_nodes_and_paths_are_labels_too(tree, points):
    m = Lorentz()
    labels = tree.encode(["a", "a", "a1x", "b1", "b1", "d"])
    z = points(m, 6)
    by_id = hwc_loss(z, labels, tree, manifold=m)
    torch.testing.assert_close(hwc_loss(z, tree.paths(labels), tree, manifold=m), by_id)
    assert bool(by_id.isfinite())


@pytest.mark.parametrize("bad", [-1, 99])
def test_unknown_labels_are_named(tree, points, bad):
    labels = torch.tensor([3, bad, 4])
    with pytest.raises(TaxonomyError, match=f"labels hold {bad}, expected node ids in"):
        hwc_loss(points(Euclidean(), 3), labels, tree, manifold=Euclidean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -0.1}, "alpha must be finite and at least 0, got -0.1"),
        ({"beta": math.nan}, "beta must be finite and at least 0, got nan"),
        ({"temperature": 0.0}, "temperature must be positive and finite, got 0.0"),
        ({"scaling": "both"}, "scaling must be one of .* got 'both'"),
        ({"positives": "all"}, "positives must be one of .* got 'all'"),
        ({"negatives": "all"}, "negatives must be one of .* got 'all'"),
        (
            {"negatives": "near", "scaling": "split", "similarity": "cosine"},
            "negatives='near' needs scaling='mass', got 'split'",
        ),
        ({"level_decay": 1.5}, r"level_decay must be in \[0, 1\], got 1.5"),
        ({"level_decay": math.nan}, r"level_decay must be in \[0, 1\], got nan"),
        ({"level_decay": 0.5, "positives": "views"}, "needs positives='supervised', got 'views'"),
        ({"similarity": "dot"}, "similarity must be .* got 'dot'"),
    ],
)
def test_bad_options_are_named(tree, options, message):
    with pytest.raises(ValueError, match=message):
        HWCLoss(tree, manifold=Euclidean(), **options)
    with pytest.raises(ValueError, match=message):
        hwc_loss(torch.zeros(1, 2), tree.leaf_ids[:1], tree, manifold=Euclidean(), **options)


def test_views_need_views(tree, points, draw):
    with pytest.raises(ValueError, match="V >= 2"):
        hwc_loss(
            points(Euclidean(), 4), draw(tree, 4), tree, manifold=Euclidean(), positives="views"
        )


def test_functional_twin(manifold, tree, points, draw):
    z, labels = points(manifold, 6, 2), draw(tree, 6)
    for options in (
        {},
        {"temperature": 0.4, "alpha": 2.0, "beta": 0.5, "scaling": "mass"},
        {"positives": "views", "reduction": "none", "block_size": 5},
        {"level_decay": 0.5, "block_size": 5},
        {"level_decay": 1.0, "reduction": "sum", "negatives": "near", "beta": 10.0},
    ):
        torch.testing.assert_close(
            HWCLoss(tree, manifold=manifold, **options)(z, labels),
            hwc_loss(z, labels, tree, manifold=manifold, **options),
            rtol=0,
            atol=0,
        )
