"""Another loss with the leaves of its taxonomy shuffled: a second task for the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ShuffledLeavesLoss"]


class ShuffledLeavesLoss(nn.Module):
    """A loss for which every leaf stands at the place of another one.

    With a permutation pi of the leaves, drawn once, it is the inner loss of the labels pi(y):
    groups of classes that need not look alike are to be held together and told apart. With a
    small weight beside the same loss on the true leaves it is a second task over the same classes
    (ours); in place of it, it is a control that no gain from the taxonomy may survive.

    In :func:`~hyperhier.losses.make_loss` it is the prefix ``shuffled:``, as in
    ``"hwc+0.25*shuffled:hwc"``, and its seed the option ``shuffle_seed``.

    Args:
        loss: the inner loss, with its ``taxonomy``.
        seed: of the permutation; None: drawn from torch's global generator. In a distributed run
            every rank needs the same one.

    Attributes:
        loss: the inner loss.
        order: node id -> id of the node whose place it takes, int64 ``(N,)``; a buffer. Inner
            nodes stay.

    Raises:
        TypeError: the inner loss has no taxonomy.

    >>> from hyperhier.losses import HWCLoss
    >>> from hyperhier.manifolds import Sphere
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> loss = ShuffledLeavesLoss(HWCLoss(tree, manifold=Sphere()), seed=1)
    >>> dict(zip(tree.leaves, tree.decode(loss.order[tree.leaf_ids])))
    {'a1': 'a2', 'a2': 'b1', 'b1': 'a1'}
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    >>> loss(z, tree.encode(["a1", "a1", "a2", "b1"]))
    tensor(0.9640)
    """

    order: Tensor

    def __init__(self, loss: nn.Module, *, seed: int | None = None) -> None:
        super().__init__()
        tree = getattr(loss, "taxonomy", None)
        if tree is None:
            raise TypeError(f"there is no taxonomy in {type(loss).__name__} to shuffle")
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        order, leaves = torch.arange(len(tree)), tree.leaf_ids
        order[leaves] = leaves[torch.randperm(len(leaves), generator=generator)]
        self.register_buffer("order", order)
        self.loss = loss

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """The inner loss; arguments as there."""
        other = None if ref_labels is None else self._moved(ref_labels)
        value: Tensor = self.loss(embeddings, self._moved(labels), ref_emb, other, indices_tuple)
        return value

    def _moved(self, labels: Tensor) -> Tensor:
        """Labels, paths or a table of labels with every leaf moved; what is no id stays none."""
        count = len(self.order)
        if labels.dtype == torch.bool:
            return labels[:, self.order.argsort()] if labels.shape[-1] == count else labels
        known = (labels >= 0) & (labels < count)
        return torch.where(known, self.order[labels.long().clamp(0, count - 1)], labels)
