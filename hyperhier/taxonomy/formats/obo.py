"""Ontologies in OBO format (1.2 and 1.4), such as the Gene Ontology.

A reader of its own rather than a package's: it decodes escapes, knows the line of everything,
needs no blank lines between stanzas, and takes linear time on any input.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Literal, NoReturn, Unpack, get_args

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy._build import Origin
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._text import read_text, short, write_text
from hyperhier.taxonomy.policies import Policies, Policy, check_choice

__all__ = ["Undeclared", "parse_obo", "read_obo", "write_obo"]

#: what to do with terms that are named as parents but have no stanza
Undeclared = Literal["error", "keep", "drop"]

_IS_A = "is_a"
_BLANKS = " \t"
_STANZA = re.compile(r"\[([^\[\]]+)\][ \t]*(?:!.*)?", re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))!")
_MARK = re.compile(r'\\.|["{}!]', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "W": " "}
_IN_NAMES = re.compile(r'[\\!{}"\n\t]')
_IN_IDS = re.compile(r'[\\!{}"\n\t ]')
_ESCAPES = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}


def read_obo(
    path: str | PathLike[str],
    *,
    relations: Sequence[str] = (_IS_A,),
    obsolete: bool = False,
    names: bool = False,
    undeclared: Undeclared = "error",
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read the terms of an OBO file; ``is_a`` makes the edges.

    Terms without any edge are roots; an ontology with several needs the policy ``roots``.

    Args:
        path: the file.
        relations: ``"is_a"`` and types of ``relationship`` that lead from a child to its
            parent, such as ``("is_a", "part_of")``. A pair of terms under two of them is one
            edge.
        obsolete: True keeps obsolete terms; without edges, they are roots.
        names: True calls the nodes by the names of the terms instead of their ids.
        undeclared: a parent without a stanza of its own is an ``"error"``, or ``"keep"`` makes
            it a node called by its id, or ``"drop"`` ignores edges to it (and to obsolete
            terms).
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TaxonomyError: with the file and, where it is known, the line.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "animals.obo"
    >>> write_obo(Taxonomy.from_edges([("animal", "cat"), ("animal", "dog")]), path)
    >>> read_obo(path).leaves
    ('cat', 'dog')
    """
    return parse_obo(
        read_text(path),
        relations=relations,
        obsolete=obsolete,
        names=names,
        undeclared=undeclared,
        path=path,
        **policies,
    )


