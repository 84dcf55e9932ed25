"""Link prediction by the protocol of the entailment cones (Ganea et al. 2018, arXiv 1804.01882).

Is u a v? Pairs that follow from others are held out; F1 on the test pairs and ten false pairs
for each, at the threshold that is best on the validation pairs. The methods see the training
pairs only; the column "trained on" says whether they may also draw conclusions from them.

    python benchmarks/link_prediction.py --taxonomy mammals
    python benchmarks/link_prediction.py --taxonomy nouns --dims 5 10 --seeds 5
    python benchmarks/link_prediction.py --taxonomy nouns --published CLONE --fractions 0 0.1 0.25

Data: WordNet 3.0 in HYPERHIER_DATA. ``--published`` takes the very split of the authors from a
clone of github.com/dalab/hyperbolic_cones (its file for 50 % is not in every copy). Each finished
run is a line of ``--results``; a run that is there already is not repeated. Times are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperhier.embedding import ConstructiveEmbedder, RankingEmbedder, TaxonomyEmbedding
from hyperhier.embedding._cones.embedder import ConesEmbedder
from hyperhier.embedding._cones.is_a import Decision, best_decision, is_a_scores
from hyperhier.embedding._cones.links import LinkSplit, link_prediction_split
from hyperhier.metrics import mean_interval
from hyperhier.taxonomy import Taxonomy, read_taxonomy

# powers of ten for the ranked distance, validated like the threshold
ALPHAS = (0.0, 1.0, 10.0, 100.0, 1000.0)
PUBLISHED = {5: (29.2, 80.0, 87.1, 92.8), 10: (32.2, 85.9, 91.0, 94.4)}

Make = Callable[[Taxonomy, int, int], TaxonomyEmbedding]


def cones(**options: Any) -> Make:
    def make(taxonomy: Taxonomy, dim: int, seed: int) -> TaxonomyEmbedding:
        return ConesEmbedder(dim=dim, seed=seed, **options).fit(taxonomy).embedding_

    return make


def constructive(taxonomy: Taxonomy, dim: int, seed: int) -> TaxonomyEmbedding:
    return ConstructiveEmbedder(dim=dim, seed=seed).fit(taxonomy).embedding_


def ranking(manifold: str) -> Make:
    def make(taxonomy: Taxonomy, dim: int, seed: int) -> TaxonomyEmbedding:
        ranked = RankingEmbedder(manifold=manifold, dim=dim, seed=seed)
        return ranked.fit(taxonomy).embedding_

    return make


def trained(**options: Any) -> Make:
    return cones(**{"epochs": 10, "lr": 0.03, "margin": 0.05, "saturation": 0.3, **options})


FROM_NOTHING: dict[str, Any] = {"init": "random", "pairs": "edges", "epochs": 300, "lr": 0.1}
ROUTES: dict[str, tuple[str, str, Make]] = {
    "constructive": ("edges", "half_space", constructive),
    "grafted": ("edges", "half_space", cones(epochs=0)),
    "grafted, cones": ("edges", "cone", cones(epochs=0, energy="cone")),
    "grafted, Euclidean cones": (
        "edges",
        "cone",
        cones(epochs=0, energy="cone", manifold="euclidean"),
    ),
    "grafted, trained": ("pairs", "half_space", trained(pairs="edges")),
    "grafted, trained on the closure": ("closure", "half_space", trained()),
    "grafted, cones trained": (
        "pairs",
        "cone",
        trained(pairs="edges", energy="cone", lr=0.001, margin=0.01),
    ),
    "half-spaces from random": ("pairs", "half_space", cones(**FROM_NOTHING)),
    "cones from random": ("pairs", "cone", cones(**FROM_NOTHING, energy="cone")),
    "Euclidean cones from random": (
        "pairs",
        "cone",
        cones(**FROM_NOTHING, energy="cone", manifold="euclidean"),
    ),
    "ranking": ("closure", "distance", ranking("lorentz")),
    "ranking, Euclidean": ("closure", "distance", ranking("euclidean")),
}
CLOSURE = "closure of the training pairs"
QUICK = ("constructive", "grafted", "grafted, cones", "grafted, Euclidean cones")


def wordnet(name: str) -> Taxonomy:
    folder = Path(os.environ.get("HYPERHIER_DATA", "../shared/data")) / "wordnet30"
    if name == "mammals":
        path = folder / "mammal_closure.tsv"
        return read_taxonomy(path, header=("child", "parent"), roots="largest")
    return read_taxonomy(folder / f"{name}_direct.csv.gz", roots="join")


@cache
def published(clone: Path, fraction: float) -> tuple[Taxonomy, LinkSplit]:
    """The authors' split of the nouns: lines "parent, child" of positions in their list."""

    def pairs(name: str) -> Tensor:
        rows = (clone / "data" / "maxn" / f"noun_closure.tsv.{name}").read_text().split()
        return torch.tensor([int(row) for row in rows]).view(-1, 2).T.flip(0)

    train = pairs(f"train_{round(100 * fraction)}percent")
    size = 1 + int(train.max())
    tops = torch.ones(size, dtype=torch.bool)
    tops[train[0]] = False
    below = torch.cat((train[0], tops.nonzero().squeeze(1)))
    above = torch.cat((train[1], torch.full((int(tops.sum()),), size)))
    names = [*(f"synset {i}" for i in range(size)), "all"]
    taxonomy = Taxonomy.from_arrays(names, above, below)
    ids = taxonomy.encode(names)
    split = LinkSplit(
        train=ids[train],
        validation=ids[pairs("valid")],
        test=ids[pairs("test")],
        validation_negatives=ids[pairs("valid_neg")],
        test_negatives=ids[pairs("test_neg")],
        source=taxonomy,
    )
    return taxonomy, split


