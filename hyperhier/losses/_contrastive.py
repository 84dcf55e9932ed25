"""The contrastive losses' common part: similarity, softmax over candidates, reduction."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hyperhier._numerics import safe_norm
from hyperhier.losses._class_sums import ClassTerms, softmax_by_class
from hyperhier.losses._class_weights import ClassWeights, anchor_weights, check_class_weights
from hyperhier.losses._inputs import as_geometry, prepare_inputs
from hyperhier.losses._memory import Memory
from hyperhier.losses._pairs import PairFunction, Relation
from hyperhier.losses._reduce import (
    Reduction,
    Terms,
    by_row_blocks,
    check_reduction,
    join_levels,
    reduce_levels,
    reduce_losses,
    softmax_loss,
)

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = [
    "ContrastiveLoss",
    "LevelRule",
    "call_once",
    "contrastive_loss",
    "resolve_similarity",
    "resolve_temperature",
]

#: losses ``(n, L)`` and the mask of those that exist -> both again, and a weight for each level
LevelRule = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Sequence[float]]]

#: default temperatures: a cosine lies in [-1, 1], a distance does not
DEFAULT_TEMPERATURE = {"cosine": 0.1, "distance": 0.2}


def contrastive_loss(
    pairs: PairFunction,
    embeddings: Tensor,
    labels: Tensor | None,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    *,
    manifold: Manifold,
    similarity: str = "auto",
    taxonomy: Taxonomy | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    class_weights: ClassWeights = None,
    memory: tuple[Tensor, Tensor] | None = None,
    levels: LevelRule | None = None,
    validate: bool = True,
) -> Tensor:
    """The contrastive loss that a pair function stands for.

    With the logits l and the positives P(i) that ``pairs`` makes of a block of similarities,
    it is the mean over anchors i that have a positive of

        -1/|P(i)| sum_{p in P(i)} log [ exp(l_ip) / sum_{a != i} exp(l_ia) ].

    Args:
        pairs: similarity block ``(n, m)`` and its :class:`Relation` -> logits ``(n, m)`` and
            the mask of the positives ``(n, m)``, more of them as Terms, or a list of Terms.
        block_size: anchors per block; None forms all pairs at once.
        memory: points and labels of further candidates.
        levels: how the losses of a list of Terms are put together.

    The other arguments are those of :class:`ContrastiveLoss` and its call.
    """
    check_reduction(reduction)
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")
    similarity = resolve_similarity(similarity, manifold)
    inputs = prepare_inputs(
        embeddings,
        labels,
        ref_emb,
        ref_labels,
        indices_tuple,
        memory=memory,
        taxonomy=taxonomy,
        validate=validate,
    )
    with torch.autocast(embeddings.device.type, enabled=False):
        x, y = inputs.anchors.points, inputs.others.points
        if similarity == "cosine":
            x = _unit(x)
            y = x if inputs.others is inputs.anchors else _unit(y)

        def block(rows: slice) -> tuple[Tensor, Tensor]:
            if similarity == "cosine":
                s = x[rows] @ y.mT
            else:
                s = -manifold.dist_matrix(x[rows], y)
            relation = Relation(inputs, rows, taxonomy)
            found, allowed = pairs(s, relation), relation.allowed
            if isinstance(found, ClassTerms):
                return softmax_by_class(found, allowed)
            if not isinstance(found, list):
                return softmax_loss(Terms(*found), allowed)
            return join_levels([softmax_loss(terms, allowed) for terms in found], s, allowed)

        losses, valid = by_row_blocks(block, len(inputs.anchors), block_size)
        weight = anchor_weights(class_weights, inputs, valid, validate)
        if levels is None:
            return reduce_losses(losses, valid, inputs, reduction, weight)
        losses, valid, level_weights = levels(losses, valid)
        return reduce_levels(losses, valid, level_weights, inputs, reduction, weight)


class ContrastiveLoss(nn.Module):
    """Base of the contrastive losses: give :meth:`pairs`, inherit everything else.

    A new loss is its logits and its positives:

    >>> class Squared(ContrastiveLoss):
    ...     def pairs(self, s, relation):
    ...         return -(s / self.temperature) ** 2, relation.positives()
    >>> from hyperhier.manifolds import Euclidean
    >>> z = torch.tensor([[0.0], [1.0], [3.0]])
    >>> Squared(manifold=Euclidean(), similarity="distance", temperature=1.0)(
    ...     z, torch.tensor([0, 0, 1]))
    tensor(0.0245)

    Args:
        manifold: a manifold of hyperhier, its name, or a geoopt manifold. It becomes a
            submodule, so a learnable curvature is a parameter of the loss too.
        temperature: divides the similarity; positive. Default .1 for the cosine, .2 for
            distances. A tensor gets its gradient and stays the caller's: it is no parameter
            or buffer of the loss.
        learn_temperature: make log(temperature) a parameter.
        similarity: ``"cosine"``, ``"distance"`` (s = -d), or ``"auto"``: the cosine where the
            manifold has one.
        reduction: ``"mean"`` and ``"sum"`` are over the anchors that have a positive;
            ``"none"`` gives ``(B,)`` or ``(B, V)`` losses with 0 for the other anchors; a
            reducer of pytorch-metric-learning is called with the anchors that have a positive.
        block_size: anchors per block. None forms the B x B table of all pairs; an integer
            holds only block_size x B entries at a time and forms them again in the backward
            pass.
        class_weights: weight of an anchor by its label: None: all 1; ``"balanced"``: 1 over
            the number of anchors with that label, so that every class of the batch counts the
            same (to count them synchronises the device); or ``(N,)`` weights by label id,
            finite and at least 0. Of several labels the mean weight counts.
        memory: how many samples of earlier batches are candidates too, in training mode and
            where no ``ref_emb`` is given (Wang et al. 2020, arXiv 1912.06798). Kept without
            gradient in buffers, newest first; of all ranks in a distributed run. Not for
            samples with several labels.
        validate: check that embeddings are finite and labels known. Costs one device
            synchronisation per call, and further ones with ``(N,)`` class weights, tables of
            labels or ``indices_tuple``.

    Half-precision embeddings are computed with in float32, under autocast too, and give a
    float32 loss; other dtypes are kept.
    """

    #: set by the losses that read kappa
    taxonomy: Taxonomy | None = None

    _temperature: float | Tensor

    def __init__(
        self,
        *,
        manifold: Any,
        temperature: float | Tensor | None = None,
        learn_temperature: bool = False,
        similarity: str = "auto",
        reduction: Reduction = "mean",
        block_size: int | None = None,
        class_weights: ClassWeights = None,
        memory: int = 0,
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.manifold = as_geometry(manifold)
        self.similarity = resolve_similarity(similarity, self.manifold)
        if learn_temperature and isinstance(temperature, Tensor):
            temperature = float(temperature.detach())
        value = resolve_temperature(temperature, self.similarity, validate)
        self.log_temperature: nn.Parameter | None = None
        if learn_temperature:
            self.log_temperature = nn.Parameter(torch.tensor(math.log(value)))
        # past the registration of parameters: a tensor stays the caller's
        object.__setattr__(self, "_temperature", value)
        self.reduction = reduction
        self.block_size = block_size
        self.class_weights = check_class_weights(class_weights)
        self.memory = Memory(memory)
        self.validate = validate

    @property
    def temperature(self) -> float | Tensor:
        """The temperature; a tensor with gradient if it is learnt."""
        return self._temperature if self.log_temperature is None else self.log_temperature.exp()

    @abstractmethod
    def pairs(
        self, s: Tensor, relation: Relation
    ) -> tuple[Tensor, Tensor] | Terms | list[Terms] | ClassTerms:
        """Logits and positive mask of a block of similarities; all ``(n, m)``.

        More can be said with :class:`Terms`; a list of them, one for each level, goes with
        :meth:`levels`, and so do :class:`ClassTerms`.
        """

    #: how the losses of several levels are put together, for losses that have them
    levels: LevelRule | None = None

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor | None,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """The loss.

        Args:
            embeddings: points of the manifold, ``(B, a)``, or V views of each sample
                ``(B, V, a)``.
            labels: ``(B,)`` class or node ids, or paths ``(B, L)``, whose last column counts,
                or a bool table ``(B, N)`` for samples with several labels each.
            ref_emb: the candidates, instead of the embeddings themselves; no pair is then
                taken for an anchor paired with itself.
            ref_labels: labels of ``ref_emb``.
            indices_tuple: the pairs to use, as triples (anchor, positive, negative) or pairs
                (a1, positive, a2, negative) of indices into the flattened ``(B * V)`` samples.

        Returns:
            a 0-dim tensor, or as ``reduction`` says. Without any positive pair it is 0 and
            carries the graph.
        """
        remembers = self.memory.size > 0 and self.training and ref_emb is None
        value = contrastive_loss(
            self.pairs,
            embeddings,
            labels,
            ref_emb,
            ref_labels,
            indices_tuple,
            manifold=self.manifold,
            similarity=self.similarity,
            taxonomy=self.taxonomy,
            reduction=self.reduction,
            block_size=self.block_size,
            class_weights=self.class_weights,
            memory=self.memory.content() if remembers else None,
            levels=self.levels,
            validate=self.validate,
        )
        if remembers:
            self.memory.add(embeddings, labels)
        return value

    def extra_repr(self) -> str:
        temperature = float(torch.as_tensor(self.temperature).detach())
        return f"temperature={temperature:.4g}, similarity={self.similarity!r}"


def call_once(loss: type[ContrastiveLoss], inputs: tuple[Any, ...], /, **options: Any) -> Tensor:
    """The value of a loss made for this call; TypeError for an option that needs a state."""
    for name in ("memory", "learn_temperature"):
        if name in options:
            raise TypeError(
                f"unexpected keyword argument {name!r}: a function keeps no state, use "
                f"{loss.__name__}"
            )
    value: Tensor = loss(**options)(*inputs)
    return value


def resolve_similarity(similarity: str, manifold: Manifold) -> str:
    """``"cosine"`` or ``"distance"`` from the option and what the manifold supports."""
    if similarity == "auto":
        return "cosine" if manifold.supports_cosine else "distance"
    if similarity not in DEFAULT_TEMPERATURE:
        raise ValueError(f"similarity must be 'auto', 'distance' or 'cosine', got {similarity!r}")
    if similarity == "cosine" and not manifold.supports_cosine:
        raise ValueError(f"the cosine means nothing on {manifold!r}; use similarity='distance'")
    return similarity


def resolve_temperature(
    temperature: float | Tensor | None, similarity: str, validate: bool
) -> float | Tensor:
    """The temperature, by default that of the similarity; ValueError unless positive.

    The values of a tensor are read only to ``validate`` it.
    """
    if temperature is None:
        return DEFAULT_TEMPERATURE[similarity]
    if not isinstance(temperature, Tensor):
        _check_temperature(temperature)
        return float(temperature)
    if validate and not torch.compiler.is_compiling():
        for value in temperature.flatten().tolist():
            _check_temperature(value)
    return temperature


def _check_temperature(value: float) -> None:
    if not (0.0 < value < math.inf):
        raise ValueError(f"temperature must be positive and finite, got {value!r}")


def _unit(x: Tensor) -> Tensor:
    """Directions; the zero vector stays zero, with cosine 0 to everything."""
    length = safe_norm(x, -1, keepdim=True)
    return x / torch.where(length > 0, length, 1.0)
