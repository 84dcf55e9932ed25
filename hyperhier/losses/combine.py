"""Sums of losses, made from a short text."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hyperhier.losses._inputs import as_geometry, as_tree
from hyperhier.losses.cpcc import CPCCLoss
from hyperhier.losses.entailment import EntailmentLoss
from hyperhier.losses.hidisc import HiDiscLoss
from hyperhier.losses.hlss import HLSSLoss
from hyperhier.losses.hmlc import HMLCLoss
from hyperhier.losses.hwc import HWCLoss
from hyperhier.losses.hxe import HXELoss
from hyperhier.losses.la_scl import LASCLLoss
from hyperhier.losses.lam import LAMLoss
from hyperhier.losses.ntxent import NTXentLoss
from hyperhier.losses.pairwise import PairwiseLoss
from hyperhier.losses.shadow import ShadowLoss
from hyperhier.losses.shuffled import ShuffledLeavesLoss
from hyperhier.losses.soft_labels import SoftLabelsLoss
from hyperhier.losses.sparcl import SpARCLLoss
from hyperhier.losses.supcon import SupConLoss
from hyperhier.losses.tree_triplet import TreeTripletLoss

__all__ = ["CombinedLoss", "available_losses", "losses_in", "make_loss"]

# prefix of a loss whose leaves are permuted
_SHUFFLED = "shuffled:"

_LOSSES: dict[str, type[nn.Module]] = {
    "cpcc": CPCCLoss,
    "entailment": EntailmentLoss,
    "hidisc": HiDiscLoss,
    "hlss": HLSSLoss,
    "hmlc": HMLCLoss,
    "hwc": HWCLoss,
    "hxe": HXELoss,
    "la_scl": LASCLLoss,
    "lam": LAMLoss,
    "ntxent": NTXentLoss,
    "pairwise": PairwiseLoss,
    "shadow": ShadowLoss,
    "soft_labels": SoftLabelsLoss,
    "sparcl": SpARCLLoss,
    "supcon": SupConLoss,
    "tree_triplet": TreeTripletLoss,
}


class CombinedLoss(nn.Module):
    """A weighted sum of losses, with the call of each.

    Args:
        terms: losses by name.
        weights: their weights; 1 where absent.

    Attributes:
        components: the last value of each term, unweighted and detached.
    """

    def __init__(
        self, terms: Mapping[str, nn.Module], weights: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        if not terms:
            raise ValueError("expected at least one loss")
        self.terms = nn.ModuleDict(terms)
        self.weights = dict.fromkeys(terms, 1.0) | dict(weights or {})
        if unknown := self.weights.keys() - self.terms.keys():
            raise ValueError(f"weights for {sorted(unknown)}, which are no terms")
        self.components: dict[str, Tensor] = {}

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
        indices_tuple: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """The sum; arguments as of the terms, e.g. :class:`~hyperhier.losses.ContrastiveLoss`."""
        values = {
            name: term(embeddings, labels, ref_emb, ref_labels, indices_tuple)
            for name, term in self.terms.items()
        }
        self.components = {name: value.detach() for name, value in values.items()}
        weighted = [self.weights[name] * value for name, value in values.items()]
        return torch.stack(weighted).sum(dim=0) if len(weighted) > 1 else weighted[0]

    def extra_repr(self) -> str:
        return " + ".join(f"{self.weights[name]:g}*{name}" for name in self.terms)


def available_losses() -> tuple[str, ...]:
    """The names that :func:`make_loss` knows.

    >>> "hwc" in available_losses()
    True
    """
    return tuple(sorted(_LOSSES))


def losses_in(spec: str) -> list[str]:
    """The names of losses in a text for :func:`make_loss`, known or not.

    >>> losses_in("hwc + 0.5*shuffled:hwc + 2*lam")
    ['hwc', 'hwc', 'lam']
    """
    return [name.removeprefix(_SHUFFLED) for _, name in _parts(spec)]


def make_loss(
    spec: str, taxonomy: Any, manifold: Any, *, dim: int | None = None, **options: Any
) -> CombinedLoss:
    """A loss from a text such as ``"hwc"`` or ``"hwc+0.5*lam"``.

    Args:
        spec: names of :func:`available_losses` joined by ``+``, each with an optional
            non-negative weight ``number*name``. The prefix ``shuffled:`` makes a
            :class:`~hyperhier.losses.ShuffledLeavesLoss` of a loss, seeded by the option
            ``shuffle_seed``.
        taxonomy: a Taxonomy, the name of a built-in one, or a path; None for losses without.
        manifold: a manifold of hyperhier, its name, or a geoopt manifold.
        dim: features of the points, for the losses that own points of classes; the others do
            not read it.
        options: keyword arguments of the losses; each goes to all the terms that accept it.

    Raises:
        ValueError: an unknown or repeated name, or a bad weight.
        TypeError: an option that no term accepts.

    >>> from hyperhier.manifolds import Lorentz
    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("x", "a", "a1"), ("x", "a", "a2"), ("x", "b", "b1")])
    >>> m = Lorentz()
    >>> loss = make_loss("hwc+0.5*lam", tree, m, temperature=0.3, margin=0.2)
    >>> z = m.from_features(torch.eye(2).repeat(2, 1))
    >>> value = loss(z, tree.encode(["a1", "a2", "a1", "b1"]))
    >>> sorted(loss.components)
    ['hwc', 'lam']
    """
    weights: dict[str, float] = {}
    for factor, name in _parts(spec):
        if name.removeprefix(_SHUFFLED) not in _LOSSES:
            raise ValueError(
                f"unknown loss {name!r} in {spec!r}; known: {', '.join(available_losses())}"
            )
        if name in weights:
            raise ValueError(f"loss {name!r} appears twice in {spec!r}")
        weights[name] = _weight(factor, spec) if factor else 1.0
    kinds = {name: _LOSSES[name.removeprefix(_SHUFFLED)] for name in weights}
    accepted = {name: _parameters(kind) for name, kind in kinds.items()}
    seeds = {"seed": options.pop("shuffle_seed")} if "shuffle_seed" in options else {}
    if seeds and not any(name.startswith(_SHUFFLED) for name in weights):
        raise TypeError(f"no loss of {spec!r} is shuffled, but shuffle_seed is given")
    for option in options:
        if not any(option in parameters for parameters in accepted.values()):
            known = sorted(set().union(*accepted.values()) - {"taxonomy", "manifold", "dim"})
            raise TypeError(
                f"no loss of {spec!r} accepts the option {option!r}; known: {', '.join(known)}"
            )
    geometry = as_geometry(manifold)
    tree = None if taxonomy is None else as_tree(taxonomy)
    terms: dict[str, nn.Module] = {}
    for name, parameters in accepted.items():
        chosen = {key: value for key, value in options.items() if key in parameters}
        if "taxonomy" in parameters:
            if tree is None:
                raise ValueError(f"loss {name!r} needs a taxonomy, got None")
            chosen["taxonomy"] = tree
        if "dim" in parameters:
            if dim is None:
                raise ValueError(f"loss {name!r} needs the number of features: dim=...")
            chosen["dim"] = dim
        terms[name] = kinds[name](manifold=geometry, **chosen)
        if name.startswith(_SHUFFLED):
            terms[name] = ShuffledLeavesLoss(terms[name], **seeds)
    return CombinedLoss(terms, weights)


def _parameters(loss: type[nn.Module]) -> set[str]:
    """The keyword arguments of a loss, those that it hands on to its base included."""
    names: set[str] = set()
    for part in loss.__mro__:
        if "__init__" not in vars(part):
            continue
        found = inspect.signature(vars(part)["__init__"]).parameters
        names |= {name for name, p in found.items() if p.kind is not p.VAR_KEYWORD}
        if all(p.kind is not p.VAR_KEYWORD for p in found.values()):
            break
    return names - {"self"}


def _parts(spec: str) -> list[tuple[str, str]]:
    """The weights, empty for none, and the names with their prefixes."""
    split = [part.rpartition("*") for part in spec.split("+")]
    return [(factor, name.strip().lower()) for factor, _, name in split]


def _weight(text: str, spec: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no weight, in {spec!r}") from None
    if not (0.0 <= weight < math.inf):
        raise ValueError(f"weights must be finite and at least 0, got {weight} in {spec!r}")
    return weight
