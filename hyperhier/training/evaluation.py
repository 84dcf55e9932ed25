"""A finished run, read back from its files alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.data import ImageSet, load_images
from hyperhier.errors import DataError, RunError
from hyperhier.taxonomy import Taxonomy, read_taxonomy
from hyperhier.training.config import TrainConfig
from hyperhier.training.label_sets import check_targets
from hyperhier.training.model import EmbeddingModel, build_model
from hyperhier.training.report import fixed_threads, judge
from hyperhier.training.run_dir import read_json

__all__ = ["LoadedRun", "evaluate", "load_run"]


@dataclass
class LoadedRun:
    """A trained model with its taxonomy and prototypes.

    Attributes:
        model: pixels to points, in evaluation mode.
        taxonomy: the label tree it was trained with.
        config: all options of the run.
        prototype_ids: node ids ``(P,)``.
        prototypes: their points ``(P, ambient)``.
        description: the whole content of ``config.json``.
    """

    model: EmbeddingModel
    taxonomy: Taxonomy
    config: TrainConfig
    prototype_ids: Tensor
    prototypes: Tensor
    description: dict[str, Any]


def load_run(run_dir: str | os.PathLike[str], *, encoder: nn.Module | None = None) -> LoadedRun:
    """Rebuild the model of a finished run.

    Args:
        run_dir: the folder that :func:`hyperhier.training.train` wrote.
        encoder: an untrained copy of the module, if the run had one of the caller's own; its
            weights are replaced.

    Raises:
        RunError: a file is missing or damaged, or the encoder does not fit.
    """
    from safetensors.torch import load_file

    folder = Path(run_dir)
    if not folder.is_dir():
        raise RunError("no such folder of a run", path=folder)
    description = read_json(folder / "config.json")
    try:
        config = TrainConfig.from_dict(description["train"])
        channels = int(description["data"]["channels"])
        height, width = description["data"]["size"]
    except (KeyError, TypeError, ValueError) as reason:
        raise RunError(
            f"not the configuration of a run: {reason}", path=folder / "config.json"
        ) from reason
    if config.encoder == "custom" and encoder is None:
        raise RunError("trained with an encoder of your own: pass encoder=MODULE", path=folder)
    flat = torch.zeros(channels)
    model = build_model(config, encoder, channels, (int(height), int(width)), flat, flat)
    weights = _tensors(load_file, folder / "model.safetensors")
    try:
        model.load_state_dict(weights)
    except RuntimeError as reason:
        raise RunError(
            f"the weights do not fit the encoder: {reason}", path=folder / "model.safetensors"
        ) from reason
    prototypes = _tensors(load_file, folder / "prototypes.safetensors")
    return LoadedRun(
        model.eval(),
        read_taxonomy(folder / "taxonomy.csv"),
        config,
        prototypes["ids"],
        prototypes["points"],
        description,
    )


def evaluate(
    run_dir: str | os.PathLike[str],
    data: ImageSet | str | os.PathLike[str] | None = None,
    *,
    encoder: nn.Module | None = None,
    targets: Tensor | None = None,
    device: str = "cpu",
) -> dict[str, float]:
    """Repeat the metrics of a finished run from its files: equal to the digit for equal data.

    Args:
        run_dir: the folder that :func:`hyperhier.training.train` wrote.
        data: images with a train split (for the prototypes) and a test split, or where they
            are, read as for the run; default: where the run had them from.
        encoder: see :func:`load_run`.
        targets: the label sets of all images, if the run had them; they are not kept with it.
        device: where to compute; another one than the run's may change the last digits.

    Returns:
        What ``metrics.json`` holds; of a run with ``targets`` ``knn_hf1_of_sets`` is among it only
        if they are given again.

    Raises:
        RunError, DataError: as in :func:`load_run` and :func:`hyperhier.data.load_images`.
    """
    run = load_run(run_dir, encoder=encoder)
    told = run.description["data"]
    if data is None:
        source = str(told["source"])
        if not source or not Path(source).exists():
            raise RunError(f"the images of the run are not at {source!r}: pass data", path=run_dir)
        data = source
    if not isinstance(data, ImageSet):
        options = dict(told["options"])
        if isinstance(options.get("size"), list):
            options["size"] = tuple(options["size"])
        data = load_images(data, run.taxonomy, **options)
    if (data.channels, list(data.size)) != (told["channels"], list(told["size"])):
        now = "x".join(map(str, (data.channels, *data.size)))
        then = "x".join(map(str, (told["channels"], *told["size"])))
        raise DataError(f"images are {now}, the run had {then}", path=data.source or None)
    for side in ("train", "test"):
        if not len(data.indices(side)):
            raise DataError(f"no images in the {side} split", path=data.source or None)
    if targets is not None:
        targets = targets.cpu()
        check_targets(targets, data, run.taxonomy)
    run.model.to(device)
    with fixed_threads(int(run.description["environment"]["threads"])):
        return judge(run.model, data, run.taxonomy, run.config, targets).metrics


def _tensors(load_file: Any, path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as reason:
        raise RunError("missing: not the folder of a finished run", path=path) from reason
    except Exception as reason:
        raise RunError(f"unreadable: {reason}", path=path) from reason
    return tensors
