"""Embedding by stress: distances of sampled pairs towards those of the taxonomy."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hyperhier.embedding._ranking import starting_points
from hyperhier.manifolds.base import Manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam
from hyperhier.taxonomy import Taxonomy

__all__ = ["stress"]


def stress(
    taxonomy: Taxonomy,
    manifold: Manifold,
    dim: int,
    target: str = "tree_distance",
    seed: int = 0,
    *,
    steps: int = 1000,
    lr: float = 0.05,
    batch_size: int = 2048,
    init: str = "auto",
) -> tuple[Tensor, dict[str, Any]]:
    """Least squares of the relative errors of distances, ``mean (d_M / (s d_T) - 1)^2``.

    Random pairs at a positive distance in the taxonomy, Riemannian Adam in float64. The scale
    s is that of the constructive start; from a random start it is 1, or on a sphere as much
    as lets half of a great circle hold the longest distance possible.

    Args:
        taxonomy: what to embed.
        manifold: any manifold.
        dim: its dimension.
        target: only ``"tree_distance"``.
        seed: of the start and the pairs.
        steps: of the optimizer.
        lr: learning rate, in units of the longest distance possible; falls linearly to a
            hundredth.
        batch_size: pairs in a step.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: constructive where that exists.

    Returns:
        Points ``(N, ambient)`` float64, and a dict of what was chosen, with the last stress.

    Raises:
        ValueError: for a target other than tree distances or an option out of range.

    >>> from hyperhier.manifolds import Euclidean
    >>> chain = Taxonomy.from_edges([("a", "b"), ("b", "c")])
    >>> points, _ = stress(chain, Euclidean(), 2, steps=300)
    >>> round(float(Euclidean().dist(points[0], points[2])), 1)
    2.0
    """
    if target != "tree_distance":
        raise ValueError(f"the distortion method has only target='tree_distance', got {target!r}")
    for name, value in (("steps", steps), ("lr", lr), ("batch_size", batch_size)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    start, init = starting_points(taxonomy, manifold, dim, target, init, seed)
    chosen: dict[str, Any] = {"init": init, "steps": steps, "lr": lr}
    size = len(taxonomy)
    generator = torch.Generator().manual_seed(seed)

    def pairs() -> tuple[Tensor, Tensor, Tensor]:
        i, j = torch.randint(size, (2, batch_size), generator=generator)
        hops = taxonomy.distance(i, j, weighted=True)
        kept = hops > 0
        return i[kept], j[kept], hops[kept]

    longest = float(taxonomy.distance(0, torch.arange(size), weighted=True).max())
    if longest == 0.0:
        return start, chosen
    scale = 1.0
    if init == "constructive":
        i, j, hops = pairs()
        with torch.no_grad():
            scale = float((manifold.dist(start[i], start[j]) / hops).median())
    elif manifold.sectional_curvature > 0.0:
        scale = 0.5 * math.pi / math.sqrt(manifold.sectional_curvature) / longest
    points = ManifoldParameter(start, manifold)
    rate = lr * scale * longest
    optimizer = RiemannianAdam([points], lr=rate)
    last = 0.0
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1.0 - 0.99 * step / steps)
        i, j, hops = pairs()
        if i.numel() == 0:
            continue
        weight = points()
        loss = (manifold.dist(weight[i], weight[j]) / (scale * hops) - 1.0).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = float(loss.detach())
    chosen.update(scale=scale, stress=last)
    return points().detach().clone(), chosen
