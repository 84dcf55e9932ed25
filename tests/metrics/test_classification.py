"""Accuracy, balanced accuracy and confusion matrix against scikit-learn and by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.metrics import accuracy, balanced_accuracy, confusion_matrix

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(pairs)
@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_they_agree_with_scikit_learn(drawn) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    pred, target = torch.tensor(drawn).T
    expected = sklearn.balanced_accuracy_score(target.numpy(), pred.numpy())
    assert balanced_accuracy(pred, target) == pytest.approx(expected)
    assert accuracy(pred, target) == pytest.approx(sklearn.accuracy_score(target, pred))
    leaves = torch.tensor([3, 0, 4, 1, 2])
    table = confusion_matrix(pred, target, leaves)
    expected = sklearn.confusion_matrix(target, pred, labels=leaves.tolist())
    assert table.tolist() == expected.tolist()


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    target = torch.tensor([5] * 99 + [8])
    assert accuracy(torch.full((100,), 5), target) == 0.99
    assert balanced_accuracy(torch.full((100,), 5), target) == 0.5


def test_confusion_matrix_names_strangers_and_repeats() -> None:
    ids, leaves = torch.tensor([1, 2]), torch.tensor([1, 2])
    with pytest.raises(ValueError, match="pred holds 7"):
        confusion_matrix(torch.tensor([1, 7]), ids, leaves)
    with pytest.raises(ValueError, match="target holds 0"):
        confusion_matrix(ids, torch.tensor([0, 1]), leaves)
    with pytest.raises(ValueError, match="leaf_ids holds 2 more than once"):
        confusion_matrix(ids, ids, torch.tensor([1, 2, 2]))


@pytest.mark.parametrize("metric", [accuracy, balanced_accuracy])
def test_empty_and_unequal_input_is_refused(metric) -> None:
    with pytest.raises(ValueError, match="pred is empty"):
        metric(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="pred has 2, target has 3"):
        metric(torch.tensor([1, 2]), torch.tensor([1, 2, 3]))
