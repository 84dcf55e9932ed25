"""Our distances and losses as those of pytorch-metric-learning.

:class:`ManifoldDistance` gives its losses, miners, testers and reducers the geodesic distance of
any manifold; :class:`PMLLoss` makes a loss of this library one of its losses, so that its
trainers, miners and ``DistributedLossWrapper`` take it. They need
``pip install 'hyperhier[pml]'``.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hyperhier.losses._inputs import as_geometry

try:
    from pytorch_metric_learning.distances import BaseDistance
    from pytorch_metric_learning.losses import BaseMetricLossFunction
except Exception as error:  # a broken installation counts as a missing one
    raise ImportError(
        "ManifoldDistance and PMLLoss need pytorch-metric-learning: pip install 'hyperhier[pml]'"
    ) from error

__all__ = ["ManifoldDistance", "PMLLoss"]


class ManifoldDistance(BaseDistance):
    """Geodesic distance of a manifold, as a distance of pytorch-metric-learning.

    Embeddings are points of the manifold, ``(n, ambient)`` in any floating dtype, and are
    never normalised: a direction is not a point. Distances of coincident points are exactly 0,
    with gradient 0, so that losses need no care at the diagonal.

    Args:
        manifold: a manifold of hyperhier, its name, or a geoopt manifold. It becomes a
            submodule, so a learnable curvature is a parameter of the loss that holds this.
        power: the distance matrix is raised to it.
        collect_stats: as in pytorch-metric-learning; its norms are distances from the origin.

    >>> from pytorch_metric_learning.losses import TripletMarginLoss
    >>> from hyperhier.manifolds import Lorentz
    >>> import torch
    >>> m = Lorentz()
    >>> points = m.from_features(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.5]]))
    >>> distance = ManifoldDistance(m)
    >>> distance(points)[0]
    tensor([0.0000, 1.0000, 1.5000])
    >>> TripletMarginLoss(margin=1.0, distance=distance)(points, torch.tensor([0, 0, 1]))
    tensor(0.2686)
    """

    def __init__(
        self, manifold: Any, *, power: float = 1, collect_stats: bool | None = None
    ) -> None:
        super().__init__(normalize_embeddings=False, power=power, collect_stats=collect_stats)
        self.manifold = as_geometry(manifold)

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        """Distances ``(n, m)`` of points ``(n, a)`` and ``(m, a)``."""
        return self.manifold.dist_matrix(query_emb, ref_emb)

    def pairwise_distance(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        """Distances ``(n,)`` of points ``(n, a)`` and ``(n, a)``."""
        return self.manifold.dist(query_emb, ref_emb)

    def get_norm(self, embeddings: Tensor, dim: int = 1, **kwargs: Any) -> Tensor:
        """Distances from the origin, which stand for norms in the statistics."""
        return self.manifold.dist0(embeddings, dim=dim, **kwargs)


class PMLLoss(BaseMetricLossFunction):
    """A loss of this library as a loss of pytorch-metric-learning.

    Called as ``loss(embeddings, labels, indices_tuple, ref_emb, ref_labels)``, in the order of
    that library, with embeddings ``(n, ambient)`` and labels ``(n,)``. A reducer of its goes to
    the wrapped loss, as ``reduction=``.

    Args:
        loss: any loss with the call of :mod:`hyperhier.losses`.
        embedding_regularizer, embedding_reg_weight, collect_stats: as there.

    Raises:
        TypeError: if ``loss`` is no module, or already one of pytorch-metric-learning.
        ValueError: from the call, on embeddings or labels of another shape, and if the loss
            does not reduce to one number.

    >>> from pytorch_metric_learning.miners import MultiSimilarityMiner
    >>> from hyperhier.losses import SupConLoss
    >>> from hyperhier.manifolds import Lorentz
    >>> import torch
    >>> m = Lorentz()
    >>> miner = MultiSimilarityMiner(epsilon=0.5, distance=ManifoldDistance(m))
    >>> loss = PMLLoss(SupConLoss(manifold=m))
    >>> z = m.from_features(torch.tensor([[0.1, 0.0], [0.2, 0.1], [0.3, 0.0], [0.0, 0.3]]))
    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> loss(z, labels, miner(z, labels))
    tensor(1.3396)
    """

    def __init__(
        self,
        loss: nn.Module,
        *,
        embedding_regularizer: Any = None,
        embedding_reg_weight: float = 1.0,
        collect_stats: bool | None = None,
    ) -> None:
        if not isinstance(loss, nn.Module) or isinstance(loss, BaseMetricLossFunction):
            raise TypeError(f"expected a loss of hyperhier, got {type(loss).__name__}")
        super().__init__(
            embedding_regularizer=embedding_regularizer,
            embedding_reg_weight=embedding_reg_weight,
            collect_stats=collect_stats,
        )
        self.loss = loss

    def compute_loss(
        self,
        embeddings: Tensor,
        labels: Tensor | None,
        indices_tuple: tuple[Tensor, ...] | None,
        ref_emb: Tensor | None,
        ref_labels: Tensor | None,
    ) -> dict[str, dict[str, Any]]:
        """The value of the wrapped loss, in the form that reducers take."""
        if embeddings.dim() != 2:
            raise ValueError(f"embeddings must be (n, ambient), got {tuple(embeddings.shape)}")
        if ref_emb is embeddings:  # how pytorch-metric-learning says that there is no reference
            ref_emb = ref_labels = None
        value = self.loss(embeddings, labels, ref_emb, ref_labels, indices_tuple)
        if value.dim():
            raise ValueError(
                f"the wrapped loss must reduce to one number, got values of shape "
                f"{tuple(value.shape)}: use reduction='mean', 'sum' or a reducer"
            )
        return {"loss": {"losses": value, "indices": None, "reduction_type": "already_reduced"}}
