"""WordNet folders and installed lexicons: names, instances, damaged files."""

from __future__ import annotations

import csv
import gzip
import os
import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy
from hyperhier.taxonomy.formats.wordnet import from_wn, is_wordnet_folder, read_wordnet

LICENCE = "  1 This is the licence  \n  2 of some words.  \n"
FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}

#: words of a synset, its type, pointers (symbol, key of the target), verb frames
Entry = tuple[Sequence[str], str, Sequence[tuple[str, str]]]


def write_folder(
    folder: Path,
    entries: Mapping[str, Entry],
    pos: str = "n",
    senses: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """A folder in the official layout; the keys of the entries are their offsets.

    ``senses`` orders the synsets of a lemma, by default as they are listed.
    """
    folder.mkdir(exist_ok=True)
    listed: dict[str, list[str]] = {}
    data = []
    for offset, (words, kind, pointers) in entries.items():
        for word in words:
            listed.setdefault(word.split("(")[0].lower(), []).append(offset)
        text = " ".join(f"{word} {k:x}" for k, word in enumerate(words))
        links = "".join(f" {symbol} {target} {kind} 0000" for symbol, target in pointers)
        frames = " 01 + 08 00" if pos == "v" else ""
        data.append(
            f"{offset} 03 {kind} {len(words):02x} {text} {len(pointers):03d}{links}{frames} "
            "| what it means; with | a bar and @ 00000009 n 0000  \n"
        )
    index = []
    for lemma in sorted(listed):
        offsets = (senses or {}).get(lemma, listed[lemma])
        symbols = "@ ~"
        index.append(
            f"{lemma} {pos} {len(offsets)} 2 {symbols} {len(offsets)} 0 {' '.join(offsets)}  \n"
        )
    (folder / f"data.{FILES[pos]}").write_text(LICENCE + "".join(data), encoding="utf-8")
    (folder / f"index.{FILES[pos]}").write_text(LICENCE + "".join(index), encoding="utf-8")
    return folder


ENTITY, PERSON, DOG, CHAP, POET, GOETHE, WERTHER = (f"{k:08d}" for k in range(10, 80, 10))
NOUNS: dict[str, Entry] = {
    ENTITY: (["entity"], "n", []),
    PERSON: (["person", "Individual"], "n", [("@", ENTITY), ("~", POET)]),
    DOG: (["dog", "Canis_familiaris"], "n", [("@", ENTITY)]),
    CHAP: (["dog"], "n", [("@", PERSON), ("@", PERSON), ("+", DOG)]),
    POET: (["poet"], "n", [("@", PERSON)]),
    GOETHE: (["Goethe"], "n", [("@i", POET), ("@i", CHAP), ("#m", DOG)]),
    WERTHER: (["Werther"], "n", [("@", GOETHE)]),
}


def test_names_and_edges(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "dict", NOUNS, senses={"dog": [CHAP, DOG]})
    tax = read_wordnet(folder)
    assert tax.nodes == (
        "entity.n.01",
        "person.n.01",
        "dog.n.02",  # as the index orders the senses
        "dog.n.01",
        "poet.n.01",
        "goethe.n.01",
        "werther.n.01",
    )
    assert tax.parents("goethe.n.01") == ("poet.n.01", "dog.n.01")
    assert read_wordnet(os.fspath(folder)) == tax
    by_offset = read_wordnet(folder, names="offset")
    assert by_offset.nodes == tuple(f"n{k}" for k in NOUNS)
    assert by_offset.edges.equal(tax.edges)


def test_offsets_need_no_index(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, NOUNS)
    (folder / "index.noun").unlink()
    assert len(read_wordnet(folder, names="offset")) == len(NOUNS)
    with pytest.raises(TaxonomyError, match="no such file") as caught:
        read_wordnet(folder)
    assert caught.value.path == os.fspath(folder / "index.noun")


def test_without_instances(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, NOUNS)
    kept = read_wordnet(folder, instances=False)
    assert set(read_wordnet(folder)) - set(kept) == {"goethe.n.01", "werther.n.01"}
    # a kind and an instance at once is a kind; what has another parent stays
    entries = dict(NOUNS)
    entries[GOETHE] = (["Goethe"], "n", [("@i", POET), ("@", CHAP)])
    entries["00000080"] = (["mixed"], "n", [("@i", POET), ("@", POET)])
    again = read_wordnet(write_folder(tmp_path, entries), instances=False)
    assert again.parents("goethe.n.01") == ("dog.n.02",)
    assert again.parents("mixed.n.01") == ("poet.n.01",)
    assert "werther.n.01" in again


def test_verbs_need_a_policy(tmp_path: Path) -> None:
    verbs: dict[str, Entry] = {
        "00000001": (["move"], "v", []),
        "00000002": (["run"], "v", [("@", "00000001")]),
        "00000003": (["think"], "v", []),
    }
    folder = write_folder(tmp_path, verbs, "v")
    with pytest.raises(TaxonomyError, match=r"2 roots \('move.v.01', 'think.v.01'\)"):
        read_wordnet(folder, pos="v")
    joined = read_wordnet(folder, pos="v", roots="join", root_name="verb")
    assert joined.children("verb") == ("move.v.01", "think.v.01")
    assert read_wordnet(folder, pos="v", roots="largest").nodes == ("move.v.01", "run.v.01")


def test_the_cycle_is_printed(tmp_path: Path) -> None:
    verbs: dict[str, Entry] = {
        "00000001": (["control"], "v", []),
        "02422663": (["restrain"], "v", [("@", "02423762")]),
        "02423762": (["inhibit"], "v", [("@", "02422663")]),
    }
    folder = write_folder(tmp_path, verbs, "v")
    with pytest.raises(TaxonomyError) as caught:
        read_wordnet(folder, pos="v", roots="join")
    assert "cycle of 2 nodes: restrain.v.01 -> inhibit.v.01 -> restrain.v.01" in str(caught.value)
    assert (caught.value.path, caught.value.line) == (os.fspath(folder / "data.verb"), 5)


def test_adjectives_have_markers_and_satellites(tmp_path: Path) -> None:
    adjectives: dict[str, Entry] = {
        "00000001": (["able"], "a", [("&", "00000002")]),
        "00000002": (["Galore(ip)"], "s", []),
        "00000003": (["former(a)", "able"], "a", []),
    }
    folder = write_folder(tmp_path, adjectives, "a")
    tax = read_wordnet(folder, pos="a", roots="join")
    assert tax.leaves == ("able.a.01", "galore.s.01", "former.a.01")
    write_folder(tmp_path, {"00000001": (["well"], "r", [])}, "r")
    assert read_wordnet(folder, pos="r").nodes == ("well.r.01",)


def test_many_words(tmp_path: Path) -> None:
    entries: dict[str, Entry] = {"00000001": ([f"word{k}" for k in range(0x1F)], "n", [])}
    assert " 1f " in (write_folder(tmp_path, entries) / "data.noun").read_text()
    assert read_wordnet(tmp_path).nodes == ("word0.n.01",)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip(),
        lambda text: text + "\n\n",
        lambda text: "\ufeff" + text.removeprefix(LICENCE),
        lambda text: text.replace(" | what it means", ""),
    ],
    ids=["windows", "no last newline", "blank lines", "mark", "no gloss"],
)
def test_tolerated(tmp_path: Path, change: Callable[[str], str]) -> None:
    expected = read_wordnet(write_folder(tmp_path, NOUNS))
    for name in ("data.noun", "index.noun"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        text = text.replace("; with | a bar and @ 00000009 n 0000", "")
        (tmp_path / name).write_bytes(change(text).encode("utf-8"))
    assert read_wordnet(tmp_path) == expected


def test_chain_of_100_000(tmp_path: Path) -> None:
    lines = ["00000000 03 n 01 w 0 000 |"]
    lines += [f"{k:08d} 03 n 01 w 0 001 @ {k - 1:08d} n 0000 |" for k in range(1, 100_000)]
    (tmp_path / "data.noun").write_text("\n".join(lines))
    assert read_wordnet(tmp_path, names="offset").height == 99_999


DATA = "00000010 03 n 01 entity 0 000 |\n00000020 03 n 01 dog 0 001 @ 00000010 n 0000 | x\n"
INDEX = "dog n 1 1 @ 1 0 00000020\nentity n 1 0 1 0 00000010\n"

# (file, text to replace, new text, line, message)
BROKEN: list[tuple[str, str, str, int | None, str]] = [
    ("data.noun", DATA, "", None, "has no synsets"),
    ("data.noun", DATA, "  1 only a licence\n", None, "has no synsets"),
    ("data.noun", "00000010 03", "0000001 03", 1, "offset '0000001'; expected 8 digits"),
    ("data.noun", "00000020 03", "000000２0 03", 2, "expected 8 digits"),
    ("data.noun", "00000020 03", "00000010 03", 2, "synset 00000010 is listed twice"),
    ("data.noun", "n 01 dog", "v 01 dog", 2, "synset type 'v'; expected 'n'"),
    ("data.noun", "n 01 dog", "n 1x dog", 2, "word count '1x'; expected two hexadecimal"),
    ("data.noun", "n 01 dog", "n 00 dog", 2, "word count '00'"),
    ("data.noun", "n 01 dog", "n +1 dog", 2, r"word count '\+1'"),
    ("data.noun", "n 01 dog", "n ff dog", 2, "too few for 255 words"),
    ("data.noun", "n 01 dog 0", "n 01 dog", 2, "pointer count '@'; expected decimal"),
    ("data.noun", "001 @", "002 @", 2, "too few for 2 pointers"),
    ("data.noun", "001 @", "000 @", 2, "'@' after 0 pointers; expected '|'"),
    ("data.noun", "001 @", "0b1 @", 2, "pointer count '0b1'"),
    ("data.noun", "@ 00000010", "@ 00000099", 2, "hypernym 00000099 of 00000020 is not in this"),
    ("data.noun", "@ 00000010", "@ here", 2, "hypernym 'here' 'n'; expected 8 digits and 'n'"),
    ("data.noun", "@ 00000010 n", "@ 00000010 v", 2, "hypernym '00000010' 'v'"),
    ("data.noun", "@ 00000010", "@ 00000020", 2, "'dog.n.01' is its own parent"),
    ("data.noun", "001 @ 00000010 n 0000 ", "", 2, "6 fields; expected at least 7"),
    ("data.noun", "001 @ 00000010 n 0000", "000", None, r"2 roots \('entity.n.01', 'dog.n.01'\)"),
    ("data.noun", "dog", "cat", 2, "synset 00000020 is no sense of its first word 'cat' in index"),
    ("data.noun", "dog", "d\0g", 2, "NUL"),
    ("index.noun", INDEX, "", 1, "synset 00000010 is no sense of its first word 'entity'"),
    ("index.noun", "@ 1 0 00000020", "", 1, "4 fields; expected at least 7"),
    ("index.noun", "dog n", "dog v", 1, "part of speech 'v' of 'dog'; expected 'n'"),
    ("index.noun", "entity n 1 0", "entity n 1 -1", 2, "count '-1' of 'entity'"),
    ("index.noun", "entity n 1 0", "entity n 2 0", 2, "1 synsets of 'entity'; expected 2"),
    ("index.noun", "dog n 1 1", "dog n 1 9", 1, "0 synsets of 'dog'; expected 1"),
    ("index.noun", "entity n", "dog n", 2, "lemma 'dog' is listed twice"),
    ("index.noun", "00000020", "00000021", 2, "synset 00000020 is no sense"),
]


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "message"),
    BROKEN,
    ids=[f"{name[:4]} {new[:20].strip()!a}" for name, _, new, _, _ in BROKEN],
)
def test_broken(
    tmp_path: Path, name: str, old: str, new: str, line: int | None, message: str
) -> None:
    for file, text in (("data.noun", DATA), ("index.noun", INDEX)):
        if file == name:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(TaxonomyError, match=message) as caught:
        read_wordnet(tmp_path)
    # a synset without its sense is an error of the line that needs it
    at = "data.noun" if "no sense" in message else name
    assert caught.value.path == os.fspath(tmp_path / at)
    assert caught.value.line == line


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="no such folder"):
        read_wordnet(tmp_path / "none")
    with pytest.raises(TaxonomyError, match=r"no data\.noun in this folder; .* 'dict'"):
        read_wordnet(tmp_path)
    write_folder(tmp_path, NOUNS)
    with pytest.raises(TaxonomyError, match=r"no data\.verb in this folder"):
        read_wordnet(tmp_path, pos="v")
    with pytest.raises(TaxonomyError, match="is a file; expected a WordNet folder"):
        read_wordnet(tmp_path / "data.noun")
    with pytest.raises(ValueError, match="pos='x'; expected one of 'n', 'v', 'a', 'r'"):
        read_wordnet(tmp_path, pos="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names='word'; expected one of 'synset', 'offset'"):
        read_wordnet(tmp_path, names="word")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="duplicates"):
        read_wordnet(tmp_path, duplicates="merge")  # type: ignore[call-arg]


