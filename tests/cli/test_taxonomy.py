"""``hyperhier info`` and ``hyperhier convert``, and the options of all that read a taxonomy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from hyperhier.cli import _options
from hyperhier.taxonomy import Taxonomy, builtin_taxonomy, policies, read_taxonomy


@pytest.fixture
def forest(tmp_path: Path) -> Path:
    """Two roots, a node with two parents, a chain."""
    path = tmp_path / "forest.csv"
    rows = ["parent,child,weight", "a,x,2", "b,x,1", "b,y,1", "y,z,1", "b,v,1"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


# --------------------------------------------------------------------------------------- info


def test_info_json(run) -> None:  # type: ignore[no-untyped-def]
    done = run("info", "odir5k", "--json")
    facts = json.loads(done.out)
    assert facts["taxonomy"] == "odir5k"
    assert facts["source"].startswith("Peking University")
    assert facts["nodes_with_several_parents"] > 0
    assert facts["is_tree"] is False
    assert sum(facts["nodes_per_level"]) == facts["nodes"]
    assert facts["gromov"]["delta"] == 1.0
    assert {room["dim"] for room in facts["rooms"]} == {2, 5, 10, 20}
    assert {problem["kind"] for problem in facts["problems"]} >= {"unary", "leaf-below-root"}
    assert done.err == ""


def test_info_tables(run) -> None:  # type: ignore[no-untyped-def]
    done = run("info", "odir5k")
    assert done.code == 0, done.err
    for text in (
        "fundus",
        "source: Peking University",
        "DAG",
        "1 2 3 3 4 4",
        "evenness",
        "Gromov's delta",
        "1, mean 0.199 (exact)",
        "distances within 10%: float64 from dimension 2",
        "worth a look:",
        "* 1 leaf lies directly below the root, beside deeper ones: 'normal'",
    ):
        assert text in done.out
    assert "\x1b" not in done.out


def test_info_of_a_file_has_no_source_and_a_clean_one_no_problems(  # type: ignore[no-untyped-def]
    run, tree_file: Path
) -> None:
    done = run("info", tree_file)
    assert done.code == 0, done.err
    assert "source" not in done.out
    assert "worth a look" not in done.out
    assert "0 (a tree)" in done.out
    assert "source" not in json.loads(run("info", tree_file, "--json").out)


def test_info_of_a_single_node_and_of_a_deep_tree(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    one, deep = tmp_path / "one.csv", tmp_path / "deep.csv"
    Taxonomy.from_edges([], nodes=["[bold] one"]).write_csv(one)
    Taxonomy.from_edges([(f"n{k}", f"n{k + 1}") for k in range(500)]).write_csv(deep)
    done = run("info", one)
    assert done.code == 0, done.err
    assert "[bold] one" in done.out
    assert json.loads(run("info", one, "--json").out)["sackin"] is None
    assert "1 1 1 ... 1 1 1" in run("info", deep).out


def test_info_draws(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("matplotlib")
    path = tmp_path / "tree.svg"
    done = run("info", "demo", "--plot", path, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["nodes"] == 24
    assert done.err == f"written: {path}\n"
    assert path.read_bytes().startswith(b"<?xml")
    done = run("info", "demo", "--plot", tmp_path / "tree.bmp")
    assert (done.code, done.out) == (2, "")
    assert ".svg" in done.err


# ------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("enum", "choices"),
    [
        (_options.MultiParent, policies.MultiParent),
        (_options.Roots, policies.Roots),
        (_options.Unary, policies.Unary),
        (_options.Duplicates, policies.Duplicates),
    ],
)
def test_choices_are_those_of_the_library(enum: type, choices: object) -> None:
    assert tuple(enum) == get_args(choices)  # type: ignore[call-overload]


def nodes(run, *arguments: object) -> list[str]:  # type: ignore[no-untyped-def]
    """Names of all nodes that ``convert`` wrote."""
    out = Path(str(arguments[0])).with_name("out.csv")
    done = run("convert", arguments[0], out, "--overwrite", *arguments[1:])
    assert done.code == 0, done.err
    return list(read_taxonomy(out).nodes)


def test_policies_reach_the_reader(run, forest: Path) -> None:  # type: ignore[no-untyped-def]
    assert "roots='join'" in run("info", forest).err
    named = ["--roots", "join", "--root-name", "top"]
    assert nodes(run, forest, *named) == ["top", "a", "b", "x", "y", "v", "z"]
    assert nodes(run, forest, "--roots", "largest") == ["b", "x", "y", "v", "z"]
    short = nodes(run, forest, "--roots", "join", "--unary", "contract")
    assert short == ["root", "b", "x", "z", "v"]
    facts = json.loads(run("info", forest, *named, "--multi-parent", "first", "--json").out)
    assert facts["is_tree"] is True
    done = run("info", forest, *named, "--multi-parent", "error")
    assert done.code == 2
    assert "has 2 parents" in done.err


def test_columns_by_name_and_by_number(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "table.csv"
    table.write_text("who,boss,cost\nb,a,3\nc,a,4\n", encoding="utf-8")
    for boss, who, cost in (("boss", "who", "cost"), ("1", "0", "2")):
        options = ["--parent", boss, "--child", who, "--weight", cost]
        facts = json.loads(run("info", table, *options, "--json").out)
        assert (facts["root"], facts["weights"]["max"]) == ("a", 4.0)
    plain = tmp_path / "plain.csv"
    plain.write_text("a,b\na,c\n", encoding="utf-8")
    assert nodes(run, plain, "--no-header") == ["a", "b", "c"]
    paths = tmp_path / "paths.csv"
    paths.write_text("kind,sort,thing\nx,y,z\nx,v,w\n", encoding="utf-8")
    assert nodes(run, paths, "--columns", "kind, sort,thing") == ["x", "y", "v", "z", "w"]
    assert nodes(run, paths, "--columns", "0,2") == ["x", "z", "w"]
    other = tmp_path / "table.data"
    other.write_text("parent,child\na,b\n", encoding="utf-8")
    assert run("info", other).code == 2
    assert nodes(run, other, "--format", "csv") == ["a", "b"]


def test_duplicates(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "paths.csv"
    path.write_text("a,b,c\nshop,men,shoes\nshop,women,shoes\n", encoding="utf-8")
    columns = ["--columns", "a,b,c"]
    assert run("info", path, *columns).code == 2
    assert len(nodes(run, path, *columns, "--duplicates", "path")) == 5
    assert len(nodes(run, path, *columns, "--duplicates", "merge")) == 4


@pytest.mark.parametrize("command", [["info"], ["embed", "-o", "out"], ["convert"]])
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tree.csv", ["--duplicates", "path"], "--duplicates means nothing for this kind of file"),
        ("tree.outline", ["--parent", "x"], "--parent means nothing for this kind of file"),
        ("tree.csv", ["--roots", "maybe"], "maybe"),
        ("demo", ["--multi-parent", "first"], "--multi-parent: 'demo' is built in, not read"),
    ],
)
def test_options_that_mean_nothing(  # type: ignore[no-untyped-def]
    run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    name: str,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tree.csv").write_text("parent,child\na,b\n", encoding="utf-8")
    Path("tree.outline").write_text("a\n  b\n", encoding="utf-8")
    target = ["new.csv"] if command == ["convert"] else []
    done = run(*command, name, *target, *options)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert message in done.err
    assert f"See `hyperhier {command[0]} --help`" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tree.csv", "tree.outline"]


def test_other_type_errors_stay_internal(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def broken(*_: object, **__: object) -> None:
        raise TypeError("'roots' is broken")

    monkeypatch.setattr("hyperhier.taxonomy.load_taxonomy", broken)
    done = run("info", "x.csv", "--roots", "join")
    assert done.code == 1
    assert "internal error: TypeError" in done.err


def test_embed_and_train_take_them_too(run, tmp_path: Path, forest: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    out = tmp_path / "embedding"
    done = run("embed", forest, "-o", out, "--roots", "join", "--root-name", "top", "-q")
    assert done.code == 0, done.err
    assert TaxonomyEmbedding.load(out).taxonomy.root == "top"
    done = run("train", tmp_path / "no", "--taxonomy", forest, "-o", tmp_path / "run")
    assert "2 roots" in done.err
    done = run(
        "train", tmp_path / "no", "--taxonomy", forest, "-o", tmp_path / "run", "--roots", "join"
    )
    assert done.code == 2
    assert "roots" not in done.err


# ------------------------------------------------------------------------------------ convert


def test_convert(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "cifar.outline"
    done = run("convert", "cifar100", out)
    assert done.code == 0, done.err
    tree = builtin_taxonomy("cifar100")
    assert read_taxonomy(out) == tree
    assert done.out == f"read    cifar100: {tree}\nwritten {out}: {tree}\n"
    again = tmp_path / "cifar.tsv.gz"
    assert run("convert", out, again).code == 0
    assert read_taxonomy(again) == tree


def test_convert_to_a_tree_without_weights(run, tmp_path: Path, forest: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out.csv"
    assert run("convert", forest, out, "--roots", "join", "--tree", "--unweighted").code == 0
    tree = read_taxonomy(out)
    assert tree.is_tree
    assert set(tree.edge_weight.tolist()) == {1.0}


def test_convert_names_the_format(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "tree.data"
    done = run("convert", "demo", out)
    assert done.code == 2
    assert "tree.data" in done.err
    assert not out.exists()
    assert run("convert", "demo", out, "--to", "csv").code == 0
    assert read_taxonomy(out, format="csv") == builtin_taxonomy("demo")


def test_convert_replaces_only_when_asked(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "tree.csv"
    out.write_text("mine\n", encoding="utf-8")
    done = run("convert", "demo", out)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {out}: exists; --overwrite replaces it\n"
    assert out.read_text(encoding="utf-8") == "mine\n"
    assert run("convert", "demo", out, "--overwrite").code == 0
    assert run("convert", out, out, "--overwrite").code == 0
    assert read_taxonomy(out) == builtin_taxonomy("demo")
    done = run("convert", "demo", tmp_path, "--overwrite")
    assert done.code == 2
    assert "Traceback" not in done.err


def test_convert_keeps_nothing_of_a_failure(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("convert", "odir5k", tmp_path / "dag.outline")
    assert done.code == 2
    assert "error: " in done.err
    assert not list(tmp_path.iterdir())
