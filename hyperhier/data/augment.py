"""Random views of whole batches at once, and the normalisation that goes with them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from hyperhier._numerics import eps_of

__all__ = ["channel_statistics", "normalise", "two_views"]


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, float32 ``(C,)``, for values in [0, 1].

    A constant channel gets standard deviation 1.

    >>> mean, std = channel_statistics(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    >>> mean, std
    (tensor([0.5000]), tensor([0.5000]))
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for part in images.split(1024):
        x = part.to(torch.float64) / 255
        total = total + x.sum(dim=(0, 2, 3))
        squares = squares + x.square().sum(dim=(0, 2, 3))
        count += part.shape[0] * part.shape[2] * part.shape[3]
    mean = total / count
    variance = (squares / count - mean.square()).clamp_min(0.0)
    flat = variance <= eps_of(torch.float64)
    return mean.float(), torch.where(flat, 1.0, variance).sqrt().float()


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """float32 images with the given channel mean and deviation taken out.

    Args:
        images: uint8 ``(B, C, H, W)``.
        mean, std: ``(C,)``, as :func:`channel_statistics` gives them.
    """
    gain, offset = 1.0 / (255.0 * std), -mean / std
    return images.float().mul_(gain.view(1, -1, 1, 1)).add_(offset.view(1, -1, 1, 1))


def two_views(
    images: Tensor,
    generator: torch.Generator | None = None,
    *,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    crop: float = 0.6,
    stretch: float = 0.15,
    flip: str = "horizontal",
    rotate: float = 0.0,
    brightness: float = 0.2,
    contrast: float = 0.2,
    colour: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Two independently augmented, normalised views of every image.

    Each view is a random window (resized back), mirrored and turned at random, with its
    brightness, contrast and colour balance shifted: one resampling and one affine map of
    the colours for the whole batch. Beyond the border the image is mirrored.

    Args:
        images: uint8 ``(B, C, H, W)``.
        generator: source of all randomness; equal states give equal views.
        mean, std: ``(C,)`` of values in [0, 1]; default: those of the batch.
        crop: smallest share of the area that a window keeps, in (0, 1].
        stretch: largest change of the window's aspect ratio, as a log.
        flip: ``"horizontal"``, ``"both"`` or ``"none"``.
        rotate: largest turn in degrees, either way.
        brightness: largest shift, as a share of the full range.
        contrast: largest relative change of the distance to the mean.
        colour: largest relative change of one channel against the others.

    Returns:
        two float32 tensors ``(B, C, H, W)``.

    >>> batch = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    >>> a, b = two_views(batch, torch.Generator().manual_seed(0))
    >>> c, d = two_views(batch, torch.Generator().manual_seed(0))
    >>> a.shape, torch.equal(a, c), torch.equal(a, b)
    (torch.Size([4, 3, 16, 16]), True, False)
    """
    if images.dtype != torch.uint8 or images.dim() != 4:
        raise TypeError(
            f"images must be uint8 (B, C, H, W), got {images.dtype} {tuple(images.shape)}"
        )
    if flip not in ("horizontal", "both", "none"):
        raise ValueError(f"flip must be 'horizontal', 'both' or 'none', got {flip!r}")
    if not 0.0 < crop <= 1.0:
        raise ValueError(f"crop must be in (0, 1], got {crop}")
    if mean is None or std is None:
        mean, std = channel_statistics(images)
    n, channels, height, width = images.shape
    # the generator lives on the CPU, so that every device sees the same views
    draw = torch.rand(2 * n, 8 + channels, generator=generator).to(images.device)
    grid = _grid(_windows(draw, (height, width), crop, stretch, flip, rotate), height, width)
    pixels = images.float()
    views = F.grid_sample(
        torch.cat((pixels, pixels)), grid, padding_mode="reflection", align_corners=False
    )
    # x -> ((x/255 - mean) * gain + shift) / std, in one multiply-add
    signed = 2.0 * draw - 1.0
    gain = 1.0 + contrast * signed[:, 6:7] + colour * signed[:, 8:] * (channels > 1)
    shift = brightness * signed[:, 7:8]
    scale = gain / (255.0 * std)
    offset = (shift - mean * gain) / std
    views.mul_(scale[:, :, None, None]).add_(offset[:, :, None, None])
    return views[:n], views[n:]


def _grid(maps: Tensor, height: int, width: int) -> Tensor:
    """Where each output pixel lies in the input: ``(B, H, W, 2)`` from ``(B, 2, 3)`` maps.

    As ``torch.nn.functional.affine_grid``, whose product of a tall matrix for each picture
    takes four times as long on a CPU.
    """
    x, y = ((torch.arange(size, device=maps.device) * 2 + 1) / size - 1 for size in (width, height))
    from_x, from_y, centre = maps[:, None, None].unbind(dim=-1)  # (B, 1, 1, 2) each
    return torch.addcmul(from_y * y[:, None, None] + centre, from_x, x[:, None])


def _windows(
    draw: Tensor, shape: tuple[int, int], crop: float, stretch: float, flip: str, rotate: float
) -> Tensor:
    """``(B, 2, 3)`` maps from output to input coordinates, both in [-1, 1]."""
    height, width = shape
    side = (crop + (1.0 - crop) * draw[:, 0]).sqrt()
    aspect = ((2.0 * draw[:, 1] - 1.0) * (0.5 * stretch)).exp()
    x, y = side * aspect, side / aspect
    centre_x = (2.0 * draw[:, 2] - 1.0) * (1.0 - x).clamp_min(0.0)
    centre_y = (2.0 * draw[:, 3] - 1.0) * (1.0 - y).clamp_min(0.0)
    if flip != "none":
        x = torch.where(draw[:, 4] < 0.5, x, -x)
    if flip == "both":
        y = torch.where(draw[:, 5] < 0.5, y, -y)
    if rotate == 0.0:
        zero = torch.zeros_like(x)
        return torch.stack((x, zero, centre_x, zero, y, centre_y), dim=1).view(-1, 2, 3)
    # reuse the fractional bits of the flip draw: uniform again after doubling
    turn = (2.0 * ((2.0 * draw[:, 4]) % 1.0) - 1.0) * math.radians(rotate)
    cos, sin, ratio = turn.cos(), turn.sin(), height / width
    rows = (x * cos, -y * sin * ratio, centre_x, x * sin / ratio, y * cos, centre_y)
    return torch.stack(rows, dim=1).view(-1, 2, 3)
