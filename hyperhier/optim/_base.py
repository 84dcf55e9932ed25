"""What the Riemannian optimizers share: parameters, precision and state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hyperhier._numerics.dtypes import WORKING_DTYPE
from hyperhier.errors import ManifoldError
from hyperhier.manifolds import as_manifold
from hyperhier.optim._options import (
    DECAYS,
    check_choice,
    check_lr,
    check_not_negative,
    drop_unsupported,
    take_unsupported,
)
from hyperhier.optim._params import Params, Placement, collect, label, place, tensors

__all__ = ["Params", "RiemannianOptimizer", "decay_gradient"]


class _Flat:
    """The manifold operations of plain parameters, without the detour through float64."""

    @staticmethod
    def egrad2rgrad(x: Tensor, u: Tensor) -> Tensor:
        return u

    @staticmethod
    def component_inner(x: Tensor, u: Tensor) -> Tensor:
        return u * u

    @staticmethod
    def retr(x: Tensor, u: Tensor) -> Tensor:
        return x + u

    @staticmethod
    def retr_transp(x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return x + u, v


_FLAT = _Flat()


def decay_gradient(manifold: Any, x: Tensor, form: str) -> Tensor:
    r"""The Riemannian gradient that weight decay adds, for a decay of 1.

    ``"geodesic"``: the gradient of :math:`\tfrac12 d(x, o)^2`, that is
    :math:`-\log_x o`: a pull to the origin as strong as the distance from it, the same in
    every model of a space. ``"ambient"``, as in geoopt: the gradient of
    :math:`\tfrac12 |x|^2` in ambient coordinates, which vanishes at the rim of the ball and
    grows like :math:`e^{2r}` on the hyperboloid. In flat space both are ``x``. A positively
    curved space has no preferred origin; there both are the ambient form, which is 0 on the
    sphere.
    """
    if manifold is _FLAT:
        return x
    if form == "ambient" or manifold.sectional_curvature > 0:
        return manifold.egrad2rgrad(x, x)
    return -manifold.logmap(x, manifold.origin(*x.shape, dtype=x.dtype, device=x.device))


#: entries of a block of points: what a step makes of them stays in the cache of a core
BLOCK = 1 << 17


def _blocks(p: Tensor, manifold: Any) -> Iterator[Any]:
    """Rows of the parameter to step at once: all of them, if there are few or on a GPU."""
    if manifold is _FLAT or p.dim() < 2 or p.numel() <= 2 * BLOCK or p.device.type != "cpu":
        yield Ellipsis
        return
    rows = max(1, BLOCK * len(p) // p.numel())
    for start in range(0, len(p), rows):
        yield slice(start, start + rows)


def _is_step(key: str, value: Any) -> bool:
    return key == "step" or not isinstance(value, Tensor)


class RiemannianOptimizer(Optimizer):
    """Moves points of manifolds along geodesics and plain parameters as torch does.

    ``params`` is a module, an iterable of modules, parameters and ``(name, parameter)``
    pairs, or an iterable of group dicts whose ``"params"`` is any of those. A parameter's
    manifold is found through the :class:`~hyperhier.nn.ManifoldParameter` that owns it, from
    a ``manifold`` attribute of its own (geoopt), or from the key ``"manifold"`` of its group,
    which applies to every parameter of that group. :meth:`describe` shows the outcome.

    Precision: steps of points run in float64 (unless the manifold's ``precision`` is
    ``"fast"``), their state stays float64, and the result is rounded to the parameter's dtype
    and put back on the manifold. Plain parameters are
    updated in their dtype; half-precision ones in float32, with float32 state.

    A learnable curvature is a plain parameter. After each step the points of a manifold
    whose parameters are trained are projected on the manifold of the new curvature.
    """

    #: names of the state entries that are tangent vectors at the point
    _tangents: tuple[str, ...] = ()

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self._placements: dict[Tensor, Placement] = {}
        take_unsupported(type(self).__name__, defaults)
        self._check_options(defaults)
        if isinstance(params, (set, frozenset)):
            raise TypeError("parameters must come in an ordered collection, not in a set")
        given: Any = [params] if isinstance(params, nn.Module) else params
        super().__init__(given, defaults)

    @abstractmethod
    def _update(
        self, manifold: Any, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        """The next point after ``x``, where the Riemannian gradient is ``g``."""

    def _check_options(self, group: dict[str, Any]) -> None:
        """Raise unless every option of a group has a value that can be used."""
        check_lr(group)
        check_not_negative(group, "weight_decay")
        check_choice(group, "decay", DECAYS)

    # ------------------------------------------------------------------------ parameters

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, as in torch; ``"params"`` may also hold modules."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(f"param_group needs the key 'params', got {sorted(param_group)}")
        group = {**self.defaults, **param_group}
        take_unsupported(type(self).__name__, group)
        self._check_options(group)
        of_group = group.pop("manifold", None)
        of_group = None if of_group is None else as_manifold(of_group)

        given = group["params"]
        given = given if isinstance(given, (Tensor, nn.Module, set)) else list(given)
        named, from_modules = collect(given)
        if not named and (isinstance(given, nn.Module) or given):
            raise ValueError(f"parameter group {len(self.param_groups)} holds no parameters")
        placements: dict[Tensor, Placement] = {}
        for name, parameter in named:
            if parameter in self._placements:
                raise ValueError(f"parameter {name!r} appears in more than one parameter group")
            known = from_modules.get(id(parameter))
            placements[parameter] = place(name, parameter, known, of_group)
        paired = isinstance(given, list) and all(isinstance(item, tuple) for item in given)
        group["params"] = named if paired and given else [p for _, p in named]
        super().add_param_group(group)
        self._placements.update(placements)

    def describe(self) -> str:
        """A table of all parameters: where each lives and how fast it learns."""
        rows = [("parameter", "shape", "dtype", "manifold", "group", "lr")]
        for number, p, group in tensors(self.param_groups):
            at = self._placements[p]
            home = "-" if at.manifold is None else label(at.manifold)
            dtype = str(p.dtype).removeprefix("torch.")
            rate = f"{float(group['lr']):g}"
            rows.append((at.name, str(tuple(p.shape)), dtype, home, str(number), rate))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    # ------------------------------------------------------------------------------ step

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step; returns what ``closure`` returns, if it is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        due = [(p, group) for _, p, group in tensors(self.param_groups) if p.grad is not None]
        for p, group in due:
            self._check_gradient(p, group)
        # points first: their gradients belong to the curvature before this step
        for p, group in sorted(due, key=lambda entry: self._manifold(entry[0]) is None):
            self._step_parameter(p, group)
        self._follow_curvature()
        return loss

    def _manifold(self, p: Tensor) -> Any:
        return self._placements[p].manifold

    def _check_gradient(self, p: Tensor, group: dict[str, Any]) -> None:
        assert p.grad is not None
        name = self._placements[p].name
        if p.grad.is_sparse:
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients (parameter {name!r})"
            )
        if group["check_finite"] and not bool(p.grad.isfinite().all()):
            count = int((~p.grad.isfinite()).sum())
            raise ManifoldError(
                f"the gradient of parameter {name!r} has {count} entries of {p.grad.numel()} "
                "that are not finite; no parameter was changed"
            )

    def _step_parameter(self, p: Tensor, group: dict[str, Any]) -> None:
        home, dtype, state = self._manifold(p), self._state_dtype(p), self.state[p]
        manifold: Any = _FLAT if home is None else home
        for key in state.keys() - {"step"}:  # the module may have been converted meanwhile
            if isinstance(state[key], Tensor):
                state[key] = state[key].to(p.device, dtype)

        before = dict(state)
        for rows in _blocks(p, manifold):
            part = {k: v if _is_step(k, v) else v[rows] for k, v in before.items()}
            x, g = p.detach()[rows].to(dtype), p.grad[rows].to(dtype)  # type: ignore[index]
            g = manifold.egrad2rgrad(x, -g if group["maximize"] else g)
            x = self._update(manifold, x, g, part, group).to(p.dtype)
            if manifold is not _FLAT and p.dtype != dtype:
                x = manifold.projx(x)  # rounding took the points off the manifold
            p[rows] = x
            for key, value in part.items():
                if _is_step(key, value) or rows is Ellipsis:
                    state[key] = value
                else:
                    if key not in state:
                        state[key] = value.new_empty(p.shape)
                    state[key][rows] = value

    def _follow_curvature(self) -> None:
        """Put points back on manifolds whose curvature is trained."""
        for p, placement in self._placements.items():
            manifold = placement.manifold
            if manifold is None or not any(c.requires_grad for c in manifold.parameters()):
                continue
            p.copy_(manifold.projx(p.detach()))
            state = self.state.get(p, {})
            for key in self._tangents:
                if key in state:
                    state[key] = manifold.proju(p.detach().to(state[key].dtype), state[key])

    # ----------------------------------------------------------------------------- state

    def _state_dtype(self, p: Tensor) -> torch.dtype:
        """The dtype of the arithmetic on ``p``, and of all its state but the step count."""
        home = self._manifold(p)
        if home is None or home.precision == "fast":
            return torch.promote_types(p.dtype, torch.float32)
        return WORKING_DTYPE

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_placements": self._placements}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a checkpoint of torch.optim lacks some, has others
            drop_unsupported(group)
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what :meth:`state_dict` gave; moments keep the precision they were saved in."""
        super().load_state_dict(state_dict)
        # torch rounded every floating state tensor to the dtype of its parameter
        saved = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        for key, (_, p, _) in zip(saved, tensors(self.param_groups), strict=True):
            for name, value in state_dict["state"].get(key, {}).items():
                if isinstance(value, Tensor) and name != "step":
                    self.state[p][name] = value.to(p.device, self._state_dtype(p), copy=True)
