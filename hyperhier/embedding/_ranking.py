"""Embedding by ranking: ancestors nearer than sampled other nodes, on any manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyperhier.embedding._constructive import ConstructiveEmbedder
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, positive
from hyperhier.embedding._run import Run
from hyperhier.manifolds.base import Manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam
from hyperhier.taxonomy import Taxonomy

__all__ = ["RankingEmbedder", "starting_points"]

# Standard deviation of random starting features: near the origin, where all is still Euclidean.
_START = 0.1
# A random start has far to go, a constructed one only wants polish.
_RATE = {"random": 0.2, "constructive": 0.01}


def starting_points(
    taxonomy: Taxonomy, manifold: Manifold, dim: int, target: str, init: str, seed: int
) -> tuple[Tensor, str]:
    """Where training starts, and the name of that: ``"constructive"`` or ``"random"``."""
    if init not in ("auto", "constructive", "random"):
        raise ValueError(f"init must be 'auto', 'constructive' or 'random', got {init!r}")
    if init == "auto":
        init = "constructive" if is_hyperbolic(manifold) and dim >= 2 else "random"
    if init == "constructive":
        built = ConstructiveEmbedder(manifold=manifold, dim=dim, target=target, seed=seed)
        return built.fit(taxonomy).embedding_.points, init
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(taxonomy), dim, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return manifold.from_features(_START * features), init


@dataclass(kw_only=True, eq=False)
class RankingEmbedder(Embedder):
    """Softmax over negatives (Nickel and Kiela 2017, arXiv 1705.08039)::

        L = - sum over (u, v) of log [ exp(-d(u, v)) / (exp(-d(u, v)) + sum_n exp(-d(u, n))) ]

    over the pairs of a node u and an ancestor v, the n being random nodes that are neither u
    nor ancestors of u. Trained in float64 by Riemannian Adam.

    Args:
        manifold: any manifold.
        dim: its dimension.
        seed: of the start, the order of the pairs and the negatives.
        epochs: passes over all pairs, after the burn-in.
        lr: learning rate, default 0.2 from a random start and 0.01 from the constructive one;
            a tenth of it during burn-in, and falling linearly to a tenth afterwards.
        batch_size: pairs in a step.
        negatives: sampled for each pair; those that turn out to be ancestors are left out.
        burn_in: epochs before the others, for a random start only.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: constructive where that exists.
        dtype: of the points.

    ``embedding_.info`` holds what was chosen, and the last mean loss.

    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> emb = RankingEmbedder(manifold="euclidean", epochs=20).fit(tree).embedding_
    >>> emb.points.shape, emb.info["init"]
    (torch.Size([4, 2]), 'random')
    """

    method: ClassVar[str] = "ranking"

    epochs: int = 100
    lr: float | None = None
    batch_size: int = 256
    negatives: int = 50
    burn_in: int = 10
    init: str = "auto"

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        positive(
            epochs=self.epochs, batch_size=self.batch_size, negatives=self.negatives, lr=self.lr
        )
        if self.burn_in < 0:
            raise ValueError(f"burn_in must not be negative, got {self.burn_in}")
        start, init = starting_points(taxonomy, manifold, self.dim, "closure", self.init, self.seed)
        lr = _RATE[init] if self.lr is None else self.lr
        return _train(self, taxonomy, manifold, start, init, lr, run)


def _train(
    self: RankingEmbedder,
    taxonomy: Taxonomy,
    manifold: Manifold,
    start: Tensor,
    init: str,
    lr: float,
    run: Run,
) -> tuple[Tensor, dict[str, Any]]:
    chosen: dict[str, Any] = {
        "init": init,
        "epochs": self.epochs,
        "lr": lr,
        "negatives": self.negatives,
    }
    size = len(taxonomy)
    child, ancestor = taxonomy.closure()
    if child.numel() == 0:
        return start, chosen
    known = (child * size + ancestor).sort().values
    points = ManifoldParameter(start, manifold)
    optimizer = RiemannianAdam([points], lr=lr)
    generator = torch.Generator().manual_seed(self.seed)
    warm = self.burn_in if init == "random" else 0
    mean_loss = 0.0
    for epoch in range(warm + self.epochs):
        done = (epoch - warm) / self.epochs
        rate = 0.1 * lr if epoch < warm else lr * (1.0 - 0.9 * done)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total = 0.0
        for rows in torch.randperm(child.numel(), generator=generator).split(self.batch_size):
            u, v = child[rows], ancestor[rows]
            others = torch.randint(size, (rows.numel(), self.negatives), generator=generator)
            key = u.unsqueeze(-1) * size + others
            at = torch.searchsorted(known, key).clamp(max=known.numel() - 1)
            barred = (known[at] == key) | (others == u.unsqueeze(-1))
            candidates = torch.cat((v.unsqueeze(-1), others), dim=1)
            weight = points()
            logits = -manifold.dist(weight[u].unsqueeze(1), weight[candidates])
            out = torch.cat((torch.zeros_like(barred[:, :1]), barred), dim=1)
            logits = logits.masked_fill(out, -torch.inf)
            loss = (torch.logsumexp(logits, dim=1) - logits[:, 0]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * rows.numel()
        mean_loss = total / child.numel()
        run.report(epoch + 1, warm + self.epochs, loss=mean_loss)
    chosen["loss"] = mean_loss
    return points().detach().clone(), chosen
