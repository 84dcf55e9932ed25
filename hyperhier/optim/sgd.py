"""Riemannian stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.optim._base import Params, RiemannianOptimizer, decay_gradient
from hyperhier.optim._options import as_number, check_not_negative

__all__ = ["RiemannianSGD"]


class RiemannianSGD(RiemannianOptimizer):
    r"""SGD with momentum along geodesics.

    With :math:`g` the Riemannian gradient (plus weight decay), :math:`\mu` the momentum,
    :math:`\tau` the dampening and :math:`P` parallel transport from the old point to the new,

    .. math::
        b \leftarrow \mu b + (1 - \tau) g,\quad
        x' = \exp_x(-\mathrm{lr}\, b),\quad
        b \leftarrow P_{x \to x'}\, b,

    and :math:`g + \mu b` in place of :math:`b` in the step for Nesterov momentum. The first
    gradient enters undamped, :math:`b = g`, as in :class:`torch.optim.SGD`, with which plain
    and Euclidean parameters agree in every option. Source: Bonnabel 2013, arXiv 1111.5280;
    the transported momentum is a reconstruction. geoopt starts from
    :math:`b = \mu \nabla f + (1 - \tau) g` with the Euclidean :math:`\nabla f`; the two
    agree for zero momentum.

    Args:
        params: a module, an iterable of parameters and modules, or group dicts (see
            :class:`~hyperhier.optim._base.RiemannianOptimizer`).
        lr: learning rate, a number or a 1-element tensor.
        momentum, dampening, weight_decay, nesterov, maximize: as in torch.
        decay: what weight decay means on a curved manifold, ``"geodesic"`` or ``"ambient"``
            (see :func:`~hyperhier.optim._base.decay_gradient`).
        check_finite: raise on a gradient that is not finite, before anything changes.
        foreach, differentiable, fused: only off; anything else raises ``ValueError``.

    Raises:
        ValueError: for a value out of range or an option that is not supported.
        ManifoldError: if a parameter holds a point off its manifold.

    >>> from hyperhier.manifolds import Lorentz
    >>> from hyperhier.nn import ManifoldParameter
    >>> m = Lorentz()
    >>> point = ManifoldParameter(m.origin(1, 3), m)
    >>> target = m.from_features(torch.tensor([[1.0, -2.0]]))
    >>> optimizer = RiemannianSGD(point, lr=0.5)
    >>> for _ in range(30):
    ...     optimizer.zero_grad()
    ...     loss = 0.5 * m.dist(point(), target).square().sum()
    ...     loss.backward()
    ...     optimizer.step()
    >>> bool(m.dist(point(), target) < 1e-6)
    True
    """

    _tangents = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        decay: str = "geodesic",
        check_finite: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "decay": decay,
            "check_finite": check_finite,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        check_not_negative(group, "momentum")
        as_number("dampening", group["dampening"])
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def _update(
        self, manifold: Any, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        lr, momentum = float(group["lr"]), group["momentum"]
        if group["weight_decay"]:
            pull = decay_gradient(manifold, x, group["decay"])
            g = torch.add(g, pull, alpha=float(group["weight_decay"]))
        if not momentum:
            return manifold.retr(x, -lr * g)

        b = state.get("momentum_buffer")
        b = g.clone() if b is None else (momentum * b).add_(g, alpha=1 - group["dampening"])
        direction = torch.add(g, b, alpha=momentum) if group["nesterov"] else b
        x, state["momentum_buffer"] = manifold.retr_transp(x, -lr * direction, b)
        return x
