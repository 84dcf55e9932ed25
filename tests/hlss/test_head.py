"""The head: where it starts, how texts and features meet, explanations, evaluation."""

from __future__ import annotations

import csv

import pytest
import torch

from hyperhier.hlss import (
    HLSS,
    TextLevel,
    attribute_prototypes,
    evaluate_hlss,
    explain,
    load_text_levels,
    zero_shot_predict,
)
from hyperhier.taxonomy import Taxonomy


def level(attributes: int, width: int, seed: int = 0) -> TextLevel:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(attributes, width, generator=generator)
    return TextLevel("k", tuple(f"attribute {j}" for j in range(attributes)), vectors)


@pytest.mark.parametrize("width", [3, 8, 20])
def test_before_training_the_scores_are_cosines_with_the_texts(width):
    head = HLSS([level(5, width)], dim=8)
    z = torch.randn(4, 8)
    cosine = torch.nn.functional.normalize(z, dim=1) @ head.texts(0).T
    torch.testing.assert_close(head.project(z, 0), torch.nn.functional.normalize(cosine, dim=1))
    torch.testing.assert_close(head.nearest(z, 0), cosine.argmax(dim=1))


def test_shorter_texts_keep_their_cosines():
    texts = level(5, 3)
    head = HLSS([texts], dim=8)
    torch.testing.assert_close(
        head.texts(0) @ head.texts(0).T, texts.vectors @ texts.vectors.T, atol=1e-5, rtol=0
    )


def test_longer_texts_of_low_rank_keep_their_cosines():
    vectors = torch.randn(6, 3) @ torch.randn(3, 40)
    texts = TextLevel("k", tuple("abcdef"), vectors)
    head = HLSS([texts], dim=8)
    torch.testing.assert_close(
        head.texts(0) @ head.texts(0).T, texts.vectors @ texts.vectors.T, atol=1e-4, rtol=0
    )


def test_only_the_projections_are_trained():
    head = HLSS([level(5, 8), level(2, 8)], dim=8)
    assert sum(p.numel() for p in head.parameters()) == 5 * 9 + 2 * 9
    text = head.texts(0).clone()
    head(torch.randn(3, 8))[0].sum().backward()
    with torch.no_grad():
        head.projections[0].weight -= 0.1
    torch.testing.assert_close(head.texts(0), text, rtol=0, atol=0)


def test_zero_shot_finds_the_text_that_features_lie_on():
    texts = level(5, 20)
    head = HLSS([texts], dim=8)
    torch.testing.assert_close(head.zero_shot(3.0 * head.texts(0), texts.vectors), torch.arange(5))


def test_bad_heads_are_refused():
    with pytest.raises(ValueError, match="at least one level"):
        HLSS([], dim=3)
    with pytest.raises(ValueError, match=r"dim .* 0"):
        HLSS([level(2, 3)], dim=0)
    with pytest.raises(ValueError, match=r"same length, got \[3, 4\]"):
        HLSS([level(2, 3), level(2, 4)], dim=3)


# ------------------------------------------------------------------------- explanations


def test_shares_add_up_to_the_margin_of_the_prediction():
    head = HLSS([level(30, 8)], dim=8)
    features, labels = torch.randn(40, 8), torch.arange(40) % 4
    ids, prototypes = attribute_prototypes(head, features, labels)
    assert ids.tolist() == [0, 1, 2, 3]
    expected = torch.stack([head.project(features[labels == c], 0).sum(0) for c in range(4)])
    torch.testing.assert_close(prototypes, torch.nn.functional.normalize(expected, dim=1))
    score = prototypes @ head.project(features[7], 0)
    best, second = score.topk(2).indices.tolist()
    why = explain(head, features[7], prototypes)
    assert (why.predicted, why.against) == (best, second)
    assert why.margin == pytest.approx((score[best] - score[second]).item(), abs=1e-6)
    assert sum(s.share for s in why.shares) == pytest.approx(why.margin, abs=1e-6)
    sizes = [abs(s.share) for s in why.shares]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 30
    asked = explain(head, features[7], prototypes, predicted=second, against=best)
    assert asked.margin == pytest.approx(-why.margin, abs=1e-6)


