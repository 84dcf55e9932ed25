"""``hyperhier query``, ``evaluate``, ``plot`` and ``export`` of an embedding."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hyperhier.embedding import embed

    folder = tmp_path_factory.mktemp("saved") / "demo"
    embed("demo", dim=2).save(folder)
    return folder


def test_the_nearest_nodes(run, saved: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    emb = TaxonomyEmbedding.load(saved)
    leaf, root = emb.taxonomy.leaves[0], emb.taxonomy.root
    done = run("query", saved, leaf, root, "--topn", 3, "--json")
    assert done.code == 0, done.err
    expected = {
        node: [{"node": other, "distance": d} for other, d in emb.most_similar(node, 3)]
        for node in (leaf, root)
    }
    assert json.loads(done.out) == expected
    table = run("query", saved, leaf, "--topn", 3).out
    assert all(other in table for other, _ in emb.most_similar(leaf, 3))
    among = json.loads(run("query", saved, root, "--leaves", "--topn", 99, "--json").out)[root]
    assert {found["node"] for found in among} == set(emb.taxonomy.leaves)


def test_what_the_options_name(run, saved: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    emb = TaxonomyEmbedding.load(saved)
    leaf, root = emb.taxonomy.leaves[0], emb.taxonomy.root
    asked = ("--parent", "--ancestors", "--distance", root, "--rank", root, "--norm")
    done = run("query", saved, leaf, *asked, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[leaf] == {
        "parent": emb.closest_parent(leaf),
        "ancestors": emb.ancestors(leaf),
        "distance": emb.distance(leaf, root),
        "rank": emb.rank(leaf, root),
        "norm": emb.norm(leaf),
    }
    down = json.loads(run("query", saved, root, "--child", "--descendants", "--json").out)[root]
    assert down == {"child": emb.closest_child(root), "descendants": emb.descendants(root)}
    assert json.loads(run("query", saved, root, "--parent", "--json").out) == {
        root: {"parent": None}
    }
    line = " > ".join(emb.ancestors(leaf))
    assert line in run("query", saved, leaf, "--ancestors").out


@pytest.mark.parametrize("option", [(), ("--parent",), ("--distance", "cell"), ("--rank", "cell")])
def test_an_unknown_node_suggests_a_name(run, saved: Path, option: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    done = run("query", saved, "strped", *option)
    assert done.code == 2
    assert done.err.startswith("error: unknown node 'strped'; did you mean 'striped'")


def test_a_folder_without_an_embedding(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for command in (
        ("query", tmp_path, "x"),
        ("evaluate", tmp_path, "--exact"),
        ("plot", tmp_path, "-o", tmp_path / "x.png"),
        ("export", tmp_path, "-o", tmp_path / "x.csv"),
    ):
        done = run(*command)
        assert done.code == 2
        assert "embedding" in done.err
    assert not list(tmp_path.iterdir())


def test_evaluate_measures_an_embedding(run, saved: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    emb = TaxonomyEmbedding.load(saved)
    figures = json.loads(run("evaluate", saved, "--json").out)
    assert figures == {"nodes": len(emb), **emb.evaluate()}
    assert json.loads(run("evaluate", saved, "--exact", "--json").out) == figures
    assert "MAP" in run("evaluate", saved).out
    sampled = json.loads(run("evaluate", saved, "--max-nodes", 5, "--json").out)
    assert sampled["sampled_nodes"] == 5

    other = tmp_path / "other.csv"
    emb.taxonomy.prune(emb.taxonomy.leaves[0]).write_csv(other)
    against = json.loads(run("evaluate", saved, "--against", other, "--json").out)
    assert against["nodes"] == len(emb) - 1
    assert against["map"] == 1.0
    strange = tmp_path / "strange.csv"
    strange.write_text("parent,child\na,b\n", encoding="utf-8")
    assert "have no point" in run("evaluate", saved, "--against", strange).err
    assert run("evaluate", saved, "pictures").code == 2


def test_export_and_plot_write_one_file(run, saved: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    emb = TaxonomyEmbedding.load(saved)
    done = run("export", saved, "-o", tmp_path / "e.npz")
    assert done.code == 0, done.err
    with np.load(tmp_path / "e.npz") as held:
        assert np.array_equal(held["points"], emb.points.numpy())
    again = run("export", saved, "-o", tmp_path / "e.npz")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("export", saved, "-o", tmp_path / "e.npz", "--overwrite", "-q").err == ""
    assert run("export", saved, "-o", tmp_path / "e.xyz").code == 2
    assert run("export", saved, "-o", tmp_path).code == 2
    pytest.importorskip("matplotlib")
    assert run("plot", saved, "-o", tmp_path / "e.svg").code == 0
    assert (tmp_path / "e.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert run("plot", saved, "-o", tmp_path / "e.gif").code == 2
    assert {p.name for p in tmp_path.iterdir()} == {"e.npz", "e.svg"}
