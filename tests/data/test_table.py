"""Images listed in a CSV."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperhier.data import load_images
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

Draw = Callable[..., Path]

HEAD = "image_id,lesion_id,dx,split\n"
ROWS = "a,l1,cat,train\nb,l1,cat,train\nc,l2,ox,test\nd,l3,ox,train\n"


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    for value, name in enumerate("abcd"):
        draw(tmp_path / "images" / f"{name}.png", value=value)
    (tmp_path / "labels.csv").write_text(HEAD + ROWS)
    return tmp_path


def rewrite(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_usual_columns_are_found(folder: Path, tree: Taxonomy) -> None:
    data = load_images(folder / "labels.csv", tree, val_fraction=0)
    assert tree.decode(data.labels) == ["cat", "cat", "ox", "ox"]
    assert np.asarray(data.split).tolist() == ["train", "train", "test", "train"]
    assert np.asarray(data.groups).tolist() == ["l1", "l1", "l2", "l3"]
    assert data.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert data.ids == ["a", "b", "c", "d"]


def test_the_folder_stands_for_its_labels_csv(folder: Path, tree: Taxonomy) -> None:
    one, two = load_images(folder, tree), load_images(folder / "labels.csv", tree)
    assert one.fingerprint() == two.fingerprint()


def test_val_is_carved_from_train_by_groups(tmp_path: Path, draw: Draw, tree: Taxonomy) -> None:
    lines = ["image,label,patient,split"]
    for i in range(40):
        draw(tmp_path / f"{i}.png")
        lines.append(f"{i},cat,p{i // 4},{'test' if i < 8 else 'train'}")
    data = load_images(rewrite(tmp_path, "\n".join(lines)), tree, val_fraction=0.25)
    split = np.asarray(data.split)
    assert set(split[:8]) == {"test"} and (split == "val").sum() == 8
    assert all(len(set(split[i : i + 4])) == 1 for i in range(0, 40, 4))


@pytest.mark.parametrize("inside", ["", "images/", "deep/"])
def test_images_in_a_zip(tmp_path: Path, draw: Draw, tree: Taxonomy, inside: str) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in "abcd":
            archive.write(draw(tmp_path / "src" / f"{name}.png"), f"{inside}{name}.png")
    path = rewrite(tmp_path, HEAD + ROWS)
    assert len(load_images(path, tree)) == 4


def test_names_with_folders_and_suffixes(tmp_path: Path, draw: Draw, tree: Taxonomy) -> None:
    draw(tmp_path / "pics" / "x" / "a.b_001.jpg")
    draw(tmp_path / "pics" / "y" / "c.png")
    path = rewrite(tmp_path, "file,label\nx/a.b_001,cat\n./y/c.png,ox\n")
    assert len(load_images(path, tree, images="pics")) == 2
    assert len(load_images(path, tree, images=tmp_path / "pics")) == 2


def test_named_columns_and_tsv(tmp_path: Path, draw: Draw, tree: Taxonomy) -> None:
    for name in "ab":
        draw(tmp_path / f"{name}.png")
    path = tmp_path / "list.tsv"
    path.write_text("picture\tkind\tfold\na\tcat\ttrain\nb\tox\tTest\n")
    data = load_images(path, tree, image="picture", label="kind", split="fold", val_fraction=0)
    assert np.asarray(data.split).tolist() == ["train", "test"]


def test_semicolons_quotes_and_a_byte_order_mark(
    tmp_path: Path, draw: Draw, tree: Taxonomy
) -> None:
    draw(tmp_path / "a, b.png")
    path = tmp_path / "labels.csv"
    path.write_bytes('﻿image;label\r\n"a, b.png";cat\r\n'.encode())
    assert load_images(path, tree).ids == ["a, b.png"]


def test_a_group_can_be_ignored(folder: Path, tree: Taxonomy) -> None:
    rewrite(folder, HEAD + ROWS.replace("b,l1,cat,train", "b,l1,cat,test"))
    with pytest.raises(DataError, match=r"group 'l1' is on two sides.*train on line 2, test here"):
        load_images(folder, tree)
    assert load_images(folder, tree, group="").groups is None


def test_splits_are_drawn_by_groups(tmp_path: Path, draw: Draw, tree: Taxonomy) -> None:
    lines = ["image,label,patient_id"]
    for i in range(40):
        draw(tmp_path / f"{i}.png")
        lines.append(f"{i},{'cat' if i % 8 < 4 else 'ox'},p{i // 4}")
    data = load_images(rewrite(tmp_path, "\n".join(lines)), tree)
    split = np.asarray(data.split)
    assert set(split) == {"train", "val", "test"}
    assert all(len(set(split[i : i + 4])) == 1 for i in range(0, 40, 4))


BAD = [
    ("", None, "empty file"),
    (HEAD, None, "no rows below the header"),
    (HEAD + "a,l1,cat,train\nmissing,l1,cat,train\n", 3, "image 'missing' not found"),
    (HEAD + "zzz,l1,cat,train\n", 2, "image 'zzz' not found: looked in images/"),
    (HEAD + "a,l1,cta,train\n", 2, "label 'cta' is not in the taxonomy: did you mean 'cat'"),
    (HEAD + "a,l1,all,train\n", 2, "'all' is the root"),
    (HEAD + "a,l1,,train\n", 2, "empty label"),
    (HEAD + "a,l1,unheard-of,train\n", 2, "its 4 leaves are cat, dog, ox, hen"),
    (HEAD + "a,l1,cat,fold3\n", 2, "split 'fold3': expected train, val or test"),
    (HEAD + "a,,cat,train\n", 2, "no lesion_id given"),
    (HEAD + ",l1,cat,train\n", 2, "no image named"),
    (HEAD + "a,l1,cat,train\n\na,l1,cat,train\n", 4, r"'a' is listed again \(first on line 2\)"),
    (HEAD + "a,l1,cat\n", 2, "3 cells, but the header has 4 columns"),
    ("picture,dx\na,cat\n", 1, "no image column found: the columns are picture, dx"),
    ("image,kind\na,cat\n", 1, "no label column found: the columns are image, kind"),
    ("image,path,dx\na,a,cat\n", 1, "columns 'image' and 'path' could both be the image"),
    ("image,dx,split\na,cat,test\n", None, "no image is in the train split"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_bad_tables(
    folder: Path, tree: Taxonomy, text: str, line: int | None, message: str
) -> None:
    path = rewrite(folder, text)
    with pytest.raises(DataError, match=message) as caught:
        load_images(path, tree)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_a_named_column_that_is_missing(folder: Path, tree: Taxonomy) -> None:
    with pytest.raises(
        DataError, match=r"no column 'diagnosis' \(label\): the columns are image_id, lesion_id"
    ):
        load_images(folder, tree, label="diagnosis")


def test_unreadable_image_is_named_with_its_line(folder: Path, tree: Taxonomy) -> None:
    (folder / "images" / "c.png").write_bytes(b"\x89PNG....")
    with pytest.raises(DataError, match=r"unreadable image 'c\.png'") as caught:
        load_images(folder, tree)
    assert (caught.value.path, caught.value.line) == (str(folder / "labels.csv"), 4)


def test_a_name_that_could_be_two_files(folder: Path, tree: Taxonomy, draw: Draw) -> None:
    draw(folder / "images" / "a.jpg")
    with pytest.raises(DataError, match=r"image 'a' could be a\.jpg or a\.png"):
        load_images(folder, tree)


def test_not_text(folder: Path, tree: Taxonomy) -> None:
    (folder / "labels.csv").write_bytes(b"image,label\n\xff\xfe,cat\n")
    with pytest.raises(DataError, match="not UTF-8"):
        load_images(folder, tree)


def test_broken_zip(tmp_path: Path, tree: Taxonomy) -> None:
    rewrite(tmp_path, "image,label\na,cat\n")
    (tmp_path / "images.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="expected a folder or a zip of images"):
        load_images(tmp_path, tree, images="images.zip")
    with pytest.raises(DataError, match="no such folder or zip"):
        load_images(tmp_path, tree, images="others.zip")


def test_ham_by_lesion(data_dir: Callable[[str], Path], tmp_path: Path) -> None:
    from hyperhier.taxonomy import read_taxonomy

    root = data_dir("ham10000_64")
    lines = (root / "labels.csv").read_text().splitlines()[:301]
    path = rewrite(tmp_path, "\n".join(lines))
    data = load_images(path, read_taxonomy(root / "tree_lineage.csv"), images=root / "images.zip")
    assert data.images.shape == (300, 3, 48, 64)
    assert data.ids[0] == "ISIC_0024306" and data.groups is not None
    told = [line.rsplit(",", 1)[1] for line in lines[1:]]
    assert np.asarray(data.split).tolist() == told
    drawn = load_images(
        path, read_taxonomy(root / "tree_lineage.csv"), images=root / "images.zip", split=""
    )
    assert drawn.groups is not None and len(drawn.subset("test")) > 40
