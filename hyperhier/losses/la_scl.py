"""LA-SCL: negatives scaled inside the softmax by how far apart their classes are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.losses._contrastive import ContrastiveLoss, call_once
from hyperhier.losses._inputs import as_tree, check_strength
from hyperhier.losses._pairs import Relation

__all__ = ["LASCLLoss", "la_scl_loss"]


class LASCLLoss(ContrastiveLoss):
    """Label-aware supervised contrastive loss in its form for trees.

    The supervised contrastive loss whose negatives have the logit ``s / (w tau)`` with

        1 / w = 1 + beta (1 - kappa),

    kappa = depth of the lowest common ancestor over the height: negatives of far classes are
    scaled up, siblings hardly. Source: Lian et al. 2024 (LA-SCL); there w comes from a learnt
    class similarity, here from the taxonomy. Made for the cosine: on negative distances the
    same factor moves far classes out of the softmax.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        beta: >= 0; 0 gives the supervised contrastive loss.
        options: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    >>> labels = tree.encode(["a1", "a1", "a2", "b1"])
    >>> LASCLLoss(tree, manifold=Sphere(), temperature=0.5)(z, labels)
    tensor(1.4027)
    """

    def __init__(self, taxonomy: Any, *, beta: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.taxonomy = as_tree(taxonomy)
        self.beta = check_strength("beta", beta)

    def pairs(self, s: Tensor, relation: Relation) -> tuple[Tensor, Tensor]:
        positive = relation.positives()
        scale = torch.where(positive, 1.0, 1 + self.beta * (1 - relation.kappa))
        return scale * s / self.temperature, positive


def la_scl_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    **options: Any,
) -> Tensor:
    """The functional form of :class:`LASCLLoss`, with its options that need no state."""
    inputs = (embeddings, labels, ref_emb, ref_labels, indices_tuple)
    return call_once(LASCLLoss, inputs, taxonomy=taxonomy, **options)