def decide(embedding: TaxonomyEmbedding, split: LinkSplit, score: str) -> Decision:
    """On the test pairs, at the threshold of the validation pairs."""
    best: tuple[Decision, str, float] | None = None
    ways = [(score, 0.0)]
    if score == "distance":
        ways += [("ranked_distance", alpha) for alpha in ALPHAS[1:]]
    for way, alpha in ways:
        held = (
            is_a_scores(embedding, part, way, alpha=alpha)
            for part in (split.validation, split.validation_negatives)
        )
        found = best_decision(*held)
        if best is None or found.f1 > best[0].f1:
            best = found, way, alpha
    assert best is not None
    decision, way, alpha = best
    test = (
        is_a_scores(embedding, part, way, alpha=alpha)
        for part in (split.test, split.test_negatives)
    )
    return Decision.of(decision.threshold, *test)


def by_reachability(split: LinkSplit) -> Decision:
    """What no embedding is needed for."""
    reached = [
        split.taxonomy.is_ancestor(part[1], part[0]).double()
        for part in (split.test, split.test_negatives)
    ]
    return Decision.of(1.0, *reached)


def run(args: argparse.Namespace) -> None:
    done = {key(line) for line in lines(args.results)}
    known = None if args.published else wordnet(args.taxonomy)
    name = f"{args.taxonomy}, published split" if args.published else args.taxonomy
    # what is only placed sees the basic pairs of all seeds alike: it is made once
    placed: dict[tuple[str, int, float], tuple[TaxonomyEmbedding, float]] = {}
    for seed in range(args.seeds):
        for fraction in args.fractions:
            split: LinkSplit | None = None
            for method in args.methods or [CLOSURE, *ROUTES]:
                for dim in args.dims if method != CLOSURE else [0]:
                    line: dict[str, Any] = {
                        "taxonomy": name,
                        "method": method,
                        "dim": dim,
                        "fraction": fraction,
                        "seed": seed,
                    }
                    if key(line) in done:
                        continue
                    if split is None and args.published:
                        _, split = published(args.published, fraction)
                    elif split is None:
                        assert known is not None
                        split = link_prediction_split(known, fraction, seed)
                    began = time.process_time()
                    if method == CLOSURE:
                        line |= by_reachability(split)._asdict()
                        line["seconds"] = round(time.process_time() - began, 1)
                    else:
                        on, score, make = ROUTES[method]
                        which = (method, dim, fraction)
                        if which not in placed:
                            embedding = make(split.taxonomy, dim, seed)
                            placed[which] = embedding, time.process_time() - began
                        embedding, spent = placed[which] if on == "edges" else placed.pop(which)
                        line |= decide(embedding, split, score)._asdict()
                        line["seconds"] = round(spent, 1)
                    with args.results.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                    print(json.dumps(line), flush=True)


def lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(text) for text in path.read_text().splitlines()]


def key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[part] for part in ("taxonomy", "method", "dim", "fraction", "seed"))


def table(found: Iterable[dict[str, Any]], taxonomy: str) -> str:
    """F1 in per cent: mean over the seeds and half the 95 % interval."""
    groups: dict[tuple[str, int], dict[float, list[float]]] = {}
    seconds: dict[tuple[str, int], list[float]] = {}
    for line in found:
        if line["taxonomy"] == taxonomy:
            row = (line["method"], line["dim"])
            groups.setdefault(row, {}).setdefault(line["fraction"], []).append(100.0 * line["f1"])
            seconds.setdefault(row, []).append(line["seconds"])
    fractions = sorted({f for row in groups.values() for f in row})
    head = ["method", "trained on", "dim", *(f"{f:.0%}" for f in fractions), "CPU s"]
    rows = [head, ["---"] * len(head)]
    order = [CLOSURE, *ROUTES]
    for method, dim in sorted(groups, key=lambda row: (row[1], order.index(row[0]))):
        on = "closure" if method == CLOSURE else ROUTES[method][0]
        cells = [interval(groups[method, dim].get(f, [])) for f in fractions]
        spent = f"{statistics.median(seconds[method, dim]):.0f}"
        rows.append([method, on, str(dim or "-"), *cells, spent])
    if taxonomy.startswith("nouns"):
        for dim, values in PUBLISHED.items():
            at = dict(zip((0.0, 0.1, 0.25, 0.5), values, strict=True))
            cells = [str(at.get(f, "")) for f in fractions]
            rows.append(["cones, as published", "pairs", str(dim), *cells, ""])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}" if values else ""
    found = mean_interval(values)
    return f"{found.value:.1f} ± {found.high - found.value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--taxonomy", choices=("mammals", "verbs", "nouns"), default="mammals")
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.0, 0.1, 0.25, 0.5])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--methods", nargs="+", choices=[CLOSURE, *ROUTES])
    parser.add_argument("--published", type=Path, help="clone of the authors' repository")
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results/link_prediction.jsonl"
    )
    args = parser.parse_args()
    if args.published and args.taxonomy != "nouns":
        parser.error("--published is a split of the nouns")
    if args.published:
        args.seeds = 1
    args.results.parent.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    run(args)
    for taxonomy in sorted({line["taxonomy"] for line in lines(args.results)}):
        print(f"\n**{taxonomy}**\n\n{table(lines(args.results), taxonomy)}")


if __name__ == "__main__":
    main()
