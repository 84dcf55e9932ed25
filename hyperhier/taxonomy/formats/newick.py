"""Phylogenetic trees in Newick format."""

from __future__ import annotations

from os import PathLike
from typing import Unpack

from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._phylogeny import InnerLabels, Options, newick_text, taxonomy_of
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.formats._tree_text import TreeText, next_tree, token_pattern
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["InnerLabels", "parse_newick", "read_newick", "write_newick"]

_NEWICK = token_pattern("(),:;")


def read_newick(
    path: str | PathLike[str],
    *,
    lengths: bool = True,
    missing_length: float | None = None,
    index: int = 0,
    unnamed: str | None = "inner",
    inner_labels: InnerLabels = "auto",
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a tree in Newick format, with edge lengths.

    Labels may be quoted (``'it''s'``); comments in brackets are skipped (so are NHX and BEAST
    annotations); underscores stay underscores; the length above the root is ignored.

    Args:
        path: the file.
        lengths: False ignores branch lengths.
        missing_length: length of a branch that has none; by default it is an error, unless no
            branch has one (then all are 1).
        index: which tree, from 0, where the file holds several.
        unnamed: inner nodes without a name are called this and a number, in the order of
            their opening parentheses; None makes them an error. Leaves need a name.
        inner_labels: whether numbers without quotes on inner nodes are ``"support"`` values
            (dropped) or ``"names"``. ``"auto"``: support if all inner labels are numbers from
            0 to 100, an error if only some of them are or some are larger.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.nwk"
    >>> _ = path.write_text("((cat:1,dog:2)mammal:0.5,frog:3)animal;")
    >>> read_newick(path)
    Taxonomy(tree, 5 nodes, 3 leaves, height 2, root 'animal')
    """
    return parse_newick(
        read_text(path),
        lengths=lengths,
        missing_length=missing_length,
        index=index,
        unnamed=unnamed,
        inner_labels=inner_labels,
        path=path,
        **policies,
    )


def parse_newick(
    text: str,
    *,
    lengths: bool = True,
    missing_length: float | None = None,
    index: int = 0,
    unnamed: str | None = "inner",
    inner_labels: InnerLabels = "auto",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_newick`, from text; ``path`` is named in errors.

    >>> parse_newick("((a,b),c);").nodes
    ('inner1', 'inner2', 'c', 'a', 'b')
    """
    policy = Policy.of(policies, places=True)
    options = Options(lengths, missing_length, index, unnamed, inner_labels)
    source = TreeText(text, path)
    if text.lstrip()[:6].lower() == "#nexus":
        source.fail("is a NEXUS file; expected Newick (read_nexus reads it)", 0)
    tokens = source.tokens(_NEWICK)
    chosen, count = None, 0
    while (tree := next_tree(tokens, source)) is not None:
        if count == index:
            chosen = tree
        count += 1
    return taxonomy_of(chosen, count, source, options, policy)


def write_newick(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write a tree as Newick; with branch lengths if one differs from 1.

    Names are quoted where the format asks for it, and numbers on inner nodes, so that
    :func:`read_newick` takes them for names. The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: the taxonomy is no tree, or the file cannot be written.
    """
    write_text(path, newick_text(taxonomy, path, numbers=True) + "\n")
