"""HiMulConE: a supervised contrastive loss on every level, coarse ones weighted less."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperhier.losses._class_sums import ClassTerms
from hyperhier.losses._contrastive import ContrastiveLoss, call_once
from hyperhier.losses._inputs import as_tree
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms

__all__ = ["HMLCLoss", "hmlc_loss"]


class HMLCLoss(ContrastiveLoss):
    """Hierarchical multi-label contrastive loss with constraint enforcement (HiMulConE).

    With L_k the supervised contrastive loss whose positives share an ancestor on the k-th
    level from below (k = 1: the leaves), by any parents, K levels below the root,

        L = 1/K sum_k 2^(1/k) max(L_1, ..., L_k);

    the maximum is the hierarchy constraint, and is left out with ``constraint=False``.
    Source: Zhang et al. 2022 (arXiv 2204.13207) and its released code.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        constraint: a level counts at least as much as those below it.
        thin_out: as the released code does, keep one sample of each node of a level for
            the levels above it. (It speaks of duplicates of coarser labels; what is left
            of a batch above the leaves is then one sample a class.) Which node a sample
            stands for follows the primary parents; not for samples with several labels.
        options: see :class:`~hyperhier.losses.ContrastiveLoss`.

    Samples with several labels each come with a bool table of labels ``(B, N)`` over the
    nodes: two are positives on a level where some label of one and some of the other share an
    ancestor there.

    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    >>> HMLCLoss(tree, manifold=Sphere(), temperature=0.5)(z, tree.encode(["a1", "a1", "a2", "b1"]))
    tensor(1.5627)
    """

    def __init__(
        self, taxonomy: Any, *, constraint: bool = True, thin_out: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.taxonomy = as_tree(taxonomy)
        self.constraint = constraint
        self.thin_out = thin_out

    def pairs(self, s: Tensor, relation: Relation) -> list[Terms] | ClassTerms:
        logits = s / self.temperature
        classes = None if self.thin_out else relation.between_classes()
        positives = (relation if classes is None else classes).positives_by_level()
        if classes is not None:
            return ClassTerms(logits, relation.classes, positives, [None] * len(positives))
        terms = []
        dropped: Tensor | None = None
        for above, shared in enumerate(positives):
            positive = shared if dropped is None else shared & ~dropped
            terms.append(Terms(logits, positive, left_out=dropped))
            if self.thin_out:
                dropped = relation.beyond_the_first(len(positives) - above)
        return terms

    def levels(self, losses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, list[float]]:
        count = losses.shape[1]
        weights = [2.0 ** (1.0 / k) / count for k in range(1, count + 1)]
        if self.constraint and count:
            sums = torch.where(valid, losses, 0.0).sum(dim=0).detach()
            means = sums / valid.sum(dim=0).clamp(min=1)
            # the position of the greatest mean so far
            largest = means.cummax(dim=0).indices
            losses, valid = losses[:, largest], valid[:, largest]
        return losses, valid, weights


def hmlc_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    **options: Any,
) -> Tensor:
    """The functional form of :class:`HMLCLoss`, with its options that need no state."""
    inputs = (embeddings, labels, ref_emb, ref_labels, indices_tuple)
    return call_once(HMLCLoss, inputs, taxonomy=taxonomy, **options)
