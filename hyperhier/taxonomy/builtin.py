"""Label trees of public data sets, ready by name. The sources are in :mod:`.trees`."""

from __future__ import annotations

from functools import cache

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._ids import suggestion
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.trees import (
    breakhis,
    cifar100,
    demo,
    fashion_mnist,
    ham10000_lineage,
    ham10000_malignancy,
    odir5k,
)

__all__ = ["builtin_names", "builtin_taxonomy"]

_OUTLINES = {
    "breakhis": breakhis.OUTLINE,
    "cifar100": cifar100.OUTLINE,
    "demo": demo.OUTLINE,
    "fashion-mnist": fashion_mnist.OUTLINE,
    "ham10000-lineage": ham10000_lineage.OUTLINE,
    "ham10000-malignancy": ham10000_malignancy.OUTLINE,
    "odir5k": odir5k.OUTLINE,
}
_TREES = {"odir5k-tree": "odir5k"}


def builtin_names() -> tuple[str, ...]:
    """Names that :func:`builtin_taxonomy` knows.

    >>> builtin_names()[:3]
    ('breakhis', 'cifar100', 'demo')
    """
    return tuple(sorted([*_OUTLINES, *_TREES]))


@cache
def builtin_taxonomy(name: str) -> Taxonomy:
    """A built-in label tree (``odir5k`` is a DAG, ``odir5k-tree`` its :meth:`Taxonomy.to_tree`).

    Raises:
        TaxonomyError: an unknown name, with the known ones.

    >>> builtin_taxonomy("breakhis").children("benign")
    ('adenosis', 'fibroadenoma', 'phyllodes_tumor', 'tubular_adenoma')
    """
    if name in _TREES:
        return builtin_taxonomy(_TREES[name]).to_tree()
    if name not in _OUTLINES:
        raise TaxonomyError(
            f"no built-in taxonomy {name!r}; expected one of {', '.join(builtin_names())}"
            f"{suggestion(name, builtin_names())}"
        )
    return Taxonomy.from_edges(_outline_edges(_OUTLINES[name]))


def _outline_edges(outline: str) -> list[tuple[str, str]]:
    """Edges of an outline: a line is ``name`` or ``name: child child ...``, and lies below the
    last line indented less. A name may occur below several parents."""
    edges: list[tuple[str, str]] = []
    above: list[tuple[int, str]] = []
    for line in outline.splitlines():
        name, _, children = line.strip().partition(": ")
        if not name:
            continue
        indent = len(line) - len(line.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        if above:
            edges.append((above[-1][1], name))
        above.append((indent, name))
        edges.extend((name, child) for child in children.split())
    return edges
