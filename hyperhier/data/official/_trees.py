"""A taxonomy from the paths of a data set's classes, whose names may repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hyperhier.taxonomy import Taxonomy

__all__ = ["tree_of_paths"]

Path = tuple[str, ...]


def tree_of_paths(root: str, paths: Iterable[Path]) -> tuple[Taxonomy, dict[Path, str]]:
    """A tree whose nodes bear their own name where that is unique, else the whole path.

    Returns:
        the tree, and the node name of each path.

    >>> tree, names = tree_of_paths("all", [("men", "shirts"), ("women", "shirts"), ("women",)])
    >>> names[("men", "shirts")], names[("women",)]
    ('men/shirts', 'women')
    >>> tree.leaves
    ('men/shirts', 'women/shirts')
    """
    wanted = list(dict.fromkeys(paths))
    nodes = dict.fromkeys(path[: n + 1] for path in wanted for n in range(len(path)))
    times = Counter(path[-1] for path in nodes)
    name = {}
    for p in nodes:
        plain = times[p[-1]] == 1 and p[-1] != root
        name[p] = p[-1] if plain else "/".join(p if p != (root,) else (root, root))
    edges = [(name[p[:-1]] if len(p) > 1 else root, name[p]) for p in nodes]
    return Taxonomy.from_edges(edges, nodes=[root]), {path: name[path] for path in wanted}
