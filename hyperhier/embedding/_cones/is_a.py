"""Is-a predicted by an embedding: a score for pairs, and the threshold that serves best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hyperhier.embedding._cones.energy import cone_energy, half_space_energy
from hyperhier.embedding._embedding import TaxonomyEmbedding

__all__ = ["Decision", "best_decision", "is_a_scores"]

_SCORES = ("half_space", "cone", "distance", "ranked_distance")
# Pairs scored at once.
_BLOCK = 1 << 18


class Decision(NamedTuple):
    """A threshold and how well it decides.

    Attributes:
        threshold: is-a holds where the score is at least this.
        precision, recall, f1: of that decision, between 0 and 1; 0 where nothing was found.
    """

    threshold: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, threshold: float, positive: Tensor, negative: Tensor) -> Decision:
        """How the threshold does on the scores of true pairs and of false ones, any shapes.

        >>> Decision.of(0.0, torch.tensor([1.0, 2.0, -1.0]), torch.tensor([-3.0, 0.0]))[1:]
        (0.6666666666666666, 0.6666666666666666, 0.6666666666666666)
        """
        found = int((positive >= threshold).sum())
        wrong = int((negative >= threshold).sum())
        precision = found / (found + wrong) if found else 0.0
        recall = found / positive.numel() if found else 0.0
        f1 = 2.0 * precision * recall / (precision + recall) if found else 0.0
        return cls(threshold, precision, recall, f1)


def best_decision(positive: Tensor, negative: Tensor) -> Decision:
    """The threshold of the largest F1 on these pairs; the strictest one of several.

    It lies midway between the lowest score that it takes and the highest that it does not.

    Args:
        positive, negative: scores of true pairs and of false ones, any shapes. Some pairs of
            each kind are needed.

    Raises:
        ValueError: if there is no pair of a kind, or a score is NaN.

    >>> best_decision(torch.tensor([3.0, 2.0, 0.0]), torch.tensor([-1.0, 1.0, 0.0]))
    Decision(threshold=1.5, precision=1.0, recall=0.6666666666666666, f1=0.8)
    """
    positive, negative = positive.reshape(-1).double(), negative.reshape(-1).double()
    if not (positive.numel() and negative.numel()):
        raise ValueError("a threshold needs scores of true pairs and of false ones")
    scores = torch.cat((positive, negative))
    if bool(scores.isnan().any()):
        raise ValueError("a score is NaN")
    order = scores.argsort(descending=True, stable=True)
    true = (order < positive.numel()).cumsum(0)
    taken = torch.arange(1, len(order) + 1)
    f1 = 2.0 * true / (taken + positive.numel())
    # pairs of equal score are taken together
    ordered = scores[order]
    last = torch.ones_like(ordered, dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    f1[~last] = -1.0
    best = int(f1.argmax())
    lowest = float(ordered[best])
    highest = float(ordered[min(best + 1, len(ordered) - 1)])
    middle = 0.5 * (lowest + highest)
    taken_alone = math.isfinite(middle) and highest < middle
    return Decision.of(middle if taken_alone else lowest, positive, negative)


def is_a_scores(
    embedding: TaxonomyEmbedding,
    pairs: Tensor | Sequence[tuple[str, str]],
    score: str = "half_space",
    *,
    K: float = 0.1,
    alpha: float = 1000.0,
) -> Tensor:
    """How much each pair (u, v) looks like "u is a v"; the higher the more.

    * ``"half_space"``: ``d(u, origin) - d(u, v)``, positive where u lies in the half-space of v
      (:func:`half_space_energy` with the sign changed). What the constructive closure and
      :class:`ConesEmbedder` make.
    * ``"cone"``: minus :func:`cone_energy`; at most 0, and 0 inside the cone.
    * ``"distance"``: ``-d(u, v)``, which has no direction.
    * ``"ranked_distance"``: ``-(1 + alpha (|v| - |u|)) d(u, v)`` of Nickel and Kiela 2017
      (arXiv 1705.08039), with norms in the ball or in Euclidean space.

    Args:
        embedding: of a taxonomy.
        pairs: names ``(u, v)``, or ids ``(2, P)`` with u in the first row.
        score: see above.
        K: width of the cones.
        alpha: of the ranked distance.

    Returns:
        ``(P,)`` float64.

    Raises:
        ValueError: for a score that does not exist, or that the manifold does not have.
        TaxonomyError: for an unknown node.

    >>> from hyperhier.embedding import embed
    >>> from hyperhier.taxonomy import Taxonomy
    >>> emb = embed(Taxonomy.from_paths([("animal", "dog", "poodle"), ("animal", "cat")]))
    >>> is_a_scores(emb, [("poodle", "dog"), ("dog", "poodle"), ("cat", "dog")]) > 0
    tensor([ True, False, False])
    """
    if score not in _SCORES:
        raise ValueError(f"score must be one of {', '.join(map(repr, _SCORES))}, got {score!r}")
    ids = _ids(embedding, pairs)
    space, points = embedding.manifold, embedding.points.cpu().double()
    found = []
    with torch.no_grad():
        if score == "ranked_distance":
            norms = space.dist0(points)
            if space.sectional_curvature < 0.0:
                norms = torch.tanh(0.5 * (-space.sectional_curvature) ** 0.5 * norms)
        for block in ids.split(_BLOCK, dim=1):
            u, v = points[block[0]], points[block[1]]
            if score == "half_space":
                found.append(-half_space_energy(space, v, u))
            elif score == "cone":
                found.append(-cone_energy(space, v, u, K))
            elif score == "distance":
                found.append(-space.dist(u, v))
            else:
                climb = norms[block[1]] - norms[block[0]]
                found.append(-(1.0 + alpha * climb) * space.dist(u, v))
    return torch.cat(found) if found else torch.empty(0, dtype=torch.float64)


def _ids(embedding: TaxonomyEmbedding, pairs: Tensor | Sequence[tuple[str, str]]) -> Tensor:
    """Ids ``(2, P)``."""
    if isinstance(pairs, Tensor):
        if pairs.dim() != 2 or pairs.shape[0] != 2:
            raise ValueError(f"pairs must have shape (2, P), got {tuple(pairs.shape)}")
        if pairs.numel() and not 0 <= int(pairs.min()) <= int(pairs.max()) < len(embedding):
            raise ValueError(f"pairs must hold ids from 0 to {len(embedding) - 1}")
        return pairs.cpu().long()
    encode = embedding.taxonomy.encode
    return torch.stack((encode([u for u, _ in pairs]), encode([v for _, v in pairs])))
