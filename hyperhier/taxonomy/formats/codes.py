"""Codes whose beginnings are the levels: ICD-10, ATC, NACE, EC numbers, MeSH tree numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from os import PathLike, fspath
from typing import Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._columns import Column, column_number
from hyperhier.taxonomy.formats._lines import lines
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.formats.edge_table import malformed
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["MAX_CODE", "from_codes", "parse_codes", "read_codes"]

#: longer codes are refused: a code of n levels has n prefixes, each a name of its own
MAX_CODE = 255

_OPEN = "-"  # EC numbers write "1.1.-.-" for all below 1.1


def from_codes(
    codes: Iterable[str],
    *,
    cuts: Sequence[int] | None = None,
    separator: str | None = None,
    ignore: str = ".",
    names: Mapping[str, str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """From codes: the parent of a code is the longest node that is a beginning of it.

    The nodes are the codes, each once however often it is listed, and

    - with ``cuts`` their beginnings of these lengths: ``(1, 3, 4)`` for ICD-10,
      ``(1, 3, 4, 5, 7)`` for ATC, ``(2, 3, 4)`` for NACE;
    - with ``separator`` what precedes each separator in them: EC numbers, tree numbers of
      MeSH. Open ends of EC numbers do not count: ``1.1.-.-`` is ``1.1``;
    - with neither nothing else.

    Codes mostly have several roots, so a ``roots`` policy is needed.

    Args:
        codes: in any order; siblings keep it.
        cuts: increasing lengths, counted without the characters of ``ignore``.
        separator: between the numbers of a code; excludes ``cuts``.
        ignore: characters that do not count, so that ``J45.0`` and ``J450`` are one code and
            ``J45`` begins it. Not used with ``separator``.
        names: what to call the nodes instead of by their codes. A name that several codes
            bear is a matter of ``duplicates``: with ``"merge"``, the tree numbers of MeSH
            make one DAG of descriptors.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`.

    Raises:
        ValueError: ``cuts`` that do not increase from 1 on, or with ``separator``.
        TaxonomyError: a code that is empty, longer than :data:`MAX_CODE`, or spelled in two
            ways, or as :meth:`Taxonomy.from_paths`.

    >>> icd = from_codes(["J45.0", "J45.1", "K50.0"], cuts=(1, 3), roots="join", root_name="ICD")
    >>> icd.ancestors("J45.1"), icd.children("ICD")
    (('J45', 'J', 'ICD'), ('J', 'K'))

    >>> ec = ["1.1.1.1", "1.1.1.2", "2.7.11.-"]
    >>> from_codes(ec, separator=".", roots="join", root_name="enzyme").ancestors("1.1.1.2")
    ('1.1.1', '1.1', '1', 'enzyme')

    >>> mesh = {"C04": "Neoplasms", "C04.557": "Neoplasms by Type", "C04.588": "by Site",
    ...         "C04.557.1": "Melanoma", "C04.588.2": "Melanoma"}
    >>> tax = from_codes(mesh, separator=".", names=mesh, duplicates="merge")
    >>> tax.parents("Melanoma")
    ('Neoplasms by Type', 'by Site')
    """
    policy = Policy.of(policies, places=True)
    scheme = _Scheme.of(cuts, separator, ignore)
    if isinstance(codes, str):
        raise TaxonomyError(f"codes {codes!r} is a str; expected a sequence of codes")
    listed: dict[str, _Listed] = {}
    for number, code in enumerate(codes, start=1):
        if not isinstance(code, str):
            raise TaxonomyError(f"code number {number} is {code!r}; expected a str")
        if problem := _take_in(listed, scheme, code):
            raise TaxonomyError(f"code number {number} {problem}")
    return _taxonomy(listed, scheme, names or {}, policy, None)


def read_codes(
    path: str | PathLike[str],
    *,
    code: Column | None = None,
    name: Column | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    cuts: Sequence[int] | None = None,
    separator: str | None = None,
    ignore: str = ".",
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read codes from a file: one a line, or a column of a table.

    A table is what is called ``.csv`` or ``.tsv``, or has a ``delimiter``. Otherwise the
    first word of a line is its code and what follows it the description, column 1. Rows with
    an empty code are skipped.

    Args:
        path: the file, gzip or not.
        code: the column of the codes, by name or number from 0; by default ``"code"``, or 0
            without a header.
        name: the column with what to call the nodes; by default they are called by their
            codes.
        delimiter: between cells; by default a tab for ``.tsv``, a comma for ``.csv``, else
            white space once a line.
        header: whether the first line names the columns; by default True for a table.
        cuts, separator, ignore: see :func:`from_codes`.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`.

    Raises:
        TaxonomyError: as :func:`from_codes`, with the file and, where it is known, the line;
            or a code with two names.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "icd10.txt"
    >>> _ = path.write_text("J45    Asthma\\nJ450   Predominantly allergic asthma\\n")
    >>> read_codes(path).leaves, read_codes(path, name=1).root
    (('J450',), 'Asthma')
    """
    if delimiter is None:
        plain = fspath(path).lower().removesuffix(".gz")
        delimiter = {".csv": ",", ".tsv": "\t"}.get(plain[-4:])
    return parse_codes(
        read_text(path),
        code=code,
        name=name,
        delimiter=delimiter,
        header=header,
        cuts=cuts,
        separator=separator,
        ignore=ignore,
        path=path,
        **policies,
    )


def parse_codes(
    text: str,
    *,
    code: Column | None = None,
    name: Column | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    cuts: Sequence[int] | None = None,
    separator: str | None = None,
    ignore: str = ".",
    path: str | PathLike[str] | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """As :func:`read_codes`, from text; ``path`` is named in errors.

    >>> nace = "01\\n01.1\\n01.11\\n01.12\\n"
    >>> parse_codes(nace).ancestors("01.11")
    ('01.1', '01')
    """
    policy = Policy.of(policies, places=True)
    scheme = _Scheme.of(cuts, separator, ignore)
    listed: dict[str, _Listed] = {}
    names: dict[str, str] = {}
    for line, cell, called in _rows(text, code, name, delimiter, header, path):
        if problem := _take_in(listed, scheme, cell, line):
            raise TaxonomyError(f"code {problem}", path=path, line=line)
        if name is not None and called and names.setdefault(cell, called) != called:
            raise TaxonomyError(
                f"code {cell!r} is called {called!r}, and {names[cell]!r} before; expected one",
                path=path,
                line=line,
            )
    return _taxonomy(listed, scheme, names, policy, path)


@dataclass(frozen=True)
class _Listed:
    """A code as it is spelled, and the first line it stands on (0: unknown)."""

    code: str
    line: int


@dataclass(frozen=True)
class _Scheme:
    """How codes are compared, and which of their beginnings are nodes."""

    cuts: tuple[int, ...]
    separator: str | None
    ignore: frozenset[str]

    @classmethod
    def of(cls, cuts: Sequence[int] | None, separator: str | None, ignore: str) -> _Scheme:
        if cuts is not None and separator is not None:
            raise ValueError("cuts and separator; expected one of them")
        if separator == "":
            raise ValueError("separator=''; expected a character such as '.'")
        lengths = tuple(cuts or ())
        if any(a >= b for a, b in pairwise((0, *lengths))):
            raise ValueError(f"cuts={cuts!r}; expected increasing lengths from 1 on")
        return cls(lengths, separator, frozenset(ignore))

    def key(self, code: str) -> str:
        """What is equal for two spellings of a code, and a beginning of the key of all below."""
        if self.separator is None:
            return "".join(c for c in code if c not in self.ignore)
        parts = code.split(self.separator)
        while parts and parts[-1].strip() in ("", _OPEN):
            parts.pop()
        return "".join(part.strip() + self.separator for part in parts)

    def beginnings(self, code: str, key: str) -> Iterator[tuple[str, str]]:
        """Key and spelling of every proper beginning of a code that is a node."""
        if self.separator is not None:
            parts = key.split(self.separator)[:-1]
            for k in range(1, len(parts)):
                start = self.separator.join(parts[:k])
                yield start + self.separator, start
        elif not self.ignore.intersection(code):
            for cut in self.cuts:
                if cut < len(key):
                    yield key[:cut], code[:cut]
        else:
            counted = [k for k, c in enumerate(code) if c not in self.ignore]
            for cut in self.cuts:
                if cut < len(key):
                    yield key[:cut], code[: counted[cut - 1] + 1]


def _take_in(listed: dict[str, _Listed], scheme: _Scheme, code: str, line: int = 0) -> str:
    """Add a code; what is wrong with it, if anything."""
    if len(code) > MAX_CODE:
        return f"{code[:20]!r}... has {len(code)} characters; expected at most {MAX_CODE}"
    key = scheme.key(code)
    if not key:
        return f"{code!r} is empty; expected text"
    if scheme.separator is not None and 2 * scheme.separator in scheme.separator + key:
        return f"{code!r} has nothing between two {scheme.separator!r}; expected a number"
    first = listed.setdefault(key, _Listed(code, line))
    if first.code != code:
        return f"{code!r} is the same as {first.code!r}; expected one spelling"
    return ""


def _taxonomy(
    listed: dict[str, _Listed],
    scheme: _Scheme,
    names: Mapping[str, str],
    policy: Policy,
    path: str | PathLike[str] | None,
) -> Taxonomy:
    nodes = dict(listed)
    for key, entry in listed.items():
        for start, code in scheme.beginnings(entry.code, key):
            if start not in nodes:
                nodes[start] = _Listed(code, entry.line)
    if not nodes:
        raise TaxonomyError("no codes; expected at least one", path=path)
    above: dict[str, str] = {}
    open_keys: list[str] = []  # in sorted order, all that begins a key stands right before it
    for key in sorted(nodes):
        while open_keys and not key.startswith(open_keys[-1]):
            open_keys.pop()
        if open_keys:
            above[key] = open_keys[-1]
        open_keys.append(key)
    called = {scheme.key(code): name for code, name in names.items()}
    places = Places()
    place: dict[str, int] = {}
    for key in listed:
        waiting = [key]
        while waiting[-1] in above and above[waiting[-1]] not in place:
            waiting.append(above[waiting[-1]])
        for new in reversed(waiting):
            if new not in place:
                parent = place[above[new]] if new in above else -1
                label = called.get(new, nodes[new].code)
                place[new] = places.add(label, parent, line=nodes[new].line)
    return Taxonomy._of(places.structure(policy, path))


def _rows(
    text: str,
    code: Column | None,
    name: Column | None,
    delimiter: str | None,
    header: bool | None,
    path: str | PathLike[str] | None,
) -> Iterator[tuple[int, str, str]]:
    """Line, code and name of every row with a code; the name is empty where there is none."""
    if header is None:
        header = delimiter is not None
    if code is None:
        code = "code" if header else 0
    rows = _cells(text, delimiter, path)
    top, first = next(rows, (0, []))
    if not first:
        raise TaxonomyError("is empty; expected codes", path=path)
    width = max(len(first), 2 if delimiter is None else 0)
    titles = first if header else range(width)
    at = column_number(titles, code, argument="code", path=path, line=top)
    named = at
    if name is not None:
        named = column_number(titles, name, argument="name", path=path, line=top)
    for line, cells in rows if header else chain([(top, first)], rows):
        if len(cells) != len(first) and delimiter is not None:
            raise TaxonomyError(
                f"{len(cells)} cells; expected {len(first)} as in the first line",
                path=path,
                line=line,
            )
        if at < len(cells) and cells[at]:
            yield line, cells[at], cells[named] if named < len(cells) else ""


def _cells(
    text: str, delimiter: str | None, path: str | PathLike[str] | None
) -> Iterator[tuple[int, list[str]]]:
    """The cells of every line that is not blank, without the white space around them."""
    if delimiter is None:
        for number, line in lines(text, None):
            yield number, [cell.strip() for cell in line.split(maxsplit=1)]
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as problem:
        raise malformed(problem, text, delimiter, path) from None
