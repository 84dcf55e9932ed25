"""HAM10000 in its official layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhier.data.official import load_ham10000
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

Draw = Callable[..., Path]

CLASSES = ("nv", "mel", "bkl", "bcc", "akiec", "vasc", "df")


@pytest.fixture
def root(tmp_path: Path, draw: Draw) -> Path:
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    number = 0
    for dx in CLASSES:
        for lesion in range(4):
            for _ in range(2):
                name = f"ISIC_{number:07}"
                part = 1 + number % 2
                draw(tmp_path / f"HAM10000_images_part_{part}" / f"{name}.jpg", value=number)
                lines.append(f"HAM_{dx}{lesion},{name},{dx},histo,45.0,male,trunk")
                number += 1
    (tmp_path / "HAM10000_metadata").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_both_parts_are_read_and_lesions_stay_together(root: Path) -> None:
    data = load_ham10000(root, val_fraction=0.2, test_fraction=0.25)
    assert len(data) == 56 and data.images.size == (6, 8)
    assert set(data.taxonomy.decode(data.images.labels)) == set(CLASSES)
    assert data.images.groups is not None
    sides: dict[str, set[str]] = {}
    for group, side in zip(data.images.groups, data.images.split):
        sides.setdefault(group, set()).add(side)
    assert all(len(s) == 1 for s in sides.values()) and len(sides) == 28
    assert set(data.columns["dx_type"]) == {"histo"} and set(data.columns["age"]) == {"45.0"}


def test_trees(root: Path) -> None:
    assert "melanocytic" in load_ham10000(root, tree="lineage").taxonomy
    assert "malignant" in load_ham10000(root, tree="malignancy").taxonomy
    flat = Taxonomy.from_edges([("skin", dx) for dx in CLASSES])
    assert load_ham10000(root, tree=flat).taxonomy is flat
    with pytest.raises(DataError, match=r"tree must be 'lineage'.* got 'depth'"):
        load_ham10000(root, tree="depth")
    with pytest.raises(DataError, match="'df' is not in the taxonomy"):
        load_ham10000(root, tree=flat.prune("df"))


@pytest.mark.parametrize(
    "name", ["ISIC2018_Task3_Test_GroundTruth.csv", "isic2018_task3_test_groundtruth.tab"]
)
@pytest.mark.parametrize("coded", [False, True])
def test_the_official_test_set(root: Path, draw: Draw, name: str, coded: bool) -> None:
    draw(root / "ISIC2018_Task3_Test_Images" / "ISIC_0034524.jpg")
    if coded:
        text = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_0034524,0.0,1.0,0,0,0,0,0\n"
    else:
        text = "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset\n"
        text += "HAMTEST_0,ISIC_0034524,nv,follow_up,40,female,back,vidir_modern\n"
    if name.endswith(".tab"):
        text = text.replace(",", "\t")
    (root / name).write_text(text)
    data = load_ham10000(root)
    test = data.subset("test")
    assert len(test) == 1 and data.taxonomy.decode(test.images.labels) == ["nv"]
    assert len(data.subset("train")) + len(data.subset("val")) == 56
    assert len(load_ham10000(root, test="split").subset("test")) > 1


def test_what_the_official_test_set_lacks(root: Path) -> None:
    with pytest.raises(DataError, match="ISIC2018_Task3_Test_GroundTruth not found"):
        load_ham10000(root, test="isic2018")
    (root / "ISIC2018_Task3_Test_GroundTruth.csv").write_text("image,MEL,NV\nISIC_0000000,1,1\n")
    with pytest.raises(DataError, match=r"expected one class marked with 1, got \['mel', 'nv'\]"):
        load_ham10000(root)
    with pytest.raises(DataError, match="test must be 'auto', 'isic2018' or 'split', got 'all'"):
        load_ham10000(root, test="all")


def test_a_picture_that_is_not_there(root: Path) -> None:
    (root / "HAM10000_images_part_1" / "ISIC_0000002.jpg").unlink()
    with pytest.raises(DataError, match=r"'ISIC_0000002' is in no folder.*DBW86T") as caught:
        load_ham10000(root)
    assert caught.value.line == 4


def test_a_table_of_another_kind(root: Path) -> None:
    (root / "HAM10000_metadata").write_text("name,label\na,b\n")
    with pytest.raises(DataError, match="no column 'image_id': the columns are name, label"):
        load_ham10000(root)
    (root / "HAM10000_metadata").write_text("image_id,dx,lesion_id\n")
    with pytest.raises(DataError, match="no rows below the header"):
        load_ham10000(root)
