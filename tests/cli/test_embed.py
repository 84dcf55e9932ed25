"""``hyperhier embed``: a file in, a folder and a report out."""

from __future__ import annotations

import errno
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def test_table_and_folder(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "embedding"
    done = run("embed", tree_file, "-o", out)
    assert done.code == 0, done.err
    for name in ("MAP", "mean rank", "average distortion", "worst-case distortion"):
        assert name in done.out
    assert {"metrics.json", "embedding.png"} <= {p.name for p in out.iterdir()}
    assert [p.name for p in tmp_path.iterdir()] == ["embedding"]


@pytest.mark.parametrize(
    ("geometry", "dim"),
    [("lorentz", 2), ("poincare", 5), ("polar", 3), ("sphere", 3), ("euclidean", 2)],
)
def test_json_is_what_the_folder_says(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, geometry: str, dim: int
) -> None:
    from hyperhier.embedding import TaxonomyEmbedding

    out = tmp_path / "embedding"
    done = run(
        "embed", tree_file, "-o", out, "--geometry", geometry, "--dim", dim, "--json", "--quiet"
    )
    assert done.code == 0, done.err
    assert done.err == ""
    report = json.loads(done.out)
    assert report.pop("output") == str(out)
    assert report == json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    back = TaxonomyEmbedding.load(out)
    assert back.manifold.name == geometry
    assert back.points.shape[-1] == back.manifold.ambient_dim(dim)
    again = {k: v for k, v in back.evaluate().items() if v == v}
    assert again == pytest.approx({k: v for k, v in report.items() if v is not None})


def test_the_same_seed_gives_the_same_numbers(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    first, second = (
        run("embed", tree_file, "-o", tmp_path / name, "--seed", 3, "--json", "-q").out
        for name in ("a", "b")
    )
    assert first.replace("/a", "") == second.replace("/b", "")


def test_curvature_and_method(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    out = tmp_path / "embedding"
    assert run("embed", tree_file, "-o", out, "--curvature", 0.25, "-q").code == 0
    assert TaxonomyEmbedding.load(out).manifold.sectional_curvature == pytest.approx(-0.25)
    done = run("embed", tree_file, "-o", out, "--overwrite", "--method", "magic")
    assert done.code == 2
    assert "magic" in done.err
    assert (out / "metrics.json").is_file()
    assert run("embed", tree_file, "-o", tmp_path / "x", "--curvature", -1).code == 2
    assert not (tmp_path / "x").exists()


def test_an_earlier_result_stays_unless_asked(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "embedding"
    assert run("embed", tree_file, "-o", out, "-q").code == 0
    done = run("embed", tree_file, "-o", out, "-q")
    assert done.code == 2
    assert "--overwrite" in done.err
    assert run("embed", tree_file, "-o", out, "-q", "--overwrite").code == 0


def test_a_cycle_writes_nothing(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tree = tmp_path / "tree.csv"
    tree.write_text("parent,child\na,b\nb,c\nc,a\n", encoding="utf-8")
    done = run("embed", tree, "-o", tmp_path / "out")
    assert done.code == 2
    assert "tree.csv" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["tree.csv"]


def test_a_full_disk_leaves_nothing(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.embedding import TaxonomyEmbedding

    def full(self: object, folder: Path, *rest: object) -> None:
        (Path(folder) / "half").write_bytes(b"half")
        raise OSError(28, "No space left on device", "half")

    monkeypatch.setattr(TaxonomyEmbedding, "save", full)
    done = run("embed", tree_file, "-o", tmp_path / "out", "-q")
    assert done.code == 2
    assert "no space left" in done.err
    assert not list(tmp_path.iterdir())


def test_points_are_kept_whatever_becomes_of_the_report(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.embedding import TaxonomyEmbedding

    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TaxonomyEmbedding, "evaluate", interrupted)
        done = run("embed", tree_file, "-o", tmp_path / "out", "-q")
    assert done.code == 130
    assert "the points are kept in" in done.err
    assert len(TaxonomyEmbedding.load(tmp_path / "out")) > 1
    assert not (tmp_path / "out" / "metrics.json").exists()
    done = run("embed", tree_file, "-o", tmp_path / "out", "-q", "--overwrite")
    assert done.code == 0, done.err


def test_the_choice_of_the_method_is_told(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("embed", tree_file, "-o", tmp_path / "out")
    assert "method: constructive (a hyperbolic manifold" in " ".join(done.err.split())


def test_without_matplotlib_all_but_the_picture(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run("embed", tree_file, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert "hyperhier[plot]" in done.err
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert not (tmp_path / "out" / "embedding.png").exists()


def test_options_of_the_method(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    out = tmp_path / "embedding"
    done = run(
        "embed", tree_file, "-o", out, "-q", "--geometry", "polar", "--radius", 9,
        "--dtype", "float32",
    )  # fmt: skip
    assert done.code == 0, done.err
    emb = TaxonomyEmbedding.load(out)
    assert str(emb.points.dtype) == "torch.float32"
    assert max(emb.norm(name) for name in emb) < 9.001
    common = ("embed", tree_file, "-o", out, "-q", "--overwrite", "--geometry", "euclidean")
    done = run(*common, "--method", "ranking", "--epochs", 2, "--set", "seed=3")
    assert done.code != 0
    done = run(*common, "--method", "ranking", "--epochs", 2, "--set", "init=random", "--lr", 0.1)
    assert done.code == 0, done.err
    info = TaxonomyEmbedding.load(out).info
    assert (info["epochs"], info["init"], info["lr"]) == (2, "random", 0.1)
    done = run(*common, "--set", "speed=3")
    assert done.code == 2
    assert "'speed'" in done.err
    done = run(*common, "--set", "speed")
    assert done.code == 2
    assert "NAME=VALUE" in done.err


def test_negatives_are_a_number_or_all(run, tmp_path: Path, tree_file: Path) -> None:  # type: ignore[no-untyped-def]
    from hyperhier.embedding import TaxonomyEmbedding

    out = tmp_path / "embedding"
    common = ("embed", tree_file, "-o", out, "-q", "--overwrite", "--geometry", "euclidean")
    for text, value in (("all", "all"), ("7", 7)):
        done = run(*common, "--method", "ranking", "--epochs", 2, "--negatives", text)
        assert done.code == 0, done.err
        assert TaxonomyEmbedding.load(out).info["negatives"] == value
    for text in ("many", "2.5"):
        done = run(*common, "--method", "ranking", "--negatives", text)
        assert done.code == 2
        assert f"'{text}': expected a number or all" in done.err


def test_an_interrupted_training_goes_on(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier import embedding

    kept = tmp_path / "out.checkpoint"
    plain = embedding.embed
    seen = []

    def stop(*arguments: object, checkpoint: Path, **options: object) -> None:
        seen.append(checkpoint)
        checkpoint.write_bytes(b"state")
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding, "embed", stop)
    done = run("embed", tree_file, "-o", tmp_path / "out")
    assert done.code == 130
    assert "--resume" in done.err
    assert [p.name for p in tmp_path.iterdir()] == [kept.name]

    done = run("embed", tree_file, "-o", tmp_path / "out")
    assert done.code == 2
    assert "--resume goes on" in done.err
    assert seen == [kept]

    def go_on(*arguments: object, checkpoint: Path, **options: object) -> object:
        assert checkpoint.read_bytes() == b"state"
        checkpoint.unlink()
        return plain(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(embedding, "embed", go_on)
    assert run("embed", tree_file, "-o", tmp_path / "out", "--resume", "-q").code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_training_ends_like_an_uninterrupted_one(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.cli import embed as command
    from hyperhier.embedding import Progress, TaxonomyEmbedding

    @contextmanager
    def stop_at_five(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
        def report(event: Progress) -> None:
            if event.done == 5:
                raise KeyboardInterrupt

        yield report

    monkeypatch.setattr("hyperhier.embedding._run._EVERY", 0.0)
    options = ("--method", "ranking", "--epochs", 9, "--dim", 3, "-q")
    assert run("embed", tree_file, "-o", tmp_path / "whole", *options).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(command, "_follow", stop_at_five)
        assert run("embed", tree_file, "-o", tmp_path / "out", *options).code == 130
    assert (tmp_path / "out.checkpoint").is_file()
    assert run("embed", tree_file, "-o", tmp_path / "out", *options, "--resume").code == 0
    whole, resumed = (TaxonomyEmbedding.load(tmp_path / name) for name in ("whole", "out"))
    assert whole.points.equal(resumed.points)
    assert not (tmp_path / "out.checkpoint").exists()


def test_a_result_that_cannot_be_written_is_kept_elsewhere(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, tree_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperhier.embedding import TaxonomyEmbedding

    plain, out = TaxonomyEmbedding.save, tmp_path / "out"
    spare = tmp_path / "spare"
    spare.mkdir()

    def full(self: TaxonomyEmbedding, folder: Path) -> None:
        if folder.parent == tmp_path:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        plain(self, folder)

    monkeypatch.setattr(TaxonomyEmbedding, "save", full)
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    done = run("embed", tree_file, "-o", out)
    assert done.code == 2
    assert not out.exists()
    (kept,) = spare.iterdir()
    assert str(kept) in done.err
    assert len(TaxonomyEmbedding.load(kept)) > 1
