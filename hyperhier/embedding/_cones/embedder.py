"""Max-margin training of entailment: cones, or half-spaces, around every ancestor."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._cones.grafting import grafted_tree
from hyperhier.embedding._cones.kernel import (
    CONE,
    HALF_SPACE,
    Points,
    Rule,
    compiled_step,
    move,
    plain_step,
)
from hyperhier.embedding._constructive.embedder import ConstructiveEmbedder
from hyperhier.embedding._embedding import TaxonomyEmbedding
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, positive, whole
from hyperhier.embedding._ranking.embedder import RankingEmbedder
from hyperhier.embedding._run import Run
from hyperhier.errors import RunError
from hyperhier.manifolds._motion import seen_from
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["ConesEmbedder", "matched_radius"]

FloatArray = NDArray[np.float64]

_ENERGIES = {"half_space": HALF_SPACE, "cone": CONE}
# Standard deviation of random starting features.
_START = 0.5
# How far points leave the plane of a constructed start, in units of curvature or of their norm.
_NUDGE = 0.02


@dataclass(kw_only=True, eq=False)
class ConesEmbedder(Embedder):
    """Train the places of the nodes for is-a, by the max-margin loss of the entailment cones
    (Ganea, Bécigneul and Hofmann 2018, arXiv 1804.01882)::

        L = sum over (u, v) of E(v, u) + sum over negatives of max(0, margin - E(v', u'))

    over the pairs of a node u and an ancestor v. A negative is a pair in which a random node
    stands for v, or for u, and that does not follow from the edges. E is the energy of the cones
    (:func:`cone_energy`) or of the half-spaces (:func:`half_space_energy`), the latter with the
    margin for positives too. Pairs with the root are left out: everything is below the root.

    Sparse Riemannian gradient steps, compiled where numba is installed
    (``pip install 'hyperhier[fast]'``), in numpy with the same result elsewhere.

    Args:
        manifold: hyperbolic or Euclidean.
        dim: its dimension.
        seed: of the start, the order of the pairs and the negatives.
        energy: ``"half_space"`` or ``"cone"``.
        K: width of the cones.
        margin: default 0.01 for cones, 0.1 for half-spaces.
        pairs: ``"closure"``: every pair that follows from the edges is a positive;
            ``"edges"``: the edges alone are, redundant ones included. A pair that follows is
            never a negative.
        saturation: the loss x of a pair counts as ``x / (1 + x / saturation)``, so that pairs
            beyond help do not spoil the others; default: no such limit.
        epochs: passes over all pairs; 0 leaves the start as it is made ready.
        lr: learning rate, falling linearly to a tenth.
        batch_size: pairs in a step.
        negatives: for each pair, half of them for u and half for v; even.
        init: ``"constructive"``, ``"ranking"``, ``"random"``, a :class:`TaxonomyEmbedding` of
            the same nodes, or ``"auto"``: constructive in two dimensions or more, of a DAG by
            way of :func:`~hyperhier.embedding._cones.grafting.grafted_tree`. A start is made
            ready: it is moved so that the root lies at the origin; where it was made for
            hyperbolic tree distances, radii are doubled, less the last edge, so that
            half-spaces nest as far as the manifold has room; and for cones they are changed so
            that a cone spans the directions that the half-space did. That also gives Euclidean
            space a constructed start. Spherical points are no start.
        dtype: of the points.

    ``embedding_.info`` holds what was chosen, and the last mean loss.

    >>> dag = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("c", "e")])
    >>> emb = ConesEmbedder(dim=3, epochs=500, lr=0.1, init="random").fit(dag).embedding_
    >>> from hyperhier.embedding._cones.is_a import is_a_scores
    >>> is_a_scores(emb, [("d", "b"), ("d", "c"), ("e", "c"), ("e", "b"), ("b", "c")]) > 0
    tensor([ True,  True,  True, False, False])
    """

    method: ClassVar[str] = "cones"
    only_target: ClassVar[str | None] = "closure"

    energy: str = "half_space"
    K: float = 0.1
    margin: float | None = None
    pairs: str = "closure"
    saturation: float | None = None
    epochs: int = 50
    lr: float = 0.01
    batch_size: int = 512
    negatives: int = 10
    init: str | TaxonomyEmbedding = "auto"

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        self._check(manifold)
        margin = self.margin
        if margin is None:
            margin = 0.01 if self.energy == "cone" else 0.1
        curved = is_hyperbolic(manifold)
        unit = 1.0 / math.sqrt(-manifold.sectional_curvature) if curved else 1.0
        features, init = _start(self, taxonomy, manifold)
        points = Points.of(features / unit, curved=curved)
        rule = Rule(
            _ENERGIES[self.energy],
            curved,
            2.0 * self.K if curved else self.K,
            margin,
            margin if self.energy == "half_space" else 0.0,
            math.inf if self.saturation is None else self.saturation,
        )
        if self.epochs and init == "constructive" and self.dim > 2:
            _leave_the_plane(points, curved, self.seed)
        loss = _train(self, taxonomy, points, rule, run)
        with torch.no_grad():
            placed = manifold.from_features(torch.from_numpy(points.features(curved=curved)) * unit)
        chosen = {"energy": self.energy, "K": self.K, "margin": margin, "pairs": self.pairs}
        chosen |= {"init": init, "epochs": self.epochs, "lr": self.lr, "loss": loss}
        return placed, chosen

    def _check(self, manifold: Manifold) -> None:
        if manifold.sectional_curvature > 0.0:
            raise ValueError(f"cones need a hyperbolic or Euclidean manifold, got {manifold!r}")
        positive(K=self.K, margin=self.margin, saturation=self.saturation)
        positive(lr=self.lr)
        whole(1, batch_size=self.batch_size)
        whole(0, epochs=self.epochs)
        if self.energy not in _ENERGIES:
            known = " or ".join(map(repr, _ENERGIES))
            raise ValueError(f"energy must be {known}, got {self.energy!r}")
        if self.pairs not in ("closure", "edges"):
            raise ValueError(f"pairs must be 'closure' or 'edges', got {self.pairs!r}")
        whole(2, negatives=self.negatives)
        if self.negatives % 2:
            raise ValueError(f"negatives must be even and at least 2, got {self.negatives!r}")


def matched_radius(radius: FloatArray, K: float, *, curved: bool) -> FloatArray:
    """Where a node's cone spans the directions that its half-space spans at ``radius``.

    A half-space spans the half-angle w with ``tan(w / 2) = e^(-radius / 2)``. A hyperbolic cone
    at b spans ``tan(w / 2) = e^-b tan(psi(b) / 2)``, a flat one ``w = psi(b)``.

    Args:
        radius: ``(N,)`` in units of the curvature radius.
        K: width of the cones.
        curved: whether the cones are hyperbolic.

    Returns:
        ``(N,)``; grows with ``radius``, and 0 stays 0.

    >>> matched_radius(np.array([0.0, 4.0, 8.0, 40.0]), 0.1, curved=True).round(2)
    array([0.  , 0.47, 1.24, 9.2 ])
    """
    target = 0.5 * radius  # -log tan(w / 2)
    if not curved:
        half = np.exp(-target)
        sine = 2.0 * half / (1.0 + half * half)
        return np.where(radius > 0.0, K / sine, 0.0)
    low, high = np.zeros_like(radius), np.maximum(target, 1.0)
    for _ in range(100):
        middle = 0.5 * (low + high)
        sinh = np.sinh(middle)
        # tan(asin(x) / 2) = x / (1 + sqrt(1 - x^2)), and its inverse for pi - asin(x)
        outside = sinh > 2.0 * K
        ratio = np.where(outside, 2.0 * K / np.maximum(sinh, K), sinh / (2.0 * K))
        tangent = np.log(np.maximum(ratio, 1e-300)) - np.log1p(np.sqrt(1.0 - ratio * ratio))
        spans = middle - np.where(outside, tangent, -tangent)
        low, high = np.where(spans < target, middle, low), np.where(spans < target, high, middle)
    return np.where(radius > 0.0, 0.5 * (low + high), 0.0)


def _start(self: ConesEmbedder, taxonomy: Taxonomy, manifold: Manifold) -> tuple[FloatArray, str]:
    """Features ``(N, dim)`` to start from, and the name of that."""
    init = self.init
    if init == "auto":
        init = "constructive" if self.dim >= 2 else "random"
    name = init if isinstance(init, str) else "given"
    if init == "random":
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(len(taxonomy), self.dim, generator=generator, dtype=torch.float64)
        noise[taxonomy.root_id] = 0.0
        return _START * noise.numpy(), name
    for_cones = False
    if isinstance(init, TaxonomyEmbedding):
        if init.taxonomy.nodes != taxonomy.nodes:
            raise ValueError("init embeds other nodes than those of the taxonomy")
        if init.dim != self.dim:
            raise ValueError(f"init has dim {init.dim}, but dim is {self.dim}")
        given = init
        for_cones = init.info.get("method") == "cones" and init.info.get("energy") == "cone"
    elif init == "constructive":
        given = _constructed(self, taxonomy, manifold)
    elif init == "ranking":
        ranked = RankingEmbedder(manifold=manifold, dim=self.dim, seed=self.seed)
        given = ranked.fit(taxonomy).embedding_
    else:
        raise ValueError(
            "init must be 'auto', 'constructive', 'ranking', 'random' or an embedding, "
            f"got {init!r}"
        )
    came = given.manifold.sectional_curvature
    if came > 0.0:
        raise ValueError(f"init must lie in hyperbolic or Euclidean space, not on {given.manifold}")
    with torch.no_grad():
        found = _about_the_root(given).numpy().copy()
    if came < 0.0 and given.info.get("target") == "tree_distance":
        found *= _nested(np.sqrt((found * found).sum(axis=1)), taxonomy)[:, None]
    if self.energy == "cone" and came < 0.0 and not for_cones:
        curved = is_hyperbolic(manifold)
        old = np.sqrt(-came) * np.sqrt((found * found).sum(axis=1))
        new = matched_radius(old, self.K, curved=curved)
        if curved:
            new = new / math.sqrt(-manifold.sectional_curvature)
        scale = np.sqrt(-came) * new / np.where(old > 0.0, old, 1.0)
        found = found * scale[:, None]
    return found, name


def _about_the_root(given: TaxonomyEmbedding) -> Tensor:
    """Features ``(N, dim)`` of the points moved so that the root lies at the origin."""
    space, points = given.manifold, given.points.cpu().double()
    root = points[given.taxonomy.root_id]
    if not float(space.dist0(root)) > 0.0:
        return space.to_features(points)
    return space.to_features(seen_from(root, points, space))


def _nested(radius: FloatArray, taxonomy: Taxonomy) -> FloatArray:
    """By what to multiply the radii of a tree in hyperbolic space so that half-spaces nest.

    The half-space of a node at the radius R begins at R / 2. At the sum of its radius and its
    parent's that is halfway down the edge: behind its parent, before itself and all below.
    """
    parent = taxonomy.parent_id.cpu().numpy()
    above = np.where(parent >= 0, radius[parent], 0.0)
    return 1.0 + above / np.where(radius > 0.0, radius, 1.0)


def _constructed(self: ConesEmbedder, taxonomy: Taxonomy, manifold: Manifold) -> TaxonomyEmbedding:
    """The constructive closure of the tree that has the ancestors of the taxonomy, or nearly."""
    space: str | Manifold = manifold if is_hyperbolic(manifold) else "polar"
    builder = ConstructiveEmbedder(manifold=space, dim=self.dim, seed=self.seed)
    if taxonomy.is_tree:
        return builder.fit(taxonomy).embedding_
    parent = grafted_tree(taxonomy)
    below = np.flatnonzero(parent >= 0)
    tree = Taxonomy.from_arrays(taxonomy.nodes, parent[below], below)
    built = builder.fit(tree).embedding_
    points = built.points[tree.encode(taxonomy.nodes)]
    return TaxonomyEmbedding(taxonomy, built.manifold, points, built.info)


def _sorted_pairs(pairs: Tensor, taxonomy: Taxonomy) -> tuple[NDArray[np.int64], ...]:
    """Children and ancestors without the root, sorted; and where each child's begin."""
    child, ancestor = pairs[:, pairs[1] != taxonomy.root_id].cpu().numpy()
    order = np.lexsort((ancestor, child))
    child, ancestor = child[order], ancestor[order]
    return child, ancestor, np.searchsorted(child, np.arange(len(taxonomy) + 1))


