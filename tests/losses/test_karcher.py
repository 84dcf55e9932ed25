"""The Karcher mean, and the prototypes that are made of it."""

from __future__ import annotations

import pytest
import torch

from hyperhier.losses import LAMLoss
from hyperhier.losses._karcher import karcher_mean
from hyperhier.losses._prototypes import batch_means
from hyperhier.manifolds import Euclidean, Lorentz, PoincareBall, Polar, Sphere, get_manifold


def cosh_distance(product: torch.Tensor, c: float) -> torch.Tensor:
    return torch.acosh(product.clamp(min=1.0)) / c**0.5


def ball(x: torch.Tensor, y: torch.Tensor, c: float) -> torch.Tensor:
    gap, x2, y2 = ((t * t).sum(-1) for t in (x - y, x, y))
    return cosh_distance(1 + 2 * c * gap / ((1 - c * x2) * (1 - c * y2)), c)


def hyperboloid(x: torch.Tensor, y: torch.Tensor, c: float) -> torch.Tensor:
    return cosh_distance(c * (x[..., 0] * y[..., 0] - (x[..., 1:] * y[..., 1:]).sum(-1)), c)


def great_circle(x: torch.Tensor, y: torch.Tensor, c: float) -> torch.Tensor:
    return torch.acos((x * y).sum(-1).clamp(-1.0, 1.0))


@pytest.mark.parametrize(
    ("manifold", "distance", "c"),
    [
        (PoincareBall(0.7), ball, 0.7),
        (Lorentz(0.7), hyperboloid, 0.7),
        (Lorentz(4.0), hyperboloid, 4.0),
        (Sphere(), great_circle, 1.0),
    ],
)
def test_it_has_the_least_sum_of_squares(manifold, distance, c):
    """Against a general minimiser of the sum, by the textbook distances."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    if manifold.name == "sphere":  # within one hemisphere
        z = 0.4 * z + torch.tensor([0.0, 0.0, 1.0])
    x = manifold.from_features(z)
    weights = torch.rand(6, generator=generator, dtype=torch.float64)
    found = karcher_mean(x, weights, manifold)

    place = z.mean(dim=0).requires_grad_()
    search = torch.optim.LBFGS(
        [place], max_iter=300, line_search_fn="strong_wolfe", tolerance_change=0.0
    )

    def total(point):
        return (weights * distance(point, x, c).square()).sum()

    def closure():
        search.zero_grad()
        value = total(manifold.from_features(place))
        value.backward()
        return value

    search.step(closure)
    expected = manifold.from_features(place.detach())
    assert float(manifold.dist(found, expected)) < 1e-6
    assert total(found) <= total(expected) * (1 + 1e-12)
    assert total(found) < total(manifold.centroid(x, weights)) * (1 - 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("radius", [0.01, 1.0, 16.0])
@pytest.mark.parametrize("geometry", ["lorentz", "poincare", "polar"])
def test_the_mean_logarithm_vanishes_however_far(geometry, radius, dtype):
    manifold = get_manifold(geometry)
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(5, 9, 4, generator=generator, dtype=torch.float64)
    x = manifold.from_features(radius * torch.nn.functional.normalize(z, dim=-1)).to(dtype)
    mean = karcher_mean(x, torch.ones(5, 9), manifold).double()
    x = manifold.projx(x.double())
    slope = manifold.logmap(mean[:, None], x).mean(dim=1)
    assert mean.isfinite().all()
    assert bool((manifold.norm(mean, slope) <= 200 * torch.finfo(dtype).eps * radius).all())


def test_a_product_has_the_means_of_its_factors():
    manifold = get_manifold("lorentz(2, c=0.5) x sphere(3) x poincare(2, weight=2)")
    z = torch.randn(8, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z[:, 2] += 3.0
    x, weights = manifold.from_features(z), torch.arange(1.0, 9.0)
    parts = manifold.split(karcher_mean(x, weights, manifold))
    for part, factor, own in zip(parts, manifold.factors, manifold.split(x), strict=True):
        torch.testing.assert_close(part, karcher_mean(own, weights, factor), rtol=1e-10, atol=1e-12)


def test_equal_points_and_weights_of_zero(manifold, points):
    x = points(manifold, 3, dtype=torch.float32).requires_grad_()
    same = karcher_mean(x[:1].expand(4, -1), torch.ones(4), manifold)
    torch.testing.assert_close(same, x[0].detach())
    assert same.dtype == torch.float32 and not same.requires_grad
    two = karcher_mean(x, torch.tensor([1.0, 1.0, 0.0]), manifold)
    torch.testing.assert_close(two, manifold.geodesic(0.5, x[0], x[1]).detach())


@pytest.mark.parametrize("size", [1, 4, 60])
def test_batch_means(size, manifold, tree, points, draw):
    z, labels = points(manifold, size), draw(tree, size)
    ids, means = batch_means(z, labels, tree, manifold, "karcher")
    assert torch.equal(ids, batch_means(z, labels, tree, manifold)[0])
    for node, mean in zip(ids, means, strict=True):
        below = tree.is_ancestor(node, labels, proper=False)
        expected = karcher_mean(z[below], torch.ones(int(below.sum())), manifold)
        torch.testing.assert_close(mean, expected, rtol=1e-9, atol=1e-12)


def test_prototypes_move_along_geodesics(tree, points):
    manifold = Lorentz()
    loss = LAMLoss(tree, manifold=manifold, mean="karcher")
    first, second = points(manifold, 3), points(manifold, 3, seed=1)
    for batch in (first, second):
        loss(batch, tree.encode(["a1x", "a1x", "a1y"]))
    ids, prototypes = loss.prototypes()
    weight = (1 - 0.9) / (1 - 0.9**2)
    for name, rows in (("a1y", slice(2, 3)), ("a1x", slice(0, 2)), ("a", slice(0, 3))):
        one, two = (
            karcher_mean(batch[rows], torch.ones(len(batch[rows])), manifold)
            for batch in (first, second)
        )
        found = prototypes[ids == tree.encode([name])][0]
        torch.testing.assert_close(found, manifold.geodesic(weight, one, two))


def test_it_is_the_centroid_in_flat_space(tree, points, draw):
    values = []
    for mean in ("centroid", "karcher"):
        loss = LAMLoss(tree, manifold=Euclidean(), mean=mean, margin=2.0)
        loss(points(Euclidean(), 12), draw(tree, 12))
        values.append(loss(points(Euclidean(), 12, seed=1), draw(tree, 12, seed=1)))
    torch.testing.assert_close(*values)
    assert "mean='karcher'" in repr(loss)


def test_both_hyperbolic_models_agree(tree, points, draw):
    ball, polar = PoincareBall(0.3), Polar(0.3)
    one, two = (LAMLoss(tree, manifold=m, mean="karcher", margin=2.0) for m in (ball, polar))
    for seed in range(2):
        z, labels = points(ball, 9, seed=seed), draw(tree, 9, seed=seed)
        torch.testing.assert_close(
            one(z, labels), two(ball.to(polar)(z), labels), rtol=1e-8, atol=0
        )


def test_a_bad_mean_is_named(tree):
    with pytest.raises(ValueError, match=r"mean must be one of .* got 'median'"):
        LAMLoss(tree, manifold="sphere", mean="median")
