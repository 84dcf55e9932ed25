"""The pairwise cross-entropy of hyperbolic vision transformers."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hyperhier.losses._contrastive import ContrastiveLoss, call_once
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms

__all__ = ["PairwiseLoss", "pairwise_loss"]


class PairwiseLoss(ContrastiveLoss):
    """Cross-entropy of each positive against the negatives alone.

    The mean over anchors i of the mean over the samples p of the same label of

        -log [ exp(s_ip / tau) / (exp(s_ip / tau) + sum_{n of other labels} exp(s_in / tau)) ]:

    unlike in the supervised contrastive loss, positives do not compete. Source: Ermolov et
    al. 2022 (Hyp-ViT, arXiv 2203.10833), whose batches hold each class in several copies that
    are contrasted two by two; there tau = .2, c = .1 in the ball, features clipped at 2.3.

    Arguments: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Euclidean
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> PairwiseLoss(manifold=Euclidean(), temperature=1.0)(z, torch.tensor([0, 0, 7]))
    tensor(0.3285)
    """

    def pairs(self, s: Tensor, relation: Relation) -> Terms:
        return Terms(s / self.temperature, relation.positives(), alone=True)


def pairwise_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    **options: Any,
) -> Tensor:
    """The functional form of :class:`PairwiseLoss`, with its options that need no state."""
    inputs = (embeddings, labels, ref_emb, ref_labels, indices_tuple)
    return call_once(PairwiseLoss, inputs, **options)
