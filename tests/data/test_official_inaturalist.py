"""iNaturalist 2018, 2019 and 2021 in their official layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhier.data.official import load_inaturalist
from hyperhier.errors import DataError

Draw = Callable[..., Path]

SPECIES = [
    ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Corvus", "Corvus corax"),
    ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Corvus", "Corvus corone"),
    ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Lynx", "Lynx rufus"),
    # a genus of plants with the name of a genus of animals
    ("Plantae", "Tracheophyta", "Liliopsida", "Poales", "Poaceae", "Lynx", "Lynx herba"),
]
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")


def fill(root: Path, draw: Draw, year: int, listed: bool = True) -> Path:
    categories = []
    for number, path in enumerate(SPECIES):
        entry = {"id": number, "name": path[-1], "supercategory": path[2]}
        categories.append({**entry, **dict(zip(RANKS, path))})
    sides = {}
    picture = 0
    for side, count in (("train", 6), ("val", 2)):
        images, annotations = [], []
        for number, path in enumerate(SPECIES):
            for _ in range(count):
                name = f"train_val{year}/{path[2]}/{number}/{picture}.jpg"
                draw(root / name, value=number)
                images.append({"id": picture, "file_name": name})
                annotations.append({"id": picture, "image_id": picture, "category_id": number})
                picture += 1
        sides[side] = {"images": images, "annotations": annotations}
        sides[side]["categories"] = [{k: c[k] for k in ("id", "name")} for c in categories]
        (root / f"{side}{year}.json").write_text(json.dumps(sides[side]))
    if listed:
        (root / "categories.json").write_text(json.dumps(categories))
    return root


def fill_2021(root: Path, draw: Draw, train: str = "train_mini") -> Path:
    for number, (*above, genus, species) in enumerate(SPECIES):
        name = "_".join((f"{number:05}", *above, genus, species.split()[1]))
        for i in range(6):
            draw(root / train / name / f"{i}.jpg", value=number)
        for i in range(2):
            draw(root / "val" / name / f"v{i}.jpg", value=number)
    return root


@pytest.mark.parametrize("year", [2018, 2019, 2021])
def test_species_below_seven_ranks(tmp_path: Path, draw: Draw, year: int) -> None:
    root = fill_2021(tmp_path, draw) if year == 2021 else fill(tmp_path, draw, year)
    data = load_inaturalist(root, size=8, val_fraction=0.2)
    tree = data.taxonomy
    assert tree.height == 7 and tree.is_tree and tree.root == "life"
    assert tree.ancestors("Corvus corax")[:2] == ("Corvus", "Corvidae")
    assert data.images.options["year"] == year
    sides = {side: len(data.subset(side)) for side in ("train", "val", "test")}
    assert sides == {"train": 20, "val": 4, "test": 8}  # the official validation set is the test
    assert tree.decode(data.images.labels)[:1] == ["Corvus corax"]


def test_a_genus_of_plants_and_of_animals(tmp_path: Path, draw: Draw) -> None:
    tree = load_inaturalist(fill_2021(tmp_path, draw)).taxonomy
    assert tree.parents("Lynx rufus") == ("Animalia/Chordata/Mammalia/Carnivora/Felidae/Lynx",)
    assert tree.parents("Lynx herba") == ("Plantae/Tracheophyta/Liliopsida/Poales/Poaceae/Lynx",)


def test_a_part_of_the_tree(tmp_path: Path, draw: Draw) -> None:
    data = load_inaturalist(fill(tmp_path, draw, 2018), within="Aves", max_per_class=1)
    assert data.taxonomy.leaves == ("Corvus corax", "Corvus corone")
    assert len(data.subset("train")) == 2
    with pytest.raises(DataError, match="within='Reptilia' is no taxon of iNaturalist 2018"):
        load_inaturalist(tmp_path, within="Reptilia")


def test_the_training_folder_of_2021(tmp_path: Path, draw: Draw) -> None:
    fill_2021(tmp_path, draw, train="train")
    assert len(load_inaturalist(tmp_path)) == 32
    with pytest.raises(DataError, match="train_mini/ not found"):
        load_inaturalist(tmp_path, train="train_mini")
    with pytest.raises(DataError, match="train must be"):
        load_inaturalist(tmp_path, train="all")


def test_what_is_missing(tmp_path: Path, draw: Draw) -> None:
    with pytest.raises(DataError, match=r"train2019.json not found"):
        load_inaturalist(tmp_path, year=2019)
    with pytest.raises(DataError, match="year must be 2018, 2019 or 2021, got 2020"):
        load_inaturalist(tmp_path, year=2020)
    fill(tmp_path, draw, 2019, listed=False)
    with pytest.raises(DataError, match=r"categories\.json, which names the ranks, not found"):
        load_inaturalist(tmp_path)
    (tmp_path / "val2019.json").write_text("{}")
    with pytest.raises(DataError, match="annotations of an unknown kind: KeyError"):
        load_inaturalist(tmp_path)


def test_a_folder_that_is_no_species(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "train" / "birds" / "a.jpg")
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match="expected a folder NUMBER_KINGDOM"):
        load_inaturalist(tmp_path)
