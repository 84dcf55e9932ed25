"""ImageSet: what it accepts, selects and prints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyperhier.data import ImageSet
from hyperhier.errors import DataError


def make(**changes: object) -> ImageSet:
    parts = {
        "images": torch.arange(4 * 3 * 2 * 2, dtype=torch.uint8).view(4, 3, 2, 2),
        "labels": torch.tensor([5, 6, 5, 5]),
        "split": ["train", "train", "val", "test"],
        "groups": ["a", "a", "b", "c"],
        "ids": ["w", "x", "y", "z"],
    }
    return ImageSet(**{**parts, **changes})  # type: ignore[arg-type]


def test_subset_keeps_everything_aligned() -> None:
    data = make()
    part = data.subset("train")
    assert len(part) == 2 and part.ids == ["w", "x"] and part.class_counts == {5: 1, 6: 1}
    assert torch.equal(part.images, data.images[:2])
    assert np.asarray(part.groups).tolist() == ["a", "a"]
    picked = data.subset(torch.tensor([3, 0]))
    assert picked.ids == ["z", "w"] and picked.labels.tolist() == [5, 5]


def test_images_are_made_contiguous() -> None:
    turned = torch.zeros(4, 2, 2, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    assert make(images=turned).images.is_contiguous()


def test_description() -> None:
    assert repr(make()) == "ImageSet(4 images 3x2x2, 2 classes, train 2, val 1, test 1, 3 groups)"
    assert make().size == (2, 2) and make().channels == 3


def test_fingerprint_follows_pixels_labels_and_split() -> None:
    base = make().fingerprint()
    assert base == make(ids=["1", "2", "3", "4"]).fingerprint()
    changed = make().images.clone()
    changed[0, 0, 0, 0] += 1
    others = [
        make(images=changed),
        make(labels=torch.tensor([5, 6, 6, 5])),
        make(split=["train", "train", "val", "val"]),
        make(groups=["a", "a", "b", "d"]),
    ]
    assert len({base, *(o.fingerprint() for o in others)}) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": torch.zeros(4, 3, 2, 2)}, "must be uint8"),
        ({"images": torch.zeros(4, 2, 2, 2, dtype=torch.uint8)}, "1 or 3 channels, got 2"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, r"labels must be int64 \(4,\)"),
        ({"labels": torch.zeros(4)}, "labels must be int64"),
        ({"split": ["train", "train", "val", "fold"]}, "unknown split 'fold'"),
        ({"split": ["train"]}, "split must name a side"),
        ({"groups": ["a"]}, "groups must name"),
        ({"ids": ["a"]}, "ids must name"),
        (
            {"groups": ["a", "b", "a", "c"]},
            "group 'a' is on two sides.*'w' is in train.*'y' in val",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(**changes)


def test_unknown_side() -> None:
    with pytest.raises(DataError, match="unknown split 'dev'"):
        make().subset("dev")
