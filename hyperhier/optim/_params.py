"""Which parameters an optimizer was given, and the manifold of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.errors import ManifoldError
from hyperhier.manifolds import Manifold
from hyperhier.nn import ManifoldParameter, manifold_of

__all__ = ["Params", "Placement", "collect", "label", "place", "tensors"]

#: what an optimizer accepts
Params = nn.Module | Iterable[Any]


@dataclass
class Placement:
    """Where a parameter lives: its name, and its manifold if it has one."""

    name: str
    manifold: Manifold | None


def collect(given: Any) -> tuple[list[tuple[str, Tensor]], dict[int, Manifold]]:
    """Named parameters in order, and the manifolds known from the modules (by tensor id).

    Args:
        given: a tensor, a module, a ``(name, tensor)`` pair, or an iterable of those.

    A parameter that several of the given modules share is taken once.
    """
    if isinstance(given, (set, frozenset)):
        raise TypeError("parameters must come in an ordered collection, not in a set")
    items = [given] if isinstance(given, (Tensor, nn.Module)) else list(given)
    modules = sum(isinstance(item, nn.Module) for item in items)
    named: list[tuple[str, Tensor]] = []
    manifolds: dict[int, Manifold] = {}
    taken: set[int] = set()
    for index, item in enumerate(items):
        if isinstance(item, nn.Module):
            prefix = f"{index}." if modules > 1 else ""
            for name, parameter in item.named_parameters():
                if id(parameter) not in taken:
                    taken.add(id(parameter))
                    named.append((prefix + name, parameter))
            for part in item.modules():
                if isinstance(part, ManifoldParameter):
                    manifolds[id(part.weight)] = part.manifold
        elif isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
            named.append((item[0], item[1]))
        else:
            named.append((f"params[{index}]", item))
    for entry in named:
        _check_parameter(*entry)
    return named, manifolds


def label(manifold: Manifold) -> str:
    """One line that tells which manifold this is."""
    learned = any(p.requires_grad for p in manifold.parameters())
    note = ", learnable" if learned else ""
    return f"{manifold.name}(curvature={manifold.sectional_curvature:g}{note})"


def place(
    name: str, parameter: Tensor, from_module: Manifold | None, of_group: Manifold | None
) -> Placement:
    """The placement of one parameter; its points are checked once, here."""
    own = from_module if from_module is not None else manifold_of(parameter)
    if own is not None and of_group is not None and own is not of_group:
        raise ValueError(
            f"parameter {name!r} lives on {own!r}, but its group says manifold={of_group!r}"
        )
    manifold = own if own is not None else of_group
    if manifold is not None and not parameter.is_meta:
        if not parameter.is_floating_point() or parameter.dim() == 0:
            raise ManifoldError(
                f"parameter {name!r} of shape {tuple(parameter.shape)} and dtype "
                f"{parameter.dtype} cannot hold points of {label(manifold)}"
            )
        with torch.no_grad():
            answer = manifold.check_point_on_manifold(parameter.detach(), explain=True)
        ok, reason = answer if isinstance(answer, tuple) else (answer, None)
        if not ok:
            raise ManifoldError(f"parameter {name!r}: {reason}")
    return Placement(name, manifold)


def _check_parameter(name: str, parameter: Any) -> None:
    if not isinstance(parameter, Tensor):
        raise TypeError(
            f"{name} must be a tensor or a module, got {type(parameter).__name__}; "
            "use either group dicts only or none"
        )
    if parameter.is_complex():
        raise TypeError(f"parameter {name!r} is complex ({parameter.dtype}): not supported")


def tensors(groups: list[dict[str, Any]]) -> Iterator[tuple[int, Tensor, dict[str, Any]]]:
    """Every parameter with the number of its group and the group."""
    for number, group in enumerate(groups):
        for parameter in group["params"]:
            yield number, parameter, group
