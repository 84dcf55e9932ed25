"""The small text encoder against term weights written out, and encoders by name."""

from __future__ import annotations

import math
import sys
import types
from itertools import pairwise

import numpy as np
import pytest

from hyperhier.errors import DataError
from hyperhier.hlss import TfidfEncoder, text_encoder

SENTENCES = ["a red apple", "a green apple tree", "blue sky", "sky, sky and RED"]


def plain_cosine(first: str, second: str) -> float:
    """Cosine of the weighted terms of two sentences, without any decomposition."""

    def terms(sentence: str) -> list[str]:
        words = sentence.lower().replace(",", "").split()
        return words + [f"{a} {b}" for a, b in pairwise(words)]

    def weights(sentence: str) -> dict[str, float]:
        result = {}
        for term in set(terms(sentence)):
            seen = sum(term in terms(other) for other in SENTENCES)
            if seen:
                rarity = math.log((1 + len(SENTENCES)) / (1 + seen)) + 1
                result[term] = terms(sentence).count(term) * rarity
        length = math.sqrt(sum(v * v for v in result.values()))
        return {term: v / length for term, v in result.items()}

    one, two = weights(first), weights(second)
    return sum(v * two.get(term, 0.0) for term, v in one.items())


def test_cosines_of_the_fitted_sentences_are_those_of_their_terms():
    encode = TfidfEncoder().fit(SENTENCES)
    x = encode(SENTENCES)
    expected = [[plain_cosine(a, b) for b in SENTENCES] for a in SENTENCES]
    np.testing.assert_allclose(x @ x.T, expected, atol=1e-6)


def test_a_new_sentence_keeps_its_cosines_with_the_fitted_ones():
    encode = TfidfEncoder().fit(SENTENCES)
    got = encode(["green sky"]) @ encode(SENTENCES).T
    np.testing.assert_allclose(got[0], [plain_cosine("green sky", s) for s in SENTENCES], atol=1e-6)


def test_fewer_directions_are_the_best_of_that_rank():
    full = TfidfEncoder().fit(SENTENCES)(SENTENCES)
    small = TfidfEncoder(dim=2).fit(SENTENCES)(SENTENCES)
    sizes = np.linalg.svd(full, compute_uv=False)
    assert small.shape == (4, 2)
    lost = np.linalg.norm(full @ full.T - small @ small.T)
    assert lost == pytest.approx(math.sqrt((sizes[2:] ** 4).sum()), rel=1e-4)


def test_more_sentences_than_terms_and_unknown_words():
    encode = TfidfEncoder(pairs=False).fit(["x y", "y z", "z x", "x", "y", "x"])
    assert encode(["x", "nothing known"]).shape == (2, 3)
    assert not encode(["nothing known"]).any()


def test_pairs_of_words_tell_order():
    first, second = "dog bites man", "man bites dog"
    apart = TfidfEncoder().fit([first, second])([first, second])
    same = TfidfEncoder(pairs=False).fit([first, second])([first, second])
    assert apart[0] @ apart[1] < 0.9 and same[0] @ same[1] == pytest.approx(1.0)


def test_encoders_by_name(monkeypatch):
    assert isinstance(text_encoder("tfidf"), TfidfEncoder)
    assert text_encoder(len) is len
    asked = []

    class Model:
        def __init__(self, name):
            asked.append(name)

        def encode(self, sentences, convert_to_numpy):
            return np.ones((len(sentences), 3))

    fake = types.ModuleType("sentence_transformers")
    fake.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    assert text_encoder("sentence-transformers:tiny")(["a", "b"]).shape == (2, 3)
    assert asked == ["tiny"]
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match="pip install sentence-transformers"):
        text_encoder("sentence-transformers:tiny")


def test_bad_use_is_named():
    for name in ("bert", "sentence-transformers:"):
        with pytest.raises(DataError, match=name):
            text_encoder(name)
    with pytest.raises(DataError, match="no words in 2 sentences"):
        TfidfEncoder().fit(["...", ""])
    with pytest.raises(ValueError, match="fit the encoder"):
        TfidfEncoder()(["x"])
    with pytest.raises(ValueError, match=r"dim .* 0"):
        TfidfEncoder(dim=0)
