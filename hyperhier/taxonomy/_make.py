"""The ways into and out of a taxonomy's arrays: edges, paths, arrays, networkx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import Origin, Structure, build
from hyperhier.taxonomy._ids import as_ids
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.policies import Policy

if TYPE_CHECKING:
    import networkx

_NOWHERE = Origin()
_NO_EDGE = "is no edge; expected (parent, child) or (parent, child, weight) with names as str"


def from_edges(
    edges: Iterable[Sequence[Any]],
    nodes: Iterable[str],
    policy: Policy,
    origin: Origin = _NOWHERE,
) -> Structure:
    """See :meth:`Taxonomy.from_edges`."""
    if isinstance(nodes, str):
        raise TaxonomyError(f"nodes {nodes!r} is a str; expected a sequence of names")
    ids: dict[str, int] = {}
    parents: list[int] = []
    children: list[int] = []
    weights: dict[int, float] = {}
    number = -1
    try:
        for name in nodes:
            ids.setdefault(name, len(ids))
        for number, edge in enumerate(edges):
            if isinstance(edge, str) or len(edge) not in (2, 3):
                raise origin.error(f"{edge!r} {_NO_EDGE}", number)
            parents.append(ids.setdefault(edge[0], len(ids)))
            children.append(ids.setdefault(edge[1], len(ids)))
            if len(edge) == 3:
                weights[number] = _weight(edge[2], number, origin)
    except TypeError as problem:  # no length, or a name that cannot be hashed
        if number < 0:
            raise origin.error(f"nodes or edges unusable: {problem}") from None
        raise origin.error(f"an edge {_NO_EDGE}: {problem}", number) from None
    weight = np.ones(len(children))
    weight[list(weights)] = list(weights.values())
    return build(
        list(ids),
        np.asarray(children, dtype=np.int64),
        np.asarray(parents, dtype=np.int64),
        weight,
        origin=origin,
        policy=policy,
    )


def _weight(value: Any, number: int, origin: Origin) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise origin.error(f"weight {value!r}; expected a number", number) from None


def from_arrays(
    nodes: Sequence[str],
    parent: Any,
    child: Any,
    weight: Any,
    policy: Policy,
) -> Structure:
    """See :meth:`Taxonomy.from_arrays`."""
    nodes = list(nodes)
    if len(set(nodes)) < len(nodes):
        twice = next(name for name, times in Counter(nodes).items() if times > 1)
        raise TaxonomyError(f"node {twice!r} is listed twice")
    cpu = torch.device("cpu")
    parents = as_ids(parent, len(nodes), cpu, what="parent").numpy()
    children = as_ids(child, len(nodes), cpu, what="child").numpy()
    weights = np.ones(len(children)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not (parents.shape == children.shape == weights.shape and parents.ndim == 1):
        raise ValueError(
            f"parent {parents.shape}, child {children.shape}, weight {weights.shape}; "
            "expected one equal dimension"
        )
    return build(
        nodes,
        children,
        parents,
        weights,
        origin=_NOWHERE,
        policy=policy,
    )


def from_paths(paths: Iterable[Sequence[str]], policy: Policy) -> Structure:
    """See :meth:`Taxonomy.from_paths`."""
    places = Places()
    for number, path in enumerate(paths):
        if isinstance(path, str):
            raise TaxonomyError(f"path {path!r} is a str; expected a sequence of names")
        path = list(path)
        while len(path) > 1 and path[-1] == path[-2]:
            path.pop()
        if not path:
            raise TaxonomyError(f"path number {number + 1} is empty; expected names")
        for name in path:
            if not isinstance(name, str) or not name or name.isspace():
                raise TaxonomyError(f"path number {number + 1} holds {name!r}; expected text")
        places.add_path(path)
    return places.structure(policy)


def from_networkx(graph: Any, weight: str, policy: Policy) -> Structure:
    """See :meth:`Taxonomy.from_networkx`."""
    if not graph.is_directed():
        raise TaxonomyError("an undirected graph; expected edges parent -> child")
    names = {node: str(node) for node in graph.nodes}
    if len(set(names.values())) < len(names):
        raise TaxonomyError("several nodes of the graph have the same name as text")
    edges = [(names[u], names[v], w) for u, v, w in graph.edges(data=weight, default=1.0)]
    return from_edges(edges, names.values(), policy)


def to_networkx(s: Structure) -> networkx.DiGraph[str]:
    """See :meth:`Taxonomy.to_networkx`."""
    import networkx

    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(s.nodes)
    graph.add_weighted_edges_from(
        (s.nodes[p], s.nodes[c], w)
        for c, p, w in zip(s.child.tolist(), s.parent.tolist(), s.weight.tolist(), strict=True)
    )
    return graph
