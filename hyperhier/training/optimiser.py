"""The optimizer of a run and its learning rate over time."""

from __future__ import annotations

import math

from torch import nn

from hyperhier.optim import RiemannianAdam

__all__ = ["learning_rate", "make_optimizer"]


def make_optimizer(modules: list[nn.Module], lr: float, weight_decay: float) -> RiemannianAdam:
    """AdamW over everything trainable; points of a manifold move along geodesics.

    Weight decay falls on matrices and kernels only: not on biases, norms, a learnable
    curvature or points of a manifold.
    """
    parameters = {id(p): p for m in modules for p in m.parameters() if p.requires_grad}
    curved = {
        id(m.weight)
        for top in modules
        for m in top.modules()
        if hasattr(m, "manifold") and isinstance(getattr(m, "weight", None), nn.Parameter)
    }
    decayed = [p for key, p in parameters.items() if p.dim() >= 2 and key not in curved]
    plain = [p for key, p in parameters.items() if p.dim() < 2 or key in curved]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return RiemannianAdam(
        [group for group in groups if group["params"]], lr=lr, decoupled_weight_decay=True
    )


def learning_rate(step: int, total: int, warmup: int, peak: float) -> float:
    """The rate of a step, counted from 0: a linear rise, then half a cosine down to 0.

    >>> [round(learning_rate(s, 6, 2, 1.0), 3) for s in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * done))
