"""From the features of an encoder to points of a manifold."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier._numerics import safe_norm
from hyperhier.manifolds import as_manifold

__all__ = ["ToManifold"]


class ToManifold(nn.Module):
    """Plain features to points: ``manifold.from_features(scale * z * min(1, clip / |z|))``.

    Shapes: features ``(*batch, d)`` to points ``(*batch, manifold.ambient_dim(d))``. The
    dtype is kept; under autocast half-precision features become float32 first. Features
    equal to 0 go to the origin and receive a finite gradient.

    Args:
        manifold: a hyperhier or geoopt manifold.
        clip: greatest Euclidean norm of the features, longer ones are shortened to it
            (feature clipping, Guo et al. 2022, arXiv 2107.11472); None: no clipping.
        scale: positive factor after clipping. On a hyperbolic manifold the points then lie
            within radius ``scale * clip``.
        learn_scale: train the scale, held as its logarithm in ``log_scale``.

    Raises:
        ValueError: if ``clip`` or ``scale`` is not positive and finite.

    >>> from hyperhier.manifolds import Lorentz
    >>> to_points = ToManifold(Lorentz(), clip=2.0)
    >>> points = to_points(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    >>> points.shape
    torch.Size([2, 3])
    >>> Lorentz().dist0(points)
    tensor([2., 0.])
    """

    def __init__(
        self,
        manifold: Any,
        clip: float | None = None,
        scale: float = 1.0,
        *,
        learn_scale: bool = False,
    ) -> None:
        super().__init__()
        self.manifold = as_manifold(manifold)
        self.clip = None if clip is None else _positive("clip", clip)
        start = _positive("scale", scale)
        self.log_scale: nn.Parameter | None
        self._scale = start
        if learn_scale:
            self.log_scale = nn.Parameter(torch.tensor(math.log(start)))
        else:
            self.register_parameter("log_scale", None)

    @property
    def scale(self) -> Tensor | float:
        """The factor on the clipped features: a tensor if it is learned."""
        return self._scale if self.log_scale is None else self.log_scale.exp()

    def forward(self, z: Tensor) -> Tensor:
        """Points ``(*batch, ambient)`` from features ``(*batch, d)``."""
        if not isinstance(z, Tensor) or not z.is_floating_point():
            kind = z.dtype if isinstance(z, Tensor) else type(z).__name__
            raise TypeError(f"features must be a real floating tensor, got {kind}")
        device = z.device.type
        if torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                return self._points(z.to(torch.promote_types(z.dtype, torch.float32)))
        return self._points(z)

    def _points(self, z: Tensor) -> Tensor:
        work = z.to(torch.promote_types(z.dtype, torch.float32))
        if self.clip is not None:
            # clamping the norm from below keeps the factor at exactly 1 inside the clip
            work = work * (self.clip / safe_norm(work, -1, keepdim=True).clamp_min(self.clip))
        scale = self.scale
        if isinstance(scale, Tensor):
            work = work * scale.to(work.dtype)
        elif scale != 1.0:
            work = work * scale
        return self.manifold.from_features(work.to(z.dtype))

    def extra_repr(self) -> str:
        learned = ", learn_scale=True" if self.log_scale is not None else ""
        return f"clip={self.clip}, scale={float(self.scale):g}{learned}"


def _positive(name: str, value: float) -> float:
    number = float(value)
    if not (number > 0.0 and math.isfinite(number)):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return number
