"""Every option of a training run, checked, and as JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from hyperhier.errors import RunError
from hyperhier.manifolds import C_MAX, C_MIN

__all__ = ["AUTO_CLIP", "TrainConfig"]

#: feature clip of ``clip="auto"`` on a hyperbolic manifold with c = 1 (arXiv 2203.10833)
AUTO_CLIP = 2.3


@dataclass(frozen=True)
class TrainConfig:
    """The options of :func:`hyperhier.training.train`.

    Attributes:
        geometry: ``"euclidean"``, ``"sphere"``, ``"poincare"``, ``"lorentz"`` or ``"polar"``.
        loss: text for :func:`hyperhier.losses.make_loss`, e.g. ``"hwc+0.5*lam"``.
        loss_options: keyword arguments of the losses.
        start_radius: let the prototypes of LAM start from the embedded taxonomy, with the
            farthest node so far from the origin; None: from the first batches.
        dim: features that are mapped to the manifold.
        c: the sectional curvature is -c (hyperbolic geometries only).
        learnable_c: train the curvature too.
        c_min, c_max: bounds of a trained c.
        clip: longest feature vector before the manifold; None: no limit; ``"auto"``: 2.3
            over the square root of c if the curvature is negative, else None.
        scale: factor on the features.
        encoder: ``"small"`` or the name of a timm model. (A module of your own goes to
            ``train(..., encoder=module)`` and is noted here as ``"custom"``.)
        width: channels of the small encoder's first stage.
        epochs: passes over the training images.
        batch_size: images per step, each in two views.
        lr: peak learning rate of AdamW, reached after ``warmup`` epochs, then a cosine to 0.
        warmup: length of the linear warm-up, in epochs.
        weight_decay: decoupled, on weight matrices only.
        grad_clip: longest gradient; None: no limit.
        balance: how far the draw of classes is levelled, from 0 (as they come) to 1 (all
            equally often).
        crop, flip, rotate, brightness, contrast, colour: see
            :func:`hyperhier.data.two_views`.
        select: keep the weights of the ``"last"`` or of the ``"best"`` epoch, by the HF1 on
            the validation images.
        monitor: at most so many images of train (for prototypes) and of val are looked at
            after each epoch; 0: none.
        k: neighbours of the k-NN metrics.
        eval_batch: images embedded at once outside training.
        device: where to compute. Only ``"cpu"`` promises equal numbers for equal seeds.
        pictures: draw ``confusion.png`` and ``embedding.png``.
        seed: of everything random.

    Raises:
        RunError: an option that is out of its range, by name.

    >>> TrainConfig.from_json(TrainConfig(epochs=3).to_json()).epochs
    3
    """

    geometry: str = "lorentz"
    loss: str = "hwc+lam"
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    start_radius: float | None = None
    dim: int = 64
    c: float = 1.0
    learnable_c: bool = False
    c_min: float = C_MIN
    c_max: float = C_MAX
    clip: float | str | None = "auto"
    scale: float = 1.0
    encoder: str = "small"
    width: int = 16
    epochs: int = 20
    batch_size: int = 256
    lr: float = 2e-3
    warmup: float = 1.0
    weight_decay: float = 1e-4
    grad_clip: float | None = 5.0
    balance: float = 0.0
    crop: float = 0.6
    flip: str = "horizontal"
    rotate: float = 0.0
    brightness: float = 0.2
    contrast: float = 0.2
    colour: float = 0.1
    select: str = "last"
    monitor: int = 2000
    k: int = 5
    eval_batch: int = 512
    device: str = "cpu"
    pictures: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss_options", dict(self.loss_options))
        try:
            json.dumps(self.loss_options)
        except (TypeError, ValueError) as reason:
            raise RunError(f"loss_options must be plain numbers and texts: {reason}") from reason
        object.__setattr__(self, "balance", float(self.balance))
        for name in ("dim", "width", "epochs", "batch_size", "k", "eval_batch"):
            self._whole(name, 1)
        self._whole("monitor", 0)
        if self.batch_size < 2:
            raise RunError(f"batch_size must be at least 2, got {self.batch_size}")
        for name in ("c", "c_min", "c_max", "lr", "scale"):
            self._number(name, above=0.0)
        if self.learnable_c:
            self._number("c", least=self.c_min, most=self.c_max)
        for name in ("warmup", "weight_decay", "rotate", "brightness", "contrast", "colour"):
            self._number(name, least=0.0)
        self._number("balance", least=0.0, most=1.0)
        self._number("crop", above=0.0, most=1.0)
        for name in ("grad_clip", "start_radius"):
            if getattr(self, name) is not None:
                self._number(name, above=0.0)
        if self.clip is not None and self.clip != "auto":
            self._number("clip", above=0.0)
        for name, known in (("flip", ("horizontal", "both", "none")), ("select", ("last", "best"))):
            if getattr(self, name) not in known:
                options = ", ".join(known)
                raise RunError(f"{name} must be one of {options}, got {getattr(self, name)!r}")
        for name in ("geometry", "loss", "encoder", "device"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise RunError(f"{name} must be a name, got {getattr(self, name)!r}")
        if self.select == "best" and not self.monitor:
            raise RunError("select='best' needs monitor > 0")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise RunError(f"seed must be a whole number >= 0, got {self.seed!r}")

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise RunError(f"{name} must be a whole number >= {least}, got {value!r}")

    def _number(
        self,
        name: str,
        *,
        above: float = -math.inf,
        least: float = -math.inf,
        most: float = math.inf,
    ) -> None:
        value = getattr(self, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and value > above and least <= value <= most):
            bounds = [f"> {above:g}"] if above > -math.inf else []
            bounds += [f">= {least:g}"] if least > -math.inf else []
            bounds += [f"<= {most:g}"] if most < math.inf else []
            raise RunError(f"{name} must be a number {' and '.join(bounds)}, got {value!r}")

    # ------------------------------------------------------------------- JSON and changes

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> TrainConfig:
        """From names and values; unknown names are an error."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(options) - known)
        if unknown:
            raise RunError(f"unknown option {unknown[0]!r}; known: {', '.join(sorted(known))}")
        return cls(**options)

    def to_dict(self) -> dict[str, Any]:
        """Names and values, all of them plain."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> TrainConfig:
        """From the text that :meth:`to_json` wrote."""
        return cls.from_dict(json.loads(text))

    def to_json(self) -> str:
        """One option per line."""
        return json.dumps(self.to_dict(), indent=2)

    def replace(self, **changes: Any) -> TrainConfig:
        """A copy with other values.

        >>> TrainConfig().replace(geometry="sphere").geometry
        'sphere'
        """
        return replace(self, **changes)
