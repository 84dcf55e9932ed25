"""Every tree of the real data is read, and has the counts that its source states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, read_taxonomy

pytestmark = pytest.mark.data

DataDir = Callable[[str], Path]


class Counts(NamedTuple):
    """Nodes, leaves, height, nodes with several parents, pairs of the closure."""

    nodes: int
    leaves: int
    height: int
    several: int
    pairs: int | None = None


CLOSURE = {"header": ("child", "parent"), "roots": "largest"}

TREES: list[tuple[str, dict[str, Any], Counts]] = [
    ("wordnet30/nouns_direct.csv.gz", {}, Counts(82_115, 64_958, 19, 2213, 743_241)),
    ("wordnet30/mammals_direct.csv", {}, Counts(1170, 879, 9, 1, 6448)),
    ("wordnet30/mammal_closure.tsv", CLOSURE, Counts(1180, 887, 9, 1175, 6540)),
    ("doid2016/doid_isa.csv.gz", {}, Counts(6971, 5017, 13, 1012)),
    ("trees_hsdte/mosses.csv", {}, Counts(344, 214, 30, 0)),
    ("trees_hsdte/weevils.csv", {}, Counts(195, 103, 26, 0)),
    ("trees_hsdte/lichen.csv", {}, Counts(481, 241, 25, 0)),
    ("trees_hsdte/carnivora.csv", {}, Counts(548, 275, 22, 0)),
    ("trees_hsdte/cs_phd_tree.csv", {}, Counts(2048, 1024, 73, 0)),
    ("trees_hsdte/diseases_tree.csv", {}, Counts(1030, 515, 62, 0)),
    ("trees_hsdte/grqc_tree.csv", {}, Counts(8314, 4157, 77, 0)),
    ("trees_hsdte/cifar100.csv", {}, Counts(128, 100, 3, 0)),
    ("imagenet_h/imagenet.csv", {}, Counts(1372, 1000, 15, 0)),
    ("imagenet_h/tiered_imagenet.csv", {}, Counts(843, 608, 12, 0)),
    ("ham10000_64/tree_malignancy.csv", {}, Counts(16, 7, 3, 0)),
    ("ham10000_64/tree_lineage.csv", {}, Counts(14, 7, 4, 0)),
    ("grocerystore_64/tree.csv", {}, Counts(128, 81, 3, 0)),
    ("fashion_mnist_slice/tree.csv", {}, Counts(19, 10, 3, 0)),
    ("omniglot_small/tree.csv", {}, Counts(251, 242, 2, 0)),
    # the same out of tables of labels; 26 classes are called as their only subclass is
    (
        "grocerystore_64/labels.csv",
        {"columns": ("top", "coarse", "fine"), "roots": "join", "duplicates": "path"},
        Counts(128 - 26, 81, 3, 0),
    ),
    (
        "hlss_text/granular_descriptions.csv.gz",
        {"columns": ("level", "attribute", "text"), "roots": "join", "duplicates": "path"},
        Counts(2565, 2048, 3, 0),
    ),
]


@pytest.mark.parametrize(
    ("name", "options", "counts"), TREES, ids=[f"{n}-{len(o)}" for n, o, _ in TREES]
)
def test_counts(data_dir: DataDir, name: str, options: dict[str, Any], counts: Counts) -> None:
    folder, file = name.split("/")
    tax = read_taxonomy(data_dir(folder) / file, **options)
    several = int((tax.edges[0].bincount() > 1).sum())
    assert (len(tax), len(tax.leaves), tax.height, several) == counts[:4]
    assert tax.is_tree == (counts.several == 0)
    if counts.pairs is not None:
        assert tax.closure().shape == (2, counts.pairs)
        assert sum(block.shape[1] for block in tax.closure_blocks(1000)) == counts.pairs


def test_verbs_are_a_forest_of_334(data_dir: DataDir) -> None:
    path = data_dir("wordnet30") / "verbs_direct.csv.gz"
    with pytest.raises(TaxonomyError, match="334 roots"):
        read_taxonomy(path)
    verbs = read_taxonomy(path, roots="join")
    ancestor = verbs.closure()[1]
    assert len(verbs) == 13_542 + 1
    assert int((ancestor != verbs.root_id).sum()) == 35_079


def test_the_mammals_behind_their_closure(data_dir: DataDir) -> None:
    closed = read_taxonomy(data_dir("wordnet30") / "mammal_closure.tsv", **CLOSURE)
    direct = closed.transitive_reduction()
    assert "pack_animal.n.01" not in closed
    assert direct.edges.shape[1] < 1200
    assert direct.closure().shape == (2, 6540)


def test_lca_of_nouns(data_dir: DataDir) -> None:
    tax = read_taxonomy(data_dir("wordnet30") / "nouns_direct.csv.gz")
    i, j = torch.randint(len(tax), (2, 300), generator=torch.Generator().manual_seed(0))
    depth = tax.depth.tolist()
    for a, b, c in zip(i.tolist(), j.tolist(), tax.lca(i, j).tolist(), strict=True):
        assert c == min(lineage(tax, a) & lineage(tax, b), key=lambda v: (-depth[v], v))


def lineage(tax: Taxonomy, node: int) -> set[int]:
    return {node, *map(tax.id_of, tax.ancestors(tax.nodes[node]))}
