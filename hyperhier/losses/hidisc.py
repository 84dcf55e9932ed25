"""HiDisc: supervised contrastive terms over nested labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from hyperhier.losses._contrastive import (
    ContrastiveLoss,
    call_once,
    contrastive_loss,
    resolve_similarity,
)
from hyperhier.losses._inputs import as_geometry, as_tree
from hyperhier.losses._nested import (
    LevelsOf,
    check_level_weights,
    encode_columns,
    flat_labels,
    has_columns,
    levels_of_taxonomy,
    match_level_weights,
    nested_terms,
)
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms

__all__ = ["HiDiscLoss", "hidisc_loss"]

#: the published temperature, for the cosine
_TEMPERATURE = 0.07


class HiDiscLoss(ContrastiveLoss):
    """Hierarchical discrimination: one supervised contrastive term per level of nested labels.

    With P_k(i) = the other samples that share level k with i, s the cosine, or minus the
    distance where there is none,

        L = sum_k lambda_k mean_i -1/|P_k(i)| sum_{p in P_k(i)}
                log [ exp(s_ip / tau) / sum_{a != i} exp(s_ia / tau) ].

    Source: Jiang et al. 2023 (arXiv 2303.01605), there with the levels patient, slide and
    patch on the unit sphere, the other transforms of a patch being its positives. A sample
    without a positive on a level is left out of the mean of that level.

    The levels, coarse to fine:

    * without a taxonomy: the columns of ``labels`` ``(B, C)``, e.g. patient, slide. Two
      samples share level k where their first k + 1 columns agree, so slides may be numbered
      within their patient;
    * with one: its levels 1, 2, ...; a leaf stands in for itself below its own level, and a
      sample labelled with an inner node takes no part in the levels below it. In a taxonomy
      with several parents the primary parent counts;
    * and last, where each sample has several views, "the same sample".

    With one level it is :class:`~hyperhier.losses.SupConLoss`. Pairs given as
    ``indices_tuple`` are the candidates; which of them are positive on a level, the labels say.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path; None: labels are columns.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        level_weights: lambda_k, one for each level, that of the views last; default 1 each.
        views: whether the views of a sample are a level; None: where there are two or more.
        temperature: divides the similarity; positive. Default .07 for the cosine, .2 for
            distances.
        options: see :class:`~hyperhier.losses.ContrastiveLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Sphere
    >>> z = Sphere().from_features(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0], [-1.0, 0.3]]))
    >>> patient_slide = torch.tensor([[0, 0], [0, 0], [0, 1], [1, 0]])
    >>> HiDiscLoss(manifold=Sphere(), temperature=1.0)(z, patient_slide)
    tensor(1.4298)
    """

    def __init__(
        self,
        taxonomy: Any = None,
        *,
        manifold: Any,
        level_weights: Sequence[float] | None = None,
        views: bool | None = None,
        temperature: float | Tensor | None = None,
        similarity: str = "auto",
        **options: Any,
    ) -> None:
        geometry = as_geometry(manifold)
        if temperature is None and resolve_similarity(similarity, geometry) == "cosine":
            temperature = _TEMPERATURE
        super().__init__(
            manifold=geometry, temperature=temperature, similarity=similarity, **options
        )
        self.taxonomy = None if taxonomy is None else as_tree(taxonomy)
        self.level_weights = check_level_weights(level_weights)
        self.views = views

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
            embeddings: points of the manifold, ``(B, a)``, or V views ``(B, V, a)``.
            labels: without a taxonomy ``(B,)`` or ``(B, C)`` integers, coarse to fine, or
                None for the views alone; with one ``(B,)`` node ids, or paths ``(B, L)``,
                whose last column counts.
            ref_emb: the candidates, instead of the embeddings themselves.
            ref_labels: labels of ``ref_emb``, in the form of ``labels``.
            indices_tuple: the pairs to use.
        """
        if self.taxonomy is not None or not has_columns(labels, ref_labels):
            return super().forward(embeddings, labels, ref_emb, ref_labels, indices_tuple)
        assert isinstance(labels, Tensor)
        if self.memory.size or isinstance(self.class_weights, Tensor):
            raise ValueError("several columns of labels go with no memory and no class_weights")
        codes, ref_codes, levels_of = encode_columns(labels, ref_labels)

        def pairs(s: Tensor, relation: Relation) -> list[Terms]:
            return self._terms(s, relation, levels_of)

        return contrastive_loss(
            pairs,
            embeddings,
            codes,
            ref_emb,
            ref_codes,
            indices_tuple,
            manifold=self.manifold,
            similarity=self.similarity,
            reduction=self.reduction,
            block_size=self.block_size,
            class_weights=self.class_weights,
            levels=self.levels,
            validate=self.validate,
        )

    def pairs(self, s: Tensor, relation: Relation) -> list[Terms]:
        tree = self.taxonomy
        return self._terms(s, relation, flat_labels if tree is None else levels_of_taxonomy(tree))

    def levels(self, losses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, tuple[float, ...]]:
        return losses, valid, match_level_weights(self.level_weights, losses.shape[1])

    def _terms(self, s: Tensor, relation: Relation, levels_of: LevelsOf) -> list[Terms]:
        logits = s / self.temperature
        return nested_terms(lambda level: logits, relation, levels_of, self.views)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, level_weights={self.level_weights}"


def hidisc_loss(
    embeddings: Tensor,
    labels: Tensor | None,
    taxonomy: Any = None,
    *,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    **options: Any,
) -> Tensor:
    """The functional form of :class:`HiDiscLoss`, with its options that need no state.

    >>> import torch
    >>> from hyperhier.manifolds import Lorentz
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> m = Lorentz()
    >>> z = m.from_features(torch.tensor([[0.1, 0.0], [0.2, 0.0], [0.0, -0.5]]))
    >>> hidisc_loss(z, tree.encode(["a1", "a2", "b1"]), tree, manifold=m)
    tensor(0.1125)
    """
    inputs = (embeddings, labels, ref_emb, ref_labels, indices_tuple)
    return call_once(HiDiscLoss, inputs, taxonomy=taxonomy, **options)
