"""Riemannian Adam."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.optim._base import Params, RiemannianOptimizer, decay_gradient
from hyperhier.optim._options import check_betas, check_not_negative

__all__ = ["RiemannianAdam"]


class RiemannianAdam(RiemannianOptimizer):
    r"""Adam along geodesics (Becigneul and Ganea 2019, arXiv 1810.00760).

    With :math:`g` the Riemannian gradient (plus weight decay), :math:`\langle g, g\rangle_x`
    its squared length and :math:`P` parallel transport from the old point to the new,

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g,\quad
        v \leftarrow \beta_2 v + (1 - \beta_2) \langle g, g\rangle_x,\quad
        x' = \exp_x\Big(-\mathrm{lr}\, \frac{m / (1 - \beta_1^t)}
                        {\sqrt{v / (1 - \beta_2^t)} + \epsilon}\Big),\quad
        m \leftarrow P_{x \to x'}\, m.

    Each point counts as one factor of the product manifold of the paper, so it has one
    second moment; on plain and Euclidean parameters every coordinate has its own, and the
    steps agree with :class:`torch.optim.Adam` in every option. AMSGrad takes the running
    maximum of :math:`v` before its bias correction, as torch does.

    Args:
        params: a module, an iterable of parameters and modules, or group dicts (see
            :class:`~hyperhier.optim._base.RiemannianOptimizer`).
        lr: learning rate, a number or a 1-element tensor.
        betas, eps, weight_decay, amsgrad, maximize: as in torch.
        decoupled_weight_decay: add the decay to the step instead of the gradient (AdamW).
        decay: what weight decay means on a curved manifold, ``"geodesic"`` or ``"ambient"``
            (see :func:`~hyperhier.optim._base.decay_gradient`).
        check_finite: raise on a gradient that is not finite, before anything changes.
        foreach, capturable, differentiable, fused: only off; anything else raises
            ``ValueError``.

    Raises:
        ValueError: for a value out of range or an option that is not supported.
        ManifoldError: if a parameter holds a point off its manifold.

    >>> from hyperhier.manifolds import PoincareBall
    >>> from hyperhier.nn import ManifoldParameter
    >>> m = PoincareBall()
    >>> point = ManifoldParameter(torch.zeros(1, 2), m)
    >>> target = m.from_features(torch.tensor([[1.0, -2.0]]))
    >>> optimizer = RiemannianAdam(point, lr=0.1)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     loss = m.dist(point(), target).square().sum()
    ...     loss.backward()
    ...     optimizer.step()
    >>> bool(m.dist(point(), target) < 1e-3)
    True
    """

    _tangents = ("exp_avg",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        decay: str = "geodesic",
        check_finite: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "decay": decay,
            "check_finite": check_finite,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        check_not_negative(group, "eps")
        group["betas"] = check_betas(group["betas"])

    def _update(
        self, manifold: Any, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        lr, (beta1, beta2), decay = float(group["lr"]), group["betas"], group["weight_decay"]
        pull = decay_gradient(manifold, x, group["decay"]) if decay else None
        if pull is not None and not group["decoupled_weight_decay"]:
            g = torch.add(g, pull, alpha=float(decay))

        m, v, step = self._moments(state, g)
        m = torch.lerp(m, g, 1 - beta1)
        v = (beta2 * v).add_(manifold.component_inner(x, g), alpha=1 - beta2)
        state["exp_avg_sq"] = v
        if group["amsgrad"]:
            v = torch.maximum(state.get("max_exp_avg_sq", v), v)
            state["max_exp_avg_sq"] = v

        scale = lr / (1 - beta1**step)
        denominator = (v.sqrt() / (1 - beta2**step) ** 0.5).add_(group["eps"])
        direction = (m / denominator).mul_(-scale)
        if pull is not None and group["decoupled_weight_decay"]:
            direction = direction.add_(pull, alpha=-lr * float(decay))
        x, state["exp_avg"] = manifold.retr_transp(x, direction, m)
        return x

    @staticmethod
    def _moments(state: dict[str, Any], g: Tensor) -> tuple[Tensor, Tensor, float]:
        """First and second moment and the number of this step, started at 0 on demand."""
        if "step" not in state:
            # a tensor on the CPU, as torch.optim.Adam keeps it, so that checkpoints exchange
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(g)
            state["exp_avg_sq"] = torch.zeros_like(g)
        state["step"] = torch.as_tensor(state["step"], dtype=torch.float32) + 1
        return state["exp_avg"], state["exp_avg_sq"], state["step"].item()
