"""The taxonomy: an immutable, indexed rooted tree or DAG of labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make, _reshape
from hyperhier.taxonomy._build import Structure, contracted
from hyperhier.taxonomy._ids import Ids, as_ids, common_device, suggestion
from hyperhier.taxonomy._queries import Queries
from hyperhier.taxonomy.policies import PlacePolicies, Policies, Policy

if TYPE_CHECKING:
    import networkx

__all__ = ["Taxonomy"]


class Taxonomy(Queries):
    """A rooted tree or DAG of labels, immutable and indexed.

    Make one with :meth:`from_edges`, :meth:`from_paths`, :meth:`from_arrays`,
    :meth:`from_networkx`, :func:`~hyperhier.taxonomy.read_taxonomy` or
    :func:`~hyperhier.taxonomy.builtin_taxonomy`.

    **Nodes** are strings; a node id is its int64 position in :attr:`nodes`. Ids are in
    breadth-first order: the root is 0, every level is a contiguous range, a parent comes
    before its children, and siblings stand side by side in the order of the input.

    **Depth** of a node is the number of edges on the longest path from the root. The
    **primary parent** is the deepest parent, the first listed among equals; the primary
    parents form a tree with the same depths. In a tree both are the usual notions.

    **Queries** take ids as tensors of any integer dtype and shape, numpy arrays, lists or
    single integers; they broadcast, and the result lies on the device of the ids. Tables are
    built at their first use and kept for each device.

    Raises:
        TaxonomyError: an id out of range (named), or an unknown node name.
        TypeError: ids that are no integers.

    >>> tax = Taxonomy.from_edges([("animal", "cat"), ("animal", "dog"), ("dog", "poodle")])
    >>> tax
    Taxonomy(tree, 4 nodes, 2 leaves, height 2, root 'animal')
    >>> tax.nodes
    ('animal', 'cat', 'dog', 'poodle')
    >>> tax.decode(tax.lca(*tax.encode(["cat", "poodle"])))
    ['animal']
    """

    __slots__ = ("__weakref__", "_cache")

    _cache: dict[str, Any]

    # ---------------------------------------------------------------------- constructors

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError("Taxonomy() is not called: use Taxonomy.from_edges and its siblings")

    @classmethod
    def _of(cls, structure: Structure) -> Taxonomy:
        self = object.__new__(cls)
        for name, value in (
            ("_structure", structure),
            ("_cache", {}),
            ("_tables", {}),
            ("_size", len(structure.nodes)),
            ("_height", int(structure.depth[-1])),
            ("_is_tree", structure.is_tree),
        ):
            object.__setattr__(self, name, value)
        return self

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[Sequence[Any]],
        *,
        nodes: Iterable[str] = (),
        **policies: Unpack[Policies],
    ) -> Taxonomy:
        """From ``(parent, child)`` or ``(parent, child, weight)`` tuples.

        Args:
            edges: the tuples; names are strings, a weight is a finite number >= 0 (default 1).
            nodes: names that may occur in no edge (a single node has none).
            policies: ``multi_parent``, ``roots``, ``root_name``, ``unary``: what to do with
                several parents, several roots, single children; see
                :class:`~hyperhier.taxonomy.Policies`.

        Raises:
            TaxonomyError: no nodes, empty or unusable names, self loop, repeated edge,
                cycle (printed), bad weight, or what a policy forbids.

        >>> edges = [("pet", "cat"), ("feline", "cat"), ("feline", "lion")]
        >>> Taxonomy.from_edges(edges, roots="join", root_name="animal").parents("cat")
        ('pet', 'feline')
        """
        return cls._of(_make.from_edges(edges, nodes, Policy.of(policies)))

    @classmethod
    def from_arrays(
        cls,
        nodes: Sequence[str],
        parent: Ids,
        child: Ids,
        weight: Any = None,
        **policies: Unpack[Policies],
    ) -> Taxonomy:
        """From distinct names and edges given as positions in them: the fastest way in.

        Args:
            nodes: distinct names. The ids of the result are **not** these positions but
                breadth-first.
            parent, child: ``(E,)`` integers.
            weight: ``(E,)`` numbers >= 0, default 1.
            policies: see :meth:`from_edges`.

        >>> Taxonomy.from_arrays(["cat", "animal", "dog"], parent=[1, 1], child=[0, 2]).nodes
        ('animal', 'cat', 'dog')
        """
        return cls._of(_make.from_arrays(nodes, parent, child, weight, Policy.of(policies)))

    @classmethod
    def from_paths(
        cls, paths: Iterable[Sequence[str]], **policies: Unpack[PlacePolicies]
    ) -> Taxonomy:
        """From paths that each run from the root to a node, of any length.

        A path may be padded by repeating its last name. A name below two different parents
        is an error, unless ``duplicates`` says what it means.

        Args:
            paths: sequences of names.
            policies: as :meth:`from_edges`, and ``duplicates``; see
                :class:`~hyperhier.taxonomy.PlacePolicies`.

        Raises:
            TaxonomyError: as :meth:`from_edges`, or a name at several places.

        >>> Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "d")]).leaves
        ('d', 'c')
        >>> shop = [("shop", "men", "shoes"), ("shop", "women", "shoes")]
        >>> Taxonomy.from_paths(shop, duplicates="path").leaves
        ('shop > men > shoes', 'shop > women > shoes')
        """
        return cls._of(_make.from_paths(paths, Policy.of(policies, places=True)))

    @classmethod
    def from_networkx(
        cls,
        graph: networkx.DiGraph[Any],
        *,
        weight: str = "weight",
        **policies: Unpack[Policies],
    ) -> Taxonomy:
        """From a directed networkx graph with edges parent -> child.

        Node names are ``str(node)``; the edge attribute ``weight`` is kept, default 1.

        Raises:
            TaxonomyError: an undirected graph, two nodes of one name, or as
                :meth:`from_edges`.

        >>> import networkx
        >>> Taxonomy.from_networkx(networkx.DiGraph([(1, 2), (1, 3)])).leaves
        ('2', '3')
        """
        return cls._of(_make.from_networkx(graph, weight, Policy.of(policies)))

    def to_networkx(self) -> networkx.DiGraph[str]:
        """A ``networkx.DiGraph`` with edges parent -> child and their ``weight``.

        >>> graph = Taxonomy.from_edges([("a", "b"), ("a", "c", 2.5)]).to_networkx()
        >>> sorted(graph.edges.data("weight"))
        [('a', 'b', 1.0), ('a', 'c', 2.5)]
        """
        return _make.to_networkx(self._structure)

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Write the edges; see :func:`~hyperhier.taxonomy.write_csv`."""
        from hyperhier.taxonomy.formats.edge_table import write_csv

        write_csv(self, path)

    # ------------------------------------------------------------------- other taxonomies

    def to_tree(self) -> Taxonomy:
        """The tree of primary parents, with the same leaves.

        Inner nodes without a leaf below them in that tree are dropped. A tree is returned
        as it is.

        >>> edges = [("a", "b"), ("a", "c"), ("c", "d"), ("b", "e"), ("d", "e")]
        >>> Taxonomy.from_edges(edges).to_tree().ancestors("e")
        ('d', 'c', 'a')
        """
        return self if self.is_tree else Taxonomy._of(_reshape.primary_tree(self._structure))

    def subtree(self, node: str | Ids) -> Taxonomy:
        """A node with everything below it, as its root.

        Args:
            node: a name or an id.

        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.subtree("a").nodes
        ('a', 'x', 'y')
        """
        top = self._some(node)
        if len(top) != 1:
            raise TaxonomyError(f"{len(top)} nodes; expected one")
        return Taxonomy._of(_reshape.only(self._structure, _reshape.below(self._structure, top)))

    def prune(
        self, nodes: str | Iterable[str] | Ids = (), *, max_depth: int | None = None
    ) -> Taxonomy:
        """Without some nodes, and without what hangs below them alone.

        A node with another parent that stays is kept. An inner node whose children all go
        becomes a leaf.

        Args:
            nodes: names or ids.
            max_depth: nodes deeper than this go too (at least 0).

        Raises:
            TaxonomyError: the root would go, or an unknown node.

        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.prune("y").leaves, tax.prune(max_depth=1).leaves
        (('b', 'x'), ('a', 'b'))
        """
        s = self._structure
        gone = self._some(nodes)
        if max_depth is not None:
            if max_depth < 0:
                raise TaxonomyError(f"max_depth={max_depth}; expected at least 0")
            gone = np.concatenate([gone, np.flatnonzero(s.depth > max_depth)])
        if (gone == 0).any():
            raise TaxonomyError(f"the root {self.root!r} cannot be pruned")
        return Taxonomy._of(_reshape.only(s, _reshape.without(s, gone)))

    def restrict_to(self, nodes: str | Iterable[str] | Ids) -> Taxonomy:
        """Some nodes, such as the leaves of a data set, and their ancestors only.

        Args:
            nodes: at least one name or id.

        Raises:
            TaxonomyError: no node, or an unknown one.

        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.restrict_to(["y"]).nodes
        ('r', 'a', 'y')
        """
        bottom = self._some(nodes)
        if not len(bottom):
            raise TaxonomyError("no nodes to restrict to; expected at least one")
        s = self._structure
        return Taxonomy._of(_reshape.only(s, _reshape.above(s, bottom)))

    def contract_unary(self) -> Taxonomy:
        """Without the inner nodes below the root that have one child; edge lengths add up.

        Where two ways past them lead from one node to another, the shorter length counts.

        >>> tax = Taxonomy.from_paths([("r", "a", "b", "x"), ("r", "a", "b", "y"), ("r", "z")])
        >>> tax.contract_unary().parents("b"), tax.contract_unary().edge_weight
        (('r',), tensor([2., 1., 1., 1.], dtype=torch.float64))
        """
        return Taxonomy._of(contracted(self._structure))

    def transitive_reduction(self) -> Taxonomy:
        """Without the edges to a parent that is also an ancestor of another parent.

        The closure stays the same. Of a tree nothing changes; of a list of all (ancestor,
        descendant) pairs, read as edges, the hierarchy behind it is left.

        >>> Taxonomy.from_edges([("r", "a"), ("a", "x"), ("r", "x")]).transitive_reduction()
        Taxonomy(tree, 3 nodes, 1 leaf, height 2, root 'r')
        """
        return self if self.is_tree else Taxonomy._of(_reshape.reduced(self._structure))

    def unweighted(self) -> Taxonomy:
        """The same taxonomy with every edge of weight 1."""
        return Taxonomy._of(_reshape.unweighted(self._structure))

    def shuffled_leaves(self, seed: int = 0) -> Taxonomy:
        """The same shape with the leaf names permuted: the control of an experiment.

        Whatever a method gains from a taxonomy's shape alone it gains from this one too.
        Ids of the same name differ from those here, so encode labels anew, by name.

        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b", "z")])
        >>> control = tax.shuffled_leaves(seed=1)
        >>> sorted(control.leaves) == sorted(tax.leaves), bool((control.edges == tax.edges).all())
        (True, True)
        """
        return Taxonomy._of(_reshape.shuffled_leaves(self._structure, seed))

    # -------------------------------------------------------------------------- by name

    @property
    def nodes(self) -> tuple[str, ...]:
        """All names; the id of a node is its position here."""
        return self._structure.nodes

    @property
    def root(self) -> str:
        """Name of the root."""
        return self._structure.nodes[0]

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the nodes without children, in the order of :attr:`leaf_ids`."""
        if "leaves" not in self._cache:
            self._cache["leaves"] = tuple(self.decode(self._table("leaf_ids")))
        leaves: tuple[str, ...] = self._cache["leaves"]
        return leaves

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Names grouped by depth, the root's level first."""
        start = self._structure.level_start.tolist()
        nodes = self.nodes
        return tuple(nodes[a:b] for a, b in pairwise(start))

    def id_of(self, name: str) -> int:
        """Id of one node.

        Raises:
            TaxonomyError: an unknown name, with close matches.
        """
        try:
            return self._id_by_name[name]
        except (KeyError, TypeError):
            self._unknown(name)

    def parents(self, name: str) -> tuple[str, ...]:
        """Parents of a node in the order of the input; none for the root."""
        s = self._structure
        low, high = np.searchsorted(s.child, [self.id_of(name), self.id_of(name) + 1])
        return tuple(s.nodes[v] for v in s.parent[low:high].tolist())

    def children(self, name: str) -> tuple[str, ...]:
        """Children of a node in the order of their ids."""
        s = self._structure
        if "by_parent" not in self._cache:
            order = np.argsort(s.parent, kind="stable")
            self._cache["by_parent"] = s.parent[order], s.child[order]
        parent, child = self._cache["by_parent"]
        low, high = np.searchsorted(parent, [self.id_of(name), self.id_of(name) + 1])
        return tuple(s.nodes[v] for v in child[low:high].tolist())

    def ancestors(self, name: str) -> tuple[str, ...]:
        """All proper ancestors, the deepest first (in a tree: the nearest first).

        >>> Taxonomy.from_paths([("a", "b", "c")]).ancestors("c")
        ('b', 'a')
        """
        s = self._structure
        found: set[int] = set()
        todo = [self.id_of(name)]
        for v in todo:  # grows while it runs
            low, high = np.searchsorted(s.child, [v, v + 1])
            for parent in s.parent[low:high].tolist():
                if parent not in found:
                    found.add(parent)
                    todo.append(parent)
        ordered = sorted(found, key=lambda v: (-int(s.depth[v]), v))
        return tuple(s.nodes[v] for v in ordered)

    def encode(self, names: str | Iterable[str]) -> Tensor:
        """Ids of names: int64, one entry a name (no dimension for a single string).

        Raises:
            TaxonomyError: an unknown name, with close matches.

        >>> Taxonomy.from_edges([("a", "b"), ("a", "c")]).encode(["c", "a"])
        tensor([2, 0])
        """
        if isinstance(names, str):
            return torch.tensor(self.id_of(names))
        return torch.tensor([self.id_of(name) for name in names], dtype=torch.int64)

    def decode(self, ids: Ids) -> list[str]:
        """Names of ids; a single id gives a list of one.

        Raises:
            ValueError: ids with more than one dimension.
        """
        checked = as_ids(ids, len(self), common_device(ids))
        if checked.dim() > 1:
            raise ValueError(f"ids of shape {tuple(checked.shape)}; expected one dimension")
        nodes = self.nodes
        return [nodes[v] for v in checked.reshape(-1).tolist()]

    # -------------------------------------------------------------------------- as object

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._id_by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._structure.nodes)

    def __repr__(self) -> str:
        kind = "tree" if self.is_tree else "DAG"
        leaves = int(self._table("leaf").sum())
        return (
            f"Taxonomy({kind}, {len(self)} node{'s' * (len(self) != 1)}, "
            f"{leaves} {'leaf' if leaves == 1 else 'leaves'}, "
            f"height {self.height}, root {self.root!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Taxonomy):
            return NotImplemented
        a, b = self._structure, other._structure
        return a is b or (
            a.nodes == b.nodes
            and np.array_equal(a.child, b.child)
            and np.array_equal(a.parent, b.parent)
            and np.array_equal(a.weight, b.weight)
        )

    def __hash__(self) -> int:
        if "hash" not in self._cache:
            s = self._structure
            self._cache["hash"] = hash((s.nodes, s.child.tobytes(), s.parent.tobytes()))
        return int(self._cache["hash"])

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Taxonomy is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Taxonomy is immutable: cannot delete {name!r}")

    def __copy__(self) -> Taxonomy:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Taxonomy:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        s = self._structure
        return Taxonomy.from_arrays, (s.nodes, s.parent, s.child, s.weight)

    # --------------------------------------------------------------------------- private

    @property
    def _id_by_name(self) -> dict[str, int]:
        if "ids" not in self._cache:
            self._cache["ids"] = {name: v for v, name in enumerate(self.nodes)}
        ids: dict[str, int] = self._cache["ids"]
        return ids

    def _some(self, nodes: str | Iterable[str] | Ids) -> NDArray[np.int64]:
        """Ids of nodes given by name or by id, in one dimension."""
        if isinstance(nodes, str):
            return np.array([self.id_of(nodes)])
        if not isinstance(nodes, Tensor | np.ndarray | int):
            nodes = list(nodes)
            if all(isinstance(name, str) for name in nodes):
                return np.array([self.id_of(name) for name in nodes], dtype=np.int64)
        return as_ids(nodes, len(self), torch.device("cpu")).reshape(-1).numpy()

    def _unknown(self, name: object) -> NoReturn:
        hint = suggestion(name, self.nodes) if isinstance(name, str) else "; expected a str"
        raise TaxonomyError(f"unknown node {name!r}{hint}")
