"""Reading images from a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyperhier.data._draft import Draft
from hyperhier.data._names import LabelMatcher, split_name
from hyperhier.data._pixels import check_size
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["read_npz"]

_SIDES = ("train", "val", "test")


def read_npz(path: Path, taxonomy: Taxonomy, *, size: int | tuple[int, int] | None = None) -> Draft:
    """Images of an ``.npz``, in one of two layouts.

    * ``x_train, y_train`` and optionally ``x_val, y_val, x_test, y_test``;
    * ``images, labels`` and optionally ``split``, ``groups`` and ``ids``.

    Images are uint8, or floats in [0, 1]: ``(N, H, W)``, ``(N, H, W, C)`` or
    ``(N, C, H, W)``. Labels are names, or integers that index ``class_names``.

    Raises:
        DataError: arrays missing, of the wrong kind or of unequal length, or a label that
            is not in the taxonomy.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as reason:
        raise DataError(f"unreadable npz: {reason}", path=path) from reason
    sides = [s for s in _SIDES if f"x_{s}" in arrays]
    if sides:
        parts = [(f"x_{s}", f"y_{s}", s) for s in sides]
    elif "images" in arrays:
        parts = [("images", "labels", "")]
    else:
        raise DataError(
            f"expected arrays x_train and y_train, or images and labels; got {sorted(arrays)}",
            path=path,
        )
    matcher = LabelMatcher(taxonomy)
    pixels: list[Tensor] = []
    labels: list[int] = []
    split: list[str] = []
    for x_name, y_name, side in parts:
        if y_name not in arrays:
            raise DataError(f"{x_name} has no {y_name} beside it", path=path)
        x = _images(arrays[x_name], x_name, path)
        y = arrays[y_name]
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.shape != (len(x),):
            raise DataError(f"{y_name} has shape {y.shape} for {len(x)} images", path=path)
        pixels.append(x)
        labels.extend(_labels(y, y_name, arrays.get("class_names"), matcher, path))
        split.extend([side] * len(x))
    if len({p.shape[1:] for p in pixels}) > 1:
        shapes = ", ".join(str(tuple(p.shape[1:])) for p in pixels)
        raise DataError(f"images of differing shapes: {shapes}", path=path)
    images = torch.cat(pixels)
    if not len(images):
        raise DataError("no images", path=path)
    told: list[str] | None = split if sides else _column(arrays, "split", len(images), path)
    if told is not None and not sides:
        told = [_side(word, row, path) for row, word in enumerate(told)]
    return Draft(
        _resized(images, check_size(size)),
        labels,
        told,
        None if sides else _column(arrays, "groups", len(images), path),
        _column(arrays, "ids", len(images), path) or [str(i) for i in range(len(images))],
    )


def _images(x: np.ndarray, name: str, path: Path) -> Tensor:
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[-1] in (1, 3):
        x = np.moveaxis(x, -1, 1)
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise DataError(
            f"{name} has shape {x.shape}: expected (N, H, W), (N, H, W, C) or (N, C, H, W) "
            "with C = 1 or 3",
            path=path,
        )
    if x.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(x))
    if x.dtype.kind == "f" and ((x >= 0) & (x <= 1)).all():
        return torch.from_numpy(np.ascontiguousarray((x * 255).round().astype(np.uint8)))
    raise DataError(f"{name} is {x.dtype}: expected uint8, or floats in [0, 1]", path=path)


def _labels(
    y: np.ndarray, name: str, classes: np.ndarray | None, matcher: LabelMatcher, path: Path
) -> list[int]:
    kinds, inverse = np.unique(y, return_inverse=True)
    if y.dtype.kind in "iu" and classes is not None:
        outside = [int(k) for k in kinds if not 0 <= k < len(classes)]
        if outside:
            raise DataError(
                f"{name} holds {outside[0]}, but class_names has {len(classes)} entries", path=path
            )
        words = [str(classes[int(k)]) for k in kinds]
    elif y.dtype.kind in "iuU":
        words = [str(k) for k in kinds]
    else:
        raise DataError(f"{name} is {y.dtype}: expected integers or strings", path=path)
    if y.dtype.kind in "iu" and classes is None and any(w not in matcher for w in words):
        raise DataError(f"{name} holds integers, so class_names must say what they are", path=path)
    ids = np.array([matcher.id(word, path=path) for word in words], dtype=np.int64)
    return [int(i) for i in ids[inverse.reshape(-1)]]


def _column(arrays: dict[str, np.ndarray], name: str, n: int, path: Path) -> list[str] | None:
    if name not in arrays:
        return None
    if arrays[name].shape != (n,):
        raise DataError(f"{name} has shape {arrays[name].shape} for {n} images", path=path)
    return [str(v) for v in arrays[name]]


def _side(word: str, row: int, path: Path) -> str:
    side = split_name(word)
    if side is None:
        raise DataError(f"split[{row}] is {word!r}: expected train, val or test", path=path)
    return side


def _resized(images: Tensor, size: tuple[int, int] | None) -> Tensor:
    if size is None or tuple(images.shape[2:]) == size:
        return images
    parts = [
        torch.nn.functional.interpolate(
            part.float(), size=size, mode="bilinear", antialias=True, align_corners=False
        )
        for part in images.split(1024)
    ]
    return torch.cat(parts).round_().clamp_(0, 255).to(torch.uint8)
