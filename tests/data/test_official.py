"""What the readers of all official layouts have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hyperhier.data import load_official, official_names
from hyperhier.data.official import load_slides
from hyperhier.data.official._dataset import Listing, assemble
from hyperhier.data.official._find import first_existing, read_json, read_table
from hyperhier.data.official._trees import tree_of_paths
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

Draw = Callable[..., Path]

#: where each data set comes from, as its error says
SOURCES = {
    "breakhis": "web.inf.ufpr.br",
    "ham10000": "10.7910/DVN/DBW86T",
    "inaturalist": "github.com/visipedia/inat_comp",
    "inshop": "mmlab.ie.cuhk.edu.hk",
    "odir5k": "odir2019.grand-challenge.org",
    "opensrh": "opensrh.mlins.org",
    "slides": "CLASS/PATIENT/SLIDE",
    "tcga": "portal.gdc.cancer.gov",
}


def test_every_reader_is_covered_here() -> None:
    assert set(official_names()) == set(SOURCES)


@pytest.mark.parametrize(("name", "source"), SOURCES.items())
@pytest.mark.parametrize("there", [False, True])
def test_what_is_missing_and_where_to_get_it(
    tmp_path: Path, name: str, source: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperhier.data.official.slides._require_h5py", lambda: None)
    root = tmp_path if there else tmp_path / "absent"
    with pytest.raises(DataError, match=f"not found.*{source}") as caught:
        load_official(name, root)
    assert caught.value.path == str(root)


def test_unknown_name_and_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown data set 'mnist': expected one of breakhis, "):
        load_official("mnist", tmp_path)
    with pytest.raises(DataError, match=r"inshop: .*unexpected keyword argument 'zoom'"):
        load_official("inshop", tmp_path, zoom=2)


@pytest.fixture
def slides(tmp_path: Path, draw: Draw) -> Path:
    for kind in ("glioma", "normal"):
        for p in range(5):
            for s in range(2):
                for i in range(3):
                    draw(tmp_path / kind / f"{kind}{p}" / f"s{s}" / f"{i}.png", value=10 * p + s)
    return tmp_path


def test_patients_stay_together(slides: Path) -> None:
    data = load_slides(slides, test_fraction=0.4, val_fraction=0.2)
    assert len(data) == 60 and data.levels == ("patient", "slide")
    assert data.taxonomy.leaves == ("glioma", "normal")
    sides: dict[str, set[str]] = {}
    for group, side in zip(data.images.groups, data.images.split):
        sides.setdefault(group, set()).add(side)
    assert all(len(s) == 1 for s in sides.values()) and len(sides) == 10
    assert {s for side in sides.values() for s in side} == {"train", "val", "test"}


def test_slides_are_numbered_across_patients(slides: Path) -> None:
    nested = load_slides(slides).nested
    assert nested is not None
    assert nested.shape == (60, 2) and nested.dtype == torch.int64
    assert nested[:, 0].unique().tolist() == list(range(10))
    assert nested[:, 1].unique().tolist() == list(range(20))


def test_subset_keeps_everything_in_step(slides: Path) -> None:
    data = load_slides(slides, seed=1)
    test = data.subset("test")
    index = data.images.indices("test")
    assert data.nested is not None and test.nested is not None
    assert torch.equal(test.nested, data.nested[index]) and len(test) == len(index) > 0
    assert "nested" in repr(test) and "targets" not in repr(test)


def test_folders_may_tell_the_sides(tmp_path: Path, draw: Draw) -> None:
    for side, patient in (("train", "p"), ("valid", "q"), ("test", "r")):
        draw(tmp_path / side / "glioma" / patient / "s" / "0.png")
    assert load_slides(tmp_path).images.split.tolist() == ["test", "train", "val"]
    draw(tmp_path / "glioma" / "t" / "s" / "0.png")
    with pytest.raises(DataError, match="lies in no side of the split"):
        load_slides(tmp_path)


def test_a_patient_on_two_sides_is_refused(tmp_path: Path, draw: Draw) -> None:
    for side in ("train", "test"):
        draw(tmp_path / side / "glioma" / "p" / side / "0.png")
    with pytest.raises(DataError, match="group 'p' is on two sides"):
        load_slides(tmp_path, val_fraction=0.0)


def test_patches_outside_of_slides(tmp_path: Path, draw: Draw) -> None:
    file = draw(tmp_path / "glioma" / "p" / "0.png")
    with pytest.raises(DataError, match="expected CLASS/PATIENT/SLIDE above a patch") as caught:
        load_slides(tmp_path)
    assert caught.value.path == str(file)


def test_size_and_most_of_a_class(slides: Path) -> None:
    data = load_slides(slides, size=(4, 5), max_per_class=2)
    assert data.images.size == (4, 5)
    for side in ("train", "test"):
        assert set(data.images.subset(side).class_counts.values()) == {2}
    again = load_slides(slides, size=(4, 5), max_per_class=2)
    assert again.images.ids == data.images.ids
    assert data.images.options["max_per_class"] == 2
    with pytest.raises(DataError, match="max_per_class must be at least 1, got 0"):
        load_slides(slides, max_per_class=0)


def test_thinning_leaves_the_split_as_it_was(slides: Path) -> None:
    whole = load_slides(slides)
    side = dict(zip(whole.images.ids, whole.images.split))
    thin = load_slides(slides, max_per_class=1)
    assert all(side[i] == s for i, s in zip(thin.images.ids, thin.images.split))


def test_a_taxonomy_of_ones_own(slides: Path) -> None:
    tree = Taxonomy.from_paths([("t", "tumor", "glioma"), ("t", "normal")])
    data = load_slides(slides, tree)
    assert set(tree.decode(data.images.labels)) == {"glioma", "normal"}
    with pytest.raises(DataError, match="'normal' is not in the taxonomy"):
        load_slides(slides, Taxonomy.from_paths([("t", "glioma")]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 1.0}, r"val_fraction must be in \[0, 1\), got 1.0"),
        ({"test_fraction": -0.5}, "test_fraction must be"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "below 1"),
        ({"size": 0}, "size must be"),
    ],
)
def test_bad_options(slides: Path, options: dict[str, float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_slides(slides, **options)  # type: ignore[arg-type]


def test_an_unreadable_picture_is_named(slides: Path) -> None:
    broken = slides / "glioma" / "glioma0" / "s0" / "0.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match="unreadable picture: not an image file") as caught:
        load_slides(slides)
    assert caught.value.path == str(broken)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    listing = Listing([tmp_path / "a.png"], ["x"])
    tree = Taxonomy.from_paths([("r", "x")])
    with pytest.raises(DataError, match="unreadable picture") as caught:
        assemble(listing, tree, tmp_path, size=4, val_fraction=0.0)
    assert caught.value.path == str(tmp_path / "a.png")


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(DataError, match="this is a file"):
        load_slides(tmp_path / "x")


def test_names_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "Eval").mkdir()
    (tmp_path / "Eval" / "List.TXT").write_text("x")
    assert first_existing(tmp_path, ("no", "eval/list.txt")) == tmp_path / "Eval" / "List.TXT"
    assert first_existing(tmp_path, ("eval/other.txt", "x/y")) is None


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufeffa;b\n\n1;2\n3\n", encoding="utf-8")
    assert read_table(path) == [(3, {"a": "1", "b": "2"}), (4, {"a": "3", "b": ""})]
    path.write_text("a,b\n1,2,3\n")
    with pytest.raises(DataError, match="3 cells, but the header has 2 columns") as caught:
        read_table(path)
    assert caught.value.line == 2
    path.write_text("")
    with pytest.raises(DataError, match="empty table"):
        read_table(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="unreadable table"):
        read_table(path)
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(DataError, match="unreadable JSON"):
        read_json(tmp_path / "t.json")


def test_names_that_repeat_in_a_tree() -> None:
    paths = [("A", "x", "s"), ("B", "x", "s"), ("B", "y"), ("all",)]
    tree, names = tree_of_paths("all", paths)
    assert names[("A", "x", "s")] == "A/x/s" and names[("B", "y")] == "y"
    assert names[("all",)] == "all/all" and tree.root == "all"
    assert tree.parents("A/x/s") == ("A/x",) and tree.parents("A/x") == ("A",)
