"""Embedding by ranking: ancestors nearer than sampled other nodes, on any manifold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.embedding._constructive import constructive
from hyperhier.manifolds.base import Manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam
from hyperhier.taxonomy import Taxonomy

__all__ = ["ranking", "starting_points"]

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
        hyperbolic = manifold.sectional_curvature < 0.0 and dim >= 2
        init = "constructive" if hyperbolic else "random"
    if init == "constructive":
        return constructive(taxonomy, manifold, dim, target, seed)[0], init
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(taxonomy), dim, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return manifold.from_features(_START * features), init


def ranking(
    taxonomy: Taxonomy,
    manifold: Manifold,
    dim: int,
    target: str = "closure",
    seed: int = 0,
    *,
    epochs: int = 100,
    lr: float | None = None,
    batch_size: int = 256,
    negatives: int = 50,
    burn_in: int = 10,
    init: str = "auto",
) -> tuple[Tensor, dict[str, Any]]:
    """Softmax over negatives (Nickel and Kiela 2017, arXiv 1705.08039)::

        L = - sum over (u, v) of log [ exp(-d(u, v)) / (exp(-d(u, v)) + sum_n exp(-d(u, n))) ]

    over the pairs of a node u and an ancestor v, the n being random nodes that are neither u
    nor ancestors of u. Trained in float64 by Riemannian Adam.

    Args:
        taxonomy: what to embed.
        manifold: any manifold.
        dim: its dimension.
        target: only ``"closure"``.
        seed: of the start, the order of the pairs and the negatives.
        epochs: passes over all pairs, after the burn-in.
        lr: learning rate, default 0.2 from a random start and 0.01 from the constructive one;
            a tenth of it during burn-in, and falling linearly to a tenth afterwards.
        batch_size: pairs in a step.
        negatives: sampled for each pair; those that turn out to be ancestors are left out.
        burn_in: epochs before the others, for a random start only.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: constructive where that exists.

    Returns:
        Points ``(N, ambient)`` float64, and a dict of what was chosen, with the last mean loss.

    Raises:
        ValueError: for a target other than the closure or an option out of range.

    >>> from hyperhier.manifolds import Euclidean
    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> points, chosen = ranking(tree, Euclidean(), 2, epochs=20)
    >>> points.shape, chosen["init"]
    (torch.Size([4, 2]), 'random')
    """
    if target != "closure":
        raise ValueError(f"the ranking method has only target='closure', got {target!r}")
    for name, value in (
        ("epochs", epochs),
        ("batch_size", batch_size),
        ("negatives", negatives),
        ("lr", lr),
    ):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if burn_in < 0:
        raise ValueError(f"burn_in must not be negative, got {burn_in}")
    start, init = starting_points(taxonomy, manifold, dim, target, init, seed)
    if lr is None:
        lr = _RATE[init]
    chosen: dict[str, Any] = {"init": init, "epochs": epochs, "lr": lr, "negatives": negatives}
    size = len(taxonomy)
    child, ancestor = taxonomy.closure()
    if child.numel() == 0:
        return start, chosen
    known = (child * size + ancestor).sort().values
    points = ManifoldParameter(start, manifold)
    optimizer = RiemannianAdam([points], lr=lr)
    generator = torch.Generator().manual_seed(seed)
    warm = burn_in if init == "random" else 0
    mean_loss = 0.0
    for epoch in range(warm + epochs):
        done = (epoch - warm) / epochs
        rate = 0.1 * lr if epoch < warm else lr * (1.0 - 0.9 * done)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total = 0.0
        for rows in torch.randperm(child.numel(), generator=generator).split(batch_size):
            u, v = child[rows], ancestor[rows]
            others = torch.randint(size, (rows.numel(), negatives), generator=generator)
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
    chosen["loss"] = mean_loss
    return points().detach().clone(), chosen
