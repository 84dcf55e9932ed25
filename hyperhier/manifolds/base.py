"""The contract that every geometry fulfils.

A concrete manifold implements a handful of primitives (``_dist``, ``_expmap``, ...), which
see float64 tensors (float32 ones in fast precision) with the coordinates in the last dimension
and so hold nothing but the formula. The public methods here add what every geometry needs: any
floating dtype, any position of the point dimension, broadcasting, ``keepdim``. Losses, metrics,
embedders and optimizers see only this contract.

Names and keyword arguments follow geoopt, so that geoopt's ``ManifoldParameter`` and
optimizers run on these manifolds unchanged.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, get_args, overload

import torch
from torch import Tensor, nn

from hyperhier._numerics import (
    Precision,
    data_dependent_allowed,
    eps_of,
    in_working_precision,
    max_of,
    repair_entries,
    safe_norm,
    safe_sqrt,
)
from hyperhier.errors import ManifoldError

if TYPE_CHECKING:
    from hyperhier.manifolds.isometry import Isometry

__all__ = ["Manifold"]

#: share of an output rounding that a coarse entry of a distance matrix may be off by
COARSE_SHARE = 0.25
#: in float64 the product itself is the limit: accept this many eps
COARSE_EPS = 64.0
#: tolerance of membership checks, in eps per coordinate
MEMBERSHIP_EPS = 8.0


class Manifold(nn.Module):
    """A Riemannian manifold whose points are the vectors along one tensor dimension.

    Shapes: points are ``(*batch, ambient)``, or have the coordinates in another dimension,
    named by ``dim``. Batch dimensions broadcast. Distances and inner products drop the
    point dimension unless ``keepdim=True``.

    Dtypes: any floating dtype, and the result has the promoted dtype of the inputs. The
    arithmetic inside runs in float64, under autocast too, unless ``precision`` is
    ``"fast"`` (see :mod:`hyperhier._numerics.dtypes`).

    **Must be overridden:** :attr:`sectional_curvature`, :meth:`ambient_dim`,
    :meth:`origin`, and the primitives ``_dist``, ``_expmap``, ``_logmap``, ``_inner``,
    ``_transp``, ``_projx``, ``_proju``, ``_egrad2rgrad``, ``_centroid``,
    ``_from_features``, ``_to_features``, ``_violation``.
    **May be overridden for speed or accuracy:** ``_product_matrix``, ``_coarse_matrix``,
    ``_expmap_transp``, ``_geodesic``, ``_store``, ``_store_vector``, :meth:`component_inner`.
    """

    #: number of trailing dimensions of one point (as in geoopt)
    ndim: int = 1
    #: as in geoopt: gradients and steps need no special care about direction
    reversible: bool = False
    #: short name, used by the command line and in reports
    name: str = "manifold"
    #: whether the cosine of two points is a meaningful similarity here
    supports_cosine: bool = False

    def __init__(self, *, precision: Precision = "accurate") -> None:
        super().__init__()
        if precision not in get_args(Precision):
            raise ManifoldError(
                f"precision must be one of {get_args(Precision)}, got {precision!r}"
            )
        #: ``"accurate"`` or ``"fast"``; may be changed at any time
        self.precision: Precision = precision

    # -------------------------------------------------------------- must be overridden

    @property
    @abstractmethod
    def sectional_curvature(self) -> float:
        """The constant sectional curvature: ``-c`` for the hyperbolic models."""

    @abstractmethod
    def ambient_dim(self, features: int) -> int:
        """Length of the coordinate vector of a point made from ``features`` features."""

    @abstractmethod
    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        """The base point, repeated to ``size``, whose last entry is the ambient length.

        ``seed`` is accepted as in geoopt, and has no effect: the base point is fixed.
        """

    @abstractmethod
    def _dist(self, x: Tensor, y: Tensor) -> Tensor: ...

    @abstractmethod
    def _expmap(self, x: Tensor, u: Tensor) -> Tensor: ...

    @abstractmethod
    def _logmap(self, x: Tensor, y: Tensor) -> Tensor: ...

    @abstractmethod
    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor: ...

    @abstractmethod
    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor: ...

    @abstractmethod
    def _projx(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor: ...

    @abstractmethod
    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor: ...

    @abstractmethod
    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor: ...

    @abstractmethod
    def _from_features(self, z: Tensor) -> Tensor: ...

    @abstractmethod
    def _to_features(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _violation(self, x: Tensor) -> Tensor: ...

    # --------------------------------------------------------- may be overridden

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor | None]:
        """Pairwise distances from a matrix product, and a mask of the doubtful ones.

        Entries whose relative error may exceed ``allowed`` are doubtful; their value and
        gradient must be finite. Without a product form, all pairs are formed directly.
        """
        return self._dist(x.unsqueeze(-2), y.unsqueeze(-3)), None

    def _coarse_matrix(
        self, x: Tensor, y: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor | None]:
        """The same in ``dtype``, and the indices ``(k, batch + 2)`` of the doubtful entries.

        Those are formed again by ``_dist``.
        """
        distance, doubtful = self._product_matrix(x, y, allowed)
        return distance.to(dtype), None if doubtful is None else doubtful.nonzero()

    def _expmap_transp(self, x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The end of ``u``, and ``v`` transported there."""
        y = self._expmap(x, u)
        return y, self._transp(x, y, v)

    def _geodesic(self, t: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The point at parameter t, ``(*batch, 1)``, between x and y."""
        return self._expmap(x, t * self._logmap(x, y))

    def _store(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Round a computed point to ``dtype`` so that it still is a point."""
        return x.to(dtype)

    def _store_vector(self, v: Tensor, dtype: torch.dtype) -> Tensor:
        """Round a computed tangent vector to ``dtype``."""
        return v.to(dtype)

    # ---------------------------------------------------------------------- distances

    def dist(self, x: Tensor, y: Tensor, *, dim: int = -1, keepdim: bool = False) -> Tensor:
        """Geodesic distance.

        Exactly 0, with gradient exactly 0, at coincident points; everywhere else the
        gradient has Riemannian length 1.
        """
        (x, y), dtype = self._enter(dim, x, y)
        return _scalar(self._dist(x, y), dtype, dim, keepdim)

    def dist0(self, x: Tensor, *, dim: int = -1, keepdim: bool = False) -> Tensor:
        """Distance from the origin."""
        (x,), dtype = self._enter(dim, x)
        return _scalar(self._dist(self._origin_like(x), x), dtype, dim, keepdim)

    def dist_matrix(self, x: Tensor, y: Tensor, *, repair: bool = True) -> Tensor:
        """All distances: ``(*batch, n, a)`` and ``(*batch, m, a)`` give ``(*batch, n, m)``.

        A matrix product finds the distances; the few pairs for which it cancels (near or
        coincident ones) are done again exactly, so that every entry is as accurate as
        :meth:`dist` (in float64: to 64 eps). How many they are depends on the data, which
        ``torch.compile`` and ``vmap`` do not allow: there every pair is formed directly, at
        the price of an ``(n, m, a)`` tensor.

        Args:
            x, y: points.
            repair: ``False`` takes the product alone, under ``compile`` and ``vmap`` too.
                Near pairs then come out wrong by up to sqrt(32 eps) cosh(r) for points at
                radius r (in units of the curvature radius), eps being that of the arithmetic
                inside: 8e-8 cosh(r) in float64. Coincident points do not have distance 0.
        """
        (x, y), dtype = self._enter(-1, x, y)
        if not data_dependent_allowed(x, y):
            if repair:
                return self._dist(x.unsqueeze(-2), y.unsqueeze(-3)).to(dtype)
            return self._product_matrix(x, y, 1.0)[0].to(dtype)
        allowed = max(COARSE_SHARE * eps_of(dtype), COARSE_EPS * eps_of(x.dtype))
        coarse, doubtful = self._coarse_matrix(x, y, allowed if repair else 1.0, dtype)
        if not repair or doubtful is None:
            return coarse
        return repair_entries(coarse, doubtful, self._dist, x, y)

    # -------------------------------------------------------------------------- maps

    def expmap(self, x: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """The point reached from ``x`` along the tangent vector ``u`` in unit time."""
        (x, u), dtype = self._enter(dim, x, u)
        return _vector(self._store(self._expmap(x, _moderate(u)), dtype), dim)

    def logmap(self, x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
        """The tangent vector at ``x`` that :meth:`expmap` takes to ``y``."""
        (x, y), dtype = self._enter(dim, x, y)
        return _vector(self._store_vector(self._logmap(x, y), dtype), dim)

    def expmap0(self, u: Tensor, *, dim: int = -1) -> Tensor:
        """:meth:`expmap` at the origin, for ambient tangent vectors there."""
        (u,), dtype = self._enter(dim, u)
        y = self._expmap(self._origin_like(u), _moderate(u))
        return _vector(self._store(y, dtype), dim)

    def logmap0(self, y: Tensor, *, dim: int = -1) -> Tensor:
        """:meth:`logmap` at the origin."""
        (y,), dtype = self._enter(dim, y)
        u = self._logmap(self._origin_like(y), y)
        return _vector(self._store_vector(u, dtype), dim)

    def transp(self, x: Tensor, y: Tensor, v: Tensor, *, dim: int = -1) -> Tensor:
        """Parallel transport of ``v`` from ``x`` to ``y`` along the geodesic."""
        (x, y, v), dtype = self._enter(dim, x, y, v)
        return _vector(self._store_vector(self._transp(x, y, v), dtype), dim)

    def transp0(self, y: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """Parallel transport of ``u`` from the origin to ``y``."""
        (y, u), dtype = self._enter(dim, y, u)
        v = self._transp(self._origin_like(y), y, u)
        return _vector(self._store_vector(v, dtype), dim)

    def transp0back(self, x: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """Parallel transport of ``u`` from ``x`` to the origin."""
        (x, u), dtype = self._enter(dim, x, u)
        v = self._transp(x, self._origin_like(x), u)
        return _vector(self._store_vector(v, dtype), dim)

    def retr(self, x: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """Retraction: here always the exponential map."""
        return self.expmap(x, u, dim=dim)

    def retr_transp(
        self, x: Tensor, u: Tensor, v: Tensor, *, dim: int = -1
    ) -> tuple[Tensor, Tensor]:
        """:meth:`retr` along ``u``, and ``v`` transported there."""
        return self.expmap_transp(x, u, v, dim=dim)

    def expmap_transp(
        self, x: Tensor, u: Tensor, v: Tensor, *, dim: int = -1
    ) -> tuple[Tensor, Tensor]:
        """:meth:`expmap` along ``u``, and ``v`` transported there."""
        (x, u, v), dtype = self._enter(dim, x, u, v)
        y, v = self._expmap_transp(x, _moderate(u), v)
        return _vector(self._store(y, dtype), dim), _vector(self._store_vector(v, dtype), dim)

    def geodesic(self, t: Tensor | float, x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
        """The point at parameter ``t`` of the geodesic with x at 0 and y at 1.

        A tensor ``t`` has the shape of the batch, without the point dimension.
        """
        (x, y), dtype = self._enter(dim, x, y)
        if isinstance(t, Tensor):
            t = t.to(x.dtype).unsqueeze(-1)
        else:
            t = x.new_full((1,), t)
        return _vector(self._store(self._geodesic(t, x, y), dtype), dim)

    # ---------------------------------------------------------------- tangent vectors

    def inner(
        self,
        x: Tensor,
        u: Tensor,
        v: Tensor | None = None,
        *,
        dim: int = -1,
        keepdim: bool = False,
    ) -> Tensor:
        """Riemannian inner product of tangent vectors at ``x`` (``v=None``: of u with u)."""
        (x, u, v), dtype = self._enter(dim, x, u, u if v is None else v)
        return _scalar(self._inner(x, u, v), dtype, dim, keepdim)

    def norm(self, x: Tensor, u: Tensor, *, dim: int = -1, keepdim: bool = False) -> Tensor:
        """Riemannian length of the tangent vector ``u`` at ``x``."""
        (x, u), dtype = self._enter(dim, x, u)
        return _scalar(safe_sqrt(self._inner(x, u, u)), dtype, dim, keepdim)

    def component_inner(
        self, x: Tensor, u: Tensor, v: Tensor | None = None, *, dim: int = -1
    ) -> Tensor:
        """The inner product in the shape of ``u``: what adaptive optimizers average.

        A coordinate-wise form exists only where coordinates are orthonormal; elsewhere the
        inner product of the whole vector stands in every coordinate.
        """
        target = torch.broadcast_shapes(x.shape, u.shape)
        return self.inner(x, u, v, dim=dim, keepdim=True).expand(target)

    def projx(self, x: Tensor, *, dim: int = -1) -> Tensor:
        """The point of the manifold that an ambient vector stands for."""
        (x,), dtype = self._enter(dim, x)
        return _vector(self._store(self._projx(x), dtype), dim)

    def proju(self, x: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """Orthogonal projection of an ambient vector on the tangent space at ``x``."""
        (x, u), dtype = self._enter(dim, x, u)
        v = self._proju(x, u, eps_of(dtype))
        return _vector(self._store_vector(v, dtype), dim)

    def egrad2rgrad(self, x: Tensor, u: Tensor, *, dim: int = -1) -> Tensor:
        """Riemannian gradient from the Euclidean gradient ``u`` in ambient coordinates."""
        (x, u), dtype = self._enter(dim, x, u)
        return _vector(self._store_vector(self._egrad2rgrad(x, u), dtype), dim)

    # ---------------------------------------------------------------- points and means

    def centroid(
        self, x: Tensor, weights: Tensor | None = None, *, dim: int = -2, keepdim: bool = False
    ) -> Tensor:
        """Weighted centre of the points along ``dim``; coordinates stay in the last dimension.

        Euclidean: the arithmetic mean; sphere: the mean, normalised; hyperbolic models: the
        Lorentzian centroid (Law et al. 2019), which is the Einstein midpoint. Where the
        weights add up to 0 (no points, for one) it is the origin.

        Args:
            x: points ``(*batch, n, ambient)``.
            weights: non-negative, broadcastable to ``x.shape[:-1]``; default: all 1.
            dim: the dimension averaged over, counted in ``x`` and never its last.
        """
        (points,), dtype = self._enter(-1, x)
        axis = dim if dim < 0 else dim - x.dim()
        if not -x.dim() <= axis <= -2:
            raise ValueError(f"dim must name a batch dimension of {tuple(x.shape)}, got {dim}")
        if weights is None:
            w = torch.ones(x.shape[:-1], dtype=points.dtype, device=x.device)
        else:
            w = weights.to(points.dtype).expand(x.shape[:-1])
        points, w = points.movedim(axis, -2), w.movedim(axis + 1, -1)
        mean = self._store(self._centroid(points, w), dtype)
        return mean.unsqueeze(axis) if keepdim else mean

    def midpoint(self, x: Tensor, y: Tensor, weight: Tensor | float = 0.5) -> Tensor:
        """Two-point centroid with weight ``1 - weight`` on x and ``weight`` on y.

        ``weight`` is a number or a tensor of the batch's shape.
        """
        x, y = torch.broadcast_tensors(x, y)
        w = torch.as_tensor(weight, dtype=torch.float64, device=x.device).expand(x.shape[:-1])
        return self.centroid(torch.stack((x, y), dim=-2), torch.stack((1 - w, w), dim=-1))

    def from_features(self, z: Tensor, *, dim: int = -1) -> Tensor:
        """Points from unconstrained feature vectors, 0 going to the origin.

        Hyperbolic models read the features as orthonormal tangent coordinates at the
        origin, so that the distance from the origin is the length of the feature vector in
        every model; the sphere takes the direction; Euclidean space takes them as they are.
        """
        (z,), dtype = self._enter(dim, z)
        return _vector(self._store(self._from_features(_moderate(z)), dtype), dim)

    def to_features(self, x: Tensor, *, dim: int = -1) -> Tensor:
        """Features that :meth:`from_features` takes to ``x``."""
        (x,), dtype = self._enter(dim, x)
        return _vector(self._to_features(x).to(dtype), dim)

    def random_normal(
        self,
        *size: int | tuple[int, ...],
        mean: Tensor | None = None,
        std: float = 1.0,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Wrapped normal distribution (Nagano et al. 2019, arXiv 1902.02992).

        A Gaussian tangent vector at the origin, carried to ``mean`` and followed from there.

        Args:
            size: shape, its last entry the ambient length.
            mean: point that the samples surround (default: the origin).
            std: standard deviation of each tangent coordinate, in units of distance.
        """
        centre = self.origin(*size, dtype=dtype, device=device)
        noise = torch.randn(
            centre.shape, dtype=centre.dtype, device=centre.device, generator=generator
        )
        u = self.proju(centre, noise)
        length = self.norm(centre, u, keepdim=True)
        flat = safe_norm(u, -1, keepdim=True)
        u = u * (std * flat / torch.where(length > 0, length, torch.ones_like(length)))
        if mean is not None:
            target = mean.to(centre).expand_as(centre)
            u, centre = self.transp(centre, target, u), target
        return self.expmap(centre, u)

    # --------------------------------------------------------------------- membership

    def constraint_violation(self, x: Tensor, *, dim: int = -1) -> Tensor:
        """How far an ambient vector is from the manifold, relative to its size; >= 0."""
        (x,), _ = self._enter(dim, x)
        return self._violation(x)

    def check_point_on_manifold(
        self,
        x: Tensor,
        *,
        atol: float = 0.0,
        rtol: float = 0.0,
        explain: bool = False,
        dim: int = -1,
    ) -> Any:
        """Whether every point lies on the manifold, up to the rounding of its dtype.

        ``atol + rtol`` widens the tolerance; ``explain=True`` returns ``(ok, reason)``.
        """
        tolerance = max(atol + rtol, self._tolerance(x, dim))
        violation = self.constraint_violation(x, dim=dim)
        bad = ~(violation <= tolerance)
        ok = not bool(bad.any())
        if not explain:
            return ok
        reason = None
        if not ok:
            index = tuple(bad.nonzero()[0].tolist())
            reason = (
                f"point {index} is off {self!r}: constraint violated by "
                f"{float(violation[index]):.3g}, tolerance {tolerance:.3g}"
            )
        return ok, reason

    def assert_check_point_on_manifold(self, x: Tensor, *, dim: int = -1, **kwargs: Any) -> None:
        """Raise :class:`~hyperhier.errors.ManifoldError` if a point is off the manifold."""
        ok, reason = self.check_point_on_manifold(x, explain=True, dim=dim, **kwargs)
        if not ok:
            raise ManifoldError(reason)

    def check_vector_on_tangent(
        self, x: Tensor, u: Tensor, *, atol: float = 0.0, rtol: float = 0.0, dim: int = -1
    ) -> bool:
        """Whether every ``u`` is tangent at ``x``, up to the rounding of its dtype."""
        off = safe_norm(u - self.proju(x, u, dim=dim), dim)
        size = safe_norm(u, dim) * (1.0 + safe_norm(x, dim)) ** 2
        tolerance = max(atol + rtol, self._tolerance(u, dim))
        return bool((off <= tolerance * (1.0 + size)).all())

    # geoopt calls these two on the manifold of a ManifoldParameter
    def check_point(self, x: Tensor, *, explain: bool = False) -> Any:
        """As in geoopt: whether the shape can hold a point."""
        ok = x.dim() >= 1 and x.is_floating_point()
        reason = None if ok else f"not a floating tensor of points: {x.dtype} {tuple(x.shape)}"
        return (ok, reason) if explain else ok

    def assert_check_point(self, x: Tensor) -> None:
        """As in geoopt: raise if the shape cannot hold a point."""
        ok, reason = self.check_point(x, explain=True)
        if not ok:
            raise ManifoldError(reason)

    # ------------------------------------------------------------------------- moving

    @overload
    def to(self, other: Manifold, /) -> Isometry: ...
    @overload
    def to(self, *args: Any, **kwargs: Any) -> Any: ...
    def to(self, *args: Any, **kwargs: Any) -> Any:
        """``manifold.to(other)`` is the map of points to another manifold.

        It keeps the features at the origin, which between the hyperbolic models of equal
        curvature is the isometry. With a device it does what ``nn.Module.to`` does.

        >>> from hyperhier.manifolds import Lorentz, PoincareBall
        >>> to_hyperboloid = PoincareBall().to(Lorentz())
        >>> to_hyperboloid(torch.tensor([0.5, 0.0], dtype=torch.float64))
        tensor([1.6667, 1.3333, 0.0000], dtype=torch.float64)
        """
        if args and isinstance(args[0], Manifold):
            from hyperhier.manifolds.isometry import Isometry

            return Isometry(self, args[0])
        return super().to(*args, **kwargs)

    # ------------------------------------------------------------------------ helpers

    def _tolerance(self, x: Tensor, dim: int) -> float:
        return MEMBERSHIP_EPS * max(1, x.shape[dim]) * eps_of(x.dtype)

    def _enter(self, dim: int, *tensors: Tensor) -> tuple[tuple[Tensor, ...], torch.dtype]:
        """Tensors to compute with, their coordinates last, and the dtype to return."""
        worked, dtype = in_working_precision(*tensors, precision=self.precision)
        if dim != -1:
            worked = tuple(t.movedim(dim, -1) for t in torch.broadcast_tensors(*worked))
        return worked, dtype

    def _origin_like(self, x: Tensor) -> Tensor:
        return self.origin(x.shape[-1], dtype=x.dtype, device=x.device).expand_as(x)

    @staticmethod
    def _size(size: tuple[int | tuple[int, ...], ...]) -> tuple[int, ...]:
        """Accept ``f(2, 3)`` and ``f((2, 3))`` alike."""
        flat: list[int] = []
        for entry in size:
            flat.extend(entry if isinstance(entry, (tuple, list)) else (int(entry),))
        if not flat or any(s < 0 for s in flat):
            raise ManifoldError(f"size must end in the ambient length, got {size!r}")
        return tuple(flat)


def _scalar(d: Tensor, dtype: torch.dtype, dim: int, keepdim: bool) -> Tensor:
    d = d.to(dtype)
    return d.unsqueeze(-1).movedim(-1, dim) if keepdim else d


def _moderate(v: Tensor) -> Tensor:
    """Confined to what can be squared, also after division by a small conformal factor."""
    limit = max_of(v.dtype) ** 0.4
    return v.clamp(-limit, limit)


def _vector(v: Tensor, dim: int) -> Tensor:
    return v if dim == -1 else v.movedim(-1, dim)