def test_is_wordnet_folder(tmp_path: Path) -> None:
    assert not is_wordnet_folder(tmp_path)
    assert not is_wordnet_folder(tmp_path / "none")
    assert is_wordnet_folder(write_folder(tmp_path, NOUNS))


@given(st.sampled_from(["data.noun", "index.noun"]), st.text(max_size=60), st.integers(0, 2**20))
def test_any_damage_is_an_error_or_fine(
    tmp_path_factory: pytest.TempPathFactory, name: str, junk: str, seed: int
) -> None:
    folder = write_folder(tmp_path_factory.getbasetemp() / "fuzz", NOUNS)
    good = (folder / name).read_text(encoding="utf-8").encode("utf-8")
    draw = random.Random(seed)
    start = draw.randrange(len(good))
    end = min(len(good), start + draw.randrange(20))
    damaged = good[:start] + junk.encode("utf-8", "surrogatepass") + good[end:]
    (folder / name).write_bytes(draw.choice([damaged, junk.encode("utf-8", "surrogatepass")]))
    try:
        tax = read_wordnet(folder, roots="join")
    except TaxonomyError:
        return
    assert isinstance(tax, Taxonomy)


# ------------------------------------------------------------------------------- real data


def _rebuilt(folder: Path, table: Path, pos: str) -> list[tuple[str, str, str]]:
    """A folder of the synsets in a table of edges, every one with a word of its own."""
    with gzip.open(table, "rt", encoding="utf-8") as stream:
        rows = [(r["parent"], r["child"], r.get("kind", "")) for r in csv.DictReader(stream)]
    above: dict[str, list[tuple[str, str]]] = {}
    for parent, child, kind in rows:
        above.setdefault(parent[1:], [])
        symbol = "@i" if kind == "instance" else "@"
        above.setdefault(child[1:], []).append((symbol, parent[1:]))
    entries: dict[str, Entry] = {k: ([f"w{k}"], pos, above[k]) for k in sorted(above)}
    write_folder(folder, entries, pos)
    return rows


