"""Every loss on every manifold: finite, with the right gradient, the same in isometric models.

Losses come from ``available_losses()``, so that a new one is tested here as soon as it has a name.
"""

from __future__ import annotations

from collections.abc import Callable

import geoopt
import pytest
import torch
from torch import Tensor, nn

from hyperhier.losses import available_losses, make_loss
from hyperhier.manifolds import (
    Euclidean,
    Lorentz,
    Manifold,
    PoincareBall,
    Polar,
    Product,
    Sphere,
    as_manifold,
    get_manifold,
)
from hyperhier.nn import ManifoldParameter
from hyperhier.taxonomy import Taxonomy

FEATURES = 6
CURVATURE = 0.7

MANIFOLDS: dict[str, Callable[[], Manifold]] = {
    "euclidean": Euclidean,
    "sphere": Sphere,
    "poincare": lambda: PoincareBall(CURVATURE),
    "lorentz": lambda: Lorentz(CURVATURE),
    "polar": lambda: Polar(CURVATURE),
    "product": lambda: get_manifold("lorentz(2, c=0.5) x sphere(2) x poincare(2, weight=2)"),
    "product of shares": lambda: Product(Lorentz(), Euclidean()),
    "geoopt euclidean": lambda: as_manifold(geoopt.Euclidean(ndim=1)),
    "geoopt sphere": lambda: as_manifold(geoopt.SphereExact()),
    "geoopt ball": lambda: as_manifold(geoopt.PoincareBall(c=CURVATURE)),
    "geoopt lorentz": lambda: as_manifold(geoopt.Lorentz(k=1 / CURVATURE)),
    "geoopt product": lambda: Product.from_geoopt(
        geoopt.ProductManifold((geoopt.PoincareBall(), 3), (geoopt.Euclidean(1), 3))
    ),
}

#: one of every kind of coordinates
QUICK = ("euclidean", "sphere", "lorentz", "polar", "product")


@pytest.fixture(params=available_losses())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(
    params=[pytest.param(key, marks=[] if key in QUICK else pytest.mark.deep) for key in MANIFOLDS]
)
def some_manifold(request: pytest.FixtureRequest) -> Manifold:
    """All of them in the deep tests."""
    return MANIFOLDS[request.param]()


@pytest.fixture(params=MANIFOLDS)
def manifold(request: pytest.FixtureRequest) -> Manifold:
    return MANIFOLDS[request.param]()


def build(name: str, taxonomy: Taxonomy, manifold: Manifold, **options: str) -> nn.Module:
    """The loss of a name, with the number of features where it owns points."""
    torch.manual_seed(0)
    try:
        return make_loss(name, taxonomy, manifold, dim=FEATURES, **options).terms[name]
    except TypeError as error:
        if "'dim'" not in str(error):
            raise
    return make_loss(name, taxonomy, manifold, **options).terms[name]


def samples(n: int, seed: int = 0, *views: int) -> Tensor:
    """Features, far enough from each other that hinges are not all at rest."""
    generator = torch.Generator().manual_seed(seed)
    return 0.7 * torch.randn(n, *views, FEATURES, generator=generator, dtype=torch.float64)


def labels_of(taxonomy: Taxonomy, n: int) -> Tensor:
    return taxonomy.leaf_ids[torch.arange(n) % len(taxonomy.leaf_ids)]


def settle(loss: nn.Module, *arguments: Tensor) -> nn.Module:
    """Let prototypes form, then keep them."""
    loss.train()(*arguments)
    return loss.eval()


def test_finite_in_single_precision(name, manifold, tree):
    x = manifold.from_features(samples(12).float()).requires_grad_()
    loss = build(name, tree, manifold)
    value = loss(x, labels_of(tree, 12))
    value.backward()
    assert value.shape == () and value.isfinite()
    assert x.grad.isfinite().all() and (x.grad != 0).any()
    for key, parameter in loss.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), key


def test_gradient_is_the_derivative(name, some_manifold, tree):
    """Along geodesics: every loss moves as its gradient says."""
    manifold = some_manifold
    x, labels = manifold.from_features(samples(12)), labels_of(tree, 12)
    loss = settle(build(name, tree, manifold).double(), x, labels)
    u = manifold.proju(x, torch.randn(x.shape, dtype=x.dtype))
    leaf = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(leaf, labels), leaf)
    h = 1e-5
    ahead, behind = (loss(manifold.expmap(x, s * h * u), labels) for s in (1, -1))
    expected = float((ahead - behind).detach()) / (2 * h)
    assert float((g * u).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [("lorentz", "poincare"), ("lorentz", "polar"), ("geoopt lorentz", "geoopt ball")],
)
def test_isometric_models_have_the_same_loss(name, one, other, tree):
    z, labels = samples(12), labels_of(tree, 12)
    source, target = MANIFOLDS[one](), MANIFOLDS[other]()
    here = build(name, tree, source).double()
    there = build(name, tree, target).double()
    carry(here, there)
    value = here(source.from_features(z), labels)
    found = there(target.from_features(z), labels)
    tolerance = 1e-3 if "geoopt" in one else 1e-9
    torch.testing.assert_close(found, value, rtol=tolerance, atol=tolerance)


