"""Hierarchical cross-entropy."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from hyperhier.losses._class_points import ClassLoss, logit_loss
from hyperhier.losses._inputs import as_tree, check_strength
from hyperhier.losses._reduce import Reduction
from hyperhier.taxonomy import Taxonomy

__all__ = ["HXELoss", "hxe_loss"]

Weighting = Literal["depth", "height"]


class HXELoss(ClassLoss):
    """Hierarchical cross-entropy: one cross-entropy per step down the tree, weighted.

    With p a softmax over the leaves, p(v) its mass below node v, and a_l(y) the ancestor of
    the label on level l,

        L = mean_i sum_{l >= 1} exp(-alpha h(a_l)) (-log p(a_l | a_{l-1})),
        p(a_l | a_{l-1}) = p(a_l) / p(a_{l-1}).

    With alpha = 0 this is the cross-entropy of the leaf. Source: Bertinetto et al. 2020,
    "Making better mistakes" (arXiv 1912.09393), section 3.1. There p comes from a linear
    layer; here its logits are ``-d(z, class point) / temperature``, which any manifold has
    (:func:`hxe_loss` takes logits from elsewhere).

    A sample labelled with an inner node counts down to that node; one labelled with the root
    is left out, as is, in a taxonomy with several parents, where a node's leaves are those
    below it by primary parents, a label without such a leaf.

    Args:
        alpha: decay of the weights; finite, >= 0.
        weighting: what h is. ``"depth"``: the depth of the node, as in the released code (up
            to its constant factor), so that a larger alpha prefers coarse decisions;
            ``"height"``: the number of edges from the node down to its deepest leaf, where a
            larger alpha prefers fine ones.
        taxonomy, manifold, dim, ...: see :class:`~hyperhier.losses._class_points.ClassLoss`.

    >>> from hyperhier.manifolds import Lorentz
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = HXELoss(tree, manifold=Lorentz(), dim=2, alpha=0.5)
    >>> z = Lorentz().from_features(torch.eye(2))
    >>> loss(z, tree.encode(["a1", "b1"])).shape, loss.predict(z).shape
    (torch.Size([]), torch.Size([2]))
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        dim: int,
        alpha: float = 0.1,
        weighting: Weighting = "depth",
        temperature: float = 0.2,
        learn_temperature: bool = False,
        initial: Tensor | None = None,
        reduction: Reduction = "mean",
        validate: bool = True,
    ) -> None:
        super().__init__(
            taxonomy,
            manifold=manifold,
            dim=dim,
            temperature=temperature,
            learn_temperature=learn_temperature,
            initial=initial,
            reduction=reduction,
            validate=validate,
        )
        self.alpha, self.weighting = _checked(alpha, weighting)

    def sample_losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return _hxe(
            logits, labels, taxonomy=self.taxonomy, alpha=self.alpha, weighting=self.weighting
        )

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, weighting={self.weighting!r}"


def hxe_loss(
    logits: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    alpha: float = 0.1,
    weighting: Weighting = "depth",
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`HXELoss`, for given logits.

    Args:
        logits: ``(B, K)`` or ``(B, V, K)``, floating, finite; one column per leaf of the
            taxonomy in the order of its ``leaf_ids``.
        labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts.
        indices_tuple: only the samples that are an anchor in it count.
        taxonomy, alpha, ...: see :class:`HXELoss`.

    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> hxe_loss(torch.zeros(1, 3), tree.encode(["a1"]), tree, alpha=1.0)
    tensor(0.2430)
    """
    tree = as_tree(taxonomy)
    alpha, weighting = _checked(alpha, weighting)
    return logit_loss(
        partial(_hxe, taxonomy=tree, alpha=alpha, weighting=weighting),
        logits,
        labels,
        indices_tuple,
        taxonomy=tree,
        reduction=reduction,
        validate=validate,
    )


def _checked(alpha: float, weighting: Weighting) -> tuple[float, Weighting]:
    if weighting not in get_args(Weighting):
        raise ValueError(f"weighting must be one of {get_args(Weighting)}, got {weighting!r}")
    return check_strength("alpha", alpha), weighting


def _hxe(
    logits: Tensor, labels: Tensor, *, taxonomy: Taxonomy, alpha: float, weighting: Weighting
) -> tuple[Tensor, Tensor]:
    height = taxonomy.depth if weighting == "depth" else taxonomy.node_height
    weight = torch.exp(-alpha * height.double()).to(logits)
    path = taxonomy.paths(labels)
    below = taxonomy.paths(taxonomy.leaf_ids.to(labels.device))
    has_leaf = torch.zeros(len(taxonomy), dtype=torch.bool, device=labels.device)
    has_leaf[below.flatten()] = True
    says_something = labels != taxonomy.root_id if taxonomy.height else has_leaf[labels]
    valid = has_leaf[labels] & says_something

    losses = logits[:, :0].sum(dim=1)
    parent_mass = logits.logsumexp(dim=1)
    for level in range(1, taxonomy.height + 1):
        deep_enough = valid & (path[:, level] != path[:, level - 1])
        outside = (below[:, level] != path[:, level, None]) & deep_enough[:, None]
        mass = logits.masked_fill(outside, -torch.inf).logsumexp(dim=1)
        mass = torch.where(deep_enough, mass, parent_mass)
        losses = losses + weight[path[:, level]] * (parent_mass - mass)
        parent_mass = mass
    return losses, valid
