"""One function for every kind of labelled images."""

from __future__ import annotations

import zipfile
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hyperhier.data._draft import Draft
from hyperhier.data.folder import read_folder
from hyperhier.data.imageset import ImageSet
from hyperhier.data.npz import read_npz
from hyperhier.data.splits import carve, group_split
from hyperhier.data.table import read_table
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["load_images"]

_TABLES = (".csv", ".tsv")


def load_images(
    path: str | PathLike[str],
    taxonomy: Taxonomy,
    *,
    image: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
    images: str | PathLike[str] | None = None,
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> ImageSet:
    """Read labelled images in memory.

    ``path`` is one of

    * a folder (or zip) with one folder per class, these optionally below ``train``,
      ``val`` and ``test``;
    * a CSV or TSV of images, labels and optionally split and group, beside a folder or a
      zip of the images; or the folder that holds it under the name ``labels.csv``;
    * an ``.npz`` with ``x_train, y_train[, x_test, y_test], class_names``, or with
      ``images, labels[, class_names, split, groups]``; or the folder that holds just it.

    Sides of the split that the data lack are drawn, stratified by class, from all images
    or, if there is a training side, from that. With a group (``lesion_id``, ``patient_id``)
    no group is ever on two sides.

    Args:
        path: where the data are.
        taxonomy: every label must be the name of one of its nodes.
        image, label, split, group: column names of the table; guessed when not given.
            ``""`` for split or group: pay no attention to such a column.
        images: the folder or zip with the images of the table, if it is not beside it.
        size: resize to this height and width. Default: as stored; images of differing
            sizes get the size that more than half of them have.
        val_fraction: share of val, where it is drawn.
        test_fraction: share of test, where it is drawn.
        seed: of the drawing.

    Raises:
        DataError: missing, unreadable or unlabelled images, unknown labels or columns, a
            group on two sides, nothing to train on; with the file and the line.
    """
    place = Path(path)
    told: dict[str, Any] = {
        "image": image,
        "label": label,
        "split": split,
        "group": group,
        "images": None if images is None else fspath(images),
        "size": list(size) if isinstance(size, tuple) else size,
        "val_fraction": val_fraction,
        "test_fraction": test_fraction,
        "seed": seed,
    }
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 <= fraction < 1:
            raise DataError(f"{name} must be in [0, 1), got {fraction}")
    if val_fraction + test_fraction >= 1:
        raise DataError(f"val_fraction + test_fraction = {val_fraction + test_fraction}: below 1")
    if isinstance(size, list):
        size = tuple(size)
    place = _resolve(place)
    columns = {"image": image, "label": label, "split": split, "group": group}
    if place.suffix.lower() in _TABLES and place.is_file():
        draft = read_table(place, taxonomy, **columns, images=_path(images), size=size)
    else:
        given = [name for name, value in (*columns.items(), ("images", images)) if value]
        if given:
            raise DataError(
                f"{given[0]}={columns.get(given[0], images)!r} names something of a table, but "
                "the data are no CSV or TSV",
                path=place,
            )
        if place.suffix.lower() == ".npz":
            draft = read_npz(place, taxonomy, size=size)
        else:
            draft = read_folder(place, taxonomy, size=size)
        if group == "":
            draft.groups = None
        if split == "":
            draft.split = None
    sides = _sides(draft, val_fraction, test_fraction, seed, place)
    options = {name: value for name, value in told.items() if value is not None}
    labels = torch.tensor(draft.labels, dtype=torch.int64)
    return ImageSet(draft.images, labels, sides, draft.groups, draft.ids, str(Path(path)), options)


def _path(value: str | PathLike[str] | None) -> Path | None:
    return None if value is None else Path(value)


def _resolve(place: Path) -> Path:
    """The file (or the folder of classes) that the given path stands for."""
    if not place.exists():
        raise DataError("no such file or folder", path=place)
    if place.is_dir():
        for name in ("labels.csv", "labels.tsv"):
            if (place / name).is_file():
                return place / name
        inner = [p for p in sorted(place.iterdir()) if not p.name.startswith(".")]
        if not inner:
            raise DataError("empty folder: expected images in one folder per class", path=place)
        if not any(p.is_dir() for p in inner):
            for suffixes in ((".npz",), _TABLES):
                found = [p for p in inner if p.suffix.lower() in suffixes]
                if len(found) == 1:
                    return found[0]
        return place
    if place.suffix.lower() in (*_TABLES, ".npz") or zipfile.is_zipfile(place):
        return place
    raise DataError(
        "expected a folder or zip with one folder per class, a .csv or .tsv, or an .npz",
        path=place,
    )


def _sides(draft: Draft, val: float, test: float, seed: int, path: Path) -> np.ndarray:
    if draft.split is None:
        shares = (1.0 - val - test, val, test)
        return group_split(draft.groups, draft.labels, shares, seed)
    if "train" not in draft.split:
        raise DataError("no image is in the train split", path=path)
    sides = np.asarray(draft.split)
    sides = carve(sides, draft.groups, draft.labels, "test", test, seed)
    return carve(sides, draft.groups, draft.labels, "val", val, seed)
