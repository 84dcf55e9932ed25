"""What a training run reports while it runs, and returns at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hyperhier.manifolds import Manifold, learned_curvature
from hyperhier.training.config import TrainConfig
from hyperhier.training.model import EmbeddingModel

__all__ = ["ProgressEvent", "TrainResult"]


@dataclass(frozen=True)
class ProgressEvent:
    """Passed to the progress callback after every step, and after every epoch.

    Attributes:
        epoch: from 1 to ``epochs``.
        step: from 1 to ``steps`` within the epoch.
        loss: of this step; at the end of an epoch its mean.
        val_hf1: the HF1 on the validation images; None but at the end of an epoch.
        done: whether the epoch ended.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    val_hf1: float | None = None
    done: bool = False


@dataclass
class TrainResult:
    """A trained model and how good it is.

    Attributes:
        metrics: of the test images, and with the prefix ``val_`` of the validation images.
        history: one dict per epoch: ``epoch, lr, loss``, one ``loss_<term>`` per term of a
            sum, what is learned of the ``curvature``, and ``val_hf1, val_top1,
            val_balanced_accuracy`` where there is a val split.
        model: pixels to points.
        config: all options.
        prototype_ids: node ids ``(P,)``.
        prototypes: their points ``(P, ambient)``, of all training images.
        timing: seconds of training, of each epoch, and of the final evaluation.
        loss: with its prototypes, class points or text heads, as training left them.
        out: the folder written, if any.
    """

    metrics: dict[str, float]
    history: list[dict[str, float]]
    model: EmbeddingModel
    config: TrainConfig
    prototype_ids: Tensor
    prototypes: Tensor
    timing: dict[str, Any]
    loss: nn.Module
    out: Path | None = None

    @property
    def encoder(self) -> nn.Module:
        """Normalised images to features."""
        return self.model.encoder

    @property
    def manifold(self) -> Manifold:
        """Where the points lie."""
        return self.model.manifold

    @property
    def curvature(self) -> dict[str, float]:
        """What was learnt of it (:func:`~hyperhier.manifolds.learned_curvature`), if anything."""
        return learned_curvature(self.manifold)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name} {self.metrics[name]:.3f}" for name in ("balanced_accuracy", "hf1", "pc_order")
        )
        kind = f"{self.config.loss} on {self.config.geometry}"
        return f"TrainResult({kind}, {self.config.epochs} epochs: {shown})"
