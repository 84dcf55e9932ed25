"""The built-in label trees."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_names, builtin_taxonomy, read_taxonomy
from hyperhier.taxonomy.builtin import builtin_catalogue, builtin_source

SHAPES = {
    "breakhis": (11, 8, 2, True),
    "cifar100": (121, 100, 2, True),
    "demo": (24, 15, 3, True),
    "fashion-mnist": (19, 10, 3, True),
    "geography": (278, 248, 4, True),
    "ham10000-lineage": (14, 7, 4, True),
    "ham10000-malignancy": (16, 7, 3, True),
    "linnaean": (672, 258, 7, True),
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


def test_catalogue() -> None:
    catalogue = builtin_catalogue()
    assert tuple(tree.name for tree in catalogue) == builtin_names()
    assert len({tree.title for tree in catalogue}) == len(catalogue)
    for tree in catalogue:
        assert builtin_source(tree.name) == tree.source
        assert "\n" not in tree.title + tree.source
    with pytest.raises(TaxonomyError, match="no built-in taxonomy 'x'"):
        builtin_source("x")


@pytest.mark.parametrize("name", SHAPES)
def test_the_outlines_cite_the_source(name: str) -> None:
    module = import_module(
        f"hyperhier.taxonomy.trees.{name.replace('-', '_').removesuffix('_tree')}"
    )
    text = " ".join(module.__doc__.split())
    assert "Source" in text
    links = re.findall(r"https://[^\s;]+|(?:doi|arXiv) [^\s;]+[^\s;.,]", builtin_source(name))
    assert links or name == "demo"
    for link in links:
        assert link.rstrip(".,") in text


def test_outlines_are_read_when_asked_for() -> None:
    code = (
        "import sys, hyperhier.taxonomy.builtin as b; b.builtin_catalogue(); "
        "assert not [m for m in sys.modules if m.startswith('hyperhier.taxonomy.trees')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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


# -------------------------------------------------------------------------------- linnaean

RANKS = ["kingdom", "phylum", "class", "order", "family", "genus", "species"]


def test_every_species_has_all_ranks() -> None:
    tax = builtin_taxonomy("linnaean")
    assert tax.levels[0] == ("Eukaryota",)
    assert tax.levels[1] == ("Animalia", "Plantae", "Fungi")
    assert set(tax.levels[7]) == set(tax.leaves)
    assert tax.is_tree  # so no name stands at two places


def test_species_bear_the_name_of_their_genus() -> None:
    tax = builtin_taxonomy("linnaean")
    for species in tax.leaves:
        genus, epithet = species.split(" ")
        assert tax.parents(species) == (genus,)
        assert re.fullmatch("[A-Z][a-z]+", genus)
        assert re.fullmatch("[a-z]+", epithet)
    for level in tax.levels[1:7]:
        assert all(re.fullmatch("[A-Z][a-z]+", name) for name in level)


def test_names_end_as_their_rank_demands() -> None:
    tax = builtin_taxonomy("linnaean")
    plants_and_fungi = {"Plantae": ("ales", "aceae"), "Fungi": ("ales", "aceae")}
    for order in tax.levels[4]:
        kingdom = tax.ancestors(order)[2]
        order_end, family_end = plants_and_fungi.get(kingdom, ("", "idae"))
        assert order.endswith(order_end)
        assert all(family.endswith(family_end) for family in tax.children(order))


FACTS = {
    "Homo sapiens": "Homo Hominidae Primates Mammalia Chordata Animalia",
    "Panthera tigris": "Panthera Felidae Carnivora Mammalia Chordata Animalia",
    "Orcinus orca": "Orcinus Delphinidae Artiodactyla Mammalia Chordata Animalia",
    "Ornithorhynchus anatinus": "Ornithorhynchus Ornithorhynchidae Monotremata Mammalia Chordata "
    "Animalia",
    "Falco peregrinus": "Falco Falconidae Falconiformes Aves Chordata Animalia",
    "Varanus komodoensis": "Varanus Varanidae Squamata Reptilia Chordata Animalia",
    "Ambystoma mexicanum": "Ambystoma Ambystomatidae Caudata Amphibia Chordata Animalia",
    "Salmo salar": "Salmo Salmonidae Salmoniformes Actinopterygii Chordata Animalia",
    "Apis mellifera": "Apis Apidae Hymenoptera Insecta Arthropoda Animalia",
    "Octopus vulgaris": "Octopus Octopodidae Octopoda Cephalopoda Mollusca Animalia",
    "Quercus robur": "Quercus Fagaceae Fagales Magnoliopsida Tracheophyta Plantae",
    "Zea mays": "Zea Poaceae Poales Liliopsida Tracheophyta Plantae",
    "Ginkgo biloba": "Ginkgo Ginkgoaceae Ginkgoales Ginkgoopsida Tracheophyta Plantae",
    "Amanita muscaria": "Amanita Amanitaceae Agaricales Agaricomycetes Basidiomycota Fungi",
    "Saccharomyces cerevisiae": "Saccharomyces Saccharomycetaceae Saccharomycetales "
    "Saccharomycetes Ascomycota Fungi",
}


@pytest.mark.parametrize("species", FACTS)
def test_classification(species: str) -> None:
    tax = builtin_taxonomy("linnaean")
    assert tax.ancestors(species) == (*FACTS[species].split(), "Eukaryota")


def test_relatives() -> None:
    tax = builtin_taxonomy("linnaean")
    near = tax.lca(*tax.encode(["Canis lupus", "Vulpes vulpes"]))
    assert tax.decode(near) == ["Canidae"]
    assert tax.decode(tax.lca(*tax.encode(["Canis lupus", "Felis catus"]))) == ["Carnivora"]
    assert tax.decode(tax.lca(*tax.encode(["Canis lupus", "Canis latrans"]))) == ["Canis"]
    assert tax.decode(tax.lca(*tax.encode(["Canis lupus", "Allium cepa"]))) == ["Eukaryota"]


# ------------------------------------------------------------------------------- geography

REGIONS = {"Africa": 60, "Americas": 57, "Asia": 50, "Europe": 51, "Oceania": 29}


def test_every_country_is_in_one_region() -> None:
    tax = builtin_taxonomy("geography")
    assert tax.children("World") == (*REGIONS, "Antarctica")
    countries = [v for v in tax.leaves if v != "Antarctica"]
    regions = [set(tax.ancestors(v)) & set(REGIONS) for v in countries]
    assert {len(found) for found in regions} == {1}
    assert {r: sum(r in found for found in regions) for r in REGIONS} == REGIONS
    assert sum(REGIONS.values()) + 1 == len(tax.leaves)


def test_regions_have_the_sub_regions_of_the_standard() -> None:
    tax = builtin_taxonomy("geography")
    inner = [v for v in tax if v not in tax.leaves]
    assert len(inner) == 1 + 5 + 17 + 7
    assert tax.children("Oceania") == (
        "Australia and New Zealand",
        "Melanesia",
        "Micronesia",
        "Polynesia",
    )
    assert tax.children("Sub-Saharan Africa") == (
        "Eastern Africa",
        "Middle Africa",
        "Southern Africa",
        "Western Africa",
    )
    sizes = {
        "Northern Africa": 7,
        "Caribbean": 28,
        "South America": 16,
        "Central Asia": 5,
        "Western Asia": 18,
        "Eastern Europe": 10,
        "Western Europe": 9,
        "Polynesia": 10,
    }
    assert {name: len(tax.children(name)) for name in sizes} == sizes


@pytest.mark.parametrize(
    ("country", "regions"),
    [
        ("Kenya", "Eastern Africa, Sub-Saharan Africa, Africa"),
        ("Egypt", "Northern Africa, Africa"),
        ("South Africa", "Southern Africa, Sub-Saharan Africa, Africa"),
        ("Brazil", "South America, Latin America and the Caribbean, Americas"),
        ("Mexico", "Central America, Latin America and the Caribbean, Americas"),
        (
            "Bonaire, Sint Eustatius and Saba",
            "Caribbean, Latin America and the Caribbean, Americas",
        ),
        ("Greenland", "Northern America, Americas"),
        ("Japan", "Eastern Asia, Asia"),
        ("Cyprus", "Western Asia, Asia"),
        ("Türkiye", "Western Asia, Asia"),
        ("Iran (Islamic Republic of)", "Southern Asia, Asia"),
        ("Russian Federation", "Eastern Europe, Europe"),
        ("Estonia", "Northern Europe, Europe"),
        ("Holy See", "Southern Europe, Europe"),
        ("New Zealand", "Australia and New Zealand, Oceania"),
        ("French Polynesia", "Polynesia, Oceania"),
        ("Antarctica", ""),
    ],
)
def test_countries(country: str, regions: str) -> None:
    tax = builtin_taxonomy("geography")
    assert "Bonaire, Sint Eustatius and Saba" in tax
    assert ", ".join(tax.ancestors(country)) == ", ".join(filter(None, [regions, "World"]))


def test_outlines_are_one_root_each() -> None:
    for name in builtin_names():
        assert isinstance(builtin_taxonomy(name), Taxonomy)
        assert builtin_taxonomy(name).root not in builtin_taxonomy(name).leaves
