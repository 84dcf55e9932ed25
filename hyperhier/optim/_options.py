"""Checks of optimizer options: every value is used or refused, none is ignored."""

from __future__ import annotations

from numbers import Real
from typing import Any

from torch import Tensor

__all__ = [
    "DECAYS",
    "as_number",
    "check_betas",
    "check_choice",
    "check_lr",
    "check_not_negative",
    "drop_unsupported",
    "take_unsupported",
]

#: the meanings of weight decay on a curved manifold
DECAYS = ("geodesic", "ambient")

#: options of torch's optimizers that only speed up or record flat arithmetic
UNSUPPORTED = ("foreach", "fused", "capturable", "differentiable")

_LABELS = {"lr": "learning rate", "eps": "epsilon value"}


def as_number(name: str, value: Any) -> float:
    """The value as a float; 1-element tensors count as numbers."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element, got shape {tuple(value.shape)}")
        if value.requires_grad:
            raise ValueError(
                f"{name} requires a gradient, but differentiable steps are not supported"
            )
        return float(value.item())
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def check_not_negative(group: dict[str, Any], name: str) -> None:
    """Refuse negative and NaN values of the option ``name``."""
    if not as_number(name, group[name]) >= 0.0:
        raise ValueError(f"Invalid {_LABELS.get(name, name + ' value')}: {group[name]}")


def check_lr(group: dict[str, Any]) -> None:
    """The learning rate may stay a tensor, so that a scheduler can fill it in place."""
    check_not_negative(group, "lr")


def check_betas(betas: Any) -> tuple[float, float]:
    """Two numbers in [0, 1)."""
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ValueError(f"betas must be two numbers, got {betas!r}") from None
    pair = as_number("betas[0]", first), as_number("betas[1]", second)
    for index, beta in enumerate(pair):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
    return pair


def check_choice(group: dict[str, Any], name: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of ``choices``."""
    if group[name] not in choices:
        expected = " or ".join(repr(c) for c in choices)
        raise ValueError(f"{name} must be {expected}, got {group[name]!r}")


def take_unsupported(owner: str, group: dict[str, Any]) -> None:
    """Remove the options that only torch's own optimizers have; refuse them if switched on."""
    for name in UNSUPPORTED:
        if group.pop(name, None):
            raise ValueError(f"{owner} does not support {name}=True; leave it out or off")


def drop_unsupported(group: dict[str, Any]) -> None:
    """Remove those options from a loaded group: a saved speed setting binds nobody."""
    for name in UNSUPPORTED:
        group.pop(name, None)
