"""SupCon against the formula of Khosla et al. 2020 and against a peer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hyperhier.losses import SupConLoss
from hyperhier.losses.functional import supcon_loss
from hyperhier.manifolds import Euclidean, Manifold


def plain_supcon(s: list[list[float]], labels: list[int], tau: float) -> float:
    """L_out, written out: one anchor after the other."""
    per_anchor = []
    for i, y in enumerate(labels):
        others = [a for a in range(len(labels)) if a != i]
        positives = [p for p in others if labels[p] == y]
        if not positives:
            continue
        denominator = sum(math.exp(s[i][a] / tau) for a in others)
        logs = [math.log(math.exp(s[i][p] / tau) / denominator) for p in positives]
        per_anchor.append(-sum(logs) / len(positives))
    return sum(per_anchor) / len(per_anchor)


def similarity(manifold: Manifold, z: Tensor) -> list[list[float]]:
    if manifold.supports_cosine:
        unit = z / z.norm(dim=-1, keepdim=True)
        return (unit @ unit.T).tolist()
    return [[-float(manifold.dist(x, y)) for y in z] for x in z]


@pytest.mark.parametrize("tau", [0.1, 0.7])
def test_equals_the_paper(manifold, points, tau):
    z = points(manifold, 9)
    labels = [4, -1, 4, 7, 4, -1, 30, 4, -1]
    expected = plain_supcon(similarity(manifold, z), labels, tau)
    loss = SupConLoss(manifold=manifold, temperature=tau)
    assert float(loss(z, torch.tensor(labels))) == pytest.approx(expected, rel=1e-12)


def test_views_are_samples_of_the_same_label(manifold, points):
    z = points(manifold, 5, 3)
    labels = torch.tensor([0, 1, 0, 2, 1])
    flat = supcon_loss(z.flatten(0, 1), labels.repeat_interleave(3), manifold=manifold)
    torch.testing.assert_close(supcon_loss(z, labels, manifold=manifold), flat)


def test_functional_twin(manifold, points):
    z, labels = points(manifold, 6), torch.tensor([0, 1, 0, 2, 1, 1])
    for options in ({}, {"temperature": 0.4}, {"similarity": "distance", "reduction": "sum"}):
        torch.testing.assert_close(
            SupConLoss(manifold=manifold, **options)(z, labels),
            supcon_loss(z, labels, manifold=manifold, **options),
            rtol=0,
            atol=0,
        )


def test_default_temperature(manifold, points):
    z, labels = points(manifold, 6), torch.tensor([0, 1, 0, 2, 1, 1])
    tau = 0.1 if manifold.supports_cosine else 0.2
    torch.testing.assert_close(
        supcon_loss(z, labels, manifold=manifold),
        supcon_loss(z, labels, manifold=manifold, temperature=tau),
    )
    distance = supcon_loss(z, labels, manifold=manifold, similarity="distance")
    torch.testing.assert_close(
        distance,
        supcon_loss(z, labels, manifold=manifold, similarity="distance", temperature=0.2),
    )


def test_one_class_only(points):
    z = points(Euclidean(), 4)
    labels = [5, 5, 5, 5]
    expected = plain_supcon(similarity(Euclidean(), z), labels, 0.1)
    got = supcon_loss(z, torch.tensor(labels), manifold=Euclidean())
    assert float(got) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reference", [False, True])
def test_equals_pytorch_metric_learning(points, reference):
    pml = _peer()
    z, labels = points(Euclidean(), 12), torch.tensor([0, 1, 2] * 4)
    extra = {}
    if reference:
        extra = {"ref_emb": points(Euclidean(), 7, seed=1), "ref_labels": torch.arange(7) % 4}
    peer = pml.SupConLoss(temperature=0.1)(z, labels, **extra)
    ours = supcon_loss(z, labels, manifold=Euclidean(), temperature=0.1, **extra)
    torch.testing.assert_close(ours, peer, rtol=1e-10, atol=0)


def test_miner_output_as_in_pytorch_metric_learning(points):
    pml = _peer()
    z, labels = points(Euclidean(), 12), torch.tensor([0, 1, 2] * 4)
    triples = (
        torch.tensor([0, 0, 3, 5, 1]),
        torch.tensor([3, 6, 9, 8, 4]),
        torch.tensor([1, 2, 2, 0, 5]),
    )
    for indices in (triples, (*triples[:2], torch.tensor([0, 5]), torch.tensor([4, 4]))):
        peer = pml.SupConLoss(temperature=0.1)(z, labels, indices_tuple=indices)
        ours = supcon_loss(z, labels, manifold=Euclidean(), temperature=0.1, indices_tuple=indices)
        # the peer leaves anchors whose loss is exactly 0 out of its mean
        both = supcon_loss(
            z,
            labels,
            manifold=Euclidean(),
            temperature=0.1,
            indices_tuple=indices,
            reduction="none",
        )
        torch.testing.assert_close(both.sum() / (both > 0).sum(), peer, rtol=1e-10, atol=0)
        if bool((both > 0).sum() == indices[0].unique().numel()):
            torch.testing.assert_close(ours, peer, rtol=1e-10, atol=0)


def _peer():
    try:
        from pytorch_metric_learning import losses
    except Exception as problem:
        pytest.skip(f"pytorch-metric-learning cannot be imported: {problem}")
    return losses
