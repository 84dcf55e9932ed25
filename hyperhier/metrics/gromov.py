"""How far points are from lying on a tree: Gromov's delta of their distances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._blocks import distance_table
from hyperhier.metrics._check import as_points

__all__ = ["DeltaHyperbolicity", "delta_hyperbolicity", "delta_of_distances"]


@dataclass(frozen=True)
class DeltaHyperbolicity:
    """Gromov's delta by the four-point condition, in the unit of the distances.

    For four points let a >= b >= c be the sums of their distances in the three pairings; the
    four have ``delta = (a - b) / 2``. It is 0 on trees and at most half of the diameter.

    Attributes:
        delta: the largest over all quadruples, or over those looked at (then a lower bound).
        mean: the mean over all quadruples, or an unbiased estimate of it.
        relative: ``2 delta / diameter``, from 0 (a tree) to 1.
        diameter: the largest distance, or the largest one looked at (then a lower bound).
        exact: whether these are over all quadruples there are.
        points: how many points each draw holds; all of them if exact.
    """

    delta: float
    mean: float
    relative: float
    diameter: float
    exact: bool
    points: int


def delta_hyperbolicity(
    points: Tensor, manifold: Manifold, *, limit: int = 64, draws: int = 20, seed: int = 0
) -> DeltaHyperbolicity:
    """Gromov's delta of a set of points: exact for small sets, drawn for larger ones.

    The ratio to the diameter is the one of Khrulkov et al. 2020 (arXiv 1904.02239), who fix one
    point of the four-point condition; theirs lies between half of this one and this one. As
    there, larger sets are judged by repeated draws of a part of the points.

    Args:
        points: ``(n, ambient)``.
        manifold: their geometry.
        limit: sets of at most this many points are searched whole, in time ``limit**4``;
            from larger ones this many points are drawn, several times.
        draws: how many times.
        seed: of the draws; equal seeds give equal results.

    Returns:
        A :class:`DeltaHyperbolicity`. Fewer than four points have delta 0.

    Raises:
        ValueError: on empty, non-finite or misshapen points, a limit below 4 or no draws.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> delta_hyperbolicity(square, Euclidean()).delta
    0.4142
    """
    places = as_points(points, "points").double()
    if limit < 4:
        raise ValueError(f"limit must be at least 4, got {limit}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    size = places.shape[0]
    if size <= limit:
        return _delta(distance_table(places, places, manifold))
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(draws):
        some = places[torch.randperm(size, generator=generator)[:limit].to(places.device)]
        parts.append(_delta(distance_table(some, some, manifold)))
    return _result(
        max(part.delta for part in parts),
        sum(part.mean for part in parts) / draws,
        max(part.diameter for part in parts),
        exact=False,
        points=limit,
    )


def delta_of_distances(distance: Tensor) -> DeltaHyperbolicity:
    """Gromov's delta of a whole distance matrix, exactly, in time ``n**4``.

    Args:
        distance: ``(n, n)``, symmetric up to rounding, not negative, with a diagonal of zeros.

    Returns:
        A :class:`DeltaHyperbolicity`.

    Raises:
        ValueError: on a matrix that is not one of distances.

    >>> import torch
    >>> path = torch.tensor([0.0, 1.0, 2.0, 5.0])
    >>> delta_of_distances((path[:, None] - path).abs()).delta
    0.0
    """
    _check(distance)
    return _delta(distance.detach().double())


def _delta(distance: Tensor) -> DeltaHyperbolicity:
    table = ((distance + distance.T) / 2.0).fill_diagonal_(0.0)
    size = table.shape[0]
    i, j, k = _triples(size).to(table.device)
    ij, ik, jk = table[i, j], table[i, k], table[j, k]
    largest, total = table.new_zeros(()), table.new_zeros(())
    for last in range(3, size):
        # the triples of the points before this one are the first ones
        before = slice(math.comb(last, 3))
        own = table[last]
        a, b, c = own[i[before]] + jk[before], own[j[before]] + ik[before], own[k[before]]
        c = c + ij[before]
        low, high = torch.minimum(a, b), torch.maximum(a, b)
        gap = torch.maximum(high, c) - torch.maximum(low, torch.minimum(high, c))
        largest = torch.maximum(largest, gap.amax())
        total = total + gap.sum()
    mean = float(total) / 2.0 / math.comb(size, 4) if size > 3 else 0.0
    return _result(float(largest) / 2.0, mean, float(table.amax()), exact=True, points=size)


def _triples(size: int) -> Tensor:
    """All i < j < k below ``size``, ordered by k: ``(3, size choose 3)``."""
    j, i = torch.tril_indices(size, size, -1)
    number = torch.arange(size)
    pairs = number * (number - 1) // 2
    k = number.repeat_interleave(pairs)
    pair = torch.arange(k.numel()) - (pairs.cumsum(0) - pairs).repeat_interleave(pairs)
    return torch.stack((i[pair], j[pair], k))


def _result(
    delta: float, mean: float, diameter: float, *, exact: bool, points: int
) -> DeltaHyperbolicity:
    relative = 2.0 * delta / diameter if diameter > 0.0 else 0.0
    return DeltaHyperbolicity(delta, mean, relative, diameter, exact, points)


def _check(distance: Tensor) -> None:
    if distance.dim() != 2 or distance.shape[0] != distance.shape[1] or not distance.numel():
        raise ValueError(f"distance must have shape (n, n), n > 0, got {tuple(distance.shape)}")
    dtype = distance.dtype if distance.is_floating_point() else torch.float64
    slack = math.sqrt(eps_of(dtype))
    table = distance.detach().double()
    if not bool(table.isfinite().all()):
        raise ValueError("distance holds a value that is not finite")
    if bool((table < 0).any()):
        raise ValueError(f"distance holds the negative value {float(table.min())}")
    largest = float(table.amax())
    if float(table.diagonal().amax()) > slack * largest:
        raise ValueError(
            f"the diagonal of distance must be 0, got {float(table.diagonal().amax())}"
        )
    apart = float((table - table.T).abs().amax())
    if apart > slack * largest:
        raise ValueError(f"distance is not symmetric: entries differ by {apart}")
