"""The curvature parameter of the hyperbolic models."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier._numerics.dtypes import WORKING_DTYPE
from hyperhier.errors import ManifoldError

__all__ = ["C_MAX", "C_MIN", "Curvature"]

#: bounds of a learnable c; a fixed c may be any positive number
C_MIN, C_MAX = 1e-3, 1e3


class Curvature(nn.Module):
    """A positive number c, **the sectional curvature being -c**; always float64.

    A learnable c is stored as its logarithm, so that it stays positive, and is confined to
    ``bounds``. The first time that a bound is reached, a warning says so; :attr:`at_bound`
    tells it at any time. Casting the module (``.half()``, ``.double()``) leaves c as it is.
    """

    def __init__(
        self, c: float = 1.0, learnable: bool = False, bounds: tuple[float, float] = (C_MIN, C_MAX)
    ) -> None:
        super().__init__()
        value = float(c)
        if not (math.isfinite(value) and value > 0):
            raise ManifoldError(f"c must be a positive finite number (curvature is -c), got {c!r}")
        self.learnable, self.bounds = bool(learnable), (float(bounds[0]), float(bounds[1]))
        self._reported = False
        if self.learnable:
            low, high = self.bounds
            if not 0 < low <= value <= high < math.inf:
                raise ManifoldError(f"a learnable c must start within {self.bounds}, got {c!r}")
            self.log_c = nn.Parameter(torch.tensor(math.log(value), dtype=WORKING_DTYPE))
        else:
            self.register_buffer("fixed_c", torch.tensor(value, dtype=WORKING_DTYPE))

    def forward(self) -> Tensor:
        """The current c, a 0-dim float64 tensor (carrying a gradient if it is learnable)."""
        if not self.learnable:
            c: Tensor = self.fixed_c  # type: ignore[assignment]
            return c
        if not torch.compiler.is_compiling() and not self._reported and self.at_bound:
            self._reported = True
            warnings.warn(f"learnable curvature reached a bound of {self.bounds}", stacklevel=3)
        # a step beyond a bound is undone, and the gradient stays alive to come back
        low, high = (math.log(b) for b in self.bounds)
        inside = self.log_c + (self.log_c.clamp(low, high) - self.log_c).detach()
        return inside.exp()

    @property
    def at_bound(self) -> bool:
        """Whether a learnable c has reached a bound."""
        if not self.learnable:
            return False
        low, high = (math.log(b) for b in self.bounds)
        value = float(self.log_c.detach())
        return not low < value < high

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        # Follow a change of device, never one of dtype.
        name = "log_c" if self.learnable else "fixed_c"
        kept: Tensor = getattr(self, name)
        device = fn(torch.empty(0, dtype=kept.dtype, device=kept.device)).device
        if device == kept.device:
            return self
        with torch.no_grad():
            kept.data = (
                fn(kept.data).to(WORKING_DTYPE) if device.type == "meta" else kept.data.to(device)
            )
            if kept.grad is not None:
                kept.grad = kept.grad.to(device)
        return self

    def extra_repr(self) -> str:
        return f"c={float(self.forward().detach()):.6g}" + (", learnable" if self.learnable else "")
