"""Hierarchy-Weighted Contrastive loss."""

from __future__ import annotations

import functools
import warnings
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from hyperhier.losses._class_sums import ClassTerms
from hyperhier.losses._class_weights import ClassWeights, check_class_weights
from hyperhier.losses._contrastive import (
    ContrastiveLoss,
    contrastive_loss,
    resolve_similarity,
    resolve_temperature,
)
from hyperhier.losses._inputs import as_geometry, as_tree, check_strength
from hyperhier.losses._pairs import Positives, Relation
from hyperhier.losses._reduce import Reduction, Terms

__all__ = ["HWCLoss", "Negatives", "Partial", "Scaling", "hwc_loss"]

Scaling = Literal["shared", "split", "mass", "outside"]
Partial = Literal["leave_out", "negative"]
Negatives = Literal["far", "near"]

#: the reading of the printed description that suits each similarity
_SUITED = {"distance": "shared", "cosine": "split"}


def _hwc_pairs(
    s: Tensor,
    relation: Relation,
    *,
    temperature: float | Tensor,
    alpha: float,
    beta: float,
    scaling: str,
    positives: Positives,
    partial: str,
    negatives: str,
    level_decay: float,
) -> list[Terms] | ClassTerms:
    """The terms of each level, from the leaves up; for ``level_decay=0`` of the leaves alone."""
    between, classes = relation, None
    if scaling == "mass" and positives == "supervised":
        classes = relation.between_classes()
        if classes is not None and partial == "leave_out" and _some_undecided(classes):
            classes = None
        between = relation if classes is None else classes
    chosen = between.positives_by_level() if level_decay else [between.positives(positives)]
    weights = _weights(between, chosen, scaling, alpha, beta, negatives)
    s = s / temperature
    if classes is not None:
        return ClassTerms(s, relation.classes, chosen, weights)
    left_out = relation.undecided if partial == "leave_out" else None
    if scaling == "outside":
        return [Terms(s, p, w, left_out) for w, p in zip(weights, chosen, strict=True)]
    return [
        Terms(s + w.log() if scaling == "mass" else w * s, positive, left_out=left_out)
        for w, positive in zip(weights, chosen, strict=True)
    ]


def _some_undecided(classes: Relation) -> bool:
    return bool((classes.undecided & ~classes.same_label).any())


def _weights(
    relation: Relation,
    levels: list[Tensor],
    scaling: str,
    alpha: float,
    beta: float,
    negatives: str,
) -> list[Tensor]:
    """What the scalings multiply s, exp(s) or the term by: on each level, from the leaves up."""
    assert relation.taxonomy is not None
    kappa, height = relation.kappa, relation.taxonomy.height
    near = 1 + alpha * kappa
    if scaling in ("shared", "outside"):
        return [near] * len(levels)
    weights = []
    for above, positive in enumerate(levels):
        share = 1 - kappa
        if negatives == "near":  # 1 for those that part from the anchor on this very level
            share = (kappa * height / max(height - above - 1, 1)).clamp(max=1)
        weights.append(torch.where(positive, near, 1 + beta * share))
    return weights


def _level_rule(
    losses: Tensor, valid: Tensor, *, level_decay: float
) -> tuple[Tensor, Tensor, list[float]]:
    powers = [level_decay**k for k in range(losses.shape[1])]
    return losses, valid, [power / sum(powers) for power in powers]


