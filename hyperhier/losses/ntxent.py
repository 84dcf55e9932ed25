"""NT-Xent, the loss of SimCLR."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from hyperhier.losses._class_weights import ClassWeights, check_class_weights
from hyperhier.losses._contrastive import (
    ContrastiveLoss,
    contrastive_loss,
    resolve_similarity,
    resolve_temperature,
)
from hyperhier.losses._inputs import as_geometry
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Reduction

__all__ = ["NTXentLoss", "ntxent_loss"]


def _ntxent_pairs(
    s: Tensor, relation: Relation, *, temperature: float | Tensor
) -> tuple[Tensor, Tensor]:
    flat = len(relation.inputs.shape) == 1 and relation.inputs.anchors.labels is not None
    return s / temperature, relation.positives("supervised" if flat else "views")


class NTXentLoss(ContrastiveLoss):
    """Normalised temperature-scaled cross-entropy: attract the views of the same sample.

    Per anchor i, with s the cosine, or minus the distance where there is none,

        -1/|P(i)| sum_{p in P(i)} log [ exp(s_ip / tau) / sum_{a != i} exp(s_ia / tau) ],

    P(i) = the other views of the sample of i. Source: Chen et al. 2020 (arXiv 2002.05709),
    where every sample has two views; with more, the other positives stay in the denominator.

    The views are the second dimension of embeddings ``(B, V, a)``; labels are then not read
    and may be None. For embeddings ``(B, a)`` the labels name the sample that each row is a
    view of; without labels, row i of ``ref_emb`` is the other view of row i.

    Arguments: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Sphere
    >>> z = torch.tensor([[[1.0, 0.0], [0.8, 0.6]], [[0.0, 1.0], [-0.6, 0.8]]])
    >>> NTXentLoss(manifold=Sphere(), temperature=0.5)(z)
    tensor(0.4302)
    """

    def pairs(self, s: Tensor, relation: Relation) -> tuple[Tensor, Tensor]:
        return _ntxent_pairs(s, relation, temperature=self.temperature)

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor | None = None,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """As in :class:`~hyperhier.losses.ContrastiveLoss`; the labels are optional."""
        return super().forward(embeddings, labels, ref_emb, ref_labels, indices_tuple)


def ntxent_loss(
    embeddings: Tensor,
    labels: Tensor | None = None,
    *,
    manifold: Any,
    temperature: float | Tensor | None = None,
    similarity: str = "auto",
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    class_weights: ClassWeights = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`NTXentLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> z = torch.tensor([[[2.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]])
    >>> ntxent_loss(z, manifold=Euclidean(), temperature=1.0)
    tensor(0.5514)
    """
    manifold = as_geometry(manifold)
    similarity = resolve_similarity(similarity, manifold)
    temperature = resolve_temperature(temperature, similarity, validate)
    return contrastive_loss(
        partial(_ntxent_pairs, temperature=temperature),
        embeddings,
        labels,
        ref_emb,
        ref_labels,
        indices_tuple,
        manifold=manifold,
        similarity=similarity,
        reduction=reduction,
        block_size=block_size,
        class_weights=check_class_weights(class_weights),
        validate=validate,
    )
