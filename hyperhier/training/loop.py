"""The training loop."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.data import ImageSet, channel_statistics, load_images, two_views
from hyperhier.embedding import embed
from hyperhier.errors import DataError, RunError
from hyperhier.losses import LAMLoss, make_loss
from hyperhier.manifolds import learned_curvature
from hyperhier.taxonomy import Taxonomy, load_taxonomy
from hyperhier.training._checkpoint import load_checkpoint, save_checkpoint
from hyperhier.training._monitor import Monitor
from hyperhier.training.config import TrainConfig
from hyperhier.training.label_sets import check_targets, translated_labels, translated_sets
from hyperhier.training.model import EmbeddingModel, build_model
from hyperhier.training.optimiser import learning_rate, make_optimizer
from hyperhier.training.report import judge, write_run
from hyperhier.training.result import ProgressEvent, TrainResult
from hyperhier.training.run_dir import RunFolder
from hyperhier.training.sampler import BatchSampler, epoch_batches

__all__ = ["train"]


def train(
    data: ImageSet | str | os.PathLike[str],
    taxonomy: Taxonomy | str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    encoder: str | nn.Module | None = None,
    loss_taxonomy: Taxonomy | None = None,
    targets: Tensor | None = None,
    load: Mapping[str, Any] | None = None,
    sampler: BatchSampler | None = None,
    progress: Callable[[ProgressEvent], None] | None = None,
    config: TrainConfig | None = None,
    **options: Any,
) -> TrainResult:
    """Train an encoder whose points on a manifold follow a taxonomy, and measure it.

    Every step embeds two augmented views of a batch and takes the loss of both. At the end,
    prototypes of the training images are computed in the manifold's own geometry and all
    metrics follow from them.

    Equal input, options, seed and number of threads give equal numbers on the CPU. The
    global random state is left as it was.

    Args:
        data: images, or where :func:`hyperhier.data.load_images` finds them.
        taxonomy: a Taxonomy, a file, or the name of a built-in one.
        out: folder to write. While the run lasts, a checkpoint per epoch lies in
            ``out + ".partial"``; the folder itself appears when it is whole.
        overwrite: replace an earlier folder of that name.
        resume: go on from the checkpoint of an interrupted run (start, if there is none);
            the result is the one of a run without interruption, to the bit.
        encoder: ``"small"``, the name of a timm model, or any module from normalised images
            ``(B, C, H, W)`` to features ``(B, F)``; it is trained in place.
        loss_taxonomy: another taxonomy of the same labels for the loss alone, e.g. one with
            shuffled leaves as a control. Metrics always follow ``taxonomy``.
        targets: bool ``(N, nodes)``, the label set of every image (of val and test too), where
            images bear several labels: the loss takes these in place of ``data.labels``, and
            ``knn_hf1_of_sets`` is among the metrics. Not every loss is defined for them.
        load: keyword arguments of ``load_images``.
        sampler: which training images make up each batch, such as
            :class:`hyperhier.data.HierarchicalSampler`: lists of positions in
            ``data.subset("train")``. It takes the place of ``batch_size`` and ``balance``.
        progress: called after every step and epoch.
        config: all options at once; ``options`` override single ones.
        options: the attributes of :class:`~hyperhier.training.TrainConfig` by name.

    Raises:
        DataError: images that do not fit the taxonomy, fewer than two classes to train on,
            or nothing to test on.
        RunError: bad options, a folder that is taken or cannot be written, a checkpoint of
            another run, or a loss that is not finite.

    >>> from hyperhier.data import make_hierarchical_images
    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> tree = builtin_taxonomy("fashion-mnist")
    >>> data = make_hierarchical_images(tree, n_per_class=6, size=16, difficulty=0.0)
    >>> result = train(data, tree, epochs=1, batch_size=32, dim=4, width=4)
    >>> sorted(result.metrics)[:3]
    ['balanced_accuracy', 'h_acc', 'hf1']
    """
    module = encoder if isinstance(encoder, nn.Module) else None
    if isinstance(encoder, str):
        options["encoder"] = encoder
    elif module is not None:
        options["encoder"] = "custom"
    settings = TrainConfig.from_dict({**(config or TrainConfig()).to_dict(), **options})
    tree = load_taxonomy(taxonomy)
    if not isinstance(data, ImageSet):
        data = load_images(data, tree, **dict(load or {}))
    _check(data, tree)
    if targets is not None:
        targets = targets.cpu()
        check_targets(targets, data, tree)
    if settings.select == "best" and not len(data.indices("val")):
        raise DataError("select='best' needs a val split", path=data.source or None)
    folder = None if out is None else RunFolder(out, overwrite=overwrite, resume=resume)
    try:
        run = _Run(data, tree, loss_taxonomy, settings, module, sampler, targets)
        # dropout and the like draw from the global state: give them their own
        cuda = [run.device] if run.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(settings.seed)
            run.fit(folder, progress)
        result, judgement = run.finish()
        if folder is not None:
            folder.publish(lambda where: write_run(where, result, judgement, run.data, tree))
            result.out = folder.out
        return result
    finally:
        if folder is not None:
            folder.close()


def _check(data: ImageSet, tree: Taxonomy) -> None:
    source = data.source or None
    if len(data) and not 0 <= int(data.labels.min()) <= int(data.labels.max()) < len(tree):
        raise DataError(
            f"labels are node ids from {int(data.labels.min())} to {int(data.labels.max())}, "
            f"but the taxonomy has {len(tree)} nodes",
            path=source,
        )
    train = data.subset("train")
    classes = train.class_counts
    if not classes:
        raise DataError("no images to train on", path=source)
    if len(classes) == 1:
        only = tree.nodes[next(iter(classes))]
        raise DataError(
            f"one class only in the train split: all {len(train)} images are {only!r}",
            path=source,
        )
    if not len(data.indices("test")):
        raise DataError("no images in the test split", path=source)


class _Run:
    """Everything that changes during a run."""

    def __init__(
        self,
        data: ImageSet,
        tree: Taxonomy,
        loss_tree: Taxonomy | None,
        config: TrainConfig,
        encoder: nn.Module | None,
        sampler: BatchSampler | None = None,
        targets: Tensor | None = None,
    ) -> None:
        self.sampler, self.targets = sampler, targets
        self.data, self.tree, self.config = data, tree, config
        self.train = data.subset("train")
        self.device = torch.device(config.device)
        self.drawn_by = translated_labels(self.train.labels, tree, loss_tree)
        if targets is None:
            self.loss_labels = self.drawn_by
        else:
            self.loss_labels = translated_sets(targets[data.indices("train")], tree, loss_tree)
        mean, std = channel_statistics(self.train.images)
        self.model = build_model(config, encoder, data.channels, data.size, mean, std)
        self.model.to(self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.loss = _loss(config, tree if loss_tree is None else loss_tree, self.model)
            self.loss.to(self.device)  # before anything is computed: the manifold is there
            if config.start_radius is not None:
                _start_prototypes(self.loss, config)
        self.optimizer = make_optimizer([self.model, self.loss], config.lr, config.weight_decay)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.monitor = Monitor(data, tree, config)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None
        self.seconds: list[float] = []
        self.loss_tree = tree if loss_tree is None else loss_tree

    @cached_property
    def identity(self) -> str:
        """A digest of the images, their label sets and the taxonomies."""
        digest = hashlib.sha256(self.data.fingerprint().encode())
        if self.targets is not None:
            digest.update(self.targets.numpy().tobytes())
        for tree in (self.tree, self.loss_tree):
            digest.update("\0".join(tree.nodes).encode())
            digest.update(tree.edges.numpy().tobytes())
        return digest.hexdigest()

    def fit(
        self, folder: RunFolder | None, progress: Callable[[ProgressEvent], None] | None
    ) -> None:
        """All epochs that are still to do."""
        if folder is not None and folder.checkpoint.exists():
            load_checkpoint(folder.checkpoint, self)
        for epoch in range(len(self.history), self.config.epochs):
            started = time.perf_counter()
            row = self._epoch(epoch, progress)
            figures = self.monitor.figures(self.model)
            curvature = learned_curvature(self.model.manifold)
            self.history.append({**row, **curvature, **figures})
            self._keep_best()
            self.seconds.append(time.perf_counter() - started)
            if folder is not None:
                folder.save_checkpoint(lambda path: save_checkpoint(path, self))
            if progress is not None:
                steps = self._steps()
                hf1 = figures.get("val_hf1")
                done = (epoch + 1, self.config.epochs, steps, steps, row["loss"], hf1, True)
                progress(ProgressEvent(*done))

    def _steps(self) -> int:
        if self.sampler is not None:
            return len(self.sampler)
        return max(1, len(self.train) // self.config.batch_size)

    def _batches(self, epoch: int) -> list[Tensor]:
        config = self.config
        if self.sampler is None:
            labels, generator = self.drawn_by, self.generator
            return epoch_batches(labels, config.batch_size, generator, config.balance)
        self.sampler.set_epoch(epoch)
        batches = [torch.tensor(batch, dtype=torch.long) for batch in self.sampler]
        for batch in batches:
            if not len(batch) or not 0 <= int(batch.min()) <= int(batch.max()) < len(self.train):
                raise RunError(
                    f"the sampler gave {batch.tolist()[:5]} ..., expected positions of "
                    f"{len(self.train)} training images"
                )
        if not batches:
            raise RunError("the sampler gave no batch")
        return batches

    def _epoch(
        self, epoch: int, progress: Callable[[ProgressEvent], None] | None
    ) -> dict[str, float]:
        config = self.config
        batches = self._batches(epoch)
        steps = len(batches)
        self.model.train()
        self.loss.train()
        sums: dict[str, float] = {"loss": 0.0}
        rate = 0.0
        for step, index in enumerate(batches):
            rate = learning_rate(
                epoch * steps + step,
                config.epochs * steps,
                math.ceil(config.warmup * steps),
                config.lr,
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            value = self._step(index, epoch, step)
            sums["loss"] += value
            parts = getattr(self.loss, "components", {})
            if len(parts) > 1:
                for name, part in parts.items():
                    sums[f"loss_{name}"] = sums.get(f"loss_{name}", 0.0) + float(part)
            if progress is not None:
                progress(ProgressEvent(epoch + 1, config.epochs, step + 1, steps, value))
        means = {name: total / steps for name, total in sums.items()}
        return {"epoch": epoch + 1, "lr": rate, **means}

    def _step(self, index: Tensor, epoch: int, step: int) -> float:
        config, model = self.config, self.model
        images = self.train.images[index].to(self.device)
        labels = self.loss_labels[index].to(self.device)
        views = two_views(
            images,
            self.generator,
            mean=model.mean,
            std=model.std,
            crop=config.crop,
            flip=config.flip,
            rotate=config.rotate,
            brightness=config.brightness,
            contrast=config.contrast,
            colour=config.colour,
        )
        points = model(torch.cat(views))
        pairs = torch.stack(points.chunk(2), dim=1)  # (B, 2, ambient)
        loss: Tensor = self.loss(pairs, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RunError(
                f"the loss is {value} in epoch {epoch + 1}, step {step + 1}: try a smaller lr "
                f"(now {config.lr:g}) or clip (now {config.clip})"
            )
        self.optimizer.zero_grad()
        loss.backward()
        if config.grad_clip is not None:
            trained = [p for group in self.optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(trained, config.grad_clip)
        self.optimizer.step()
        return value

    def _keep_best(self) -> None:
        if self.config.select != "best" or "val_hf1" not in self.history[-1]:
            return
        if self.history[-1]["val_hf1"] >= max(row["val_hf1"] for row in self.history):
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def finish(self) -> tuple[TrainResult, Any]:
        """Metrics of the chosen weights."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.model.eval()
        started = time.perf_counter()
        judgement = judge(self.model, self.data, self.tree, self.config, self.targets)
        timing = {
            "train_seconds": sum(self.seconds),
            "epoch_seconds": self.seconds,
            "evaluate_seconds": time.perf_counter() - started,
            "threads": torch.get_num_threads(),
        }
        result = TrainResult(
            judgement.metrics,
            self.history,
            self.model,
            self.config,
            judgement.prototype_ids,
            judgement.prototypes,
            timing,
            self.loss.eval(),
        )
        return result, judgement


def _loss(config: TrainConfig, tree: Taxonomy, model: EmbeddingModel) -> nn.Module:
    try:
        return make_loss(config.loss, tree, model.manifold, dim=config.dim, **config.loss_options)
    except (TypeError, ValueError) as reason:
        raise RunError(f"loss {config.loss!r}: {reason}") from reason


def _start_prototypes(loss: nn.Module, config: TrainConfig) -> None:
    """Place LAM's prototypes where the nodes of its taxonomy are embedded."""
    margins = [term for term in loss.modules() if isinstance(term, LAMLoss)]
    if not margins:
        raise RunError(f"start_radius needs a loss with lam, got {config.loss!r}")
    for term in margins:
        embedding = embed(term.taxonomy, dim=config.dim, target="tree_distance", seed=config.seed)
        try:
            term.start_from(embedding, config.start_radius)
        except ValueError as reason:
            raise RunError(f"start_radius={config.start_radius:g}: {reason}") from reason
