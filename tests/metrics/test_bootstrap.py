"""The bootstrap over groups: by weights and by calling, and its coverage."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from hyperhier.manifolds import get_manifold
from hyperhier.metrics import (
    accuracy,
    accuracy_at_level,
    balanced_accuracy,
    bootstrap_difference,
    bootstrap_interval,
    h_acc,
    hf1,
    hierarchical_distance_at_k,
    mistake_severity,
    node_centroids,
    pc_order,
    pdv,
)

METRICS = [
    accuracy,
    balanced_accuracy,
    (hf1, {}),
    (hf1, {"average": "macro"}),
    (hf1, {"average": "samples"}),
    (h_acc, {"weights": "exp"}),
    (mistake_severity, {}),
    (accuracy_at_level, {"level": 1}),
    (accuracy_at_level, {"level": 1, "balanced": True}),
]


@pytest.mark.parametrize("case", METRICS)
@pytest.mark.parametrize("grouped", [False, True])
def test_reweighing_sums_is_calling_the_metric_on_every_resample(
    make_taxonomy, case, grouped
) -> None:
    tax = make_taxonomy(2, 13, 5)
    g = torch.Generator().manual_seed(0)
    pred, target = tax.leaf_ids[torch.randint(len(tax.leaf_ids), (2, 40), generator=g)]
    groups = torch.randint(9, (40,), generator=g) if grouped else None
    metric = partial(case[0], taxonomy=tax, **case[1]) if isinstance(case, tuple) else case
    fast = bootstrap_interval(metric, pred, target, groups=groups, n=60, seed=3)
    slow = bootstrap_interval(lambda p, t: metric(p, t), pred, target, groups=groups, n=60, seed=3)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)
    assert fast.value == slow.value == metric(pred, target)


@pytest.mark.parametrize("metric", [pc_order, pdv])
def test_metrics_of_points_and_of_ranked_guesses_are_resampled_too(uniform_tree, metric) -> None:
    tax = uniform_tree((3, 2))
    manifold = get_manifold("lorentz")
    points = manifold.from_features(torch.randn(30, 3))
    labels = tax.leaf_ids.repeat(5)
    ids, centres = node_centroids(points.flip(0), labels, tax, manifold)
    chosen = partial(
        metric, prototype_ids=ids, prototypes=centres, taxonomy=tax, manifold=manifold, level=1
    )
    groups = torch.arange(30) // 3
    fast = bootstrap_interval(chosen, points, labels, groups=groups, n=30)
    slow = bootstrap_interval(lambda z, y: chosen(z, y), points, labels, groups=groups, n=30)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)

    ranked = torch.stack([tax.leaf_ids[torch.randperm(6)] for _ in range(30)])
    at_k = partial(hierarchical_distance_at_k, taxonomy=tax, k=2)
    fast = bootstrap_interval(at_k, ranked, labels, n=30)
    slow = bootstrap_interval(lambda r, y: at_k(r, y), ranked, labels, n=30)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)


def test_names_and_numbers_of_groups_are_the_same() -> None:
    pred, target = torch.randint(3, (2, 12))
    names = ["ann", "bob", "cid", "dan"] * 3
    numbers = torch.tensor([7, 8, 9, 10] * 3)
    by_number = bootstrap_interval(accuracy, pred, target, groups=numbers)
    assert bootstrap_interval(accuracy, pred, target, groups=names) == by_number
    assert bootstrap_interval(accuracy, pred, target, groups=np.array(names)) == by_number
    assert bootstrap_interval(accuracy, pred, target, groups=numbers.tolist()) == by_number


def test_repeated_measurements_do_not_narrow_the_interval_of_their_groups() -> None:
    g = torch.Generator().manual_seed(1)
    target = torch.ones(50, dtype=torch.int64)
    pred = torch.randint(2, (50,), generator=g)
    single = bootstrap_interval(accuracy, pred, target)
    many = (pred.repeat_interleave(20), target.repeat_interleave(20))
    patients = torch.arange(50).repeat_interleave(20)
    grouped = bootstrap_interval(accuracy, *many, groups=patients)
    naive = bootstrap_interval(accuracy, *many)
    assert (grouped.low, grouped.high) == pytest.approx((single.low, single.high))
    assert naive.high - naive.low < 0.5 * (grouped.high - grouped.low)


def test_the_interval_covers_as_often_as_it_says() -> None:
    g = torch.Generator().manual_seed(2)
    hits = 0
    for trial in range(150):
        chance = torch.rand(60, generator=g).repeat_interleave(4)  # mean 0.5, by patient
        pred = (torch.rand(240, generator=g) < chance).long()
        groups = torch.arange(240) // 4
        interval = bootstrap_interval(
            accuracy, pred, torch.ones_like(pred), groups=groups, n=200, seed=trial, level=0.9
        )
        hits += not interval.excludes(0.5)
    assert 0.82 <= hits / 150 <= 0.97


def test_a_difference_of_paired_predictions_is_narrower_than_the_parts() -> None:
    g = torch.Generator().manual_seed(3)
    target = torch.zeros(200, dtype=torch.int64)
    first = torch.randint(2, (200,), generator=g)
    second = first.clone()
    second[first.argmin()] = 1  # one more mistake
    apart = bootstrap_difference(accuracy, first, second, target)
    assert apart.value == pytest.approx(1 / 200)
    single = bootstrap_interval(accuracy, first, target)
    assert apart.high - apart.low < 0.2 * (single.high - single.low)
    assert not apart.excludes(0.0)
    none = bootstrap_difference(accuracy, first, first, target)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    assert bootstrap_difference(accuracy, 0 * first, first, target).excludes(0.0)


def test_one_group_leaves_nothing_to_draw() -> None:
    pred, target = torch.tensor([1, 2, 3]), torch.tensor([1, 2, 2])
    interval = bootstrap_interval(accuracy, pred, target, groups=torch.zeros(3))
    assert interval.low == interval.value == interval.high == pytest.approx(2 / 3)


def test_bad_input_is_named() -> None:
    ids = torch.tensor([1, 2])
    with pytest.raises(ValueError, match="target is empty"):
        bootstrap_interval(accuracy, ids[:0], ids[:0])
    with pytest.raises(ValueError, match="pred has 1 rows, target has 2"):
        bootstrap_interval(accuracy, ids[:1], ids)
    with pytest.raises(ValueError, match="groups has 3 entries, target has 2"):
        bootstrap_interval(accuracy, ids, ids, groups=["a", "b", "c"])
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        bootstrap_interval(accuracy, ids, ids, n=0)
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 95"):
        bootstrap_interval(accuracy, ids, ids, level=95)
    with pytest.raises(ValueError, match="pred has 1 rows, target has 2"):
        bootstrap_difference(accuracy, ids, ids[:1], ids)
