"""``hyperhier demo``, in its quick form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")


@pytest.mark.slow
def test_table_pictures_and_folder(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "demo"
    done = run("demo", "-o", out, "--quick", "--quiet")
    assert done.code == 0, done.err
    for word in ("sphere", "poincare", "lorentz", "supcon", "hwc+lam", "HF1", "PDV"):
        assert word in done.out
    pictures = [Path(line) for line in done.out.splitlines() if line.endswith(".png")]
    assert len(pictures) == 2 + 2 * 6
    assert all(p.is_file() for p in pictures)
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert len(results["runs"]) == 6
    assert all(0 <= row["hf1"] <= 1 for row in results["runs"])
    assert results["taxonomy"]["map"] == pytest.approx(1.0)
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]
    again = run("demo", "-o", out, "--quick")
    assert again.code == 2
    assert "--overwrite" in again.err
