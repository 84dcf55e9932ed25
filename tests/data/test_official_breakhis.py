"""BreakHis in its official layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhier.data import OfficialDataset
from hyperhier.data.official import load_breakhis
from hyperhier.errors import DataError

Draw = Callable[..., Path]

TYPES = {"adenosis": ("benign", "B_A"), "ductal_carcinoma": ("malignant", "M_DC")}
SLIDES = {
    "adenosis": ["22549AB", "22549CD", "22549G", "29960CD", "31001", "31002"],
    "ductal_carcinoma": ["13412", "10926", "11031", "11951", "12312", "14015"],
}


@pytest.fixture
def root(tmp_path: Path, draw: Draw) -> Path:
    breast = tmp_path / "BreaKHis_v1" / "histology_slides" / "breast"
    for kind, slides in SLIDES.items():
        side, code = TYPES[kind]
        for slide in slides:
            for zoom in (40, 100, 200, 400):
                for i in (1, 2):
                    folder = breast / side / "SOB" / kind / f"SOB_{code}_14-{slide}" / f"{zoom}X"
                    draw(folder / f"SOB_{code}-14-{slide}-{zoom}-{i:03}.png", value=zoom // 4)
    return tmp_path


def people(data: OfficialDataset, side: str) -> set[str]:
    groups = data.subset(side).images.groups
    assert groups is not None
    return {str(g) for g in groups}


def test_all_magnifications(root: Path) -> None:
    data = load_breakhis(root)
    assert len(data) == 96 and data.levels == ("patient", "slide")
    assert set(data.columns["magnification"]) == {"40", "100", "200", "400"}
    assert set(data.taxonomy.decode(data.images.labels)) == set(TYPES)
    values = {int(z) // 4 for z in data.columns["magnification"]}
    assert set(data.images.images.unique().tolist()) == values


@pytest.mark.parametrize("patients", ["case", "slide"])
def test_no_patient_is_on_two_sides(root: Path, patients: str) -> None:
    data = load_breakhis(root, patients=patients)
    sides = [people(data, side) for side in ("train", "val", "test")]
    assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_slides_of_one_case_are_one_patient(root: Path) -> None:
    together = load_breakhis(root)
    assert together.images.groups is not None
    groups = set(together.images.groups.tolist())
    assert "14-22549" in groups and len(groups) == 10
    apart = load_breakhis(root, patients="slide")
    assert apart.images.groups is not None
    assert {"A-14-22549AB", "A-14-22549G", "DC-14-13412"} <= set(apart.images.groups.tolist())


def test_one_magnification(root: Path) -> None:
    data = load_breakhis(root, magnification=100)
    assert len(data) == 24 and set(data.columns["magnification"]) == {"100"}


def test_training_and_testing_at_other_magnifications(root: Path) -> None:
    data = load_breakhis(root, magnification=(40, 100), test_magnification=(200, 400))
    for side in ("train", "val"):
        assert set(data.subset(side).columns["magnification"]) == {"40", "100"}
    assert set(data.subset("test").columns["magnification"]) == {"200", "400"}
    assert not people(data, "train") & people(data, "test")
    whole = load_breakhis(root)
    assert people(data, "test") == people(whole, "test")


def test_published_folds(root: Path) -> None:
    lines = []
    for kind, slides in SLIDES.items():
        for n, slide in enumerate(slides):
            for zoom in (40, 100, 200, 400):
                for i in (1, 2):
                    name = f"SOB_{TYPES[kind][1]}-14-{slide}-{zoom}-{i:03}.png"
                    lines.append(f"{name}|{zoom}|2|{'test' if n % 3 == 0 else 'train'}")
    (root / "dsfold2.txt").write_text("\n".join(lines) + "\n")
    data = load_breakhis(root, fold=2, magnification=40, val_fraction=0.25)
    expected = {"A-14-22549AB", "A-14-29960CD", "DC-14-13412", "DC-14-11951"}
    assert people(data, "test") == expected
    assert people(data, "val") and not people(data, "val") & people(data, "train")
    (root / "dsfold2.txt").write_text("\n".join(lines[:5]))
    with pytest.raises(DataError, match="is in no fold"):
        load_breakhis(root, fold=2)
    (root / "dsfold2.txt").write_text("a|b\n")
    with pytest.raises(DataError, match=r"expected NAME\|MAGNIFICATION") as caught:
        load_breakhis(root, fold=2)
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"magnification": 50}, "magnification must be of"),
        ({"magnification": ()}, "magnification must be of"),
        ({"patients": "person"}, "patients must be 'case' or 'slide', got 'person'"),
        ({"fold": 7}, "fold must be 1 to 5, got 7"),
        ({"fold": 1}, r"dsfold1.txt \(of mkfold.tar.gz\) not found"),
        ({"test_fraction": 1.0}, "test_fraction must be"),
    ],
)
def test_bad_options(root: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_breakhis(root, **options)  # type: ignore[arg-type]


def test_a_name_that_is_none_of_breakhis(root: Path, draw: Draw) -> None:
    file = draw(root / "BreaKHis_v1" / "a.png")
    with pytest.raises(
        DataError, match=r"expected a name as SOB_B_TA-14-4659-40-001\.png"
    ) as caught:
        load_breakhis(root)
    assert caught.value.path == str(file)
