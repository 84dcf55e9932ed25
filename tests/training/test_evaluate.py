"""A finished run, from its files alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from hyperhier.data import ImageSet
from hyperhier.errors import DataError, RunError
from hyperhier.taxonomy import Taxonomy
from hyperhier.training import TrainResult, embed_images, evaluate, load_run, train

Fit = Callable[..., TrainResult]


@pytest.mark.parametrize("geometry", ["euclidean", "sphere", "poincare", "lorentz"])
def test_equal_to_the_digit(fit: Fit, data: ImageSet, tmp_path: Path, geometry: str) -> None:
    result = fit(
        out=tmp_path / "run", geometry=geometry, learnable_c=geometry in ("poincare", "lorentz")
    )
    again = evaluate(tmp_path / "run", data)
    assert again == result.metrics == json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_equal_whatever_the_number_of_threads_now(fit: Fit, data: ImageSet, tmp_path: Path) -> None:
    result = fit(out=tmp_path / "run", epochs=1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert evaluate(tmp_path / "run", data) == result.metrics
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_from_the_files_of_the_images(tree: Taxonomy, data: ImageSet, tmp_path: Path) -> None:
    """A table with a group column and a drawn split is read the same way again."""
    lines = ["picture,kind,patient"]
    for i in range(0, len(data), 2):
        pixels = data.images[i].permute(1, 2, 0).numpy()
        name = f"{data.ids[i]}.png"
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "images" / name)
        lines.append(f"{name},{tree.nodes[int(data.labels[i])]},p{i // 4}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    load = {
        "image": "picture",
        "label": "kind",
        "group": "patient",
        "size": (12, 14),
        "seed": 7,
        "test_fraction": 0.4,
    }
    result = train(
        tmp_path, tree, out=tmp_path / "run", load=load, epochs=1, batch_size=40, width=4, dim=4
    )
    assert evaluate(tmp_path / "run") == result.metrics
    assert evaluate(tmp_path / "run", tmp_path / "labels.csv") == result.metrics
    (tmp_path / "labels.csv").rename(tmp_path / "moved.csv")
    (tmp_path / "moved.csv").unlink()
    with pytest.raises(DataError):
        evaluate(tmp_path / "run")


def test_a_run_read_back(fit: Fit, data: ImageSet, tree: Taxonomy, tmp_path: Path) -> None:
    result = fit(out=tmp_path / "run", epochs=1)
    run = load_run(tmp_path / "run")
    assert run.taxonomy == tree and run.config == result.config
    assert torch.equal(run.prototypes, result.prototypes)
    assert torch.equal(run.prototype_ids, result.prototype_ids)
    images = data.images[:7]
    assert torch.equal(embed_images(run.model, images), embed_images(result.model, images))


def own_encoder() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10), nn.BatchNorm1d(10))


def test_an_encoder_of_ones_own(fit: Fit, data: ImageSet, tmp_path: Path) -> None:
    encoder = own_encoder()
    result = fit(out=tmp_path / "run", encoder=encoder, epochs=1)
    assert result.encoder is encoder and result.config.encoder == "custom"
    with pytest.raises(RunError, match="encoder of your own: pass encoder=MODULE"):
        evaluate(tmp_path / "run", data)
    assert evaluate(tmp_path / "run", data, encoder=own_encoder()) == result.metrics
    with pytest.raises(RunError, match="do not fit the encoder"):
        evaluate(tmp_path / "run", data, encoder=nn.Sequential(nn.Flatten(), nn.Linear(768, 9)))


def test_other_images(fit: Fit, data: ImageSet, tmp_path: Path) -> None:
    fit(out=tmp_path / "run", epochs=1)
    with pytest.raises(DataError, match="images are 3x8x8, the run had 3x16x16"):
        evaluate(tmp_path / "run", replace(data, images=data.images[:, :, ::2, ::2]))
    with pytest.raises(DataError, match="no images in the train split"):
        evaluate(tmp_path / "run", data.subset("test"))
    with pytest.raises(RunError, match=r"images of the run are not at 'generated: .*pass data"):
        evaluate(tmp_path / "run")
    fewer = data.subset(torch.from_numpy(np.flatnonzero(np.asarray(data.split) != "val")))
    assert "val_hf1" not in evaluate(tmp_path / "run", fewer)


def test_damaged_runs(fit: Fit, data: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        evaluate(tmp_path / "absent", data)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="missing: not the folder of a finished run"):
        evaluate(tmp_path / "empty", data)
    fit(out=tmp_path / "run", epochs=1)
    weights, config = tmp_path / "run" / "model.safetensors", tmp_path / "run" / "config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="unreadable") as caught:
        evaluate(tmp_path / "run", data)
    assert caught.value.path == str(weights)
    weights.unlink()
    with pytest.raises(RunError, match="missing"):
        evaluate(tmp_path / "run", data)
    config.write_text("{")
    with pytest.raises(RunError, match="unreadable"):
        evaluate(tmp_path / "run", data)
    config.write_text('{"train": {}}')
    with pytest.raises(RunError, match="not the configuration of a run"):
        evaluate(tmp_path / "run", data)
