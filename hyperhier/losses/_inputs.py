"""Checked, flattened inputs of a loss: one :class:`Side` of anchors, one of candidates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyperhier.errors import TaxonomyError

if TYPE_CHECKING:
    from hyperhier.manifolds.base import Manifold
    from hyperhier.taxonomy import Taxonomy

__all__ = [
    "Inputs",
    "Selection",
    "Side",
    "as_geometry",
    "as_tree",
    "check_strength",
    "prepare_inputs",
]

_HALF = (torch.float16, torch.bfloat16)


def as_geometry(manifold: Any) -> Manifold:
    """Accept a name, one of our manifolds, or a geoopt manifold."""
    from hyperhier.manifolds import as_manifold, get_manifold

    return get_manifold(manifold) if isinstance(manifold, str) else as_manifold(manifold)


def as_tree(taxonomy: Any) -> Taxonomy:
    """Accept a taxonomy, a built-in name, or a path."""
    from hyperhier.taxonomy import load_taxonomy

    return load_taxonomy(taxonomy)


def check_strength(name: str, value: float) -> float:
    """A strength of the hierarchy as float; ValueError unless finite and at least 0."""
    if not (0.0 <= value < math.inf):
        raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    return float(value)


@dataclass(frozen=True)
class Side:
    """The samples on one side of the pairs, views flattened sample by sample.

    Attributes:
        points: ``(n, a)``, at least float32.
        labels: ``(n,)`` int64 class or node ids, or None. Where samples have several labels,
            rows of :attr:`Inputs.sets` instead.
        samples: ``(n,)`` int64, equal for the views of one sample; -1: of no sample here.
    """

    points: Tensor
    labels: Tensor | None
    samples: Tensor

    def __len__(self) -> int:
        return self.points.shape[0]


@dataclass(frozen=True)
class Selection:
    """Explicit pairs: rows of anchors, columns of candidates."""

    positive_anchors: Tensor
    positives: Tensor
    negative_anchors: Tensor
    negatives: Tensor

    def masks(self, rows: slice, width: int) -> tuple[Tensor, Tensor]:
        """The pairs of a block of anchors as two boolean ``(rows, width)`` masks."""
        return (
            _scatter(self.positive_anchors, self.positives, rows, width),
            _scatter(self.negative_anchors, self.negatives, rows, width),
        )


@dataclass(frozen=True)
class Inputs:
    """What a loss works on.

    Attributes:
        anchors: the samples that the loss is averaged over.
        others: the candidates; the very same object as ``anchors`` without a reference set.
        selection: explicit pairs, if given.
        shape: ``(B,)`` or ``(B, V)``, the shape of the per-anchor losses.
        other_shape: the same of the candidates.
        same_set: the first candidates are the anchors themselves (there may be more).
        sets: ``(P, N)`` bool, the distinct label sets, for samples with several labels.
    """

    anchors: Side
    others: Side
    selection: Selection | None
    shape: tuple[int, ...]
    other_shape: tuple[int, ...]
    same_set: bool
    sets: Tensor | None = None

    def check_views(self) -> None:
        """Raise ValueError where no pair can be two views of one sample."""
        if self.same_set and (len(self.shape) == 1 or self.shape[1] < 2):
            raise ValueError(
                "views of the same sample need embeddings (B, V, ambient) with V >= 2, "
                f"got (B, V) = {self.shape if len(self.shape) == 2 else (*self.shape, 1)}"
            )
        if self.other_shape[0] != self.shape[0]:
            raise ValueError(
                "row i of ref_emb stands for another view of sample i: "
                f"expected {self.shape[0]} rows, got {self.other_shape[0]}"
            )


def prepare_inputs(
    embeddings: Tensor,
    labels: Tensor | None,
    ref_emb: Tensor | None = None,
    ref_labels: Tensor | None = None,
    indices_tuple: tuple[Tensor, ...] | None = None,
    *,
    memory: tuple[Tensor, Tensor] | None = None,
    taxonomy: Taxonomy | None = None,
    validate: bool = True,
) -> Inputs:
    """Check, flatten and upcast what a loss was called with.

    Args:
        embeddings: ``(B, a)`` or ``(B, V, a)``, floating.
        labels: ``(B,)`` integers or paths ``(B, L)`` whose last column counts, or a bool
            table ``(B, N)`` of the labels of each sample, or None.
        ref_emb: ``(M, a)`` or ``(M, V', a)`` on the device of ``embeddings``.
        ref_labels: as ``labels``; needed where ``labels`` are.
        indices_tuple: triples (a, p, n) or pairs (a1, p, a2, n) of indices.
        memory: points ``(Q, a)`` and labels ``(Q,)`` of further candidates; unused where
            ``ref_emb`` says what the candidates are.
        taxonomy: makes the labels node ids, which are then looked up.
        validate: read the values (finite? known?), at one device synchronisation.

    Raises:
        TypeError: a dtype is wrong.
        ValueError: a shape or a device is wrong, or a value is not finite.
        TaxonomyError: a label is no node of ``taxonomy``.
    """
    if ref_emb is None and ref_labels is not None:
        raise ValueError("ref_labels were given without ref_emb")
    if ref_emb is not None and labels is not None and ref_labels is None:
        raise ValueError("ref_emb was given without ref_labels")
    dtype = _working_dtype(embeddings, ref_emb)
    sets = None
    if isinstance(labels, Tensor) and labels.dtype == torch.bool:
        labels, ref_labels, sets = _label_sets(labels, ref_labels, taxonomy, validate)
    anchors = _side(embeddings, labels, "embeddings", "labels", dtype)
    others = anchors
    if ref_emb is not None:
        if ref_emb.device != embeddings.device:
            raise ValueError(f"ref_emb is on {ref_emb.device}, embeddings on {embeddings.device}")
        if ref_emb.shape[-1] != embeddings.shape[-1]:
            raise ValueError(
                f"ref_emb has points of {ref_emb.shape[-1]} coordinates, "
                f"embeddings of {embeddings.shape[-1]}"
            )
        others = _side(ref_emb, ref_labels, "ref_emb", "ref_labels", dtype)
    elif memory is not None:
        if sets is not None:
            raise ValueError("a memory is not defined for samples with several labels")
        if len(memory[0]):
            others = _extended(anchors, *memory)
    selection = None
    if indices_tuple is not None:
        selection = _selection(
            indices_tuple, len(anchors), len(others), embeddings.device, validate
        )
    if validate and not torch.compiler.is_compiling():
        tree = taxonomy if sets is None else None
        _check_values(anchors, embeddings.shape[:-1], "embeddings", "labels", tree)
        if ref_emb is not None:
            _check_values(others, ref_emb.shape[:-1], "ref_emb", "ref_labels", tree)
    shape = tuple(embeddings.shape[:-1])
    other_shape = shape if ref_emb is None else tuple(ref_emb.shape[:-1])
    return Inputs(anchors, others, selection, shape, other_shape, ref_emb is None, sets)


def _label_sets(
    labels: Tensor, ref_labels: Tensor | None, taxonomy: Taxonomy | None, validate: bool
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Codes of both sides, and the distinct rows that they stand for."""
    tables = (
        {"labels": labels} if ref_labels is None else {"labels": labels, "ref_labels": ref_labels}
    )
    for name, table in tables.items():
        width = labels.shape[-1] if taxonomy is None else len(taxonomy)
        if table.dtype != torch.bool or table.dim() != 2 or table.shape[1] != width:
            raise ValueError(
                f"{name} must be a bool table (samples, {width}) where samples have several "
                f"labels, got {table.dtype} {tuple(table.shape)}"
            )
        if validate:
            bare = ~table.any(dim=1)
            if bool(bare.any()):
                raise ValueError(f"{name}[{int(bare.nonzero()[0])}] has no label")
    sets, code = torch.unique(torch.cat(tuple(tables.values())), dim=0, return_inverse=True)
    own, other = code[: len(labels)], code[len(labels) :]
    return own, None if ref_labels is None else other, sets


def _extended(side: Side, points: Tensor, labels: Tensor) -> Side:
    """The samples of a side and those of a memory behind them."""
    if points.shape[-1] != side.points.shape[-1]:
        raise ValueError(
            f"the memory holds points of {points.shape[-1]} coordinates, "
            f"embeddings have {side.points.shape[-1]}"
        )
    known = None if side.labels is None else torch.cat((side.labels, labels))
    strangers = torch.full_like(labels, -1)
    return Side(
        torch.cat((side.points, points.to(side.points))),
        known,
        torch.cat((side.samples, strangers)),
    )


def _working_dtype(*tensors: Tensor | None) -> torch.dtype:
    dtype = torch.float32
    for x in tensors:
        if x is None:
            continue
        if not isinstance(x, Tensor) or not x.is_floating_point():
            got = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"embeddings must be a floating tensor, got {got}")
        if x.dtype not in _HALF:
            dtype = torch.promote_types(dtype, x.dtype)
    return dtype


