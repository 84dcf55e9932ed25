"""What Newick and NEXUS share: options, names and lengths of nodes, writing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from typing import Literal, get_args

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._tree_text import SUPPORT, ParsedTree, TreeText
from hyperhier.taxonomy.policies import Policy, check_choice

__all__ = ["InnerLabels", "Options", "newick_text", "quoted", "taxonomy_of"]

#: what numbers on inner nodes are
InnerLabels = Literal["auto", "support", "names"]

_PLAIN = re.compile(r"(?:[^\W_]|\.)+")  # needs no quotes anywhere
_MOST_SUPPORT = 100.0  # per cent


@dataclass(frozen=True)
class Options:
    """Arguments that all readers share, checked."""

    lengths: bool
    missing_length: float | None
    index: int
    unnamed: str | None
    inner_labels: str

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"index={self.index}; expected 0 or more")
        check_choice("inner_labels", self.inner_labels, get_args(InnerLabels))
        if self.unnamed is not None and not self.unnamed.strip():
            raise ValueError(f"unnamed={self.unnamed!r}; expected text or None")


def taxonomy_of(
    tree: ParsedTree | None, count: int, source: TreeText, options: Options, policy: Policy
) -> Taxonomy:
    if tree is None:
        if not source.text.strip():
            source.fail("is empty; expected a tree")
        holds = "no trees" if not count else f"{count} tree{'s' * (count > 1)}"
        source.fail(f"holds {holds}; index={options.index} is out of range (from 0)")
    if _numbers_are_support(tree, source, options.inner_labels):
        for k in _inner_numbers(tree):
            tree.labels[k] = ""
    names = _named(tree, source, options.unnamed)
    weights = _weights(tree, names, source, options)
    places = Places()
    for name, above, weight, line in zip(
        names, tree.above, weights, source.lines(tree.positions), strict=True
    ):
        places.add(name, above, weight=weight, line=line)
    return Taxonomy._of(places.structure(policy, source.path))


def _inner_numbers(tree: ParsedTree) -> list[int]:
    return [
        k
        for k, label in enumerate(tree.labels)
        if tree.inner[k] and not tree.quoted[k] and SUPPORT.fullmatch(label)
    ]


def _numbers_are_support(tree: ParsedTree, source: TreeText, inner_labels: str) -> bool:
    if inner_labels != "auto":
        return inner_labels == "support"
    numbers = _inner_numbers(tree)
    if not numbers:
        return False
    choose = "; inner_labels='support' drops the numbers, 'names' keeps them"
    others = {k for k, label in enumerate(tree.labels) if tree.inner[k] and label}
    others -= set(numbers)
    if others:
        name, k = tree.labels[min(others)], numbers[0]
        source.fail(
            f"inner labels are numbers ({tree.labels[k]!r}) and names ({name!r}){choose}",
            tree.positions[k],
        )
    for k in numbers:
        values = [float(part) for part in tree.labels[k].split("/")]
        if not all(0 <= value <= _MOST_SUPPORT for value in values):
            source.fail(
                f"inner label {tree.labels[k]!r} is no percentage{choose}", tree.positions[k]
            )
    return True


def _named(tree: ParsedTree, source: TreeText, unnamed: str | None) -> list[str]:
    used = set(tree.labels)
    names = []
    number = 0
    for k, label in enumerate(tree.labels):
        if not label:
            if not tree.inner[k]:
                source.fail("a leaf without a name", tree.positions[k])
            if unnamed is None:
                source.fail(
                    "an inner node without a name (unnamed='inner' calls it inner1)",
                    tree.positions[k],
                )
            label = ""
            while not label or label in used:
                number += 1
                label = f"{unnamed}{number}"
        names.append(label)
    return names


def _weights(tree: ParsedTree, names: list[str], source: TreeText, options: Options) -> list[float]:
    """The root's own length stays unused."""
    default = 1.0 if options.missing_length is None else float(options.missing_length)
    given = [length is not None for length in tree.lengths]
    if not options.lengths or not any(given[1:]):
        return [default if options.lengths else 1.0] * len(names)
    if options.missing_length is None and not all(given[1:]):
        k = given.index(False, 1)
        source.fail(
            f"node {names[k]!r} has no branch length, others have; missing_length= gives one, "
            "lengths=False ignores all",
            tree.positions[k],
        )
    return [default if length is None else length for length in tree.lengths]


def newick_text(taxonomy: Taxonomy, path: str | PathLike[str], *, numbers: bool) -> str:
    """One line; ``numbers``: leaves that are numbers need no quotes."""
    if not taxonomy.is_tree:
        raise TaxonomyError(
            "the taxonomy is a DAG, which this format cannot hold; to_tree() gives a tree",
            path=path,
        )
    children: list[list[int]] = [[] for _ in taxonomy.nodes]
    weights = [1.0] * len(taxonomy)
    for child, parent, weight in zip(
        *taxonomy.edges.tolist(), taxonomy.edge_weight.tolist(), strict=True
    ):
        children[parent].append(child)
        weights[child] = weight
    weighted = any(weight != 1.0 for weight in weights)
    pieces: list[str] = []
    todo: list[int | str] = [0]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        below = children[item]
        tail = quoted(taxonomy.nodes[item], numbers=numbers and not below)
        if weighted and item:
            tail += f":{weights[item]!r}"
        if not below:
            pieces.append(tail)
            continue
        pieces.append("(")
        todo.append(f"){tail}")
        for child in reversed(below):
            todo += [child, ","]
        todo.pop()
    return "".join(pieces) + ";"


def quoted(name: str, *, numbers: bool) -> str:
    if _PLAIN.fullmatch(name) and (numbers or not SUPPORT.fullmatch(name)):
        return name
    return "'" + name.replace("'", "''") + "'"
