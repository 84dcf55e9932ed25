"""A small folder of pictures, and the command run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hyperhier.cli import main


class Outcome(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("info", "demo")`` runs the command and returns exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # main sets it; undo that afterwards
    monkeypatch.delenv("HYPERHIER_DEBUG", raising=False)

    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def tree_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds, two leaves each."""
    path = tmp_path_factory.mktemp("tree") / "tree.csv"
    path.write_text("parent,child\nroot,a\nroot,b\na,a1\na,a2\nb,b1\nb,b2\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory: pytest.TempPathFactory, tree_file: Path) -> Path:
    """A folder of pictures per leaf of ``tree_file``."""
    image = pytest.importorskip("PIL.Image")
    from hyperhier.data import make_hierarchical_images
    from hyperhier.taxonomy import read_taxonomy

    tree = read_taxonomy(tree_file)
    data = make_hierarchical_images(tree, n_per_class=10, size=16, difficulty=0.1)
    folder = tmp_path_factory.mktemp("pictures")
    for i, (picture, label) in enumerate(zip(data.images, data.labels.tolist())):
        place = folder / tree.nodes[label]
        place.mkdir(exist_ok=True)
        image.fromarray(picture.permute(1, 2, 0).numpy()).save(place / f"{i}.png")
    return folder
