"""Supervised contrastive loss."""

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

__all__ = ["SupConLoss", "supcon_loss"]


def _supcon_pairs(
    s: Tensor, relation: Relation, *, temperature: float | Tensor
) -> tuple[Tensor, Tensor]:
    return s / temperature, relation.positives("supervised")


class SupConLoss(ContrastiveLoss):
    """Supervised contrastive loss: attract the samples of the same label.

    Per anchor i, with s the cosine, or minus the distance where there is none,

        -1/|P(i)| sum_{p in P(i)} log [ exp(s_ip / tau) / sum_{a != i} exp(s_ia / tau) ],

    P(i) = the other samples with the label of i, all views. Source: Khosla et al. 2020
    (arXiv 2004.11362), L_out. Labels are any integers.

    Arguments: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> SupConLoss(manifold=Euclidean(), temperature=1.0)(z, torch.tensor([0, 0, 7]))
    tensor(0.3285)
    """

    def pairs(self, s: Tensor, relation: Relation) -> tuple[Tensor, Tensor]:
        return _supcon_pairs(s, relation, temperature=self.temperature)


def supcon_loss(
    embeddings: Tensor,
    labels: Tensor,
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
    """The functional form of :class:`SupConLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import PoincareBall
    >>> z = torch.tensor([[0.1, 0.0], [0.2, 0.0], [0.0, -0.5]])
    >>> supcon_loss(z, torch.tensor([3, 3, 4]), manifold=PoincareBall())
    tensor(0.0085)
    """
    manifold = as_geometry(manifold)
    similarity = resolve_similarity(similarity, manifold)
    temperature = resolve_temperature(temperature, similarity, validate)
    return contrastive_loss(
        partial(_supcon_pairs, temperature=temperature),
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
