"""Batches."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhier.training import epoch_batches

LABELS = torch.tensor([3] * 670 + [5] * 300 + [9] * 30)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_balance_it_is_a_permutation() -> None:
    batches = epoch_batches(LABELS, 100, seeded())
    assert sorted(torch.cat(batches).tolist()) == list(range(1000))


@pytest.mark.parametrize(("balance", "share"), [(0.5, 0.1129), (1.0, 1 / 3)])
def test_the_share_of_a_rare_class(balance: float, share: float) -> None:
    batches = epoch_batches(LABELS, 100, seeded(), balance)
    counts = [int((LABELS[b] == 9).sum()) for b in batches]
    assert sum(counts) / 1000 == pytest.approx(share, abs=0.002)
    assert max(counts) - min(counts) <= 2  # and so in every batch


def test_rare_images_are_repeated_equally_often() -> None:
    drawn = torch.cat(epoch_batches(LABELS, 100, seeded(), 1.0))
    times = torch.bincount(drawn, minlength=1000)[LABELS == 9]
    assert times.max() - times.min() <= 1 and times.min() >= 10


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(2, 20),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_number_and_size_of_batches(labels: list[int], size: int, balance: float) -> None:
    batches = epoch_batches(torch.tensor(labels), size, seeded(), balance)
    assert len(batches) == max(1, len(labels) // size)
    assert all(len(b) == min(size, len(labels)) for b in batches)


def test_seeded() -> None:
    one, same, other = (torch.cat(epoch_batches(LABELS, 50, seeded(s), 0.5)) for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_balance_out_of_range() -> None:
    with pytest.raises(ValueError, match="balance"):
        epoch_batches(LABELS, 10, seeded(), 2.0)


class TestSamplerOfTheCaller:
    def test_its_batches_are_trained_on(self, tree, data):
        from hyperhier.data import HierarchicalSampler
        from hyperhier.training import train

        labels = data.subset("train").labels
        sampler = HierarchicalSampler(labels, tree, classes=4, per_class=2)
        events = []
        options = {"epochs": 2, "dim": 4, "width": 4, "monitor": 0, "pictures": False}
        train(data, tree, sampler=sampler, progress=events.append, **options)
        assert {event.steps for event in events} == {len(sampler)}

    def test_positions_that_are_no_images_are_named(self, tree, data):
        from hyperhier.errors import RunError
        from hyperhier.training import train

        class Wrong:
            def set_epoch(self, epoch):
                pass

            def __iter__(self):
                return iter([[0, 10_000]])

            def __len__(self):
                return 1

        with pytest.raises(RunError, match="the sampler gave"):
            train(data, tree, sampler=Wrong(), epochs=1, dim=4, width=4, pictures=False)
