"""The vectorised queries of a taxonomy, on node ids."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperhier.taxonomy import _index
from hyperhier.taxonomy._build import Structure
from hyperhier.taxonomy._ids import Ids, as_ids, common_device

__all__ = ["Queries"]

_CPU = torch.device("cpu")


class Queries:
    """What a :class:`~hyperhier.taxonomy.Taxonomy` answers about node ids."""

    __slots__ = ("_height", "_is_tree", "_size", "_structure", "_tables")

    _structure: Structure
    _tables: dict[torch.device, dict[str, Tensor]]
    # plain numbers, so that a compiled query sees tensors and numbers only
    _size: int
    _height: int
    _is_tree: bool

    def __len__(self) -> int:
        return self._size

    @property
    def is_tree(self) -> bool:
        """Whether every node but the root has exactly one parent."""
        return self._is_tree

    @property
    def height(self) -> int:
        """The largest depth; 0 for a single node."""
        return self._height

    @property
    def root_id(self) -> int:
        """Id of the root: 0."""
        return 0

    @property
    def leaf_ids(self) -> Tensor:
        """``(number of leaves,)`` int64, ascending; a fresh copy."""
        return self._table("leaf_ids").clone()

    @property
    def depth(self) -> Tensor:
        """``(N,)`` int64: edges on the longest path from the root; a fresh copy."""
        return self._table("depth").clone()

    @property
    def parent_id(self) -> Tensor:
        """``(N,)`` int64: the primary parent, -1 at the root; a fresh copy."""
        return self._table("parent").clone()

    @property
    def edges(self) -> Tensor:
        """``(2, E)`` int64, child over parent, sorted by child; a fresh copy."""
        return self._table("edges").clone()

    @property
    def edge_weight(self) -> Tensor:
        """``(E,)`` float64 in the order of :attr:`edges`; a fresh copy."""
        return self._table("weight").clone()

    def lca(self, i: Ids, j: Ids) -> Tensor:
        """Lowest common ancestor; a node counts as its own ancestor.

        In a DAG: the common ancestor of the largest depth, ties to the smallest id.
        Trees take constant time a pair; a DAG time in the number of ancestors.

        Args:
            i, j: ids that broadcast to the shape of the result.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b", "z")])
        >>> x = tax.leaf_ids
        >>> tax.lca(x[:, None], x[None, :])
        tensor([[3, 1, 0],
                [1, 4, 0],
                [0, 0, 5]])
        """
        i, j, table = self._pair(i, j)
        return self._lca(table, i, j)

    def lca_depth(self, i: Ids, j: Ids) -> Tensor:
        """Depth of :meth:`lca`, int64."""
        i, j, table = self._pair(i, j)
        lca = self._lca(table, i, j)
        return table("depth")[lca]

    def distance(self, i: Ids, j: Ids) -> Tensor:
        """``depth[i] + depth[j] - 2 depth[lca(i, j)]``, int64.

        In a tree the number of edges between the nodes. In a DAG the length of the route
        through the deepest common ancestor, with depths measured along longest paths: 0
        exactly when i = j, symmetric, but not always a metric.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b", "z")])
        >>> tax.distance(*tax.encode(["x", "z"]))
        tensor(4)
        """
        i, j, table = self._pair(i, j)
        depth = table("depth")
        lca = self._lca(table, i, j)
        return depth[i] + depth[j] - 2 * depth[lca]

    def kappa(self, i: Ids, j: Ids) -> Tensor:
        """Shared fraction of the hierarchy, ``lca_depth / height`` in [0, 1], float64.

        A leaf shares everything with itself: 1, even if it is shallower than the deepest
        leaf. An inner node shares with itself only what lies above it.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.kappa(tax.encode("b"), tax.encode(["b", "x"]))
        tensor([1., 0.], dtype=torch.float64)
        """
        i, j, table = self._pair(i, j)
        lca = self._lca(table, i, j)
        shared = table("depth")[lca].double() / max(self._height, 1)
        return torch.where((i == j) & table("leaf")[i], 1.0, shared)

    def ancestor_at(self, level: Ids, ids: Ids) -> Tensor:
        """Ancestor on a level (0 = root); a node that is shallower stands in for itself.

        In a DAG along primary parents.

        Args:
            level: one level in 0 ... height, or several that broadcast with ``ids``.
            ids: ids of any shape.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
        >>> tax.decode(tax.ancestor_at(1, tax.encode(["x", "b", "r"])))
        ['a', 'b', 'r']
        """
        device = common_device(ids) if isinstance(ids, Tensor) else common_device(level)
        checked = as_ids(ids, self._size, device)
        levels = as_ids(level, self._height + 1, device, what="level")
        table = self._on(device)
        levels = torch.minimum(levels, table("depth")[checked])
        # the last node of the level that begins no later than the node, in depth-first order
        wanted = levels * self._size + table("pre")[checked]
        return torch.searchsorted(table("level_key"), wanted, right=True) - 1

    def paths(self, ids: Ids) -> Tensor:
        """Ancestors on every level with stand-ins: ``(*shape of ids, height + 1)``.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
        >>> tax.paths(tax.leaf_ids)
        tensor([[0, 2, 2],
                [0, 1, 3]])
        """
        checked = as_ids(ids, self._size, common_device(ids))
        levels = torch.arange(self._height + 1, device=checked.device)
        return self.ancestor_at(levels, checked.unsqueeze(-1))

    def nodes_at(self, level: int) -> Tensor:
        """Sorted distinct ids of ``ancestor_at(level, leaf_ids)``: a partition of the leaves.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
        >>> tax.decode(tax.nodes_at(2))
        ['b', 'x']
        """
        return torch.unique(self.ancestor_at(level, self._table("leaf_ids")))

    def is_ancestor(self, a: Ids, b: Ids, *, proper: bool = True) -> Tensor:
        """Whether ``a`` is an ancestor of ``b``, bool; with ``proper=False`` also if a = b.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "b")])
        >>> tax.is_ancestor(tax.encode("a"), tax.encode(["a", "x", "b"]))
        tensor([False,  True, False])
        """
        a, b, table = self._pair(a, b)
        if self._is_tree:
            pre = table("pre")
            below = (pre[a] <= pre[b]) & (pre[b] < table("end")[a])
        else:
            key = table("lineage_key")
            wanted = b * self._size + a
            below = key[torch.searchsorted(key, wanted).clamp(max=key.numel() - 1)] == wanted
        if proper:
            below = below & (a != b)
        return below

    def closure(self) -> Tensor:
        """All (node, proper ancestor) pairs: ``(2, E)`` int64, child over ancestor.

        Sorted by child, then by ancestor; a fresh copy.

        Raises:
            TaxonomyError: more than 10^9 pairs (a very deep taxonomy).

        >>> from hyperhier.taxonomy import Taxonomy
        >>> Taxonomy.from_paths([("r", "a", "x")]).closure()
        tensor([[1, 2, 2],
                [0, 0, 1]])
        """
        return self._table("closure").clone()

    # --------------------------------------------------------------------------- private

    def _lca(self, table: _index.Table, i: Tensor, j: Tensor) -> Tensor:
        return (_index.tree_lca if self._is_tree else _index.dag_lca)(table, i, j)

    def _table(self, name: str, device: torch.device = _CPU) -> Tensor:
        tables = self._tables.setdefault(device, {})
        if name not in tables:
            if device != _CPU:
                tables[name] = self._table(name).to(device)
            elif name in _index.DERIVED:
                tables[name] = _index.DERIVED[name](self._table)
            else:
                tables[name] = _index.BUILDERS[name](self._structure)
        return tables[name]

    def _on(self, device: torch.device) -> _index.Table:
        return lambda name: self._table(name, device)

    def _pair(self, i: Ids, j: Ids) -> tuple[Tensor, Tensor, _index.Table]:
        device = common_device(i, j)
        return as_ids(i, self._size, device), as_ids(j, self._size, device), self._on(device)
