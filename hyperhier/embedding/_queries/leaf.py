"""A new leaf in a finished embedding: where to put one point among all the others.

Around the parent many directions and distances are tried; the best few places are followed down
the gradient of the loss of this one point; the best place of all is kept, judged as it is stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from hyperhier.embedding._queries.moves import distances, drawn, moved, slope, stored, unit_rows
from hyperhier.embedding._queries.neighbours import NeighbourIndex
from hyperhier.embedding._queries.screen import Screen, screen_of
from hyperhier.errors import TaxonomyError
from hyperhier.manifolds import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["grown", "with_leaves"]

_ALL = 16384  # nodes up to which every one of them counts; beyond, the nearest and a sample
_DISTURBED = 1024  # nodes around the parent whose ancestors shall stay nearest
_ANCESTORS = 64  # of a node that are looked at, the deepest ones
_DIRECTIONS = 48
_BETWEEN = 9  # relatives; the directions between any two of them are tried
_LENGTHS = (0.05, 0.25, 0.5, 0.75, 1.0, 1.25, 1.6, 2.2)
_SHORTLIST = 32  # places of the least cost, of which the loss decides
_FOLLOWED = 4  # places that gradient steps start from
_STEPS = 24
_OWN = 4.0  # what the order around the new leaf counts against that around one other node
_TABLE = 1 << 22  # distances at once


def grown(taxonomy: Taxonomy, new: Sequence[tuple[str, str]], weight: float) -> Taxonomy:
    """The taxonomy with new leaves, given as pairs (name, parent).

    Raises:
        TaxonomyError: a name that exists already, or a parent that does not.
    """
    names = list(taxonomy.nodes)
    ids: dict[str, int] = {}
    child, parent = taxonomy.edges
    edges = []
    for name, above in new:
        if name in taxonomy:
            raise TaxonomyError(f"node {name!r} exists already")
        at = ids[above] if above in ids and above != name else taxonomy.id_of(above)
        if name not in ids:
            ids[name] = len(names)
            names.append(name)
        edges.append((ids[name], at))
    more = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2)
    return Taxonomy.from_arrays(
        names,
        parent=torch.cat((parent, more[:, 1])),
        child=torch.cat((child, more[:, 0])),
        weight=torch.cat((taxonomy.edge_weight, torch.full((len(more),), float(weight)))),
    )


def with_leaves(
    before: Taxonomy,
    points: Tensor,
    manifold: Manifold,
    taxonomy: Taxonomy,
    target: str,
    seed: int,
) -> Tensor:
    """Points of a grown taxonomy: the old ones as they are, and each new leaf placed.

    Args:
        before: the old taxonomy.
        points: ``(len(before), ambient)``.
        taxonomy: what :func:`grown` made of it.
        target: ``"closure"`` or ``"tree_distance"``.
        seed: of directions and samples.

    Returns:
        ``(len(taxonomy), ambient)``
    """
    if target not in ("closure", "tree_distance"):
        raise ValueError(f"target must be 'closure' or 'tree_distance', got {target!r}")
    old = taxonomy.encode(before.nodes).to(points.device)
    result = points[:1].repeat(len(taxonomy), 1)
    result[old] = points
    placed = torch.zeros(len(taxonomy), dtype=torch.bool, device=points.device)
    placed[old] = True
    # a parent has a smaller id than its children
    for leaf in (~placed).nonzero().squeeze(1).tolist():
        generator = torch.Generator().manual_seed(seed)
        result[leaf] = _Leaf(taxonomy, result, placed, manifold, leaf, target, generator).place()
        placed[leaf] = True
    return result


class _Leaf:
    """One leaf to place among the points that are there."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        points: Tensor,
        placed: Tensor,
        manifold: Manifold,
        leaf: int,
        target: str,
        generator: torch.Generator,
    ) -> None:
        self._points, self._manifold, self._generator = points, manifold, generator
        child, parent = taxonomy.edges.to(points.device)
        self._parents = parent[child == leaf]
        here = int(taxonomy.parent_id[leaf])
        nodes, share = _surroundings(points, placed, manifold, here, generator)
        self._screen = _screened(manifold, points)
        if self._screen is None:
            return
        self._at = self._screen[here : here + 1]
        above = parent[child == here]
        beside = child[(parent == here) & (child != leaf)]
        beside = beside[placed[beside]]
        self._relatives = self._screen[torch.cat((above, beside))]
        self._above = self._screen[above]
        rule = _Order if target == "closure" else _Stress
        self._rule: _Rule = rule(taxonomy, self._screen, nodes, share, leaf, here)

    def place(self) -> Tensor:
        """The point, ``(ambient,)``."""
        if self._screen is None:
            return self._points[self._parents[0]]
        tries = self._tries()
        cost = torch.cat([self._rule.cost(tries[piece]) for piece in self._pieces(len(tries))])
        shortlist = tries[cost.argsort(stable=True)[:_SHORTLIST]]
        best = self._ranked(shortlist)[:_FOLLOWED]
        candidates = [shortlist[b : b + 1] for b in best]
        candidates += [self._followed(one) for one in candidates]
        points = torch.cat([stored(one, self._manifold, self._points) for one in candidates])
        kept = _screened(self._manifold, points)
        return points[0 if kept is None else self._ranked(kept)[0]]

    def _ranked(self, places: Screen) -> list[int]:
        """The places by their cost, ties by their loss."""
        cost = self._rule.cost(places).tolist()
        loss = [float(self._rule.loss(places[i : i + 1])) for i in range(len(places))]
        return sorted(range(len(places)), key=lambda i: (cost[i], loss[i]))

    def _tries(self) -> Screen:
        """Places around the parent."""
        found = [drawn(self._at, _DIRECTIONS, self._generator)]
        some = range(min(len(self._relatives), _DIRECTIONS))
        one = torch.ones_like(self._at.half)
        away = [slope(self._at, self._relatives[i : i + 1], one) for i in some]
        if away:
            known = torch.stack(away)
            found += [known, unit_rows(known.sum(dim=0, keepdim=True))]
            few = min(len(known), _BETWEEN)
            i, j = torch.triu_indices(few, few, offset=1).to(known.device)
            found.append(-unit_rows(known[i] + known[j]))
        if self._at.curvature < 0:
            found.append(torch.eye(1, found[0].shape[1], dtype=torch.float64).to(one.device))
        tangent = torch.cat(found)
        tangent = tangent[tangent.norm(dim=1) > 0.5]
        lengths = self._rule.lengths(self._at, self._relatives, self._above)
        count = len(tangent)
        at = self._at[torch.zeros(count * len(lengths), dtype=torch.int64)]
        return moved(at, tangent.repeat(len(lengths), 1), lengths.repeat_interleave(count))

    def _followed(self, at: Screen) -> Screen:
        """Down the gradient, each step as long as it helps."""
        loss, length = float(self._rule.loss(at)), 0.5
        for _ in range(_STEPS):
            tangent = -self._rule.gradient(at)
            size = float(tangent.norm())
            if not size > 0.0:
                break
            tangent = (tangent / size).unsqueeze(0)
            while length > 1e-4:
                there = moved(at, tangent, torch.full_like(at.half, length))
                value = float(self._rule.loss(there))
                if value < loss:
                    at, loss, length = there, value, 2.0 * length
                    break
                length *= 0.5
            else:
                break
        return at

    def _pieces(self, count: int) -> list[slice]:
        width = max(1, _TABLE // max(1, self._rule.width))
        return [slice(i, i + width) for i in range(0, count, width)]


class _Rule(ABC):
    """What a place costs."""

    width: int

    @abstractmethod
    def cost(self, at: Screen) -> Tensor:
        """What decides between places, ``(n,)``."""

    @abstractmethod
    def loss(self, at: Screen) -> Tensor:
        """What is followed downwards: of one place."""

    @abstractmethod
    def gradient(self, at: Screen) -> Tensor:
        """Of :meth:`loss`, ``(1 + d,)``."""

    @abstractmethod
    def lengths(self, at: Screen, relatives: Screen, above: Screen) -> Tensor:
        """Distances from the parent to try."""


class _Order(_Rule):
    """Ancestors nearest: around the leaf, and around the nodes that it may come too near to.

    The cost counts precision lost: 1 - AP of the leaf itself, and for each node around what a
    stranger at the leaf's distance takes from its AP if all was well before.
    """

    def __init__(
        self, taxonomy: Taxonomy, screen: Screen, nodes: Tensor, share: Tensor, leaf: int, here: int
    ) -> None:
        device = nodes.device
        line = taxonomy.encode(taxonomy.ancestors(taxonomy.nodes[leaf])[:_ANCESTORS]).to(device)
        self._parent = screen[here : here + 1]
        self._own = screen[line]
        other = ~torch.isin(nodes, line)
        self._others, self._share = screen[nodes[other]], share[other]
        around = torch.cat((line[line != here], nodes))
        far = distances(screen[here : here + 1], screen[around])[0]
        around = around[far.argsort(stable=True)[:_DISTURBED]].unique()
        self._around = screen[around]
        pairs = [
            (w, a)
            for w, node in enumerate(taxonomy.decode(around.cpu()))
            for a in taxonomy.ancestors(node)[:_ANCESTORS]
        ]
        self._of = torch.tensor([w for w, _ in pairs], dtype=torch.int64, device=device)
        ancestor = screen[taxonomy.encode([a for _, a in pairs]).to(device)]
        self._limit = ancestor.distance(ancestor.square_by_row(self._around[self._of]).sqrt())
        count = self._of.bincount(minlength=len(around))
        order = self._limit.argsort(stable=True)
        order = order[self._of[order].argsort(stable=True)]
        place = torch.empty_like(order)
        start = torch.searchsorted(self._of[order], self._of[order])
        place[order] = torch.arange(len(order), device=device) - start
        self._loss = 1.0 / ((place.double() + 2.0) * count[self._of])
        self.width = len(self._others) * max(1, len(line)) + len(pairs)

    def cost(self, at: Screen) -> Tensor:
        own, others = distances(at, self._own).sort(dim=1).values, distances(at, self._others)
        before = torch.stack(
            [(self._share * (others <= own[:, i : i + 1])).sum(dim=1) for i in range(own.shape[1])],
            dim=1,
        )
        place = torch.arange(1, own.shape[1] + 1, device=own.device)
        precision = (place / (place + before)).mean(dim=1)
        nearest = torch.cat((own[:, :1], others), dim=1).min(dim=1).values
        missed = distances(at, self._parent)[:, 0] > nearest
        return _OWN * (1.0 - precision + 0.5 * missed) + self._disturbed(at)

    def _disturbed(self, at: Screen) -> Tensor:
        if len(self._of) == 0:
            return torch.zeros_like(at.half)
        nearer = distances(at, self._around)[:, self._of] <= self._limit
        return nearer.double() @ self._loss

    def loss(self, at: Screen) -> Tensor:
        own, rivals = distances(at, self._own)[0], self._rivals(at)
        softmax = (torch.logaddexp(rivals.logsumexp(0), -own) + own).mean()
        return softmax + self._crowding(at)[0]

    def gradient(self, at: Screen) -> Tensor:
        own, rivals = distances(at, self._own)[0], self._rivals(at)
        total = torch.logaddexp(rivals.logsumexp(0), -own)
        share = (-own - total).exp()
        on_own = (1.0 - share) / len(own)
        on_others = -(rivals.unsqueeze(0) - total.unsqueeze(1)).exp().mean(dim=0)
        _, on_around = self._crowding(at)
        return (
            slope(at, self._own, on_own)
            + slope(at, self._others, on_others)
            + slope(at, self._around, on_around)
        )

    def _rivals(self, at: Screen) -> Tensor:
        return self._share.log() - distances(at, self._others)[0]

    def _crowding(self, at: Screen) -> tuple[Tensor, Tensor]:
        """Logistic loss of the leaf as a rival of others' ancestors, and its slopes."""
        far = distances(at, self._around)[0]
        behind = self._limit - far[self._of]
        slopes = torch.zeros_like(far)
        slopes.index_add_(0, self._of, -self._loss * behind.sigmoid())
        return (self._loss * torch.nn.functional.softplus(behind)).sum(), slopes

    def lengths(self, at: Screen, relatives: Screen, above: Screen) -> Tensor:
        usual = [distances(at, some)[0] for some in (relatives, above) if len(some)]
        if not usual:
            usual = [torch.ones_like(at.half)]
        base = torch.cat(
            [u.median().reshape(1) for u in usual] + [u.max().reshape(1) for u in usual]
        )
        past = distances(at, self._own)[0].max().reshape(1)
        steps = torch.tensor(_LENGTHS, dtype=torch.float64, device=base.device)
        tried = torch.cat(((base.unsqueeze(1) * steps).flatten(), 1.02 * past, 1.2 * past))
        return tried[tried > 0].unique() if bool((tried > 0).any()) else torch.ones_like(at.half)


class _Stress(_Rule):
    """Distances in proportion to those of the taxonomy: mean of (d_M / (s d_T) - 1)^2.

    The scale s is the median ratio of the distances from the parent.
    """

    def __init__(
        self, taxonomy: Taxonomy, screen: Screen, nodes: Tensor, share: Tensor, leaf: int, here: int
    ) -> None:
        hops = taxonomy.distance(here, nodes.cpu(), weighted=True).to(nodes.device)
        far = distances(screen[here : here + 1], screen[nodes])[0]
        counted = (hops > 0) & (far > 0)
        ratio = far[counted] / hops[counted]
        self.scale = float(ratio.median()) if len(ratio) else 1.0
        hops = taxonomy.distance(leaf, nodes.cpu(), weighted=True).to(nodes.device)
        self._wanted = self.scale * hops[hops > 0]
        self._nodes = screen[nodes[hops > 0]]
        self._share = share[hops > 0] / share[hops > 0].sum()
        self._edge = self.scale * float(taxonomy.distance(leaf, here, weighted=True))
        self.width = len(self._nodes)

    def cost(self, at: Screen) -> Tensor:
        return (distances(at, self._nodes) / self._wanted - 1.0).square() @ self._share

    def loss(self, at: Screen) -> Tensor:
        return self.cost(at)[0]

    def gradient(self, at: Screen) -> Tensor:
        off = distances(at, self._nodes)[0] / self._wanted - 1.0
        return slope(at, self._nodes, 2.0 * self._share * off / self._wanted)

    def lengths(self, at: Screen, relatives: Screen, above: Screen) -> Tensor:
        steps = torch.tensor((0.0, *_LENGTHS), dtype=torch.float64, device=at.half.device)
        return (self._edge * steps).unique()


def _surroundings(
    points: Tensor, placed: Tensor, manifold: Manifold, here: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Nodes that count, and how many each stands for: all, or the nearest and a sample."""
    nodes = placed.nonzero().squeeze(1)
    if len(nodes) <= _ALL:
        return nodes, torch.ones(len(nodes), dtype=torch.float64, device=points.device)
    half = _ALL // 2
    near = NeighbourIndex(points, manifold).search(points[here : here + 1], half, among=nodes)
    rest = nodes[~torch.isin(nodes, near.ids[0])]
    some = rest[torch.randperm(len(rest), generator=generator)[:half].to(rest.device)]
    share = torch.ones(len(near.ids[0]) + len(some), dtype=torch.float64, device=points.device)
    share[len(near.ids[0]) :] = len(rest) / len(some)
    return torch.cat((near.ids[0], some)), share


def _screened(manifold: Manifold, points: Tensor) -> Screen | None:
    return screen_of(manifold, points, doubted=False)