class HWCLoss(ContrastiveLoss):
    """Hierarchy-Weighted Contrastive loss: logits scaled inside the softmax by the taxonomy.

    Per anchor i,

        -1/|P(i)| sum_{p in P(i)} log [ exp(l_ip) / sum_{a != i} exp(l_ia) ],

    with s the cosine or minus the distance, kappa = depth of the lowest common ancestor over
    the height of the taxonomy, and

    ============ ===================================================================
    ``scaling``  logit l_ij
    ============ ===================================================================
    ``shared``   (1 + alpha kappa) s / tau
    ``split``    positives (1 + alpha kappa) s / tau,
                 negatives (1 + beta (1 - kappa)) s / tau
    ``mass``     s / tau + log w; w = 1 + alpha kappa for positives,
                 1 + beta (1 - kappa) for negatives
    ``outside``  s / tau; 1 + alpha kappa weighs a positive in the mean over P(i)
    ============ ===================================================================

    The loss is a reconstruction of the one of arXiv 2511.03771, whose formula is not publicly
    available; ``mass``, the default, is this library's own. With alpha = beta = 0 every scaling
    is the supervised contrastive loss, or NT-Xent for ``positives="views"``, but for what
    ``level_decay`` adds and ``partial`` leaves out.

    A factor on a logit acts in opposite ways on a similarity and on a negative distance, so
    ``shared`` suits distances and ``split`` the cosine; ``mass`` suits both. The other two
    pairings repel siblings more than strangers (``shared``: similar pairs, ``split``: distant
    ones) and are warned about. ``outside`` is a control, with weights outside the softmax and
    none for negatives: with one leaf each, without ``level_decay`` or ``indices_tuple``, kappa is
    1 for all positives and it is the supervised contrastive loss.

    With ``level_decay`` g > 0 the loss stands on every level of the taxonomy at once (ours):
    with L_k the loss above whose positives share an ancestor on the k-th level from below
    (k = 1: the leaves), by any parents, K levels below the root,

        L = sum_k g^(k-1) L_k / sum_k g^(k-1).

    ``negatives="near"`` turns the weights of ``mass`` round (ours): on level l

        w = 1 + beta min(1, depth of the lowest common ancestor / (l - 1)),

    so the pairs that part on this very level, siblings, count most. Alone it would drive siblings
    apart; with ``level_decay`` the levels above hold them together, and each level tells apart
    what lies next to each other on it.

    Args:
        taxonomy: a Taxonomy, the name of a built-in one, or a path.
        alpha: weight of the hierarchy on positives (``shared``: on all pairs); >= 0.
        beta: weight of the hierarchy on negatives, for ``mass`` and ``split``; >= 0.
        scaling: ``"mass"`` (default), ``"shared"``, ``"split"`` or ``"outside"``.
        positives: ``"supervised"``: the samples with the same label; ``"views"``: only the
            other views of the same sample, for embeddings ``(B, V, a)``.
        partial: what a pair is of whose labels one is an ancestor of the other, where a
            sample is labelled with an inner node: ``"leave_out"``: neither positive nor
            negative, since both may be of one class; ``"negative"``: as other labels.
        negatives: whose weight beta raises, with ``scaling="mass"``: ``"far"``: the formula;
            ``"near"``: see above.
        level_decay: g, in [0, 1]: what a level counts against the one below it. 0 (default):
            only the leaves; 1: all the same. Needs supervised positives.
        options: see :class:`~hyperhier.losses.ContrastiveLoss`.

    Samples with several labels each come with a bool table of labels ``(B, N)`` over the
    nodes: positives share a label (on a level: some label of one and some of the other share
    an ancestor), kappa is the mean best match of the labels of one in those of the other.

    Raises:
        TaxonomyError: from the call, if a label is no node id.

    >>> import torch
    >>> from hyperhier.manifolds import Lorentz
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> m = Lorentz()
    >>> z = m.from_features(torch.tensor([[0.2, 0.0], [0.1, 0.1], [0.3, 0.1], [0.0, -0.2]]))
    >>> HWCLoss(tree, manifold=m)(z, tree.encode(["a1", "a1", "a2", "b1"]))
    tensor(0.7447)
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        temperature: float | Tensor | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        scaling: Scaling = "mass",
        similarity: str = "auto",
        positives: Positives = "supervised",
        partial: Partial = "leave_out",
        negatives: Negatives = "far",
        level_decay: float = 0.0,
        learn_temperature: bool = False,
        reduction: Reduction = "mean",
        block_size: int | None = None,
        class_weights: ClassWeights = None,
        memory: int = 0,
        validate: bool = True,
    ) -> None:
        super().__init__(
            manifold=manifold,
            temperature=temperature,
            learn_temperature=learn_temperature,
            similarity=similarity,
            reduction=reduction,
            block_size=block_size,
            class_weights=class_weights,
            memory=memory,
            validate=validate,
        )
        self.taxonomy = as_tree(taxonomy)
        self.alpha, self.beta = check_strength("alpha", alpha), check_strength("beta", beta)
        self.scaling = _check_scaling(scaling, self.similarity)
        self.positives = _check_positives(positives)
        self.partial = _check_partial(partial)
        self.negatives = _check_negatives(negatives, scaling)
        self.level_decay = _check_level_decay(level_decay, positives)

    def pairs(self, s: Tensor, relation: Relation) -> list[Terms] | ClassTerms:
        return _hwc_pairs(
            s,
            relation,
            temperature=self.temperature,
            alpha=self.alpha,
            beta=self.beta,
            scaling=self.scaling,
            positives=self.positives,
            partial=self.partial,
            negatives=self.negatives,
            level_decay=self.level_decay,
        )

    def levels(self, losses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, list[float]]:
        return _level_rule(losses, valid, level_decay=self.level_decay)

    def extra_repr(self) -> str:
        return (
            f"{super().extra_repr()}, alpha={self.alpha}, beta={self.beta}, "
            f"scaling={self.scaling!r}, positives={self.positives!r}, "
            f"negatives={self.negatives!r}, level_decay={self.level_decay}"
        )


def hwc_loss(
    embeddings: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    manifold: Any,
    temperature: float | Tensor | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    scaling: Scaling = "mass",
    similarity: str = "auto",
    positives: Positives = "supervised",
    partial: Partial = "leave_out",
    negatives: Negatives = "far",
    level_decay: float = 0.0,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    block_size: int | None = None,
    class_weights: ClassWeights = None,
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`HWCLoss`.

    >>> import torch
    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    >>> labels = tree.encode(["a1", "a1", "a2", "b1"])
    >>> hwc_loss(z, labels, tree, manifold=Sphere(), temperature=0.5)
    tensor(0.7639)
    """
    manifold = as_geometry(manifold)
    similarity = resolve_similarity(similarity, manifold)
    pairs = functools.partial(
        _hwc_pairs,
        temperature=resolve_temperature(temperature, similarity, validate),
        alpha=check_strength("alpha", alpha),
        beta=check_strength("beta", beta),
        scaling=_check_scaling(scaling, similarity),
        positives=_check_positives(positives),
        partial=_check_partial(partial),
        negatives=_check_negatives(negatives, scaling),
        level_decay=_check_level_decay(level_decay, positives),
    )
    return contrastive_loss(
        pairs,
        embeddings,
        labels,
        ref_emb,
        ref_labels,
        indices_tuple,
        manifold=manifold,
        similarity=similarity,
        taxonomy=as_tree(taxonomy),
        reduction=reduction,
        block_size=block_size,
        class_weights=check_class_weights(class_weights),
        levels=functools.partial(_level_rule, level_decay=level_decay),
        validate=validate,
    )


