"""Rendering of cells on a textured ground from a vector of traits, whole batches at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["TRAITS", "render"]

#: name: (kind, value at trait -inf, value at trait +inf); traits 0 give the middle
TRAITS: dict[str, tuple[str, float, float]] = {
    "ground_hue": ("coarse", 0.62, 1.12),  # blue over violet and pink to orange
    "ground_frequency": ("coarse", 1.5, 6.0),  # waves across the picture
    "ground_contrast": ("coarse", 0.02, 0.22),
    "elongation": ("coarse", 0.0, 1.0),  # log of the axes' ratio
    "cell_size": ("coarse", 0.15, 0.32),  # radius, in picture heights
    "cell_count": ("coarse", 1.5, 7.5),
    "nucleus_size": ("fine", 0.28, 0.72),  # in cell radii
    "nucleus_hue": ("fine", 0.45, 0.95),
    "nucleus_place": ("fine", 0.0, 0.55),  # off the centre, in cell radii
    "granules": ("fine", 0.0, 0.55),  # their contrast
    "granule_size": ("fine", 0.35, 0.9),
    "orientation": ("fine", 0.0, math.pi),
}
_CELLS = 7
_GRANULES_ACROSS = 16.0
_EDGE = 0.09  # softness of outlines, in cell radii


def render(
    traits: Tensor,
    size: tuple[int, int],
    difficulty: float,
    generator: torch.Generator,
    channels: int = 3,
) -> Tensor:
    """uint8 ``(B, channels, H, W)`` from trait vectors ``(B, traits)``."""
    value = _values(traits)
    n, (height, width) = len(traits), size
    aspect = width / height
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / height, indexing="ij"
    )
    freedom = 0.1 + 0.9 * difficulty

    def uniform(*shape: int) -> Tensor:
        return 2.0 * torch.rand(n, *shape, generator=generator) - 1.0

    # the ground: a wave pattern in the colour of the tissue
    angle, phase = value["orientation"] * 0.5, math.pi * freedom * uniform(2)
    wave = _turned(x, y, angle)[0] * value["ground_frequency"][:, None, None] * 2 * math.pi
    cross = _turned(x, y, angle)[1] * value["ground_frequency"][:, None, None] * 1.3 * math.pi
    texture = (wave + phase[:, :1, None]).sin() + 0.6 * (cross + phase[:, 1:, None]).sin()
    ground = _colour(value["ground_hue"], 0.30, 0.80)[:, :, None, None]
    picture = ground * (1.0 + value["ground_contrast"][:, None, None] * texture)[:, None]

    places = _places(aspect) + 0.16 * freedom * uniform(_CELLS, 2)
    turn = value["orientation"][:, None] + 0.5 * freedom * uniform(_CELLS)
    swell = 1.0 + 0.25 * freedom * uniform(_CELLS)
    shade = 1.0 + 0.08 * freedom * uniform(_CELLS)
    body = _colour(value["ground_hue"] + 0.06, 0.55, 0.66)
    core = _colour(value["nucleus_hue"], 0.75, 0.36)
    for k in range(_CELLS):
        radius = value["cell_size"] * swell[:, k]
        stretch = (0.5 * value["elongation"]).exp()
        u, v = _turned(x - places[:, k, 0, None, None], y - places[:, k, 1, None, None], turn[:, k])
        u = u / (radius * stretch)[:, None, None]
        v = v / (radius / stretch)[:, None, None]
        shown = (value["cell_count"] - k).clamp(0.0, 1.0)[:, None, None]
        distance = (u * u + v * v).sqrt()
        cell = _inside(1.0 - distance) * shown
        grain = _granules(u, v, value["granules"], value["granule_size"])
        tint = (body * shade[:, k : k + 1])[:, :, None, None] * (1.0 + grain)[:, None]
        rim = 1.0 - 0.25 * torch.exp(-((distance - 1.0) / _EDGE).square())
        picture = picture + 0.9 * cell[:, None] * (tint * rim[:, None] - picture)
        inner = ((u - value["nucleus_place"][:, None, None]).square() + v * v).sqrt()
        nucleus = _inside(value["nucleus_size"][:, None, None] - inner) * shown
        picture = picture + 0.92 * nucleus[:, None] * (core[:, :, None, None] - picture)

    if channels == 1:
        weights = torch.tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
        picture = (picture * weights).sum(dim=1, keepdim=True)
    light = 1.0 + 0.15 * difficulty * uniform(1, 1, 1)
    speckle = torch.randn(picture.shape, generator=generator) * (0.01 + 0.05 * difficulty)
    return ((picture * light + speckle) * 255).round_().clamp_(0, 255).to(torch.uint8)


def _values(traits: Tensor) -> dict[str, Tensor]:
    """Each trait squashed from the whole line into its range, ``(B,)``."""
    squashed = torch.sigmoid(1.6 * traits)
    return {
        name: low + (high - low) * squashed[:, i]
        for i, (name, (_, low, high)) in enumerate(TRAITS.items())
    }


def _places(aspect: float) -> Tensor:
    """Starting centres ``(cells, 2)``: one in the middle, the others around it."""
    angle = torch.arange(_CELLS - 1) * (2 * math.pi / (_CELLS - 1)) + 0.4
    ring = torch.stack((0.5 * aspect + 0.36 * aspect * angle.cos(), 0.5 + 0.36 * angle.sin()), 1)
    order = torch.tensor([0, 3, 1, 4, 2, 5])  # opposite ones first
    return torch.cat((torch.tensor([[0.5 * aspect, 0.5]]), ring[order]))


def _turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return x * cos + y * sin, y * cos - x * sin


def _inside(margin: Tensor) -> Tensor:
    """Soft step: 1 well inside an outline, 0 well outside."""
    return torch.sigmoid(margin / (0.4 * _EDGE))


def _granules(u: Tensor, v: Tensor, contrast: Tensor, size: Tensor) -> Tensor:
    waves = _GRANULES_ACROSS * (1.2 - size)[:, None, None]
    dots = (u * waves).sin() * (v * waves + 0.7 * (u * waves).cos()).sin()
    return -contrast[:, None, None] * dots.clamp_min(0.0)


def _colour(hue: Tensor, saturation: float, brightness: float) -> Tensor:
    """``(B, 3)`` RGB in [0, 1]; hue in turns, smooth and periodic."""
    shift = torch.tensor((0.0, 1.0 / 3.0, 2.0 / 3.0))
    wheel = 0.5 + 0.5 * (2 * math.pi * (hue[:, None] - shift)).cos()
    return brightness * (1.0 - saturation + saturation * wheel)
