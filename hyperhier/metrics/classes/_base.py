"""Two kinds of ``torchmetrics.Metric``: one keeps sums, the other the points themselves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyperhier.manifolds._device import beside
from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, as_points, same_length
from hyperhier.metrics._sums import Combine, Sums
from hyperhier.taxonomy import Taxonomy

try:
    from torchmetrics import Metric
except Exception as error:  # a broken installation counts as a missing one
    raise ImportError(
        "the metric classes of hyperhier.metrics need torchmetrics: "
        "pip install 'hyperhier[metrics]'"
    ) from error

__all__ = ["PointsMetric", "SumsMetric"]

_BITS = 64


class SumsMetric(Metric):
    """A metric that follows from sums over samples; the state is ``(cells, parts)`` float64."""

    is_differentiable = False
    full_state_update = False
    sums: Tensor
    instance: Tensor
    prototype_ids: Tensor
    prototypes: Tensor

    def __init__(self, combine: Combine, *, parts: int, cells: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._combine = combine
        zero = torch.zeros(cells, parts, dtype=torch.float64)
        self.add_state("sums", default=zero, dist_reduce_fx="sum")
        # a MetricCollection takes metrics for one whose states are equal after the first batch,
        # as those of two measures are that both find no mistake there
        number = secrets.randbits(_BITS)
        bits = torch.tensor([number >> place & 1 for place in range(_BITS)])
        self.add_state("instance", default=bits, dist_reduce_fx="max")

    def _add(
        self, sums: Callable[..., Sums], first: Tensor, target: Tensor, *args: Any, **options: Any
    ) -> None:
        """Add ``sums(first, target, ...)`` of a batch; one without samples adds nothing."""
        if not _has_rows(first, target):
            return
        batch = sums(first, target, *args, **options)
        self.sums += batch.total().to(self.sums.device)

    def _keep_prototypes(self, ids: Tensor, points: Tensor, taxonomy: Taxonomy) -> None:
        """For metrics against prototypes: they move with ``.to()``, but are no state."""
        points = as_points(points, "prototypes")
        ids = as_ids(ids, "prototype_ids", taxonomy).to(points.device)
        same_length(prototype_ids=ids, prototypes=points)
        self.register_buffer("prototype_ids", ids, persistent=False)
        self.register_buffer("prototypes", points, persistent=False)

    def compute(self) -> Tensor:
        """The metric so far, a 0-dim float64."""
        return self._combine(self.sums)


class PointsMetric(Metric):
    """A metric of all points together, which are therefore kept, in float64.

    Under distributed training the points of all processes are gathered in ``compute``, the
    processes may hold different numbers of them, and some none at all.

    Calling the metric, ``metric(points, labels)``, also computes the value of that batch alone.
    Where it has none, as without points, that raises and loses the points seen before: use
    ``update`` and ``compute``.
    """

    is_differentiable = False
    full_state_update = False
    manifold: Manifold
    # while processes are put together these are a single tensor each
    coordinates: list[Tensor]
    labels: list[Tensor]
    ambient: Tensor
    _kept: ClassVar[dict[str, torch.dtype]] = {"coordinates": torch.float64, "labels": torch.int64}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # flat, so that a process without points can take part without knowing their width
        for name in self._kept:
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self.add_state("ambient", torch.zeros((), dtype=torch.int64), dist_reduce_fx="max")

    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Add points ``(n, ambient)`` with their node ids ``(n,)``; ``n`` may be 0."""
        if not _has_rows(embeddings, labels):
            return
        points = as_points(embeddings, "embeddings").to(self.device, torch.float64)
        ids = self._ids(labels).to(self.device)
        same_length(embeddings=points, labels=ids)
        width = int(self.ambient)
        if width not in (0, points.shape[1]):
            raise ValueError(
                f"embeddings has points of {points.shape[1]} coordinates, those before had {width}"
            )
        self.ambient = torch.full_like(self.ambient, points.shape[1])
        self.coordinates.append(points.flatten())
        self.labels.append(ids)

    def _ids(self, labels: Tensor) -> Tensor:
        """The labels of a batch, checked."""
        return as_ids(labels, "labels")

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """As in torchmetrics; a process without points offers an empty share of them."""
        for name in self._kept:
            state = getattr(self, name)
            if isinstance(state, list) and not state:
                state.append(self._whole(name))
        super().sync(*args, **kwargs)

    def _whole(self, name: str) -> Tensor:
        """A state as one tensor, which it is already where processes have been put together."""
        state = getattr(self, name)
        if not isinstance(state, list):
            return state
        if not state:
            return torch.empty(0, dtype=self._kept[name], device=self.device)
        return torch.cat(state)

    def _geometry(self) -> Manifold:
        """The manifold where the points are: with ``compute_on_cpu`` not where the metric is."""
        return beside(self._whole("labels"), self.manifold)

    def _seen(self) -> tuple[Tensor, Tensor]:
        """All points and labels so far; raises where there is none."""
        labels = self._whole("labels")
        if not labels.numel():
            raise ValueError(f"{type(self).__name__} has not seen any points yet")
        return self._whole("coordinates").view(-1, int(self.ambient)), labels


def _has_rows(*batch: Tensor) -> bool:
    return any(torch.as_tensor(part).shape[:1] != (0,) for part in batch)
