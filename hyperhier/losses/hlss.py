"""HLSS: contrastive terms on attribute scores, and alignment with attribute texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperhier.hlss import AttributeTexts, TextEncoder, TextLevel, load_text_levels
from hyperhier.hlss.head import HLSS
from hyperhier.losses._inputs import as_geometry, as_tree, prepare_inputs
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
from hyperhier.losses._ray import vectors_of
from hyperhier.losses._reduce import (
    Reduction,
    by_row_blocks,
    check_reduction,
    reduce_levels,
    softmax_loss,
)
from hyperhier.taxonomy import Taxonomy

__all__ = ["HLSSLoss", "hlss_loss"]

AlignTo = Literal["nearest", "label"]


class HLSSLoss(nn.Module):
    """Hierarchical language-tied supervision: every level of labels seen through texts.

    With z the unit feature vector of a sample, and on level k the unit text embeddings T_k of
    A_k attributes, zhat_k = normalise(W_k z + b_k) and t_k the row of T_k nearest to z,

        L      = w_hvc L_HVC + w_ha L_HA
        L_HVC  = sum_k lambda_k SupCon_k(zhat_k)
        L_HA   = sum_k lambda_k mean_i 1/2 [KL(softmax z || softmax t_k)
                                            + KL(softmax t_k || softmax z)].

    Source: arXiv 2403.14616. SupCon_k is :class:`~hyperhier.losses.HiDiscLoss` on level k;
    W_k and b_k are trained, starting from T_k and 0 (see :class:`~hyperhier.hlss.HLSS`).
    On a manifold the features are ``manifold.to_features(points)``: on a hyperbolic one the
    loss reads the direction from the origin and not the radius.

    The released code turns L_HA into numbers before adding it, so that it has no gradient;
    ``live_alignment=False`` does the same.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path; None: labels are columns
            as for HiDiscLoss.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        dim: d, the number of features of a point.
        texts: coarse to fine, as :func:`hyperhier.hlss.load_text_levels` takes them: a file,
            built-in texts by name, AttributeTexts, or matrices. There is one set for each
            level of labels, or one more, for "the same sample" of several views, or a single
            one, read anew on every level. None: the names of the taxonomy's nodes.
        encoder: for sentences: ``"tfidf"``, ``"sentence-transformers:MODEL"``, a callable.
        text_levels: names of the levels to take, coarse to fine; or one text, with commas.
        hvc_weight, ha_weight: w_hvc and w_ha; >= 0, and 0 leaves the term out.
        ha_temperature: divides z and t in L_HA; 1 is the published form, in which L_HA is
            at most about 2 / d per level.
        align_to: t_k is the text ``"nearest"`` to z (published), or that of the sample's own
            ``"label"`` on the level, where texts belong to the nodes of the taxonomy.
        live_alignment: whether L_HA has a gradient.
        level_weights: lambda_k; default 1 each.
        temperature: of L_HVC.
        reduction: ``"mean"`` is the formula; ``"sum"`` sums over samples; ``"none"`` gives
            the loss of each sample, ``(B,)`` or ``(B, V)``; or a reducer of
            pytorch-metric-learning.
        block_size: anchors per block; None forms the table of all pairs.
        validate: check that embeddings are finite and labels known.

    Attributes:
        head: the :class:`~hyperhier.hlss.HLSS` module.

    >>> from hyperhier.manifolds import Sphere
    >>> loss = HLSSLoss("ham10000-lineage", manifold=Sphere(), dim=8, texts="ham10000")
    >>> z = Sphere().from_features(torch.eye(8)[:4])
    >>> value = loss(z, loss.taxonomy.encode(["nv", "nv", "mel", "bcc"]))
    >>> [len(level.attributes) for level in loss.head.levels]
    [2, 4, 6, 7]
    """

    def __init__(
        self,
        taxonomy: Any = None,
        *,
        manifold: Any,
        dim: int,
        texts: Any = None,
        encoder: str | TextEncoder = "tfidf",
        text_levels: str | Sequence[str] | None = None,
        hvc_weight: float = 1.0,
        ha_weight: float = 1.0,
        ha_temperature: float = 1.0,
        align_to: AlignTo = "nearest",
        live_alignment: bool = True,
        level_weights: Sequence[float] | None = None,
        temperature: float = 0.07,
        reduction: Reduction = "mean",
        block_size: int | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        _check_options(hvc_weight, ha_weight, ha_temperature, temperature, align_to, block_size)
        self.taxonomy = None if taxonomy is None else as_tree(taxonomy)
        self.manifold = as_geometry(manifold)
        self.head = HLSS(_levels(texts, encoder, text_levels, self.taxonomy), dim)
        self.level_weights = check_level_weights(level_weights)
        self.options: dict[str, Any] = {
            "hvc_weight": float(hvc_weight),
            "ha_weight": float(ha_weight),
            "ha_temperature": float(ha_temperature),
            "align_to": align_to,
            "live_alignment": live_alignment,
            "temperature": float(temperature),
            "reduction": reduction,
            "block_size": block_size,
            "validate": validate,
        }

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
            ref_emb: the candidates of L_HVC, instead of the embeddings themselves.
            ref_labels: labels of ``ref_emb``, in the form of ``labels``.
            indices_tuple: the pairs of L_HVC; L_HA is of all samples.
        """
        return hlss_loss(
            embeddings,
            labels,
            self.head,
            self.taxonomy,
            manifold=self.manifold,
            level_weights=self.level_weights,
            ref_emb=ref_emb,
            ref_labels=ref_labels,
            indices_tuple=indices_tuple,
            **self.options,
        )

    def extra_repr(self) -> str:
        shown = ("hvc_weight", "ha_weight", "ha_temperature", "align_to", "live_alignment")
        return ", ".join(f"{name}={self.options[name]!r}" for name in shown)


