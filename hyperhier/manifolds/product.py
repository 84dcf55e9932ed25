"""Products of manifolds: a point of the product is a point of every factor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast, final

import torch
from torch import Tensor, nn

from hyperhier._numerics import Precision, repair_entries, safe_norm
from hyperhier.errors import ManifoldError
from hyperhier.manifolds.base import Manifold
from hyperhier.manifolds.interop import as_manifold

__all__ = ["Product"]


@final
class Product(Manifold):
    r"""The product of manifolds :math:`M_1 \times \dots \times M_k`.

    A point is the points of all factors, one after the other in the last dimension. With
    weights w the metric is :math:`\sum_i w_i g_i`, so that

    .. math:: d(x, y)^2 = \sum_i w_i\, d_i(x_i, y_i)^2,

    and geodesics, exponential, logarithm, transport and centroid are those of the factors
    (Gu et al. 2019, "Learning mixed-curvature representations in products of model spaces").
    Distances are as accurate as those of the factors: all terms of the sum are positive.

    Coordinates, tangent vectors and gradients keep the form that they have on each factor.
    For the optimizers every factor of a point counts as a point of its own, with its own
    second moment. A product has no cosine: losses compare its points by their distance.

    Args:
        factors: manifolds of hyperhier or geoopt, or pairs (manifold, number of its
            features). Factors without a number share the features that are left evenly, the
            first ones taking the remainder. The factors of a product among them are taken
            in one by one.
        weights: positive number of each given factor; default: all 1.
        precision: ``"accurate"`` or ``"fast"``, for the arithmetic of all factors; default:
            fast if every factor is.

    Raises:
        ManifoldError: from the constructor on factors and weights that do not fit, later on
            a number of features or coordinates that cannot be split among the factors.

    >>> from hyperhier.manifolds import Lorentz, Sphere
    >>> m = Product((Lorentz(c=0.5), 2), (Sphere(), 3))
    >>> x = m.from_features(torch.tensor([3.0, 0.0, 0.0, 1.0, 0.0]))
    >>> x.shape, m.dist0(x)
    (torch.Size([6]), tensor(3.3864))
    >>> [part.shape[-1] for part in m.split(x)]
    [3, 3]
    """

    def __init__(
        self,
        *factors: Any,
        weights: Sequence[float] | None = None,
        precision: Precision | None = None,
    ) -> None:
        if not factors:
            raise ManifoldError("a product needs at least one factor, got none")
        outer = (1.0,) * len(factors) if weights is None else tuple(map(float, weights))
        if len(outer) != len(factors):
            raise ManifoldError(f"expected {len(factors)} weights, got {weights!r}")
        if not all(0.0 < w < math.inf for w in outer):
            raise ManifoldError(f"weights must be positive and finite, got {weights!r}")
        flat = [entry for f, w in zip(factors, outer, strict=True) for entry in _factors(f, w)]
        if precision is None:
            precision = "fast" if all(m.precision == "fast" for m, _, _ in flat) else "accurate"
        super().__init__(precision=precision)
        self.factors = nn.ModuleList(m for m, _, _ in flat)
        #: features of each factor, None where it takes its share of the rest
        self.features: tuple[int | None, ...] = tuple(n for _, n, _ in flat)
        #: weight of each factor in the metric
        self.weights: tuple[float, ...] = tuple(w for _, _, w in flat)
        self.reversible = all(m.reversible for m, _, _ in flat)
        self.name = " x ".join(m.name if n is None else f"{m.name}({n})" for m, n, _ in flat)

    @classmethod
    def from_geoopt(cls, manifold: Any) -> Product:
        """The product whose factors are those of a geoopt ``ProductManifold``.

        A factor of shape ``(k, n)`` becomes k factors of n coordinates.

        >>> import geoopt
        >>> ball, plane = geoopt.PoincareBall(), geoopt.Euclidean(ndim=1)
        >>> Product.from_geoopt(geoopt.ProductManifold((ball, 3), (plane, 2))).features
        (3, 2)
        """
        shapes, given = getattr(manifold, "shapes", None), getattr(manifold, "manifolds", None)
        if shapes is None or given is None:
            raise ManifoldError(f"{manifold!r} is no geoopt.ProductManifold")
        factors: list[Product | tuple[Manifold, int]] = []
        for theirs, shape in zip(given, shapes, strict=True):
            if not shape:
                raise ManifoldError(f"{theirs!r}: only factors of vectors are supported")
            copies = math.prod(shape[:-1])
            if hasattr(theirs, "shapes"):
                factors += [cls.from_geoopt(theirs)] * copies
                continue
            factor = as_manifold(theirs)
            features = shape[-1] - (factor.ambient_dim(1) - 1)
            factors += [(factor, features)] * copies
        return cls(*factors)

    # -------------------------------------------------------------------- the contract

    @property
    def sectional_curvature(self) -> float:
        """0: the curvature of every plane spanned by two factors; no other is common to all.

        A product of a single factor has that factor's.
        """
        if len(self.factors) > 1:
            return 0.0
        return self._manifolds()[0].sectional_curvature / self.weights[0]

    def ambient_dim(self, features: int) -> int:
        shares = self._shares(features)
        return sum(m.ambient_dim(n) for m, n in zip(self._manifolds(), shares, strict=True))

    def split(self, x: Tensor, *, dim: int = -1) -> tuple[Tensor, ...]:
        """The coordinates (or tangent vectors) of each factor, as views."""
        return x.split(self._lengths(x.shape[dim]), dim)

    def join(self, *parts: Tensor, dim: int = -1) -> Tensor:
        """The point of the product from a point of each factor: the inverse of :meth:`split`."""
        x = torch.cat(parts, dim)
        lengths = self._lengths(x.shape[dim])
        if [p.shape[dim] for p in parts] != lengths:
            raise ManifoldError(
                f"{self!r} has parts of {lengths} coordinates, got {[p.shape[dim] for p in parts]}"
            )
        return x

    def origin(
        self,
        *size: int | tuple[int, ...],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        seed: int | None = 42,
    ) -> Tensor:
        *batch, length = self._size(size)
        parts = [
            m.origin(*batch, n, dtype=dtype, device=device, seed=seed)
            for m, n in zip(self._manifolds(), self._lengths(length), strict=True)
        ]
        return torch.cat(parts, dim=-1)

    def _dist(self, x: Tensor, y: Tensor) -> Tensor:
        return self._total(m._dist(a, b) for m, a, b in self._parts(x, y))

    def _product_matrix(self, x: Tensor, y: Tensor, allowed: float) -> tuple[Tensor, Tensor | None]:
        distances, doubtful = [], None
        for m, a, b in zip(self._manifolds(), self.split(x), self.split(y), strict=True):
            distance, mask = m._product_matrix(a, b, allowed)
            distances.append(distance)
            if mask is not None:
                doubtful = mask if doubtful is None else doubtful | mask
        return self._total(distances), doubtful

    def _coarse_matrix(
        self, x: Tensor, y: Tensor, allowed: float, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor | None]:
        distances = []
        for m, a, b in zip(self._manifolds(), self.split(x), self.split(y), strict=True):
            distance, doubtful = m._coarse_matrix(a, b, allowed, x.dtype)
            if doubtful is not None:
                distance = repair_entries(distance, doubtful, m._dist, a, b)
            distances.append(distance)
        return self._total(distances).to(dtype), None

    def _expmap(self, x: Tensor, u: Tensor) -> Tensor:
        return self._each(lambda m, a, v: m._expmap(a, v), x, u)

    def _expmap_transp(self, x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        moved = [m._expmap_transp(a, s, w) for m, a, s, w in self._parts(x, u, v)]
        points, vectors = zip(*moved, strict=True)
        return torch.cat(points, -1), torch.cat(vectors, -1)

    def _geodesic(self, t: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return self._each(lambda m, a, b: m._geodesic(t, a, b), x, y)

    def _logmap(self, x: Tensor, y: Tensor) -> Tensor:
        return self._each(lambda m, a, b: m._logmap(a, b), x, y)

    def _transp(self, x: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self._each(lambda m, a, b, w: m._transp(a, b, w), x, y, v)

    def _inner(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        products = [m._inner(a, s, t) for m, a, s, t in self._parts(x, u, v)]
        return torch.stack([w * p for w, p in zip(self.weights, products, strict=True)]).sum(0)

    def component_inner(
        self, x: Tensor, u: Tensor, v: Tensor | None = None, *, dim: int = -1
    ) -> Tensor:
        """The inner product on each factor, in the shape of ``u``."""
        x, u, v = torch.broadcast_tensors(x, u, u if v is None else v)
        parts = self._parts(*(t.movedim(dim, -1) for t in (x, u, v)))
        products = [m.component_inner(a, s, t) for m, a, s, t in parts]
        weighted = [w * p for w, p in zip(self.weights, products, strict=True)]
        return torch.cat(weighted, -1).movedim(-1, dim)

    def _projx(self, x: Tensor) -> Tensor:
        return self._each(lambda m, a: m._projx(a), x)

    def _proju(self, x: Tensor, u: Tensor, eps: float) -> Tensor:
        return self._each(lambda m, a, v: m._proju(a, v, eps), x, u)

    def _egrad2rgrad(self, x: Tensor, g: Tensor) -> Tensor:
        gradients = [m._egrad2rgrad(a, v) for m, a, v in self._parts(x, g)]
        return torch.cat([r / w for w, r in zip(self.weights, gradients, strict=True)], -1)

    def _centroid(self, x: Tensor, weights: Tensor) -> Tensor:
        return self._each(lambda m, a: m._centroid(a, weights), x)

    def _from_features(self, z: Tensor) -> Tensor:
        shares = z.split(self._shares(z.shape[-1]), -1)
        points = [m._from_features(a) for m, a in zip(self._manifolds(), shares, strict=True)]
        return torch.cat(points, -1)

    def _to_features(self, x: Tensor) -> Tensor:
        return self._each(lambda m, a: m._to_features(a), x)

    def _violation(self, x: Tensor) -> Tensor:
        return torch.stack([m._violation(a) for m, a in self._parts(x)], -1).amax(-1)

    def _store(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        return self._each(lambda m, a: m._store(a, dtype), x)

    def _store_vector(self, v: Tensor, dtype: torch.dtype) -> Tensor:
        return self._each(lambda m, a: m._store_vector(a, dtype), v)

    def random_normal(
        self,
        *size: int | tuple[int, ...],
        mean: Tensor | None = None,
        std: float = 1.0,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Independent wrapped normal distributions on the factors; see the base class."""
        *batch, length = self._size(size)
        lengths = self._lengths(length)
        means = [None] * len(lengths) if mean is None else self.split(mean)
        parts = [
            m.random_normal(
                *batch,
                n,
                mean=centre,
                std=std / math.sqrt(w),
                dtype=dtype,
                device=device,
                generator=generator,
            )
            for m, n, w, centre in zip(self._manifolds(), lengths, self.weights, means, strict=True)
        ]
        return torch.cat(parts, dim=-1)

    # ------------------------------------------------------------------------- helpers

    def _manifolds(self) -> list[Manifold]:
        return [cast(Manifold, m) for m in self.factors]

    def _shares(self, features: int) -> list[int]:
        """The features of each factor."""
        left = features - sum(n for n in self.features if n is not None)
        takers = self.features.count(None)
        if left < takers or (not takers and left):
            least = features - left + takers
            wanted = f"at least {least}" if takers else str(least)
            raise ManifoldError(f"{self!r} is made from {wanted} features, got {features}")
        each, more = divmod(left, takers) if takers else (0, 0)
        shares = []
        for n in self.features:
            if n is None:
                n, more = each + (more > 0), more - 1
            shares.append(n)
        return shares

    def _lengths(self, ambient: int) -> list[int]:
        """The coordinates of each factor, of ``ambient`` in all."""
        manifolds, takers = self._manifolds(), self.features.count(None)
        least = self._shares(sum(n for n in self.features if n is not None) + takers)
        lengths = [m.ambient_dim(n) for m, n in zip(manifolds, least, strict=True)]
        if takers and ambient > sum(lengths):
            shares = self._shares(sum(least) + ambient - sum(lengths))
            lengths = [m.ambient_dim(n) for m, n in zip(manifolds, shares, strict=True)]
        if sum(lengths) != ambient:
            raise ManifoldError(
                f"points of {self!r} have {'at least ' if takers else ''}{sum(lengths)} "
                f"coordinates, got {ambient}"
            )
        return lengths

    def _parts(self, *tensors: Tensor) -> Iterable[tuple[Any, ...]]:
        """For each factor: the manifold, and its part of every tensor."""
        if len(tensors) > 1:
            tensors = tuple(torch.broadcast_tensors(*tensors))
        return zip(self._manifolds(), *(self.split(t) for t in tensors), strict=True)

    def _each(self, function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        return torch.cat([function(*parts) for parts in self._parts(*tensors)], -1)

    def _total(self, distances: Iterable[Tensor]) -> Tensor:
        """The distance from those of the factors."""
        scaled = [math.sqrt(w) * d for w, d in zip(self.weights, distances, strict=True)]
        return safe_norm(torch.stack(scaled, -1))

    def __repr__(self) -> str:
        factors = [
            repr(m) if n is None else f"({m!r}, {n})"
            for m, n in zip(self.factors, self.features, strict=True)
        ]
        if any(w != 1.0 for w in self.weights):
            factors.append(f"weights={self.weights}")
        return f"Product({', '.join(factors)})"


def _factors(given: Any, weight: float) -> list[tuple[Manifold, int | None, float]]:
    """Manifold, number of features and weight of one factor; of several, if it is a product."""
    pair = isinstance(given, (tuple, list))
    if pair and len(given) != 2:
        raise ManifoldError(f"expected a manifold or a pair (manifold, features), got {given!r}")
    manifold = as_manifold(given[0] if pair else given)
    features = given[1] if pair else None
    if pair and (isinstance(features, bool) or not isinstance(features, int) or features < 1):
        raise ManifoldError(f"the features of a factor must be a positive integer, got {given!r}")
    if not isinstance(manifold, Product):
        return [(manifold, features, weight)]
    shares = manifold.features if features is None else manifold._shares(features)
    return [
        (m, n, weight * w)
        for m, n, w in zip(manifold._manifolds(), shares, manifold.weights, strict=True)
    ]
