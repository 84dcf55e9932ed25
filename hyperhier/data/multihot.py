"""Samples with several labels: as a table of nodes, and as one node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["common_label", "multi_hot"]


def multi_hot(
    labels: Sequence[Iterable[str]], taxonomy: Taxonomy, *, ancestors: bool = False
) -> Tensor:
    """Label sets as a bool table ``(N, nodes)``.

    Args:
        labels: node names of each sample, none or several.
        ancestors: mark what lies above a label as well, the root included.

    Raises:
        TaxonomyError: an unknown name.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
    >>> tree.nodes, multi_hot([["x", "b"], []], tree).int().tolist()
    (('r', 'a', 'b', 'x'), [[0, 0, 1, 1], [0, 0, 0, 0]])
    """
    table = torch.zeros(len(labels), len(taxonomy), dtype=torch.bool)
    for row, names in enumerate(labels):
        for name in names:
            table[row, taxonomy.id_of(name)] = True
            for above in taxonomy.ancestors(name) if ancestors else ():
                table[row, taxonomy.id_of(above)] = True
    return table


def common_label(labels: Sequence[str], taxonomy: Taxonomy) -> str:
    """The deepest node above (or at) all of some nodes.

    Raises:
        DataError: no labels.
        TaxonomyError: an unknown name.

    >>> from hyperhier.taxonomy import builtin_taxonomy
    >>> common_label(["bcc", "bkl"], builtin_taxonomy("ham10000-lineage"))
    'keratinocytic'
    """
    if not labels:
        raise DataError("no labels to find the common ancestor of")
    ids = taxonomy.encode(list(labels))
    common = ids[0]
    for other in ids[1:]:
        common = taxonomy.lca(common, other)
    return taxonomy.nodes[int(common)]
