"""Trees in parentheses as text: tokens, comments, quotes, lines, any depth."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from os import PathLike
from typing import NoReturn

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy.formats._text import short

__all__ = ["NUMBER", "SUPPORT", "ParsedTree", "Token", "TreeText", "next_tree", "token_pattern"]

#: kind ("word", "quoted" or the mark itself), text, position
Token = tuple[str, str, int]


def token_pattern(marks: str) -> re.Pattern[str]:
    """Of tokens among which the ``marks`` stand alone."""
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
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# several supports are joined by "/"
SUPPORT = re.compile(rf"{NUMBER.pattern}(?:/{NUMBER.pattern})*", re.ASCII)


@dataclass
class ParsedTree:
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


class TreeText:
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


def next_tree(tokens: Iterator[Token], source: TreeText) -> ParsedTree | None:
    """The tree up to the next semicolon or the end of the text; None if nothing is left."""
    tree = ParsedTree()
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
                if kind != "word" or not NUMBER.fullmatch(value):
                    source.fail(f"branch length {short(value)}; expected a number", position)
                tree.lengths[node] = float(value)
                before = "length"
            else:
                source.fail(
                    f"{short(value)} after {short(shown)}; expected ',', ')', ';' or ':' "
                    "(names with spaces need quotes)",
                    position,
                )
        elif before == "colon":
            source.fail(f"{kind!r} after ':'; expected a branch length", position)
        elif kind == "(":
            if before != "begin":
                source.fail(f"'(' after {short(shown)}; expected ',', ')' or ';'", position)
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
        source.fail(f"{short(shown)} without parentheses or ';'; expected a tree", position)
    return tree


def _unclosed(tree: ParsedTree, opened: list[int], source: TreeText) -> NoReturn:
    many = "a parenthesis" if len(opened) == 1 else f"{len(opened)} parentheses"
    source.fail(f"{many} without the closing one", tree.positions[opened[-1]])
