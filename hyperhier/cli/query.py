"""``hyperhier query``: questions to an embedding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperhier.cli._options import JsonFlag, Saved
from hyperhier.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hyperhier.embedding import TaxonomyEmbedding

__all__ = ["query"]


def query(
    embedding: Saved,
    nodes: Annotated[list[str], typer.Argument(metavar="NODE...", help="Names of nodes.")],
    topn: Annotated[int, typer.Option(min=1, help="How many of the nearest nodes.")] = 10,
    leaves: Annotated[bool, typer.Option("--leaves", help="Only leaves among them.")] = False,
    parent: Annotated[bool, typer.Option("--parent", help="Nearest node further in.")] = False,
    child: Annotated[bool, typer.Option("--child", help="Nearest node further out.")] = False,
    ancestors: Annotated[
        bool, typer.Option("--ancestors", help="From parent to parent, by geometry.")
    ] = False,
    descendants: Annotated[
        bool, typer.Option("--descendants", help="From child to child, by geometry.")
    ] = False,
    distance: Annotated[
        str | None, typer.Option(metavar="OTHER", help="Distance to another node.")
    ] = None,
    rank: Annotated[
        str | None, typer.Option(metavar="OTHER", help="Place of another node; 1 is nearest.")
    ] = None,
    norm: Annotated[bool, typer.Option("--norm", help="Distance from the origin.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask an embedding: the nearest nodes, or what the options name."""
    asked = {
        "parent": parent,
        "child": child,
        "ancestors": ancestors,
        "descendants": descendants,
        "distance": distance is not None,
        "rank": rank is not None,
        "norm": norm,
    }
    wanted = [name for name, given in asked.items() if given]
    from hyperhier.embedding import TaxonomyEmbedding

    emb = TaxonomyEmbedding.load(Path(embedding))
    others = {"distance": distance, "rank": rank}
    if wanted:
        answers = {
            node: {w: _answer(emb, node, w, others.get(w)) for w in wanted} for node in nodes
        }
        if as_json:
            print_json(answers)
        else:
            print_table(
                ["node", *wanted], [(n, *map(_cell, a.values())) for n, a in answers.items()]
            )
        return
    found = emb.most_similar(nodes, topn, restrict_to=emb.taxonomy.leaves if leaves else None)
    if as_json:
        print_json({n: [{"node": o, "distance": d} for o, d in f] for n, f in zip(nodes, found)})
    else:
        print_table(["node", "nearest", "distance"], list(_rows(nodes, found)))


def _answer(emb: TaxonomyEmbedding, node: str, wanted: str, other: str | None) -> Any:
    if wanted in ("distance", "rank"):
        return getattr(emb, wanted)(node, other)
    if wanted in ("parent", "child"):
        try:
            return getattr(emb, f"closest_{wanted}")(node)
        except ValueError:
            if node not in emb:
                raise
            return None
    return getattr(emb, wanted)(node)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " > ".join(value) or "-"
    return "-" if value is None else value


def _rows(
    nodes: list[str], found: list[list[tuple[str, float]]]
) -> Iterator[tuple[str, str, float]]:
    for node, nearest in zip(nodes, found):
        for place, (other, distance) in enumerate(nearest):
            yield "" if place else node, other, distance
