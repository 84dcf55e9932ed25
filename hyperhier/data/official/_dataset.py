"""What every reader of an official layout gives back, and how it gets there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.data._names import LabelMatcher
from hyperhier.data._pixels import Decoder
from hyperhier.data.imageset import SPLITS, ImageSet
from hyperhier.data.splits import carve, group_split
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["Listing", "OfficialDataset", "assemble", "check_fractions"]


@dataclass(frozen=True, eq=False, repr=False)
class OfficialDataset:
    """A data set read from its official layout.

    Attributes:
        images: pictures, labels, split and groups, ready for
            :func:`hyperhier.training.train`.
        taxonomy: the tree or DAG that the labels are node ids of.
        targets: bool ``(N, nodes)``, every label of a picture that has several, or None.
        nested: int64 ``(N, K)``, coarse to fine (patient, slide, ...), or None; what
            :class:`hyperhier.data.samplers.NestedSampler` takes.
        levels: what the K columns of ``nested`` are.
        columns: what else is known of each picture: strings ``(N,)`` by name.
    """

    images: ImageSet
    taxonomy: Taxonomy
    targets: Tensor | None = None
    nested: Tensor | None = None
    levels: tuple[str, ...] = ()
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, which: str | Tensor) -> OfficialDataset:
        """The pictures of one side (``"train"``, ``"val"``, ``"test"``), or at positions."""
        index = self.images.indices(which) if isinstance(which, str) else which
        return OfficialDataset(
            self.images.subset(index),
            self.taxonomy,
            None if self.targets is None else self.targets[index],
            None if self.nested is None else self.nested[index],
            self.levels,
            {name: values[index.numpy()] for name, values in self.columns.items()},
        )

    def __repr__(self) -> str:
        extra = "".join(
            f", {name}" for name in ("targets", "nested") if getattr(self, name) is not None
        )
        return f"OfficialDataset({self.images!r}, {self.taxonomy!r}{extra})"


@dataclass
class Listing:
    """Pictures that a layout lists, before any is decoded.

    Attributes:
        files: where they are.
        labels: a node name each.
        split: a side each, ``""`` where none is told; None: none is told at all.
        groups: what must stay on one side of the split.
        columns: more facts, by name.
        nested: names of nested groups by level, coarse to fine.
    """

    files: list[Path] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    split: list[str] | None = None
    groups: list[str] | None = None
    columns: dict[str, list[str]] = field(default_factory=dict)
    nested: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def note(self, **facts: str) -> None:
        """Add one entry to each of some columns."""
        for name, value in facts.items():
            self.columns.setdefault(name, []).append(value)

    def nest(self, **names: str) -> None:
        """Add one entry to each level of the nesting."""
        for name, value in names.items():
            self.nested.setdefault(name, []).append(value)


def check_fractions(val: float, test: float = 0.0) -> None:
    """Raise DataError for shares that leave nothing to train on."""
    for name, fraction in (("val_fraction", val), ("test_fraction", test)):
        if not 0 <= fraction < 1:
            raise DataError(f"{name} must be in [0, 1), got {fraction}")
    if val + test >= 1:
        raise DataError(f"val_fraction + test_fraction = {val + test}: below 1")


def assemble(
    listing: Listing,
    taxonomy: Taxonomy,
    root: Path,
    *,
    size: int | tuple[int, int] | None,
    val_fraction: float,
    test_fraction: float = 0.0,
    seed: int = 0,
    max_per_class: int | None = None,
    keep: Callable[[np.ndarray], np.ndarray] | None = None,
    read: Callable[[Path], bytes] = Path.read_bytes,
    options: Mapping[str, Any] | None = None,
) -> OfficialDataset:
    """Split, thin out, decode.

    Args:
        keep: which pictures to keep, bool ``(N,)``, once the sides ``(N,)`` are known.
        max_per_class: pictures of each class on each side, at most, drawn with the seed.
        read: the bytes of a picture file.

    Raises:
        DataError: nothing left, an unknown label, a torn group, or a picture that cannot be
            read, by its name.
    """
    check_fractions(val_fraction, test_fraction)
    if max_per_class is not None and max_per_class < 1:
        raise DataError(f"max_per_class must be at least 1, got {max_per_class}")
    if not len(listing):
        raise DataError("no pictures found", path=root)
    matcher = LabelMatcher(taxonomy)
    known = {name: matcher.id(name, path=root) for name in dict.fromkeys(listing.labels)}
    labels = np.array([known[name] for name in listing.labels], dtype=np.int64)
    groups = None if listing.groups is None else np.array(listing.groups)
    sides = _sides(listing.split, groups, labels, val_fraction, test_fraction, seed)
    mask = np.ones(len(listing), dtype=bool) if keep is None else keep(sides)
    if max_per_class is not None:
        mask &= _thinned(labels, sides, mask, max_per_class, seed)
    index = np.flatnonzero(mask)
    if not len(index):
        raise DataError("no pictures left by these options", path=root)
    decoder = Decoder(size)
    for i in index:
        file = listing.files[i]
        try:
            decoder.add(read(file))
        except DataError:
            raise
        except (OSError, ValueError) as reason:
            raise DataError(f"unreadable picture: {reason}", path=file) from reason
    told = {k: list(v) if isinstance(v, tuple) else v for k, v in (options or {}).items()}
    images = ImageSet(
        decoder.stack(),
        torch.from_numpy(labels[index]),
        sides[index],
        None if groups is None else groups[index],
        [_short(listing.files[i], root) for i in index],
        str(root),
        told,
    )
    nested = None
    if listing.nested:
        nested = torch.from_numpy(_numbered(list(listing.nested.values()), index))
    return OfficialDataset(
        images,
        taxonomy,
        nested=nested,
        levels=tuple(listing.nested),
        columns={name: np.array(values)[index] for name, values in listing.columns.items()},
    )


def _sides(
    told: Sequence[str] | None,
    groups: np.ndarray | None,
    labels: np.ndarray,
    val: float,
    test: float,
    seed: int,
) -> np.ndarray:
    if told is None:
        return group_split(groups, labels, (1.0 - val - test, val, test), seed)
    sides = np.asarray(told)
    if not np.isin(sides, SPLITS).all():
        raise DataError(f"unknown side of the split: {sorted(set(told) - set(SPLITS))}")
    sides = carve(sides, groups, labels, "test", test, seed)
    return carve(sides, groups, labels, "val", val, seed)


def _thinned(
    labels: np.ndarray, sides: np.ndarray, mask: np.ndarray, most: int, seed: int
) -> np.ndarray:
    """Bool ``(N,)``: at most so many of each class on each side."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.flatnonzero(mask))
    kept = np.zeros(len(labels), dtype=bool)
    seen: dict[tuple[int, str], int] = {}
    for i in order:
        key = (int(labels[i]), str(sides[i]))
        seen[key] = seen.get(key, 0) + 1
        kept[i] = seen[key] <= most
    return kept


def _numbered(names: list[list[str]], index: np.ndarray) -> np.ndarray:
    """int64 ``(N, K)``: numbers from 0 of nested groups, distinct across their parents."""
    paths = [np.array(column)[index] for column in names]
    columns = []
    for level in range(len(paths)):
        joined = ["\0".join(parts) for parts in zip(*paths[: level + 1], strict=True)]
        columns.append(np.unique(joined, return_inverse=True)[1].reshape(-1))
    return np.stack(columns, axis=1).astype(np.int64)


def _short(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