def parse_obo(
    text: str,
    *,
    relations: Sequence[str] = (_IS_A,),
    obsolete: bool = False,
    names: bool = False,
    undeclared: Undeclared = "error",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """As :func:`read_obo`, from text; ``path`` is named in errors.

    >>> parse_obo('''format-version: 1.2
    ...
    ... [Term]
    ... id: A:1
    ... name: animal
    ...
    ... [Term]
    ... id: A:2
    ... name: cat
    ... is_a: A:1 ! animal
    ... ''', names=True).nodes
    ('animal', 'cat')
    """
    policy = Policy.of(policies)
    wanted = [relations] if isinstance(relations, str) else list(relations)
    if not wanted:
        raise ValueError(f"relations={relations!r}; expected at least one, such as 'is_a'")
    check_choice("undeclared", undeclared, get_args(Undeclared))
    scan = _Scan(path, set(wanted))
    scan.run(text)
    unknown = [r for r in wanted if r != _IS_A and r not in scan.relations]
    if unknown:
        found = ", ".join(map(repr, sorted(scan.relations)[:20])) or "none"
        raise TaxonomyError(f"no relationship {unknown[0]!r}; found {found}", path=path)
    nodes = {
        term.id: term.name if names else term.id
        for term in scan.terms.values()
        if obsolete or not term.obsolete
    }
    if not nodes:
        raise TaxonomyError("holds only obsolete terms (obsolete=True keeps them)", path=path)
    edges, lines = _edges(scan, nodes, undeclared)
    if names:
        _check_names(scan, nodes)
    named = [(nodes[parent], nodes[child]) for parent, child in edges]
    return Taxonomy._of(_make.from_edges(named, nodes.values(), policy, Origin(path, lines)))


def write_obo(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Write OBO 1.4: a term a node, its name as id and name, its parents as ``is_a``.

    Characters with a meaning in OBO are escaped (white space in ids as ``\\W``). The file
    reads back as an equal taxonomy.

    Raises:
        TaxonomyError: weights other than 1, a name with a carriage return, or the file cannot
            be written.
    """
    if bool((taxonomy.edge_weight != 1.0).any()):
        raise TaxonomyError(
            "edges have weights, which OBO cannot hold; unweighted() drops them", path=path
        )
    for name in taxonomy.nodes:
        if "\r" in name:
            raise TaxonomyError(
                f"node name {name!r} holds a carriage return, which OBO cannot hold", path=path
            )
    ids = [_IN_IDS.sub(_escape, name) for name in taxonomy.nodes]
    parents: list[list[str]] = [[] for _ in ids]
    for child, parent in zip(*taxonomy.edges.tolist(), strict=True):
        parents[child].append(ids[parent])
    pieces = ["format-version: 1.4\nontology: taxonomy\n"]
    for name, term, above in zip(taxonomy.nodes, ids, parents, strict=True):
        pieces.append(f"\n[Term]\nid: {term}\nname: {_IN_NAMES.sub(_escape, name)}\n")
        pieces += [f"is_a: {parent}\n" for parent in above]
    write_text(path, "".join(pieces))


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(), f"\\{match.group()}")


# -------------------------------------------------------------------------------- reading


@dataclass
class _Term:
    line: int
    id: str = ""
    name: str = ""
    obsolete: bool = False
    #: relation, parent, line
    parents: list[tuple[str, str, int]] = field(default_factory=list)


class _Scan:
    """The terms of a text by id, and the relationships that it knows."""

    def __init__(self, path: str | PathLike[str] | None, wanted: set[str]) -> None:
        self.path = path
        self.wanted = wanted
        self.terms: dict[str, _Term] = {}
        self.relations: set[str] = set()

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise TaxonomyError(message, path=self.path, line=line)

    def run(self, text: str) -> None:
        stanza = ""
        header = False
        term = _Term(0)
        for number, line in _lines(text):
            if not line or line[0] == "!":
                continue
            if line[0] == "[":
                match = _STANZA.fullmatch(line)
                if not match:
                    self.fail(f"{short(line)}; expected a stanza such as [Term]", number)
                if not header:
                    self.fail("a stanza before the header; expected format-version: first", number)
                self._close(stanza, term)
                stanza, term = match.group(1).strip().lower(), _Term(number)
                continue
            tag, colon, value = line.partition(":")
            if not colon or not tag or " " in tag or "\t" in tag:
                self.fail(f"{short(line)}; expected 'tag: value'", number)
            header = True
            if stanza == "term":
                self._tag(term, tag, value.strip(_BLANKS), number)
            elif stanza == "typedef" and tag == "id":
                self.relations.add(_value(value))
        self._close(stanza, term)
        if not self.terms:
            self.fail("holds no [Term]" if header else "is empty; expected an OBO file")

    def _close(self, stanza: str, term: _Term) -> None:
        if stanza != "term":
            return
        if not term.id:
            self.fail("a term without an id", term.line)
        first = self.terms.setdefault(term.id, term)
        if first is not term:
            self.fail(f"term {term.id!r} stands twice, first in line {first.line}", term.line)

    def _tag(self, term: _Term, tag: str, value: str, line: int) -> None:
        if tag == "id":
            if term.id:
                self.fail(f"a second id in the term {term.id!r}; expected one", line)
            term.id = self._id(value, tag, line)
        elif tag == "name":
            term.name = _value(value)
        elif tag == _IS_A:
            parent = self._id(value, tag, line)
            if _IS_A in self.wanted:
                term.parents.append((_IS_A, parent, line))
        elif tag == "relationship":
            relation, _, parent = _cut(value).replace("\t", " ").partition(" ")
            self.relations.add(relation)
            if not parent.strip(_BLANKS):
                self.fail(f"relationship {short(value)}; expected a type and a term", line)
            if relation in self.wanted:
                parent = _unescaped(parent.strip(_BLANKS))
                term.parents.append((relation, parent, line))
        elif tag == "is_obsolete":
            flag = _value(value).lower()
            if flag not in ("true", "false"):
                self.fail(f"is_obsolete {short(value)}; expected true or false", line)
            term.obsolete = flag == "true"
        elif _is_quoted(tag) and value.startswith('"') and not _STRING.match(value):
            self.fail(f"{tag} {short(value)} without its closing quote", line)

    def _id(self, value: str, tag: str, line: int) -> str:
        found = _value(value)
        if not found:
            self.fail(f"{tag} without a value; expected the id of a term", line)
        return found


def _edges(
    scan: _Scan, nodes: dict[str, str], undeclared: str
) -> tuple[list[tuple[str, str]], list[int]]:
    """(parent, child) ids and their lines; adds undeclared parents that are kept to nodes."""
    edges: list[tuple[str, str]] = []
    lines: list[int] = []
    for term in scan.terms.values():
        if term.id not in nodes:
            continue
        seen: dict[str, str] = {}
        for relation, parent, line in term.parents:
            if parent not in nodes:
                known = parent in scan.terms
                if undeclared == "drop":
                    continue
                if known or undeclared == "error":
                    scan.fail(_missing(relation, parent, known), line)
                nodes[parent] = parent
            # two relations may join a pair; the same one twice is left to the core to report
            if seen.setdefault(parent, relation) == relation:
                edges.append((parent, term.id))
                lines.append(line)
    return edges, lines


def _missing(relation: str, parent: str, known: bool) -> str:
    if known:
        return (
            f"{relation} {parent!r} is obsolete (obsolete=True keeps such terms, "
            "undeclared='drop' ignores edges to them)"
        )
    return (
        f"{relation} {parent!r} has no stanza (undeclared='keep' makes it a node, "
        "undeclared='drop' ignores the edge)"
    )


def _check_names(scan: _Scan, nodes: dict[str, str]) -> None:
    ids: dict[str, str] = {}
    for term, name in nodes.items():
        line = scan.terms[term].line if term in scan.terms else None
        if not name:
            scan.fail(f"term {term!r} has no name (names=False uses ids)", line)
        if name in ids:
            scan.fail(
                f"name {name!r} is that of the terms {ids[name]!r} and {term!r} "
                "(names=False uses ids)",
                line,
            )
        ids[name] = term


# -------------------------------------------------------------------------------- lexing


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Stripped lines and their numbers; a backslash at the end joins the next line."""
    joined: list[str] = []
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        line = line.rstrip("\n")
        if (len(line) - len(line.rstrip("\\"))) % 2:
            joined.append(line[:-1])
        elif joined:
            joined.append(line)
            yield number - len(joined) + 1, "".join(joined).strip(_BLANKS)
            joined.clear()
        else:
            yield number, line.strip(_BLANKS)
    if joined:
        yield number - len(joined) + 1, "".join(joined).strip(_BLANKS)


def _value(raw: str) -> str:
    """An id or a name without trailing modifiers and comment, decoded."""
    return _unescaped(_cut(raw))


def _unescaped(raw: str) -> str:
    if "\\" not in raw:
        return raw
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match.group(1), match.group(1)), raw)