@pytest.mark.data
def test_all_nouns(data_dir: Callable[[str], Path], tmp_path: Path) -> None:
    rows = _rebuilt(tmp_path, data_dir("wordnet30") / "nouns_direct.csv.gz", "n")
    tax = read_wordnet(tmp_path, names="offset")
    assert (len(tax), tax.edges.shape[1], tax.root, tax.height) == (82_115, 84_427, "n00001740", 19)
    assert tax.closure().shape[1] == 743_241
    children, parents = tax.edges.tolist()
    edges = {(tax.nodes[p], tax.nodes[c]) for c, p in zip(children, parents, strict=True)}
    assert edges == {row[:2] for row in rows}
    kinds = nx.DiGraph(row[:2] for row in rows if row[2] != "instance")
    without = read_wordnet(tmp_path, names="offset", instances=False)
    assert set(without) == nx.descendants(kinds, "n00001740") | {"n00001740"}


@pytest.mark.data
def test_all_verbs(data_dir: Callable[[str], Path], tmp_path: Path) -> None:
    _rebuilt(tmp_path, data_dir("wordnet30") / "verbs_direct.csv.gz", "v")
    tax = read_wordnet(tmp_path, pos="v", roots="join", root_name="verb")
    assert (len(tax), len(tax.children("verb"))) == (13_543, 334)
    assert tax.closure().shape[1] == 35_079 + 13_542


