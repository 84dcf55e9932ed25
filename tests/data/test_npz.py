"""Images in NumPy archives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperhier.data import load_images
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

NAMES = np.array(["cat", "ox"])
X = np.arange(20 * 5 * 4, dtype=np.uint8).reshape(20, 5, 4)
Y = np.array([0, 1] * 10)


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_train_and_test_arrays(tmp_path: Path, tree: Taxonomy) -> None:
    path = save(
        tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:4], y_test=Y[:4], class_names=NAMES
    )
    data = load_images(path, tree)
    assert data.images.shape == (24, 1, 5, 4)
    assert (data.images[:20, 0].numpy() == X).all()
    assert [len(data.indices(s)) for s in ("train", "val", "test")] == [18, 2, 4]
    assert tree.decode(data.labels[:2]) == ["cat", "ox"]
    assert load_images(tmp_path, tree).fingerprint() == data.fingerprint()


def test_one_array_with_split_and_groups(tmp_path: Path, tree: Taxonomy) -> None:
    path = save(
        tmp_path / "a.npz",
        images=np.stack([X] * 3, axis=-1),
        labels=NAMES[Y],
        split=np.array(["train", "test"] * 10),
        groups=np.array([f"g{i % 2}" for i in range(20)]),
    )
    data = load_images(path, tree, val_fraction=0)
    assert data.images.shape == (20, 3, 5, 4) and len(data.subset("test")) == 10
    assert data.groups is not None


@pytest.mark.parametrize("layout", ["NHW1", "N1HW", "N3HW", "float"])
def test_layouts(tmp_path: Path, tree: Taxonomy, layout: str) -> None:
    images = {
        "NHW1": X[..., None],
        "N1HW": X[:, None],
        "N3HW": np.stack([X] * 3, axis=1),
        "float": (X / 255).astype(np.float32),
    }[layout]
    data = load_images(save(tmp_path / "a.npz", images=images, labels=NAMES[Y]), tree)
    assert (data.images[:, 0].numpy() == X).all()


def test_resizing(tmp_path: Path, tree: Taxonomy) -> None:
    flat = np.full((4, 8, 8), 9, dtype=np.uint8)
    path = save(tmp_path / "a.npz", images=flat, labels=NAMES[Y[:4]])
    data = load_images(path, tree, size=(4, 6))
    assert data.size == (4, 6) and data.images.unique().tolist() == [9]


BAD: list[tuple[dict[str, np.ndarray], str]] = [
    ({"pixels": X}, "expected arrays x_train and y_train, or images and labels"),
    ({"x_train": X}, "x_train has no y_train"),
    ({"images": X, "labels": Y[:3]}, "labels has shape"),
    ({"images": X, "labels": Y}, "class_names must say"),
    ({"images": X, "labels": Y + 5, "class_names": NAMES}, "holds 5, but class_names has 2"),
    ({"images": X, "labels": Y, "class_names": np.array(["cat", "oxx"])}, "'oxx' is not in"),
    ({"images": X, "labels": Y / 2}, "expected integers or strings"),
    ({"images": X.astype(np.float32), "labels": NAMES[Y]}, r"floats in \[0, 1\]"),
    ({"images": X / np.nan, "labels": NAMES[Y]}, r"floats in \[0, 1\]"),
    ({"images": X[0], "labels": NAMES[Y]}, "has shape"),
    ({"images": X, "labels": NAMES[Y], "split": np.array(["fold"] * 20)}, r"split\[0\] is 'fold'"),
    ({"images": X, "labels": NAMES[Y], "groups": np.array(["g"])}, "groups has shape"),
    ({"images": X[:0], "labels": NAMES[Y[:0]]}, "no images"),
    ({"images": X, "labels": np.array([object()] * 20)}, "unreadable npz"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_archives(
    tmp_path: Path, tree: Taxonomy, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = save(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load_images(path, tree)
    assert caught.value.path == str(path)


def test_no_archive(tmp_path: Path, tree: Taxonomy) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="unreadable npz"):
        load_images(path, tree)


def test_fashion(data_dir: Callable[[str], Path]) -> None:
    from hyperhier.taxonomy import read_taxonomy

    root = data_dir("fashion_mnist_slice")
    tree = read_taxonomy(root / "tree.csv")
    data = load_images(root / "fashion_mnist_slice.npz", tree)
    assert [len(data.indices(s)) for s in ("train", "val", "test")] == [9000, 1000, 5000]
    assert set(data.subset("val").class_counts.values()) == {100}