def carry(source: nn.Module, target: nn.Module) -> None:
    """Give the points and parameters of a loss to the same loss on another model."""
    modules, parameters = dict(source.named_modules()), dict(source.named_parameters())
    placed = set()
    for key, module in target.named_modules():
        if isinstance(module, ManifoldParameter):
            home = modules[key]
            features = home.manifold.to_features(home().detach())
            module.weight.data = module.manifold.from_features(features)
            placed.add(f"{key}.weight")
    for key, parameter in target.named_parameters():
        if key not in placed and "manifold." not in key:  # a curvature is not theirs to give
            parameter.data.copy_(parameters[key].detach())


def test_one_factor_is_that_factor(name, tree):
    z, labels = samples(12), labels_of(tree, 12)
    m = Lorentz(CURVATURE)
    alone = Product((Lorentz(CURVATURE), FEATURES))
    loss, twin = build(name, tree, m).double(), build(name, tree, alone).double()
    carry(loss, twin)
    torch.testing.assert_close(
        twin(alone.from_features(z), labels), loss(m.from_features(z), labels)
    )


def test_flat_factors_are_flat_space(name, tree):
    x, labels = samples(12), labels_of(tree, 12)
    flat, product = Euclidean(), Product((Euclidean(), 2), (Euclidean(), FEATURES - 2))
    try:  # a product has no cosine
        loss = build(name, tree, flat, similarity="distance").double()
    except TypeError:
        loss = build(name, tree, flat).double()
    twin = build(name, tree, product).double()
    carry(loss, twin)
    torch.testing.assert_close(twin(x, labels), loss(x, labels))


@pytest.mark.parametrize("key", ["product", "sphere", "lorentz"])
def test_equal_points_and_the_origin(name, key, tree):
    """Samples that coincide, some at the origin, give no undefined gradient."""
    m = MANIFOLDS[key]()
    z = samples(12)
    z[:4] = z[:1]
    x = m.from_features(z)
    x[4:7] = m.origin(*x[4:7].shape, dtype=x.dtype)
    x.requires_grad_()
    value = build(name, tree, m).double()(x, labels_of(tree, 12))
    value.backward()
    assert value.isfinite() and x.grad.isfinite().all()


@pytest.mark.parametrize("n", [0, 1])
def test_a_batch_of_none_or_one(name, n, tree):
    m = MANIFOLDS["product"]()
    x = m.from_features(samples(n)).requires_grad_()
    value = build(name, tree, m)(x, labels_of(tree, n))
    value.backward()
    assert value.isfinite() and x.grad.isfinite().all()
    assert n or value == 0


def test_views_and_a_reference_set(name, tree):
    m = MANIFOLDS["product"]()
    labels = labels_of(tree, 6)
    loss = build(name, tree, m).double()
    for arguments in (
        (m.from_features(samples(6, 0, 2)), labels),
        (m.from_features(samples(6)), labels, m.from_features(samples(6, 1)), labels),
    ):
        x = arguments[0].requires_grad_()
        value = loss(x, *arguments[1:])
        (g,) = torch.autograd.grad(value, x)
        assert value.isfinite() and g.isfinite().all()


def test_learnable_curvature_of_a_factor(name, tree):
    m = Product((Lorentz(learnable=True), 3), (PoincareBall(0.5, learnable=True), 3))
    loss = build(name, tree, m).double()
    assert any(p is m.factors[0].curvature.log_c for p in loss.parameters())
    z = samples(12).requires_grad_()
    loss(m.from_features(z), labels_of(tree, 12)).backward()
    assert z.grad.isfinite().all()
    for factor in m.factors:
        gradient = factor.curvature.log_c.grad
        assert gradient is None or gradient.isfinite()


def test_training_on_a_product_lowers_the_loss(name, tree):
    m = MANIFOLDS["product"]()
    labels = labels_of(tree, 12)
    loss = build(name, tree, m).double()
    features = (2.0 * samples(12)).requires_grad_()
    settle(loss, m.from_features(features).detach(), labels)
    optimizer = torch.optim.Adam([features], lr=0.05)
    values = []
    for _ in range(6):
        optimizer.zero_grad()
        value = loss(m.from_features(features), labels)
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < values[0]
