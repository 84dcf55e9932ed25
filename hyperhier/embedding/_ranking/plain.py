"""Ranking on any manifold: pairs in batches, Riemannian Adam."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hyperhier.manifolds._device import beside
from hyperhier.manifolds.base import Manifold
from hyperhier.nn import ManifoldParameter
from hyperhier.optim import RiemannianAdam

__all__ = ["TorchRanking"]

_MOMENTS = "moments."


class TorchRanking:
    """Points in training on pairs (child, ancestor), in float64.

    Args:
        manifold: any.
        start: ``(N, ambient)``.
        child, ancestor: ``(E,)`` each, all pairs: none of them is ever a negative.
        trained: ``(E,)`` bool, the pairs to train on.
        negatives: of each pair, drawn evenly; those that turn out to be ancestors are left out.
            None: all nodes, in a table of ``batch_size`` rows.
        batch_size: pairs in a step.
        device: where to compute. Everything that is random is drawn on the CPU, so that every
            device sees the same.
    """

    #: the last learning rate, as a share of the first
    least = 0.1

    def __init__(
        self,
        manifold: Manifold,
        start: Tensor,
        child: Tensor,
        ancestor: Tensor,
        trained: Tensor,
        negatives: int | None,
        batch_size: int,
        device: torch.device,
    ) -> None:
        self.manifold = beside(start.to(device), manifold)
        self._size = len(start)
        self._child, self._ancestor = child[trained], ancestor[trained]
        self._known = (child * self._size + ancestor).sort().values.to(device)
        self._negatives, self._batch_size = negatives, batch_size
        self._weight = ManifoldParameter(start.to(device), self.manifold)
        self._optimizer = RiemannianAdam([self._weight], lr=1.0)

    def epoch(self, lr: float, seed: int, epoch: int, *, burn_in: bool = False) -> float:
        """One pass over the pairs; returns their mean loss. It is the same in the burn-in."""
        own_seed = int(np.random.default_rng((seed, epoch)).integers(2**62))
        generator = torch.Generator().manual_seed(own_seed)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        total = 0.0
        for rows in torch.randperm(self._child.numel(), generator=generator).split(
            self._batch_size
        ):
            others = self._others(rows.numel(), generator).to(self._known.device)
            u, v = (ids[rows].to(self._known.device) for ids in (self._child, self._ancestor))
            key = u.unsqueeze(-1) * self._size + others
            at = torch.searchsorted(self._known, key).clamp(max=self._known.numel() - 1)
            barred = (self._known[at] == key) | (others == u.unsqueeze(-1))
            weight = self._weight()
            to_own = self.manifold.dist(weight[u], weight[v])
            if self._negatives is None:
                to_others = self.manifold.dist_matrix(weight[u], weight)
            else:
                to_others = self.manifold.dist(weight[u].unsqueeze(1), weight[others])
            far = (-to_others).masked_fill(barred, -torch.inf)
            logits = torch.cat((-to_own.unsqueeze(1), far), dim=1)
            loss = (torch.logsumexp(logits, dim=1) - logits[:, 0]).mean()
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            total += float(loss.detach()) * rows.numel()
        return total / self._child.numel()

    def _others(self, rows: int, generator: torch.Generator) -> Tensor:
        """The nodes ``(rows, n)`` that some pairs are compared with."""
        if self._negatives is None:
            return torch.arange(self._size).expand(rows, -1)
        # by frequency, as in the compiled engine, flat space ends with a lower MAP
        return torch.randint(self._size, (rows, self._negatives), generator=generator)

    def points(self) -> Tensor:
        """``(N, ambient)`` on the CPU, a copy."""
        return self._weight().detach().cpu().clone()

    def distances(self, nodes: Tensor) -> Tensor:
        """``(M, N)`` on the CPU, from some nodes to all."""
        with torch.no_grad():
            points = self._weight()
            return self.manifold.dist_matrix(points[nodes.to(points.device)], points).cpu()

    def state(self) -> dict[str, Tensor]:
        """The points and the optimizer's moments by name."""
        (parameter,) = self._weight.parameters()
        held = self._optimizer.state[parameter]
        state = {"points": parameter.detach(), **{_MOMENTS + k: v for k, v in held.items()}}
        return {name: tensor.cpu() for name, tensor in state.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a :meth:`state`."""
        (parameter,) = self._weight.parameters()
        with torch.no_grad():
            parameter.copy_(state["points"])
        held = {
            name.removeprefix(_MOMENTS): tensor.to(parameter.device)
            for name, tensor in state.items()
            if name.startswith(_MOMENTS)
        }
        self._optimizer.state[parameter] = held
