"""Moving-average prototypes of the nodes of a taxonomy, on any manifold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier.losses._gather import gather_batch
from hyperhier.losses._karcher import karcher_mean

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = ["Mean", "PrototypeBank", "batch_means"]

#: the manifold's centroid, in closed form, or the point of least squared distances
Mean = Literal["centroid", "karcher"]


class PrototypeBank(nn.Module):
    """One prototype per node, moved towards the mean of each batch; no gradient anywhere.

    The n-th batch that has samples below node v moves its prototype to the two-point weighted
    centre of the prototype and the batch mean, with weight

        w_n = (1 - rho) / (1 - rho^n)

    on the mean. In Euclidean space this is the exponential moving average with bias
    correction: the first batch sets the prototype, and the weights of all batches seen
    so far always sum to 1, for rare nodes as for common ones. Centre and mean are both
    centroids, or both Karcher means: between two points that is the point on their geodesic.

    Attributes:
        points: buffer ``(N, a)``; it has no columns until the first update.
        counts: buffer ``(N,)`` int64, updates per node; 0 = not seen yet.
    """

    points: Tensor
    counts: Tensor

    def __init__(
        self, taxonomy: Taxonomy, manifold: Manifold, momentum: float, mean: Mean = "centroid"
    ) -> None:
        super().__init__()
        if mean not in get_args(Mean):
            raise ValueError(f"mean must be one of {get_args(Mean)}, got {mean!r}")
        if not (0.0 <= momentum < 1.0):
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        self.taxonomy = taxonomy
        self.manifold = manifold
        self.momentum = float(momentum)
        self.mean: Mean = mean
        self.register_buffer("points", torch.zeros(len(taxonomy), 0))
        self.register_buffer("counts", torch.zeros(len(taxonomy), dtype=torch.long))

    @torch.no_grad()
    def update(self, points: Tensor, labels: Tensor) -> None:
        """Take in a batch: points ``(n, a)`` and node ids ``(n,)``; of all ranks under DDP."""
        points, labels = gather_batch(points, labels)
        self._allocate(points)
        ids, means = batch_means(points, labels, self.taxonomy, self.manifold, self.mean)
        if not len(ids):
            return
        self.counts[ids] += 1
        n = self.counts[ids].to(torch.float64)
        weight = ((1.0 - self.momentum) / (1.0 - self.momentum**n)).to(means.dtype)
        if self.mean == "karcher":
            moved = self.manifold.geodesic(weight, self.points[ids], means)
        else:
            moved = self.manifold.midpoint(self.points[ids], means, weight)
        first = (n == 1).unsqueeze(-1)
        self.points[ids] = torch.where(first, means, moved).to(self.points.dtype)

    @torch.no_grad()
    def start(self, points: Tensor) -> None:
        """Set the prototypes of all nodes ``(N, a)``; counted as one batch each."""
        if not bool(points.isfinite().all()):
            raise ValueError("prototypes must be finite")
        self.points = points.to(self.points.device, copy=True)
        self.counts.fill_(1)

    def seen(self) -> tuple[Tensor, Tensor]:
        """Ids ``(P,)`` and prototypes ``(P, a)`` of the nodes seen so far; copies."""
        ids = self.counts.nonzero().squeeze(1)
        return ids, self.points[ids]

    def reset(self) -> None:
        """Forget every prototype."""
        self.counts.zero_()

    def _allocate(self, points: Tensor) -> None:
        """Room for points of this width, on their device."""
        width = points.shape[-1]
        if self.points.shape[-1] != width:
            if bool(self.counts.any()):
                raise ValueError(
                    f"the prototypes have {self.points.shape[-1]} coordinates, "
                    f"the embeddings {width}"
                )
            self.points = self.manifold.origin(
                len(self.taxonomy), width, dtype=points.dtype, device=points.device
            ).clone()
        self.points = self.points.to(points.device)
        self.counts = self.counts.to(points.device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PrototypeBank:
        # follows devices and float64, but not .half(): an average needs its small steps
        kept = self.points
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.points.dtype in (torch.float16, torch.bfloat16):
            self.points = kept.to(self.points.device)
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        stored = state_dict.get(prefix + "points")
        if stored is not None and stored.shape[:1] == self.points.shape[:1]:
            self.points = torch.zeros(stored.shape, dtype=stored.dtype, device=self.points.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def extra_repr(self) -> str:
        return f"nodes={len(self.taxonomy)}, momentum={self.momentum}, mean={self.mean!r}"


def batch_means(
    points: Tensor,
    labels: Tensor,
    taxonomy: Taxonomy,
    manifold: Manifold,
    mean: Mean = "centroid",
) -> tuple[Tensor, Tensor]:
    """Mean of the samples below each node of the batch, the root excluded.

    Args:
        points: ``(n, a)``.
        labels: ``(n,)`` node ids.
        mean: a Karcher mean has no gradient.

    Returns:
        sorted node ids ``(P,)`` and their means ``(P, a)``. A sample counts for its own
        node and for the ancestors on its primary path.
    """
    levels = taxonomy.paths(labels)[:, 1:]
    fresh = levels != taxonomy.root_id
    fresh[:, 1:] &= levels[:, 1:] != levels[:, :-1]  # a leaf that stands in for itself counts once
    node, order = levels[fresh].sort(stable=True)
    sample = fresh.nonzero()[order, 0]  # the samples below the nodes, node after node
    ids, sizes = torch.unique_consecutive(node, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    means = points.new_empty(len(ids), points.shape[-1])
    # groups of similar size share a table, padded to a power of two with weight 0
    widths = [2 ** (int(size) - 1).bit_length() for size in sizes.tolist()]
    for width in sorted(set(widths)):
        chosen = torch.tensor([k for k, w in enumerate(widths) if w == width], device=points.device)
        slot = torch.arange(width, device=points.device)
        member = slot < sizes[chosen, None]
        table = sample[(starts[chosen, None] + slot).clamp(max=len(sample) - 1)]
        weights = member.to(points.dtype)
        if mean == "karcher":
            means[chosen] = karcher_mean(points[table], weights, manifold)
        else:
            means[chosen] = manifold.centroid(points[table], weights)
    return ids, means
