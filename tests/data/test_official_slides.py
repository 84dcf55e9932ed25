"""OpenSRH and TCGA in their official layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from hyperhier.data.official import load_opensrh, load_slides, load_tcga
from hyperhier.errors import DataError

Draw = Callable[..., Path]


def raman(path: Path, second: int, third: int) -> None:
    """Two pages of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [Image.fromarray(np.full((6, 6), v, dtype=np.uint16)) for v in (second, third)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


@pytest.fixture
def opensrh(tmp_path: Path) -> Path:
    meta: dict[str, object] = {}
    for n, kind in enumerate(["hgg", "meningioma", "normal"] * 3):
        patient = f"NIO_{n:03}"
        slides = {}
        for slide in ("1", "2"):
            names = [f"studies/{patient}/{slide}/patches/{i}.tif" for i in range(3)]
            for name in names:
                raman(tmp_path / name, second=1000 * (n + 1), third=40000)
            mine, other = ("normal_patches", "tumor_patches")[:: 1 if kind == "normal" else -1]
            slides[slide] = {mine: names, other: ["studies/absent.tif"]}
        meta[patient] = {"class": kind, "slides": slides}
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "opensrh.json").write_text(json.dumps(meta))
    sides = {
        "train": [f"NIO_{n:03}" for n in range(6)],
        "val": [f"NIO_{n:03}" for n in range(6, 9)],
    }
    (tmp_path / "meta" / "train_val_split.json").write_text(json.dumps(sides))
    return tmp_path


def test_opensrh(opensrh: Path) -> None:
    data = load_opensrh(opensrh, val_fraction=0.4)
    assert len(data) == 54 and data.levels == ("patient", "slide")
    assert data.taxonomy.leaves == ("normal", "hgg", "meningioma")
    assert data.taxonomy.parents("hgg") == ("tumor",)
    test = data.subset("test").images
    assert test.groups is not None and set(test.groups) == {"NIO_006", "NIO_007", "NIO_008"}
    assert len(data.subset("val")) and data.nested is not None
    assert data.nested[:, 1].unique().numel() == 18


def test_the_third_channel_is_the_difference(opensrh: Path) -> None:
    data = load_opensrh(opensrh)
    first = next(i for i, name in enumerate(data.images.ids) if "NIO_000" in name)
    pixels = data.images.images[first, :, 0, 0].tolist()
    assert pixels == [(40000 - 1000 + 5000) >> 8, 1000 >> 8, 40000 >> 8]


def test_fewer_patches_of_each_slide(opensrh: Path) -> None:
    data = load_opensrh(opensrh, max_per_slide=2)
    assert data.nested is not None
    assert set(data.nested[:, 1].bincount().tolist()) == {2}
    assert load_opensrh(opensrh, max_per_slide=2).images.ids == data.images.ids
    with pytest.raises(DataError, match="max_per_slide must be at least 1, got 0"):
        load_opensrh(opensrh, max_per_slide=0)


def test_what_is_wrong_with_opensrh(opensrh: Path, draw: Draw) -> None:
    draw(opensrh / "studies/NIO_000/1/patches/0.tif", mode="L")
    with pytest.raises(DataError, match="1 pages: expected the two channels") as caught:
        load_opensrh(opensrh)
    assert str(caught.value.path).endswith("0.tif")
    (opensrh / "meta" / "opensrh.json").write_text('{"NIO_000": {"class": "hgg"}}')
    with pytest.raises(DataError, match="do not fit: KeyError"):
        load_opensrh(opensrh)
    (opensrh / "meta" / "train_val_split.json").unlink()
    with pytest.raises(DataError, match=r"meta/train_val_split.json not found"):
        load_opensrh(opensrh)


class Archive(dict):  # type: ignore[type-arg]
    """What is used of an h5py.File."""

    stored: ClassVar[dict[str, dict[str, np.ndarray]]] = {}

    def __init__(self, path: Path, mode: str) -> None:
        assert mode == "r"
        super().__init__(self.stored[Path(path).name])

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def tcga(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    meta: dict[str, object] = {}
    stored = {}
    for n, kind in enumerate(["lgg", "gbm"] * 2):
        slides = {}
        for slide in ("a", "b"):
            name = f"{n}{slide}.h5"
            stored[name] = {"imgs": np.full((5, 4, 4, 3), 10 * n, dtype=np.float32)}
            (tmp_path / name).write_bytes(b"")
            slides[slide] = {"patch_path": [name]}
        meta[f"TCGA-{n}"] = {"class": kind, "slides": slides}
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "tcga_lgggbm.json").write_text(json.dumps(meta))
    sides = {"train": ["TCGA-0", "TCGA-1"], "val": ["TCGA-2", "TCGA-3"]}
    split = tmp_path / "meta" / "tcga_lgggbm_trainval_split_cleaned.json"
    split.write_text(json.dumps(sides))
    monkeypatch.setattr(Archive, "stored", stored)
    module = type("h5py", (), {"File": Archive})
    monkeypatch.setattr("hyperhier.data.official.slides._require_h5py", lambda: module)
    return tmp_path


def test_tcga(tcga: Path) -> None:
    data = load_tcga(tcga, max_per_slide=3, val_fraction=0.0)
    assert len(data) == 24 and data.taxonomy.leaves == ("gbm", "lgg")
    assert data.images.images.unique().tolist() == [0, 10, 20, 30]
    assert len(data.subset("test")) == 12 and data.nested is not None
    assert set(data.nested[:, 1].bincount().tolist()) == {3}


def test_what_is_wrong_with_tcga(tcga: Path) -> None:
    Archive.stored["0a.h5"] = {}
    with pytest.raises(DataError, match="no data set 'imgs'"):
        load_tcga(tcga)
    (tcga / "0a.h5").unlink()
    with pytest.raises(DataError, match=r"0a\.h5 not found"):
        load_tcga(tcga)


def test_a_folder_name_is_one_patient_below_every_class(tmp_path: Path, draw: Draw) -> None:
    for kind in ("glioma", "normal"):
        for patient in ("1", "2", "3"):
            draw(tmp_path / kind / patient / f"{kind}-slide" / "0.png")
    data = load_slides(tmp_path, test_fraction=0.4, val_fraction=0.0)
    assert data.nested is not None
    assert data.nested.unique(dim=0).shape == (6, 2) and len(data.nested[:, 0].unique()) == 3
    for patient in ("1", "2", "3"):
        groups, split = data.images.groups, data.images.split
        assert len({side for group, side in zip(groups, split) if group == patient}) == 1


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(DataError, match="pip install h5py"):
        load_tcga(tmp_path)
