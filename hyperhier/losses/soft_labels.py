"""Cross-entropy against labels softened along the taxonomy."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyperhier.losses._class_points import ClassLoss, logit_loss
from hyperhier.losses._inputs import as_tree, check_strength
from hyperhier.losses._reduce import Reduction
from hyperhier.taxonomy import Taxonomy

__all__ = ["SoftLabelsLoss", "soft_labels_loss"]


class SoftLabelsLoss(ClassLoss):
    """Cross-entropy against soft labels that fall off with the height of the common ancestor.

    With p a softmax over the leaves,

        L = mean_i -sum_k q(k | y_i) log p_ik,
        q(k | y) proportional to exp(-beta height(lca(y, k)) / height(root)),

    which is :meth:`hyperhier.taxonomy.Taxonomy.label_smoothing`. For a large beta it is the
    cross-entropy of the leaf. Source: Bertinetto et al. 2020, "Making better mistakes" (arXiv
    1912.09393), section 3.2. There p comes from a linear layer; here its logits are
    ``-d(z, class point) / temperature``, which any manifold has (:func:`soft_labels_loss`
    takes logits from elsewhere).

    For a sample labelled with an inner node the same q gives the leaves below it equal
    shares; one labelled with the root says nothing and is left out.

    Args:
        beta: hardness of the labels; finite, >= 0. 0 makes them uniform.
        taxonomy, manifold, dim, ...: see :class:`~hyperhier.losses._class_points.ClassLoss`.

    >>> from hyperhier.manifolds import Sphere
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = SoftLabelsLoss(tree, manifold=Sphere(), dim=2, beta=4.0)
    >>> loss(torch.eye(2), tree.encode(["a1", "b1"])).shape
    torch.Size([])
    """

    def __init__(
        self,
        taxonomy: Any,
        *,
        manifold: Any,
        dim: int,
        beta: float = 10.0,
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
        self.beta = check_strength("beta", beta)

    def sample_losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return _soft_labels(logits, labels, taxonomy=self.taxonomy, beta=self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"


def soft_labels_loss(
    logits: Tensor,
    labels: Tensor,
    taxonomy: Any,
    *,
    beta: float = 10.0,
    indices_tuple: tuple[Tensor, ...] | None = None,
    reduction: Reduction = "mean",
    validate: bool = True,
) -> Tensor:
    """The functional form of :class:`SoftLabelsLoss`, for given logits.

    Args:
        logits: ``(B, K)`` or ``(B, V, K)``, floating, finite; one column per leaf of the
            taxonomy in the order of its ``leaf_ids``.
        labels: ``(B,)`` node ids, or paths ``(B, L)``, whose last column counts.
        indices_tuple: only the samples that are an anchor in it count.
        taxonomy, beta, ...: see :class:`SoftLabelsLoss`.

    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> logits = torch.tensor([[9.0, 0.0, 0.0]])
    >>> soft_labels_loss(logits, tree.encode(["a1"]), tree, beta=4.0)
    tensor(1.1989)
    """
    tree = as_tree(taxonomy)
    return logit_loss(
        partial(_soft_labels, taxonomy=tree, beta=check_strength("beta", beta)),
        logits,
        labels,
        indices_tuple,
        taxonomy=tree,
        reduction=reduction,
        validate=validate,
    )


def _soft_labels(
    logits: Tensor, labels: Tensor, *, taxonomy: Taxonomy, beta: float
) -> tuple[Tensor, Tensor]:
    present, which = torch.unique(labels, return_inverse=True)
    leaves = taxonomy.leaf_ids.to(labels.device)
    common = taxonomy.lca(present[:, None], leaves[None, :])
    height = taxonomy.node_height.to(labels.device)[common].double() / max(taxonomy.height, 1)
    share = torch.softmax(-beta * height, dim=1).to(logits)[which]
    says_something = labels != taxonomy.root_id if taxonomy.height else labels == labels
    return -(share * logits.log_softmax(dim=1)).sum(dim=1), says_something
