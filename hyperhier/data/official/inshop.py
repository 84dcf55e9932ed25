"""DeepFashion In-Shop: clothes by category, item and colour."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble
from hyperhier.data.official._find import first_existing, folder, missing
from hyperhier.data.official._trees import tree_of_paths
from hyperhier.errors import DataError

__all__ = ["load_inshop"]

DOWNLOAD = """
    DeepFashion In-shop Clothes Retrieval: Img/img.zip (256 x 256; or img_highres.zip) and
    Eval/list_eval_partition.txt from
    https://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html
    (non-commercial research). Expected ROOT/Eval/list_eval_partition.txt and
    ROOT/Img/img/{MEN,WOMEN}/CATEGORY/ITEM/*.jpg.
"""

_LISTS = (
    "Eval/list_eval_partition.txt",
    "list_eval_partition.txt",
    "Anno/list_eval_partition.txt",
)
_LEAVES = ("category", "item", "colour")
# img/WOMEN/Dresses/id_00000002/02_1_front.jpg
_NAME = re.compile(
    r"(?:.*/)?(?P<gender>[^/]+)/(?P<category>[^/]+)/(?P<item>id_\d+)/(?P<colour>\d+)_[^/]+$"
)


def load_inshop(
    root: str | PathLike[str],
    *,
    leaf: str = "category",
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """DeepFashion In-Shop (Liu et al. 2016): 52,712 pictures of 7,982 items, 23 categories.

    The official partition has other items for training than for test, and divides the test
    pictures in queries and gallery: column ``role`` is ``train``, ``query`` or ``gallery``;
    both the latter are on the test side here.

    Args:
        root: see below.
        leaf: how deep the labels go: ``"category"`` (default; tree clothing > gender >
            category), ``"item"`` or ``"colour"`` below it. Items of the test side have no
            training pictures: labels below the category are for retrieval.
        size: height and width to resize to.
        val_fraction: share of validation, by item, taken from the training pictures.
        max_per_class: pictures of each class on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with columns ``role`` and ``item``; ``nested`` has the levels category, item, colour:
        the levels of hierarchical multi-label contrastive learning on this data set.

    Raises:
        DataError: what was not found and where to download it, a line of the partition that
            is none, or bad options.
    """
    place = folder(root, DOWNLOAD)
    if leaf not in _LEAVES:
        raise DataError(f"leaf must be one of {', '.join(_LEAVES)}, got {leaf!r}")
    partition = first_existing(place, _LISTS)
    if partition is None:
        raise missing("Eval/list_eval_partition.txt", place, DOWNLOAD)
    listing = Listing(split=[], groups=[])
    paths: list[tuple[str, ...]] = []
    base: Path | None = None
    lines = partition.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[2:], start=3):
        cells = line.split()
        if not cells:
            continue
        parts = _NAME.match(cells[0])
        if len(cells) != 3 or parts is None or cells[2] not in ("train", "query", "gallery"):
            raise DataError(
                f"{line.strip()!r}: expected IMAGE ITEM train, query or gallery",
                path=partition,
                line=number,
            )
        if base is None:
            base = _base(place, cells[0])
        listing.files.append(base / cells[0])
        listing.split.append("train" if cells[2] == "train" else "test")  # type: ignore[union-attr]
        listing.groups.append(cells[1])  # type: ignore[union-attr]
        listing.note(role=cells[2], item=cells[1])
        kind = f"{parts['gender']}/{parts['category']}"
        listing.nest(category=kind, item=parts["item"], colour=parts["colour"])
        depth = 2 + _LEAVES.index(leaf)
        paths.append(
            (parts["gender"], parts["category"], parts["item"], parts["colour"])[:depth],
        )
    if not paths:
        raise DataError("no pictures below the two lines of the header", path=partition)
    tree, names = tree_of_paths("clothing", paths)
    listing.labels = [names[path] for path in paths]
    return assemble(
        listing,
        tree,
        place,
        size=size,
        val_fraction=val_fraction,
        seed=seed,
        max_per_class=max_per_class,
        options={
            "leaf": leaf,
            "size": size,
            "val_fraction": val_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )


def _base(place: Path, name: str) -> Path:
    """The folder that the names of the partition start from."""
    for base in (place / "Img", place, place / "Img" / "img_highres", place / "Img" / "img"):
        if (base / name).is_file():
            return base
    raise missing(f"picture {name}", place, DOWNLOAD)
