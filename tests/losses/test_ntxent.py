"""NT-Xent against the formula of Chen et al. 2020 and against a peer."""

from __future__ import annotations

import math

import pytest
import torch

from hyperhier.losses import NTXentLoss
from hyperhier.losses.functional import ntxent_loss
from hyperhier.manifolds import Euclidean, Lorentz, Sphere


def test_equals_the_paper(points):
    z = points(Euclidean(), 5, 2)
    tau = 0.3
    rows = [v for sample in z for v in sample]  # views 2k and 2k + 1 belong together
    cosine = [[float(a @ b / (a.norm() * b.norm())) for b in rows] for a in rows]

    def pair(i: int, j: int) -> float:
        total = sum(math.exp(cosine[i][k] / tau) for k in range(len(rows)) if k != i)
        return -math.log(math.exp(cosine[i][j] / tau) / total)

    expected = sum(pair(2 * k, 2 * k + 1) + pair(2 * k + 1, 2 * k) for k in range(5)) / 10
    got = NTXentLoss(manifold=Euclidean(), temperature=tau)(z)
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_labels_name_the_sample(manifold, points):
    z = points(manifold, 4, 3)
    flat = ntxent_loss(z.flatten(0, 1), torch.arange(4).repeat_interleave(3), manifold=manifold)
    torch.testing.assert_close(ntxent_loss(z, manifold=manifold), flat)


def test_labels_of_views_are_not_read(points):
    z = points(Sphere(), 4, 2)
    loss = NTXentLoss(manifold=Sphere())
    torch.testing.assert_close(loss(z, torch.zeros(4, dtype=torch.long)), loss(z))


def test_reference_rows_are_the_other_views(points):
    m = Lorentz()
    z, other = points(m, 5), points(m, 5, seed=1)
    by_row = ntxent_loss(z, manifold=m, ref_emb=other)
    ids = torch.arange(5)
    torch.testing.assert_close(
        by_row, ntxent_loss(z, ids, manifold=m, ref_emb=other, ref_labels=ids)
    )
    with pytest.raises(ValueError, match="expected 5 rows, got 4"):
        ntxent_loss(z, manifold=m, ref_emb=other[:4])


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_single_views_without_labels_are_refused(points, shape):
    with pytest.raises(ValueError, match=r"V >= 2, got \(B, V\) = \(5, 1\)"):
        ntxent_loss(points(Euclidean(), *shape), manifold=Euclidean())


def test_functional_twin(manifold, points):
    z = points(manifold, 4, 2)
    for options in ({}, {"temperature": 0.4}, {"similarity": "distance", "reduction": "none"}):
        torch.testing.assert_close(
            NTXentLoss(manifold=manifold, **options)(z),
            ntxent_loss(z, manifold=manifold, **options),
            rtol=0,
            atol=0,
        )


def test_equals_pytorch_metric_learning_for_two_views(points):
    try:
        from pytorch_metric_learning import losses
    except Exception as problem:
        pytest.skip(f"pytorch-metric-learning cannot be imported: {problem}")
    z = points(Euclidean(), 6, 2)
    peer = losses.NTXentLoss(temperature=0.2)(z.flatten(0, 1), torch.arange(6).repeat_interleave(2))
    ours = ntxent_loss(z, manifold=Euclidean(), temperature=0.2)
    torch.testing.assert_close(ours, peer, rtol=1e-10, atol=0)
