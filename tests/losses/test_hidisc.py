"""HiDisc against its formula written out, against SupCon, and its nested positives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.losses.hidisc import HiDiscLoss, hidisc_loss
from hyperhier.losses.supcon import supcon_loss
from hyperhier.manifolds import Euclidean, Lorentz, Manifold, Sphere
from hyperhier.taxonomy import Taxonomy

#: patient, slide within the patient; slide 0 of one patient is not slide 0 of another
TABLE = [[0, 0], [0, 0], [0, 1], [1, 0], [1, 0], [1, 0], [2, 5]]


def similarity(manifold: Manifold, z: Tensor) -> list[list[float]]:
    if manifold.supports_cosine:
        unit = z / z.norm(dim=-1, keepdim=True)
        return (unit @ unit.T).tolist()
    return [[-float(manifold.dist(x, y)) for y in z] for x in z]


def plain_hidisc(
    s: list[list[float]], keys: list[list[tuple[int, ...]]], tau: float, weights: list[float]
) -> float:
    """``keys[k][i]`` is what sample i is on level k; equal keys are positives."""
    total = 0.0
    for level, key in enumerate(keys):
        terms = []
        for i in range(len(key)):
            others = [a for a in range(len(key)) if a != i]
            positives = [p for p in others if key[p] == key[i]]
            if positives:
                bottom = math.fsum(math.exp(s[i][a] / tau) for a in others)
                logs = [math.log(math.exp(s[i][p] / tau) / bottom) for p in positives]
                terms.append(-math.fsum(logs) / len(positives))
        if terms:
            total += weights[level] * math.fsum(terms) / len(terms)
    return total


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_equals_the_formula_over_columns(manifold, points, tau):
    z = points(manifold, len(TABLE))
    keys = [[(p,) for p, _ in TABLE], [(p, s) for p, s in TABLE]]
    expected = plain_hidisc(similarity(manifold, z), keys, tau, [1.0, 1.0])
    loss = HiDiscLoss(manifold=manifold, temperature=tau)
    assert float(loss(z, torch.tensor(TABLE))) == pytest.approx(expected, rel=1e-11)


def test_views_are_the_finest_level(manifold, points):
    z = points(manifold, len(TABLE), 2)
    rows = [i for i in range(len(TABLE)) for _ in range(2)]
    keys = [
        [(TABLE[i][0],) for i in rows],
        [tuple(TABLE[i]) for i in rows],
        [(i,) for i in rows],
    ]
    weights = [1.0, 0.5, 2.0]
    expected = plain_hidisc(similarity(manifold, z.flatten(0, 1)), keys, 0.5, weights)
    loss = HiDiscLoss(manifold=manifold, temperature=0.5, level_weights=weights)
    assert float(loss(z, torch.tensor(TABLE))) == pytest.approx(expected, rel=1e-11)


def test_levels_of_a_taxonomy(manifold, points, tree, draw):
    z, labels = points(manifold, 12), draw(tree, 12)
    paths = tree.paths(labels).tolist()
    keys = [[(path[level],) for path in paths] for level in range(1, tree.height + 1)]
    expected = plain_hidisc(similarity(manifold, z), keys, 0.5, [1.0] * tree.height)
    got = hidisc_loss(z, labels, tree, manifold=manifold, temperature=0.5)
    assert float(got) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("shape", [(9,), (9, 1)])
def test_one_level_is_supcon(manifold, points, shape):
    z, labels = points(manifold, 9), torch.tensor([4, -1, 4, 7, 4, -1, 30, 4, -1])
    expected = supcon_loss(z, labels, manifold=manifold, temperature=0.07)
    got = hidisc_loss(z, labels.reshape(shape), manifold=manifold, temperature=0.07)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_default_temperature_is_the_published_one_for_the_cosine(points):
    labels = torch.tensor(TABLE)
    for m, tau in ((Sphere(), 0.07), (Lorentz(), 0.2)):
        z = points(m, len(TABLE))
        torch.testing.assert_close(
            hidisc_loss(z, labels, manifold=m),
            hidisc_loss(z, labels, manifold=m, temperature=tau),
        )


def test_positives_of_a_finer_level_are_positives_of_the_coarser(points):
    seen: list[Tensor] = []

    class Spy(HiDiscLoss):
        def _terms(self, s, relation, levels_of):
            terms = super()._terms(s, relation, levels_of)
            seen.extend(term.positive for term in terms)
            return terms

    Spy(manifold=Euclidean())(points(Euclidean(), 7, 2), torch.tensor(TABLE))
    patient, slide, patch = seen
    assert bool((patch <= slide).all()) and bool((slide <= patient).all())
    assert [int(level.sum()) for level in seen] == [62, 46, 14]


def test_unnested_columns_are_nested_by_their_prefix(points):
    z = points(Sphere(), 4)
    same_slide_number = torch.tensor([[0, 7], [1, 7], [2, 7], [3, 7]])
    assert float(hidisc_loss(z, same_slide_number, manifold=Sphere())) == 0.0


def test_an_inner_label_takes_no_part_below_its_level(points, tree):
    m = Euclidean()
    z = points(m, 5)
    labels = tree.encode(["a1x", "a1x", "a", "a", "b1x"])
    loss = HiDiscLoss(tree, manifold=m, temperature=1.0, reduction="none")
    without = hidisc_loss(
        z[[0, 1, 4]], labels[[0, 1, 4]], tree, manifold=m, temperature=1.0, reduction="none",
        level_weights=[0.0, 1.0, 1.0],
    )  # fmt: skip
    below = HiDiscLoss(
        tree, manifold=m, temperature=1.0, reduction="none", level_weights=[0, 1, 1]
    )(z, labels)
    torch.testing.assert_close(below[[0, 1, 4]], without)
    assert below[2] == below[3] == 0.0
    assert bool((loss(z, labels)[2:4] > 0).all())


def test_reference_set(manifold, points):
    z, ref = points(manifold, 5), points(manifold, 7, seed=1)
    labels, ref_labels = torch.tensor(TABLE)[:5], torch.tensor(TABLE)
    loss = HiDiscLoss(manifold=manifold, temperature=0.5)
    both = torch.cat((z, ref))
    s = similarity(manifold, both)
    total = 0.0
    for width in (1, 2):
        terms = []
        for i in range(5):
            candidates = range(5, 12)
            positives = [j for j in candidates if TABLE[j - 5][:width] == TABLE[i][:width]]
            bottom = sum(math.exp(s[i][j] / 0.5) for j in candidates)
            terms.append(
                -sum(math.log(math.exp(s[i][j] / 0.5) / bottom) for j in positives) / len(positives)
            )
        total += sum(terms) / len(terms)
    got = loss(z, labels, ref_emb=ref, ref_labels=ref_labels)
    assert float(got) == pytest.approx(total, rel=1e-11)


def test_tiled_equals_dense_with_gradients(manifold, points):
    results = []
    for size in (None, 3):
        z = points(manifold, 7, 2).requires_grad_()
        value = hidisc_loss(z, torch.tensor(TABLE), manifold=manifold, block_size=size)
        results.append((value, *torch.autograd.grad(value, z)))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_degenerate_batches_are_zero_with_a_graph(manifold, tree):
    for n in (0, 1):
        z = manifold.from_features(torch.randn(n, 3)).requires_grad_()
        for loss in (HiDiscLoss(manifold=manifold), HiDiscLoss(tree, manifold=manifold)):
            value = loss(z, torch.zeros(n, dtype=torch.long))
            value.backward()
            assert value.item() == 0.0
    lonely = Taxonomy.from_paths([("only",)])
    z = manifold.from_features(torch.randn(3, 3)).requires_grad_()
    value = HiDiscLoss(lonely, manifold=manifold)(z, torch.zeros(3, dtype=torch.long))
    value.backward()
    assert value.item() == 0.0


def test_half_precision_and_non_contiguous_input(points):
    z = points(Sphere(), 7)
    labels = torch.tensor(TABLE)
    half = hidisc_loss(z.half(), labels, manifold=Sphere())
    assert half.dtype == torch.float32
    torch.testing.assert_close(half.double(), hidisc_loss(z, labels, manifold=Sphere()),
                               rtol=2e-2, atol=0)  # fmt: skip
    turned = z.T.contiguous().T
    torch.testing.assert_close(
        hidisc_loss(turned, labels.T.contiguous().T, manifold=Sphere()),
        hidisc_loss(z, labels, manifold=Sphere()),
    )


def test_bad_input_is_named(points, tree):
    z = points(Sphere(), 7)
    labels = torch.tensor(TABLE)
    with pytest.raises(ValueError, match=r"each of 2 levels, got \(1\.0,\)"):
        hidisc_loss(z, labels, manifold=Sphere(), level_weights=[1])
    with pytest.raises(ValueError, match=r"level_weights .* \(-1\.0, 1\.0\)"):
        HiDiscLoss(manifold=Sphere(), level_weights=[-1, 1])
    with pytest.raises(ValueError, match="views of the same sample"):
        hidisc_loss(z, labels, manifold=Sphere(), views=True)
    with pytest.raises(ValueError, match="same columns"):
        hidisc_loss(z, labels, manifold=Sphere(), ref_emb=z, ref_labels=labels[:, :1])
    with pytest.raises(ValueError, match="not finite"):
        hidisc_loss(z * torch.nan, labels, manifold=Sphere())
    with pytest.raises(TaxonomyError, match="99"):
        hidisc_loss(z, torch.full((7,), 99), tree, manifold=Sphere())
    with pytest.raises(TypeError, match="integers"):
        hidisc_loss(z, labels.float(), manifold=Sphere())
    with pytest.raises(ValueError, match="no memory"):
        HiDiscLoss(manifold=Sphere(), memory=8)(z, labels)
    with pytest.raises(ValueError, match="several labels"):
        HiDiscLoss(tree, manifold=Sphere())(z, torch.eye(len(tree), dtype=torch.bool)[:7])
