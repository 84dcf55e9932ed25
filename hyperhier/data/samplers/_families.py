"""Families of sibling classes among the classes that a data set really has."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyperhier.taxonomy import Taxonomy

__all__ = ["Family", "families"]


@dataclass
class Family:
    """Classes that belong together.

    Attributes:
        core: siblings; where no class has a sibling, the nearest relatives.
        guests: classes without a sibling, whose nearest relatives the core are.
    """

    core: list[int]
    guests: list[int] = field(default_factory=list)

    @property
    def members(self) -> list[int]:
        """Core and guests."""
        return self.core + self.guests

    def __len__(self) -> int:
        return len(self.core) + len(self.guests)


def families(taxonomy: Taxonomy, classes: list[int]) -> list[Family]:
    """Every class in exactly one family, bottom up.

    The classes below one parent are a core. A class alone below its parent waits at the
    next ancestor: there it forms a core with others that wait, or joins the smallest family
    below that ancestor as a guest. In a DAG the primary parents count.

    Args:
        classes: distinct node ids, leaves or inner nodes.

    >>> from hyperhier.taxonomy import Taxonomy
    >>> tree = Taxonomy.from_paths([("r", "a", "x"), ("r", "a", "y"), ("r", "b", "z")])
    >>> found = families(tree, tree.leaf_ids.tolist())
    >>> [(tree.decode(f.core), tree.decode(f.guests)) for f in found]
    [(['x', 'y'], ['z'])]
    """
    parent = taxonomy.parent_id.tolist()
    depth = taxonomy.depth.tolist()
    own: dict[int, list[int]] = {}
    alone: list[int] = []  # classes at the root itself
    for node in sorted(classes):
        if parent[node] >= 0:
            own.setdefault(parent[node], []).append(node)
        else:
            alone.append(node)
    ancestors: set[int] = set()
    for start in own:
        node = start
        while node >= 0 and node not in ancestors:
            ancestors.add(node)
            node = parent[node]
    result: list[Family] = []
    waiting: dict[int, list[int]] = {}
    below: dict[int, list[Family]] = {}
    for node in sorted(ancestors, key=lambda n: (-depth[n], n)):
        mine, passed = own.get(node, []), waiting.pop(node, [])
        inside = below.pop(node, [])
        if parent[node] < 0:
            passed = passed + alone
        family = None
        if len(mine) > 1:
            family = Family(mine, passed)
        elif len(mine) + len(passed) > 1:
            family = Family(mine + passed)
        elif mine or passed:
            if inside:
                min(inside, key=len).guests.extend(mine or passed)
            elif parent[node] < 0:
                family = Family(mine or passed)
            else:
                waiting.setdefault(parent[node], []).extend(mine or passed)
        if family is not None:
            result.append(family)
            inside.append(family)
        if parent[node] >= 0:
            below.setdefault(parent[node], []).extend(inside)
    if not ancestors:  # all samples are labelled with the root
        result.append(Family(alone))
    return result
