"""Which manifold a bare tensor lives on.

``model.parameters()`` yields tensors without their modules. So that an optimizer given
only those still finds every manifold, each :class:`~hyperhier.nn.ManifoldParameter` enters
its weight here, and again whenever the weight is replaced (copy, unpickling, conversion,
``load_state_dict(assign=True)``). Tensors are held weakly, manifolds strongly: an entry
lives exactly as long as its tensor, even when the owning module is gone.
"""

from __future__ import annotations

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from hyperhier.manifolds import Manifold, as_manifold

__all__ = ["forget", "manifold_of", "register"]

_MANIFOLDS = WeakIdKeyDictionary()


def register(tensor: Tensor, manifold: Manifold) -> None:
    """Remember that ``tensor`` holds points of ``manifold``."""
    _MANIFOLDS[tensor] = manifold


def forget(tensor: Tensor) -> None:
    """Drop what is known of ``tensor``."""
    _MANIFOLDS.pop(tensor, None)


def manifold_of(tensor: Tensor) -> Manifold | None:
    """The manifold whose points a parameter holds, or None for a plain tensor.

    Knows the weight of every :class:`~hyperhier.nn.ManifoldParameter`, and tensors with a
    ``manifold`` attribute of their own, such as geoopt's. A copy of a bare weight (not of
    its module) is a plain tensor.

    >>> import torch
    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.nn import ManifoldParameter
    >>> poles = ManifoldParameter(torch.eye(3), Sphere())
    >>> manifold_of(poles.weight) is poles.manifold
    True
    >>> manifold_of(torch.eye(3)) is None
    True
    """
    known: Manifold | None = _MANIFOLDS.get(tensor)
    if known is not None:
        return known
    attached = getattr(tensor, "manifold", None)
    return None if attached is None else as_manifold(attached)
