"""The samples of earlier batches, as further candidates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.losses._gather import gather_batch

__all__ = ["Memory"]


class Memory(nn.Module):
    """The last ``size`` samples, newest first, without gradient.

    Attributes:
        points: buffer ``(n, a)``, n <= size.
        labels: buffer ``(n,)`` int64.
    """

    points: Tensor
    labels: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ValueError(f"memory must be a whole number >= 0, got {size!r}")
        self.size = size
        # without a memory there is nothing to save: a loss without one has an empty state
        self.register_buffer("points", torch.zeros(0, 0), persistent=size > 0)
        self.register_buffer("labels", torch.zeros(0, dtype=torch.long), persistent=size > 0)

    def content(self) -> tuple[Tensor, Tensor]:
        """Points ``(n, a)`` and labels ``(n,)``."""
        return self.points, self.labels

    @torch.no_grad()
    def add(self, embeddings: Tensor, labels: Tensor | None) -> None:
        """Take in a batch: embeddings ``(B, a)`` or ``(B, V, a)``, labels as of a loss."""
        if labels is None:
            raise ValueError("a memory needs labels")
        labels = torch.as_tensor(labels, device=embeddings.device)
        labels = labels if labels.dim() == 1 else labels[:, -1]
        views = 1 if embeddings.dim() == 2 else embeddings.shape[1]
        points = embeddings.reshape(-1, embeddings.shape[-1])
        points, labels = gather_batch(points, labels.long().repeat_interleave(views))
        if len(self.points):
            points = torch.cat((points, self.points.to(points)))
            labels = torch.cat((labels, self.labels.to(labels.device)))
        self.points, self.labels = points[: self.size].clone(), labels[: self.size].clone()

    def reset(self) -> None:
        """Forget every sample."""
        self.points, self.labels = self.points[:0], self.labels[:0]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name in ("points", "labels"):
            stored = state_dict.get(prefix + name)
            if stored is not None:
                own = getattr(self, name)
                setattr(self, name, torch.zeros_like(stored, device=own.device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def extra_repr(self) -> str:
        return f"size={self.size}"
