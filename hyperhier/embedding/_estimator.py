"""What all embedders share: parameters as scikit-learn wants them, ``fit``, ``embedding_``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.embedding._embedding import TaxonomyEmbedding
from hyperhier.embedding._run import ProgressCallback, Run
from hyperhier.manifolds import Manifold, as_manifold, get_manifold
from hyperhier.taxonomy import Taxonomy, load_taxonomy

__all__ = ["Embedder", "is_hyperbolic", "not_negative", "positive", "whole"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(kw_only=True, eq=False)
class Embedder(ABC):
    """Base of the embedders: keyword parameters, :meth:`fit`, and :attr:`embedding_`.

    An embedder follows scikit-learn: the constructor keeps its arguments as they are, ``fit``
    checks them and sets what ends in an underscore, ``get_params`` and ``set_params`` read and
    write the arguments, and ``sklearn.base.clone`` makes an unfitted copy.

    Args:
        manifold: a name, or a hyperhier or geoopt manifold.
        dim: dimension of the manifold (features, not coordinates).
        seed: the result is the same for the same seed and machine.
        dtype: ``"float64"`` or ``"float32"``, of the points. All is computed in float64.
    """

    #: the name of the method in :func:`~hyperhier.embedding.embed`
    method: ClassVar[str]
    #: the only target that it has; None: a parameter says which
    only_target: ClassVar[str | None] = None

    manifold: str | Manifold = "lorentz"
    dim: int = 2
    seed: int = 0
    dtype: str = "float64"

    @abstractmethod
    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        """Points ``(N, ambient)`` float64 and what was chosen, as values that JSON can hold."""

    def fit(
        self,
        taxonomy: Taxonomy | str | PathLike[str],
        y: None = None,
        *,
        progress: ProgressCallback | None = None,
        checkpoint: str | PathLike[str] | None = None,
    ) -> Self:
        """Embed a taxonomy; the result is :attr:`embedding_`.

        Args:
            taxonomy: a :class:`~hyperhier.taxonomy.Taxonomy`, the name of a built-in one, or
                a file.
            y: not used; there for scikit-learn.
            progress: called now and then with a :class:`~hyperhier.embedding.Progress`.
            checkpoint: a file that keeps the state of an unfinished training. Where it exists
                already, training goes on from it, with the result of an uninterrupted run;
                when training ends it is removed.

        Raises:
            ValueError: for a parameter out of range.
            TaxonomyError: if the taxonomy cannot be read.
            RunError: if the checkpoint belongs to other parameters or another taxonomy.
        """
        tree = load_taxonomy(taxonomy)
        space = get_manifold(self.manifold) if isinstance(self.manifold, str) else self.manifold
        space = as_manifold(space)
        whole(1, dim=self.dim)
        whole(0, seed=self.seed)
        if self.dtype not in _DTYPES:
            known = ", ".join(map(repr, _DTYPES))
            raise ValueError(f"dtype must be one of {known}, got {self.dtype!r}")
        run = Run(self.get_params(), tree, progress, checkpoint)
        points, chosen = self._place(tree, space, run)
        run.finish()
        info = {"method": self.method, "dim": self.dim, "seed": self.seed, **chosen}
        if self.only_target is not None:
            info["target"] = self.only_target
        self.embedding_ = TaxonomyEmbedding(tree, space, points.to(_DTYPES[self.dtype]), info)
        return self

    def fit_transform(
        self, taxonomy: Taxonomy | str | PathLike[str], y: None = None, **options: Any
    ) -> NDArray[np.floating[Any]]:
        """:meth:`fit`, and the points as an array ``(N, ambient)`` in the order of the nodes."""
        points: NDArray[np.floating[Any]] = self.fit(taxonomy, **options).embedding_.points.numpy()
        return points

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor; ValueError for one that does not exist."""
        known = [field.name for field in fields(self)]
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
            setattr(self, name, value)
        return self


def positive(**values: Any) -> None:
    """ValueError for the first value that is neither None nor a positive finite number."""
    for name, value in values.items():
        if value is not None and not (_is_number(value) and 0.0 < value < math.inf):
            raise ValueError(f"{name} must be positive and finite, got {value!r}")


def not_negative(**values: Any) -> None:
    """ValueError for the first value that is no finite number of at least 0."""
    for name, value in values.items():
        if not (_is_number(value) and 0.0 <= value < math.inf):
            raise ValueError(f"{name} must be finite and not negative, got {value!r}")


def whole(least: int, **values: Any) -> None:
    """ValueError for the first value that is neither None nor a whole number from ``least`` on."""
    for name, value in values.items():
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and value >= least):
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_hyperbolic(manifold: Manifold) -> bool:
    """Whether the curvature is negative."""
    return manifold.sectional_curvature < 0.0
