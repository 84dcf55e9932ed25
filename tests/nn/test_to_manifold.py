"""ToManifold: clipping, scale, dtypes and gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.manifolds import Euclidean, Lorentz, Manifold, PoincareBall, Sphere
from hyperhier.nn import ToManifold

MANIFOLDS = [Euclidean(), Sphere(), PoincareBall(0.7), Lorentz(0.7)]


@pytest.mark.parametrize("manifold", MANIFOLDS, ids=lambda m: m.name)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_lands_on_the_manifold(manifold: Manifold, dtype: torch.dtype) -> None:
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(1)).to(dtype)
    x = ToManifold(manifold, clip=1.5)(z)
    assert x.shape == (5, manifold.ambient_dim(4))
    assert x.dtype == dtype
    assert manifold.check_point_on_manifold(x)


@settings(deadline=None, max_examples=40)
@given(length=st.floats(0.0, 1e4), clip=st.floats(0.1, 5.0), scale=st.floats(0.1, 3.0))
def test_clip_formula(length: float, clip: float, scale: float) -> None:
    direction = torch.tensor([0.6, -0.8], dtype=torch.float64)
    x = ToManifold(Euclidean(), clip=clip, scale=scale)(length * direction)
    expected = scale * direction * length * min(1.0, clip / length if length else 1.0)
    torch.testing.assert_close(x, expected)


def test_clip_bounds_the_radius() -> None:
    for manifold in (PoincareBall(), Lorentz()):
        x = ToManifold(manifold, clip=2.0, scale=1.5)(torch.full((1, 3), 1e3, dtype=torch.float64))
        assert float(manifold.dist0(x)) == pytest.approx(3.0)


def test_features_within_the_clip_are_untouched() -> None:
    z = torch.tensor([[0.3, 0.4]])
    assert torch.equal(ToManifold(Euclidean(), clip=0.6)(z), z)


@pytest.mark.parametrize("manifold", MANIFOLDS, ids=lambda m: m.name)
@pytest.mark.parametrize("length", [0.0, 1e-30, 1.0, 1e4])
def test_gradient_is_finite(manifold: Manifold, length: float) -> None:
    z = torch.tensor([[length, 0.0, 0.0]], requires_grad=True)
    ToManifold(manifold, clip=2.0)(z).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_gradient_is_exact() -> None:
    z = torch.tensor([[0.3, -0.2], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ToManifold(Lorentz(0.5), clip=1.0, scale=0.7), (z,))


def test_half_precision_features_do_not_overflow() -> None:
    z = torch.full((1, 4), 4e4, dtype=torch.float16)
    x = ToManifold(Euclidean(), clip=2.0)(z)
    assert float(x.norm()) == pytest.approx(2.0, rel=1e-3)


def test_autocast_gives_float32_points() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = torch.nn.functional.linear(torch.ones(2, 3), torch.ones(3, 3))
        assert z.dtype == torch.bfloat16
        x = ToManifold(Lorentz(), clip=2.0)(z)
    assert x.dtype == torch.float32


def test_learned_scale() -> None:
    module = ToManifold(Lorentz(), scale=0.5, learn_scale=True)
    assert [name for name, _ in module.named_parameters()] == ["log_scale"]
    z = torch.tensor([[3.0, 4.0]])
    assert module.manifold.dist0(module(z)).item() == pytest.approx(2.5, rel=1e-6)
    module.manifold.dist0(module(z)).sum().backward()
    assert float(module.log_scale.grad) == pytest.approx(2.5, rel=1e-5)
    twin = ToManifold(Lorentz(), learn_scale=True)
    twin.load_state_dict(module.state_dict())
    assert float(twin.scale) == pytest.approx(0.5)
    assert float(copy.deepcopy(module).scale) == float(module.scale)
    assert "learn_scale" in repr(module)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["clip", "scale"])
def test_values_out_of_range(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=name):
        ToManifold(Lorentz(), **{name: bad})


def test_wrong_features() -> None:
    with pytest.raises(TypeError, match="int64"):
        ToManifold(Lorentz())(torch.ones(2, 2, dtype=torch.int64))


def test_wrong_manifold() -> None:
    with pytest.raises((TypeError, ValueError)):
        ToManifold("a string")
