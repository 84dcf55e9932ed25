"""Encoders by name."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from hyperhier.errors import RunError
from hyperhier.training import SmallConvNet, build_encoder
from hyperhier.training.encoder import count_features


def multiply_adds(network: nn.Module, shape: tuple[int, int, int]) -> float:
    total = 0

    def count(layer: nn.Conv2d, _: object, out: torch.Tensor) -> None:
        nonlocal total
        total += out[0].numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)  # type: ignore[arg-type]
    network.eval()(torch.zeros(1, *shape))
    return total / 1e6


@pytest.mark.parametrize(
    ("shape", "most"), [((1, 28, 28), 3.0), ((3, 32, 32), 3.5), ((3, 48, 64), 6.5)]
)
def test_it_is_cheap(shape: tuple[int, int, int], most: float) -> None:
    assert 1.0 < multiply_adds(build_encoder("small", shape[0], shape[1:]), shape) < most


@pytest.mark.parametrize("stem", ["fine", "coarse"])
def test_shapes_and_gradients(stem: str) -> None:
    network = SmallConvNet(3, 24, 4, stem)
    out = network(torch.randn(3, 3, 9, 13))
    assert out.shape == (3, 24)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_unknown_stem() -> None:
    with pytest.raises(ValueError, match="stem"):
        SmallConvNet(stem="medium")


def test_unusable_timm_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(RunError, match=r"encoder 'resnet18' needs timm .*pip install"):
        build_encoder("resnet18", 3, (32, 32))


def test_timm_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        @staticmethod
        def list_models(pattern: str = "*") -> list[str]:
            return ["tiny"]

        @staticmethod
        def create_model(name: str, **options: object) -> nn.Module:
            assert options == {"pretrained": False, "num_classes": 0, "in_chans": 1}
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 5))

    monkeypatch.setitem(sys.modules, "timm", Fake)  # type: ignore[arg-type]
    encoder = build_encoder("tiny", 1, (8, 8))
    assert count_features(encoder, torch.zeros(2, 1, 8, 8)) == 5
    with pytest.raises(RunError, match=r"unknown encoder 'tinny'.*tiny"):
        build_encoder("tinny", 1, (8, 8))


def test_real_timm() -> None:
    try:
        import timm  # noqa: F401
    except Exception as reason:
        pytest.skip(f"timm is not usable: {reason}")
    encoder = build_encoder("resnet10t", 3, (32, 32))
    assert count_features(encoder, torch.zeros(2, 3, 32, 32)) == 512


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (nn.Conv2d(3, 4, 3), r"must return \(2, features\) for 2 images, got \(2, 4, 6, 6\)"),
        (nn.Conv2d(1, 4, 3), r"cannot take images \(2, 3, 8, 8\)"),
    ],
)
def test_unfit_modules(encoder: nn.Module, message: str) -> None:
    with pytest.raises(RunError, match=message):
        count_features(encoder, torch.zeros(2, 3, 8, 8))
