"""What each dtype can hold, and the dtype in which geometry is computed."""

from __future__ import annotations

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


def in_working_precision(*tensors: Tensor) -> tuple[tuple[Tensor, ...], torch.dtype]:
    """The tensors in float64, and the dtype to return a result in.

    That is the promoted dtype of the inputs. Integers are refused, because a distance
    rounded to an integer is never what was meant.

    >>> (x,), dtype = in_working_precision(torch.ones(2, dtype=torch.float16))
    >>> x.dtype, dtype
    (torch.float64, torch.float16)
    """
    dtype = tensors[0].dtype
    for t in tensors[1:]:
        dtype = torch.promote_types(dtype, t.dtype)
    if not dtype.is_floating_point:
        raise TypeError(f"geometry needs a real floating dtype, got {dtype}")
    return tuple(t.to(WORKING_DTYPE) for t in tensors), dtype
