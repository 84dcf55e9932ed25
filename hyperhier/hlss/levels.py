"""One matrix of text embeddings per level, from sentences, files or a taxonomy's nodes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hyperhier._numerics import unit_vector
from hyperhier.errors import DataError
from hyperhier.hlss.encoders import TextEncoder, TfidfEncoder, text_encoder
from hyperhier.hlss.texts import AttributeTexts, builtin_texts, read_attribute_texts

if TYPE_CHECKING:
    from hyperhier.taxonomy import Taxonomy

__all__ = ["TextLevel", "embed_texts", "encode_sentences", "load_text_levels", "read_text_levels"]


@dataclass(frozen=True, eq=False)
class TextLevel:
    """The attributes of one level and their embeddings.

    Attributes:
        name: of the level.
        attributes: names, A of them.
        vectors: float ``(A, e)``, rows of length 1.
        nodes: int64 ``(A,)`` node ids where the attributes are nodes of a taxonomy, else None.
    """

    name: str
    attributes: tuple[str, ...]
    vectors: Tensor
    nodes: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.vectors.shape)
        if not self.vectors.is_floating_point() or len(shape) != 2 or 0 in shape:
            raise DataError(
                f"level {self.name!r}: expected a float matrix (attributes, e), "
                f"got {self.vectors.dtype} {shape}"
            )
        if len(self.attributes) != shape[0]:
            raise DataError(
                f"level {self.name!r}: {len(self.attributes)} attributes, but {shape[0]} vectors"
            )
        if not bool(self.vectors.isfinite().all()):
            raise DataError(f"level {self.name!r}: vectors that are not finite")
        object.__setattr__(self, "vectors", unit_vector(self.vectors))

    def __repr__(self) -> str:
        return f"TextLevel({self.name!r}, {len(self.attributes)} x {self.vectors.shape[1]})"


def embed_texts(
    texts: AttributeTexts, encoder: str | TextEncoder = "tfidf"
) -> tuple[TextLevel, ...]:
    """Embed every attribute: the mean of its sentences' unit vectors, normalised.

    Args:
        encoder: a name for :func:`text_encoder` or a callable; an unfitted
            :class:`TfidfEncoder` is fitted on all sentences.

    >>> texts = AttributeTexts({"fruit": {"apple": ["a red apple", "apples"], "pear": ["pears"]}})
    >>> embed_texts(texts)
    (TextLevel('fruit', 2 x 3),)
    """
    encode, sentences = text_encoder(encoder), texts.sentences()
    if isinstance(encode, TfidfEncoder) and not encode.fitted:
        encode.fit(sentences)
    vectors = unit_vector(encode_sentences(encode, sentences))
    levels, start = [], 0
    for name, attributes in texts.levels.items():
        rows = []
        for given in attributes.values():
            rows.append(vectors[start : start + len(given)].mean(dim=0))
            start += len(given)
        levels.append(TextLevel(name, tuple(attributes), torch.stack(rows)))
    return tuple(levels)


def encode_sentences(encoder: TextEncoder, sentences: Sequence[str]) -> Tensor:
    """Call an encoder and check what comes back: float32 ``(n, e)``."""
    result = encoder(list(sentences))
    vectors = torch.as_tensor(np.asarray(result) if not isinstance(result, Tensor) else result)
    vectors = vectors.detach().cpu().to(torch.float32)
    if vectors.dim() != 2 or len(vectors) != len(sentences):
        raise DataError(
            f"the text encoder must return ({len(sentences)}, e) for {len(sentences)} sentences, "
            f"got {tuple(vectors.shape)}"
        )
    return vectors


def read_text_levels(path: str | os.PathLike[str]) -> tuple[TextLevel, ...]:
    """Read embeddings made elsewhere, from ``.npz`` or ``.safetensors``.

    One matrix ``(A, e)`` per level, in the order of the file (``.safetensors``: of the names).
    In ``.npz`` an array of texts called ``LEVEL_names`` gives the attributes' names.

    Raises:
        DataError: no such file, another suffix, or no matrix in it.
    """
    where = Path(path)
    if not where.is_file():
        raise DataError("no such file", path=where)
    names: dict[str, tuple[str, ...]] = {}
    try:
        if where.suffix == ".npz":
            with np.load(where, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            names = {
                key.removesuffix("_names"): tuple(map(str, arrays.pop(key).tolist()))
                for key in [k for k in arrays if k.endswith("_names")]
            }
            matrices = {
                k: torch.from_numpy(np.asarray(v, dtype=np.float32)) for k, v in arrays.items()
            }
        elif where.suffix == ".safetensors":
            from safetensors.torch import load_file

            matrices = {key: value.float() for key, value in sorted(load_file(where).items())}
        else:
            raise DataError(f"expected .npz or .safetensors, got {where.suffix!r}", path=where)
        return _of_matrices(matrices, names)
    except DataError as reason:
        raise DataError(reason.message, path=where) from reason
    except Exception as reason:
        raise DataError(f"cannot be read: {reason}", path=where) from reason


def load_text_levels(
    texts: Any,
    encoder: str | TextEncoder = "tfidf",
    *,
    taxonomy: Taxonomy | None = None,
    names: str | Sequence[str] | None = None,
) -> tuple[TextLevel, ...]:
    """Text levels, coarse to fine, from whatever holds them.

    Args:
        texts: the name of built-in texts; a file for :func:`read_attribute_texts` or
            :func:`read_text_levels` (``~`` and ``$VARIABLES`` in its name are expanded); an
            :class:`AttributeTexts`; levels already embedded; or matrices ``(A, e)`` by level
            name, or in a sequence.
        encoder: for sentences; see :func:`text_encoder`.
        taxonomy: where the texts have one level only, whose attributes are its nodes, they
            are laid out over its levels 1, 2, ...: a node without a text of its own takes the
            mean of the leaves below it. A leaf such as ``"F:Lemon"`` answers to ``"Lemon"``.
        names: the levels wanted, coarse to fine, also as one text with commas; default: all
            as they come.

    Raises:
        DataError: texts that cannot be read, or a leaf without one.
    """
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
    levels = _read(texts, encoder, names)
    if names is not None:
        by_name = {level.name: level for level in levels}
        for name in names:
            if name not in by_name:
                raise DataError(f"no level {name!r}; there are {', '.join(map(repr, by_name))}")
        levels = tuple(by_name[name] for name in names)
    if taxonomy is None or len(levels) > 1:
        return levels
    row = _rows_of_nodes(levels[0].attributes, taxonomy)
    return _over_taxonomy(levels[0], row, taxonomy) if row else levels


def _read(
    texts: Any, encoder: str | TextEncoder, names: Sequence[str] | None = None
) -> tuple[TextLevel, ...]:
    if isinstance(texts, AttributeTexts):
        return embed_texts(texts if names is None else texts.select(names), encoder)
    if isinstance(texts, (str, os.PathLike)):
        path = Path(os.path.expandvars(texts)).expanduser()
        if path.suffix in (".npz", ".safetensors"):
            return read_text_levels(path)
        if isinstance(texts, str) and not path.suffix and not path.exists():
            return _read(builtin_texts(texts), encoder, names)
        return _read(read_attribute_texts(path), encoder, names)
    if isinstance(texts, Mapping):
        return _of_matrices(texts, {})
    if isinstance(texts, Sequence) and texts:
        if all(isinstance(level, TextLevel) for level in texts):
            return tuple(texts)
        if all(isinstance(level, (Tensor, np.ndarray)) for level in texts):
            return _of_matrices({f"level {k + 1}": m for k, m in enumerate(texts)}, {})
    raise DataError(
        "expected the name or file of texts, AttributeTexts, or one matrix per level, "
        f"got {type(texts).__name__}"
    )


def _of_matrices(
    matrices: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]
) -> tuple[TextLevel, ...]:
    if not matrices:
        raise DataError("no matrix of text embeddings")
    levels = []
    for level, matrix in matrices.items():
        vectors = torch.as_tensor(matrix)
        rows = len(vectors) if vectors.dim() else 0
        levels.append(TextLevel(level, names.get(level, tuple(map(str, range(rows)))), vectors))
    return tuple(levels)


def _rows_of_nodes(attributes: Sequence[str], taxonomy: Taxonomy) -> dict[str, int]:
    """Node name -> row of its text, for the nodes that have one."""
    row = {name: k for k, name in enumerate(attributes)}
    found = {node: row[node] for node in taxonomy.nodes if node in row}
    for leaf in taxonomy.leaves:
        _, colon, short = leaf.partition(":")
        if leaf not in found and colon and short in row:
            found[leaf] = row[short]
    return found


def _over_taxonomy(
    texts: TextLevel, row: Mapping[str, int], taxonomy: Taxonomy
) -> tuple[TextLevel, ...]:
    missing = [leaf for leaf in taxonomy.leaves if leaf not in row]
    if missing:
        raise DataError(f"no text for leaf {missing[0]!r} ({len(missing)} leaves have none)")
    leaf_ids = taxonomy.leaf_ids
    of_leaves = texts.vectors[[row[name] for name in taxonomy.decode(leaf_ids)]]
    levels = []
    for level in range(1, taxonomy.height + 1):
        nodes = taxonomy.nodes_at(level)
        names = tuple(taxonomy.decode(nodes))
        above = taxonomy.ancestor_at(level, leaf_ids)
        vectors = [
            texts.vectors[row[name]] if name in row else of_leaves[above == node].mean(dim=0)
            for name, node in zip(names, nodes.tolist(), strict=True)
        ]
        levels.append(TextLevel(f"level {level}", names, torch.stack(vectors), nodes))
    return tuple(levels)
