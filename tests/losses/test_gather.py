"""Prototypes of a distributed run: every rank takes in the batch of all ranks."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import distributed

from hyperhier.losses import LAMLoss, SupConLoss
from hyperhier.losses._gather import gather_batch
from hyperhier.manifolds import Lorentz
from hyperhier.taxonomy import Taxonomy
from hyperhier.testing.processes import on_ranks

PATHS = [("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")]
NAMES = ["a1", "a2", "a1", "b1", "b1"]
SPLIT = (slice(0, 3), slice(3, 5))  # batches of unequal length


def batch():
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Lorentz().from_features(z), Taxonomy.from_paths(PATHS).encode(NAMES)


def worker(rank: int):
    z, labels = batch()
    loss = LAMLoss(Taxonomy.from_paths(PATHS), manifold=Lorentz())
    loss(z[SPLIT[rank]], labels[SPLIT[rank]])
    loss(z[:0] if rank else z, labels[:0] if rank else labels)  # one rank may have nothing
    ids, points = loss.prototypes()
    remembered = SupConLoss(manifold=Lorentz(), memory=4)
    remembered(z[SPLIT[rank]], labels[SPLIT[rank]])
    return ids.tolist(), points.tolist(), remembered.memory.points.tolist()


@pytest.mark.skipif(sys.platform == "win32", reason="gloo rendezvous differs")
def test_two_processes_hold_the_prototypes_and_the_memory_of_one():
    if not distributed.is_gloo_available():
        pytest.skip("this build of torch has no gloo")
    got = on_ranks(worker)
    assert got[0] == got[1]  # to the last bit

    z, labels = batch()
    single = LAMLoss(Taxonomy.from_paths(PATHS), manifold=Lorentz())
    single(z, labels)
    single(z, labels)
    ids, points = single.prototypes()
    assert got[0][0] == ids.tolist()
    torch.testing.assert_close(torch.tensor(got[0][1], dtype=torch.float64), points)
    torch.testing.assert_close(torch.tensor(got[0][2], dtype=torch.float64), z[:4])


def test_outside_a_distributed_run_it_is_the_batch():
    z, labels = batch()
    points, ids = gather_batch(z.requires_grad_(), labels)
    assert not points.requires_grad
    torch.testing.assert_close(points, z.detach())
    torch.testing.assert_close(ids, labels)
