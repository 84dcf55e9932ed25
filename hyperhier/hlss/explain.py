"""Which attributes drive a prediction, as numbers, a table and a picture."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hyperhier._numerics import unit_vector
from hyperhier.hlss.head import HLSS

__all__ = ["AttributeShare", "Explanation", "attribute_prototypes", "explain"]

_BAR_HEIGHT = 0.3  # inches
_FOR, _AGAINST = "#2f6db3", "#c0563b"


class AttributeShare(NamedTuple):
    """One attribute's part in a prediction: score of the sample, and share of the margin."""

    attribute: str
    score: float
    share: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why one sample is nearer to one class than to another, attribute by attribute.

    Attributes:
        level: name of the level that the attributes are of.
        predicted, against: positions of the two classes among the prototypes.
        margin: score of the one minus score of the other; the shares add up to it.
        shares: all attributes, the weightiest first.
    """

    level: str
    predicted: int
    against: int
    margin: float
    shares: tuple[AttributeShare, ...]

    def table(self, rows: int = 10) -> str:
        """The weightiest attributes as a Markdown table."""
        lines = ["| attribute | score | share of the margin |", "|---|---:|---:|"]
        for s in self.shares[:rows]:
            name = s.attribute.replace("|", "\\|")
            lines.append(f"| {name} | {s.score:+.3f} | {s.share:+.4f} |")
        rest = sum(s.share for s in self.shares[rows:])
        if self.shares[rows:]:
            lines.append(f"| {len(self.shares) - rows} others | | {rest:+.4f} |")
        lines.append(f"| **all** | | {self.margin:+.4f} |")
        return "\n".join(lines)

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """All attributes: ``attribute, score, share``."""
        target = Path(path)
        with open(target, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(AttributeShare._fields)
            writer.writerows((s.attribute, f"{s.score:.6g}", f"{s.share:.6g}") for s in self.shares)
        return target

    def plot(self, path: str | os.PathLike[str], rows: int = 12, title: str | None = None) -> Path:
        """Draw the weightiest attributes as bars; the suffix is .png, .svg or .pdf.

        Raises:
            ValueError: another suffix.
            ImportError: matplotlib is missing.
        """
        from hyperhier.plot._canvas import FAINT, INK, check_suffix, new_figure, save

        check_suffix(Path(path))
        shown = self.shares[:rows]
        figure = new_figure(7.0, _BAR_HEIGHT * len(shown) + 1.2)
        axes = figure.add_subplot()
        places = range(len(shown))
        colours = [_FOR if s.share >= 0 else _AGAINST for s in shown]
        axes.barh(places, [s.share for s in shown], color=colours, height=0.7)
        axes.set_yticks(places, [s.attribute for s in shown], fontsize=9, color=INK)
        axes.invert_yaxis()
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        axes.set_xlabel("share of the margin", fontsize=9, color=INK)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        axes.set_title(title or f"margin {self.margin:+.3f}", fontsize=11, color=INK, loc="left")
        return save(figure, path)


@torch.no_grad()
def attribute_prototypes(
    head: HLSS, features: Tensor, labels: Tensor, level: int = -1
) -> tuple[Tensor, Tensor]:
    """Mean attribute scores of every class, normalised.

    Args:
        features: ``(n, d)``.
        labels: int64 ``(n,)``.

    Returns:
        class ids ``(P,)``, ascending, and prototypes ``(P, A)``.
    """
    if labels.dim() != 1:
        raise ValueError(f"expected one label for each sample (n,), got {tuple(labels.shape)}")
    if not len(labels) or len(labels) != len(features):
        raise ValueError(f"got {len(features)} features and {len(labels)} labels")
    scores = head.project(features, _position(head, level))
    ids, which = torch.unique(labels, return_inverse=True)
    total = scores.new_zeros(len(ids), scores.shape[1]).index_add_(0, which, scores)
    return ids, unit_vector(total)


@torch.no_grad()
def explain(
    head: HLSS,
    features: Tensor,
    prototypes: Tensor,
    *,
    level: int = -1,
    predicted: int | None = None,
    against: int | None = None,
) -> Explanation:
    """Attribute by attribute, why one sample is nearer to one prototype than to another.

    The score of class c is zhat . mu_c, the cosine of the attribute scores with its
    prototype; zhat_j (mu_cj - mu_rj) is the share of attribute j in the margin of c over r,
    and the shares add up to it exactly.

    Args:
        features: of one sample, ``(d,)``.
        prototypes: ``(P, A)``, of :func:`attribute_prototypes`.
        level: of the attributes; negative ones count from the finest.
        predicted: position of c; default: the class of the largest score.
        against: position of r; default: the runner-up, or the best other class.

    >>> from hyperhier.hlss import TextLevel
    >>> head = HLSS([TextLevel("look", ("red", "round"), torch.eye(2))], dim=2)
    >>> why = explain(head, torch.tensor([3.0, 4.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    >>> why.predicted, round(why.margin, 3)
    (1, 0.2)
    >>> [(s.attribute, round(s.share, 3)) for s in why.shares]
    [('round', 0.8), ('red', -0.6)]
    """
    at = _position(head, level)
    attributes = head.levels[at].attributes
    if features.dim() != 1:
        raise ValueError(f"expected the features of one sample (d,), got {tuple(features.shape)}")
    if not bool(features.isfinite().all()):
        raise ValueError("the features are not finite")
    if prototypes.dim() != 2 or len(prototypes) < 2 or prototypes.shape[1] != len(attributes):
        raise ValueError(
            f"expected at least two prototypes (P, {len(attributes)}), "
            f"got {tuple(prototypes.shape)}"
        )
    scores = head.project(features, at)
    prototypes = prototypes.to(scores)
    for name, given in (("predicted", predicted), ("against", against)):
        if given is not None and not 0 <= given < len(prototypes):
            raise ValueError(f"{name} must be in [0, {len(prototypes)}), got {given}")
    ranking = (prototypes @ scores).argsort(descending=True, stable=True).tolist()
    winner = ranking[0] if predicted is None else predicted
    other = next(c for c in ranking if c != winner) if against is None else against
    shares = scores * (prototypes[winner] - prototypes[other])
    order = shares.abs().argsort(descending=True, stable=True).tolist()
    return Explanation(
        head.levels[at].name,
        winner,
        other,
        float(shares.sum()),
        tuple(AttributeShare(attributes[j], float(scores[j]), float(shares[j])) for j in order),
    )


def _position(head: HLSS, level: int) -> int:
    count = len(head.levels)
    if not -count <= level < count:
        raise ValueError(f"level must be in [{-count}, {count}), got {level}")
    return level % count
