"""ODIR-5K: both eyes of patients, each with one or more of eight labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from hyperhier.data.multihot import common_label, multi_hot
from hyperhier.data.official._dataset import Listing, OfficialDataset, assemble
from hyperhier.data.official._find import Rows, folder, images_below, missing, read_table, rows_of
from hyperhier.data.official._xlsx import sheet_rows
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy

__all__ = ["load_odir"]

DOWNLOAD = """
    ODIR-5K: annotations and pictures from https://odir2019.grand-challenge.org/dataset (after
    registration), from https://www.kaggle.com/datasets/andrewmvd/ocular-disease-recognition-odir5k,
    or, with both test sets, OIA-ODIR from https://github.com/nkicsl/OIA-ODIR. Expected below ROOT:
    the annotations (.xlsx or .csv with columns ID, Left-Fundus, Right-Fundus, N, D, G, C, A,
    H, M, O) and the pictures NUMBER_left.jpg and NUMBER_right.jpg in any folder.
"""

CLASSES = {
    "N": "normal",
    "D": "diabetes",
    "G": "glaucoma",
    "C": "cataract",
    "A": "age_related_macular_degeneration",
    "H": "hypertension",
    "M": "myopia",
    "O": "other",
}
_EYES = {"left": "Left-Fundus", "right": "Right-Fundus"}

# what a keyword of one eye says; the first that fits counts, any other word is "other"
_KEYWORDS = (
    (re.compile(r"normal fundus"), "normal"),
    (re.compile(r"diabetic retinopathy|proliferative (diabetic )?retinopathy"), "diabetes"),
    (re.compile(r"glaucoma"), "glaucoma"),
    (re.compile(r"cataract"), "cataract"),
    (re.compile(r"age.related macular degeneration"), "age_related_macular_degeneration"),
    (re.compile(r"hypertensive"), "hypertension"),
    (re.compile(r"myopi"), "myopia"),
)
# words about the picture, not the eye
_QUALITY = re.compile(
    r"lens dust|low image quality|image offset|anterior segment image|no fundus image"
    r"|optic disk photographically invisible"
)


@dataclass(frozen=True)
class _Eye:
    file: Path
    labels: tuple[str, ...]
    side: str
    patient: str
    eye: str
    age: str
    sex: str
    keywords: str


def load_odir(
    root: str | PathLike[str],
    *,
    labels_of: str = "patient",
    several: str = "rarest",
    tree: Taxonomy | None = None,
    size: int | tuple[int, int] | None = 224,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    max_per_class: int | None = None,
    seed: int = 0,
) -> OfficialDataset:
    """ODIR-5K (Li et al. 2021): fundus pictures of both eyes, with several labels per patient.

    The eight labels N, D, G, C, A, H, M, O are told per patient, so both eyes bear what one
    eye may have. The diagnostic keywords are told per eye; with ``labels_of="eye"`` the
    labels follow from them by our rules, and an eye whose keywords speak of the picture's
    quality alone is left out. Both eyes of a patient stay on one side of the split.

    With the test sets of OIA-ODIR these are the test side (column ``set`` tells off-site and
    on-site); else patients are drawn.

    Args:
        root: see below.
        labels_of: ``"patient"`` (default) or ``"eye"``, see above.
        several: the one label that ``images.labels`` has for a picture with several:
            ``"rarest"`` (default), the one that fewest patients have; ``"common"``: the
            lowest common ancestor, an inner node; ``"drop"``: leave such pictures out.
            ``targets`` always has all of them.
        tree: a taxonomy that has the eight labels; default the built-in ``"odir5k"``.
        size: height and width to resize to; the pictures come in many sizes.
        val_fraction: share of validation, by patient.
        test_fraction: share of test, by patient, where it is drawn.
        max_per_class: pictures of each class on each side, at most.
        seed: of the split and of what ``max_per_class`` draws.

    Returns:
        with ``targets``, bool ``(N, nodes)``, and columns ``eye``, ``age``, ``sex``,
        ``keywords`` and ``set``.

    Raises:
        DataError: what was not found and where to download it, a patient without a label,
            or bad options.
    """
    place = folder(root, DOWNLOAD)
    if labels_of not in ("patient", "eye"):
        raise DataError(f"labels_of must be 'patient' or 'eye', got {labels_of!r}")
    if several not in ("rarest", "common", "drop"):
        raise DataError(f"several must be 'rarest', 'common' or 'drop', got {several!r}")
    taxonomy = builtin_taxonomy("odir5k") if tree is None else tree
    eyes = _eyes(place, labels_of)
    rarity = Counter(label for labels in _by_patient(eyes) for label in labels)
    if several == "drop":
        eyes = [eye for eye in eyes if len(eye.labels) == 1]
    listing = Listing(groups=[])
    for eye in eyes:
        listing.files.append(eye.file)
        if several == "common":
            listing.labels.append(common_label(eye.labels, taxonomy))
        else:
            listing.labels.append(min(eye.labels, key=lambda label: (rarity[label], label)))
        listing.groups.append(eye.patient)  # type: ignore[union-attr]
        listing.note(
            eye=eye.eye,
            age=eye.age,
            sex=eye.sex,
            keywords=eye.keywords,
            set=eye.side,
            labels=" ".join(eye.labels),
        )
    official = any(eye.side != "train" for eye in eyes)
    if official:
        listing.split = ["train" if eye.side == "train" else "test" for eye in eyes]
    data = assemble(
        listing,
        taxonomy,
        place,
        size=size,
        val_fraction=val_fraction,
        test_fraction=0.0 if official else test_fraction,
        seed=seed,
        max_per_class=max_per_class,
        options={
            "labels_of": labels_of,
            "several": several,
            "size": size,
            "val_fraction": val_fraction,
            "test_fraction": test_fraction,
            "max_per_class": max_per_class,
            "seed": seed,
        },
    )
    columns = dict(data.columns)
    sets = [str(words).split() for words in columns.pop("labels")]
    targets = multi_hot(sets, taxonomy)
    return replace(data, targets=targets, columns=columns)


def _by_patient(eyes: Iterable[_Eye]) -> list[set[str]]:
    found: dict[str, set[str]] = {}
    for eye in eyes:
        found.setdefault(eye.patient, set()).update(eye.labels)
    return list(found.values())


def _eyes(place: Path, labels_of: str) -> list[_Eye]:
    tables = _tables(place)
    if not tables:
        raise missing(
            "annotations with columns Left-Fundus, Right-Fundus, N, ..., O", place, DOWNLOAD
        )
    pictures: dict[str, list[Path]] = {}
    for file in images_below(place):
        pictures.setdefault(file.name, []).append(file)
    eyes: list[_Eye] = []
    seen: set[tuple[str, str]] = set()
    for path, rows in tables:
        side = _side(path)
        for line, row in rows:
            told = tuple(CLASSES[c] for c in CLASSES if row[c] in ("1", "1.0"))
            for eye, column in _EYES.items():
                name = row[column]
                # the CSV of Kaggle has a line for each picture that it keeps
                if row.get("filename", name) != name:
                    continue
                if name not in pictures:
                    raise DataError(
                        f"picture {name!r} is in no folder below {place}", path=path, line=line
                    )
                if (side, name) in seen:
                    continue
                seen.add((side, name))
                words = row.get(f"{eye.title()}-Diagnostic Keywords", "")
                labels = told
                if labels_of == "eye":
                    labels = _labels_of_keywords(words)
                    if not labels:
                        continue
                elif not labels:
                    raise DataError(
                        f"patient {row['ID']!r} has no 1 in any of {' '.join(CLASSES)}",
                        path=path,
                        line=line,
                    )
                patient = row["ID"] if side == "train" else f"{side}-{row['ID']}"
                eyes.append(
                    _Eye(
                        _nearest(pictures[name], path),
                        labels,
                        side,
                        patient,
                        eye,
                        row.get("Patient Age", ""),
                        row.get("Patient Sex", ""),
                        words,
                    )
                )
    return eyes


def _tables(place: Path) -> list[tuple[Path, Rows]]:
    """The annotations below a folder: a spreadsheet where there is one beside a CSV."""
    found: dict[tuple[Path, str], tuple[Path, Rows]] = {}
    for path in sorted(place.rglob("*"), key=lambda p: (p.suffix != ".xlsx", p)):
        if path.name.startswith((".", "~$")) or "chinese" in path.name.lower():
            continue
        if path.suffix.lower() == ".xlsx":
            rows = rows_of(sheet_rows(path), path)
        elif path.suffix.lower() == ".csv":
            rows = read_table(path)
        else:
            continue
        if rows and {"ID", *_EYES.values(), *CLASSES} <= set(rows[0][1]):
            found.setdefault((path.parent, _side(path)), (path, rows))
    return list(found.values())


def _side(path: Path) -> str:
    """``train``, ``off-site`` or ``on-site``, by the names of the file and its folders."""
    name = "/".join(path.parts[-3:]).lower()
    return next((side for side in ("off-site", "on-site") if side in name), "train")


def _nearest(files: list[Path], table: Path) -> Path:
    """Of pictures of one name the one that shares most of its path with the table."""

    def shared(file: Path) -> int:
        pairs = zip(file.parts, table.parts)
        return next((n for n, (a, b) in enumerate(pairs) if a != b), len(table.parts))

    return max(files, key=shared)


def _labels_of_keywords(words: str) -> tuple[str, ...]:
    """The labels that the keywords of one eye say; healthy only where nothing else is said.

    >>> _labels_of_keywords("mild nonproliferative retinopathy，cataract, lens dust")
    ('diabetes', 'cataract')
    """
    found: list[str] = []
    for word in re.split(r"[,，;]", words.lower()):
        if not word.strip() or _QUALITY.search(word):
            continue
        found.append(next((name for rule, name in _KEYWORDS if rule.search(word)), "other"))
    ill = [name for name in CLASSES.values() if name in found and name != "normal"]
    return tuple(ill) or tuple(set(found))