def _cut(raw: str) -> str:
    """Without trailing modifiers in braces, and without a comment after ``!``.

    Both need white space before them, and nothing but a comment may follow the modifiers: names
    of chemicals hold braces.
    """
    if "{" not in raw and "\\" not in raw:
        comment = _COMMENT.search(raw)
        return (raw[: comment.start()] if comment else raw).strip(_BLANKS)
    begin = end = -1  # of the modifiers, as far as read
    bang = -1  # a comment, unless it stands in the modifiers
    position = 0
    while match := _MARK.search(raw, position):
        mark, at, position = match.group(), match.start(), match.end()
        apart = not at or raw[at - 1] in _BLANKS
        if end >= 0 and raw[end:at].strip(_BLANKS):
            begin = end = -1
        if mark == "!" and apart:
            if begin < 0 or end >= 0:
                return raw[: begin if end >= 0 else at].strip(_BLANKS)
            bang = at if bang < 0 else bang
        elif mark == "{" and apart:
            begin, end = at, -1
        elif mark == "}" and begin >= 0 and end < 0:
            end = position
        elif mark == '"' and begin >= 0 and end < 0:
            quoted = _STRING.match(raw, at)
            if quoted:
                position = quoted.end()
    if end >= 0 and not raw[end:].strip(_BLANKS):
        return raw[:begin].strip(_BLANKS)
    return (raw if bang < 0 else raw[:bang]).strip(_BLANKS)


def _is_quoted(tag: str) -> bool:
    return tag == "def" or tag.endswith("synonym")
