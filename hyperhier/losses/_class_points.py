"""Classification by trainable points: logits on any manifold, and the losses of logits."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hyperhier._numerics import unit_vector
from hyperhier.losses._inputs import Inputs, as_geometry, as_tree, prepare_inputs
from hyperhier.losses._reduce import Reduction, check_reduction, reduce_losses
from hyperhier.losses._selected import mean_over_labels, selected, with_each_label
from hyperhier.nn import ManifoldParameter

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = ["ClassLoss", "ClassPoints", "LogitLoss", "logit_loss", "owned_points"]

#: logits ``(n, K)`` and node ids ``(n,)`` -> losses ``(n,)`` and the mask ``(n,)`` of valid ones
LogitLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def owned_points(
    features: Tensor, manifold: Manifold, initial: Tensor | None = None
) -> ManifoldParameter:
    """Trainable points made from features ``(K, d)``, or from ``initial`` ``(K, ambient)``.

    Raises:
        ValueError: ``initial`` has another shape than those points would have.
    """
    shape = (features.shape[0], manifold.ambient_dim(features.shape[1]))
    if initial is None:
        return ManifoldParameter(manifold.from_features(features), manifold)
    if tuple(initial.shape) != shape:
        raise ValueError(f"initial must be points of shape {shape}, got {tuple(initial.shape)}")
    return ManifoldParameter(initial, manifold)


def checked_dim(dim: int) -> int:
    """The number of features; ValueError unless it is a positive integer."""
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise ValueError(f"dim must be a positive integer, got {dim!r}")
    return dim


class ClassPoints(nn.Module):
    """One trainable point per class; the logits of z are ``-d(z, point) / temperature``.

    The predicted class is that of the nearest point, on every manifold alike.

    Args:
        count: K, the number of classes.
        dim: number of features d; the points have ``manifold.ambient_dim(d)`` coordinates.
        manifold: the geometry.
        temperature: positive, in units of distance.
        learn_temperature: make log(temperature) a parameter.
        initial: points ``(K, ambient)`` to start from. Default: random directions, at
            distance 1 from the origin where the manifold has radii.

    >>> from hyperhier.manifolds import Euclidean
    >>> start = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    >>> ClassPoints(2, 2, Euclidean(), temperature=0.5, initial=start)(torch.tensor([[1.0, 0.0]]))
    tensor([[-2., -4.]], grad_fn=<DivBackward0>)
    """

    def __init__(
        self,
        count: int,
        dim: int,
        manifold: Manifold,
        *,
        temperature: float = 0.2,
        learn_temperature: bool = False,
        initial: Tensor | None = None,
    ) -> None:
        super().__init__()
        if not (0.0 < temperature < math.inf):
            raise ValueError(f"temperature must be positive and finite, got {temperature!r}")
        directions = unit_vector(torch.randn(count, checked_dim(dim)))
        self.points = owned_points(directions, manifold, initial)
        self.log_temperature: nn.Parameter | None = None
        if learn_temperature:
            self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))
        self._temperature = float(temperature)

    @property
    def temperature(self) -> float | Tensor:
        """The temperature; a tensor with gradient if it is learnt."""
        return self._temperature if self.log_temperature is None else self.log_temperature.exp()

    def forward(self, points: Tensor) -> Tensor:
        """Logits ``(n, K)`` of points ``(n, ambient)``."""
        own = self.points()
        if points.shape[-1] != own.shape[-1]:
            raise ValueError(
                f"the class points have {own.shape[-1]} coordinates, the embeddings "
                f"{points.shape[-1]}: dim must be the number of features of the embeddings"
            )
        return -self.points.manifold.dist_matrix(points, own.to(points)) / self.temperature

    def extra_repr(self) -> str:
        return f"temperature={float(torch.as_tensor(self.temperature).detach()):.4g}"


def logit_loss(
    loss: LogitLoss,
    logits: Tensor,
    labels: Tensor,
    indices_tuple: tuple[Tensor, ...] | None,
    *,
    taxonomy: Taxonomy,
    reduction: Reduction,
    validate: bool,
) -> Tensor:
    """Reduce a loss of leaf logits.

    Args:
        loss: of single samples.
        logits: ``(B, K)`` or ``(B, V, K)``, floating, finite; one column per leaf of the
            taxonomy in the order of its ``leaf_ids``.
        labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts, or a bool
            table ``(B, N)`` of the nodes of each sample, whose losses are averaged.
        indices_tuple: only the samples that are an anchor in it count.

    Raises:
        ValueError: the number of columns is not that of the leaves.
    """
    check_reduction(reduction)
    inputs = prepare_inputs(
        logits, labels, None, None, indices_tuple, taxonomy=taxonomy, validate=validate
    )
    leaves = len(taxonomy.leaf_ids)
    if logits.shape[-1] != leaves:
        raise ValueError(
            f"logits must have one column per leaf, {leaves}, got shape {tuple(logits.shape)}"
        )
    with torch.autocast(logits.device.type, enabled=False):
        return _reduced(loss, inputs.anchors.points, inputs, reduction)


def _reduced(loss: LogitLoss, logits: Tensor, inputs: Inputs, reduction: Reduction) -> Tensor:
    samples, labels = with_each_label(inputs, inputs.anchors)
    losses, valid = loss(logits[samples], labels)
    losses, valid = mean_over_labels(losses, valid, samples, len(logits))
    return reduce_losses(losses, valid & selected(inputs), inputs, reduction)


class ClassLoss(nn.Module):
    """Base of the losses of leaf probabilities: give :meth:`sample_losses`, inherit the rest.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        dim: number of features d of the embeddings: the loss owns one trainable point of
            ``manifold.ambient_dim(d)`` coordinates per leaf, so its parameters belong into
            the optimizer.
        temperature: of the logits ``-d(z, point) / temperature``; positive.
        learn_temperature: make log(temperature) a parameter.
        initial: class points ``(leaves, ambient)`` to start from, in the order of
            ``taxonomy.leaf_ids``, e.g. of an embedding of the taxonomy. Default: random.
        reduction: ``"mean"`` and ``"sum"`` are over the samples that count; ``"none"`` gives
            ``(B,)`` or ``(B, V)`` losses with 0 for the others; or a reducer of
            pytorch-metric-learning.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call.
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        dim: int,
        temperature: float = 0.2,
        learn_temperature: bool = False,
        initial: Tensor | None = None,
        reduction: Reduction = "mean",
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.taxonomy = as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        self.classes = ClassPoints(
            len(self.taxonomy.leaf_ids),
            dim,
            self.manifold,
            temperature=temperature,
            learn_temperature=learn_temperature,
            initial=initial,
        )
        self.reduction = reduction
        self.validate = validate

    @abstractmethod
    def sample_losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Losses ``(n,)`` of leaf logits ``(n, K)`` and node ids ``(n,)``, and which count."""

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """The loss.

        Args:
            embeddings: points of the manifold, ``(B, a)`` or ``(B, V, a)``.
            labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts, or a
                bool table ``(B, N)`` of the nodes of each sample, whose losses are averaged.
            ref_emb, ref_labels: checked and otherwise without effect, since samples are
                compared with the class points alone.
            indices_tuple: only the samples that are an anchor in it count.
        """
        inputs = prepare_inputs(
            embeddings,
            labels,
            ref_emb,
            ref_labels,
            indices_tuple,
            taxonomy=self.taxonomy,
            validate=self.validate,
        )
        with torch.autocast(embeddings.device.type, enabled=False):
            logits = self.classes(inputs.anchors.points)
            return _reduced(self.sample_losses, logits, inputs, self.reduction)

    @torch.no_grad()
    def predict(self, embeddings: Tensor) -> Tensor:
        """Ids of the most probable leaves, ``(*batch)``, of points ``(*batch, ambient)``."""
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        best = self.classes(flat).argmax(dim=-1)
        return self.taxonomy.leaf_ids.to(best.device)[best].view(embeddings.shape[:-1])
