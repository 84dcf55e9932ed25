"""ODIR-5K in the layouts of the challenge, of Kaggle and of OIA-ODIR."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hyperhier.data.official import OfficialDataset, load_odir
from hyperhier.data.official._xlsx import sheet_rows
from hyperhier.errors import DataError

Draw = Callable[..., Path]

HEADER = [
    *("ID", "Patient Age", "Patient Sex", "Left-Fundus", "Right-Fundus"),
    *("Left-Diagnostic Keywords", "Right-Diagnostic Keywords"),
    *"NDGCAHMO",
]
# left keywords, right keywords, flags N D G C A H M O
PATIENTS = [
    ("normal fundus", "normal fundus,lens dust", "10000000"),
    ("cataract", "normal fundus", "00010000"),
    ("moderate non proliferative retinopathy", "hypertensive retinopathy", "01000100"),
    ("pathological myopia", "low image quality", "00000010"),
    ("drusen", "suspected glaucoma，dry age-related macular degeneration", "00101001"),
    ("normal fundus", "normal fundus", "10000000"),
]


def lines(first: int = 0) -> list[list[str]]:
    rows = []
    for n, (left, right, flags) in enumerate(PATIENTS, start=first):
        rows.append([str(n), "60", "Male", f"{n}_left.jpg", f"{n}_right.jpg", left, right, *flags])
    return rows


def write_xlsx(path: Path, rows: list[list[str]], shared: bool = True) -> Path:
    """The least that a spreadsheet needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = sorted({cell for row in rows for cell in row if not cell.isdigit()})
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    body = ""
    for r, row in enumerate(rows, start=1):
        body += f'<row r="{r}">'
        for c, cell in enumerate(row):
            at = f'r="{chr(65 + c)}{r}"'
            if cell.isdigit():
                body += f"<c {at}><v>{cell}.0</v></c>"
            elif shared:
                body += f'<c {at} t="s"><v>{words.index(cell)}</v></c>'
            elif cell:
                body += f'<c {at} t="inlineStr"><is><t>{cell}</t></is></c>'
        body += "</row>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {main}><sheetData>{body}</sheetData></worksheet>",
        )
        if shared:
            items = "".join(f"<si><t>{word}</t></si>" for word in words)
            archive.writestr("xl/sharedStrings.xml", f"<sst {main}>{items}</sst>")
    return path


def pictures(folder: Path, draw: Draw, first: int = 0) -> None:
    for n in range(first, first + len(PATIENTS)):
        for eye in ("left", "right"):
            draw(folder / f"{n}_{eye}.jpg", value=n)


@pytest.fixture
def challenge(tmp_path: Path, draw: Draw) -> Path:
    write_xlsx(tmp_path / "ODIR-5K_Training_Annotations(Updated)_V2.xlsx", [HEADER, *lines()])
    pictures(tmp_path / "ODIR-5K_Training_Images", draw)
    return tmp_path


def marked(data: OfficialDataset, row: int) -> set[str]:
    assert data.targets is not None
    return set(data.taxonomy.decode(data.targets[row].nonzero().squeeze(1)))


def test_all_labels_of_a_patient(challenge: Path) -> None:
    data = load_odir(challenge, size=8)
    assert len(data) == 12 and data.targets is not None
    assert data.targets.shape == (12, len(data.taxonomy)) and data.targets.dtype == torch.bool
    assert marked(data, 0) == {"normal"}
    assert marked(data, 4) == marked(data, 5) == {"diabetes", "hypertension"}
    assert marked(data, 8) == {"glaucoma", "age_related_macular_degeneration", "other"}
    assert data.columns["eye"].tolist()[:2] == ["left", "right"]
    assert set(data.columns) == {"eye", "age", "sex", "keywords", "set"}


def test_both_eyes_stay_together(challenge: Path) -> None:
    images = load_odir(challenge, size=8, val_fraction=0.2, test_fraction=0.3).images
    assert images.groups is not None
    side = dict(zip(images.groups, images.split))
    assert all(side[g] == s for g, s in zip(images.groups, images.split)) and len(side) == 6


