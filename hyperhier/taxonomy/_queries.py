"""The vectorised queries of a taxonomy, on node ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _index
from hyperhier.taxonomy._ancestors import Table, dag_distance, dag_lca, tree_lca
from hyperhier.taxonomy._blockwise import blockwise, each_once
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

    @property
    def node_height(self) -> Tensor:
        """``(N,)`` int64: edges on the longest way down to a leaf; a fresh copy."""
        return self._table("node_height").clone()

    @property
    def root_distance(self) -> Tensor:
        """``(N,)`` float64: weights summed from the root down the primary parents; a copy."""
        return self._table("length").clone()

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
        return self._of_pairs(self._lca, i, j)

    def lca_depth(self, i: Ids, j: Ids) -> Tensor:
        """Depth of :meth:`lca`, int64."""

        def query(table: Table, i: Tensor, j: Tensor) -> Tensor:
            return table("depth").index_select(0, self._lca(table, i, j))

        return self._of_pairs(query, i, j)

    def distance(self, i: Ids, j: Ids, *, weighted: bool = False) -> Tensor:
        """Length of the shortest way from i up to a common ancestor and down to j.

        In a tree the only way: ``depth[i] + depth[j] - 2 depth[lca(i, j)]``. In a DAG the
        least sum over all common ancestors: symmetric, 0 for i = j, but not always a metric,
        for it may not go down and up again.

        Args:
            i, j: ids that broadcast to the shape of the result.
            weighted: sum the edges' weights (float64) instead of counting edges (int64).

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_edges([("r", "a", 0.5), ("a", "x", 2), ("r", "z", 4)])
        >>> x, z = tax.encode(["x", "z"])
        >>> tax.distance(x, z), tax.distance(x, z, weighted=True)
        (tensor(3), tensor(6.5000, dtype=torch.float64))
        """

        def in_tree(table: Table, i: Tensor, j: Tensor) -> Tensor:
            down = table("length" if weighted else "depth")
            lca = tree_lca(table, i, j)
            at_lca = down.index_select(0, lca)
            # each difference is one of lengths on one way down: 0 exactly where i or j is above
            return (down.index_select(0, i) - at_lca) + (down.index_select(0, j) - at_lca)

        def in_dag(table: Table, i: Tensor, j: Tensor) -> Tensor:
            return dag_distance(table, i, j, "climb_length" if weighted else "climb_hops")

        return self._of_pairs(in_tree if self._is_tree else in_dag, i, j)

    def distance_matrix(self, nodes: Ids | None = None, *, weighted: bool = False) -> Tensor:
        """:meth:`distance` between all pairs of some nodes: ``(M, M)``.

        Args:
            nodes: ids, one dimension; all nodes by default.
            weighted: as in :meth:`distance`.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.distance_matrix(tax.leaf_ids)
        tensor([[0, 3, 3],
                [3, 0, 2],
                [3, 2, 0]])
        """
        ids = torch.arange(self._size) if nodes is None else self._ids(nodes)
        return self.distance(ids[:, None], ids[None, :], weighted=weighted)

    def kappa(self, i: Ids, j: Ids) -> Tensor:
        """Shared fraction of the hierarchy, ``lca_depth / height`` in [0, 1], float64.

        A leaf shares everything with itself: 1, even if it is shallower than the deepest
        leaf. An inner node shares with itself only what lies above it.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b")])
        >>> tax.kappa(tax.encode("b"), tax.encode(["b", "x"]))
        tensor([1., 0.], dtype=torch.float64)
        """

        def query(table: Table, i: Tensor, j: Tensor) -> Tensor:
            lca = self._lca(table, i, j)
            shared = table("depth").index_select(0, lca).double() / max(self._height, 1)
            return torch.where((i == j) & table("leaf").index_select(0, i), 1.0, shared)

        return self._of_pairs(query, i, j)

    def label_smoothing(self, beta: float) -> Tensor:
        """Soft labels by height in the tree: ``(leaves, leaves)`` float64, rows sum to 1.

        Entry (y, k) is proportional to ``exp(-beta height(lca(y, k)) / height(root))``:
        one-hot for a large ``beta``, uniform for 0 (Bertinetto et al., "Making better
        mistakes", 2020, section 3.2). Rows and columns in the order of :attr:`leaf_ids`.

        Args:
            beta: finite, >= 0.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b", "z")])
        >>> tax.label_smoothing(4.0)[0]
        tensor([0.8668, 0.1173, 0.0159], dtype=torch.float64)
        """
        if not 0 <= beta < torch.inf:
            raise ValueError(f"beta={beta!r}; expected a finite number >= 0")
        leaves = self._table("leaf_ids")
        lca = self.lca(leaves[:, None], leaves[None, :])
        height = self._table("node_height")[lca].double() / max(self._height, 1)
        return torch.softmax(-beta * height, dim=1)

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

        def query(table: Table, a: Tensor, b: Tensor) -> Tensor:
            if self._is_tree:
                pre, end = table("pre"), table("end")
                p, q = pre.index_select(0, a), pre.index_select(0, b)
                below = (p <= q) & (q < end.index_select(0, a))
            else:
                key = table("lineage_key")
                wanted = b * self._size + a
                at = torch.searchsorted(key, wanted).clamp(max=key.numel() - 1)
                below = key.index_select(0, at) == wanted
            return below & (a != b) if proper else below

        return self._of_pairs(query, a, b)

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

    def closure_blocks(self, pairs: int = 1 << 22, *, nodes: Ids | None = None) -> Iterator[Tensor]:
        """The pairs of :meth:`closure` in its order, block after block: ``(2, E)`` each.

        For a closure that does not fit into memory. A block holds all pairs of some nodes:
        at most ``pairs``, or those of a single node that has more.

        Args:
            pairs: see above.
            nodes: ``(M,)`` ids: the pairs of these children only, in this order; default all.

        >>> from hyperhier.taxonomy import Taxonomy
        >>> tax = Taxonomy.from_paths([("r", "a", "x")])
        >>> [block.tolist() for block in tax.closure_blocks(pairs=2)]
        [[[1], [0]], [[2, 2], [0, 1]]]
        >>> [block.tolist() for block in tax.closure_blocks(nodes=[2])]
        [[[2, 2], [0, 1]]]
        """
        if pairs < 1:
            raise ValueError(f"pairs={pairs}; expected at least 1")
        if nodes is None:
            chosen = torch.arange(self._size)
        else:
            chosen = as_ids(nodes, self._size, torch.device("cpu")).reshape(-1)
        if self._is_tree:
            count = self._table("depth")
        else:
            child, ancestor = self._table("closure")
            count = child.bincount(minlength=self._size)
            start = count.cumsum(0) - count
        chosen = chosen[count[chosen] > 0]
        end = count[chosen].cumsum(0)
        first = before = 0
        while first < len(chosen):
            last = int(torch.searchsorted(end, before + pairs, right=True))
            last = max(last, first + 1)
            some = chosen[first:last]
            below = torch.repeat_interleave(some, count[some])
            levels = torch.arange(below.numel()) - torch.repeat_interleave(
                end[first:last] - count[some] - before, count[some]
            )
            above = (
                self.ancestor_at(levels, below)
                if self._is_tree
                else ancestor[start[below] + levels]
            )
            yield torch.stack([below, above])
            first, before = last, int(end[last - 1])

    # --------------------------------------------------------------------------- private

    def _lca(self, table: Table, i: Tensor, j: Tensor) -> Tensor:
        return (tree_lca if self._is_tree else dag_lca)(table, i, j)

    def _of_pairs(self, query: Callable[[Table, Tensor, Tensor], Tensor], i: Ids, j: Ids) -> Tensor:
        """An elementwise query of pairs that broadcast, checked and in pieces."""
        device = common_device(i, j)
        table = self._on(device)
        i, j = as_ids(i, self._size, device), as_ids(j, self._size, device)

        def answer(i: Tensor, j: Tensor) -> Tensor:
            return query(table, i, j)

        return blockwise(answer, i, j) if self._is_tree else each_once(answer, i, j)

    def _ids(self, nodes: Ids) -> Tensor:
        """Checked ids of one dimension."""
        ids = as_ids(nodes, self._size, common_device(nodes))
        if ids.dim() != 1:
            raise TaxonomyError(f"node ids of shape {tuple(ids.shape)}; expected one dimension")
        return ids

    def _table(self, name: str, device: torch.device = _CPU) -> Tensor:
        tables = self._tables.setdefault(device, {})
        if name not in tables:
            if device != _CPU:
                tables[name] = self._table(name).to(device)
            elif name in _index.DERIVED:
                tables[name] = _index.DERIVED[name](self._structure, self._table)
            else:
                tables[name] = _index.BUILDERS[name](self._structure)
        return tables[name]

    def _on(self, device: torch.device) -> Table:
        return lambda name: self._table(name, device)
