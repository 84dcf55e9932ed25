"""BreakHis: microscopy of breast tumours at four magnifications."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble, check_fractions
from hyperhier.data.official._find import folder, images_below, missing
from hyperhier.data.splits import carve, group_split
from hyperhier.errors import DataError
from hyperhier.taxonomy import builtin_taxonomy

__all__ = ["load_breakhis"]

DOWNLOAD = """
    BreakHis: BreaKHis_v1.tar.gz (4 GB) from
    https://web.inf.ufpr.br/vri/databases/breast-cancer-histopathological-database-breakhis/
    (free for research). Unpack it; expected
    ROOT/BreaKHis_v1/histology_slides/breast/{benign,malignant}/SOB/CLASS/SLIDE/{40X,...}/*.png,
    where ROOT may be any of these folders down to breast/.
"""

MAGNIFICATIONS = (40, 100, 200, 400)

_TYPES = {
    "A": "adenosis",
    "F": "fibroadenoma",
    "PT": "phyllodes_tumor",
    "TA": "tubular_adenoma",
    "DC": "ductal_carcinoma",
    "LC": "lobular_carcinoma",
    "MC": "mucinous_carcinoma",
    "PC": "papillary_carcinoma",
}
# procedure _ benign or malignant _ type - year - slide - magnification - number
_NAME = re.compile(
    r"(?P<procedure>[A-Z]+)_(?P<class>[BM])_(?P<type>[A-Z]+)-(?P<year>\d+)-(?P<case>\d+)"
    r"(?P<part>[A-Z]*)-(?P<magnification>\d+)-\d+$"
)


def load_breakhis(
    root: str | PathLike[str],
    *,
    magnification: int | Sequence[int] = MAGNIFICATIONS,
    test_magnification: int | Sequence[int] | None = None,
    patients: str = "case",
    fold: int | None = None,
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.3,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """BreakHis (Spanhol et al. 2016): 7,909 pictures of 82 patients, eight tumour types.

    The split is by patient at every magnification: a test patient is in no training picture.
    ``magnification=40`` is the usual protocol of one magnification;
    ``magnification=(40, 100), test_magnification=(200, 400)`` trains on coarse and tests on
    fine pictures of other patients.

    **Who is a patient.** The published count of 82 takes each pair of class and slide id for a
    patient. But ids such as 22549AB, 22549CD and 22549G share a case number, and case 13412
    is listed under two classes. By default everything of one case number stays together, so
    that nothing leaks; the classes have fewer groups then (adenosis two).

    Args:
        root: see below.
        magnification: of training and validation pictures: any of 40, 100, 200, 400.
        test_magnification: of the test pictures; default: the same.
        patients: ``"case"`` (default) or ``"slide"`` (class and slide id, as published).
        fold: 1 to 5: the published folds, from ``dsfoldN.txt`` (mkfold.tar.gz of the same
            page) anywhere below the root; they tear cases apart, so ``patients="slide"``.
        size: height and width to resize to; the pictures have 460 x 700.
        val_fraction: share of validation, taken from training patients.
        test_fraction: share of test patients; without a fold.
        max_per_class: pictures of each class on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with the built-in taxonomy ``"breakhis"`` and columns ``magnification``, ``slide``;
        ``nested`` has the levels patient and slide.

    Raises:
        DataError: what was not found and where to download it, a file name that is none of
            BreakHis, or bad options.
    """
    place = folder(root, DOWNLOAD)
    wanted = _magnifications(magnification)
    tested = wanted if test_magnification is None else _magnifications(test_magnification)
    check_fractions(val_fraction, 0.0 if fold is not None else test_fraction)
    if patients not in ("case", "slide"):
        raise DataError(f"patients must be 'case' or 'slide', got {patients!r}")
    if fold is not None:
        patients = "slide"
    listing = Listing(groups=[])
    zooms: list[int] = []
    for file in images_below(place):
        parts = _NAME.match(file.stem)
        if parts is None or parts["type"] not in _TYPES:
            raise DataError(
                "no picture of BreakHis: expected a name as SOB_B_TA-14-4659-40-001.png", path=file
            )
        slide = f"{parts['year']}-{parts['case']}{parts['part']}"
        case = f"{parts['year']}-{parts['case']}"
        person = case if patients == "case" else f"{parts['type']}-{slide}"
        listing.files.append(file)
        listing.labels.append(_TYPES[parts["type"]])
        listing.groups.append(person)  # type: ignore[union-attr]
        listing.note(magnification=parts["magnification"], slide=slide)
        listing.nest(patient=person, slide=slide)
        zooms.append(int(parts["magnification"]))
    if not len(listing):
        raise missing("pictures of BreakHis", place, DOWNLOAD)
    if fold is None:
        shares = (1.0 - val_fraction - test_fraction, val_fraction, test_fraction)
        sides = group_split(listing.groups, listing.labels, shares, seed)  # type: ignore[arg-type]
    else:
        told = _published(place, fold, listing)
        sides = carve(
            told,
            listing.groups,
            listing.labels,  # type: ignore[arg-type]
            "val",
            val_fraction,
            seed,
        )
    listing.split = sides.tolist()

    def keep(sides: np.ndarray) -> np.ndarray:
        zoom = np.array(zooms)
        return np.where(sides == "test", np.isin(zoom, tested), np.isin(zoom, wanted))

    return assemble(
        listing,
        builtin_taxonomy("breakhis"),
        place,
        size=size,
        val_fraction=0.0,
        seed=seed,
        max_per_class=max_per_class,
        keep=keep,
        options={
            "magnification": wanted,
            "test_magnification": tested,
            "patients": patients,
            "fold": fold,
            "size": size,
            "val_fraction": val_fraction,
            "test_fraction": test_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )


def _magnifications(asked: int | Sequence[int]) -> tuple[int, ...]:
    numbers = (asked,) if isinstance(asked, int) else tuple(asked)
    unknown = [n for n in numbers if n not in MAGNIFICATIONS]
    if unknown or not numbers:
        raise DataError(f"magnification must be of {MAGNIFICATIONS}, got {asked!r}")
    return numbers


def _published(place: Path, fold: int, listing: Listing) -> list[str]:
    """The side of each picture in a file ``name|magnification|fold|train`` per line."""
    if fold not in range(1, 6):
        raise DataError(f"fold must be 1 to 5, got {fold}")
    found = sorted(place.rglob(f"dsfold{fold}.txt"))
    if not found:
        raise missing(f"dsfold{fold}.txt (of mkfold.tar.gz)", place, DOWNLOAD)
    side: dict[str, str] = {}
    for number, line in enumerate(found[0].read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 4 or cells[3] not in ("train", "test"):
            raise DataError(
                f"{line!r}: expected NAME|MAGNIFICATION|FOLD|train or test",
                path=found[0],
                line=number,
            )
        side[cells[0]] = cells[3]
    for file in listing.files:
        if file.name not in side:
            raise DataError(f"picture {file.name!r} is in no fold", path=found[0])
    return [side[file.name] for file in listing.files]
