"""Hyperbolic, hierarchy-aware representation learning in PyTorch.

The names below are loaded when they are first used, so ``import hyperhier`` is instant:

>>> import hyperhier
>>> tree = hyperhier.Taxonomy.from_edges([("animal", "cat"), ("animal", "dog")])
>>> tree.leaves
('cat', 'dog')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hyperhier._version import __version__

if TYPE_CHECKING:
    from hyperhier.embedding import TaxonomyEmbedding, embed
    from hyperhier.errors import (
        DataError,
        HyperhierError,
        ManifoldError,
        RunError,
        TaxonomyError,
    )
    from hyperhier.losses import HWCLoss, LAMLoss, NTXentLoss, SupConLoss
    from hyperhier.manifolds import (
        Euclidean,
        Lorentz,
        Manifold,
        PoincareBall,
        Polar,
        Sphere,
        as_manifold,
        get_manifold,
    )
    from hyperhier.nn import ManifoldParameter, ToManifold
    from hyperhier.optim import RiemannianAdam, RiemannianSGD
    from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, read_taxonomy
    from hyperhier.training import evaluate, train

__all__ = [
    "DataError",
    "Euclidean",
    "HWCLoss",
    "HyperhierError",
    "LAMLoss",
    "Lorentz",
    "Manifold",
    "ManifoldError",
    "ManifoldParameter",
    "NTXentLoss",
    "PoincareBall",
    "Polar",
    "RiemannianAdam",
    "RiemannianSGD",
    "RunError",
    "Sphere",
    "SupConLoss",
    "Taxonomy",
    "TaxonomyEmbedding",
    "TaxonomyError",
    "ToManifold",
    "__version__",
    "as_manifold",
    "builtin_taxonomy",
    "embed",
    "evaluate",
    "get_manifold",
    "read_taxonomy",
    "train",
]

_HOME = {
    "embedding": ("TaxonomyEmbedding", "embed"),
    "errors": ("DataError", "HyperhierError", "ManifoldError", "RunError", "TaxonomyError"),
    "losses": ("HWCLoss", "LAMLoss", "NTXentLoss", "SupConLoss"),
    "manifolds": (
        "Euclidean",
        "Lorentz",
        "Manifold",
        "PoincareBall",
        "Polar",
        "Sphere",
        "as_manifold",
        "get_manifold",
    ),
    "nn": ("ManifoldParameter", "ToManifold"),
    "optim": ("RiemannianAdam", "RiemannianSGD"),
    "taxonomy": ("Taxonomy", "builtin_taxonomy", "read_taxonomy"),
    "training": ("evaluate", "train"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBPACKAGES = frozenset(_HOME) | {"cli", "data", "metrics", "plot", "testing"}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(import_module(f"hyperhier.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBPACKAGES:
        return import_module(f"hyperhier.{name}")
    raise AttributeError(f"module 'hyperhier' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBPACKAGES})
