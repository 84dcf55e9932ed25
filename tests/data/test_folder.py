"""Images in one folder per class."""

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


def fill(root: Path, draw: Draw, classes: tuple[str, ...] = ("cat", "ox"), n: int = 5) -> None:
    for value, name in enumerate(classes):
        for i in range(n):
            draw(root / name / f"{i}.png", value=value + 1)


def test_class_folders_are_labels(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    data = load_images(tmp_path, tree)
    assert data.images.shape == (10, 3, 6, 8)
    names = tree.decode(data.labels)
    assert names == ["cat"] * 5 + ["ox"] * 5
    assert data.images[:, 0, 0, 0].tolist() == [1] * 5 + [2] * 5
    assert set(np.asarray(data.split)) == {"train", "val", "test"}
    assert data.source == str(tmp_path)


def test_folders_above_give_the_split(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    for side in ("training", "valid", "test"):
        fill(tmp_path / side, draw, n=2)
    data = load_images(tmp_path, tree)
    assert [len(data.subset(s)) for s in ("train", "val", "test")] == [4, 4, 4]
    assert all(i.startswith("valid/") for i in data.subset("val").ids)


def test_the_deepest_folder_that_is_a_node_counts(
    tmp_path: Path, tree: Taxonomy, draw: Draw
) -> None:
    draw(tmp_path / "pet" / "cat" / "patient-3" / "a.png")
    draw(tmp_path / "farm" / "ox" / "a.png")
    assert tree.decode(load_images(tmp_path, tree, test_fraction=0).labels) == ["ox", "cat"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_zip_of_class_folders(tmp_path: Path, tree: Taxonomy, draw: Draw, wrapped: bool) -> None:
    fill(tmp_path / "in", draw)
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for file in sorted((tmp_path / "in").rglob("*.png")):
            name = file.relative_to(tmp_path / "in").as_posix()
            archive.write(file, f"photos/{name}" if wrapped else name)
        archive.writestr("__MACOSX/cat/._0.png", b"junk")
    data = load_images(tmp_path / "data.zip", tree)
    assert tree.decode(data.labels) == ["cat"] * 5 + ["ox"] * 5


def test_other_files_and_hidden_ones_are_passed_over(
    tmp_path: Path, tree: Taxonomy, draw: Draw
) -> None:
    fill(tmp_path, draw, n=2)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    draw(tmp_path / ".thumbnails" / "t.png")
    assert len(load_images(tmp_path, tree)) == 4


def test_modes_become_one(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    for mode in ("L", "LA", "1", "P", "RGB", "RGBA", "I;16"):
        draw(tmp_path / "cat" / f"{mode.replace(';', '')}.png", mode=mode, value=0)
    assert load_images(tmp_path, tree).images.shape == (7, 3, 6, 8)


def test_grey_stays_grey(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    draw(tmp_path / "cat" / "a.png", mode="L", value=9)
    draw(tmp_path / "cat" / "b.png", mode="I;16", value=9)
    data = load_images(tmp_path, tree)
    assert data.channels == 1 and data.images.unique().tolist() == [9]


def test_transparency_is_white(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    draw(tmp_path / "cat" / "a.png", mode="RGBA", value=0)
    assert load_images(tmp_path, tree).images.unique().tolist() == [255]


def test_a_rare_other_size_is_resized(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw, n=3)
    draw(tmp_path / "cat" / "z.png", size=(20, 20))
    assert load_images(tmp_path, tree).size == (6, 8)
    assert load_images(tmp_path, tree, size=(5, 4)).size == (5, 4)
    assert load_images(tmp_path, tree, size=12).size == (12, 12)


def test_many_sizes_need_one_to_be_said(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    for i in range(4):
        draw(tmp_path / "cat" / f"{i}.png", size=(8 + i, 9))
    with pytest.raises(DataError, match=r"4 sizes, from 9x8 to 9x11.*size="):
        load_images(tmp_path, tree)
    assert load_images(tmp_path, tree, size=8).size == (8, 8)


def test_empty_folder(tmp_path: Path, tree: Taxonomy) -> None:
    with pytest.raises(DataError, match="empty folder") as caught:
        load_images(tmp_path, tree)
    assert caught.value.path == str(tmp_path)


def test_empty_class_folder(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match="empty folder") as caught:
        load_images(tmp_path, tree)
    assert caught.value.path == str(tmp_path / "dog")


def test_no_images(tmp_path: Path, tree: Taxonomy) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="no images in this folder"):
        load_images(tmp_path, tree)


def test_unreadable_image_is_named(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    (tmp_path / "ox" / "1.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match="unreadable image: not an image file") as caught:
        load_images(tmp_path, tree)
    assert caught.value.path == str(tmp_path / "ox" / "1.png")


def test_truncated_image_is_named(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    file = draw(tmp_path / "ox" / "1.png", size=(64, 64))
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match="unreadable image") as caught:
        load_images(tmp_path, tree, size=8)
    assert caught.value.path == str(file)


def test_folder_that_is_no_class(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw, classes=("cat", "dgo"))
    with pytest.raises(DataError, match="'dgo' is not in the taxonomy: did you mean 'dog'"):
        load_images(tmp_path, tree)


def test_image_outside_of_class_folders(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    draw(tmp_path / "stray.png")
    with pytest.raises(DataError, match=r"'stray.png' lies in no class folder"):
        load_images(tmp_path, tree)


def test_nothing_there(tmp_path: Path, tree: Taxonomy) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        load_images(tmp_path / "absent", tree)


def test_neither_folder_nor_table(tmp_path: Path, tree: Taxonomy) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match=r"expected a folder or zip.*\.npz"):
        load_images(tmp_path / "a.json", tree)


def test_columns_make_no_sense_for_a_folder(tmp_path: Path, tree: Taxonomy, draw: Draw) -> None:
    fill(tmp_path, draw)
    with pytest.raises(DataError, match="group='patient' names something of a table"):
        load_images(tmp_path, tree, group="patient")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be"),
        ({"size": (1, 2, 3)}, "size must be"),
        ({"val_fraction": -0.1}, "val_fraction"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "below 1"),
    ],
)
def test_bad_options(
    tmp_path: Path, tree: Taxonomy, draw: Draw, options: dict[str, object], message: str
) -> None:
    fill(tmp_path, draw)
    with pytest.raises(DataError, match=message):
        load_images(tmp_path, tree, **options)  # type: ignore[arg-type]
