"""The HLSS head: features read through the attributes of every level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hyperhier._numerics import unit_vector
from hyperhier.hlss.levels import TextLevel

__all__ = ["HLSS", "symmetric_kl"]


class HLSS(nn.Module):
    """Attribute projections initialised from text embeddings, one per level.

    On level k, with A_k attributes and their unit embeddings T_k ``(A_k, d)``:
    zhat_k = normalise(W_k z + b_k), where z is the unit feature vector, W_k starts as T_k and
    b_k as 0, so that before training zhat_k lists the cosines with the attributes. T_k itself
    stays fixed. Source: arXiv 2403.14616.

    Text embeddings of e numbers and features of d are brought together by a fixed linear map:
    for e > d onto the d main directions of all texts, for e < d an isometry; none for e = d.

    Args:
        levels: texts of each level, coarse to fine, all with e columns.
        dim: d, length of the feature vectors.
        seed: of the isometry.

    >>> levels = [TextLevel("kind", ("red", "round"), torch.eye(2))]
    >>> head = HLSS(levels, dim=2)
    >>> head(torch.tensor([[3.0, 4.0]]))
    [tensor([[0.6000, 0.8000]], grad_fn=<...>)]
    >>> head.nearest(torch.tensor([[3.0, 4.0]]), 0)
    tensor([1])
    """

    basis: Tensor

    def __init__(self, levels: Sequence[TextLevel], dim: int, *, seed: int = 0) -> None:
        super().__init__()
        if not levels:
            raise ValueError("HLSS needs at least one level of texts")
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise ValueError(f"dim must be a whole number >= 1, got {dim!r}")
        widths = {level.vectors.shape[1] for level in levels}
        if len(widths) != 1:
            raise ValueError(f"texts of all levels must have the same length, got {sorted(widths)}")
        self.levels = tuple(levels)
        self.dim = dim
        vectors = torch.cat([level.vectors for level in levels]).double()
        self.register_buffer("basis", _basis(vectors, dim, seed).float())
        self.projections = nn.ModuleList()
        for k, level in enumerate(self.levels):
            text = self.place(level.vectors)
            self.register_buffer(f"text_{k}", text)
            projection = nn.Linear(dim, len(text))
            with torch.no_grad():
                projection.weight.copy_(text)
                projection.bias.zero_()
            self.projections.append(projection)

    def place(self, vectors: Tensor) -> Tensor:
        """Unit vectors ``(m, d)`` of the feature space for text embeddings ``(m, e)``."""
        return unit_vector(vectors.to(self.basis) @ self.basis)

    def texts(self, level: int) -> Tensor:
        """T_k: ``(A_k, d)``, rows of length 1."""
        text: Tensor = getattr(self, f"text_{level}")
        return text

    def forward(self, features: Tensor) -> list[Tensor]:
        """zhat_k ``(*batch, A_k)`` of every level, from features ``(*batch, d)``."""
        return [self.project(features, level) for level in range(len(self.levels))]

    def project(self, features: Tensor, level: int) -> Tensor:
        """zhat_k ``(*batch, A_k)`` of one level."""
        linear = self.projections[level]
        assert isinstance(linear, nn.Linear)
        z = self._unit(features)
        return unit_vector(F.linear(z, linear.weight.to(z.dtype), linear.bias.to(z.dtype)))

    @torch.no_grad()
    def nearest(self, features: Tensor, level: int) -> Tensor:
        """Position of the attribute whose text is nearest to z: int64 ``(*batch,)``."""
        z = self._unit(features)
        return (z @ self.texts(level).to(z.dtype).mT).argmax(dim=-1)

    def alignment(
        self,
        features: Tensor,
        level: int,
        target: Tensor | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Symmetric divergence between softmax(z / T) and softmax(t / T), with gradient.

        Args:
            features: ``(n, d)``.
            target: ``(n,)`` positions of attributes; default: :meth:`nearest`.

        Returns:
            ``(n,)``.
        """
        z = self._unit(features)
        index = self.nearest(features, level) if target is None else target
        text = self.texts(level).to(z.dtype)[index]
        return symmetric_kl(z / temperature, text / temperature)

    @torch.no_grad()
    def zero_shot(self, features: Tensor, vectors: Tensor) -> Tensor:
        """The nearest of some text embeddings ``(m, e)``, by the cosine: int64 ``(*batch,)``."""
        z = self._unit(features)
        return (z @ self.place(vectors).to(z.dtype).mT).argmax(dim=-1)

    def _unit(self, features: Tensor) -> Tensor:
        if features.shape[-1] != self.dim:
            raise ValueError(f"expected {self.dim} features, got {features.shape[-1]}")
        return unit_vector(features)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, levels={self.levels}"


def symmetric_kl(x: Tensor, y: Tensor) -> Tensor:
    """1/2 [KL(softmax x || softmax y) + KL(softmax y || softmax x)] over the last dimension.

    >>> symmetric_kl(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.4621)
    """
    p, q = x.log_softmax(dim=-1), y.log_softmax(dim=-1)
    return 0.5 * ((p.exp() - q.exp()) * (p - q)).sum(dim=-1)


def _basis(vectors: Tensor, dim: int, seed: int) -> Tensor:
    """``(e, d)``; see :class:`HLSS`."""
    width = vectors.shape[1]
    if width == dim:
        return torch.eye(dim, dtype=vectors.dtype)
    if width < dim:
        generator = torch.Generator().manual_seed(seed)
        tall = torch.randn(dim, width, generator=generator, dtype=vectors.dtype)
        return torch.linalg.qr(tall).Q.mT
    directions = torch.linalg.eigh(vectors.mT @ vectors).eigenvectors.flip(1)[:, :dim]
    largest = directions.abs().argmax(dim=0)
    return directions * directions[largest, torch.arange(dim)].sign()
