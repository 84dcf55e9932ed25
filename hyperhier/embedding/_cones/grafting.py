"""The tree whose ancestors come nearest to those of a DAG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperhier.taxonomy import Taxonomy

__all__ = ["grafted_tree"]

IntArray = NDArray[np.int64]

# Passes over the nodes with several parents; the search ends when one changes nothing.
_PASSES = 8


def grafted_tree(taxonomy: Taxonomy) -> IntArray:
    """Parents ``(N,)``, -1 at the root, of a tree on the nodes of a taxonomy.

    The tree of primary parents gives up every other parent, and all ancestors that only that
    one leads to. Where p is a second parent of v, three changes can win some of them back:

    * v moves below p;
    * p, with all below it, moves in between two nodes of the path from the root to v;
    * the same, right above v.

    Each time the change is made that most lowers the number of pairs in which the ancestors of
    the tree and those of the taxonomy differ, one way or the other, until none lowers it. A
    small group of nodes then gets some false ancestors where a large one gets true ones. Of a
    tree nothing changes.

    >>> tax = Taxonomy.from_edges(
    ...     [("r", "cause"), ("r", "organism"), ("cause", "person"), ("organism", "person")]
    ...     + [("person", name) for name in ("cook", "judge", "poet")]
    ... )
    >>> parent = grafted_tree(tax)
    >>> {tax.nodes[i]: tax.nodes[parent[i]] for i in range(1, 4)}
    {'cause': 'r', 'organism': 'cause', 'person': 'organism'}
    """
    parent: IntArray = taxonomy.parent_id.cpu().numpy().astype(np.int64).copy()
    if taxonomy.is_tree:
        return parent
    child, above = taxonomy.transitive_reduction().edges.cpu().numpy()
    search = _Search(taxonomy, parent)
    second = np.flatnonzero(parent[child] != above)
    many = np.bincount(taxonomy.closure()[1].numpy(), minlength=len(parent))
    second = second[np.argsort(-many[child[second]], kind="stable")]
    for _ in range(_PASSES):
        changes = [search.improve(int(child[e]), int(above[e])) for e in second]
        if not any(changes):
            break
    return search.parent


class _Search:
    def __init__(self, taxonomy: Taxonomy, parent: IntArray) -> None:
        self.parent = parent
        self.children: list[set[int]] = [set() for _ in parent]
        for node, above in enumerate(parent.tolist()):
            if above >= 0:
                self.children[above].add(node)
        self.size = np.ones(len(parent), dtype=np.int64)
        for node in range(len(parent) - 1, 0, -1):  # a parent has a smaller id
            self.size[parent[node]] += self.size[node]
        child, ancestor = taxonomy.closure().numpy()
        self.many = np.bincount(ancestor, minlength=len(parent))
        order = np.lexsort((ancestor, child))
        self.ancestor = ancestor[order]
        self.start = np.searchsorted(child[order], np.arange(len(parent) + 1))

    def improve(self, v: int, p: int) -> bool:
        """Make the best change for v and its second parent p, if one is good."""
        path = self.path(v)
        if p in path:
            return False
        below_p = self.subtree(p)
        held_p, old_p = self.counts(below_p), self.path(p)
        best, change = 0, (-1, -1)
        below_v = self.subtree(v)
        held_v = self.counts(below_v)
        lost = self.worth(held_v, len(below_v), set(path) - {p, *old_p})
        won = self.worth(held_v, len(below_v), {p, *old_p} - set(path))
        if won - lost > best:
            best, change = won - lost, (v, -1)
        lower = v
        room = len(below_p) * (len(path) + len(old_p))
        for i, upper in enumerate(path):
            if self.size[lower] > 2 * self.many[p] + room:
                break  # too many would get p as a false ancestor
            new = set(path[i:])
            gain = self.worth(held_p, len(below_p), new - set(old_p))
            gain -= self.worth(held_p, len(below_p), set(old_p) - new)
            # the subtree of `lower` gains p alone; if p hung there already it moved with it
            under = below_v if lower == v else self.subtree(lower)
            held = held_v if lower == v else self.counts(under)
            gain += self.worth(held, len(under), {p})
            if gain > best:
                best, change = gain, (lower, upper)
            if upper in old_p:
                break  # higher up, p would be put above its own path
            lower = upper
        if best == 0:
            return False
        node, upper = change
        if upper >= 0:
            self.hang(p, upper)
        self.hang(node, p)
        return True

    def hang(self, node: int, above: int) -> None:
        for here in self.path(node):
            self.size[here] -= self.size[node]
        self.children[self.parent[node]].remove(node)
        self.children[above].add(node)
        self.parent[node] = above
        for here in self.path(node):
            self.size[here] += self.size[node]

    def path(self, node: int) -> list[int]:
        """The ancestors of a node in the tree, the nearest first."""
        found = []
        here = int(self.parent[node])
        while here >= 0:
            found.append(here)
            here = int(self.parent[here])
        return found

    def subtree(self, node: int) -> list[int]:
        """A node and all below it in the tree."""
        found = [node]
        for here in found:
            found.extend(self.children[here])
        return found

    def counts(self, nodes: list[int]) -> dict[int, int]:
        """Of how many of the nodes each node is an ancestor in the taxonomy."""
        pieces = [self.ancestor[self.start[u] : self.start[u + 1]] for u in nodes]
        which, count = np.unique(np.concatenate(pieces), return_counts=True)
        return dict(zip(which.tolist(), count.tolist()))

    @staticmethod
    def worth(held: dict[int, int], size: int, ancestors: set[int]) -> int:
        """True pairs less false ones, if all of ``ancestors`` stand above a subtree."""
        return sum(2 * held.get(w, 0) - size for w in ancestors)
