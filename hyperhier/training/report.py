"""The figures of a trained model, and the files that a run leaves behind."""

from __future__ import annotations

import csv
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.data import ImageSet
from hyperhier.manifolds import Manifold
from hyperhier.metrics import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    evaluate_embeddings,
    hf1,
    knn_hf1_of_sets,
    nearest_prototype,
    node_centroids,
)
from hyperhier.taxonomy import Taxonomy
from hyperhier.training.config import TrainConfig
from hyperhier.training.model import EmbeddingModel, embed_images
from hyperhier.training.result import TrainResult
from hyperhier.training.run_dir import write_json

__all__ = ["Judgement", "fixed_threads", "judge", "quick_figures", "write_run"]


@dataclass
class Judgement:
    """Final metrics with what they were computed from."""

    metrics: dict[str, float]
    prototype_ids: Tensor
    prototypes: Tensor
    test_points: Tensor


@contextmanager
def fixed_threads(count: int) -> Iterator[None]:
    """Compute with so many threads: sums depend on how they are shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def judge(
    model: EmbeddingModel,
    data: ImageSet,
    taxonomy: Taxonomy,
    config: TrainConfig,
    targets: Tensor | None = None,
) -> Judgement:
    """Metrics of the test images (and, with the prefix ``val_``, of the validation images).

    With the label sets of all images, ``targets``, :func:`hyperhier.metrics.knn_hf1_of_sets`
    is among them.

    Prototypes and neighbours come from the training images. Images go through the model in
    the order and the batches of the data set, so equal input gives equal digits.
    """
    with _at_home(model.manifold) as manifold:
        train = data.subset("train")
        train_points = embed_images(model, train.images, config.eval_batch)
        ids, prototypes = node_centroids(train_points, train.labels, taxonomy, manifold)
        metrics: dict[str, float] = {}
        test_points = train_points[:0]
        for side, prefix in (("test", ""), ("val", "val_")):
            part = data.subset(side)
            if not len(part):
                continue
            points = embed_images(model, part.images, config.eval_batch)
            if side == "test":
                test_points = points
            figures = evaluate_embeddings(
                train_points, train.labels, points, part.labels, taxonomy, manifold, k=config.k
            )
            if targets is not None:
                figures["knn_hf1_of_sets"] = knn_hf1_of_sets(
                    points,
                    targets[data.indices(side)],
                    train_points,
                    targets[data.indices("train")],
                    taxonomy,
                    manifold,
                    config.k,
                )
            metrics.update({prefix + name: value for name, value in figures.items()})
    return Judgement(metrics, ids, prototypes, test_points)


def quick_figures(
    model: EmbeddingModel, train: ImageSet, val: ImageSet, taxonomy: Taxonomy, config: TrainConfig
) -> dict[str, float]:
    """Nearest-prototype figures of a few images, to follow the training by."""
    with _at_home(model.manifold) as manifold:
        known = embed_images(model, train.images, config.eval_batch)
        ids, prototypes = node_centroids(known, train.labels, taxonomy, manifold)
        classes = torch.isin(ids, train.labels)
        points = embed_images(model, val.images, config.eval_batch)
        pred = nearest_prototype(points, ids[classes], prototypes[classes], manifold)
    return {
        "val_hf1": float(hf1(pred, val.labels, taxonomy)),
        "val_top1": float(accuracy(pred, val.labels)),
        "val_balanced_accuracy": float(balanced_accuracy(pred, val.labels)),
    }


@contextmanager
def _at_home(manifold: Manifold) -> Iterator[Manifold]:
    """The manifold on the CPU, where the points are judged."""
    device = next((t.device for t in (*manifold.parameters(), *manifold.buffers())), None)
    if device is None or device.type == "cpu":
        yield manifold
        return
    manifold.to("cpu")
    try:
        yield manifold
    finally:
        manifold.to(device)


# --------------------------------------------------------------------------------- files


def write_run(
    folder: Path,
    result: TrainResult,
    judgement: Judgement,
    data: ImageSet,
    taxonomy: Taxonomy,
) -> None:
    """All files of a finished run."""
    from safetensors.torch import save

    weights, learned = _tensors_of(result.model), _tensors_of(result.loss)
    prototypes = {"ids": judgement.prototype_ids, "points": judgement.prototypes.contiguous()}
    (folder / "model.safetensors").write_bytes(save(weights))
    if learned:
        (folder / "loss.safetensors").write_bytes(save(learned))
    (folder / "prototypes.safetensors").write_bytes(save(prototypes))
    write_json(result.metrics, folder / "metrics.json")
    write_json(result.timing, folder / "timing.json")
    write_json(_describe(result.config, data, taxonomy), folder / "config.json")
    taxonomy.write_csv(folder / "taxonomy.csv")
    _write_history(result.history, folder / "history.csv")
    if result.config.pictures:
        _draw(folder, result, judgement, data, taxonomy)


def _tensors_of(module: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }


def _describe(config: TrainConfig, data: ImageSet, taxonomy: Taxonomy) -> dict[str, Any]:
    from hyperhier import __version__

    return {
        "train": config.to_dict(),
        "data": {
            "source": data.source,
            "options": dict(data.options),
            "fingerprint": data.fingerprint(),
            "channels": data.channels,
            "size": list(data.size),
            "images": {side: len(data.indices(side)) for side in ("train", "val", "test")},
            "classes": {taxonomy.nodes[i]: n for i, n in data.class_counts.items()},
        },
        "environment": {
            "hyperhier": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "threads": torch.get_num_threads(),
        },
    }


def _write_history(history: list[dict[str, float]], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in history for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


@torch.no_grad()  # a learned curvature would ask for a gradient
def _draw(
    folder: Path, result: TrainResult, judgement: Judgement, data: ImageSet, taxonomy: Taxonomy
) -> None:
    try:
        import matplotlib  # noqa: F401

        from hyperhier.plot import plot_confusion, plot_embedding
    except Exception as reason:
        warnings.warn(
            f"no pictures: matplotlib is not usable ({reason}); pip install 'hyperhier[plot]'",
            stacklevel=2,
        )
        return
    test = data.subset("test")
    with _at_home(result.manifold) as manifold:
        ids, prototypes = judgement.prototype_ids, judgement.prototypes
        trained = torch.isin(ids, data.subset("train").labels)
        pred = nearest_prototype(judgement.test_points, ids[trained], prototypes[trained], manifold)
        classes = torch.cat((ids[trained], test.labels)).unique()
        matrix = confusion_matrix(pred, test.labels, classes)
        plot_confusion(
            matrix, taxonomy.decode(classes), folder / "confusion.png", taxonomy=taxonomy
        )
        plot_embedding(
            judgement.test_points,
            test.labels,
            taxonomy,
            manifold,
            folder / "embedding.png",
            prototypes=prototypes,
            prototype_ids=ids,
            title=f"{result.config.loss}, {result.config.geometry}",
        )
