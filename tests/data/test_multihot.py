"""Samples with several labels."""

from __future__ import annotations

import pytest
import torch

from hyperhier.data import common_label, multi_hot
from hyperhier.errors import DataError, TaxonomyError
from hyperhier.taxonomy import builtin_taxonomy

DAG = builtin_taxonomy("odir5k")


def test_labels_are_marked() -> None:
    table = multi_hot([["myopia", "normal"], [], ["other"]], DAG)
    assert table.dtype == torch.bool and table.shape == (3, len(DAG))
    marked = [sorted(DAG.decode(row.nonzero().squeeze(1))) for row in table]
    assert marked == [["myopia", "normal"], [], ["other"]]


def test_ancestors_of_all_parents_are_marked() -> None:
    (row,) = multi_hot([["diabetes"]], DAG, ancestors=True)
    expected = {"diabetes", *DAG.ancestors("diabetes")}
    assert set(DAG.decode(row.nonzero().squeeze(1))) == expected
    assert {"systemic_disease", "retinal_vascular_disease", "fundus"} <= expected


def test_the_common_label_is_the_lowest_common_ancestor() -> None:
    assert common_label(["diabetes", "hypertension"], DAG) == "retinal_vascular_disease"
    assert common_label(["diabetes", "glaucoma", "diabetes"], DAG) == "eye_disease"
    assert common_label(["glaucoma", "other"], DAG) == "abnormal"
    assert common_label(["cataract"], DAG) == "cataract"


def test_unknown_and_no_labels() -> None:
    with pytest.raises(TaxonomyError, match="gout"):
        multi_hot([["gout"]], DAG)
    with pytest.raises(DataError, match="no labels"):
        common_label([], DAG)
