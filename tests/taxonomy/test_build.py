"""Constructors: checks, policies, and the ways in and out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomy_strategies import Reference, dags, trees

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import Taxonomy, builtin_names, builtin_taxonomy

few = settings(deadline=None)
Edges = list[tuple[str, str]]

BAD_EDGES: list[tuple[list[Any], str]] = [
    ([], "no nodes"),
    ([("a", "a")], r"'a' is its own parent \(edge number 1\)"),
    ([("a", "b"), ("a", "b")], r"edge 'a' -> 'b' is listed twice \(edge number 2\)"),
    ([("a", "b"), ("c", "d")], r"2 roots \('a', 'c'\); expected one"),
    ([("a", "b"), ("b", "a")], "cycle of 2 nodes: 'a|cycle of 2 nodes: a -> b -> a"),
    ([("r", "a"), ("a", "b"), ("b", "c"), ("c", "a")], "cycle of 3 nodes: a -> b -> c -> a"),
    ([("a", "")], r"node name '' is empty; expected text \(edge number 1\)"),
    ([("a", "b"), ("  ", "b")], r"'  ' is empty; expected text \(edge number 2\)"),
    ([("a", "b ")], "'b ' begins or ends with white space"),
    ([("a", "b\0c")], "holds a NUL character"),
    ([("a", "b\udc80")], "holds a lone surrogate"),
    ([("a", 3)], "node name 3 is a int; expected a str"),
    ([("a", None)], "node name None is a NoneType"),
    ([("a", ["b"])], "is no edge"),
    ([("a",)], r"\('a',\) is no edge"),
    ([("a", "b", 1, 2)], "is no edge"),
    (["ab"], "'ab' is no edge"),
    ([3], "is no edge"),
    ([("a", "b", "heavy")], r"weight 'heavy'; expected a number \(edge number 1\)"),
    ([("a", "b", None)], "weight None"),
    ([("a", "b", -1)], "weight -1.0 of edge 'a' -> 'b'"),
    ([("a", "b", float("nan"))], "weight nan"),
    ([("a", "b", float("inf"))], "weight inf"),
]


@pytest.mark.parametrize(("edges", "message"), BAD_EDGES)
def test_bad_edges(edges: list[Any], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy.from_edges(edges)


def test_a_long_cycle_is_abridged() -> None:
    n = 50
    edges = [("r", "n0")] + [(f"n{k}", f"n{(k + 1) % n}") for k in range(n)]
    with pytest.raises(TaxonomyError, match=r"cycle of 50 nodes: n0 -> n1 -> .* \.\.\. -> n0"):
        Taxonomy.from_edges(edges)


@few
@given(dags(), st.data())
def test_every_cycle_is_found_and_real(edges: Edges, data: st.DataObject) -> None:
    reference = Reference(edges)
    low = data.draw(st.sampled_from([v for v in sorted(reference.above) if reference.above[v]]))
    high = data.draw(st.sampled_from(sorted(reference.above[low])))
    with pytest.raises(TaxonomyError, match="cycle") as caught:
        Taxonomy.from_edges([*edges, (low, high)])
    text = caught.value.message.split(": ", 1)[1].split(" (")[0]
    walk = text.split(" -> ")
    if "..." not in walk:
        graph = nx.DiGraph([*edges, (low, high)])
        assert walk[0] == walk[-1]
        assert all(graph.has_edge(u, v) for u, v in pairwise(walk))


# -------------------------------------------------------------------------------- policies


def test_several_parents() -> None:
    edges = [("r", "a"), ("r", "b"), ("a", "x"), ("b", "x")]
    assert Taxonomy.from_edges(edges).parents("x") == ("a", "b")
    first = Taxonomy.from_edges(edges, multi_parent="first")
    assert first.is_tree
    assert first.parents("x") == ("a",)
    assert set(first.leaves) == {"b", "x"}
    with pytest.raises(TaxonomyError, match=r"'x' has 2 parents \('a', 'b'\).*edge number 4"):
        Taxonomy.from_edges(edges, multi_parent="error")


def test_the_first_parent_can_open_a_cycle() -> None:
    edges = [("r", "a"), ("a", "b"), ("b", "a")]
    assert Taxonomy.from_edges(edges, multi_parent="first").ancestors("b") == ("a", "r")


def test_several_roots_joined() -> None:
    edges = [("b", "x"), ("a", "y"), ("a", "z")]
    tax = Taxonomy.from_edges(edges, roots="join", root_name="all")
    assert tax.root == "all"
    assert tax.children("all") == ("b", "a")
    assert tax.edge_weight.tolist() == [1.0] * 5
    assert Taxonomy.from_edges(edges[1:], roots="join").root == "a"
    with pytest.raises(TaxonomyError, match="'x' is a node already"):
        Taxonomy.from_edges(edges, roots="join", root_name="x")
    with pytest.raises(TaxonomyError, match="root_name '' is empty"):
        Taxonomy.from_edges(edges, roots="join", root_name="")


def test_the_largest_root() -> None:
    edges = [("small", "x"), ("big", "y"), ("big", "z"), ("small", "y"), ("z", "w")]
    tax = Taxonomy.from_edges(edges, roots="largest")
    assert set(tax) == {"big", "y", "z", "w"}
    assert tax.parents("y") == ("big",)
    assert Taxonomy.from_edges([("a", "x"), ("b", "y")], roots="largest").root == "a"


@few
@given(dags(), dags())
def test_roots_of_two_dags(first: Edges, second: Edges) -> None:
    second = [(f"other {p}", f"other {c}") for p, c in second]
    one, two = Taxonomy.from_edges(first), Taxonomy.from_edges(second)
    joined = Taxonomy.from_edges(first + second, roots="join")
    assert len(joined) == len(one) + len(two) + 1
    assert joined.height == 1 + max(one.height, two.height)
    kept = Taxonomy.from_edges(first + second, roots="largest")
    assert kept == (one if len(one) >= len(two) else two)


@pytest.mark.parametrize("option", [{"multi_parent": "last"}, {"roots": "any"}])
def test_unknown_policies(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Taxonomy.from_edges([("a", "b")], **option)


# --------------------------------------------------------------------------- other ways in


@few
@given(st.one_of(trees(), dags()))
def test_arrays_and_networkx(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    names = sorted(tax.nodes)
    parent = [names.index(p) for p, _ in edges]
    child = [names.index(c) for _, c in edges]
    assert Taxonomy.from_arrays(names, parent, child) == tax
    assert Taxonomy.from_arrays(names, torch.tensor(parent), np.array(child, np.int32)) == tax
    assert Taxonomy.from_networkx(tax.to_networkx()).to_networkx().edges == tax.to_networkx().edges


@few
@given(trees())
def test_paths_and_back(edges: Edges) -> None:
    tax = Taxonomy.from_edges(edges)
    paths = [tax.decode(path) for path in tax.paths(torch.arange(len(tax)))]
    assert Taxonomy.from_paths(paths) == tax


def test_paths_may_share_a_node() -> None:
    paths = [("r", "a", "x"), ["r", "b", "x"]]
    assert Taxonomy.from_paths(paths, duplicates="merge").parents("x") == ("a", "b")
    with pytest.raises(TaxonomyError, match="2 parents"):
        Taxonomy.from_paths(paths, duplicates="merge", multi_parent="error")
    with pytest.raises(TaxonomyError, match="'x' stands below 'a' and below 'b'"):
        Taxonomy.from_paths(paths)
    assert Taxonomy.from_paths(paths, duplicates="path").leaves == ("r > a > x", "r > b > x")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "no nodes"),
        ([()], "path number 1 is empty"),
        (["abc"], "'abc' is a str"),
        ([("a", "b"), ("a", "")], "path number 2 holds ''"),
        ([("a", None)], "path number 1 holds None"),
        ([("a", "a", "b")], "'a' is its own parent"),
        ([("a", "b"), ("b", "a")], "cycle"),
        ([("a", "b"), ("c", "d")], "2 roots"),
    ],
)
def test_bad_paths(paths: list[Any], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy.from_paths(paths, duplicates="merge")


def test_weights_are_kept() -> None:
    tax = Taxonomy.from_edges([("a", "b", 0), ("b", "c", "2.5"), ("a", "d")])
    children, parents = tax.edges
    found = {
        (tax.nodes[p], tax.nodes[c]): w
        for c, p, w in zip(children.tolist(), parents.tolist(), tax.edge_weight.tolist())
    }
    assert found == {("a", "b"): 0.0, ("b", "c"): 2.5, ("a", "d"): 1.0}
    assert tax.edge_weight.dtype == torch.float64
    assert tax.to_networkx().edges["b", "c"]["weight"] == 2.5
    assert Taxonomy.from_networkx(tax.to_networkx()) == tax


def test_bad_arrays() -> None:
    with pytest.raises(TaxonomyError, match="'a' is listed twice"):
        Taxonomy.from_arrays(["a", "b", "a"], [0], [1])
    with pytest.raises(TaxonomyError, match="parent 5; expected 0 to 1"):
        Taxonomy.from_arrays(["a", "b"], [5], [1])
    with pytest.raises(TypeError, match="expected integers"):
        Taxonomy.from_arrays(["a", "b"], [0.0], [1])
    with pytest.raises(ValueError, match="one equal dimension"):
        Taxonomy.from_arrays(["a", "b"], [0], [1], weight=[1.0, 2.0])


def test_bad_graphs() -> None:
    with pytest.raises(TaxonomyError, match="undirected"):
        Taxonomy.from_networkx(nx.Graph([("a", "b")]))  # type: ignore[arg-type]
    with pytest.raises(TaxonomyError, match="same name as text"):
        Taxonomy.from_networkx(nx.DiGraph([("r", 1), ("r", "1")]))
    with pytest.raises(TaxonomyError, match="no nodes"):
        Taxonomy.from_networkx(nx.DiGraph())
    with pytest.raises(TaxonomyError, match="listed twice"):
        Taxonomy.from_networkx(nx.MultiDiGraph([("a", "b"), ("a", "b")]))
    lonely = nx.DiGraph([("a", "b")])
    lonely.add_node("c")
    with pytest.raises(TaxonomyError, match="2 roots"):
        Taxonomy.from_networkx(lonely)


@pytest.mark.parametrize("name", builtin_names())
def test_builtins_survive_networkx(name: str) -> None:
    tax = builtin_taxonomy(name)
    assert set(Taxonomy.from_networkx(tax.to_networkx())) == set(tax)


def test_the_largest_of_many_roots_above_one_hub() -> None:
    n = 20_000
    edges = [(f"r{k}", "hub") for k in range(n)] + [("hub", f"x{k}") for k in range(n)]
    tax = Taxonomy.from_edges(edges, roots="largest")
    assert (tax.root, len(tax)) == ("r0", n + 2)


@few
@given(st.lists(dags(), min_size=2, max_size=4))
def test_the_largest_root_is_the_first_that_reaches_most(parts: list[Edges]) -> None:
    edges = [(f"{k}{u}", f"{k}{v}") for k, part in enumerate(parts) for u, v in part]
    # some nodes hang below several roots
    tops = [v for v in dict.fromkeys(u for u, _ in edges) if v not in {c for _, c in edges}]
    edges += [(tops[0], edges[-1][1])] if (tops[0], edges[-1][1]) not in edges else []
    graph = nx.DiGraph(edges)
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    roots = [v for v in names if not graph.in_degree(v)]
    reach = {v: len(nx.descendants(graph, v)) for v in roots}
    expected = max(roots, key=lambda v: (reach[v], -names.index(v)))
    tax = Taxonomy.from_edges(edges, roots="largest")
    assert (tax.root, len(tax)) == (expected, reach[expected] + 1)


def test_messages_shorten_long_names() -> None:
    long = "x" * 100_000
    for edges in ([(long, "a"), ("b", "c")], [("a", long), (long, "a")], [(long, long)]):
        with pytest.raises(TaxonomyError) as caught:
            Taxonomy.from_edges(edges)
        assert len(str(caught.value)) < 500
    with pytest.raises(TaxonomyError, match="stands below") as caught:
        Taxonomy.from_paths([("r", "a", long), ("r", "b", long)])
    assert len(str(caught.value)) < 500


def test_lengths_that_add_up_to_infinity() -> None:
    edges = [("r", "a", 1e308), ("a", "b", 1.7e308), ("b", "x", 1), ("b", "y", 1)]
    with pytest.raises(TaxonomyError, match="below 'a' add up to more than a float64 holds"):
        Taxonomy.from_edges(edges, unary="contract")
