"""Label trees of public data sets and of general interest, ready by name.

The outlines are in :mod:`hyperhier.taxonomy.trees`, and are read when they are first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._ids import suggestion
from hyperhier.taxonomy.core import Taxonomy

__all__ = [
    "BuiltinTree",
    "builtin_catalogue",
    "builtin_names",
    "builtin_source",
    "builtin_taxonomy",
]


@dataclass(frozen=True)
class BuiltinTree:
    """What a built-in taxonomy is, and where its facts come from."""

    name: str
    title: str
    source: str


_HAM = (
    'Tschandl et al., "The HAM10000 dataset", Scientific Data 5 (2018), doi 10.1038/sdata.2018.161'
)
_ODIR = (
    "Peking University International Competition on Ocular Disease Intelligent Recognition "
    "(ODIR-2019), https://odir2019.grand-challenge.org"
)

_CATALOGUE = (
    BuiltinTree(
        "breakhis",
        "breast tumours: benign or malignant, eight histological types",
        'Spanhol et al., "A dataset for breast cancer histopathological image classification", '
        "IEEE Transactions on Biomedical Engineering 63 (2016), doi 10.1109/TBME.2015.2496264",
    ),
    BuiltinTree(
        "cifar100",
        "CIFAR-100: twenty superclasses of five classes",
        'Krizhevsky, "Learning multiple layers of features from tiny images" (2009), '
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    BuiltinTree("demo", "made-up cell types, three levels", "invented"),
    BuiltinTree(
        "fashion-mnist",
        "Fashion-MNIST: clothes and goods, six groups, ten articles",
        "Xiao et al., arXiv 1708.07747; grouped as in Seo & Shin, Expert Systems with "
        "Applications 116 (2019), doi 10.1016/j.eswa.2018.09.022",
    ),
    BuiltinTree(
        "geography",
        "countries and areas of the world in UN regions and sub-regions",
        'United Nations Statistics Division, "Standard country or area codes for statistical '
        'use" (M49), https://unstats.un.org/unsd/methodology/m49/',
    ),
    BuiltinTree(
        "ham10000-lineage", "HAM10000: skin lesions by cell lineage, then malignancy", _HAM
    ),
    BuiltinTree(
        "ham10000-malignancy", "HAM10000: skin lesions by malignancy, then cell lineage", _HAM
    ),
    BuiltinTree(
        "linnaean",
        "well-known animals, plants and fungi from kingdom to species",
        "general knowledge; names and ranks can be looked up in Catalogue of Life, "
        "https://www.catalogueoflife.org; Mammal Diversity Database, "
        "https://www.mammaldiversity.org; IOC World Bird List, "
        "https://www.worldbirdnames.org; APG IV, doi 10.1111/boj.12385; PPG I, doi "
        "10.1111/jse.12229",
    ),
    BuiltinTree("odir5k", "ODIR-5K: eight labels of eye disease, as a DAG", _ODIR),
    BuiltinTree("odir5k-tree", "ODIR-5K as a tree", _ODIR),
)
_BY_NAME = {tree.name: tree for tree in _CATALOGUE}
_TREE_OF = {"odir5k-tree": "odir5k"}


def builtin_names() -> tuple[str, ...]:
    """Names that :func:`builtin_taxonomy` knows.

    >>> builtin_names()[:3]
    ('breakhis', 'cifar100', 'demo')
    """
    return tuple(_BY_NAME)


def builtin_catalogue() -> tuple[BuiltinTree, ...]:
    """Name, title and source of every built-in taxonomy, sorted by name.

    >>> builtin_catalogue()[0].title
    'breast tumours: benign or malignant, eight histological types'
    """
    return _CATALOGUE


def builtin_source(name: str) -> str:
    """Where the facts of a built-in taxonomy come from.

    Raises:
        TaxonomyError: an unknown name, with the known ones.

    >>> builtin_source("demo")
    'invented'
    """
    return _entry(name).source


@cache
def builtin_taxonomy(name: str) -> Taxonomy:
    """A built-in label tree (``odir5k`` is a DAG, ``odir5k-tree`` its :meth:`Taxonomy.to_tree`).

    Raises:
        TaxonomyError: an unknown name, with the known ones.

    >>> builtin_taxonomy("breakhis").children("benign")
    ('adenosis', 'fibroadenoma', 'phyllodes_tumor', 'tubular_adenoma')
    >>> builtin_taxonomy("linnaean").ancestors("Panthera leo")[:3]
    ('Panthera', 'Felidae', 'Carnivora')
    """
    _entry(name)
    if name in _TREE_OF:
        return builtin_taxonomy(_TREE_OF[name]).to_tree()
    module = import_module(f"hyperhier.taxonomy.trees.{name.replace('-', '_')}")
    return Taxonomy.from_edges(_outline_edges(module.OUTLINE))


def _entry(name: str) -> BuiltinTree:
    if name not in _BY_NAME:
        raise TaxonomyError(
            f"no built-in taxonomy {name!r}; expected one of {', '.join(builtin_names())}"
            f"{suggestion(name, builtin_names())}"
        )
    return _BY_NAME[name]


def _outline_edges(outline: str) -> list[tuple[str, str]]:
    """Edges of an outline: a line is ``name`` or ``name: child, child, ...``, and lies below the
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
        edges.extend((name, child) for child in children.split(", ") if child)
    return edges
