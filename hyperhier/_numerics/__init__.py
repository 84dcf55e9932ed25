"""Per-dtype constants and numerically stable scalar functions.

The precision policy of the library stands in :mod:`hyperhier._numerics.dtypes`.
"""

from hyperhier._numerics.compensated import (
    one_minus_scaled_square,
    part_across,
    two_product,
)
from hyperhier._numerics.dtypes import (
    Precision,
    eps_of,
    in_working_precision,
    largest_exponent,
    max_of,
    tiny_of,
)
from hyperhier._numerics.functions import (
    asinh_ratio,
    atan_ratio,
    cos_root,
    cosh_root,
    safe_norm,
    safe_sqrt,
    sin_ratio,
    sinh_ratio,
    sinh_share,
    stable_asinh,
    tanh_ratio,
    unit_vector,
)
from hyperhier._numerics.matrix import data_dependent_allowed, repair_entries

__all__ = [
    "Precision",
    "asinh_ratio",
    "atan_ratio",
    "cos_root",
    "cosh_root",
    "data_dependent_allowed",
    "eps_of",
    "in_working_precision",
    "largest_exponent",
    "max_of",
    "one_minus_scaled_square",
    "part_across",
    "repair_entries",
    "safe_norm",
    "safe_sqrt",
    "sin_ratio",
    "sinh_ratio",
    "sinh_share",
    "stable_asinh",
    "tanh_ratio",
    "tiny_of",
    "two_product",
    "unit_vector",
]
