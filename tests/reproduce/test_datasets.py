"""Reading the images that a suite names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperhier.data.imageset import SPLITS
from hyperhier.errors import DataError, RunError
from hyperhier.reproduce import Selection, read_suite
from hyperhier.reproduce.datasets import ImageCache, missing_files, read_tree
from hyperhier.reproduce.plan import cells, final_job

SYNTHETIC: dict[str, Any] = {
    "reader": "synthetic",
    "trees": {"deep": "balanced:2,2", "other": "balanced:2,2"},
    "load": {"n_per_class": 5, "size": 8},
}


def test_a_data_set_is_read_once_and_few_are_kept(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, most=1)
    first, tree = cache.get(SYNTHETIC, "deep")
    assert cache.get(SYNTHETIC, "other")[0] is first
    assert tree.height == 2
    cache.get({**SYNTHETIC, "load": {"n_per_class": 6, "size": 8}}, "deep")
    assert cache.get(SYNTHETIC, "deep")[0] is not first


def test_labels_are_carried_to_another_tree_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("parent,child\nr,x\nr,y\nx,l1\ny,l2\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("parent,child\nr,z\nz,l2\nz,l1\n", encoding="utf-8")
    recipe = {**SYNTHETIC, "trees": {"a": "a.csv", "b": "b.csv"}}
    cache = ImageCache(tmp_path)
    (one, a), (two, b) = cache.get(recipe, "a"), cache.get(recipe, "b")
    assert a.decode(one.labels) == b.decode(two.labels)
    assert set(b.decode(two.labels)) == {"l1", "l2"}


def test_a_prefix_of_node_names_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("parent,child\nroot,C:a\nC:a,F:a\n", encoding="utf-8")
    tree = read_tree({"trees": {"t": "t.csv"}, "strip": "F:"}, "t", tmp_path)
    assert tree.nodes == ("root", "C:a", "a")


def test_a_fixed_part_of_the_training_images(tmp_path: Path) -> None:
    recipe = {**SYNTHETIC, "load": {"n_per_class": 50, "size": 8}, "keep": 0.5}
    whole = ImageCache(tmp_path).get({**recipe, "keep": 1.0}, "deep")[0]
    part = ImageCache(tmp_path).get(recipe, "deep")[0]
    assert part.ids == ImageCache(tmp_path).get(recipe, "deep")[0].ids
    assert len(part.subset("test")) == len(whole.subset("test"))
    assert 0.3 < len(part.subset("train")) / len(whole.subset("train")) < 0.7
    with pytest.raises(RunError, match="keep"):
        ImageCache(tmp_path).get({**recipe, "keep": 1.5}, "deep")


def test_training_images_are_lent_to_the_validation(tmp_path: Path) -> None:
    recipe = {**SYNTHETIC, "load": {"n_per_class": 50, "size": 8}}
    whole = ImageCache(tmp_path).get(recipe, "deep")[0]
    lent = ImageCache(tmp_path).get({**recipe, "hold_out": 0.3}, "deep")[0]
    sides = {side: [set(d.subset(side).ids) for d in (whole, lent)] for side in SPLITS}
    assert sides["test"][0] == sides["test"][1]
    assert sides["val"][0] < sides["val"][1]
    assert sides["train"][1] < sides["train"][0]
    assert sides["train"][1] | sides["val"][1] == sides["train"][0] | sides["val"][0]
    before, after = (d.subset("train").class_counts for d in (whole, lent))
    assert all(0.6 < after[c] / n < 0.8 for c, n in before.items())


def test_unknown_readers_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="'magic'; known: images, official, omniglot, synthetic"):
        ImageCache(tmp_path).get({**SYNTHETIC, "reader": "magic"}, "deep")


def test_missing_files_are_found_before_any_work(tmp_path: Path) -> None:
    recipe = {"path": "d.csv", "images": "d.zip", "trees": {"t": "t.csv", "b": "demo"}}
    assert missing_files(recipe, tmp_path) == [tmp_path / n for n in ("d.csv", "d.zip", "t.csv")]
    (tmp_path / "d.csv").touch()
    assert missing_files(recipe, tmp_path) == [tmp_path / n for n in ("d.zip", "t.csv")]
    assert missing_files({**SYNTHETIC, "trees": {"t": "official"}}, tmp_path) == []


def test_omniglot_is_split_by_drawer_and_repeats_are_read_once(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for archive in ("images_background_small1.zip", "images_background_small2.zip"):
        with zipfile.ZipFile(tmp_path / archive, "w") as pack:
            for drawer in range(1, 21):
                picture = io.BytesIO()
                image.fromarray(np.full((10, 10), drawer, dtype=np.uint8)).save(picture, "png")
                folder = archive.removesuffix(".zip")
                pack.writestr(f"{folder}/Greek/character01/01_{drawer:02}.png", picture.getvalue())
            pack.writestr(f"{folder}/notes.txt", "x")
    (tmp_path / "t.csv").write_text(
        "parent,child\no,Greek\nGreek,Greek/character01\n", encoding="utf-8"
    )
    recipe = {"reader": "omniglot", "path": ".", "trees": {"t": "t.csv"}, "load": {"size": [8, 8]}}
    data, _ = ImageCache(tmp_path).get(recipe, "t")
    assert data.size == (8, 8)
    shade = data.images[:, 0, 0, 0]
    assert {side: shade[data.indices(side)].tolist() for side in ("train", "val", "test")} == {
        "train": list(range(1, 15)), "val": [15, 16], "test": [17, 18, 19, 20],
    }  # fmt: skip
    (tmp_path / "images_background_small2.zip").write_bytes(b"broken")
    with pytest.raises(DataError, match="small2"):
        ImageCache(tmp_path).get(recipe, "t")


def test_a_domain_is_a_column_of_the_table(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    lines = ["name,kind,split,place"]
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as pack:
        for i in range(8):
            picture = io.BytesIO()
            image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(picture, "png")
            pack.writestr(f"p{i}.png", picture.getvalue())
            side, place = ("train", "test")[i % 2], ("arm", "face")[i // 4]
            lines.append(f"p{i},{'a' if i % 4 < 2 else 'b'},{side},{place}")
    (tmp_path / "t.csv").write_text("parent,child\nr,a\nr,b\n", encoding="utf-8")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = {
        "path": "d.csv", "images": "p.zip", "trees": {"t": "t.csv"},
        "load": {"image": "name", "label": "kind", "split": "split", "val_fraction": 0.0},
        "domain": {"key": "name", "column": "place", "test": ["face"]},
    }  # fmt: skip
    data, _ = ImageCache(tmp_path).get(recipe, "t")
    assert sorted(data.images[:, 0, 0, 0].tolist()) == [0, 2, 5, 7]
    with pytest.raises(DataError, match="colour"):
        domain = {**recipe["domain"], "column": "colour"}  # type: ignore[dict-item]
        ImageCache(tmp_path).get({**recipe, "domain": domain}, "t")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "folder", "shape", "sizes"),
    [
        ("fashion", "fashion_mnist_slice", (1, 28, 28), (9000, 1000, 5000)),
        ("grocery", "grocerystore_64", (3, 32, 32), (2640, 296, 2485)),
        ("omniglot", "omniglot_small", (1, 28, 28), (3388, 484, 968)),
    ],
)
def test_the_suites_read_the_real_data(
    data_dir: Callable[[str], Path], name: str, folder: str, shape: Any, sizes: Any
) -> None:
    root = data_dir(folder).parent
    suite = read_suite("main", "cpu")
    job = final_job(suite, cells(suite, Selection(dataset=(name,)))[0], 0.01, 0)
    data, taxonomy = ImageCache(root).get(job["data"], job["tree"])
    assert (data.channels, *data.size) == shape
    assert tuple(len(data.indices(side)) for side in ("train", "val", "test")) == sizes
    assert set(taxonomy.decode(data.labels)) == set(taxonomy.leaves)
