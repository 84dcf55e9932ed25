"""Folders as taxonomies: order, hidden entries, links, names at several places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhier.data._store import IMAGE_SUFFIXES
from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.formats.folders import PICTURES, read_class_folders, read_folders
from hyperhier.taxonomy.policies import Policy


def make(root: Path, *names: str) -> Path:
    """Folders (names that end in a slash) and empty files below a root."""
    root.mkdir(exist_ok=True)
    for name in names:
        place = root / name
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return root


SHOP = ("men/shoes/", "men/b.txt", "women/dresses/", "women/a.txt", ".git/objects/", "men/.x", "z")


def test_folders(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", *SHOP)
    tax = read_folders(root)
    assert tax.nodes == ("shop", "men", "women", "shoes", "dresses")
    assert read_folders(os.fspath(root) + "/") == tax
    assert read_folders(os.fsencode(root)) == tax  # type: ignore[arg-type]
    assert read_folders(root, depth=1).nodes == ("shop", "men", "women")
    assert read_folders(root, depth=0).nodes == ("shop",)
    assert read_folders(root, depth=7) == tax


def test_files(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", *SHOP)
    tax = read_folders(root, files=True)
    assert tax.children("shop") == ("z", "men", "women")
    assert tax.children("men") == ("b.txt", "shoes")
    assert read_folders(root, files=True, depth=1).leaves == ("z", "men", "women")


def test_the_root_is_called_like_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "shop", "men/")
    monkeypatch.chdir(tmp_path / "shop")
    assert read_folders(".").root == "shop"
    assert read_folders("men/..").root == "shop"
    os.symlink(tmp_path / "shop", tmp_path / "other")
    assert read_folders(tmp_path / "other").nodes == ("other", "men")


def test_links_are_not_followed(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", "men/shoes/")
    os.symlink(root, root / "men" / "again", target_is_directory=True)
    os.symlink(root / "nothing", root / "broken")
    assert read_folders(root, files=True).nodes == ("shop", "men", "shoes")


def test_names_at_several_places(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", "men/shoes/", "women/shoes/")
    with pytest.raises(TaxonomyError, match="name 'shoes' stands below 'men' and below 'women'"):
        read_folders(root)
    assert read_folders(root, duplicates="merge").parents("shoes") == ("men", "women")
    assert read_folders(root, duplicates="path").leaves[0] == "shop > men > shoes"


# ------------------------------------------------------------------------------ class folders


def test_class_folders(tmp_path: Path) -> None:
    root = make(
        tmp_path / "pets",
        "dog/poodle/1.jpg",
        "dog/2.JPEG",
        "cat/manx/deep/3.png",
        "cat/read.txt",
        "notes/read.txt",
        "empty/",
        ".cache/4.jpg",
        "bird/.hidden.jpg",
        "fish/jpg",
    )
    tax = read_class_folders(root)
    assert tax.nodes == ("pets", "cat", "dog", "manx", "poodle", "deep")
    assert read_class_folders(root, suffixes=(".TXT",)).leaves == ("cat", "notes")
    assert read_class_folders(root, unary="contract").nodes == ("pets", "deep", "poodle")


def test_links_to_pictures_count(tmp_path: Path) -> None:
    root = make(tmp_path / "pets", "cat/", "dog/", "bird/", "store/1.jpg")
    os.symlink(root / "store" / "1.jpg", root / "cat" / "1.jpg")
    os.symlink(root / "store", root / "dog" / "linked.jpg", target_is_directory=True)
    os.symlink(root / "none.jpg", root / "bird" / "2.jpg")
    assert read_class_folders(root).leaves == ("cat", "store")


def test_no_pictures(tmp_path: Path) -> None:
    root = make(tmp_path / "pets", "1.jpg", "cat/read.txt")
    with pytest.raises(TaxonomyError, match=r"no folder in it holds a picture \(\.png .*\.pgm\)"):
        read_class_folders(root)
    for suffixes in (".jpg", ("jpg",), (".",)):
        with pytest.raises(ValueError, match="suffixes="):
            read_class_folders(root, suffixes=suffixes)


def test_the_pictures_are_those_that_can_be_loaded() -> None:
    assert PICTURES == IMAGE_SUFFIXES


# ------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("read", [read_folders, read_class_folders])
def test_missing_file_and_odd(tmp_path: Path, read: Any) -> None:
    with pytest.raises(TaxonomyError, match="no such folder") as caught:
        read(tmp_path / "none")
    assert caught.value.path == os.fspath(tmp_path / "none")
    with pytest.raises(TaxonomyError, match="is a file; expected a folder"):
        read(make(tmp_path, "file") / "file")
    with pytest.raises(TaxonomyError, match="cannot be read"):
        read(f"{tmp_path}/a\0b")
    with pytest.raises(ValueError, match="roots='all'"):
        read(tmp_path, roots="all")


def test_depth(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="depth=-1; expected a number >= 0"):
        read_folders(tmp_path, depth=-1)
    with pytest.raises(TaxonomyError, match="no such folder"):
        read_folders(tmp_path / "none", depth=0)


@pytest.mark.parametrize("read", [read_folders, read_class_folders])
def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    root = make(tmp_path / "shop", "men/shoes/", "women/")
    scan = os.scandir

    def refuse(place: Any) -> Any:
        if os.fspath(place).endswith("men"):
            raise PermissionError(13, "Permission denied", place)
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TaxonomyError, match="cannot be read: Permission denied") as caught:
        read(root)
    assert caught.value.path == os.fspath(root / "men")


@pytest.mark.parametrize("read", [read_folders, read_class_folders])
def test_names_that_are_no_text(tmp_path: Path, read: Any) -> None:
    root = make(tmp_path / "shop", "men/1.jpg", "men/2.jpg")
    try:
        os.rename(os.fsencode(root / "men" / "2.jpg"), os.fsencode(root / "men") + b"/\xe9.jpg")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    assert len(read(root)) == 2  # the file is no node
    with pytest.raises(TaxonomyError, match=r"holds the name b'\\xe9\.jpg'; expected UTF-8"):
        read_folders(root, files=True)
    os.mkdir(os.fsencode(root) + b"/caf\xe9")
    with pytest.raises(
        TaxonomyError, match=r"holds the name b'caf\\xe9'; expected UTF-8"
    ) as caught:
        read(root)
    assert caught.value.path == os.fspath(root)


def test_white_space_around_a_name(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="node name ' men' begins or ends with white space"):
        read_folders(make(tmp_path / "shop", " men/"))


def test_deep(tmp_path: Path) -> None:
    make(tmp_path / "top", "/".join(f"{k}" for k in range(900)) + "/")
    assert read_folders(tmp_path / "top").height == 900


_name = st.text("ab.é ", min_size=1, max_size=3).filter(lambda name: name.strip(". ") == name)


@given(st.sets(st.lists(_name, min_size=1, max_size=4).map(tuple), min_size=1, max_size=12))
def test_as_paths(tmp_path_factory: pytest.TempPathFactory, paths: set[Any]) -> None:
    root = tmp_path_factory.mktemp("any")
    for path in paths:
        root.joinpath(*path).mkdir(parents=True, exist_ok=True)
    places = Places()
    for path in sorted(paths):
        places.add_path((root.name, *path))
    expected = Taxonomy._of(places.structure(Policy(duplicates="path")))
    assert read_folders(root, duplicates="path") == expected
