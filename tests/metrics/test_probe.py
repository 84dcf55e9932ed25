"""The linear probe against scikit-learn, and its place beside other predictions."""

from __future__ import annotations

import warnings

import pytest
import torch

from hyperhier.manifolds import Lorentz, PoincareBall, get_manifold
from hyperhier.metrics import hierarchical_distance_at_k, linear_probe


def blobs(n: int = 90, classes: int = 3, seed: int = 0):
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=g)
    centres = 1.5 * torch.randn(classes, 4, generator=g, dtype=torch.float64)
    return centres[labels] + torch.randn(n, 4, generator=g, dtype=torch.float64), 10 + labels


@pytest.mark.parametrize("balanced", [False, True])
def test_it_is_the_regression_of_scikit_learn(balanced) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    points, labels = blobs()
    labels[:40] = 10  # uneven classes
    probe = linear_probe(points, labels, get_manifold("euclidean"), l2=0.02, balanced=balanced)
    features = ((points - points.mean(0)) / points.std(0, correction=0)).numpy()
    theirs = linear_model.LogisticRegression(
        C=1 / (0.02 * len(points)), tol=1e-10, max_iter=10000,
        class_weight="balanced" if balanced else None,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs.fit(features, labels.numpy())
    expected = torch.from_numpy(theirs.predict_log_proba(features))
    torch.testing.assert_close(probe.log_probabilities(points), expected, rtol=1e-5, atol=1e-5)
    assert probe.predict(points).tolist() == theirs.predict(features).tolist()


def test_the_two_models_of_hyperbolic_space_are_probed_alike() -> None:
    features, labels = blobs()
    predictions = []
    for manifold in (Lorentz(c=0.5), PoincareBall(c=0.5)):
        points = manifold.from_features(features)
        predictions.append(linear_probe(points, labels, manifold).log_probabilities(points))
    torch.testing.assert_close(*predictions, rtol=1e-6, atol=1e-6)


def test_ranks_start_with_the_prediction_and_feed_distance_at_k(uniform_tree) -> None:
    tax = uniform_tree((2, 2))
    features, labels = blobs(60, 4)
    labels = tax.leaf_ids[labels - 10]
    manifold = get_manifold("sphere")
    points = manifold.from_features(features)
    probe = linear_probe(points, labels, manifold)
    ranked = probe.rank(points)
    assert torch.equal(ranked[:, 0], probe.predict(points))
    assert torch.equal(ranked.sort(dim=1).values, probe.classes.expand(60, -1))
    assert hierarchical_distance_at_k(ranked, labels, tax, 4) == pytest.approx(1.25)


def test_one_class_constant_features_and_half_precision_are_defined() -> None:
    manifold = get_manifold("euclidean")
    points = torch.zeros(4, 2)
    one = linear_probe(points, torch.full((4,), 7), manifold)
    assert one.predict(points).tolist() == [7, 7, 7, 7]
    flat = linear_probe(points, torch.tensor([1, 1, 1, 2]), manifold)
    assert flat.predict(points).tolist() == [1, 1, 1, 1]
    torch.testing.assert_close(
        flat.log_probabilities(points)[0].exp(), torch.tensor([0.75, 0.25]).double()
    )
    features, labels = blobs()
    half = linear_probe(features.half(), labels, manifold)
    whole = linear_probe(features.half().double(), labels, manifold)
    torch.testing.assert_close(half.weight, whole.weight)
    with torch.no_grad():
        torch.testing.assert_close(linear_probe(features.half(), labels, manifold).bias, half.bias)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_rounding_of_a_constant_feature_is_not_blown_up(dtype) -> None:
    g = torch.Generator().manual_seed(0)
    features = 0.5 * torch.randn(60, 2, generator=g, dtype=torch.float64)
    features[:, 1] = 0.3
    labels = (features[:, 0] > 0).long()
    probe = linear_probe(Lorentz().from_features(features).to(dtype), labels, Lorentz())
    features[:, 1] = 0.5
    found = probe.predict(Lorentz().from_features(features).to(dtype))
    assert float((found == labels).double().mean()) > 0.95


def test_what_half_precision_still_tells_apart_is_scaled() -> None:
    manifold, g = get_manifold("euclidean"), torch.Generator().manual_seed(0)
    features = (100.0 + 0.15 * torch.randn(90, 2, generator=g)).half()
    labels = (features.double().sum(dim=1) > 200.0).long()
    half = linear_probe(features, labels, manifold)
    whole = linear_probe(features.double(), labels, manifold)
    torch.testing.assert_close(half.scale, whole.scale)
    torch.testing.assert_close(half.weight, whole.weight)
    step = torch.tensor(100.0).half().nextafter(torch.tensor(101.0).half())
    features[:, 1] = torch.where(torch.arange(90) % 2 == 0, 100.0, step)  # rounding up or down
    assert linear_probe(features, labels, manifold).scale[1] == 1.0


def test_bad_input_is_named() -> None:
    manifold, points = get_manifold("euclidean"), torch.zeros(2, 2)
    labels = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="l2 must be a positive number, got 0"):
        linear_probe(points, labels, manifold, l2=0)
    with pytest.raises(ValueError, match="max_iter must be at least 1"):
        linear_probe(points, labels, manifold, max_iter=0)
    with pytest.raises(ValueError, match="embeddings has 2, labels has 1"):
        linear_probe(points, labels[:1], manifold)
    with pytest.raises(ValueError, match="embeddings is empty"):
        linear_probe(points[:0], labels[:0], manifold)
