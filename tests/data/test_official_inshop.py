"""DeepFashion In-Shop in its official layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhier.data.official import load_inshop
from hyperhier.errors import DataError

Draw = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, draw: Draw) -> Path:
    lines = []
    item = 0
    for gender, category in (("MEN", "Shirts"), ("WOMEN", "Shirts"), ("WOMEN", "Dresses")):
        for n in range(6):
            item += 1
            for colour in ("01", "02"):
                for view in ("1_front", "2_side"):
                    name = f"img/{gender}/{category}/id_{item:08}/{colour}_{view}.jpg"
                    draw(tmp_path / "Img" / name, value=item)
                    role = "train" if n < 4 else ("query" if view == "1_front" else "gallery")
                    lines.append(f"{name}    id_{item:08}   {role}")
    (tmp_path / "Eval").mkdir()
    header = f"{len(lines)}\nimage_name item_id evaluation_status\n"
    (tmp_path / "Eval" / "list_eval_partition.txt").write_text(header + "\n".join(lines) + "\n")
    return tmp_path


def test_categories_below_genders(root: Path) -> None:
    data = load_inshop(root, val_fraction=0.25)
    assert data.taxonomy.leaves == ("MEN/Shirts", "WOMEN/Shirts", "Dresses")
    sides = {side: len(data.subset(side)) for side in ("train", "val", "test")}
    assert sides == {"train": 36, "val": 12, "test": 24}
    roles = data.subset("test").columns["role"].tolist()
    assert sorted(set(roles)) == ["gallery", "query"] and roles.count("query") == 12


@pytest.mark.parametrize(("leaf", "leaves", "height"), [("item", 18, 3), ("colour", 36, 4)])
def test_deeper_labels(root: Path, leaf: str, leaves: int, height: int) -> None:
    tree = load_inshop(root, leaf=leaf).taxonomy
    assert (len(tree.leaves), tree.height) == (leaves, height)


def test_nested_levels(root: Path) -> None:
    data = load_inshop(root)
    assert data.levels == ("category", "item", "colour") and data.nested is not None
    assert [len(column.unique()) for column in data.nested.T] == [3, 18, 36]


def test_items_stay_together(root: Path) -> None:
    data = load_inshop(root, val_fraction=0.3)
    sides: dict[str, set[str]] = {}
    for item, side in zip(data.columns["item"], data.images.split):
        sides.setdefault(item, set()).add(side)
    assert all(len(s) == 1 for s in sides.values())


def test_what_is_wrong(root: Path) -> None:
    with pytest.raises(DataError, match="leaf must be one of category, item, colour, got 'shoe'"):
        load_inshop(root, leaf="shoe")
    partition = root / "Eval" / "list_eval_partition.txt"
    text = partition.read_text()
    partition.write_text(text.replace("train", "learn", 1))
    with pytest.raises(DataError, match="expected IMAGE ITEM train, query or gallery") as caught:
        load_inshop(root)
    assert caught.value.line == 3
    partition.write_text("0\nimage_name item_id evaluation_status\n")
    with pytest.raises(DataError, match="no pictures below the two lines"):
        load_inshop(root)
    partition.write_text(text.replace("img/MEN", "img/BOYS"))
    with pytest.raises(DataError, match=r"picture img/BOYS.* not found"):
        load_inshop(root)
