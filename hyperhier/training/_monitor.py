"""A cheap look at the validation images after each epoch."""

from __future__ import annotations

import torch

from hyperhier.data import ImageSet
from hyperhier.taxonomy import Taxonomy
from hyperhier.training.config import TrainConfig
from hyperhier.training.model import EmbeddingModel
from hyperhier.training.report import quick_figures
from hyperhier.training.sampler import epoch_batches

__all__ = ["Monitor"]


class Monitor:
    """Keeps a bounded sample of train and val, and measures a model on it."""

    def __init__(self, data: ImageSet, taxonomy: Taxonomy, config: TrainConfig) -> None:
        self.taxonomy, self.config = taxonomy, config
        self.train = _sample(data.subset("train"), config.monitor)
        self.val = _sample(data.subset("val"), config.monitor)

    def figures(self, model: EmbeddingModel) -> dict[str, float]:
        """``val_hf1``, ``val_top1``, ``val_balanced_accuracy``; empty without val images."""
        if not len(self.val):
            return {}
        return quick_figures(model, self.train, self.val, self.taxonomy, self.config)


def _sample(data: ImageSet, most: int) -> ImageSet:
    """At most so many images, every class with its share, at least one each if possible."""
    if len(data) <= most:
        return data
    if most == 0:
        return data.subset(torch.empty(0, dtype=torch.int64))
    generator = torch.Generator().manual_seed(0)
    spread = epoch_batches(data.labels, len(data), generator, balance=0.5)[0]
    # classes are spread evenly over this order, so its beginning holds them all
    chosen = spread[:most].unique()
    return data.subset(chosen)