# -------------------------------------------------------------------------- the package wn

LMF = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.0.dtd">
<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">
  <Lexicon id="{name}" label="Tiny" language="en" email="a@b.c" license="free" version="{version}">
{entries}
{synsets}
  </Lexicon>
</LexicalResource>
"""


def lexicon_file(
    path: Path,
    synsets: Mapping[str, tuple[str, str, Sequence[tuple[str, str]]]],
    name: str = "tiny",
    version: str = "1.0",
) -> Path:
    """A WN-LMF file; a synset is its part of speech, interlingual id and relations."""
    entries, blocks = [], []
    for key, (pos, ili, relations) in synsets.items():
        entries.append(
            f'<LexicalEntry id="{name}-{key}-e"><Lemma writtenForm="{key}" partOfSpeech="{pos}"/>'
            f'<Sense id="{name}-{key}-s" synset="{name}-{key}"/></LexicalEntry>'
        )
        links = "".join(
            f'<SynsetRelation relType="{kind}" target="{name}-{target}"/>'
            for kind, target in relations
        )
        blocks.append(
            f'<Synset id="{name}-{key}" ili="{ili}" partOfSpeech="{pos}">{links}</Synset>'
        )
    text = LMF.format(
        name=name, version=version, entries="\n".join(entries), synsets="\n".join(blocks)
    )
    path.write_text(text, encoding="utf-8")
    return path


TINY: dict[str, tuple[str, str, Sequence[tuple[str, str]]]] = {
    "entity": ("n", "i1", []),
    "person": ("n", "i2", [("hypernym", "entity")]),
    "poet": ("n", "i3", [("hypernym", "person")]),
    "chap": ("n", "i4", [("hypernym", "person")]),
    "goethe": ("n", "", [("instance_hypernym", "poet"), ("instance_hypernym", "chap")]),
    "werther": ("n", "", [("hypernym", "goethe")]),
    "run": ("v", "", []),
}


@pytest.fixture
def wn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The package, with an empty database of its own and no way to the network."""
    package = pytest.importorskip("wn")
    before = package.config.data_directory

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    package.config.data_directory = tmp_path / "wn"
    yield package
    package.config.data_directory = before


