"""HAM10000: dermatoscopic pictures of pigmented skin lesions."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from hyperhier.data._store import IMAGE_SUFFIXES
from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble
from hyperhier.data.official._find import (
    first_existing,
    folder,
    images_below,
    missing,
    need_columns,
    read_table,
)
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

__all__ = ["load_ham10000"]

DOWNLOAD = """
    HAM10000: HAM10000_metadata (CSV), HAM10000_images_part_1.zip and HAM10000_images_part_2.zip
    from https://doi.org/10.7910/DVN/DBW86T (CC BY-NC 4.0), and for the official test set
    ISIC2018_Task3_Test_GroundTruth and ISIC2018_Task3_Test_Images.zip from the same page. Unpack
    the zips in one folder; expected ROOT/HAM10000_metadata[.csv|.tab] and the *.jpg in any
    folder below.
"""

_METADATA = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
_TEST = (
    "ISIC2018_Task3_Test_GroundTruth.csv",
    "ISIC2018_Task3_Test_GroundTruth.tab",
    "ISIC2018_Task3_Test_GroundTruth",
)
_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def load_ham10000(
    root: str | PathLike[str],
    *,
    tree: str | Taxonomy = "lineage",
    test: str = "auto",
    size: int | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """HAM10000 (Tschandl et al. 2018): 10,015 pictures of 7,470 lesions, seven diagnoses.

    Several pictures show one lesion; all of them stay on one side of the split. The files
    tell no patients.

    Args:
        root: see below.
        tree: ``"lineage"``, ``"malignancy"`` (both are our grouping of the seven diagnoses)
            or a taxonomy that has them.
        test: ``"isic2018"``: the official 1,511 test pictures; ``"split"``: lesions drawn from
            the 10,015; ``"auto"``: the first if it is there.
        size: height and width to resize to; the pictures have 450 x 600.
        val_fraction: share of validation, by lesion.
        test_fraction: share of test, by lesion, where it is drawn.
        max_per_class: pictures of each class on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with the metadata's further columns (``dx_type``, ``age``, ``sex``, ``localization``),
        empty where the test set's table lacks them.

    Raises:
        DataError: what was not found and where to download it, or bad options.
    """
    place = folder(root, DOWNLOAD)
    if test not in ("auto", "isic2018", "split"):
        raise DataError(f"test must be 'auto', 'isic2018' or 'split', got {test!r}")
    if isinstance(tree, str) and tree not in ("lineage", "malignancy"):
        raise DataError(f"tree must be 'lineage', 'malignancy' or a Taxonomy, got {tree!r}")
    taxonomy = tree if isinstance(tree, Taxonomy) else builtin_taxonomy(f"ham10000-{tree}")
    metadata = first_existing(place, _METADATA)
    if metadata is None:
        raise missing("HAM10000_metadata", place, DOWNLOAD)
    official = None if test == "split" else first_existing(place, _TEST)
    if test == "isic2018" and official is None:
        raise missing("ISIC2018_Task3_Test_GroundTruth", place, DOWNLOAD)
    found = {path.stem: path for path in images_below(place)}
    listing = Listing(groups=[])
    _add(listing, metadata, found)
    trained = len(listing)
    if official is not None:
        _add(listing, official, found)
        listing.split = ["train"] * trained + ["test"] * (len(listing) - trained)
    return assemble(
        listing,
        taxonomy,
        place,
        size=size,
        val_fraction=val_fraction,
        test_fraction=0.0 if official is not None else test_fraction,
        seed=seed,
        max_per_class=max_per_class,
        options={
            "tree": tree if isinstance(tree, str) else repr(tree),
            "test": "split" if official is None else "isic2018",
            "size": size,
            "val_fraction": val_fraction,
            "test_fraction": test_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )


def _add(listing: Listing, table: Path, found: dict[str, Path]) -> None:
    """The pictures of a table: with a column dx, or of the challenge with one column a class."""
    rows = read_table(table)
    lowered = [(line, {name.lower(): value for name, value in row.items()}) for line, row in rows]
    coded = bool(lowered) and "dx" not in lowered[0][1] and "mel" in lowered[0][1]
    key = "image" if coded else "image_id"
    need_columns(lowered, (key,) if coded else (key, "lesion_id", "dx"), table)
    for line, row in lowered:
        name = row[key].removesuffix(".jpg")
        if name not in found:
            kinds = " ".join(IMAGE_SUFFIXES[:3])
            raise DataError(
                f"picture {name!r} is in no folder below {table.parent} ({kinds}). "
                + " ".join(DOWNLOAD.split()),
                path=table,
                line=line,
            )
        label = row["dx"] if not coded else _decoded(row, table, line)
        listing.files.append(found[name])
        listing.labels.append(label)
        listing.groups.append(row.get("lesion_id") or name)  # type: ignore[union-attr]
        listing.note(
            **{k: row.get(k, "") for k in ("dx_type", "age", "sex", "localization")},
        )


def _decoded(row: dict[str, str], table: Path, line: int) -> str:
    marked = [name for name in _CLASSES if row.get(name, "") in ("1", "1.0")]
    if len(marked) != 1:
        raise DataError(f"expected one class marked with 1, got {marked}", path=table, line=line)
    return marked[0]
