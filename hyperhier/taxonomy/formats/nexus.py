"""Phylogenetic trees in the TREES blocks of NEXUS files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Unpack

from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._phylogeny import (
    InnerLabels,
    Options,
    newick_text,
    quoted,
    taxonomy_of,
)
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.formats._tree_text import (
    SUPPORT,
    ParsedTree,
    Token,
    TreeText,
    next_tree,
    token_pattern,
)
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["parse_nexus", "read_nexus", "write_nexus"]

_NEXUS = token_pattern("(),:;=")


def read_nexus(
    path: str | PathLike[str],
    *,
    lengths: bool = True,
    missing_length: float | None = None,
    index: int = 0,
    unnamed: str | None = "inner",
    inner_labels: InnerLabels = "auto",
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a tree from the TREES blocks of a NEXUS file.

    A TRANSLATE table is applied, and numbers of the taxa of a TAXA block; other blocks are
    skipped. Arguments are those of :func:`read_newick`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.nex"
    >>> _ = path.write_text("#NEXUS\\nBEGIN TREES;\\nTREE t = (cat,dog)animal;\\nEND;\\n")
    >>> read_nexus(path).leaves
    ('cat', 'dog')
    """
    return parse_nexus(
        read_text(path),
        lengths=lengths,
        missing_length=missing_length,
        index=index,
        unnamed=unnamed,
        inner_labels=inner_labels,
        path=path,
        **policies,
    )


def parse_nexus(
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
    """As :func:`read_nexus`, from text; ``path`` is named in errors.

    >>> parse_nexus('''#NEXUS
    ... BEGIN TREES;
    ...     TRANSLATE 1 cat, 2 'sea lion';
    ...     TREE one = [&R] (1:0.5,2:1)animal;
    ... END;
    ... ''').leaves
    ('cat', 'sea lion')
    """
    policy = Policy.of(policies, places=True)
    options = Options(lengths, missing_length, index, unnamed, inner_labels)
    source = TreeText(text, path)
    if not text.strip():
        source.fail("is empty; expected a NEXUS file")
    chosen, count = None, 0
    for tree, names in _nexus_trees(source):
        if count == index:
            _translate(tree, names, inner_labels)
            chosen = tree
        count += 1
    return taxonomy_of(chosen, count, source, options, policy)


def write_nexus(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write a tree as NEXUS: a TAXA block with the leaves, and a TREES block.

    The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: the taxonomy is no tree, or the file cannot be written.
    """
    tree = newick_text(taxonomy, path, numbers=False)
    leaves = [quoted(name, numbers=False) for name in taxonomy.leaves]
    lines = [
        "#NEXUS",
        "BEGIN TAXA;",
        f"    DIMENSIONS NTAX={len(leaves)};",
        f"    TAXLABELS {' '.join(leaves)};",
        "END;",
        "BEGIN TREES;",
        f"    TREE taxonomy = [&R] {tree}",
        "END;",
    ]
    write_text(path, "\n".join(lines) + "\n")


def _nexus_trees(source: TreeText) -> Iterator[tuple[ParsedTree, Mapping[str, str]]]:
    """Each tree with what its labels stand for."""
    tokens = source.tokens(_NEXUS)
    kind, value, position = next(tokens, ("", "", 0))
    if kind != "word" or value.lower() != "#nexus":
        source.fail("does not begin with #NEXUS; expected a NEXUS file", position)
    block, began = "", 0
    taxa: dict[str, str] = {}
    names: dict[str, str] = {}
    for _, value, position in tokens:
        command = value.lower()
        if command == "begin":
            if block:
                source.fail(f"block {block!r} without END;", began)
            title = _command(tokens, source, position)
            if not title:
                source.fail("BEGIN without the name of a block", position)
            block, began, names = title[0][1].lower(), position, taxa
        elif command in ("end", "endblock"):
            if not block:
                source.fail(f"{value.upper()} without BEGIN", position)
            _command(tokens, source, position)
            block = ""
        elif block == "taxa" and command == "taxlabels":
            taxa = _taxa(_command(tokens, source, position))
        elif block == "trees" and command == "translate":
            names = _translation(_command(tokens, source, position), source)
        elif block == "trees" and command in ("tree", "utree"):
            _tree_name(tokens, source, position)
            tree = next_tree(tokens, source)
            if tree is None:
                source.fail("a tree without text", position)
            yield tree, names
        elif command != ";" and command != "#nexus":
            _command(tokens, source, position)
    if block:
        source.fail(f"block {block!r} without END;", began)


def _command(tokens: Iterator[Token], source: TreeText, start: int) -> list[Token]:
    """The tokens up to the semicolon."""
    found: list[Token] = []
    for token in tokens:
        if token[0] == ";":
            return found
        found.append(token)
    source.fail("a command without its semicolon", start)


def _tree_name(tokens: Iterator[Token], source: TreeText, start: int) -> None:
    """Skips ``* name =``."""
    for kind, value, position in tokens:
        if kind == "=":
            return
        if kind not in ("word", "quoted"):
            source.fail(f"{value!r} in the name of a tree; expected '='", position)
    source.fail("a tree without text", start)


def _taxa(words: list[Token]) -> dict[str, str]:
    """Names of the taxa by their number, as far as no taxon is itself called so."""
    labels = [value.strip() for _, value, _ in words]
    known = set(labels)
    numbered = {str(k): label for k, label in enumerate(labels, start=1)}
    return {number: label for number, label in numbered.items() if number not in known}


def _translation(words: list[Token], source: TreeText) -> dict[str, str]:
    names: dict[str, str] = {}
    for first in range(0, len(words), 3):
        entry = words[first : first + 3]
        shape = [kind if kind in ",=():" else "word" for kind, _, _ in entry]
        if shape not in (["word", "word", ","], ["word", "word"]):
            source.fail("TRANSLATE; expected a label, a name and a comma", entry[0][2])
        key = entry[0][1]
        if key in names:
            source.fail(f"TRANSLATE gives {key!r} twice", entry[0][2])
        names[key] = entry[1][1].strip()
    return names


def _translate(tree: ParsedTree, names: Mapping[str, str], inner_labels: str) -> None:
    """Inner numbers are translated only where they are no support values."""
    for k, label in enumerate(tree.labels):
        if label not in names or tree.quoted[k]:
            continue
        if not tree.inner[k] or inner_labels == "names" or not SUPPORT.fullmatch(label):
            tree.labels[k] = names[label]
            tree.quoted[k] = True
