"""What each dtype can hold, and the dtype in which geometry is computed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["WORKING_DTYPE", "eps_of", "in_working_precision", "max_of", "tiny_of"]

#: the dtype of all arithmetic inside the manifolds
WORKING_DTYPE = torch.float64


def eps_of(dtype: torch.dtype) -> float:
    """Distance from 1 to the next number of ``dtype``."""
    return torch.finfo(dtype).eps


def tiny_of(dtype: torch.dtype) -> float:
    """Smallest positive normal number of ``dtype``."""
    return torch.finfo(dtype).tiny


def max_of(dtype: torch.dtype) -> float:
    """Largest finite number of ``dtype``."""
    return torch.finfo(dtype).max


def in_working_precision(
    *tensors: Tensor,
) -> tuple[tuple[Tensor, ...], Callable[[Tensor], Tensor]]:
    """The tensors in float64, and the cast that brings a result back.

    The result's dtype is the promoted dtype of the inputs. Integers are refused, because a
    distance rounded to an integer is never what was meant.

    >>> (x,), restore = in_working_precision(torch.ones(2, dtype=torch.float16))
    >>> x.dtype, restore(x / 3).dtype
    (torch.float64, torch.float16)
    """
    dtype = tensors[0].dtype
    for t in tensors[1:]:
        dtype = torch.promote_types(dtype, t.dtype)
    if not dtype.is_floating_point:
        raise TypeError(f"geometry needs a real floating dtype, got {dtype}")

    def restore(result: Tensor) -> Tensor:
        return result.to(dtype)

    return tuple(t.to(WORKING_DTYPE) for t in tensors), restore
