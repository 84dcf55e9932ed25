"""The images and the trees of a suite, read once per process."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hyperhier.data import ImageSet, load_images, make_hierarchical_images
from hyperhier.data.splits import group_split
from hyperhier.errors import DataError, RunError
from hyperhier.reproduce.shift import domain_split
from hyperhier.reproduce.trees import balanced_tree
from hyperhier.taxonomy import Taxonomy, builtin_names, builtin_taxonomy, read_taxonomy

__all__ = ["ImageCache", "in_tree", "missing_files", "read_tree"]


#: of a tree that comes with the data, as iNaturalist's does
OFFICIAL = "official"


class ImageCache:
    """Reads the data of jobs and keeps the latest few data sets.

    Args:
        root: folder that the paths of a suite are relative to.
        most: data sets kept at once.
    """

    def __init__(self, root: Path, most: int = 2) -> None:
        self.root = Path(root)
        self.most = most
        self._data: dict[str, tuple[ImageSet, Taxonomy]] = {}

    def get(self, recipe: Mapping[str, Any], tree: str) -> tuple[ImageSet, Taxonomy]:
        """The images of a data set with the labels of one of its trees, and that tree."""
        key = json.dumps(recipe, sort_keys=True)
        if key not in self._data:
            while len(self._data) >= self.most:
                self._data.pop(next(iter(self._data)))
            self._data[key] = _read(recipe, self.root)
        data, own = self._data[key]
        if recipe["trees"][tree] == OFFICIAL:
            return data, own
        taxonomy = read_tree(recipe, tree, self.root)
        return (data if taxonomy == own else in_tree(data, own, taxonomy)), taxonomy


def in_tree(data: ImageSet, own: Taxonomy, other: Taxonomy) -> ImageSet:
    """The same images with labels that are node ids of another tree with the same names."""
    ids, where = data.labels.unique(return_inverse=True)
    return replace(data, labels=other.encode(own.decode(ids))[where])


def read_tree(recipe: Mapping[str, Any], tree: str, root: Path) -> Taxonomy:
    """A tree of a data set: a file, the name of a built-in one, or ``balanced:2,2,2``."""
    source = str(recipe["trees"][tree])
    if source.startswith("balanced:"):
        return balanced_tree([int(n) for n in source.removeprefix("balanced:").split(",")])
    if source in builtin_names():
        return builtin_taxonomy(source)
    taxonomy = read_taxonomy(root / source, **dict(recipe.get("taxonomy", {})))
    prefix = recipe.get("strip", "")
    if not prefix:
        return taxonomy
    return Taxonomy.from_edges(
        [
            (parent.removeprefix(prefix), child.removeprefix(prefix))
            for child in taxonomy.nodes
            for parent in taxonomy.parents(child)
        ]
    )


def missing_files(recipe: Mapping[str, Any], root: Path) -> list[Path]:
    """The files and folders that a data set needs and that are not below ``root``."""
    wanted = [recipe[key] for key in ("path", "images") if key in recipe]
    if recipe.get("reader") == "omniglot":
        wanted = [str(Path(recipe["path"]) / name) for name in _OMNIGLOT]
    for tree in recipe["trees"].values():
        inside = str(tree).startswith("balanced:") or tree == OFFICIAL
        if not inside and tree not in builtin_names():
            wanted.append(tree)
    return [root / name for name in wanted if not (root / name).exists()]


# ------------------------------------------------------------------------------- readers


def _read(recipe: Mapping[str, Any], root: Path) -> tuple[ImageSet, Taxonomy]:
    """The images with labels in the first tree of the recipe, and that tree."""
    reader = str(recipe.get("reader", "images"))
    if reader == "official":
        data, taxonomy = _official(recipe, root)
    elif reader in _READERS:
        taxonomy = read_tree(recipe, next(iter(recipe["trees"])), root)
        data = _READERS[reader](recipe, root, taxonomy)
    else:
        known = ", ".join(sorted([*_READERS, "official"]))
        raise RunError(f"unknown reader {reader!r}; known: {known}")
    if "domain" in recipe:
        data = _by_domain(data, recipe, root)
    if "keep" in recipe:
        data = _part(data, float(recipe["keep"]))
    if "hold_out" in recipe:
        data = _hold_out(data, float(recipe["hold_out"]))
    return data, taxonomy


def _official(recipe: Mapping[str, Any], root: Path) -> tuple[ImageSet, Taxonomy]:
    from hyperhier.data.official import load_official

    found = load_official(str(recipe["official"]), root / recipe["path"], **_load_options(recipe))
    return found.images, found.taxonomy


def _images(recipe: Mapping[str, Any], root: Path, taxonomy: Taxonomy) -> ImageSet:
    options = _load_options(recipe)
    if "images" in recipe:
        options["images"] = root / recipe["images"]
    return load_images(root / recipe["path"], taxonomy, **options)


def _synthetic(recipe: Mapping[str, Any], root: Path, taxonomy: Taxonomy) -> ImageSet:
    return make_hierarchical_images(taxonomy, **_load_options(recipe))


_OMNIGLOT = ("images_background_small1.zip", "images_background_small2.zip")


def _omniglot(recipe: Mapping[str, Any], root: Path, taxonomy: Taxonomy) -> ImageSet:
    """Both small background sets, split by drawer: the last drawers test, those before val."""
    from hyperhier.data._pixels import Decoder

    options = _load_options(recipe)
    test, val = int(options.pop("test_drawers", 4)), int(options.pop("val_drawers", 2))
    decoder = Decoder(options.pop("size", None))
    labels: list[str] = []
    split: list[str] = []
    ids: list[str] = []
    seen: set[str] = set()
    for archive in _OMNIGLOT:
        path = root / recipe["path"] / archive
        try:
            with zipfile.ZipFile(path) as pack:
                for name in sorted(pack.namelist()):
                    match = re.fullmatch(r"[^/]+/([^/]+/[^/]+)/(\d+_(\d+)\.png)", name)
                    if match is None or f"{match[1]}/{match[2]}" in seen:
                        continue
                    seen.add(f"{match[1]}/{match[2]}")
                    decoder.add(pack.read(name))
                    drawer = int(match[3])
                    side = "test" if drawer > 20 - test else "val"
                    split.append(side if drawer > 20 - test - val else "train")
                    labels.append(match[1])
                    ids.append(f"{match[1]}/{match[2]}")
        except (OSError, zipfile.BadZipFile) as reason:
            raise DataError(f"unreadable: {reason}", path=path) from reason
    images = decoder.stack()
    return ImageSet(images, taxonomy.encode(labels), split, None, ids, str(recipe["path"]))


_READERS: dict[str, Callable[[Mapping[str, Any], Path, Taxonomy], ImageSet]] = {
    "images": _images,
    "omniglot": _omniglot,
    "synthetic": _synthetic,
}


# ------------------------------------------------------------------------------- helpers


def _load_options(recipe: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(recipe.get("load", {}))
    if isinstance(options.get("size"), list):
        options["size"] = tuple(options["size"])
    return options


def _by_domain(data: ImageSet, recipe: Mapping[str, Any], root: Path) -> ImageSet:
    domain = recipe["domain"]
    key, column = str(domain["key"]), str(domain["column"])
    path = root / recipe["path"]
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and (key not in rows[0] or column not in rows[0]):
        raise DataError(f"no columns {key!r} and {column!r}", path=path)
    return domain_split(data, {row[key]: row[column] for row in rows}, domain)


def _part(data: ImageSet, keep: float) -> ImageSet:
    """A fixed share of the training images; val and test stay whole."""
    if not 0.0 < keep <= 1.0:
        raise RunError(f"keep must be in (0, 1], got {keep}")
    train = np.asarray(data.split) == "train"
    draw = np.random.default_rng(0).random(len(data))
    return data.subset(torch.from_numpy(np.flatnonzero(~train | (draw < keep))))


def _hold_out(data: ImageSet, share: float) -> ImageSet:
    """A fixed share of the training images of each class, whole groups, goes to val as well."""
    split = np.asarray(data.split).copy()
    train = np.flatnonzero(split == "train")
    groups = None if data.groups is None else np.asarray(data.groups)[train]
    split[train] = group_split(groups, data.labels.numpy()[train], [1.0 - share, share, 0.0])
    return replace(data, split=split)
