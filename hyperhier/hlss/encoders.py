"""From sentences to vectors: a small encoder that needs no download, and real ones by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperhier.errors import DataError

__all__ = ["TextEncoder", "TfidfEncoder", "text_encoder"]

#: sentences -> one vector each, ``(n, e)``: an array, a tensor, or lists of numbers
TextEncoder = Callable[[Sequence[str]], Any]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_PREFIX = "sentence-transformers:"
#: singular values below this share of the largest are rounding
_RANK_SHARE = 1e-7
#: directions of the encoder ``"tfidf"``
_SMALL = 256


class TfidfEncoder:
    """Words and pairs of neighbouring words, weighted by rarity, then the main directions.

    Latent semantic analysis (Deerwester et al. 1990): the count of a term times
    log((1 + n) / (1 + sentences with it)) + 1, rows normalised, then the truncated singular
    value decomposition. It knows which sentences share words, and nothing else: good for
    tests, demonstrations and short descriptions, no substitute for a language model.

    Args:
        dim: most directions to keep; None: as many as the sentences span.
        pairs: count pairs of neighbouring words too.

    >>> encode = TfidfEncoder().fit(["a red apple", "a green apple", "blue sky"])
    >>> x = encode(["red apple", "sky"])
    >>> (x @ encode(["a green apple", "blue sky"]).T).round(1)
    array([[0.2, 0. ],
           [0. , 0.6]], dtype=float32)
    """

    def __init__(self, dim: int | None = None, *, pairs: bool = True) -> None:
        if dim is not None and dim < 1:
            raise ValueError(f"dim must be at least 1 or None, got {dim!r}")
        self.dim = dim
        self.pairs = pairs
        self._columns: dict[str, int] = {}
        self._rarity: NDArray[np.float64] = np.zeros(0)
        self._directions: NDArray[np.float64] = np.zeros((0, 0))

    @property
    def fitted(self) -> bool:
        """Whether :meth:`fit` has been called."""
        return self._directions.shape[1] > 0

    def fit(self, sentences: Sequence[str]) -> TfidfEncoder:
        """Learn terms and directions from sentences; returns itself.

        Raises:
            DataError: no sentence has a word.
        """
        counts = [self._terms(s) for s in sentences]
        found = Counter(term for terms in counts for term in terms)
        if not found:
            raise DataError(f"no words in {len(sentences)} sentences")
        self._columns = {term: k for k, term in enumerate(sorted(found))}
        seen = np.array([found[term] for term in self._columns], dtype=np.float64)
        self._rarity = np.log((1.0 + len(sentences)) / (1.0 + seen)) + 1.0
        table = self._table(counts)
        # the smaller of the two Gram matrices has the same non-zero spectrum
        if table.shape[0] <= table.shape[1]:
            values, left = np.linalg.eigh(table @ table.T)
            size = np.sqrt(np.clip(values, 0.0, None))[::-1]
            kept = self._kept(size)
            directions = table.T @ left[:, ::-1][:, :kept] / size[:kept]
        else:
            values, right = np.linalg.eigh(table.T @ table)
            size = np.sqrt(np.clip(values, 0.0, None))[::-1]
            directions = right[:, ::-1][:, : self._kept(size)]
        # the sign of a direction is arbitrary: make its largest entry positive
        largest = np.abs(directions).argmax(axis=0)
        self._directions = directions * np.sign(directions[largest, np.arange(len(largest))])
        return self

    def __call__(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Vectors ``(n, e)``; a sentence without a known term is the zero vector."""
        if not self.fitted:
            raise ValueError("fit the encoder on sentences first")
        table = self._table([self._terms(s) for s in sentences])
        return np.asarray(table @ self._directions, dtype=np.float32)

    def _kept(self, size: NDArray[np.float64]) -> int:
        rank = int((size > _RANK_SHARE * size[0]).sum())
        return rank if self.dim is None else min(rank, self.dim)

    def _terms(self, sentence: str) -> Counter[str]:
        words = _WORD.findall(sentence.lower())
        neighbours = [f"{a} {b}" for a, b in pairwise(words)] if self.pairs else []
        return Counter(words + neighbours)

    def _table(self, counts: Sequence[Counter[str]]) -> NDArray[np.float64]:
        table = np.zeros((len(counts), len(self._columns)))
        for row, terms in enumerate(counts):
            for term, count in terms.items():
                if term in self._columns:
                    table[row, self._columns[term]] = count
        table *= self._rarity
        length = np.linalg.norm(table, axis=1, keepdims=True)
        return np.asarray(table / np.where(length > 0, length, 1.0))


def text_encoder(name: str | TextEncoder) -> TextEncoder:
    """An encoder by name; a callable is returned as it is.

    ``"tfidf"``: a new :class:`TfidfEncoder` of at most 256 directions, to be fitted.
    ``"sentence-transformers:MODEL"``: a model of that package, which fetches its weights
    when it is first used, e.g. ``"sentence-transformers:all-MiniLM-L6-v2"``.

    Raises:
        DataError: an unknown name.
        ImportError: sentence-transformers is missing or cannot load the model.
    """
    if callable(name):
        return name
    if name == "tfidf":
        return TfidfEncoder(_SMALL)
    if not name.startswith(_PREFIX) or name == _PREFIX:
        raise DataError(
            f"unknown text encoder {name!r}: expected 'tfidf', '{_PREFIX}MODEL', or a callable"
        )
    model = name.removeprefix(_PREFIX)
    try:
        package = import_module("sentence_transformers")
        loaded = package.SentenceTransformer(model)
    except Exception as reason:
        raise ImportError(
            f"text encoder {name!r} cannot be used ({reason}): "
            "pip install sentence-transformers, or take 'tfidf'"
        ) from reason

    def encode(sentences: Sequence[str]) -> Any:
        return loaded.encode(list(sentences), convert_to_numpy=True)

    return encode
