"""Training: it learns, it is deterministic, it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hyperhier.data import ImageSet
from hyperhier.errors import DataError, RunError
from hyperhier.losses import LAMLoss
from hyperhier.taxonomy import Taxonomy
from hyperhier.training import ProgressEvent, TrainConfig, TrainResult, train
from hyperhier.training.loop import _loss, _Run, _start_prototypes
from hyperhier.training.model import build_model

Fit = Callable[..., TrainResult]


def same_weights(a: TrainResult, b: TrainResult) -> bool:
    one, two = a.model.state_dict(), b.model.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("geometry", ["euclidean", "sphere", "poincare", "lorentz"])
def test_it_learns_in_every_geometry(fit: Fit, geometry: str) -> None:
    result = fit(geometry=geometry, epochs=8, lr=5e-3)
    # chance: top-1 1/6, HF1 (1/6 + 1/2) / 2 = 1/3
    assert result.metrics["hf1"] > 0.6
    assert result.metrics["top1"] > 0.4
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    ok = result.manifold.check_point_on_manifold(result.prototypes)
    assert ok


@pytest.mark.parametrize("loss", ["supcon", "ntxent", "hwc", "supcon+0.5*lam"])
def test_every_loss_runs(fit: Fit, loss: str) -> None:
    result = fit(loss=loss, epochs=1)
    assert np.isfinite(result.history[0]["loss"])
    assert ("loss_lam" in result.history[0]) == ("+" in loss)


def test_equal_seeds_equal_runs(fit: Fit) -> None:
    torch.manual_seed(1)
    one = fit(seed=4)
    torch.manual_seed(2)  # the global state plays no role
    two = fit(seed=4)
    assert one.metrics == two.metrics and one.history == two.history and same_weights(one, two)
    assert not same_weights(one, fit(seed=5))


def test_the_global_random_state_is_left_alone(fit: Fit) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fit(epochs=1)
    assert torch.equal(before, torch.get_rng_state())


class Stop(Exception):
    pass


def stop_in_the_second(event: ProgressEvent) -> None:
    """A progress callback that ends a training in its second epoch."""
    if event.epoch == 2:
        raise Stop


@pytest.mark.parametrize(
    "options",
    [
        {"geometry": "lorentz", "learnable_c": True, "balance": 0.5},
        {"geometry": "sphere", "loss": "supcon+lam", "select": "best"},
    ],
)
def test_an_interrupted_run_goes_on_to_the_bit(
    fit: Fit, tmp_path: Path, options: dict[str, Any]
) -> None:
    whole = fit(epochs=3, **options)

    def stop(event: ProgressEvent) -> None:
        if event.epoch == 2 and event.step == 2:
            raise Stop

    with pytest.raises(Stop):
        fit(epochs=3, out=tmp_path / "run", progress=stop, **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.partial"]
    torch.manual_seed(99)
    resumed = fit(epochs=3, out=tmp_path / "run", resume=True, **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert whole.metrics == resumed.metrics and whole.history == resumed.history
    assert same_weights(whole, resumed)


class Dropping(nn.Module):
    """Draws from the global random state in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(3 * 16 * 16, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def dropping() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Dropping()


def test_a_module_with_dropout_goes_on_to_the_bit(fit: Fit, tmp_path: Path) -> None:
    whole = fit(encoder=dropping())

    with pytest.raises(Stop):
        fit(out=tmp_path / "run", progress=stop_in_the_second, encoder=dropping())
    resumed = fit(out=tmp_path / "run", resume=True, encoder=dropping())
    assert same_weights(whole, resumed) and whole.metrics == resumed.metrics


def test_resuming_with_other_options_or_data_is_refused(
    fit: Fit, data: ImageSet, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        fit(out=tmp_path / "run", progress=stop_in_the_second)
    with pytest.raises(RunError, match=r"has lr=0.002, not 0.001"):
        fit(out=tmp_path / "run", resume=True, lr=1e-3)
    other = data.subset(torch.arange(1, len(data)))
    with pytest.raises(RunError, match="other images"):
        fit(out=tmp_path / "run", resume=True, data=other)
    with pytest.raises(RunError, match=r"unfinished run is here.*"):
        fit(out=tmp_path / "run")
    (tmp_path / "run.partial" / "checkpoint.pt").write_bytes(b"junk")
    with pytest.raises(RunError, match="unreadable checkpoint"):
        fit(out=tmp_path / "run", resume=True)
    fit(out=tmp_path / "run", overwrite=True)


def test_an_unfinished_run_of_a_version_with_fewer_options_goes_on(
    fit: Fit, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        fit(out=tmp_path / "run", progress=stop_in_the_second)
    checkpoint = tmp_path / "run.partial" / "checkpoint.pt"
    state = torch.load(checkpoint, weights_only=True)
    del state["config"]["c_max"]
    torch.save(state, checkpoint)
    with pytest.raises(RunError, match=r"has c_max=1000\.0, not 5"):
        fit(out=tmp_path / "run", resume=True, c_max=5)
    assert fit(out=tmp_path / "run", resume=True).metrics == fit().metrics


def test_resuming_nothing_is_starting(fit: Fit, tmp_path: Path) -> None:
    assert fit(out=tmp_path / "run", resume=True, epochs=1).out == tmp_path / "run"


def test_best_epoch(fit: Fit) -> None:
    result = fit(select="best", epochs=4, lr=5e-3)
    best = max(row["val_hf1"] for row in result.history)
    # the monitored figures are those of all images here, since these are few
    assert result.metrics["val_hf1"] == best


def test_progress_is_reported(fit: Fit) -> None:
    events: list[ProgressEvent] = []
    fit(progress=events.append)
    ends = [e for e in events if e.done]
    assert [e.epoch for e in ends] == [1, 2] and all(e.val_hf1 is not None for e in ends)
    steps = [(e.epoch, e.step) for e in events if not e.done]
    assert steps == [(1, 1), (1, 2), (2, 1), (2, 2)] and events[0].steps == 2


def test_another_taxonomy_for_the_loss(fit: Fit, tree: Taxonomy) -> None:
    shuffled = tree.shuffled_leaves(seed=1)
    plain, control = fit(loss="hwc", epochs=1), fit(loss="hwc", epochs=1, loss_taxonomy=shuffled)
    assert plain.history[0]["loss"] != control.history[0]["loss"]
    same = fit(loss="supcon", epochs=1), fit(loss="supcon", epochs=1, loss_taxonomy=shuffled)
    assert same[0].history[0]["loss"] == pytest.approx(same[1].history[0]["loss"], rel=1e-5)


def test_without_a_val_split(fit: Fit, data: ImageSet) -> None:
    split = np.asarray(data.split).copy()
    split[split == "val"] = "train"
    result = fit(data=replace(data, split=split), epochs=1)
    assert "val_hf1" not in result.metrics and "val_hf1" not in result.history[0]
    with pytest.raises(DataError, match="needs a val split"):
        fit(data=replace(data, split=split), select="best")


def test_config_and_options_together(data: ImageSet, tree: Taxonomy) -> None:
    config = TrainConfig(batch_size=60, dim=4, width=4, epochs=1, geometry="sphere")
    result = train(data, tree, config=config, dim=6)
    assert result.config == config.replace(dim=6)
    assert result.prototypes.shape[1] == 6


def test_prototypes_start_from_the_embedded_tree(fit: Fit, tree: Taxonomy) -> None:
    config = TrainConfig(loss="hwc+lam", start_radius=2.0, dim=8, width=8)
    model = build_model(config, None, 3, (16, 16), torch.zeros(3), torch.ones(3))
    loss = _loss(config, tree, model)
    _start_prototypes(loss, config)
    ids, points = loss.get_submodule("terms.lam").prototypes()
    assert ids.tolist() == list(range(len(tree)))
    assert float(model.manifold.dist0(points).amax()) == pytest.approx(2.0)
    started, plain = fit(loss="lam", epochs=1, start_radius=2.0), fit(loss="lam", epochs=1)
    assert started.history[0]["loss"] != plain.history[0]["loss"]
    with pytest.raises(RunError, match="start_radius needs a loss with lam, got 'hwc'"):
        fit(loss="hwc", start_radius=2.0)
    with pytest.raises(RunError, match=r"start_radius=2: Sphere.* cannot hold '\w+' at distance"):
        fit(loss="lam", geometry="sphere", start_radius=2.0)


def test_prototypes_start_on_the_device_of_the_run(
    data: ImageSet, tree: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []

    def start_from(self: LAMLoss, *_: object) -> None:
        devices.extend(buffer.device.type for buffer in self.buffers())

    monkeypatch.setattr(LAMLoss, "start_from", start_from)
    options = {"loss": "lam", "geometry": "euclidean", "dim": 8, "width": 8, "device": "meta"}
    _Run(data, tree, None, TrainConfig(start_radius=2.0, **options), None)
    assert set(devices) == {"meta"}


def test_curvature_is_learned(fit: Fit) -> None:
    fixed, learned = fit(c=0.5), fit(c=0.5, learnable_c=True, lr=1e-2)
    assert fixed.manifold.sectional_curvature == pytest.approx(-0.5)
    assert abs(learned.manifold.sectional_curvature + 0.5) > 1e-3
    assert learned.curvature == {"c": -learned.manifold.sectional_curvature, "c_at_bound": 0.0}
    assert learned.curvature.items() <= learned.history[-1].items()
    assert fixed.curvature == {}
    assert "c" not in fixed.history[0]
    assert learned.metrics.keys() == fixed.metrics.keys()  # it measures no image


def test_a_curvature_at_its_bound_is_told(fit: Fit) -> None:
    options = {"c": 0.5, "c_min": 0.499, "c_max": 0.501, "learnable_c": True, "lr": 1e-2}
    with pytest.warns(UserWarning, match=r"bound of \(0\.499, 0\.501\)"):
        result = fit(**options)
    assert result.curvature["c_at_bound"] == result.history[-1]["c_at_bound"] == 1.0
    assert min(abs(result.curvature["c"] - bound) for bound in (0.499, 0.501)) < 1e-12


def test_every_factor_of_a_product_tells_its_curvature(fit: Fit) -> None:
    result = fit(geometry="lorentz(4) x sphere(2) x poincare(2, c=0.3)", learnable_c=True, epochs=1)
    assert list(result.curvature) == ["c1", "c1_at_bound", "c3", "c3_at_bound"]
    assert result.curvature["c1"] == pytest.approx(1.0, rel=0.1)
    assert result.curvature["c3"] == pytest.approx(0.3, rel=0.1)


# ------------------------------------------------------------------------------- bad input


def test_one_class_only(fit: Fit, data: ImageSet, tree: Taxonomy) -> None:
    one = data.subset((data.labels == tree.id_of("r2")).nonzero().squeeze(1))
    with pytest.raises(
        DataError, match="one class only in the train split: all 24 images are 'r2'"
    ):
        fit(data=one)


def test_nothing_to_train_or_test_on(fit: Fit, data: ImageSet) -> None:
    with pytest.raises(DataError, match="no images to train on"):
        fit(data=data.subset("test"))
    with pytest.raises(DataError, match="no images in the test split"):
        fit(data=data.subset("train"))


def test_labels_of_another_taxonomy(fit: Fit, data: ImageSet) -> None:
    with pytest.raises(DataError, match="but the taxonomy has 9 nodes"):
        fit(data=replace(data, labels=data.labels + 6))


def test_a_batch_without_positives(fit: Fit, data: ImageSet, tree: Taxonomy) -> None:
    """Two images a step, nearly always of two classes: the two views are the positives."""
    few = data.subset(torch.cat([data.indices("train")[::12], data.indices("test")]))
    assert np.isfinite(fit(data=few, batch_size=2, epochs=1, loss="hwc").history[0]["loss"])


def test_a_loss_that_is_not_finite_stops_the_run(
    fit: Fit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken(nn.Module):
        calls = 0

        def forward(self, points: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            Broken.calls += 1
            return points.sum() * (float("nan") if Broken.calls == 4 else 1.0)

    monkeypatch.setattr("hyperhier.training.loop.make_loss", lambda *a, **k: Broken())
    with pytest.raises(RunError, match=r"the loss is nan in epoch 2, step 2: .*lr \(now 0.002\)"):
        fit(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hwc+nothing"}, "unknown loss 'nothing'"),
        ({"loss_options": {"temprature": 1.0}}, "temprature"),
        ({"geometry": "torus"}, "torus"),
        ({"epoch": 3}, "unknown option 'epoch'"),
    ],
)
def test_bad_options(fit: Fit, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(out=tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []
