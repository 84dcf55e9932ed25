"""Image encoders: the small one of our own, timm's, or a module that is given."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.errors import RunError

__all__ = ["SmallConvNet", "build_encoder", "count_features"]

# pictures with a shorter side up to this keep more detail in the first layers
_FINE_UP_TO = 40


class SmallConvNet(nn.Module):
    """A small residual network for small pictures, made to train on one CPU core.

    A stem brings the picture to a quarter of its size with ``2 * width`` channels; two
    residual blocks halve it again, twice, with ``4 * width`` and ``features`` channels; the
    average over the remaining places is the feature vector.

    About 2 million multiply-adds for 28x28 (fine stem), 6 for 64x48 (coarse stem).

    Args:
        in_channels: 1 or 3.
        features: length of the feature vector.
        width: channels of the first stage.
        stem: ``"fine"``: two strided 3x3/5x5 convolutions; ``"coarse"``: one 7x7 of stride 4,
            cheaper for larger pictures.

    Shape: float ``(B, in_channels, H, W)`` to ``(B, features)``; H and W at least 8.

    >>> SmallConvNet(3, 128)(torch.zeros(2, 3, 48, 64)).shape
    torch.Size([2, 128])
    """

    def __init__(
        self, in_channels: int = 3, features: int = 128, width: int = 16, stem: str = "fine"
    ) -> None:
        super().__init__()
        if stem not in ("fine", "coarse"):
            raise ValueError(f"stem must be 'fine' or 'coarse', got {stem!r}")
        self.num_features = features
        if stem == "fine":
            first = nn.Sequential(
                _convolution(in_channels, width, 5, 2), _convolution(width, 2 * width, 3, 2)
            )
        else:
            first = nn.Sequential(_convolution(in_channels, 2 * width, 7, 4))
        self.stem = first
        self.blocks = nn.Sequential(_Block(2 * width, 4 * width), _Block(4 * width, features))

    def forward(self, x: Tensor) -> Tensor:
        """Feature vectors ``(B, features)``."""
        x = x.contiguous(memory_format=torch.channels_last)
        return self.blocks(self.stem(x)).mean(dim=(2, 3))


class _Block(nn.Module):
    """Two 3x3 convolutions, the first of stride 2, with a 1x1 shortcut."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = _convolution(inside, outside, 3, 2)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride=2, bias=False), nn.BatchNorm2d(outside)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.second(self.first(x))) + self.shortcut(x))


def _convolution(inside: int, outside: int, size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


def build_encoder(name: str, in_channels: int, size: tuple[int, int], width: int = 16) -> nn.Module:
    """The encoder of a given name, with fresh weights.

    Args:
        name: ``"small"`` for :class:`SmallConvNet`, else the name of a timm model.
        in_channels: of the pictures.
        size: their height and width.
        width: of the small encoder; its features are ``8 * width``.

    Raises:
        RunError: timm is not usable, or does not know the model.
    """
    if name == "small":
        stem = "fine" if min(size) <= _FINE_UP_TO else "coarse"
        network = SmallConvNet(in_channels, 8 * width, width, stem)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        import timm
    except Exception as reason:
        raise RunError(
            f"encoder {name!r} needs timm ({reason}): pip install timm torchvision, or "
            "encoder='small'"
        ) from reason
    if name not in timm.list_models():
        near = ", ".join(timm.list_models(f"*{name}*")[:5]) or "see timm.list_models()"
        raise RunError(f"unknown encoder {name!r}: expected 'small' or a timm model ({near})")
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, in_chans=in_channels)
    except Exception as reason:
        raise RunError(f"timm could not make {name!r}: {reason}") from reason


def count_features(encoder: nn.Module, example: Tensor) -> int:
    """Length of the feature vectors that an encoder makes of a batch like the example.

    Raises:
        RunError: it cannot take the batch, or does not return ``(B, features)``.
    """
    training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            features: Any = encoder(example)
    except Exception as reason:
        raise RunError(
            f"the encoder cannot take images {tuple(example.shape)}: {reason}"
        ) from reason
    finally:
        encoder.train(training)
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != len(example):
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise RunError(
            f"the encoder must return ({len(example)}, features) for {len(example)} images, "
            f"got {shape}"
        )
    return int(features.shape[1])
