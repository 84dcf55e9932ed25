"""The examination: exact reference, an honest table, an exit code that means something."""

from __future__ import annotations

import json
import math

import mpmath
import pytest
import torch

from hyperhier import doctor
from hyperhier.manifolds import Lorentz, get_manifold


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    return doctor.examine(radii={"float32": (1, 10), "float64": (1, 30)})


@pytest.mark.parametrize("model", ["poincare", "lorentz"])
@pytest.mark.parametrize("radius", [1e-3, 1.0, 8.0, 15.0])
def test_the_reference_agrees_with_mpmath(model: str, radius: float) -> None:
    manifold = get_manifold(model)
    direction = torch.tensor([0.6, -0.8, 0.0], dtype=torch.float64)
    space = slice(1, None) if model == "lorentz" else slice(None)
    x = manifold.from_features(radius * direction)[space].tolist()
    y = manifold.from_features((radius - 5e-4) * direction)[space].tolist()
    with mpmath.workdps(80):
        a, b = mpmath.matrix(x), mpmath.matrix(y)
        square = lambda v: mpmath.fsum(p * p for p in v)  # noqa: E731
        if model == "poincare":
            cosh = 1 + 2 * square(a - b) / ((1 - square(a)) * (1 - square(b)))
        else:
            cosh = mpmath.sqrt((1 + square(a)) * (1 + square(b))) - mpmath.fdot(a, b)
        expected = float(mpmath.acosh(cosh))
    assert doctor.exact_distance(model, x, y) == pytest.approx(expected, rel=4e-16)


def test_points_that_coincide() -> None:
    assert doctor.exact_distance("lorentz", [0.3, 0.4], [0.3, 0.4]) == 0.0


def test_polar_points() -> None:
    """On one ray, opposite, and at a right angle, where cosh d = cosh a cosh b."""
    exact = doctor.exact_distance
    assert exact("polar", [3.0, 2.0, 0.0], [1.0, 1.0, 0.0]) == 2.0
    assert exact("polar", [3.0, 1.0, 0.0], [1.0, -1.0, 0.0]) == 4.0
    right = math.acosh(math.cosh(3.0) * math.cosh(1.0))
    assert exact("polar", [3.0, 1.0, 0.0], [1.0, 0.0, 1.0]) == pytest.approx(right, rel=1e-15)


def test_this_installation_is_sound(report: dict[str, object]) -> None:
    assert report["ok"], report["problems"]
    rows = report["accuracy"]
    assert isinstance(rows, list)
    assert len(rows) == 3 * 2 * 2
    assert all(0 <= row["ours"] <= row["limit"] for row in rows)
    json.dumps(report, allow_nan=False)


def test_the_pairs_have_the_radius_and_the_step_they_claim() -> None:
    x, y = doctor._pairs(Lorentz(), 10.0, torch.float64)
    manifold = Lorentz()
    assert manifold.dist0(x).tolist() == pytest.approx([10.0] * len(x))
    assert manifold.dist(x, y)[: len(x) // 2].tolist() == pytest.approx([0.5] * (len(x) // 2))


def test_a_wrong_distance_is_found(monkeypatch: pytest.MonkeyPatch, run) -> None:  # type: ignore[no-untyped-def]
    real = Lorentz.dist
    monkeypatch.setattr(Lorentz, "dist", lambda *a, **k: real(*a, **k) * (1 + 1e-3))
    monkeypatch.setattr(doctor, "_OPTIONAL", ())
    done = run("doctor", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert not found["ok"]
    assert any("lorentz in float32 at radius 1" in problem for problem in found["problems"])


def test_a_distance_that_is_no_number_is_the_worst() -> None:
    x = torch.ones(2, 3)
    assert doctor._worst(lambda a, b: torch.tensor([1.0, math.nan]), x, x, [1.0, 1.0]) is None


def test_packages_that_are_missing_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = doctor._package("no-such-package", "no_such_package", "plot")
    assert missing["problem"] == "not installed: pip install 'hyperhier[plot]'"

    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    assert doctor._package("torch", "torch", "x")["problem"] == (
        "does not import: RuntimeError: operator torchvision::nms does not exist"
    )


def test_the_tables(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(doctor, "_OPTIONAL", (("no-such-package", "no_such_package", "plot"),))
    done = run("doctor")
    assert done.code == 0, done.out
    for text in ("torch", "devices", "no-such-package", "poincare", "float64", "geoopt", "ok:"):
        assert text in done.out
