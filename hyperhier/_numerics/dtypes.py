"""What each dtype can hold, and the dtype in which geometry is computed.

**The precision policy of the library, in one place.** Inputs may be float16, bfloat16,
float32 or float64, and results come back in the dtype that was given. In between,

* ``"accurate"`` (the default) computes in float64, where the few sums that cancel are taken
  with their rounding errors (:mod:`hyperhier._numerics.compensated`): float32 loses nothing
  but the final rounding, and float64 a few units in the last place;
* ``"fast"`` computes in the dtype of the input, but at least in float32, and sums of float32
  are plain. The formulas are the same; their errors grow with the radius, and points of
  the hyperboloid end at radius 36. Under autocast it is float64 as before, because autocast would
  take float32 products down to half precision. On float64 inputs both are the same.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = [
    "WORKING_DTYPE",
    "Precision",
    "eps_of",
    "in_working_precision",
    "largest_exponent",
    "max_of",
    "tiny_of",
]

Precision = Literal["accurate", "fast"]

#: the dtype of accurate arithmetic, and of the state of optimizers
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


def largest_exponent(dtype: torch.dtype) -> float:
    """cosh and sinh of this, and their squares, are finite in a working dtype."""
    return 350.0 if dtype == torch.float64 else 40.0


def in_working_precision(
    *tensors: Tensor, precision: Precision = "accurate"
) -> tuple[tuple[Tensor, ...], torch.dtype]:
    """The tensors in the dtype to compute in, and the dtype to return a result in.

    The latter is the promoted dtype of the inputs. Integers are refused, because a distance
    rounded to an integer is never what was meant.

    >>> (x,), dtype = in_working_precision(torch.ones(2, dtype=torch.float16))
    >>> x.dtype, dtype
    (torch.float64, torch.float16)
    >>> in_working_precision(torch.ones(2), precision="fast")[0][0].dtype
    torch.float32
    """
    dtype = tensors[0].dtype
    for t in tensors[1:]:
        dtype = torch.promote_types(dtype, t.dtype)
    if not dtype.is_floating_point:
        raise TypeError(f"geometry needs a real floating dtype, got {dtype}")
    work = WORKING_DTYPE
    if precision == "fast" and not torch.is_autocast_enabled(tensors[0].device.type):
        work = torch.promote_types(dtype, torch.float32)
    return tuple(t.to(work) for t in tensors), dtype
