"""The built-in label trees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_names, builtin_taxonomy, read_taxonomy

SHAPES = {
    "breakhis": (11, 8, 2, True),
    "cifar100": (121, 100, 2, True),
    "demo": (24, 15, 3, True),
    "fashion-mnist": (19, 10, 3, True),
    "ham10000-lineage": (14, 7, 4, True),
    "ham10000-malignancy": (16, 7, 3, True),
    "odir5k": (17, 8, 5, False),
    "odir5k-tree": (16, 8, 5, True),
}


def test_names() -> None:
    assert builtin_names() == tuple(sorted(SHAPES))


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    tax = builtin_taxonomy(name)
    assert (len(tax), len(tax.leaves), tax.height, tax.is_tree) == SHAPES[name]
    assert builtin_taxonomy(name) is tax


def test_unknown_name() -> None:
    with pytest.raises(TaxonomyError, match=r"no built-in taxonomy 'breakhiss'.*'breakhis'"):
        builtin_taxonomy("breakhiss")


def test_balanced_trees() -> None:
    cifar = builtin_taxonomy("cifar100")
    assert {len(cifar.children(v)) for v in cifar.children("cifar100")} == {5}
    demo = builtin_taxonomy("demo")
    assert [len(level) for level in demo.levels] == [1, 2, 6, 15]
    assert set(demo.levels[3]) == set(demo.leaves)


def test_odir_shares_labels_between_groups() -> None:
    tax = builtin_taxonomy("odir5k")
    for label in ("diabetes", "hypertension"):
        assert tax.parents(label) == ("systemic_disease", "retinal_vascular_disease")
    assert len(tax.parents("myopia")) == 2
    tree = builtin_taxonomy("odir5k-tree")
    assert set(tree.leaves) == set(tax.leaves)
    assert "systemic_disease" not in tree


def test_the_two_ham_trees_have_the_same_leaves() -> None:
    one, two = builtin_taxonomy("ham10000-lineage"), builtin_taxonomy("ham10000-malignancy")
    assert set(one.leaves) == set(two.leaves) == {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"}


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("ham10000-lineage", "ham10000_64", "tree_lineage.csv"),
        ("ham10000-malignancy", "ham10000_64", "tree_malignancy.csv"),
        ("fashion-mnist", "fashion_mnist_slice", "tree.csv"),
    ],
)
def test_equal_to_the_files(
    data_dir: Callable[[str], Path], name: str, folder: str, file: str
) -> None:
    assert builtin_taxonomy(name) == read_taxonomy(data_dir(folder) / file)


@pytest.mark.data
def test_cifar_classes(data_dir: Callable[[str], Path]) -> None:
    table = (data_dir("trees_hsdte") / "cifar100_nodes.csv").read_text().splitlines()[1:]
    names = {line.split(",")[1].strip() for line in table}
    names = {"mushroom" if name == "muhroom" else name for name in names}  # as the file spells it
    assert set(builtin_taxonomy("cifar100").leaves) <= names


def test_outlines_are_one_root_each() -> None:
    for name in builtin_names():
        assert isinstance(builtin_taxonomy(name), Taxonomy)
        assert builtin_taxonomy(name).root not in builtin_taxonomy(name).leaves
