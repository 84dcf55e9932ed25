"""Modules that hold points of a manifold or send features to one."""

from hyperhier.nn._registry import manifold_of as manifold_of
from hyperhier.nn.parameter import ManifoldParameter as ManifoldParameter
from hyperhier.nn.to_manifold import ToManifold as ToManifold

__all__ = ["ManifoldParameter", "ToManifold", "manifold_of"]
