"""From labelled images and a taxonomy to a trained, measured and stored embedding."""

from __future__ import annotations

from hyperhier.training.config import TrainConfig
from hyperhier.training.encoder import SmallConvNet, build_encoder
from hyperhier.training.evaluation import LoadedRun, evaluate, load_run
from hyperhier.training.loop import train
from hyperhier.training.model import EmbeddingModel, embed_images
from hyperhier.training.result import ProgressEvent, TrainResult
from hyperhier.training.sampler import epoch_batches

__all__ = [
    "EmbeddingModel",
    "LoadedRun",
    "ProgressEvent",
    "SmallConvNet",
    "TrainConfig",
    "TrainResult",
    "build_encoder",
    "embed_images",
    "epoch_batches",
    "evaluate",
    "load_run",
    "train",
]
