"""Names that formats stumble over, and random trees and DAGs that bear them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

AWKWARD = (
    'say "hi"',
    "it's",
    "a, b",
    "a;b",
    "a > b",
    "x/y",
    "#1",
    "- dash",
    "* star",
    "-",
    "tab\there",
    "two\nlines",
    "cr\rhere",
    "é☃𝒳",
    "line\u2028end",
    "next\x85line",
    "form\x0cfeed",
    "\\back\\",
    "{}",
    "[]",
    "null",
    "NaN",
    "nan",
    "None",
    "0",
    "1.0",
    "name",
    "children",
    "nodes",
    "\ufeffmark",
    "=1+1",
)


def names(exclude: str = "") -> st.SearchStrategy[str]:
    """Texts that are names, without the characters of ``exclude``."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0" + exclude)
    free = st.text(letters, min_size=1, max_size=6).filter(lambda text: text == text.strip())
    awkward = [name for name in AWKWARD if not set(exclude) & set(name)]
    return st.sampled_from(awkward) | free


@st.composite
def named(
    draw: st.DrawFn, shapes: st.SearchStrategy[list[tuple[str, str]]], exclude: str = ""
) -> list[tuple[str, str]]:
    """The edges of ``shapes`` with other names."""
    edges = draw(shapes)
    plain = sorted({name for edge in edges for name in edge})
    drawn: Any = draw(
        st.lists(names(exclude), min_size=len(plain), max_size=len(plain), unique=True)
    )
    new = dict(zip(plain, drawn))
    return [(new[a], new[b]) for a, b in edges]


def mutations(texts: list[str], letters: str) -> st.SearchStrategy[str]:
    """One of ``texts`` with a few characters put in, taken away or replaced."""

    @st.composite
    def mutated(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(texts))
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(text)))
            gone = draw(st.integers(0, 2))
            text = text[:at] + draw(st.sampled_from(["", *letters])) + text[at + gone :]
        return text

    return mutated()
