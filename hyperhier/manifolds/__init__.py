"""Geometries: one contract, :class:`Manifold`, and its implementations."""

from hyperhier.manifolds._curvature import C_MAX, C_MIN
from hyperhier.manifolds._learned import learned_curvature
from hyperhier.manifolds._names import available_manifolds, get_manifold
from hyperhier.manifolds.base import Manifold
from hyperhier.manifolds.euclidean import Euclidean
from hyperhier.manifolds.interop import as_manifold
from hyperhier.manifolds.isometry import Isometry
from hyperhier.manifolds.lorentz import Lorentz
from hyperhier.manifolds.poincare import PoincareBall
from hyperhier.manifolds.polar import Polar
from hyperhier.manifolds.product import Product
from hyperhier.manifolds.sphere import Sphere

__all__ = [
    "C_MAX",
    "C_MIN",
    "Euclidean",
    "Isometry",
    "Lorentz",
    "Manifold",
    "PoincareBall",
    "Polar",
    "Product",
    "Sphere",
    "as_manifold",
    "available_manifolds",
    "get_manifold",
    "learned_curvature",
]