def hlss_loss(
    embeddings: Tensor,
    labels: Tensor | None,
    head: HLSS,
    taxonomy: Any = None,
    *,
    manifold: Any,
    hvc_weight: float = 1.0,
    ha_weight: float = 1.0,
    ha_temperature: float = 1.0,
    align_to: AlignTo = "nearest",
    live_alignment: bool = True,
    level_weights: Sequence[float] | None = None,
    temperature: float = 0.07,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`HLSSLoss`, for a given head.

    >>> from hyperhier.manifolds import Sphere
    >>> head = HLSS([TextLevel("class", ("a", "b"), torch.eye(2))], dim=2)
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> hlss_loss(z, torch.tensor([0, 0, 1]), head, manifold=Sphere(), temperature=1.0)
    tensor(0.5089, grad_fn=<...>)
    """
    check_reduction(reduction)
    _check_options(hvc_weight, ha_weight, ha_temperature, temperature, align_to, block_size)
    geometry = as_geometry(manifold)
    tree = None if taxonomy is None else as_tree(taxonomy)
    several = tree is None and has_columns(labels, ref_labels)
    columns = _columns(labels, tree, several)
    texts, views = _text_of_level(len(head.levels), columns, embeddings)
    weights = match_level_weights(check_level_weights(level_weights), len(texts))
    levels_of: LevelsOf = flat_labels if tree is None else levels_of_taxonomy(tree)
    if several:
        assert labels is not None
        labels, ref_labels, levels_of = encode_columns(labels, ref_labels)
    inputs = prepare_inputs(
        embeddings, labels, ref_emb, ref_labels, indices_tuple, taxonomy=tree, validate=validate
    )
    if inputs.sets is not None:
        raise ValueError("nested levels are not defined for samples with several labels")
    with torch.autocast(embeddings.device.type, enabled=False):
        x = vectors_of(inputs.anchors.points, geometry)
        same = inputs.others is inputs.anchors
        y = x if same else vectors_of(inputs.others.points, geometry)
        nothing = x[:, :0]
        parts = [(nothing, torch.zeros_like(nothing, dtype=torch.bool))]
        scale: list[float] = []
        if hvc_weight:
            own = {k: head.project(x, k) for k in set(texts)}
            other = own if same else {k: head.project(y, k) for k in set(texts)}

            def block(rows: slice) -> tuple[Tensor, Tensor]:
                relation = Relation(inputs, rows)

                def logits(level: int) -> Tensor:
                    k = texts[level]
                    return own[k][rows] @ other[k].mT / temperature

                terms = nested_terms(logits, relation, levels_of, views)
                found = [softmax_loss(term, relation.allowed) for term in terms]
                losses, valid = zip(*found, strict=True)
                return torch.stack(losses, dim=1), torch.stack(valid, dim=1)

            parts.append(by_row_blocks(block, len(inputs.anchors), block_size))
            scale += [hvc_weight * w for w in weights]
        if ha_weight:
            with torch.set_grad_enabled(live_alignment and torch.is_grad_enabled()):
                labels_of = inputs.anchors.labels
                part = _alignments(x, labels_of, head, texts, tree, align_to, ha_temperature)
                parts.append(part)
            scale += [ha_weight * w for w in weights]
        losses = torch.cat([part for part, _ in parts], dim=1)
        valid = torch.cat([mask for _, mask in parts], dim=1)
        return reduce_levels(losses, valid, scale, inputs, reduction)


def _alignments(
    x: Tensor,
    labels: Tensor | None,
    head: HLSS,
    texts: Sequence[int],
    tree: Taxonomy | None,
    align_to: AlignTo,
    temperature: float,
) -> tuple[Tensor, Tensor]:
    """Divergence ``(n, K)`` of every sample on every level, and where it counts."""
    losses, valid = [], []
    for level, k in enumerate(texts):
        target, known = None, torch.ones(len(x), dtype=torch.bool, device=x.device)
        if align_to == "label":
            target, known = _own_text(labels, head.levels[k], level, tree)
        losses.append(head.alignment(x, k, target, temperature))
        valid.append(known)
    return torch.stack(losses, dim=1), torch.stack(valid, dim=1)


def _own_text(
    labels: Tensor | None, texts: TextLevel, level: int, tree: Taxonomy | None
) -> tuple[Tensor, Tensor]:
    """Row of the text of every sample's node on a level, and whether there is one."""
    if tree is None or labels is None or texts.nodes is None or level >= tree.height:
        raise ValueError(
            "align_to='label' needs a taxonomy and texts that belong to its nodes, on every level"
        )
    nodes = texts.nodes.to(labels.device)
    ids = tree.ancestor_at(level + 1, labels)
    hit = ids[:, None] == nodes[None, :]
    return hit.int().argmax(dim=1), hit.any(dim=1)


def _levels(
    texts: Any,
    encoder: str | TextEncoder,
    names: str | Sequence[str] | None,
    taxonomy: Taxonomy | None,
) -> tuple[TextLevel, ...]:
    if texts is None:
        if taxonomy is None:
            raise ValueError("HLSS needs texts, or a taxonomy whose node names are the texts")
        if not taxonomy.height:
            raise ValueError("HLSS needs a taxonomy of at least one level below the root")
        below = [name for name in taxonomy.nodes if name != taxonomy.root]
        texts = AttributeTexts({"": {name: (_spoken(name),) for name in below}})
    return load_text_levels(texts, encoder, taxonomy=taxonomy, names=names)


def _spoken(name: str) -> str:
    """Words of a node's name: what joins them becomes a space, unless nothing is left."""
    words = name.translate(str.maketrans("_-:/.", "     ")).strip()
    return words if any(letter.isalnum() for letter in words) else f"class {name!a}"


def _columns(labels: Tensor | None, tree: Taxonomy | None, several: bool) -> int:
    """Number of label levels."""
    if tree is not None:
        return tree.height
    if labels is None:
        return 0
    return labels.shape[1] if several else 1


def _text_of_level(count: int, columns: int, embeddings: Tensor) -> tuple[list[int], bool]:
    """Which texts each level reads, and whether the views are the last level."""
    several_views = embeddings.dim() == 3 and embeddings.shape[1] > 1
    if count == columns:
        return list(range(count)), False
    if count == columns + 1 and several_views:
        return list(range(count)), True
    if count == 1 and columns:
        return [0] * columns, False
    raise ValueError(
        f"{count} levels of texts do not fit {columns} levels of labels: expected "
        + (f"{columns}, or one for all, or " if columns else "")
        + f"{columns + 1} where samples have several views; text_levels chooses among them"
    )


def _check_options(
    hvc_weight: float,
    ha_weight: float,
    ha_temperature: float,
    temperature: float,
    align_to: str,
    block_size: int | None,
) -> None:
    for name, weight in (("hvc_weight", hvc_weight), ("ha_weight", ha_weight)):
        if not (0.0 <= weight < math.inf):
            raise ValueError(f"{name} must be finite and at least 0, got {weight!r}")
    for name, value in (("temperature", temperature), ("ha_temperature", ha_temperature)):
        if not (0.0 < value < math.inf):
            raise ValueError(f"{name} must be positive and finite, got {value!r}")
    if align_to not in get_args(AlignTo):
        raise ValueError(f"align_to must be one of {get_args(AlignTo)}, got {align_to!r}")
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")