def _side(
    embeddings: Tensor, labels: Tensor | None, name: str, label_name: str, dtype: torch.dtype
) -> Side:
    if embeddings.dim() not in (2, 3):
        raise ValueError(
            f"{name} must be (B, ambient) or (B, V, ambient), got {tuple(embeddings.shape)}"
        )
    batch = embeddings.shape[0]
    views = 1 if embeddings.dim() == 2 else embeddings.shape[1]
    samples = torch.arange(batch, device=embeddings.device).repeat_interleave(views)
    flat = None
    if labels is not None:
        labels = torch.as_tensor(labels, device=embeddings.device)
        if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
            raise TypeError(f"{label_name} must be integers, got {labels.dtype}")
        if labels.dim() not in (1, 2) or labels.shape[0] != batch or 0 in labels.shape[1:]:
            raise ValueError(
                f"{label_name} must be ({batch},) or paths ({batch}, L) to match {name} "
                f"{tuple(embeddings.shape)}, got {tuple(labels.shape)}"
            )
        deepest = labels if labels.dim() == 1 else labels[:, -1]
        flat = deepest.long().repeat_interleave(views)
    return Side(embeddings.reshape(-1, embeddings.shape[-1]).to(dtype), flat, samples)


def _check_values(
    side: Side, shape: torch.Size, name: str, label_name: str, taxonomy: Taxonomy | None
) -> None:
    """Raise on a value that is not finite or not known; one synchronisation if all is well."""
    off_rows = ~side.points.isfinite().all(dim=-1)
    wrong = off_rows.any()
    unknown = None
    if taxonomy is not None and side.labels is not None:
        unknown = (side.labels < 0) | (side.labels >= len(taxonomy))
        wrong = wrong | unknown.any()
    if not bool(wrong):
        return
    if unknown is not None and bool(unknown.any()):
        first = int(unknown.nonzero()[0])
        raise TaxonomyError(
            f"{label_name} hold {int(side.labels[first])}, "  # type: ignore[index]
            f"expected node ids in [0, {len(taxonomy)})"  # type: ignore[arg-type]
        )
    flat = int(off_rows.nonzero()[0])
    row = (flat,) if len(shape) == 1 else divmod(flat, shape[1])
    raise ValueError(f"{name}[{', '.join(map(str, row))}] is not finite: {side.points[flat]}")


