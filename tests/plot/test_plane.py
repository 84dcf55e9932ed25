"""Projection to the plane: exact where it can be, an isometry before it loses anything."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hyperhier.manifolds import Manifold, get_manifold
from hyperhier.plot._plane import geodesics, project


def tangent(n: int, d: int, scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=generator, dtype=torch.float64)


def disk_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    gap = ((x - y) ** 2).sum(-1)
    return np.arccosh(1 + 2 * gap / ((1 - (x**2).sum(-1)) * (1 - (y**2).sum(-1))))


@pytest.mark.parametrize("name", ["poincare", "lorentz"])
@pytest.mark.parametrize("c", [0.1, 1.0, 5.0])
def test_two_features_are_drawn_as_they_are(name: str, c: float) -> None:
    manifold = get_manifold(name, c=c)
    x = manifold.from_features(tangent(40, 2) / math.sqrt(c))
    plane = project(x, manifold)
    assert plane.disk
    assert "×" not in plane.note
    ours = manifold.dist(x[1:], x[:-1]).numpy() * math.sqrt(c)
    np.testing.assert_allclose(disk_distance(plane.points[1:], plane.points[:-1]), ours, rtol=1e-9)


@pytest.mark.parametrize("name", ["poincare", "lorentz"])
@pytest.mark.parametrize("c", [0.25, 1.0, 4.0])
def test_points_of_a_plane_through_the_centre_keep_their_distances(name: str, c: float) -> None:
    """A 2-D hyperbolic plane inside a 6-D space loses nothing on the way to the disk."""
    manifold = get_manifold(name, c=c)
    features = torch.zeros(60, 6, dtype=torch.float64)
    features[:, [1, 4]] = (tangent(60, 2) + torch.tensor([1.5, 0.5])) / math.sqrt(c)
    x = manifold.from_features(features)
    plane = project(x, manifold)
    ours = manifold.dist(x[1:], x[:-1]).numpy() * math.sqrt(c)
    np.testing.assert_allclose(disk_distance(plane.points[1:], plane.points[:-1]), ours, rtol=1e-7)
    assert "100% of variance" in plane.note


@pytest.mark.parametrize("name", ["poincare", "lorentz"])
def test_the_centre_asked_for_is_drawn_in_the_middle(name: str) -> None:
    manifold = get_manifold(name)
    x = manifold.from_features(tangent(30, 5))
    plane = project(x, manifold, x[7])
    np.testing.assert_allclose(plane.points[7], 0.0, atol=1e-12)


def test_radii_that_cannot_be_read_are_rescaled_and_the_note_says_so() -> None:
    manifold = get_manifold("lorentz")
    far = manifold.from_features(tangent(50, 2, scale=9.0))
    near = manifold.from_features(tangent(50, 2, scale=0.01))
    for x in (far, near):
        plane = project(x, manifold)
        assert "radii ×" in plane.note
        radius = np.linalg.norm(plane.points, axis=-1)
        assert (radius < 1).all()
        assert 0.85 < np.quantile(radius, 0.95) < 0.95


@pytest.mark.parametrize("name", ["euclidean", "sphere"])
def test_elsewhere_the_two_principal_axes(name: str) -> None:
    manifold = get_manifold(name)
    features = tangent(200, 8)
    features[:, 3] *= 9
    features[:, 5] *= 5
    x = manifold.from_features(features)
    plane = project(x, manifold)
    assert not plane.disk
    first, second = plane.points.T
    assert abs(np.corrcoef(first, manifold.to_features(x)[:, 3])[0, 1]) > 0.9
    assert abs(np.corrcoef(first, second)[0, 1]) < 1e-9


@pytest.mark.parametrize("name", ["euclidean", "sphere", "poincare", "lorentz"])
@pytest.mark.parametrize("n", [1, 2])
def test_very_few_points(name: str, n: int) -> None:
    manifold = get_manifold(name)
    for x in (
        manifold.from_features(tangent(n, 5)),
        manifold.from_features(tangent(1, 5)).expand(n, -1),
    ):
        plane = project(x, manifold)
        assert plane.points.shape == (n, 2)
        assert np.isfinite(plane.points).all()


def test_a_manifold_of_another_library_is_drawn_through_the_contract() -> None:
    class Named(type(get_manifold("lorentz"))):  # type: ignore[misc]
        """A geometry that the plots have never heard of."""

        name = "other"

    manifold: Manifold = Named()
    assert project(manifold.from_features(tangent(5, 3)), manifold).disk


def test_geodesics_of_the_disk_meet_the_rim_at_right_angles() -> None:
    """Every arc lies on a circle orthogonal to the unit circle: |centre|^2 = 1 + r^2."""
    generator = np.random.default_rng(0)
    a, b = generator.uniform(-0.6, 0.6, (2, 20, 2))
    lines = geodesics(a, b, disk=True)
    np.testing.assert_allclose(lines[:, 0], a, atol=1e-12)
    np.testing.assert_allclose(lines[:, -1], b, atol=1e-12)
    for line in lines:
        # a circle |p|^2 - 2 p.m + 1 = 0 has the centre m, and is orthogonal to the rim
        m, *_ = np.linalg.lstsq(2 * line, (line**2).sum(1) + 1, rcond=None)
        np.testing.assert_allclose(2 * line @ m, (line**2).sum(1) + 1, atol=1e-8)
    # equal steps of the parameter are equal steps of hyperbolic length
    steps = disk_distance(lines[:, 1:], lines[:, :-1])
    np.testing.assert_allclose(steps, steps[:, :1].repeat(steps.shape[1], 1), rtol=1e-6)


def test_geodesics_elsewhere_are_straight_and_a_point_is_its_own() -> None:
    a, b = np.array([[0.0, 0.0], [0.3, 0.1]]), np.array([[2.0, 1.0], [0.3, 0.1]])
    straight = geodesics(a, b, disk=False, steps=3)
    np.testing.assert_allclose(straight[0, 1], [1.0, 0.5])
    np.testing.assert_allclose(geodesics(a[1:], b[1:], disk=True)[0], np.tile(a[1], (24, 1)))


@pytest.mark.parametrize("name", ["poincare", "lorentz"])
def test_a_manifold_with_a_learnable_curvature_is_drawn(name: str) -> None:
    manifold = get_manifold(name, c=0.7, learnable=True)
    points = manifold.from_features(torch.tensor([[0.1, 0.2], [0.3, -0.4]]))
    assert points.requires_grad
    assert project(points, manifold).points.shape == (2, 2)
