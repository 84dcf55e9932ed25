"""What every reader produces before it is split and checked."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Draft"]


@dataclass
class Draft:
    """Images with labels, where sides of the split may still be missing.

    ``split`` is None if the source says nothing about it.
    """

    images: Tensor
    labels: list[int]
    split: list[str] | None
    groups: list[str] | None
    ids: list[str]