def test_from_wn(wn: Any, tmp_path: Path) -> None:
    wn.add(lexicon_file(tmp_path / "tiny.xml", TINY), progress_handler=None)
    tax = from_wn("tiny:1.0")
    assert tax.nodes == tuple(f"tiny-{k}" for k in TINY if k != "run")
    assert tax.parents("tiny-goethe") == ("tiny-poet", "tiny-chap")
    assert from_wn(wn.Wordnet("tiny:1.0")) == tax
    assert from_wn("tiny:1.0", pos="v").nodes == ("tiny-run",)
    without = from_wn("tiny:1.0", instances=False)
    assert set(tax) - set(without) == {"tiny-goethe", "tiny-werther"}
    assert from_wn("tiny:1.0", multi_parent="first").is_tree


def test_from_wn_with_hypernyms_of_another_lexicon(wn: Any, tmp_path: Path) -> None:
    wn.add(lexicon_file(tmp_path / "tiny.xml", TINY), progress_handler=None)
    bare = {"dichter": ("n", "i3", []), "entitaet": ("n", "i1", [])}
    wn.add(lexicon_file(tmp_path / "bare.xml", bare, "bare"), progress_handler=None)
    tax = from_wn(wn.Wordnet("bare:1.0", expand="tiny:1.0"))
    assert tax.nodes == ("bare-entitaet", "i2", "bare-dichter")


def test_from_wn_errors(wn: Any, tmp_path: Path) -> None:
    wn.add(lexicon_file(tmp_path / "1.xml", TINY), progress_handler=None)
    with pytest.raises(TaxonomyError, match="lexicon 'oewn:2024' cannot be used: no lexicon"):
        from_wn("oewn:2024")
    with pytest.raises(TaxonomyError, match=r"'tiny:1\.0' has no synsets with pos='x'"):
        from_wn("tiny:1.0", pos="x")
    with pytest.raises(TypeError, match="lexicon 7; expected"):
        from_wn(7)  # type: ignore[arg-type]
    loop = {"a": ("n", "", [("hypernym", "b")]), "b": ("n", "", [("hypernym", "a")])}
    wn.add(lexicon_file(tmp_path / "loop.xml", loop, "loop"), progress_handler=None)
    with pytest.raises(TaxonomyError, match="cycle of 2 nodes: loop-a -> loop-b -> loop-a"):
        from_wn("loop:1.0")
    wn.add(lexicon_file(tmp_path / "2.xml", TINY, version="2.0"), progress_handler=None)
    with pytest.raises(TaxonomyError, match="several lexicons have a synset 'tiny-entity'"):
        from_wn("tiny:*")
