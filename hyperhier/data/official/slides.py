"""Patches of slides of patients: OpenSRH, TCGA, and plain folders."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hyperhier.data._names import split_name
from hyperhier.data._pixels import require_pillow
from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble
from hyperhier.data.official._find import folder, images_below, missing, read_json
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["load_opensrh", "load_slides", "load_tcga"]

OPENSRH = """
    OpenSRH: apply at https://opensrh.mlins.org (CC BY-NC-SA 4.0) and download from its bucket.
    Expected ROOT/meta/opensrh.json, ROOT/meta/train_val_split.json and the patches under the
    paths that opensrh.json names, ROOT/studies/PATIENT/SLIDE/patches/*.tif.
"""
TCGA = """
    TCGA (LGG and GBM slides): from https://portal.gdc.cancer.gov, cut in patches of 300 x 300,
    one HDF5 file with a data set "imgs" (n, 300, 300, 3) per slide. Expected
    ROOT/meta/tcga_lgggbm.json, ROOT/meta/tcga_lgggbm_trainval_split_cleaned.json and the files
    under the paths (patch_path) that the former names.
"""
FOLDERS = """
    Expected ROOT/[train|val|test/]CLASS/PATIENT/SLIDE/*.png (or .jpg, .tif, ...).
"""

# added to the difference of the two channels of a Raman picture, of 65536
_BASE = 5000


def load_slides(
    root: str | PathLike[str],
    taxonomy: Taxonomy | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """Folders of classes, patients, slides and patches.

    ``ROOT/CLASS/PATIENT/SLIDE/patch.png``; all of it may lie below ``train``, ``val`` and
    ``test``. Deeper folders are passed over. All slides of a patient stay on one side. Folders
    of one name are one patient, also below different classes: number patients throughout.

    Args:
        root: the folder.
        taxonomy: has the classes; default: all of them below one root.
        size: height and width to resize to.
        val_fraction, test_fraction: shares by patient, of sides that the folders lack.
        max_per_class: patches of each class on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with ``nested``: the levels patient and slide.

    Raises:
        DataError: a picture that lies elsewhere, or nothing found.
    """
    place = folder(root, FOLDERS)
    listing = Listing(groups=[])
    sides: list[str] = []
    for file in images_below(place):
        parts = file.relative_to(place).parts[:-1]
        side = split_name(parts[0]) if parts else None
        if side is not None:
            parts = parts[1:]
        if len(parts) < 3:
            raise DataError("expected CLASS/PATIENT/SLIDE above a patch", path=file)
        _note(listing, file, *parts[:3])
        sides.append(side or "")
    if not len(listing):
        raise missing("patches", place, FOLDERS)
    if any(sides):
        if not all(sides):
            at = listing.files[sides.index("")]
            raise DataError("lies in no side of the split, unlike other patches", path=at)
        listing.split = sides
    tree = _flat(listing, "tissue") if taxonomy is None else taxonomy
    return assemble(
        listing,
        tree,
        place,
        size=size,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        max_per_class=max_per_class,
        options={
            "size": size,
            "val_fraction": val_fraction,
            "test_fraction": test_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )


def load_opensrh(
    root: str | PathLike[str],
    taxonomy: Taxonomy | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    max_per_slide: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """OpenSRH (Jiang et al. 2022): Raman microscopy of brain tumours, 7 classes.

    A patch has two channels of 16 bits; the third is their difference plus 5000/65536, as in
    the published code. As there, of tumours the tumour patches count and of normal brain the
    normal ones. The official validation patients are the test side; validation patients are
    taken from the training patients.

    Args:
        root: see below.
        taxonomy: has the classes; default: tumours in one branch, normal beside it.
        size: height and width to resize to; patches have 300 x 300.
        val_fraction: share of validation, by patient.
        max_per_slide: patches of each slide, at most: 300,000 patches fill the memory.
        seed: of the split and of what ``max_per_slide`` draws.

    Returns:
        with ``nested``: the levels patient and slide.

    Raises:
        DataError: what was not found and where to download it.
    """
    place = folder(root, OPENSRH)
    listing = Listing(split=[], groups=[])
    rng = np.random.default_rng(seed)
    for patient, kind, slide, entry, side in _studies(place, "opensrh", "train_val_split", OPENSRH):
        name = "normal_patches" if kind == "normal" else "tumor_patches"
        patches = sorted(entry.get(name, []))
        for i in _some(len(patches), max_per_slide, rng):
            _note(listing, place / patches[i], kind, patient, slide)
            listing.split.append(side)  # type: ignore[union-attr]
    if taxonomy is None:
        kinds = sorted(set(listing.labels))
        paths = [("brain", "normal") if k == "normal" else ("brain", "tumor", k) for k in kinds]
        taxonomy = Taxonomy.from_paths(paths) if paths else Taxonomy.from_edges([], nodes=["brain"])
    options = {"size": size, "val_fraction": val_fraction, "max_per_slide": max_per_slide}
    return assemble(
        listing,
        taxonomy,
        place,
        size=size,
        val_fraction=val_fraction,
        seed=seed,
        read=_raman,
        options={**options, "seed": seed},
    )


def load_tcga(
    root: str | PathLike[str],
    taxonomy: Taxonomy | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    max_per_slide: int | None = 20,
    seed: int = 0,
) -> OfficialDataset:
    """TCGA slides in the layout of HLSS (Watawana et al. 2024): HDF5 patches by slide.

    Needs h5py (``pip install h5py``). The official validation patients are the test side.

    Args:
        root: see below.
        taxonomy: has the classes; default: all of them below one root.
        size: height and width to resize to; patches have 300 x 300.
        val_fraction: share of validation, by patient.
        max_per_slide: patches of each slide, at most; the published evaluation takes 20.
        seed: of the split and of what ``max_per_slide`` draws.

    Returns:
        with ``nested``: the levels patient and slide.

    Raises:
        DataError: what was not found and where to download it, or no h5py.
    """
    place = folder(root, TCGA)
    listing = Listing(split=[], groups=[])
    rng = np.random.default_rng(seed)
    h5py = _require_h5py()
    meta = ("tcga_lgggbm", "tcga_lgggbm_trainval_split_cleaned")
    for patient, kind, slide, entry, side in _studies(place, *meta, TCGA):
        for name in _listed(entry.get("patch_path")):
            if not (place / name).is_file():
                raise missing(name, place, TCGA)
            with h5py.File(place / name, "r") as file:
                if "imgs" not in file:
                    raise DataError("no data set 'imgs' in this file", path=place / name)
                count = len(file["imgs"])
            for i in _some(count, max_per_slide, rng):
                _note(listing, place / name / str(i), kind, patient, slide)
                listing.split.append(side)  # type: ignore[union-attr]

    def patch(where: Path) -> bytes:
        with h5py.File(where.parent, "r") as file:
            return _png(np.asarray(file["imgs"][int(where.name)], dtype=np.uint8))

    options = {"size": size, "val_fraction": val_fraction, "max_per_slide": max_per_slide}
    return assemble(
        listing,
        _flat(listing, "tissue") if taxonomy is None else taxonomy,
        place,
        size=size,
        val_fraction=val_fraction,
        seed=seed,
        read=patch,
        options={**options, "seed": seed},
    )


def _studies(
    place: Path, name: str, split: str, download: str
) -> Iterator[tuple[str, str, str, dict[str, Any], str]]:
    """Patient, class, slide, what is told of the slide, and side of all slides."""
    read = []
    for stem in (name, split):
        path = place / "meta" / f"{stem}.json"
        if not path.is_file():
            raise missing(f"meta/{stem}.json", place, download)
        read.append(read_json(path))
    meta, sides = read
    try:
        for told, side in (("train", "train"), ("val", "test")):
            for patient in sides[told]:
                study = meta[patient]
                for slide, entry in study["slides"].items():
                    yield str(patient), str(study["class"]), str(slide), entry, side
    except (KeyError, TypeError, AttributeError) as reason:
        raise DataError(
            f"meta/{name}.json and meta/{split}.json do not fit: {reason!r}", path=place
        ) from reason


def _note(listing: Listing, file: Path, kind: str, patient: str, slide: str) -> None:
    listing.files.append(file)
    listing.labels.append(kind)
    listing.groups.append(patient)  # type: ignore[union-attr]
    listing.nest(patient=patient, slide=slide)


def _some(count: int, most: int | None, rng: np.random.Generator) -> list[int]:
    """Positions of all, or of as many as wanted, ascending."""
    if most is not None and most < 1:
        raise DataError(f"max_per_slide must be at least 1, got {most}")
    if most is None or count <= most:
        return list(range(count))
    return sorted(rng.choice(count, most, replace=False).tolist())


def _listed(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _flat(listing: Listing, root: str) -> Taxonomy:
    kinds = sorted(set(listing.labels))
    return Taxonomy.from_edges([(root, kind) for kind in kinds], nodes=[root])


def _raman(path: Path) -> bytes:
    """A two-channel picture of 16 bits as a PNG of three channels of 8."""
    pillow = require_pillow()
    with pillow.open(path) as picture:
        pages = getattr(picture, "n_frames", 1)
        if pages != 2:
            raise ValueError(f"{pages} pages: expected the two channels of a Raman picture")
        channels = []
        for page in range(2):
            picture.seek(page)
            channels.append(np.asarray(picture).astype(np.int64))
    second, third = channels
    first = third - second + _BASE
    stacked = np.stack((first, second, third), axis=-1).clip(0, 65535)
    return _png((stacked >> 8).astype(np.uint8))


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    require_pillow().fromarray(pixels).save(out, format="PNG", compress_level=0)
    return out.getvalue()


def _require_h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except Exception as reason:
        raise DataError(f"reading HDF5 needs h5py ({reason}): pip install h5py") from reason
