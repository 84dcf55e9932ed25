"""Labelled images that fit in memory, with their split and their groups."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.errors import DataError

__all__ = ["SPLITS", "ImageSet"]

#: the three sides of a split, in this order everywhere
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images, one taxonomy node per image, and the side of the split each one is on.

    Attributes:
        images: uint8 ``(N, C, H, W)``, contiguous; C is 1 (grey) or 3 (RGB).
        labels: int64 ``(N,)``, node ids of the taxonomy.
        split: ``(N,)`` strings, each ``"train"``, ``"val"`` or ``"test"``.
        groups: ``(N,)`` strings (patient, lesion, ...) or None. No group is on two sides.
        ids: name of each image, for reports.
        source: where the images come from.
        options: how they were read from there, so that it can be repeated.

    Raises:
        DataError: shapes or types that do not fit together, an unknown split name, or a
            group on two sides of the split.

    >>> data = ImageSet(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.tensor([4, 4, 5]),
    ...                 ["train", "test", "train"])
    >>> data
    ImageSet(3 images 1x8x8, 2 classes, train 2, val 0, test 1)
    >>> data.subset("train").class_counts
    {4: 1, 5: 1}
    """

    images: Tensor
    labels: Tensor
    split: np.ndarray | Sequence[str]
    groups: np.ndarray | Sequence[str] | None = None
    ids: Sequence[str] = ()
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise DataError(
                f"images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}"
            )
        n = len(images)
        if images.shape[1] not in (1, 3):
            raise DataError(f"images must have 1 or 3 channels, got {images.shape[1]}")
        if labels.dtype != torch.int64 or labels.shape != (n,):
            raise DataError(
                f"labels must be int64 ({n},), got {labels.dtype} {tuple(labels.shape)}"
            )
        split = np.asarray(self.split, dtype=np.str_)
        if split.shape != (n,):
            raise DataError(f"split must name a side for each of {n} images, got {split.shape}")
        unknown = sorted(set(split.tolist()) - set(SPLITS))
        if unknown:
            raise DataError(f"unknown split {unknown[0]!r}: expected one of {', '.join(SPLITS)}")
        groups = None if self.groups is None else np.asarray(self.groups, dtype=np.str_)
        if groups is not None and groups.shape != (n,):
            raise DataError(f"groups must name one for each of {n} images, got {groups.shape}")
        ids = list(self.ids) if len(self.ids) else [str(i) for i in range(n)]
        if len(ids) != n:
            raise DataError(f"ids must name each of {n} images, got {len(ids)}")
        set_ = object.__setattr__
        set_(self, "images", images.contiguous())
        set_(self, "split", split)
        set_(self, "groups", groups)
        set_(self, "ids", ids)
        set_(self, "options", dict(self.options))
        if groups is not None:
            self._check_groups(groups, split)

    def _check_groups(self, groups: np.ndarray, split: np.ndarray) -> None:
        side: dict[str, tuple[str, int]] = {}
        for i, (group, name) in enumerate(zip(groups.tolist(), split.tolist(), strict=True)):
            first, at = side.setdefault(group, (name, i))
            if first != name:
                raise DataError(
                    f"group {group!r} is on two sides of the split: image {self.ids[at]!r} is in "
                    f"{first}, image {self.ids[i]!r} in {name}",
                    path=self.source or None,
                )

    # -------------------------------------------------------------------------- selection

    def indices(self, split: str) -> Tensor:
        """Positions of the images of one side, int64, ascending."""
        if split not in SPLITS:
            raise DataError(f"unknown split {split!r}: expected one of {', '.join(SPLITS)}")
        return torch.from_numpy(np.flatnonzero(np.asarray(self.split) == split))

    def subset(self, which: str | Tensor) -> ImageSet:
        """The images of one side (``"train"``, ``"val"``, ``"test"``), or at given positions."""
        index = self.indices(which) if isinstance(which, str) else which
        where = index.numpy()
        split, groups = np.asarray(self.split)[where], self.groups
        return ImageSet(
            self.images[index],
            self.labels[index],
            split,
            None if groups is None else np.asarray(groups)[where],
            [self.ids[i] for i in where.tolist()],
            self.source,
            self.options,
        )

    # ------------------------------------------------------------------------ description

    def __len__(self) -> int:
        return len(self.images)

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return int(self.images.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.images.shape[2]), int(self.images.shape[3])

    @property
    def class_counts(self) -> dict[int, int]:
        """Number of images of each label that occurs, by ascending node id."""
        ids, counts = self.labels.unique(return_counts=True)
        return dict(zip(ids.tolist(), counts.tolist(), strict=True))

    def fingerprint(self) -> str:
        """A digest of pixels, labels, sides and groups: equal exactly for equal data.

        >>> data = ImageSet(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), torch.tensor([1]), ["test"])
        >>> data.fingerprint() == data.subset("test").fingerprint()
        True
        """
        digest = hashlib.sha256(str(tuple(self.images.shape)).encode())
        digest.update(self.images.numpy().data)
        digest.update(self.labels.numpy().astype("<i8").data)
        for names in (self.split, self.groups):
            listed = [] if names is None else np.asarray(names).tolist()
            digest.update("\0".join(listed).encode() + b"\1")
        return digest.hexdigest()

    def __repr__(self) -> str:
        names = np.asarray(self.split)
        sides = ", ".join(f"{s} {int((names == s).sum())}" for s in SPLITS)
        shape = "x".join(str(s) for s in self.images.shape[1:])
        grouped = "" if self.groups is None else f", {len(np.unique(self.groups))} groups"
        classes = len(self.class_counts)
        return f"ImageSet({len(self)} images {shape}, {classes} classes, {sides}{grouped})"
