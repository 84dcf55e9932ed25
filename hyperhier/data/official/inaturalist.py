"""iNaturalist 2018, 2019 and 2021: species in their biological classification."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble
from hyperhier.data.official._find import (
    first_existing,
    folder,
    images_below,
    missing,
    read_json,
)
from hyperhier.data.official._trees import tree_of_paths
from hyperhier.errors import DataError

__all__ = ["load_inaturalist"]

DOWNLOAD = """
    iNaturalist: pictures and annotations from https://github.com/visipedia/inat_comp (folders 2018,
    2019, 2021). Expected for 2018 and 2019: ROOT/train_val2018/SUPERCATEGORY/NUMBER/*.jpg,
    ROOT/train2018.json, ROOT/val2018.json and ROOT/categories.json (categories.json.tar.gz:
    the names that the annotations leave out). Expected for 2021: ROOT/train or ROOT/train_mini
    and ROOT/val with one folder per species, as 00000_Animalia_Annelida_..._terrestris; no
    annotations are needed.
"""

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_YEARS = (2018, 2019, 2021)


def load_inaturalist(
    root: str | PathLike[str],
    *,
    year: int | None = None,
    train: str = "auto",
    within: str | None = None,
    size: int | tuple[int, int] | None = 64,
    val_fraction: float = 0.1,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """iNaturalist (Van Horn et al. 2018, 2021): species with seven ranks above one another.

    The labels of the test pictures are not public. As is usual, the official validation set
    is the test set here, and validation pictures are taken from the training set.

    All pictures are kept in memory: 100,000 of 64 x 64 take 1.2 GB. ``within`` and
    ``max_per_class`` choose fewer.

    Args:
        root: see below.
        year: 2018, 2019 or 2021; default: what the files look like.
        train: training folder of 2021: ``"train"``, ``"train_mini"`` or ``"auto"`` (mini, if
            it is there).
        within: the name of a taxon of any rank, e.g. ``"Aves"``: only its species, and only
            the part of the tree with them.
        size: height and width to resize to; None: as stored, which memory may not hold.
        val_fraction: share of validation, of the training pictures.
        max_per_class: pictures of each species on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with the tree root > kingdom > ... > species, ranks left out where the data have none;
        a name that two taxa bear (a genus of plants and of animals) has its path before it.

    Raises:
        DataError: what was not found and where to download it, an unknown taxon, or bad
            options.
    """
    place = folder(root, DOWNLOAD)
    if train not in ("auto", "train", "train_mini"):
        raise DataError(f"train must be 'auto', 'train' or 'train_mini', got {train!r}")
    if year is None:
        year = _guess(place)
    if year not in _YEARS:
        raise DataError(f"year must be 2018, 2019 or 2021, got {year}")
    found = _of_folders(place, train) if year == 2021 else _of_annotations(place, year)
    if within is not None:
        inside = [within in path for _, path, _ in found]
        if not any(inside):
            raise DataError(f"within={within!r} is no taxon of iNaturalist {year}", path=place)
        found = [entry for entry, wanted in zip(found, inside, strict=True) if wanted]
    tree, names = tree_of_paths("life", (path for _, path, _ in found))
    listing = Listing(
        [file for file, _, _ in found],
        [names[path] for _, path, _ in found],
        [side for _, _, side in found],
    )
    return assemble(
        listing,
        tree,
        place,
        size=size,
        val_fraction=val_fraction,
        seed=seed,
        max_per_class=max_per_class,
        options={
            "year": year,
            "train": train,
            "within": within,
            "size": size,
            "val_fraction": val_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )


_Entry = tuple[Path, tuple[str, ...], str]


def _guess(place: Path) -> int:
    for year in (2018, 2019):
        if (place / f"train{year}.json").is_file():
            return year
    if any((place / name).is_dir() for name in ("train", "train_mini")):
        return 2021
    raise missing("train2018.json, train2019.json, train/ or train_mini/", place, DOWNLOAD)


def _of_annotations(place: Path, year: int) -> list[_Entry]:
    sides = {"train": f"train{year}.json", "test": f"val{year}.json"}
    read: dict[str, Any] = {}
    for side, name in sides.items():
        if not (place / name).is_file():
            raise missing(name, place, DOWNLOAD)
        read[side] = read_json(place / name)
    listed = place / "categories.json"
    named = read_json(listed) if listed.is_file() else read["train"].get("categories", [])
    try:
        path_of = {entry["id"]: _path(entry) for entry in named}
        result: list[_Entry] = []
        for side, content in read.items():
            category = {a["image_id"]: a["category_id"] for a in content["annotations"]}
            for image in content["images"]:
                path = path_of[category[image["id"]]]
                result.append((place / image["file_name"], path, side))
    except (KeyError, TypeError) as reason:
        raise DataError(f"annotations of an unknown kind: {reason!r} is missing", path=place) from (
            reason
        )
    if any(len(path) < 2 for path in path_of.values()):
        raise missing("categories.json, which names the ranks,", place, DOWNLOAD)
    return result


def _path(entry: dict[str, Any]) -> tuple[str, ...]:
    """The taxa above a species and itself; ranks that are not told are left out."""
    above = [str(entry[rank]) for rank in RANKS[:-1] if entry.get(rank)]
    return (*above, str(entry["name"]))


def _of_folders(place: Path, train: str) -> list[_Entry]:
    choices = ("train_mini", "train") if train == "auto" else (train,)
    training = first_existing(place, choices)
    if training is None:
        raise missing(" or ".join(f"{name}/" for name in choices), place, DOWNLOAD)
    validation = first_existing(place, ("val",))
    if validation is None:
        raise missing("val/", place, DOWNLOAD)
    result: list[_Entry] = []
    for top, side in ((training, "train"), (validation, "test")):
        for file in images_below(top):
            pieces = file.relative_to(top).parts[0].split("_", 7)
            if len(pieces) != 8 or not pieces[0].isdigit():
                raise DataError(
                    "expected a folder NUMBER_KINGDOM_PHYLUM_CLASS_ORDER_FAMILY_GENUS_SPECIES",
                    path=file.parent,
                )
            *above, genus, species = pieces[1:]
            result.append((file, (*above, genus, f"{genus} {species}"), side))
    return result
