"""Phylogenetic trees: Newick and NEXUS.

Both are read by one tokenizer that follows the standard: quoted labels, comments in (nested)
brackets, line numbers, any depth. Underscores in labels are kept as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Literal, NoReturn, Unpack, get_args

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._text import read_text, write_text
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = [
    "InnerLabels",
    "parse_newick",
    "parse_nexus",
    "read_newick",
    "read_nexus",
    "write_newick",
    "write_nexus",
]

#: what numbers on inner nodes are
InnerLabels = Literal["auto", "support", "names"]

#: kind ("word", "quoted" or the mark itself), text, position
Token = tuple[str, str, int]


def _pattern(marks: str) -> re.Pattern[str]:
    return re.compile(
        r"(?P<space>\s+)"
        r"|(?P<comment>\[[^\[\]]*+\])"
        r"|(?P<quoted>'[^']*+(?:''[^']*+)*+'|\"[^\"]*+(?:\"\"[^\"]*+)*+\")"
        rf"|(?P<mark>[{marks}])"
        rf"|(?P<word>[^\s\[\]'\"{marks}][^\s\[\]'{marks}]*)"
        r"|(?P<other>.)"
    )


_NEWLINE = re.compile(r"\r\n?|\n")
_BRACKET = re.compile(r"[\[\]]")
_NEWICK = _pattern("(),:;")
_NEXUS = _pattern("(),:;=")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# several supports are joined by "/"
_SUPPORT = re.compile(rf"{_NUMBER.pattern}(?:/{_NUMBER.pattern})*", re.ASCII)
_PLAIN = re.compile(r"(?:[^\W_]|\.)+")  # needs no quotes anywhere
_MOST_SUPPORT = 100.0  # per cent


@dataclass(frozen=True)
class _Options:
    """Arguments that all readers share, checked."""

    lengths: bool
    missing_length: float | None
    index: int
    unnamed: str | None
    inner_labels: str

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"index={self.index}; expected 0 or more")
        if self.inner_labels not in get_args(InnerLabels):
            allowed = ", ".join(map(repr, get_args(InnerLabels)))
            raise ValueError(f"inner_labels={self.inner_labels!r}; expected one of {allowed}")
        if self.unnamed is not None and not self.unnamed.strip():
            raise ValueError(f"unnamed={self.unnamed!r}; expected text or None")


@dataclass
class _Tree:
    """Nodes in the order in which they begin in the text, the root first."""

    labels: list[str] = field(default_factory=list)
    quoted: list[bool] = field(default_factory=list)
    inner: list[bool] = field(default_factory=list)
    above: list[int] = field(default_factory=list)
    lengths: list[float | None] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, above: int, position: int, *, inner: bool) -> int:
        self.labels.append("")
        self.quoted.append(False)
        self.inner.append(inner)
        self.above.append(above)
        self.lengths.append(None)
        self.positions.append(position)
        return len(self.labels) - 1


# -------------------------------------------------------------------------------- readers


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
    options = _Options(lengths, missing_length, index, unnamed, inner_labels)
    source = _Source(text, path)
    if text.lstrip()[:6].lower() == "#nexus":
        source.fail("is a NEXUS file; expected Newick (read_nexus reads it)", 0)
    tokens = source.tokens(_NEWICK)
    chosen, count = None, 0
    while (tree := _tree(tokens, source)) is not None:
        if count == index:
            chosen = tree
        count += 1
    return _taxonomy(chosen, count, source, options, policy)


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
    options = _Options(lengths, missing_length, index, unnamed, inner_labels)
    source = _Source(text, path)
    if not text.strip():
        source.fail("is empty; expected a NEXUS file")
    chosen, count = None, 0
    for tree, names in _nexus_trees(source):
        if count == index:
            _translate(tree, names, inner_labels)
            chosen = tree
        count += 1
    return _taxonomy(chosen, count, source, options, policy)


# -------------------------------------------------------------------------------- writers


def write_newick(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write a tree as Newick; with branch lengths if one differs from 1.

    Names are quoted where the format asks for it, and numbers on inner nodes, so that
    :func:`read_newick` takes them for names. The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: the taxonomy is no tree, or the file cannot be written.
    """
    write_text(path, _newick(taxonomy, path, numbers=True) + "\n")


