"""WordNet's closures, and the one evaluation that judges all embeddings of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperhier.embedding._quality import reconstruction
from hyperhier.manifolds import get_manifold
from hyperhier.taxonomy import Taxonomy, read_taxonomy


def wordnet(name: str, data: Path) -> tuple[Taxonomy, Tensor]:
    """The taxonomy, and the ids of the nodes that count: all but a root that joins a forest."""
    folder = data / "wordnet30"
    if name == "mammals":
        # a closure, in which the pair of a stray root is no mammal's
        closed = read_taxonomy(
            folder / "mammal_closure.tsv", header=("child", "parent"), roots="largest"
        )
        taxonomy = closed.transitive_reduction()
    else:
        roots = "join" if name == "verbs" else "error"
        taxonomy = read_taxonomy(folder / f"{name}_direct.csv.gz", roots=roots)
    kept = torch.arange(len(taxonomy))
    return taxonomy, kept[kept != taxonomy.root_id] if name == "verbs" else kept


@dataclass(frozen=True)
class Relation:
    """Nodes and their ancestors, the pairs sorted by child: what is judged."""

    pairs: Tensor
    nodes: int

    def __len__(self) -> int:
        return self.nodes

    def closure(self) -> Tensor:
        return self.pairs

    def closure_blocks(self, *, nodes: Tensor) -> Iterator[Tensor]:
        """All in one, as of a taxonomy; ``nodes`` ascend."""
        yield self.pairs[:, torch.isin(self.pairs[0], nodes)]


@cache
def relation(dataset: str, data: Path) -> Relation:
    taxonomy, kept = wordnet(dataset, data)
    place = torch.full((len(taxonomy),), -1)
    place[kept] = torch.arange(len(kept))
    pairs = place[torch.as_tensor(taxonomy.closure())]
    return Relation(pairs[:, (pairs >= 0).all(dim=0)], len(kept))


def judge(points: Tensor, pairs: Relation, geometry: str) -> dict[str, float]:
    """MAP, mean rank and largest radius; a point that is not finite spoils all."""
    if not bool(points.isfinite().all()):
        return {"map": 0.0, "mean_rank": float(len(pairs)), "radius": math.nan}
    manifold = get_manifold(geometry)
    average, rank = reconstruction(points.double(), pairs, manifold)  # type: ignore[arg-type]
    radius = float(manifold.dist0(points.double()).max())
    return {"map": average, "mean_rank": rank, "radius": radius}


def plain_judgement(
    distance: np.ndarray[Any, Any], pairs: Relation, nodes: range
) -> tuple[float, float]:
    """The definition, node by node: for the check of what judges all."""
    precisions, ranks = [], []
    child, ancestor = (row.numpy() for row in pairs.closure())
    for u in nodes:
        own = ancestor[child == u]
        if not len(own):
            continue
        others = np.setdiff1d(np.arange(len(pairs)), [*own, u])
        before = [np.sum(distance[u, others] <= distance[u, a]) for a in own]
        among = [np.sum(distance[u, own] <= distance[u, a]) for a in own]
        ranks += [1 + b for b in before]
        precisions.append(np.mean([a / (a + b) for a, b in zip(among, before, strict=True)]))
    return float(np.mean(precisions)), float(np.mean(ranks))


def check_evaluation(pairs: Relation, nodes: int = 200) -> None:
    """The evaluation agrees with the definition on textbook distances; ends the script if not."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((len(pairs), 3))
    x *= (rng.random((len(pairs), 1)) ** 0.2 * 0.99) / np.linalg.norm(x, axis=1, keepdims=True)
    square = (x * x).sum(axis=1)
    apart = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    room = (1.0 - square)[:, None] * (1.0 - square)[None]
    sphere = x / np.sqrt(square)[:, None]
    hyperboloid = np.hstack((1.0 + square[:, None], 2.0 * x)) / (1.0 - square)[:, None]
    cases = {
        "poincare": (x, np.arccosh(1.0 + 2.0 * apart / room)),
        "lorentz": (hyperboloid, np.arccosh(1.0 + 2.0 * apart / room)),
        "euclidean": (x, np.sqrt(apart)),
        "sphere": (sphere, np.arccos(np.clip(sphere @ sphere.T, -1.0, 1.0))),
    }
    for geometry, (points, distance) in cases.items():
        expected = plain_judgement(distance, pairs, range(nodes))
        found = reconstruction(
            torch.from_numpy(points),
            pairs,  # type: ignore[arg-type]
            get_manifold(geometry),
            torch.arange(nodes),
        )
        if not np.allclose(found, expected, rtol=1e-6):
            raise SystemExit(f"evaluation in {geometry}: {found}, by the definition {expected}")
    print(f"evaluation checked against the definition: {', '.join(cases)}", flush=True)
