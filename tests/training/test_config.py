"""Options of a run."""

from __future__ import annotations

import json

import pytest

from hyperhier.errors import RunError
from hyperhier.training import TrainConfig


def test_json_round_trip() -> None:
    config = TrainConfig(
        geometry="sphere",
        loss_options={"temperature": 0.1},
        clip=None,
        grad_clip=None,
        balance=True,
    )
    assert TrainConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["balance"] == 1.0


def test_replace_checks_again() -> None:
    assert TrainConfig().replace(epochs=7).epochs == 7
    with pytest.raises(RunError, match="epochs"):
        TrainConfig().replace(epochs=0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", True),
        ("batch_size", 1),
        ("dim", -1),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", "fast"),
        ("c", -1.0),
        ("c_min", 0.0),
        ("c_max", float("inf")),
        ("clip", 0.0),
        ("clip", "automatic"),
        ("scale", float("inf")),
        ("balance", 1.5),
        ("crop", 0.0),
        ("warmup", -1),
        ("grad_clip", 0),
        ("start_radius", 0.0),
        ("flip", "diagonal"),
        ("select", "first"),
        ("geometry", ""),
        ("encoder", 3),
        ("seed", -1),
        ("monitor", -1),
        ("loss_options", {"f": print}),
    ],
)
def test_bad_values_are_named(option: str, value: object) -> None:
    with pytest.raises(RunError, match=option):
        TrainConfig.from_dict({option: value})


def test_a_learned_curvature_starts_within_its_bounds() -> None:
    with pytest.raises(RunError, match=r"c must be a number >= 0\.5 and <= 2, got 3\.0"):
        TrainConfig(c=3.0, learnable_c=True, c_min=0.5, c_max=2.0)
    assert TrainConfig(c=3.0, c_min=0.5, c_max=2.0).c == 3.0  # a fixed one has no bounds


def test_unknown_options_are_named() -> None:
    with pytest.raises(RunError, match=r"unknown option 'epoch'; known: .*epochs"):
        TrainConfig.from_dict({"epoch": 3})


def test_selecting_the_best_needs_something_to_look_at() -> None:
    with pytest.raises(RunError, match="monitor"):
        TrainConfig(select="best", monitor=0)