def _leave_the_plane(points: Points, curved: bool, seed: int) -> None:
    """A small random move across the radius: no gradient leads out of a plane of points."""
    noise = np.random.default_rng((seed, 1 << 32)).normal(size=points.direction.shape)
    nodes = np.flatnonzero(points.sinh > 0.0)
    length = np.sqrt((noise * noise).sum(axis=1))
    if not curved:
        length = length * np.where(points.sinh > 0.0, points.sinh, 1.0)
    move(points, nodes, np.zeros_like(points.sinh), noise / length[:, None], curved, _NUDGE)


def _train(self: ConesEmbedder, taxonomy: Taxonomy, points: Points, rule: Rule, run: Run) -> float:
    """Move the points; the mean loss of the last epoch."""
    child, ancestor, start = _sorted_pairs(taxonomy.closure(), taxonomy)
    known = ancestor
    if self.pairs == "edges":
        child, ancestor, _ = _sorted_pairs(taxonomy.edges, taxonomy)
    if not len(child):
        return 0.0
    step = compiled_step() if is_available() else plain_step
    began = _digest(points)
    state = run.resumed()
    first, loss = 0, 0.0
    if state:
        if not torch.equal(state["began"], began):
            raise RunError("the checkpoint began from another init: repeat that, or remove it")
        first, loss = int(state["epoch"]), float(state["loss"])
        points.size[:] = state["size"].numpy()
        points.sinh[:] = state["sinh"].numpy()
        points.direction[:] = state["direction"].numpy()
    for epoch in range(first, self.epochs):
        rng = np.random.default_rng((self.seed, epoch))
        lr = self.lr * (1.0 - 0.9 * epoch / self.epochs)
        order = rng.permutation(len(child))
        total = 0.0
        for at in range(0, len(order), self.batch_size):
            rows = order[at : at + self.batch_size]
            others = rng.integers(len(taxonomy), size=(len(rows), self.negatives))
            total += step(points, child[rows], ancestor[rows], others, start, known, rule, lr)
        loss = total / len(child)
        run.report(epoch + 1, self.epochs, loss=loss)
        run.keep(
            began=began,
            epoch=epoch + 1,
            loss=loss,
            size=torch.from_numpy(points.size),
            sinh=torch.from_numpy(points.sinh),
            direction=torch.from_numpy(points.direction),
        )
    return loss


def _digest(points: Points) -> Tensor:
    """32 bytes that tell one start from another."""
    digest = hashlib.sha256(points.size.tobytes() + points.direction.tobytes())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
