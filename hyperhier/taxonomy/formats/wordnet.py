"""WordNet: the database folder of Princeton WordNet, and lexicons of the package ``wn``.

The folder holds ``data.noun``, ``index.noun`` and so on, as the manual page wndb(5WN) describes.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, get_args

import numpy as np
from numpy.typing import NDArray

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._build import Origin, build
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats._optional import optional
from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.policies import Policies, Policy, check_choice

if TYPE_CHECKING:
    import wn

__all__ = ["from_wn", "is_wordnet_folder", "read_wordnet"]

IntArray = NDArray[np.int64]
PartOfSpeech = Literal["n", "v", "a", "r"]
Names = Literal["synset", "offset"]

_FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_TYPES = {"n": "n", "v": "v", "a": "as", "r": "r"}  # an adjective can be a satellite
_INFERRED = "*INFERRED*"  # id of a synset that wn knows from another lexicon only
_HYPERNYM, _INSTANCE = "@", "@i"
_OFFSET = re.compile(r"[0-9]{8}")
_HEX = re.compile(r"[0-9a-fA-F]{2}")
_DECIMAL = re.compile(r"[0-9]{1,6}")
_MARKER = re.compile(r"\((?:a|p|ip)\)$")  # where an adjective may stand, after its word


def is_wordnet_folder(path: str | PathLike[str]) -> bool:
    """Whether a folder holds a WordNet database (one of its ``data.`` files).

    >>> is_wordnet_folder(".")
    False
    """
    # of os.path, which answers where pathlib raises: no permission, a name too long
    return any(os.path.isfile(Path(path) / f"data.{name}") for name in _FILES.values())


def read_wordnet(
    folder: str | PathLike[str],
    *,
    pos: PartOfSpeech = "n",
    instances: bool = True,
    names: Names = "synset",
    **policies: Unpack[Policies],
) -> Taxonomy:
    """Read the synsets of one part of speech and their hypernyms from a WordNet folder.

    The nouns of WordNet are a DAG below ``entity.n.01``. Verbs have hundreds of roots, so they
    need a ``roots`` policy; adjectives and adverbs have no hypernyms at all.

    Args:
        folder: holds ``data.noun`` and ``index.noun`` (``.verb``, ``.adj``, ``.adv``).
        pos: ``"n"``, ``"v"``, ``"a"`` or ``"r"`` (adverbs).
        instances: whether instances (Einstein, a physicist) count as hyponyms. Without them
            they are left out, with what lies only below them.
        names: ``"synset"`` names a node by the first word of the synset, its part of speech
            and the number of this sense of the word, ``dog.n.01``; ``"offset"`` by its
            place in the file, ``n02084071`` (needs no index file).
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TaxonomyError: a file is missing or malformed (with the line), a hypernym that is not
            there, or as :meth:`Taxonomy.from_edges`. Verbs of WordNet 3.0 as first published
            have a cycle of two synsets, which the error names.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "data.noun").write_text(
    ...     "00000001 03 n 01 entity 0 000 | all there is\\n"
    ...     "00000050 05 n 02 dog 0 domestic_dog 0 001 @ 00000001 n 0000 | it barks\\n"
    ... )
    >>> _ = (folder / "index.noun").write_text(
    ...     "dog n 1 1 @ 1 0 00000050\\nentity n 1 0 1 0 00000001\\n"
    ... )
    >>> read_wordnet(folder).nodes, read_wordnet(folder, names="offset").nodes
    (('entity.n.01', 'dog.n.01'), ('n00000001', 'n00000050'))
    """
    policy = Policy.of(policies)
    check_choice("pos", pos, get_args(PartOfSpeech))
    check_choice("names", names, get_args(Names))
    if not os.path.isdir(folder):
        what = "is a file" if os.path.exists(folder) else "no such folder"
        raise TaxonomyError(f"{what}; expected a WordNet folder", path=folder)
    data, index = (Path(folder) / f"{kind}.{_FILES[pos]}" for kind in ("data", "index"))
    if not os.path.exists(data):
        raise TaxonomyError(
            f"no {data.name} in this folder; expected a WordNet folder (often called 'dict')",
            path=folder,
        )
    synsets = _Synsets(data, pos)
    if names == "synset":
        labels = synsets.sense_names(index)
    else:
        labels = [f"{pos}{offset}" for offset in synsets.offsets]
    return _hierarchy(
        labels, synsets.edges, synsets.is_instance, synsets.lines, instances, policy, data
    )


def from_wn(
    lexicon: wn.Wordnet | str,
    *,
    pos: str = "n",
    instances: bool = True,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """From a lexicon that the package ``wn`` has installed; nodes are its synset ids.

    Nothing is downloaded: install lexicons with ``wn.download`` or ``wn.add`` beforehand.
    Where a lexicon takes its hypernyms from another one (as many of the Open Multilingual
    Wordnet do), a hypernym without words of its own is a node named by its interlingual id.

    Args:
        lexicon: a ``wn.Wordnet``, or the specifier of one lexicon, such as ``"oewn:2024"``.
        pos: the part of speech as ``wn`` names it (``"n"``, ``"v"``, ...).
        instances: as in :func:`read_wordnet`.
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        ImportError: ``wn`` is not installed.
        TaxonomyError: no such lexicon, no synsets, two lexicons that share ids, or as
            :meth:`Taxonomy.from_edges`.

    >>> from_wn("oewn:2024", pos="v", roots="join", root_name="verb")  # doctest: +SKIP
    """
    policy = Policy.of(policies)
    package = optional("wn", extra="wordnet")
    if not isinstance(lexicon, (str, package.Wordnet)):
        raise TypeError(f"lexicon {lexicon!r}; expected a wn.Wordnet or a specifier as str")
    try:
        wordnet = package.Wordnet(lexicon) if isinstance(lexicon, str) else lexicon
        node: dict[str, int] = {}
        synsets: list[wn.Synset] = []
        edges: list[tuple[int, int]] = []
        is_instance: list[bool] = []
        for synset in wordnet.synsets(pos=pos):
            if synset.id in node:
                raise TaxonomyError(
                    f"several lexicons have a synset {synset.id!r}; expected one lexicon, such "
                    "as 'oewn:2024'"
                )
            node[synset.id] = len(node)
            synsets.append(synset)
        for child, synset in enumerate(synsets):  # grows by hypernyms from elsewhere
            above: dict[int, bool] = {}
            for relation in ("hypernym", "instance_hypernym"):
                for other in synset.get_related(relation):
                    name = (other.ili or other.id) if other.id == _INFERRED else other.id
                    if name not in node:
                        node[name] = len(node)
                        synsets.append(other)
                    above.setdefault(node[name], relation != "hypernym")
            edges += [(child, parent) for parent in above]
            is_instance += above.values()
    except TaxonomyError:
        raise
    except Exception as problem:  # wn raises its own errors, and those of its database
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise TaxonomyError(f"lexicon {lexicon!r} cannot be used: {reason}") from None
    if not node:
        raise TaxonomyError(f"lexicon {lexicon!r} has no synsets with pos={pos!r}")
    return _hierarchy(list(node), edges, is_instance, None, instances, policy, None)


def _hierarchy(
    labels: Sequence[str],
    edges: Sequence[tuple[int, int]],
    is_instance: Sequence[bool],
    lines: Sequence[int] | None,
    instances: bool,
    policy: Policy,
    path: Path | None,
) -> Taxonomy:
    """From (child, parent) pairs of positions in ``labels``; ``lines`` as these are."""
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    line = np.zeros(len(labels), dtype=np.int64) if lines is None else np.asarray(lines)
    if not instances:
        by_instance = np.asarray(is_instance, dtype=bool)
        kept = _without_instances(len(labels), pairs, by_instance)
        pairs = pairs[~by_instance]
        pairs = np.searchsorted(kept, pairs[np.isin(pairs, kept).all(axis=1)])
        labels = [labels[v] for v in kept.tolist()]
        line = line[kept]
    child, parent = pairs.T
    origin = Origin(path, None if lines is None else line[child].tolist())
    weight = np.ones(len(pairs))
    return Taxonomy._of(
        build(labels, child.copy(), parent.copy(), weight, origin=origin, policy=policy)
    )


def _without_instances(n: int, pairs: IntArray, by_instance: NDArray[np.bool_]) -> IntArray:
    """Positions that are no instances, nor only below some."""
    below: list[list[int]] = [[] for _ in range(n)]
    kind_of = [0] * n  # hypernyms, apart from those as an instance
    for child, parent in pairs[~by_instance].tolist():
        below[parent].append(child)
        kind_of[child] += 1
    instances = sorted(set(pairs[by_instance, 0].tolist()))
    out = [v for v in instances if not kind_of[v]]
    for v in out:  # grows while it runs
        for child in below[v]:
            kind_of[child] -= 1
            if not kind_of[child]:
                out.append(child)
    return np.setdiff1d(np.arange(n), out)


def _lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines below the licence, whose lines begin with two blanks."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.startswith("  ") and line.strip():
            yield number, line


class _Synsets:
    """What a data file says: one entry a synset, and (child, parent) pairs of positions."""

    def __init__(self, path: Path, pos: PartOfSpeech) -> None:
        self.path = path
        self.pos = pos
        self.offsets: list[str] = []
        self.words: list[str] = []
        self.types: list[str] = []
        self.lines = array("q")
        self.edges: list[tuple[int, int]] = []
        self.is_instance: list[bool] = []
        self._line = 0
        above: list[tuple[int, str, bool]] = []
        position: dict[str, int] = {}
        for self._line, text in _lines_of(path):
            offset, hypernyms = self._synset(text.partition("|")[0].split())
            if offset in position:
                raise self._error(f"synset {offset} is listed twice")
            child = position[offset] = len(position)
            above += [(child, parent, instance) for parent, instance in hypernyms.items()]
        if not position:
            raise TaxonomyError("has no synsets", path=path)
        for child, parent, instance in above:
            if parent not in position:
                self._line = self.lines[child]
                raise self._error(f"hypernym {parent} of {self.offsets[child]} is not in this file")
            self.edges.append((child, position[parent]))
            self.is_instance.append(instance)

    def _error(self, message: str) -> TaxonomyError:
        return TaxonomyError(message, path=self.path, line=self._line)

    def _synset(self, fields: list[str]) -> tuple[str, dict[str, bool]]:
        """Take in one synset; its offset, and whether it is an instance of each hypernym."""
        if len(fields) < 7:
            raise self._error(f"{len(fields)} fields; expected at least 7")
        offset, _, kind, word_count = fields[:4]
        if not _OFFSET.fullmatch(offset):
            raise self._error(f"offset {offset!r}; expected 8 digits")
        if kind not in _TYPES[self.pos]:
            expected = " or ".join(map(repr, _TYPES[self.pos]))
            raise self._error(f"synset type {kind!r}; expected {expected}")
        if not _HEX.fullmatch(word_count) or word_count == "00":
            raise self._error(f"word count {word_count!r}; expected two hexadecimal digits, not 00")
        at = 4 + 2 * int(word_count, 16)
        if at >= len(fields):
            raise self._error(f"{len(fields)} fields; too few for {int(word_count, 16)} words")
        if not _DECIMAL.fullmatch(fields[at]):
            raise self._error(f"pointer count {fields[at]!r}; expected decimal digits")
        pointers = fields[at + 1 : at + 1 + 4 * int(fields[at])]
        if len(pointers) < 4 * int(fields[at]):
            raise self._error(f"{len(fields)} fields; too few for {int(fields[at])} pointers")
        rest = fields[at + 1 + len(pointers) :]
        if self.pos != "v" and rest:  # verbs have their sentence frames there
            raise self._error(f"{rest[0]!r} after {int(fields[at])} pointers; expected '|'")
        hypernyms: dict[str, bool] = {}
        for k in range(0, len(pointers), 4):
            symbol, target, target_pos = pointers[k : k + 3]
            if symbol in (_HYPERNYM, _INSTANCE):
                if not _OFFSET.fullmatch(target) or target_pos not in _TYPES[self.pos]:
                    raise self._error(
                        f"hypernym {target!r} {target_pos!r}; expected 8 digits and {self.pos!r}"
                    )
                # a kind of it and an instance of it: the former
                hypernyms[target] = hypernyms.get(target, True) and symbol == _INSTANCE
        self.offsets.append(offset)
        self.words.append(fields[4])
        self.types.append(kind)
        self.lines.append(self._line)
        return offset, hypernyms

    def sense_names(self, index: Path) -> list[str]:
        """Names like ``dog.n.01``: the place of a synset among the senses of its first word."""
        senses = _senses(index, self.pos)
        names = []
        for offset, word, kind, line in zip(
            self.offsets, self.words, self.types, self.lines, strict=True
        ):
            lemma = (_MARKER.sub("", word) if self.pos == "a" else word).lower()
            number = senses.get((lemma, offset))
            if number is None:
                raise TaxonomyError(
                    f"synset {offset} is no sense of its first word {lemma!r} in {index.name}",
                    path=self.path,
                    line=line,
                )
            names.append(f"{lemma}.{kind}.{number:02d}")
        return names


def _senses(path: Path, pos: PartOfSpeech) -> dict[tuple[str, str], int]:
    """The number, from 1, of every sense: by lemma and offset."""
    senses: dict[tuple[str, str], int] = {}
    lemmas: set[str] = set()
    for line, text in _lines_of(path):
        fields = text.split()
        if problem := _index_problem(fields, pos, lemmas):
            raise TaxonomyError(problem, path=path, line=line)
        lemmas.add(fields[0])
        offsets = fields[6 + int(fields[3]) :]
        for number, offset in enumerate(offsets, start=1):
            senses.setdefault((fields[0], offset), number)
    return senses


def _index_problem(fields: list[str], pos: PartOfSpeech, lemmas: set[str]) -> str:
    """What is wrong with a line of an index file; nothing if it is fine."""
    if len(fields) < 7:
        return f"{len(fields)} fields; expected at least 7"
    lemma, kind, *counts = fields[:4]
    if kind != pos:
        return f"part of speech {kind!r} of {lemma!r}; expected {pos!r}"
    for count in counts:
        if not _DECIMAL.fullmatch(count):
            return f"count {count!r} of {lemma!r}; expected decimal digits"
    synsets, symbols = map(int, counts)
    found = len(fields) - 6 - symbols
    if found != synsets:
        return f"{max(found, 0)} synsets of {lemma!r}; expected {synsets}"
    return f"lemma {lemma!r} is listed twice" if lemma in lemmas else ""
