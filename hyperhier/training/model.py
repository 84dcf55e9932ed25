"""From pixels to points of a manifold."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hyperhier.data import normalise
from hyperhier.manifolds import Manifold, get_manifold
from hyperhier.nn import ToManifold
from hyperhier.training.config import AUTO_CLIP, TrainConfig
from hyperhier.training.encoder import build_encoder, count_features

__all__ = ["EmbeddingModel", "build_model", "embed_images"]

# The projection starts with weights this much smaller than usual, so that points start near
# the origin: a feature vector that starts beyond the clip gets no gradient along its length
# and would stay on the rim.
_FIRST_STEP = 0.25


class EmbeddingModel(nn.Module):
    """Encoder, linear projection to ``dim`` features, and the map to the manifold.

    Args:
        encoder: normalised images ``(B, C, H, W)`` to features ``(B, F)``.
        features: F.
        dim: features that are mapped to the manifold.
        manifold: the geometry of the points.
        mean, std: of the images' channels; kept with the weights.
        clip, scale: see :class:`hyperhier.nn.ToManifold`.

    >>> from hyperhier.manifolds import Lorentz
    >>> net = EmbeddingModel(nn.Flatten(), 12, 2, Lorentz(), torch.zeros(3), torch.ones(3))
    >>> net(torch.zeros(5, 3, 2, 2)).shape
    torch.Size([5, 3])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        dim: int,
        manifold: Manifold,
        mean: Tensor,
        std: Tensor,
        clip: float | None = None,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(features, dim)
        with torch.no_grad():
            self.projection.weight.mul_(_FIRST_STEP)
            self.projection.bias.zero_()
        self.to_manifold = ToManifold(manifold, clip=clip, scale=scale)
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    @property
    def manifold(self) -> Manifold:
        """Where the points lie."""
        return self.to_manifold.manifold

    def forward(self, x: Tensor) -> Tensor:
        """Points ``(B, ambient)`` of normalised images ``(B, C, H, W)``."""
        points: Tensor = self.to_manifold(self.projection(self.encoder(x)))
        return points


def build_model(
    config: TrainConfig,
    encoder: nn.Module | None,
    channels: int,
    size: tuple[int, int],
    mean: Tensor,
    std: Tensor,
) -> EmbeddingModel:
    """The model that a configuration describes; its own draws leave the global state alone.

    Args:
        encoder: a module of the caller's; None: made from the configuration.
    """
    manifold = get_manifold(
        config.geometry,
        c=config.c,
        learnable=config.learnable_c,
        bounds=(config.c_min, config.c_max),
    )
    clip = config.clip
    if clip == "auto":
        curvature = manifold.sectional_curvature
        clip = AUTO_CLIP / math.sqrt(-curvature) if curvature < 0 else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if encoder is None:
            encoder = build_encoder(config.encoder, channels, size, config.width)
        features = getattr(encoder, "num_features", None)
        if config.encoder != "small" or not isinstance(features, int):
            device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
            features = count_features(encoder, torch.zeros(2, channels, *size, device=device))
        return EmbeddingModel(
            encoder,
            features,
            config.dim,
            manifold,
            mean,
            std,
            None if clip is None else float(clip),
            config.scale,
        )


@torch.no_grad()
def embed_images(model: EmbeddingModel, images: Tensor, batch: int = 512) -> Tensor:
    """Points ``(N, ambient)`` on the CPU of uint8 images, without augmentation.

    The model is in evaluation mode meanwhile.
    """
    training = model.training
    model.eval()
    device = model.mean.device
    try:
        parts = [
            model(normalise(part.to(device), model.mean, model.std)).cpu()
            for part in images.split(batch)
        ]
    finally:
        model.train(training)
    return torch.cat(parts)
