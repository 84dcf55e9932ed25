"""Test images from elsewhere: changed pictures, or another part of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.data import ImageSet
from hyperhier.errors import RunError

__all__ = ["changed_pictures", "domain_split"]


def changed_pictures(data: ImageSet, change: str, seed: int = 0) -> ImageSet:
    """The same images, those of the test split changed.

    =====================  ==========================================================
    ``noise:0.1``          Gaussian noise of that standard deviation (white = 1)
    ``blur:2``             the mean of a square of 2 * 2 + 1 pixels
    ``contrast:0.5``       distances from the picture's mean times that factor
    ``brightness:0.2``     that much added to every pixel
    =====================  ==========================================================

    Results are rounded and cut to 0 ... 255.

    Args:
        data: images.
        change: one of these.
        seed: of the noise.

    Raises:
        RunError: another text.

    >>> data = ImageSet(torch.full((2, 1, 8, 8), 100, dtype=torch.uint8), torch.tensor([1, 1]),
    ...                 ["train", "test"])
    >>> changed_pictures(data, "brightness:0.2").images[:, 0, 0, 0].tolist()
    [100, 151]
    """
    kind, _, amount = change.partition(":")
    try:
        value = float(amount)
    except ValueError:
        raise RunError(f"expected a change such as noise:0.1, got {change!r}") from None
    where = data.indices("test")
    pictures = data.images[where].to(torch.float32) / 255
    if kind == "noise" and value >= 0:
        generator = torch.Generator().manual_seed(seed)
        pictures = pictures + value * torch.randn(pictures.shape, generator=generator)
    elif kind == "blur" and value >= 1 and value == int(value):
        pictures = _blurred(pictures, int(value))
    elif kind == "contrast" and value >= 0:
        mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
        pictures = mean + value * (pictures - mean)
    elif kind == "brightness":
        pictures = pictures + value
    else:
        raise RunError(f"changes are noise, blur, contrast and brightness, got {change!r}")
    images = data.images.clone()
    images[where] = (pictures * 255).round().clamp(0, 255).to(torch.uint8)
    return replace(data, images=images)


def _blurred(pictures: Tensor, radius: int) -> Tensor:
    padded = torch.nn.functional.pad(pictures, (radius,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 2 * radius + 1, stride=1)


def domain_split(data: ImageSet, values: Mapping[str, str], options: Mapping[str, Any]) -> ImageSet:
    """Train on one part of the data and test on another.

    Images of the test split whose value is not among ``options["test"]`` are left out, as are
    images of train and val whose value is: so no group is ever on two sides.

    Args:
        data: images with a split.
        values: the value of each image (a place of the body, a magnification) by its id.
        options: ``test``: the values of the other part.

    Raises:
        RunError: one side would be empty.
    """
    chosen = {str(v) for v in options["test"]}
    there = np.asarray([values.get(i, "") in chosen for i in data.ids])
    test = np.asarray(data.split) == "test"
    kept = data.subset(torch.from_numpy(np.flatnonzero(there == test)))
    if not len(kept.indices("train")) or not len(kept.indices("test")):
        raise RunError(f"no images to train on or to test on with {sorted(chosen)}")
    return kept
