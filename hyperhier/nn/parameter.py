"""A trainable set of points, together with the manifold they lie on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.errors import ManifoldError
from hyperhier.manifolds import Manifold, as_manifold
from hyperhier.nn._registry import forget, register

__all__ = ["ManifoldParameter"]


class ManifoldParameter(nn.Module):
    """Trainable points of a manifold: a plain ``nn.Parameter`` and the manifold beside it.

    The weight is an ordinary parameter, so ``deepcopy``, ``pickle``, ``state_dict`` and
    DDP need nothing special. The optimizers of :mod:`hyperhier.optim` find its manifold
    from the module, and from the bare weight in ``model.parameters()`` alike. A learnable
    curvature is a parameter of :attr:`manifold` and hence of this module. A conversion of
    dtype (``.half()``, ``.double()``) puts the points on the manifold again.

    Args:
        data: points, shape ``(*batch, ambient)``, floating dtype; copied.
        manifold: a hyperhier or geoopt manifold.
        requires_grad: whether the points are trained.
        project: take ``manifold.projx(data)`` instead of requiring points.

    Raises:
        TypeError: if ``data`` is no real floating tensor.
        ManifoldError: if a point is off the manifold (unless ``project``).

    >>> from hyperhier.manifolds import PoincareBall
    >>> prototypes = ManifoldParameter(torch.zeros(5, 2), PoincareBall())
    >>> prototypes().shape
    torch.Size([5, 2])
    >>> ManifoldParameter(torch.ones(1, 2), PoincareBall(), project=True)().norm() < 1
    tensor(True)
    """

    weight: nn.Parameter
    manifold: Manifold

    def __init__(
        self,
        data: Tensor,
        manifold: Any,
        requires_grad: bool = True,
        *,
        project: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(data, Tensor):
            raise TypeError(f"data must be a tensor of points, got {type(data).__name__}")
        if not data.is_floating_point():
            raise TypeError(f"data must have a real floating dtype, got {data.dtype}")
        if data.dim() == 0:
            raise ManifoldError("data must be of shape (*batch, ambient), got a 0-dim tensor")
        self.manifold = as_manifold(manifold)
        with torch.no_grad():
            points = self.manifold.projx(data) if project else data
            if not points.is_meta:
                self.manifold.assert_check_point_on_manifold(points)
            points = points.detach().clone()
        self.weight = nn.Parameter(points, requires_grad=requires_grad)

    def forward(self) -> Tensor:
        """The points, shape ``(*batch, ambient)``."""
        return self.weight

    def extra_repr(self) -> str:
        return f"shape={tuple(self.weight.shape)}, dtype={self.weight.dtype}"

    # Everything below keeps the registry true when the weight object is replaced. A weak
    # reference would forbid torch.utils.swap_tensors, hence it is dropped meanwhile.

    def _register(self) -> None:
        weight, manifold = self._parameters.get("weight"), self._modules.get("manifold")
        if weight is not None and manifold is not None:
            register(weight, manifold)  # type: ignore[arg-type]

    def _forget(self) -> None:
        weight = self._parameters.get("weight")
        if weight is not None:
            forget(weight)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("weight", "manifold"):
            self._register()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._register()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ManifoldParameter:
        before = self.weight.dtype
        self._forget()
        try:
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        finally:
            self._register()
        if self.weight.dtype != before and not self.weight.is_meta:
            with torch.no_grad():  # a point rounded to another dtype is a point no longer
                self.weight.copy_(self.manifold.projx(self.weight.detach()))
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._forget()
        try:
            super()._load_from_state_dict(*args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            self._register()