def test_explanations_as_table_file_and_picture(tmp_path):
    pytest.importorskip("matplotlib")
    head = HLSS([level(30, 8)], dim=8)
    _, prototypes = attribute_prototypes(head, torch.randn(9, 8), torch.arange(9) % 3)
    why = explain(head, torch.randn(8), prototypes)
    lines = why.table(rows=4).splitlines()
    assert len(lines) == 2 + 4 + 1 + 1 and "| 26 others |" in lines[-2]
    assert lines[2].startswith(f"| {why.shares[0].attribute} |")
    with open(why.write_csv(tmp_path / "why.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert sum(float(row["share"]) for row in rows) == pytest.approx(why.margin, abs=1e-4)
    assert why.plot(tmp_path / "why.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match=r"\.gif"):
        why.plot(tmp_path / "why.gif")


def test_a_bar_in_a_name_does_not_end_the_cell_of_the_table():
    head = HLSS([TextLevel("k", ("a|b", "c"), torch.eye(2))], dim=2)
    assert "| a\\|b | " in explain(head, torch.tensor([0.6, 0.8]), torch.eye(2)).table()


def test_bad_questions_are_refused():
    head = HLSS([level(3, 4)], dim=4)
    prototypes = torch.eye(3)
    with pytest.raises(ValueError, match="one sample"):
        explain(head, torch.randn(2, 4), prototypes)
    with pytest.raises(ValueError, match=r"two prototypes \(P, 3\), got \(1, 3\)"):
        explain(head, torch.randn(4), prototypes[:1])
    with pytest.raises(ValueError, match=r"predicted must be in \[0, 3\), got 3"):
        explain(head, torch.randn(4), prototypes, predicted=3)
    with pytest.raises(ValueError, match="level"):
        explain(head, torch.randn(4), prototypes, level=1)
    with pytest.raises(ValueError, match="not finite"):
        explain(head, torch.full((4,), torch.nan), prototypes)
    with pytest.raises(ValueError, match=r"one label for each sample \(n,\), got \(2, 2\)"):
        attribute_prototypes(head, torch.randn(2, 4), torch.zeros(2, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="0 features"):
        attribute_prototypes(head, torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))


# --------------------------------------------------------------------------- evaluation


def test_evaluation_of_features_that_lie_on_their_texts():
    tree = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])
    vectors = torch.eye(5)
    names = ("a", "b", "a1", "a2", "b1")
    head = HLSS(load_text_levels([TextLevel("", names, vectors)], taxonomy=tree), dim=5)
    labels = tree.encode(["a1", "a1", "a1", "b1"])
    features = vectors[[2, 2, 4, 4]]
    train = {"train_features": vectors[2:], "train_labels": tree.encode(names[2:])}
    result = evaluate_hlss(head, features, labels, tree, k=1, **train)
    assert result["zero_shot_2"] == 0.75
    assert result["zero_shot_2_balanced"] == pytest.approx((2 / 3 + 1) / 2)
    assert result["knn_1"] == 0.75 and result["knn_2"] == 0.75
    assert result["knn_attributes_2"] == 0.75
    assert tree.decode(zero_shot_predict(head, features, 1)) == ["a1", "a1", "b1", "b1"]


def test_samples_labelled_above_a_level_do_not_count_on_it():
    tree = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])
    names = ("a", "b", "a1", "a2", "b1")
    head = HLSS(load_text_levels([TextLevel("", names, torch.eye(5))], taxonomy=tree), dim=5)
    labels = tree.encode(["a", "a1"])
    result = evaluate_hlss(head, torch.eye(5)[[0, 2]], labels, tree)
    assert result["zero_shot_2"] == 1.0
    only = evaluate_hlss(head, torch.eye(5)[:1], labels[:1], tree)
    assert "zero_shot_2" not in only and only["zero_shot_1"] == 1.0


def test_zero_shot_needs_texts_of_a_taxonomy():
    head = HLSS([level(3, 4)], dim=4)
    with pytest.raises(ValueError, match="of no taxonomy"):
        zero_shot_predict(head, torch.randn(2, 4), 0)
    with pytest.raises(ValueError, match="together"):
        tree = Taxonomy.from_paths([("r", "a")])
        evaluate_hlss(head, torch.randn(1, 4), tree.leaf_ids, tree, train_features=torch.eye(4))
