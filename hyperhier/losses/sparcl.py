"""SpARCL: every other sample a positive, weighted by the distance of the classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.losses._contrastive import ContrastiveLoss, call_once
from hyperhier.losses._inputs import as_tree, check_strength
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms

__all__ = ["SpARCLLoss", "sparcl_loss"]


class SpARCLLoss(ContrastiveLoss):
    """Contrastive loss with weights outside the softmax that fall with the tree distance.

    Per anchor i, over all other samples j,

        - sum_j w_ij log [ exp(s_ij / tau) / sum_{a != i} exp(s_ia / tau) ] / sum_j w_ij,
        w_ij = exp(-gamma d_T(y_i, y_j) / 2),

    d_T = edges between the labels, so that d_T / 2 is the number of levels up to the common
    ancestor; with several parents the fewest over any of them. Source: the released code of
    SpARCL (github.com/ag2718/ContrastiveLearningProj), which takes the shorter of the two ways
    up and divides by the number of pairs of one class in the batch instead of by the weights.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        gamma: >= 0; large values give the supervised contrastive loss.
        options: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    >>> SpARCLLoss(tree, manifold=Sphere(), temperature=0.5)(
    ...     z, tree.encode(["a1", "a1", "a2", "b1"]))
    tensor(1.0957)
    """

    def __init__(self, taxonomy: Any, *, gamma: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.taxonomy = as_tree(taxonomy)
        self.gamma = check_strength("gamma", gamma)

    def pairs(self, s: Tensor, relation: Relation) -> Terms:
        weight = torch.exp(-self.gamma / 2 * relation.steps.to(s.dtype))
        return Terms(s / self.temperature, relation.allowed, weight)


def sparcl_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    **options: Any,
) -> Tensor:
    """The functional form of :class:`SpARCLLoss`, with its options that need no state."""
    inputs = (embeddings, labels, ref_emb, ref_labels, indices_tuple)
    return call_once(SpARCLLoss, inputs, taxonomy=taxonomy, **options)
