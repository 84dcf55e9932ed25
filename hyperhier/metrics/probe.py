"""The linear probe: how well a linear classifier tells frozen embeddings apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hyperhier._numerics import eps_of
from hyperhier.manifolds.base import Manifold
from hyperhier.metrics._check import as_ids, as_points, same_length

__all__ = ["LinearProbe", "linear_probe"]

# What a constant feature may vary by: half a unit of rounding of the points as they are stored,
# and some units of the arithmetic, which is in float64.
_STORED, _COMPUTED = 0.5, 4.0


@dataclass(frozen=True)
class LinearProbe:
    """A multinomial logistic regression on the tangent features of a manifold.

    Attributes:
        manifold: the geometry of the points.
        classes: node ids ``(C,)`` int64, ascending.
        weight: ``(C, d)`` float64, for standardised features.
        bias: ``(C,)`` float64.
        mean, scale: ``(d,)`` float64, of the training features.
    """

    manifold: Manifold
    classes: Tensor
    weight: Tensor
    bias: Tensor
    mean: Tensor
    scale: Tensor

    def log_probabilities(self, embeddings: Tensor) -> Tensor:
        """``(n, C)`` float64 of points ``(n, ambient)``, columns in the order of ``classes``."""
        features = _features(as_points(embeddings, "embeddings"), self.manifold)
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"embeddings has {features.shape[1]} features, the probe knows {len(self.mean)}"
            )
        logits = (features - self.mean) / self.scale @ self.weight.T + self.bias
        return torch.log_softmax(logits, dim=-1)

    def predict(self, embeddings: Tensor) -> Tensor:
        """The likeliest class of each point, ``(n,)`` int64."""
        return self.classes[self.log_probabilities(embeddings).argmax(dim=-1)]

    def rank(self, embeddings: Tensor) -> Tensor:
        """All classes of each point, the likeliest first, ``(n, C)`` int64."""
        order = self.log_probabilities(embeddings).argsort(dim=-1, descending=True)
        return self.classes[order]


def linear_probe(
    embeddings: Tensor,
    labels: Tensor,
    manifold: Manifold,
    *,
    l2: float = 1e-3,
    balanced: bool = False,
    max_iter: int = 500,
) -> LinearProbe:
    """Fit a linear classifier to frozen embeddings.

    Points become features by ``manifold.to_features`` (on hyperbolic manifolds the tangent
    coordinates at the origin), so that every geometry is probed by the same linear model;
    each feature is standardised. Then the mean cross-entropy ``+ l2 / 2 |W|^2`` is minimised
    by L-BFGS in float64. The problem is convex, so there is no seed and no learning rate.

    Args:
        embeddings: points ``(n, ambient)``.
        labels: ``(n,)`` int64.
        manifold: the geometry.
        l2: weight of the penalty, > 0; scikit-learn's ``C`` is ``1 / (l2 n)``. Choose it on
            validation data.
        balanced: weigh samples so that every class counts the same.
        max_iter: iterations of L-BFGS.

    Returns:
        A :class:`LinearProbe` with ``predict`` and ``rank``. Of one class only, it predicts
        that class.

    Raises:
        ValueError: on empty, non-finite or misshapen input, an ``l2`` that is not positive, or
            no iterations.

    >>> import torch
    >>> from hyperhier.manifolds import Lorentz
    >>> points = Lorentz().from_features(torch.tensor([[-1.0], [-2.0], [1.0], [3.0]]))
    >>> probe = linear_probe(points, torch.tensor([4, 4, 7, 7]), Lorentz())
    >>> probe.predict(points)
    tensor([4, 4, 7, 7])
    """
    points = as_points(embeddings, "embeddings")
    ids = as_ids(labels, "labels").to(points.device)
    same_length(embeddings=points, labels=ids)
    if not 0.0 < l2 < torch.inf:
        raise ValueError(f"l2 must be a positive number, got {l2}")
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter}")
    raw = _features(points, manifold)
    mean, scale = raw.mean(dim=0), raw.std(dim=0, correction=0)
    # what varies by rounding only would be noise blown up
    unit = max(_STORED * eps_of(points.dtype), _COMPUTED * eps_of(raw.dtype))
    scale = torch.where(scale > unit * raw.abs().amax(dim=0), scale, 1.0)
    features = (raw - mean) / scale
    classes, target, count = torch.unique(ids, return_inverse=True, return_counts=True)
    share = 1.0 / (count.double() * classes.numel()) if balanced else 1.0 / raw.new_tensor(len(ids))
    each = share.expand(classes.numel())[target]

    weight = features.new_zeros(classes.numel(), features.shape[1], requires_grad=True)
    bias = features.new_zeros(classes.numel(), requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=max_iter,
        tolerance_grad=1e-9,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses = functional.cross_entropy(features @ weight.T + bias, target, reduction="none")
        objective = (each * losses).sum() + 0.5 * l2 * weight.square().sum()
        objective.backward()  # type: ignore[no-untyped-call]
        return objective

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[arg-type]
    return LinearProbe(manifold, classes, weight.detach(), bias.detach(), mean, scale)


def _features(points: Tensor, manifold: Manifold) -> Tensor:
    with torch.no_grad():
        return as_points(manifold.to_features(points.double()), "to_features(embeddings)")