def write_nexus(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write a tree as NEXUS: a TAXA block with the leaves, and a TREES block.

    The file reads back as an equal taxonomy.

    Raises:
        TaxonomyError: the taxonomy is no tree, or the file cannot be written.
    """
    tree = _newick(taxonomy, path, numbers=False)
    leaves = [_quoted(name, numbers=False) for name in taxonomy.leaves]
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


def _newick(taxonomy: Taxonomy, path: str | PathLike[str], *, numbers: bool) -> str:
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
        tail = _quoted(taxonomy.nodes[item], numbers=numbers and not below)
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


def _quoted(name: str, *, numbers: bool) -> str:
    if _PLAIN.fullmatch(name) and (numbers or not _SUPPORT.fullmatch(name)):
        return name
    return "'" + name.replace("'", "''") + "'"


# -------------------------------------------------------------------------------- parsing


class _Source:
    """A text, its tokens and its lines."""

    def __init__(self, text: str, path: str | PathLike[str] | None) -> None:
        self.text = text
        self.path = path

    def lines(self, positions: list[int]) -> list[int]:
        """Line numbers of positions in any order."""
        starts = [match.end() for match in _NEWLINE.finditer(self.text)]
        return [bisect_left(starts, position + 1) + 1 for position in positions]

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        line = None
        if position is not None:
            line = self.lines([position])[0]
        raise TaxonomyError(message, path=self.path, line=line)

    def tokens(self, pattern: re.Pattern[str]) -> Iterator[Token]:
        """Without white space and comments."""
        position: int | None = 0
        while position is not None:
            position = yield from self._run(pattern, position)

    def _run(self, pattern: re.Pattern[str], position: int) -> Generator[Token, None, int | None]:
        """Tokens up to a comment that holds brackets; returns where it ends, or None."""
        for match in pattern.finditer(self.text, position):
            kind = match.lastgroup
            if kind == "word":
                yield "word", match.group(), match.start()
            elif kind == "mark":
                yield match.group(), match.group(), match.start()
            elif kind == "quoted":
                value = match.group()
                yield "quoted", value[1:-1].replace(value[0] * 2, value[0]), match.start()
            elif kind == "other":
                if match.group() == "[":
                    return self._comment_end(match.start())
                self._stray(match.group(), match.start())
        return None

    def _comment_end(self, start: int) -> int:
        depth = 0
        for match in _BRACKET.finditer(self.text, start):
            depth += 1 if match.group() == "[" else -1
            if not depth:
                return match.end()
        self.fail("comment without its closing bracket ']'", start)

    def _stray(self, character: str, position: int) -> NoReturn:
        if character == "]":
            self.fail("']' without its opening bracket", position)
        self.fail(f"quoted name without its closing quote {character}", position)


def _tree(tokens: Iterator[Token], source: _Source) -> _Tree | None:
    """The tree up to the next semicolon or the end of the text; None if nothing is left."""
    tree = _Tree()
    opened: list[int] = []  # nodes whose parenthesis is open
    node = -1
    before = "begin"  # or "closed", "label", "colon", "length": what has just been read
    shown, position = "", 0
    for kind, value, position in tokens:
        if kind in ("word", "quoted"):
            if before == "begin":
                node = tree.add(opened[-1] if opened else -1, position, inner=False)
            if before in ("begin", "closed"):
                tree.labels[node] = value.strip()
                tree.quoted[node] = kind == "quoted"
                tree.positions[node] = position
                before = "label"
            elif before == "colon":
                if kind != "word" or not _NUMBER.fullmatch(value):
                    source.fail(f"branch length {_short(value)}; expected a number", position)
                tree.lengths[node] = float(value)
                before = "length"
            else:
                source.fail(
                    f"{_short(value)} after {_short(shown)}; expected ',', ')', ';' or ':' "
                    "(names with spaces need quotes)",
                    position,
                )
        elif before == "colon":
            source.fail(f"{kind!r} after ':'; expected a branch length", position)
        elif kind == "(":
            if before != "begin":
                source.fail(f"'(' after {_short(shown)}; expected ',', ')' or ';'", position)
            node = tree.add(opened[-1] if opened else -1, position, inner=True)
            opened.append(node)
        elif before == "begin" and kind in ",):;":
            source.fail("an empty tree" if not tree.labels else "a leaf without a name", position)
        elif kind == ":":
            if before == "length":
                source.fail("a second branch length; expected one", position)
            before = "colon"
        elif kind == ";":
            if opened:
                _unclosed(tree, opened, source)
            return tree
        elif kind in ",)":
            if not opened:
                source.fail(f"{kind!r} outside of parentheses", position)
            if kind == ")":
                node = opened.pop()
                before = "closed"
            else:
                before = "begin"
        else:
            source.fail(f"{kind!r} in a tree", position)
        shown = value
    if not tree.labels:
        return None
    if opened:
        _unclosed(tree, opened, source)
    if before == "colon":
        source.fail("the text ends after ':'; expected a branch length", position)
    if not tree.inner[0]:  # any word is a label: do not take every text for a tree
        source.fail(f"{_short(shown)} without parentheses or ';'; expected a tree", position)
    return tree


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _unclosed(tree: _Tree, opened: list[int], source: _Source) -> NoReturn:
    many = "a parenthesis" if len(opened) == 1 else f"{len(opened)} parentheses"
    source.fail(f"{many} without the closing one", tree.positions[opened[-1]])


def _nexus_trees(source: _Source) -> Iterator[tuple[_Tree, Mapping[str, str]]]:
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
            tree = _tree(tokens, source)
            if tree is None:
                source.fail("a tree without text", position)
            yield tree, names
        elif command != ";" and command != "#nexus":
            _command(tokens, source, position)
    if block:
        source.fail(f"block {block!r} without END;", began)


def _command(tokens: Iterator[Token], source: _Source, start: int) -> list[Token]:
    """The tokens up to the semicolon."""
    found: list[Token] = []
    for token in tokens:
        if token[0] == ";":
            return found
        found.append(token)
    source.fail("a command without its semicolon", start)


def _tree_name(tokens: Iterator[Token], source: _Source, start: int) -> None:
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


def _translation(words: list[Token], source: _Source) -> dict[str, str]:
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


def _translate(tree: _Tree, names: Mapping[str, str], inner_labels: str) -> None:
    """Inner numbers are translated only where they are no support values."""
    for k, label in enumerate(tree.labels):
        if label not in names or tree.quoted[k]:
            continue
        if not tree.inner[k] or inner_labels == "names" or not _SUPPORT.fullmatch(label):
            tree.labels[k] = names[label]
            tree.quoted[k] = True


# -------------------------------------------------------------------------- from tree to taxonomy


def _taxonomy(
    tree: _Tree | None, count: int, source: _Source, options: _Options, policy: Policy
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


def _inner_numbers(tree: _Tree) -> list[int]:
    return [
        k
        for k, label in enumerate(tree.labels)
        if tree.inner[k] and not tree.quoted[k] and _SUPPORT.fullmatch(label)
    ]


def _numbers_are_support(tree: _Tree, source: _Source, inner_labels: str) -> bool:
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


def _named(tree: _Tree, source: _Source, unnamed: str | None) -> list[str]:
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


def _weights(tree: _Tree, names: list[str], source: _Source, options: _Options) -> list[float]:
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