def test_labels_of_an_eye_follow_from_its_keywords(challenge: Path) -> None:
    data = load_odir(challenge, size=8, labels_of="eye")
    expected = [
        *({"normal"}, {"normal"}, {"cataract"}, {"normal"}, {"diabetes"}, {"hypertension"}),
        *({"myopia"}, {"other"}, {"glaucoma", "age_related_macular_degeneration"}),
        *({"normal"}, {"normal"}),
    ]
    assert [marked(data, i) for i in range(len(data))] == expected  # one eye tells nothing


def test_one_label_for_several(challenge: Path) -> None:
    rarest = load_odir(challenge, size=8)
    assert rarest.taxonomy.decode(rarest.images.labels)[4] == "diabetes"  # a tie, by name
    common = load_odir(challenge, size=8, several="common")
    names = common.taxonomy.decode(common.images.labels)
    assert names[4] == "retinal_vascular_disease" and names[8] == "abnormal"
    dropped = load_odir(challenge, size=8, several="drop")
    assert len(dropped) == 8 and dropped.targets is not None
    assert dropped.targets.sum(dim=1).tolist() == [1] * 8


@pytest.mark.parametrize("per_picture", [False, True])
def test_a_csv_as_kaggle_has_it(tmp_path: Path, draw: Draw, per_picture: bool) -> None:
    pictures(tmp_path / "preprocessed_images", draw)
    rows = lines()
    header = list(HEADER)
    if per_picture:
        header.append("filename")
        rows = [[*row, name] for row in rows for name in (row[3], row[4])][:-1]
    text = [",".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
    (tmp_path / "full_df.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    assert len(load_odir(tmp_path, size=8)) == (11 if per_picture else 12)


def test_the_spreadsheet_counts_where_there_is_a_csv_too(challenge: Path, draw: Draw) -> None:
    text = [",".join(f'"{cell}"' for cell in row) for row in (HEADER, *lines()[:2])]
    (challenge / "full_df.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    pictures(challenge / "a" / "preprocessed_images", draw)
    assert len(load_odir(challenge, size=8)) == 12


def test_the_test_sets_of_oia_odir(tmp_path: Path, draw: Draw) -> None:
    for name in ("Training", "Off-site Test", "On-site Test"):
        folder = tmp_path / f"{name} Set"
        word = name.lower().removesuffix(" test")
        if name != "Training":
            word += " test"
        write_xlsx(
            folder / "Annotation" / f"{word} annotation (English).xlsx", [HEADER, *lines()], False
        )
        write_xlsx(folder / "Annotation" / f"{word} annotation (Chinese).xlsx", [HEADER, *lines()])
        pictures(folder / "Images", draw)
    data = load_odir(tmp_path, size=8, val_fraction=0.2)
    assert len(data) == 36 and len(data.subset("test")) == 24
    assert set(data.subset("test").columns["set"]) == {"off-site", "on-site"}
    assert set(data.subset("train").columns["set"]) == {"train"}
    assert len(set(data.images.ids)) == 36


def test_what_is_wrong(challenge: Path) -> None:
    with pytest.raises(DataError, match="labels_of must be 'patient' or 'eye', got 'both'"):
        load_odir(challenge, labels_of="both")
    with pytest.raises(DataError, match="several must be 'rarest', 'common' or 'drop', got 'all'"):
        load_odir(challenge, several="all")
    (challenge / "ODIR-5K_Training_Images" / "3_left.jpg").unlink()
    with pytest.raises(DataError, match=r"'3_left\.jpg' is in no folder") as caught:
        load_odir(challenge)
    assert caught.value.line == 5
    table = next(challenge.glob("*.xlsx"))
    bad = lines()
    bad[1][-8:] = ["0"] * 8
    write_xlsx(table, [HEADER, *bad])
    with pytest.raises(DataError, match="patient '1' has no 1 in any of N D G"):
        load_odir(challenge)


def test_spreadsheets(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [["x", "", "7"], ["", "y"]], shared=False)
    assert list(sheet_rows(path)) == [(1, ["x", "", "7"]), (2, ["", "y"])]
    path.write_bytes(b"x")
    with pytest.raises(DataError, match="unreadable spreadsheet"):
        list(sheet_rows(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.xml", "<a/>")
    with pytest.raises(DataError, match="no sheet in this file"):
        list(sheet_rows(path))