def _selection(
    indices: tuple[Tensor, ...], rows: int, columns: int, device: torch.device, validate: bool
) -> Selection:
    if len(indices) not in (3, 4):
        raise ValueError(
            f"indices_tuple must be (anchor, positive, negative) or (a1, p, a2, n), "
            f"got {len(indices)} entries"
        )
    parts = [torch.as_tensor(i, device=device) for i in indices]
    for part in parts:
        if part.dim() != 1 or part.is_floating_point() or part.dtype == torch.bool:
            raise ValueError(
                f"indices_tuple must hold 1-D integer tensors, got {part.dtype}{tuple(part.shape)}"
            )
    parts = [part.long() for part in parts]
    if len(parts) == 3:
        parts = [parts[0], parts[1], parts[0], parts[2]]
    selection = Selection(*parts)
    for anchor, other in ((parts[0], parts[1]), (parts[2], parts[3])):
        if len(anchor) != len(other):
            raise ValueError(f"indices_tuple pairs {len(anchor)} anchors with {len(other)} others")
    if validate and not torch.compiler.is_compiling():
        for part, size in zip(parts, (rows, columns, rows, columns), strict=True):
            bad = (part < 0) | (part >= size)
            if bool(bad.any()):
                raise ValueError(
                    f"indices_tuple holds {int(part[bad][0])}, expected indices in [0, {size})"
                )
    return selection


def _scatter(anchors: Tensor, others: Tensor, rows: slice, width: int) -> Tensor:
    inside = (anchors >= rows.start) & (anchors < rows.stop)
    mask = torch.zeros(rows.stop - rows.start, width, dtype=torch.bool, device=anchors.device)
    mask[anchors[inside] - rows.start, others[inside]] = True
    return mask
