"""What all batch samplers have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from hyperhier.data import GroupSampler, HierarchicalSampler, HMLCSampler, NestedSampler
from hyperhier.data.samplers._base import SeededBatchSampler
from hyperhier.taxonomy import Taxonomy

Make = Callable[..., SeededBatchSampler]

TREE = Taxonomy.from_paths(
    [("r", "a", "a1"), ("r", "a", "a2"), ("r", "a", "a3"), ("r", "b", "b1"), ("r", "b", "b2")]
)
LABELS = torch.randint(5, (200,), generator=torch.Generator().manual_seed(0))
NODES = TREE.leaf_ids[LABELS]
GROUPS = torch.arange(200) // 7


def hierarchical(**options: Any) -> SeededBatchSampler:
    return HierarchicalSampler(NODES, TREE, classes=4, per_class=3, **options)


def grouped(**options: Any) -> SeededBatchSampler:
    return GroupSampler(LABELS, GROUPS, classes=3, per_class=4, **options)


def hmlc(**options: Any) -> SeededBatchSampler:
    return HMLCSampler(NODES, TREE, batch_size=12, **options)


def nested(**options: Any) -> SeededBatchSampler:
    paths = torch.stack((GROUPS, LABELS), dim=1)
    return NestedSampler(paths, groups=2, **options)


ALL = pytest.mark.parametrize("make", [hierarchical, grouped, hmlc, nested])


@ALL
def test_an_epoch_follows_from_seed_and_epoch_alone(make: Make) -> None:
    sampler = make(seed=3)
    first = list(sampler)
    assert list(sampler) == first == list(make(seed=3))
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(make(seed=4)) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


@ALL
def test_length_is_the_number_of_batches(make: Make) -> None:
    sampler = make()
    batches = list(sampler)
    assert len(batches) == len(sampler) > 3
    assert all(isinstance(i, int) and 0 <= i < 200 for batch in batches for i in batch)


@ALL
@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_the_batches_of_one_process(make: Make, world_size: int) -> None:
    together = list(make())
    ranks = [list(make(rank=r, world_size=world_size)) for r in range(world_size)]
    assert len({len(batches) for batches in ranks}) == 1
    dealt = [ranks[i % world_size][i // world_size] for i in range(world_size * len(ranks[0]))]
    assert dealt == together[: len(dealt)]
    assert len(together) - len(dealt) < world_size


@ALL
def test_the_place_in_a_distributed_run_is_found(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda *_: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda *_: 2)
    found = make()
    assert (found.rank, found.world_size) == (1, 2)
    assert list(found) == list(make(rank=1, world_size=2))


@ALL
def test_a_data_loader_takes_it(make: Make) -> None:
    loader = DataLoader(TensorDataset(torch.arange(200)), batch_sampler=make(batches=4))
    assert [part[0].tolist() for part in loader] == list(make(batches=4))


@ALL
def test_bad_places_and_numbers(make: Make) -> None:
    with pytest.raises(ValueError, match="go together"):
        make(rank=0)
    with pytest.raises(ValueError, match=r"rank must be in \[0, world_size\), got 2 of 2"):
        make(rank=2, world_size=2)
    with pytest.raises(ValueError, match="2 batches, expected at least one for each of 3 ranks"):
        make(batches=2, rank=0, world_size=3)
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        make(seed=-1)
    with pytest.raises(ValueError, match="epoch must not be negative, got -2"):
        make().set_epoch(-2)


@ALL
def test_the_global_random_state_is_left_alone(make: Make) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    list(make())
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpy_before  # noqa: NPY002


@pytest.mark.parametrize("labels", [torch.empty(0, dtype=torch.long), []])
def test_no_samples(labels: Any) -> None:
    for make in (
        lambda: HierarchicalSampler(labels, TREE),
        lambda: GroupSampler(labels, []),
        lambda: HMLCSampler(labels, TREE),
        lambda: NestedSampler(labels, TREE, groups=1),
    ):
        with pytest.raises(ValueError, match="no samples"):
            make()


def test_labels_of_a_wrong_kind() -> None:
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        GroupSampler([0.5, float("nan")], [0, 0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"labels must be \(N,\), got \(1, 2\)"):
        GroupSampler(torch.zeros(1, 2, dtype=torch.long), [0])
    with pytest.raises(ValueError, match="groups must name one for each of 2 samples"):
        GroupSampler([0, 1], ["p"])
