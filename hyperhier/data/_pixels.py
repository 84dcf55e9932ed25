"""Decoding image files to arrays of one kind and one size."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.errors import DataError

__all__ = ["Decoder", "check_size", "require_pillow"]

_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N"}
# uint8 bytes that pictures of unstated size may take before they are refused
_MEMORY_LIMIT = 8 * 2**30


def require_pillow() -> Any:
    """PIL's Image module, or a DataError that says how to get it."""
    try:
        from PIL import Image
    except Exception as reason:
        raise DataError(
            f"reading image files needs Pillow ({reason}): pip install 'hyperhier[io]'"
        ) from reason
    return Image


def check_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """``(height, width)`` from a number (square) or a pair; None stays None."""
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(not isinstance(s, int) or s < 1 for s in pair):
        raise DataError(f"size must be a positive number or (height, width), got {size!r}")
    return pair[0], pair[1]


class Decoder:
    """Collects decoded images and stacks them to one uint8 tensor.

    Grey, palette, transparent and 16-bit images become RGB on white, unless every image is
    grey: then one channel stays. Images of differing sizes are resized to ``size``; without
    it to the size that more than half of them have.
    """

    def __init__(self, size: int | tuple[int, int] | None = None) -> None:
        self._image = require_pillow()
        self._size = check_size(size)
        self._pictures: list[Any] = []
        self._bytes = 0

    def add(self, content: bytes) -> None:
        """Decode one file's bytes. Raises ``ValueError`` with the reason if that fails."""
        from PIL import ImageOps

        try:
            with self._image.open(io.BytesIO(content)) as opened:
                picture = self._plain(ImageOps.exif_transpose(opened) or opened)
                picture.load()
        except (OSError, SyntaxError, ValueError, self._image.DecompressionBombError) as reason:
            text = "not an image file" if "cannot identify" in str(reason) else str(reason)
            raise ValueError(text) from reason
        if self._size is not None:
            picture = self._resized(picture, self._size)
        else:
            self._bytes += picture.width * picture.height * len(picture.getbands())
            if self._bytes > _MEMORY_LIMIT:
                raise DataError(
                    f"the first {len(self._pictures) + 1} images take more than "
                    f"{_MEMORY_LIMIT // 2**30} GiB as they are: say size=(height, width)"
                )
        self._pictures.append(picture)

    def stack(self) -> Tensor:
        """All images as uint8 ``(N, C, H, W)``."""
        size = self._size or self._common_size()
        grey = all(picture.mode == "L" for picture in self._pictures)
        mode, channels = ("L", 1) if grey else ("RGB", 3)
        out = np.empty((len(self._pictures), *size, channels), dtype=np.uint8)
        for i, picture in enumerate(self._pictures):
            fitted = self._resized(picture.convert(mode), size)
            out[i] = np.asarray(fitted).reshape(*size, channels)
        return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()

    # --------------------------------------------------------------------------- helpers

    def _common_size(self) -> tuple[int, int]:
        counts = Counter((p.height, p.width) for p in self._pictures)
        (best, votes), *others = counts.most_common()
        if others and 2 * votes <= len(self._pictures):
            low, high = min(counts), max(counts)
            raise DataError(
                f"images have {len(counts)} sizes, from {low[0]}x{low[1]} to {high[0]}x{high[1]} "
                "(height x width), none the size of most: say size=(height, width)"
            )
        return best

    def _resized(self, picture: Any, size: tuple[int, int]) -> Any:
        if (picture.height, picture.width) == size:
            return picture
        return picture.resize((size[1], size[0]), self._image.Resampling.LANCZOS)

    def _plain(self, picture: Any) -> Any:
        """Mode L or RGB, transparency over white, 16 bits cut to 8."""
        mode = picture.mode
        if mode in ("L", "RGB"):
            return picture.copy()
        if mode.startswith("I"):
            values = np.asarray(picture).astype(np.int64)
            wide = mode != "I" or values.max(initial=0) > 255
            values = (values >> 8 if wide else values).clip(0, 255).astype(np.uint8)
            return self._image.fromarray(values)
        if mode == "F":
            raise ValueError("floating-point pixels: convert them to 8 bits first")
        if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
            layer = picture.convert("RGBA")
            ground = self._image.new("RGBA", layer.size, (255, 255, 255, 255))
            picture = self._image.alpha_composite(ground, layer)
        return picture.convert("L" if mode in _GREY else "RGB")
