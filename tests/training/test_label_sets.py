"""Training on images that bear several labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hyperhier.data import ImageSet, multi_hot
from hyperhier.errors import DataError, RunError
from hyperhier.taxonomy import Taxonomy
from hyperhier.training import ProgressEvent, TrainResult, evaluate
from hyperhier.training.label_sets import translated_labels, translated_sets

Fit = Callable[..., TrainResult]


@pytest.fixture(scope="module")
def single(data: ImageSet, tree: Taxonomy) -> Tensor:
    """The labels as sets of one."""
    return multi_hot([[name] for name in tree.decode(data.labels)], tree)


@pytest.fixture(scope="module")
def several(single: Tensor, tree: Taxonomy) -> Tensor:
    """Whatever is r1 is l1 as well."""
    table = single.clone()
    table[table[:, tree.id_of("r1")], tree.id_of("l1")] = True
    return table


@pytest.mark.parametrize("loss", ["supcon", "hwc+lam", "hxe", "hmlc"])
def test_sets_of_one_label_are_labels(fit: Fit, single: Tensor, loss: str) -> None:
    plain, sets = fit(loss=loss, epochs=1), fit(loss=loss, epochs=1, targets=single)
    assert sets.history[0]["loss"] == pytest.approx(plain.history[0]["loss"], rel=1e-4)
    assert set(sets.metrics) - set(plain.metrics) == {"knn_hf1_of_sets", "val_knn_hf1_of_sets"}


def test_the_loss_sees_every_label(
    fit: Fit, data: ImageSet, several: Tensor, tmp_path: Path
) -> None:
    options = {"loss": "hwc", "epochs": 6, "lr": 5e-3}
    plain, sets = fit(**options), fit(targets=several, out=tmp_path / "run", **options)
    assert sets.history[0]["loss"] != plain.history[0]["loss"]
    assert sets.metrics["knn_hf1_of_sets"] > 0.6  # chance: .41
    assert evaluate(tmp_path / "run", data, targets=several) == sets.metrics
    without = evaluate(tmp_path / "run", data)
    assert set(sets.metrics) - set(without) == {"knn_hf1_of_sets", "val_knn_hf1_of_sets"}


def test_a_loss_that_knows_no_sets_says_so(fit: Fit, several: Tensor) -> None:
    options = {"loss": "hmlc", "loss_options": {"thin_out": True}, "targets": several, "epochs": 1}
    with pytest.raises(ValueError, match="not defined for samples with several labels"):
        fit(**options)


def test_sets_in_another_taxonomy(several: Tensor, tree: Taxonomy) -> None:
    other = Taxonomy.from_edges([("tissue", name) for name in reversed(tree.leaves)])
    table = translated_sets(several, tree, other)
    for before, after in zip(several[::17], table[::17], strict=True):
        names = [tree.nodes[i] for i in before.nonzero().squeeze(1).tolist()]
        assert set(names) == {other.nodes[i] for i in after.nonzero().squeeze(1).tolist()}
    with pytest.raises(DataError, match="'r1' is not in loss_taxonomy"):
        translated_sets(several, tree, Taxonomy.from_edges([("tissue", "l1")]))
    with pytest.raises(DataError, match="'r1' is not in loss_taxonomy"):
        translated_labels(tree.encode(["l1", "r1"]), tree, Taxonomy.from_edges([("tissue", "l1")]))


def test_a_shuffled_tree_sees_the_sets_too(fit: Fit, several: Tensor, tree: Taxonomy) -> None:
    result = fit(loss="hwc", targets=several, loss_taxonomy=tree.shuffled_leaves(0), epochs=1)
    assert "knn_hf1_of_sets" in result.metrics


class Elsewhere(Tensor):
    """A table on another device, which numpy cannot see."""

    def numpy(self, *, force: bool = False) -> np.ndarray:
        raise TypeError("can't convert a tensor of another device to numpy")

    def cpu(self, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return self.as_subclass(Tensor)


def test_the_table_may_lie_on_another_device(
    fit: Fit, data: ImageSet, several: Tensor, tmp_path: Path
) -> None:
    far = several.as_subclass(Elsewhere)
    result = fit(targets=far, epochs=1, out=tmp_path / "run")
    assert result.metrics == fit(targets=several, epochs=1).metrics
    assert evaluate(tmp_path / "run", data, targets=far) == result.metrics


def test_bad_tables_are_told(fit: Fit, several: Tensor) -> None:
    with pytest.raises(DataError, match=r"targets must be bool \(240, 9\), got torch.int64"):
        fit(targets=several.long())
    with pytest.raises(DataError, match=r"bool \(240, 9\), got torch.bool \(239, 9\)"):
        fit(targets=several[1:])
    bare = several.clone()
    bare[3] = False
    with pytest.raises(DataError, match="bears no label in targets"):
        fit(targets=bare)


def test_resuming_with_other_sets_is_refused(
    fit: Fit, single: Tensor, several: Tensor, tmp_path: Path
) -> None:
    def stop(event: ProgressEvent) -> None:
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(out=tmp_path / "run", targets=single, progress=stop)
    with pytest.raises(RunError, match="other images"):
        fit(out=tmp_path / "run", targets=several, resume=True)
