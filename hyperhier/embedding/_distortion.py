"""Embedding by stress: distances of sampled pairs towards those of the taxonomy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyperhier.embedding._estimator import Embedder, positive
from hyperhier.embedding._ranking import starting_points
from hyperhier.embedding._run import Run
from hyperhier.manifolds.base import Manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam
from hyperhier.taxonomy import Taxonomy

__all__ = ["DistortionEmbedder"]


@dataclass(kw_only=True, eq=False)
class DistortionEmbedder(Embedder):
    """Least squares of the relative errors of distances, ``mean (d_M / (s d_T) - 1)^2``.

    Random pairs at a positive distance in the taxonomy, Riemannian Adam in float64. The scale
    s is that of the constructive start; from a random start it is 1, or on a sphere as much
    as lets half of a great circle hold the longest distance possible.

    Args:
        manifold: any manifold.
        dim: its dimension.
        seed: of the start and the pairs.
        steps: of the optimizer.
        lr: learning rate, in units of the longest distance possible; falls linearly to a
            hundredth.
        batch_size: pairs in a step.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: constructive where that exists.
        dtype: of the points.

    ``embedding_.info`` holds what was chosen, and the last stress.

    >>> chain = Taxonomy.from_edges([("a", "b"), ("b", "c")])
    >>> emb = DistortionEmbedder(manifold="euclidean", steps=300).fit(chain).embedding_
    >>> round(emb.distance("a", "c"), 1)
    2.0
    """

    method: ClassVar[str] = "distortion"

    steps: int = 1000
    lr: float = 0.05
    batch_size: int = 2048
    init: str = "auto"

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        positive(steps=self.steps, lr=self.lr, batch_size=self.batch_size)
        start, init = starting_points(
            taxonomy, manifold, self.dim, "tree_distance", self.init, self.seed
        )
        return _train(self, taxonomy, manifold, start, init, run)


def _train(
    self: DistortionEmbedder,
    taxonomy: Taxonomy,
    manifold: Manifold,
    start: Tensor,
    init: str,
    run: Run,
) -> tuple[Tensor, dict[str, Any]]:
    chosen: dict[str, Any] = {"init": init, "steps": self.steps, "lr": self.lr}
    size = len(taxonomy)
    generator = torch.Generator().manual_seed(self.seed)

    def pairs() -> tuple[Tensor, Tensor, Tensor]:
        i, j = torch.randint(size, (2, self.batch_size), generator=generator)
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
    rate = self.lr * scale * longest
    optimizer = RiemannianAdam([points], lr=rate)
    last = 0.0
    for step in range(self.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1.0 - 0.99 * step / self.steps)
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