def _check_positives(positives: Positives) -> Positives:
    if positives not in get_args(Positives):
        raise ValueError(f"positives must be one of {get_args(Positives)}, got {positives!r}")
    return positives


def _check_partial(partial: Partial) -> Partial:
    if partial not in get_args(Partial):
        raise ValueError(f"partial must be one of {get_args(Partial)}, got {partial!r}")
    return partial


def _check_negatives(negatives: Negatives, scaling: str) -> Negatives:
    if negatives not in get_args(Negatives):
        raise ValueError(f"negatives must be one of {get_args(Negatives)}, got {negatives!r}")
    if negatives == "near" and scaling != "mass":
        raise ValueError(f"negatives='near' needs scaling='mass', got {scaling!r}")
    return negatives


def _check_level_decay(level_decay: float, positives: Positives) -> float:
    if not 0.0 <= level_decay <= 1.0:
        raise ValueError(f"level_decay must be in [0, 1], got {level_decay!r}")
    if level_decay > 0.0 and positives != "supervised":
        raise ValueError(
            f"level_decay={level_decay} needs positives='supervised', got {positives!r}"
        )
    return level_decay


def _check_scaling(scaling: str, similarity: str) -> str:
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling must be one of {get_args(Scaling)}, got {scaling!r}")
    suited = _SUITED[similarity]
    if scaling not in (suited, "mass", "outside"):
        near = "similar" if similarity == "cosine" else "distant"
        warnings.warn(
            f"scaling={scaling!r} with similarity={similarity!r} repels siblings more than "
            f"samples of other branches once pairs are {near}; use {suited!r} or 'mass'",
            stacklevel=3,
        )
    return scaling
